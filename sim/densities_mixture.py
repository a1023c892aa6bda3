"""Mixtures of normal distributions on the line, and samples smoothed by the normal kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtr

from sim.densities import ROOT, Array, Space, bell, bend, normal_variation
from sim.errors import SimulationError, real

_SLAB = 2**18  # pairs (place, component) evaluated together


@dataclass(frozen=True, eq=False)
class NormalMixture:
    """Σ weights_k N(means_k, sigmas_k²) on the line.

    Attributes
    ----------
    weights : numpy.ndarray, shape (K,)
        Not negative, sum 1 within 1e-6 (they are then scaled to sum to 1). Read-only, as all three.
    means, sigmas : numpy.ndarray, shape (K,)
        Finite; the standard deviations positive. One number stands for all.

    Raises
    ------
    SimulationError
        If they are not as said.
    """

    weights: Array
    means: Array
    sigmas: Array
    space: ClassVar[Space] = "line"
    d: ClassVar[int] = 1

    def __post_init__(self) -> None:
        weights = _vector("weights", self.weights, 0)
        if not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-6:
            raise SimulationError("weights", self.weights, "probabilities: entries >= 0, sum 1 within 1e-6")
        for name, value in (
            ("weights", weights / weights.sum()),
            ("means", _vector("means", self.means, weights.size)),
            ("sigmas", _vector("sigmas", self.sigmas, weights.size)),
        ):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if not (self.sigmas > 0).all():
            raise SimulationError("sigmas", self.sigmas, "positive")

    @property
    def label(self) -> str:
        """Name, number of components and range of their parameters."""
        low, high = float(self.means.min()), float(self.means.max())
        return f"normal_mixture(K={self.weights.size}, means {low:.6g}..{high:.6g}, least sigma {self.scale:.6g})"

    @property
    def scale(self) -> float:
        """The smallest standard deviation."""
        return float(self.sigmas.min())

    @property
    def support(self) -> tuple[float, float]:
        """Eight standard deviations to either side of every component."""
        return float((self.means - 8 * self.sigmas).min()), float((self.means + 8 * self.sigmas).max())

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`, by summing over all components."""
        return self._sum(lambda u, s: bell(u) / s, x)

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`, also where the density underflows."""
        x = np.asarray(x, dtype=np.float64)
        flat, out = x.reshape(-1, 1), np.empty(x.size)
        step = max(1, _SLAB // self.weights.size)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights / (self.sigmas * ROOT))
        for k in range(0, x.size, step):
            u = (flat[k : k + step] - self.means) / self.sigmas
            out[k : k + step] = logsumexp(log_weights - 0.5 * u * u, axis=1)
        return out.reshape(x.shape)

    def cdf(self, x: ArrayLike) -> Array:
        """Return the distribution function at `x`."""
        return self._sum(lambda u, s: ndtr(u), x)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws."""
        heights = np.cumsum(self.weights)
        k = np.searchsorted(heights, rng.random(shape) * heights[-1], side="right")
        return np.asarray(rng.standard_normal(shape) * self.sigmas[k] + self.means[k])

    def smoothed(self, h: float) -> NormalMixture:
        """Return N(0, h²) * the mixture, h ≥ 0."""
        return NormalMixture(self.weights, self.means, np.hypot(self.sigmas, real("h", h, 0, math.inf)))

    def noised(self, t: float) -> NormalMixture:
        """Return the law at time t ≥ 0 of dX = −X dt + √2 dW started from the mixture."""
        t = real("t", t, 0, math.inf)
        shrink, noise = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
        return NormalMixture(self.weights, shrink * self.means, np.hypot(shrink * self.sigmas, noise))

    def jet(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return log p with its first and second derivative at `x`, each of its shape."""
        x = np.asarray(x, dtype=np.float64)
        flat, out = x.reshape(-1, 1), np.empty((3, x.size))
        step = max(1, _SLAB // self.weights.size)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights / (self.sigmas * ROOT))
        for k in range(0, x.size, step):
            pull = (self.means - flat[k : k + step]) / self.sigmas
            shares = log_weights - 0.5 * pull * pull
            pull /= self.sigmas
            top = shares.max(axis=1, keepdims=True)
            np.exp(np.subtract(shares, top, out=shares), out=shares)
            total = shares.sum(axis=1)
            score = np.einsum("ij,ij->i", shares, pull) / total
            second = (np.einsum("ij,ij,ij->i", shares, pull, pull) - shares @ self.sigmas**-2.0) / total
            out[:, k : k + step] = top[:, 0] + np.log(total), score, second - score * score
        first, second, third = out.reshape(3, *x.shape)
        return first, second, third

    def curvature(self, low: ArrayLike, high: ArrayLike) -> Array:
        """Return a bound of |p''| on the intervals [low, high]: the sum of the components' own."""
        return self._sum(lambda a, b, s: bend(a, b) / s**3, low, high)

    def variation(self, order: int) -> float:
        """Return a bound of ∫|p⁽ᵒʳᵈᵉʳ⁾|: the sum of the components' own."""
        return normal_variation(order) * float((self.weights / self.sigmas**order).sum())

    def _sum(self, of: Callable[..., Array], *places: ArrayLike) -> Array:
        """Σ_k weights_k of(standardised places, sigma_k), some components at a time."""
        x = np.broadcast_arrays(*(np.asarray(place, dtype=np.float64) for place in places))
        flat, out = [place.reshape(-1, 1) for place in x], np.zeros(x[0].size)
        step = max(1, _SLAB // max(1, x[0].size))
        for k in range(0, self.weights.size, step):
            m, s = self.means[k : k + step], self.sigmas[k : k + step]
            out += of(*((place - m) / s for place in flat), s) @ self.weights[k : k + step]
        return out.reshape(x[0].shape)


def smoothed_sample(points: ArrayLike, bandwidth: float) -> NormalMixture:
    """Return the sample smoothed by N(0, bandwidth²): a known density with real data in it.

    Parameters
    ----------
    points : array_like, shape (m,)
        The sample, finite, not empty.
    bandwidth : float
        Positive.

    Raises
    ------
    SimulationError
        If they are not as said.
    """
    means = _vector("points", points, 0)
    sigma = real("bandwidth", bandwidth, 0, math.inf, open_low=True)
    return NormalMixture(np.full(means.size, 1 / means.size), means, np.full(means.size, sigma))


def _vector(argument: str, value: ArrayLike, size: int) -> Array:
    """A copy of a finite vector; of `size` entries, or not empty if `size` is 0."""
    try:
        x = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    if size and x.ndim == 0:
        x = np.full(size, x)
    if x.ndim != 1 or x.size == 0 or (size and x.size != size) or not np.isfinite(x).all():
        raise SimulationError(argument, value, f"a vector of {size or 'one or more'} finite numbers")
    return x
