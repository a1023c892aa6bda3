"""Sequential tests: rates of wrong verdicts, power and negative controls. Seeds are fixed."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from verify.evidence import (
    AsymptoticTest,
    BettingTest,
    BinomialTest,
    Decision,
    Guarantee,
    NonnegativeTest,
    replications_needed,
    replications_needed_capped,
)

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


def count(test, decision):
    return int((test.decision == decision).sum())


# --- wrong verdicts ----------------------------------------


@law
@pytest.mark.parametrize("claim", ["upper", pytest.param("lower", marks=pytest.mark.slow)])
def test_both_verdicts_at_a_tight_bound_stay_below_the_level(name, claim):
    sampler, mean = LAWS[name]
    test = run(BettingTest(np.full(POINTS, mean), LEVEL, claim=claim), sampler, 1000, seed=1)
    assert count(test, REFUTED) <= allowed(POINTS, LEVEL)
    assert count(test, HOLDS) <= allowed(POINTS, LEVEL)


@pytest.mark.slow
@law
@pytest.mark.parametrize("edge", [1 / 1.2, 1 / 0.8])
def test_equality_errs_below_the_level_at_the_edges_of_its_margin(name, edge):
    sampler, mean = LAWS[name]
    test = run(BettingTest(np.full(POINTS, mean * edge), LEVEL, claim="equal", margin=0.2), sampler, 1000, seed=2)
    assert count(test, REFUTED) <= allowed(POINTS, LEVEL)
    assert count(test, HOLDS) <= allowed(POINTS, LEVEL)


@pytest.mark.slow
@law
def test_unbounded_test_errs_below_the_level_with_and_without_its_cap(name):
    sampler, mean = LAWS[name]
    deviation = {"rare-jump": 0.9 * np.sqrt(0.01 * 0.99), "beta": beta.std(40, 200), "bernoulli": 0.05**0.5}
    cap = 1.01 * deviation[name] / mean
    test = run(NonnegativeTest(np.full(POINTS, mean), LEVEL, cap=cap), sampler, 1000, seed=3)
    assert count(test, REFUTED) <= allowed(POINTS, LEVEL)
    assert count(test, HOLDS) <= allowed(POINTS, LEVEL)
    free = run(NonnegativeTest(np.full(POINTS, 2 * mean), LEVEL), sampler, 250, seed=4)
    assert count(free, HOLDS) == 0
    assert np.isinf(free.interval()[1]).all()


def test_exponential_squared_errors_are_not_falsely_refuted():
    test = NonnegativeTest(np.full(POINTS, 3.0), LEVEL, cap=np.sqrt(5.0))
    run(test, lambda rng, size: 1.5 * rng.exponential(1.0, size) ** 2, 1000, seed=5)  # mean 3, cv sqrt(5)
    assert count(test, REFUTED) <= allowed(POINTS, LEVEL)
    assert count(test, HOLDS) <= allowed(POINTS, LEVEL)


def test_indicators_err_below_the_level():
    test = run(BinomialTest(np.full(POINTS, 0.05), LEVEL), LAWS["bernoulli"][0], 2000, seed=6)
    assert count(test, REFUTED) <= allowed(POINTS, LEVEL)
    assert count(test, HOLDS) <= allowed(POINTS, LEVEL)


def test_asymptotic_test_errs_at_its_level_for_a_gaussian():
    test = AsymptoticTest(np.full(1500, -0.5), LEVEL)
    run(test, lambda rng, size: rng.normal(-0.5, 2.0, size), 2000, seed=7)
    assert count(test, REFUTED) <= allowed(1500, 1.5 * LEVEL)  # the level itself is only a limit
    assert count(test, HOLDS) <= allowed(1500, 1.5 * LEVEL)
    assert test.guarantee is Guarantee.ASYMPTOTIC


# --- power and negative controls ----------------------------------------


@pytest.mark.parametrize(("name", "cv"), [("beta", 0.1441), ("bernoulli", 4.36), ("rare-jump", 0.8215)])
@pytest.mark.parametrize("slack", [0.5, -0.4])
def test_true_slack_is_decided_within_three_times_the_rule_of_thumb(name, cv, slack):
    sampler, mean = LAWS[name]
    needed = int(replications_needed(LEVEL, slack, cv, mean, 1.0))
    test = run(BettingTest(np.full(200, mean * (1 + slack)), LEVEL), sampler, 3 * needed, 9, needed // 2)
    expected = HOLDS if slack > 0 else REFUTED
    assert count(test, expected) >= 190
    ratio = np.median(test.decided_at) / needed
    assert ratio <= 1.7
    assert ratio >= 0.5 or name == "rare-jump"  # where the rare jumps make the variance, not the evidence


def test_halved_bound_is_refuted_everywhere_and_doubled_holds():
    for name, (sampler, mean) in LAWS.items():
        refuted = run(BettingTest(np.full(100, mean / 2), 1e-4), sampler, 3000, seed=10)
        assert count(refuted, REFUTED) == 100, name
        holds = run(BettingTest(np.full(100, mean * 2), 1e-4), sampler, 3000, seed=10)
        assert count(holds, HOLDS) == 100, name
        free = run(NonnegativeTest(np.full(100, mean / 2), 1e-4), sampler, 3000, seed=10)
        assert count(free, REFUTED) == 100, name


def test_lower_claims_mirror_upper_claims():
    sampler, mean = LAWS["beta"]
    bounds = mean * np.array([0.5, 1.5])
    assert list(run(BettingTest(bounds, LEVEL, claim="lower"), sampler, 500, 11).decision) == [HOLDS, REFUTED]
    assert list(run(BettingTest(bounds, LEVEL), sampler, 500, 11).decision) == [REFUTED, HOLDS]
    free = NonnegativeTest(bounds, LEVEL, claim="lower", cap=0.3)
    assert list(run(free, sampler, 500, 11).decision) == [HOLDS, REFUTED]
    gauss = AsymptoticTest(bounds, LEVEL, claim="lower")
    assert list(run(gauss, sampler, 500, 11).decision) == [HOLDS, REFUTED]


@pytest.mark.parametrize("kind", [BettingTest, NonnegativeTest, AsymptoticTest])
def test_equality_holds_within_and_is_refuted_outside_its_margin(kind):
    sampler, mean = LAWS["beta"]
    options = {"cap": 0.3} if kind is NonnegativeTest else {}
    test = kind(mean * np.array([1.0, 1.2, 0.8]), LEVEL, claim="equal", margin=0.1, **options)
    run(test, sampler, 3000, seed=12)
    assert list(test.decision) == [HOLDS, REFUTED, REFUTED]
    lower, upper = test.interval()
    assert lower[0] >= 0.9 * mean
    assert upper[0] <= 1.1 * mean


def test_equality_of_a_negative_mean():
    test = AsymptoticTest(np.array([-2.0, -1.5, -2.6]), LEVEL, claim="equal", margin=0.1)
    run(test, lambda rng, size: rng.normal(-2.0, 0.5, size), 1000, seed=13)
    assert list(test.decision) == [HOLDS, REFUTED, REFUTED]


def test_cap_spares_replications_as_its_rule_of_thumb_says():
    needed = float(replications_needed_capped(LEVEL, 0.2, 0.3))
    by_range = float(replications_needed(LEVEL, 0.2, 0.15, 0.03, 1.0))
    assert needed == pytest.approx(69, rel=0.1)
    assert by_range == pytest.approx(947, rel=0.1)
    shape = 1 / 0.15**2

    def gamma(rng, size):
        return rng.gamma(shape, 0.03 / shape, size)

    test = run(NonnegativeTest(np.full(200, 0.036), LEVEL, cap=0.3), gamma, 300, 14, 10)
    assert 0.7 <= np.median(test.decided_at[test.decision == HOLDS]) / needed <= 1.3
    assert count(test, HOLDS) == 200
    wrong = run(NonnegativeTest(np.full(POINTS, 1 / 6), LEVEL, cap=0.05), LAWS["beta"][0], 500, 15)
    assert count(wrong, HOLDS) > 2 * allowed(POINTS, LEVEL)  # a wrong cap shows: the control of the control


def test_indicator_counts_of_the_specification():
    for delta, few, many in ((0.05, 105, 135), (0.01, 560, 680)):
        test = BinomialTest(delta, LEVEL)
        test.update(np.zeros((1000, 1), dtype=bool))
        assert few <= test.decided_at[0] <= many
        assert test.decision[0] is HOLDS
