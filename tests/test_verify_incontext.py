"""Cases of transformers in context: false claims are refuted, and what the cases rest on is right."""

from __future__ import annotations

import itertools
import math
import runpy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from named_cases import case_named
from scipy import integrate
from scipy.stats import norm
from selection import first_quickly
from test_verify_mutants import (
    halved,
    lowered,
    of_a_hundredth,
    one_generation_less,
    raised,
    refutes,
    with_expression,
)

import bounds
import sim
from bounds.catalogue import transformer
from bounds.catalogue.stability_setting import tv
from bounds.symbols import d, n, sigma
from verify.cases.icl import exact_moments
from verify.cases.icl_softmax import _AT, ONE_STEP, _gaps, loops, noise_risk, quiet, quiet_gap
from verify.cases.transformer import clipped_change
from verify.checking import check, points_of
from verify.confidence import Moments, confidence_bounds
from verify.evidence import Decision
from verify.incontext import linear_lines, movements, sizing, trained_line
from verify.incontext_exponents import exact_exponents, sampled_exponents
from verify.plots_incontext import incontext_figure
from verify.prompts import along_prompts, averager, largest_movement, worst_movement
from verify.run import DEFAULT_SETTING

ROOT = Path(__file__).parent.parent


def one_token_more(expr):  # type: ignore[no-untyped-def]
    return expr.subs(n, n + 1)


def without_noise(expr):  # type: ignore[no-untyped-def]
    return expr.subs(sigma, 0)


def one_direction_less(expr):  # type: ignore[no-untyped-def]
    """d in place of d + 1, while d sigma^2 stays."""
    return expr.subs({d: d - 1, sigma: sigma * sp.sqrt(d / (d - 1))}, simultaneous=True)


def without_shift(expr):  # type: ignore[no-untyped-def]
    return expr.subs(tv, 0)


SCHEDULES = ("replace", "stratified", "fixed", "expand")
MUTANTS = (
    ("stability/attention#replacement", one_token_more),
    ("stability/attention#replacement", halved),
    ("stability/transformer#replacement", halved),
    ("stability/transformer/residual#replacement", halved),
    ("recursive-stability/icl/divergence#replacement", lowered),
    ("recursive-stability/icl/divergence/residual#replacement", halved),
    ("icl/softmax/stability#replacement", halved),
    ("icl/softmax/stability/residual#replacement", halved),
    ("icl/synthetic-sizing#normal-labels", of_a_hundredth),
    *((f"icl/linear-attention/{name}#recursion", one_direction_less) for name in SCHEDULES),
    *((f"icl/linear-attention/{name}#sampled", without_noise) for name in SCHEDULES),
    *((f"icl/linear-attention/mean/{name}#recursion", raised) for name in SCHEDULES),
    ("icl/linear-attention/mean/replace#sampled", one_generation_less),
    ("icl/linear-attention/second-moment/replace#sampled", without_noise),
    *((f"icl/tv/{name}#sampled", halved) for name in SCHEDULES),
)
IDS = [f"{key}-{mutation.__name__}" for key, mutation in MUTANTS]


@pytest.mark.parametrize(("key", "mutation"), first_quickly(MUTANTS, IDS))
def test_a_false_claim_is_refuted_and_the_true_one_holds(key, mutation):  # type: ignore[no-untyped-def]
    refutes(case_named(key), mutation)


def test_the_gap_needs_its_shift():
    """Without the third term the bound is below the gap; the first two are slack at all designs of the case."""
    sound = case_named("icl/softmax/generalization#sampled")
    design = sound.designs(DEFAULT_SETTING)[0]
    loop = loops(residual=False)[0]
    runs = sim.simulate(loop.model, sim.Fixed(loop.alpha), n=loop.n, generations=3, replications=64, seed=99)
    mutant = with_expression(sound, without_shift)
    bound = points_of(design, mutant.result)[0]
    far = np.abs(runs.gap.mean("replication")[1:]) - 7 * runs.gap.std("replication")[1:] / 8
    assert (far > bound[:2]).all()
    curves = [check(case, design, level=1e-7, replications=1_000, seed=7) for case in (mutant, sound)]
    assert (curves[0].decision[:2] == Decision.REFUTED).all()
    assert (curves[1].decision == Decision.HOLDS).all()


def test_half_of_the_recursive_stability_is_too_little():
    """Given the history the pair of prompts moves normal laws by a known step, so that the TV is known."""
    sound = case_named("recursive-stability/icl#sampled")
    design = sound.designs(DEFAULT_SETTING)[0]
    size, share, noise, i = (design.values[name] for name in ("n", "alpha", "sigma", "i"))
    distance = 2 * norm.cdf(np.sqrt(i * (1 - share) * size) * (2 / size) / noise / 2) - 1
    mutant = with_expression(sound, halved)
    assert (distance > 1.2 * points_of(design, mutant.result)[0]).all()
    assert (check(mutant, design, level=1e-7, replications=6_400, seed=7).decision == Decision.REFUTED).all()
    found = check(sound, design, level=1e-7, replications=6_400, seed=7)
    assert (found.decision == Decision.HOLDS).all()
    assert ((found.lower < distance) & (distance < found.upper)).all()


@pytest.mark.parametrize("size", [10, 100])
def test_exact_gaps_are_those_of_simulated_labels(size):  # type: ignore[no-untyped-def]
    rng, R, lam, edge = np.random.default_rng(3), 20_000, 1.0, 2.0
    real = rng.standard_normal((R, size))
    for i in (1, 2, 3):
        mean = real.mean(axis=1)
        for _ in range(i):
            prompt = np.concatenate([real, mean[:, None] + rng.standard_normal((R, round(lam * size)))], axis=1)
            mean = prompt.mean(axis=1)
        gaps = noise_risk(mean, 1.0, edge**2 / 2) - np.minimum((prompt - mean[:, None]) ** 2, edge**2).mean(axis=1) / 2
        assert abs(gaps.mean() - quiet_gap(size, lam, i, edge)) < 4.5 * gaps.std() / math.sqrt(R)
        assert quiet_gap(size, lam, i, edge) > 9 * gaps.std() / math.sqrt(R)


# --- what the cases rest on -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "mixed"), [("replace", 0.0), ("stratified", 0.25), ("fixed", 0.25), ("fixed", 1.0), ("expand", 1.5)]
)
def test_the_recursion_is_that_of_simulated_points(schedule, mixed):  # type: ignore[no-untyped-def]
    parameter = {} if schedule == "replace" else {"lam" if schedule == "expand" else "alpha": mixed}
    runs = sim.simulate(
        sim.LinearAttention(3, 1.0, 0.5), sim.schedule(schedule, **parameter), n=12, generations=4,
        replications=40_000, seed=3, summary=True, record=["inner_product", "norm_squared"],
    )  # fmt: skip
    found = exact_moments(schedule, 12, Fraction(str(mixed)), 3, Fraction(1, 4), 4)
    for name, place in (("inner_product", 0), ("norm_squared", 1)):
        error = np.sqrt(runs[f"{name}_variance"] / 40_000)
        assert (np.abs(runs[f"{name}_mean"] - [float(pair[place]) for pair in found]) < 4.5 * error).all()


@pytest.mark.parametrize("M", [0.02, 0.5, 2.0])
def test_the_largest_change_of_a_clipped_loss(M):  # type: ignore[no-untyped-def]
    residuals = np.linspace(-3, 3, 6001)
    losses = np.minimum(residuals**2 / 2, M)
    for step in (1, 100, 500, 2500):
        assert np.abs(losses[step:] - losses[:-step]).max() == pytest.approx(clipped_change(M, step / 1000), rel=2e-3)


@pytest.mark.parametrize(("mean", "M"), [(0.0, 0.045), (0.1, 0.045), (-0.3, 0.01)])
def test_the_risk_on_noise(mean, M):  # type: ignore[no-untyped-def]
    found, _ = integrate.quad(
        lambda y: min(M, (y - mean) ** 2 / 2) * norm.pdf(y, scale=0.15), -2, 2, points=[0, mean], limit=200
    )
    assert noise_risk(np.array(mean), 0.15, M) == pytest.approx(found, rel=1e-6)


def test_known_risks_are_those_of_many_test_points():
    model = replace(quiet(), tests=4000)
    exact = np.concatenate(list(itertools.islice(_gaps(model, 0.5, 20, (1, 2), 5), 2)))
    runs = sim.simulate(model, sim.Fixed(0.5), n=20, generations=3, replications=128, seed=5)
    np.testing.assert_allclose(np.abs(runs.gap.values[:, 1:]), exact, atol=5 * model.M / math.sqrt(4 * 4000))


def test_one_step_errors_of_uniform_attention():
    """The constant is at least that of the exact variances, for every share and generation, but not by much."""
    largest = 0.0
    for lam, size in itertools.product((0.0, 0.1, 0.5, 1.0, 2.0, 2.5, 5.0, 50.0), (10, 1000)):
        alpha, noise, spread = 1 / (1 + lam), 1 / (lam * size) if lam else 0.0, 0.0  # spread: of mean - real mean
        for _ in range(60):
            step = alpha**2 * spread + (1 - alpha) ** 2 * noise
            spread = (1 - alpha) ** 2 * (spread + noise)
            far = alpha * math.atan(math.sqrt(1 / size + spread) / 2)
            error = 2 / math.pi * (far + (1 - alpha) * math.atan(math.sqrt(step) / 2))
            largest = max(largest, error * math.sqrt((1 + lam) * size))
    assert 0.9 * ONE_STEP < largest <= ONE_STEP


def test_uniform_attention_compares_as_normal_means():
    """Given the same history the real point moves the mean label by 2/n in every generation."""
    size, share, at = 100, 0.5, (1, 5)
    model = sim.InContext(transformer=averager(), f=sim.Linear((0.0,)), sigma=0.2, radius=0.1)
    blocks = along_prompts(model, size, share, at, "divergence")(3)
    found = np.concatenate(list(itertools.islice(blocks, 8))).mean(axis=0)
    expected = [i * share * size * (2 / size) ** 2 / (2 * 0.2**2) for i in at]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_movements_are_below_the_bound_and_climbing_comes_near():
    bound = transformer.ONE_LAYER(n=20, Gamma=0.5)
    assert 0.9 * bound < worst_movement(20, 0.5, heads=2) <= bound * (1 + 1e-12)
    found = largest_movement(sim.random_transformer(layers=1, heads=1, width=3, Gamma=0.5, seed=1), 20)
    assert 0.2 * bound < found < bound


@pytest.mark.slow
@pytest.mark.parametrize("residual", [False, True])
def test_measured_shifts(residual):  # type: ignore[no-untyped-def]
    for loop in loops(residual):
        runs = sim.simulate(loop.model, sim.Fixed(loop.alpha), n=loop.n, generations=5, replications=512, seed=5,
                            record=["tv"], at=_AT)  # fmt: skip
        high = confidence_bounds(Moments.of(runs.tv.values), 1e-6 / len(_AT), np.ones(len(_AT)))[1]
        assert (high <= loop.tv).all()
        assert (runs.tv.mean("replication") > 0.3 * loop.tv).all()


# --- the figure and the table of the book ---------------------------------------------------------------------


def test_lines_of_the_figure_are_around_the_exact_risk():
    for line in linear_lines((20, 80), 0.5, 4, replications=2_000, seed=2):
        assert (np.abs(line.mean - line.exact) < 4.5 * line.error).all()


def test_the_trained_transformer_is_put_on_the_scale_of_linear_attention():
    """Answering 0 would cost |w|² = 0.4; the first prompt tells most of w."""
    line = trained_line(40, 0.5, 2, replications=32, seed=2)
    assert 0.002 < line.mean[0] < 0.1
    assert 0.2 < line.mean[0] / line.exact[0] < 1


def test_amounts_of_synthetic_data():
    found = sizing(96, 3, np.array([0.0, 0.25, 0.5, 1.0, 4.0, 250.0]), (0.0, 0.5, 2.0), replications=256, seed=2)
    assert found.optima["bound"] == found.optima["gap"] == 250
    assert found.optima["risk"] == found.optima["simulated risk"] == 0
    assert (np.abs(found.gap) < found.bound).all()
    exact = bounds.get("icl/linear-attention/expand")(n=96, i=3, lam=found.sampled_lam, d=2, sigma=0.3, rho=0.4**0.5)
    assert (np.abs(found.sampled - exact) < 4.5 * found.error).all()


def test_the_figure_is_drawn():
    lines = linear_lines((20,), 0.5, 3, replications=64, seed=2)
    amounts = sizing(96, 2, np.array([0.0, 1.0, 250.0]), (0.0, 0.5), replications=64, seed=2)
    drawn = incontext_figure(lines, lines, 0.4, amounts, [movements((5, 10), 0.5, 1, residual=False)])
    assert drawn.startswith(b"\x89PNG")


TABLES = runpy.run_path(str(ROOT / "examples" / "book_tables.py"))


def test_exact_rows_of_the_table_are_up_to_date():
    page = (ROOT / "book" / "transformers.md").read_text(encoding="utf-8")
    for row in exact_exponents():
        assert "| " + " | ".join(TABLES["exponent_row"](row)) + " |\n" in page
        np.testing.assert_array_less(row.mean, row.bound * (1 + 1e-12))
        assert row.growth.exponent == -1
        assert -1.001 < row.exponent < -0.85


@pytest.mark.slow
def test_sampled_exponents_confirm_the_orders():
    for row in sampled_exponents(replications=1_024, seed=3):
        low, high = row.limits
        assert low < -0.5 < high or abs(row.exponent + 0.5) < 0.04  # lower orders weigh a little
        assert high < -0.2
        assert (row.lower < row.bound).all()
        assert float(row.growth.exponent) == -0.5


def test_no_replications_are_refused():
    with pytest.raises(ValueError, match="replications = 0: allowed"):
        sampled_exponents(replications=0)


@pytest.mark.slow
def test_the_table_of_the_book_is_up_to_date():
    text = (ROOT / "book" / "transformers.md").read_text(encoding="utf-8")
    assert TABLES["updated"](text) == text
