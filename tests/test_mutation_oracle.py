"""The oracle of mutation against planted truths, and its rule of thumb against the tests it speaks of."""

from __future__ import annotations

import numpy as np
import pytest

from bounds import Kind
from verify.case import Bounded, Exponent, Nonnegative, Signed, Unbounded
from verify.evidence import BettingTest, Decision
from verify.mutation_oracle import judge_exact, judge_exceedance, judge_exponents, judge_sampled

LEVEL = 1e-7
SEED = 20_261_121
NOWHERE = lambda seed: iter(())  # noqa: E731 (blocks that no oracle reads)


def beta(mean: float, size: int = 4000, strength: float = 40.0) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng([SEED, round(1e6 * mean), size])
    return rng.beta(mean * strength, (1 - mean) * strength, (size, 1))


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        (Kind.UPPER, (0.1, 0.299), (0.3, 0.301, 5.0)),
        (Kind.LOWER, (0.301, 2.0), (0.3, 0.299, -1.0)),
        (Kind.EQUALITY, (0.299, 0.301, -0.3), (0.3,)),
    ],
)
def test_exact_values_decide(kind: Kind, wrong: tuple[float, ...], right: tuple[float, ...]) -> None:
    bounds = np.array([*wrong, *right])[:, None]
    judgement = judge_exact(kind, bounds, np.array([0.3]))
    expected = [True] * len(wrong) + [False] * len(right)
    assert judgement.wrong[:, 0].tolist() == expected
    assert judgement.right[:, 0].tolist() == [not flag for flag in expected]
    assert not judgement.needed.any()


def test_rounding_decides_nothing() -> None:
    judgement = judge_exact(Kind.UPPER, np.array([[0.3 * (1 - 1e-9)]]), np.array([0.3]))
    assert not (judgement.wrong | judgement.right).any()


@pytest.mark.parametrize("mean", [0.03, 0.2, 0.7])
def test_means_in_a_range_decide_what_is_far_and_leave_what_is_near(mean: float) -> None:
    bounds = mean * np.array([0.5, 0.8, 1.0, 1.3, 3.0])[:, None]
    evidence = Bounded(blocks=NOWHERE)
    upper = judge_sampled(Kind.UPPER, evidence, bounds, beta(mean), LEVEL, 0.0)
    assert upper.wrong[:, 0].tolist() == [True, True, False, False, False]
    assert upper.right[:, 0].tolist() == [False, False, False, True, True]
    lower = judge_sampled(Kind.LOWER, evidence, bounds, beta(mean), LEVEL, 0.0)
    assert lower.wrong[:, 0].tolist() == [False, False, False, True, True]
    assert lower.right[:, 0].tolist() == [True, True, False, False, False]
    equal = judge_sampled(Kind.EQUALITY, evidence, bounds, beta(mean), LEVEL, 0.02)
    assert equal.wrong[[0, 1, 2, 4], 0].tolist() == [True, True, False, True]


def test_what_is_never_seen_may_still_be_there() -> None:
    sample = np.zeros((1000, 1))
    judgement = judge_sampled(Kind.UPPER, Bounded(blocks=NOWHERE), np.array([[0.01], [0.02]]), sample, LEVEL, 0.0)
    assert judgement.right[:, 0].tolist() == [False, True]  # an atom at 1 of probability 0.016 may hide


def test_absolute_values_are_judged_by_both_signs() -> None:
    sample = 0.4 - beta(0.7)  # mean -0.3
    bounds = np.array([[0.1], [0.3], [0.5]])
    judgement = judge_sampled(Kind.UPPER, Signed(blocks=NOWHERE, reach=1.0), bounds, sample, LEVEL, 0.0)
    assert judgement.wrong[:, 0].tolist() == [True, False, False]
    assert judgement.right[:, 0].tolist() == [False, False, True]
    across = judge_sampled(Kind.UPPER, Signed(blocks=NOWHERE, reach=1.0), bounds, 0.7 - beta(0.7), LEVEL, 0.0)
    assert across.right[:, 0].tolist() == [True, True, True]


@pytest.mark.parametrize(
    "evidence",
    [Nonnegative(blocks=NOWHERE, cap=1.0), Nonnegative(blocks=NOWHERE, cap=np.inf), Unbounded(blocks=NOWHERE)],
)
def test_means_without_a_range(evidence: Nonnegative | Unbounded) -> None:
    sample = np.random.default_rng(SEED).exponential(2.0, (4000, 1))
    judgement = judge_sampled(Kind.UPPER, evidence, np.array([[1.0], [2.0], [4.0]]), sample, LEVEL, 0.0)
    assert judgement.wrong[:, 0].tolist() == [True, False, False]
    assert judgement.right[:, 0].tolist() == [False, False, True]
    assert 500 < judgement.needed[0, 0] < 2000 or isinstance(evidence, Nonnegative)
    below = judge_sampled(Kind.LOWER, evidence, np.array([[4.0]]), sample, LEVEL, 0.0)
    assert below.wrong.all()  # but no number of replications shows it without a cap
    assert np.isinf(below.needed[0, 0]) == (getattr(evidence, "cap", 1.0) == np.inf)


@pytest.mark.parametrize("claim", ["upper", "lower"])
@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("mean", [0.05, 0.3])
def test_the_rule_foresees_the_replications_of_a_refutation(claim: str, factor: float, mean: float) -> None:
    if (factor < 1) != (claim == "upper"):
        return
    kind = Kind.UPPER if claim == "upper" else Kind.LOWER
    bound = np.array([[mean * factor]])
    needed = judge_sampled(kind, Bounded(blocks=NOWHERE), bound, beta(mean), LEVEL, 0.0).needed[0, 0]
    test = BettingTest(bound[0], LEVEL, 1.0, claim)  # type: ignore[arg-type]
    test.update(beta(mean, 8001))
    assert test.decision[0] is Decision.REFUTED
    assert needed / 3 < test.decided_at[0] < 1.5 * needed


def test_a_slack_that_no_number_of_replications_resolves_is_not_asked_for() -> None:
    rare = np.zeros((100_000, 1))
    rare[::100] = 1.0  # a coefficient of variation of about 10
    bounds = np.array([[0.0075], [0.004]])
    judgement = judge_sampled(Kind.UPPER, Bounded(blocks=NOWHERE), bounds, rare, LEVEL, 0.0)
    assert np.isinf(judgement.needed[:, 0]).tolist() == [True, False]


def test_exceedances_are_judged_by_binomial_limits() -> None:
    sample = np.random.default_rng(SEED).uniform(size=(2000, 3))
    originals = np.full(3, 0.999)
    bounds = np.array([[0.5] * 3, [0.98] * 3, [1.0] * 3, [0.9999, 0.9999, 0.95], [0.999] * 3])
    judgement = judge_exceedance(bounds, originals, sample, LEVEL, 0.05)
    assert judgement.wrong[:, 0].tolist() == [True, False, False, False, False]
    assert judgement.right[:, 0].tolist() == [False, False, True, False, True]
    assert judgement.low[0, 0] < 1 - 0.5**3 < judgement.high[0, 0]
    assert judgement.needed[0, 0] < 100


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_exponents_are_judged_by_limits_of_the_means(noise: float) -> None:
    path = np.array([[100.0, 200.0, 400.0, 800.0]])
    rng = np.random.default_rng(SEED)
    sample = path**-0.5 * rng.uniform(1 - noise, 1 + noise, (2000, 4))
    evidence = Exponent(along="n", measured=Bounded(blocks=NOWHERE), margin=0.05)
    judgement = judge_exponents(evidence, np.array([[-1.0], [-0.5], [-0.25]]), path, sample)
    assert judgement.wrong[:, 0].tolist() == [True, False, False]
    assert judgement.right[:, 0].tolist() == [False, False, True]  # what is not seen may flatten a little


def test_an_exact_exponent_has_its_margin() -> None:
    judgement = judge_exact(Kind.RATE, np.array([[-0.6], [-0.54], [0.0]]), np.array([-0.5]), 0.05)
    assert judgement.wrong[:, 0].tolist() == [True, False, False]
