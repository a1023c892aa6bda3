"""A Gaussian whose mean and variance are both fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.distances import tv_gaussians
from sim.errors import coordinates, real, whole
from sim.models.model import Array, Metric


class Normal(NamedTuple):
    """N(mean, F Fᵀ): mean of shape (block, d), factor F lower triangular, shape (block, d, d).

    For P itself both lack the block axis. The factor and not the covariance is carried along, so
    that a loop can collapse by hundreds of orders of magnitude without losing positive definiteness.
    """

    mean: Array
    factor: Array


class Moments(NamedTuple):
    """Mean and a factor A of the scatter Σ(x − mean)(x − mean)ᵀ = A Aᵀ of `size` points."""

    size: int | NDArray[np.int64]
    mean: Array
    factor: Array


Normals: TypeAlias = tuple[tuple[float, Normal], ...]  # weight and law of each component


@dataclass(frozen=True)
class Gaussian:
    """N(μ, Σ), both unknown; parameters of a fit are a `Normal`.

    Mean and scatter of a training set are sufficient and are drawn directly: a normal vector and
    Bartlett's factor of a Wishart matrix (on the line: the root of a chi-square).

    Attributes
    ----------
    mean : float or tuple of d floats
        Mean of the real distribution N(mean, sigma²·I).
    sigma : float
        Its standard deviation in every direction, positive.
    d : int
        Dimension. A training set needs at least d + 1 points.
    theta : float
        In (0, 1]: a fitted N(μ, Σ) is sampled as N(μ, theta·Σ) (biased sampling).
    unbiased : bool
        Whether the scatter is divided by size − 1 (else by size).

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    mean: float | Sequence[float] = 0.0
    sigma: float = 1.0
    d: int = 1
    theta: float = 1.0
    unbiased: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", real("sigma", self.sigma, 0, math.inf, open_low=True))
        object.__setattr__(self, "d", whole("d", self.d, 1))
        object.__setattr__(self, "mean", coordinates("mean", self.mean, self.d))
        object.__setattr__(self, "theta", real("theta", self.theta, 0, 1, open_low=True))
        object.__setattr__(self, "unbiased", bool(self.unbiased))

    @property
    def label(self) -> str:
        """Name and parameters."""
        return (
            f"gaussian(mean={self.mean!r}, sigma={self.sigma!r}, d={self.d}, theta={self.theta!r}, "
            f"unbiased={self.unbiased})"
        )

    @property
    def block(self) -> int:
        """Replications computed together: 256 KiB of factors, 2048 at most."""
        return max(16, min(2048, 2**15 // (self.d * self.d)))

    @property
    def least(self) -> int:
        """Smallest training set, d + 1."""
        return self.d + 1

    def target(self) -> Normals:
        """Return the one component of P."""
        return self._real

    def blend(self, mixture: Normals, params: Normal, share: float) -> Normals:
        """Return the components with their new weights; the fitted one is sampled with theta."""
        if share == 0:
            return mixture
        if self.theta < 1:
            params = Normal(params.mean, params.factor * math.sqrt(self.theta))
        rest = tuple((weight * (1 - share), law) for weight, law in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Normals, size: int) -> Moments:
        """Return mean and scatter of `size` draws."""
        if len(mixture) == 1:
            return self._moments(rng, mixture[0][1], size)
        counts = rng.multinomial(size, [weight for weight, _ in mixture], self.block).T.copy()
        parts = [self._moments(rng, law, count) for count, (_, law) in zip(counts, mixture, strict=True)]
        return _union(parts, size)

    def merge(self, first: Moments, second: Moments) -> Moments:
        """Return mean and scatter of the union."""
        return _union([first, second], first.size + second.size)

    def estimate(self, rng: np.random.Generator, batch: Moments) -> Normal:
        """Return mean and covariance factor."""
        divisor = batch.size - 1 if self.unbiased else batch.size
        return Normal(batch.mean, batch.factor * divisor**-0.5)

    def measures(self) -> Mapping[str, Metric]:
        """Return w2_squared, variance, log_variance; on the line also tv, std, mean."""
        common = {
            "w2_squared": Metric(of=self._w2_squared, units="x^2", long_name="W2(P_i, P)^2"),
            "variance": Metric(of=self._variance, units="x^2", long_name="tr Sigma_i / d"),
            "log_variance": Metric(of=self._log_variance, units="1", long_name="log(det Sigma_i / sigma^(2d)) / d"),
        }
        if self.d > 1:
            mean = Metric(
                of=_mean,
                units="x",
                long_name="mu_i",
                dims=("coordinate",),
                shape=(self.d,),
                default=False,
            )
            return {**common, "mean": mean}
        return {
            "tv": Metric(of=self._tv, units="1", long_name="TV(P_i, P)"),
            **common,
            "std": Metric(of=_std, units="x", long_name="sigma_i"),
            "mean": Metric(of=_first_mean, units="x", long_name="mu_i"),
        }

    @cached_property
    def _real(self) -> Normals:
        """P, made once."""
        return ((1.0, Normal(np.asarray(self.mean), self.sigma * np.eye(self.d))),)

    def _moments(self, rng: np.random.Generator, law: Normal, size: int | NDArray[np.int64]) -> Moments:
        """Mean and scatter of `size` draws from one Gaussian; `size` a number or one per replication."""
        per = np.maximum(np.asarray(size), 1)
        noise = rng.standard_normal((self.block, self.d))
        if self.d == 1:
            noise *= law.factor[..., 0]
            scatter = rng.standard_gamma(_halves(size, 1), (self.block, 1))[..., None]
            scatter *= 2
            np.sqrt(scatter, out=scatter)
            scatter *= law.factor
        else:
            noise = np.matmul(law.factor, noise[..., None])[..., 0]
            scatter = law.factor @ _bartlett(rng, self.block, self.d, size)
        noise *= (per if per.ndim == 0 else per[:, None]) ** -0.5
        noise += law.mean
        return Moments(size, noise, scatter)

    def _w2_squared(self, params: Normal, target: Normals | None) -> Array:
        """Bures' formula; tr(Σ₀^½ Σ Σ₀^½)^½ is sigma times the nuclear norm of the factor."""
        gap = params.mean - np.asarray(self.mean, dtype=np.float64)
        gap *= gap
        if self.d == 1:
            spread = np.abs(params.factor[:, 0]) - self.sigma
            spread *= spread
            gap += spread
            return gap[:, 0]
        values = np.linalg.svd(params.factor, compute_uv=False) - self.sigma
        return np.asarray(gap.sum(axis=-1) + (values * values).sum(axis=-1))

    def _variance(self, params: Normal, target: Normals | None) -> Array:
        if self.d == 1:
            return np.asarray(params.factor[:, 0, 0] ** 2)
        return np.asarray(np.einsum("rij,rij->r", params.factor, params.factor) / self.d)

    def _log_variance(self, params: Normal, target: Normals | None) -> Array:
        diagonal = np.abs(np.einsum("rii->ri", params.factor)) / self.sigma
        with np.errstate(divide="ignore"):
            return np.asarray(2 * np.log(diagonal).sum(axis=-1) / self.d)

    def _tv(self, params: Normal, target: Normals | None) -> Array:
        mean = np.asarray(self.mean)[0]
        return tv_gaussians(params.mean[:, 0], np.abs(params.factor[:, 0, 0]), mean, self.sigma)


def _halves(size: int | NDArray[np.int64], d: int) -> Array | float:
    """Half the degrees of freedom of Bartlett's diagonal, (size − j)/2 for j = 1..d, not below 0."""
    if d == 1:
        return max(size - 1, 0) / 2 if isinstance(size, int) else np.maximum(size - 1, 0)[:, None] / 2
    return np.asarray(np.maximum(np.asarray(size)[..., None] - np.arange(1, d + 1), 0) / 2)


def _bartlett(rng: np.random.Generator, block: int, d: int, size: int | NDArray[np.int64]) -> Array:
    """Lower triangular T with T Tᵀ Wishart, identity scale, size − 1 degrees of freedom, 0 or more.

    With k < d degrees of freedom the matrix is singular: column j is zero for j > k. This is the
    triangular factor of a d × k matrix of standard normals.
    """
    T = np.zeros((block, d * d))
    halves, below = np.asarray(_halves(size, d)), _below(d)
    T[:, below] = rng.standard_normal((block, below.size))
    for j, half in enumerate(halves.T):
        T[:, j * (d + 1)] = np.sqrt(2 * rng.standard_gamma(half, block))
    factor = T.reshape(block, d, d)
    return factor if halves.all() else factor * (halves > 0)[..., None, :]


@cache
def _below(d: int) -> NDArray[np.intp]:
    """Places below the diagonal of a flat d × d matrix."""
    rows, columns = np.tril_indices(d, -1)
    return np.asarray(rows * d + columns)


def _union(parts: Sequence[Moments], size: int | NDArray[np.int64]) -> Moments:
    """Mean and scatter of a union of training sets (Chan, Golub & LeVeque), `size` points in all."""
    mean, points = parts[0].mean, _column(parts[0].size)
    gaps = []
    for part in parts[1:]:
        added = _column(part.size)
        share = added / np.maximum(points + added, 1)
        gap = part.mean - mean
        mean = mean + gap * share
        gap *= np.sqrt(points * share)
        gaps.append(gap)
        points = points + added
    if mean.shape[-1] > 1:
        rows = [np.swapaxes(part.factor, 1, 2) for part in parts] + [gap[:, None, :] for gap in gaps]
        return Moments(size, mean, np.swapaxes(np.linalg.qr(np.concatenate(rows, axis=1), mode="r"), 1, 2))
    total = parts[0].factor * parts[0].factor
    for term in (*(part.factor for part in parts[1:]), *(gap[..., None] for gap in gaps)):
        total += term * term
    return Moments(size, mean, np.sqrt(total, out=total))


def _column(size: int | NDArray[np.int64]) -> Array:
    """A size as a number, or one per replication as a column."""
    count = np.asarray(size, dtype=np.float64)
    return count[:, None] if count.ndim else count


def _mean(params: Normal, target: Normals | None) -> Array:
    return params.mean


def _first_mean(params: Normal, target: Normals | None) -> Array:
    return params.mean[:, 0]


def _std(params: Normal, target: Normals | None) -> Array:
    return np.abs(params.factor[:, 0, 0])
