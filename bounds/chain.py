"""The exact law of one atom of a discrete loop, by the backward equation of its Markov chain."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .binomial import binomial_rows

Array: TypeAlias = NDArray[np.float64]


def _one_chain(n: int, alpha: float, p: float, generations: int) -> Array:
    """Return E|X_i/n − p| for i = 1..generations: u ← K u, then Bin(n, p)·u."""
    states = np.arange(n + 1) / n
    failures = np.arange(n, -1, -1) / n
    start = binomial_rows(n, np.array([p]), np.array([1 - p]))[0]
    found = np.empty(generations)
    value = np.abs(states - p)
    found[0] = start @ value
    if generations > 1:
        kernel = binomial_rows(n, alpha * p + (1 - alpha) * states, alpha * (1 - p) + (1 - alpha) * failures)
        for generation in range(1, generations):
            value = kernel @ value
            found[generation] = start @ value
    return found


def _coded(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct, codes.reshape(values.shape)


def chain_deviation(n: Any, alpha: Any, i: Any, p: Any) -> Array:
    """E|X_i/n − p| for X_{j+1} ~ Bin(n, αp + (1−α)X_j/n), X_1 ~ Bin(n, p); broadcasts.

    The cost is O(n²) per generation for each distinct (n, α, p), so a sweep over i costs one chain.
    """
    n, alpha, i, p = (np.asarray(value, dtype=float) for value in (n, alpha, i, p))
    shape = np.broadcast_shapes(n.shape, alpha.shape, i.shape, p.shape)
    if 0 in shape:
        return np.zeros(shape)
    (sizes, of_n), (reals, of_alpha), (atoms, of_p) = _coded(n), _coded(alpha), _coded(p)
    codes = (of_n * len(reals) + of_alpha) * len(atoms) + of_p
    designs, owner = _coded(codes)
    time = i.astype(np.intp) - 1
    last = np.zeros(len(designs), dtype=np.intp)
    # the usual case: designs along the last axis (the atoms), generations along the others
    apart = owner.shape[-1:] in ((), (owner.size,)) and time.shape[-1:] in ((), (1,))
    if apart:
        last[:] = time.max()
    else:
        np.maximum.at(last, *np.broadcast_arrays(owner, time))
    table = np.empty((len(designs), int(last.max()) + 1))
    for row, design in enumerate(designs.astype(np.intp)):
        real, atom = divmod(design, len(atoms))
        size, real = divmod(real, len(reals))
        table[row, : last[row] + 1] = _one_chain(int(sizes[size]), reals[real], atoms[atom], last[row] + 1)
    if apart:
        values: Array = np.take(table[owner.ravel()].T.copy(), time.ravel(), axis=0).reshape(shape)
        return values
    values = table[owner, time]
    return values
