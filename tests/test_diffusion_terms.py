"""The law of a sampler on the line, and the terms of the bounds on its distance to P."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.densities_mixture import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import ExactScore, GaussianMixture, reverse_moments
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Diverged, Sampler, draw
from sim.diffusion.terms import chain_terms, girsanov_terms
from sim.diffusion.times import time_grid
from sim.diffusion.training import train
from sim.errors import SimulationError
from sim.tv_densities import tv_quadrature

P = NormalMixture([0.3, 0.7], [-1.5, 0.8], [0.4, 0.7])
TIMES = time_grid(0.02, 3.0, 12, "quadratic")
POINTS = P.sample(np.random.default_rng(0), 300)


def learnt(activation="softplus", times=TIMES):
    return train(POINTS, RandomFeatures(1, 48, 5.0, activation=activation), times, penalties=[1e-3])[0]


@pytest.mark.parametrize("kind", ["tweedie", "exponential", "euler"])
def test_the_law_against_a_million_samples(kind):
    """Largest gap of the distribution functions; √(log(2/0.001)/2n) bounds it in 999 of 1000 runs."""
    net, sampler = learnt("relu"), Sampler(TIMES, kind)
    found = output_law(net, sampler, (-9, 9))
    n = 1_000_000 if kind == "tweedie" else 100_000
    x = np.sort(draw(net, sampler, n, np.random.default_rng(1)))[:: n // 2000]
    gap = np.abs(found.law.cdf(x) - np.arange(2000) / 2000)
    assert gap.max() < math.sqrt(math.log(2000) / (2 * n)) + found.error
    assert found.error < 2e-3
    assert found.lost < 1e-6


def test_the_error_of_the_law_covers_what_finer_grids_change():
    for activation, most in (("relu", 1e-2), ("softplus", 1e-11)):
        net = learnt(activation)
        coarse, fine = (output_law(net, Sampler(TIMES), (-10, 10), nodes) for nodes in (513, 4097))
        gap, slack = tv_mixtures(coarse.law, fine.law)
        assert gap <= coarse.error + slack
        assert coarse.error < most
        assert 0 <= coarse.floored < 1


def test_an_unresolved_law_has_a_large_error():
    found = output_law(ExactScore(P), Sampler(time_grid(1e-3, 3, 20)), (-9, 9), 101)
    fine = output_law(ExactScore(P), Sampler(time_grid(1e-3, 3, 20)), (-9, 9), 4097)
    assert found.error > 0.1 > 1e-3 > fine.error
    assert tv_mixtures(found.law, fine.law)[0] <= found.error


def test_with_the_true_score_and_fine_steps_only_the_start_is_left():
    gaps = []
    for steps in (10, 40, 160):
        found = output_law(ExactScore(P), Sampler(time_grid(0.02, 6, steps, "quadratic")), (-9, 9))
        gaps.append(tv_mixtures(found.law, P.noised(0.02))[0])
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]
    assert gaps[2] < 1e-3


def test_a_sampler_that_leaves_the_grid():
    with pytest.raises(Diverged, match="outside") as caught:
        output_law(lambda x, t: 3 * x, Sampler(TIMES, "euler"), (-9, 9))
    assert 1 < caught.value.step <= 12
    with pytest.raises(Diverged, match="not finite"):
        output_law(lambda x, t: x / 0, Sampler(TIMES, "euler"), (-9, 9))


@pytest.mark.parametrize(("interval", "nodes"), [((1, 1), 11), ((-1, math.inf), 11), ((-9, 9), 10), ((-9, 9), 1)])
def test_grids_that_are_none(interval, nodes):
    with pytest.raises(SimulationError):
        output_law(ExactScore(P), Sampler(TIMES), interval, nodes)


@pytest.mark.parametrize("seed", range(3))
def test_distances_of_mixtures_against_certified_quadrature(seed):
    rng = np.random.default_rng(seed)
    p, q = (NormalMixture(rng.dirichlet(np.ones(5)), rng.normal(0, 2, 5), rng.uniform(0.1, 1, 5)) for _ in range(2))
    value, error = tv_mixtures(p, q)
    exact, slack = tv_quadrature(p, q)
    assert abs(value - exact) <= error + slack
    assert error < 1e-6
    assert tv_mixtures(p, p)[0] == 0


def reverse_kernel(k, y, x):
    """Density at x of X_{t_{k−1}} given X_{t_k} = y, shape (y, x), by Bayes' rule."""
    t, h = TIMES[k], TIMES[k] - TIMES[k - 1]
    a = -math.expm1(-2 * h)
    forward = np.exp(-0.5 * (y[:, None] - math.exp(-h) * x) ** 2 / a) / math.sqrt(2 * math.pi * a)
    return P.noised(TIMES[k - 1]).pdf(x) * forward / P.noised(t).pdf(y)[:, None]


@pytest.mark.parametrize("kind", ["tweedie", "exponential"])
@pytest.mark.parametrize("k", [1, 3, 12])
def test_the_terms_of_the_chain_against_two_dimensional_quadrature(k, kind):
    """E KL(true reverse kernel ‖ sampler's step) straight from the densities, and its part with the true moments."""
    net, sampler = learnt(), Sampler(TIMES, kind)
    terms = chain_terms(P, net, sampler)
    y, x = np.linspace(-6, 6, 301), np.linspace(-7, 7, 1201)
    kernel = reverse_kernel(k, y, x)
    weights = P.noised(TIMES[k]).pdf(y)[:, None] * kernel * (y[1] - y[0]) * (x[1] - x[0])

    def divergence(mean, variance):
        log = -0.5 * (x - mean[:, None]) ** 2 / variance[:, None] - 0.5 * np.log(2 * math.pi * variance)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.nansum(np.where(weights > 0, weights * (np.log(kernel) - log), 0.0)))

    whole = terms.non_gaussian[k - 1] + terms.variance[k - 1] + terms.mean[k - 1]
    assert whole == pytest.approx(divergence(*sampler.kernel(net, y, k)), abs=1e-7)
    true = reverse_moments(P, y, TIMES[k], TIMES[k] - TIMES[k - 1])
    assert terms.non_gaussian[k - 1] == pytest.approx(divergence(*true), abs=1e-7)
    assert terms.error < 1e-10


@pytest.mark.parametrize("k", [1, 12])
def test_the_terms_of_girsanov_against_two_dimensional_quadrature(k):
    """∫E‖ŝ(X_{t_k}) − ∇log p_t(X_t)‖²dt with the joint density of the two, Gauss–Legendre in time."""
    net = learnt()
    terms = girsanov_terms(P, net, TIMES)
    t, h = TIMES[k], TIMES[k] - TIMES[k - 1]
    y, x = np.linspace(-6, 6, 801), np.linspace(-6, 6, 801)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        u = h * (node + 1) / 2
        a = -math.expm1(-2 * u)
        before = P.noised(t - u)
        joint = before.pdf(x) * np.exp(-0.5 * (y[:, None] - math.exp(-u) * x) ** 2 / a) / math.sqrt(2 * math.pi * a)
        gap = net(y, t)[:, None] - before.jet(x)[1]
        if a > 0.001:
            total += h / 2 * weight * float((joint * gap**2).sum()) * (y[1] - y[0]) * (x[1] - x[0])
        else:  # the two are too close together for the nodes: in units of the noise
            z, w = np.polynomial.hermite_e.hermegauss(30)
            places = math.exp(-u) * x[:, None] + math.sqrt(a) * z
            inner = (net(places, t) - before.jet(x)[1][:, None]) ** 2 @ (w / w.sum())
            total += h / 2 * weight * float((before.pdf(x) * inner).sum()) * (x[1] - x[0])
    found = terms.learning[k - 1] + terms.cross[k - 1] + terms.lag[k - 1]
    assert found == pytest.approx(total, rel=1e-5)
    exact = girsanov_terms(P, ExactScore(P), TIMES)
    np.testing.assert_allclose(exact.lag, terms.lag)
    assert np.abs(exact.learning).max() == np.abs(exact.cross).max() == 0
    assert (exact.lag > 0).all()


@pytest.mark.parametrize("n", [30, 3000])
def test_the_bounds_hold_and_the_ends_are_right(n):
    times = time_grid(0.01, 2, 30, "quadratic")
    net = train(P.sample(np.random.default_rng(2), n), RandomFeatures(1, 64, 5.0), times, penalties=[1e-4])[0]
    ends = end_terms(P, times)
    assert ends.start == pytest.approx(tv_quadrature(P.noised(0.01), P)[0], abs=1e-7)
    assert ends.end == pytest.approx(tv_quadrature(P.noised(2.0), NormalMixture([1.0], [0.0], [1.0]))[0], abs=1e-7)
    assert 2 * ends.end**2 < ends.end_kl
    for kind in ("tweedie", "exponential", "euler"):
        sampler = Sampler(times, kind)
        tv = tv_mixtures(output_law(net, sampler, (-9, 9)).law, P)[0]
        chain = chain_terms(P, net, sampler)
        bound = ends.start + ends.end + math.sqrt(chain.total / 2)
        assert tv < bound
        assert tv < ends.start + math.sqrt((chain.total + ends.end_kl) / 2)
        if kind == "tweedie":
            assert bound < 6 * tv
        if kind == "exponential":
            girsanov = girsanov_terms(P, net, times)
            assert tv < ends.start + ends.end + math.sqrt(girsanov.total / 2)
            assert chain.total < girsanov.total  # the chain sees only the times of the grid


class Product:
    """The score of independent coordinates."""

    def __init__(self, score):
        self.score = score

    def __call__(self, x, t):
        return np.stack([self.score(column, t) for column in x.T], axis=1)

    def jacobian(self, x, t):
        columns = np.stack([self.score.jacobian(column, t) for column in x.T], axis=1)
        return columns[:, :, None] * np.eye(x.shape[1])


def test_independent_coordinates_double_every_term():
    """Paths in the plane against quadrature on the line; 5 standard errors each."""
    pairs = [(j, k) for j in range(2) for k in range(2)]
    law = GaussianMixture(
        [P.weights[j] * P.weights[k] for j, k in pairs],
        [[P.means[j], P.means[k]] for j, k in pairs],
        [np.diag([P.sigmas[j] ** 2, P.sigmas[k] ** 2]) for j, k in pairs],
    )
    net = learnt()
    for covariance in ("full", "diagonal"):
        one, two = (
            chain_terms(P, net, Sampler(TIMES)),
            chain_terms(law, Product(net), Sampler(TIMES, covariance=covariance), paths=4000),
        )
        for j, name in enumerate(("non_gaussian", "variance", "mean")):
            gap = np.abs(getattr(two, name) - 2 * getattr(one, name))
            assert (gap <= 5 * two.errors[j] + 1e-12).all()
        assert abs(two.total - 2 * one.total) < 5 * two.error < 0.4 * two.total
    one, two = girsanov_terms(P, net, TIMES), girsanov_terms(law, Product(net), TIMES, paths=4000)
    assert (np.abs(two.learning - 2 * one.learning) <= 5 * two.errors[0]).all()
    assert abs(two.total - 2 * one.total) < 5 * two.error < 0.2 * two.total
    ends, line = end_terms(law, TIMES, draws=20_000), end_terms(P, TIMES)
    assert abs(ends.end_kl - 2 * line.end_kl) < 5 * ends.end_kl_error
    assert line.start - 5 * ends.start_error < ends.start < 2 * line.start + 5 * ends.start_error


def test_one_normal_law_has_a_normal_reverse_step():
    """No non-normality; the price of a diagonal or isotropic covariance in closed form."""
    cov = np.array([[1.0, 0.5], [0.5, 0.4]])
    law = GaussianMixture([1.0], [[0.3, -1.0]], cov[None])
    prices = []
    for covariance in ("full", "diagonal", "isotropic"):
        terms = chain_terms(law, ExactScore(law), Sampler(TIMES, covariance=covariance), paths=50)
        np.testing.assert_allclose(terms.non_gaussian, 0, atol=1e-12)
        np.testing.assert_allclose(terms.mean, 0, atol=1e-12)
        prices.append(terms.variance)
    true = reverse_moments(law, np.zeros(2), TIMES[3], TIMES[3] - TIMES[2])[1]
    log_det = np.linalg.slogdet(true)[1]
    np.testing.assert_allclose(prices[0], 0, atol=1e-12)
    assert prices[1][2] == pytest.approx(0.5 * (np.log(np.diag(true)).sum() - log_det))
    assert prices[2][2] == pytest.approx(0.5 * (2 * np.log(np.trace(true) / 2) - log_det))


@pytest.mark.parametrize("changed", [{"nodes": 10}, {"nodes": 1}, {"paths": 1}, {"seed": -1}])
def test_terms_that_are_none(changed):
    with pytest.raises(SimulationError) as caught:
        chain_terms(P, ExactScore(P), Sampler(TIMES), **changed)
    assert caught.value.argument == next(iter(changed))
    with pytest.raises(SimulationError):
        girsanov_terms(P.pdf, ExactScore(P), TIMES)


def test_a_user_score_without_derivative_has_terms():
    net = learnt()
    assert isinstance(net, ScoreNetwork)
    plain = chain_terms(P, lambda x, t: net(x, t), Sampler(TIMES))
    assert plain.total == pytest.approx(chain_terms(P, net, Sampler(TIMES)).total, rel=1e-6)
