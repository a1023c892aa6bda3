"""What verdicts on diffusion models rest on, against brute force; their figure, and points of a file."""

from __future__ import annotations

import io
import math
import re
import runpy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from scipy.integrate import quad

from sim import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.laws import ExactScore
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Sampler
from sim.diffusion.terms import chain_terms
from sim.diffusion.times import time_grid
from verify.cases.diffusion import FINE
from verify.cases.diffusion_ends import force, mean_norm
from verify.cases.diffusion_gaussian import moments
from verify.cases.diffusion_rates import _SCORED, RIDGE, distances
from verify.diffusion_curves import _distance, _stopped, choices, loops, one_steps
from verify.diffusion_steps import EXACT, LAWS, Setup, estimated, fisher, one_step, reverse_law, score_gap, score_of
from verify.plots_diffusion import diffusion_figure

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "diffusion.py"


def test_parts_of_the_held_score_by_their_definitions() -> None:
    setup, n = Setup(kind="exponential", steps=8, width=24), 100
    step, score, times = one_step(setup, n), score_of(setup, n), np.asarray(setup.sampler.times)
    places, weights = np.polynomial.legendre.leggauss(12)
    E = lag = 0.0
    for before, t in pairwise(times):
        h, noised = t - before, setup.p.noised(t)
        x = np.linspace(*noised.support, 1001)
        log, true, _ = noised.jet(x)
        height = np.exp(log) * (x[1] - x[0])
        own = float(fisher(setup.p, np.array([t]))[0])
        for w, u in zip(weights * h / 2, (places + 1) * h / 2, strict=True):
            E += w * float(height @ (score(x, t) - math.exp(-u) * true) ** 2)
            lag += w * (float(fisher(setup.p, np.array([t - u]))[0]) - math.exp(-2 * u) * own)
    assert abs(step.E - E) < 1e-6 * E
    assert abs(step.lag - lag) < 1e-4 * lag  # Gauss's rule on the first step, close to t = 0


def test_fisher_information_of_a_normal_law_and_of_a_mixture() -> None:
    times, p = np.array([0.01, 0.5, 3.0]), NormalMixture(np.ones(1), np.ones(1), np.full(1, 0.4))
    np.testing.assert_allclose(fisher(p, times), 1 / (1 + np.exp(-2 * times) * (0.16 - 1)), rtol=1e-10)
    noised = LAWS["three"].noised(0.2)
    value = quad(lambda x: float(noised.pdf(x) * noised.jet(x)[1] ** 2), -9, 9, limit=200)[0]
    assert fisher(LAWS["three"], np.array([0.2]))[0] == pytest.approx(value, rel=1e-7)


def test_the_reverse_equation_of_an_estimated_mixture() -> None:
    """Against Euler–Maruyama steps: Kolmogorov's distance, at most √(log(2/1e-5)/2n), and what the steps cost."""
    p, t0, T, n, steps = LAWS["wide"], 0.05, 0.4, 10_000, 100
    q, rng = estimated(p, 60), np.random.default_rng(5)
    law, error = reverse_law(q, t0, T)
    y, times = rng.standard_normal(n), np.linspace(T, t0, steps + 1)
    for t, s in pairwise(times):
        h = t - s
        y = y + h * (y + 2 * q.noised(t).jet(y)[1]) + math.sqrt(2 * h) * rng.standard_normal(n)
    gap = np.abs(np.arange(n) / n - law.cdf(np.sort(y))).max()
    assert gap < math.sqrt(math.log(2 / 1e-5) / (2 * n)) + 0.006
    assert error < 1e-6
    assert np.abs(np.arange(n) / n - q.noised(t0).cdf(np.sort(y))).max() > 0.05  # the start is not forgotten


def test_the_gap_of_scores_by_adaptive_quadrature() -> None:
    p = NormalMixture(np.ones(1), np.zeros(1), np.full(1, 0.8))
    q = NormalMixture(np.ones(1), np.full(1, 0.1), np.full(1, 0.7))

    def inside(t: float) -> float:
        shrink = math.exp(-2 * t)
        v, w = 1 + shrink * (0.64 - 1), 1 + shrink * (0.49 - 1)
        return v * (1 / v - 1 / w) ** 2 + shrink * 0.01 / w**2

    value, error = score_gap(p, q, 0.01, 4.0)
    assert value == pytest.approx(quad(inside, 0.01, 4.0)[0], rel=1e-9)
    assert error < 1e-9


def test_norms_of_mixtures() -> None:
    p = LAWS["unequal"]
    assert mean_norm(p) == pytest.approx(quad(lambda x: abs(x) * float(p.pdf(x)), -10, 10, points=[0.0])[0], rel=1e-8)
    x = np.linspace(-10, 10, 400_001)
    moved = x * p.pdf(x) + np.gradient(p.pdf(x), x)
    assert force(p) == pytest.approx(np.abs(np.diff(moved)).sum(), rel=1e-4)
    assert force(p) < np.abs(np.diff(moved)).sum() * (1 + 1e-6)


def test_steps_of_a_normal_target_are_those_of_the_sampler() -> None:
    times = time_grid(0.05, 2.0, 6, "quadratic")
    score = ExactScore(NormalMixture(np.ones(1), np.full(1, 0.5), np.full(1, 0.6)))
    output = output_law(score, Sampler(times, "euler"), (-9.0, 9.0), 513).law
    mean = float(output.weights @ output.means)
    variance = float(output.weights @ (output.means**2 + output.sigmas**2)) - mean**2
    assert moments("euler", times, 0.5, 0.6) == pytest.approx((mean, variance), rel=1e-9)


def test_errors_go_to_the_strict_side() -> None:
    step, ends = one_step(FINE, EXACT), end_terms(FINE.p, FINE.sampler.times)
    output = output_law(score_of(FINE, EXACT), FINE.sampler, (-9.0, 9.0), FINE.nodes)
    value, error = tv_mixtures(output.law, FINE.p)
    assert step.tv == pytest.approx(value + error + output.error, rel=1e-12)
    assert step.tv > value + error
    assert step.start == ends.start - ends.start_error < ends.start
    chain = chain_terms(FINE.p, score_of(FINE, EXACT), FINE.sampler, nodes=FINE.nodes)
    assert (np.maximum(chain.non_gaussian, 0.0) - step.J >= 0).all()
    assert step.J[0] == pytest.approx(chain.non_gaussian[0], rel=1e-9)
    sizes = (4, 256)
    (first,) = next(distances(RIDGE, sizes, 3, 1))
    rng = np.random.Generator(np.random.SFC64(3))
    plain = [RIDGE.distance(rng, n) for n in sizes]
    assert first.tolist() == [plain[0][0] - plain[0][1], plain[1][0] + plain[1][1]]


def test_the_range_of_the_error_of_a_score() -> None:
    scored = _SCORED[0]
    network = scored.fitted(LAWS[scored.law].sample(np.random.default_rng(1), 3))
    assert scored.mu * float((network.coefficients**2).sum()) <= -1 / np.expm1(-2 * scored.t)


# --- figure ---------------------------------------------------------------------------------------------------


def test_shares_add_up_to_the_bounds() -> None:
    small = Setup(steps=8, width=32)
    found = one_steps(2, (60, 150, 400), small)
    for parts, kind, bound in ((found.chain_parts, small, "chain"), (found.girsanov_parts, None, "girsanov")):
        setup = kind or replace(small, kind="exponential")
        expected = [np.mean([getattr(one_step(setup, n, seed), bound) for seed in (0, 1)]) for n in (60, 150, 400)]
        np.testing.assert_allclose(sum(parts.values()), expected, rtol=1e-12)
        np.testing.assert_allclose(getattr(found, bound), expected, rtol=1e-12)
    assert found.exponent.low < found.exponent.value < found.exponent.high
    with pytest.raises(ValueError, match="at least 2, at least 3 of them"):
        one_steps(1)


def test_a_sampler_that_leaves_the_grid_is_not_drawn() -> None:
    assert math.isnan(_distance(lambda x, t: x, Setup(steps=6)))
    found = _stopped(50, (10.0, 300.0), 1)
    assert found[1] < found[0]


@pytest.mark.slow
def test_the_figure_is_drawn() -> None:
    found = loops(30, 3, 1, 1)
    assert (found.propagated["replace"] >= found.tv["replace"] - 1e-3).all()
    assert (found.chain["replace"] > found.propagated["replace"]).all()
    small = one_steps(2, (60, 150, 400), Setup(steps=8, width=32))
    picture = diffusion_figure(small, choices(1, (16, 32), (10.0, 100.0)), found)
    assert image.imread(io.BytesIO(picture)).shape[2] == 4


@pytest.mark.parametrize("columns", [("x",), pytest.param(("x", "y"), marks=pytest.mark.slow)])
def test_a_loop_on_the_points_of_a_file(tmp_path: Path, columns: tuple[str, ...], capsys: Any) -> None:
    rows = np.random.default_rng(3).standard_normal((80, len(columns)))
    path = tmp_path / "points.csv"
    path.write_text("\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows.tolist())]) + "\n")
    runpy.run_path(str(EXAMPLE))["data_loop"](path, generations=1)
    said = capsys.readouterr().out
    assert f"points.csv: 40 points in dimension {len(columns)}, 40 held out; TV estimated from below" in said
    assert re.search(r"replace, generation 1: -?0\.\d{3} ± 0\.\d{3}", said)
