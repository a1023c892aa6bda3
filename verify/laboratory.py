"""The experiments that cases share: exact laws, computed once, and streams of replications."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import sim
from bounds import Result
from sim.exact import ExactLaw

from .case import Array, Blocks
from .evidence import replications_needed

LARGEST_EXACT = 2e10
"""Work, in multiply-adds, beyond which an exact law is not tried and the loop is sampled instead."""
MARGINS = (0.02, 0.05, 0.1, 0.2)
RESOLVED_WITHIN = 1_000_000
"""Replications, by rule of thumb, that decide a sampled equality within its margin."""


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


@lru_cache(maxsize=20_000)
def _block(
    model: sim.KDE, loop: tuple[sim.Schedule, int, tuple[int, ...]], seed: int, index: int
) -> tuple[Array, Array]:
    schedule, n, at = loop
    record = ("tv", "tv_error")
    found = sim.blocks(model, schedule, n=n, generations=at[-1], seed=seed, record=record, at=at, first=index)
    values = next(found)
    return values["tv"], values["tv_error"]


def distances(
    model: sim.KDE,
    schedule: sim.Schedule,
    n: int,
    at: tuple[int, ...],
    *,
    wanted: tuple[int, ...],
    below: bool = False,
) -> Blocks:
    """Return replications of TV(P_i, P) of kernel estimates, on the safe side of the numerical error.

    Parameters
    ----------
    model, schedule, n
        The loop.
    at : tuple of int
        Generations that are simulated; blocks of equal loops, generations and seeds are computed once.
    wanted : tuple of int
        Those of them that are returned.
    below : bool
        Lower the values by the error instead of raising them: for bounds from below.
    """
    sign, columns = -1.0 if below else 1.0, [at.index(i) for i in wanted]

    def blocks(seed: int) -> Iterator[Array]:
        for index in count():
            value, error = _block(model, (schedule, n, at), seed, index)
            yield np.clip(value + sign * error, 0.0, 1.0)[:, columns]

    return blocks


def enlarged(n: int, p: tuple[float, ...], draws: float = 8, most: int = 100) -> int:
    """Return the smallest multiple of `n`, at most `most` of them, with `draws` outside the largest atom on average.

    With fewer the loop mostly sees one atom only, and what it measures is too rare to be decided by sampling.
    """
    return n * min(most, math.ceil(draws / max(n * (1 - max(p)), draws / most)))


def margin_for(result: Result, values: Mapping[str, Any], variance: ArrayLike, p: tuple[float, ...]) -> float:
    """Return the smallest of a few relative margins of a sampled equality that sampling resolves in reasonable time.

    Nothing here sees a sample. `variance` is about Var(p_i(k))/(p(1 - p)) at every point; where one atom dominates,
    the square of a total variation is on average near `variance` times the mass q outside it, that of a diversity
    near 4 times as much. Betting resolves no margin much below the squared coefficient of variation over 400.
    """
    mean, scale = np.asarray(result(**values)), 4 if "diversity" in result.key else 1
    square = scale * np.asarray(variance) * (1 - max(p)) / mean**2
    for margin in MARGINS[:-1]:
        needed = replications_needed(1e-6, margin, np.sqrt(square), mean)
        if np.all((needed <= RESOLVED_WITHIN) & (square <= 200 * margin)):
            return margin
    return MARGINS[-1]


def until(last: int, most: int) -> tuple[int, ...]:
    """Return telling generations up to `last`: 1, 2, 3, 5, 10, 20, 50, … cut at `most`."""
    wanted = (1, 2, 3, 5, 10, 20, 50, 100)
    return tuple(i for i in wanted if i <= min(last, most))


def schedule_of(name: str, params: Mapping[str, float]) -> sim.Schedule:
    """Build a schedule from the parameters that a result gives it."""
    return sim.schedule(name, **params)
