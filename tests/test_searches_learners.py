"""The searches for learners in the loop: designs that fit at every point of a box, and exact values derived anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.stats import binom

import bounds
import sim
from bounds.catalogue import generalization as on_gaps
from bounds.catalogue import stability as on_stability
from verify.binary_loop import BinaryLoop, expand_sensitivity
from verify.case import Case, Exact, Exceedance, Exponent, Signed
from verify.cases.rates import gap_quantile
from verify.checking import check, points_of
from verify.falsify_points import value_on
from verify.falsify_run import Outcome, falsify
from verify.search import Search
from verify.searches import (
    SEARCHES,
    generalization,
    generalization_probability,
    generalization_second_order,
    rates,
    stability,
    stability_frequencies,
    stability_recursive,
)
from verify.searches.generalization import learning_at, mean_deviation
from verify.searches.generalization_second_order import expected_gap, law_of_last, law_of_weighted, study_at
from verify.searches.loops import loop_at

MINE = (
    stability,
    stability_recursive,
    stability_frequencies,
    generalization,
    generalization_probability,
    generalization_second_order,
    rates,
)
ALL: dict[str, Search] = {search.result.key: search for module in MINE for search in module.SEARCHES}


def points(search: Search, more: int) -> list[dict[str, Any]]:
    """Two opposite corners, the centre and random points."""
    rng = np.random.default_rng(len(search.axes))
    shares = [[share] * len(search.axes) for share in (0.0, 0.5, 1.0)] + rng.random((more, len(search.axes))).tolist()
    return [
        {name: value_on(axis, share) for (name, axis), share in zip(search.axes.items(), row, strict=True)}
        for row in shares
    ]


def case_of(search: Search) -> Case:
    because = {assumption.key: "" for assumption in search.result.assumptions}
    return Case(result=search.result, name="x", designs=lambda setting: (), because=because)


def test_every_result_on_learners_has_a_search() -> None:
    known = Counter(search.result.key for search in SEARCHES)
    wanted = {result.key for result in (*on_stability.RESULTS, *on_gaps.RESULTS)}
    assert {key: known[key] for key in wanted} == dict.fromkeys(wanted, 1)
    assert all(bounds.get(key) is search.result for key, search in ALL.items())


@pytest.mark.parametrize("module", MINE, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_designs_fit_everywhere(module: Any) -> None:
    """A bound at every point: of the type, in the domain, under all conditions."""
    for search in module.SEARCHES:
        for values in points(search, 4):
            bound, parameters = points_of(search.design(values), search.result)
            assert np.isfinite(bound).all(), (search.result.key, values)
            assert bound.size == 1
            assert all(np.isfinite(value).all() for value in parameters.values())


def test_axes_are_named_like_parameters_of_the_same_meaning() -> None:
    """Where an axis has the name of a parameter, the design takes it from there up to whole numbers of points."""
    for key, search in ALL.items():
        if search.result.kind is bounds.Kind.RATE or key.endswith("weighted"):
            continue
        for values in points(search, 2):
            given = search.design(values).values
            for name in set(values) & set(search.result.names):
                least = 2 if key.endswith("moment") else 1  # so many points are reused
                error = (least + 0.5) / values["n"] if name in ("alpha", "lam") else 0
                assert abs(given[name] - values[name]) <= error, (key, name)


@pytest.mark.parametrize("module", MINE, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_evidence_can_be_checked(module: Any) -> None:
    for search in module.SEARCHES:
        for values in points(search, 3):
            design = search.design(values)
            curve = check(case_of(search), design, level=1e-6, replications=64, seed=0)
            assert "REFUTED" not in curve.decision, (search.result.key, values)
            assert np.isfinite(curve.value).all()
            assert curve.replications == 0 if isinstance(design.evidence, Exact | Exponent) else curve.replications > 0


# --- values derived anew ----------------------------------------------------------------------------------------------


def test_gamma_of_two_atoms_is_that_of_the_simulator() -> None:
    for n, kept, omega in ((9, 3, 0.4), (6, 6, 0.1), (12, 1, 0.9)):
        expected = sim.exact_binary_gamma(n, kept / n, omega, 7)
        found = [stability_recursive.gamma(BinaryLoop(n, kept, 0.3, omega), i) for i in (1, 4, 7)]
        assert found == pytest.approx([expected[0], expected[3], expected[6]], abs=1e-14)


def test_counts_of_two_atoms_attain_gamma() -> None:
    """The worst of all pairs of real data is γ, whichever atom the counts are of."""
    loop = BinaryLoop(7, 3, 0.5, 0.3)
    for i in (1, 3):
        found = [
            stability_frequencies._count_distance(loop, real, rest, i)
            for real in range(loop.reused)
            for rest in range(5)
        ]
        assert max(found) == pytest.approx(stability_recursive.gamma(loop, i), abs=1e-14)
        assert min(found) > 0


def test_smoothing_gives_the_divergence_that_was_asked_for() -> None:
    for n, kappa in ((1, 1e-6), (7, 1e-3), (50, 1e-2), (20, 1e-5)):
        found = BinaryLoop(n, 0, 0.5, stability_recursive._smoothing(n, kappa)).divergence()
        assert kappa * (1 - 1e-6) <= found <= kappa * (1 + 1e-12)


def test_composition_under_expand_is_that_of_one_smoothing() -> None:
    omega, n, m = 0.3, 6, 9
    kappas = tuple(BinaryLoop(size, 0, 0.5, omega).divergence() for size in (n, n + m))
    for i in (1, 2, 6):
        expected = expand_sensitivity(n, m, omega, i)
        assert stability_recursive._binary_expand(n, m, i, kappas) == pytest.approx(expected, rel=1e-6)


def test_normal_fits_are_those_of_simulated_loops() -> None:
    """TV from the shift and the spread of generation i's mean, measured on loops from two real samples."""
    rng, n, m, i, move = np.random.default_rng(3), 8, 5, 4, 2.0
    means = []
    for real in (0.0, move / n):
        mean, sigma = np.full(200_000, real), 1.0
        for _ in range(1, i):
            synthetic = mean + sigma / np.sqrt(m) * rng.standard_normal(mean.size)
            mean = real + m / n * synthetic
        means.append(mean)
    shift, spread = means[1].mean() - means[0].mean(), means[0].var()
    expected = stability_recursive._normal_tv(shift, spread, m)
    assert stability_recursive._normal_reused(n, n - m, i, move) == pytest.approx(expected, abs=0.005)
    exact = sim.exact_gaussian_mean_gamma(n, (n - m) / n, 1.0, move, i)[-1]
    assert stability_recursive._normal_reused(n, n - m, i, move) == pytest.approx(exact, abs=1e-13)


def test_normal_fits_under_expand() -> None:
    """The whole covariance of the real and synthetic means, generation by generation, by the TV of two normal laws."""
    n, m, i = 5, 3, 3
    kappas = (0.01, 0.002)
    sigmas = [1 / (size * np.sqrt(2 * kappa)) for size, kappa in zip((n, n + m), kappas, strict=True)]
    shift, cov = np.full(m, 1 / n), sigmas[0] ** 2 * np.eye(m)
    for _ in range(1, i):
        average = np.full((m, m), 1 / (n + m))
        shift = average @ shift + 1 / (n + m)
        cov = average @ cov @ average.T + sigmas[1] ** 2 * np.eye(m)
    distance = np.sqrt(shift @ np.linalg.solve(cov, shift))
    expected = 2 * float(sp.N((1 + sp.erf(distance / 2 / sp.sqrt(2))) / 2)) - 1
    assert stability_recursive._normal_expand(n, m, i, kappas) == pytest.approx(expected, rel=1e-10)


def brute_distance(real: list[int], moved: list[int], rest: list[int], K: int, omega: float, i: int) -> float:
    """TV of the laws of generation i's ordered samples, by the enumeration of all of them."""
    n, m = len(real) + len(rest), len(rest)
    samples = list(product(range(K), repeat=m))

    def law(kept: list[int]) -> np.ndarray:
        def after(sample: Any) -> np.ndarray:
            p = (1 - omega) * np.bincount([*kept, *sample], minlength=K) / n + omega / K
            return np.array([np.prod(p[list(s)]) for s in samples])

        found = after(rest)
        kernel = np.array([after(s) for s in samples])
        for _ in range(1, i):
            found = found @ kernel
        return found

    return float(np.abs(law(real) - law(moved)).sum() / 2)


@pytest.mark.parametrize("i", [1, 2, 3])
def test_counts_of_three_atoms_are_all_that_matters(i: int) -> None:
    found = stability_frequencies.pair_distance(5, 2, ((0, 0), (1, 2)), (3, 0.3), i)
    assert found == pytest.approx(brute_distance([0, 2], [1, 2], [0, 1, 1], 3, 0.3, i), abs=1e-13)


def test_counts_are_at_most_as_far_apart_as_samples() -> None:
    """On four atoms, two lumped; one count alone says less; in generation 1 two counts still say everything."""
    for i in (1, 3):
        samples = brute_distance([0, 2], [1, 2], [0, 3], 4, 0.2, i)
        both = stability_frequencies.pair_distance(4, 2, ((0, 0), (1, 0)), (4, 0.2), i)
        one = stability_frequencies._count_distance(BinaryLoop(4, 2, 0.5, 0.2, 4), 0, 1, i)
        assert one < both <= samples + 1e-14
        assert i > 1 or both == pytest.approx(samples, abs=1e-13)


def test_divergence_is_that_of_whole_fits() -> None:
    values = {"n": 12, "K": 5, "omega": 0.3, "source": 0.4, "target": 0.5}
    (search,) = [s for s in stability_frequencies.SEARCHES if s.result.key.endswith("divergence")]
    counts = np.array([5, 4, 3, 0, 0])  # round(0.4 * 11) = 4 and the one that moves, round(0.5 * 7) = 4
    p, q = (0.7 * row / 12 + 0.06 for row in (counts, counts + np.array([-1, 1, 0, 0, 0])))
    evidence = search.design(values).evidence
    assert isinstance(evidence, Exact)
    assert float(evidence.values()) == pytest.approx((p * np.log(p / q)).sum(), rel=1e-12)


def test_mean_deviation_is_a_sum_over_counts() -> None:
    for n, p, omega, shift in product((1, 2, 37), (0.0, 0.2, 1.0), (0.0, 0.4, 1.0), (-0.9, -0.2, 0.0, 0.3)):
        counts = np.arange(n + 1)
        expected = binom.pmf(counts, n, p) @ np.abs((1 - omega) * counts / n + shift)
        assert mean_deviation(n, p, omega, shift) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("key", ["tv/categorical/fixed", "categorical/one-step/fixed"])
def test_distances_are_those_of_the_simulator(key: str) -> None:
    values = {"n": 12, "i": 3, "alpha": 0.25, "K": 6, "omega": 0.2, "odds": 4.0, "ratio": 0.3}
    design = ALL[key].design({name: values[name] for name in ALL[key].axes})
    p = np.concatenate([[p] * count for p, count in generalization.three_kinds(values)])
    assert p.sum() == pytest.approx(1)
    assert float(design.values["u"]) == pytest.approx(np.abs(p - 1 / 6).sum() / 2)
    model = sim.Labelled(sim.LabelledAtoms(x=np.ones((6, 1)), y=np.ones(6), p=p), sim.Ridge(1.0), 0.2)
    i = 3 if key.startswith("tv") else 1
    found = next(sim.blocks(model, sim.Fixed(0.25), n=12, generations=i, seed=5, record=("tv",), at=(i,)))["tv"]
    assert isinstance(design.evidence, Exact)
    error = found.std() / np.sqrt(found.size)
    assert float(design.evidence.values()) == pytest.approx(found.mean(), abs=5 * error)


def test_large_loops_are_the_same_loops() -> None:
    """The gap of ridge regression: the exact law up to some size, and sampled atoms beyond, agree where they meet."""
    search = ALL["generalization/categorical-ridge"]
    values = {"n": 400, "i": 2, "alpha": 0.25, "K": 5, "omega": 0.5, "mu": 0.5, "p": 0.8, "x": 0.6, "y": -0.4}
    learning = learning_at(values, 0)
    sampled = search.design({**values, "n": 404})
    assert isinstance(sampled.evidence, Signed)
    found = next(sampled.evidence.blocks(1))
    error = found.std() / np.sqrt(found.size)
    assert learning.mean_gap(2) == pytest.approx(found.mean(), abs=5 * error + 1e-3)
    assert found.mean() > 20 * error  # a shift that is really there


@pytest.mark.parametrize("learner", [0, 1])
def test_penalty_gives_the_stability_that_was_asked_for(learner: int) -> None:
    values = {"n": 15, "alpha": 0.4, "omega": 0.3, "p": 0.4, "x": 0.5, "y": -0.7, "learner": learner}
    for beta in (1e-5, 1e-3, 0.05):
        found = learning_at({**values, "beta_n": beta}, 1).stability
        assert 0.998 * beta <= found <= beta
    loosest = learning_at({**values, "beta_n": 1e3}, 1).learner.label
    assert float(loosest[loosest.index("=") + 1 : -1]) == pytest.approx(0.01, rel=1e-3)


def test_gaps_are_one_sided_where_the_result_is() -> None:
    for search in generalization_probability.SEARCHES:
        values = {name: value_on(axis, 0.5) for name, axis in search.axes.items()} | {"omega": 0.1, "i": 1}
        evidence = search.design(values).evidence
        assert isinstance(evidence, Exceedance)
        gaps = next(evidence.blocks(0))
        assert (gaps.min() < 0) == ("mcdiarmid" in search.result.key)


@pytest.mark.parametrize("name", generalization_second_order.SCHEDULES)
def test_expected_gap_is_that_of_the_simulator(name: str) -> None:
    values = {"n": 10, "alpha": 0.3, "lam": 0.5, "learner": 0, "mu": 0.4, "p": 0.3, "x": 0.7, "y": -0.6}
    study, loop = study_at(values), loop_at(name, values, 4)
    (found,) = (next(study.gaps(loop.schedule, loop.n, (4,))(seed)) for seed in (2,))
    error = found.std() / np.sqrt(found.size)
    exact = expected_gap(study, law_of_last(loop, 0.3))
    assert exact == pytest.approx(found.mean(), abs=5 * error)
    assert error < 0.1 * exact


def test_histories_are_those_of_named_schedules() -> None:
    g, n, p = 4, 3, 0.3
    rows = np.arange(1, g + 1)[:, None]
    for name, B in (
        ("replace", np.eye(g, k=-1)),
        ("fresh", 0.6 * np.eye(g, k=-1)),
        ("subsample", np.tril(np.broadcast_to(1 / rows, (g, g)), -1)),
    ):
        loop = loop_at(name, {"n": n, "alpha": 0.4}, g)
        assert law_of_weighted(B, np.full(g, n), p) == pytest.approx(law_of_last(loop, p), abs=1e-14)


def test_worst_gaps_average_the_quantiles() -> None:
    values = {"n": 20, "alpha": 0.25, "omega": 0.3, "mu": 0.5, "p": 0.4, "x": 0.5, "y": -0.7, "learner": 0}
    learning, delta, cells = learning_at(values, 1), 0.2, 4000
    levels = (np.arange(cells) + 0.5) / cells * delta
    expected = np.mean([gap_quantile(learning, 3, level) for level in levels])
    assert rates.worst_gaps(learning, 3, delta) == pytest.approx(expected, rel=1e-3)


def test_lipschitz_constant_is_the_steepest_slope_in_the_ball() -> None:
    for kind, learner in enumerate((sim.Ridge(0.2), sim.Logistic(0.2))):
        values = {"length": 1.5, "reach": 2.0, "turn": 1.0, "label": 0.3, "away": 0.5, "empty": 0.2, "split": 0.4}
        atoms = stability._place({**values, "mu": 0.2}, kind == 1)
        angles, radii = np.meshgrid(np.linspace(0, 2 * np.pi, 721), np.linspace(0, learner.B, 60))
        w = np.stack([(radii * np.cos(angles)).ravel(), (radii * np.sin(angles)).ravel()], axis=1)
        slopes = np.abs(learner.loss.slopes(w @ atoms.x.T, atoms.y)) * np.linalg.norm(atoms.x, axis=1)
        found = stability._lipschitz(learner, atoms)
        assert slopes.max() <= found * (1 + 1e-12)
        assert slopes.max() == pytest.approx(found, rel=1e-3)


# --- power ------------------------------------------------------------------------------------------------------------

WRONG = {
    "stability/erm": (0.9, 60),
    "stability/erm/ridge/loss-range": (0.9, 60),
    "stability/erm/logistic/norm": (0.4, 120),
    "stability/sgd": (0.8, 120),
    "recursive-stability/composition/fixed": (0.9, 60),
    "recursive-stability/gaussian-mean": (1.0001, 20),
    "recursive-stability/categorical/divergence": (0.95, 60),
    "recursive-stability/categorical-coupled": (0.8, 120),
    "generalization/expectation": (0.9, 60),
    "generalization/high-probability-rio": (0.6, 60),
    "categorical/mean/fixed": (1.0001, 20),
    "tv/categorical/fixed": (0.9, 40),
    "tv/categorical/lower/fixed": (1.1, 40),
    "generalization/second-order/lower/fixed": (1.05, 60),
    "generalization/second-order/upper/weighted": (0.9, 60),
}
"""A factor that makes the result wrong, and so many points in which that is found."""


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_constant_is_found(key: str) -> None:
    search, (factor, budget) = ALL[key], WRONG[key]
    wrong = replace(search, result=replace(search.result, expr=search.result.expr * sp.Float(factor)))
    assert falsify(wrong, budget=budget).outcome is Outcome.FALSIFIED


def test_a_wrong_order_is_found() -> None:
    search = ALL["paper/stl-theorem-1"]
    n = next(param.symbol for param in search.result.params if param.name == "n")
    faster = replace(
        search.result, expr=sp.Add(*(part / sp.root(n, 4) for part in sp.Add.make_args(search.result.expr)))
    )
    assert falsify(search, budget=20).outcome is Outcome.NOT_FALSIFIED
    assert falsify(replace(search, result=faster), budget=20).outcome is Outcome.FALSIFIED
