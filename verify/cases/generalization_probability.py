"""Cases for generalization with high probability: the gap averaged over all but the reused points, exactly, by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bounds
import sim
from bounds import Result

from ..binary_loop import BinaryLearning
from ..case import Array, Blocks, Case, Design, Exceedance, Setting
from ..stacked import instance
from .generalization import BINARY_REASONS, GENERAL, SAMPLED_REASONS, constants, named, proved, ridge
from .reasons import answers
from .stability import random_atoms

_ROWS = 4096
_DELTAS = (0.05, 0.3)
_MOMENT = 6.0
_LEARNERS = (GENERAL[3], GENERAL[2], GENERAL[0], GENERAL[4])
_INSTANCES = (
    ridge(1000, 0.1, 0.5, 0.9, mu=20.0),
    ridge(200, 0.5, 0.5, 0.7, mu=4.0),
    ridge(1000, 0.5, 0.97, 0.7, mu=4.0, K=8),
)


def _conditional_gap(learning: BinaryLearning, i: int, *, absolute: bool) -> Blocks:
    """Return replications (R, 1) of the gap of generation i+1 given the reused points, which are drawn anew in each."""

    def blocks(seed: int) -> Iterator[Array]:
        rng, loop = np.random.default_rng(seed), learning.loop
        gap = learning.gap_given_reused(i)
        table = np.abs(gap) if absolute else gap
        while True:
            yield table[rng.binomial(loop.reused, loop.p, _ROWS)][:, None]

    return blocks


def _extra(result: Result, delta: float) -> dict[str, Any]:
    return {"delta": delta, "q": _MOMENT} if "q" in result.names else {"delta": delta}


def _designs(result: Result, known: list[tuple[BinaryLearning, int, dict[str, Any], float]]) -> tuple[Design, ...]:
    return tuple(
        Design(
            label=f"{named(learning)}, i={i}, delta={delta:g}",
            values={**values, **_extra(result, delta)},
            evidence=Exceedance(
                blocks=_conditional_gap(learning, i, absolute="mcdiarmid" not in result.key), upper=upper
            ),
        )
        for (learning, i, values, upper), delta in itertools.product(known, _DELTAS)
    )


def _known_constants(learning: BinaryLearning, i: int, result: Result) -> dict[str, Any]:
    values = {name: np.squeeze(value) for name, value in constants(learning, (i,)).items()}
    return values | ({"nu": learning.loop.influence(i)} if "nu" in result.names else {})


def _general(key: str) -> Case:
    result = bounds.get(f"generalization/{key}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        known = [
            (learning, i, _known_constants(learning, i, result), learning.length)
            for learning, i in itertools.product(_LEARNERS, (1, 5))
        ]
        return _designs(result, known)

    return Case(result=result, name="two-kinds", designs=designs, because=answers(result, BINARY_REASONS))


def _instance(form: str) -> Case:
    result = bounds.get(f"generalization/categorical-ridge/{form}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        known = [
            (learning, i, instance(learning, i), learning.learner.M)
            for learning, i in itertools.product(_INSTANCES, (1, 3))
        ]
        return _designs(result, known)

    return Case(result=result, name="two-kinds", designs=designs, because=answers(result, BINARY_REASONS))


_ROWS_REASONS = {
    **SAMPLED_REASONS,
    "bounded-influence": "nu is S_i(alpha)/n, which every generator that only sees its training set satisfies",
    "schedule-fixed": "all points are reused, or all but one, whose law given them is that of the chain of `fixed`",
}
_POINTS = 1000


def average_gap(model: sim.Labelled, real: NDArray[np.int64], synthetic: int, i: int) -> float:
    """Return the mean gap of the learner of generation i+1 given the reused points, for at most one synthetic point.

    That point is drawn from P_i, which the same place of the training set before moves: as the fit is linear, its law
    on average over the earlier generations satisfies the recursion of the fit itself.
    """
    p, K, n = model.atoms.p, model.atoms.K, int(real.sum()) + synthetic
    sets, law = real[None], p
    for _ in range(i):
        law = (1 - model.omega) * (real + law) / n + model.omega / K
    if synthetic:
        sets = real + np.eye(K, dtype=np.int64)
    losses = model.learner.losses(model.atoms, model.learner.fit(model.atoms, sets))
    gaps = ((p - sets / n) * losses).sum(axis=1)
    return float(law @ gaps if synthetic else gaps[0])


def _row_gaps(model: sim.Labelled, synthetic: int, i: int, *, absolute: bool) -> Blocks:
    def blocks(seed: int) -> Iterator[Array]:
        rng = np.random.default_rng(seed)
        while True:
            real = rng.multinomial(_POINTS - synthetic, model.atoms.p, 16)
            gaps = np.array([average_gap(model, counts, synthetic, i) for counts in real])[:, None]
            yield np.abs(gaps) if absolute else gaps

    return blocks


def _rows(result: Result) -> Case:
    """Any number of atoms: exact given the reused points where at most one point is not reused."""

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        tables = setting.labelled or {"": random_atoms(8, 3, 8)}
        for (place, atoms), (synthetic, delta) in itertools.product(tables.items(), ((1, 0.3), (0, 0.05), (0, 0.3))):
            model, mu, i, alpha = sim.Labelled(atoms, sim.Ridge(4.0), 0.3), 4.0, 3, 1 - synthetic / _POINTS
            values = proved(result, model, mu, {"n": _POINTS, "alpha": alpha, "i": i})
            if "nu" in result.names:
                values["nu"] = float((1 - (1 - alpha) ** i) / alpha / _POINTS)
            label = f"{atoms.K} rows, ridge(lam={mu:g}), n={_POINTS}, {synthetic} not reused, i={i}, delta={delta:g}"
            blocks = _row_gaps(model, synthetic, i, absolute="mcdiarmid" not in result.key)
            made.append(
                Design(
                    label=", ".join(filter(None, (place, label))),
                    values={**values, **_extra(result, delta)},
                    evidence=Exceedance(blocks=blocks, upper=model.learner.M),
                )
            )
        return tuple(made)

    return Case(result=result, name="rows", designs=designs, because=answers(result, _ROWS_REASONS))


_INSTANCE_KEYS = ("high-probability-", "categorical-ridge/")
_FORMS = ("mcdiarmid", "moment", "variance", "rio")
CASES: tuple[Case, ...] = (
    _general("high-probability-mcdiarmid/any-model"),
    *(_general(f"high-probability-{form}") for form in _FORMS),
    *(_instance(form) for form in _FORMS),
    _rows(bounds.get("generalization/high-probability-mcdiarmid/any-model")),
    *(_rows(bounds.get(f"generalization/{key}{form}")) for key in _INSTANCE_KEYS for form in _FORMS),
)
