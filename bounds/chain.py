"""The exact law of one atom of a discrete loop, by the backward equation of its Markov chain."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array: TypeAlias = NDArray[np.float64]


def binomial_rows(n: int, q: Array) -> Array:
    """Return the probabilities of Bin(n, q) on {0..n} as rows, shape (len(q), n+1), each summing to 1."""
    counts = np.arange(n + 1.0)
    log_choose = special.gammaln(n + 1) - special.gammaln(counts + 1) - special.gammaln(n - counts + 1)
    with np.errstate(divide="ignore"):
        log_rows = log_choose + special.xlogy(counts, q[:, None]) + special.xlog1py(n - counts, -q[:, None])
    rows = np.exp(log_rows)
    rows /= rows.sum(axis=1, keepdims=True)
    return rows  # type: ignore[no-any-return]


def _one_chain(n: int, alpha: float, p: float, generations: NDArray[np.int64]) -> Array:
    """Return E|X_i/n − p| for the given increasing generations: u ← K u, then Bin(n, p)·u."""
    states = np.arange(n + 1) / n
    start = binomial_rows(n, np.array([p]))[0]
    kernel = binomial_rows(n, alpha * p + (1 - alpha) * states)
    value, done = np.abs(states - p), 1
    found = np.empty(len(generations))
    for index, generation in enumerate(generations):
        for _ in range(done, generation):
            value = kernel @ value
        done = int(generation)
        found[index] = start @ value
    return found


def chain_deviation(n: Any, alpha: Any, i: Any, p: Any) -> Array:
    """E|X_i/n − p| for X_{j+1} ~ Bin(n, αp + (1−α)X_j/n), X_1 ~ Bin(n, p); broadcasts.

    The cost is O(n²) per generation for each distinct (n, α, p), so a sweep over i costs one chain.
    """
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=float) for value in (n, alpha, p, i)))
    flat = np.stack([array.ravel() for array in arrays], axis=1)
    values = np.zeros(len(flat))
    if not len(flat):
        return values.reshape(arrays[0].shape)
    designs, owner = np.unique(flat[:, :3], axis=0, return_inverse=True)
    for index, (size, real, atom) in enumerate(designs):
        mine = np.flatnonzero(owner.ravel() == index)
        generations, position = np.unique(flat[mine, 3].astype(np.int64), return_inverse=True)
        values[mine] = _one_chain(int(size), real, atom, generations)[position.ravel()]
    return values.reshape(arrays[0].shape)
