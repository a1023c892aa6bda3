"""E-processes by exact expectation, and the coverage and widths of confidence limits."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from verify.confidence import Moments, asymptotic_limits, capped_upper_limit
from verify.evidence import (
    AsymptoticTest,
    BettingTest,
    Decision,
    NonnegativeTest,
    clopper_pearson,
    confidence_bounds,
)
from verify.wealth import BETS, TILTS, WEIGHTS, asymptotic_log_wealth

POINTS, LEVEL = 4000, 0.01
HOLDS, REFUTED, UNDECIDED = Decision.HOLDS, Decision.REFUTED, Decision.UNDECIDED


def rare_jump(rng, size):
    return np.where(rng.random(size) < 0.01, 1.0, 0.1)


LAWS = {  # name: (sampler, mean), values in [0, 1]
    "rare-jump": (rare_jump, 0.109),
    "beta": (lambda rng, size: rng.beta(40, 200, size), 1 / 6),
    "bernoulli": (lambda rng, size: (rng.random(size) < 0.05).astype(float), 0.05),
}
law = pytest.mark.parametrize("name", LAWS)


def allowed(points, level):
    """Return the number of errors a correct test exceeds with probability below 1e-7."""
    return binom.ppf(1 - 1e-7, points, level)


def run(test, sampler, replications, seed, chunk=250):
    rng = np.random.default_rng(seed)
    for _ in range(replications // chunk):
        test.update(sampler(rng, (chunk, test.points)))
    return test


# --- expectations ----------------------------------------


def expected_wealth(log_wealth, paths, probability):
    weights = np.where(paths > 0, probability, 1 - probability).prod(axis=0)
    assert weights.sum() == pytest.approx(1.0)
    return float(np.sum(weights * np.exp(log_wealth)))


@pytest.mark.parametrize(("size", "probability"), [(1.0, 0.3), (0.5, 0.02), (0.25, 0.9)])
def test_betting_wealth_is_a_martingale_at_the_mean_and_falls_within_the_null(size, probability):
    paths = size * np.array(list(itertools.product([0.0, 1.0], repeat=10))).T
    for shift in (0.0, 0.07):  # bounds at the mean, then with the mean strictly within either null
        upper = BettingTest(np.full(1024, size * probability + shift), LEVEL, upper=1.0)
        lower = BettingTest(np.full(1024, size * probability - shift), LEVEL, upper=1.0)
        upper.update(paths)
        lower.update(paths)
        if size * probability > shift:
            inside = expected_wealth(lower.log_wealth_against_lower, paths, probability)
            assert inside == pytest.approx(1.0, abs=1e-12) if shift == 0 else inside < 1 - 1e-6
        inside = expected_wealth(upper.log_wealth_against_upper, paths, probability)
        assert inside == pytest.approx(1.0, abs=1e-12) if shift == 0 else inside < 1 - 1e-6


@pytest.mark.parametrize("cap", [0.2, 1.0, 3.0])
def test_capped_wealth_is_a_martingale_at_the_extremal_law(cap):
    mean, size = 0.7, 0.7 * (1 + cap**2)
    paths = size * np.array(list(itertools.product([0.0, 1.0], repeat=8))).T
    for bound, low, high in ((mean, 1 - 1e-12, 1 + 1e-12), (0.6 * mean, 0.0, 1 - 1e-6)):
        test = NonnegativeTest(np.full(256, bound), LEVEL, cap=cap)
        test.update(paths)
        assert low <= expected_wealth(test.log_wealth_against_lower, paths, mean / size) <= high


def test_wealth_equals_its_definition():
    x = np.random.default_rng(8).beta(2, 5, (300, 1))
    m = 0.3
    test, free = BettingTest(m, LEVEL, upper=1.5), NonnegativeTest(m, LEVEL, cap=0.9)
    test.update(x)
    free.update(x)
    above = np.log(WEIGHTS @ np.prod(1 + BETS[:, None] * (x[:, 0] / m - 1), axis=1))
    below = np.log(WEIGHTS @ np.prod(1 - BETS[:, None] * (x[:, 0] - m) / (1.5 - m), axis=1))
    phi = (0.81 + np.exp(-TILTS * 1.81)) / 1.81
    capped = np.log(np.mean(np.prod(np.exp(-TILTS[:, None] * x[:, 0] / m) / phi[:, None], axis=1)))
    np.testing.assert_allclose(test.log_wealth_against_upper, above, rtol=1e-10)
    np.testing.assert_allclose(test.log_wealth_against_lower, below, rtol=1e-10)
    np.testing.assert_allclose(free.log_wealth_against_upper, above, rtol=1e-10)
    np.testing.assert_allclose(free.log_wealth_against_lower, capped, rtol=1e-10)


def test_asymptotic_wealth_has_expectation_one_under_its_gaussian_and_no_huge_cancellation():
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = 1.2  # z is normal with variance 1 - 1/spread
    wealth = np.exp(asymptotic_log_wealth(nodes * np.sqrt(1 - 1 / spread), spread))
    assert float(weights @ wealth) / np.sqrt(2 * np.pi) == pytest.approx(1.0, abs=1e-4)
    far = asymptotic_log_wealth(-np.logspace(0, 200, 2001), 10.0)
    assert (np.diff(far) <= 0).all()


# --- limits ----------------------------------------


@law
@pytest.mark.parametrize("as_moments", [False, True])
def test_limits_cover_the_mean(name, as_moments):
    sampler, mean = LAWS[name]
    x = sampler(np.random.default_rng(16), (50, POINTS))
    lower, upper = confidence_bounds(Moments.of(x) if as_moments else x[:, :], 0.05, 1.0)
    assert (lower > mean).sum() <= allowed(POINTS, 0.05)
    assert (upper < mean).sum() <= allowed(POINTS, 0.05)
    assert (lower <= x.mean(axis=0)).all()
    assert (upper >= x.mean(axis=0)).all()


def test_widths_are_those_of_the_measured_table():
    x = np.random.default_rng(17).beta(40, 200, (200, 500))
    _, upper = confidence_bounds(x, 0.025, 1.0)
    assert np.mean(upper - x.mean(axis=0)) * 6 == pytest.approx(0.124, abs=0.004)
    lower, upper = confidence_bounds(x, 0.05, 1.0)
    assert np.mean(upper - x.mean(axis=0)) * 6 == pytest.approx(0.104, abs=0.004)
    assert np.mean(x.mean(axis=0) - lower) * 6 == pytest.approx(0.030, abs=0.004)


@law
@pytest.mark.parametrize("replications", [1, 30, 1000])
def test_limits_from_moments_enclose_the_exact_ones_closely(name, replications):
    x = LAWS[name][0](np.random.default_rng(18), (replications, 50))
    lower, upper = confidence_bounds(x, 0.05, 1.0)
    loose_lower, loose_upper = confidence_bounds(Moments.of(x), 0.05, 1.0)
    assert (loose_lower <= lower * (1 + 1e-7)).all()
    assert (loose_upper >= upper * (1 - 1e-7)).all()
    if name == "beta" and replications > 100:
        assert np.mean(loose_upper - loose_lower) < 1.1 * np.mean(upper - lower)


@law
def test_limits_are_the_ends_of_the_rejected_means(name):
    x = LAWS[name][0](np.random.default_rng(19), (400, 20))
    lower, upper = confidence_bounds(x, LEVEL, 1.0)
    for limit, side in ((lower, "log_wealth_against_upper"), (upper, "log_wealth_against_lower")):
        for factor in (1 - 1e-6, 1 + 1e-6):
            test = BettingTest(limit * factor, LEVEL)
            test.update(x)
            beyond = (factor < 1) == (side == "log_wealth_against_upper")
            np.testing.assert_array_equal(getattr(test, side) >= -np.log(LEVEL), beyond)


def test_verdicts_and_intervals_agree_and_scale_with_the_range():
    sampler, mean = LAWS["beta"]
    bounds = mean * np.linspace(0.8, 1.2, 41)
    test = run(BettingTest(bounds, LEVEL), sampler, 1000, seed=20)
    scaled = run(BettingTest(7 * bounds, LEVEL, upper=7.0), lambda *a: 7 * sampler(*a), 1000, seed=20)
    np.testing.assert_array_equal(test.decision, scaled.decision)
    np.testing.assert_allclose(scaled.interval()[0], 7 * test.interval()[0], rtol=1e-7)
    lower, upper = test.interval()
    assert (upper[test.decision == HOLDS] <= bounds[test.decision == HOLDS]).all()
    assert (lower[test.decision == REFUTED] >= bounds[test.decision == REFUTED]).all()
    open_ = test.undecided
    assert ((lower < bounds) & (bounds < upper))[open_].all()
    assert open_.any()


def test_capped_and_asymptotic_limits_invert_their_tests():
    x = np.random.default_rng(21).gamma(4.0, 0.5, (600, 3))
    upper = capped_upper_limit(Moments.of(x), LEVEL, np.full(3, 0.7))
    gauss_lower, gauss_upper = asymptotic_limits(Moments.of(x), LEVEL, 256)
    for factor in (1 - 1e-6, 1 + 1e-6):
        test = NonnegativeTest(upper * factor, LEVEL, cap=0.7)
        test.update(x)
        np.testing.assert_array_equal(test.log_wealth_against_lower >= -np.log(LEVEL), factor > 1)
        gauss = AsymptoticTest(gauss_upper * factor, LEVEL)
        gauss.update(x)
        np.testing.assert_array_equal(gauss.log_wealth_against_lower >= -np.log(LEVEL), factor > 1)
        gauss = AsymptoticTest(gauss_lower * factor, LEVEL)
        gauss.update(x)
        np.testing.assert_array_equal(gauss.log_wealth_against_upper >= -np.log(LEVEL), factor < 1)


def test_long_streams_need_no_stored_samples_and_stay_tight():
    test = BettingTest(np.full(8, 0.17), LEVEL)
    run(test, LAWS["beta"][0], 40_000, seed=22, chunk=10_000)
    lower, upper = test.interval()
    assert isinstance(test._samples(), Moments)
    assert ((lower < 1 / 6) & (upper > 1 / 6)).all()
    assert (upper - lower < 0.012 / 6).all()
    assert test.replications == 40_000
    np.testing.assert_allclose(test.mean, 1 / 6, rtol=0.01)


def test_clopper_pearson_matches_scipy_and_certifies_with_zero_events():
    for k, n in ((0, 10), (3, 10), (10, 10), (17, 400)):
        expected = binomtest(k, n).proportion_ci(0.98, method="exact")
        lower, upper = clopper_pearson(k, n, 0.01)
        np.testing.assert_allclose([lower, upper], [expected.low, expected.high], rtol=1e-9, atol=1e-12)
    for n, delta, level in ((90, 0.05, 0.01), (135, 0.05, 0.001), (459, 0.01, 0.01), (688, 0.01, 0.001)):
        assert clopper_pearson(0, n, level)[1] <= delta < clopper_pearson(0, n - 1, level)[1]
    with pytest.raises(ValueError, match="events"):
        clopper_pearson(3, 2, 0.05)
