"""The planner on kernel density estimates: bandwidths, guarantees, and a check by simulation."""

from __future__ import annotations

from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from test_planner_cli import run

import bounds
from bounds.kde_bandwidth import SHARP_OVER_TRIANGLE, loop_bandwidth
from verify.evidence import Decision
from verify.planner import PlanError, plan, plan_from_file
from verify.planner_check import check_plan
from verify.planner_models import Setting, guarantees

SHARP = {name: f"tv/kde-sharp/{name}" for name in ("replace", "fresh", "stratified", "fixed")}


def test_the_shape_constant_is_a_minimum() -> None:
    """A bias c² b(x) and a variance v(x)/c: the L1 norm of their root sum of squares, in 30 digits."""
    with mp.workdps(30):
        bias = mp.exp(-mp.mpf(1) / 2) / mp.sqrt(2 * mp.pi)
        scale = 32 * mp.sqrt(2) * bias**2 / mp.sqrt(4 * mp.pi)

        def slope(c: mp.mpf) -> mp.mpf:
            def integrand(x: mp.mpf) -> mp.mpf:
                curve, spread = ((x * x - 1) * mp.npdf(x) / 2) ** 2, scale * mp.npdf(x)
                return (4 * c**3 * curve - spread / c**2) / (2 * mp.sqrt(c**4 * curve + spread / c))

            return mp.quad(integrand, [0, 1, 2, 4, 8, 16, 30])

        assert abs(mp.findroot(slope, 1.3) - SHARP_OVER_TRIANGLE) < 1e-12


@pytest.mark.parametrize(("n", "within"), [(100, 1.02), (10_000, 1.002), (10**6, 1.0001)])
@pytest.mark.parametrize(("alpha", "i"), [(0.0, 1), (0.0, 50), (0.1, 10), (0.5, 50)])
def test_no_other_bandwidth_is_much_better(n: int, within: float, alpha: float, i: int) -> None:
    sharp = bounds.get(SHARP["fresh"])
    best = float(loop_bandwidth(n, alpha, i))
    grid = sharp(n=n, alpha=alpha, i=i, h=best * np.linspace(0.6, 1.6, 41), sigma=1.0)
    assert float(sharp(n=n, alpha=alpha, i=i, h=best, sigma=1.0)) <= within * np.min(grid)
    assert loop_bandwidth(n, alpha, i, 3.0) == pytest.approx(3 * best)


@pytest.mark.parametrize("schedule", SHARP)
def test_guarantees_are_those_of_the_catalogue(schedule: str) -> None:
    given = {"n": 400, "i": 5}
    dose = 0.25 if schedule != "replace" else 0.0
    for h in (None, 0.3):
        values = {"sigma": 2.0, **({} if h is None else {"h": h})}
        bound = guarantees(Setting(model="kde", values=values, delta=None, source=""))[schedule]
        assert bound is not None
        width = float(loop_bandwidth(400, dose, 9, 2.0)) if h is None else h
        result = bounds.get(SHARP[schedule])
        known = {**given, "h": width, "sigma": 2.0, "alpha": dose}
        assert bound.bandwidth(400, dose, 9) == width
        assert float(bound(400, dose, 5, 9)) == float(result(**{name: known[name] for name in result.names}))


def test_a_plan_meets_its_target_and_nothing_smaller_does() -> None:
    answer = plan("kde", real=10_000, generations=10, target=0.1, h=0.2)
    row = answer.row("replace")
    sharp = bounds.get(SHARP["replace"])
    assert row.smallest_n is not None
    sizes = np.array([row.smallest_n, row.smallest_n - 1])
    assert np.array_equal(sharp(n=sizes, i=10, h=0.2, sigma=1.0) <= 0.1, [True, False])
    assert answer.missing == ("accumulate", "subsample", "expand")
    assert answer.best is not None
    assert answer.best.bandwidth == 0.2
    assert "bandwidth h = 0.2" in answer.text


def test_a_free_bandwidth_is_no_worse() -> None:
    free = plan("kde", real=10_000, generations=10, target=0.1).row("replace").smallest_n
    fixed = [plan("kde", real=10_000, generations=10, target=0.1, h=h).row("replace").smallest_n for h in (0.05, 0.2)]
    assert free is not None
    assert all(size is None or free <= size for size in fixed)


def test_with_high_probability_and_checked() -> None:
    answer = plan("kde", real=10_000, generations=5, target=0.2, delta=0.1)
    assert answer.best is not None
    assert answer.best.result.startswith("tv/hp-kde/")
    checked = check_plan(answer, seed=3)
    assert checked.decision is Decision.HOLDS
    average = plan("kde", real=10_000, generations=5, target=0.2)
    assert average.best is not None
    assert average.best.real <= answer.best.real
    assert check_plan(average, seed=3).decision is Decision.HOLDS


def test_a_column_of_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(20261121)
    file = tmp_path / "heights.csv"
    file.write_text("height\n" + "\n".join(map(str, rng.normal(170, 8, 500))))
    answer = plan_from_file("kde", file, "height", generations=5, target=0.2)
    sigma = answer.question.setting.values["sigma"]
    assert 7 < sigma < 9
    assert answer.question.real == 500
    same = plan("kde", real=500, generations=5, target=0.2, sigma=1.0)
    assert answer.best is not None
    assert same.best is not None
    assert answer.best.n == same.best.n  # the unit does not matter
    assert answer.best.bandwidth == pytest.approx(sigma * (same.best.bandwidth or 0))


@pytest.mark.parametrize("name", ["sigma", "h"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_bad_numbers_are_named(name: str, value: float) -> None:
    with pytest.raises(PlanError, match=f"{name} .*allowed: a number above 0"):
        plan("kde", real=100, generations=2, target=0.2, **{name: value})


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--real", "1e4", "--generations", "5", "--target-tv", "0.1")
    status, out, err = run(capsys, "--model", "kde", "--h", "0.2", *words)
    assert (status, err) == (0, "")
    assert "Kernel density estimation of a normal distribution, sigma = 1, h = 0.2." in out
    assert "tv/kde-sharp/fixed (upper)" in out
    status, _, err = run(capsys, "--model", "discrete", "--K", "5", "--h", "0.2", *words)
    assert status == 64
    assert "--h: allowed: only with --model kde" in err
    status, _, err = run(capsys, "--model", "kde", "--h", "0", *words)
    assert status == 64
    assert "h 0" in err
