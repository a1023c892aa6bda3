"""Expansion of sums over atoms, of minima and branches, and of functions that other rules cover."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..functions import power_sum
from .elementary import RULES, argument, asymptotic_to, expand, exponential, taylor
from .expansion import Context, Expansion, Term, Unsupported
from .oracle import Undecided


def _sum(expr: sp.Sum, context: Context) -> Expansion:
    """Sum over atoms, term by term: every coefficient becomes a sum."""
    (index, low, high), body = expr.limits[0], expr.function
    bases = {node.base for node in body.atoms(sp.Indexed)}
    if len(bases) != 1 or high.has(context.X):
        raise Unsupported("a sum that is not over atoms")
    entry = bases.pop()[index]
    atom = sp.Symbol("q", positive=True)
    context.oracle.with_atom(atom)
    inside = expand(body.xreplace({entry: atom}), context)
    if any(part.has(atom) for t in inside.terms for part in (t.scale.growth, t.scale.power)):
        raise Unsupported("a sum whose terms grow or fall each at a rate of its own")

    def total(coefficient: sp.Expr) -> sp.Expr:
        outside, inner = coefficient.as_independent(atom, as_Add=False)
        return outside * sp.Sum(inner.xreplace({atom: entry}), (index, low, high))

    return Expansion(tuple(Term(total(t.coefficient), t.scale) for t in inside.terms), inside.error)


def _minimum(expr: sp.Expr, context: Context) -> Expansion:
    """Choose by scale, then by coefficient; keep `Min` of the leading coefficients where neither rules."""
    first, *others = (expand(a, context) for a in expr.args)
    side = 1 if isinstance(expr, sp.Max) else -1
    for other in others:
        first = _choose(first, other, side, context)
    return first


def _choose(a: Expansion, b: Expansion, side: int, context: Context) -> Expansion:
    head, rival = context.lead(a), context.lead(b)
    order = context.compare(head.scale, rival.scale)
    try:
        if order == 0:
            order = context.oracle.sign(head.coefficient - rival.coefficient)
        elif context.oracle.sign((head if order > 0 else rival).coefficient) < 0:
            order = -order
    except Undecided:
        pick = sp.Max if side > 0 else sp.Min
        coefficient = pick(head.coefficient, rival.coefficient)
        following = [e.terms[1].scale if len(e.terms) > 1 else e.error for e in (a, b)]
        return Expansion((Term(coefficient, head.scale),), context.larger(*following))
    return a if order * side >= 0 else b


def _piecewise(expr: sp.Piecewise, context: Context) -> Expansion:
    """Take the branch that applies in the limit."""
    for value, condition in expr.args:
        if condition == sp.true or (condition != sp.false and _holds(condition, context)):
            return expand(value, context)
    raise Unsupported("no branch of the Piecewise applies")


def _holds(condition: Any, context: Context) -> bool:
    if not isinstance(condition, sp.core.relational.Relational):
        raise Unsupported(f"the condition {condition}")
    sign = context.oracle.sign(context.lead(expand(condition.lhs - condition.rhs, context)).coefficient)
    return bool(condition.func(sp.Integer(sign), 0))


def _gamma(expr: sp.Expr, context: Context) -> Expansion:
    side, _, _ = argument(expr, context)
    return exponential(_stirling(expr.args[0], context), context) if side > 0 else taylor(expr, context)


def _stirling(z: sp.Expr, context: Context) -> Expansion:
    series = (z - sp.Rational(1, 2)) * sp.log(z) - z + sp.log(2 * sp.pi) / 2 + 1 / (12 * z) - 1 / (360 * z**3)
    return asymptotic_to(series, z ** (-5), context)


def _loggamma(expr: sp.Expr, context: Context) -> Expansion:
    side, _, _ = argument(expr, context)
    return _stirling(expr.args[0], context) if side > 0 else taylor(expr, context)


RULES.update(
    {
        "Sum": _sum,
        "Min": _minimum,
        "Max": _minimum,
        "Piecewise": _piecewise,
        "gamma": _gamma,
        "loggamma": _loggamma,
        "factorial": lambda expr, context: expand(sp.gamma(expr.args[0] + 1), context),
        "harmonic": lambda expr, context: expand(
            power_sum(expr.args[1] if len(expr.args) > 1 else sp.S.One, expr.args[0]), context
        ),
        "log1p": lambda expr, context: expand(sp.log(1 + expr.args[0]), context),
        "expm1": lambda expr, context: expand(sp.exp(expr.args[0]) - 1, context),
    }
)
