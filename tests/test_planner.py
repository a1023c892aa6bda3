"""The planner's numbers against recursions and searches written independently here."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bounds
import sim
from verify.planner import DataPlan, PlanError, plan, plan_from_file
from verify.planner_models import DOSES, Guarantee, Setting, guarantees, lower_bound
from verify.planner_search import (
    LARGEST_LAM,
    MOST_POINTS,
    allowed_lam,
    cheapest,
    real_points,
    smallest,
    smallest_fraction,
    smallest_size,
    smallest_upwards,
)

FRACTIONS = ("fresh", "stratified", "fixed")


def second_moment(schedule: str, n: int, dose: float, last: int) -> float:
    """Var(p_i(k))/(p(1-p)) of the discrete model, generation by generation."""
    w = 1 / n
    if schedule == "expand":
        size, share, noise, c = (1 + dose) * n, 1 / (1 + dose), 1 / n, 1 / n
    elif schedule == "fixed" and dose > 0:
        size, share, noise, c = n, dose, 1 / (dose * n), 1 / n
    for i in range(1, last):
        if schedule == "replace" or (schedule == "fixed" and dose == 0):
            w = w * (1 - 1 / n) + 1 / n
        elif schedule == "fresh":
            w = 1 / n + (1 - 1 / n) * (1 - dose) ** 2 * w
        elif schedule == "stratified":
            w = dose / n + (1 - dose) ** 2 * w + (1 - dose) * (1 - w) / n
        elif schedule in ("accumulate", "subsample"):
            w = 1 - (1 - w) * (1 - 1 / (n * (i + 1) ** 2))
        else:
            rest = 1 - share
            w = share**2 * noise + 2 * share * rest * c + rest**2 * w + rest * (1 - w) / size
            c = share * noise + rest * c
    return w


def tv(schedule: str, n: int, dose: float, last: int, K: int) -> float:
    return 0.5 * math.sqrt((K - 1) * second_moment(schedule, n, dose, last))


def bound_of(schedule: str, K: int = 10) -> Guarantee:
    found = guarantees(Setting(model="discrete", values={"K": K}, delta=None, source=""))[schedule]
    assert found is not None
    return found


@pytest.mark.parametrize("schedule", DOSES)
@pytest.mark.parametrize("last", [1, 2, 7])
def test_the_catalogue_agrees_with_the_recursion(schedule: str, last: int) -> None:
    for n in (4, 10, 40):
        for dose in {"": (0.0,), "alpha": (0.0, 0.25, 0.5, 1.0), "lam": (0.5, 1.0, 3.0)}[DOSES[schedule]]:
            if (schedule in ("stratified", "fixed") and dose * n % 1) or (schedule == "expand" and dose * n % 1):
                continue
            assert float(bound_of(schedule)(n, dose, last, last)) == pytest.approx(
                tv(schedule, n, dose, last, 10), rel=1e-12
            )


@pytest.mark.parametrize("schedule", FRACTIONS)
@pytest.mark.parametrize(("n", "last", "target"), [(60, 5, 0.25), (60, 2, 0.25), (100, 30, 0.2), (37, 10, 0.3)])
def test_the_smallest_fraction_is_smallest(schedule: str, n: int, last: int, target: float) -> None:
    found = smallest_fraction(bound_of(schedule), n, target, last)
    assert found is not None
    assert 0 < found < 1
    assert tv(schedule, n, found, last, 10) <= target * (1 + 1e-12)
    if schedule == "fresh":
        assert tv(schedule, n, found * (1 - 1e-7), last, 10) > target
    else:
        counts = [k for k in range(n + 1) if tv(schedule, n, k / n, last, 10) <= target]
        assert found * n == pytest.approx(min(counts), abs=1e-9)
        assert tv(schedule, n, (found * n - 1) / n, last, 10) > target


@pytest.mark.parametrize("schedule", FRACTIONS)
def test_fractions_at_the_ends(schedule: str) -> None:
    bound = bound_of(schedule)
    assert smallest_fraction(bound, 100, 0.9, 5) == 0
    assert smallest_fraction(bound, 100, 0.1, 5) is None
    assert tv(schedule, 100, 1.0, 5, 10) > 0.1


@pytest.mark.parametrize(("schedule", "dose"), [(name, 0.0) for name in DOSES if name != "expand"] + [("expand", 1.0)])
@pytest.mark.parametrize(("last", "target"), [(1, 0.3), (4, 0.3), (10, 0.11)])
def test_the_smallest_size_is_smallest(schedule: str, dose: float, last: int, target: float) -> None:
    found = smallest_size(bound_of(schedule), dose, target, last)
    expected = next(n for n in range(1, 10**6) if tv(schedule, n, dose, last, 10) <= target)
    assert found == expected


def test_sizes_for_expand_have_whole_counts() -> None:
    bound = bound_of("expand")
    for lam, step in ((0.1, 10), (0.25, 4), (2.5, 2), (3.0, 1)):
        found = smallest_size(bound, lam, 0.2, 6)
        assert found is not None
        assert found % step == 0
        assert tv("expand", found, lam, 6, 10) <= 0.2 < tv("expand", found - step, lam, 6, 10)


@pytest.mark.parametrize(("n", "last", "target"), [(20, 2, 0.39), (20, 6, 0.385), (20, 6, 0.36), (7, 3, 0.6)])
def test_intervals_of_lam_against_a_scan(n: int, last: int, target: float) -> None:
    found = allowed_lam(bound_of("expand"), n, target, last)
    for count in [*range(400), *range(400, 40_000, 997)]:
        allowed = any(low <= count / n <= high for low, high in found)
        assert allowed == (tv("expand", n, count / n, last, 10) <= target), count


def test_all_kinds_of_intervals_of_lam() -> None:
    bound = bound_of("expand")
    lengths = {len(allowed_lam(bound, 20, target, 6)) for target in (0.1, 0.34, 0.37, 0.5)}
    assert lengths == {0, 1, 2}
    assert allowed_lam(bound, 20, 0.5, 6) == ((0.0, float(LARGEST_LAM)),)


@pytest.mark.parametrize(("last", "target", "most"), [(1, 0.3, 0.5), (2, 0.3, 0.5), (5, 0.3, 0.5), (8, 0.35, 0.2)])
@pytest.mark.parametrize("schedule", ["fresh", "stratified"])
def test_the_cheapest_fresh_data_against_all_pairs(schedule: str, last: int, target: float, most: float) -> None:
    found = cheapest(bound_of(schedule), target, last, most, 1.0)
    assert found is not None
    pairs = [
        n + (last - 1) * k
        for n in range(1, 250)
        for k in range(int(most * n) + 1)
        if tv(schedule, n, k / n, last, 10) <= target
    ]
    assert found.real == pytest.approx(min(pairs), abs=1e-6)
    assert tv(schedule, found.n, found.dose, last, 10) <= target * (1 + 1e-12)
    assert found.dose <= most


@pytest.mark.parametrize(("last", "target", "most"), [(1, 0.3, 0.5), (4, 0.3, 0.5), (9, 0.25, 0.3), (9, 0.25, 1.0)])
def test_the_cheapest_reused_data_against_all_sizes(last: int, target: float, most: float) -> None:
    found = cheapest(bound_of("fixed"), target, last, most, 1.0)
    assert found is not None
    sizes = [n for n in range(1, 400) if tv("fixed", n, int(most * n) / n, last, 10) <= target]
    assert found.n == min(sizes)
    assert found.real == found.n


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 200),
    st.integers(1, 40),
    st.floats(0.02, 0.6),
    st.sampled_from(list(DOSES)),
)
def test_cheapest_plans_meet_the_target_and_one_point_fewer_does_not(
    K: int, last: int, target: float, schedule: str
) -> None:
    bound = bound_of(schedule, K)
    found = cheapest(bound, target, last, 0.5, 1.0)
    assert found is not None
    assert found.guaranteed == pytest.approx(tv(schedule, found.n, found.dose, last, K), rel=1e-9)
    assert found.guaranteed <= target
    assert found.real == pytest.approx(real_points(schedule, found.n, found.dose, last))
    if found.n > 1 and schedule in ("replace", "accumulate", "subsample", "expand"):
        assert tv(schedule, found.n - 1, found.dose, last, K) > target * (1 - 1e-9)


@pytest.mark.parametrize("schedule", FRACTIONS)
def test_more_real_data_never_hurt(schedule: str) -> None:
    for values, delta in (({"K": 5}, None), ({"K": 5}, 0.05), ({"p": np.array([0.7, 0.2, 0.1]), "K": 3}, None)):
        bound = guarantees(Setting(model="discrete", values=values, delta=delta, source=""))[schedule]
        assert bound is not None
        for n in (2, 9, 57):
            for last in (2, 3, 20):
                curve = bound(n, np.arange(n + 1) / n, last, last)
                assert (np.diff(curve) <= 1e-12).all()


def test_searches() -> None:
    assert smallest(lambda k: k >= 17, 0, 100) == 17
    assert smallest(lambda k: k >= 0, 0, 100) == 0
    assert smallest(lambda k: k > 100, 0, 100) is None
    assert smallest_upwards(lambda k: k >= 10**9 + 7, 1, MOST_POINTS) == 10**9 + 7
    assert smallest_upwards(lambda k: False, 1, MOST_POINTS) is None
    asked: list[int] = []
    smallest_upwards(lambda k: bool(asked.append(k)) or k >= 1000, 1, MOST_POINTS)  # type: ignore[func-returns-value]
    assert max(asked) <= 4 * 1000 + 4


def test_real_points() -> None:
    assert real_points("replace", 10, 0, 5) == real_points("accumulate", 10, 0, 5) == 10
    assert real_points("expand", 10, 3, 5) == real_points("fixed", 10, 0.5, 5) == 10
    assert real_points("fresh", 10, 0.5, 5) == real_points("stratified", 10, 0.5, 5) == 30
    assert real_points("subsample", 6, 0, 3) == pytest.approx(11)


def example() -> DataPlan:
    return plan("discrete", K=50_000, real=2_000_000, generations=10, target=0.1)


def test_the_plan_of_the_readme() -> None:
    answer = example()
    assert [row.schedule for row in answer.rows] == list(DOSES)
    for row in answer.rows:
        result = bounds.get(row.result)
        dose = {"": {}, "alpha": {"alpha": row.fraction}, "lam": {"lam": 1.0}}[row.dose]
        assert float(result(n=2_000_000, i=10, K=50_000, **dose)) == pytest.approx(row.guaranteed, rel=1e-12)
        assert row.cheapest is not None
        assert row.cheapest.real >= (answer.best.real if answer.best else 0)
    assert answer.affordable
    assert answer.alone == math.ceil(49_999 / 0.04)
    assert answer.row("replace").smallest_n == answer.row("fresh").smallest_n
    assert not answer.row("replace").meets
    assert answer.row("expand").meets
    with pytest.raises(KeyError):
        answer.row("weighted")


def test_harder_targets_cost_more() -> None:
    costs = []
    for target in (0.3, 0.2, 0.1, 0.05):
        answer = plan("discrete", K=100, real=10**6, generations=10, target=target)
        costs.append([row.cheapest.real for row in answer.rows if row.cheapest])
        costs[-1].append(answer.row("fixed").fraction)
    assert (np.diff(np.array(costs), axis=0) >= 0).all()


def test_an_instance_needs_no_more_than_the_worst_case() -> None:
    p = np.array([0.9, 0.05, 0.03, 0.02])
    known = plan("discrete", p=p, real=10_000, generations=10, target=0.05)
    unknown = plan("discrete", K=4, real=10_000, generations=10, target=0.05)
    assert {row.result.rsplit("/", 1)[0] for row in known.rows} == {"tv/discrete-instance"}
    for sharp, loose in zip(known.rows, unknown.rows, strict=True):
        assert sharp.guaranteed <= loose.guaranteed + 1e-12
        assert sharp.fraction <= loose.fraction
        assert sharp.cheapest is not None
        assert loose.cheapest is not None
        assert sharp.cheapest.real <= loose.cheapest.real


def test_gaussian_values_are_exact() -> None:
    answer = plan("gaussian", real=1000, generations=20, target=0.02)
    assert answer.missing == ("subsample",)
    row = answer.row("replace")
    assert row.exact
    assert row.guaranteed == pytest.approx(2 / math.pi * math.atan(math.sqrt(20 / 1000) / 2))
    assert row.smallest_n == math.ceil(20 / (2 * math.tan(0.01 * math.pi)) ** 2)
    assert not answer.row("fresh").exact
    wide = plan("gaussian", d=10, real=1000, generations=20, target=0.1)
    assert {row.result.rsplit("/", 1)[0] for row in wide.rows} == {"tv/gaussian-mean-d"}


def test_high_probability_takes_the_better_of_two_results() -> None:
    used = set()
    for K in (3, 2000):
        answer = plan("discrete", K=K, real=10**6, generations=5, target=0.05, delta=0.05)
        for row in answer.rows:
            both = [
                float(
                    bounds.get(f"{family}/{row.schedule}")(
                        n=10**6,
                        i=5,
                        K=K,
                        T=5,
                        delta=0.05,
                        **{"": {}, "alpha": {"alpha": row.fraction}, "lam": {"lam": 1.0}}[row.dose],
                    )
                )
                for family in ("tv/hp", "tv/hp-union")
            ]
            assert row.guaranteed == pytest.approx(min(both), rel=1e-12)
            used.add(row.result.split("/")[1])
    assert used == {"hp", "hp-union"}


def test_lower_bounds_tell_impossible_from_unproved() -> None:
    p = np.full(50, 0.02)
    answer = plan("discrete", p=p, real=500, generations=5, target=0.05)
    assert answer.row("replace").impossible == "discrete/lower/replace"
    assert "cannot be met" in answer.text
    setting = answer.question.setting
    key, value = lower_bound(setting, "expand", 500, 1.0, 5)
    law = sim.exact_discrete(sim.Replace(), 500, p, 1)
    assert key == "discrete/lower/expand"
    assert value == pytest.approx(float(law.tv[0]))
    assert lower_bound(setting, "fresh", 500, 0.5, 5) == ("", 0.0)


BAD: list[tuple[dict[str, object], str]] = [
    ({"target": 0.0}, "target-tv"),
    ({"target": 1.0}, "target-tv"),
    ({"target": float("nan")}, "target-tv"),
    ({"generations": 0}, "generations"),
    ({"generations": 10**9}, "generations"),
    ({"real": 0}, "real"),
    ({"real": 1.5}, "real"),
    ({"real": float("inf")}, "real"),
    ({"n": 1001}, "n"),
    ({"n": 0}, "n"),
    ({"delta": 0.0}, "delta"),
    ({"delta": 1.0}, "delta"),
    ({"lam": 0.0}, "lam"),
    ({"lam": 1e9}, "lam"),
    ({"most_real": 0.0}, "most-real"),
    ({"most_real": 1.5}, "most-real"),
    ({"K": None}, "K"),
    ({"K": 1}, "K"),
    ({"model": "gaussian", "K": None, "d": 0}, "d"),
    ({"model": "gaussian", "K": None, "delta": 0.05}, "delta"),
    ({"model": "poisson"}, "model"),
]


@pytest.mark.parametrize(("changed", "argument"), BAD)
def test_wrong_questions(changed: dict[str, object], argument: str) -> None:
    asked: dict[str, object] = {"model": "discrete", "K": 10, "target": 0.1, "generations": 5, "real": 1000, **changed}
    with pytest.raises(PlanError) as caught:
        plan(**asked)  # type: ignore[arg-type]
    assert caught.value.argument == argument
    assert "allowed: " in str(caught.value)


def test_a_target_that_nothing_meets() -> None:
    answer = plan("discrete", K=10**9, real=10**6, generations=5, target=1e-6)
    assert answer.best is None
    assert answer.alone is None
    assert not answer.affordable
    assert "No schedule" in answer.text


def test_a_single_generation() -> None:
    answer = plan("discrete", K=10, real=1000, generations=1, target=0.1)
    assert {row.cheapest.real for row in answer.rows if row.cheapest} == {answer.alone} == {225}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    rng = np.random.default_rng(1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["word", "size"])
        writer.writerows(zip(rng.choice(list("abcdefgh"), 2000), rng.normal(3, 2, 2000), strict=True))
    return path


def test_a_file_gives_atoms_and_real_points(table: Path) -> None:
    answer = plan_from_file("discrete", table, "word", target=0.05, generations=5)
    assert answer.question.real == answer.question.n == 2000
    assert answer.question.setting.values["K"] == 8
    assert "2,000 values, K = 8 distinct" in answer.text
    assert {row.result.rsplit("/", 1)[0] for row in answer.rows} == {"tv/discrete-instance"}
    fewer = plan_from_file("discrete", table, "word", real=500, target=0.05, generations=5)
    assert fewer.question.real == 500
    numbers = plan_from_file("gaussian", table, "size", target=0.05, generations=5)
    assert numbers.question.n == 2000
    assert "standard deviation" in numbers.text
    with pytest.raises(sim.DataError):
        plan_from_file("gaussian", table, "word", target=0.05, generations=5)
