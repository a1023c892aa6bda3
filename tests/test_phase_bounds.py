"""The phase transition's formulas: accuracy, one maximum where it is claimed, limits, the recursions behind them."""

import mpmath
import numpy as np
import pytest
from mpmath import mp

import bounds
import sim
from verify.phase import peak_of_bound

TRANSITION = bounds.get("tv/phase-transition")
IDEALISED = bounds.get("tv/phase-transition-idealised")
GAUSSIAN = bounds.get("tv/phase-transition-exact/gaussian-mean")
DISCRETE = bounds.get("tv/phase-transition-exact/discrete")
KERNEL = bounds.get("tv/phase-transition-kernel/lower")
RATIOS = (0.0, 1e-300, 1e-18, 1e-9, 0.3, 1.0, 7.0, 1e6, 1e15, 1e100, 1e300)
GENERATIONS = (2, 3, 50, 10**6, 10**9)
TINY = mp.mpf("1e-290")  # below, double precision loses digits
EXPONENTS = (1e-9, 0.25, 0.4, 0.5, 1 - 1e-9)


def q(r):
    return r / (1 + mp.mpf(r))


def transition(C, n, a, r, i):
    """T2 as stated, not as it is evaluated."""
    r, a = mp.mpf(r), mp.mpf(a)
    return C * mp.power(n, -a) * (1 + (mp.power(1 + r, 1 - a) - 1) * (1 - q(r) ** (i - 1)))


def idealised(C, n, a, r, i):
    r, a = mp.mpf(r), mp.mpf(a)
    return C * mp.power(n, -a) * mp.power(1 + r, 1 - a) * (1 - q(r) ** i)


def spread(n, r, i):
    return (1 + mp.mpf(r) / (1 + 2 * mp.mpf(r)) * (1 - q(r) ** (2 * (i - 1)))) / n


def gaussian(n, r, i):
    return 2 / mp.pi * mp.atan(mp.sqrt(spread(n, r, i)) / 2)


def discrete(n, r, i, K):
    return mp.sqrt((K - 1) * spread(n, r, i)) / 2


def kernel(C, n, r, i, c):
    """The bias of the mean of P_i, generation by generation."""
    r, total = mp.mpf(r), (1 + mp.mpf(r)) * n
    taken = [-mp.expm1(-2 * mp.pi**2 * (C * mp.power(m, -mp.mpf(1) / 5)) ** 2) for m in (n, total)]
    loss = taken[0]
    for _ in range(i - 1):
        loss = taken[1] + (1 - taken[1]) * r / (1 + r) * loss
    return abs(c) / mp.pi * loss


def close(value, exact):
    return abs(mp.mpf(float(value)) - exact) <= max(1e-12 * abs(exact), TINY)


@pytest.mark.parametrize("i", GENERATIONS)
@pytest.mark.parametrize("r", RATIOS)
def test_accuracy_at_extremes(r, i):
    with mp.workdps(700):  # 1 - (r/(1+r))^i at r = 1e300, from the formula as stated
        for a in EXPONENTS:
            for n in (1, 1000, 10**15):
                values = {"C": 0.7, "n": n, "a": a, "r": r, "i": i}
                exact = {k: mp.mpf(v) if k != "i" else v for k, v in values.items()}
                assert close(TRANSITION(**values), transition(**exact)), values
                assert close(IDEALISED(**values), idealised(**exact)), values
        for n in (1, 10**15):
            assert close(GAUSSIAN(n=n, r=r, i=i), gaussian(n, r, i))
            assert close(DISCRETE(n=n, r=r, i=i, K=10**6), discrete(n, r, i, 10**6))


@pytest.mark.parametrize("r", RATIOS)
def test_accuracy_of_the_kernel_bound(r):
    with mp.workdps(60):
        for i in (2, 3, 50):
            for n, C, c in ((1, 0.3, 0.5), (10**15, 1.06, -1.0), (100, 1e-9, 1e-9), (100, 40.0, 1.0)):
                assert close(KERNEL(C=C, n=n, r=r, i=i, c=c), kernel(mp.mpf(C), n, r, i, mp.mpf(c))), (i, n, C, c)


@pytest.mark.parametrize("a", EXPONENTS)
@pytest.mark.parametrize("r", [0.0, 0.3, 5.0, 1e4])
def test_closed_forms_solve_the_recursion(a, r):
    """T1: e_{j+1} = C N^-a + (share of P_j) e_j, and the general entry for matrices agrees."""
    C, n, g = 0.8, 100, 30
    N, share = (1 + r) * n, r / (1 + r)
    reused, equal = np.empty(g), np.empty(g)
    reused[0], equal[0] = C * n**-a, C * N**-a
    for j in range(1, g):
        reused[j] = C * N**-a + share * reused[j - 1]
        equal[j] = C * N**-a + share * equal[j - 1]
    i = np.arange(2, g + 1)
    np.testing.assert_allclose(TRANSITION(C=C, n=n, a=a, r=r, i=i), reused[1:], rtol=1e-13)
    np.testing.assert_allclose(IDEALISED(C=C, n=n, a=a, r=r, i=i), equal[1:], rtol=1e-13)
    errors = np.array([C * n**-a] + [C * N**-a] * (g - 1))
    general = bounds.get("tv/propagation")(B=np.diag(np.full(g - 1, share), -1), eps=errors)
    assert TRANSITION(C=C, n=n, a=a, r=r, i=g) == pytest.approx(general, rel=1e-13)


def turns(values):
    """Signs of the steps without repetition: (1, -1) is one maximum inside."""
    steps = np.sign(np.diff(values))
    return tuple(steps[np.r_[True, np.diff(steps) != 0]])


def fine(formula, places):
    with mp.workdps(60):
        return [formula(mp.mpf(float(x))) for x in places]


@pytest.mark.parametrize("i", [2, 3, 10, 200])
@pytest.mark.parametrize("a", [0.1, 0.4, 0.5, 0.9])
@pytest.mark.parametrize(("formula", "reused"), [(transition, True), (idealised, False)])
def test_there_is_one_maximum_and_it_is_where_it_is_said(formula, reused, a, i):
    peak = peak_of_bound(a, i, reused=reused)
    grid = np.sort(np.concatenate([np.geomspace(1e-6, 1e6, 400) * peak, peak * np.array([1 - 1e-4, 1, 1 + 1e-4])]))
    values = fine(lambda r: formula(1, 1, a, r, i), grid)
    assert turns([float(v - max(values)) for v in values]) == (1, -1)
    assert max(values) == values[int(np.flatnonzero(grid == peak)[0])]
    assert values[0] >= 1
    if not reused:
        assert fine(lambda r: idealised(1, 1, a, r, i), [2.0 * i ** (1 / a)])[0] < 1  # beyond the break-even point


@pytest.mark.parametrize("a", [0.05, 0.25, 0.4, 0.5, 0.9, 0.999])
def test_the_maximum_after_two_generations_has_a_closed_form(a):
    assert peak_of_bound(a, 2) == pytest.approx(a ** (-1 / (1 - a)) - 1, rel=1e-10)


@pytest.mark.parametrize(("a", "known"), [(0.25, 1.82), (0.5, 0.796), (0.4, None), (0.9, None)])
def test_the_maximum_grows_like_the_generation(a, known):
    v = float(-(1 - a) - mpmath.lambertw(-(1 - a) * mp.exp(-(1 - a)), -1).real)
    assert v / np.expm1(v) == pytest.approx(1 - a, rel=1e-12)
    if known:
        assert 1 / v == pytest.approx(known, abs=3e-3)
    for reused in (True, False):
        far = [abs(peak_of_bound(a, i, reused=reused) / i * v - 1) for i in (10**4, 10**6, 10**8, 10**10)]
        assert far == sorted(far, reverse=True)
        assert far[-1] < 0.11 if a == 0.9 else far[-1] < 2e-3
    i = 10**10
    height = TRANSITION(C=1.0, n=1, a=a, r=peak_of_bound(a, i), i=i) / ((i / v) ** (1 - a) * -np.expm1(-v))
    assert height == pytest.approx(1, rel=0.15 if a == 0.9 else 2e-3)


@pytest.mark.parametrize("a", [0.3, 0.5, 0.8])
def test_break_even_of_the_idealised_loop(a):
    gaps = []
    for i in (2, 10, 1000, 10**6):
        with mp.workdps(50):
            low, high = mp.mpf(peak_of_bound(a, i, reused=False)), mp.mpf(i) ** (1 / mp.mpf(a)) - 1
            assert idealised(1, 1, a, low, i) > 1 >= idealised(1, 1, a, high, i) * (1 - mp.mpf(10) ** -40)
            for _ in range(200):
                middle = (low + high) / 2
                low, high = (middle, high) if idealised(1, 1, a, middle, i) > 1 else (low, middle)
            gaps.append(float(abs(high / mp.mpf(i) ** (1 / mp.mpf(a)) - 1)))
            assert float(IDEALISED(C=1.0, n=1, a=a, r=float(high), i=i)) == pytest.approx(1, rel=1e-9)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.05


# --- what really happens ----------------------------------------------------------------------------------------


def test_the_gaussian_form_is_that_of_the_schedule():
    for n in (1, 10, 10**6):
        for r in (0.0, 1.0, 4.0, 300.0):
            i = np.array([2, 3, 10, 1000])
            same = bounds.get("tv/gaussian-mean/expand")(n=n, lam=r, i=i)
            np.testing.assert_allclose(GAUSSIAN(n=n, r=r, i=i), same, rtol=1e-13)


@pytest.mark.parametrize("r", [0.0, 0.5, 3.0, 40.0])
def test_the_spread_is_that_of_the_simulator(r):
    law = sim.exact_gaussian_mean(sim.Expand(r), 20, 60)
    i = np.arange(2, 61)
    np.testing.assert_allclose(DISCRETE(n=20, r=r, i=i, K=5) ** 2, law.tau2[1:], rtol=1e-12)
    np.testing.assert_allclose(GAUSSIAN(n=20, r=r, i=i), law.tv[1:], rtol=1e-10)


def test_the_second_moment_of_frequencies_is_smaller():
    r, i = np.array([0.0, 0.5, 1.0, 4.0, 30.0, 1e6])[:, None], np.array([2, 3, 5, 20, 1000, 10**6])
    for n in (2, 10, 1000):
        w = bounds.get("discrete/variance/expand")(n=n, lam=r, i=i, p=0.5) * 4
        assert (w <= DISCRETE(n=n, r=r, i=i, K=5) ** 2 * (1 + 1e-13)).all()
        assert (w >= (1 - 1e-13) / n).all()


def test_three_halves_is_the_supremum():
    r, i = (
        np.concatenate([[0.0], np.geomspace(1e-9, 1e15, 97)])[:, None],
        np.unique(np.geomspace(2, 1e9, 60).astype(int)),
    )
    grown = DISCRETE(n=1, r=r, i=i, K=5) ** 2
    assert (grown < 1.5).all()
    assert grown.max() > 1.5 - 1e-3
    assert (grown[0] == 1).all()
    assert (grown[40:90] > 1).all()
    for n in (1, 30, 10**6):
        ceiling = bounds.get("tv/phase-transition-exact/gaussian-mean/ceiling")(n=n)
        errors, first = GAUSSIAN(n=n, r=r, i=i), GAUSSIAN(n=n, r=0.0, i=2)
        assert (errors <= ceiling * (1 + 1e-14)).all()
        assert (errors >= first * (1 - 1e-14)).all()
        assert ceiling <= np.sqrt(1.5) * first
        assert bounds.get("tv/phase-transition-exact/discrete/ceiling")(n=n, K=7) == pytest.approx(
            np.sqrt(1.5) * DISCRETE(n=n, r=0.0, i=2, K=7), rel=1e-13
        )


@pytest.mark.parametrize("i", [2, 3, 10, 1000, 10**6])
def test_the_spread_has_one_maximum(i):
    k = i - 1
    with mp.workdps(40):
        low, high = mp.mpf(10) ** -9, 1 - mp.mpf(10) ** -12
        for _ in range(120):
            middle = (low + high) / 2
            low, high = (middle, high) if middle ** (-2 * k) - 1 > 2 * k * (1 + middle) else (low, middle)
        peak = float(low / (1 - low))
    grid = np.geomspace(1e-4, 1e4, 200) * peak
    values = fine(lambda r: spread(1, r, i), np.sort(np.append(grid, peak)))
    assert turns([float(v - max(values)) for v in values]) == (1, -1)
    assert max(values) == spread_at(peak, i)
    if i == 2:
        assert peak == pytest.approx(1, rel=1e-12)
        assert GAUSSIAN(n=1, r=1.0, i=2) == pytest.approx(2 / np.pi * np.arctan(np.sqrt(1.25) / 2), rel=1e-14)
    if i == 10**6:
        assert peak / (2 * i / np.log(4 * i)) == pytest.approx(1, abs=1e-3)


def spread_at(r, i):
    with mp.workdps(60):
        return spread(1, mp.mpf(r), i)


def test_the_rise_of_frequencies_themselves_can_be_larger():
    """The square root of 3/2 limits the standard deviation, not the mean distance."""
    law = sim.exact_discrete(sim.Expand(20.0), 2, np.array([0.5, 0.5]), 60)
    assert law.tv[-1] / law.tv[0] == pytest.approx(1.3708, abs=1e-4)
    assert law.tv[-1] / law.tv[0] > np.sqrt(1.5) > np.sqrt(law.variance[-1, 0] / law.variance[0, 0])


@pytest.mark.parametrize("r", [0.5, 5.0, 50.0])
def test_the_bias_of_kernel_estimates_has_the_shape_of_the_bound(r):
    i = np.array([2, 10, 50])
    for n, allowed in ((10**8, 0.05), (10**15, 1e-4)):
        shape = TRANSITION(C=1.0, n=1, a=0.4, r=r, i=i)
        ratio = KERNEL(C=0.3, n=n, r=r, i=i, c=0.5) / (2 * np.pi * 0.5 * 0.09 * n**-0.4 * shape)
        np.testing.assert_allclose(ratio, 1, rtol=allowed)
        assert (ratio < 1).all()
