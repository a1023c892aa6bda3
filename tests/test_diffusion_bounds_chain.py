"""Diffusion bounds against samplers on a line whose output density is computed step by step, without sampling."""

import math
from functools import cache

import numpy as np
import pytest
from scipy import integrate, stats

from bounds.catalogue.diffusion import RESULTS

BY_KEY = {r.key: r for r in RESULTS}
X = np.linspace(-8.8, 8.8, 801)
DX = X[1] - X[0]
STANDARD = stats.norm.pdf(X)
GRID = np.geomspace(0.02, 3.0, 21)
WEIGHTS, MEANS, SPREADS = np.array([0.4, 0.6]), np.array([-1.5, 1.0]), np.array([0.5, 0.7])


def call(key, **values):
    return float(BY_KEY[key](**values))


def noised(t, x=X):
    """Density of P_t for a mixture, its score, and the derivative of the score."""
    mean, variance = MEANS * math.exp(-t), 1 + math.exp(-2 * t) * (SPREADS**2 - 1)
    parts = WEIGHTS * stats.norm.pdf(x[..., None], mean, np.sqrt(variance))
    density = parts.sum(axis=-1)
    slopes = -(x[..., None] - mean) / variance
    share = parts / density[..., None]
    score = (share * slopes).sum(axis=-1)
    return density, score, (share * (slopes**2 - 1 / variance)).sum(axis=-1) - score**2


def mean(values, density):
    return float((values * density).sum() * DX)


def distance(f, g):
    return mean(np.abs(f - g), 1.0) / 2


def entropy(density):
    return -mean(np.log(density), density)


def wrong(size, t):
    """An error of the learned score, and its derivative."""
    return size * np.exp(-t) * np.sin(2 * X + t), 2 * size * np.exp(-t) * np.cos(2 * X + t)


@cache
def sampled(size, tweedie):
    """Law of the output, and the terms of every step, last step first."""
    law, terms = STANDARD, []
    for t, s in zip(GRID[:0:-1], GRID[-2::-1], strict=True):
        h, a = t - s, -math.expm1(-2 * (t - s))
        density, score, slope = noised(t)
        error, error_slope = wrong(size, t)
        m, v = math.exp(h) * (X + a * score), math.exp(2 * h) * a * (1 + a * slope)
        used = math.exp(2 * h) * a * (1 + a * (slope + error_slope))
        to = math.exp(h) * (X + a * (score + error))
        if not tweedie:
            to, used = math.exp(h) * X + 2 * math.expm1(h) * (score + error), np.full_like(X, math.expm1(2 * h))
        J = h + mean(np.log1p(a * slope), density) / 2 + entropy(density) - entropy(noised(s)[0])
        r = v / used
        held = h * (score + error) ** 2 + 2 * math.expm1(-h) * (score + error) * score
        information = -math.expm1(-2 * h) / 2 * mean(score**2, density)
        lag = entropy(density) - entropy(noised(s)[0]) + h - information
        V, G = mean(r - 1 - np.log(r), density) / 2, mean((m - to) ** 2 / used, density) / 2
        terms.append((J, V, G, mean(held, density) + information, lag))
        law = stats.norm.pdf(X[:, None], to, np.sqrt(used)) @ law * DX
    return law, np.array(terms).T


@cache
def ends():
    first, last = noised(GRID[0])[0], noised(GRID[-1])[0]
    real = noised(0.0)[0]
    kl = mean(np.log(last / STANDARD), last)
    return real, {"start": distance(first, real), "end": distance(last, STANDARD)}, kl


@pytest.mark.parametrize("tweedie", [True, False])
@pytest.mark.parametrize("size", [0.0, 0.3, 0.8])
def test_the_bounds_on_one_step(size, tweedie):
    law, (J, V, G, E, lag) = sampled(size, tweedie)
    real, far, kl = ends()
    assert law.sum() * DX == pytest.approx(1, abs=1e-6)
    tv = distance(law, real)
    chain = call("tv/diffusion/one-step-chain", J=J, V=V, G=G, **far)
    joint = call("tv/diffusion/one-step-chain/joint", J=J, V=V, G=G, start=far["start"], kl=kl)
    assert tv <= joint <= chain
    if tweedie:
        assert chain <= 5 * tv
        assert joint - far["start"] <= 12 * distance(law, noised(GRID[0])[0])  # paths lose that much
    else:
        # the exponential integrator: continuous time and chain agree, and the time lag does not go away
        whole = call("tv/diffusion/one-step-girsanov/exponential-integrator", E=E.sum(), lag=lag.sum(), **far)
        assert tv <= chain <= whole
        assert lag.sum() > 2 * E.sum()
        assert whole > 3 * tv
    if size == 0 and tweedie:
        assert np.abs(V).max() < 1e-12
        assert np.abs(G).max() < 1e-12


def reverse_kernel(x, t, s):
    """Density of X_s given X_t = x on the grid, by Bayes' rule, from nothing but densities."""
    density = noised(s)[0] * stats.norm.pdf(x, math.exp(s - t) * X, math.sqrt(-math.expm1(2 * (s - t))))
    return density / mean(1.0, density)


@pytest.mark.parametrize(("t", "s"), [(0.12, 0.1), (0.5, 0.1), (3.0, 0.4)])
@pytest.mark.parametrize("at", [280, 400, 460])
def test_tweedie_gives_the_moments_of_the_reverse_kernel(t, s, at):
    kernel, (_, score, slope) = reverse_kernel(X[at], t, s), noised(t)
    h, a = t - s, -math.expm1(2 * (s - t))
    m = mean(X, kernel)
    assert math.exp(h) * (X[at] + a * score[at]) == pytest.approx(m, abs=1e-9)
    assert math.exp(2 * h) * a * (1 + a * slope[at]) == pytest.approx(mean((X - m) ** 2, kernel), rel=1e-9)


def test_non_gaussianity_from_entropies():
    """The mean of KL(reverse kernel || normal law with its moments), point by point."""
    t, s = 0.5, 0.1
    density, score, slope = noised(t)
    h, a = t - s, -math.expm1(2 * (s - t))
    direct = 0.0
    for at in range(120, 680, 4):
        kernel = np.maximum(reverse_kernel(X[at], t, s), 1e-300)
        fitted = stats.norm.logpdf(
            X, math.exp(h) * (X[at] + a * score[at]), math.exp(h) * math.sqrt(a + a * a * slope[at])
        )
        direct += mean(np.log(kernel) - fitted, kernel) * density[at] * 4 * DX
    whole = h + mean(np.log1p(a * slope), density) / 2 + entropy(density) - entropy(noised(s)[0])
    assert whole == pytest.approx(direct, rel=1e-6)
    assert whole > 1e-3


@pytest.mark.parametrize("u", [0.01, 0.3])
def test_a_held_score_has_two_parts(u):
    """E|learned(X_t) - score(X_(t-u))|^2 over the joint law, against learning part and time lag."""
    t = 0.5
    density, score, _ = noised(t)
    earlier, other, _ = noised(t - u)
    learned = score + wrong(0.4, t)[0]
    joint = earlier * stats.norm.pdf(X[:, None], math.exp(-u) * X, math.sqrt(-math.expm1(-2 * u)))
    brute = ((learned[:, None] - other) ** 2 * joint).sum() * DX**2
    learning = mean((learned - math.exp(-u) * score) ** 2, density)
    lag = mean(other**2, earlier) - math.exp(-2 * u) * mean(score**2, density)
    assert brute == pytest.approx(learning + lag, rel=1e-9)
    assert lag > 0


@pytest.mark.parametrize("eps", [0.05, 0.3, 1.0, -0.3])
def test_girsanov_for_a_linear_score(eps):
    """P = N(0, 1) and the score -(1+eps) x: path divergence from fine chains, marginal law in closed form."""
    U, N, c = 2.0, 20_000, 1 + 2 * eps
    h = U / N
    used = -math.expm1(-2 * c * h) / c
    gap = (math.exp(-h) - math.exp(-c * h)) ** 2 / used
    path = N * call("diffusion/step-divergence/isotropic", J=0.0, d=1, r=-math.expm1(-2 * h) / used, gap=gap)
    assert path == pytest.approx(eps**2 * U, rel=1e-3)  # int E|learned - score|^2 dt
    variance = math.exp(-2 * c * U) - math.expm1(-2 * c * U) / c
    tv = distance(stats.norm.pdf(X, 0, math.sqrt(variance)), STANDARD)
    bound = call("tv/diffusion/one-step-girsanov", start=0.0, E=eps**2 * U, end=0.0)
    joint = call("tv/diffusion/one-step-girsanov/joint", start=0.0, E=eps**2 * U, kl=0.0)
    assert tv <= joint <= bound


# --- normal targets: the law of the output by recursion -----------------------------------------------------------

LINE = np.linspace(-30, 30, 60_001)


def normal_distance(first, second):
    gap = np.abs(stats.norm.pdf(LINE, 0, math.sqrt(first)) - stats.norm.pdf(LINE, 0, math.sqrt(second)))
    return integrate.trapezoid(gap, LINE) / 2


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("grid", [(0.1, 1.0), (0.01, 0.03, 0.2, 0.9, 2.0), tuple(np.linspace(0.3, 0.8, 40))], ids=len)
def test_tweedie_steps_are_exact_for_a_normal_target(sigma, grid):
    m = 1.7
    centre, spread = 0.0, 1.0
    for t, s in zip(grid[:0:-1], grid[-2::-1], strict=True):
        h, V = t - s, 1 + math.exp(-2 * t) * (sigma**2 - 1)
        a = 1 - math.exp(-2 * h)
        slope = math.exp(h) * (1 - a / V)  # the score is -(x - e^-t m)/V
        centre = slope * centre + math.exp(h) * a / V * math.exp(-t) * m
        spread = slope**2 * spread + math.exp(2 * h) * a * (1 - a / V)
    ends = {"t0": grid[0], "span": grid[-1] - grid[0], "sigma": sigma}
    assert call("diffusion/gaussian-exact/mean", m=m, **ends) == pytest.approx(centre, rel=1e-11)
    assert call("diffusion/gaussian-exact/variance", **ends) == pytest.approx(spread, rel=1e-11)
    tv = call("tv/diffusion/gaussian-exact", **ends)
    assert tv == pytest.approx(normal_distance(spread, sigma**2), rel=1e-6, abs=1e-12)
    assert tv <= call("tv/diffusion/start/gaussian", t0=grid[0], sigma=sigma) + call(
        "tv/diffusion/end/gaussian", t1=grid[-1], sigma=sigma
    )


@pytest.mark.parametrize(("dt", "steps"), [(0.05, 1), (0.05, 60), (0.5, 7), (1.0, 30)])
def test_time_steps_for_a_standard_normal_target(dt, steps):
    euler = integrator = 1.0
    for _ in range(steps):
        euler = (1 + dt - 2 * dt) ** 2 * euler + 2 * dt
        integrator = (math.exp(dt) - 2 * (math.exp(dt) - 1)) ** 2 * integrator + math.exp(2 * dt) - 1
    for name, variance in (("euler-maruyama", euler), ("exponential-integrator", integrator)):
        values = {"dt": dt, "steps": steps}
        assert call(f"diffusion/discretised/{name}", **values) == pytest.approx(variance - 1, rel=1e-11)
        tv = call(f"tv/diffusion/discretised/{name}", **values)
        assert tv == pytest.approx(normal_distance(variance, 1.0), rel=1e-6)
    learning = dt + 2 * math.expm1(-dt) - math.expm1(-2 * dt) / 2
    lag = dt + math.expm1(-2 * dt) / 2
    assert learning + lag == pytest.approx(2 * (dt + math.expm1(-dt)), rel=1e-12)
    key = "tv/diffusion/one-step-girsanov/exponential-integrator"
    assert tv <= call(key, start=0.0, E=steps * learning, lag=steps * lag, end=0.0)


# --- a score learned from data ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "mu", "draws"), [(10, 0.02, 1), (10, 0.02, 20), (40, 0.1, 1), (200, 0.01, 1)])
def test_the_error_of_a_learned_score(n, mu, draws):
    """Ridge regression on eight bounded features, 400 data sets."""
    t, features, rng = 0.2, 8, np.random.default_rng(5)
    w, shift = rng.normal(size=features) * 2, rng.normal(size=features)
    density, score, _ = noised(t)
    a = -math.expm1(-2 * t)

    def phi(x):
        return np.tanh(x[..., None] * w + shift) / math.sqrt(features)

    table = phi(X)
    gram = (table * density[:, None]).T @ table * DX
    best = np.linalg.solve(gram + mu * np.eye(features), table.T @ (density * score) * DX)
    values = {
        "n": n,
        "mu": mu,
        "b": 1.0,
        "A": float(np.linalg.norm(best)),
        "approx": mean((table @ best - score) ** 2, density),
        "noise": 1 / a - mean(score**2, density),
    }
    errors = []
    for _ in range(400):
        part = (rng.random(n) < WEIGHTS[1]).astype(int)
        x = MEANS[part] + SPREADS[part] * rng.normal(size=n)
        zeta = rng.normal(size=(draws, n))
        rows = phi(math.exp(-t) * x + math.sqrt(a) * zeta).reshape(-1, features)
        inner = rows.T @ rows / len(rows) + mu * np.eye(features)
        found = np.linalg.solve(inner, rows.T @ (-zeta.ravel() / math.sqrt(a)) / len(rows))
        errors.append(mean((table @ found - score) ** 2, density))
    average, spread = np.mean(errors), np.std(errors) / 20
    bound = call("diffusion/score-error/ridge", **values)
    assert average + 5 * spread < bound
    assert average - 5 * spread > values["approx"] * 0.5


def test_noise_alone_misleads_a_learned_score():
    """A wide normal target has almost no score to learn: the comparison with A = 0 leaves the noise term."""
    t, n, mu, features, rng = 0.2, 30, 0.1, 8, np.random.default_rng(6)
    w, shift = rng.normal(size=features), rng.normal(size=features)
    a = -math.expm1(-2 * t)
    spread = math.sqrt(math.exp(-2 * t) * 36 + a)
    x = np.linspace(-40, 40, 1601)
    density, score = stats.norm.pdf(x, 0, spread) * 0.05, -x / spread**2
    table = np.tanh(x[:, None] * w + shift) / math.sqrt(features)
    errors = []
    for _ in range(400):
        zeta = rng.normal(size=n)
        points = math.exp(-t) * 6 * rng.normal(size=n) + math.sqrt(a) * zeta
        rows = np.tanh(points[:, None] * w + shift) / math.sqrt(features)
        found = np.linalg.solve(rows.T @ rows / n + mu * np.eye(features), -rows.T @ zeta / (math.sqrt(a) * n))
        errors.append((table @ found - score) ** 2 @ density)
    average = np.mean(errors)
    values = {"n": n, "mu": mu, "b": 1.0, "A": 0.0, "approx": spread**-2}
    assert average <= call("diffusion/score-error/ridge", **values, noise=1 / a - spread**-2)
    assert average > call("diffusion/score-error/ridge", **values, noise=0.0)
