"""The bandwidth that makes a kernel density bound smallest: in closed form for small bandwidths, or by search."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from scipy import optimize

from .errors import DomainError, ParameterError
from .result import Result

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
