"""Bounds on curated loops: sharp constants in exact fractions, unrolled recursions, and what is not true."""

from fractions import Fraction
from itertools import pairwise

import curation_groups as groups
import mpmath
import numpy as np
import pytest
from catalogue_properties import check

import bounds
import sim
from bounds.catalogue.curation import RESULTS
from sim.curation import two_atom_law

EXTREMES = {
    "rho": [0.0, 1e-300, 0.3, 0.9, 1 - 1e-9, 1 - 2**-53],
    "nu": [1e-300, 1e-9, 0.1, 0.5, 0.999],
    "mu": [1e-300, 1e-9, 0.3, 0.7, 1 - 2**-53],
    "V": [0.0, 1e-300, 1e-9, 0.1, 0.25],
    "a": [1e-300, 0.1, 0.5, 1.0],
}
SLACK = Fraction(1, 10**12)  # of bounds that are evaluated in double precision


def get(key):
    return bounds.get(f"curation/{key}")


def exactly(key, **values):
    """A bound at exact fractions, by 60 digits, as a fraction again."""
    number = get(key).evalf(60, **values)
    return Fraction(int(mpmath.nint(mpmath.ldexp(number, 180))), 2**180)


def largest_factor(m, nu):
    return m / (1 + (m - 1) * nu)


def least_factor(m, nu):
    return m * nu / (m - 1 + nu)


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.key)
def test_properties_of_every_result(result, monkeypatch):
    groups_of = (
        {"m": [2, 7, 16]} if result.key == "curation/reward/level" else {}
    )  # at m = 1000 it crosses 0 at p = 1e-9
    check(result, monkeypatch, **{name: EXTREMES[name] for name in result.names if name in EXTREMES}, **groups_of)


# --- C1: the growth of the reward ---------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 3, 5])
def test_the_reward_grows_by_the_bound_at_least(m):
    rng = np.random.default_rng(m)
    for _ in range(12):
        p, u = groups.fractions(rng, 3)
        after = groups.mean(groups.chosen(p, u, m), u)
        mu, variance = groups.mean(p, u), groups.variance(p, u)
        bound = exactly("reward/step", mu=mu, V=variance, m=m)
        assert after >= bound - SLACK
        assert bound >= mu + Fraction(m - 1, m) * variance - SLACK


@pytest.mark.parametrize("m", [2, 4])
def test_no_larger_constant_of_growth_is_true(m):
    """Mean 2/5, an atom of weight 1 with less and less mass: the gain is the bound's up to a factor that tends to 1."""
    mu, ratios = Fraction(2, 5), []
    for power in (1, 3, 5):
        q = Fraction(1, 10**power)
        p, u = [q, 1 - q], [Fraction(1), (mu - q) / (1 - q)]
        claimed = exactly("reward/step", mu=mu, V=groups.variance(p, u), m=m) - mu
        ratios.append((groups.mean(groups.chosen(p, u, m), u) - mu) / claimed)
    assert all(ratio > 1 for ratio in ratios)
    assert ratios[-1] < Fraction(10001, 10000)
    assert all(a > b for a, b in pairwise(ratios))


def test_equal_gains_of_pairs_by_hand():
    """Two atoms of weights 1 and b gain exactly V/(1 + b)."""
    p, u = [Fraction(1, 4), Fraction(3, 4)], [Fraction(1), Fraction(1, 3)]
    gain = groups.mean(groups.chosen(p, u, 2), u) - groups.mean(p, u)
    assert gain == groups.variance(p, u) / (1 + u[1])


# --- C2: the sum of the variances -----------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [2, 5])
def test_the_sum_of_variances_is_nearly_the_bound_for_small_differences(m):
    ratios = []
    for b in (0.5, 0.9, 0.99):
        loop = sim.Curation(np.array([0.01, 0.99]), np.array([1.0, b]), m)
        laws = loop.laws(round(40 / (1 - b)))
        total = (laws.prod(axis=1) * (1 - b) ** 2).sum()
        ratios.append(float(get("variance/total")(mu=float(loop.p @ loop.u), m=m)) / total)
    assert all(a > b for a, b in pairwise(ratios))
    assert 1 < ratios[-1] < 1.01


# --- unrolled recursions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [Fraction(0), Fraction(1, 3), Fraction(1)])
@pytest.mark.parametrize(("m", "nu"), [(2, Fraction(1, 5)), (4, Fraction(3, 4)), (3, Fraction(0))])
def test_closed_forms_are_the_recursions(alpha, m, nu):
    n, K = 7, 5
    p, lower, upper = (Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)), Fraction(1), Fraction(1)
    reward, kept, strayed, mu, V = Fraction(0), Fraction(1), Fraction(0), Fraction(1, 2), Fraction(1, 10)
    common = {"alpha": alpha, "nu": nu, "m": m}
    diversity = 1 - sum(x * x for x in p)
    for i in range(1, 7):
        lower = alpha + (1 - alpha) * least_factor(m, nu) * lower
        upper = alpha + (1 - alpha) * largest_factor(m, nu) * upper
        growth = (m - 1) * V / (1 + (m - 1) * mu) if i == 1 else Fraction(m - 1, m) * alpha * V
        reward = (1 - alpha) * (reward + growth)
        kept = (1 - Fraction(1, n)) * (alpha + (1 - alpha) * least_factor(m, nu) * kept)
        strayed = 1 + (1 - alpha) * largest_factor(m, nu) * strayed
        at = {**common, "i": i}
        assert abs(exactly("ratio/lower", **at) - lower) < SLACK
        assert abs(exactly("ratio/upper", **at) - upper) < SLACK
        assert abs(exactly("reward/mixed", mu=mu, V=V, alpha=alpha, m=m, i=i) - mu - reward) < SLACK
        assert abs(exactly("diversity/lower", n=n, p=p, **at) - diversity * kept) < SLACK
        step = Fraction(float(np.sqrt((K - 1) / n) / 2))
        assert abs(exactly("finite/deviation", n=n, K=K, **at) - step * strayed) < 100 * SLACK * strayed


# --- loops in exact fractions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "m"), [(1, 2), (2, 2), (3, 3), (4, 4)])
def test_infinite_loops_obey_their_bounds(seed, m):
    p, u = groups.fractions(np.random.default_rng(seed), 3)
    nu, rho = min(u), max(x for x in u if x < 1)
    best = sum(a for a, b in zip(p, u, strict=True) if b == 1)
    for alpha in (Fraction(0), Fraction(1, 4)):
        laws, common = groups.loop(p, u, m, 4, alpha), {"alpha": alpha, "nu": nu, "m": m}
        for i, law in enumerate(laws[1:], 1):
            ratios = [a / b for a, b in zip(law, p, strict=True)]
            moved = sum(abs(a - b) for a, b in zip(law, p, strict=True)) / 2
            assert exactly("ratio/lower", i=i, **common) <= min(ratios) + SLACK
            assert max(ratios) <= exactly("ratio/upper", i=i, **common) + SLACK
            assert moved <= exactly("tv/groups", alpha=alpha, nu=nu, i=i) + SLACK
            assert m > 2 or moved <= exactly("tv/pairs", alpha=alpha, nu=nu, i=i) + SLACK
            if alpha:
                continue
            rest = sum(a for a, b in zip(law, u, strict=True) if b < 1)
            assert exactly("limit/lower", p=best, nu=nu, m=m, i=i) <= rest + SLACK
            assert rest <= exactly("limit/upper", p=best, rho=rho, m=m, i=i) + SLACK
            for level in u:
                mass = sum(a for a, b in zip(p, u, strict=True) if b >= level)
                assert exactly("reward/level", a=level, p=mass, m=m, i=i) <= groups.mean(law, u) + SLACK


@pytest.mark.parametrize("i", [1, 2, 9])
def test_the_level_is_where_its_mass_would_pass_one(i):
    """In i + 1 generations a mass p grows by m a/(a + (m-1) x) each time, x the mean weight, and is 1 at most."""
    with mpmath.workdps(40):
        a, p, m = mpmath.mpf("0.7"), mpmath.mpf("0.6"), 3
        x = get("reward/level").evalf(40, a=a, p=p, m=m, i=i)
        assert abs(p * (m * a / (a + (m - 1) * x)) ** (i + 1) - 1) < mpmath.mpf("1e-35")


def test_pairs_for_ever_attain_their_bound():
    alpha, nu = 0.5, 0.25
    kappa = (1 - alpha) / alpha * (1 - nu) / (1 + nu)
    start = 0.5 - kappa / 4
    laws = sim.Curation(np.array([start, 1 - start]), np.array([1.0, nu]), 2, alpha).laws(300)
    bound = float(get("tv/pairs")(alpha=alpha, nu=nu, i=300))
    assert abs(laws[-1] - laws[0]).sum() / 2 == pytest.approx(bound, rel=1e-12)
    assert bound == pytest.approx(kappa / 4, rel=1e-12)


def test_large_groups_attain_their_bound():
    b = 0.5 / 1.5  # sqrt(nu)/(1 + sqrt(nu)) at nu = 1/4
    bound = float(get("tv/groups")(alpha=0.0, nu=0.25, i=1))
    moved = [abs(np.diff(sim.Curation([b, 1 - b], [1, 0.25], m).laws(1), axis=0)).sum() / 2 for m in (2, 20, 2000)]
    assert all(x < y < bound for x, y in pairwise(moved))
    assert moved[-1] == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize("m", [2, 3, 9])
def test_the_lipschitz_constant(m):
    rng, found = np.random.default_rng(m), []
    for _ in range(150):
        u = 10 ** (-rng.random(4))
        p, q = rng.dirichlet(np.full(4, 0.5), 2) * (1 - 1e-9) + 2.5e-10
        loop = sim.Curation(p, u, m)
        apart = abs(loop.chosen(p) - loop.chosen(q)).sum() / abs(p - q).sum()
        found.append(apart / largest_factor(m, loop.u.min()))
    assert max(found) <= 1 + 1e-9
    few = sim.Curation(np.array([1e-6, 1 - 1e-6]), np.array([1.0, 0.1]), m)
    more = few.chosen(np.array([1e-4, 1 - 1e-4])) - few.chosen(few.p)
    assert more[0] / 0.99e-4 == pytest.approx(largest_factor(m, 0.1), rel=2e-3)


def test_diversity_may_rise():
    """What chance takes, choice may give: only the factor m/(1 + (m-1) nu) makes an upper bound."""
    laws = sim.Curation(np.array([0.1, 0.9]), np.array([1.0, 1e-9])).laws(1)
    before, after = 1 - (laws**2).sum(axis=1)
    assert before == pytest.approx(0.18)
    assert after == pytest.approx(0.3078)
    assert after <= get("diversity/upper")(n=10**9, nu=1e-9, m=2, i=1, p=[0.1, 0.9])


def test_equal_rewards_are_genetic_drift():
    drift = bounds.get("discrete/diversity/replace")(n=30, i=7, p=[0.2, 0.3, 0.5])
    common = {"n": 30, "nu": 1.0, "m": 3, "i": 7, "p": [0.2, 0.3, 0.5]}
    assert get("diversity/upper")(**common) == pytest.approx(drift, rel=1e-12)
    assert get("diversity/lower")(alpha=0.0, **common) == pytest.approx(drift, rel=1e-12)


# --- the loss of the best atoms ---------------------------------------------------------------------------------------


def test_the_inequality_behind_the_loss():
    with mpmath.workdps(40):
        for c in [mpmath.mpf(x) / 20 for x in range(1, 20)]:
            s = 2 * (1 - c)
            for q in [mpmath.mpf(x) / 50 for x in range(51)]:
                assert 1 - q / (c + (1 - c) * q) * (1 - mpmath.exp(-s)) <= mpmath.exp(-s * q) + mpmath.mpf("1e-38")


def test_the_exponent_of_the_loss_is_right_for_weak_selection():
    loop, n = sim.Curation(np.array([0.2, 0.8]), np.array([1.0, 0.95])), 200
    exact = two_atom_law(loop, n, 3000)[-1, 0]
    bound = float(get("finite/loss")(n=n, p=0.2, rho=0.95, m=2))
    assert exact == pytest.approx(0.130, abs=5e-4)
    assert bound == pytest.approx(0.135, abs=5e-4)
    assert bound**1.1 < exact < bound


# --- the contraction -------------------------------------------------------------------------------------------------


def test_enough_real_data_leave_one_stationary_law():
    u, m, nu = np.array([1.0, 0.6, 0.3]), 3, 0.3
    alpha = (1 - nu) * (m - 1) / m + 0.1
    p = np.array([0.1, 0.3, 0.6])
    loop, ends = sim.Curation(p, u, m, alpha), []
    for start in np.eye(3) * 0.97 + 0.01:
        q = start
        for _ in range(400):
            q = loop.target(q)
        ends.append(q)
    np.testing.assert_allclose(ends, np.tile(ends[0], (3, 1)), atol=1e-14)
    apart = abs(loop.laws(10) - ends[0]).sum(axis=1)[1:] / 2
    assert (apart <= get("limit/mixed")(alpha=alpha, nu=nu, m=m, i=np.arange(1, 11))).all()
