"""Evaluation of symbolic expressions by walking the tree with mpmath: no compilation, any precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from mpmath import mp

from ..kde_functions import spread_sum
from ..kde_precise import GUARD_DIGITS
from ..precise import PRECISE

_SLOW = ("chain_", "mixture_", "sharp_", "square_")
_LONGEST = 10_000  # terms of a sum or product that is not over atoms


class NotANumber(Exception):
    """The expression has no finite real value at this point, or cannot be evaluated there."""


def is_slow(expr: sp.Expr) -> bool:
    """Tell whether an expression has Markov chains or quadratures: many digits of them are not affordable."""
    return any(type(node).__name__.startswith(_SLOW) for node in expr.atoms(sp.Function))


def is_costly(expr: sp.Expr) -> bool:
    """Tell whether an expression is too slow to be evaluated many times within a query."""
    return is_slow(expr) or expr.has(spread_sum)


def _spread_sum(*arguments: Any) -> Any:
    """Carry the digits that this function takes its caller to have beyond those asked for."""
    with mp.workdps(mp.dps + GUARD_DIGITS):
        return PRECISE["spread_sum"](*arguments)


def _harmonic(k: Any, s: Any = 1) -> Any:
    return PRECISE["power_sum"](mp.mpmathify(s), k)


def _shifted_zeta(a: Any) -> Any:
    """Σ_{k≥1} k^{−a}/(k+1): thirty terms, then Hurwitz zeta functions of the tail."""
    head = 30
    total = mp.fsum(mp.mpf(k) ** -a / (k + 1) for k in range(1, head + 1))
    terms = int(mp.prec / 4.9) + 2
    return total + mp.fsum((-1) ** j * mp.zeta(a + 1 + j, head + 1) for j in range(terms))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **PRECISE,
    "spread_sum": _spread_sum,
    "shifted_zeta": _shifted_zeta,
    "harmonic": _harmonic,
    "log": mp.log,
    "exp": mp.exp,
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "atan": mp.atan,
    "tanh": mp.tanh,
    "erf": mp.erf,
    "erfc": mp.erfc,
    "gamma": mp.gamma,
    "loggamma": mp.loggamma,
    "factorial": mp.factorial,
    "polygamma": mp.polygamma,
    "digamma": mp.digamma,
    "zeta": mp.zeta,
    "floor": mp.floor,
    "ceiling": mp.ceil,
    "Abs": abs,
    "binomial": mp.binomial,
    "beta": mp.beta,
    "LambertW": lambda z, k=0: mp.lambertw(z, int(k)),
    "betainc_regularized": lambda a, b, x, y: mp.betainc(a, b, x, y, regularized=True),
    "log1p": mp.log1p,
    "expm1": mp.expm1,
}


def evaluate(expr: sp.Expr, values: Mapping[Any, Any], digits: int = 40) -> Any:
    """Return `expr` at `values` as an mpf.

    Parameters
    ----------
    expr : sympy.Expr
        Elementary and special functions, functions of the catalogue, sums over atoms, `Piecewise`, `Min`, `Max`.
    values : mapping
        From symbols (and indexed bases) to numbers (and sequences of numbers).
    digits : int
        Working precision; results of expressions that cancel have fewer correct digits.

    Raises
    ------
    NotANumber
        The value is not a finite real number, or a symbol has no value.
    """
    with mp.workdps(digits):
        table = {key: _converted(value) for key, value in values.items()}
        try:
            value = _walk(expr, table)
        except (ZeroDivisionError, OverflowError, ValueError, TypeError, KeyError, IndexError) as error:
            raise NotANumber(f"{expr}: {error}") from None
        if isinstance(value, mp.mpc) and value.imag == 0:
            value = value.real
        if not isinstance(value, mp.mpf) or not mp.isfinite(value):
            raise NotANumber(f"{expr} is {value}")
        return +value


def _converted(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_converted(entry) for entry in value]
    if isinstance(value, sp.Rational):
        return mp.mpf(int(value.p)) / int(value.q)
    if isinstance(value, sp.Expr):
        return mp.mpmathify(value.evalf(mp.dps))
    return mp.mpmathify(value)


def _walk(expr: Any, table: Mapping[Any, Any]) -> Any:
    if expr in table:
        return table[expr]
    if isinstance(expr, sp.Rational):
        return mp.mpf(int(expr.p)) / int(expr.q)
    if isinstance(expr, sp.Add):
        return mp.fsum(_walk(a, table) for a in expr.args)
    if isinstance(expr, sp.Mul):
        return mp.fprod(_walk(a, table) for a in expr.args)
    if isinstance(expr, sp.exp):
        return mp.exp(_walk(expr.args[0], table))
    if isinstance(expr, sp.Pow):
        return _power(_walk(expr.base, table), _walk(expr.exp, table))
    if isinstance(expr, (sp.Min, sp.Max)):
        choose = min if isinstance(expr, sp.Min) else max
        return choose(_walk(a, table) for a in expr.args)
    if isinstance(expr, sp.Indexed):
        return table[expr.base][int(_walk(expr.indices[0], table))]
    if isinstance(expr, (sp.Sum, sp.Product)):
        return _over_range(expr, table)
    if isinstance(expr, sp.Piecewise):
        return _walk(_branch(expr, table), table)
    name = type(expr).__name__
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](*(_walk(a, table) for a in expr.args))
    if expr.is_number:
        return mp.mpmathify(expr.evalf(mp.dps))
    raise KeyError(f"no value for {expr}")


def _power(base: Any, exponent: Any) -> Any:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError("0 to a negative power")
    return mp.power(base, exponent)


def _over_range(expr: Any, table: Mapping[Any, Any]) -> Any:
    """Sum or multiply over a finite range; a sum over atoms takes its length from the vector."""
    (index, low, high), body = expr.limits[0], expr.function
    vectors = [table[node.base] for node in body.atoms(sp.Indexed) if node.base in table]
    first = int(_walk(low, table))
    last = first + len(vectors[0]) - 1 if vectors else _walk(high, table)
    if last - first > _LONGEST:
        raise ValueError(f"more than {_LONGEST} terms")
    terms = (_walk(body, {**table, index: mp.mpf(k)}) for k in range(first, int(last) + 1))
    return mp.fsum(terms) if isinstance(expr, sp.Sum) else mp.fprod(terms)


def _branch(expr: sp.Piecewise, table: Mapping[Any, Any]) -> sp.Expr:
    for value, condition in expr.args:
        if condition == sp.true or (condition != sp.false and _holds(condition, table)):
            return value
    raise ValueError("no branch of the Piecewise applies")


def _holds(condition: Any, table: Mapping[Any, Any]) -> bool:
    left, right = (_walk(side, table) for side in condition.args)
    relations: dict[type, Callable[[Any, Any], bool]] = {
        sp.Eq: lambda a, b: a == b,
        sp.Ne: lambda a, b: a != b,
        sp.StrictLessThan: lambda a, b: a < b,
        sp.LessThan: lambda a, b: a <= b,
        sp.StrictGreaterThan: lambda a, b: a > b,
        sp.GreaterThan: lambda a, b: a >= b,
    }
    return bool(relations[type(condition)](left, right))
