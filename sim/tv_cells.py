"""∫|g| from the values of a smooth g at the nodes of a grid, with a bound of the error."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

SUMMIT = 9 / 16  # largest |t(t−1)(t+1)(t−2)|, t in [0, 1]: cubic interpolation between nodes −1, 0, 1, 2
AREA = 11 / 30  # its integral over [0, 1]
LEBESGUE = 1.25  # largest Σ|weights| of that interpolation
_FINE = {1: 32, 2: 16, 3: 4}  # pieces that an undecided cell is cut into along every axis
_NEGLIGIBLE = 1e-11  # what an undecided cell may add to the error before it is cut, per unit of the sum
_SLAB = 2**20  # pieces evaluated together


def cubic_error(step: float, fourth: float, fifth: float) -> float:
    """Return a bound of ∫|g − c|, c the cubic interpolant of g cell by cell, along one axis.

    |g − c| ≤ |t(t−1)(t+1)(t−2)| step⁴ sup|g⁗|/24, the supremum over the three cells that hold the
    nodes; it is at most the mean of |g⁗| over the middle one plus the integral of |g⁽⁵⁾| over all.

    Parameters
    ----------
    step : float
        Distance of the nodes.
    fourth, fifth : float
        Bounds of ∫|g⁗| and ∫|g⁽⁵⁾|.
    """
    return AREA / 24 * step**4 * (fourth + 3 * step * fifth)


def absolute_integral(g: Array, step: float, *, periodic: bool) -> tuple[Array, Array]:
    """Return ∫|c| and a bound of its error, c the interpolant of g, cubic along every axis, cell by cell.

    Where the nodes prove the sign of c in a cell, ∫|c| = |∫c| is exact. The other cells are cut into
    pieces; a piece counts with |c| at its centre, and its error is bounded by the derivatives of c,
    which differences of the nodes bound.

    Parameters
    ----------
    g : numpy.ndarray, shape (R, G, ...)
        Values at the nodes; one, two or three axes after the first.
    step : float
        Distance of the nodes, the same along all axes.
    periodic : bool
        Whether the last node is followed by the first. Otherwise the first cell and the last one,
        which have no nodes on both sides, are left out.

    Returns
    -------
    value, error : numpy.ndarray, shape (R,)
        |value − ∫|c|| ≤ error, up to rounding.
    """
    d = g.ndim - 1
    if periodic:
        g = np.pad(g, [(0, 0)] + [(1, 2)] * d, mode="wrap")
    low, high, bend = _range(g)
    bend *= 1 / 8  # |c − its multilinear interpolant|
    value = np.abs(_means(g))
    undecided = np.unravel_index(np.flatnonzero(np.maximum(low, -high) <= bend), bend.shape)
    bend = bend[undecided]
    error = np.maximum(high[undecided], -low[undecided]) + bend  # of a cell that is not cut: a bound of |c|
    cut = np.flatnonzero(error > _NEGLIGIBLE / (value[0].size * step**d))
    step_at = max(1, _SLAB // _FINE[d] ** d)
    for k in range(0, cut.size, step_at):
        some = cut[k : k + step_at]
        cells = tuple(index[some] for index in undecided)
        value[cells], error[some] = _pieces(_stencils(g, cells), 8 * bend[some])
    total = value.reshape(len(g), -1).sum(axis=1), np.bincount(undecided[0], error, len(g))
    return np.asarray(total[0] * step**d), np.asarray(total[1] * step**d)


def _at(array: Array, axis: int, start: int, stop: int) -> Array:
    """The nodes start..stop along an axis, counted from its beginning and its end (stop <= 0)."""
    index: list[Any] = [slice(None)] * array.ndim
    index[axis] = slice(start, array.shape[axis] + stop)
    return np.asarray(array[tuple(index)])


def _means(g: Array) -> Array:
    """∫c over every cell, in units of the cell."""
    for axis in range(1, g.ndim):
        inner = _at(g, axis, 1, -2) + _at(g, axis, 2, -1)
        inner *= 13 / 24
        outer = _at(g, axis, 0, -3) + _at(g, axis, 3, 0)
        outer *= 1 / 24
        inner -= outer
        g = inner
    return g


def _range(g: Array) -> tuple[Array, Array, Array]:
    """Least and largest value at the corners of every cell, and a bound of Σ_a |∂²c/∂x_a²| within it."""
    low = high = g
    for axis in range(1, g.ndim):
        low = np.minimum(_at(low, axis, 1, -2), _at(low, axis, 2, -1))
        high = np.maximum(_at(high, axis, 1, -2), _at(high, axis, 2, -1))
    bend = _bend(g, 1)
    for axis in range(2, g.ndim):
        bend += _bend(g, axis)
    return low, high, bend


def _bend(g: Array, axis: int) -> Array:
    """A bound of the second derivative along an axis: at the nodes it is a difference, between them linear."""
    second = _at(g, axis, 0, -2) + _at(g, axis, 2, 0)
    second -= 2 * _at(g, axis, 1, -1)
    np.abs(second, out=second)
    second = np.maximum(_at(second, axis, 0, -1), _at(second, axis, 1, 0))
    for other in range(1, g.ndim):
        if other != axis:
            pairs = np.maximum(_at(second, other, 0, -1), _at(second, other, 1, 0))
            second = LEBESGUE * np.maximum(_at(pairs, other, 0, -2), _at(pairs, other, 2, 0))
    return second


def _stencils(g: Array, cells: tuple[NDArray[np.intp], ...]) -> Array:
    """The 4^d nodes around each of N cells, shape (N, 4, ...)."""
    d = g.ndim - 1
    index = [cells[0].reshape(-1, *[1] * d)]
    for axis in range(d):
        offsets = np.arange(4).reshape([4 if k == axis else 1 for k in range(d)])
        index.append(cells[axis + 1].reshape(-1, *[1] * d) + offsets)
    return np.asarray(g[tuple(index)])


def _pieces(nodes: Array, bend: Array) -> tuple[Array, Array]:
    """∫|c| over cells cut into pieces, and a bound of its error, in units of a cell.

    In a piece of side 1/m where c keeps its sign the midpoint rule errs by at most bend/24m². In
    another one |c| and its value at the centre differ by at most Σ_a |x_a| sup|∂c/∂x_a|, and the
    mean of |x_a| is 1/4m.
    """
    d = nodes.ndim - 1
    m = _FINE[d]
    t = (np.arange(m) + 0.5) / m
    outer, inner = (t - 1) * (t - 2) * t, (t * t - 1) * (t - 2)
    basis = np.stack([-outer / 6, inner / 2, -t * (t + 1) * (t - 2) / 2, t * (t * t - 1) / 6])
    slope = np.sum([_slope(nodes, axis) for axis in range(1, d + 1)], axis=0)
    c = nodes
    for _ in range(d):  # contracts the first axis of the nodes, appends one of pieces
        c = np.tensordot(c, basis, axes=(1, 0))
    c = np.abs(c, out=c).reshape(len(nodes), -1)
    crossed = np.count_nonzero(c <= (slope / (2 * m))[:, None], axis=1) / c.shape[1]
    return c.mean(axis=1), bend / (24 * m * m) + crossed * slope / (4 * m)


def _slope(nodes: Array, axis: int) -> Array:
    """A bound of |∂c/∂x_a| in the middle cell of the nodes: the chord's slope and half the bend."""
    v = np.moveaxis(nodes, axis, 1)
    chord = np.abs(v[:, 2] - v[:, 1])
    second = np.maximum(np.abs(v[:, 0] - 2 * v[:, 1] + v[:, 2]), np.abs(v[:, 1] - 2 * v[:, 2] + v[:, 3]))
    bound = (chord + 0.5 * second).reshape(len(nodes), -1).max(axis=1)
    return np.asarray(bound * LEBESGUE ** (nodes.ndim - 2))
