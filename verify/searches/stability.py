"""Searches for the stability of learners: a training set on four points, of which one is replaced by another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import bounds
import sim

from ..case import Array, Blocks, Bounded, Design, Exact
from ..cases.stability import _norm, _slope, _span
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]
Measure: TypeAlias = Callable[[sim.Learner, sim.LabelledAtoms, Array], float]

_LEARNERS: tuple[tuple[str, Callable[[float], sim.Penalised]], ...] = (("ridge", sim.Ridge), ("logistic", sim.Logistic))
_LOSSES = ("squared", "logistic")
_RUNS = 256
_PARTS = 1000  # of the shares of a training set whose size does not matter
_KIND = {"kind": Axis(low=0, high=1, integer=True)}
_MU = {"mu": Axis(low=1e-3, high=1e3, log=True)}
_N = {"n": Axis(low=1, high=1000, integer=True, log=True)}
_SHAPE = {
    "turn": Axis(low=0, high=np.pi),
    "away": Axis(low=0, high=1),
    "reach": Axis(low=0.03, high=50, log=True),
    "length": Axis(low=0.03, high=50, log=True),
    "label": Axis(low=-1, high=1),
    "empty": Axis(low=0, high=1),
    "split": Axis(low=0, high=1),
}
"""The four points and how many training points lie on each; see `_place`."""


def _place(values: Values, logistic: bool) -> sim.LabelledAtoms:
    """Return four points: on the first axis with label 1, two elsewhere with labels `label` and -1, and the origin.

    The first and the two are `length` and `reach` times the root of a penalty, by which weights are measured, away
    from the origin, at most 1.
    Of the training points a share `away` is not on the first; `empty` of these are at the origin, which moves no
    learner, and the others are `split` between the two. Labels of the logistic loss are the signs.
    """
    near, far = (min(1.0, values[name] * np.sqrt(values.get("mu", 1.0))) for name in ("length", "reach"))
    place = far * np.array([np.cos(values["turn"]), np.sin(values["turn"])])
    x = np.stack([np.array([near, 0.0]), place, place, np.zeros(2)])
    label = (1.0 if values["label"] >= 0 else -1.0) if logistic else values["label"]
    away, empty, split = values["away"], values["empty"], values["split"]
    some = away * (1 - empty)
    p = np.array([1 - away, some * (1 - split), some * split, away * empty])
    y = np.array([1.0, label, -1.0, 1.0 if logistic else 0.0])
    return sim.LabelledAtoms(x=x, y=y, p=p)


def _set(atoms: sim.LabelledAtoms, n: int) -> NDArray[np.int64]:
    """Return counts of n points in these shares, one after the other as near as whole numbers come."""
    ends = np.round(n * np.cumsum(atoms.p)).astype(np.int64)
    return np.asarray(ends - np.concatenate([[0], ends[:-1]]))


def _lipschitz(learner: sim.Learner, atoms: sim.LabelledAtoms) -> float:
    """Return the Lipschitz constant of the losses at these points for weights in the ball of norm B."""
    lengths = np.linalg.norm(atoms.x, axis=1)
    ends = np.stack([side * lengths * learner.B for side in (-1, 1)])
    return float((np.abs(learner.loss.slopes(ends, atoms.y)).max(axis=0) * lengths).max())


def _stability(key: str, name: str = "") -> Search:
    """Every point of one training set by every other, of a learner by name or by number."""
    result = bounds.get(key)

    def design(values: Values) -> Design:
        kind = [known for known, _ in _LEARNERS].index(name) if name else values["kind"]
        learner = _LEARNERS[kind][1](values["mu"])
        atoms = _place(values, kind == 1)

        def change() -> Array:
            return np.asarray(sim.replace_one_stability(learner, atoms, _set(atoms, values["n"])).max())

        known = {"L": _lipschitz(learner, atoms)} if "L" in result.names else {}
        return Design(
            label=f"{learner.label}, n={values['n']}",
            values={"n": values["n"], "mu": values["mu"], **known},
            evidence=Exact(values=change, upper=learner.M),
        )

    return Search(result=result, axes={**_N, **_MU, **({} if name else _KIND), **_SHAPE}, design=design)


def _constant(name: str, tail: str, measure: Measure) -> Search:
    """What the predictor of one training set attains at the four points."""
    result, (_, make) = bounds.get(f"stability/erm/{name}/{tail}"), _LEARNERS[name == "logistic"]

    def design(values: Values) -> Design:
        learner, atoms = make(values["mu"]), _place(values, name == "logistic")

        def value() -> Array:
            return np.asarray(measure(learner, atoms, learner.fit(atoms, _set(atoms, _PARTS))))

        return Design(label=learner.label, values={"mu": values["mu"]}, evidence=Exact(values=value))

    return Search(result=result, axes={**_MU, **_SHAPE}, design=design)


def _coupled(learner: sim.SGD, atoms: sim.LabelledAtoms, n: int, moved: int) -> Blocks:
    """Return runs that pick the same places of two training sets: a point of this atom is replaced by one of atom 2."""
    counts = _set(atoms, n)
    if not counts[moved]:
        counts[counts.argmax()] -= 1
        counts[moved] = 1

    def blocks(seed: int) -> Iterator[Array]:
        for key in count():
            word = int(np.random.SeedSequence([seed, key]).generate_state(1)[0])
            yield sim.coupled_stability(learner, atoms, counts, moved, 2, runs=_RUNS, seed=word)[:, None]

    return blocks


def _descent() -> Search:
    """Two runs that pick the same places of neighbouring training sets."""

    def design(values: Values) -> Design:
        kind, n = _LOSSES[values["kind"]], values["n"]
        smoothness = 1.0 if kind == "squared" else 0.25
        learner = sim.SGD(
            kind=kind,
            rate=values["rate"] * 2 / smoothness,
            radius=values["radius"],
            decay=values["decay"],
            passes=values["passes"],
            replacement=bool(values["replacement"]),
        )
        atoms = _place(values, values["kind"] == 1)
        L, eta = _lipschitz(learner, atoms), float(learner.step_sizes(n).sum())
        most = min(learner.M, 2 * L**2 * eta)  # neither run gets farther than L eta from the start
        evidence = Bounded(blocks=_coupled(learner, atoms, n, values["moved"]), upper=most)
        return Design(label=f"{learner.label}, n={n}", values={"n": n, "L": L, "eta": eta}, evidence=evidence)

    axes = {
        "moved": Axis(low=0, high=1, integer=True),
        "n": Axis(low=1, high=100, integer=True, log=True),
        **_KIND,
        "rate": Axis(low=0.01, high=1, log=True),
        "decay": Axis(low=0, high=2),
        "radius": Axis(low=0.05, high=5, log=True),
        "passes": Axis(low=1, high=2, integer=True),
        "replacement": Axis(low=0, high=1, integer=True),
    }
    return Search(result=bounds.get("stability/sgd"), axes={**axes, **_SHAPE}, design=design)


SEARCHES: tuple[Search, ...] = (
    _stability("stability/erm"),
    _stability("stability/erm/ridge", "ridge"),
    _constant("ridge", "norm", _norm),
    _constant("ridge", "lipschitz", _slope),
    _constant("ridge", "loss-range", _span),
    _stability("stability/erm/logistic", "logistic"),
    _constant("logistic", "norm", _norm),
    _constant("logistic", "loss-range", _span),
    _descent(),
)

__all__ = ["SEARCHES"]
