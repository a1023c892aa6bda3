"""Cases for sharper stability of penalised learning, and for the gap in the loop by its second order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Blocks, Case, Design, Exact, Exceedance, Setting
from ..laboratory import stream
from .generalization import SAMPLED_REASONS, uniform_distance
from .generalization_second_order import _REASONS as _SECOND_ORDER
from .generalization_second_order import Study
from .reasons import answers
from .stability import _constant, _norm, _stability, gradients, opposed_atoms, places, random_atoms
from .stability_recursive import _BINARY, _average, _case

_SIZES = (10, 100, 1000)
_SKEWED = np.array([0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02])
_REASONS: Mapping[str, str] = {**_SECOND_ORDER, **SAMPLED_REASONS}


def plane(weight: float, length: float) -> sim.LabelledAtoms:
    """Return the atoms that all but one point are at, and two that differ most across the weights they give.

    `weight` is how much a gradient changes along the weights: the bound's own angle.
    """
    q = 2 * weight / (1 + np.sqrt(1 + 8 * weight**2))
    across = np.sqrt((1 - q) * (1 + q))
    x = np.array([[length, 0.0], [-q, across], [-q, -across]])
    return sim.LabelledAtoms(x=x, y=np.ones(3), p=np.array([0.9, 0.05, 0.05]))


def plane_of(learner: sim.Penalised) -> sim.LabelledAtoms:
    """Return these atoms for a learner, whose first atom makes the weights as long as can be (logistic: mu > 1/5)."""
    ridge = isinstance(learner, sim.Ridge)
    length = min(1.0, float(np.sqrt(learner.lam))) if ridge else 1.0
    probe = learner.population(sim.LabelledAtoms(x=np.array([[length, 0.0]]), y=np.ones(1), p=np.ones(1)))
    norm = float(np.linalg.norm(probe))
    return plane(norm if ridge else norm / 2, length)


def opposed_changes(learner: sim.Penalised, sizes: tuple[int, ...]) -> Array:
    """Return the largest change of a loss when the one point off the first atom moves across."""
    atoms = plane_of(learner)
    sets = [np.array([[n - 1, 1, 0], [n - 1, 0, 1]]) for n in sizes]
    losses = [learner.losses(atoms, learner.fit(atoms, counts)) for counts in sets]
    return np.array([np.abs(row[0] - row[1]).max() for row in losses])


def plane_design(result: Result, mu: float, sizes: tuple[int, ...]) -> Design:
    """Return the replacement across the weights, which needs a plane."""
    learner: sim.Penalised = sim.Ridge(mu) if "ridge" in result.key else sim.Logistic(mu)
    return Design(
        label=f"{learner.label}, across the weights",
        values={"n": np.array(sizes), "mu": mu},
        evidence=Exact(values=partial(opposed_changes, learner, sizes), upper=learner.M),
    )


def _replacement(kind: str) -> Case:
    result = bounds.get(f"stability/erm/{kind}/plane")
    others = _stability(result, (kind,))

    def designs(setting: Setting) -> tuple[Design, ...]:
        return (*(plane_design(result, mu, _SIZES) for mu in (1.0, 0.25, 4.0, 20.0)), *others.designs(setting))

    return Case(result=result, name="replacement", designs=designs, because=others.because)


def _absolute(blocks: Blocks) -> Blocks:
    def found(seed: int) -> Iterator[Array]:
        return map(np.abs, blocks(seed))

    return found


def gap_design(
    result: Result, place: str, study: Study, omega: float, n: int, alpha: float, i: int, delta: float
) -> Design:
    """Return the loop `fixed` of a learner on atoms, with its own constants where the result asks for them."""
    atoms, learner = study.atoms, study.learner
    model = sim.Labelled(atoms, learner, omega)
    slopes = gradients(learner, atoms, learner.population(atoms))
    known = {
        "n": n, "alpha": alpha, "i": np.array([i]), "omega": omega, "u": uniform_distance(atoms),
        "mu": learner.lam, "s": learner.loss.smoothness, "delta": delta, "M": float(np.ptp(study.losses)),
        "L": float(np.linalg.norm(slopes, axis=1).max()),
    }  # fmt: skip
    return Design(
        label=f"{place}, {model.label}, n={n}, alpha={alpha:g}, i={i}, delta={delta:g}",
        values={name: known[name] for name in result.names},
        evidence=Exceedance(blocks=_absolute(stream(model, sim.Fixed(alpha), n, "gap", (i + 1,))), upper=learner.M),
    )


def _studies(result: Result, setting: Setting) -> list[tuple[str, Study, float]]:
    """Return built-in atoms with ridge and logistic regression, or the labelled points of a setting."""
    ridge, logistic = sim.Ridge(4.0), sim.Logistic(1.0)
    learners: tuple[sim.Penalised, ...] = (ridge,) if "ridge" in result.key else (logistic, ridge)
    made = []
    for learner, omega in itertools.product(learners, (0.0, 0.05)):
        built_in = {"8 atoms": random_atoms(8, 3, 5, _SKEWED), "opposed labels": opposed_atoms(0.7)}
        made += [(name, Study(atoms, learner), omega) for name, atoms in places(setting, learner, built_in).items()]
    return made


def _gaps(key: str) -> Case:
    result = bounds.get(f"generalization/{key}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        return tuple(
            gap_design(result, place, study, omega, n, alpha, i, delta)
            for (n, alpha, i), delta in itertools.product(((1000, 0.5, 1), (100, 0.2, 5)), (0.3, 0.05))
            for place, study, omega in _studies(result, setting)
        )

    return Case(result=result, name="sampled", designs=designs, because=answers(result, _REASONS))


CASES: tuple[Case, ...] = (
    _replacement("ridge"),
    _replacement("logistic"),
    _constant("stability/erm/logistic/norm/first-order", "logistic", _norm),
    _case("recursive-stability/categorical-average/coupled", "two-atoms", _BINARY, _average),
    _gaps("high-probability-second-order"),
    _gaps("categorical-ridge/second-order"),
)
