"""`loopbound check` and `verify.check_measured`: numbers from elsewhere get the verdict that they deserve."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from command_line import Run, fails

import bounds
import sim
from verify.evidence import Decision, Guarantee
from verify.measured import check_measured
from verify.measured_table import MeasuredError

FRESH = bounds.get("tv/discrete/fresh")
P = np.full(10, 0.1)
AT = np.array([1, 2, 5, 20])
FIXED = {"n": 50, "alpha": 0.2, "K": 10}
Table = Mapping[str, Any]


def simulated(replications: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """TV of fresh(0.2), n = 50, (replications, generations of AT)."""
    found = sim.simulate(
        sim.Discrete(P), sim.Fresh(0.2), n=50, generations=20, replications=replications, seed=seed, record=["tv"]
    )
    return np.asarray(found["tv"].to_numpy()[:, AT - 1])


TV = simulated(4000, 5)
MEANS = {"i": AT, "value": TV.mean(axis=0), "standard_error": TV.std(axis=0, ddof=1) / np.sqrt(len(TV))}
ROWS = {"i": np.tile(AT, 400), "value": TV[:400].ravel()}
GRADES: Mapping[str, tuple[Table, float, Guarantee, str]] = {
    "exact": ({"i": AT, "value": TV.mean(axis=0)}, np.inf, Guarantee.EXACT, "taken as exact"),
    "normal": (MEANS, np.inf, Guarantee.ASYMPTOTIC, "normal"),
    "student": ({**MEANS, "replications": [4000] * 4}, np.inf, Guarantee.ASYMPTOTIC, "Student"),
    "maurer-pontil": ({**MEANS, "replications": [4000] * 4}, 1.0, Guarantee.FINITE_SAMPLE, "Maurer"),
    "hoeffding": (
        {"i": AT, "value": TV.mean(axis=0), "replications": [4000] * 4}, 1.0, Guarantee.FINITE_SAMPLE, "Hoeffding",
    ),
    "rows": (ROWS, np.inf, Guarantee.ASYMPTOTIC, "Student"),
    "rows in a range": (ROWS, 1.0, Guarantee.FINITE_SAMPLE, "betting"),
}  # fmt: skip


@pytest.mark.parametrize("grade", GRADES)
def test_every_grade_accepts_a_true_bound_and_refutes_a_false_one(grade: str) -> None:
    columns, upper, guarantee, method = GRADES[grade]
    verdict = check_measured(FRESH, columns, fixed=FIXED, upper=upper)
    (curve,) = verdict.curves
    assert (verdict.outcome, curve.guarantee) == (Decision.HOLDS, guarantee)
    assert method in curve.method
    assert np.all((curve.lower <= curve.value) & (curve.value <= curve.upper))
    np.testing.assert_allclose(curve.bound, FRESH(i=AT, **FIXED))
    half = check_measured(replace(FRESH, expr=FRESH.expr / 2), columns, fixed=FIXED, upper=upper)
    assert half.outcome is Decision.REFUTED


def test_limits_hold_the_exact_value_and_grow_with_what_is_not_known() -> None:
    exact = sim.exact_discrete(sim.Fresh(0.2), 50, P, 20).tv[AT - 1]
    width = {}
    for grade, (columns, upper, _, _) in GRADES.items():
        (curve,) = check_measured(FRESH, columns, fixed=FIXED, upper=upper).curves
        width[grade] = curve.upper - curve.lower
        if grade != "exact":
            assert np.all((curve.lower <= exact) & (exact <= curve.upper)), grade
    assert np.all(width["student"] >= width["normal"])
    assert np.all(width["maurer-pontil"] > width["student"])
    assert np.all(width["hoeffding"] > width["maurer-pontil"])
    assert np.all(width["rows in a range"] > width["rows"])


def test_known_formulas_of_the_limits() -> None:
    one: dict[str, Any] = {"i": [1], "value": [0.1], "standard_error": [0.01], "replications": [101]}
    error = 1e-3
    word = np.log(2 / error)
    (curve,) = check_measured(FRESH, one, fixed=FIXED, upper=1.0).curves
    assert curve.upper[0] - 0.1 == pytest.approx(0.01 * np.sqrt(2 * word) + 7 * word / 300)
    del one["standard_error"]
    (curve,) = check_measured(FRESH, one, fixed=FIXED, upper=0.5).curves
    assert curve.upper[0] - 0.1 == pytest.approx(0.5 * np.sqrt(np.log(1 / error) / 202))


def test_student_limits_are_those_of_few_replications() -> None:
    """Of 1,000 means of 5 normals, 5 % are above their upper limit at level 5 %, within six standard errors."""
    sample = np.random.default_rng(20_261_121).normal(1.0, 0.3, (1000, 5))
    columns = {"value": sample.mean(axis=1), "standard_error": sample.std(axis=1, ddof=1) / np.sqrt(5)}
    above = 0
    for value, error in zip(*columns.values(), strict=True):
        one = {"i": [1], "value": [value], "standard_error": [error], "replications": [5]}
        above += check_measured(FRESH, one, fixed=FIXED, confidence=0.95).curves[0].upper[0] < 1.0
    assert abs(above / 1000 - 0.05) < 6 * np.sqrt(0.05 * 0.95 / 1000)


def test_a_data_frame_will_do_and_columns_may_be_parameters() -> None:
    frame = pd.DataFrame({"n": 50, "alpha": 0.2, "K": 10, "i": AT, "value": TV.mean(axis=0)})
    assert check_measured(FRESH, frame).outcome is Decision.HOLDS  # type: ignore[arg-type]


def test_lower_bounds_and_equalities() -> None:
    lower, equal = bounds.get("discrete/lower/replace"), bounds.get("discrete/diversity/replace")
    law = sim.exact_discrete(sim.Replace(), 50, P, 20)
    arguments: dict[str, Any] = {"n": 50, "p": tuple(P)}
    assert check_measured(lower, {"value": law.tv[:1]}, fixed=arguments).outcome is Decision.HOLDS
    assert check_measured(lower, {"value": 0.9 * law.tv[:1]}, fixed=arguments).outcome is Decision.REFUTED
    value = equal(i=AT, **arguments)
    for shift, outcome in ((0.9, Decision.REFUTED), (1.01, Decision.HOLDS), (1.1, Decision.REFUTED)):
        assert check_measured(equal, {"i": AT, "value": shift * value}, fixed=arguments).outcome is outcome
        errors = {"i": AT, "value": shift * value, "standard_error": 1e-5 * value}
        (curve,) = check_measured(equal, errors, fixed=arguments).curves
        assert set(curve.decision) == {outcome}
        assert curve.level == pytest.approx(1e-3 / 8)
    unsure = {"i": AT, "value": value, "standard_error": 0.1 * value}
    assert check_measured(equal, unsure, fixed=arguments).outcome is Decision.UNDECIDED


def runs(count: int, seed: int) -> dict[str, Any]:
    curves = simulated(count, seed)
    return {"run": np.repeat(np.arange(count), AT.size), "i": np.tile(AT, count), "value": curves.ravel()}


def test_runs_of_a_high_probability_result() -> None:
    result = bounds.get("tv/hp/fresh")
    arguments = {"n": 50, "alpha": 0.2, "K": 10, "T": 20, "delta": 0.05}
    verdict = check_measured(result, runs(300, 3), fixed=arguments)
    (curve,) = verdict.curves
    assert (verdict.outcome, curve.guarantee, curve.replications) == (Decision.HOLDS, Guarantee.FINITE_SAMPLE, 300)
    assert np.all(curve.value <= curve.bound)
    false = replace(result, expr=result.expr / 3)
    assert check_measured(false, runs(300, 3), fixed=arguments).outcome is Decision.REFUTED
    assert check_measured(result, runs(20, 3), fixed=arguments).outcome is Decision.UNDECIDED
    shuffled = {name: np.asarray(column)[::-1] for name, column in runs(300, 3).items()}
    assert check_measured(result, shuffled, fixed=arguments).outcome is Decision.HOLDS


def test_equal_replications_decide_nothing() -> None:
    table = {"i": [1] * 5, "value": [0.01] * 5}
    assert check_measured(FRESH, table, fixed=FIXED).outcome is Decision.UNDECIDED


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"i": [1]}, {}, "value = missing"),
        ({"i": [1, 2], "value": [0.1]}, {}, "i = 2 numbers: allowed: 1"),
        ({"i": [1], "value": [np.nan]}, {}, "value[0] = nan: allowed: a finite number"),
        ({"i": [1], "value": ["many"]}, {}, "value = list: allowed: a column of numbers"),
        ({"i": [1], "value": [[0.1]]}, {}, "an array of shape (1, 1)"),
        ({"i": [1], "value": [0.1], "standard_error": [0.0]}, {}, "standard_error[0] = 0: allowed: a number > 0"),
        ({"i": [1], "value": [0.1], "standard_error": [0.1], "replications": [1]}, {}, "an integer >= 2"),
        ({"i": [1], "value": [0.1], "standard_error": [0.1], "replications": [2.5]}, {}, "an integer >= 2"),
        ({"i": [1], "value": [0.1], "replications": [20]}, {}, "standard_error = missing"),
        ({"i": [1], "value": [1.1]}, {"upper": 1.0}, "value[0] = 1.1000000000000001: allowed: a number in [0, upper"),
        ({"i": [1], "value": [0.1], "run": [1]}, {}, "run = a column"),
        ({"i": [1, 1, 2], "value": [0.1, 0.2, 0.3]}, {}, "alone at its point"),
        ({"i": [1, 1], "value": [0.1, 0.2], "standard_error": [0.1, 0.1]}, {}, "a point that was there before"),
        ({"i": [1], "value": [0.1], "n": [50]}, {}, "a column or a fixed value, not both"),
        ({"i": [1], "value": [0.1]}, {"confidence": 1.0}, "confidence = 1.0: allowed: a number in (0, 1)"),
        ({"i": [1], "value": [0.1]}, {"margin": 0.0}, "margin = 0.0"),
        ({"i": [1], "value": [0.1]}, {"upper": -1.0}, "upper = -1.0: allowed: a number > 0"),
    ],
)
def test_wrong_tables(columns: Table, options: dict[str, Any], message: str) -> None:
    with pytest.raises(MeasuredError) as error:
        check_measured(FRESH, columns, fixed=FIXED, **options)
    assert message in str(error.value)


def test_wrong_parameters_and_kinds() -> None:
    with pytest.raises(bounds.ParameterError, match="missing i"):
        check_measured(FRESH, {"value": [0.1]}, fixed=FIXED)
    with pytest.raises(bounds.ParameterError, match="unexpected q"):
        check_measured(FRESH, {"value": [0.1], "i": [1], "q": [2]}, fixed=FIXED)
    with pytest.raises(bounds.DomainError, match="alpha"):
        check_measured(FRESH, {"value": [0.1], "i": [1]}, fixed={**FIXED, "alpha": 2})
    rate = next(r for r in bounds.CATALOGUE if r.kind is bounds.Kind.RATE)
    with pytest.raises(MeasuredError, match="not a rate"):
        check_measured(rate, {"value": [0.1]})
    with pytest.raises(MeasuredError, match="the same for every row"):
        check_measured(bounds.get("discrete/diversity/replace"), {"value": [0.1], "i": [1], "p": [0.5]}, fixed={"n": 5})
    with pytest.raises(MeasuredError, match="mode"):
        check_measured(
            bounds.get("tv/hp/fresh"), {"value": [0.1], "i": [1], "standard_error": [1]}, fixed={**FIXED, "T": 1}
            | {"delta": 0.1},
        )  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Table], str]:
    def write(columns: Table) -> str:
        path = tmp_path / "curve.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
        return str(path)

    return write


Written = Callable[[Table], str]


def test_the_command_line_prints_points_and_verdict(run: Run, written: Written) -> None:
    words = ("check", FRESH.key, "--curve", written({**MEANS, "seed": [1] * 4}), "n=50", "alpha=0.2", "K=10")
    status, out, err = run(*words)
    lines = out.splitlines()
    assert (status, err) == (0, "columns left out: seed\n")
    assert lines[0].split() == ["n", "alpha", "i", "K", "bound", "value", "lower", "upper", "decision"]
    assert [line.split()[-1] for line in lines[1:5]] == ["HOLDS"] * 4
    assert lines[5].startswith("HOLDS: 4 of 4 points decided, asymptotic (limits of a limit theorem (normal)), bound")
    document = json.loads(run(*words, "--json")[1])
    assert (document["outcome"], len(document["points"])) == ("HOLDS", 4)
    assert document["points"][2]["i"] == 5.0
    false = written({**MEANS, "value": 2 * np.asarray(MEANS["value"])})
    assert run("check", FRESH.key, "--curve", false, "n=50", "alpha=0.2", "K=10")[0] == 1


def test_vectors_are_words_and_a_figure_is_written(run: Run, written: Written, tmp_path: Path) -> None:
    law = sim.exact_discrete(sim.Replace(), 50, np.array([0.5, 0.3, 0.2]), 20)
    file = written({"i": AT, "value": law.tv[AT - 1]})
    key = "tv/discrete-instance/replace"
    out = tmp_path / "out"
    status, _, err = run("check", key, "--curve", file, "n=50", "p=0.5,0.3,0.2", "--out", str(out))
    assert status == 0
    assert "wrote" in err
    assert sorted(path.suffix for path in out.iterdir()) == [".nc", ".png"]


@pytest.mark.parametrize(
    ("columns", "words", "message"),
    [
        ({"i": [1], "value": ["x"]}, ("n=50", "alpha=0.2", "K=10"), "line 2, column 'value': 'x' is not a number"),
        ({"i": [1, 2], "value": [0.1, 3]}, ("n=50", "alpha=0.2", "K=10", "--upper", "1"), "value[1] = 3: allowed"),
        ({"i": [1, 2], "value": [0.1, 3]}, ("n=50", "alpha=0.2", "K=10", "--upper", "1"), "(line 3 of"),
        ({"i": [1], "value": [0.1]}, ("n=50", "alpha=0.2"), "missing K"),
        ({"i": [1], "value": [0.1]}, ("n=50", "alpha=0.2", "K=10,20"), "one value"),
        ({"i": [1], "value": [0.1]}, ("n=50", "alpha=0.2", "K=10", "i=2"), "unexpected i"),
        ({"i": [0], "value": [0.1]}, ("n=50", "alpha=0.2", "K=10"), "i = 0"),
    ],
)
def test_wrong_usage_is_one_line(
    run: Run, written: Written, columns: Table, words: Sequence[str], message: str
) -> None:
    assert message in fails(run, "check", FRESH.key, "--curve", written(columns), *words)


def test_a_missing_file_and_an_unknown_key(run: Run, tmp_path: Path) -> None:
    assert "no such file" in fails(run, "check", FRESH.key, "--curve", str(tmp_path / "none.csv"))
    assert "no result has the key" in fails(run, "check", "tv/nothing", "--curve", "none.csv")
