"""Deciding that two expressions with a symbolic index are the same: reduction to a rational function.

Functions of the catalogue are unfolded at a generic point, powers with the index in the exponent become unknowns
(one for each irreducible factor of a base), and sums and products over the index are split off down to the index
itself. What is left is a rational function, and `cancel` decides whether it vanishes. Identities that hold at
generic points hold everywhere that both sides are continuous: the closed forms are polynomials in 1/n and α (or in
1/(1+λ)) for every index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp

from .. import functions as f

_SIGN = sp.Symbol("(-1)^index")  # its square is 1


def vanishes(expr: sp.Expr, index: sp.Symbol) -> bool:
    """Tell whether `expr` is identically zero in the index and in every parameter.

    Parameters
    ----------
    expr : sympy.Expr
        Built from rational operations, powers, functions of the catalogue, sums and products up to the index.
    index : sympy.Symbol
        The index, a non-negative integer.

    Returns
    -------
    bool
        True is a proof. False means: not shown to vanish.
    """
    separated = unfold(expr, index).replace(
        lambda e: isinstance(e, sp.Pow) and e.exp.has(index), lambda e: _separate(e, index)
    )
    numerator = sp.fraction(sp.cancel(sp.together(sp.expand_power_base(separated))))[0]
    return bool(sp.rem(numerator, _SIGN**2 - 1, _SIGN) == 0 if numerator.has(_SIGN) else numerator == 0)


def unfold(expr: sp.Expr, index: sp.Symbol) -> sp.Expr:
    """Return `expr` without functions of the catalogue that depend on the index, at generic parameters."""
    expr = expr.replace(lambda e: isinstance(e, (sp.Sum, sp.Product)), lambda e: _sum_or_product(e, index))
    for name, rule in _RULES.items():
        kind = getattr(f, name, None) or getattr(sp, name)
        expr = expr.replace(kind, lambda *args, rule=rule: rule(*args, index))
    return expr


def _power(x: sp.Expr, exponent: sp.Expr, _: sp.Symbol) -> sp.Expr:
    """(1−x)^exponent, factor by factor."""
    numerator, denominator = sp.fraction(sp.together(1 - x))
    return _by_factors(numerator, exponent) / _by_factors(denominator, exponent)


def _by_factors(polynomial: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    constant, factors = sp.factor_list(polynomial)
    return sp.Mul(constant**exponent, *(base ** (times * exponent) for base, times in factors))


def _geometric(x: sp.Expr, count: sp.Expr, index: sp.Symbol) -> sp.Expr:
    return count if x == 0 else (1 - _power(x, count, index)) / x


def _shift(count: sp.Expr, index: sp.Symbol) -> int:
    """Return how far `count` is beyond the index."""
    shift = sp.expand(count - index)
    if not shift.is_Integer:
        raise NotImplementedError(f"{count} is not {index} plus an integer")
    return int(shift)


def _split(term: Callable[[sp.Expr], sp.Expr], whole: Callable[[sp.Expr], sp.Expr], times: bool) -> Any:
    """Rule for a sum (or product) of term(k) up to a count: that up to the index, and the terms beyond it."""

    def rule(count: sp.Expr, index: sp.Symbol) -> sp.Expr:
        if not count.has(index):
            return whole(count)
        shift = _shift(count, index)
        more = [term(index + k) for k in range(1, shift + 1)]
        less = [term(index - k) for k in range(-shift)]
        if times:
            return whole(index) * sp.Mul(*more) / sp.Mul(*less)
        return whole(index) + sp.Add(*more) - sp.Add(*less)

    return rule


def _whole(name: str, *arguments: sp.Expr) -> Callable[[sp.Expr], sp.Expr]:
    """Return an unknown that stands for a sum up to a count; 0 or 1 terms are written out by the caller's rule."""
    return lambda count: sp.Symbol(f"{name}({', '.join(map(str, (*arguments, count)))})")


def _harmonic(s: sp.Expr, count: sp.Expr, index: sp.Symbol) -> sp.Expr:
    if count.is_Integer:
        return sp.Add(*(sp.Integer(k) ** (-s) for k in range(1, int(count) + 1)))
    return _split(lambda k: k ** (-s), _whole("H", s), times=False)(count, index)


def _shifted(a: sp.Expr, count: sp.Expr, index: sp.Symbol) -> sp.Expr:
    if count.is_Integer:
        return sp.Add(*(sp.Integer(k) ** (-a) / (k + 1) for k in range(1, int(count) + 1)))
    return _split(lambda k: k ** (-a) / (k + 1), _whole("G", a), times=False)(count, index)


def _survival(n: sp.Expr, count: sp.Expr, index: sp.Symbol) -> sp.Expr:
    if count.is_Integer:
        return sp.Mul(*(1 - 1 / (n * k**2) for k in range(1, int(count) + 1)))
    return _split(lambda k: 1 - 1 / (n * k**2), _whole("P", n), times=True)(count, index)


def _sum_or_product(expr: sp.Expr, index: sp.Symbol) -> sp.Expr:
    """Split off the terms beyond the index of a sum or product whose upper limit is the index plus an integer."""
    (variable, low, high), body = expr.limits[0], expr.function
    if not high.has(index):
        return expr.doit() if high.is_Integer else expr
    whole = _whole(type(expr).__name__, body, low)
    term: Callable[[sp.Expr], sp.Expr] = lambda k: body.xreplace({variable: k})  # noqa: E731
    found: sp.Expr = _split(term, whole, times=isinstance(expr, sp.Product))(high, index)
    return found


_RULES: dict[str, Callable[..., sp.Expr]] = {
    "geometric_sum": _geometric,
    "complement_power": _power,
    "power_sum": _harmonic,
    "harmonic": lambda count, *more: _harmonic(more[0] if len(more) == 2 else sp.S.One, count, more[-1]),
    "shifted_power_sum": _shifted,
    "accumulated_survival": _survival,
    "accumulated_loss": lambda n, count, index: 1 - _survival(n, count, index),
    "c4_power": lambda n, count, index: _c4(n) ** count,
    "c4_power_complement": lambda n, count, index: 1 - _c4(n) ** count,
}


def _c4(n: sp.Expr) -> sp.Expr:
    return sp.Symbol(f"c4({n})", positive=True)


def _separate(power: sp.Pow, index: sp.Symbol) -> sp.Expr:
    """Write base^(A·index + B) as unknown^A · base^B, one unknown for each irreducible factor of the base."""
    exponent = sp.expand(power.exp)
    slope = exponent.coeff(index, 1)
    rest = exponent - slope * index
    if rest.has(index) or not slope.is_Integer:
        return power
    numerator, denominator = sp.fraction(sp.together(power.base))
    return _unknown(numerator, slope, index) / _unknown(denominator, slope, index) * power.base**rest


def _unknown(polynomial: sp.Expr, slope: sp.Expr, index: sp.Symbol) -> sp.Expr:
    constant, factors = sp.factor_list(polynomial)
    bases = [(sp.Integer(b), times) for b, times in sp.factorint(constant).items()] + factors
    named = ((_SIGN if b == -1 else sp.Symbol(f"[{b}]^{index}", positive=True), times) for b, times in bases if b != 1)
    return sp.Mul(*(unknown ** (times * slope) for unknown, times in named))
