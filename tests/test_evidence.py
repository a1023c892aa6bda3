"""Sequential tests: edges, independence of the chunks, exact decisions and errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.evidence import (
    AsymptoticTest,
    BettingTest,
    BinomialTest,
    Decision,
    NonnegativeTest,
    SampleError,
    confidence_bounds,
    exact_decision,
)

LEVEL = 0.01
HOLDS, REFUTED, UNDECIDED = Decision.HOLDS, Decision.REFUTED, Decision.UNDECIDED


# --- edges ----------------------------------------


def test_bounds_the_range_decides():
    test = BettingTest([1.0, 2.0, -0.1, 0.0, 0.0, np.inf], LEVEL, upper=[1.0, 1.0, 1.0, 1.0, 0.0, 1.0])
    assert list(test.decision) == [HOLDS, HOLDS, REFUTED, UNDECIDED, HOLDS, HOLDS]
    assert list(test.vacuous) == [True, True, False, False, True, True]
    assert list(test.decided_at) == [0, 0, 0, -1, 0, 0]
    test.update(np.zeros((5000, 6)))
    assert test.decision[3] is UNDECIDED
    test.update([[0.5, 0.5, 0.5, 1e-9, 0.0, 0.5]])
    assert test.decision[3] is REFUTED
    assert test.decided_at[3] == 5001
    assert np.isfinite(test.interval()).all()


def test_bounds_the_range_decides_for_the_other_claims():
    lower = BettingTest([0.0, -1.0, 1.1, 1.0], LEVEL, claim="lower")
    assert list(lower.decision) == [HOLDS, HOLDS, REFUTED, UNDECIDED]
    lower.update(np.ones((500, 4)))
    assert lower.decision[3] is UNDECIDED
    lower.update(np.full((1, 4), 0.999))
    assert lower.decision[3] is REFUTED
    equal = BettingTest([-0.1, 0.0, 1.3, 0.99], LEVEL, claim="equal", margin=0.1)
    assert list(equal.decision) == [REFUTED, UNDECIDED, REFUTED, UNDECIDED]
    equal.update(np.full((800, 4), 0.97))  # one side of the last margin is proved by the range
    assert list(equal.decision[1:]) == [REFUTED, REFUTED, HOLDS]
    assert NonnegativeTest(np.inf, LEVEL).vacuous.all()
    assert AsymptoticTest(np.inf, LEVEL).vacuous.all()


def test_sure_bounds_are_refuted_by_the_first_violation():
    test = BinomialTest([0.0, 0.0], LEVEL)
    test.update(np.zeros((10_000, 2), dtype=bool))
    assert test.undecided.all()
    test.update([[False, True]])
    assert list(test.decision) == [UNDECIDED, REFUTED]
    assert list(test.events) == [0, 1]
    assert test.fixed_size_limits()[1][0] == pytest.approx(1 - LEVEL ** (1 / 10_001))


def test_constant_samples_and_short_ones_are_no_asymptotic_evidence():
    test = AsymptoticTest([0.0, 1.0], LEVEL)
    test.update(np.column_stack([np.full(1000, 0.1), np.random.default_rng(23).random(1000)])[:255])
    assert test.undecided.all()
    assert np.isinf(test.interval()).all()
    test.update(np.column_stack([np.full(1000, 0.1), np.random.default_rng(23).random(1000)]))
    assert list(test.decision) == [UNDECIDED, HOLDS]
    assert np.isinf(test.interval()[1][0])


def test_equality_is_refuted_when_the_average_wealth_reaches_the_level():
    x = np.random.default_rng(27).beta(40, 200, (400, 1))
    test, average = BettingTest(0.2, LEVEL, claim="equal", margin=0.05), []
    for row in x:
        test.update(row[None])
        wealths = [test.log_wealth_against_upper[0], test.log_wealth_against_lower[0]]
        average.append(np.exp(wealths).mean())
    assert test.decision[0] is REFUTED
    assert test.decided_at[0] == 1 + np.argmax(np.array(average) >= 1 / LEVEL)


def test_equality_holds_once_each_side_has_been_certified_at_some_time():
    x = np.concatenate([np.full((25, 1), 0.38), np.full((100, 1), 0.9)])  # drifts, to part the two times
    test = BettingTest(0.5, LEVEL, claim="equal", margin=0.2)
    below, above = BettingTest(0.6, LEVEL, claim="upper"), BettingTest(0.4, LEVEL, claim="lower")
    for each in (test, below, above):
        each.update(x)
    assert below.decided_at[0] <= 25 < above.decided_at[0]
    assert [each.decision[0] for each in (test, below, above)] == [HOLDS, HOLDS, HOLDS]
    assert test.decided_at[0] == above.decided_at[0]


def test_large_offsets_do_not_cancel():
    x = 1e8 + np.random.default_rng(26).normal(0.0, 1.0, (1000, 3))
    test = AsymptoticTest(1e8 + np.array([-0.3, 0.0, 0.3]), LEVEL)
    test.update(x[:10])
    test.update(x[10:])
    assert list(test.decision) == [REFUTED, UNDECIDED, HOLDS]
    lower, upper = test.interval()
    assert ((upper - lower > 0.1) & (upper - lower < 0.4)).all()


def test_decisions_once_made_stay():
    test = BettingTest(0.5, LEVEL)
    test.update(np.full((50, 1), 0.1))
    assert test.decision[0] is HOLDS
    at = test.decided_at[0]
    test.update(np.full((3000, 1), 0.9))
    assert test.decision[0] is HOLDS
    assert test.decided_at[0] == at
    assert test.log_wealth_against_upper[0] > -np.log(LEVEL)
    assert test.interval()[1] == 0.5  # nor do the limits leave the verdict


@pytest.mark.parametrize("bound", [1e-300, 1e-12, 1e-3])
def test_extreme_ratios_neither_overflow_nor_lose_the_verdict(bound):
    x = np.random.default_rng(24).random((200, 40))
    test, free = BettingTest(np.full(40, bound), LEVEL), NonnegativeTest(np.full(40, bound), LEVEL, cap=2.0)
    for each in (test, free):
        each.update(x)
        assert (each.decision == REFUTED).all()
        assert np.isfinite(each.log_wealth_against_upper).all()
        assert np.isfinite(each.interval()[0]).all()
    tiny = BettingTest(np.full(40, 0.5), LEVEL)
    tiny.update(np.zeros((20_000, 40)))
    assert (tiny.decision == HOLDS).all()
    assert np.isfinite(tiny.log_wealth_against_upper).all()
    assert (tiny.interval()[0] == 0).all()


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 700), max_size=8),
    kind=st.sampled_from(["bet", "equal", "free", "asymptotic", "binomial"]),
    points=st.sampled_from([3, 40]),
)
def test_results_do_not_depend_on_the_chunks(cuts, kind, points):
    x = np.random.default_rng(25).beta(40, 200, (700, points))
    bounds = np.linspace(0.12, 0.22, points)
    makers = {
        "bet": lambda: BettingTest(bounds, LEVEL),
        "equal": lambda: BettingTest(bounds, LEVEL, claim="equal", margin=0.1),
        "free": lambda: NonnegativeTest(bounds, LEVEL, cap=0.3),
        "asymptotic": lambda: AsymptoticTest(bounds, LEVEL),
        "binomial": lambda: BinomialTest(bounds, LEVEL),
    }
    x = (x > 0.2).astype(float) if kind == "binomial" else x
    whole, parts = makers[kind](), makers[kind]()
    whole.update(x)
    for start, stop in itertools.pairwise([0, *sorted(cuts), 700]):
        parts.update(x[start:stop])
    np.testing.assert_array_equal(whole.decision, parts.decision)
    np.testing.assert_array_equal(whole.decided_at, parts.decided_at)
    np.testing.assert_allclose(whole.log_wealth_against_upper, parts.log_wealth_against_upper, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole.interval(), parts.interval(), rtol=1e-9)


# --- laws, errors ----------------------------------------


def test_exact_decisions():
    values = np.array([1.0, 1.0 + 1e-12, 1.0 + 1e-6, 0.5])
    assert list(exact_decision(values, 1.0)) == [HOLDS, HOLDS, REFUTED, HOLDS]
    assert list(exact_decision(values, 1.0, "lower")) == [HOLDS, HOLDS, HOLDS, REFUTED]
    assert list(exact_decision(values, 1.0, "equal")) == [HOLDS, HOLDS, REFUTED, REFUTED]
    assert exact_decision(1e-30, 0.0)[()] is REFUTED
    assert exact_decision(2.0, np.inf)[()] is HOLDS
    assert exact_decision(-1.0, -1.0 - 1e-12)[()] is HOLDS
    with pytest.raises(ValueError, match="NaN"):
        exact_decision(np.nan, 1.0)


@pytest.mark.parametrize(
    ("make", "bad"),
    [
        (lambda: BettingTest(np.full(3, 0.5), LEVEL), 1.0 + 1e-9),
        (lambda: BettingTest(np.full(3, 0.5), LEVEL), -1e-9),
        (lambda: BettingTest(np.full(3, 0.5), LEVEL, upper=0.6), 0.7),
        (lambda: NonnegativeTest(np.full(3, 0.5), LEVEL), -1e-9),
        (lambda: NonnegativeTest(np.full(3, 0.5), LEVEL), np.inf),
        (lambda: AsymptoticTest(np.full(3, 0.5), LEVEL), np.nan),
        (lambda: BinomialTest(np.full(3, 0.5), LEVEL), 0.5),
    ],
)
def test_a_value_out_of_range_is_named_and_leaves_the_test_as_it_was(make, bad):
    test = make()
    test.update(np.zeros((7, 3)))
    x = np.zeros((4, 3))
    x[2, 1] = bad
    with pytest.raises(SampleError, match="replication 9, point 1") as caught:
        test.update(x)
    assert (caught.value.replication, caught.value.point) == (9, 1)
    assert caught.value.value == bad or np.isnan(bad)
    assert test.replications == 7


def test_rounding_beyond_the_range_is_tolerated():
    test = BettingTest(0.5, LEVEL, upper=0.75)
    test.update([[0.75 * (1 + 5e-13)], [-1e-13]])
    assert test.replications == 2
    assert test.interval()[1] <= 0.75


def test_bad_arguments_are_errors():
    for arguments in (
        {"level": 0.0},
        {"level": 1.0},
        {"claim": "sideways"},
        {"claim": "equal"},
        {"margin": 0.1},
        {"upper": np.inf},
        {"upper": -1.0},
        {"bound": np.nan},
        {"bound": np.zeros((2, 2))},
    ):
        with pytest.raises(ValueError):
            BettingTest(**({"bound": 0.5, "level": LEVEL} | arguments))
    with pytest.raises(ValueError, match="cap"):
        NonnegativeTest(0.5, LEVEL, cap=-1.0)
    with pytest.raises(ValueError, match="burn-in"):
        AsymptoticTest(0.5, LEVEL, burn_in=1)
    with pytest.raises(ValueError, match=r"\(R, 1\)"):
        BettingTest(0.5, LEVEL).update(np.zeros(5))
    with pytest.raises(ValueError, match="upper"):
        confidence_bounds(np.full((2, 1), 1.5), LEVEL, 1.0)


def test_before_any_replication():
    test = BettingTest(0.5, LEVEL, upper=0.75)
    test.update(np.zeros((0, 1)))
    assert test.replications == 0
    assert np.isnan(test.mean).all()
    assert [float(v[0]) for v in test.interval()] == [0.0, 0.75]
    assert list(test.decision) == [UNDECIDED]
    assert test.method == "betting e-process"
    assert test.guarantee == "finite-sample"
