"""Distributions with a known density on the torus [0, 1)^d."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from sim.densities import Array, Space
from sim.errors import SimulationError, real, whole

_TURN = 2 * math.pi


@dataclass(frozen=True)
class CosineTorus:
    """The density Π_j (1 + c cos 2πx_j) on the torus [0, 1)^d; smoothing only lowers c.

    Attributes
    ----------
    c : float
        In [−1, 1]; 0 is the uniform distribution.
    d : int
        Dimension, at least 1.

    Raises
    ------
    SimulationError
        If one of them is not as said, or if places to be evaluated have another dimension.
    """

    c: float = 0.5
    d: int = 1
    space: ClassVar[Space] = "torus"

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", real("c", self.c, -1, 1))
        object.__setattr__(self, "d", whole("d", self.d, 1))

    @property
    def label(self) -> str:
        """Name and parameters."""
        return f"cosine(c={self.c!r}, d={self.d})"

    @property
    def scale(self) -> float:
        """1/2π, the inverse of the angular frequency."""
        return 1 / _TURN

    @property
    def support(self) -> tuple[float, float]:
        """The unit interval."""
        return 0.0, 1.0

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`, of shape (...) for d = 1 and (..., d) otherwise."""
        heights = 1 + self.c * np.cos(_TURN * self._places(x))
        return np.asarray(heights if self.d == 1 else heights.prod(axis=-1))

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`; −inf where it vanishes."""
        with np.errstate(divide="ignore"):
            logs = np.log1p(self.c * np.cos(_TURN * self._places(x)))
        return np.asarray(logs if self.d == 1 else logs.sum(axis=-1))

    def cdf(self, x: ArrayLike) -> Array:
        """Return the distribution function at `x` in [0, 1]; d = 1 only."""
        if self.d > 1:
            raise SimulationError("d", self.d, "1 for a distribution function")
        x = np.clip(self._places(x), 0, 1)
        return np.asarray(x + self.c * np.sin(_TURN * x) / _TURN)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws; for d > 1 the coordinates are a further last axis.

        A uniform x moves to x + ½ with probability (1 − c cos 2πx)/2; what stays and what arrives
        add up to the density 1 + c cos 2πx.
        """
        lead = (shape,) if isinstance(shape, int) else tuple(shape)
        x = rng.random(lead if self.d == 1 else (*lead, self.d))
        moved = 2 * rng.random(x.shape) < 1 - self.c * np.cos(_TURN * x)
        x += np.where(moved, np.where(x < 0.5, 0.5, -0.5), 0.0)
        return x

    def smoothed(self, h: float) -> CosineTorus:
        """Return the convolution with the wrapped N(0, h²I), h ≥ 0."""
        h = real("h", h, 0, math.inf)
        return CosineTorus(self.c * math.exp(-2 * (math.pi * h) ** 2), self.d)

    def curvature(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return a bound of |p''| on the intervals [low, high]; d = 1 only."""
        bound = abs(self.c) * _TURN**2
        return np.full(np.broadcast_shapes(np.shape(low), np.shape(high)), bound)

    def variation(self, order: int) -> float:
        """Return ∫|∂ᵒʳᵈᵉʳp| along an axis: |c|(2π)ᵒʳᵈᵉʳ times 2/π, the mean of |cos|."""
        return abs(self.c) * _TURN ** whole("order", order, 1) * 2 / math.pi

    def _places(self, x: ArrayLike) -> Array:
        x = np.asarray(x, dtype=np.float64)
        if self.d > 1 and x.shape[-1:] != (self.d,):
            raise SimulationError("x", x.shape, f"places with {self.d} coordinates along the last axis")
        return x
