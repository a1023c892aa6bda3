"""Attacking results: a cheap look at many points of a box, and the real check of the worst of them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from .case import Design
from .checking import CLAIMS, Curve, check, decisions_in
from .evidence import Decision, Guarantee
from .falsify_points import Values, explore
from .falsify_score import MEASURES, ratios, score
from .run import DEFAULT_SETTING, cases_of
from .search import Axis, Search

BUDGET = 200
"""Designs looked at per result, by default."""
CONFIRMED = 3
"""So many of the worst are checked."""
LEVEL = 1e-6
"""Largest probability that the check of one of them is wrong: three for each of 300 results make less than 0.1 %."""
REPLICATIONS = 20_000
"""Largest number of replications of a check."""
SCREENED = 64
"""Replications of a design that is looked at, with limits that are wrong with probability `SCREEN_LEVEL`."""
SCREEN_LEVEL = 0.05


class Outcome(StrEnum):
    """What an attack came to."""

    FALSIFIED = "FALSIFIED"
    UNDECIDED = "UNDECIDED"
    NOT_FALSIFIED = "NOT FALSIFIED"


class PointError(ValueError):
    """Values that are no point of a search, or a number of an attack that is not allowed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """The check of one design, at its worst point.

    Attributes
    ----------
    at : mapping of str to number
        The value of every axis.
    point : mapping of str to float
        The scalar parameters of the result, and settings, there.
    decision : Decision
        REFUTED if any point of the design is, UNDECIDED if any is, else HOLDS.
    ratio, lower, upper : float
        The measure of `MEASURES` and its confidence limits.
    replications : int
        0 for an exact law.
    guarantee : Guarantee
    """

    at: Mapping[str, int | float]
    point: Mapping[str, float]
    decision: Decision
    ratio: float
    lower: float
    upper: float
    replications: int
    guarantee: Guarantee


@dataclass(frozen=True, kw_only=True, eq=False)
class Falsification:
    """An attack on one result.

    Attributes
    ----------
    key : str
    measure : str
        What was made as large as possible.
    outcome : Outcome
        FALSIFIED if any finding is refuted, UNDECIDED if any is undecided, else NOT FALSIFIED.
    findings : tuple of Finding
        What was checked: refuted ones first, then by ratio, the largest first.
    designs : int
        Points of the box looked at.
    searched : bool
        Whether the result has a search; if not, the designs of its cases were looked at.
    seed : int
    """

    key: str
    measure: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    designs: int
    searched: bool
    seed: int

    @property
    def worst(self) -> Finding:
        """The first finding."""
        return self.findings[0]

    def command(self, finding: Finding) -> str:
        """Return the line that checks exactly this design again."""
        values = " ".join(f"{name}={value!r}" for name, value in finding.at.items())
        return f"loopbound falsify '{self.key}' --at {values} --seed {self.seed}"


def falsify(
    search: Search, *, budget: int = BUDGET, seed: int = 0, at: Mapping[str, int | float] | None = None
) -> Falsification:
    """Look for a point where a result is wrong.

    Every point is looked at with an exact law or few replications; the worst are checked as `verify` does, with
    replications of their own.

    Parameters
    ----------
    search : Search
    budget : int
        Points to look at, at least 1.
    seed : int
        At least 0; same seed, same numbers.
    at : mapping of str to number, optional
        A value of every axis: only this point is checked, with the numbers that a search with this seed gives it.

    Raises
    ------
    PointError
        An argument is not as said. What a design raises is raised with a note of the point.
    """
    _require_whole("budget", budget, 1)
    _require_whole("seed", seed, 0)
    if at is not None:
        points = [_on_axes(search, at)]
        designs = 1
    else:
        ranked = explore(search.axes, lambda values: _look(search, values, seed), budget, seed)
        points, designs = [values for values, _ in ranked[:CONFIRMED]], len(ranked)
    findings = sorted(
        (_finding(search, values, seed) for values in points),
        key=lambda found: (found.decision is not Decision.REFUTED, -found.ratio),
    )
    return Falsification(
        key=search.result.key,
        measure=MEASURES[CLAIMS.get(search.result.kind, "rate")],
        outcome=_outcome({found.decision for found in findings}),
        findings=tuple(findings),
        designs=designs,
        searched=True,
        seed=seed,
    )


def _require_whole(name: str, value: Any, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise PointError(f"{name} = {value!r}: allowed: an integer >= {least}")


def _on_axes(search: Search, at: Mapping[str, int | float]) -> Values:
    """Return the values in the order of the axes, int on integer axes."""
    axes = search.axes
    if at.keys() != axes.keys():
        missing, unknown = (", ".join(sorted(a.keys() - b.keys())) or "none" for a, b in ((axes, at), (at, axes)))
        raise PointError(f"{search.result.key}: missing: {missing}; unknown: {unknown}; allowed: {', '.join(axes)}")
    return {name: _on_axis(name, axis, at[name]) for name, axis in axes.items()}


def _on_axis(name: str, axis: Axis, value: int | float) -> int | float:
    whole = "a whole number" if axis.integer else "a number"
    if not axis.low <= value <= axis.high or (axis.integer and value != int(value)):
        raise PointError(f"{name} = {value!r}: allowed: {whole} in [{axis.low:g}, {axis.high:g}]")
    return int(value) if axis.integer else float(value)


def _check(search: Search, values: Values, level: float, replications: int, seeds: tuple[int, int]) -> Curve:
    """Check the design at a point; `level` is shared by its decisions."""
    case, seed = search.case, int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0]) >> 1
    try:
        design = search.design(values)
        each = level / max(1, decisions_in(case, design))
        return check(case, design, level=each, replications=replications, seed=seed)
    except Exception as error:
        error.add_note(f"in the search of {search.result.key} at {values}")
        raise


def _look(search: Search, values: Values, seed: int) -> float:
    return score(_check(search, values, SCREEN_LEVEL, SCREENED, (seed, 0)))


def _finding(search: Search, values: Values, seed: int) -> Finding:
    curve = _check(search, values, LEVEL, REPLICATIONS, (seed, 1))
    ratio, lower, upper = ratios(curve)
    refuted = curve.decision == Decision.REFUTED
    telling = refuted if refuted.any() else ~curve.vacuous if not curve.vacuous.all() else np.ones_like(refuted)
    place = int(np.argmax(np.where(telling, ratio, -np.inf)))
    order = (Decision.REFUTED, Decision.UNDECIDED)
    return Finding(
        at=values,
        point={name: float(value[place]) for name, value in curve.parameters.items()},
        decision=next((decision for decision in order if decision in curve.decision), Decision.HOLDS),
        ratio=float(ratio[place]),
        lower=float(max(lower[place], 0.0) if curve.claim == "equal" else lower[place]),
        upper=float(upper[place]),
        replications=curve.replications,
        guarantee=curve.guarantee,
    )


def _outcome(decisions: set[Decision]) -> Outcome:
    if Decision.REFUTED in decisions:
        return Outcome.FALSIFIED
    return Outcome.UNDECIDED if Decision.UNDECIDED in decisions else Outcome.NOT_FALSIFIED


# --- the catalogue ----------------------------------------------------------------------------------------------

_PLACE = "design"


def _searches() -> dict[str, Search]:
    from .searches import SEARCHES

    return {search.result.key: search for search in SEARCHES}


def search_of(result: Result) -> Search:
    """Return the search of a result; without one, that along the designs of its cases, numbered from 0.

    Raises
    ------
    ValueError
        The result has no case either.
    """
    if result.key in (known := _searches()):
        return known[result.key]
    designs: list[Design] = [design for case in cases_of(result) for design in case.designs(DEFAULT_SETTING)]
    if not designs:
        raise ValueError(f"{result.key}: has neither a search nor a case")
    axis = Axis(low=0, high=len(designs) - 1, integer=True)
    return Search(result=result, axes={_PLACE: axis}, design=lambda values: designs[values[_PLACE]])


def falsify_result(
    key: str, *, budget: int = BUDGET, seed: int = 0, at: Mapping[str, int | float] | None = None
) -> Falsification:
    """Attack a result of the catalogue; arguments are those of `falsify`."""
    found = falsify(search_of(bounds.get(key)), budget=budget, seed=seed, at=at)
    return replace(found, searched=key in _searches())


def falsify_catalogue(
    keys: tuple[str, ...], *, budget: int = BUDGET, seed: int = 0, workers: int = 1
) -> Generator[Falsification, None, None]:
    """Yield the attack on each result as it is finished; the numbers do not depend on the workers.

    Raises
    ------
    PointError
        A number is no integer or too small.
    ValueError
        A result without search and case.
    """
    _require_whole("budget", budget, 1)
    _require_whole("seed", seed, 0)
    _require_whole("workers", workers, 1)
    if workers == 1 or len(keys) == 1:
        yield from (falsify_result(key, budget=budget, seed=seed) for key in keys)
        return
    with sim.Workers(min(workers, len(keys))) as pool:
        for future in as_completed([pool.submit(falsify_result, key, budget=budget, seed=seed) for key in keys]):
            yield future.result()


__all__ = [
    "BUDGET",
    "Falsification",
    "Finding",
    "Outcome",
    "falsify",
    "falsify_catalogue",
    "falsify_result",
    "search_of",
]
