"""Total variation between two densities: certified quadrature on the line, unbiased Monte Carlo anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.densities import Density, ScalarDensity
from sim.errors import SimulationError, real, whole

Array: TypeAlias = NDArray[np.float64]

_CELLS = 128  # cells to begin with, on either support
_MOST = 2**18  # cells in all
_PIECE = 2**16  # draws evaluated together
_MASS = 1e-6  # how far from 1 a density may integrate
_EPS = float(np.finfo(np.float64).eps)
_UNIT = f"a density that integrates to 1 within {_MASS:g}"


class _Cells(NamedTuple):
    """∫|p − q| over cells with error bounds, and whether the sign of p − q is proved."""

    low: Array
    high: Array
    value: Array
    error: Array


def tv_quadrature(p: ScalarDensity, q: ScalarDensity, *, tolerance: float = 1e-9) -> tuple[float, float]:
    """Return the total variation distance of two densities in one dimension, with a certified error.

    In a cell where the sign of p − q is proved, from its values at the ends and a bound of the second
    derivatives, ∫|p − q| is the difference of two probabilities, which the distribution functions
    give exactly. Elsewhere it is that of the chord of p − q, to within w³ sup|p'' − q''|/12. Cells
    with a large error are bisected.

    Parameters
    ----------
    p, q : ScalarDensity
        On the line, or on the circle with a distribution function; d = 1.
    tolerance : float
        Error aimed at, positive; what is reached, with 2^18 cells at most, is returned.

    Returns
    -------
    value, error : float
        |value − TV(p, q)| ≤ error, if `cdf` and `curvature` of both are right; it includes rounding.

    Raises
    ------
    SimulationError
        If they do not live on the same line or circle, or if one does not integrate to 1 within 1e-6.
    """
    _same_home(p, q)
    for name, density in (("p", p), ("q", q)):
        if density.d != 1 or not (hasattr(density, "cdf") and hasattr(density, "curvature")):
            raise SimulationError(name, density, "one-dimensional, with cdf and curvature; see tv_monte_carlo")
    tolerance = real("tolerance", tolerance, 0, math.inf, open_low=True)
    edges = np.unique(np.concatenate([np.linspace(*density.support, _CELLS + 1) for density in (p, q)]))
    low, high = edges[:-1], edges[1:]
    for name, density in (("p", p), ("q", q)):
        _check_mass(name, density, edges)
    value, error, cells = 0.0, 0.0, low.size
    while low.size:
        found = _judged(p, q, low, high)
        split = found.error > tolerance / max(64, 2 * int(np.count_nonzero(found.error)))
        if cells + 2 * np.count_nonzero(split) > _MOST or found.error.sum() + error <= tolerance:
            split = np.zeros_like(split)
        value += float(found.value[~split].sum())
        error += float(found.error[~split].sum())
        low, high = _halved(low[split], high[split])
        cells += low.size
    rounding = 4 * _EPS * (cells + 64)
    return min(max(0.5 * value, 0.0), 1.0), 0.5 * error + rounding


def _judged(p: ScalarDensity, q: ScalarDensity, low: Array, high: Array) -> _Cells:
    """∫|p − q| over every cell: exact where the sign is proved, else by the chord and the probabilities."""
    width = high - low
    left, right = p.pdf(low) - q.pdf(low), p.pdf(high) - q.pdf(high)
    bend = (p.curvature(low, high) + q.curvature(low, high)) * width**2 / 8
    in_p, in_q = p.cdf(high) - p.cdf(low), q.cdf(high) - q.cdf(low)
    exact = np.abs(in_p - in_q)
    proved = np.maximum(np.minimum(left, right), -np.maximum(left, right)) > bend
    chord, slack = width * _chord(left, right), width * bend * (2 / 3)
    least = np.maximum(exact, chord - slack)
    most = np.maximum(np.minimum(in_p + in_q, chord + slack), least)  # equal but for rounding, if below
    value = np.where(proved, exact, (least + most) / 2)
    return _Cells(low, high, value, np.where(proved, 0.0, (most - least) / 2))


def _chord(left: Array, right: Array) -> Array:
    """Mean of |ℓ| over a cell, ℓ linear with these values at its ends."""
    total = np.abs(left) + np.abs(right)
    crossing = np.divide(left * right, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(0.5 * total + np.minimum(crossing, 0.0))


def _halved(low: Array, high: Array) -> tuple[Array, Array]:
    middle = (low + high) / 2
    return np.concatenate([low, middle]), np.concatenate([middle, high])


def _check_mass(name: str, density: ScalarDensity, edges: Array) -> None:
    """Raise if the distribution function, or the density by Simpson's rule, does not have mass 1.

    Cells are bisected until the second derivatives bound the error of the trapezoidal rule by 1e-5;
    a hundredth of that is left to Simpson's.
    """
    low, high = edges[:-1], edges[1:]
    while True:
        slack = density.curvature(low, high) * (high - low) ** 3 / 12
        if slack.sum() <= 1e-5 or low.size > _MOST // 16:
            break
        split = slack > 0.5 * slack.mean()
        halves = _halved(low[split], high[split])
        low, high = (np.concatenate([kept[~split], half]) for kept, half in zip((low, high), halves, strict=True))
    ends, centre = density.cdf(edges[[0, -1]]), density.pdf((low + high) / 2)
    mass = float(((density.pdf(low) + 4 * centre + density.pdf(high)) * (high - low)).sum()) / 6
    right = abs(ends[1] - ends[0] - 1) <= _MASS and abs(mass - 1) <= _MASS + float(slack.sum()) / 100
    if not (right and (centre >= 0).all()):
        raise SimulationError(name, density, _UNIT)


def tv_functions(
    p: Callable[[Array], Array],
    q: Callable[[Array], Array],
    support: tuple[float, float],
    *,
    lipschitz: float = math.inf,
    curvature: float = math.inf,
    cells: int = 2**17,
) -> tuple[float, float]:
    """Return the total variation distance of two densities given as plain functions.

    Parameters
    ----------
    p, q : callable
        Densities on the line, ``p(x) -> heights`` for a vector x; 0 outside of `support`.
    support : tuple of float
        An interval, finite.
    lipschitz, curvature : float
        Bounds of |p'| and of |p''| within the support, for p and for q; at least one of them.
    cells : int
        Cells of equal width w to begin with, at least 1. The error is at most lipschitz·w/4, and
        curvature·w²/12, times the length of the support.

    Returns
    -------
    value, error : float
        |value − TV(p, q)| ≤ error, if the bounds are right and up to rounding.

    Raises
    ------
    SimulationError
        If no bound is given, or if one of the functions is negative, not finite, or does not integrate
        to 1 within 1e-6 by the trapezoidal rule on the cells.
    """
    low, high = real("support", support[0], -math.inf, math.inf), real("support", support[1], -math.inf, math.inf)
    if not low < high:
        raise SimulationError("support", support, "an interval (low, high) with low < high")
    if not (lipschitz >= 0 and curvature >= 0 and min(lipschitz, curvature) < math.inf):
        raise SimulationError(
            "lipschitz", lipschitz, "a bound of |p'| and |q'|, or else curvature one of |p''| and |q''|"
        )
    cells = whole("cells", cells, 1)
    x, w = np.linspace(low, high, cells + 1), (high - low) / cells
    f, g = (_heights(name, density, x, w) for name, density in (("p", p), ("q", q)))
    gap = f - g
    bent = curvature * w * w / 12 * (high - low)  # half of 2·curvature·w³/12 per cell
    if bent <= lipschitz * w / 4 * (high - low):
        return float(0.5 * w * _chord(gap[:-1], gap[1:]).sum()), bent + cells * _EPS
    size = np.abs(gap)
    # |p − q| lies between two tents of slope ±2·lipschitz over its values at the ends.
    tents = (2 * lipschitz * w) ** 2 - np.minimum(np.diff(size) ** 2, (2 * lipschitz * w) ** 2)
    error = float(tents.sum()) / (16 * lipschitz) if lipschitz else 0.0
    return float(0.25 * w * (size[:-1] + size[1:]).sum()), error + cells * _EPS


def _heights(name: str, density: Callable[[Array], Array], x: Array, w: float) -> Array:
    heights = np.asarray(density(x), dtype=np.float64)
    if heights.shape != x.shape:
        raise SimulationError(name, heights.shape, f"a function that returns {x.size} heights for {x.size} places")
    if not (np.isfinite(heights).all() and (heights >= 0).all()):
        raise SimulationError(name, density, "a density: finite and not negative")
    mass = float(0.5 * w * (heights[:-1] + heights[1:]).sum())
    if abs(mass - 1) > _MASS:
        raise SimulationError(name, mass, _UNIT)
    return heights


def tv_monte_carlo(p: Density, q: Density, n: int, seed: int) -> tuple[float, float]:
    """Return an unbiased estimate of the total variation distance, in [0, 1], with its standard error.

    The mean of S = |tanh((log p − log q)/2)| = |p − q|/(p + q) over a draw from p and one from q has
    expectation ½∫|p − q|.

    Parameters
    ----------
    p, q : Density
        On the same line or torus.
    n : int
        Draws from each, at least 2.
    seed : int
        Seed, not negative.

    Returns
    -------
    value, error : float
        Mean over the n pairs, and its standard error (an estimate, no certificate).

    Raises
    ------
    SimulationError
        If they do not live in the same place, or if neither density is positive at a draw.
    """
    _same_home(p, q)
    n, seed = whole("n", n, 2), whole("seed", seed, 0)
    rng = np.random.Generator(np.random.SFC64(seed))
    pairs = np.empty(n)
    for k in range(0, n, _PIECE):
        size = min(_PIECE, n - k)
        pairs[k : k + size] = 0.5 * (_contrast(p, q, p.sample(rng, size)) + _contrast(p, q, q.sample(rng, size)))
    return float(pairs.mean()), float(pairs.std(ddof=1) / math.sqrt(n))


def _contrast(p: Density, q: Density, x: Array) -> Array:
    with np.errstate(invalid="ignore"):
        out = np.abs(np.tanh(0.5 * (p.logpdf(x) - q.logpdf(x))))
    if np.isnan(out).any():
        raise SimulationError("p", p, "positive where p draws, and q where q draws")
    return np.asarray(out)


def _same_home(p: Density, q: Density) -> None:
    if (p.space, p.d) != (q.space, q.d):
        raise SimulationError("q", q, f"on the {p.space} in dimension {p.d}, as p is")
