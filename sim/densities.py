"""What a distribution with a known density offers, and the normal one.

For a certified total variation distance derivatives are bounded: by `curvature` on an interval, by
`variation` in mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, Protocol, TypeAlias

import numpy as np
from numpy.polynomial.hermite_e import hermeroots, hermeval
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from sim.errors import real, whole

Array: TypeAlias = NDArray[np.float64]
Space: TypeAlias = Literal["line", "torus"]

ROOT = math.sqrt(2 * math.pi)


class Density(Protocol):
    """A distribution that can be evaluated and sampled; d coordinates lie along the last axis if d > 1."""

    @property
    def label(self) -> str:
        """Short text naming the distribution and its parameters."""
        ...

    @property
    def space(self) -> Space:
        """Where it lives: the line, or the torus [0, 1)^d."""
        ...

    @property
    def d(self) -> int:
        """Dimension."""
        ...

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`."""
        ...

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`."""
        ...

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws; for d > 1 the coordinates are a further last axis."""
        ...


class SmoothDensity(Density, Protocol):
    """A density whose derivatives are bounded in mean: kernel density estimates can be compared with it."""

    @property
    def support(self) -> tuple[float, float]:
        """Interval that holds, in every coordinate, all but 1e-14 of the mass."""
        ...

    @property
    def scale(self) -> float:
        """Length over which the density may change by much."""
        ...

    def variation(self, order: int) -> float:
        """Return a bound of ∫|p⁽ᵒʳᵈᵉʳ⁾| along every axis."""
        ...


class ScalarDensity(Density, Protocol):
    """A one-dimensional density with what a certified quadrature needs."""

    @property
    def support(self) -> tuple[float, float]:
        """Interval that holds all but 1e-14 of the mass."""
        ...

    def cdf(self, x: ArrayLike) -> Array:
        """Return the distribution function at `x`."""
        ...

    def curvature(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return a bound of |p''| on the intervals [low, high]."""
        ...


@cache
def normal_variation(order: int) -> float:
    """Return ∫|φ⁽ᵏ⁾| of the standard normal density, k = `order` ≥ 1.

    It is the total variation of φ⁽ᵏ⁻¹⁾ = ±He_{k−1}φ, whose extrema, at the zeros of He_k, alternate
    in sign: each is climbed once and descended once.
    """
    order = whole("order", order, 1)
    zeros = hermeroots([0] * order + [1])
    heights = np.abs(hermeval(zeros, [0] * (order - 1) + [1])) * np.exp(-zeros * zeros / 2) / ROOT
    return float(2 * heights.sum())


@dataclass(frozen=True)
class NormalDensity:
    """N(mean, sigma²) on the line.

    Raises
    ------
    SimulationError
        If `mean` is not finite or `sigma` not positive and finite.
    """

    mean: float = 0.0
    sigma: float = 1.0
    space: ClassVar[Space] = "line"
    d: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", real("mean", self.mean, -math.inf, math.inf))
        object.__setattr__(self, "sigma", real("sigma", self.sigma, 0, math.inf, open_low=True))

    @property
    def label(self) -> str:
        """Name and parameters."""
        return f"normal(mean={self.mean!r}, sigma={self.sigma!r})"

    @property
    def scale(self) -> float:
        """The standard deviation."""
        return self.sigma

    @property
    def support(self) -> tuple[float, float]:
        """Eight standard deviations to either side."""
        return self.mean - 8 * self.sigma, self.mean + 8 * self.sigma

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`."""
        return bell(self._standard(x)) / self.sigma

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`."""
        u = self._standard(x)
        return np.asarray(-0.5 * u * u - math.log(ROOT * self.sigma))

    def cdf(self, x: ArrayLike) -> Array:
        """Return the distribution function at `x`."""
        return np.asarray(ndtr(self._standard(x)))

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws."""
        return rng.normal(self.mean, self.sigma, shape)

    def smoothed(self, h: float) -> NormalDensity:
        """Return N(0, h²) * N(mean, sigma²), h ≥ 0."""
        return NormalDensity(self.mean, math.hypot(self.sigma, real("h", h, 0, math.inf)))

    def curvature(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return the largest |p''| on the intervals [low, high]."""
        return bend(self._standard(low), self._standard(high)) / self.sigma**3

    def variation(self, order: int) -> float:
        """Return ∫|p⁽ᵒʳᵈᵉʳ⁾|."""
        return normal_variation(order) / self.sigma**order

    def _standard(self, x: ArrayLike) -> Array:
        return np.asarray((np.asarray(x, dtype=np.float64) - self.mean) / self.sigma)


def bell(u: Array) -> Array:
    """Return the standard normal density φ."""
    return np.asarray(np.exp(-0.5 * u * u) / ROOT)


def bend(a: Array, b: Array) -> Array:
    """Return the largest |φ''| on [a, b]: at an end, or at 0 or ±√3 if they lie between."""
    largest = np.maximum(*(np.abs(u * u - 1) * bell(u) for u in (np.clip(a, -40, 40), np.clip(b, -40, 40))))
    for z, height in ((-math.sqrt(3), 2 * math.exp(-1.5)), (0.0, 1.0), (math.sqrt(3), 2 * math.exp(-1.5))):
        largest = np.maximum(largest, ((a <= z) & (z <= b)) * (height / ROOT))
    return np.asarray(largest)
