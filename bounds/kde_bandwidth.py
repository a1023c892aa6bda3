"""The bandwidth that makes a kernel density bound smallest: in closed form for small bandwidths, or by search."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from .errors import DomainError, ParameterError
from .result import Result

SHARP_OVER_TRIANGLE = 1.2795012735197447
"""argmin over c of ∫√((c²(x²−1)φ/2)² + kφ/c) dx, k = 32√2 B²/√(4π), B = e^(−1/2)/√(2π), φ the normal density."""
_GRID = 400  # bandwidths tried on a logarithmic grid before the search


def small_bandwidth_optimum(variance: sp.Expr, bias: sp.Expr, n: sp.Expr, d: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Minimise variance·n^(−1/2) h^(−d/2) + bias·h² over h > 0.

    Parameters
    ----------
    variance, bias : sympy.Expr
        Positive constants of the small-bandwidth forms of V and of b(h).
    n, d : sympy.Expr
        Sample size and dimension.

    Returns
    -------
    tuple of sympy.Expr
        The minimiser (d·variance/(4·bias·√n))^(2/(d+4)), of order n^(−1/(d+4)), and the minimum, of order
        n^(−2/(d+4)). The function is convex in h, so the zero of its derivative is the only minimum.
    """
    best = (d * variance / (4 * bias * sp.sqrt(n))) ** (2 / (d + sp.Integer(4)))
    return best, bias * best**2 * (1 + sp.Integer(4) / d)


def line_optimum(n: sp.Expr, sigma: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Best bandwidth and smallest V_0 + b(h) for P = N(0, σ²) on the line, to leading order in h."""
    variance = sp.sqrt(2 * sp.pi * sigma) / (2 * (4 * sp.pi) ** sp.Rational(1, 4))
    bias = sp.exp(-sp.Rational(1, 2)) / sp.sqrt(2 * sp.pi) / sigma**2
    return small_bandwidth_optimum(variance, bias, n, sp.Integer(1))


def torus_optimum(n: sp.Expr, c: sp.Expr, d: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Best bandwidth and smallest V + b_d(h) for P = Π(1 + c cos 2πx_j) on the torus, to leading order in h."""
    return small_bandwidth_optimum((4 * sp.pi) ** (-d / sp.Integer(4)) / 2, 2 * sp.pi * sp.Abs(c) * d, n, d)


def loop_bandwidth(n: ArrayLike, alpha: ArrayLike, i: ArrayLike, sigma: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Bandwidth that minimises the sharp bound of generation i for P = N(0, σ²), to leading order in h.

    To that order E P_i − P is S_i(α) h²p''/2, S_i(α) being the mean age of its mixture, and the variance of an estimate
    of age m is that of the bandwidth h√m. The sum of the L1 norms of the two, V n^(−1/2) h^(−1/2) + B h², is least at
    h₀ = (V/(4B√n))^(2/5); the sharp bound ½∫√(bias² + variance), written in h/h₀, is the same function for all
    parameters, and least at 1.2795….

    Parameters
    ----------
    n : array_like
        Points per generation, at least 1.
    alpha : array_like
        Real fraction, in [0, 1].
    i : array_like of int
        Generation, at least 1.
    sigma : array_like
        Standard deviation of P = N(0, σ²), positive.

    Returns
    -------
    ndarray
        Of the broadcast shape, in the unit of sigma.
    """
    n, alpha, i, sigma = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (n, alpha, i, sigma)))
    variance, bias = np.empty(n.shape), np.empty(n.shape)
    for at in np.ndindex(n.shape):
        ages = np.arange(1, int(i[at]) + 1)
        kept = (1 - alpha[at]) ** (ages - 1)
        variance[at], bias[at] = np.sqrt(np.sum(kept**2 / np.sqrt(ages))), np.sum(kept)
    variance *= (2 * sigma**2) ** 0.25 / 2
    bias *= np.exp(-0.5) / np.sqrt(2 * np.pi) / sigma**2
    return np.asarray(SHARP_OVER_TRIANGLE * (variance / (4 * bias * np.sqrt(n))) ** 0.4)


def optimal_bandwidth(result: Result, low: float = 1e-3, high: float = 10.0, **values: Any) -> tuple[float, float]:
    """Minimise a result over its bandwidth h in [low, high], all other parameters fixed.

    Parameters
    ----------
    result : Result
        Any result with a parameter h.
    low, high : float
        Bandwidths between which is searched, 0 < low < high.
    **values
        The other parameters, scalars.

    Returns
    -------
    tuple of float
        The bandwidth and the value there: the best of a logarithmic grid of 400, refined between its neighbours.
        The minimum is at an end of [low, high] if the result is monotone there.

    Raises
    ------
    DomainError
        Ends that are not 0 < low < high, or another parameter outside its domain.
    ParameterError
        A result without a bandwidth, or a parameter that is missing or unknown.
    """
    if "h" not in result.names:
        raise ParameterError(result.key, (), ("h",), result.names)
    if not 0 < low < high < np.inf:
        raise DomainError(result.key, "low, high", (low, high), "0 < low < high, both finite")
    grid = np.geomspace(low, high, _GRID)
    heights = np.asarray(result(h=grid, **values))
    at = int(np.argmin(heights))
    ends = np.log(grid[[max(at - 1, 0), min(at + 1, _GRID - 1)]])
    found = optimize.minimize_scalar(
        lambda u: float(result(h=np.exp(u), **values)), bounds=tuple(ends), method="bounded", options={"xatol": 1e-10}
    )
    if found.fun < heights[at]:
        return float(np.exp(found.x)), float(found.fun)
    return float(grid[at]), float(heights[at])
