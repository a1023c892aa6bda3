"""`compare`, `crossover`, `dominant` and `sensitivity`."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from mpmath import mp

import bounds
from bounds.query.answers import Unanswered
from bounds.query.comparison import compare, crossover
from bounds.query.dominance import dominant
from bounds.query.elasticity import sensitivity

x = sp.Symbol("x", positive=True)
FRESH, TRIANGLE = "tv/discrete/fresh", "tv/discrete/fresh/triangle"


def test_relations_by_rule() -> None:
    for first, second, relation in ((FRESH, TRIANGLE, "below"), (TRIANGLE, FRESH, "above"), (FRESH, FRESH, "equal")):
        found = compare(first, second, "i")
        assert (found.relation, found.proved) == (relation, True)
    replace = compare("tv/discrete/replace", "tv/discrete/replace/triangle", "n")
    assert (replace.relation, replace.proved) == ("below", True)
    rng = np.random.default_rng(7)
    values = {"n": rng.integers(1, 1000, 500), "i": rng.integers(1, 100, 500), "K": 7}
    alpha = rng.random(500)
    assert (bounds.get(FRESH)(alpha=alpha, **values) <= bounds.get(TRIANGLE)(alpha=alpha, **values) * (1 + 1e-12)).all()


def test_crossings_are_all_found() -> None:
    found = crossover(x**3 + 11 * x, 6 * x**2 + 6, "x")
    assert found.relation == "crossing"
    assert found.crossings == pytest.approx([1, 2, 3], rel=1e-14)
    assert len(found.below) == 2
    assert found.below[1] == pytest.approx((2, 3), rel=1e-14)
    assert not found.proved


def test_integer_crossings_are_those_of_trying_all() -> None:
    fixed = {"n": 1000, "alpha": 0.1, "i": 10, "T": 10, "delta": 0.05}
    found = crossover("tv/hp/fresh", "tv/hp-union/fresh", "K", **fixed)
    counts = np.arange(1, 2000)
    less = bounds.get("tv/hp/fresh")(K=counts, **fixed) <= bounds.get("tv/hp-union/fresh")(K=counts, **fixed)
    assert found.crossings == tuple(counts[1:][less[1:] != less[:-1]])


def test_relations_on_a_grid() -> None:
    assert compare(sp.exp(x), 1 + x, "x").relation == "above"
    relation = compare("tv/gaussian-mean/replace", "tv/gaussian-mean/stratified", "i", n=1000, alpha=0.1)
    assert relation.relation == "above"
    with pytest.raises(Unanswered, match="fix"):
        compare("tv/hp/fresh", "tv/hp-union/fresh", "K")
    with pytest.raises(bounds.ParameterError, match="unexpected foo"):
        compare(FRESH, TRIANGLE, "i", foo=3)
    with pytest.raises(bounds.DomainError):
        compare(FRESH, TRIANGLE, "i", alpha=-1)


def test_the_ruling_term() -> None:
    n, m = sp.symbols("n m", positive=True)
    found = dominant(100 * n + n**2 / 50, "n")
    assert found.expr == n**2 / 50
    assert found.crossovers == pytest.approx((5000,), rel=1e-14)
    assert dominant(100 * n + n**2 / 50, "n", to=0).expr == 100 * n
    assert dominant(m / n + 1 / n**2, "n").terms == (m / n, n**-2)
    at_once = dominant("tv/hp/fresh", "K", n=1000, alpha=0.1, i=10, T=10, delta=0.05)
    assert [t.has(sp.Symbol("K", integer=True)) for t in at_once.terms] == [True, False]
    mean = bounds.get(FRESH)(K=np.arange(1, 50), n=1000, alpha=0.1, i=10)
    rest = bounds.get("tv/hp/fresh")(K=np.arange(1, 50), n=1000, alpha=0.1, i=10, T=10, delta=0.05) - mean
    assert at_once.crossovers == (1 + int(np.argmax(mean > rest)),)
    with pytest.raises(Unanswered, match="single additive term"):
        dominant(FRESH, "n")


def test_elasticities_are_those_of_finite_differences() -> None:
    point = {"n": 1000, "alpha": 0.1, "i": 20, "K": 10}
    found = sensitivity(FRESH, **point).values
    with mp.workdps(40):

        def log_bound(**moved: object) -> object:
            v = {name: mp.mpf(str(value)) for name, value in (point | moved).items()}
            gap = 1 / v["n"] + (1 - 1 / v["n"]) * v["alpha"] * (2 - v["alpha"])
            return mp.log((v["K"] - 1) * (1 - (1 - gap) ** v["i"]) / gap / v["n"]) / 2

        for name, value in point.items():
            h = mp.mpf("1e-12")
            moved = [log_bound(**{name: mp.mpf(str(value)) * (1 + s * h)}) for s in (-1, 1)]
            assert abs((moved[1] - moved[0]) / (2 * h) - found[name]) < 1e-11


def test_elasticities_between_integers_and_as_formulas() -> None:
    found = sensitivity("tv/discrete/subsample", n=1000, i=20, K=10)
    result = bounds.get("tv/discrete/subsample")
    ratio = result.evalf(30, n=1000, i=21, K=10) / result.evalf(30, n=1000, i=20, K=10)
    assert found.values["i"] == pytest.approx(float(mp.log(ratio) / mp.log(mp.mpf(21) / 20)), rel=1e-12)
    assert "integers in i" in found.method
    K = sp.Symbol("K", integer=True)
    formula = sensitivity("tv/discrete/one-step")
    assert formula.proved
    assert [sp.simplify(e - f) for e, f in zip(formula.expr, (-sp.S.Half, K / (2 * (K - 1))), strict=True)] == [0, 0]
    assert math.isnan(formula.values["K"])
    assert sensitivity("tv/propagation/fresh", eps=0.01, alpha=0, i=5).values["alpha"] == 0
    with pytest.raises(Unanswered, match="elementary"):
        sensitivity("tv/discrete/subsample", n=3)
    with pytest.raises(Unanswered, match="fix p"):
        sensitivity("tv/discrete-instance/fresh", n=3, alpha=0.1, i=3)


def test_crossing_of_a_constant() -> None:
    assert crossover(sp.sqrt(x), sp.Integer(3), "x").crossings == pytest.approx([9], rel=1e-14)
    found = crossover("tv/gaussian-mean/replace", sp.Rational(1, 10), "n", i=10)
    n = np.arange(1, 1000)
    less = bounds.get("tv/gaussian-mean/replace")(n=n, i=10) <= 0.1
    assert found.crossings == tuple(n[1:][less[1:] != less[:-1]])
