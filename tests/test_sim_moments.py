"""Simulated second moments against exact recursions, written here a second time.

Seeds were fixed before looking. A comparison fails at six standard errors; with the few hundred
comparisons of this file the chance of a false alarm is below 1e-6.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln, psi, stdtr

from sim import (
    Accumulate,
    Discrete,
    Expand,
    Fixed,
    Fresh,
    Gaussian,
    GaussianMean,
    Replace,
    Stratified,
    Subsample,
    Weighted,
    simulate,
)

G = 6
B = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [0.8, 0, 0, 0, 0, 0],
        [0.3, 0.7, 0, 0, 0, 0],
        [0, 0.5, 0.1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0.6, 0, 0, 0.2, 0, 0],
    ]
)
SCHEDULES = [
    Replace(),
    Fresh(0.5),
    Fresh(0),
    Fresh(1),
    Stratified(0.5),
    Stratified(0),
    Stratified(1),
    Fixed(0.5),
    Fixed(0),
    Fixed(1),
    Accumulate(),
    Subsample(),
    Expand(0.5),
    Expand(0),
    Weighted(B),
    Weighted(B, n=(4, 8, 2, 5, 9, 3)),
]


def fit_covariances(schedule, n, mean_of_mixture):
    """Variances of the fits (unit: the real distribution's), generation by generation.

    `mean_of_mixture` says whether the Gaussian mean (True: given its component a draw has variance 1)
    or the discrete model (False: a draw from P_k has variance 1 − v_k) is meant.
    """
    inner = (lambda v: 1.0) if mean_of_mixture else (lambda v: 1.0 - v)
    kind = schedule.name
    if kind in ("replace", "fresh", "subsample", "weighted"):
        return independent(schedule, n, mean_of_mixture)
    if kind == "stratified":
        a, v = schedule.alpha, [1 / n]
        for _ in range(G - 1):
            v.append(a / n + (1 - a) ** 2 * v[-1] + (1 - a) * inner(v[-1]) / n)
        return np.array(v)
    if kind == "accumulate":
        v = [1 / n]
        for i in range(1, G):  # the pool's mean is the fit, and the new draws are centred on it
            v.append(v[-1] + inner(v[-1]) / (n * (i + 1) ** 2))
        return np.array(v)
    if kind == "fixed":
        return reused(schedule.alpha, n, round(schedule.alpha * n), n, inner)
    return reused(1 / (1 + schedule.lam), n, n, round((1 + schedule.lam) * n), inner)


def independent(schedule, n, mean_of_mixture):
    """D5': all covariances of the fits. A draw's variance is 1 less that of Q_i, or 1 given its component."""
    weights, sizes = schedule.weights(G), schedule.sizes(n, G)
    C = np.zeros((G, G))
    for i in range(G):
        b, m = weights[i, :i], sizes[i]
        C[i, :i] = C[:i, i] = C[:i, :i] @ b
        drift = b @ C[:i, :i] @ b
        spread = (1 - drift + b @ np.diag(C)[:i]) if mean_of_mixture else 1 - drift
        C[i, i] = drift + spread / m
    return np.diag(C).copy()


def reused(alpha, n, m, N, inner):
    """m of the n real points stay; c is the covariance of the fit with their mean."""
    V = 1 / m if m else 0.0
    v, c = [1 / n], [1 / n if m else 0.0]
    for _ in range(G - 1):
        v.append(
            alpha**2 * V + 2 * alpha * (1 - alpha) * c[-1] + (1 - alpha) ** 2 * v[-1] + (1 - alpha) * inner(v[-1]) / N
        )
        c.append(alpha * V + (1 - alpha) * c[-1])
    return np.array(v)


def z_scores(data, name, exact):
    values = data[name].to_numpy()
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    gap = values.mean(axis=0) - exact
    return np.where(np.abs(gap) < 1e-12, 0.0, gap / np.maximum(error, 1e-300))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_discrete_second_moments(schedule):
    p, n = np.array([0.4, 0.3, 0.15, 0.1, 0.05]), 4
    data = simulate(
        Discrete(p), schedule, n=n, generations=G, replications=15_000, seed=11, record=["squared_error", "diversity"]
    )
    w = fit_covariances(schedule, n, False)
    assert np.abs(z_scores(data, "squared_error", w * (1 - p @ p))).max() < 6
    assert np.abs(z_scores(data, "diversity", (1 - w) * (1 - p @ p))).max() < 6


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("d", [1, 3])
def test_gaussian_mean_second_moments(schedule, d):
    n, sigma, mean = 4, 0.7, tuple(range(2, 2 + d))
    data = simulate(GaussianMean(sigma, mean, d), schedule, n=n, generations=G, replications=20_000, seed=12)
    v = fit_covariances(schedule, n, True)
    assert np.abs(z_scores(data, "squared_error", d * sigma**2 * v)).max() < 6
    if d == 1:
        assert np.abs(z_scores(data, "mean_error", 0)).max() < 6
    if schedule.name not in ("fresh", "subsample", "weighted") or schedule in (Fresh(0), Fresh(1)):
        exact = 2 * stdtr(d, np.sqrt(d * v) / 2) - 1  # G4; the mean is Gaussian
        assert np.abs(z_scores(data, "tv", exact)).max() < 6


def test_the_closed_forms_of_the_second_moments():
    """D1–D5, G1–G3' and G4's rho in closed form are the recursions used above."""
    i = np.arange(1, G + 1)
    for n in (4, 20):
        a = 0.5
        rho = (1 - 1 / n) * (1 - a) ** 2
        close = np.testing.assert_allclose
        close(fit_covariances(Replace(), n, False), 1 - (1 - 1 / n) ** i)
        close(fit_covariances(Fresh(a), n, False), (1 - rho**i) / (n * (1 - rho)))
        rho = (1 - a) * (1 - a - 1 / n)
        close(fit_covariances(Stratified(a), n, False), (1 - rho**i) / (n * (1 - rho)))
        product = 1 - np.cumprod(1 - 1 / (n * i**2.0))
        close(fit_covariances(Accumulate(), n, False), product)
        close(fit_covariances(Subsample(), n, False), product)
        close(fit_covariances(Replace(), n, True), i / n)
        close(fit_covariances(Accumulate(), n, True), np.cumsum(1 / i**2.0) / n)
        q = (1 - a) ** 2
        close(fit_covariances(Stratified(a), n, True), (1 - q**i) / (n * (1 - q)))
        noise = ((1 - a) / n) * (1 - q ** (i - 1)) / (1 - q)
        close(
            fit_covariances(Fixed(a), n, True),
            (1 - (1 - a) ** i) ** 2 / (a * n) + (1 - a) ** (2 * i - 1) / n + noise,
        )
        b = 1 / 1.5
        noise = ((1 - b) / (1.5 * n)) * (1 - (1 - b) ** (2 * (i - 1))) / (1 - (1 - b) ** 2)
        close(fit_covariances(Expand(0.5), n, True), 1 / n + noise)
        rho = (1 - a) ** 2 + a * (1 - a) / n
        close(fit_covariances(Fresh(a), n, True), (1 - rho**i) / (n * (1 - rho)))


@pytest.mark.parametrize("n", [5, 40])
def test_gaussian_replace_on_the_line(n):
    """G5 and G6."""
    i = np.arange(1, G + 1)
    sigma = 1.5
    data = simulate(Gaussian(2.0, sigma), Replace(), n=n, generations=G, replications=40_000, seed=13)
    c4 = np.sqrt(2 / (n - 1)) * np.exp(gammaln(n / 2) - gammaln((n - 1) / 2))
    exact = {
        "std": sigma * c4**i,
        "variance": np.full(G, sigma**2),
        "log_variance": i * (psi((n - 1) / 2) - np.log((n - 1) / 2)),
        "w2_squared": sigma**2 * (i / n + 2 * (1 - c4**i)),
        "mean": np.full(G, 2.0),
    }
    for name, values in exact.items():
        assert np.abs(z_scores(data, name, values)).max() < 6, name


def test_biased_sampling_shrinks_the_variance():
    """G7, and the same without Bessel's correction."""
    i, n, theta = np.arange(1, G + 1), 10, 0.8
    run = {"n": n, "generations": G, "replications": 40_000, "seed": 14, "record": ["variance"]}
    data = simulate(Gaussian(theta=theta), Replace(), **run)
    assert np.abs(z_scores(data, "variance", theta ** (i - 1.0))).max() < 6
    data = simulate(Gaussian(theta=theta, unbiased=False), Replace(), **run)
    assert np.abs(z_scores(data, "variance", theta ** (i - 1.0) * (1 - 1 / n) ** i)).max() < 6


@pytest.mark.parametrize(("n", "d"), [(4, 3), (12, 3), (7, 2)])
def test_gaussian_replace_in_space(n, d):
    """The mean of log det of a Wishart matrix, and an unbiased trace."""
    i = np.arange(1, G + 1)
    data = simulate(Gaussian(sigma=2.0, d=d), Replace(), n=n, generations=G, replications=15_000, seed=15)
    step = np.mean(psi((n - np.arange(1, d + 1)) / 2)) + np.log(2 / (n - 1))
    assert np.abs(z_scores(data, "log_variance", i * step)).max() < 6
    assert np.abs(z_scores(data, "variance", 4.0)).max() < 6


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_expected_variance_of_a_mixed_training_set(schedule, d):
    """E of the unbiased variance is that of the mixture, E of the sample's covariance with the past included.

    With scale 1 for P: the expected second moment about 0 of generation i + 1's fit is linear in the
    past, E[variance + mean²] of the training set = Σ weights · E[variance_k + mean_k²] for every
    schedule, since every point is drawn from some P_k, k = 0, 1, ….
    """
    sizes = np.array([8, 9, 10, 7, 6, 12])
    if schedule.name == "weighted" and schedule.n is not None:
        schedule = Weighted(B, n=tuple(sizes))
    n = 8
    model = Gaussian(d=d, unbiased=False)
    record = ["variance", "mean"]
    data = simulate(model, schedule, n=n, generations=G, replications=15_000, seed=16, record=record)
    square = data["mean"].to_numpy() ** 2
    raw = data["variance"].to_numpy() + (square.mean(axis=-1) if d > 1 else square)
    exact = np.ones(G)  # the biased fit keeps the second moment of its training set: E stays 1
    data = data.assign(raw=(("replication", "generation"), raw))
    assert np.abs(z_scores(data, "raw", exact)).max() < 6
