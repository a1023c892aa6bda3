"""Distributions whose noised forms are known: mixtures of normal distributions, with their exact score.

A law is what the forward process dX = −X dt + √2 dW starts from: a `NormalMixture` on the line, a
`GaussianMixture` in higher dimension. P_t is again one: e^(−t)·X_0 plus N(0, 1 − e^(−2t)) noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from sim.densities import Array, Density, Space
from sim.errors import SimulationError, real

_SLAB = 2**20  # numbers evaluated together


class Law(Density, Protocol):
    """A density whose noised forms, scores and Hessians are known."""

    def noised(self, t: float) -> Self:
        """Return P_t, t ≥ 0."""
        ...

    def jet(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return log p, its gradient and its Hessian; for d > 1 with one and two further axes."""
        ...


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """Σ weights_k N(means_k, covariances_k) in dimension d ≥ 2.

    Attributes
    ----------
    weights : numpy.ndarray, shape (K,)
        Positive, sum 1 within 1e-6 (they are then scaled to sum to 1).
    means : numpy.ndarray, shape (K, d)
        Finite.
    covariances : numpy.ndarray, shape (K, d, d)
        Symmetric, positive definite. A number, or K of them, are multiples of the identity.

    Raises
    ------
    SimulationError
        If they are not as said.
    """

    weights: Array
    means: Array
    covariances: Array
    space: ClassVar[Space] = "line"
    _values: Array = field(init=False, repr=False, compare=False)
    _axes: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weights, means = _numbers("weights", self.weights), _numbers("means", self.means)
        if weights.ndim != 1 or not (weights > 0).all() or abs(weights.sum() - 1) > 1e-6:
            raise SimulationError("weights", self.weights, "positive probabilities, sum 1 within 1e-6")
        if means.ndim != 2 or means.shape[0] != weights.size or means.shape[1] < 2:
            raise SimulationError("means", self.means, f"of shape ({weights.size}, d), d >= 2; see NormalMixture for 1")
        cov = _numbers("covariances", self.covariances)
        if cov.ndim < 2 and cov.shape in ((), (weights.size,)):
            cov = np.broadcast_to(cov, weights.size)[:, None, None] * np.eye(means.shape[1])
        if cov.shape != (*means.shape, means.shape[1]) or not np.allclose(cov, cov.swapaxes(1, 2), rtol=1e-9, atol=0):
            raise SimulationError("covariances", self.covariances, f"{weights.size} symmetric matrices, or numbers")
        values, axes = np.linalg.eigh(cov)
        if not (values > 0).all():
            raise SimulationError("covariances", self.covariances, "positive definite")
        found = {"weights": weights / weights.sum(), "means": means, "covariances": cov}
        for name, value in {**found, "_values": values, "_axes": axes}.items():
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def d(self) -> int:
        """Dimension."""
        return int(self.means.shape[1])

    @property
    def label(self) -> str:
        """Name, dimension, number of components and least standard deviation."""
        least = math.sqrt(float(self._values.min()))
        return f"gaussian_mixture(K={self.weights.size}, d={self.d}, least sigma {least:.6g})"

    def pdf(self, x: ArrayLike) -> Array:
        """Return the density at `x`, shape (..., d)."""
        return np.asarray(np.exp(self.logpdf(x)))

    def logpdf(self, x: ArrayLike) -> Array:
        """Return the logarithm of the density at `x`, shape (..., d)."""
        x, flat = self._flat(x)
        heights = [logsumexp(self._heights(piece)[0], axis=0) for piece in self._pieces(flat)]
        return np.concatenate(heights or [np.empty(0)]).reshape(x.shape[:-1])

    def jet(self, x: ArrayLike) -> tuple[Array, Array, Array]:
        """Return log p, shape (...), its gradient (..., d) and its Hessian (..., d, d) at `x`, (..., d)."""
        x, flat = self._flat(x)
        log, score = np.empty(len(flat)), np.empty(flat.shape)
        hessian, start = np.empty((*flat.shape, self.d)), 0
        inverses = np.einsum("kij,kj,klj->kil", self._axes, 1 / self._values, self._axes)
        for piece in self._pieces(flat):
            at = slice(start, start := start + len(piece))
            heights, pulls = self._heights(piece)
            log[at] = logsumexp(heights, axis=0)
            shares = np.exp(heights - log[at])
            score[at] = np.einsum("km,kmd->md", shares, pulls)
            hessian[at] = np.einsum("kmi,kmj->mij", pulls * shares[..., None], pulls)
            hessian[at] -= np.einsum("km,kij->mij", shares, inverses) + score[at, :, None] * score[at, None]
        shape = x.shape[:-1]
        return log.reshape(shape), score.reshape(x.shape), hessian.reshape(*x.shape, self.d)

    def noised(self, t: float) -> GaussianMixture:
        """Return P_t, t ≥ 0."""
        t = real("t", t, 0, math.inf)
        shrink = math.exp(-t)
        cov = shrink**2 * self.covariances - math.expm1(-2 * t) * np.eye(self.d)
        return GaussianMixture(self.weights, shrink * self.means, cov)

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return independent draws, shape (*shape, d)."""
        k = rng.choice(self.weights.size, shape, p=self.weights)
        roots = self._axes * np.sqrt(self._values)[:, None]
        noise = rng.standard_normal((*np.shape(k), self.d))
        return np.asarray(np.einsum("...ij,...j->...i", roots[k], noise) + self.means[k])

    def _flat(self, x: ArrayLike) -> tuple[Array, Array]:
        x = np.asarray(x, dtype=np.float64)
        if x.ndim == 0 or x.shape[-1] != self.d:
            raise SimulationError("x", x.shape, f"of shape (..., {self.d})")
        return x, x.reshape(-1, self.d)

    def _pieces(self, flat: Array) -> Iterator[Array]:
        step = max(1, _SLAB // (self.weights.size * self.d**2))
        return (flat[k : k + step] for k in range(0, len(flat), step))

    def _heights(self, x: Array) -> tuple[Array, Array]:
        """log(weight·density) of every component, (K, M), and the gradients of the log densities, (K, M, d)."""
        y = (x - self.means[:, None]) @ self._axes
        pulls = y / self._values[:, None]
        logs = np.log(self.weights) - 0.5 * np.log(2 * math.pi * self._values).sum(axis=1)
        heights = logs[:, None] - 0.5 * (y * pulls).sum(axis=2)
        return heights, -pulls @ self._axes.swapaxes(1, 2)


@dataclass(frozen=True, eq=False)
class ExactScore:
    """∇log p_t of a law: what a network is trained to be."""

    law: Law

    def __call__(self, x: Array, t: float) -> Array:
        """Return the score, of the shape of `x`."""
        return self.law.noised(t).jet(x)[1]

    def jacobian(self, x: Array, t: float) -> Array:
        """Return its derivative, shape (M,) for d = 1 and (M, d, d) else."""
        return self.law.noised(t).jet(x)[2]


def reverse_moments(law: Law, x: ArrayLike, t: float, h: float) -> tuple[Array, Array]:
    """Return mean and covariance of X_{t−h} given X_t = x (Tweedie's formulas).

    The mean is e^h(x + a·s) and the covariance e^(2h)·a·(I + a·∇s), a = 1 − e^(−2h), s the score of p_t.

    Parameters
    ----------
    law : Law
        What the process starts from.
    x : array_like, shape (...) for d = 1, (..., d) else
        Where it is at time t.
    t, h : float
        0 < h ≤ t.

    Raises
    ------
    SimulationError
        If they are not as said.
    """
    t = real("t", t, 0, math.inf, open_low=True)
    h = real("h", h, 0, t, open_low=True)
    _, score, hessian = law.noised(t).jet(x)
    return tweedie(np.asarray(x, dtype=np.float64), score, hessian, h)


def tweedie(x: Array, score: Array, hessian: Array, h: float) -> tuple[Array, Array]:
    """Return Tweedie's mean and covariance from the score and its derivative at x."""
    a = -math.expm1(-2 * h)
    one = np.eye(hessian.shape[-1]) if hessian.ndim > score.ndim else 1.0
    return math.exp(h) * (x + a * score), math.expm1(2 * h) * (one + a * hessian)


def _numbers(argument: str, value: ArrayLike) -> Array:
    """A copy of finite numbers, not empty."""
    try:
        x = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    if x.size == 0 or not np.isfinite(x).all():
        raise SimulationError(argument, value, "finite numbers")
    return x
