"""The expected gap between its two sides under every schedule, and the bound of three terms: data of a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bounds
import sim

from .case import Array
from .cases.generalization_second_order import Study, studies
from .confidence import Moments, confidence_bounds

_GENERATIONS = 10
_KEY = "generalization/second-order"


@dataclass(frozen=True, kw_only=True, eq=False)
class GapSides:
    """The gap of one schedule's loop; arrays have one entry per generation.

    Attributes
    ----------
    schedule : str
    generation : ndarray of int
    lower, upper : ndarray
        The second-order bounds.
    gap : ndarray
        Mean of the simulated gap, less a part that is 0 on average.
    low, high : ndarray
        Limits of its expectation that hold at all generations of the loop at once.
    three_terms : ndarray
        The bound by stability, recursive stability and distribution shift; nan where it is not stated.
    """

    schedule: str
    generation: NDArray[np.int64]
    lower: Array
    upper: Array
    gap: Array
    low: Array
    high: Array
    three_terms: Array


def gap_sides(
    n: int = 100, alpha: float = 0.5, *, replications: int = 20_000, seed: int = 0, confidence: float = 0.999
) -> tuple[GapSides, ...]:
    """Simulate ridge regression on eight atoms without smoothing, one loop per schedule.

    Parameters
    ----------
    n : int
        Points of generation 1; alpha n is whole.
    alpha : float in (0, 1)
        Real share of the schedules that have one; `expand` adds (1 − alpha)/alpha synthetic points per real one.
    replications : int
        At least 1.
    seed : int
        Same seed, same numbers.
    confidence : float in (0, 1)
        Probability, per schedule, that all limits are right.

    Returns
    -------
    tuple of GapSides
        One per schedule.

    Raises
    ------
    ValueError
        Replications or a confidence that are not as said.
    sim.SimulationError
        Sizes that the schedules refuse.
    """
    if not replications >= 1:
        raise ValueError(f"replications = {replications!r}: allowed: at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence!r}: allowed: a number strictly between 0 and 1")
    study, level = studies()["8 atoms"], (1 - confidence) / (2 * _GENERATIONS)
    share: dict[str, Any] = {"alpha": alpha}
    loops: Mapping[str, dict[str, Any]] = {
        "replace": {},
        **dict.fromkeys(("fresh", "stratified", "fixed"), share),
        "accumulate": {},
        "subsample": {},
        "expand": {"lam": (1 - alpha) / alpha},
    }
    return tuple(_sides(study, name, {"n": n, **known}, (replications, seed, level)) for name, known in loops.items())


def _sides(study: Study, name: str, known: dict[str, Any], budget: tuple[int, int, float]) -> GapSides:
    replications, seed, level = budget
    i = np.arange(1, _GENERATIONS + 1)
    schedule = sim.schedule(name, **{key: value for key, value in known.items() if key != "n"})
    moments = Moments.of(np.empty((0, i.size)))
    for block in study.gaps(schedule, known["n"], tuple((i + 1).tolist()))(seed):
        moments = moments.merge(Moments.of(block[: replications - moments.count]))
        if moments.count >= replications:
            break
    low, high = confidence_bounds(moments, level, np.full(i.size, study.reach))
    sides = {
        side: np.asarray(bounds.get(f"{_KEY}/{side}/{name}")(**known, **study.arguments, i=i))
        for side in ("lower", "upper")
    }
    terms = np.full(i.size, np.nan)
    if name == "fixed":
        space = {"K": study.atoms.K, "omega": 0.0, "mu": study.learner.lam, "u": 0.0}
        terms = np.asarray(bounds.get("generalization/categorical-ridge/average")(**known, **space, i=i))
    return GapSides(schedule=name, generation=i, **sides, gap=moments.mean, low=low, high=high, three_terms=terms)
