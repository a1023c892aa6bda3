"""Negative controls of the phase transition's cases: a claim that is truly false is REFUTED."""

from dataclasses import replace

import pytest
import sympy as sp

from bounds import Kind
from verify.cases.phase import CASES
from verify.checking import check
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING

LOOSE = {"tv/phase-transition": sp.Rational(1, 5), "tv/phase-transition-idealised": sp.Rational(1, 8)}
FACTORS = {Kind.UPPER: sp.Rational(9, 20), Kind.LOWER: sp.Integer(2), Kind.EQUALITY: sp.Rational(11, 10)}


def decisions(case, design):
    return check(case, design, level=1e-7, replications=200_000, seed=7).decision


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_false_claim_is_refuted_and_the_true_one_holds(case):
    design = case.designs(DEFAULT_SETTING)[0]
    factor = LOOSE.get(case.result.key, FACTORS[case.result.kind])
    mutant = replace(case, result=replace(case.result, expr=factor * case.result.expr))
    assert (decisions(mutant, design) == Decision.REFUTED).any()
    assert (decisions(case, design) == Decision.HOLDS).all()
