"""`argmin`, `argmax` and `threshold` against closed forms and against direct optimisation in many digits."""

from __future__ import annotations

import math

import mpmath
import pytest
import sympy as sp
from mpmath import mp

import bounds
from bounds.catalogue import kde
from bounds.kde_bandwidth import small_bandwidth_optimum
from bounds.query.answers import Unanswered
from bounds.query.extremum import argmax, argmin
from bounds.query.transition import threshold

x = sp.Symbol("x", positive=True)
KDE = {result.key: result for result in kde.RESULTS}


def peak(function: object, low: float, high: float) -> mpmath.mpf:
    """Maximise on a fine grid, then find the zero of the derivative, in 50 digits."""
    with mp.workdps(50):
        grid = [mp.mpf(low) * (mp.mpf(high) / low) ** (mp.mpf(k) / 400) for k in range(401)]
        at = max(range(1, 400), key=lambda k: function(grid[k]))  # type: ignore[operator]
        return mp.findroot(lambda u: mp.diff(function, u), (grid[at - 1], grid[at + 1]), solver="anderson", tol=1e-50)


def test_the_golden_ratio_is_exact() -> None:
    for fixed in ({}, {"n": 10}, {"n": 10, "sigma": 2}):
        found = argmin("gaussian/golden-ratio", "w", **fixed)
        assert sp.simplify(found.expr - (sp.sqrt(5) - 1) / 2) == 0
        assert found.proved
    assert found.best == pytest.approx(4 / 10 * (5**0.5 - 1) / 2, rel=1e-14)
    general = argmin("gaussian/golden-ratio/general", "w")
    n, m = sp.symbols("n m", integer=True)
    k = n / m
    for a, b in ((10, 30), (7, 2), (1, 100)):
        ours = general.expr.subs({n: a, m: b})
        assert sp.simplify(ours - ((sp.sqrt(k**2 + 4 * k) - k) / 2).subs({n: a, m: b})) == 0


def test_several_optima_and_ends() -> None:
    assert argmin(sp.sin(x) / x, "x").value == pytest.approx(4.493409457909064, rel=1e-13)
    deep = argmin((x - 1) ** 2 * (x - 3) ** 2 - x / 100, "x").value
    with mp.workdps(40):
        slope = [4, -24, 44, -mp.mpf("24.01")]
        roots = [r.real for r in mp.polyroots(slope, maxsteps=200, extraprec=200)]
        best = min(roots, key=lambda u: (u - 1) ** 2 * (u - 3) ** 2 - u / 100)
    assert deep == pytest.approx(float(best), rel=1e-13)
    assert argmin(x + 1 / x, "x").expr == 1
    falling = argmin("tv/discrete/fresh", "n", alpha=0.1, i=10, K=5)
    assert (falling.expr, falling.best) == (sp.oo, 0)
    assert "only tends to its infimum" in falling.text
    assert argmin("tv/discrete/fresh", "alpha", n=10, i=10, K=5).expr == 1


def test_integers_and_multiples() -> None:
    k = sp.Symbol("k", integer=True, positive=True)
    assert argmin(k + sp.Rational(1001, 10) / k, "k").expr == 10
    found = argmax("tv/discrete/expand", "lam", n=100, i=10, K=5)
    heights = {j: float(bounds.get("tv/discrete/expand")(n=100, i=10, K=5, lam=j / 100)) for j in range(3000)}
    assert found.expr == sp.Rational(max(heights, key=heights.__getitem__), 100)


def test_bandwidths() -> None:
    fixed = {"n": 1000, "alpha": 0.1, "i": 5, "sigma": 1}
    result = KDE["tv/kde-line/fresh"]
    found = argmin(result, "h", **fixed)
    low, high = (result.evalf(40, h=found.value * (1 + side * 1e-7), **fixed) for side in (-1, 1))
    best = result.evalf(40, h=found.value, **fixed)
    assert best < min(low, high)
    # the minimum of the parabola through three points, a second way to place it
    shift = (low - high) / (low - 2 * best + high) / 2 * mp.mpf("1e-7")
    assert abs(shift) < 1e-10
    sharp = argmin(KDE["tv/kde-sharp/fresh"], "h", **fixed)
    assert "double precision" in sharp.method
    assert sharp.value == pytest.approx(0.1858931, rel=1e-6)


def b_transition(r: object, a: object, i: int) -> object:
    q = mp.power(r / (1 + r), i - 1)
    return 1 + ((1 + r) ** (1 - a) - 1) * (1 - q)


def b_idealised(r: object, a: object, i: int) -> object:
    return (1 + r) ** (1 - a) * (1 - mp.power(r / (1 + r), i))


def b_exact(r: object, a: object, i: int) -> object:
    return r / (1 + 2 * r) * (1 - mp.power(r / (1 + r), 2 * (i - 1)))


FORMS = {
    "tv/phase-transition": b_transition,
    "tv/phase-transition-idealised": b_idealised,
    "tv/phase-transition-exact/gaussian-mean": b_exact,
}


@pytest.mark.parametrize("key", FORMS)
@pytest.mark.parametrize(("a", "i"), [("1/2", 2), ("1/2", 50), ("1/4", 10), ("2/5", 5), ("9/10", 3), ("1/4", 1000)])
def test_thresholds_are_those_of_direct_optimisation(key: str, a: str, i: int) -> None:
    exponent = sp.Rational(a)
    fixed = {"i": i} if "exact" in key else {"i": i, "a": exponent}
    found = threshold(key, "r", **fixed)
    with mp.workdps(50):
        place = peak(lambda r: FORMS[key](r, mp.mpf(exponent.p) / exponent.q, i), 1e-3, 100.0 * i)
        assert abs(mp.mpf(str(found.expr.evalf(30))) / place - 1) < mp.mpf("1e-10")
    assert found.proved


def test_closed_forms_of_the_threshold() -> None:
    a = bounds.get("tv/phase-transition").params[2].symbol
    two = threshold("tv/phase-transition", "r", i=2)
    assert two.expr == a ** (-1 / (1 - a)) - 1
    assert threshold("tv/phase-transition", "r", i=2, a=0.5).expr == 3
    assert threshold("tv/phase-transition-exact/discrete", "r", i=2).expr == 1
    for value, slope in ((0.25, 1.8175), (0.5, 0.7959)):
        limit = threshold("tv/phase-transition", "r", i=sp.oo, a=value)
        assert limit.value == pytest.approx(slope, rel=1e-4)
        far = threshold("tv/phase-transition", "r", i=10**9, a=value)
        assert far.value / 1e9 == pytest.approx(limit.value, rel=1e-4)
        ideal = threshold("tv/phase-transition-idealised", "r", i=10**9, a=value)
        assert ideal.value / 1e9 == pytest.approx(limit.value, rel=1e-8)


@pytest.mark.parametrize(("a", "i"), [(0.5, 2), (0.5, 50), (0.4, 20)])
def test_break_even(a: float, i: int) -> None:
    found = threshold("tv/phase-transition-idealised", "r", a=a, i=i)
    assert found.break_even > found.value
    with mp.workdps(40):
        exponent = mp.mpf(str(a))
        assert abs(b_idealised(mp.mpf(found.break_even), exponent, i) - 1) < mp.mpf("1e-10")


def test_thresholds_of_other_entries() -> None:
    found = threshold("tv/discrete/expand/triangle", "lam", n=1000, i=10, K=5)
    assert found.expr == argmax("tv/discrete/expand/triangle", "lam", n=1000, i=10, K=5).expr
    assert threshold("discrete/variance/fresh", "p").expr == sp.S.Half
    with pytest.raises(Unanswered, match="no maximum inside"):
        threshold("tv/discrete/fresh", "n", alpha=0.1, i=3, K=5)


def test_wrong_names_and_values() -> None:
    with pytest.raises(bounds.ParameterError):
        argmin("gaussian/golden-ratio", "v")
    with pytest.raises(bounds.DomainError):
        argmin("gaussian/golden-ratio", "w", n=0)
    with pytest.raises(Unanswered, match="fix"):
        argmax("tv/discrete/expand", "lam", n=100)
    with pytest.raises(Unanswered, match="fix a"):
        threshold("tv/phase-transition", "r", i=5)
    with pytest.raises(Unanswered, match="constant"):
        argmin("tv/discrete/one-step/fixed", "alpha", n=10, K=3)
    assert math.isnan(threshold("tv/phase-transition", "r", i=5, a=0.5).best)


def test_roots_and_logarithmic_derivatives_give_formulas() -> None:
    n, h, A, B = sp.symbols("n h A B", positive=True)
    best = argmin(A / sp.sqrt(n * h) + B * h**2, "h")  # a kernel estimate: variance and bias for small bandwidths
    expected, value = small_bandwidth_optimum(A, B, n, sp.S.One)
    assert best.proved
    assert sp.simplify(best.expr / expected) == 1
    assert (A / sp.sqrt(n * h) + B * h**2).subs(h, best.expr).subs({A: 2, B: 3, n: 50}).evalf() == pytest.approx(
        float(value.subs({A: 2, B: 3, n: 50}))
    )
    assert argmax(n * sp.exp(-n), "n").expr == 1
    assert argmax(n * sp.exp(-n), "n").best == pytest.approx(math.exp(-1))
    assert argmin(h**2 + 1 / h**3, "h").expr == sp.Rational(3, 2) ** sp.Rational(1, 5)
    both = argmax((n - 1) * sp.exp(-n), "n")  # of both signs: no logarithm, a number
    assert both.value == pytest.approx(2)
