"""Running many cases: the family-wise level, workers, and one verdict per result."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np

import bounds
import sim
from bounds import Result

from .case import BUDGETS, Array, Case, Design, Effort, Exact, Exponent, Setting
from .checking import Curve, check, decisions_in
from .evidence import Decision, Guarantee

Finish: TypeAlias = Callable[["Verdict"], None]

_GEOMETRIC = 0.8 ** np.arange(50)
DEFAULT_SETTING = Setting(
    discrete={
        "skewed": (0.7, 0.2, 0.06, 0.04),
        "uniform": (0.1,) * 10,
        "geometric": tuple(float(x) for x in _GEOMETRIC / _GEOMETRIC.sum()),
    },
    mean=0.0,
    sigma=1.0,
    smooth=sim.NormalMixture(np.array([0.5, 0.3, 0.2]), np.array([-1.0, 0.5, 2.5]), np.array([0.6, 0.3, 0.8])),
    source="built-in distributions",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run does; equal plans give equal numbers, for any number of workers.

    Attributes
    ----------
    patterns : tuple of str
        Keys, families or shell patterns; all results if empty.
    effort : Effort
    confidence : float
        Probability, over the whole run, that every decided point is decided rightly.
    seed : int
    setting : Setting
    """

    patterns: tuple[str, ...] = ()
    effort: Effort = Effort.STANDARD
    confidence: float = 0.999
    seed: int = 0
    setting: Setting = DEFAULT_SETTING

    def __post_init__(self) -> None:
        if isinstance(self.patterns, str):
            raise ValueError(f"patterns = {self.patterns!r}: allowed: a tuple of patterns")
        if not (isinstance(self.confidence, float) and 0 < self.confidence < 1):
            raise ValueError(f"confidence = {self.confidence!r}: allowed: a number strictly between 0 and 1")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed = {self.seed!r}: allowed: an integer >= 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """The verdict on one result.

    Attributes
    ----------
    key : str
    outcome : Decision
        REFUTED if any point is, HOLDS if every point is decided and holds, else UNDECIDED.
    curves : tuple of Curve
        One per design.
    seconds : float
    """

    key: str
    outcome: Decision
    curves: tuple[Curve, ...]
    seconds: float

    @property
    def points(self) -> int:
        """Number of points checked."""
        return sum(curve.bound.size for curve in self.curves)

    @property
    def decided(self) -> int:
        """Number of points decided."""
        return sum(curve.decided for curve in self.curves)

    @property
    def vacuous(self) -> int:
        """Number of points where the bound says nothing."""
        return sum(int(curve.vacuous.sum()) for curve in self.curves)

    @property
    def replications(self) -> int:
        """Replications drawn."""
        return sum(curve.replications for curve in self.curves)

    @property
    def tightness(self) -> Array:
        """Bound over what was measured (see `Curve`) at every point where both say something."""
        ratios = [curve.tightness[~curve.vacuous] for curve in self.curves]
        ratio: Array = np.concatenate([np.empty(0), *ratios])
        return ratio[np.isfinite(ratio)]

    @property
    def guarantees(self) -> tuple[Guarantee, ...]:
        """What the decisions rest on, strongest first."""
        found = {curve.guarantee for curve in self.curves}
        return tuple(g for g in (Guarantee.EXACT, Guarantee.FINITE_SAMPLE, Guarantee.ASYMPTOTIC) if g in found)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """All designs of one result, with the level of each decision."""

    key: str
    plan: Plan
    level: float


@cache
def _cases() -> tuple[Case, ...]:
    from .cases import CASES

    return CASES


def cases_of(result: Result) -> tuple[Case, ...]:
    """Return the cases of a result."""
    return tuple(case for case in _cases() if case.result.key == result.key)


def designs_of(case: Case, plan: Plan) -> tuple[Design, ...]:
    """Return the designs that a plan checks: the first ones, as many per population as the effort allows."""
    designs = case.designs(plan.setting)
    return designs[: BUDGETS[plan.effort].designs * max(1, len(plan.setting.discrete))]


def plan_tasks(plan: Plan) -> tuple[Task, ...]:
    """Split a plan into one task per result and divide the error among all sampled decisions.

    Raises
    ------
    UnknownResultError
        A pattern that matches nothing.
    """
    results = bounds.select(plan.patterns)
    total = sum(
        decisions_in(case, design) for r in results for case in cases_of(r) for design in designs_of(case, plan)
    )
    level = (1 - plan.confidence) / max(1, total)
    return tuple(Task(key=result.key, plan=plan, level=level) for result in results)


def run_task(task: Task) -> Verdict:
    """Check every design of one result."""
    plan = task.plan
    budget = BUDGETS[plan.effort]
    curves = [
        check(case, with_shared(design, plan.seed), level=task.level, replications=budget.replications, seed=plan.seed)
        for case in cases_of(bounds.get(task.key))
        for design in designs_of(case, plan)
    ]
    return verdict_of(task.key, curves)


def with_shared(design: Design, seed: int) -> Design:
    """Give a design that names a simulation the replications that the seed and this name stand for."""
    evidence = design.evidence
    if not design.simulation or isinstance(evidence, Exact | Exponent):
        return design
    name = int.from_bytes(hashlib.sha256(design.simulation.encode()).digest()[:8], "big")
    key = int(np.random.SeedSequence([seed, name]).generate_state(1, np.uint64)[0]) >> 1
    return replace(design, evidence=replace(evidence, blocks=lambda _: evidence.blocks(key)))


def verdict_of(key: str, curves: Iterable[Curve]) -> Verdict:
    """Combine curves: refuted anywhere is REFUTED, undecided anywhere is UNDECIDED."""
    curves = tuple(curves)
    decisions = {Decision(d) for curve in curves for d in curve.decision}
    outcome = next(
        (d for d in (Decision.REFUTED, Decision.UNDECIDED) if d in decisions),
        Decision.HOLDS if decisions else Decision.UNDECIDED,
    )
    return Verdict(key=key, outcome=outcome, curves=curves, seconds=math.fsum(c.seconds for c in curves))


def _complete(task: Task, finish: Finish | None) -> Verdict:
    """Reach a verdict and, still where it was reached, hand it to `finish`."""
    verdict = run_task(task)
    if finish is not None:
        finish(verdict)
    return verdict


def verify(
    plan: Plan, *, workers: int = 1, executor: Executor | None = None, finish: Finish | None = None
) -> Generator[Verdict, None, None]:
    """Yield the verdict of each result as it is reached.

    Parameters
    ----------
    plan : Plan
    workers : int
        Processes; 1 runs in this one. The numbers do not depend on it.
    executor : concurrent.futures.Executor, optional
        Runs the results instead, on other machines it may be.
    finish : callable, optional
        Called with each verdict, as to save it: in the process that reached it, so it must be picklable for several
        workers; but in this one if there is an executor.

    Yields
    ------
    Verdict
        In the order of completion. Closing the generator ends the workers at once.

    Raises
    ------
    ValueError
        For a number of workers that is not an integer >= 1; at once, like an unknown pattern.
    """
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers = {workers!r}: allowed: an integer >= 1")
    tasks = plan_tasks(plan)
    if executor is not None:
        return _elsewhere(tasks, executor, finish)
    if workers == 1:
        return (_complete(task, finish) for task in tasks)
    return _in_processes(tasks, workers, finish)


def _in_processes(tasks: tuple[Task, ...], workers: int, finish: Finish | None) -> Generator[Verdict, None, None]:
    with sim.Workers(min(workers, len(tasks))) as pool:
        for future in as_completed([pool.submit(_complete, task, finish) for task in tasks]):
            yield future.result()


def _elsewhere(tasks: tuple[Task, ...], executor: Executor, finish: Finish | None) -> Generator[Verdict, None, None]:
    futures = [executor.submit(run_task, task) for task in tasks]
    try:
        for future in as_completed(futures):
            verdict = future.result()
            if finish is not None:
                finish(verdict)
            yield verdict
    finally:
        for future in futures:
            future.cancel()
