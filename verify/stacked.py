"""Bounds on the gap of ridge regression in the loop, term by term, beside the gap itself: data of a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bounds
import sim
from bounds.catalogue.generalization import TERMS

from .binary_loop import BinaryLearning, BinaryLoop
from .case import Array

_KEY = "generalization/categorical-ridge"
_FORMS = {
    "bounded differences": f"{_KEY}/mcdiarmid",
    "moments, published constants": f"{_KEY}/moment",
    "second moments": f"{_KEY}/variance",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class StackedTerms:
    """The terms of the bound on the expected gap over the generations; arrays have one entry per generation.

    Attributes
    ----------
    label : str
    generation : ndarray of int
    terms : mapping of str to ndarray
        In the order in which they are stacked; their sum is the bound.
    gap : ndarray
        |E gap|, exactly.
    """

    label: str
    generation: NDArray[np.int64]
    terms: Mapping[str, Array]
    gap: Array

    @property
    def bound(self) -> Array:
        """Sum of the terms."""
        return np.asarray(sum(self.terms.values()))


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoSides:
    """The expected gap between its two sides, without smoothing; arrays have one entry per sample size.

    Attributes
    ----------
    label : str
    sizes : ndarray of int
    lower, gap, upper : ndarray
        The second-order bounds around the exact gap.
    three_terms : ndarray
        The bound by stability, recursive stability and distribution shift.
    """

    label: str
    sizes: NDArray[np.int64]
    lower: Array
    gap: Array
    upper: Array
    three_terms: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Deviations:
    """Bounds with high probability; arrays have one entry per sample size.

    Attributes
    ----------
    label : str
    delta : float
    sizes : ndarray of int
    forms : mapping of str to ndarray
    measured_sizes : ndarray of int
    quantile : ndarray
        1 − delta quantile of the absolute gap given the reused points, exactly, at `measured_sizes`.
    length : float
        M: beyond it a bound says nothing.
    """

    label: str
    delta: float
    sizes: NDArray[np.int64]
    forms: Mapping[str, Array]
    measured_sizes: NDArray[np.int64]
    quantile: Array
    length: float


def stacked_terms(learning: BinaryLearning, generations: Sequence[int]) -> StackedTerms:
    """Return the terms of the bound for ridge regression, and the gap.

    Parameters
    ----------
    learning : BinaryLearning
        Ridge regression in a loop.
    generations : sequence of int
        At least 1 each.
    """
    values = instance(learning, np.array(generations))
    result = bounds.get(_KEY)
    return StackedTerms(
        label=_label(learning),
        generation=np.array(generations),
        terms={
            name: np.broadcast_to(replace(result, expr=term)(**values), len(generations))
            for name, term in TERMS[_KEY].items()
        },
        gap=np.array([abs(learning.mean_gap(i)) for i in generations]),
    )


def two_sides(learning: BinaryLearning, i: int, sizes: Sequence[int]) -> TwoSides:
    """Return the second-order bounds without smoothing, for loops of several sizes with the same share.

    Parameters
    ----------
    learning : BinaryLearning
        Ridge regression in a loop with omega = 0.
    i : int
        Generation.
    sizes : sequence of int
        Sample sizes; times alpha they are whole.
    """
    n, every = np.array(sizes), instance(learning, i)
    known = {name: every[name] for name in ("alpha", "i", "mu")} | {"n": n}
    variance = 4 * learning.loop.p * (1 - learning.loop.p)  # the gradient at the minimiser is a constant minus y
    lower, upper = (
        np.asarray(bounds.get(f"generalization/second-order/{side}/fixed")(**known, s=1.0, V=variance))
        for side in ("lower", "upper")
    )
    loops = [_resized(learning, size) for size in sizes]
    terms = [bounds.get(f"{_KEY}/average")(**instance(loop, i)) for loop in loops]
    return TwoSides(
        label=_label(learning, sized=False),
        sizes=n,
        lower=lower,
        gap=np.array([loop.mean_gap(i) for loop in loops]),
        upper=upper,
        three_terms=np.array(terms),
    )


def deviations(
    learning: BinaryLearning, i: int, sizes: Sequence[int], measured: Sequence[int], delta: float = 0.05
) -> Deviations:
    """Return the bounds with high probability and, for sizes within reach, what they bound.

    Parameters
    ----------
    learning : BinaryLearning
        Ridge regression in a loop.
    i : int
        Generation.
    sizes, measured : sequences of int
        Sample sizes of the bounds and of the loops; times alpha they are whole.
    delta : float in (0, 1/3]
    """
    known = instance(learning, i) | {"n": np.array(sizes), "delta": delta}
    return Deviations(
        label=_label(learning, sized=False),
        delta=delta,
        sizes=np.array(sizes),
        forms={name: np.asarray(bounds.get(key)(**known)) for name, key in _FORMS.items()},
        measured_sizes=np.array(measured),
        quantile=np.array([_quantile(_resized(learning, size), i, delta) for size in measured]),
        length=learning.learner.M,
    )


def instance(learning: BinaryLearning, i: int | NDArray[np.int64]) -> dict[str, Any]:
    """Return what the results on ridge regression know of a loop of points of two kinds."""
    loop = learning.loop
    known: dict[str, Any] = {"n": loop.n, "alpha": loop.alpha, "i": i, "K": loop.K, "omega": loop.omega}
    known["mu"] = _penalty(learning)
    return known | {"u": abs(loop.p - 1 / loop.K)}  # the atoms of the second kind are equally likely


def _resized(learning: BinaryLearning, n: int) -> BinaryLearning:
    loop = learning.loop
    reused = round(loop.alpha * n)
    return replace(learning, loop=BinaryLoop(n, reused, loop.p, loop.omega, loop.K))


def _quantile(learning: BinaryLearning, i: int, delta: float) -> float:
    gaps = np.abs(learning.gap_given_reused(i))
    order = np.argsort(gaps)
    reached = np.cumsum(learning.loop.chances[order])
    return float(gaps[order][np.searchsorted(reached, 1 - delta)])


def _label(learning: BinaryLearning, *, sized: bool = True) -> str:
    loop = learning.loop
    size = f"n = {loop.n}, " if sized else ""
    return f"{size}α = {loop.alpha:g}, P = {loop.p:g}, K = {loop.K}, ω = {loop.omega:g}, μ = {_penalty(learning):g}"


def _penalty(learning: BinaryLearning) -> float:
    if not isinstance(learning.learner, sim.Ridge):
        raise ValueError(f"learning has the learner {learning.learner.label}: allowed: ridge regression")
    return float(learning.learner.lam)
