"""Exponents of stability and pairs of real data on eight atoms, against independent laws, and the table in the book."""

from __future__ import annotations

import itertools
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bounds
import sim
from verify.case import Bounded
from verify.cases.stability_recursive import CASES
from verify.checking import check
from verify.evidence import Decision
from verify.pairs import along_pair, real_pair
from verify.run import DEFAULT_SETTING
from verify.stability_exponents import StabilityExponent, _means, exact_exponents, sampled_exponents

ROOT = Path(__file__).resolve().parents[1]
SAMPLED = [case for case in CASES if case.name == "sampled"]


# --- pairs of real data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("pair", ["alone", "spread"])
@pytest.mark.parametrize(("n", "reused"), [(50, 10), (20, 18), (100, 50)])
def test_pairs_have_the_sizes_and_the_point_that_moves(pair: str, n: int, reused: int) -> None:
    kept, rest = real_pair(pair, n, reused)  # type: ignore[arg-type]
    assert kept.shape == rest.shape == (8,)
    assert (kept.sum(), rest.sum()) == (reused, n - reused)
    assert kept[1] >= 1
    if pair == "alone":
        assert kept[1] == 1
        assert kept[2:].sum() == rest[1:].sum() == 0
    else:
        assert np.ptp(kept) <= 1
        assert np.ptp(rest) <= 1


def test_the_first_divergence_of_the_alone_pair_is_the_largest_there_is() -> None:
    """Nothing else lies on either atom, so that m KL is m c log(1 + cK/omega) without any randomness."""
    n, alpha, omega = 40, 0.25, 0.3
    found = next(along_pair("alone", n, alpha, omega, (1, 2), "divergence")(0))
    c = (1 - omega) / n
    np.testing.assert_allclose(found[:, 0], 30 * c * np.log1p(c * 8 / omega), rtol=1e-12)
    assert np.all(found[:, 1] > found[:, 0])


def test_the_mean_distance_is_the_total_variation_of_enumerated_samples() -> None:
    """Three synthetic points on eight atoms, one generation: both product laws over all 512 samples."""
    n, omega = 4, 0.5
    kept, rest = real_pair("alone", n, 1)
    laws = []
    for real in (kept, kept - np.eye(8, dtype=int)[1] + np.eye(8, dtype=int)[2]):
        p = (1 - omega) * (real + rest) / n + omega / 8
        laws.append(np.array([p[list(sample)].prod() for sample in itertools.product(range(8), repeat=3)]))
    exact = np.abs(laws[0] - laws[1]).sum() / 2
    stream = along_pair("alone", n, 0.25, omega, (1,), "distance")(5)
    values = np.concatenate([next(stream) for _ in range(200)])
    assert abs(values.mean() - exact) < 4.5 * values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("case", SAMPLED, ids=lambda case: case.key)
def test_bounds_hold_for_pairs_and_half_of_them_does_not(case) -> None:  # type: ignore[no-untyped-def]
    half = replace(case, result=replace(case.result, expr=case.result.expr / 2))
    alone = case.designs(DEFAULT_SETTING)[:3]
    for design in alone:
        assert isinstance(design.evidence, Bounded)
        assert design.evidence.number
        assert set(check(case, design, level=1e-6, replications=8192, seed=2).decision) == {Decision.HOLDS}
    assert Decision.REFUTED in set(check(half, alone[1], level=1e-6, replications=2048, seed=2).decision)


# --- exponents ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exact() -> tuple[StabilityExponent, ...]:
    return exact_exponents()


def test_exact_exponents_are_those_of_the_values(exact: tuple[StabilityExponent, ...]) -> None:
    for row in exact:
        assert row.exponent == pytest.approx(np.polyfit(np.log(row.path), np.log(row.mean), 1)[0], abs=1e-12)
        assert row.limits == (row.exponent, row.exponent)
        assert row.bound_exponent == pytest.approx(np.polyfit(np.log(row.path), np.log(row.bound), 1)[0], abs=1e-12)
        assert np.all(row.mean <= row.bound * (1 + 1e-9))
        assert row.growth.proved
        assert float(row.growth.exponent) == {"β": -1, "γ": -0.5}[row.quantity] * (row.along == "n")


def test_stability_is_that_of_every_training_set(exact: tuple[StabilityExponent, ...]) -> None:
    """For ridge regression of labels +-1 on one point w = (2p - 1)/(1 + mu): all replacements tried by hand."""
    row = exact[0]
    for n, value in zip(row.path[:2], row.mean[:2], strict=True):
        w = (2 * np.arange(n + 1) / n - 1) / 2
        losses = np.stack([(w - 1) ** 2 / 2, (w + 1) ** 2 / 2])
        assert value == pytest.approx(np.abs(np.diff(losses, axis=1)).max(), rel=1e-12)


@pytest.fixture(scope="module")
def sampled() -> tuple[StabilityExponent, ...]:
    return sampled_exponents(replications=1024, seed=4)


def test_sampled_exponents_lie_within_their_limits(sampled: tuple[StabilityExponent, ...]) -> None:
    assert [row.along for row in sampled] == ["n", "n", "n", "n", "i", "n", "n", "i"]
    for row in sampled:
        low, high = row.limits
        assert low <= row.exponent <= high
        assert np.all((row.lower <= row.mean * (1 + 1e-12)) & (row.mean <= row.upper * (1 + 1e-12)))
        assert np.all(row.lower <= row.bound)  # no bound is certainly violated
        assert row.replications == 1024
    assert sampled[0].growth.log_power == 1  # steps 1/t: the harmonic number
    assert [float(row.growth.exponent) for row in sampled[:3]] == [-1, -0.5, -0.5]


def test_the_root_of_half_the_divergence_is_at_least_the_distance(sampled: tuple[StabilityExponent, ...]) -> None:
    for distance, divergence in zip(sampled[2:5], sampled[5:8], strict=True):
        assert np.all(distance.lower <= divergence.upper)
        assert np.all(distance.mean < divergence.mean)


def test_limits_of_means_are_right_together() -> None:
    values = np.random.default_rng(0).random((500, 3)) ** 2
    mean, lower, upper = _means(values, 0.001, np.ones(3))
    assert np.all((lower < 1 / 3) & (upper > 1 / 3))
    assert np.all((lower < mean) & (mean < upper))
    alone = _means(values[:, :1], 0.001, np.ones(1))
    assert lower[0] < alone[1][0]  # more means, wider limits


@pytest.mark.parametrize(("name", "value"), [("replications", 0), ("confidence", 1.0), ("confidence", 0.0)])
def test_bad_arguments_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} = .*allowed"):
        sampled_exponents(**{name: value})  # type: ignore[arg-type]


def test_gradient_descent_gets_the_sum_of_its_steps(sampled: tuple[StabilityExponent, ...]) -> None:
    learner = sim.SGD(kind="logistic", rate=0.5, radius=2.0, decay=0.5)
    expected = [2 * learner.L**2 * 0.5 * np.sum(np.arange(1, n + 1) ** -0.5) / n for n in sampled[1].path]
    np.testing.assert_allclose(sampled[1].bound, expected, rtol=1e-12)
    assert bounds.get(sampled[1].key).key == "stability/sgd"


# --- the book -------------------------------------------------------------------------------------------------


def test_exact_rows_of_the_table_are_up_to_date(exact: tuple[StabilityExponent, ...]) -> None:
    row_of = runpy.run_path(str(ROOT / "examples" / "book_tables.py"))["exponent_row"]
    page = (ROOT / "book" / "stability.md").read_text(encoding="utf-8")
    for row in exact:
        assert "| " + " | ".join(row_of(row)) + " |\n" in page


@pytest.mark.slow
@pytest.mark.parametrize("page", ["stability", "generalization"])
def test_tables_of_the_book_are_up_to_date(page: str) -> None:
    text = (ROOT / "book" / f"{page}.md").read_text(encoding="utf-8")
    assert runpy.run_path(str(ROOT / "examples" / "book_tables.py"))["updated"](text) == text
