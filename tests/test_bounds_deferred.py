"""Formulas are built when they are read, once, and none of them when the catalogue is listed."""

import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
import sympy as sp

import bounds
from bounds import Rate
from bounds.deferred import Deferred, Formulas

x = sp.Symbol("x")
LISTED = """
import sys
from types import FunctionType
import verify.cli, bounds
made = [r.key for r in bounds.CATALOGUE if not isinstance(r.__dict__["expr"], FunctionType)]
heavy = {"numpy", "scipy", "sympy.tensor.tensor"} & set(sys.modules)
assert not made, made
assert not heavy, heavy  # sympy imports its tensors for the first sum that it simplifies
"""


@dataclass(frozen=True, kw_only=True)
class Thing:
    formula: Deferred = Deferred()  # noqa: RUF009 (a descriptor)


def test_listing_the_catalogue_builds_no_formula():
    subprocess.run([sys.executable, "-c", LISTED], check=True)


def test_a_formula_is_made_on_first_reading_and_only_once():
    calls = []

    def make():
        calls.append(1)
        return x + 1

    thing = Thing(formula=make)
    assert not calls
    assert thing.formula == thing.formula == x + 1
    assert calls == [1]
    assert replace(thing).formula == x + 1
    assert calls == [1]


def test_a_formula_may_be_given_as_it_is_and_must_be_given():
    assert Thing(formula=x).formula is x
    assert Thing(formula=sp.Function("f")).formula == sp.Function("f")  # a callable, but no maker
    with pytest.raises(TypeError, match="formula"):
        Thing()
    with pytest.raises(AttributeError):
        Thing(formula=x).formula = 2
    assert Rate(wrt="n", to=sp.oo, leading=lambda: x).leading is x


def test_results_can_be_replaced():
    result = bounds.get("tv/kde-sharp/fresh")
    assert replace(result, title="other").expr == result.expr
    assert replace(result, expr=result.expr / 2).expr == result.expr / 2


def test_named_formulas_are_made_when_asked_for():
    made = []
    formulas = Formulas(one=lambda: made.append(1) or x, two=lambda: made.append(2) or 2 * x)
    assert "one" in formulas
    assert "three" not in formulas
    assert list(formulas) == ["one", "two"]
    assert len(formulas) == 2
    assert made == []
    assert formulas["two"] == 2 * x
    assert made == [2]
    assert formulas.get("three") is None
