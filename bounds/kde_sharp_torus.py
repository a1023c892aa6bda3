"""½∫√(B_i² + Var_i) on the circle [0, 1]: P = 1 + c cos 2πx, bandwidth h, by Fourier coefficients.

With ρ = exp(−2π²h²), b = 1 − α and M_k the multiplier of cos 2πx in E P_k (M_0 = 1, M_{k+1} = ρ(α + bM_k)),
n Var_i is a quadratic polynomial in cos 2πx, so that one integral over an angle remains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .kde_nodes import both_ends, by_group, counting_rule, decay, geometric, power, reach

Array: TypeAlias = NDArray[np.float64]

_STEP = 1 / 16
_SWITCH = 0.3  # above this bandwidth the Fourier series converges faster, below it the Poisson dual
_TERMS = np.arange(1.0, 6.0)
_SIGNS = np.array([-1.0, 1.0, -1.0, 1.0, -1.0])
_LOG_LOST = 45.0


def theta_excess(h: Array) -> Array:
    """Θ(h) − 1 = 2 Σ_{k≥1} exp(−4π²h²k²), by the Poisson dual for small h."""
    h = np.asarray(h, dtype=float)
    large, small = np.maximum(h, _SWITCH)[..., None], np.minimum(h, _SWITCH)[..., None]
    direct = 2 * np.exp(-4 * np.pi**2 * np.square(large * _TERMS)).sum(axis=-1)
    with np.errstate(divide="ignore", over="ignore"):
        series = 1 + 2 * np.exp(-np.square(_TERMS / small) / 4).sum(axis=-1)
        dual = series / (2 * np.sqrt(np.pi) * small[..., 0]) - 1
    return np.where(h > _SWITCH, direct, dual)  # type: ignore[no-any-return]


def theta_cross(h: Array) -> Array:
    """κ(h) − 2ρ, κ = Σ_{l∈Z} exp(−2π²h²(l² + (l−1)²)): first mode of the squared kernel, less two products."""
    h = np.asarray(h, dtype=float)
    large, small = np.maximum(h, _SWITCH)[..., None], np.minimum(h, _SWITCH)[..., None]
    modes = np.square(_TERMS) + np.square(_TERMS + 1)
    direct = 2 * np.exp(-2 * np.pi**2 * np.square(large) * modes).sum(axis=-1)
    with np.errstate(divide="ignore", over="ignore"):
        series = 1 + 2 * np.exp(-np.square(_TERMS / small) / 4) @ _SIGNS
        dual = np.exp(-np.square(np.pi * small[..., 0])) * series / (2 * np.sqrt(np.pi) * small[..., 0])
    dual = dual - 2 * np.exp(-2 * np.pi**2 * np.square(small[..., 0]))
    return np.where(h > _SWITCH, direct, dual)  # type: ignore[no-any-return]


def _reused(alpha: float, i: float, h: float) -> Array:
    """Coefficients of 1, c cos, c² cos² in α [r² * P − (r * P)²], r = Σ_{m≤i} b^{m−1} K_{h√m}."""

    def transform(l: Array) -> Array:  # noqa: E741
        exponent = 2 * np.pi**2 * h**2 * np.square(l)
        gap = alpha - (1 - alpha) * np.expm1(-exponent)
        return np.exp(-exponent) * geometric_at(gap, i)

    modes, weights = counting_rule(1, int(np.ceil(1.6 / h)) + 2, 0.0)
    here, following = transform(modes), transform(modes + 1)
    first = transform(np.ones(1))[0]
    return 2 * alpha * np.array([weights @ np.square(here), weights @ (here * following), -(first**2) / 2])


def geometric_at(gap: Array, i: float) -> Array:
    """S_i(gap) for an array of gaps in (0, 1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = -np.expm1(np.log1p(-gap) * i) / gap
    return np.where(gap > 0, total, i)


def _moments(schedule: str, alpha: float, i: float, h: float) -> tuple[float, Array]:
    """B_i over c cos 2πx, and the coefficients of 1, c cos, c² cos² in n Var_i."""
    exponent = 2 * np.pi**2 * h**2
    loss = -np.expm1(-exponent)
    gap = alpha + (1 - alpha) * loss
    rate = 2 * exponent + (2 * decay(alpha) if alpha < 1 else np.inf)
    j = np.arange(1.0, reach(rate, i, _LOG_LOST) + 1)
    multiplier = 1 - loss * geometric(gap, i - j) if gap < 1 else np.where(j < i, 1 - loss, 1.0)
    root_j = h * np.sqrt(j)
    mode, trained = np.exp(-exponent * j), alpha + (1 - alpha) * multiplier
    if schedule == "fixed":
        weights, trained, square = power(alpha, 2 * j - 1), multiplier, np.square(multiplier)
    else:
        weights, trained = power(alpha, 2 * (j - 1)), np.where(j == i, 1.0, trained)
        square = np.square(trained)
        if schedule == "stratified":
            square = np.where(j == i, 1.0, alpha + (1 - alpha) * np.square(multiplier))
    variance = np.array(
        [
            weights @ theta_excess(root_j),
            weights @ (trained * theta_cross(root_j)),
            -(weights @ (square * np.square(mode))),
        ]
    )
    if schedule == "fixed" and alpha > 0:
        variance += _reused(alpha, i, h)
    bias = loss * geometric(gap, np.array([i]))[0]
    return -float(bias), variance


@lru_cache(maxsize=1)
def _angles() -> tuple[Array, Array]:
    """Cosines and weights (of total 1) for the mean over [0, π], with nodes crowding at 0, π/2 and π."""
    _, right, weights = both_ends(_STEP)
    # right: distance from π/2 in units of π/2, so the cosine is sin(π/2 · right)
    cosines = np.sin(np.pi / 2 * right)
    return np.concatenate([cosines, -cosines]), np.concatenate([weights, weights]) / 2


_cached_moments = lru_cache(maxsize=65536)(_moments)


def _sharp(schedule: str) -> Callable[..., Array]:
    def one(alpha: float, i: float, h: float, n: Array, c: Array) -> Array:
        bias, (a0, a1, a2) = _cached_moments(schedule, alpha, i, h)
        cosines, weights = _angles()
        size, shape = n[:, None], c[:, None] * cosines
        square = np.square(bias * shape) + (a0 + a1 * shape + a2 * np.square(shape)) / size
        return np.sqrt(np.maximum(square, 0)) @ weights / 2  # type: ignore[no-any-return]

    def sharp(n: Array, alpha: Array, i: Array, h: Array, c: Array) -> Array:
        """½∫√(B_i² + Var_i), a mean over the angle 2πx."""
        return by_group(one, (alpha, i, h), (n, c))

    sharp.__name__ = f"sharp_torus_{schedule}"
    return sharp


sharp_torus_fresh = _sharp("fresh")
sharp_torus_stratified = _sharp("stratified")
sharp_torus_fixed = _sharp("fixed")
