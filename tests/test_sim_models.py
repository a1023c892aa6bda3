from __future__ import annotations

import math
import time

import numpy as np
import pytest
from schedules import SCHEDULES

from sim import (
    Discrete,
    Fresh,
    Gaussian,
    GaussianMean,
    Replace,
    SimulationError,
    simulate,
    tv_discrete,
    tv_gaussians,
    w2_squared,
)


def run(model, schedule, **more):
    return simulate(model, schedule, **{"n": 8, "generations": 3, "replications": 30, "seed": 51, **more})


@pytest.mark.parametrize(
    "p",
    [[], [0.5, 0.6], [1.5, -0.5], [math.nan, 1], [[0.5, 0.5]], [0.5, 0.5 - 1e-6], 1.0],
)
def test_vectors_that_are_no_probabilities(p):
    with pytest.raises(SimulationError) as caught:
        Discrete(np.array(p))
    assert caught.value.argument == "p"


def test_a_model_keeps_its_own_copy_of_p():
    p = np.array([0.5, 0.5 + 5e-10])
    model = Discrete(p)
    assert model.p.sum() == pytest.approx(1, abs=1e-15)
    p[0] = 7
    assert model.p[0] < 1
    with pytest.raises(ValueError, match="read-only"):
        model.p[0] = 7


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_discrete_metrics_are_functions_of_the_frequencies(schedule):
    p = np.array([0.7, 0.2, 0.05, 0.05])
    data = run(Discrete(p), schedule, record=["atoms", *Discrete(p).measures()][:7])
    x = data["atoms"].to_numpy()
    close = np.testing.assert_allclose
    close(x.sum(axis=-1), 1, rtol=1e-12)
    close(data["tv"], tv_discrete(x, p), atol=1e-15)
    close(data["diversity"], 1 - (x**2).sum(axis=-1), atol=1e-15)
    close(data["squared_error"], ((x - p) ** 2).sum(axis=-1), atol=1e-15)
    close(data["support"], (x > 0).sum(axis=-1))
    close(data["entropy"], -(x * np.log(np.where(x > 0, x, 1))).sum(axis=-1), atol=1e-12)
    counts = x * schedule.sizes(8, 3)[:, None]
    close(counts, np.round(counts), atol=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_one_atom_and_one_draw(schedule):
    data = run(Discrete(np.ones(1)), schedule)
    assert (data["tv"] == 0).all()
    assert (data["support"] == 1).all()
    if schedule.name in ("replace", "fresh", "accumulate", "subsample", "weighted"):
        data = run(Discrete(np.full(5, 0.2)), schedule, n=1, record=["support", "tv"])
        assert (data["support"].isel(generation=0) == 1).all()
        assert np.allclose(data["tv"].isel(generation=0), 0.8)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_hundred_thousand_atoms(schedule):
    K = 100_000
    start = time.perf_counter()
    data = run(Discrete(np.full(K, 1 / K)), schedule, n=1000, replications=4)
    assert time.perf_counter() - start < 5  # 0.05 s where this was written
    assert (data["support"].isel(generation=0) <= 1000).all()
    assert (data["support"] > 200).all()
    assert (data["tv"] > 0.95).all()


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_gaussian_metrics_are_functions_of_mean_and_variance(schedule):
    model = Gaussian(0.5, 1.5, theta=0.9)
    data = run(model, schedule)
    mean, std = data["mean"].to_numpy(), data["std"].to_numpy()
    close = np.testing.assert_allclose
    close(data["variance"], std**2, rtol=1e-14)
    close(data["log_variance"], 2 * np.log(std / 1.5), atol=1e-13)
    close(data["w2_squared"], (mean - 0.5) ** 2 + (std - 1.5) ** 2, rtol=1e-12)
    close(data["tv"], tv_gaussians(mean, std, 0.5, 1.5), atol=1e-15)


def test_gaussian_metrics_in_space():
    model = Gaussian((1.0, 2.0), 1.5, d=2)
    rng = np.random.default_rng(52)
    fit = model.estimate(rng, model.draw(rng, model.target(), 6))
    covariance = fit.factor @ np.swapaxes(fit.factor, 1, 2)
    measures = model.measures()
    close = np.testing.assert_allclose
    w2 = w2_squared(fit.mean, covariance, np.array([1.0, 2.0]), 2.25 * np.eye(2))
    close(measures["w2_squared"].of(fit, None), w2, rtol=1e-7)
    close(measures["variance"].of(fit, None), np.trace(covariance, axis1=1, axis2=2) / 2, rtol=1e-12)
    expected = np.linalg.slogdet(covariance / 2.25)[1] / 2
    close(measures["log_variance"].of(fit, None), expected, rtol=1e-9, atol=1e-12)
    assert "tv" not in measures
    data = run(model, Fresh(0.5), record=["mean"])
    assert data["mean"].dims == ("replication", "generation", "coordinate")


def test_mean_error_in_space_is_a_vector_and_not_recorded_unasked():
    model = GaussianMean(2.0, (1.0, -1.0), 2)
    assert list(run(model, Replace()).data_vars) == ["tv", "squared_error"]
    data = run(model, Replace(), record=["mean_error", "squared_error"])
    np.testing.assert_allclose((data["mean_error"] ** 2).sum("coordinate"), data["squared_error"], rtol=1e-12)


def test_a_collapse_by_hundreds_of_orders_of_magnitude_stays_positive_definite():
    data = run(Gaussian(d=3), Replace(), n=4, generations=300, replications=20, at=[300], record=["log_variance"])
    drift = 300 * np.log(2 / 3) + 300 * (-0.5772 - 1.9635 + 0.0365) / 3  # psi at 1/2, 1, 3/2
    assert np.isfinite(data["log_variance"]).all()
    assert (data["log_variance"] < drift / 2).all()
    data = run(Gaussian(), Replace(), n=2, generations=3000, replications=5, at=[3000])
    assert (data["tv"] > 1 - 1e-12).all()
    assert (data["std"] < 1e-100).all()


@pytest.mark.parametrize(
    ("kind", "change", "argument"),
    [
        (GaussianMean, {"sigma": 0}, "sigma"),
        (GaussianMean, {"sigma": math.nan}, "sigma"),
        (GaussianMean, {"d": 0}, "d"),
        (GaussianMean, {"d": 1.5}, "d"),
        (GaussianMean, {"mean": (1, 2, 3), "d": 2}, "mean"),
        (GaussianMean, {"mean": math.inf}, "mean"),
        (Gaussian, {"sigma": -1}, "sigma"),
        (Gaussian, {"theta": 0}, "theta"),
        (Gaussian, {"theta": 1.1}, "theta"),
        (Gaussian, {"mean": "x"}, "mean"),
        (Gaussian, {"d": 0}, "d"),
    ],
)
def test_parameters_that_make_no_gaussian(kind, change, argument):
    with pytest.raises(SimulationError) as caught:
        kind(**change)
    assert caught.value.argument == argument
