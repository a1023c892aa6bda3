"""`loopbound plan`: report, JSON, picture, simulation and the one line that a wrong question gets."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from command_line import invoke
from matplotlib.image import imread

import bounds
from verify.evidence import Decision
from verify.planner import PlanError, plan
from verify.planner_check import LEVEL, check_plan
from verify.planner_cli import plan as command
from verify.planner_json import as_json
from verify.planner_models import DOSES
from verify.planner_plot import curves, picture
from verify.planner_report import share

BASE = ("--K", "50", "--real", "1e4", "--generations", "10", "--target-tv", "0.1")


run = partial(invoke, command)


def test_one_command_answers_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    start = time.perf_counter()
    status, out, err = run(capsys, "--model", "discrete", *BASE)
    assert time.perf_counter() - start < 5
    assert (status, err) == (0, "")
    titles = (
        "ANSWER",
        "EVERY SCHEDULE",
        "WHAT ACCUMULATING BUYS",
        "CHEAPEST IN REAL DATA",
        "WHAT CANNOT BE GUARANTEED",
    )
    assert [line for line in out.splitlines() if line in titles] == list(titles)
    for schedule in DOSES:
        assert f"tv/discrete/{schedule} (upper)" in out
    for assumption in bounds.get("tv/discrete/fresh").assumptions:
        assert assumption.text in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 150
    answer = plan("discrete", K=50, real=10_000, generations=10, target=0.1)
    assert answer.best is not None
    assert f"with {answer.best.real:,.0f} real points" in " ".join(out.split())
    assert out == answer.text


def test_values_are_numbers_of_the_grammar(capsys: pytest.CaptureFixture[str]) -> None:
    _, plain, _ = run(capsys, *BASE)
    _, other, _ = run(capsys, "--K", "100/2", "--real", "10**4", "--generations", "1e1", "--target-tv", "1/10")
    assert plain == other


def test_json_has_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, *BASE, "--json", "--check", "--seed", "3")
    assert status == 0
    read = json.loads(out)
    answer = plan("discrete", K=50, real=10_000, generations=10, target=0.1)
    assert [row["schedule"] for row in read["schedules"]] == list(DOSES)
    assert [row["guaranteed"] for row in read["schedules"]] == [row.guaranteed for row in answer.rows]
    assert read["cheapest"]["real"] == (answer.best.real if answer.best else None)
    assert read["question"]["target_tv"] == 0.1
    assert read["check"]["decision"] == "HOLDS"
    assert read["check"]["low"] <= read["check"]["mean"] <= read["check"]["high"]
    assert set(read["assumptions"]["tv/discrete/fresh"]) == {"empirical-fit", "real-start", "schedule-fresh"}
    assert json.loads(as_json(plan("gaussian", real=100, generations=5, target=0.5)))["no_result"] == ["subsample"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--K", "50", "--generations", "10", "--target-tv", "0.1"), "--real"),
        (("--K", "50", "--real", "1e4", "--generations", "10", "--target-tv", "2"), "--target-tv"),
        (("--K", "50", "--real", "0", "--generations", "10", "--target-tv", "0.1"), "--real"),
        (("--real", "1e4", "--generations", "10", "--target-tv", "0.1"), "--K"),
        ((*BASE, "--n", "1e5"), "--n"),
        ((*BASE, "--n", "1.5"), "whole number"),
        ((*BASE, "--n", "9**9**9"), "one power"),
        ((*BASE, "--delta", "__import__('os')"), "allowed"),
        ((*BASE, "--d", "3"), "--d"),
        ((*BASE, "--column", "x"), "--column"),
        ((*BASE, "--out", "picture.pdf"), ".png"),
        ((*BASE, "--out", "/no/such/folder/plan.png"), "--out"),
        ((*BASE, "--model", "poisson"), "poisson"),
        (("--data", "/no/such/file.csv", "--generations", "10", "--target-tv", "0.1"), "no such file"),
        ((*BASE, "--data", "x.csv"), "--K and --data"),
        (("--model", "gaussian", *BASE), "--K"),
        (("--model", "gaussian", *BASE[2:], "--delta", "0.05"), "--delta"),
        (("--K", "1e9", "--real", "1e12", "--generations", "2", "--target-tv", "0.5", "--check"), "--check"),
        (("--K", "1e9", "--real", "1e6", "--generations", "2", "--target-tv", "1e-6", "--check"), "--check"),
    ],
)
def test_wrong_usage_gets_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    status, out, err = run(capsys, *words)
    assert (status, out) == (64, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_users_file_in_one_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(" ".join(["the"] * 700 + ["a"] * 200 + ["of"] * 100))
    status, out, _ = run(capsys, "--data", str(path), "--generations", "10", "--target-tv", "0.05", "--check")
    assert status == 0
    assert "1,000 values, K = 3 distinct" in out
    assert "tv/discrete-instance/expand (upper)" in out
    assert "HOLDS" in out


def test_the_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "plan.png"
    status, out, _ = run(capsys, *BASE, "--out", str(path))
    assert status == 0
    assert out.endswith(f"wrote {path}\n")
    image = imread(path)
    assert image.shape[0] > 300
    assert image[..., :3].std() > 0.05
    answer = plan("discrete", K=50, real=10_000, generations=10, target=0.1)
    assert path.read_bytes() == picture(answer)
    at, values = curves(answer)
    assert list(at) == list(range(1, 11))
    for row in answer.rows:
        expected = row.guaranteed if row.dose != "lam" else row.without
        assert values[row.schedule][-1] == pytest.approx(expected)
        assert values[row.schedule][0] == pytest.approx(0.5 * np.sqrt(49 / 10_000))


def test_long_loops_are_drawn_too() -> None:
    at, _ = curves(plan("gaussian", real=1000, generations=5000, target=0.2))
    assert at.size <= 200
    assert at[-1] == 5000


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "discrete", "K": 30, "target": 0.1},
        {"model": "discrete", "p": (0.6, 0.3, 0.1), "target": 0.05},
        {"model": "discrete", "K": 30, "target": 0.1, "delta": 0.1},
        {"model": "gaussian", "target": 0.05},
        {"model": "gaussian", "d": 5, "target": 0.1},
    ],
    ids=str,
)
def test_the_simulation_stays_below_the_guarantee(asked: dict[str, object]) -> None:
    answer = plan(real=10_000, generations=6, **asked)  # type: ignore[arg-type]
    checked = check_plan(answer, seed=1)
    assert checked.decision is Decision.HOLDS
    assert checked.low <= checked.mean <= checked.high
    assert checked.low <= checked.choice.guaranteed
    assert checked.choice == answer.best
    assert checked.exceeded <= (checked.delta or 1)
    assert f"{checked.mean:.4f}" in checked.text
    assert check_plan(answer, seed=1) == checked
    assert 0 < LEVEL < 0.05


def test_a_simulation_notices_a_false_guarantee(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: promise half of what is true."""
    from dataclasses import replace

    answer = plan("discrete", K=30, real=10_000, generations=6, target=0.1)
    assert answer.best is not None
    false = replace(answer, best=replace(answer.best, guaranteed=answer.best.guaranteed / 2))
    assert check_plan(false).decision is Decision.REFUTED


def test_nothing_to_simulate() -> None:
    with pytest.raises(PlanError):
        check_plan(plan("discrete", K=10**9, real=10**6, generations=5, target=1e-6))


def test_shares_are_rounded_upwards() -> None:
    assert share(0.3875890660505) == "0.38759"
    assert share(1 / 3) == "0.333334"
    assert [share(x) for x in (0.0, 0.1, 0.5, 1.0, 0.2104)] == ["0", "0.1", "0.5", "1", "0.2104"]
    for x in np.random.default_rng(0).random(1000):
        assert x <= float(share(x)) + 1e-12 <= x + 2e-6


def test_the_command_starts_without_the_numerical_libraries() -> None:
    code = (
        "import sys, verify.planner_cli; print({'numpy', 'scipy', 'sympy', 'xarray', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
