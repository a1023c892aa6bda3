"""The same loop at three grades agrees: exact law, sampler exact in law, simulation with full data sets."""

from __future__ import annotations

import numpy as np
import pytest

import sim
from sim.schedules import Schedule

ALLOWED = 6.0  # standard errors: a false alarm has probability 2e-9 per comparison
AT = (1, 3, 6)
P = (0.5, 0.3, 0.2)
MANY, FEW = 20_000, 500
SCHEDULES: dict[str, Schedule] = {
    "replace": sim.Replace(),
    "fresh": sim.Fresh(0.25),
    "stratified": sim.Stratified(0.25),
    "fixed": sim.Fixed(0.25),
    "accumulate": sim.Accumulate(),
    "subsample": sim.Subsample(),
    "expand": sim.Expand(0.5),
}


def _curves(model: object, schedule: Schedule, metric: str, n: int, replications: int) -> np.ndarray:  # type: ignore[type-arg]
    data = sim.simulate(
        model,  # type: ignore[arg-type]
        schedule,
        n=n,
        generations=max(AT),
        replications=replications,
        seed=11,
        record=(metric,),
        at=AT,
    )
    return np.asarray(data[metric])


def _deviation(sample: np.ndarray, exact: np.ndarray) -> float:  # type: ignore[type-arg]
    """Largest distance of the means from exact values, in standard errors."""
    error = sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
    return float(np.max(np.abs(sample.mean(axis=0) - exact) / error))


def _distance(one: np.ndarray, other: np.ndarray) -> float:  # type: ignore[type-arg]
    """Largest distance between two samples' means, in standard errors."""
    error = np.sqrt(one.var(axis=0, ddof=1) / len(one) + other.var(axis=0, ddof=1) / len(other))
    return float(np.max(np.abs(one.mean(axis=0) - other.mean(axis=0)) / error))


@pytest.mark.parametrize("metric", ["tv", "diversity"])
@pytest.mark.parametrize("name", SCHEDULES)
def test_discrete_loop(name: str, metric: str) -> None:
    schedule, model = SCHEDULES[name], sim.Discrete(np.array(P))
    law = sim.exact_discrete(schedule, 12, np.array(P), max(AT))
    exact = getattr(law, metric)[np.array(AT) - 1]
    sampled = _curves(model, schedule, metric, 12, MANY)
    full = _curves(sim.discrete_data(model), schedule, metric, 12, FEW)
    assert _deviation(sampled, exact) < ALLOWED
    assert _deviation(full, exact) < ALLOWED
    assert _distance(sampled, full) < ALLOWED
    assert _deviation(sampled, 1.05 * exact) > ALLOWED, "the comparison could not have failed"


@pytest.mark.parametrize("name", ["replace", "stratified", "fixed", "accumulate", "expand", "fresh"])
def test_gaussian_mean_loop(name: str) -> None:
    schedule, model = SCHEDULES[name], sim.GaussianMean(sigma=2.0, mean=-3.0, d=1)
    if name == "fresh":
        law = sim.exact_gaussian_mean_fresh(12, 0.25, max(AT))
    else:
        law = sim.exact_gaussian_mean(schedule, 12, max(AT))
    exact = law.tv[np.array(AT) - 1]
    sampled = _curves(model, schedule, "tv", 12, MANY)
    full = _curves(sim.gaussian_data(model), schedule, "tv", 12, FEW)
    assert _deviation(sampled, exact) < ALLOWED
    assert _deviation(full, exact) < ALLOWED
    assert _distance(sampled, full) < ALLOWED
    assert _deviation(sampled, 1.05 * exact) > ALLOWED, "the comparison could not have failed"


@pytest.mark.parametrize(("metric", "field"), [("std", "std"), ("variance", "variance"), ("w2_squared", "w2_squared")])
def test_gaussian_loop(metric: str, field: str) -> None:
    model = sim.Gaussian(mean=1.0, sigma=0.5)
    exact = getattr(sim.exact_gaussian(12, 0.5, max(AT)), field)[np.array(AT) - 1]
    sampled = _curves(model, sim.Replace(), metric, 12, MANY)
    full = _curves(sim.gaussian_data(model), sim.Replace(), metric, 12, FEW)
    assert _deviation(sampled, exact) < ALLOWED
    assert _deviation(full, exact) < ALLOWED
    assert _distance(sampled, full) < ALLOWED
    assert _deviation(sampled, 1.05 * exact) > ALLOWED, "the comparison could not have failed"


def test_weighted_loop_sampled_against_full_data() -> None:
    schedule = sim.Weighted(np.array([[0, 0, 0], [0.5, 0, 0], [0.3, 0.6, 0]]), (10, 20, 15))
    model = sim.Discrete(np.array(P))
    out = [
        np.asarray(sim.simulate(m, schedule, n=10, generations=3, replications=size, seed=3, record=("tv",))["tv"])
        for m, size in ((model, MANY), (sim.discrete_data(model), 2 * FEW))
    ]
    assert _distance(*out) < ALLOWED
    assert _distance(out[0], out[0] * 1.05) > ALLOWED, "the comparison could not have failed"
