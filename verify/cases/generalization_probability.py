"""Cases for generalization with high probability: the gap averaged over all but the reused points, exactly, by them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

import bounds
from bounds import Result

from ..binary_loop import BinaryLearning
from ..case import Array, Blocks, Case, Design, Exceedance, Setting
from ..stacked import instance
from .generalization import BINARY_REASONS, GENERAL, constants, named, ridge
from .reasons import answers

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


_FORMS = ("mcdiarmid", "moment", "variance", "rio")
CASES: tuple[Case, ...] = (
    _general("high-probability-mcdiarmid/any-model"),
    *(_general(f"high-probability-{form}") for form in _FORMS),
    *(_instance(form) for form in _FORMS),
)
