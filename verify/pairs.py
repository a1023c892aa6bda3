"""Pairs of real data on eight atoms that differ in one reused point, and loops from both compared."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import sim

from .case import Array, Blocks

Pair: TypeAlias = Literal["alone", "spread"]
Whole: TypeAlias = NDArray[np.int64]
ATOMS = 8
_RUNS = 256


def real_pair(pair: Pair, n: int, reused: int) -> tuple[Whole, Whole]:
    """Return counts of the reused and of the other real points, of which one reused point of atom 1 is to be replaced.

    In "alone" all other points lie on atom 0, so that the fits differ most; in "spread" they are even over all atoms.
    """
    if pair == "alone":
        first, second = np.eye(ATOMS, dtype=np.int64)[:2]
        return (reused - 1) * first + second, (n - reused) * first
    fixed, rest = (np.bincount(np.arange(size) % ATOMS, minlength=ATOMS) for size in (reused, n - reused))
    return fixed, rest


def along_pair(
    pair: Pair, n: int, alpha: float, omega: float, at: tuple[int, ...], what: Literal["distance", "divergence"]
) -> Blocks:
    """Return replications (R, generations) whose mean compares the laws of (S_1, …, S_i) of a pair.

    Their TV, the mean of "distance", is at least that of S_i, and the KL divergence is the mean of "divergence". The
    point moves from atom 1 to atom 2.
    """
    reused, rest = real_pair(pair, n, round(alpha * n))

    def blocks(seed: int) -> Iterator[Array]:
        for key in count():
            word = int(np.random.SeedSequence([seed, key]).generate_state(1)[0])
            found = sim.trajectories(
                reused, rest, 1, 2, omega=omega, generations=max(at), replications=_RUNS, seed=word
            )
            yield np.asarray(getattr(found, what)[:, np.array(at) - 1])

    return blocks
