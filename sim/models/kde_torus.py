"""A sample on the torus smoothed by the wrapped normal kernel, evaluated by exact kernel sums."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from sim.densities import Array, Space, normal_variation
from sim.errors import SimulationError, real

_REACH = 8.5  # bandwidths after which the kernel is 0
_SLAB = 2**18  # pairs (place, point) evaluated together


@dataclass(frozen=True, eq=False)
class SmoothedTorus:
    """The density (1/m) Σ_k K_h(x − points_k) on the torus, K_h the wrapped N(0, bandwidth²I).

    Attributes
    ----------
    points : numpy.ndarray, shape (m,) for d = 1, (m, d) for d > 1
        The sample, finite, not empty; taken modulo 1. Read-only.
    bandwidth : float
        Positive.

    Raises
    ------
    SimulationError
        If they are not as said, or if places to be evaluated have another dimension.
    """

    points: Array
    bandwidth: float
    space: ClassVar[Space] = "torus"

    def __post_init__(self) -> None:
        try:
            points = np.array(self.points, dtype=np.float64)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim not in (1, 2) or points.size == 0 or not np.isfinite(points).all():
            raise SimulationError("points", self.points, "a sample of shape (m,) or (m, d), finite, not empty")
        points = wrapped(points if points.ndim == 1 or points.shape[1] > 1 else points[:, 0])
        points.setflags(write=False)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "bandwidth", real("bandwidth", self.bandwidth, 0, math.inf, open_low=True))

    @property
    def d(self) -> int:
        """Dimension."""
        return 1 if self.points.ndim == 1 else self.points.shape[1]

    @property
    def label(self) -> str:
        """Name, size and bandwidth."""
        return f"smoothed_torus(m={len(self.points)}, d={self.d}, bandwidth={self.bandwidth!r})"

    @property
    def scale(self) -> float:
        """The bandwidth."""
        return self.bandwidth

    @property
    def support(self) -> tuple[float, float]:
        """The unit interval."""
        return 0.0, 1.0

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`, of shape (...) for d = 1 and (..., d) otherwise."""
        x = np.asarray(x, dtype=np.float64)
        if self.d > 1 and x.shape[-1:] != (self.d,):
            raise SimulationError("x", x.shape, f"places with {self.d} coordinates along the last axis")
        shape = x.shape if self.d == 1 else x.shape[:-1]
        points = self.points.reshape(-1, self.d)
        return kernel_mean(x.reshape(-1, self.d), points, self.bandwidth).reshape(shape)

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`; −inf where it underflows."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.pdf(x)))

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws; for d > 1 the coordinates are a further last axis."""
        x = self.points[rng.integers(len(self.points), size=shape)]
        return wrapped(x + self.bandwidth * rng.standard_normal(x.shape))

    def smoothed(self, h: float) -> SmoothedTorus:
        """Return the convolution with the wrapped N(0, h²I), h ≥ 0."""
        return SmoothedTorus(self.points, math.hypot(self.bandwidth, real("h", h, 0, math.inf)))

    def variation(self, order: int) -> float:
        """Return a bound of ∫|∂ᵒʳᵈᵉʳp| along an axis."""
        return normal_variation(order) / self.bandwidth**order


def wrapped(x: Array) -> Array:
    """Return `x` modulo 1, in [0, 1]; 1 only by rounding."""
    return np.asarray(x - np.floor(x))


def kernel_mean(places: Array, points: Array, h: float) -> Array:
    """Return the mean over the points of the wrapped kernel, at places of shape (N, d); points (m, d)."""
    out = np.zeros(len(places))
    step = max(1, _SLAB // len(places))
    for k in range(0, len(points), step):
        part, total = points[k : k + step], np.ones(())
        for axis in range(places.shape[1]):
            total = total * _kernel(places[:, axis, None] - part[:, axis], h)
        out += total.sum(axis=1)
    return np.asarray(out / len(points))


def _kernel(gap: Array, h: float) -> Array:
    """Density of the wrapped N(0, h²) at a gap, by the images that it reaches."""
    gap = gap - np.rint(gap)
    if h > 1:  # the series of cosines then ends before its second term
        return np.asarray(1 + 2 * math.exp(-2 * (math.pi * h) ** 2) * np.cos(2 * math.pi * gap))
    total = np.zeros_like(gap)
    reach = math.floor(_REACH * h + 0.5)
    for image in range(-reach, reach + 1):
        total += np.exp(-0.5 * ((gap + image) / h) ** 2)
    return np.asarray(total / (math.sqrt(2 * math.pi) * h))
