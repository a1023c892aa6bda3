"""Generalization in the loop: which terms matter, exact loops on two kinds of points, and tests of |E X|."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from named_cases import case_named

import sim
from bounds.catalogue.generalization import TERMS
from verify.absolute import AbsoluteTest
from verify.binary_loop import BinaryLearning, BinaryLoop
from verify.case import Array, Case, Design
from verify.cases import CASES
from verify.cases.generalization import GENERAL, ridge
from verify.cases.generalization_second_order import studies
from verify.checking import check
from verify.evidence import BettingTest, Decision, SampleError
from verify.gap_sides import gap_sides
from verify.plots_gap import sides_figure
from verify.run import DEFAULT_SETTING
from verify.stacked import deviations, stacked_terms, two_sides

KEYS = ("generalization/expectation", "generalization/expectation/propagated", "generalization/categorical-ridge")


# --- the three terms ------------------------------------------------------------------------------------------


def without(key: str, term: str) -> list[set[Any]]:
    """Decisions of every exact design when a term of the bound is left out."""
    case = case_named(f"{key}#two-kinds")
    expr = sum(expr for name, expr in TERMS[key].items() if name != term)
    mutant = replace(case, result=replace(case.result, expr=expr))
    designs = mutant.designs(DEFAULT_SETTING)
    return [set(check(mutant, design, level=1e-3, replications=1, seed=0).decision) for design in designs]


@pytest.mark.parametrize("term", ["stability", "distribution shift"])
@pytest.mark.parametrize("key", KEYS)
def test_without_a_term_that_matters_the_bound_is_refuted(key: str, term: str) -> None:
    assert {Decision.REFUTED} in without(key, term)


@pytest.mark.parametrize("key", KEYS)
def test_the_term_of_recursive_stability_is_slack(key: str) -> None:
    """The gap of a convex learner is of second order: it does not need this term at any of the designs."""
    assert all(decisions == {Decision.HOLDS} for decisions in without(key, "recursive stability"))


@pytest.mark.parametrize(("n", "K", "omega"), [(1000, 8, 0.3), (2000, 8, 0.3), (50, 2, 0.7)])
def test_designs_where_the_bound_is_informative(n: int, K: int, omega: float) -> None:
    learning = ridge(n, 0.5, 0.97, omega, K=K)
    stacked = stacked_terms(learning, (1,))
    assert 2 < stacked.bound[0] / stacked.gap[0] < 12
    assert stacked.bound[0] < learning.learner.M / 3


# --- exact loops ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "reused", "omega", "K"), [(40, 20, 0.3, 2), (30, 3, 0.0, 2), (40, 10, 0.5, 8)])
def test_exact_loops_agree_with_the_simulator(n: int, reused: int, omega: float, K: int) -> None:
    p, R = 0.8, 40_000
    x, y = np.ones((K, 1)), np.array([1.0, *[-1.0] * (K - 1)])
    atoms = sim.LabelledAtoms(x=x, y=y, p=np.array([p, *[(1 - p) / (K - 1)] * (K - 1)]))
    learner = sim.Ridge(0.5)
    runs = sim.simulate(
        sim.Labelled(atoms, learner, omega),
        sim.Fixed(reused / n),
        n=n,
        generations=6,
        replications=R,
        seed=3,
        record=("gap", "tv", "one_step_tv"),
    )
    learning = BinaryLearning(BinaryLoop(n, reused, p, omega, K), learner)

    def agree(name: str, generation: int, value: float) -> None:
        found = runs[name].sel(generation=generation).values
        assert abs(found.mean() - value) < 4.5 * found.std() / np.sqrt(R), (name, generation)

    for i in (1, 2, 5):
        agree("gap", i + 1, learning.mean_gap(i))
        if K == 2:
            agree("tv", i, learning.loop.mean(learning.loop.distances, i - 1))
            agree("one_step_tv", i, learning.loop.one_step(i - 1))


def test_the_gap_given_the_reused_points_by_simulation() -> None:
    learning, r, i = ridge(20, 0.5, 0.7, 0.3), 6, 3
    loop, rng, R = learning.loop, np.random.default_rng(5), 200_000
    counts = rng.binomial(10, 0.7, R)
    for _ in range(i):
        counts = (rng.random((R, 10)) < (0.7 * (r + counts) / 20 + 0.15)[:, None]).sum(axis=1)
    w = (2 * (r + counts) / 20 - 1) / 2  # ridge on x = 1 with penalty 1
    risks = [(w - 1) ** 2 / 2, (w + 1) ** 2 / 2]
    gap = (0.7 - (r + counts) / 20) * (risks[0] - risks[1])
    exact = learning.gap_given_reused(i)
    assert exact.shape == (loop.reused + 1,)
    assert abs(gap.mean() - exact[r]) < 4.5 * gap.std() / np.sqrt(R)
    assert loop.chances @ exact == pytest.approx(learning.mean_gap(i), rel=1e-12)


def test_constants_of_learning_by_brute_force() -> None:
    for learning in GENERAL:
        every = np.stack([np.arange(learning.loop.n + 1), np.arange(learning.loop.n, -1, -1)], axis=1)
        stability = sim.replace_one_stability(learning.learner, learning.atoms, every).max()
        assert learning.stability == pytest.approx(stability, rel=1e-12)
        losses = learning.learner.losses(learning.atoms, learning.learner.fit(learning.atoms, every))
        assert learning.length == losses.max() - losses.min() <= learning.learner.M


def test_chances_exceed_a_bound_as_often_as_the_case_draws_them() -> None:
    """The replications of a high-probability case have the exact law of the gap given the reused points."""
    case = case_named("generalization/high-probability-variance#two-kinds")
    design = case.designs(DEFAULT_SETTING)[0]
    sample = np.concatenate([block for block, _ in zip(design.evidence.blocks(3), range(10), strict=False)])  # type: ignore[union-attr]
    learning = GENERAL[3]
    gaps = np.abs(learning.gap_given_reused(1))
    mean, spread = learning.loop.chances @ gaps, sample.std() / np.sqrt(sample.size)
    assert abs(sample.mean() - mean) < 4.5 * spread


# --- the gap from both sides --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(studies()))
def test_what_is_left_of_the_gap_has_its_mean_and_range(name: str) -> None:
    study = studies()[name]
    schedule, R = sim.Fixed(0.2), 25_600
    left = np.concatenate([b for b, _ in zip(study.gaps(schedule, 30, (3,))(7), range(R // 256), strict=False)]).ravel()
    runs = sim.simulate(
        sim.Labelled(study.atoms, study.learner), schedule, n=30, generations=3, replications=R, seed=8, record=("gap",)
    )
    gap = runs.gap.sel(generation=3).values
    error = np.hypot(gap.std(), left.std()) / np.sqrt(R)
    assert abs(gap.mean() - left.mean()) < 4.5 * error
    assert left.std() < gap.std()
    assert 0 <= left.min() <= left.max() <= study.reach


def test_the_sandwich_is_within_a_small_factor() -> None:
    """Upper bound over mean, all schedules and designs with a penalty of at least 1."""
    ratios: list[Array] = []
    for case in CASES:
        if case.result.key.startswith("generalization/second-order/upper/"):
            for design in case.designs(DEFAULT_SETTING):
                if design.values["mu"] >= 1:
                    ratios.append(_ratio(case, design))
    assert np.median(np.concatenate(ratios)) <= 2.5


def _ratio(case: Case, design: Design) -> Array:
    curve = check(case, design, level=1e-3, replications=1024, seed=1)
    return np.asarray(curve.bound / curve.value)


def test_the_two_sides_and_the_three_terms() -> None:
    sides = two_sides(ridge(100, 0.5, 0.7, 0.0), 5, (20, 100))
    assert np.all((sides.lower < sides.gap) & (sides.gap < sides.upper) & (sides.upper < sides.three_terms))
    np.testing.assert_allclose(sides.gap[0] / sides.gap[1], 5, rtol=0.05)  # of order 1/n


def test_second_moments_are_the_sharpest_and_published_constants_say_nothing() -> None:
    found = deviations(ridge(100, 0.5, 0.5, 0.7, mu=4.0), 5, (100, 10_000, 10**9), (100,))
    moments = found.forms["moments, published constants"]
    assert np.all(found.forms["second moments"] < found.forms["bounded differences"])
    assert moments[0] > found.length
    assert moments[0] > found.forms["bounded differences"][0]
    assert moments[-1] < found.forms["bounded differences"][-1]
    assert found.quantile[0] < found.forms["second moments"][0]
    with pytest.raises(ValueError, match="allowed: ridge"):
        deviations(GENERAL[1], 1, (40,), (40,))


# --- |E X| ------------------------------------------------------------------------------------------------------


def chunks(mean: float, spread: float, seed: int, R: int = 4096) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    while True:
        yield np.clip(rng.normal(mean, spread, (R, 1)), -1.0, 1.0)


def decided(bound: float, mean: float) -> tuple[Decision, AbsoluteTest]:
    test = AbsoluteTest(bound, 1e-4, 1.0)
    for chunk, _ in zip(chunks(mean, 0.1, 11), range(50), strict=False):
        test.update(chunk)
        if not test.undecided.any():
            break
    return test.decision[0], test


@pytest.mark.parametrize("sign", [1, -1])
def test_absolute_means(sign: int) -> None:
    holds, test = decided(0.06, sign * 0.05)
    assert holds is Decision.HOLDS
    low, high = test.interval()
    assert low[0] <= 0.05 <= high[0] <= 0.06
    refuted, test = decided(0.04, sign * 0.05)
    assert refuted is Decision.REFUTED
    assert 0.04 <= test.interval()[0][0] <= 0.05
    assert abs(test.mean[0] - 0.05) < 0.01


def test_a_signed_mean_is_not_enough() -> None:
    """A bound that only holds on one side is refuted by the other."""
    assert decided(0.04, -0.05)[0] is Decision.REFUTED
    one_sided = BettingTest(1.04, 1e-4, 2.0, "upper")
    one_sided.update(next(chunks(-0.05, 0.1, 11)) + 1)
    assert one_sided.decision[0] is Decision.HOLDS


def test_ranges_of_absolute_means() -> None:
    test = AbsoluteTest([1.0, 2.0, 0.5], 0.01, 1.0)
    assert list(test.vacuous) == [True, True, False]
    assert list(test.undecided) == [False, False, True]
    with pytest.raises(SampleError):
        test.update([[0.0, 0.0, -1.1]])


def test_false_alarms_are_rare() -> None:
    """The mean lies on the bound: whatever is decided first, the chance of REFUTED is at most the level."""
    wrong = 0
    for seed in range(300):
        test = AbsoluteTest(0.05, 0.05, 1.0)
        test.update(next(chunks(0.05, 0.2, seed, 500)))
        wrong += test.decision[0] is Decision.REFUTED
    assert wrong <= 30  # Bin(300, 0.05) exceeds this with probability 2e-4


def test_vacuous_bounds_are_counted() -> None:
    case = case_named("generalization/high-probability-moment#two-kinds")
    for design in case.designs(DEFAULT_SETTING):
        curve = check(case, design, level=1e-3, replications=4096, seed=0)
        assert curve.vacuous.all()
    case = case_named("stability/erm/ridge#replacement")
    curves = [check(case, design, level=1e-3, replications=1, seed=0) for design in case.designs(DEFAULT_SETTING)]
    assert any(curve.vacuous.any() for curve in curves)
    assert any((curve.bound < curve.value * 1.5)[~curve.vacuous].any() for curve in curves)


# --- under every schedule ------------------------------------------------------------------------------------------


def test_sides_of_every_schedule() -> None:
    sides = gap_sides(40, replications=500, seed=9)
    assert len({side.schedule for side in sides}) == 7
    for side in sides:
        assert (side.lower < side.gap).all()
        assert (side.gap < side.upper).all()
        assert (side.low <= side.gap).all()
        assert (side.gap <= side.high).all()
        assert np.isfinite(side.three_terms).all() == (side.schedule == "fixed")
    (reused,) = (side for side in sides if side.schedule == "fixed")
    assert (reused.three_terms > 20 * reused.upper).all()
    assert sides_figure(sides, "title").startswith(b"\x89PNG")
    again = gap_sides(40, replications=500, seed=9)
    assert all((a.gap == b.gap).all() for a, b in zip(sides, again, strict=True))


@pytest.mark.parametrize("wrong", [{"replications": 0}, {"confidence": 1.0}, {"n": 41}])
def test_sides_need_sound_arguments(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, sim.SimulationError)):
        gap_sides(**wrong)
