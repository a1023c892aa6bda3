"""NumPy forms of the kernel density functions: biases, theta series, triangle sums, mixtures (see `kde_functions`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .kde_nodes import by_group, counting_rule, decay, geometric, geometric_mixture, power, reach
from .kde_sharp import sharp_line_fixed, sharp_line_fresh, sharp_line_stratified
from .kde_sharp_torus import sharp_torus_fixed, sharp_torus_fresh, sharp_torus_stratified, theta_excess
from .kde_square_torus import square_torus_fixed, square_torus_fresh, square_torus_stratified

Array: TypeAlias = NDArray[np.float64]

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_TALL = 1e8  # from this t on, log(1+t²) = 2 log t and (1+t²)/t² = 1 to rounding
_FLAT = 2.0  # from this h on, Θ − 1 = 2 exp(−4π²h²) to rounding


def erf_between(low: Array, gap: Array) -> Array:
    """erf(low + gap) − erf(low) for low, gap ≥ 0, without cancellation for small gaps."""
    low, gap = np.broadcast_arrays(low, gap)
    difference = special.erf(low + gap) - special.erf(low)
    near = (gap < 0.5) & (low < 3)
    if near.any():
        start, half = low[near][..., None], gap[near][..., None] / 2
        values = np.exp(-((start + half * (1 + _POINTS)) ** 2))
        difference = np.asarray(difference)
        difference[near] = 2 / np.sqrt(np.pi) * half[..., 0] * (values @ _WEIGHTS)
    return difference  # type: ignore[no-any-return]


def _bias(t: Array) -> Array:
    moderate = np.clip(t, 0, _TALL)
    square = moderate * moderate
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.sqrt(np.where(square > 0, np.log1p(square) / (2 * square), 0.5))
        high = np.sqrt(np.log(np.maximum(t, _TALL)))
        inner = np.where(t > _TALL, high / np.maximum(t, _TALL), inner)
    inner = np.where(np.isinf(t), 0.0, inner)
    # x/√2 − x/√(2(1+t²)) = inner (√(1+t²) − 1)
    gap = np.where(t > _TALL, high, inner * square / (1 + np.sqrt(1 + square)))
    return erf_between(inner, gap)


def gaussian_bias(t: Array) -> Array:
    """TV(N(0, 1+t²), N(0, 1))."""
    t = np.asarray(t, dtype=float)
    return _bias(t.reshape(-1)).reshape(t.shape)


def heat_loss(h: Array) -> Array:
    """1 − exp(−2π²h²)."""
    return -np.expm1(-2 * np.pi**2 * np.square(h))


def torus_roughness(h: Array, d: Array) -> Array:
    """√(Θ^d − 1) from log Θ; by its leading term, which is all there is in double precision, for h ≥ 2."""
    h, d = np.broadcast_arrays(np.asarray(h, dtype=float), np.asarray(d, dtype=float))
    power = d * np.log1p(theta_excess(np.minimum(h, _FLAT)))
    root = np.exp(power / 2) * np.sqrt(-np.expm1(-power))
    flat = np.sqrt(2 * d) * np.exp(-2 * np.pi**2 * np.square(h))
    return np.where(h >= _FLAT, flat, root)


def _spread_sum(alpha: float, i: float, t: Array) -> Array:
    rate = decay(alpha)
    kept = reach(rate, i)
    k, weights = counting_rule(int(i) - kept, int(i) - 1, rate)
    weights = weights * power(alpha, i - 1 - k)
    growth = 0.5 + (1 - alpha) * geometric(alpha, k)
    # the larger of 1/t² and 1 is taken out of the root, so that neither overflows
    small, low = np.minimum(t, 1.0)[:, None], np.maximum(t, 1.0)[:, None]
    terms = (1 / low**2 + small**2 * growth) ** 0.25
    return terms @ weights / np.sqrt(small[:, 0])


def spread_sum(alpha: Array, i: Array, t: Array) -> Array:
    """Σ_{k<i} b^{i−1−k} (1/t² + ½ + b S_k(α))^{1/4}, with fewer than a thousand terms for every i."""
    return by_group(_spread_sum, (alpha, i), (t,))


def crossing(variances: Array, weights: Array) -> Array:
    """Half the square of the point x* > 0 where Σ_k w_k N(0, 1+s_k) meets N(0, 1), for variances s (…, k).

    Newton's method for the convex, increasing u ↦ log Σ_k w_k exp(u s_k/(1+s_k))/√(1+s_k) from the right.
    """
    shares, logs = variances / (1 + variances), np.log1p(variances) / 2
    ratio = logs / np.where(shares > 0, shares, 1.0)
    u = np.max(np.where((shares > 0) & (weights > 0), ratio, 0.5), axis=-1)
    for _ in range(200):
        exponents = u[..., None] * shares - logs
        excess = np.sum(weights * np.expm1(exponents), axis=-1)
        slope = np.sum(weights * shares * np.exp(exponents), axis=-1)
        step = np.where(slope > 0, np.log1p(excess) * (1 + excess) / np.where(slope > 0, slope, 1.0), 0.0)
        u = u - step
        if not (np.abs(step) > 1e-13 * u).any():
            break
    return u  # type: ignore[no-any-return]


def _mixture_bias(alpha: float, i: float, t: Array) -> Array:
    if alpha == 0 or alpha == 1:
        return gaussian_bias(t * (np.sqrt(i) if alpha == 0 else 1.0))
    k, weights = geometric_mixture(alpha, i)
    variances = np.square(np.minimum(t, 1e140))[:, None] * k
    y = np.sqrt(crossing(variances, weights))[:, None]
    root = np.sqrt(1 + variances)
    low = y / root
    return erf_between(low, low * variances / (1 + root)) @ weights


def mixture_bias(alpha: Array, i: Array, t: Array) -> Array:
    """TV(E P_i, P) on the line: one crossing x*, and Σ_k w_k [erf(x*/√2) − erf(x*/√(2(1+kt²)))]."""
    return by_group(_mixture_bias, (alpha, i), (t,))


NUMERIC_KDE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        gaussian_bias,
        heat_loss,
        torus_roughness,
        spread_sum,
        mixture_bias,
        sharp_line_fresh,
        sharp_line_stratified,
        sharp_line_fixed,
        sharp_torus_fresh,
        sharp_torus_stratified,
        sharp_torus_fixed,
        square_torus_fresh,
        square_torus_stratified,
        square_torus_fixed,
    )
}
