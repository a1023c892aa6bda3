"""Kernel density bounds against loops that are simulated point by point; no formula of the catalogue is used here.

A generation is its training set; its density is the average of n kernels, evaluated on a fine grid.
"""

import numpy as np
import pytest

from bounds.catalogue.kde import RESULTS

BY_KEY = {r.key: r for r in RESULTS}
Z = 5.0  # standard errors
SCHEDULES = ("fresh", "stratified", "fixed", "replace")


def call(schedule, family, **values):
    if schedule == "replace":
        values.pop("alpha", None)
    return BY_KEY[f"{family}/{schedule}"](**values)


def training_sets(schedule, real, n, alpha, i, h, R, rng, fold=lambda x: x):
    """Training sets of generation i, shape (R, n, ...); `real(shape)` draws from P."""
    first = points = real((R, n))
    count = 0 if schedule == "replace" else round(alpha * n)
    for _ in range(i - 1):
        chosen = np.take_along_axis(points, rng.integers(0, n, (R, n) + (1,) * (points.ndim - 2)), axis=1)
        drawn = fold(chosen + h * rng.standard_normal(points.shape))
        fresh = real((R, n))
        if schedule == "fresh":
            mine = (rng.random((R, n)) < alpha).reshape((R, n) + (1,) * (points.ndim - 2))
        else:
            mine = (np.arange(n) < count).reshape((1, n) + (1,) * (points.ndim - 2))
            fresh = first if schedule == "fixed" else fresh
        points = np.where(mine, fresh, drawn)
    return points


def line_densities(points, h, x):
    out = np.zeros((len(points), len(x)))
    for row, sample in zip(out, points, strict=True):
        row += np.exp(-((x[:, None] - sample) ** 2) / (2 * h * h)).mean(axis=1) / (np.sqrt(2 * np.pi) * h)
    return out


def circle_densities(points, h, size):
    """By Fourier coefficients of the points: exact for trigonometric polynomials of the kernel's bandwidth."""
    k = np.arange(1, int(1.3 / h) + 3)
    x = np.arange(size) / size
    basis = 2 * np.exp(-2 * np.pi**2 * h * h * k * k)[:, None] * np.exp(2j * np.pi * k[:, None] * x)
    return 1 + np.array([(np.exp(-2j * np.pi * k * sample[:, None]).mean(axis=0) @ basis).real for sample in points])


def cosine_draws(rng, c):
    def draw(shape):
        x = rng.random(shape)
        flip = rng.random(shape) > (1 + c * np.cos(2 * np.pi * x)) / (1 + abs(c))
        while flip.any():
            again = rng.random(int(flip.sum()))
            keep = rng.random(again.size) <= (1 + c * np.cos(2 * np.pi * again)) / (1 + abs(c))
            spots = np.flatnonzero(flip)
            x.flat[spots[keep]] = again[keep]
            flip.flat[spots[keep]] = False
        return x

    return draw


def mean_and_error(values):
    return values.mean(), values.std(ddof=1) / np.sqrt(len(values))


LINE = [(40, 0.25, 1, 0.5), (40, 0.25, 6, 0.5), (20, 0.5, 3, 0.15), (10, 0.1, 12, 0.9)]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("n", "alpha", "i", "h"), LINE)
def test_the_line_lies_between_its_bounds(schedule, n, alpha, i, h):
    rng, R, sigma = np.random.default_rng(i), 400, 1.5
    h, width = h * sigma, sigma * np.sqrt(1 + i * h * h)
    points = training_sets(schedule, lambda s: sigma * rng.standard_normal(s), n, alpha, i, h, R, rng)
    x = np.arange(-9 * width, 9 * width, h / 6)
    target = np.exp(-(x**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    tv = np.abs(line_densities(points, h, x) - target).sum(axis=1) * (x[1] - x[0]) / 2
    mean, error = mean_and_error(tv)
    values = {"n": n, "alpha": alpha, "i": i, "h": h, "sigma": sigma}
    sharp = call(schedule, "tv/kde-sharp", **values)
    assert call(schedule, "tv/kde/lower/gaussian", **values) <= mean + Z * error
    assert mean - Z * error <= sharp <= 1.65 * mean
    assert mean - Z * error <= call(schedule, "tv/kde-line", **values)
    # a bound for four times as many points is too small to hold, wherever the fluctuation matters
    assert mean - Z * error > call(schedule, "tv/kde-sharp", **values | {"n": 4 * n}) or h / sigma > 0.4
    high = call(schedule, "tv/hp-kde", **values, T=i, delta=0.05)
    assert np.mean(tv > high) <= 0.05


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    ("n", "alpha", "i", "h", "c"), [(20, 0.2, 1, 0.1, 1.0), (40, 0.25, 8, 0.05, 0.6), (10, 0.5, 4, 0.2, -1.0)]
)
def test_the_circle_lies_between_its_bounds(schedule, n, alpha, i, h, c):
    rng, R = np.random.default_rng(i), 1000
    points = training_sets(schedule, cosine_draws(rng, c), n, alpha, i, h, R, rng, lambda x: x % 1)
    target = 1 + c * np.cos(2 * np.pi * np.arange(512) / 512)
    gap = circle_densities(points, h, 512) - target
    mean, error = mean_and_error(np.abs(gap).mean(axis=1) / 2)
    values = {"n": n, "alpha": alpha, "i": i, "h": h, "c": c}
    sharp = call(schedule, "tv/kde-sharp-torus", **values)
    assert call(schedule, "tv/kde/lower/torus", **values, d=1) <= mean + Z * error
    assert mean - Z * error <= sharp <= 1.65 * mean
    assert sharp <= call(schedule, "tv/kde-torus", **values, d=1)
    high = call(schedule, "tv/hp-kde-torus", **values, T=i, delta=0.05)
    assert np.mean(np.abs(gap).mean(axis=1) / 2 > high) <= 0.05
    # the mean square is an equality but for Jensen's inequality in Var_i
    square, error = mean_and_error((gap**2).mean(axis=1))
    bound = 4 * call(schedule, "tv/kde-sharp-torus-d", **values, d=1) ** 2
    assert square - Z * error <= bound <= 1.08 * (square + Z * error)
    if i == 1:
        assert bound == pytest.approx(square, abs=Z * error)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_torus_of_two_dimensions_lies_between_its_bounds(schedule):
    n, alpha, i, h, c, R = 30, 0.2, 5, 0.1, 0.8, 200
    rng = np.random.default_rng(5)
    one = cosine_draws(rng, c)
    points = training_sets(schedule, lambda s: one((*s, 2)), n, alpha, i, h, R, rng, lambda x: x % 1)
    x = np.arange(48) / 48
    kernel = circle_densities
    parts = [np.stack([kernel(sample[:, [axis]], h, 48) for sample in points]) for axis in (0, 1)]  # (R, n, 48)
    density = np.einsum("rnx,rny->rxy", *parts) / n
    target = np.multiply.outer(1 + c * np.cos(2 * np.pi * x), 1 + c * np.cos(2 * np.pi * x))
    mean, error = mean_and_error(np.abs(density - target).mean(axis=(1, 2)) / 2)
    values = {"n": n, "alpha": alpha, "i": i, "h": h, "c": c, "d": 2}
    assert call(schedule, "tv/kde/lower/torus", **values) <= mean + Z * error
    assert mean - Z * error <= call(schedule, "tv/kde-sharp-torus-d", **values) <= 1.5 * mean
    assert mean - Z * error <= call(schedule, "tv/kde-torus", **values)
    square, error = mean_and_error(((density - target) ** 2).mean(axis=(1, 2)))
    bound = 4 * call(schedule, "tv/kde-sharp-torus-d", **values) ** 2
    assert square - Z * error <= bound <= 1.08 * (square + Z * error)


def test_one_step_variance_bounds_the_fluctuation():
    """E TV(P_{i+1}, T_h Q_i), Q_i known: i = 0 with n real points, and i = 1 from the kernel estimate before."""
    rng, n, h, R = np.random.default_rng(1), 30, 0.4, 400
    x = np.arange(-9, 9, h / 6)
    step = x[1] - x[0]
    first = rng.standard_normal((R, n))
    smooth = np.exp(-(x**2) / (2 * (1 + h * h))) / np.sqrt(2 * np.pi * (1 + h * h))
    mean, error = mean_and_error(np.abs(line_densities(first, h, x) - smooth).sum(axis=1) * step / 2)
    assert mean - Z * error <= BY_KEY["kde/variance/line"](n=n, alpha=1.0, i=1, h=h, sigma=1.0) <= 1.9 * mean
    second = np.take_along_axis(first, rng.integers(0, n, (R, n)), axis=1) + h * rng.standard_normal((R, n))
    gap = line_densities(second, h, x) - line_densities(first, h * np.sqrt(2), x)
    mean, error = mean_and_error(np.abs(gap).sum(axis=1) * step / 2)
    sharper = BY_KEY["kde/variance/line-gaussian"](n=n, i=1, h=h, sigma=1.0)
    assert mean - Z * error <= sharper <= 1.7 * mean
    assert sharper < BY_KEY["kde/variance/line"](n=n, alpha=0.0, i=1, h=h, sigma=1.0)
