"""Cases and searches for linear regression: every result is refuted when its constant is wrong, and not else."""

from dataclasses import replace

import numpy as np
import pytest

from bounds import Kind, Mode
from bounds.catalogue.regression import RESULTS
from verify.case import Case
from verify.cases.regression import CASES
from verify.checking import check
from verify.run import DEFAULT_SETTING
from verify.searches.regression import SEARCHES
from verify.sequential import Decision

BY_KEY = {case.key: case for case in CASES}
# factors by which a bound is made wrong; equalities and attained bounds need little
WRONG = {Kind.EQUALITY: 1.1, Kind.LOWER: 1.01, Kind.UPPER: 0.98}


def decisions(case, replications=60_000, designs=4):
    found = []
    for design in case.designs(DEFAULT_SETTING)[:designs]:
        found += list(check(case, design, level=1e-6, replications=replications, seed=3).decision)
    return found


@pytest.mark.parametrize("key", [key for key in BY_KEY if key.endswith("#exact")])
def test_exact_cases_hold_and_see_a_wrong_constant(key):
    case = BY_KEY[key]
    assert set(decisions(case, designs=20)) == {Decision.HOLDS}
    wrong = WRONG[case.result.kind]
    broken = replace(case.result, expr=case.result.expr * wrong)
    assert Decision.REFUTED in decisions(replace(case, result=broken), designs=20)


@pytest.mark.parametrize("key", [key for key in BY_KEY if not key.endswith("#exact")])
def test_sampled_cases_see_a_wrong_constant(key):
    """Without a cap on the spread a bound from below cannot be refuted by samples; but it is not confirmed."""
    case = BY_KEY[key]
    wrong = {Mode.HIGH_PROBABILITY: 0.15, Kind.LOWER: 1.6, Kind.UPPER: 0.6, Kind.EQUALITY: 1.3}
    factor = wrong[case.result.mode if case.result.mode in wrong else case.result.kind]
    found = decisions(replace(case, result=replace(case.result, expr=case.result.expr * factor)), 3_000, 2)
    if case.result.kind is Kind.LOWER and case.name == "sampled":
        assert found.count(Decision.HOLDS) < len(found)
    else:
        assert Decision.REFUTED in found


def test_every_result_has_a_case_and_one_search():
    assert {case.result.key for case in CASES} == {result.key for result in RESULTS}
    assert [search.result.key for search in SEARCHES] == [result.key for result in RESULTS]


def corners(search, rng):
    """Both ends of every axis, and two points between."""
    for place in (np.zeros, np.ones, rng.random, rng.random):
        where = place(len(search.axes))
        point = {}
        for (name, axis), u in zip(search.axes.items(), where, strict=True):
            value = axis.low * (axis.high / axis.low) ** u if axis.log else axis.low + (axis.high - axis.low) * u
            point[name] = round(value) if axis.integer else float(value)
        yield point


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.result.key)
def test_designs_of_a_search_fit_and_do_not_refute(search):
    because = {assumption.key: "searched" for assumption in search.result.assumptions}
    for point in corners(search, np.random.default_rng(6)):
        design = search.design(point)
        case = Case(result=search.result, name="searched", designs=lambda _: (), because=because)
        curve = check(case, design, level=1e-6, replications=300, seed=1)
        assert Decision.REFUTED not in curve.decision
        assert np.isfinite(curve.bound).all()


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.result.key)
def test_axes_of_a_search_are_parameters_or_settings(search):
    settings = {"load", "rows", "design", "filled", "direction"}
    assert set(search.axes) <= settings | {param.name for param in search.result.params} | {"i"}
