"""`solve`: the answer satisfies the bound, its neighbour does not, and closed forms are exact."""

from __future__ import annotations

import math

import mpmath
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import bounds
from bounds.query.answers import Unanswered
from bounds.query.solving import solve

x = sp.Symbol("x", positive=True)


def first(key: str, name: str, level: sp.Rational, values: dict[str, object], candidates: range) -> int | None:
    """Smallest candidate at which the bound is at most the level, by trying all."""
    result = bounds.get(key)
    for k in candidates:
        if result.evalf(40, **values, **{name: k}) <= mpmath.mpf(level.p) / level.q:
            return k
    return None


def test_closed_forms() -> None:
    assert solve("tv/discrete/one-step", "n", sp.Rational(1, 20), K=50).expr == 4900
    K = bounds.get("tv/discrete/one-step").params[1].symbol
    assert sp.expand(solve("tv/discrete/one-step", "n", 0.05).expr - 100 * (K - 1)) == 0
    assert solve("tv/gaussian-mean/replace", "n", 0.01, i=10).expr == math.ceil(10 / (4 * math.tan(math.pi / 200) ** 2))
    assert solve("gaussian/golden-ratio", "w", 0.01, n=100, sigma=1).expr == sp.Rational(1, 3)
    assert solve("tv/propagation/replace", "i", 0.5, eps=0.01).expr == 50
    assert solve(x**2 + 1, "x", 5).expr == 2
    assert solve(x**2 + 1, "x", 3).expr == sp.sqrt(2)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(2, 9), st.integers(8, 60))
def test_smallest_n_is_that_of_trying_all(tenths: int, i: int, K: int, hundredths: int) -> None:
    level, values = sp.Rational(hundredths, 100), {"alpha": sp.Rational(tenths, 10), "i": i, "K": K}
    found = solve("tv/discrete/fresh", "n", level, **values)
    assert found.proved
    assert found.expr == first("tv/discrete/fresh", "n", level, values, range(1, 3000))


def test_counts_must_be_whole() -> None:
    level, values = sp.Rational(1, 10), {"alpha": sp.Rational(3, 20), "i": 4, "K": 6}
    found = solve("tv/discrete/stratified", "n", level, **values)
    assert found.expr == first("tv/discrete/stratified", "n", level, values, range(20, 3000, 20))
    assert "multiples of 20" in found.text
    share = solve("tv/discrete/stratified", "alpha", 0.15, n=1000, i=20, K=50).expr
    result = bounds.get("tv/discrete/stratified")
    assert (1000 * share).is_integer
    assert result.evalf(30, n=1000, i=20, K=50, alpha=share) <= mpmath.mpf("0.15")
    assert result.evalf(30, n=1000, i=20, K=50, alpha=share - sp.Rational(1, 1000)) > mpmath.mpf("0.15")


@pytest.mark.parametrize("level", ["1e-8", "1e-9", "3e-10"])
def test_very_large_n_is_exact_to_the_last_digit(level: str) -> None:
    bound = sp.Rational(level)
    found = solve("tv/discrete/replace", "n", bound, i=10, K=50)
    n = int(found.expr)
    assert n > 10**18
    with mpmath.workdps(80):
        values = [mpmath.sqrt(49 * -mpmath.expm1(10 * mpmath.log1p(-mpmath.mpf(1) / k))) / 2 for k in (n - 1, n)]
        assert values[1] <= mpmath.mpf(bound.p) / bound.q < values[0]


def test_largest_generation() -> None:
    result = bounds.get("tv/discrete/fresh")
    found = solve("tv/discrete/fresh", "i", 0.15, n=1000, alpha=0.1, K=50)
    assert float(result(n=1000, alpha=0.1, K=50, i=int(found.expr))) <= 0.15
    assert float(result(n=1000, alpha=0.1, K=50, i=int(found.expr) + 1)) > 0.15
    assert solve("tv/discrete/fresh", "i", 0.5, n=1000, alpha=0.1, K=50).expr == sp.oo
    horizon = solve("tv/hp/fresh", "i", 0.5, n=1000, alpha=0.1, K=10, T=20, delta=0.05)
    assert horizon.expr == 20


def test_nothing_suffices() -> None:
    found = solve("tv/discrete/fresh", "i", 0.05, n=1000, alpha=0.1, K=50)
    assert not found.exists
    assert math.isnan(found.value)
    assert found.infimum == pytest.approx(0.5 * math.sqrt(49 / 1000), rel=1e-12)
    assert "no value of i suffices: the infimum" in found.text
    limit = solve(1 + 1 / x, "x", 1)
    assert not limit.exists
    assert limit.infimum == 1
    assert "only tends to" in limit.text


def test_a_bound_that_is_not_monotone_suffices_on_two_ranges() -> None:
    result, values = bounds.get("tv/discrete/expand"), {"n": 1000, "i": 10, "K": 50}
    found = solve("tv/discrete/expand", "lam", 0.115, **values)
    good = [k for k in range(200_000) if k % 997 == 0 or k < 200]
    assert {k for k in good if float(result(lam=k / 1000, **values)) <= 0.115} == {
        k for k in good if k <= 1000 * found.expr or k >= 102_652
    }
    assert "not monotone" in found.text
    assert not found.proved
    curve = solve(x * sp.exp(-x), "x", 0.1)
    assert curve.value == pytest.approx(0.111832559158962964833569, rel=1e-14)
    assert "3.57715206396" in curve.text


def test_wrong_names_and_values() -> None:
    with pytest.raises(bounds.DomainError, match="value"):
        solve("tv/discrete/fresh", "n", float("nan"), alpha=0.1, i=3, K=5)
    with pytest.raises(bounds.ParameterError):
        solve("tv/discrete/fresh", "r", 0.1)
    with pytest.raises(Unanswered, match="fix the other parameters"):
        solve("tv/discrete/fresh", "n", 0.1)
    with pytest.raises(bounds.DomainError):
        solve("tv/discrete/fresh", "n", 0.1, alpha=0.1, i=0, K=5)
