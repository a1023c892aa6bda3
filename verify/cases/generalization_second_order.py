"""Cases for the expected gap from both sides: frequencies without smoothing, under every schedule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Blocks, Bounded, Case, Design, Setting
from .discrete_exact import Loop
from .discrete_sampled import mixing
from .reasons import DISCRETE_SAMPLER, answers
from .stability import gradients, opposed_atoms, places, random_atoms

_REASONS = {
    **DISCRETE_SAMPLER,
    "empirical-fit": "sim.Labelled without smoothing fits relative frequencies",
    "real-start": "the loop draws the first training set from P",
    "smooth-convex-loss": "squared and logistic loss, whose curvature in w.x is at most 1 and 1/4, features in the "
    "unit ball, minimised with the penalty by sim.Ridge and sim.Logistic",
}
_AT = (1, 2, 5, 10)
_TABLE_AT, _LARGEST = (1, 10), 10  # generations, and points of each, on a table of a user
_LOOPS: dict[str, tuple[Loop, ...]] = {
    "replace": (Loop("replace", 100, 10), Loop("replace", 30, 10)),
    **{
        name: (Loop(name, 100, 10, (("alpha", 0.2),)), Loop(name, 30, 10, (("alpha", 0.5),)))
        for name in ("fresh", "stratified", "fixed")
    },
    "accumulate": (Loop("accumulate", 30, 10), Loop("accumulate", 10, 10)),
    "subsample": (Loop("subsample", 30, 10), Loop("subsample", 100, 10)),
    "expand": (Loop("expand", 30, 10, (("lam", 1.0),)), Loop("expand", 20, 10, (("lam", 4.0),))),
}
_MIXINGS = (("geometric", 6), ("average", 4), ("two-back", 5))


@dataclass(frozen=True, eq=False)
class Study:
    """A learner on labelled atoms, seen from the minimiser h₀ of the penalised real risk."""

    atoms: sim.LabelledAtoms
    learner: sim.Penalised

    @cached_property
    def _at_minimiser(self) -> Array:
        return np.asarray(self.learner.population(self.atoms))

    @cached_property
    def losses(self) -> Array:
        """Losses of h₀ at the atoms, (K,)."""
        return np.asarray(self.learner.losses(self.atoms, self._at_minimiser[None])[0])

    @cached_property
    def _squares(self) -> Array:
        """Squared distances of the gradients at the atoms from their mean, (K,)."""
        slopes = gradients(self.learner, self.atoms, self._at_minimiser)
        centred = slopes - self.atoms.p @ slopes
        return np.asarray((centred**2).sum(axis=1))

    @property
    def arguments(self) -> dict[str, float]:
        """Arguments μ, s and V of the bounds."""
        return {"mu": self.learner.lam, "s": self.learner.loss.smoothness, "V": float(self.atoms.p @ self._squares)}

    @property
    def reach(self) -> float:
        """A largest value of what `gaps` gives: ‖∇F̂(h₀)‖² (2μ + s)/(2μ²), or losses of two predictors apart.

        ∇F̂(h₀) is the mean of the gradients' distances from their real mean, as that and the penalty's slope cancel.
        """
        mu, s = float(self.learner.lam), float(self.learner.loss.smoothness)
        return min(float(self._squares.max()) * (2 * mu + s) / (2 * mu**2), 2 * float(self.learner.M))

    def gaps(self, schedule: sim.Schedule, n: int, at: tuple[int, ...]) -> Blocks:
        """Return replications of gap − (P − P̂)ℓ(h₀), P̂ the training set: P̂ is P on average, so that means agree.

        What is left is never negative, as h₀ minimises the real risk and the predictor that on the training set.
        """
        model = sim.Labelled(self.atoms, self.learner)

        def blocks(seed: int) -> Iterator[Array]:
            record = ("gap", "frequencies")
            for found in sim.blocks(model, schedule, n=n, generations=at[-1], seed=seed, record=record, at=at):
                yield np.maximum(found["gap"] - (self.atoms.p - found["frequencies"]) @ self.losses, 0.0)

        return blocks


def studies() -> dict[str, Study]:
    """Return the built-in studies."""
    skewed = np.array([0.4, 0.2, 0.12, 0.1, 0.08, 0.05, 0.03, 0.02])
    return {
        "8 atoms": Study(random_atoms(8, 3, 5, skewed), sim.Ridge(1.0)),
        "opposed labels": Study(opposed_atoms(0.7), sim.Logistic(1.0)),
        "8 atoms, strong penalty": Study(random_atoms(8, 3, 6), sim.Ridge(4.0)),
        "8 atoms, weak penalty": Study(random_atoms(8, 3, 7), sim.Logistic(0.25)),
    }


def _studied(setting: Setting) -> list[tuple[str, Study]]:
    """Return the studies of a setting: of its labelled points by both learners, if it has any."""
    if not setting.labelled:
        return [*studies().items()]
    built_in = {"opposed labels": opposed_atoms(0.7)}
    return [
        (name, Study(atoms, learner))
        for learner in (sim.Ridge(1.0), sim.Logistic(1.0))
        for name, atoms in places(setting, learner, built_in).items()
    ]


def _design(label: str, study: Study, values: dict[str, Any], blocks: Blocks) -> Design:
    name = f"{label}, {study.learner.label}"
    evidence = Bounded(blocks=blocks, upper=study.reach)
    return Design(
        label=name, values={**values, **study.arguments}, evidence=evidence, simulation=f"second order: {name}"
    )


def _sized(loops: tuple[Loop, ...], setting: Setting) -> tuple[Loop, ...]:
    """Return loops small enough for a table: the means are of order 1/n, and as hard to tell from the bounds."""
    if not setting.labelled:
        return loops
    return tuple(dict.fromkeys(replace(loop, n=min(loop.n, _LARGEST)) for loop in loops))


def _named(result: Result, loops: tuple[Loop, ...]) -> Case:
    def designs(setting: Setting) -> tuple[Design, ...]:
        at = _TABLE_AT if setting.labelled else _AT
        later = tuple(i + 1 for i in at)
        return tuple(
            _design(
                f"{loop}, {name}",
                study,
                {**loop.arguments, "i": np.array(at)},
                study.gaps(loop.schedule, loop.n, later),
            )
            for name, study in _studied(setting)
            for loop in _sized(loops, setting)
        )

    return Case(result=result, name="sampled", designs=designs, because=answers(result, _REASONS))


def _weighted(result: Result) -> Case:
    """The last of g generations under `weighted(B)`."""

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for name, study in _studied(setting):
            for kind, g in _MIXINGS:
                weights, sizes = mixing(kind, g), tuple(30 + 20 * (j % 2) for j in range(g))
                blocks = study.gaps(sim.Weighted(weights, sizes), sizes[0], (g,))
                values = {"B": weights, "n": np.array(sizes)}
                made.append(_design(f"weighted({kind}, g={g}), {name}", study, values, blocks))
        return tuple(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, _REASONS))


_KEY = "generalization/second-order"
CASES: tuple[Case, ...] = (
    *(
        _named(bounds.get(f"{_KEY}/{side}/{name}"), loops)
        for side in ("lower", "upper")
        for name, loops in _LOOPS.items()
    ),
    *(_weighted(bounds.get(f"{_KEY}/{side}/weighted")) for side in ("lower", "upper")),
)
