"""Mutation of results: the ordinary check refutes what it must, a broken one is found out, runs are reproducible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Run, fails
from named_cases import case_named

import bounds
from verify import checking, mutation, mutation_trial
from verify.case import Bounded, Case, Design, Effort, Exact, Exponent
from verify.checking import Curve, check
from verify.evidence import Decision
from verify.mutation import Fate, mutate, score_of
from verify.mutation_numbers import screened
from verify.mutation_operators import mutants_of
from verify.mutation_report import as_json, closing, in_order, survivor_lines, table, totals
from verify.mutation_trial import Remembered, Trial
from verify.run import DEFAULT_SETTING, Plan, plan_tasks

EXACT, SAMPLED, PROBABILITY = "tv/discrete/replace/triangle", "tv/discrete-exact/first", "tv/discrete/one-step-hp"


def score(key: str) -> mutation.MutationScore:
    return score_of(plan_tasks(Plan(patterns=(key,), effort=Effort.QUICK))[0])


@pytest.mark.parametrize("key", [EXACT, SAMPLED, PROBABILITY])
def test_whatever_must_be_refuted_is(key: str) -> None:
    found = score(key)
    assert found.must_kill == found.killed >= 4
    assert not found.survivors
    assert all(case.must_kill == case.killed > 0 for case in found.cases)
    dropped = found.equal + found.invalid + found.identical + found.duplicate
    assert found.made == dropped + sum(found.fates.values())


def always(decision: Decision) -> Callable[..., Curve]:
    def broken(*args: Any, **options: Any) -> Curve:
        curve = check(*args, **{**options, "replications": 10})
        return replace(curve, decision=np.full(curve.decision.shape, decision, dtype=object))

    return broken


@pytest.mark.parametrize("key", [EXACT, SAMPLED, PROBABILITY])
@pytest.mark.parametrize("decision", [Decision.HOLDS, Decision.UNDECIDED])
def test_a_broken_check_is_found_out(key: str, decision: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation_trial, "check", always(decision))
    found = score(key)
    assert found.killed == 0 < found.must_kill
    assert len(found.survivors) == sum(case.must_kill for case in found.cases)
    for survivor in found.survivors:
        assert survivor.mutant.operator
        assert survivor.case in {case.case for case in found.cases}
        assert {"n"} <= set(survivor.parameters)
        assert survivor.needed >= 0


def test_a_test_that_is_too_lenient_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    right = checking.exact_decision
    monkeypatch.setattr(checking, "exact_decision", lambda value, bound, claim: right(0.6 * value, bound, claim))
    lenient = score(EXACT)
    assert 0 < lenient.killed < lenient.must_kill  # a hundredth of the bound is refuted, a tenth less is not
    assert {survivor.case for survivor in lenient.survivors} == {"exact"}


@pytest.mark.parametrize("key", ["tv/discrete-exact/first#sampled", "tv/discrete/one-step-hp#sampled"])
def test_the_check_of_a_mutant_is_the_ordinary_one(key: str) -> None:
    """The whole design with the mutant's formula gives the same decisions as the chosen point does."""
    case = case_named(key)
    design = case.designs(DEFAULT_SETTING)[0]
    kept = screened(case.result, mutants_of(case.result)[0], [design])
    trial = Trial(
        case=case, design=design, bounds=kept.bounds[0], original=kept.originals[0], level=1e-7, seed=3
    )  # fmt: skip
    chosen = np.arange(len(kept.mutants))
    judgement = trial.judged(chosen, 500)
    hit = np.flatnonzero(judgement.wrong.any(axis=1))[:6]
    points = judgement.wrong[hit].argmax(axis=1)
    assert trial.refuted(hit, points, kept.mutants, 20_000) == [True] * hit.size
    for mutant, point in zip(hit, points, strict=True):
        whole = replace(case, result=replace(case.result, expr=kept.mutants[mutant].expr))
        assert check(whole, design, level=1e-7, replications=20_000, seed=3).decision[point] is Decision.REFUTED


@pytest.mark.parametrize("sampled", [False, True])
def test_a_wrong_exponent_is_refuted(sampled: bool) -> None:
    result = bounds.get("tv/diffusion/rate")  # n^(-1/4)
    path = np.array([[100.0, 400.0, 1600.0], [200.0, 800.0, 3200.0]])

    def blocks(seed: int) -> Iterator[np.ndarray]:  # type: ignore[type-arg]
        rng = np.random.default_rng(seed)
        while True:
            yield path**-0.25 * rng.uniform(0.9, 1.1, (100, 2, 3))

    measured = Bounded(blocks=blocks) if sampled else Exact(values=lambda: path**-0.25)
    because = {assumption.key: "made so" for assumption in result.assumptions}
    case = Case(result=result, name="planted", designs=lambda _: (), because=because)
    design = Design(label="powers", values={"n": path}, evidence=Exponent(along="n", measured=measured))
    kept = screened(result, mutants_of(result)[0], [design])
    trial = Trial(case=case, design=design, bounds=kept.bounds[0], original=kept.originals[0], level=1e-6, seed=1)
    judgement = trial.judged(np.arange(len(kept.mutants)), 500)
    steeper = np.flatnonzero(kept.bounds[0][:, 0] < -0.4)
    assert steeper.size
    assert judgement.wrong[steeper].all()
    assert not judgement.wrong[kept.bounds[0] > -0.3].any()
    assert trial.refuted(steeper, np.full(steeper.size, 1), kept.mutants, 100_000) == [True] * steeper.size


def test_blocks_are_drawn_once_and_given_out_again() -> None:
    drawn = []

    def blocks(seed: int) -> Any:
        for number in range(5):
            drawn.append((seed, number))
            yield np.full((2, 1), number)

    remembered = Remembered(blocks)
    first = remembered(7)
    assert [next(first)[0, 0] for _ in range(3)] == [0, 1, 2]
    again = remembered(7)
    assert [next(again)[0, 0] for _ in range(4)] == [0, 1, 2, 3]
    assert drawn == [(7, number) for number in range(4)]
    assert next(remembered(8))[0, 0] == 0


def test_hints_are_sharper_and_not_contradicted() -> None:
    found = score("tv/discrete/one-step-hp")
    assert found.fates[Fate.VALID] == len(found.hints) > 0
    halves = [hint for hint in found.hints if hint.mutant.operator == "whole x 1/2"]
    assert all(hint.median == hint.largest == 2.0 for hint in halves)
    assert [hint.median for hint in found.hints] == sorted((hint.median for hint in found.hints), reverse=True)


def test_a_report_says_all_of_a_run() -> None:
    plan = Plan(patterns=(EXACT, "gaussian/w2"), effort=Effort.QUICK)
    scores = list(mutate(plan))
    assert [s.key for s in in_order(scores)] == [r.key for r in bounds.select(plan.patterns)]
    document = json.loads(as_json(scores, plan, complete=True))
    assert set(document["results"]) == {s.key for s in scores}
    assert document["totals"] == totals(scores)
    assert document["totals"]["must kill"] == document["totals"]["killed"] == sum(s.killed for s in scores)
    assert table(scores).splitlines()[0].split()[:2] == ["result", "mutants"]
    assert f"{sum(s.killed for s in scores)} of {sum(s.must_kill for s in scores)}" in closing(scores, 2)
    assert survivor_lines(scores) == []


def test_the_command_writes_json_and_ends_with_0(run: Run, tmp_path: Path) -> None:
    status, out, err = run("mutate", SAMPLED, "--quick", "--workers", "1", "--out", str(tmp_path / "deep" / "folder"))
    assert (status, err) == (0, "")
    document = json.loads((tmp_path / "deep" / "folder" / "mutation.json").read_text())
    assert document["complete"] is True
    assert document["results"][SAMPLED]["survivors"] == []
    assert f"[1/1] {SAMPLED}" in out


def test_the_command_ends_with_1_and_says_what_survives(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutation_trial, "check", always(Decision.HOLDS))
    status, out, _ = run("mutate", SAMPLED, "--quick", "--workers", "1", "--out", str(tmp_path / "scores.json"))
    assert status == 1
    assert f"SURVIVOR {SAMPLED}#sampled" in out
    row = json.loads((tmp_path / "scores.json").read_text())["results"][SAMPLED]
    assert row["killed"] == 0 < row["must kill"]
    needed = {"operator", "path", "before", "after", "case", "design", "parameters", "bound", "low", "high"}
    assert needed <= set(row["survivors"][0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing/like/this",), "nothing/like/this"),
        (("--workers", "0"), "--workers 0: allowed: an integer >= 1"),
        (("--seed", "-1"), "seed = -1: allowed: an integer >= 0"),
        ((SAMPLED, "--out", "/dev/null/folder"), "--out /dev/null/folder"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in fails(run, "mutate", *words)


def test_a_folder_is_no_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken.json").mkdir()
    assert "taken.json: Is a directory" in fails(run, "mutate", SAMPLED, "--out", str(tmp_path / "taken.json"))


def test_workers_are_a_positive_number() -> None:
    with pytest.raises(ValueError, match="workers = 0"):
        mutate(Plan(patterns=(SAMPLED,)), workers=0)


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_the_workers() -> None:
    plan = Plan(patterns=(EXACT, SAMPLED, PROBABILITY), effort=Effort.QUICK, seed=5)
    alone, together = list(mutate(plan)), list(mutate(plan, workers=2))
    assert as_json(alone, plan, complete=True) == as_json(together, plan, complete=True)


def test_the_stored_run_has_no_survivor() -> None:
    stored = json.loads((Path(__file__).parents[1] / "book" / "mutation.json").read_text(encoding="utf-8"))
    rows = stored["results"].values()
    assert stored["totals"]["must kill"] == stored["totals"]["killed"] == sum(row["killed"] for row in rows) > 5000
    assert [row for row in rows if row["survivors"]] == []
    for row in rows:
        assert row["made"] == sum(row[name] for name in ("equal", "invalid", "identical", "duplicate", *map(str, Fate)))
