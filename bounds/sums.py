"""Sums and products over generations in closed form, accurate to rounding for any number of generations."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeAlias

import mpmath
import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_DIRECT = 16  # factors of the product taken one by one
_SERIES_FROM = 64  # sample size from which the infinite product has a short series
_TABULATED = 4096  # terms of a sum with one exponent that are summed once and kept
_LARGEST_EXPONENT = 1100.0  # from here on every k**-s with k >= 2 is 0 in double precision

# B_{2k}/(2k)! of the Euler-Maclaurin formula, k = 1..8
_EULER_MACLAURIN = tuple(float(mpmath.bernoulli(2 * k) / mpmath.factorial(2 * k)) for k in range(1, 9))


@cache
def _product_coefficients() -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Return ζ(2m)/m for m = 1..10, and B_{2j}(½)/(2j)! (2m)_{2j−1}/m for m = 1..6, j = 0..6−m."""
    infinite = tuple(float(mpmath.zeta(2 * m) / m) for m in range(1, 11))
    tail = tuple(
        tuple(
            float(mpmath.bernpoly(2 * j, 0.5) / mpmath.factorial(2 * j) * mpmath.rf(2 * m, 2 * j - 1) / m)
            for j in range(7 - m)
        )
        for m in range(1, 7)
    )
    return infinite, tail


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    total = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def _factors(share: Array, i: Array) -> Array:
    """Σ_{k≤i} log(1 − share/k²) term by term, i ≤ 16."""
    total = np.zeros(np.broadcast_shapes(share.shape, i.shape))
    first, last = int(i.min()), int(i.max())
    for k in range(1, last + 1):
        term = np.log1p(share / -(k**2))
        total += term if k <= first else np.where(i >= k, term, 0)
    return total


def _remaining(share: Array, i: Array) -> Array:
    """−Σ_{k>i} log(1 − share/k²) = Σ_m share^m ζ(2m, i+1)/m, i ≥ 16, expanded in 1/(i+½)."""
    middle = i + 0.5
    square = 1 / (middle * middle)
    total = np.zeros(())
    for coefficients in reversed(_product_coefficients()[1]):
        total = (total * share + _polynomial(square, coefficients)) * square
    return total * (share * middle)


def _all_factors(share: Array) -> Array:
    """Σ_{k≥1} log(1 − share/k²), on the shape of `share`."""
    total = np.asarray(-share * _polynomial(share, _product_coefficients()[0]))
    few = share > 1 / _SERIES_FROM
    if few.any():
        last = np.array(float(_DIRECT))
        total[few] = _factors(share[few], last) - _remaining(share[few], last)
    return total


def _accumulated_log(n: Array, i: Array) -> Array:
    """Log of Π_{k≤i}(1 − 1/(nk²))."""
    share, i = np.asarray(1 / np.asarray(n, dtype=float)), np.asarray(i, dtype=float)
    shape = np.broadcast_shapes(share.shape, i.shape)
    if 0 in shape:
        return np.zeros(shape)
    with np.errstate(divide="ignore"):
        if i.max() <= _DIRECT:
            return _factors(share, i)
        total = _all_factors(share) + _remaining(share, np.maximum(i, _DIRECT))
        if i.min() < _DIRECT:
            early = np.broadcast_to(i < _DIRECT, shape)
            total[early] = _factors(np.broadcast_to(share, shape)[early], np.broadcast_to(i, shape)[early])
    return total


def accumulated_loss(n: Array, i: Array) -> Array:
    """1 − Π_{k≤i}(1 − 1/(nk²))."""
    return -np.expm1(_accumulated_log(n, i))


def accumulated_survival(n: Array, i: Array) -> Array:
    """Π_{k≤i}(1 − 1/(nk²))."""
    return np.exp(_accumulated_log(n, i))


def _power_tail(s: Array, first: int, last: Array, orders: int = 8) -> Array:
    """Σ_{k=first}^{last} k^{−s} by Euler–Maclaurin, for last ≥ first; `orders` = 8 serves first = 13."""
    log_ratio, gap = np.log(last / first), 1 - s
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient = np.where(gap == 0, log_ratio, np.expm1(gap * log_ratio) / gap)
    start, stop = float(first) ** -s, last**-s
    tail = first * start * quotient + (start + stop) / 2
    rising = s
    for order, coefficient in enumerate(_EULER_MACLAURIN[:orders], start=1):
        power = 1 if order == 1 else 2
        start, stop = start / float(first) ** power, stop / last**power
        if order > 1:
            rising = rising * (s + 2 * order - 3) * (s + 2 * order - 2)
        tail = tail + coefficient * rising * (start - stop)
    return tail


def _shifted_tail(a: Array, first: int, last: Array, terms: int, orders: int = 8) -> Array:
    """Σ_{k=first}^{last} k^{−a}/(k+1) = Σ_j (−1)^j Σ_k k^{−a−1−j}."""
    parts = [(-1) ** j * _power_tail(a + 1 + j, first, last, orders) for j in range(terms)]
    return sum(reversed(parts[:-1]), parts[-1])  # type: ignore[no-any-return]


@lru_cache(maxsize=64)
def _table(s: float, shift: int) -> Array:
    """Σ_{k≤i} k^{−s}/(k+1)^shift for i = 0..4096."""
    k = np.arange(1, _TABULATED + 1, dtype=np.longdouble)
    sums = np.zeros(_TABULATED + 1)
    sums[1:] = np.cumsum(k ** -np.longdouble(s) / (k + 1) ** shift)
    return sums


def _from_table(s: float, shift: int, i: Array) -> Array:
    """The sum for one exponent: looked up, with Euler–Maclaurin beyond the table."""
    total = _table(s, shift)[np.minimum(i, _TABULATED).astype(np.intp)]
    if i.size and i.max() > _TABULATED:
        total, beyond = np.asarray(total), i > _TABULATED
        exponent, first = np.array(s), _TABULATED + 1
        if shift:
            total[beyond] += _shifted_tail(exponent, first, i[beyond], 5, 3)
        else:
            total[beyond] += _power_tail(exponent, first, i[beyond], 3)
    return total


def _from_terms(s: Array, shift: int, i: Array, head: int) -> Array:
    """The sum for many exponents: `head` terms one by one, then Euler–Maclaurin."""
    total = np.zeros(np.broadcast_shapes(s.shape, i.shape))
    if not total.size:
        return total
    first, last = int(min(i.min(), head)), int(min(i.max(), head))
    for k in range(1, last + 1):
        term = np.exp(s * -np.log(k)) / float(k + 1) ** shift
        total += term if k <= first else np.where(i >= k, term, 0)
    if i.max() > head:
        stop = np.maximum(i, head + 1)
        tail = _shifted_tail(s, head + 1, stop, 12) if shift else _power_tail(s, head + 1, stop)
        total = np.where(i > head, total + tail, total)
    return total


def _sum(s: Array, shift: int, i: Array, head: int) -> Array:
    s, i = np.minimum(np.asarray(s, dtype=float), _LARGEST_EXPONENT), np.asarray(i, dtype=float)
    if s.size == 1 and i.ndim >= s.ndim:
        return _from_table(float(s.reshape(())), shift, i)
    return _from_terms(s, shift, i, head)


def power_sum(s: Array, i: Array) -> Array:
    """Σ_{k≤i} k^{−s}."""
    return _sum(s, 0, i, 12)


def shifted_power_sum(a: Array, i: Array) -> Array:
    """Σ_{k≤i} k^{−a}/(k+1)."""
    return _sum(a, 1, i, 31)
