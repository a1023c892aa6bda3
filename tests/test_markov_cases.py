"""Cases and searches of Markov language models: false claims are refuted, true ones hold, corners have designs."""

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import Kind
from bounds.catalogue.markov import RESULTS
from bounds.catalogue.markov_setting import K_eff
from verify.case import Setting
from verify.cases.markov import CASES
from verify.checking import check, points_of
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING
from verify.searches.markov import SEARCHES

FACTORS = {Kind.UPPER: sp.Rational(1, 5), Kind.LOWER: sp.Integer(3), Kind.EQUALITY: sp.Rational(11, 10)}
LOOSE = {"markov/stationary": sp.Rational(1, 15)}


def decisions(case, design):
    return check(case, design, level=1e-7, replications=6_000, seed=7).decision


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)
def test_a_false_claim_is_refuted_and_the_true_one_holds(case):
    designs = case.designs(DEFAULT_SETTING)[:4]
    factor = LOOSE.get(case.result.key, FACTORS[case.result.kind])
    mutant = replace(case, result=replace(case.result, expr=factor * case.result.expr))
    assert any((decisions(mutant, design) == Decision.REFUTED).any() for design in designs)
    assert all((decisions(case, design) == Decision.HOLDS).all() for design in designs[:2])


def test_the_effective_number_of_contexts_is_needed():
    """Eight contexts of equal probability: a bound without their number is refuted."""
    case = next(case for case in CASES if case.key == "markov/joint-tv#sampled")
    design = case.designs(DEFAULT_SETTING)[2]
    assert design.values["K_eff"] == pytest.approx(8)
    without = replace(case.result, expr=case.result.expr.xreplace({K_eff: sp.Integer(1)}))
    assert (decisions(case, design) == Decision.HOLDS).all()
    assert (decisions(replace(case, result=without), design) == Decision.REFUTED).any()


def test_every_result_has_a_case_and_one_search():
    keys = {result.key for result in RESULTS}
    assert {case.result.key for case in CASES} == keys
    assert [search.result.key for search in SEARCHES] == sorted(keys, key=[r.key for r in RESULTS].index)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: s.result.key)
def test_corners_of_a_search_have_designs(search):
    for side in ("low", "high"):
        values = {name: getattr(axis, side) for name, axis in search.axes.items()}
        at = {name: int(v) if search.axes[name].integer else float(v) for name, v in values.items()}
        bound, _ = points_of(search.design(at), search.result)
        assert np.isfinite(bound).all()


def test_a_population_of_one_token():
    setting = Setting(
        discrete={"one": (1.0,), "two": (0.0, 0.4, 0.6)},
        mean=0.0,
        sigma=1.0,
        smooth=DEFAULT_SETTING.smooth,
        source="a test",
    )
    case = next(case for case in CASES if case.result is bounds.get("markov/forgotten/first"))
    designs = case.designs(setting)
    assert len({design.label for design in designs}) == len(designs)
    assert (decisions(case, designs[0]) == Decision.HOLDS).all()
