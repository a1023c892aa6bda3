"""NumPy forms of the functions in `bounds.functions`, accurate over the whole domain.

Every function broadcasts, takes and returns float64, and keeps a relative error near 1e-14 where the
textbook formula cancels (α → 0, n → ∞). Domains are checked by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import special

from .chain import chain_deviation

Array: TypeAlias = NDArray[np.float64]

# Bernoulli numbers B_{2k}/(2k)! of the Euler-Maclaurin formula, k = 1..8
_EULER_MACLAURIN = tuple(float(mpmath.bernoulli(2 * k) / mpmath.factorial(2 * k)) for k in range(1, 9))
_HALF_LOG_2PI = float(mpmath.log(2 * mpmath.pi) / 2)


def geometric_sum(x: Array, i: Array) -> Array:
    """S_i(x) = (1 − (1−x)^i)/x by expm1 and log1p; i at x = 0; direct where 1−x ≤ 0."""
    x = np.asarray(x, dtype=float)
    low, high = (x.min(), x.max()) if x.size else (0.5, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.expm1(np.log1p(-x) * i) / -x
    if low <= 0 or high >= 1:
        total = np.where(x == 0, i, total)
        if high >= 1:
            total = np.where(x >= 1, (1 - np.power(np.minimum(1 - x, 0), i)) / np.where(x == 0, 1, x), total)
    return total  # type: ignore[no-any-return]


def complement_power(x: Array, i: Array) -> Array:
    """(1−x)^i by exp and log1p; direct where 1−x ≤ 0, so that 0^0 = 1 and signs are right."""
    x = np.asarray(x, dtype=float)
    high = x.max() if x.size else 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.exp(np.log1p(-x) * i)
    if high >= 1:
        power = np.where(x >= 1, np.power(np.minimum(1 - x, 0), i), power)
    return power  # type: ignore[no-any-return]


def accumulated_loss(n: Array, i: Array) -> Array:
    """1 − Π_{k≤i}(1 − 1/(nk²))."""
    return -np.expm1(_accumulated_log(n, i))  # type: ignore[no-any-return]


def accumulated_survival(n: Array, i: Array) -> Array:
    """Π_{k≤i}(1 − 1/(nk²))."""
    return np.exp(_accumulated_log(n, i))  # type: ignore[no-any-return]


def _accumulated_log(n: Array, i: Array) -> Array:
    """Log of Π_{k≤i}(1 − 1/(nk²)): eight factors directly, then Σ_m (ζ(2m,9) − ζ(2m,i+1))/(m n^m)."""
    n, i = np.asarray(n, dtype=float), np.asarray(i, dtype=float)
    log_product = np.zeros(np.broadcast_shapes(n.shape, i.shape))
    with np.errstate(divide="ignore"):
        for k in range(1, 9):
            log_product += np.where(i >= k, np.log1p(-1 / (n * k**2)), 0)
    if i.size and i.max() > 8:
        last = np.maximum(i, 8) + 1
        for m in range(1, 2 + int(38 / np.log(81 * n.min()))):
            log_product -= (special.zeta(2.0 * m, 9.0) - special.zeta(2.0 * m, last)) / (m * n**m)
    return log_product


def power_sum(s: Array, i: Array) -> Array:
    """Σ_{k≤i} k^{−s}: ζ(s) − ζ(s, i+1) for one s ≥ 2, else twelve terms and Euler–Maclaurin from 13 to i."""
    s, i = np.asarray(s, dtype=float), np.asarray(i, dtype=float)
    if s.ndim == 0 and s == 1:
        return special.digamma(i + 1) + np.euler_gamma  # type: ignore[no-any-return]
    if s.ndim == 0 and s >= 2:
        return special.zeta(s, 1.0) - special.zeta(s, i + 1)  # type: ignore[no-any-return]
    head = 12
    total = np.zeros(np.broadcast_shapes(s.shape, i.shape))
    for k in range(1, head + 1):
        total += np.where(i >= k, float(k) ** -s, 0)
    if i.size and i.max() > head:
        total = np.where(i > head, total + _power_tail(s, head + 1, np.maximum(i, head + 1)), total)
    return total


def _power_tail(s: Array, first: int, last: Array) -> Array:
    """Σ_{k=first}^{last} k^{−s} by Euler–Maclaurin, for first ≥ 13 and last ≥ first."""
    start, stop = float(first) ** -s, last**-s
    tail = _power_integral(s, first, last) + (start + stop) / 2
    rising = s
    for order, coefficient in enumerate(_EULER_MACLAURIN, start=1):
        start, stop = start / first, stop / last
        if order > 1:
            start, stop = start / first, stop / last
            rising = rising * (s + 2 * order - 3) * (s + 2 * order - 2)
        tail = tail + coefficient * rising * (start - stop)
    return tail


def _power_integral(s: Array, first: int, last: Array) -> Array:
    """∫_first^last x^{−s} dx, stable through s = 1."""
    log_ratio, gap = np.log(last / first), 1 - s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient = np.where(gap == 0, log_ratio, np.expm1(gap * log_ratio) / gap)
    return float(first) ** gap * quotient  # type: ignore[no-any-return]


def shifted_power_sum(a: Array, i: Array) -> Array:
    """Σ_{k≤i} k^{−a}/(k+1): 31 terms directly, then Σ_j (−1)^j Σ_k k^{−a−1−j} by Euler–Maclaurin."""
    a, i = np.asarray(a, dtype=float), np.asarray(i, dtype=float)
    head = 31
    total = np.zeros(np.broadcast_shapes(a.shape, i.shape))
    top = int(min(head, i.max())) if i.size else 0
    for k in range(1, top + 1):
        total += np.where(i >= k, float(k) ** -a / (k + 1), 0)
    if i.size and i.max() > head:
        last = np.maximum(i, head + 1)
        series = sum((-1) ** j * _power_tail(a + 1 + j, head + 1, last) for j in range(12))
        total = np.where(i > head, total + series, total)
    return total


@cache
def _small_tables() -> tuple[Array, Array]:
    """Return log c4(n) and ψ((n−1)/2) − log((n−1)/2) for n = 0..63 (nan below 2), correctly rounded."""
    with mpmath.workdps(40):
        half = [mpmath.mpf(n - 1) / 2 for n in range(64)]
        log_c4 = [mpmath.loggamma(z + 0.5) - mpmath.loggamma(z) - mpmath.log(z) / 2 for z in half[2:]]
        drift = [mpmath.digamma(z) - mpmath.log(z) for z in half[2:]]
        table = [[np.nan, np.nan, *map(float, column)] for column in (log_c4, drift)]
    return np.array(table[0]), np.array(table[1])


def _by_table_or_series(n: Array, table: Array, coefficients: tuple[float, ...], first: int) -> Array:
    """Table for n < 64, else Σ_j coefficients[j] z^{−(first + 2j)} at z = (n−1)/2."""
    n = np.asarray(n, dtype=float)
    inverse = 2 / np.maximum(n - 1, 1)
    square = inverse * inverse
    series = np.zeros_like(inverse)
    for coefficient in reversed(coefficients):
        series = series * square + coefficient
    return np.where(n < 64, table[np.minimum(n, 63).astype(int)], series * inverse**first)  # type: ignore[no-any-return]


def _log_c4(n: Array) -> Array:
    """Log of c4(n): Γ-ratio expansion −1/(8z) + 1/(192z³) − …, z = (n−1)/2."""
    series = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)
    return _by_table_or_series(n, _small_tables()[0], series, 1)


def c4_power(n: Array, i: Array) -> Array:
    """c4(n)^i."""
    return np.exp(_log_c4(n) * i)  # type: ignore[no-any-return]


def c4_power_complement(n: Array, i: Array) -> Array:
    """1 − c4(n)^i."""
    return -np.expm1(_log_c4(n) * i)  # type: ignore[no-any-return]


def log_chi_square_drift(n: Array) -> Array:
    """ψ(z) − log z at z = (n−1)/2: −1/(2z) − Σ_k B_{2k}/(2k z^{2k})."""
    n = np.asarray(n, dtype=float)
    even = tuple(-float(mpmath.bernoulli(2 * k)) / (2 * k) for k in range(1, 7))
    drift = _by_table_or_series(n, _small_tables()[1], even, 2)
    return np.where(n < 64, drift, drift - 1 / np.maximum(n - 1, 1))  # type: ignore[no-any-return]


def student_tv(d: Array, s: Array) -> Array:
    """I_{s/(4+s)}(1/2, d/2); the arctan form at d = 1."""
    d, s = np.asarray(d, dtype=float), np.asarray(s, dtype=float)
    if d.ndim == 0 and d == 1:
        return np.arctan(np.sqrt(s) / 2) * (2 / np.pi)  # type: ignore[no-any-return]
    return special.betainc(0.5, d / 2, s / (4 + s))  # type: ignore[no-any-return]


def _stirling_error(x: Array) -> Array:
    """Return log Γ(x+1) − (x+½)log x + x − ½log 2π for x ≥ 0 (0 at x = 0, by the convention 0 log 0 = 0)."""
    small = np.clip(x, 1, 16)
    direct = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - _HALF_LOG_2PI
    inverse = 1 / np.maximum(x, 16)
    square = inverse * inverse
    series = np.zeros_like(inverse)
    for coefficient in (1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * square + coefficient
    return np.where(x < 16, direct, series * inverse)  # type: ignore[no-any-return]


def mean_deviation(n: Array, p: Array) -> Array:
    """De Moivre's E|X/n − p| with Loader's saddle-point form of the binomial probability."""
    n, p = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(p, dtype=float))
    q, mean = 1 - p, n * p
    m = np.minimum(np.floor(mean) + 1, n)
    rest, gap = n - m, m - mean
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = m * np.log1p(gap / mean) - gap
        deviance += np.where(rest > 0, rest * np.log1p(-gap / (n * q)) + gap, gap)
        log_ratio = _stirling_error(n) - _stirling_error(m) - np.where(rest > 0, _stirling_error(rest), 0)
        root = np.where(rest > 0, np.sqrt(n / (m * np.maximum(rest, 1))) * np.exp(-_HALF_LOG_2PI), 1)
        middle = 2 * m / n * q * np.exp(log_ratio - deviance) * root
        # one success or all successes: C(n,m) is 1 or n, and the closed form is direct
        first = 2 * p * np.exp(n * np.log1p(-p))
        last = 2 * q * np.exp(n * np.log(p))
    value = np.where(m == 1, first, np.where(rest == 0, last, middle))
    return np.where((p == 0) | (p == 1), 0.0, value)


def last_of_resolvent(mixing: Array, errors: Array) -> Array:
    """Last entry of (I − B)^{−1} ε by forward substitution over leading axes."""
    return resolvent(mixing, errors)[..., -1]


def resolvent(mixing: Array, errors: Array) -> Array:
    """(I − B)^{−1} ε, shape (…, g), for B (…, g, g) strictly lower triangular and ε (…, g)."""
    mixing, errors = np.asarray(mixing, dtype=float), np.asarray(errors, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], errors.shape)
    solution = np.array(np.broadcast_to(errors, shape))
    for row in range(1, shape[-1]):
        solution[..., row] += np.einsum("...k,...k->...", mixing[..., row, :row], solution[..., :row])
    return solution


def weighted_variance(mixing: Array, sizes: Array) -> Array:
    """Compute w of the last generation under `weighted(B)`: D5' with p(1−p) = 1, over leading axes."""
    mixing, sizes = np.asarray(mixing, dtype=float), np.asarray(sizes, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], sizes.shape)
    generations = shape[-1]
    covariance = np.zeros((*shape, generations))
    for row in range(generations):
        weights = mixing[..., row, :row]
        cross = np.einsum("...k,...kj->...j", weights, covariance[..., :row, :row])
        inherited = np.einsum("...j,...j->...", cross, weights)
        covariance[..., row, :row] = covariance[..., :row, row] = cross
        covariance[..., row, row] = inherited + (1 - inherited) / sizes[..., row]
    return covariance[..., -1, -1]


def weighted_survival(mixing: Array, sizes: Array) -> Array:
    """1 − w of the last generation: D5' for 1 − C with the real distribution as index 0; all terms ≥ 0."""
    mixing, sizes = np.asarray(mixing, dtype=float), np.asarray(sizes, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], sizes.shape)
    generations = shape[-1]
    kept = np.ones((*shape[:-1], generations + 1, generations + 1))
    for row in range(generations):
        weights = mixing[..., row, :row]
        real = 1 - weights.sum(axis=-1, keepdims=True)
        full = np.concatenate([real, weights], axis=-1)
        cross = np.einsum("...k,...kj->...j", full, kept[..., : row + 1, : row + 1])
        kept[..., row + 1, : row + 1] = kept[..., : row + 1, row + 1] = cross
        inherited = np.einsum("...j,...j->...", cross, full)
        kept[..., row + 1, row + 1] = inherited * (1 - 1 / sizes[..., row])
    return kept[..., -1, -1]


def weighted_triangle(mixing: Array, sizes: Array) -> Array:
    """Last entry of (I − B)^{−1} n^{−1/2}."""
    return last_of_resolvent(mixing, np.asarray(sizes, dtype=float) ** -0.5)


NUMERIC: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        geometric_sum,
        complement_power,
        accumulated_loss,
        accumulated_survival,
        power_sum,
        shifted_power_sum,
        c4_power,
        c4_power_complement,
        log_chi_square_drift,
        student_tv,
        mean_deviation,
        chain_deviation,
        last_of_resolvent,
        weighted_variance,
        weighted_survival,
        weighted_triangle,
    )
}
