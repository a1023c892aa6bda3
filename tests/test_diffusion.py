"""Laws and their scores, training, and samplers of diffusion models."""

from __future__ import annotations

import math
import pickle

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import lstsq
from scipy.stats import multivariate_normal

from sim.densities_mixture import NormalMixture
from sim.diffusion.features import ACTIVATIONS, RandomFeatures, ScoreNetwork
from sim.diffusion.laws import ExactScore, GaussianMixture, reverse_moments
from sim.diffusion.samplers import Diverged, Sampler, draw, move
from sim.diffusion.times import checked_times, time_grid
from sim.diffusion.training import train
from sim.errors import SimulationError

P = NormalMixture([0.3, 0.7], [-1.5, 0.8], [0.4, 0.7])
TIMES = time_grid(0.05, 2.0, 6)


def law_in(d, K=3, seed=0):
    rng = np.random.default_rng(seed)
    roots = rng.standard_normal((K, d, d)) / d
    cov = roots @ roots.swapaxes(1, 2) + 0.2 * np.eye(d)
    return GaussianMixture(np.full(K, 1 / K), rng.standard_normal((K, d)), cov)


def test_times_are_spaced_as_said():
    for spacing, scale in (("uniform", lambda t: t), ("quadratic", np.sqrt), ("geometric", np.log)):
        times = time_grid(0.01, 3.0, 7, spacing)
        assert (times[0], times[-1], times.size) == (0.01, 3.0, 8)
        np.testing.assert_allclose(np.diff(scale(times)), np.ptp(scale(times)) / 7)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((0, 1, 5), "t0"),
        ((1, 1, 5), "T"),
        ((1, 0.5, 5), "T"),
        ((0.1, math.inf, 5), "T"),
        ((math.nan, 1, 5), "t0"),
        ((0.1, 1, 0), "steps"),
        ((0.1, 1, 5, "log"), "spacing"),
    ],
)
def test_times_that_are_none(arguments, named):
    with pytest.raises(SimulationError) as caught:
        time_grid(*arguments)
    assert caught.value.argument == named


@pytest.mark.parametrize("times", [[1.0], [0, 1], [2, 1], [1, 1], [1, math.nan], [[1, 2]], "x", None])
def test_grids_that_are_none(times):
    with pytest.raises(SimulationError):
        checked_times(times)


@pytest.mark.parametrize("x", [-30.0, -1.2, 0.0, 0.3, 50.0])
@pytest.mark.parametrize("t", [0.0, 1e-6, 0.4, 5.0])
def test_the_score_on_the_line_to_fifty_digits(x, t):
    def log(y):
        total = mpmath.mpf(0)
        for w, m, s in zip(P.weights, P.means, P.sigmas, strict=True):
            v = mpmath.exp(-2 * mpmath.mpf(t)) * mpmath.mpf(float(s)) ** 2 - mpmath.expm1(-2 * mpmath.mpf(t))
            z = (y - mpmath.exp(-mpmath.mpf(t)) * mpmath.mpf(float(m))) ** 2 / v
            total += mpmath.mpf(float(w)) * mpmath.exp(-z / 2) / mpmath.sqrt(2 * mpmath.pi * v)
        return mpmath.log(total)

    with mpmath.workdps(50):
        exact = [float(log(mpmath.mpf(x))), *(float(mpmath.diff(log, mpmath.mpf(x), order)) for order in (1, 2))]
    np.testing.assert_allclose([float(part) for part in P.noised(t).jet(x)], exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3, 8])
def test_the_score_in_higher_dimension(d):
    """Density against scipy, score and Hessian against differences of the logarithm and the score."""
    law = law_in(d).noised(0.3)
    x = np.random.default_rng(1).standard_normal((4, 5, d))
    exact = sum(
        w * multivariate_normal(m, c).pdf(x) for w, m, c in zip(law.weights, law.means, law.covariances, strict=True)
    )
    log, score, hessian = law.jet(x)
    np.testing.assert_allclose(law.pdf(x), exact, rtol=1e-11)
    np.testing.assert_allclose(log, law.logpdf(x), rtol=1e-12)
    moves = 1e-5 * np.eye(d)
    np.testing.assert_allclose(
        score, np.stack([(law.logpdf(x + e) - law.logpdf(x - e)) / 2e-5 for e in moves], axis=-1), atol=1e-8
    )
    np.testing.assert_allclose(
        hessian, np.stack([(law.jet(x + e)[1] - law.jet(x - e)[1]) / 2e-5 for e in moves], axis=-1), atol=1e-7
    )


def test_draws_have_the_moments_of_the_mixture():
    law = law_in(3).noised(0.1)
    x = law.sample(np.random.default_rng(0), 200_000)
    mean = law.weights @ law.means
    cov = np.einsum("k,kij->ij", law.weights, law.covariances) + np.cov(law.means.T, aweights=law.weights, ddof=0)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.03)
    assert law.sample(np.random.default_rng(0), (2, 3)).shape == (2, 3, 3)


@pytest.mark.parametrize("y", [-3.0, 0.1, 2.0])
def test_tweedie_against_the_reverse_kernel(y):
    """E X and Var X of the density p_{t−h}(x)·N(y; e^(−h)x, 1 − e^(−2h)) by quadrature."""
    t, h = 0.5, 0.2
    before, a = P.noised(t - h), -math.expm1(-2 * h)

    def moment(k):
        def inner(x):
            return x**k * float(before.pdf(x)) * math.exp(-0.5 * (y - math.exp(-h) * x) ** 2 / a)

        return quad(inner, -12, 12, points=[y], epsabs=1e-13)[0]

    total, mean = moment(0), moment(1) / moment(0)
    got = reverse_moments(P, y, t, h)
    assert float(got[0]) == pytest.approx(mean, abs=1e-9)
    assert float(got[1]) == pytest.approx(moment(2) / total - mean**2, abs=1e-9)


def test_tweedie_in_the_plane():
    t, h, y = 0.5, 0.2, np.array([0.3, -0.5])
    law = law_in(2)
    axis = np.linspace(-8, 8, 401)
    x = np.stack(np.meshgrid(axis, axis), axis=-1)
    gap = y - math.exp(-h) * x
    weights = law.noised(t - h).pdf(x) * np.exp(-0.5 * (gap**2).sum(axis=-1) / -math.expm1(-2 * h))
    weights /= weights.sum()
    mean = np.einsum("ab,abi->i", weights, x)
    cov = np.einsum("ab,abi,abj->ij", weights, x - mean, x - mean)
    got = reverse_moments(law, y, t, h)
    np.testing.assert_allclose(got[0], mean, atol=1e-10)
    np.testing.assert_allclose(got[1], cov, atol=1e-10)


@pytest.mark.parametrize(
    ("weights", "means", "cov"),
    [
        ([0.5, 0.6], np.zeros((2, 2)), 1.0),
        ([0.0, 1.0], np.zeros((2, 2)), 1.0),
        ([1.0], [[0.0]], 1.0),
        ([1.0], [[0.0, math.nan]], 1.0),
        ([1.0], [[0.0, 1.0]], -1.0),
        ([1.0], [[0.0, 1.0]], [[[1.0, 2.0], [2.0, 1.0]]]),
        ([1.0], [[0.0, 1.0]], [[[1.0, 0.5], [0.0, 1.0]]]),
        ([1.0], [[0.0, 1.0]], np.ones(3)),
        ([1.0], "x", 1.0),
    ],
)
def test_mixtures_that_are_none(weights, means, cov):
    with pytest.raises(SimulationError):
        GaussianMixture(weights, means, cov)


def noised_points(points, t, order=80):
    """Places, weights and targets −z/σ of every point with every node of Gauss–Hermite quadrature."""
    z, w = np.polynomial.hermite_e.hermegauss(order)
    sigma = math.sqrt(-math.expm1(-2 * t))
    x = math.exp(-t) * points[:, None] + sigma * z
    weights = np.broadcast_to(w / w.sum() / points.size, x.shape)
    return x.ravel(), weights.ravel(), np.broadcast_to(-z / sigma, x.shape).ravel()


def test_ridge_with_exact_noise_against_least_squares():
    points = P.sample(np.random.default_rng(0), 7)
    features = RandomFeatures(1, 10, 3.0, rate=1.5)
    (net,) = train(points, features, TIMES, penalties=[1e-3])
    for k, t in enumerate(TIMES[1:]):
        x, w, target = noised_points(points, t)
        rows = np.concatenate([features.values(x[:, None]) * np.sqrt(w)[:, None], math.sqrt(1e-3) * np.eye(10)])
        exact = lstsq(rows, np.concatenate([target * np.sqrt(w), np.zeros(10)]))[0]
        np.testing.assert_allclose(net.coefficients[k, 0], exact, atol=2e-5 * np.abs(exact).max())


@pytest.mark.parametrize("d", [1, 2])
def test_ridge_with_draws_against_least_squares(d):
    points = np.random.default_rng(0).standard_normal((40, d))
    features = RandomFeatures(d, 12, 3.0, activation="relu")
    source = points[:, 0] if d == 1 else points
    nets = [
        train(source, features, TIMES, penalties=[0.01, 1.0], noise=3, seed=5, single=single)
        for single in (False, True)
    ]
    rng = np.random.Generator(np.random.SFC64(5))
    for k, t in enumerate(TIMES[1:]):
        z = np.concatenate([rng.standard_normal(points.shape) for _ in range(3)])
        sigma = math.sqrt(-math.expm1(-2 * t))
        rows = features.values(math.exp(-t) * np.tile(points, (3, 1)) + sigma * z)
        for j, penalty in enumerate((0.01, 1.0)):
            left = np.concatenate([rows / math.sqrt(120), math.sqrt(penalty) * np.eye(12)])
            exact = lstsq(left, np.concatenate([-z / sigma / math.sqrt(120), np.zeros((12, d))]))[0]
            np.testing.assert_allclose(nets[0][j].coefficients[k], exact.T, rtol=1e-8, atol=1e-10)
    assert np.isfinite(nets[1][0].coefficients).all()  # other draws: single precision has its own
    assert not np.array_equal(nets[0][0].coefficients, nets[0][1].coefficients)


def test_draws_in_either_precision_tend_to_exact_noise():
    points = P.sample(np.random.default_rng(0), 20_000)
    features = RandomFeatures(1, 64, 4.0)
    x = np.linspace(-2, 2, 50)
    (exact,) = train(points, features, [0.1, 0.3], penalties=[1e-3])
    for single in (False, True):
        (net,) = train(points, features, [0.1, 0.3], penalties=[1e-3], noise=8, single=single)
        gap = net(x, 0.3) - exact(x, 0.3)
        assert 1e-4 < np.abs(gap).max() < 0.1  # 160,000 draws


def test_gradient_flow_against_small_steps():
    points = P.sample(np.random.default_rng(1), 5)
    features = RandomFeatures(1, 8, 3.0, activation="tanh", rate=1.0)
    stops = (0.5, 4.0, 40.0)
    nets = train(points, features, TIMES[:3], stops=stops)
    x, w, target = noised_points(points, TIMES[1])
    values = features.values(x[:, None])
    size, a, at = 1e-2, np.zeros(8), {}
    for k in range(1, 4001):
        middle = a - 0.5 * size * ((values @ a - target) * w) @ values  # midpoint rule
        a = a - size * ((values @ middle - target) * w) @ values
        at[k] = a
    for net, stop in zip(nets, stops, strict=True):
        exact = at[round(stop / size)]
        np.testing.assert_allclose(net.coefficients[0, 0], exact, atol=1e-5 * np.abs(exact).max())


def test_a_population_fit_solves_the_normal_equations():
    """E(ŝ − s)ψ + λA = 0 by another quadrature, and it is what many points tend to."""
    features = RandomFeatures(1, 16, 3.0, rate=2.0)
    (net,) = train(P, features, TIMES, penalties=[1e-2])
    y, w = np.polynomial.legendre.leggauss(2000)
    y, w = 9 * y, 9 * w
    for k, t in enumerate(TIMES[1:]):
        noised = P.noised(t)
        residual = net(y, t) - noised.jet(y)[1]
        gradient = (w * noised.pdf(y) * residual) @ features.values(y[:, None])
        np.testing.assert_allclose(gradient + 1e-2 * net.coefficients[k, 0], 0, atol=1e-9)
    (many,) = train(P.sample(np.random.default_rng(0), 100_000), features, TIMES, penalties=[1e-2])
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(many(x, TIMES[1]), net(x, TIMES[1]), atol=0.06)


def test_little_penalty_and_late_stops_agree():
    features = RandomFeatures(1, 6, 3.0, rate=1.0)
    nets = train(P, features, TIMES, penalties=[1e-10], stops=[1e10])
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(nets[0](x, TIMES[1]), nets[1](x, TIMES[1]), atol=1e-2)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"penalties": []}, "penalties"),
        ({"penalties": [0.0]}, "penalties"),
        ({"penalties": [], "stops": [-1.0]}, "stops"),
        ({"noise": 0}, "noise"),
        ({"noise": "some"}, "noise"),
        ({"source": []}, "source"),
        ({"source": [1.0, math.nan]}, "source"),
        ({"source": [[1.0, 2.0]]}, "source"),
        ({"source": [0.0, 1e6]}, "source"),
        ({"source": [0.0, 1e30], "noise": 3}, "source"),
        ({"source": P, "noise": 3}, "noise"),
        ({"features": RandomFeatures(2, 5, 3.0)}, "noise"),
        ({"times": [1.0, 0.5]}, "times"),
        ({"seed": -1}, "seed"),
    ],
)
def test_training_that_is_none(changed, named):
    given = {"source": [0.0, 1.0], "features": RandomFeatures(1, 5, 3.0), "times": TIMES, "penalties": [0.1]} | changed
    with pytest.raises(SimulationError) as caught:
        train(given.pop("source"), given.pop("features"), given.pop("times"), **given)
    assert caught.value.argument == named


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_derivative_of_a_network(activation, d):
    features = RandomFeatures(d, 9, 3.0, activation=activation, rate=1.5)
    coefficients = np.random.default_rng(0).standard_normal((2, d, 9))
    net = ScoreNetwork(features, np.array([0.1, 0.2]), coefficients)
    x = np.random.default_rng(1).standard_normal((50, d)) * 2
    rows = x[:, 0] if d == 1 else x
    plain = (features.values(x) @ coefficients[1].T).reshape(rows.shape)
    np.testing.assert_allclose(net(rows, 0.2), plain, atol=1e-13)
    moves = 1e-6 * np.eye(d)
    steps = (
        [(net(x[:, 0] + 1e-6, 0.2) - net(x[:, 0] - 1e-6, 0.2)) / 2e-6]
        if d == 1
        else [(net(x + e, 0.2) - net(x - e, 0.2)) / 2e-6 for e in moves]
    )
    numeric = steps[0] if d == 1 else np.stack(steps, axis=2)
    np.testing.assert_allclose(net.jacobian(rows, 0.2), numeric, atol=1e-7)
    if d == 1:
        table = net.table(rows)
        np.testing.assert_allclose(table(rows, 0.2), plain, atol=1e-13)
        np.testing.assert_allclose(table.jacobian(rows, 0.2), numeric, atol=1e-7)
    with pytest.raises(SimulationError, match="trained"):
        net(rows, 0.15)


@pytest.mark.parametrize(
    "changed", [{"d": 0}, {"width": 0}, {"reach": 0}, {"rate": -1}, {"activation": "sin"}, {"seed": -1}]
)
def test_features_that_are_none(changed):
    with pytest.raises(SimulationError) as caught:
        RandomFeatures(**({"d": 1, "width": 3, "reach": 2.0} | changed))
    assert caught.value.argument == next(iter(changed))


@pytest.mark.parametrize("law", [P, law_in(2)], ids=["line", "plane"])
def test_the_kernels_of_the_samplers(law):
    x = law.sample(np.random.default_rng(0), 6)
    k, t, h = 4, TIMES[4], TIMES[4] - TIMES[3]
    s, score = ExactScore(law)(x, t), ExactScore(law)
    mean, cov = Sampler(TIMES, covariance="full").kernel(score, x, k)
    exact = reverse_moments(law, x, t, h)
    np.testing.assert_allclose(mean, exact[0])
    np.testing.assert_allclose(cov, exact[1], atol=1e-14)
    plain = Sampler(TIMES, covariance="full").kernel(lambda x, t: score(x, t), x, k)[1]  # difference quotients
    np.testing.assert_allclose(plain, exact[1], atol=1e-8)
    mean, cov = Sampler(TIMES, "euler").kernel(score, x, k)
    np.testing.assert_allclose(mean, x + h * (x + 2 * s))
    np.testing.assert_allclose(cov, 2 * h)
    mean, cov = Sampler(TIMES, "exponential").kernel(score, x, k)
    np.testing.assert_allclose(mean, np.exp(h) * x + 2 * (np.exp(h) - 1) * s)
    np.testing.assert_allclose(cov, np.exp(2 * h) - 1)
    if law.d > 1:
        diagonal = np.diagonal(exact[1], axis1=1, axis2=2)
        np.testing.assert_allclose(Sampler(TIMES).kernel(score, x, k)[1], diagonal)
        isotropic = Sampler(TIMES, covariance="isotropic").kernel(score, x, k)[1]
        np.testing.assert_allclose(isotropic, np.repeat(diagonal.mean(axis=1)[:, None], 2, axis=1))


def test_the_floor_of_the_variance():
    h = TIMES[2] - TIMES[1]

    class Steep:
        def __call__(self, x, t):
            return -9 * x

        def jacobian(self, x, t):
            return np.full(x.shape, -9.0) if x.ndim == 1 else np.broadcast_to(-9 * np.eye(2), (len(x), 2, 2))

    for x in (np.zeros(3), np.zeros((3, 2))):
        for covariance in ("full", "diagonal", "isotropic"):
            cov = Sampler(TIMES, covariance=covariance, floor=0.2).kernel(Steep(), x, 2)[1]
            least = np.linalg.eigvalsh(cov) if cov.ndim == 3 else cov
            np.testing.assert_allclose(least, 0.2 * math.expm1(2 * h))


def test_steps_are_drawn_with_their_covariance():
    cov = np.array([[1.0, 0.6], [0.6, 0.5]])
    mean = np.zeros((200_000, 2))
    x = move(np.random.default_rng(0), mean, np.broadcast_to(cov, (200_000, 2, 2)))
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.015)
    x = move(np.random.default_rng(0), mean, np.broadcast_to([1.0, 4.0], mean.shape))
    np.testing.assert_allclose(np.cov(x.T), np.diag([1.0, 4.0]), atol=0.06)


def test_samples_of_the_true_score_in_the_plane():
    law = law_in(2)
    sampler = Sampler(time_grid(0.01, 4, 30), covariance="full")
    x = draw(ExactScore(law), sampler, 10_000, np.random.default_rng(0), d=2)
    first = law.noised(0.01)
    mean = first.weights @ first.means
    cov = np.einsum("k,kij->ij", first.weights, first.covariances) + np.cov(
        first.means.T, aweights=first.weights, ddof=0
    )
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), cov, atol=0.08)
    assert draw(ExactScore(law), sampler, 0, np.random.default_rng(0), d=2).shape == (0, 2)


@pytest.mark.parametrize("d", [1, 2])
def test_a_sampler_that_diverges_says_where(d):
    with pytest.raises(Diverged, match="step 4 ") as caught:
        draw(lambda x, t: np.where(t < 0.8, math.inf, 0.0) * x, Sampler(TIMES), 5, np.random.default_rng(0), d=d)
    assert (caught.value.step, caught.value.time) == (4, TIMES[4])
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("changed", [{"kind": "ode"}, {"covariance": "none"}, {"floor": 0.0}, {"times": [1]}])
def test_samplers_that_are_none(changed):
    with pytest.raises(SimulationError) as caught:
        Sampler(**({"times": TIMES} | changed))
    assert caught.value.argument == next(iter(changed))


def test_a_score_of_the_wrong_shape():
    with pytest.raises(SimulationError, match="shape"):
        Sampler(TIMES).kernel(lambda x, t: x[:-1], np.zeros(4), 1)
