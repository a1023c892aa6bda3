"""Stability: learners by replacing points, recursive stability of the Gaussian mean by linear algebra."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, optimize, stats

from bounds.catalogue.stability import RESULTS

BY_KEY = {r.key: r for r in RESULTS}


def get(key, **values):
    return float(BY_KEY[key](**values))


# --- double precision against mpmath --------------------------------------------------------------------------


@pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
def test_agrees_with_mpmath_and_has_its_rate(result):
    compared = 0
    for point in itertools.product(*(p.typical for p in result.params)):
        values = dict(zip(result.names, point, strict=True))
        exact = {k: sp.Rational(str(v)) if k in ("alpha", "lam") else v for k, v in values.items()}
        assert result(**values) == pytest.approx(float(result.evalf(30, **exact)), rel=1e-12, abs=1e-300)
        compared += 1
    assert compared >= 2
    assert len(result.rates) == 1


# --- learners -------------------------------------------------------------------------------------------------


def ridge(x, y, mu):
    n, d = x.shape
    return np.linalg.solve(x.T @ x / n + mu * np.eye(d), x.T @ y / n)


def largest_change(w, v):
    """Sup over ||x|| <= 1, |y| <= 1 of the change of (w.x - y)^2/2, on a grid of directions."""
    angles = np.linspace(0, 2 * np.pi, 721)
    x = np.stack([np.cos(angles), np.sin(angles)])[: len(w)]
    gaps = [np.abs((w @ x - y) ** 2 - (v @ x - y) ** 2).max() / 2 for y in (-1.0, 1.0)]
    return max(gaps)


@pytest.mark.parametrize("mu", [0.05, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_ridge_by_replacing_points(n, mu):
    rng = np.random.default_rng(n)
    bound, norm = get("stability/erm/ridge", n=n, mu=mu), get("stability/erm/ridge/norm", mu=mu)
    for trial in range(200):
        x = rng.normal(size=(n + 1, 2))
        x *= rng.uniform(0.2, 1, (n + 1, 1)) ** (trial % 2) / np.linalg.norm(x, axis=1, keepdims=True)
        y = rng.choice([-1.0, 1.0], n + 1)
        w, v = ridge(x[:n], y[:n], mu), ridge(x[1:], y[1:], mu)
        assert largest_change(w, v) <= bound
        assert np.linalg.norm(w) <= norm * (1 + 1e-12)


@pytest.mark.parametrize("mu", [0.05, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("n", [2, 10, 100])
def test_ridge_by_adversarial_search(n, mu):
    """On the line: n-1 equal points and one that is replaced; the bound is not far above the worst of these."""

    def change(v):
        size, first, second = np.tanh(v)
        x, y = np.full((n, 1), size), np.ones(n)
        changed, other = x.copy(), x.copy()
        changed[0], other[0] = first, second
        return largest_change(ridge(changed, y, mu), ridge(other, np.r_[-1.0, y[1:]], mu))

    starts = itertools.product((0.2, 2.0), (0.3, 3.0), (0.3, 3.0, -3.0))
    worst = max(-optimize.minimize(lambda v: -change(v), s, method="Nelder-Mead").fun for s in starts)
    bound = get("stability/erm/ridge", n=n, mu=mu)
    trivial = get("stability/erm/ridge/loss-range", mu=mu)
    assert min(bound, trivial) / 10 < worst <= bound


@pytest.mark.parametrize("mu", [0.05, 0.3, 1.0, 1.5, 3.0])
def test_ridge_constants_are_attained(mu):
    s = min(math.sqrt(mu), 1.0)
    norm = float(ridge(np.array([[s]]), np.array([1.0]), mu)[0])
    assert get("stability/erm/ridge/norm", mu=mu) == pytest.approx(norm, rel=1e-14)
    assert get("stability/erm/ridge/lipschitz", mu=mu) == pytest.approx(abs(-norm - 1), rel=1e-14)
    assert get("stability/erm/ridge/loss-range", mu=mu) == pytest.approx((-norm - 1) ** 2 / 2, rel=1e-14)
    smooth = get("stability/erm", n=7, mu=mu, L=1 + norm)
    assert get("stability/erm/ridge", n=7, mu=mu) == pytest.approx(smooth, rel=1e-14)


def logistic(x, y, mu):
    def objective(w):
        return np.logaddexp(0, -y * (x @ w)).mean() + mu / 2 * w @ w

    def slope(w):
        return -(y / (1 + np.exp(y * (x @ w)))) @ x / len(y) + mu * w

    return optimize.minimize(objective, np.zeros(x.shape[1]), jac=slope, tol=1e-12).x


@pytest.mark.parametrize("mu", [0.1, 1.0])
def test_logistic_by_replacing_points(mu):
    rng, n = np.random.default_rng(5), 4
    bound, norm = get("stability/erm/logistic", n=n, mu=mu), get("stability/erm/logistic/norm", mu=mu)
    for _ in range(60):
        x = rng.normal(size=(n + 1, 2))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        y = np.where(rng.random(n + 1) < 0.9, np.sign(x[:, 0]), 1.0)
        w, v = logistic(x[:n], y[:n], mu), logistic(x[1:], y[1:], mu)
        assert np.linalg.norm(w - v) <= bound
        length = np.linalg.norm(w)
        assert length <= norm
        assert np.logaddexp(0, length) - np.logaddexp(0, -length) <= get("stability/erm/logistic/loss-range", mu=mu)


def test_stochastic_gradient_descent_over_every_choice_of_points():
    """Mean over all index sequences of the change of the weights, for |w x - y| smoothed to Lipschitz constant 1."""
    n, steps = 3, [1.9, 1.0, 0.5, 1.5]
    rng = np.random.default_rng(1)
    for _ in range(100):
        x, y = rng.uniform(-1, 1, n + 1), rng.uniform(-3, 3, n + 1)
        x[0], x[-1] = rng.choice([-1, 1], 2)
        change = 0.0
        for order in itertools.product(range(n), repeat=len(steps)):
            w = v = 0.0
            for k, step in zip(order, steps, strict=True):
                w -= step * np.clip(w * x[k] - y[k], -1, 1) * x[k]  # Huber's loss: s = 1
                k = k or n
                v -= step * np.clip(v * x[k] - y[k], -1, 1) * x[k]
            change += abs(w - v) / n ** len(steps)
        assert change <= get("stability/sgd", n=n, L=1.0, eta=sum(steps))


# --- the Gaussian mean ----------------------------------------------------------------------------------------


def synthetic_law(n, reused, generation, sigma, point):
    """Shift of the mean of the synthetic points by one unit of a real `point`, and their covariance."""
    m, noise = n - reused, n - reused
    columns = n + noise * generation  # real points, then the noise of every generation
    mean = np.r_[np.full(n, 1 / n), np.zeros(columns - n)]
    for g in range(generation):
        drawn = np.tile(mean, (m, 1))
        drawn[:, n + noise * g : n + noise * (g + 1)] += sigma * np.eye(m)
        mean = np.r_[np.full(reused, 1 / n), np.zeros(columns - reused)] + drawn.sum(axis=0) / n
    return drawn[:, point], drawn[:, n:] @ drawn[:, n:].T


@pytest.mark.parametrize(("n", "reused"), [(2, 1), (5, 1), (6, 3), (5, 4)])
@pytest.mark.parametrize("i", [1, 2, 7])
def test_the_gaussian_mean_by_linear_algebra(n, reused, i):
    sigma, move = 1.5, 2.5
    values = {"n": n, "alpha": reused / n, "i": i, "sigma": sigma, "Delta": move}
    for name, point in (("", 0), ("/not-reused", n - 1)):
        shift, covariance = synthetic_law(n, reused, i, sigma, point)
        distance = move * math.sqrt(shift @ np.linalg.solve(covariance, shift))
        exact = 2 * stats.norm.cdf(distance / 2) - 1
        assert get(f"recursive-stability/gaussian-mean{name}", **values) == pytest.approx(exact, rel=1e-9)
        if n - reused == 1:  # one synthetic point: integrate the difference of two densities
            law = stats.norm(0, math.sqrt(covariance[0, 0]))
            x = np.linspace(-30, 30, 200_001)
            area = integrate.trapezoid(np.abs(law.pdf(x) - law.pdf(x - move * shift[0])), x) / 2
            assert exact == pytest.approx(area, rel=1e-6)


def test_the_gaussian_mean_in_the_long_run():
    values = {"n": 50, "alpha": 0.1, "sigma": 1.0, "Delta": 1.0}
    path = [get("recursive-stability/gaussian-mean", i=i, **values) for i in (1, 2, 5, 20, 60, 500)]
    assert path == sorted(path)
    limit = get("recursive-stability/gaussian-mean/limit", **values)
    assert path[-1] == pytest.approx(limit, rel=1e-12)
    argument = mpmath.mpf(1) / 2 * mpmath.sqrt(mpmath.mpf("0.9") * mpmath.mpf("1.9") / 5)
    assert limit == pytest.approx(float(2 * mpmath.ncdf(argument) - 1), rel=1e-12)
