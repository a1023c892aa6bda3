"""½∫√(B_i² + Var_i) on the line: P = N(0, 1), bandwidth t, by recursions in the generation and one quadrature.

Notation, with b = 1 − α, v = t² and φ_s the density of N(0, 1+sv) at the nodes x > 0:

- F_j = T_{t√j} E Q_{i−j}: F_i = φ_i, F_j = α φ_j + b F_{j+1}; E P_i = F_1, and T_{t√j} E P_{i−j} = F_{j+1};
- D_j = √(4πjv) K²_{t√j} * E P_{i−j}: mixtures of φ_{m+j/2}, by a recursion in steps of two.

Both are linear filters along j. What has decayed by (1−α)^i < exp(−75) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from .kde_nodes import both_ends, by_group, counting_rule, decay, geometric_mixture, power, reach, right_end

Array: TypeAlias = NDArray[np.float64]

_STEP_LEFT, _STEP_RIGHT = 1 / 16, 1 / 32
_LOG_LOST = 75.0
_TAIL = 14.0  # nodes reach out to 14 standard deviations of the widest component
_WIDEST = 1e100  # wider kernels give the same value in double precision
_BLOCK = 1 << 21  # densities held at a time
_ROOT = np.sqrt(2 * np.pi)


def density(x: Array, s: Array, v: float) -> Array:
    """Density of N(0, 1+sv) at x, shape x.shape + s.shape."""
    variance = 1 + s * v
    return np.exp(np.square(x)[..., None] / (-2 * variance)) / (_ROOT * np.sqrt(variance))  # type: ignore[no-any-return]


def _means(alpha: float, phi: Array) -> Array:
    """F_j, j = 1..i, from φ_0..φ_i in the columns."""
    backwards = alpha * phi[:, :0:-1]
    backwards[:, 0] = phi[:, -1]
    return np.asarray(lfilter([1.0], [1.0, alpha - 1.0], backwards, axis=1)[:, ::-1])


def _kernels(alpha: float, phi: Array) -> Array:
    """D_j, j = 1..i, from φ_0, φ_½, …, φ_i in the columns; D_i stands for φ_{i/2}."""
    i = (phi.shape[1] - 1) // 2
    backwards = np.empty((len(phi), i))
    backwards[:, 0] = phi[:, i]
    if i > 1:
        backwards[:, 1] = phi[:, i + 1]
    j = np.arange(i - 2, 0, -1)
    if i > 2:
        step = phi[:, 2 * i - j] - phi[:, 2 * i - j - 2]
        backwards[:, 2:] = alpha * phi[:, j + 2] + power(alpha, i - j - 1.0) * step
    return np.asarray(lfilter([1.0], [1.0, 0.0, alpha - 1.0], backwards, axis=1)[:, ::-1])


def _after(means: Array, last: Array) -> Array:
    """F_{j+1}, j = 1..i, with φ_i behind the end."""
    return np.concatenate([means[:, 1:], last[:, None]], axis=1)


def _independent(alpha: float, t: float, phi: Array, by_part: bool) -> tuple[Array, Array]:
    """E P_i and n Var_i where every training set is drawn anew: one mixture, or (`by_part`) two fixed parts."""
    i = (phi.shape[1] - 1) // 2
    j = np.arange(1.0, i + 1)
    means = _means(alpha, phi[:, ::2])
    spread = (1 - alpha) * _kernels(alpha, phi) + alpha * phi[:, 1 : i + 1]
    spread[:, -1] = phi[:, i]
    square = np.square(means)
    if by_part:
        square = alpha * np.square(phi[:, 2::2]) + (1 - alpha) * np.square(_after(means, phi[:, -1]))
    weights = np.square(power(alpha, j - 1))
    return means[:, 0], (spread / (t * np.sqrt(4 * np.pi * j)) - square) @ weights


def _reused(alpha: float, t: float, i: int, x: Array) -> Array:
    """N times the variance that the reused points bring: α [r² * P − (r * P)²], r = Σ_{m≤i} b^{m−1} K_{t√m}."""
    rate = decay(alpha)
    m, weights = counting_rule(1, i, rate)
    weights = weights * power(alpha, m - 1)
    first, second = np.triu_indices(len(m))
    total = m[first] + m[second]
    pairs = weights[first] * weights[second] * np.where(first == second, 1.0, 2.0) / (t * np.sqrt(2 * np.pi * total))
    harmonic, outcome = m[first] * m[second] / total, np.empty(len(x))
    rows = max(1, _BLOCK // len(total))
    for start in range(0, len(x), rows):
        piece = x[start : start + rows]
        square = np.square(density(piece, m, t * t) @ weights)
        outcome[start : start + rows] = alpha * (density(piece, harmonic, t * t) @ pairs - square)
    return outcome


def _fixed(alpha: float, t: float, phi: Array) -> tuple[Array, Array]:
    """E P_i and n Var_i without the reused points: the other real points and all synthetic ones."""
    i = (phi.shape[1] - 1) // 2
    j = np.arange(1.0, i + 1)
    means = _means(alpha, phi[:, ::2])
    square = np.square(_after(means, phi[:, -1]))
    return means[:, 0], (_kernels(alpha, phi) / (t * np.sqrt(4 * np.pi * j)) - square) @ power(alpha, 2 * j - 1)


def _replaced(t: float, i: float, x: Array) -> tuple[Array, Array]:
    """E P_i and n Var_i at α = 0: one sum over j, with a few hundred terms for every i."""
    j, weights = counting_rule(1, int(i), 0.0)
    last = density(x, np.array([i]), t * t)[:, 0]
    terms = density(x, i - j / 2, t * t) @ (weights / (t * np.sqrt(4 * np.pi * j)))
    return last, terms - i * np.square(last)


def _in_pieces(x: Array, width: int) -> Iterator[slice]:
    rows = max(1, _BLOCK // width)
    return (slice(start, start + rows) for start in range(0, len(x), rows))


def _moments(schedule: str, alpha: float, t: float, i: float, x: Array) -> tuple[Array, Array]:
    """E P_i and n Var_i at the nodes x."""
    if alpha == 0:
        return _replaced(t, i, x)
    kept = reach(decay(alpha), i, _LOG_LOST)
    half = np.arange(2 * kept + 1) / 2
    mean, variance = np.empty(len(x)), np.empty(len(x))
    for piece in _in_pieces(x, len(half)):
        phi = density(x[piece], half, t * t)
        if schedule == "fixed":
            mean[piece], variance[piece] = _fixed(alpha, t, phi)
        else:
            mean[piece], variance[piece] = _independent(alpha, t, phi, schedule == "stratified")
    if schedule == "fixed":
        variance += _reused(alpha, t, kept, x)
    return mean, variance


@lru_cache(maxsize=512)
def _profile(schedule: str, alpha: float, i: float, t: float) -> tuple[Array, Array, Array]:
    """Weights of the quadrature over the line, B_i² and n Var_i at its nodes."""
    from .kde_numeric import crossing

    v = t * t
    nodes, weights = (np.array([i]), np.ones(1)) if alpha == 0 else geometric_mixture(alpha, i)
    root = np.sqrt(2 * crossing(v * nodes, weights))
    longest = _TAIL * np.sqrt(1 + v * reach(decay(alpha), i, _LOG_LOST))
    left, _, inner = both_ends(_STEP_LEFT)
    outer, outer_weights = right_end(_STEP_RIGHT, float(longest))
    x = np.concatenate([root * left, root + outer])
    mean, variance = _moments(schedule, alpha, t, i, x)
    bias = mean - density(x, np.zeros(1), v)[:, 0]
    return np.concatenate([root * inner, outer_weights]), np.square(bias), np.maximum(variance, 0)


def _sharp(schedule: str) -> Callable[..., Array]:
    def one(alpha: float, i: float, t: float, n: Array) -> Array:
        if t == 0:
            return np.full(len(n), np.inf)
        weights, bias, variance = _profile(schedule, alpha, i, min(t, _WIDEST))
        return np.sqrt(bias + variance / n[:, None]) @ weights

    def sharp(n: Array, alpha: Array, i: Array, t: Array) -> Array:
        """½∫√(B_i² + Var_i): twice the half line."""
        return by_group(one, (alpha, i, t), (n,))

    sharp.__name__ = f"sharp_line_{schedule}"
    return sharp


sharp_line_fresh = _sharp("fresh")
sharp_line_stratified = _sharp("stratified")
sharp_line_fixed = _sharp("fixed")
