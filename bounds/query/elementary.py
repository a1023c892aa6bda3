"""Expansion of elementary expressions as X → ∞: sums, products, powers, exp, log, Taylor series."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from .expansion import EXACT, ONE, ZERO, Context, Expansion, Scale, Term, Unsupported

Rule = Callable[[sp.Expr, Context], Expansion]
RULES: dict[str, Rule] = {}
"""Rules for functions by class name; `special` fills in those of the catalogue."""


def expand(expr: sp.Expr, context: Context) -> Expansion:
    """Return the expansion of `expr` as X → ∞, all other symbols being constants.

    Raises
    ------
    Unsupported
        No rule covers it.
    Cancelled
        More terms are needed.
    Undecided
        A sign that decides the order of two terms depends on other parameters.
    """
    context.tick()
    X = context.X
    if not expr.has(X):
        return context.constant(expr)
    if expr == X:
        return Expansion((Term(sp.S.One, Scale(power=sp.S.One)),))
    if isinstance(expr, sp.Add):
        total = ZERO
        for argument in expr.args:
            total = context.add(total, expand(argument, context))
        return total
    if isinstance(expr, sp.Mul):
        product = context.constant(sp.S.One)
        for argument in expr.args:
            product = context.mul(product, expand(argument, context))
        return product
    if isinstance(expr, sp.exp):
        return exponential(expand(expr.args[0], context), context)
    if isinstance(expr, sp.Pow):
        return _pow(expr, context)
    rule = RULES.get(type(expr).__name__)
    return rule(expr, context) if rule else taylor(expr, context)


def _pow(expr: sp.Pow, context: Context) -> Expansion:
    base, exponent = expr.base, expr.exp
    if not exponent.has(context.X):
        return power(expand(base, context), exponent, context)
    if not base.has(context.X):
        if base == 0:
            return ZERO
        rate = context.constant(sp.log(base))
    else:
        inner = expand(base, context)
        if inner == ZERO:
            return ZERO
        rate = logarithm(inner, context)
    return exponential(context.mul(expand(exponent, context), rate), context)


def power(a: Expansion, exponent: sp.Expr, context: Context) -> Expansion:
    """Return a^exponent for a constant exponent: lead^exponent times a binomial series."""
    if a == ZERO:
        if exponent.is_positive:
            return ZERO
        raise Unsupported("a power of zero")
    if not a.terms and exponent.is_positive:
        return Expansion((), a.error.to(exponent))
    head = context.lead(a)
    if not exponent.is_integer and context.oracle.prove(head.coefficient) == -1:
        raise Unsupported("a fractional power of a negative quantity")
    first = Expansion((Term(head.coefficient**exponent, head.scale.to(exponent)),))
    if len(a.terms) == 1 and a.error == EXACT:
        return first

    def binomial(k: int) -> sp.Expr:
        return sp.ff(exponent, k) / sp.factorial(k)

    return context.mul(first, context.compose(context.relative(a), binomial))


def logarithm(a: Expansion, context: Context) -> Expansion:
    """Return log(a) for a positive expansion."""
    head = context.lead(a)
    if context.oracle.sign(head.coefficient) <= 0:
        raise Unsupported("the logarithm of something that is not positive")
    if head.scale.logs != 0:
        raise Unsupported("a logarithm of a logarithm")
    terms = [Term(sp.log(head.coefficient), ONE), Term(head.scale.power, Scale(logs=sp.S.One))]
    leading = context.collect((t for t in terms if t.coefficient != 0), EXACT)
    if head.scale.growth != 0:
        leading = context.add(leading, expand(head.scale.growth, context))
    series = context.compose(context.relative(a), lambda k: sp.S.Zero if k == 0 else sp.Rational((-1) ** (k + 1), k))
    return context.add(leading, series)


def exponential(a: Expansion, context: Context) -> Expansion:
    """Return exp(a): what diverges becomes a power of X or stays in the exponent, the rest is a series."""
    large, middle, small = context.split(a)
    growth, exponent = sp.S.Zero, sp.S.Zero
    for term in large:
        if term.scale == Scale(logs=sp.S.One):
            exponent += term.coefficient
        elif term.scale.growth != 0:
            raise Unsupported("an exponential of an exponential")
        else:
            growth += term.coefficient * context.X**term.scale.power * sp.log(context.X) ** term.scale.logs
    first = Expansion((Term(sp.exp(middle), Scale(sp.expand(growth), exponent)),))
    return context.mul(first, context.compose(small, lambda k: 1 / sp.factorial(k)))


def argument(expr: sp.Expr, context: Context, at: int = 0) -> tuple[int, sp.Expr, Expansion]:
    """Expand one argument: return −1, 0, 1 for → −∞, a constant, +∞; the constant; and the whole or the rest."""
    inner = expand(expr.args[at], context)
    large, middle, small = context.split(inner)
    if large:
        return context.oracle.sign(large[0].coefficient), sp.S.Zero, inner
    return 0, middle, small


def taylor(expr: sp.Expr, context: Context) -> Expansion:
    """Expand a function of one moving argument that tends to a constant by differentiation there."""
    moving = [at for at, a in enumerate(expr.args) if a.has(context.X)]
    if len(moving) != 1 or not isinstance(expr, sp.Function):
        raise Unsupported(f"no rule for {type(expr).__name__} with {len(moving)} arguments that vary")
    side, middle, small = argument(expr, context, moving[0])
    if side:
        raise Unsupported(f"no rule for {type(expr).__name__} at infinity")
    slot = sp.Dummy()
    arguments = list(expr.args)
    arguments[moving[0]] = slot
    generic = expr.func(*arguments)

    def coefficient(k: int) -> sp.Expr:
        value = generic.diff(slot, k).subs(slot, middle) if k else generic.subs(slot, middle)
        if value.has(sp.nan, sp.zoo, sp.oo, sp.Derivative, sp.Subs):
            raise Unsupported(f"{expr} is not smooth at {middle}")
        return value / sp.factorial(k)

    return context.compose(small, coefficient)


def first_value(value: sp.Expr, small: Expansion, context: Context) -> Expansion:
    """Return a constant with a remainder as large as the distance of the argument from its limit."""
    if small == ZERO:
        return context.constant(value)
    return context.collect(context.constant(value).terms, context.size(small))


def asymptotic(series: sp.Expr, large: sp.Expr, order: int, context: Context) -> Expansion:
    """Expand the first terms of an asymptotic series; the remainder is the first term times large^(−order)."""
    terms = expand(series, context)
    error = context.size(terms) * context.size(expand(large, context)).to(sp.Integer(-order))
    return context.collect(terms.terms, context.larger(terms.error, error))


def asymptotic_to(series: sp.Expr, error: sp.Expr, context: Context) -> Expansion:
    """Expand a series whose remainder is of the order of `error`."""
    terms = expand(series, context)
    return context.collect(terms.terms, context.larger(terms.error, context.size(expand(error, context))))


def _log(expr: sp.Expr, context: Context) -> Expansion:
    return logarithm(expand(expr.args[0], context), context)


def _odd_at_infinity(limit: sp.Expr, tail: Callable[[sp.Expr], sp.Expr]) -> Rule:
    """Rule for an odd function that tends to ±limit: limit − tail(|u|)."""

    def rule(expr: sp.Expr, context: Context) -> Expansion:
        side, _, _ = argument(expr, context)
        if not side:
            return taylor(expr, context)
        beyond = asymptotic(tail(side * expr.args[0]), expr.args[0], 4, context)
        return context.scale_by(
            context.add(context.constant(limit), context.scale_by(beyond, sp.S.NegativeOne)), sp.Integer(side)
        )

    return rule


def _erfc(expr: sp.Expr, context: Context) -> Expansion:
    side, _, _ = argument(expr, context)
    if side <= 0:
        return expand(1 - sp.erf(expr.args[0]), context)
    u = expr.args[0]
    return asymptotic(sp.exp(-(u**2)) / (sp.sqrt(sp.pi) * u) * (1 - 1 / (2 * u**2)), u, 4, context)


def _abs(expr: sp.Expr, context: Context) -> Expansion:
    inner = expand(expr.args[0], context)
    return context.scale_by(inner, sp.Integer(context.oracle.sign(context.lead(inner).coefficient) or 1))


RULES.update(
    {
        "log": _log,
        "Abs": _abs,
        "erfc": _erfc,
        "atan": _odd_at_infinity(sp.pi / 2, lambda u: 1 / u - 1 / (3 * u**3)),
        "tanh": _odd_at_infinity(sp.S.One, lambda u: 2 * sp.exp(-2 * u)),
        "erf": _odd_at_infinity(sp.S.One, lambda u: sp.exp(-(u**2)) / (sp.sqrt(sp.pi) * u) * (1 - 1 / (2 * u**2))),
    }
)
