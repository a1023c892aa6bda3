"""Exact laws of Gaussian loops against closed forms and Monte Carlo."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as student

from sim.errors import SimulationError
from sim.gaussian_law import (
    exact_gaussian,
    exact_gaussian_mean,
    exact_gaussian_mean_square,
    exact_golden_ratio,
)
from sim.schedules import Accumulate, Expand, Fixed, Fresh, Replace, Stratified, Subsample

Array = NDArray[np.float64]


def mean_variances(name: str, n: int, i: NDArray[np.int64], alpha: float, lam: float) -> Array:
    """tau_i^2 by the closed forms G1-G3'."""
    b = 1 - alpha
    if name == "expand":
        b, total = lam / (1 + lam), (1 + lam) * n
        return np.asarray(1 / n + b / total * (1 - b ** (2 * (i - 1))) / (1 - b**2))
    tail = b / n * (1 - b ** (2 * (i - 1))) / (1 - b**2)
    forms = {
        "replace": i / n,
        "accumulate": np.cumsum(1 / i**2) / n,
        "stratified": (1 - b ** (2 * i)) / (1 - b**2) / n,
        "fixed": (1 - b**i) ** 2 / (alpha * n) + b ** (2 * i - 1) / n + tail,
    }
    return np.asarray(forms[name])


@pytest.mark.parametrize("d", [1, 2, 7, 163, 164, 1000])
@pytest.mark.parametrize("schedule", [Replace(), Stratified(0.5), Fixed(0.5), Accumulate(), Expand(1.5)], ids=repr)
def test_gaussian_mean(schedule: Any, d: int) -> None:
    law = exact_gaussian_mean(schedule, 20, 15, d)
    tau2 = mean_variances(schedule.name, 20, np.arange(1, 16), 0.5, 1.5)
    np.testing.assert_allclose(law.tau2, tau2, rtol=1e-13)
    arctan = 2 / np.pi * np.arctan(np.sqrt(tau2) / 2)
    # 2 F(x) - 1 = 1 - 2 F(-x) for Student's t.
    form = arctan if d == 1 else 1 - 2 * student.cdf(-np.sqrt(d * tau2) / 2, d)
    np.testing.assert_allclose(law.tv, form, rtol=1e-11)


@pytest.mark.parametrize("n", [1, 10_000_000_000])
def test_gaussian_mean_keeps_relative_accuracy(n: int) -> None:
    law = exact_gaussian_mean(Replace(), n, 3)
    np.testing.assert_allclose(law.tv, 2 / np.pi * np.arctan(np.sqrt(np.arange(1, 4) / n) / 2), rtol=1e-13)


@pytest.mark.parametrize("schedule", [Fresh(0.0), Fresh(0.3), Fresh(1.0), Subsample()], ids=repr)
def test_gaussian_mean_square(schedule: Any) -> None:
    n, generations, replications = 8, 5, 40_000
    rng = np.random.default_rng(5)
    means = np.zeros((1, replications))  # of P, P_1, ...
    for i in range(generations):
        low = 0 if schedule.name == "subsample" else i
        component = rng.integers(low, i + 1, size=(n, replications))
        if schedule.name == "fresh":
            component *= rng.random((n, replications)) >= schedule.alpha
        points = means[component, np.arange(replications)] + rng.standard_normal((n, replications))
        means = np.vstack([means, points.mean(axis=0)])
    square = means[1:] ** 2
    error = square.std(axis=1) / np.sqrt(replications)
    exact = exact_gaussian_mean_square(schedule, n, generations)
    assert np.all(np.abs(square.mean(axis=1) - exact) < 6 * error)
    if schedule.name == "fresh":
        rho = (1 - schedule.alpha) ** 2 + schedule.alpha * (1 - schedule.alpha) / n
        np.testing.assert_allclose(exact, np.cumsum(rho ** np.arange(5)) / n, rtol=1e-13)


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_gaussian_replace(n: int) -> None:
    i, sigma = np.arange(1, 21), 2.0
    v = mp.mpf(n - 1)
    c4 = float(mp.sqrt(2 / v) * mp.gamma(mp.mpf(n) / 2) / mp.gamma(v / 2))
    law = exact_gaussian(n, sigma, 20)
    np.testing.assert_allclose(law.std, sigma * c4**i, rtol=1e-12)
    np.testing.assert_allclose(law.variance, np.full(20, sigma**2), rtol=1e-12)
    np.testing.assert_allclose(law.log_variance, i * float(mp.digamma(v / 2) - mp.log(v / 2)), rtol=1e-10)
    np.testing.assert_allclose(law.w2_squared, sigma**2 * (i / n + 2 * (1 - c4**i)), rtol=1e-10)


def test_gaussian_biased_sampling() -> None:
    n, sigma, theta, generations, replications = 6, 1.5, 0.7, 5, 40_000
    rng = np.random.default_rng(11)
    mean, std = np.zeros(replications), np.full(replications, sigma)
    law = exact_gaussian(n, sigma, generations, theta)
    np.testing.assert_allclose(law.variance, sigma**2 * theta ** np.arange(5.0), rtol=1e-12)
    for g in range(generations):
        points = mean + std * rng.standard_normal((n, replications)) * (math.sqrt(theta) if g else 1)
        mean, std = points.mean(axis=0), points.std(axis=0, ddof=1)
        w2 = mean**2 + (std - sigma) ** 2
        values = (std, std**2, 2 * np.log(std / sigma), w2)
        for value, exact in zip(values, (law.std, law.variance, law.log_variance, law.w2_squared), strict=True):
            assert abs(value.mean() - exact[g]) < 6 * value.std() / math.sqrt(replications)


@pytest.mark.parametrize("w", [1.0, 0.618, 0.1, 1e-3])
def test_golden_ratio(w: float) -> None:
    n, m, sigma = 10, 4, 3.0
    form = sigma**2 * (w**2 / n + (1 - w) ** 2 / m) / (w * (2 - w))
    assert exact_golden_ratio(n, m, w, sigma) == pytest.approx(form, rel=1e-12)


def test_golden_ratio_is_the_best_weight() -> None:
    best = (math.sqrt(5) - 1) / 2
    value = exact_golden_ratio(7, 7, best, 1.0)
    assert value == pytest.approx(best / 7, rel=1e-12)
    assert value < min(exact_golden_ratio(7, 7, best + step, 1.0) for step in (-1e-3, 1e-3))


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: exact_gaussian_mean(Fresh(0.5), 10, 3), "schedule"),
        (lambda: exact_gaussian_mean(Fixed(0.25), 10, 3), "alpha"),
        (lambda: exact_gaussian_mean(Replace(), 10, 3, 0), "d"),
        (lambda: exact_gaussian_mean_square(Replace(), 10, 3), "schedule"),
        (lambda: exact_gaussian_mean_square(Subsample(), 0, 3), "n"),
        (lambda: exact_gaussian(1, 1.0, 3), "n"),
        (lambda: exact_gaussian(5, 0.0, 3), "sigma"),
        (lambda: exact_gaussian(5, 1.0, 3, 1.5), "theta"),
        (lambda: exact_gaussian(5, 1.0, True), "generations"),
        (lambda: exact_golden_ratio(5, 5, 0.0, 1.0), "w"),
        (lambda: exact_golden_ratio(5, 0, 0.5, 1.0), "m"),
    ],
)
def test_bad_gaussian_arguments(call: Callable[[], object], argument: str) -> None:
    with pytest.raises(SimulationError) as caught:
        call()
    assert caught.value.argument == argument
