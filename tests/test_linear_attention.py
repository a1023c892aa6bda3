"""Linear attention in the loop: exact moments, the same loop with all data in memory, and its measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from schedules import SCHEDULES
from scipy.special import ndtr
from scipy.stats import ks_2samp

from sim import Expand, Fixed, LinearAttention, Replace, SimulationError, Stratified, UserModel, simulate

SEED = 20261121


def best_factor(d, weight, sigma, n):
    return 1 / (1 + (d + 1 + d * sigma**2 / weight**2) / n)


def moments(schedule, d, weight, sigma, n, generations):
    """E<w_i, w> and E|w_i|^2 by recursion, from E|S u|^2 = |u|^2 (1 + (d+1)/n), S a mean of n products x x'."""
    sizes = schedule.sizes(n, generations)
    reused = isinstance(schedule, Fixed | Expand)
    real = n if isinstance(schedule, Expand) else round(getattr(schedule, "alpha", 0) * n)

    def square(length, m):  # E|mean of m products y x|^2
        return length * (1 + (d + 1) / m) + d * sigma**2 / m if m else 0.0

    w2, c = weight**2, best_factor(d, weight, sigma, n)
    a, s = [c * w2], [c * c * square(w2, n)]
    r = c * (real * square(w2, real) + (n - real) * w2) / n  # E<mean over the reused points, w_i>
    for N in sizes[1:].tolist():
        c, alpha, m = best_factor(d, weight, sigma, N), real / N, N - real
        inner = r if reused else a[-1]
        s.append(
            c
            * c
            * (alpha**2 * square(w2, real) + 2 * alpha * (1 - alpha) * inner + (1 - alpha) ** 2 * square(s[-1], m))
        )
        a.append(c * (alpha * w2 + (1 - alpha) * a[-1]))
        r = c * (alpha * square(w2, real) + (1 - alpha) * r)
    return np.array(a), np.array(s)


@pytest.mark.parametrize(
    "schedule", [Replace(), Stratified(0.25), Stratified(1.0), Fixed(0.25), Fixed(0.0), Expand(1.5)], ids=str
)
@pytest.mark.parametrize(("d", "weight", "sigma"), [(1, 1.0, 0.5), (5, 2.0, 0.0), (3, 0.3, 1.0)])
def test_first_two_moments_are_exact(schedule, d, weight, sigma):
    curves = simulate(
        LinearAttention(d, weight, sigma), schedule, n=20, generations=4, replications=20_000, seed=SEED, summary=True
    )
    exact = dict(zip(("inner_product", "norm_squared"), moments(schedule, d, weight, sigma, 20, 4), strict=True))
    exact["risk"] = exact["norm_squared"] - 2 * exact["inner_product"] + weight**2
    for name, value in exact.items():
        error = np.sqrt(curves[f"{name}_variance"] / 20_000)
        assert (np.abs(curves[f"{name}_mean"] - value) < 5 * error).all(), name


def from_data(model):
    """The same model, with n points (x, y) as rows of a matrix."""

    def points(w, size, rng):
        x = rng.standard_normal((size, model.d))
        return np.column_stack([x, x @ w + model.sigma * rng.standard_normal(size)])

    def fit(data, rng):
        n, c = len(data), best_factor(model.d, model.weight, model.sigma, len(data))
        return c / n * data[:, -1] @ data[:, :-1]

    w = np.zeros(model.d)
    w[0] = model.weight
    metrics = {
        "risk": lambda v: ((v - w) ** 2).sum(),
        "inner_product": lambda v: v @ w,
        "norm_squared": lambda v: v @ v,
        "last": lambda v: v[-1],
    }
    return UserModel(fit, points, lambda size, rng: points(w, size, rng), metrics, model.label)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize(("d", "sigma"), [(1, 1.0), (3, 0.4)])
def test_sufficient_sums_have_the_law_of_full_data(schedule, d, sigma):
    model, design = LinearAttention(d, 0.8, sigma), {"n": 4, "generations": 3, "seed": SEED}
    names = ("risk", "inner_product", "norm_squared")
    ours = simulate(model, schedule, replications=8000, record=[*names, "weights"], **design)
    ours["last"] = ours["weights"][..., -1]
    data = simulate(from_data(model), schedule, replications=500, **design)
    for name in (*names, "last"):
        for i in range(3):
            assert ks_2samp(ours[name][:, i], data[name][:, i]).pvalue > 1e-5, (name, i)


@pytest.mark.parametrize("size", [0, 1, 2])
def test_sums_over_hardly_any_points(size):
    model = LinearAttention(3, 2.0, 0.5)
    total = model.draw(np.random.default_rng(SEED), model.target(), size).total
    assert total.shape == (model.block, 3)
    if size == 0:
        assert not total.any()
    rng = np.random.default_rng(1)
    x = rng.standard_normal((20_000, size, 3))
    y = 2 * x[..., 0] + 0.5 * rng.standard_normal((20_000, size))
    expected = np.einsum("rk,rkd->rd", y, x)
    for one, other in (
        (total[:, 0], expected[:, 0]),
        (np.linalg.norm(total, axis=1), np.linalg.norm(expected, axis=1)),
    ):
        assert ks_2samp(one, other).pvalue > 1e-5


def test_no_noise_and_no_weight_to_begin_with():
    model = LinearAttention(2, 1.0, 0.0)
    zero = np.zeros((model.block, 2))
    assert not model.draw(np.random.default_rng(1), ((1.0, zero),), 5).total.any()
    noisy = LinearAttention(2, 1.0, 1.0).draw(np.random.default_rng(1), ((1.0, zero),), 5).total
    assert abs(noisy.var() / 5 - 1) < 0.1


def test_tv_is_the_mean_over_x_of_that_of_two_normals():
    model = LinearAttention(4, 1.0, 0.7)
    curves = simulate(model, Replace(), n=6, generations=2, replications=5, seed=SEED, record=["tv", "weights"])
    x, w = np.random.default_rng(SEED).standard_normal((400_000, 4)), np.eye(4)[0]
    for tv, v in zip(curves["tv"].to_numpy().ravel(), curves["weights"].to_numpy().reshape(-1, 4), strict=True):
        each = 2 * ndtr(np.abs(x @ (v - w)) / (2 * 0.7)) - 1
        assert abs(each.mean() - tv) < 5 * each.std() / math.sqrt(400_000)
    still = LinearAttention(4, 1.0, 0.0).measures()["tv"].of(np.array([[1.0, 0, 0, 0], [1, 0, 0, 1e-9]]), None)
    np.testing.assert_array_equal(still, [0.0, 1.0])


def test_the_factor_is_the_best_one():
    model = LinearAttention(3, 0.5, 0.4)
    c = model.factor(10)
    square = 0.25 * (1 + 4 / 10) + 3 * 0.16 / 10
    assert c == pytest.approx(0.25 / square, rel=1e-12)  # minimises c² square − 2c·0.25
    given = LinearAttention(3, 0.5, 0.4, c=2.0)
    assert given.factor(10) == 2.0
    rng = [np.random.default_rng(1) for _ in range(2)]
    ours, theirs = (m.estimate(r, m.draw(r, m.target(), 10)) for m, r in zip((model, given), rng, strict=True))
    np.testing.assert_allclose(ours * (2 / c), theirs)


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"d": 0}, "d"),
        ({"d": 2.0}, "d"),
        ({"weight": 0.0}, "weight"),
        ({"sigma": -0.1}, "sigma"),
        ({"sigma": math.inf}, "sigma"),
        ({"c": math.nan}, "c"),
    ],
)
def test_bad_parameters(change, argument):
    with pytest.raises(SimulationError) as caught:
        LinearAttention(**{"d": 3, **change})
    assert caught.value.argument == argument
