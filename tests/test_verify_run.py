"""Runs: numbers that depend on the plan alone, precedence of outcomes, budgets, errors."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import bounds
from verify import run
from verify.case import BUDGETS, Array, Bounded, Budget, Case, Design, Effort, Exceedance
from verify.checking import Curve, check, decisions_in
from verify.evidence import Decision, Guarantee
from verify.run import Plan, Verdict, cases_of, designs_of, plan_tasks, run_task, verdict_of, verify

PATTERNS = (
    "tv/gaussian-mean/replace",
    "tv/discrete/hp-triangle",
    "tv/propagation/fresh",
    "discrete/diversity/weighted",
)
PLAN = Plan(patterns=PATTERNS, effort=Effort.QUICK, seed=3)
MEAN = 0.25


def uniform_blocks(seed: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    while True:
        yield rng.random((64, 1)) * 2 * MEAN


def one_point(bound: float, key: str = "tv/discrete/one-step", **evidence: Any) -> tuple[Case, Design]:
    """A claim about the mean 0.25 of uniform numbers."""
    result = replace(bounds.get(key), expr=bounds.get(key).expr * 0 + bound)
    because = {assumption.key: "as given" for assumption in result.assumptions}
    design = Design(label="uniform", values={"n": 10, "K": 3}, evidence=Bounded(blocks=uniform_blocks, **evidence))
    return Case(result=result, name="test", designs=lambda _: (design,), because=because), design


def curve(decisions: list[Decision]) -> Curve:
    size = len(decisions)
    ones = np.ones(size)
    return Curve(
        case="test", label="one", claim="upper", parameters={}, bound=ones, value=ones, lower=ones, upper=ones,
        decision=np.array(decisions, dtype=object), vacuous=np.zeros(size, dtype=bool), replications=1, level=0.1,
        guarantee=Guarantee.FINITE_SAMPLE, method="", margin=0.0, seconds=0.5,
    )  # fmt: skip


def assert_same_numbers(one: Verdict, other: Verdict) -> None:
    assert one.key == other.key
    assert len(one.curves) == len(other.curves) > 0
    for left, right in zip(one.curves, other.curves, strict=True):
        assert (left.case, left.label, left.replications) == (right.case, right.label, right.replications)
        for name in ("bound", "value", "lower", "upper", "decision", "vacuous", "tightness"):
            np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


H, R, U = Decision.HOLDS, Decision.REFUTED, Decision.UNDECIDED


@pytest.mark.parametrize(
    ("decisions", "outcome"),
    [
        ([[H, H], [H]], H),
        ([[H, U], [H]], U),
        ([[H, U], [R]], R),
        ([[R, R]], R),
        ([[U]], U),
        ([], U),
    ],
)
def test_precedence_of_outcomes(decisions: list[list[Decision]], outcome: Decision) -> None:
    verdict = verdict_of("tv/propagation", [curve(row) for row in decisions])
    assert verdict.outcome is outcome
    assert verdict.points == sum(map(len, decisions))
    assert verdict.decided == sum(d is not U for row in decisions for d in row)
    assert verdict.seconds == 0.5 * len(decisions)


@pytest.fixture(scope="module")
def alone() -> dict[str, Verdict]:
    return {verdict.key: verdict for verdict in verify(PLAN)}


def test_one_process_goes_through_the_catalogue_in_order(alone: dict[str, Verdict]) -> None:
    assert list(alone) == [result.key for result in bounds.CATALOGUE if result.key in alone]
    assert set(alone) == set(PATTERNS)


def test_two_processes_give_identical_numbers(alone: dict[str, Verdict]) -> None:
    together = {verdict.key: verdict for verdict in verify(PLAN, workers=2)}
    assert set(together) == set(alone)
    for key in alone:
        assert_same_numbers(alone[key], together[key])


def test_a_subset_at_the_same_level_gives_identical_numbers(alone: dict[str, Verdict]) -> None:
    task = next(t for t in plan_tasks(PLAN) if t.key == "tv/gaussian-mean/replace")
    subset = replace(PLAN, patterns=("tv/gaussian-mean/replace",))
    assert_same_numbers(run_task(replace(task, plan=subset)), alone[task.key])
    assert plan_tasks(subset)[0].level > task.level  # by itself it would get a larger share of the error


def test_another_seed_gives_other_numbers(alone: dict[str, Verdict]) -> None:
    key = "tv/gaussian-mean/replace"
    other = next(verify(replace(PLAN, patterns=(key,), seed=4)))
    sampled = [(a, b) for a, b in zip(alone[key].curves, other.curves, strict=True) if a.replications]
    assert sampled
    assert all(not np.array_equal(a.value, b.value) for a, b in sampled)


def test_levels_add_up_to_the_error_of_the_plan() -> None:
    for confidence in (0.9, 0.999):
        plan = replace(PLAN, confidence=confidence)
        total = sum(
            task.level * decisions_in(case, design)
            for task in plan_tasks(plan)
            for case in cases_of(bounds.get(task.key))
            for design in designs_of(case, plan)
        )
        assert total == pytest.approx(1 - confidence, rel=1e-9)


def test_curves_report_level_guarantee_and_limits(alone: dict[str, Verdict]) -> None:
    level = plan_tasks(PLAN)[0].level
    for verdict in alone.values():
        for c in verdict.curves:
            assert c.level == (level if c.replications else 0.0)
            assert (c.guarantee is Guarantee.EXACT) == (c.replications == 0)
            assert (c.lower <= c.value * (1 + 1e-12)).all()
            assert (c.value <= c.upper * (1 + 1e-12)).all()


def test_a_tight_bound_is_undecided_when_the_budget_ends() -> None:
    case, design = one_point(MEAN)
    found = check(case, design, level=1e-6, replications=3000, seed=1)
    assert found.decision[0] is U
    assert found.replications == 3000  # not one more than the budget
    assert found.lower[0] < MEAN < found.upper[0]
    assert verdict_of(case.result.key, [found]).outcome is U


def test_more_replications_decide_what_few_leave_open() -> None:
    case, design = one_point(1.05 * MEAN)
    assert check(case, design, level=1e-6, replications=200, seed=1).decision[0] is U
    assert check(case, design, level=1e-6, replications=1_000_000, seed=1).decision[0] is H


def test_budgets_of_the_plan_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    case, _ = one_point(MEAN)
    monkeypatch.setattr(run, "_cases", lambda: (case,))
    monkeypatch.setitem(BUDGETS, Effort.QUICK, Budget(designs=1, replications=500))
    verdict = next(verify(Plan(patterns=(case.result.key,), effort=Effort.QUICK)))
    assert verdict.outcome is U
    assert verdict.replications == 500


def test_false_alarms_at_a_tight_bound() -> None:
    case, design = one_point(MEAN)
    level, runs = 0.02, 250
    curves = [check(case, design, level=level, replications=1000, seed=seed) for seed in range(runs)]
    refuted = sum(c.decision[0] is R for c in curves)
    missed = sum(not c.lower[0] <= MEAN <= c.upper[0] for c in curves)
    # at most Bin(250, 0.02) refutations, twice as likely misses of two limits: beyond these with probability 1e-6
    assert refuted <= 19
    assert missed <= 29
    raised, _ = one_point(0.8 * MEAN)
    assert check(raised, design, level=level, replications=1000, seed=0).decision[0] is R


def test_false_alarms_of_a_tight_probability() -> None:
    result = bounds.get("tv/discrete/one-step-hp")
    result = replace(result, expr=result.expr * 0 + 2 * MEAN * 0.8)  # exceeded with probability 0.2 exactly
    because = {assumption.key: "as given" for assumption in result.assumptions}
    values = {"n": 10, "K": 3, "delta": 0.2}
    design = Design(label="uniform", values=values, evidence=Exceedance(blocks=uniform_blocks))
    case = Case(result=result, name="test", designs=lambda _: (design,), because=because)
    decisions = [check(case, design, level=0.02, replications=1000, seed=s).decision[0] for s in range(150)]
    assert sum(d is not U for d in decisions) <= 21  # either way is an alarm: Bin(150, 0.04) exceeds it w.p. 1e-6
    twice = replace(design, values={**values, "delta": 0.1})
    assert check(case, twice, level=0.02, replications=20_000, seed=0).decision[0] is R


def test_tightness_means_what_the_claim_says() -> None:
    upper = replace(curve([H]), bound=np.array([2.0]), lower=np.array([0.5]), upper=np.array([1.6]))
    assert upper.tightness[0] == 1.25
    assert replace(upper, claim="lower").tightness[0] == 4.0
    assert replace(upper, claim="equal").tightness[0] == 2.0
    assert np.isnan(replace(upper, upper=np.array([np.inf])).tightness[0])
    assert np.isnan(replace(upper, upper=np.array([0.0])).tightness[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": 1.0}, "confidence = 1.0: allowed: a number strictly between 0 and 1"),
        ({"confidence": 0.0}, "confidence = 0.0: allowed"),
        ({"confidence": float("nan")}, "confidence = nan: allowed"),
        ({"seed": -1}, "seed = -1: allowed: an integer >= 0"),
        ({"seed": 0.5}, "seed = 0.5: allowed: an integer >= 0"),
        ({"patterns": "tv"}, "patterns = 'tv': allowed: a tuple"),
    ],
)
def test_bad_plans_name_argument_value_and_what_is_allowed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(**arguments)


@pytest.mark.parametrize("workers", [0, -2, 1.5])
def test_bad_numbers_of_workers(workers: Any) -> None:
    with pytest.raises(ValueError, match=rf"workers = {workers}: allowed: an integer >= 1"):
        verify(PLAN, workers=workers)


def test_unknown_patterns() -> None:
    with pytest.raises(bounds.UnknownResultError, match="tv/discret"):
        verify(Plan(patterns=("tv/discret",)))


def test_a_failing_case_is_not_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    case, _ = one_point(MEAN, upper=0.3)  # a range that is not true
    monkeypatch.setattr(run, "_cases", lambda: (case,))
    with pytest.raises(ValueError, match=r"needs finite X in \[0\.0, 0\.3\]"):
        next(verify(Plan(patterns=(case.result.key,))))


def slow_to_finish(verdict: Verdict) -> None:
    if not verdict.key.endswith("/replace"):
        time.sleep(120)


def test_closing_the_generator_ends_the_workers_at_once() -> None:
    stream = verify(Plan(patterns=("tv/gaussian-mean/lower",)), workers=2, finish=slow_to_finish)
    assert next(stream).key == "tv/gaussian-mean/lower/replace"
    assert len(multiprocessing.active_children()) == 2
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 20
    assert not multiprocessing.active_children()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
