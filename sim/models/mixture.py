"""A mixture of normal distributions fitted by EM."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from sim.densities_mixture import NormalMixture
from sim.diffusion.laws import GaussianMixture
from sim.errors import SimulationError, real, whole
from sim.models.mixture_distance import tv_line, tv_sampled
from sim.models.mixture_em import Normals, fitted, log_density, normals, sampled, seeded
from sim.models.model import Array, Metric

Start: TypeAlias = Literal["plusplus", "last", "truth"]
Blend: TypeAlias = tuple[tuple[float, "Fit | None"], ...]  # weights; None stands for P


class Sample(NamedTuple):
    """Points, shape (block, m, d), and the last model that some were drawn from."""

    points: Array
    latest: Fit | None


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture per replication, to so many points, in so many iterations; `key` seeds what is estimated."""

    model: MixtureEM
    law: Normals
    size: int
    iterations: NDArray[np.int64]
    key: int

    @cached_property
    def distance(self) -> tuple[Array, Array]:
        """TV to P and its error, each of shape (block,)."""
        return self.model.distance(self, self.model.target(), 0)


@dataclass(frozen=True, eq=False)
class MixtureEM:
    """A mixture of K normal distributions with free covariances, fitted by EM; parameters are a `Fit`.

    The likelihood of such mixtures has no maximum: it grows without end as a component shrinks to a point. So the
    variance of a component along any axis is kept above a floor, which EM respects exactly: an iteration maximises
    its lower bound of the likelihood under this constraint, and the likelihood never falls.

    On the line TV is computed, with a certified error, below 1e-6 unless components are narrow. For d > 1 it is an
    unbiased Monte Carlo estimate in [0, 1], so that its expectation over replications is E TV.

    Attributes
    ----------
    law : NormalMixture or GaussianMixture
        The real distribution P, on the line or in dimension d ≥ 2.
    K : int
        Components of a fit, at least 1.
    start : {"plusplus", "last", "truth"}
        Where EM starts: from K points chosen by k-means++; from the last model that some of the training set was
        drawn from, k-means++ if there is none; from P, which then has K components.
    floor : float
        Least variance of a component along any axis, as a share of the variance of P averaged over the axes.
        Positive.
    iterations : int
        Most iterations of one fit, at least 1.
    tolerance : float
        A fit ends when the mean log-likelihood of its points changes by less, not negative; 0 runs all iterations.
    draws : int
        Real points behind an estimate of the log-likelihood; for d > 1 also draws from either law behind one of TV.
    block : int
        Replications computed together; other blocks are other random numbers.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    law: NormalMixture | GaussianMixture
    K: int
    start: Start = "plusplus"
    floor: float = 1e-4
    iterations: int = 200
    tolerance: float = 1e-6
    draws: int = 256
    block: int = 32

    def __post_init__(self) -> None:
        if not isinstance(self.law, NormalMixture | GaussianMixture):
            raise SimulationError("law", self.law, "a NormalMixture or a GaussianMixture")
        if self.start not in get_args(Start):
            raise SimulationError("start", self.start, "one of " + ", ".join(get_args(Start)))
        for name, least in (("K", 1), ("iterations", 1), ("draws", 2), ("block", 1)):
            object.__setattr__(self, name, whole(name, getattr(self, name), least))
        object.__setattr__(self, "floor", real("floor", self.floor, 0, math.inf, open_low=True))
        object.__setattr__(self, "tolerance", real("tolerance", self.tolerance, 0, math.inf))
        if self.start == "truth" and self.law.weights.size != self.K:
            raise SimulationError("K", self.K, f"{self.law.weights.size}, the components of P, to start from P")

    @property
    def label(self) -> str:
        """Real distribution, number of components and how they are fitted."""
        return (
            f"mixture_em(P={self.law.label}, K={self.K}, start={self.start}, floor={self.floor:g}, "
            f"at most {self.iterations} iterations, tolerance={self.tolerance:g})"
        )

    @property
    def least(self) -> int:
        """Smallest training set, K."""
        return self.K

    @cached_property
    def variance(self) -> float:
        """Variance of P along an axis, averaged over the axes."""
        return float(_variance(self.real)[0])

    @property
    def least_variance(self) -> float:
        """The floor, in the squared unit of the data."""
        return self.floor * self.variance

    @cached_property
    def real(self) -> Normals:
        """P, the same in all replications."""
        law = self.law
        covariances = law.sigmas[:, None, None] ** 2 if isinstance(law, NormalMixture) else law.covariances
        means = law.means.reshape(law.weights.size, law.d)
        one = normals(law.weights, means, covariances, 0.0)
        return Normals(*(np.broadcast_to(part, (self.block, *part.shape)) for part in one))

    def target(self) -> Blend:
        """Return the one component of P."""
        return ((1.0, None),)

    def blend(self, mixture: Blend, params: Fit, share: float) -> Blend:
        """Return the laws with their new weights."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), part) for weight, part in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Blend, size: int) -> Sample:
        """Return `size` points per replication."""
        fits = [part for _, part in mixture if part is not None]
        return Sample(sampled(rng, self.joined(mixture), size), fits[-1] if fits and size else None)

    def merge(self, first: Sample, second: Sample) -> Sample:
        """Return the points of both."""
        return Sample(np.concatenate([first.points, second.points], axis=1), second.latest or first.latest)

    def estimate(self, rng: np.random.Generator, batch: Sample) -> Fit:
        """Return the mixtures fitted to a batch."""
        x, floor, key = batch.points, self.least_variance, int(rng.integers(2**63))
        if self.start == "truth":
            start = self.real
        elif self.start == "last" and batch.latest is not None:
            start = batch.latest.law
        else:
            start = seeded(rng, x, self.K, floor)
        law, used = fitted(x, start, floor, self.iterations, self.tolerance)
        return Fit(self, law, x.shape[1], used, key)

    def measures(self) -> Mapping[str, Metric]:
        """Return tv, tv_error, log_likelihood, variance, collapsed and iterations.

        On request: one_step_tv(_error), the same as tv against Q; weights, means and variances of the components,
        in the order of their means along the first axis.
        """
        line = self.law.d == 1
        error = "bound of the numerical error of" if line else "standard error of the estimate of"
        K, d = ("component", self.K), () if line else (("axis", self.law.d),)
        return {
            "tv": _metric(lambda fit, _: fit.distance[0], "TV(P_i, P)"),
            "tv_error": _metric(lambda fit, _: fit.distance[1], f"{error} TV(P_i, P)"),
            "log_likelihood": _metric(_log_likelihood, "mean of log p_i at real points"),
            "variance": _metric(lambda fit, _: _variance(fit.law), "variance of P_i, averaged over axes", units="x^2"),
            "collapsed": _metric(_collapsed, "components of weight below 1/n, or with a variance at the floor"),
            "iterations": _metric(lambda fit, _: fit.iterations, "iterations of EM"),
            "one_step_tv": _metric(lambda fit, q: self.distance(fit, q, 1)[0], "TV(P_i, Q_{i-1})", target=True),
            "one_step_tv_error": _metric(
                lambda fit, q: self.distance(fit, q, 1)[1], f"{error} TV(P_i, Q_{{i-1}})", target=True
            ),
            "weights": _metric(lambda fit, _: _sorted(fit, fit.law.weights), "weights of the components", (K,)),
            "means": _metric(lambda fit, _: _sorted(fit, fit.law.means), "means of the components", (K, *d), units="x"),
            "variances": _metric(
                lambda fit, _: _sorted(fit, (fit.law.factors**2).sum(axis=3)),
                "variances of the components",
                (K, *d),
                units="x^2",
            ),
        }

    def joined(self, mixture: Blend) -> Normals:
        """Return a mixture of P and fits as one mixture of normal distributions."""
        laws = [(weight, part.law if part else self.real) for weight, part in mixture]
        shared = [law._replace(weights=weight * law.weights) for weight, law in laws]
        return Normals(*(np.concatenate(parts, axis=1) for parts in zip(*shared, strict=True)))

    def distance(self, fit: Fit, mixture: Blend, stream: int) -> tuple[Array, Array]:
        """Return TV between fits and a mixture, and its error, each (block,).

        On the line computed, with a certified bound of the error; for d > 1 an unbiased estimate and its standard
        error, from random numbers that the fit's key and `stream` fix.
        """
        q = self.joined(mixture)
        if self.law.d == 1:
            return tv_line(fit.law, q)
        return tv_sampled(np.random.Generator(np.random.SFC64([fit.key, stream])), fit.law, q, self.draws)


def _variance(law: Normals) -> Array:
    """Variance of every mixture along an axis, averaged over the axes, (R,)."""
    gaps = law.means - np.einsum("rk,rkd->rd", law.weights, law.means)[:, None]
    return np.asarray(np.einsum("rk,rkd->r", law.weights, law.variances + gaps * gaps) / gaps.shape[-1])


def _log_likelihood(fit: Fit, target: Blend | None) -> Array:
    rng = np.random.Generator(np.random.SFC64([fit.key, 2]))  # TV has 0 and 1
    return np.asarray(log_density(fit.law, sampled(rng, fit.model.real, fit.model.draws)).mean(axis=1))


def _collapsed(fit: Fit, target: Blend | None) -> NDArray[np.int64]:
    narrow = (fit.law.variances <= fit.model.least_variance).any(axis=2)
    return np.asarray((narrow | (fit.law.weights * fit.size < 1)).sum(axis=1))


def _sorted(fit: Fit, values: Array) -> Array:
    """Values of the components, (block, K, …), in the order of the first coordinate of their means; d = 1 squeezed."""
    order = np.argsort(fit.law.means[..., 0], axis=1)
    values = np.take_along_axis(values, order.reshape(order.shape + (1,) * (values.ndim - 2)), axis=1)
    return values[..., 0] if values.ndim == 3 and fit.model.law.d == 1 else values


def _metric(
    of: Callable[[Fit, Blend], object],
    long_name: str,
    axes: tuple[tuple[str, int], ...] = (),
    *,
    units: str = "1",
    target: bool = False,
) -> Metric:
    return Metric(
        of=of,
        units=units,
        long_name=long_name,
        dims=tuple(name for name, _ in axes),
        shape=tuple(size for _, size in axes),
        needs_target=target,
        default=not (target or axes),
    )
