"""Binomial probabilities to full relative accuracy, by Loader's saddle-point form, and de Moivre's deviation."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import mpmath
import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_TABULATED = 64
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


@cache
def _stirling_table() -> Array:
    """Return `stirling_error` for 0..63, correctly rounded."""
    with mpmath.workdps(40):
        values = [mpmath.loggamma(x + 1) - (x + 0.5) * mpmath.log(x) + x for x in range(1, _TABULATED)]
        half = mpmath.log(2 * mpmath.pi) / 2
        return np.array([0.0, *(float(value - half) for value in values)])


def stirling_error(x: Array) -> Array:
    """Return log Γ(x+1) − (x+½)log x + x − ½log 2π for integers x ≥ 0 (0 at x = 0)."""
    x = np.asarray(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / x
        square = inverse * inverse
        series = square * _STIRLING[-1]
        for coefficient in reversed(_STIRLING[1:-1]):
            series += coefficient
            series *= square
        series += _STIRLING[0]
        series *= inverse
    small = x < _TABULATED
    if small.any():
        table = _stirling_table()[np.minimum(x, _TABULATED - 1).astype(np.intp)]
        series = np.where(small, table, series)
    return series


def mean_deviation(n: Any, p: Any) -> Array:
    """De Moivre's E|X/n − p| = (2m/n)(1−p) P(X = m), m = ⌊np⌋ + 1, X ~ Bin(n, p).

    With gap = m − np, log(m/(np)) and log((n−m)/(n(1−p))) are log1p of small numbers and the linear
    parts of the two deviances cancel. The deviation is the same for p and 1 − p; with the smaller one
    the error of np does not matter.
    """
    n, p = np.asarray(n, dtype=float), np.asarray(p, dtype=float)
    p, q = np.minimum(p, 1 - p), np.maximum(p, 1 - p)
    mean = n * p
    m = np.minimum(np.floor(mean) + 1, n)
    rest, gap = n - m, m - mean
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        exponent = np.log1p(gap / mean)
        exponent *= m
        other = np.log1p(gap / -(rest + gap))
        other *= rest
        exponent += other
        exponent += stirling_error(m)
        exponent += stirling_error(rest)
        value = np.exp(stirling_error(n) - exponent)
        value *= np.sqrt(m / rest)
        value *= q * np.sqrt(2 / (np.pi * n))
        # one success, or n: C(n, m) is n or 1, and the closed form is direct
        single, full = m == 1, rest == 0
        if single.any():
            value = np.where(single, 2 * p * np.exp(n * np.log1p(-p)), value)
        if (full & ~single).any():
            value = np.where(full & ~single, 2 * q * np.exp(n * np.log(p)), value)
    return value  # type: ignore[no-any-return]


def binomial_rows(n: int, q: Array, r: Array) -> Array:
    """Return the probabilities of Bin(n, q) on {0..n} as rows, shape (len(q), n+1), each summing to 1.

    `r` is 1 − q, given separately because it may be known more accurately.
    """
    rows = np.empty((len(q), n + 1))
    inner = np.arange(1.0, n)
    q, r = q[:, None], r[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rows[:, :1], rows[:, n:] = np.exp(n * _log(r, q)), np.exp(n * _log(q, r))
        log_ratio = stirling_error(np.array(float(n))) - stirling_error(inner) - stirling_error(n - inner)
        log_ratio += np.log(n / (2 * np.pi * inner * (n - inner))) / 2
        deviance = _deviance(inner, n * q) + _deviance(n - inner, n * r)
        rows[:, 1:n] = np.exp(log_ratio - deviance)
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _log(q: Array, r: Array) -> Array:
    """Log of q, by log1p of r = 1 − q where q is the larger one."""
    return np.where(q > 0.5, np.log1p(-r), np.log(q))


def _deviance(count: Array, mean: Array) -> Array:
    """count·log(count/mean) + mean − count; infinite where the mean is 0 and the count is not."""
    ratio = (count - mean) / mean
    near = np.abs(ratio) < 0.5
    logs = np.where(near, np.log1p(np.where(near, ratio, 0)), np.log(count / mean))
    return count * logs + (mean - count)
