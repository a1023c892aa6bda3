"""Denoising score matching of a one-hidden-layer network, solved in closed form at every time.

At time t the outer weights A minimise E‖Aψ(X_t) + Z/σ_t‖², X_t = e^(−t)X_0 + σ_t Z, ψ the features
and σ_t² = 1 − e^(−2t). With G = E ψψᵀ and B = −E Zψᵀ/σ_t = E(∇log p_t)ψᵀ (p_t the law of X_t, X_0
drawn from the training set) all solutions are functions of the eigenvalues of G: ridge regression
B(G + λ)⁻¹, and gradient flow dA/dτ = B − AG from 0, which at time τ is at B(1 − e^(−Gτ))/G.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve

from sim.densities import ROOT
from sim.densities_mixture import NormalMixture
from sim.diffusion.features import RandomFeatures, Reals, ScoreNetwork
from sim.diffusion.times import Array, checked_times
from sim.errors import SimulationError, real, whole
from sim.models.kde_lattice import Lattice

Source: TypeAlias = ArrayLike | NormalMixture
Noise: TypeAlias = Literal["exact"] | int
Pair: TypeAlias = tuple[Array, Array]  # E ψψᵀ and E(∇log p_t)ψᵀ

_CHUNK = 2**11  # noised points whose features are held together
_BINS = 16  # bins per standard deviation of the noise, in the unit of the data
_REACH = 7.0  # standard deviations of the noise that the quadrature covers: 3e-12 of it is farther out
_FINE = 4  # nodes of the quadrature per standard deviation of the least noise, at least
_FINEST = 2**14  # nodes at most


def train(
    source: Source,
    features: RandomFeatures,
    times: ArrayLike,
    *,
    penalties: Sequence[float] = (),
    stops: Sequence[float] = (),
    noise: Noise = "exact",
    seed: int = 0,
    single: bool = True,
) -> tuple[ScoreNetwork, ...]:
    """Return networks trained at the times t_1, …, t_N, one for every penalty and every stopping time.

    Parameters
    ----------
    source : array_like, shape (n,) for d = 1 and (n, d) else, or NormalMixture
        The training set; or, for d = 1 and exact noise, a law: what infinitely many points give.
    features : RandomFeatures
        The hidden layer, not trained.
    times : array_like, shape (N + 1,)
        Times t_0 < … < t_N; at t_0 no score is needed.
    penalties : sequence of float
        λ > 0 of ridge regression: the mean squared error plus λ‖A‖² is minimised.
    stops : sequence of float
        τ > 0 until which gradient flow runs. All solutions of a time share one eigendecomposition.
    noise : "exact" or int
        How the expectation over Z is taken: "exact" (d = 1), by quadrature on evenly spaced nodes, the
        training set binned by cubic weights (relative error below 1e-6); or with so many independent
        draws per point and time.
    seed : int
        Of the draws.
    single : bool
        Whether features of draws are computed in single precision, at twice the speed; G is
        summed in double precision over chunks. Quadrature is in double precision.

    Returns
    -------
    tuple of ScoreNetwork
        Those of the penalties, then those of the stopping times.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    times = checked_times(times)
    penalties, stops = (
        tuple(real(name, value, 0, math.inf, open_low=True) for value in values)
        for name, values in (("penalties", penalties), ("stops", stops))
    )
    if not penalties and not stops:
        raise SimulationError("penalties", penalties, "given, unless stops are: at least one number of either kind")
    moments = _moments(source, features, times, noise, whole("seed", seed, 0), np.float32 if single else np.float64)
    out = np.empty((len(penalties) + len(stops), times.size - 1, features.d, features.width))
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (second, first) in enumerate(moments):
            if not (np.isfinite(second).all() and np.isfinite(first).all()):
                raise SimulationError("source", source, "points whose features and their squares are finite numbers")
            out[:, k] = _solved(second, first, penalties, stops)
    return tuple(ScoreNetwork(features, times[1:], coefficients) for coefficients in out)


def _solved(second: Array, first: Array, penalties: Sequence[float], stops: Sequence[float]) -> Array:
    """The coefficients, shape (solutions, d, width), from E ψψᵀ and E(∇log p_t)ψᵀ."""
    if len(penalties) == 1 and not stops:
        diagonal = np.arange(len(second))
        second[diagonal, diagonal] += penalties[0]
        try:
            return np.asarray(cho_solve(cho_factor(second, overwrite_a=True), first.T).T[None])
        except np.linalg.LinAlgError:
            allowed = "large enough for the precision of the features"
            raise SimulationError("penalties", penalties, allowed) from None
    values, axes = np.linalg.eigh(second)
    values = np.maximum(values, 1e-200)  # negative ones are rounding; (1 − e^(−vτ))/v is τ here
    gains = [1 / (values + penalty) for penalty in penalties] + [-np.expm1(-values * stop) / values for stop in stops]
    turned = first @ axes
    return np.stack([(turned * gain) @ axes.T for gain in gains])


def _moments(
    source: Source, features: RandomFeatures, times: Array, noise: Noise, seed: int, kind: type[np.floating[Any]]
) -> Iterator[Pair]:
    """Yield G and B at t_1, …, t_N."""
    checked_noise(noise, features.d)
    if isinstance(source, NormalMixture):
        if noise != "exact":
            raise SimulationError("noise", noise, "'exact' for a law, which has no points")
        return _by_quadrature(_NoisedLaw(source), features, times)
    points = training_points(source, features.d)
    if noise == "exact":
        return _by_quadrature(_NoisedPoints(points), features, times)
    return _by_draws(points, features, times, noise, seed, kind)


def checked_noise(noise: object, d: int) -> None:
    """Raise unless noise is a number of draws, or "exact" for d = 1."""
    if noise == "exact" and d > 1:
        raise SimulationError("noise", noise, "a number of draws per point and time: exact is for d = 1")
    if noise != "exact":
        whole("noise", noise, 1)


def training_points(points: ArrayLike, d: int) -> Array:
    """Return points as an array of shape (n,) for d = 1 and (n, d) else; raise if they are not such."""
    try:
        x = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    if x.size == 0 or x.shape[1:] != (() if d == 1 else (d,)) or not np.isfinite(x).all():
        raise SimulationError("source", points, f"finite points of shape {'(n,)' if d == 1 else f'(n, {d})'}, n >= 1")
    return x


class _NoisedLaw(NamedTuple):
    law: NormalMixture

    def span(self, t: float) -> tuple[float, float]:
        return self.law.noised(t).support

    def at(self, t: float, y: Array) -> tuple[Array, Array]:
        log, score, _ = self.law.noised(t).jet(y)
        height = np.exp(log)
        return height, height * score


class _NoisedPoints(NamedTuple):
    points: Array

    def span(self, t: float) -> tuple[float, float]:
        shrink, reach = math.exp(-t), _REACH * math.sqrt(-math.expm1(-2 * t))
        return shrink * float(self.points.min()) - reach, shrink * float(self.points.max()) + reach

    def at(self, t: float, y: Array) -> tuple[Array, Array]:
        """Binned as finely as the noise, in the unit of the data √(e^(2t) − 1), asks for."""
        shrink, sigma = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
        lattice = Lattice(sigma / shrink / _BINS, sigma / shrink)
        start, total = lattice.bins(self.points[None])
        full = np.flatnonzero(total[0])
        weights, centres = total[0, full] / self.points.size, shrink * lattice.step * (start + full)
        kernel = np.subtract.outer(y / sigma, centres / sigma)
        kernel *= kernel
        kernel *= -0.5
        np.exp(kernel, out=kernel)
        kernel /= sigma * ROOT
        height = kernel @ weights
        return height, (kernel @ (weights * centres) - y * height) / sigma**2


def _by_quadrature(noised: _NoisedLaw | _NoisedPoints, features: RandomFeatures, times: Array) -> Iterator[Pair]:
    """By the trapezoidal rule on nodes closer together than the bends of the features and the noise."""
    sigma = math.sqrt(-math.expm1(-2 * times[1]))
    step = min(sigma / _FINE, features.reach / features.width)
    spans = np.array([noised.span(t) for t in times[1:].tolist()])
    low, high = float(spans[:, 0].min()), float(spans[:, 1].max())
    if high - low > _FINEST * step:
        raise SimulationError("source", (low, high), f"within {_FINEST} nodes of the quadrature, {step:.3g} apart")
    y = np.asarray(low + step * np.arange(math.ceil((high - low) / step) + 1), dtype=np.float64)
    values = features.values(y[:, None])
    for t, span in zip(times[1:].tolist(), spans, strict=True):
        part = slice(*np.searchsorted(y, span))
        height, slope = noised.at(t, y[part])
        weighted = values[part] * np.sqrt(step * np.maximum(height, 0))[:, None]  # binning weights can be negative
        yield weighted.T @ weighted, step * (slope @ values[part])[None]


def _by_draws(
    points: Array, features: RandomFeatures, times: Array, draws: int, seed: int, kind: type[np.floating[Any]]
) -> Iterator[Pair]:
    rng = np.random.Generator(np.random.SFC64(seed))
    rows = points.reshape(-1, features.d).astype(kind)
    for t in times[1:].tolist():
        shrink, sigma = kind(math.exp(-t)), kind(math.sqrt(-math.expm1(-2 * t)))
        second, first = np.zeros((features.width, features.width)), np.zeros((features.d, features.width))
        for start in [k for k in range(0, len(rows), _CHUNK) for _ in range(draws)]:
            part = shrink * rows[start : start + _CHUNK]
            z: Reals = rng.standard_normal(part.shape, dtype=kind)
            values = features.values(part + sigma * z)
            second += values.T @ values
            first -= z.T @ values
        yield second / (len(rows) * draws), first / (len(rows) * draws * float(sigma))
