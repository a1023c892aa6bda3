"""½√(∫B_i² + ∫Var_i) on the torus [0, 1]^d: P = Π_j (1 + c cos 2πx_j), bandwidth h, by Parseval's identity.

E P_k has the coefficient c^a M_{k,a} at a product of a cosines, and the square of such a product has the mean
2^{−a}. M_{0,a} = 1 and M_{k+1,a} = ρ^a (α + bM_{k,a}), ρ = exp(−2π²h²), b = 1 − α.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

from .kde_nodes import by_group, counting_rule, decay, geometric, power, reach
from .kde_sharp_torus import geometric_at, theta_excess

Array: TypeAlias = NDArray[np.float64]

_LOG_LOST = 45.0


def _power_excess(h: Array, d: float) -> Array:
    """Θ(h)^d − 1."""
    return np.expm1(d * np.log1p(theta_excess(h)))


def _squares(schedule: str, alpha: float, multiplier: Array, last: Array) -> Array:
    """Mean square of the multiplier of what a draw of generation i − j is trained to follow."""
    if schedule == "fixed":
        return np.square(multiplier)
    if schedule == "stratified":
        return alpha + (1 - alpha) * np.square(multiplier)
    return np.square(np.where(last, 1.0, alpha + (1 - alpha) * multiplier))


def _reused(alpha: float, i: float, h: float, c: float, d: float) -> float:
    """∫ of α [r² * P − (r * P)²], r = Σ_{m≤i} b^{m−1} K_{h√m}, without the two equal terms of order 0."""
    m, weights = counting_rule(1, reach(decay(alpha), i, _LOG_LOST), decay(alpha))
    weights = weights * power(alpha, m - 1)
    total = weights @ _power_excess(h * np.sqrt((m[:, None] + m) / 2), d) @ weights
    for order in range(1, int(d) + 1):
        exponent = 2 * np.pi**2 * h**2 * order
        gap = np.array(alpha - (1 - alpha) * np.expm1(-exponent))
        mode = np.exp(-exponent) * geometric_at(gap, i)
        total -= special.binom(d, order) * (c * c / 2) ** order * mode**2
    return float(alpha * total)


@lru_cache(maxsize=65536)
def _moments(schedule: str, alpha: float, i: float, h: float, c: float, d: float) -> tuple[float, float]:
    """∫B_i² and n ∫Var_i."""
    exponent = 2 * np.pi**2 * h**2
    rate = 2 * exponent + (2 * decay(alpha) if alpha < 1 else np.inf)
    j = np.arange(1.0, reach(rate, i, _LOG_LOST) + 1)
    density, bias = _power_excess(h * np.sqrt(j), d), 0.0
    for order in range(1, int(d) + 1):
        loss = -np.expm1(-exponent * order)
        gap = alpha + (1 - alpha) * loss
        share = special.binom(d, order) * (c * c / 2) ** order
        squares = _squares(schedule, alpha, 1 - loss * geometric(gap, i - j), j == i)
        density = density - share * np.exp(-2 * exponent * order * j) * squares
        bias += share * float(loss * geometric(gap, np.array(i))) ** 2
    weights = power(alpha, 2 * j - 1) if schedule == "fixed" else power(alpha, 2 * (j - 1))
    variance = float(weights @ density)
    if schedule == "fixed" and alpha > 0:
        variance += _reused(alpha, i, h, c, d)
    return bias, variance


def _square(schedule: str) -> Callable[..., Array]:
    def one(alpha: float, i: float, h: float, c: float, d: float, n: Array) -> Array:
        bias, variance = _moments(schedule, alpha, i, h, c, d)
        return np.sqrt(bias + variance / n) / 2

    def square(n: Array, alpha: Array, i: Array, h: Array, c: Array, d: Array) -> Array:
        """½√(∫B_i² + ∫Var_i)."""
        return by_group(one, (alpha, i, h, c, d), (n,))

    square.__name__ = f"square_torus_{schedule}"
    return square


square_torus_fresh = _square("fresh")
square_torus_stratified = _square("stratified")
square_torus_fixed = _square("fixed")
