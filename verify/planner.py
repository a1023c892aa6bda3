"""How much real data a loop needs: every schedule's guarantee, the smallest fractions and sizes, the cheapest plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .planner_answers import DataPlan, PlanError, Question, Row
from .planner_models import CHOICES, DOSES, Guarantee, Setting, guarantees, lower_bound
from .planner_search import (
    LARGEST_LAM,
    MOST_POINTS,
    allowed_lam,
    cheapest,
    real_points,
    smallest_fraction,
    smallest_size,
    smallest_upwards,
)

__all__ = ["DataPlan", "PlanError", "plan", "plan_from_file"]

MOST_GENERATIONS = 10_000


def plan(
    model: str,
    *,
    target: float,
    generations: int,
    real: int,
    n: int | None = None,
    K: int | None = None,
    p: Sequence[float] | NDArray[np.float64] | None = None,
    d: int = 1,
    sigma: float = 1.0,
    h: float | None = None,
    delta: float | None = None,
    lam: float = 1.0,
    most_real: float = 0.5,
    source: str = "",
) -> DataPlan:
    """Answer how much real data a loop needs for a total variation of at most `target` in its last generation.

    Parameters
    ----------
    model : {"discrete", "gaussian", "kde"}
        "kde" is a kernel density estimate of a normal distribution on the line.
    target : float in (0, 1)
    generations : int >= 1
    real : int >= 1
        Real points there are.
    n : int, optional
        Points per generation, at most `real`; by default `real`.
    K : int, optional
        Atoms of the discrete model; not needed with `p`.
    p : sequence of float, optional
        Probabilities of the atoms, for a sharper bound.
    d : int
        Dimension of the Gaussian model, whose variance is known.
    sigma : float > 0
        Standard deviation of the real distribution, for "kde": the unit of bandwidths.
    h : float > 0, optional
        Bandwidth of the kernel estimates; by default nearly the best one for each plan.
    delta : float in (0, 1), optional
        Guarantee with probability at least 1 - delta, in all generations at once, instead of on average.
    lam : float > 0
        Synthetic points per real point of `expand`.
    most_real : float in (0, 1]
        Largest real fraction of the training sets of generations 2 and later in the cheapest plans, for schedules
        that choose one. `accumulate` and `subsample` have 1/2 and less, `expand` has 1/(1+lam).
    source : str
        Where the numbers come from, for the report.

    Returns
    -------
    DataPlan

    Raises
    ------
    PlanError
        An argument outside its range, or no result for this model and guarantee.
    """
    _check(target, generations, real, n, delta, lam, most_real)
    setting = _setting(model, K, p, d, sigma, h, delta, source)
    question = Question(
        setting=setting,
        target=float(target),
        generations=int(generations),
        n=int(real if n is None else n),
        real=int(real),
        lam=float(lam),
        most_real=float(most_real),
    )
    found = guarantees(setting)
    if not any(found.values()):
        raise PlanError("delta", delta, f"left out: no result for the {model} model holds with high probability")
    rows = tuple(_row(bound, question) for bound in found.values() if bound is not None)
    choices = [row.cheapest for row in rows if row.cheapest is not None]
    return DataPlan(
        question=question,
        rows=rows,
        missing=tuple(schedule for schedule, bound in found.items() if bound is None),
        best=min(choices, key=lambda choice: choice.real, default=None),
        alone=_alone(next(bound for bound in found.values() if bound is not None), question),
    )


def plan_from_file(
    model: str,
    path: str | PathLike[str],
    column: str | None = None,
    *,
    real: int | None = None,
    **more: Any,
) -> DataPlan:
    """Answer for a user's data: K, p and the number of real points come from a file.

    Parameters
    ----------
    model : {"discrete", "gaussian", "kde"}
    path : path-like
        A CSV or TSV file with a header, or a text file, whose tokens are the values.
    column : str, optional
        Column of the table.
    real : int, optional
        Real points there are; by default the number of values.
    **more
        The other arguments of `plan`.

    Returns
    -------
    DataPlan

    Raises
    ------
    sim.DataError
        The file cannot be used.
    PlanError
        As for `plan`.
    """
    import sim

    if model != "discrete":
        numbers = sim.load(path, column, kind="gaussian")
        source = f"{numbers.source}: {numbers.rows:,} numbers, standard deviation {numbers.sigma:.4g}"
        more = {"sigma": numbers.sigma, **more} if model == "kde" else more
        return plan(model, real=numbers.rows if real is None else real, source=source, **more)
    atoms = sim.load(path, column, kind="discrete")
    source = f"{atoms.source}: {atoms.rows:,} values, K = {len(atoms.labels):,} distinct"
    return plan(model, real=atoms.rows if real is None else real, p=atoms.p, source=source, **more)


def _check(
    target: float, generations: int, real: int, n: int | None, delta: float | None, lam: float, most_real: float
) -> None:
    checks = (
        ("target-tv", target, 0 < target < 1, "a number between 0 and 1"),
        ("generations", generations, _whole(generations, 1, MOST_GENERATIONS), f"1 to {MOST_GENERATIONS}"),
        ("real", real, _whole(real, 1, MOST_POINTS), f"a whole number of points from 1 to {MOST_POINTS:,}"),
        ("n", n, n is None or _whole(n, 1, real), f"a whole number from 1 to the real points, {real}"),
        ("delta", delta, delta is None or 0 < delta < 1, "a number between 0 and 1"),
        ("lam", lam, 0 < lam <= LARGEST_LAM, f"a number above 0 and at most {LARGEST_LAM}"),
        ("most-real", most_real, 0 < most_real <= 1, "a number above 0 and at most 1"),
    )
    for argument, value, good, allowed in checks:
        if not good:
            raise PlanError(argument, value, allowed)


def _whole(value: Any, low: int, high: int) -> bool:
    return math.isfinite(value) and int(value) == value and low <= value <= high


def _setting(
    model: str, K: int | None, p: Any, d: int, sigma: float, h: float | None, delta: float | None, source: str
) -> Setting:
    if model not in CHOICES:
        raise PlanError("model", model, f"one of {', '.join(CHOICES)}")
    if model == "gaussian":
        if not _whole(d, 1, 10**6):
            raise PlanError("d", d, "a whole number from 1 to 1000000")
        return Setting(model=model, values={"d": int(d)}, delta=delta, source=source)
    if model == "kde":
        for name, value in (("sigma", sigma), ("h", h)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise PlanError(name, value, "a number above 0")
        values = {"sigma": float(sigma), **({} if h is None else {"h": float(h)})}
        return Setting(model=model, values=values, delta=delta, source=source)
    return _discrete(K, p, delta, source)


def _discrete(K: int | None, p: Any, delta: float | None, source: str) -> Setting:
    if p is not None:
        atoms = np.asarray(p, dtype=float)
        return Setting(model="discrete", values={"p": atoms, "K": atoms.size}, delta=delta, source=source)
    if K is None:
        raise PlanError("K", "missing", "the number of atoms, or --data")
    if not _whole(K, 2, MOST_POINTS):
        raise PlanError("K", K, f"a whole number from 2 to {MOST_POINTS:,}")
    return Setting(model="discrete", values={"K": int(K)}, delta=delta, source=source)


def _row(bound: Guarantee, question: Question) -> Row:
    n, target, generations = question.n, question.target, question.generations
    start = question.lam if bound.dose == "lam" else 0.0
    size = smallest_size(bound, start, target, generations)
    start = _whole_lam(start, n) if bound.dose == "lam" else start
    without = float(bound(n, start, generations, generations))
    fraction = smallest_fraction(bound, n, target, generations) if bound.dose == "alpha" else 0.0
    dose = start if bound.dose != "alpha" else 1.0 if fraction is None else fraction
    intervals = allowed_lam(bound, n, target, generations) if bound.dose == "lam" else ()
    guaranteed = float(bound(n, dose, generations, generations))
    result = bound.best(n, dose, generations)
    lower = lower_bound(question.setting, bound.schedule, n, dose, generations)
    return Row(
        schedule=bound.schedule,
        dose=DOSES[bound.schedule],
        result=result.key,
        exact=result.kind == "equality",
        without=without,
        meets=guaranteed <= target or bool(intervals),
        fraction=dose if bound.dose == "alpha" else 0.0,
        guaranteed=guaranteed,
        lam=intervals,
        real=real_points(bound.schedule, n, dose, generations),
        smallest_n=size,
        cheapest=cheapest(bound, target, generations, question.most_real, question.lam),
        impossible=lower[0] if question.setting.delta is None and lower[1] > target else "",
    )


def _alone(bound: Guarantee, question: Question) -> int | None:
    """Return the points for generation 1, which no schedule treats differently."""
    generations, dose = question.generations, 1.0 if bound.dose else 0.0
    return smallest_upwards(lambda n: float(bound(n, dose, 1, generations)) <= question.target, 1, MOST_POINTS)


def _whole_lam(lam: float, n: int) -> float:
    """Return the multiple of 1/n nearest to lam, and at least 1/n."""
    return max(1, round(lam * n)) / n
