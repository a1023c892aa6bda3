"""Mixtures fitted by EM in the loop: distances, schedules, and what survives of mean and variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from schedules import one_of_each

import bounds
from sim import Accumulate, Fresh, MixtureEM, NormalMixture, Replace, SimulationError, Weighted, simulate
from sim.densities import NormalDensity
from sim.diffusion.laws import GaussianMixture
from sim.models.mixture import Sample
from sim.models.mixture_distance import tv_line, tv_sampled
from sim.models.mixture_em import fitted, normals
from sim.tv_densities import tv_quadrature

P = NormalMixture([0.4, 0.6], [-1.2, 0.9], [0.5, 0.6])
PLANE = GaussianMixture([0.5, 0.5], [[-1, 0], [1, 0.5]], [0.3, 0.5])
MODEL = MixtureEM(P, 2, start="last", block=8)
SCHEDULES = one_of_each(reused=0.25)
BOTH = ["tv", "tv_error", "one_step_tv", "one_step_tv_error"]
ARRAYS = ["weights", "means", "variances"]


def line(weights, means, sigmas, floor=1e-12):
    """Mixtures on the line from arrays (R, K)."""
    return normals(*(np.asarray(part, dtype=float) for part in (weights, np.asarray(means)[..., None])),
                   np.asarray(sigmas, dtype=float)[..., None, None] ** 2, floor)  # fmt: skip


# --- distances ------------------------------------------------------------------------------------------------


def random_mixtures(R, K, narrow, seed):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(K), R)
    sigmas = rng.uniform(0.3, 2, (R, K))
    sigmas[:, 0] = narrow
    weights[:, 0] = rng.choice([0.0, 1e-3, 0.3], R)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights, rng.normal(0, 2, (R, K)), sigmas


@pytest.mark.parametrize("narrow", [0.5, 0.02, 2e-3])
def test_the_distance_against_certified_quadrature(narrow):
    p, q = random_mixtures(6, 3, narrow, 1), random_mixtures(6, 4, 0.4, 2)
    value, error = tv_line(line(*p), line(*q))
    for r in range(6):
        one, two = (NormalMixture(*(part[r] for part in law)) for law in (p, q))
        exact, slack = tv_quadrature(one, two, tolerance=1e-8)
        assert abs(value[r] - exact) <= error[r] + slack
    assert (error < (1e-6 if narrow > 0.1 else 2e-5)).all()


def test_the_distance_where_it_is_known():
    shift, zero = np.array([[0.0], [1e-6], [0.5], [3.0], [1e4]]), np.zeros((5, 1))
    value, error = tv_line(line(zero + 1, shift, zero + 1), line(zero + 1, zero, zero + 1))
    exact = np.array([math.erf(x / math.sqrt(8)) for x in shift[:, 0]])
    assert (np.abs(value - exact) <= error).all()
    assert (error < [1e-6, 1e-6, 1e-6, 1e-6, 2e-5]).all()
    assert value[0] == 0


def test_a_component_too_narrow_for_the_nodes_has_a_stated_error():
    p, q = line([[0.5, 0.5]], [[0.0, 5.0]], [[1.0, 1e-7]], 1e-20), line([[1.0]], [[0.0]], [[1.0]])
    value, error = tv_line(p, q)
    exact, slack = tv_quadrature(NormalMixture([0.5, 0.5], [0, 5], [1, 1e-7]), NormalDensity())
    assert abs(value[0] - exact) <= error[0] + slack
    assert 1e-3 < error[0] <= 1


def test_the_estimate_in_the_plane_is_unbiased():
    """Of TV(N(0, I), N(m, I)) = erf(|m|/√8); 5 standard errors, and the stated ones are right."""
    R, eye = 2000, np.broadcast_to(np.eye(2), (2000, 1, 2, 2))
    p, q = (normals(np.ones((R, 1)), np.full((R, 1, 2), m), eye, 1e-9) for m in (0.0, 0.5))
    value, error = tv_sampled(np.random.default_rng(0), p, q, 40)
    exact = math.erf(0.5 * math.sqrt(2) / math.sqrt(8))
    spread = value.std(ddof=1)
    assert abs(value.mean() - exact) < 5 * spread / math.sqrt(R)
    assert math.sqrt(float(np.mean(error**2))) == pytest.approx(spread, rel=0.1)
    assert ((value >= 0) & (value <= 1)).all()


# --- the loop -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("start", ["plusplus", "last", "truth"])
def test_every_schedule_runs_and_obeys_the_triangle(schedule, start):
    """TV(P_{i+1}, P) ≤ TV(P_{i+1}, Q_i) + Σ b_k TV(P_k, P), in every replication."""
    model = MixtureEM(P, 2, start, block=8)
    got = simulate(model, schedule, n=40, generations=3, replications=8, seed=1, record=BOTH)
    tv, step = got.tv.values, got.one_step_tv.values
    assert ((tv > 0) & (tv < 1)).all()
    assert (got.tv_error < 1e-5).all()
    np.testing.assert_allclose(step[:, 0], tv[:, 0], atol=2e-5)
    assert (tv <= step + tv @ schedule.weights(3).T + 4e-5).all()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_mean_and_variance_follow_the_moments_of_frequencies(schedule):
    """E Var P_i = (1 − w_i)σ² and Var of the mean of P_i = w_i σ², w_i as for frequencies; 5 standard errors."""
    n, last, R = 20, 3, 2048
    model = MixtureEM(P, 2, "last", floor=1e-9, iterations=3, block=256)
    got = simulate(
        model, schedule, n=n, generations=last, replications=R, seed=2, record=["variance", "weights", "means"]
    )
    if isinstance(schedule, Weighted):
        B = schedule.weights(last)
        shares = [
            float(bounds.get("discrete/variance/weighted")(B=B[:i, :i], n=np.full(i, n), p=0.5)) for i in (1, 2, 3)
        ]
    else:
        result = bounds.get(f"discrete/variance/{schedule.name}")
        given = {"n": n, "i": np.arange(1, last + 1), "p": 0.5, **vars(schedule)}
        shares = result(**{name: given[name] for name in result.names})
    w, real = 4 * np.asarray(shares), model.variance
    centre = P.weights @ P.means
    mean = (got.weights * got.means).sum("component").values - centre
    for values, expected in ((got.variance.values, (1 - w) * real), (mean**2, w * real), (mean, 0 * w)):
        spread = values.std(axis=0, ddof=1) / math.sqrt(R)
        assert (np.abs(values.mean(axis=0) - expected) < 5 * spread).all()


def test_more_replications_and_metrics_only_add_some():
    one = simulate(MODEL, Fresh(0.3), n=30, generations=3, replications=3, seed=5, at=[3])
    more = simulate(
        MODEL, Fresh(0.3), n=30, generations=3, replications=20, seed=5, record=[*BOTH, *ARRAYS, "log_likelihood"]
    )
    np.testing.assert_array_equal(one.tv.values[:, 0], more.tv.values[:3, 2])
    np.testing.assert_array_equal(one.log_likelihood.values[:, 0], more.log_likelihood.values[:3, 2])
    assert np.unique(more.tv.values).size == 60
    assert set(one.data_vars) == {"tv", "tv_error", "log_likelihood", "variance", "collapsed", "iterations"}


def test_where_em_starts():
    rng = np.random.default_rng(3)
    last = MixtureEM(P, 2, "last", iterations=1, tolerance=0.0, block=8)
    first = last.estimate(rng, last.draw(rng, last.target(), 50))
    batch = last.merge(last.draw(rng, last.target(), 20), last.draw(rng, last.blend(last.target(), first, 0.5), 30))
    floor = last.least_variance
    again, _ = fitted(batch.points, first.law, floor, 1, 0.0)
    np.testing.assert_array_equal(last.estimate(rng, batch).law.means, again.means)
    truth = MixtureEM(P, 2, "truth", iterations=1, tolerance=0.0, block=8)
    from_truth, _ = fitted(batch.points, truth.real, floor, 1, 0.0)
    np.testing.assert_array_equal(truth.estimate(rng, batch).law.means, from_truth.means)
    # a batch that nothing fitted took part in starts from points of its own, and so does one of all real data
    assert last.draw(rng, last.target(), 5).latest is None
    assert last.draw(rng, last.blend(last.target(), first, 0.0), 5).latest is None
    assert batch.latest is first
    # of several models the last one counts
    second = last.estimate(rng, batch)
    blended = last.blend(last.blend(last.target(), first, 0.5), second, 0.3)
    assert last.draw(rng, blended, 5).latest is second
    assert last.merge(last.draw(rng, blended, 5), batch).latest is first


def test_a_blend_is_the_mixture():
    """Density and draws of 0.2·P + 0.8·P_1; Kolmogorov's distance is exceeded in 1 of 10,000 runs."""
    rng = np.random.default_rng(4)
    fit = MODEL.estimate(rng, Sample(rng.normal(4, 0.3, (8, 50, 1)), None))
    mixture = MODEL.blend(MODEL.target(), fit, 0.8)
    law = MODEL.joined(mixture)
    one = NormalMixture(law.weights[3], law.means[3, :, 0], law.factors[3, :, 0, 0])
    x = np.linspace(-4, 6, 11)
    own = NormalMixture(fit.law.weights[3], fit.law.means[3, :, 0], fit.law.factors[3, :, 0, 0])
    np.testing.assert_allclose(one.pdf(x), 0.2 * P.pdf(x) + 0.8 * own.pdf(x))
    draws = np.sort(MODEL.draw(rng, mixture, 5000).points[3, :, 0])
    gap = np.abs(one.cdf(draws) - (np.arange(5000) + 0.5) / 5000).max()
    assert gap < math.sqrt(math.log(20_000) / 10_000)


def test_the_log_likelihood_is_that_of_real_points():
    """Against ∫p log p_i by the trapezoidal rule; 5 standard errors."""
    model = MixtureEM(P, 2, draws=20_000, block=4)
    rng = np.random.default_rng(5)
    fit = model.estimate(rng, model.draw(rng, model.target(), 60))
    found = model.measures()["log_likelihood"].of(fit, None)
    x = np.linspace(-8, 8, 8001)
    for r in range(4):
        own = NormalMixture(fit.law.weights[r], fit.law.means[r, :, 0], fit.law.factors[r, :, 0, 0]).logpdf(x)
        mean = np.trapezoid(P.pdf(x) * own, x)
        spread = math.sqrt(np.trapezoid(P.pdf(x) * (own - mean) ** 2, x) / 20_000)
        assert abs(found[r] - mean) < 5 * spread


def test_collapse_is_counted_and_happens_without_real_data():
    model = MixtureEM(P, 2, "last", floor=0.01, block=64)
    x = np.concatenate([np.linspace(-1, 1, 39), [50.0]])
    fit = model.estimate(np.random.default_rng(0), Sample(np.broadcast_to(x[:, None], (64, 40, 1)).copy(), None))
    assert (model.measures()["collapsed"].of(fit, None) == 1).all()  # one point holds a component, at the floor
    light = fit.law._replace(weights=np.tile([0.01, 0.99], (64, 1)), variances=np.ones((64, 2, 1)))
    assert (model.measures()["collapsed"].of(type(fit)(model, light, 40, fit.iterations, 0), None) == 1).all()
    run = {
        "n": 20,
        "generations": 60,
        "replications": 64,
        "seed": 6,
        "at": [1, 60],
        "record": ["collapsed", "variance"],
    }
    alone, mixed = simulate(model, Replace(), **run), simulate(model, Fresh(0.5), **run)
    assert alone.collapsed.mean("replication").values[1] > 0.5 > mixed.collapsed.mean("replication").values[1]
    assert alone.variance.median("replication").values[1] < 0.2 * mixed.variance.median("replication").values[1]


def test_the_result_does_not_depend_on_the_unit():
    """A loop in another unit, with the same random numbers, is the same loop."""
    far = NormalMixture(P.weights, 1e-3 * P.means, 1e-3 * P.sigmas)
    rng = (np.random.default_rng(7), np.random.default_rng(7))
    models = (MODEL, MixtureEM(far, 2, start="last", block=8))
    fits = [model.estimate(g, model.draw(g, model.target(), 60)) for model, g in zip(models, rng, strict=True)]
    np.testing.assert_allclose(fits[0].distance[0], fits[1].distance[0], atol=1e-6)
    np.testing.assert_allclose(1e-3 * fits[0].law.means, fits[1].law.means, rtol=1e-9)


def test_arrays_and_the_plane():
    got = simulate(MODEL, Accumulate(), n=40, generations=2, replications=3, seed=1, record=ARRAYS)
    assert got.means.dims == ("replication", "generation", "component")
    assert (np.diff(got.means.values, axis=-1) >= 0).all()
    np.testing.assert_allclose(got.weights.sum("component"), 1)
    model = MixtureEM(PLANE, 3, block=8)
    got = simulate(
        model, Accumulate(), n=60, generations=3, replications=8, seed=1, record=[*BOTH, *ARRAYS, "variance"]
    )
    assert got.means.dims == ("replication", "generation", "component", "axis")
    assert got.variances.shape == (8, 3, 3, 2)
    assert (np.diff(got.means.values[..., 0], axis=-1) >= 0).all()
    assert ((got.tv > 0) & (got.tv < 1)).all()
    assert (got.tv_error < 0.03).all()
    means, weights = got.means.values, got.weights.values[..., None]
    gaps = means - (weights * means).sum(axis=2, keepdims=True)
    total = (weights * (got.variances.values + gaps**2)).sum(axis=2).mean(axis=-1)
    np.testing.assert_allclose(got.variance, total, rtol=1e-9)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"law": NormalDensity()}, "law"),
        ({"K": 0}, "K"),
        ({"K": 2.0}, "K"),
        ({"start": "random"}, "start"),
        ({"start": "truth", "K": 3}, "K"),
        ({"floor": 0.0}, "floor"),
        ({"iterations": 0}, "iterations"),
        ({"tolerance": -1e-3}, "tolerance"),
        ({"tolerance": math.nan}, "tolerance"),
        ({"draws": 1}, "draws"),
        ({"block": 0}, "block"),
    ],
)
def test_models_that_are_none(changed, named):
    with pytest.raises(SimulationError) as caught:
        MixtureEM(**({"law": P, "K": 2} | changed))
    assert caught.value.argument == named


def test_training_sets_smaller_than_the_number_of_components_are_refused():
    with pytest.raises(SimulationError, match="at least 5 points"):
        simulate(MixtureEM(P, 5), Replace(), n=4, generations=1, replications=1, seed=0)
