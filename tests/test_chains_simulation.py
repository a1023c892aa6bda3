"""Exact laws and paths of chains that forget, against truncated chains and direct sums; negative controls of cases."""

from dataclasses import replace
from fractions import Fraction as Fr

import numpy as np
import pytest
import sympy as sp
from scipy import stats

import sim
from bounds import Kind
from sim.chains import exact_loss, poisson_absence, poisson_blocks, tv_poisson
from verify.cases.chains import CASES as POISSON
from verify.cases.chains_symbols import CASES as SYMBOLS
from verify.checking import check
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING

P = np.array([0.7, 0.2, 0.06, 0.04])
Z = 6.0


# --- Poisson chains ---------------------------------------------------------------------------------------------


def chain(n, mu, alpha, generations, states):
    """Laws of the total of n counts, real and synthetic ones convolved."""
    reals = round(alpha * n)
    k = np.arange(states + 1)
    real, law = stats.poisson.pmf(k, reals * mu), stats.poisson.pmf(k, n * mu)
    for _ in range(generations):
        yield law
        synthetic = law @ stats.poisson.pmf(k, (n - reals) / n * k[:, None])
        law = np.convolve(synthetic, real)[: states + 1]


@pytest.mark.parametrize(("n", "mu", "alpha"), [(10, 0.5, 0.0), (10, 0.5, 0.2), (4, 2.0, 0.5), (3, 0.1, 1.0)])
def test_the_exact_law_is_that_of_the_chain(n, mu, alpha):
    law, k = sim.exact_poisson(n, mu, alpha, 8), np.arange(401)
    distance = [stats.poisson.pmf(np.arange(800), x / n) - stats.poisson.pmf(np.arange(800), mu) for x in k]
    distance = np.abs(distance).sum(axis=1) / 2
    for g, masses in enumerate(chain(n, mu, alpha, 8, 400)):
        assert masses.sum() == pytest.approx(1, abs=1e-12)
        assert law.absence[g] == pytest.approx(masses[0], rel=1e-11)
        assert law.mean[g] == pytest.approx(mu, rel=1e-9)
        assert law.variance[g] == pytest.approx(masses @ (k / n - mu) ** 2, rel=1e-9)
        assert law.tv[g] == pytest.approx(masses @ distance, rel=1e-9)
        assert 0 <= law.lost[g] < 1e-12


def test_a_chain_that_is_cut_too_low_says_so(monkeypatch):
    monkeypatch.setattr("sim.chains._states", lambda mean, generations: 12)
    law = sim.exact_poisson(10, 0.5, 0.0, 8)
    assert law.lost[-1] > 0.05
    assert (law.tv <= sim.exact_poisson(10, 0.5, 0.2, 8).tv + 1).all()


def test_paths_follow_the_exact_law():
    loop, replications = (20, 0.4, 0.1, 10), 20_000
    paths, law = sim.poisson_paths(*loop, replications, np.random.default_rng(1)), sim.exact_poisson(*loop)
    for sample, exact in (
        (paths, law.mean),
        ((paths - 0.4) ** 2, law.variance),
        (paths == 0, law.absence),
        (tv_poisson(paths, 0.4), law.tv),
    ):
        error = np.asarray(sample, dtype=float).std(axis=0) / np.sqrt(replications)
        assert (np.abs(sample.mean(axis=0) - exact) <= Z * error + 1e-3 * exact).all()
    first, again = (next(poisson_blocks(*loop, seed)) for seed in (3, 3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, next(poisson_blocks(*loop, 4)))


def test_total_variation_of_two_poisson_distributions():
    k, means = np.arange(400), np.array([0.0, 1e-12, 0.3, 1.5, 1.5 + 1e-9, 1.7, 80.0])
    for mu in (1e-9, 1.5, 40.0):
        direct = np.abs(stats.poisson.pmf(k, means[:, None]) - stats.poisson.pmf(k, mu)).sum(axis=1) / 2
        assert tv_poisson(means, mu) == pytest.approx(direct, abs=1e-13)
    assert tv_poisson(np.array([1.5]), 1.5) == 0


# --- symbols ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule",
    [
        sim.Replace(),
        sim.Fresh(0.2),
        sim.Stratified(0.2),
        sim.Fixed(0.2),
        sim.Accumulate(),
        sim.Subsample(),
        sim.Expand(1.0),
    ],
    ids=lambda schedule: schedule.name,
)
def test_loss_is_what_does_not_survive(schedule):
    survival = sim.exact_discrete(schedule, 10, P, 6).survival
    assert exact_loss(schedule, 10, P, 6) == pytest.approx(1 - survival, abs=1e-13)


def collapse(n, p, generations):
    """Not all points equal, for two symbols, by exact fractions: 0 < count < n."""
    law = [sp.binomial(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for _ in range(generations):
        yield sum(law[1:n])
        law = [
            sum(law[x] * sp.binomial(n, k) * Fr(x, n) ** k * (1 - Fr(x, n)) ** (n - k) for x in range(n + 1))
            for k in range(n + 1)
        ]


def test_collapse_of_two_symbols():
    exact = [float(x) for x in collapse(5, Fr(1, 4), 60)]
    mixed, expected = sim.exact_collapse(5, np.array([0.25, 0.75]), 60)
    assert mixed == pytest.approx(exact, rel=1e-12)
    rest = exact[-1] * 0.8 / 0.2  # the slowest mode decays by 1 - 1/n a step
    assert expected == pytest.approx(1 + sum(exact) + rest, rel=1e-6)


def test_collapse_of_several_symbols_adds_up():
    mixed, expected = sim.exact_collapse(6, P, 400)
    assert expected == pytest.approx(1 + mixed.sum(), rel=1e-12)
    alone = sum(exact_loss(sim.Replace(), 6, np.array([1 - p]), 400)[:, 0] for p in P)
    assert mixed == pytest.approx(1 - alone, abs=1e-12)  # all points are k when the rest is lost
    for degenerate in ([1.0], [1.0, 0.0]):
        assert sim.exact_collapse(6, np.array(degenerate), 3)[1] == 1
    assert sim.exact_collapse(1, P, 3)[1] == 1


# --- bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("n", (0, 0.5, 0.0, 3)),
        ("n", (2.0, 0.5, 0.0, 3)),
        ("mu", (2, 0.0, 0.0, 3)),
        ("mu", (2, float("nan"), 0.0, 3)),
        ("alpha", (2, 0.5, 1.5, 3)),
        ("alpha", (2, 0.5, 0.3, 3)),
        ("generations", (2, 0.5, 0.5, 0)),
        ("n mu", (100_000, 5.0, 0.0, 3)),
    ],
)
def test_what_a_poisson_chain_refuses(argument, values):
    with pytest.raises(sim.SimulationError) as caught:
        sim.exact_poisson(*values)
    assert argument in str(caught.value)
    if argument != "n mu":
        for function in (poisson_absence, lambda *v: sim.poisson_paths(*v, 2, np.random.default_rng(1))):
            with pytest.raises(sim.SimulationError):
                function(*values)


def test_what_the_others_refuse():
    with pytest.raises(sim.SimulationError, match="replications"):
        sim.poisson_paths(2, 0.5, 0.0, 3, 0, np.random.default_rng(1))
    for wrong in ([0.5, 0.6], [-0.1, 1.1], [[1.0]], []):
        with pytest.raises(sim.SimulationError, match="p must be"):
            sim.exact_collapse(3, np.array(wrong), 2)
    with pytest.raises(sim.SimulationError, match="p must be"):
        exact_loss(sim.Replace(), 3, np.array([1.5]), 2)
    with pytest.raises(sim.SimulationError, match="schedule"):
        exact_loss(sim.Weighted(np.zeros((1, 1)), (3,)), 3, np.array([0.5]), 2)


# --- negative controls ------------------------------------------------------------------------------------------

EXACT = {Kind.UPPER: sp.Rational(9, 10), Kind.LOWER: sp.Rational(13, 10), Kind.EQUALITY: sp.Rational(11, 10)}
LOOSE = {"tv/poisson/stratified": sp.Rational(2, 5), "symbols/missing-mass/replace": sp.Rational(1, 2)}
LOOSE |= {"symbols/collapse/replace": sp.Rational(2, 5), "symbols/collapse-lower/replace": sp.Integer(3)}
LOOSE |= {"symbols/collapse-time/replace": sp.Rational(3, 5), "symbols/collapse-time-lower/replace": sp.Integer(3)}
_LATE = ("fresh", "stratified", "fixed", "subsample")
LOOSE |= {f"symbols/loss-by-variance/{name}": sp.Rational(1, 2) for name in _LATE}
SAMPLED = {Kind.UPPER: sp.Rational(2, 5), Kind.LOWER: sp.Integer(3)}


@pytest.mark.parametrize("case", [*POISSON, *SYMBOLS], ids=lambda case: case.key)
def test_a_false_claim_is_refuted_and_the_true_one_holds(case):
    kind = case.result.kind
    factor = SAMPLED[kind] if case.name == "sampled" else LOOSE.get(case.result.key, EXACT[kind])
    mutant = replace(case, result=replace(case.result, expr=factor * case.result.expr))
    design = case.designs(DEFAULT_SETTING)[0]
    false, true = (check(tried, design, level=1e-7, replications=500_000, seed=7) for tried in (mutant, case))
    assert (false.decision == Decision.REFUTED).any()
    assert (true.decision == Decision.HOLDS).all()
