"""A Gaussian whose mean is fitted and whose variance is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from sim.distances import tv_gaussian_shift
from sim.errors import coordinates, real, whole
from sim.models.model import Array, Metric


class Means(NamedTuple):
    """Mean of `size` points, shape (block, d)."""

    size: int
    mean: Array


Centres: TypeAlias = tuple[tuple[float, Array], ...]  # weight and mean of each component


@dataclass(frozen=True)
class GaussianMean:
    """N(μ, σ²I) with σ known; parameters of a fit are means, shape (block, d).

    The mean of the training set is sufficient: it is drawn directly, one normal per coordinate.

    Attributes
    ----------
    sigma : float
        Known standard deviation, positive.
    mean : float or tuple of d floats
        Mean of the real distribution.
    d : int
        Dimension.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    sigma: float = 1.0
    mean: float | Sequence[float] = 0.0
    d: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", real("sigma", self.sigma, 0, math.inf, open_low=True))
        object.__setattr__(self, "d", whole("d", self.d, 1))
        object.__setattr__(self, "mean", coordinates("mean", self.mean, self.d))

    @property
    def label(self) -> str:
        """Name and parameters."""
        return f"gaussian-mean(sigma={self.sigma!r}, mean={self.mean!r}, d={self.d})"

    @property
    def block(self) -> int:
        """Replications computed together."""
        return max(16, 2048 // self.d)

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    def target(self) -> Centres:
        """Return the one component of P."""
        return ((1.0, np.asarray(self.mean)),)

    def blend(self, mixture: Centres, params: Array, share: float) -> Centres:
        """Return the components with their new weights."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), mean) for weight, mean in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Centres, size: int) -> Means:
        """Return the mean of `size` draws: the components' means by their counts, plus noise."""
        mean = rng.standard_normal((self.block, self.d))
        mean *= self.sigma / math.sqrt(max(size, 1))
        if len(mixture) == 1 or size == 0:
            mean += mixture[0][1]
            return Means(size, mean)
        shares = rng.multinomial(size, [weight for weight, _ in mixture], self.block).T / size
        for share, (_, component) in zip(shares, mixture, strict=True):
            mean += share[:, None] * component
        return Means(size, mean)

    def merge(self, first: Means, second: Means) -> Means:
        """Return the mean of the union."""
        size = first.size + second.size
        mean = first.mean * (first.size / size)
        mean += second.mean * (second.size / size)
        return Means(size, mean)

    def estimate(self, rng: np.random.Generator, batch: Means) -> Array:
        """Return the mean."""
        return batch.mean

    def measures(self) -> Mapping[str, Metric]:
        """Return tv, squared_error and mean_error (a vector, on request only, for d > 1)."""
        error = "mu_i - mean"
        return {
            "tv": Metric(of=self._tv, units="1", long_name="TV(P_i, P)"),
            "squared_error": Metric(of=self._squared_error, units="x^2", long_name="|mu_i - mean|^2"),
            "mean_error": (
                Metric(of=self._first_error, units="x", long_name=error)
                if self.d == 1
                else Metric(
                    of=self._error,
                    units="x",
                    long_name=error,
                    dims=("coordinate",),
                    shape=(self.d,),
                    default=False,
                )
            ),
        }

    def _error(self, params: Array, target: Centres | None) -> Array:
        return params - np.asarray(self.mean, dtype=np.float64)

    def _first_error(self, params: Array, target: Centres | None) -> Array:
        return self._error(params, target)[:, 0]

    def _squared_error(self, params: Array, target: Centres | None) -> Array:
        gap = self._error(params, target)
        gap *= gap
        return np.asarray(gap[:, 0] if self.d == 1 else gap.sum(axis=-1))

    def _tv(self, params: Array, target: Centres | None) -> Array:
        if self.d == 1:
            return tv_gaussian_shift(self._first_error(params, target), self.sigma)
        return tv_gaussian_shift(np.sqrt(self._squared_error(params, target)), self.sigma)
