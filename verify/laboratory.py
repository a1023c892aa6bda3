"""The experiments that cases share: exact laws, computed once, and streams of replications."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

import sim
from sim.exact import ExactLaw

from .case import Array, Blocks

LARGEST_EXACT = 2e10
"""Work, in multiply-adds, beyond which an exact law is not tried and the loop is sampled instead."""


@lru_cache(maxsize=256)
def _law(schedule: sim.Schedule, n: int, p: tuple[float, ...], generations: int) -> ExactLaw:
    return sim.exact_discrete(schedule, n, np.array(p), generations)


def exact_law(schedule: sim.Schedule, n: int, p: tuple[float, ...], generations: int) -> ExactLaw:
    """Return the exact law of a discrete loop, remembering the last ones."""
    return _law(schedule, n, p, generations)


def affordable(schedule: sim.Schedule, n: int, p: tuple[float, ...], generations: int) -> bool:
    """Tell whether the exact law of a design is within reach."""
    return sim.exact_cost(schedule, n, np.array(p), generations) <= LARGEST_EXACT


def atoms(p: tuple[float, ...], most: int = 12) -> tuple[float, ...]:
    """Return the distinct probabilities of `p`, at most `most` of them, evenly over their ranks."""
    distinct = np.unique(p)
    if distinct.size > most:
        distinct = distinct[np.unique(np.linspace(0, distinct.size - 1, most).round().astype(int))]
    return tuple(float(x) for x in distinct)


def stream(model: Any, schedule: sim.Schedule, n: int, metric: str, generations: tuple[int, ...]) -> Blocks:
    """Return the replications of one metric at the given generations, as a function of the seed."""

    def blocks(seed: int) -> Iterator[Array]:
        for record in sim.blocks(
            model, schedule, n=n, generations=max(generations), seed=seed, record=(metric,), at=generations
        ):
            yield np.asarray(record[metric], dtype=float)

    return blocks


def until(last: int, most: int) -> tuple[int, ...]:
    """Return telling generations up to `last`: 1, 2, 3, 5, 10, 20, 50, … cut at `most`."""
    wanted = (1, 2, 3, 5, 10, 20, 50, 100)
    return tuple(i for i in wanted if i <= min(last, most))


def schedule_of(name: str, params: Mapping[str, float]) -> sim.Schedule:
    """Build a schedule from the parameters that a result gives it."""
    return sim.schedule(name, **params)
