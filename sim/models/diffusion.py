"""A diffusion model with a one-hidden-layer score in the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from sim.data_points import PointCloud
from sim.densities import Array
from sim.densities_mixture import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import GaussianMixture
from sim.diffusion.line_law import OutputLaw, output_law, tv_mixtures
from sim.diffusion.samplers import Sampler, draw
from sim.diffusion.terms import chain_terms, girsanov_terms
from sim.diffusion.training import Noise, checked_noise, train
from sim.errors import SimulationError, real, whole
from sim.models.model import Metric
from sim.tv_samples import tv_lower

Components: TypeAlias = tuple[tuple[float, "Trained | None"], ...]  # weights; None stands for P

_CHAIN = "E KL of the sampler's steps, trained on Q_{i-1}: non_gaussian, variance, mean; error of their sum"
_GIRSANOV = "integral of E|score error|^2, trained on Q_{i-1}: learning, cross, lag; error of their sum"
_ENDS = "TV(Q_t0, Q), TV(Q_T, N), KL(Q_T, N) of Q = Q_{i-1}; sum of the errors"


@dataclass(frozen=True, eq=False)
class Diffusion:
    """Generation i + 1 learns a score from a sample of Q_i, and is the law of the sampler that uses it.

    On the line that law is computed, a mixture of normals, and drawn from directly; TV has no sampling
    error. In higher dimension, or if P is known by points only, the sampler is run and TV is
    estimated from below. Replications are computed one at a time.

    Attributes
    ----------
    law : NormalMixture, GaussianMixture or PointCloud
        The real distribution P.
    features : RandomFeatures
        The hidden layer, the same in all generations and replications.
    sampler : Sampler
        Times, and the chain of steps.
    penalty : float or None
        λ of ridge regression, or
    stop : float or None
        τ of gradient flow; exactly one of the two.
    noise : "exact" or int
        As for `train`; an int if d > 1.
    interval, nodes
        Grid of the law on the line, as for `output_law`.
    draws : int
        Points drawn from the model, and as many from P unless it holds some out, for an estimate of TV.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    law: NormalMixture | GaussianMixture | PointCloud
    features: RandomFeatures
    sampler: Sampler
    penalty: float | None = 1e-4
    stop: float | None = None
    noise: Noise = "exact"
    interval: tuple[float, float] = (-9.0, 9.0)
    nodes: int = 1025
    draws: int = 10_000

    def __post_init__(self) -> None:
        if not isinstance(self.law, NormalMixture | GaussianMixture | PointCloud):
            raise SimulationError("law", self.law, "a NormalMixture, a GaussianMixture or a PointCloud")
        if self.features.d != self.law.d:
            raise SimulationError("features", self.features, f"features in dimension {self.law.d}, that of the law")
        if (self.penalty is None) == (self.stop is None):
            raise SimulationError("stop", self.stop, "None, unless penalty is: exactly one of the two is given")
        whole("draws", self.draws, 16)
        checked_noise(self.noise, self.law.d)
        for name in ("penalty", "stop"):
            if getattr(self, name) is not None:
                real(name, getattr(self, name), 0, math.inf, open_low=True)

    @property
    def label(self) -> str:
        """Real distribution, features, sampler and training."""
        training = f"penalty={self.penalty:g}" if self.penalty is not None else f"stop={self.stop:g}"
        times = np.asarray(self.sampler.times)
        return (
            f"diffusion(P={self.law.label}, {self.features.width} {self.features.activation} features, "
            f"{training}, noise={self.noise}, {self.sampler.kind}, {self.sampler.steps} steps "
            f"from t={times[-1]:g} to {times[0]:g})"
        )

    @property
    def block(self) -> int:
        """Replications computed together, 1."""
        return 1

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    @property
    def exact(self) -> bool:
        """Whether TV to P is computed and not estimated: P a mixture on the line."""
        return isinstance(self.law, NormalMixture)

    def target(self) -> Components:
        """Return the one component of P."""
        return ((1.0, None),)

    def blend(self, mixture: Components, params: Trained, share: float) -> Components:
        """Return the components with their new weights."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), part) for weight, part in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Components, size: int) -> Array:
        """Return `size` points, the number from each component multinomial."""
        weights = np.array([weight for weight, _ in mixture])
        counts = rng.multinomial(size, weights / weights.sum()).tolist()
        parts = [
            part.sample(rng, count) if part else self.law.sample(rng, count)
            for count, (_, part) in zip(counts, mixture, strict=True)
        ]
        return np.concatenate(parts)

    def merge(self, first: Array, second: Array) -> Array:
        """Return the points of both."""
        return np.concatenate([first, second])

    def estimate(self, rng: np.random.Generator, batch: Array) -> Trained:
        """Return the model trained on a batch.

        Raises
        ------
        Diverged
            If its sampler leaves the grid or the finite numbers.
        """
        seed = int(rng.integers(2**63))
        fit = Trained(self, self._fit(batch, seed), seed)
        if self.law.d == 1:
            _ = fit.output  # which raises if it has to
        return fit

    def _fit(self, points: Array, seed: int) -> ScoreNetwork:
        penalties, stops = ((value,) if value is not None else () for value in (self.penalty, self.stop))
        (score,) = train(
            points, self.features, self.sampler.times, penalties=penalties, stops=stops, noise=self.noise, seed=seed
        )
        return score

    def measures(self) -> Mapping[str, Metric]:
        """Return what can be recorded.

        If TV is computed: tv, tv_error; on request the same against Q, one_step_tv(_error), and the terms of
        its bounds, chain_terms, girsanov_terms, end_terms, four numbers each. Else: tv_lower, tv_lower_error.
        """
        if not self.exact:
            estimate = "estimate from below of TV(P_i, P): P(A) - P_i(A) for a set A chosen on other points"
            return {
                "tv_lower": _metric(lambda fit, _: fit.estimate[0], estimate),
                "tv_lower_error": _metric(lambda fit, _: fit.estimate[1], "standard error of tv_lower"),
            }
        error = "bound of the numerical error of TV"
        return {
            "tv": _metric(lambda fit, _: fit.distance[0], "TV(P_i, P)"),
            "tv_error": _metric(lambda fit, _: fit.distance[1], f"{error}(P_i, P)"),
            "one_step_tv": _metric(lambda fit, q: fit.tv(self.mixture(q))[0], "TV(P_i, Q_{i-1})", target=True),
            "one_step_tv_error": _metric(
                lambda fit, q: fit.tv(self.mixture(q))[1], f"{error}(P_i, Q_{{i-1}})", target=True
            ),
            "chain_terms": _metric(self._chain, _CHAIN, target=True, dim="chain_term"),
            "girsanov_terms": _metric(self._girsanov, _GIRSANOV, target=True, dim="girsanov_term"),
            "end_terms": _metric(self._ends, _ENDS, target=True, dim="end_term"),
        }

    def mixture(self, components: Components) -> NormalMixture:
        """Return a mixture of P and fits on the line as one mixture of normals."""
        parts = [(weight, part.output.law if part else self.law) for weight, part in components]
        laws = [(weight, law) for weight, law in parts if isinstance(law, NormalMixture)]
        return NormalMixture(
            np.concatenate([weight * law.weights for weight, law in laws]),
            np.concatenate([law.means for _, law in laws]),
            np.concatenate([law.sigmas for _, law in laws]),
        )

    def _chain(self, fit: Trained, target: Components) -> list[float]:
        terms = chain_terms(self.mixture(target), fit.score, self.sampler)
        return [*(float(part.sum()) for part in (terms.non_gaussian, terms.variance, terms.mean)), terms.error]

    def _girsanov(self, fit: Trained, target: Components) -> list[float]:
        terms = girsanov_terms(self.mixture(target), fit.score, self.sampler.times)
        return [*(float(part.sum()) for part in (terms.learning, terms.cross, terms.lag)), terms.error]

    def _ends(self, fit: Trained, target: Components) -> list[float]:
        ends = end_terms(self.mixture(target), self.sampler.times)
        return [ends.start, ends.end, ends.end_kl, ends.start_error + ends.end_error + ends.end_kl_error]


@dataclass(frozen=True, eq=False)
class Trained:
    """A generation: the learnt score, and the law of its sampler.

    Attributes
    ----------
    model : Diffusion
        Gives the sampler and P.
    score : ScoreNetwork
        What was learnt.
    seed : int
        Of what is estimated from it.
    """

    model: Diffusion
    score: ScoreNetwork
    seed: int

    @cached_property
    def output(self) -> OutputLaw:
        """The law of the sampler, d = 1."""
        return output_law(self.score, self.model.sampler, self.model.interval, self.model.nodes)

    @cached_property
    def distance(self) -> tuple[float, float]:
        """TV to P, and a bound of its error."""
        return self.tv(self.model.mixture(self.model.target()))

    @cached_property
    def estimate(self) -> tuple[float, float]:
        """An estimate from below of TV to P, and its standard error."""
        rng, law = np.random.Generator(np.random.SFC64([self.seed, 1])), self.model.law  # training had [seed]
        real = law.held_out if isinstance(law, PointCloud) else law.sample(rng, self.model.draws)
        return tv_lower(real, self.sample(rng, self.model.draws), seed=int(rng.integers(2**63)))

    def tv(self, q: NormalMixture) -> tuple[float, float]:
        """Return TV to a mixture on the line, and a bound of its error: certified but for the law's own."""
        value, error = tv_mixtures(self.output.law, q)
        return value, error + self.output.error

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """Return independent draws."""
        if self.model.law.d == 1:
            return self.output.law.sample(rng, size)
        return draw(self.score, self.model.sampler, size, rng, self.model.law.d)


def _metric(of: Callable[[Trained, Components], Any], long_name: str, *, target: bool = False, dim: str = "") -> Metric:
    def block(fit: Trained, components: Components) -> Array:
        return np.asarray([of(fit, components)])

    shape = (4,) if dim else ()
    dims = (dim,) if dim else ()
    return Metric(
        of=block, units="1", long_name=long_name, dims=dims, shape=shape, needs_target=target, default=not target
    )
