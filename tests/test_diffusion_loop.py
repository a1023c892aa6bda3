"""Diffusion models in the loop, and distances estimated from samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from schedules import one_of_each

from sim.data_points import load_points
from sim.densities import NormalDensity
from sim.densities_mixture import NormalMixture
from sim.diffusion.features import RandomFeatures
from sim.diffusion.laws import GaussianMixture
from sim.diffusion.loop import diffusion_loop
from sim.diffusion.samplers import Diverged, Sampler
from sim.diffusion.times import time_grid
from sim.errors import SimulationError
from sim.loop import simulate
from sim.models.diffusion import Diffusion
from sim.schedules import Accumulate, Expand, Fresh, Replace
from sim.tables import DataError
from sim.tv_samples import tv_lower

P = NormalMixture([0.4, 0.6], [-1.2, 0.9], [0.5, 0.6])
PLANE = GaussianMixture([0.5, 0.5], [[-1, 0], [1, 0.5]], 0.3)
SAMPLER = Sampler(time_grid(0.02, 3, 8, "quadratic"))
MODEL = Diffusion(P, RandomFeatures(1, 32, 4.0), SAMPLER, nodes=513)
SCHEDULES = one_of_each(reused=0.25)
EVERYTHING = ["tv", "tv_error", "one_step_tv", "one_step_tv_error", "chain_terms", "girsanov_terms", "end_terms"]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_schedule_runs_and_obeys_the_triangle(schedule):
    """TV(P_{i+1}, P) ≤ TV(P_{i+1}, Q_i) + Σ b_k TV(P_k, P), in every replication."""
    record = ["tv", "tv_error", "one_step_tv", "one_step_tv_error"]
    got = simulate(MODEL, schedule, n=40, generations=3, replications=2, seed=1, record=record)
    tv, step = got.tv.values, got.one_step_tv.values
    assert ((tv > 0) & (tv < 1)).all()
    assert (got.tv_error < 1e-4).all()
    np.testing.assert_allclose(step[:, 0], tv[:, 0], atol=1e-7)
    assert (tv <= step + tv @ schedule.weights(3).T + 2e-4).all()


@pytest.mark.parametrize("schedule", [Fresh(0.5), Accumulate()], ids=str)
def test_the_chain_bounds_every_step(schedule):
    """With the terms of the law that each generation was trained on."""
    got = simulate(MODEL, schedule, n=60, generations=3, replications=1, seed=2, record=EVERYTHING)
    chain, ends = got.chain_terms.values, got.end_terms.values
    bound = ends[..., 0] + ends[..., 1] + np.sqrt(chain[..., :3].sum(axis=-1) / 2)
    assert (got.one_step_tv < bound).all()
    assert (bound < 8 * got.one_step_tv).all()
    assert (chain[..., :3] > 0).all()
    assert (got.girsanov_terms[..., [0, 2]] > 0).all()
    assert (chain[..., 3] < 1e-8).all()


def test_more_replications_and_metrics_only_add_some():
    one = simulate(MODEL, Fresh(0.3), n=30, generations=3, replications=1, seed=5, at=[3])
    more = diffusion_loop(
        MODEL, Fresh(0.3), n=30, generations=3, replications=2, seed=5, record=["tv", "one_step_tv"], at=[1, 3]
    )
    assert one.tv.values[0, 0] == more.tv.values[0, 1]
    assert np.unique(more.tv.values).size == 4
    assert more.one_step_tv.dims == ("replication", "generation")
    stops = Diffusion(P, RandomFeatures(1, 32, 4.0), SAMPLER, penalty=None, stop=300.0, nodes=513)
    assert simulate(stops, Fresh(0.3), n=30, generations=3, replications=1, seed=5, at=[3]).tv != one.tv


def test_draws_have_the_law_of_the_mixture():
    """Kolmogorov's distance, at most √(log(2/0.0001)/2n) in 9,999 of 10,000 runs."""
    rng = np.random.default_rng(0)
    fit = MODEL.estimate(rng, rng.normal(4, 0.3, 50))
    mixture = MODEL.blend(MODEL.target(), fit, 0.2)
    x = np.sort(MODEL.draw(rng, mixture, 5000))
    gap = np.abs(MODEL.mixture(mixture).cdf(x) - (np.arange(5000) + 0.5) / 5000).max()
    assert gap < math.sqrt(math.log(20_000) / 10_000)
    assert MODEL.draw(rng, mixture, 0).shape == (0,)


def test_larger_samples_learn_better():
    tv = [
        float(simulate(MODEL, Replace(), n=n, generations=1, replications=5, seed=3).tv.mean()) for n in (20, 200, 2000)
    ]
    assert tv[0] > 1.4 * tv[1] > 1.6 * tv[2]


def test_generations_before_a_divergence_are_kept():
    """A penalty that leaves little of the score: samples from far away are not pulled back."""
    model = Diffusion(P, RandomFeatures(1, 8, 4.0), SAMPLER, penalty=1.0, interval=(-9, 9), nodes=513)
    with pytest.raises(Diverged, match="in generation") as caught:
        diffusion_loop(model, Replace(), n=50, generations=20, replications=3, seed=0)
    error = caught.value
    kept = error.finished.tv.values
    assert 1 < error.generation < 20
    assert np.isfinite(kept[:-1]).all()
    assert np.isfinite(kept[-1, : error.generation - 1]).all()
    assert np.isnan(kept[-1, error.generation - 1 :]).all()
    with pytest.raises(Diverged):
        simulate(model, Replace(), n=50, generations=20, replications=3, seed=0)


def test_the_plane_is_estimated_from_below():
    sampler = Sampler(time_grid(0.02, 3, 8, "quadratic"), covariance="full")
    model = Diffusion(PLANE, RandomFeatures(2, 48, 4.0, activation="relu"), sampler, noise=4, draws=4000)
    runs = [diffusion_loop(model, Replace(), n=200, generations=3, replications=1, seed=4) for _ in range(2)]
    assert runs[0].equals(runs[1])
    assert (runs[0].tv_lower_error < 0.02).all()
    assert 0 < float(runs[0].tv_lower[0, 0]) < float(runs[0].tv_lower[0, 2]) < 1


@pytest.mark.parametrize("columns", [["a"], ["a", "b"]])
def test_a_table_as_the_real_distribution(tmp_path, columns):
    rows = np.random.default_rng(0).normal([3.0, -1.0], [2.0, 0.1], (400, 2))
    path = tmp_path / "points.csv"
    path.write_text("a,b\n" + "".join(f"{x},{y}\n" for x, y in rows.tolist()))
    cloud = load_points(path, columns, held_out=0.25)
    together = np.concatenate([cloud.seen, cloud.held_out])
    assert (len(cloud.seen), len(cloud.held_out), cloud.d) == (300, 100, len(columns))
    np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(together.std(axis=0), 1)
    raw = np.sort(together.reshape(400, -1)[:, 0] * cloud.unit[0] + cloud.centre[0])
    np.testing.assert_allclose(raw, np.sort(rows[:, 0]))
    noise = "exact" if cloud.d == 1 else 2
    model = Diffusion(
        cloud, RandomFeatures(cloud.d, 32, 4.0, activation="relu"), SAMPLER, noise=noise, nodes=513, draws=1000
    )
    got = diffusion_loop(model, Expand(1.0), n=100, generations=2, replications=1, seed=1)
    assert set(got.data_vars) == {"tv_lower", "tv_lower_error"}
    assert np.isfinite(got.tv_lower).all()


def test_tables_that_are_none(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("a,b\n" + "".join(f"{x},1\n" for x in range(40)))
    assert len(load_points(path, ["a"]).seen) == 20
    for columns, share, said in (
        (["b"], 0.5, "no scale"),
        (["a", "a"], 0.5, "twice"),
        (["c"], 0.5, "c"),
        (["a"], 0.9, "16"),
    ):
        with pytest.raises(DataError, match=said):
            load_points(path, columns, held_out=share)


def test_the_estimate_from_below():
    """In mean at most TV, and close to it for many points; 5 standard errors."""
    exact = math.erf(0.5 / math.sqrt(2))  # TV(N(0, 1), N(1, 1))
    rng = np.random.default_rng(0)
    values = [tv_lower(rng.standard_normal(400), rng.normal(1, 1, 300), width=32, seed=k) for k in range(100)]
    mean, spread = np.mean([v for v, _ in values]), np.std([v for v, _ in values])
    assert exact - 0.1 < mean < exact + 5 * spread / 10
    assert spread == pytest.approx(np.mean([e for _, e in values]), rel=0.5)
    none = [
        tv_lower(rng.standard_normal((200, 2)), rng.standard_normal((200, 2)), width=32, seed=k)[0] for k in range(100)
    ]
    assert abs(np.mean(none)) < 5 * np.std(none) / 10
    value, error = tv_lower(rng.standard_normal(20_000), rng.normal(1, 1, 20_000))
    assert exact - 5 * error - 0.01 < value < exact + 5 * error


@pytest.mark.parametrize(
    ("p", "q"),
    [(np.zeros(7), np.zeros(9)), (np.zeros((9, 2)), np.zeros(9)), ([math.nan] * 9, np.zeros(9)), ("x", np.zeros(9))],
)
def test_samples_that_are_none(p, q):
    with pytest.raises(SimulationError):
        tv_lower(p, q)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"law": NormalDensity()}, "law"),
        ({"features": RandomFeatures(2, 8, 4.0)}, "features"),
        ({"penalty": 0.0}, "penalty"),
        ({"penalty": None}, "stop"),
        ({"stop": 1.0}, "stop"),
        ({"noise": 0}, "noise"),
        ({"law": PLANE, "features": RandomFeatures(2, 8, 4.0)}, "noise"),
        ({"draws": 3}, "draws"),
    ],
)
def test_models_that_are_none(changed, named):
    with pytest.raises(SimulationError) as caught:
        Diffusion(**({"law": P, "features": RandomFeatures(1, 8, 4.0), "sampler": SAMPLER} | changed))
    assert caught.value.argument == named
