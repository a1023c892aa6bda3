"""Mutation of the whole catalogue: every check must refute the wrong claims that it can be expected to refute.

The formula of each result is made wrong in many small ways. An oracle that takes no part in verdicts says which of
these mutants are clearly false at some design, by so much that the check should need no more than two thirds of its
budget; the check, on the replications of an ordinary run, must say REFUTED to each of them.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import as_completed
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

import bounds
import sim
from bounds import Kind

from .case import BUDGETS, Effort
from .mutation_numbers import Screened, screened
from .mutation_operators import TERM, Mutant, mutants_of
from .mutation_oracle import Flags, Judgement
from .mutation_trial import Places, Trial
from .run import Plan, Task, cases_of, designs_of, plan_tasks

SIZES = {Effort.QUICK: (500,), Effort.STANDARD: (500, 2000), Effort.FULL: (500, 4000)}
"""Replications of the oracle at a design; the second number where the first leaves a mutant open."""
EXPONENT_SIZES = (500,)
_SAFETY = 1.5
_MOST_HINTS = 20


class Fate(StrEnum):
    """What the oracle says of a mutant over all designs."""

    MUST_KILL = "must kill"
    NEAR = "near"
    VALID = "still valid"
    LOOSER = "looser"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, eq=False)
class Survivor:
    """A mutant that a check should refute and does not: all that is needed to see it again.

    Attributes
    ----------
    mutant : Mutant
    case, design : str
    parameters : dict of str to float
        Where it is clearly false; for high probability the first point of the curve.
    bound : float
        What it says there.
    low, high : float
        Limits of what is true there; for high probability of the chance to exceed the curve.
    needed : float
        Replications that the check should need.
    """

    mutant: Mutant
    case: str
    design: str
    parameters: dict[str, float]
    bound: float
    low: float
    high: float
    needed: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Hint:
    """A mutant that no design contradicts, and how much sharper than the formula it is."""

    mutant: Mutant
    median: float
    largest: float


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseScore:
    """How many mutants the check of one case must refute, and refutes."""

    case: str
    must_kill: int
    killed: int


@dataclass(frozen=True, kw_only=True, eq=False)
class MutationScore:
    """What became of the mutants of one result.

    Attributes
    ----------
    key : str
    made, equal, invalid, identical, duplicate : int
        Mutants made; left out as equal expressions, not finite at a point, equal to the formula at all points, equal
        to another at all points.
    fates : dict of Fate to int
    killed : int
        Mutants of those to kill that every case refutes which must.
    cases : tuple of CaseScore
    survivors : tuple of Survivor
    hints : tuple of Hint
        The sharpest that are still valid, at most 20.
    unexercised : tuple of Mutant
        Dropped terms that no design misses.
    """

    key: str
    made: int
    equal: int
    invalid: int
    identical: int
    duplicate: int
    fates: dict[Fate, int]
    killed: int
    cases: tuple[CaseScore, ...]
    survivors: tuple[Survivor, ...]
    hints: tuple[Hint, ...]
    unexercised: tuple[Mutant, ...]

    @property
    def must_kill(self) -> int:
        """Number of mutants that must be refuted."""
        return self.fates[Fate.MUST_KILL]


class _Course:
    """The mutants of one result on their way through its cases."""

    def __init__(self, plan: Plan, kept: Screened, trials: tuple[Trial, ...]) -> None:
        self.plan, self.kept, self.trials = plan, kept, trials
        none = np.zeros(len(kept.mutants), dtype=bool)
        self.doomed, self.spared, self.wrong, self.unclear = none, none.copy(), none.copy(), none.copy()
        self.sharper = np.logical_or.reduce([none, *(trial.sharper.any(axis=1) for trial in trials)])
        self.survivors: list[Survivor] = []

    def run_case(self, name: str) -> CaseScore:
        """Judge and check at the designs of one case.

        Where the oracle must sample it is asked about all mutants until the case has one to refute, so that every
        case shows that it can; from then on only about those that no case must refute yet.
        """
        met, killed = np.zeros(len(self.kept.mutants), dtype=bool), 0
        own = [trial for trial in self.trials if trial.case.name == name]
        for trial in own:
            asked = trial.sharper.any(axis=1) & ~met & (~self.doomed | trial.exact | ~met.any())
            chosen = np.flatnonzero(asked)
            if chosen.size == 0:
                continue
            judgement, ripe = self._judged(trial, chosen, not met.any())
            hit = np.asarray(ripe.any(axis=1))
            points = np.where(ripe, judgement.needed, np.inf).argmin(axis=1)
            met[chosen[hit]] = self.doomed[chosen[hit]] = True
            if hit.any():
                killed += self._put_to_check(trial, chosen, points, judgement, hit)
        return CaseScore(case=name, must_kill=int(met.sum()), killed=killed)

    def _judged(self, trial: Trial, chosen: Places, idle: bool) -> tuple[Judgement, Flags]:
        """Return what the oracle says, of more replications if that may help, and where the check should refute."""
        most = BUDGETS[self.plan.effort].replications
        for size in EXPONENT_SIZES if trial.is_exponent else SIZES[self.plan.effort]:
            judgement = trial.judged(chosen, size)
            ripe = np.asarray(judgement.wrong & (_SAFETY * judgement.needed <= most))
            unclear = (trial.sharper[chosen] & ~judgement.wrong & ~judgement.right).any(axis=1)
            open_still = unclear & ~ripe.any(axis=1) & (~self.doomed[chosen] | (idle and not ripe.any()))
            if trial.exact or not open_still.any():
                break
        self.wrong[chosen] |= judgement.wrong.any(axis=1)
        self.unclear[chosen] |= unclear
        return judgement, ripe

    def _put_to_check(self, trial: Trial, chosen: Places, points: Places, judgement: Judgement, hit: Flags) -> int:
        """Check the mutants that must be refuted; keep those that are not; return how many are."""
        budget = BUDGETS[self.plan.effort].replications
        refuted = np.array(trial.refuted(chosen[hit], points[hit], self.kept.mutants, budget))
        for row in np.flatnonzero(hit)[~refuted]:
            self.spared[chosen[row]] = True
            at = (row, points[row])
            self.survivors.append(
                Survivor(
                    mutant=self.kept.mutants[chosen[row]],
                    case=trial.case.name,
                    design=trial.design.label,
                    parameters={k: float(v[points[row]]) for k, v in trial.parameters.items()},
                    bound=float(trial.bounds[chosen[row], points[row]]),
                    low=float(judgement.low[at]),
                    high=float(judgement.high[at]),
                    needed=float(judgement.needed[at]),
                )
            )
        return int(refuted.sum())

    def fates(self) -> list[Fate]:
        """Return what became of each mutant."""
        choices = (self.doomed, self.wrong, ~self.sharper, self.unclear)
        names = (Fate.MUST_KILL, Fate.NEAR, Fate.LOOSER, Fate.UNKNOWN)
        return [
            next((n for n, flags in zip(names, choices, strict=True) if flags[k]), Fate.VALID)
            for k in range(len(self.kept.mutants))
        ]

    def hints(self, fates: list[Fate], kind: Kind) -> tuple[Hint, ...]:
        """Return the mutants of a bound that are still valid, the sharpest first."""
        found = []
        for k, mutant in enumerate(self.kept.mutants):
            if fates[k] is not Fate.VALID or kind not in (Kind.UPPER, Kind.LOWER):
                continue
            ratios = np.concatenate([trial.gains(k) for trial in self.trials])
            if ratios.size:
                found.append(Hint(mutant=mutant, median=float(np.median(ratios)), largest=float(ratios.max())))
        return tuple(sorted(found, key=lambda hint: -hint.median))


def score_of(task: Task) -> MutationScore:
    """Mutate one result, have the oracle judge, and put what must be refuted to the checks."""
    result, plan = bounds.get(task.key), task.plan
    mutants, equal = mutants_of(result)
    places = [(case, design) for case in cases_of(result) for design in designs_of(case, plan)]
    kept = screened(result, mutants, [design for _, design in places])
    course = _Course(
        plan,
        kept,
        tuple(
            Trial(case=case, design=design, bounds=said, original=original, level=task.level, seed=plan.seed)
            for (case, design), said, original in zip(places, kept.bounds, kept.originals, strict=True)
        ),
    )
    exact = {trial.case.name: trial.exact for trial in course.trials}
    cases = tuple(course.run_case(name) for name in sorted(exact, key=lambda name: not exact[name]))
    fates = course.fates()
    terms = [m for m, fate in zip(kept.mutants, fates, strict=True) if m.operator == TERM and fate is Fate.VALID]
    return MutationScore(
        key=task.key,
        made=len(mutants) + equal,
        equal=equal,
        invalid=kept.invalid,
        identical=len(kept.unmoved),
        duplicate=kept.duplicate,
        fates={fate: fates.count(fate) for fate in Fate},
        killed=int((course.doomed & ~course.spared).sum()),
        cases=cases,
        survivors=tuple(course.survivors),
        hints=course.hints(fates, result.kind)[:_MOST_HINTS],
        unexercised=(*terms, *(mutant for mutant in kept.unmoved if mutant.operator == TERM)),
    )


def mutate(plan: Plan, *, workers: int = 1) -> Generator[MutationScore, None, None]:
    """Yield the score of each result as it is reached; the numbers do not depend on the number of workers.

    Parameters
    ----------
    plan : Plan
        As for `verify`: its level of each decision, its designs and budgets, its replications.
    workers : int
        Processes; 1 runs in this one.

    Raises
    ------
    ValueError
        For a number of workers that is not an integer >= 1; at once, like an unknown pattern.
    """
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers = {workers!r}: allowed: an integer >= 1")
    tasks = plan_tasks(plan)[::-1]  # the newest results cost most: they come first
    return (score_of(task) for task in tasks) if workers == 1 else _in_processes(tasks, workers)


def _in_processes(tasks: tuple[Task, ...], workers: int) -> Generator[MutationScore, None, None]:
    with sim.Workers(min(workers, len(tasks))) as pool:
        for future in as_completed([pool.submit(score_of, task) for task in tasks]):
            yield future.result()
