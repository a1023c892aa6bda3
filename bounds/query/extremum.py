"""Queries `argmin` and `argmax`: where a quantity is smallest or largest along one parameter."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from .answers import Extremum, Unanswered
from .curve import Curve, curve_of
from .inverse import polynomial_roots
from .number import NotANumber, evaluate
from .order import Order
from .subject import Subject, Target, Variable, subject_of
from .trend import directions, proved_direction, refined_turn
from .worker import DEFAULT_LIMIT


@dataclass(frozen=True, kw_only=True, eq=False)
class Optimum(Extremum):
    """An extremum, and whether it is at an end of the domain (attained or not)."""

    at_end: bool = False


_WORD = {1: "minimum", -1: "maximum"}
_OUTER = (sp.exp, sp.log, sp.atan, sp.tanh)


def argmin(target: Target, param: str, /, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Optimum:
    """Return where along a parameter a quantity is smallest, and how small it is there.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    param : str
        Name of a scalar parameter.
    time_limit : float
        Seconds for symbolic work on an expression that is not in the catalogue.
    **fixed
        Values of other parameters. Those that only scale the quantity may stay free; others may where the
        derivative is a quotient of polynomials of low degree.

    Returns
    -------
    Optimum
        `expr` is an exact number or formula where the derivative can be solved; otherwise the place to 12 digits and
        more, the best of all local optima on a grid over the whole domain. Where the quantity only tends to its
        infimum, `value` is that end of the domain, and the text says that it is not attained.

    Raises
    ------
    Unanswered
        Other parameters have to be fixed, or there is no value at all.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    return _optimum(target, param, 1, fixed, time_limit)


def argmax(target: Target, param: str, /, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Optimum:
    """Return where along a parameter a quantity is largest; everything else as for `argmin`."""
    return _optimum(target, param, -1, fixed, time_limit)


def _optimum(target: Target, param: str, sense: int, fixed: dict[str, Any], time_limit: float) -> Optimum:
    subject = subject_of(target).fix(fixed)
    query = f"{_WORD[sense]} of {subject.name} in {param}"
    variable = subject.variable(param, query)
    loose = subject.loose(variable)
    if loose:
        found = _by_formula(subject, variable, sense, query)
        if found is not None:
            return found
        reduced, sense = without_factors(subject, variable, sense)
        if reduced.loose(variable):
            names = ", ".join(v.name for v in loose)
            raise Unanswered(query, f"the place depends on other parameters and has no formula: fix {names}")
        curve = curve_of(reduced, param, {}, query)
        return _numerical(curve, sense, query, proved_direction(reduced, variable, time_limit), scaled=True)
    curve = curve_of(target, param, fixed, query)
    exact = _by_formula(subject, variable, sense, query) if not curve.step else None
    return exact or _numerical(curve, sense, query, proved_direction(subject, variable, time_limit))


def without_factors(subject: Subject, variable: Variable, sense: int) -> tuple[Subject, int]:
    """Drop factors and increasing functions around what depends on the variable; they do not move the optimum."""
    expr, order = subject.expr, Order(subject)
    while True:
        if isinstance(expr, sp.Mul):
            factor, rest = expr.as_independent(variable.symbol, as_Add=False)
            sign = order.sign(factor)
            if factor == 1 or not sign:
                break
            expr, sense = rest, sense * sign
        elif isinstance(expr, sp.Pow) and not expr.exp.has(variable.symbol) and _keeps_order(expr, order):
            expr, sense = expr.base, sense * (1 if expr.exp.is_positive else -1)
        elif isinstance(expr, _OUTER):
            expr = expr.args[0]
        elif isinstance(expr, sp.Add) and (rest := expr.as_independent(variable.symbol)[1]) != expr:
            expr = rest
        else:
            break
    kept = tuple(v for v in subject.variables if v.symbol == variable.symbol or v.symbol in expr.free_symbols)
    return replace(subject, expr=expr, variables=kept), sense


def _keeps_order(expr: sp.Pow, order: Order) -> bool:
    real = bool(expr.exp.is_Rational and not expr.exp.is_Integer)  # the base is non-negative, or it has no value
    return bool(expr.exp.is_positive or expr.exp.is_negative) and (real or order.sign(expr.base) == 1)


def _by_formula(subject: Subject, variable: Variable, sense: int, query: str) -> Optimum | None:
    """Solve for the zero of the derivative, if that is rational in a root of x, and has exactly one in the domain."""
    reduced, towards = without_factors(subject, variable, sense)
    x = variable.symbol
    if variable.whole or reduced.expr.count_ops() > 100:
        return None
    slope, power = _slope(reduced, variable)
    if not slope.is_rational_function(x):
        return None
    roots = [root for root in polynomial_roots(slope, x) if _inside(subject, variable, root**power)]
    if len(roots) != 1 or not _changes_sign(reduced, variable, slope, towards):
        return None
    place = roots[0] ** power if power > 1 else sp.sqrtdenest(sp.simplify(roots[0]))
    best = subject.expr.subs(x, place)
    best = sp.simplify(best) if power == 1 else sp.powsimp(sp.expand_power_base(best), force=True)
    best = sp.factor(sp.radsimp(best)) if place.is_number else best
    place_shown, best_shown = subject.restore(place), subject.restore(best)
    return Optimum(
        query=query,
        expr=place_shown,
        value=_value(place),
        method="symbolic",
        proved=True,
        text=f"{_WORD[sense]} of {subject.name} at {variable.name} = {place_shown}, where it is {best_shown}",
        best=_value(best),
    )


def _slope(subject: Subject, variable: Variable) -> tuple[sp.Expr, int]:
    """Return what has the sign of the derivative, as a function of x^(1/power), and that power.

    Of a positive function the derivative of its logarithm has the same sign, and may be rational where it is not.
    """
    x, expr = variable.symbol, subject.expr
    roots = [p.exp.q for p in expr.atoms(sp.Pow) if p.base == x and p.exp.is_Rational]
    power = math.lcm(*roots) if roots and {variable.low, variable.high} <= {0, 1, sp.oo} else 1
    moved = expr.subs(x, x**power) if power > 1 else expr
    slope = sp.diff(moved, x)
    if not moved.is_rational_function(x) and Order(subject).sign(expr) == 1:
        slope = sp.simplify(slope / moved)
    return sp.cancel(sp.together(slope)) if slope.is_rational_function(x) else slope, power


def _value(expr: sp.Expr) -> float:
    try:
        return float(evaluate(expr, {}, 40))
    except NotANumber:
        return float("nan")


def _inside(subject: Subject, variable: Variable, root: sp.Expr) -> bool:
    """Tell whether a root lies in the interior of the domain, at random values of what is free."""
    rng = random.Random(20250502)
    for _ in range(8 if root.free_symbols else 1):
        try:
            number = evaluate(root, subject.sample(rng), 40)
        except NotANumber:
            return False
        if not float(variable.low) < number < float(variable.high):
            return False
    return True


def _changes_sign(subject: Subject, variable: Variable, slope: sp.Expr, sense: int) -> bool:
    """Prove that the slope has one zero in the domain and the right signs beside it.

    A numerator of degree at most 2 with opposite signs at the ends has exactly one zero between them, and so has one
    of two terms on positive numbers; one with numbers as coefficients is counted by Sturm's theorem.
    """
    x, low, high = variable.symbol, variable.low, variable.high
    numerator, denominator = (sp.Poly(part, x) for part in sp.fraction(slope))
    order = Order(subject)
    sign = order.sign(denominator.as_expr())
    if not sign or low is -sp.oo:
        return False
    first = numerator.eval(low)
    last = numerator.LC() if high is sp.oo else numerator.eval(high)
    signs = (order.sign(first), order.sign(last))
    if None in signs or signs[0] == 0 or (signs[0], signs[1]) != (-sense * sign, sense * sign):
        return False
    if numerator.degree() <= 2 or (len(numerator.terms()) == 2 and low >= 0):
        return True
    counted = numerator.domain.is_QQ or numerator.domain.is_ZZ
    return bool(counted and numerator.count_roots(low, None if high is sp.oo else high) == 1)


def _numerical(curve: Curve, sense: int, query: str, direction: int | None, scaled: bool = False) -> Optimum:
    if direction == 0:
        raise Unanswered(query, f"{curve.subject.name} is constant in {curve.variable.name}")
    if direction is not None:
        return _at_end(curve, sense, query, direction != sense, "symbolic", scaled)
    points = curve.grid()
    values = sense * curve.values(points)
    finite = [(x, v) for x, v in zip(points, values, strict=True) if np.isfinite(v)]
    if len(finite) < 2:
        raise Unanswered(query, f"there are fewer than two values along {curve.variable.name}")
    place = _best_turn(curve, finite, sense)
    ends = {upper: sense * _value_at_end(curve, finite, upper) for upper in (False, True)}
    upper = ends[True] < ends[False]
    best = np.inf if place is None else sense * float(curve(place))
    if place is None or min(ends.values()) < best - 1e-14 * abs(best):
        return _at_end(curve, sense, query, upper, "grid", scaled)
    return _answer(curve, place, query, sense, scaled)


def _best_turn(curve: Curve, finite: list[tuple[sp.Expr, float]], sense: int) -> sp.Expr | None:
    """Refine every local minimum of the grid (of values times sense) that may be the best; return the best."""
    values = np.array([v for _, v in finite])
    signs = directions(values)
    moving = [k for k, s in enumerate(signs) if s]
    turns = [(a, b) for a, b in itertools.pairwise(moving) if signs[a] < 0 < signs[b]]
    turns = sorted(turns, key=lambda turn: values[turn[0] + 1])[:12]
    places = [refined_turn(curve, finite[a][0], finite[b + 1][0], sense == 1) for a, b in turns]
    return min(places, key=lambda x: sense * curve(x), default=None)


def _value_at_end(curve: Curve, finite: list[tuple[sp.Expr, float]], upper: bool) -> float:
    """Return the value at a closed end, else what the grid sees next to it."""
    return float(curve(finite[-1 if upper else 0][0]))


def _at_end(curve: Curve, sense: int, query: str, upper: bool, method: str, scaled: bool) -> Optimum:
    place = curve.high if upper else curve.low
    missing = curve.open_high if upper else curve.open_low
    if curve.step and place.is_finite:
        place = curve.grid()[-1 if upper else 0]
        missing = False
    best = curve.end_value(upper) if missing else float(curve(place))
    name, bound = curve.variable.name, {1: "infimum", -1: "supremum"}[sense]
    known = "" if scaled else f" {best:.10g}"
    text = f"{_WORD[sense]} of {curve.subject.name} at {name} = {place}, the end of the domain" + (
        f", where it is{known}" if known else ""
    )
    if missing:
        text = f"no {_WORD[sense]}: {curve.subject.name} only tends to its {bound}{known} as {name} -> {place}"
    return Optimum(
        query=query,
        expr=place,
        value=float(place),
        method=method,
        proved=method == "symbolic",
        text=text,
        best=float("nan") if scaled else best,
        at_end=True,
    )


def _answer(curve: Curve, place: sp.Expr, query: str, sense: int, scaled: bool) -> Optimum:
    best, name = curve(place), curve.variable.name
    digits = 20 if curve.precise else 8
    with mp.workdps(40):
        number = mp.mpf(int(place.p)) / int(place.q)
    expr = place if curve.step else sp.Float(mp.nstr(number, digits), digits)
    what = "" if scaled else f", where it is {mp.nstr(best, 12)}"
    how = "neighbours compared" if curve.step else "zero of the derivative" if curve.precise else "double precision"
    return Optimum(
        query=query,
        expr=expr,
        value=float(number),
        method=f"numeric (all local optima of a grid, {how})",
        proved=False,
        text=f"{_WORD[sense]} of {curve.subject.name} at {name} = {mp.nstr(number, min(digits, 13))}{what}",
        best=float("nan") if scaled else float(best),
    )
