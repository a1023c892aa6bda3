"""Derivations: every recursion against brute force in exact fractions, and the check that decides equality."""

import importlib.util
from fractions import Fraction as Fr
from pathlib import Path

import pytest
import sympy as sp
from sympy.core.function import AppliedUndef
from test_bounds_recursions import tau_squared, w

import bounds
from bounds.query import Unanswered, derive
from bounds.query.derivation import _inserted
from bounds.query.identity import vanishes
from bounds.recursions import ORIGINS, STATIONARY, Recursion, j
from bounds.symbols import alpha, i, lam, n

u = sp.Function("u")
AT = {"n": 6, "alpha": sp.Rational(1, 3), "lam": sp.Rational(1, 2), "K": 5, "eps": sp.Rational(1, 10)}
UNDERIVED = (  # no recursion of one sequence, or no closed form
    "tv/discrete-exact", "tv/propagation", "tv/propagation-hp", "tv/discrete/one-step", "weighted", "lower",
    "gaussian/std-collapse/variance", "gaussian/w2", "gaussian/golden-ratio/optimum", "discrete/minimax",
)  # fmt: skip


@pytest.mark.parametrize("key", [*ORIGINS, *STATIONARY])
def test_every_derivation_ends_in_the_catalogue(key):
    found = derive(key)
    assert found.proved
    assert found.expr == bounds.get(key).expr
    assert len(found.steps) >= 4
    assert all(step.text and step.latex and "Dummy" not in step.latex for step in found.steps)
    assert not any(set("_^$\\{}%#&") & set(step.text) for step in found.steps)  # set as text, not as formulas
    assert found.latex.count("&& \\text{") == len(found.steps)


@pytest.mark.parametrize("key", ORIGINS)
def test_origins_belong_to_their_results(key):
    """What is derived occurs in the result; the one-step error may be written inside."""
    expr = bounds.get(key).expr
    for origin in ORIGINS[key]:
        scale = origin.closed.as_independent(i, as_Add=False)[1]
        kinds = {type(e) for e in scale.atoms(sp.Function)} | ({i} if not scale.atoms(sp.Function) else set())
        assert expr.has(*kinds)
        if "triangle" not in key:
            assert expr.has(origin.closed) or expr.subs(i, 3).equals(origin.closed.subs(i, 3))


def test_what_has_no_derivation_is_known():
    for result in bounds.CATALOGUE:
        if result.key in ORIGINS or result.key in STATIONARY:
            continue
        with pytest.raises(Unanswered, match=result.key):
            derive(result.key)


def iterated(origin, generation):
    """Value of an origin's combination in a generation, one step at a time in exact fractions."""
    at = {
        sp.Symbol(name, integer=name in "nK" or None, real=None if name in "nK" else True): v for name, v in AT.items()
    }
    values = {}
    for recursion in origin.recursions:
        table = {recursion.start: recursion.first.subs(at)}
        for step in range(recursion.start, generation):
            known = {recursion.unknown: table, **values}
            expr = recursion.step.subs(j, step).subs(at)
            table[step + 1] = expr.replace(
                lambda e: isinstance(e, AppliedUndef), lambda e, k=known: k[e.func][int(e.args[0])]
            )
        values[recursion.unknown] = table
    expr = origin.combination.subs(i, generation).subs(at)
    return expr.replace(lambda e: isinstance(e, AppliedUndef), lambda e: values[e.func][int(e.args[0])])


@pytest.mark.parametrize("generation", [1, 2, 3, 7])
@pytest.mark.parametrize("schedule", ["replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand"])
def test_recursions_are_those_of_the_loop(schedule, generation):
    share = Fr(0) if schedule == "replace" else Fr(1, 3)
    v = {"n": Fr(6), "i": generation, "alpha": share, "lam": Fr(1, 2)}
    found = iterated(ORIGINS[f"discrete/variance/{schedule}"][0], generation)
    assert found == sp.Rational(*w(schedule, v).as_integer_ratio())
    assert iterated(ORIGINS[f"discrete/diversity/{schedule}"][0], generation) == 1 - found
    influence = iterated(ORIGINS[f"tv/hp-union/{schedule}"][0], generation)
    assert influence == sp.Rational(*tau_squared(schedule, v).as_integer_ratio())


def test_one_closed_form_says_where_it_comes_from():
    steps = derive("discrete/variance/accumulate").steps
    assert any("reflection" in step.text and r"\sin" in step.latex for step in steps)
    texts = [step.text for step in derive("tv/propagation/fresh").steps]
    assert texts[:4] == ["definition", "recursion", "unrolled", "summed"]


@pytest.mark.parametrize(
    ("recursion", "closed"),
    [
        (Recursion(unknown=u, first=sp.S.One, step=u(j) / 2 + 1), 2 - sp.Rational(1, 2) ** (i - 1)),
        (Recursion(unknown=u, first=sp.S.Zero, start=0, step=2 * u(j) + 3**j), sp.Integer(3) ** i - sp.Integer(2) ** i),
        (Recursion(unknown=u, first=sp.S.Zero, start=0, step=2 * u(j) + 2**j), i * sp.Integer(2) ** (i - 1)),
        (Recursion(unknown=u, first=sp.S.One, step=u(j) + j**2), 1 + (i - 1) * i * (2 * i - 1) / 6),
        (Recursion(unknown=u, first=sp.S.One, step=u(j) * (1 + 1 / j)), i),
        (Recursion(unknown=u, first=sp.S.One, step=-u(j) + 1), (1 - (-1) ** i) / 2),
    ],
)
def test_recursions_of_ones_own(recursion, closed):
    found = derive(recursion).expr
    for value in range(recursion.start, 8):
        assert sp.simplify(found.subs(i, value).doit() - closed.subs(i, value)) == 0


@pytest.mark.parametrize(
    ("recursion", "why"),
    [
        (Recursion(unknown=u, first=sp.S.One, step=u(j) ** 2), "not linear"),
        (Recursion(unknown=u, first=sp.S.One, step=u(j) + u(j - 1)), "not linear"),
        (Recursion(unknown=u, first=sp.S.One, step=j * u(j) + 1), "both coefficients"),
        (Recursion(unknown=u, first=sp.S.One, step=u(j) / 2 + 1, closed=3 - i), "could not be shown"),
        (Recursion(unknown=u, first=sp.S.Zero, step=u(j) / 2 + 1, closed=2 - 2 ** (1 - i)), "could not be shown"),
    ],
)
def test_what_cannot_be_derived_says_why(recursion, why):
    with pytest.raises(Unanswered, match=why):
        derive(recursion)


def test_other_targets_are_refused():
    with pytest.raises(TypeError, match="key, a Result or a Recursion"):
        derive(3)
    with pytest.raises(bounds.UnknownResultError):
        derive("tv/nothing")


S, C = bounds.functions.geometric_sum, bounds.functions.complement_power


@pytest.mark.parametrize(
    ("expr", "same"),
    [
        (S(alpha, i + 1) - 1 - (1 - alpha) * S(alpha, i), True),
        (S(alpha, i + 1) - 1 - (1 - alpha) * S(alpha, i) + n / 10**9, False),
        (C(alpha, i) - 1 + alpha * S(alpha, i), True),
        (C(alpha, i) - 1 + alpha * S(alpha, i + 1), False),
        (C(alpha * (2 - alpha), i) - C(alpha, 2 * i), True),
        (C(alpha * (2 - alpha), i) - C(alpha, 2 * i + 1), False),
        ((-1) ** (2 * i) - 1, True),
        ((-1) ** i - 1, False),
        (sp.Integer(6) ** i - sp.Integer(2) ** i * sp.Integer(3) ** i, True),
        (bounds.functions.power_sum(1, i + 2) - bounds.functions.power_sum(1, i) - 1 / (i + 1) - 1 / (i + 2), True),
        (bounds.functions.power_sum(1, i + 2) - bounds.functions.power_sum(2, i) - 1 / (i + 1) - 1 / (i + 2), False),
        (C(1 / (1 + lam), i) - (lam / (1 + lam)) ** i, True),
        (C(1 / (1 + lam), i) - (lam / (2 + lam)) ** i, False),
    ],
)
def test_the_check_of_equality_can_say_no(expr, same):
    assert vanishes(expr, i) is same


def test_a_wrong_closed_form_is_seen():
    """Each closed form, changed in one constant, no longer satisfies its recursion."""
    for origins in ORIGINS.values():
        for origin in origins:
            solved = {}
            for recursion in origin.recursions:
                if recursion.closed != 0:
                    wrong = recursion.closed * sp.Rational(10**9 + 1, 10**9)
                    assert not vanishes(wrong.subs(i, recursion.start + 1) - _inserted(
                        _inserted(recursion.step, solved), {recursion.unknown: recursion.closed}
                    ).subs(j, recursion.start), i)  # fmt: skip
                solved[recursion.unknown] = recursion.closed


def test_the_page_of_derivations_is_up_to_date():
    root = Path(__file__).resolve().parents[1]
    spec = importlib.util.spec_from_file_location("derivations", root / "examples" / "derivations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (root / "book" / "derivations.md").read_text(encoding="utf-8") == module.page()
