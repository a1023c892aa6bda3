"""Searches for the expected gap from both sides: on two kinds of points, mostly exact."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from sim.exact_chains import CHAINS, binomial_rows

from ..case import Array, Bounded, Design, Evidence, Exact
from ..cases.discrete_exact import Loop
from ..cases.generalization_second_order import Study
from ..search import Axis, Search
from .generalization import LEARNER
from .loops import SCHEDULES, WEIGHTS, exact_axes, loop_at, weighted

Values: TypeAlias = Mapping[str, Any]

_KEY = "generalization/second-order"
_HISTORIES = 100_000
_KINDS: Mapping[str, Axis] = {
    **LEARNER,
    "mu": Axis(low=0.05, high=50, log=True),
    "p": Axis(low=0.02, high=0.98),
    "x": Axis(low=0, high=1),
    "y": Axis(low=-1, high=0),
}
"""The first kind has feature 1 and label 1. Labels of two signs keep V away from 0, where both sides are rounding."""


def study_at(values: Values) -> Study:
    """Return a learner on two kinds of points."""
    logistic, p = values["learner"], values["p"]
    y = np.array([1.0, -1.0 if logistic else values["y"]])
    atoms = sim.LabelledAtoms(x=np.array([[1.0], [values["x"]]]), y=y, p=np.array([p, 1 - p]))
    return Study(atoms, (sim.Logistic if logistic else sim.Ridge)(values["mu"]))


def expected_gap(study: Study, law: Array) -> float:
    """Return the expected gap of a learner, exactly, from the law of how many training points are of the first kind.

    With p and f the real and the training share of the first kind it is E (p - f)(D - D'), D and D' the differences
    of the two kinds' losses for the learner and for the minimiser of the real risk, as E f = p.
    """
    atoms, size = study.atoms, law.size - 1
    counts = np.arange(law.size)
    losses = study.learner.losses(atoms, study.learner.fit(atoms, np.stack([counts, size - counts], axis=1)))
    apart = losses[:, 0] - losses[:, 1] - (study.losses[0] - study.losses[1])
    return float(law @ ((atoms.p[0] - counts / size) * apart))


def law_of_last(loop: Loop, p: float) -> Array:
    """Return the law of the count of the first kind, of probability p, in the last training set of a loop."""
    schedule, last = loop.schedule, loop.generations
    shares, laws, _ = next(islice(CHAINS[loop.name](schedule, loop.n, np.array([p])), last - 1, None))
    size = int(schedule.sizes(loop.n, last)[-1])
    return np.bincount(np.round(shares * size).astype(int), weights=laws[0], minlength=size + 1).astype(float)


def law_of_weighted(B: Array, sizes: Array, p: float) -> Array:
    """Return the same under a weighted schedule, by enumeration of all histories of counts."""
    law, shares = np.ones(1), np.empty((1, 0))
    for row, size in zip(B, sizes, strict=True):
        q = p * (1 - row.sum()) + shares @ row[: shares.shape[1]]
        rows = law[:, None] * binomial_rows(size, q)
        here = np.tile(np.arange(size + 1) / size, law.size)
        law, shares = rows.ravel(), np.column_stack([np.repeat(shares, size + 1, axis=0), here])
    return np.asarray(rows.sum(axis=0))


def _named(side: str, name: str) -> Search:
    def design(values: Values) -> Design:
        study, loop = study_at(values), loop_at(name, values, values["i"] + 1)
        return Design(
            label=f"{loop}, {study.learner.label}",
            values={**loop.arguments, "i": values["i"], **study.arguments},
            evidence=Exact(
                values=lambda: np.asarray(expected_gap(study, law_of_last(loop, values["p"]))), upper=study.reach
            ),
        )

    return Search(result=bounds.get(f"{_KEY}/{side}/{name}"), axes={**exact_axes(name), **_KINDS}, design=design)


def _weighted(side: str) -> Search:
    """The last of g generations, exactly if there are few histories."""

    def design(values: Values) -> Design:
        study, (B, sizes) = study_at(values), weighted(values)
        evidence: Evidence
        if np.prod(sizes + 1.0) <= _HISTORIES:
            evidence = Exact(
                values=lambda: np.asarray(expected_gap(study, law_of_weighted(B, sizes, values["p"]))),
                upper=study.reach,
            )
        else:
            blocks = study.gaps(sim.Weighted(B, tuple(sizes.tolist())), int(sizes[0]), (sizes.size,))
            evidence = Bounded(blocks=blocks, upper=study.reach)
        label = f"weighted, g={sizes.size}, {study.learner.label}"
        return Design(label=label, values={"B": B, "n": sizes, **study.arguments}, evidence=evidence)

    axes = {
        "n": Axis(low=1, high=200, integer=True, log=True),
        **WEIGHTS,
        "growth": Axis(low=0.9, high=1.5, log=True),
        **_KINDS,
        "mu": Axis(low=0.05, high=500, log=True),
    }
    return Search(result=bounds.get(f"{_KEY}/{side}/weighted"), axes=axes, design=design)


_SIDES = ("lower", "upper")
SEARCHES: tuple[Search, ...] = (
    *(_named(side, name) for side in _SIDES for name in SCHEDULES),
    *map(_weighted, _SIDES),
)

__all__ = ["SEARCHES", "expected_gap", "law_of_last", "law_of_weighted", "study_at"]
