"""Nodes and weights: sums of smooth summands over many generations, and integrals with a feature at an end.

`counting_rule` is Gauss quadrature for the counting measure, block by block: it sums a function that is
analytic away from the origin over millions of integers with a few hundred evaluations. `both_ends` and
`right_end` are double exponential (tanh-sinh, exp-exp) rules for integrals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_NODES = 16  # per block
_SINGLES = 32  # integers taken one by one; also the shortest block
_WIDEST = 4.0  # blocks are at most this long, in units of 1/rate
_LOG_LOST = 45.0  # exp(-45) = 3e-20 is lost by leaving out what has decayed that far


@lru_cache(maxsize=256)
def _block(length: int) -> tuple[Array, Array]:
    """Gauss rule for Σ_{k=0}^{length−1}: the zeros of a discrete Chebyshev polynomial, exact to degree 31."""
    size = float(length)
    order = np.arange(1.0, _NODES)
    # recurrence coefficients of the orthogonal polynomials, in units of the length
    beta = order**2 * (1 - order**2 / size**2) / (4 * (4 * order**2 - 1))
    nodes, vectors = np.linalg.eigh(np.diag(np.sqrt(beta), 1) + np.diag(np.sqrt(beta), -1))
    return (size - 1) / 2 + size * nodes, size * vectors[0] ** 2


@lru_cache(maxsize=1024)
def counting_rule(first: int, last: int, rate: float) -> tuple[Array, Array]:
    """Return nodes and weights with Σ w f(nodes) = Σ_{k=first}^{last} f(k) to rounding.

    Parameters
    ----------
    first, last : int
        Ends of the sum, 0 ≤ first; an empty sum if last < first.
    rate : float
        Rate of the exponentials in f, such as −log(1−α) for (1−α)^k; apart from these, f is analytic off (−∞, 0].
    """
    limit = _WIDEST / rate if rate > 0 else np.inf
    nodes, weights, position = [], [], first
    while position <= last:
        remaining = last - position + 1
        room = min(position, remaining, limit)
        if position - first < _SINGLES or room < 2 * _SINGLES:
            count = min(remaining, _SINGLES)
            nodes.append(np.arange(position, position + count, dtype=float))
            weights.append(np.ones(count))
        else:
            count = 1 << (int(room).bit_length() - 1)
            inside, weight = _block(count)
            nodes.append(position + inside)
            weights.append(weight)
        position += count
    if not nodes:
        return np.empty(0), np.empty(0)
    return np.concatenate(nodes), np.concatenate(weights)


def decay(alpha: float) -> float:
    """−log(1−α), infinite at α = 1."""
    return float(-np.log1p(-alpha)) if alpha < 1 else np.inf


def reach(rate: float, last: float, log_lost: float = _LOG_LOST) -> int:
    """Largest k ≤ last with exp(−rate·k) above exp(−log_lost), at least 1."""
    return int(max(1.0, min(last, np.ceil(log_lost / rate) if rate > 0 else last)))


def power(alpha: float, k: Array) -> Array:
    """(1−α)^k for k ≥ 0, with 0^0 = 1."""
    k = np.asarray(k, dtype=float)
    if alpha == 1:
        return np.where(k == 0, 1.0, 0.0)
    return np.exp(np.log1p(-alpha) * k)  # type: ignore[no-any-return]


def geometric(alpha: float, k: Array) -> Array:
    """S_k(α) = (1 − (1−α)^k)/α, k at α = 0; k need not be whole."""
    if alpha == 0:
        return np.asarray(k, dtype=float)
    if alpha == 1:
        return np.where(np.asarray(k) == 0, 0.0, 1.0)
    return -np.expm1(np.log1p(-alpha) * k) / alpha  # type: ignore[no-any-return]


def geometric_mixture(alpha: float, last: float) -> tuple[Array, Array]:
    """Nodes k and weights of Σ_{k=1}^{last−1} α(1−α)^{k−1} f(k) + (1−α)^{last−1} f(last)."""
    rate = decay(alpha)
    nodes, weights = counting_rule(1, min(int(last) - 1, reach(rate, last)), rate) if alpha > 0 else _EMPTY
    ends = power(alpha, np.array([last - 1.0]))
    return np.append(nodes, last), np.append(alpha * weights * power(alpha, nodes - 1), ends)


_EMPTY = (np.empty(0), np.empty(0))


@lru_cache(maxsize=8)
def both_ends(step: float) -> tuple[Array, Array, Array]:
    """Tanh-sinh rule on (0, 1): distances from 0, distances from 1, weights."""
    points = np.arange(-3.4, 3.4 + step / 2, step)
    inner = np.pi * np.sinh(points)
    left, right = 1 / (1 + np.exp(-inner)), 1 / (1 + np.exp(inner))
    return left, right, step * np.pi * np.cosh(points) * left * right


def right_end(step: float, longest: float) -> tuple[Array, Array]:
    """Rule on (0, ∞) for functions that decay like a Gaussian beyond `longest`: distances from 0, weights."""
    points = np.arange(-3.7, max(np.log(longest), 0) + 2 * step, step)
    distance = np.exp(points - np.exp(-points))
    return distance, step * (1 + np.exp(-points)) * distance


def by_group(function: Callable[..., Array], keys: tuple[Array, ...], others: tuple[Array, ...]) -> Array:
    """Evaluate point by point where the work depends on `keys` and is shared by all `others`.

    `function(*key, *others)` takes floats for the keys and vectors for the others; all broadcast.
    """
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in (*keys, *others)))
    flat = [a.reshape(-1) for a in arrays]
    outcome = np.empty(flat[0].size)
    if not outcome.size:
        return outcome.reshape(arrays[0].shape)
    table = np.stack(flat[: len(keys)], axis=1)
    groups, owner = np.unique(table, axis=0, return_inverse=True)
    order = np.argsort(owner.reshape(-1), kind="stable")
    ends = np.cumsum(np.bincount(owner.reshape(-1), minlength=len(groups)))
    for group, end, start in zip(groups, ends, np.concatenate([[0], ends[:-1]]), strict=True):
        members = order[start:end]
        outcome[members] = function(*map(float, group), *(a[members] for a in flat[len(keys) :]))
    return outcome.reshape(arrays[0].shape)
