"""Confidence limits of quantiles cover at their level, tighten, and agree with the e-processes on indicators."""

from __future__ import annotations

import numpy as np
import pytest

from verify.evidence import BinomialTest
from verify.quantiles import fewest_events, most_events, quantile_limits


@pytest.mark.parametrize(("delta", "level"), [(0.05, 1e-3), (0.2, 0.05), (0.01, 1e-6)])
def test_counts_are_those_that_decide_the_indicators(delta: float, level: float) -> None:
    trials = 3000
    most, fewest = most_events(trials, delta, level), fewest_events(trials, delta, level)
    assert 0 <= most < delta * trials < fewest <= trials

    def wealth(events: int) -> tuple[float, float]:
        x = np.zeros((trials, 1))
        x[:events] = 1.0
        test = BinomialTest(delta, level)
        test.update(np.random.default_rng(events).permutation(x))
        return float(test.log_wealth_against_lower[0]), float(test.log_wealth_against_upper[0])

    needed = -np.log(level)
    assert wealth(most)[0] >= needed > wealth(most + 1)[0]
    assert wealth(fewest)[1] >= needed > wealth(fewest - 1)[1]


def test_coverage_at_a_data_dependent_time() -> None:
    delta, level, rng = 0.2, 0.05, np.random.default_rng(5)
    missed_low = missed_high = 0
    for _ in range(400):
        sample = rng.random((600, 1))  # the quantile is 0.8
        for size in (100, 200, 400, 600):
            lower, upper = quantile_limits(sample[:size], delta, level)
            if not lower[0] <= 0.8 <= upper[0]:  # stop where it looks worst
                missed_low += bool(lower[0] > 0.8)
                missed_high += bool(upper[0] < 0.8)
                break
    # more than 46 misses of 400 have probability below 1e-6 at level 0.05 each
    assert missed_low <= 46
    assert missed_high <= 46
    assert missed_low + missed_high > 0, "the limits never miss: they say too little to be controlled here"


def test_limits_tighten_and_are_infinite_without_evidence() -> None:
    sample = np.random.default_rng(0).random((20_000, 3))
    lower, upper = quantile_limits(sample, 0.1, 1e-6)
    assert (lower > 0.87).all()
    assert (upper < 0.93).all()
    assert ((lower < 0.9) & (upper > 0.9)).all()
    few = quantile_limits(sample[:5], 0.1, 1e-6)
    assert np.isneginf(few[0]).all()
    assert np.isposinf(few[1]).all()


def test_ties_and_constants() -> None:
    lower, upper = quantile_limits(np.ones((5000, 1)), 0.05, 1e-3)
    assert lower[0] == upper[0] == 1.0
