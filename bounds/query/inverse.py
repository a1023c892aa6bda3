"""Exact solutions of f(x) = value where x can be uncovered layer by layer, or is a root of a polynomial."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..kde_functions import heat_loss
from .slopes import folded, lost_power

_INVERSE: dict[str, Callable[[sp.Expr], sp.Expr]] = {
    "exp": sp.log,
    "log": sp.exp,
    "atan": sp.tan,
    "tanh": sp.atanh,
    "erf": sp.erfinv,
}
_DEGREE = 4


def candidates(expr: sp.Expr, x: sp.Symbol, value: sp.Expr) -> list[sp.Expr]:
    """Return expressions for x among which are the admissible solutions of expr = value, or nothing.

    They solve the equation for some branch of every root; the caller checks them by evaluation.
    """
    expr, value = _uncovered(expr, x, value)
    return [value] if expr == x else polynomial_roots(expr - value, x)


def polynomial_roots(expr: sp.Expr, x: sp.Symbol) -> list[sp.Expr]:
    """Return the real roots of the numerator of a rational function of x, if their formulas are short."""
    if not expr.is_rational_function(x) or expr.count_ops() > 200:
        return []
    numerator = sp.fraction(sp.cancel(sp.together(expr)))[0]
    roots: list[sp.Expr] = []
    for factor, _ in sp.Poly(numerator, x).factor_list()[1]:
        low = factor.degree() <= 2 or (factor.degree() <= _DEGREE and (factor.domain.is_QQ or factor.domain.is_ZZ))
        if not low and len(factor.terms()) == 2:  # a x^m + b
            roots.append((-factor.nth(0) / factor.LC()) ** sp.Rational(1, factor.degree()))
        roots += sp.roots(factor, x) if low else []
    return [root for root in roots if root.is_real is not False]


def _uncovered(expr: sp.Expr, x: sp.Symbol, value: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Undo the outer operations of `expr` on both sides as long as x occurs in one argument only."""
    while expr != x:
        expr = folded(expr)
        moving = [a for a in expr.args if a.has(x)]
        if len(moving) != 1:
            break
        step = _step(expr, moving[0], x, value)
        if step is None:
            break
        expr, value = moving[0], step
    return expr, value


def _step(expr: sp.Expr, inner: sp.Expr, x: sp.Symbol, value: sp.Expr) -> sp.Expr | None:
    """Return what the inner part must be for the outer operation to give `value`."""
    if isinstance(expr, sp.Add):
        return value - (expr - inner)
    if isinstance(expr, sp.Mul):
        return value / sp.Mul(*(a for a in expr.args if a is not inner))
    if isinstance(expr, sp.Pow):
        return value ** (1 / expr.exp) if expr.base is inner else sp.log(value) / sp.log(expr.base)
    if type(expr).__name__ in _INVERSE:
        return _INVERSE[type(expr).__name__](value)
    if isinstance(expr, heat_loss):
        return sp.sqrt(-sp.log(1 - value) / 2) / sp.pi
    if isinstance(expr, (complement_power, lost_power, geometric_sum)):
        share, count = expr.args
        kept = value if isinstance(expr, complement_power) else 1 - value
        if inner is share:
            return None if isinstance(expr, geometric_sum) else 1 - kept ** (1 / count)
        if isinstance(expr, geometric_sum):
            kept = 1 - share * value
        return sp.log(kept) / sp.log(1 - share)
    return None
