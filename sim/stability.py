"""Measured stability of a learner: how far its losses move when one point of its training set is replaced."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import SimulationError, whole
from sim.labelled_atoms import Array, LabelledAtoms
from sim.learners import Learner
from sim.learners_sgd import SGD, listed

_HELD = 2**21  # numbers held at a time, about


def replace_one_stability(learner: Learner, atoms: LabelledAtoms, counts: ArrayLike) -> Array:
    """Return the largest change of a loss when one point of a training set is replaced.

    The supremum runs over the replaced point, the atom it is replaced by and the atom that the loss
    is taken at, all of them tried; so it is exact for each training set, and a lower bound on the
    uniform stability beta_n, which is the supremum over training sets too.

    Parameters
    ----------
    learner : Learner
        One without randomness; see `coupled_stability` for the other.
    atoms : LabelledAtoms
        The K points with labels.
    counts : array_like of int, shape (R, K)
        R training sets of one size. About R·K² predictors are fitted.

    Returns
    -------
    numpy.ndarray, shape (R,)

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    sets = atoms.training_sets(counts)
    base = learner.losses(atoms, learner.fit(atoms, sets))
    worst, one = np.zeros(len(sets)), np.eye(atoms.K, dtype=np.int64)
    group = max(1, _HELD // atoms.K**2)
    for k in range(atoms.K):
        holding = np.flatnonzero(sets[:, k])
        for start in range(0, holding.size, group):
            rows = holding[start : start + group]
            moved = (sets[rows, None] - one[k] + one).reshape(-1, atoms.K)
            losses = learner.losses(atoms, learner.fit(atoms, moved)).reshape(-1, atoms.K, atoms.K)
            change = np.abs(losses - base[rows, None]).max(axis=(1, 2))
            worst[rows] = np.maximum(worst[rows], change)
    return worst


def coupled_stability(
    learner: SGD, atoms: LabelledAtoms, counts: ArrayLike, removed: int, added: int, *, runs: int, seed: int
) -> Array:
    """Return the largest change of a loss over atoms in runs that pick the same places of two training sets.

    Their mean bounds sup over z of |E loss(z) − E' loss(z)| for this pair of training sets, and is
    itself at most 2L²·Σ(step sizes)/n; a confidence interval for it is the caller's.

    Parameters
    ----------
    learner : SGD
        What is run.
    atoms : LabelledAtoms
        The K points with labels.
    counts : array_like of int, shape (K,)
        One training set.
    removed, added : int
        Atom of the point that is replaced (it must occur) and the atom put in its place.
    runs : int
        How many independent runs, at least 1.
    seed : int
        Seed, at least 0.

    Returns
    -------
    numpy.ndarray, shape (runs,)

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    sets = atoms.training_sets(counts)
    if len(sets) != 1:
        raise SimulationError("counts", counts, "one training set")
    swap(sets[0], removed, added, "counts")
    learner.loss.check(atoms.y)
    points = np.repeat(listed(sets), whole("runs", runs, 1), axis=0)
    moved = points.copy()
    moved[:, np.flatnonzero(points[0] == removed)[0]] = added
    first, second = (
        learner.losses(atoms, learner.run(atoms, each, np.random.default_rng(whole("seed", seed, 0))))
        for each in (points, moved)
    )
    return np.asarray(np.abs(first - second).max(axis=1))


def swap(counts: NDArray[np.int64], removed: int, added: int, argument: str) -> NDArray[np.int64]:
    """Return counts with one point of atom `removed` replaced by one of atom `added`."""
    for name, atom in (("removed", removed), ("added", added)):
        if whole(name, atom, 0) >= counts.size:
            raise SimulationError(name, atom, f"an atom in 0..{counts.size - 1}")
    if counts[removed] < 1:
        raise SimulationError("removed", removed, f"an atom that occurs in {argument}")
    moved = counts.copy()
    moved[removed] -= 1
    moved[added] += 1
    return moved
