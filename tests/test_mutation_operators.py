"""Mutants of formulas: what is changed, what is dropped, and that a mutant's numbers are those of its formula."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from named_cases import case_named

import bounds
from bounds import Kind
from bounds.symbols import K, alpha, i, n
from verify.checking import points_of
from verify.mutation_numbers import screened
from verify.mutation_operators import Mutant, mutants_of, replaced_at
from verify.run import DEFAULT_SETTING

FRESH = bounds.get("tv/discrete/fresh")  # parameters n, alpha, i, K


def made(expr: object, kind: Kind = Kind.UPPER) -> dict[str, list[object]]:
    """Mutants of an expression in these parameters by operator."""
    found: dict[str, list[object]] = {}
    for mutant in mutants_of(replace(FRESH, expr=expr, kind=kind))[0]:
        found.setdefault(mutant.operator, []).append(mutant.expr)
    return found


def test_constants_exponents_terms_and_factors_are_changed() -> None:
    found = made(sp.sqrt((K - 1) / n) / 3 + alpha**2)
    assert sp.sqrt((K - 1) / n) / 6 + alpha**2 in found["constant x 1/2"]
    assert sp.sqrt((K - 1) / n) * sp.Rational(3, 10) + alpha**2 in found["constant x 9/10"]
    assert sp.sqrt((K - 2) / n) / 3 + alpha**2 in [*found["constant x 2"], *found["K -> K-1 everywhere"]]
    assert (K - 1) / n / 3 + alpha**2 in found["exponent x 2"]
    assert sp.sqrt((K - 1) / n) / 3 + alpha in found["exponent x 1/2"]
    assert {alpha**2, sp.sqrt((K - 1) / n) / 3} <= set(found["term dropped"])
    assert sp.sqrt(1 / n) / 3 + alpha**2 in found["factor dropped"]


def test_parameters_are_off_by_one_by_two_or_taken_for_the_rest() -> None:
    found = made((1 - alpha) ** i / (n + 3))
    assert found["alpha -> 1-alpha everywhere"] == [alpha**i / (n + 3)]
    assert found["i -> i-1 everywhere"] == [(1 - alpha) ** (i - 1) / (n + 3)]
    assert found["i -> i+1 everywhere"] == [(1 - alpha) ** (i + 1) / (n + 3)]
    assert found["n -> 2n everywhere"] == [(1 - alpha) ** i / (2 * n + 3)]
    assert found["n -> n/2 everywhere"] == [(1 - alpha) ** i / (n / 2 + 3)]
    assert "n -> 2n" not in found  # it stands there once: everywhere is there


def test_one_of_several_places_is_changed_alone() -> None:
    found = made(n * i / (n + 1))
    assert (n + 1) * i / (n + 1) in found["n -> n+1"]
    assert n * i / (n + 2) in [*found["n -> n+1"], *found["constant x 2"]]


def test_logs_minima_and_functions_lose_their_parts() -> None:
    found = made(sp.Min(sp.log(n) + sp.exp(-alpha), i, evaluate=False))
    assert sp.Min(1 + sp.exp(-alpha), i, evaluate=False) in found["log removed"]
    assert sp.Min(sp.log(n) - alpha, i, evaluate=False) in found["function removed"]
    assert set(found["argument dropped"]) == {sp.log(n) + sp.exp(-alpha), i}


@pytest.mark.parametrize(
    ("kind", "factors"),
    [
        (Kind.UPPER, {sp.Rational(1, 2), sp.Rational(9, 10), sp.Rational(1, 100), sp.Rational(1, 10**6)}),
        (Kind.LOWER, {2, sp.Rational(11, 10), 100, 10**6}),
        (Kind.EQUALITY, {2, sp.Rational(11, 10), sp.Rational(1, 2), sp.Rational(9, 10)}),
        (Kind.RATE, set()),
    ],
)
def test_the_whole_is_moved_to_the_wrong_side(kind: Kind, factors: set[object]) -> None:
    found = made(alpha, kind)
    assert {expr / alpha for name, exprs in found.items() if name.startswith("whole") for expr in exprs} == factors


def test_equal_mutants_are_made_once_and_counted() -> None:
    mutants, equal = mutants_of(replace(FRESH, expr=n / 2))
    exprs = [mutant.expr for mutant in mutants]
    assert len({n / 2, *exprs}) == len(exprs) + 1
    assert equal >= 2  # the whole and its constant and n halved; the constant doubled and n doubled


def places(expr: object, path: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], object]]:
    below = [place for k, argument in enumerate(expr.args) for place in places(argument, (*path, k))]  # type: ignore[attr-defined]
    return [(path, expr), *below]


@pytest.mark.parametrize("key", ["tv/discrete/fresh", "tv/discrete/accumulate/triangle"])
def test_a_path_leads_to_what_was_replaced(key: str) -> None:
    result = bounds.get(key)
    where = dict(places(result.expr))
    for path, node in where.items():
        assert replaced_at(result.expr, path, node) == result.expr
    for mutant in mutants_of(result)[0]:
        if "everywhere" not in mutant.operator and not mutant.operator.startswith("whole"):
            assert str(where[mutant.path])[:40] == mutant.before[:40]


def written(operator: str, expr: object) -> Mutant:
    return Mutant(operator=operator, path=(), before="", after="", expr=expr)


def test_mutants_that_say_nothing_of_their_own_are_dropped() -> None:
    case = case_named("tv/discrete/fresh#exact")
    designs = case.designs(DEFAULT_SETTING)[:3]
    kept = screened(
        case.result,
        (
            written("half", case.result.expr / 2),
            written("half again", case.result.expr / (2 + sp.Rational(1, 10**14))),
            written("same", case.result.expr * (1 + sp.Rational(1, 10**14))),
            written("not real", sp.sqrt(-n)),
            written("no number", sp.zoo),
            written("infinite at some", case.result.expr + 1 / (i - 1)),
        ),
        designs,
    )
    assert [mutant.operator for mutant in kept.mutants] == ["half"]
    assert [mutant.operator for mutant in kept.unmoved] == ["same"]
    assert (kept.invalid, kept.duplicate) == (3, 1)
    for said, original in zip(kept.bounds, kept.originals, strict=True):
        np.testing.assert_allclose(said[0], original / 2, rtol=1e-14)


@pytest.mark.parametrize("key", ["tv/discrete/fresh#exact", "tv/discrete/one-step-hp#sampled"])
def test_the_numbers_of_a_mutant_are_those_of_the_result_with_its_formula(key: str) -> None:
    case = case_named(key)
    designs = case.designs(DEFAULT_SETTING)[:2]
    kept = screened(case.result, mutants_of(case.result)[0], designs)
    for place in range(0, len(kept.mutants), 9):
        mutant = replace(case.result, expr=kept.mutants[place].expr)
        for design, said in zip(designs, kept.bounds, strict=True):
            np.testing.assert_allclose(said[place], points_of(design, mutant)[0], rtol=1e-12)
