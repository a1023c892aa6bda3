"""Negative controls of the cases for curated loops, and searches at the corners of their boxes."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from bounds import Kind
from verify.case import Case
from verify.cases.curation import CASES
from verify.checking import check
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING
from verify.searches.curation import SEARCHES

FACTORS = {Kind.UPPER: sp.Rational(1, 2), Kind.LOWER: sp.Integer(2)}
LOOSE = {
    "reward/step": sp.Rational(11, 10),
    "reward/level": sp.Integer(3),
    "limit/mixed": sp.Rational(1, 8),
    "tv/groups": sp.Rational(1, 4),
    "finite/loss": sp.Rational(2, 5),
    "variance/total": sp.Rational(2, 5),
}


def decisions(case, design):
    return check(case, design, level=1e-7, replications=20_000, seed=7).decision


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_false_claim_is_refuted_and_the_true_one_holds(case):
    design = case.designs(DEFAULT_SETTING)[0]
    factor = LOOSE.get(case.result.key.removeprefix("curation/"), FACTORS[case.result.kind])
    mutant = replace(case, result=replace(case.result, expr=factor * case.result.expr))
    assert (decisions(mutant, design) == Decision.REFUTED).any()
    assert (decisions(case, design) == Decision.HOLDS).all()


def corners(axes, rng):
    """Ends and points between, at random."""
    values = {}
    for name, axis in axes.items():
        part = rng.choice([0.0, 1.0, rng.random(), rng.random()])
        value = axis.low * (axis.high / axis.low) ** part if axis.log else axis.low + part * (axis.high - axis.low)
        value = min(max(value, axis.low), axis.high)
        values[name] = round(value) if axis.integer else float(value)
    return values


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.result.key)
def test_no_corner_of_a_search_is_refuted(search):
    assert set(search.axes) - {"T"} >= {name for name in search.result.names if name in ("m", "i", "rho", "a")}
    because = {assumption.key: "as designed" for assumption in search.result.assumptions}
    case = Case(result=search.result, name="search", designs=lambda _: (), because=because)
    rng = np.random.default_rng(11)
    for _ in range(12):
        values = corners(search.axes, rng)
        design = search.design(values)
        shared = set(search.axes) & set(design.values) & set(search.result.names)
        assert all(np.allclose(design.values[name], values[name], rtol=1e-9) for name in shared)
        found = check(case, design, level=1e-9, replications=512, seed=3).decision
        assert not (found == Decision.REFUTED).any(), values
