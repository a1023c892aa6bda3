"""Cases for the stability of learners: every point of many training sets replaced by every atom."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..binary_loop import Whole
from ..case import Array, Blocks, Bounded, Case, Design, Exact, Setting
from .reasons import answers

_LEARNERS: Mapping[str, Callable[[float], sim.Penalised]] = {"ridge": sim.Ridge, "logistic": sim.Logistic}
_REASONS = {
    "convex-loss": "L is the Lipschitz constant of the squared or logistic loss for weights in the ball of norm B",
    "penalised-learner": "sim.Ridge and sim.Logistic minimise the penalised average loss",
    "ridge-learner": "sim.Ridge minimises the average of (w.x - y)^2/2 plus the penalty",
    "logistic-learner": "sim.Logistic minimises the average logistic loss plus the penalty",
    "unit-data": "sim.LabelledAtoms accepts features in the unit ball and labels in [-1, 1] only",
    "gradient-descent": "sim.SGD starts at 0, refuses steps above 2/s and projects onto a ball",
}
_SIZES = (10, 50, 200, 1000)
_PENALTIES = (0.01, 0.1, 0.5, 1.0, 4.0, 20.0)
_RUNS = 256
_MOST = 12  # rows of which every one is replaced by every other; of larger tables, those that move a learner most


def random_atoms(K: int, d: int, seed: int, p: Array | None = None) -> sim.LabelledAtoms:
    """Return K points on the unit sphere with random labels -1 and 1, uniform unless p is given."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((K, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return sim.LabelledAtoms(x=x, y=rng.choice([-1.0, 1.0], K), p=np.full(K, 1 / K) if p is None else p)


def opposed_atoms(p: float = 0.5) -> sim.LabelledAtoms:
    """Return one point with both labels: what moves a learner most."""
    return sim.LabelledAtoms(x=np.ones((2, 1)), y=np.array([1.0, -1.0]), p=np.array([p, 1 - p]))


def places(
    setting: Setting, learner: sim.Learner, built_in: Mapping[str, sim.LabelledAtoms]
) -> Mapping[str, sim.LabelledAtoms]:
    """Return the labelled points of a setting that a learner can be trained on, by name, or else the built-in ones."""
    if not setting.labelled:
        return built_in
    own = {f"{name} of {atoms.K} rows": atoms for name, atoms in setting.labelled.items() if usable(learner, atoms)}
    other = "(built-in: labels not -1, 1)"
    return own or {f"{name} {other}".strip(): atoms for name, atoms in built_in.items()}


def usable(learner: sim.Learner, atoms: sim.LabelledAtoms) -> bool:
    """Tell whether the learner's loss is made for these labels."""
    try:
        learner.loss.check(atoms.y)
    except sim.SimulationError:
        return False
    return True


def gradients(learner: sim.Learner, atoms: sim.LabelledAtoms, w: Array) -> Array:
    """Return the slopes of the losses at the atoms in the weights w, (K, d)."""
    return np.asarray(learner.loss.slopes(atoms.x @ w, atoms.y)[:, None] * atoms.x)


def _training_sets(atoms: sim.LabelledAtoms, n: int) -> Whole:
    """Return all training sets of two atoms; of more, sets that are drawn and sets with one atom alone."""
    if atoms.K == 2:
        first = np.arange(n + 1)
        return np.stack([first, n - first], axis=1)
    rng = np.random.default_rng(n)
    drawn = [rng.multinomial(n, rng.dirichlet(np.full(atoms.K, 0.3)), 20) for _ in range(5)]
    return np.concatenate([n * np.eye(atoms.K, dtype=np.int64), *drawn])


def _largest_change(learner: sim.Penalised, atoms: sim.LabelledAtoms) -> Array:
    if atoms.K > _MOST:
        return np.array([_change_among(learner, atoms, n) for n in _SIZES])
    return np.array([sim.replace_one_stability(learner, atoms, _training_sets(atoms, n)).max() for n in _SIZES])


def _change_among(learner: sim.Penalised, atoms: sim.LabelledAtoms, n: int) -> float:
    """Return the largest change of a loss when one of a few atoms is replaced by another of them.

    They are those with the longest gradients at the minimiser of the penalised real risk. The training sets are draws
    from P and each of them alone; the loss is taken at all atoms.
    """
    lengths = np.linalg.norm(gradients(learner, atoms, learner.population(atoms)), axis=1)
    few = np.argsort(-lengths, kind="stable")[:_MOST]
    one = np.eye(atoms.K, dtype=np.int64)[few]
    sets = np.concatenate([n * one, np.random.default_rng(n).multinomial(n, atoms.p, 10)])
    base, worst = learner.losses(atoms, learner.fit(atoms, sets)), 0.0
    for counts, losses in zip(sets, base, strict=True):
        moved = counts - one[counts[few] > 0, None] + one
        if moved.size:
            changed = learner.losses(atoms, learner.fit(atoms, moved.reshape(-1, atoms.K)))
            worst = max(worst, float(np.abs(changed - losses).max()))
    return worst


def _stability(result: Result, names: tuple[str, ...]) -> Case:
    built_in = {"two atoms, all training sets": opposed_atoms(), "8 atoms": random_atoms(8, 3, 1)}

    def designs(setting: Setting) -> tuple[Design, ...]:
        found = [
            (k, name, place, atoms)
            for name in names
            for k, (place, atoms) in enumerate(places(setting, _LEARNERS[name](1.0), built_in).items())
        ]
        made = []
        for (_, name, place, atoms), mu in itertools.product(sorted(found, key=lambda x: x[0]), (1.0, 0.1, 4.0)):
            learner = _LEARNERS[name](mu)
            known = {"L": learner.L} if "L" in result.names else {}
            made.append(
                Design(
                    label=f"{learner.label}, {place}{_tried(atoms)}",
                    values={"n": np.array(_SIZES), "mu": mu, **known},
                    evidence=Exact(values=partial(_largest_change, learner, atoms), upper=learner.M),
                )
            )
        return tuple(made)

    return Case(result=result, name="replacement", designs=designs, because=answers(result, _REASONS))


def _tried(atoms: sim.LabelledAtoms) -> str:
    return f", {_MOST} of them replaced" if atoms.K > _MOST else ""


def _extreme_atoms(mu: float) -> sim.LabelledAtoms:
    """Return atoms on which the weights of ridge regression are as long as they can be, and that lose most there."""
    length = min(1.0, float(np.sqrt(mu)))
    x = np.array([[length, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    return sim.LabelledAtoms(x=x, y=np.array([1.0, -1.0, 0.0, 1.0]), p=np.full(4, 0.25))


def _norm(learner: sim.Learner, atoms: sim.LabelledAtoms, w: Array) -> float:
    return float(np.linalg.norm(w, axis=1).max())


def _slope(learner: sim.Learner, atoms: sim.LabelledAtoms, w: Array) -> float:
    slopes = learner.loss.slopes(w @ atoms.x.T, atoms.y)
    return float((np.abs(slopes) * np.linalg.norm(atoms.x, axis=1)).max())


def _span(learner: sim.Learner, atoms: sim.LabelledAtoms, w: Array) -> float:
    return float(np.ptp(learner.losses(atoms, w)))


def _constant(key: str, name: str, measure: Callable[[sim.Learner, sim.LabelledAtoms, Array], float]) -> Case:
    """Check the largest value of something over training sets, for several penalties."""
    result = bounds.get(key)

    def spots(setting: Setting, mu: float) -> Mapping[str, sim.LabelledAtoms]:
        built_in = {"8 atoms": random_atoms(8, 3, 2), "two atoms, all training sets": opposed_atoms()}
        if name == "ridge":
            built_in = {"extreme atoms": _extreme_atoms(mu), **built_in}
        return places(setting, _LEARNERS[name](mu), built_in)

    def values(setting: Setting, place: str) -> Array:
        found = []
        for mu in _PENALTIES:
            learner, atoms = _LEARNERS[name](mu), spots(setting, mu)[place]
            found.append(measure(learner, atoms, learner.fit(atoms, _training_sets(atoms, 30))))
        return np.array(found)

    def designs(setting: Setting) -> tuple[Design, ...]:
        return tuple(
            Design(
                label=f"{name}, {place}",
                values={"mu": np.array(_PENALTIES)},
                evidence=Exact(values=partial(values, setting, place)),
            )
            for place in spots(setting, 1.0)
        )

    return Case(result=result, name="extremes", designs=designs, because=answers(result, _REASONS))


def _coupled(learner: sim.SGD, atoms: sim.LabelledAtoms, n: int) -> Blocks:
    """Return runs on neighbouring training sets that pick the same places.

    Of the atoms whose gradients at 0 are farthest apart one is replaced by the other, in a training set drawn from P;
    of two atoms each is half of the training set.
    """
    g = gradients(learner, atoms, np.zeros(atoms.d))
    square = (g**2).sum(axis=1)
    apart = square[:, None] + square - 2 * g @ g.T
    removed, added = (int(k) for k in np.unravel_index(apart.argmax(), apart.shape))
    if atoms.K == 2:
        counts = np.array([n // 2, n - n // 2])
    else:
        counts = np.random.default_rng(n).multinomial(n - 1, atoms.p)
        counts[removed] += 1

    def blocks(seed: int) -> Iterator[Array]:
        for key in itertools.count():
            word = int(np.random.SeedSequence([seed, key]).generate_state(1)[0])
            yield sim.coupled_stability(learner, atoms, counts, removed, added, runs=_RUNS, seed=word)[:, None]

    return blocks


def _descent() -> Case:
    result = bounds.get("stability/sgd")
    settings: tuple[dict[str, Any], ...] = (
        {"kind": "squared", "rate": 0.1, "radius": 0.5, "decay": 0.5},
        {"kind": "logistic", "rate": 0.5, "radius": 2.0, "decay": 0.5},
        {"kind": "squared", "rate": 0.5, "radius": 1.0, "decay": 1.0, "passes": 3, "replacement": False},
    )

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        found = [
            (sim.SGD(**known), n, place, atoms)
            for known, n in itertools.product(settings, (100, 30))
            for place, atoms in places(setting, sim.SGD(**known), {"": opposed_atoms()}).items()
        ]
        for learner, n, place, atoms in found:
            named = f"sgd({learner.kind}, rate={learner.rate:g}, decay={learner.decay:g}), n={n}"
            made.append(
                Design(
                    label=f"{place}, {named}" if place else f"{learner.label}, n={n}",
                    values={"n": n, "L": learner.L, "eta": float(learner.step_sizes(n).sum())},
                    evidence=Bounded(blocks=_coupled(learner, atoms, n), upper=learner.M),
                )
            )
        return tuple(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, _REASONS))


CASES: tuple[Case, ...] = (
    _stability(bounds.get("stability/erm"), ("ridge", "logistic")),
    _stability(bounds.get("stability/erm/ridge"), ("ridge",)),
    _constant("stability/erm/ridge/norm", "ridge", _norm),
    _constant("stability/erm/ridge/lipschitz", "ridge", _slope),
    _constant("stability/erm/ridge/loss-range", "ridge", _span),
    _stability(bounds.get("stability/erm/logistic"), ("logistic",)),
    _constant("stability/erm/logistic/norm", "logistic", _norm),
    _constant("stability/erm/logistic/loss-range", "logistic", _span),
    _descent(),
)
