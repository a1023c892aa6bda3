"""Proofs by rule: the sign of an expression, its direction in one variable, and bounds on its elasticity.

Everything holds over the whole box of domains of the variables, in the wide sense (at least 0, non-decreasing).
`None` means that no rule decides. Integer variables are taken as real ones: what is monotone between the
integers is monotone on them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import sympy as sp

from ..functions import CatalogueFunction
from .number import NotANumber, evaluate
from .slopes import ANY, AT_MOST_ONE, DOWN, ELASTICITY, SHARE, UP, Span, folded
from .subject import Subject

_LARGEST = 70  # operations in a rational function whose coefficients are compared
_CANDIDATES = tuple(sp.Rational(c, 2) for c in (2, 0, -2))

_RISING = {"exp", "atan", "tanh", "erf", "log", "asinh", "sinh", "LambertW"}


class Order:
    """Decides signs and directions over a box: intervals whose ends may depend on other variables.

    Parameters
    ----------
    subject : Subject
    box : dict, optional
        Intervals in place of the domains.
    """

    def __init__(self, subject: Subject, box: dict[Any, Span] | None = None) -> None:
        domains = {v.symbol: (v.low, v.last) for v in subject.variables if v.scalar}
        self.box: dict[Any, Span] = domains | (box or {})
        self._bases = {v.symbol: (v.low, v.high) for v in subject.variables if not v.scalar}
        self._bases |= {base: _hull_of(values) for base, values in subject.vectors.items()}
        self._signs: dict[sp.Expr, int | None] = {}
        self._atoms: dict[sp.Expr, sp.Symbol] = {}

    def sign(self, expr: sp.Expr) -> int | None:
        """Return 1 for at least 0, −1 for at most 0, 0 for identically 0, None for not decided."""
        if expr not in self._signs:
            self._signs[expr] = self._sign(expr)
        return self._signs[expr]

    def _sign(self, expr: sp.Expr) -> int | None:
        known = _by_assumptions(expr)
        if known is not None or expr.is_Atom:
            return known
        structural = self._sign_by_structure(expr)
        return structural if structural is not None else self._rational_sign(expr)

    def _sign_by_structure(self, expr: sp.Expr) -> int | None:
        if isinstance(expr, (sp.Add, sp.Min, sp.Max)):
            return _common(self.sign(a) for a in expr.args)
        if isinstance(expr, sp.Mul):
            return _product(self.sign(a) for a in expr.args)
        if isinstance(expr, (sp.exp, sp.Abs)):
            return 1
        if isinstance(expr, sp.Pow):
            base = self.sign(expr.base)
            odd = expr.exp.is_integer and expr.exp.is_odd
            return 1 if expr.exp.is_even or (base == 1 and expr.exp.is_real) else base if odd else None
        if isinstance(expr, sp.log):
            return self.sign(expr.args[0] - 1)
        if isinstance(expr, sp.Sum):
            return self.sign(self.body(expr))
        if isinstance(expr, sp.Piecewise):
            return _common(self.sign(value) for value, _ in expr.args)
        if isinstance(expr, CatalogueFunction):
            return -1 if type(expr).__name__ == "log_chi_square_drift" else 1
        return self.sign(expr.args[0]) if type(expr).__name__ in ("atan", "tanh", "erf") else None

    def body(self, total: sp.Sum) -> sp.Expr:
        """Return a summand with the entry of a vector as a variable of its own."""
        table = {}
        for entry in total.function.atoms(sp.Indexed):
            if entry not in self._atoms:
                self._atoms[entry] = sp.Dummy(positive=True)
                self.box[self._atoms[entry]] = self._bases.get(entry.base, ANY)
            table[entry] = self._atoms[entry]
        return total.function.xreplace(table)

    def _rational_sign(self, expr: sp.Expr) -> int | None:
        """Map every interval onto the non-negative numbers; the sign is that of the coefficients if they agree."""
        expr = self._opaque(expr)
        if expr.count_ops() > _LARGEST or not expr.is_rational_function(*expr.free_symbols):
            return None
        while waiting := [s for s in expr.free_symbols if s in self.box]:
            # intervals with ends that depend on other variables come first
            inner = {s for t in waiting for end in self.box[t] for s in end.free_symbols}
            symbol = next(s for s in sorted(waiting, key=str) if s not in inner)
            low, high = self.box[symbol]
            if low is -sp.oo:
                return None
            u = sp.Dummy(positive=True)
            expr = expr.xreplace({symbol: low + (u if high is sp.oo else (high - low) / (1 + u))})
        free = list(expr.free_symbols)
        parts = sp.fraction(sp.cancel(sp.together(expr)))
        return _product(_common(map(_number_sign, sp.Poly(p, *free).coeffs() if free else [p])) for p in parts)

    def _opaque(self, expr: sp.Expr) -> sp.Expr:
        """Replace functions of one sign by variables of their own."""
        table = {}
        for part in sorted(expr.atoms(sp.Abs, CatalogueFunction), key=lambda e: -e.count_ops()):
            if part not in self._atoms:
                self._atoms[part] = sp.Dummy(real=True)
                top = sp.S.One if type(part).__name__ in AT_MOST_ONE else sp.oo
                if isinstance(part, sp.Abs) and part.args[0] in self.box:
                    top = sp.Max(*map(sp.Abs, self.box[part.args[0]]))
                self.box[self._atoms[part]] = (sp.S.Zero, top)
            if self.sign(part) == 1:
                table[part] = self._atoms[part]
        return expr.xreplace(table)

    def direction(self, expr: sp.Expr, x: sp.Symbol) -> int | None:
        """Return 1, −1, 0 if `expr` rises, falls or is constant in x, whatever the other variables are."""
        if not expr.has(x):
            return 0
        expr = folded(expr)
        found = self._direction(expr, x)
        if found is None and self.sign(self.box[x][0]) in (0, 1) and (sign := self.sign(expr)):
            low, high = self.elasticity(expr, x)
            found = sign if low >= 0 else -sign if high <= 0 else None
        if found is None and expr.is_rational_function(x):
            found = self._rational_sign(sp.diff(expr, x))
        return found

    def _direction(self, expr: sp.Expr, x: sp.Symbol) -> int | None:
        if expr == x:
            return 1
        if isinstance(expr, (sp.Add, sp.Min, sp.Max)):
            return _common(self.direction(a, x) for a in expr.args)
        if isinstance(expr, sp.Mul):
            return _common(self._times(expr.args, k, x) for k, a in enumerate(expr.args) if a.has(x))
        if type(expr).__name__ in _RISING:
            return self.direction(expr.args[0], x)
        if isinstance(expr, sp.Pow):
            return self._power(expr, x)
        if isinstance(expr, sp.Sum):
            return None if _in_limits(expr, x) else self.direction(self.body(expr), x)
        if isinstance(expr, sp.Piecewise) and not any(c.has(x) for _, c in expr.args):
            return _common(self.direction(value, x) for value, _ in expr.args)
        if type(expr).__name__ == "chain_deviation" and expr.args[1] == 0:
            # without real data the frequencies are a martingale, and |· − p| is convex: it rises in i
            return None if any(expr.args[k].has(x) for k in (0, 3)) else self.direction(expr.args[2], x)
        return None

    def _times(self, factors: tuple[sp.Expr, ...], at: int, x: sp.Symbol) -> int | None:
        others = (self.sign(f) for k, f in enumerate(factors) if k != at)
        return _product(itertools.chain([self.direction(factors[at], x)], others))

    def _power(self, expr: sp.Pow, x: sp.Symbol) -> int | None:
        base, exponent = expr.base, expr.exp
        if exponent.is_Rational and not exponent.is_Integer:
            self._assume_nonnegative(base)  # or the value would not be real
        if self.sign(base) == 1:
            by_base = _product((self.sign(exponent), self.direction(base, x))) if base.has(x) else 0
            by_exponent = _product((self.sign(base - 1), self.direction(exponent, x))) if exponent.has(x) else 0
            return _common((by_base, by_exponent))
        if exponent.is_Integer and exponent > 0:
            falls = self.sign(base) if exponent.is_even else 1
            return _product((falls, self.direction(base, x)))
        return None

    def _assume_nonnegative(self, base: sp.Expr) -> None:
        open_ = [a for a in sp.Mul.make_args(base) if self.sign(a) is None]
        if len(open_) == 1:
            others = _product(self.sign(a) for a in sp.Mul.make_args(base) if a is not open_[0])
            self._signs |= {open_[0]: others, base: 1} if others else {}

    def elasticity(self, expr: sp.Expr, x: sp.Symbol) -> Span:
        """Return bounds on x ∂log|f|/∂x for a function of one sign; x is non-negative."""
        if not expr.has(x):
            return sp.S.Zero, sp.S.Zero
        if expr == x:
            return sp.S.One, sp.S.One
        if isinstance(expr, sp.Mul):
            return _sum(self.elasticity(a, x) for a in folded(expr).args)
        if isinstance(expr, sp.Pow) and not expr.exp.has(x) and self.sign(expr.base) is not None:
            return _times(_span_of(expr.exp, self.sign(expr.exp)), self.elasticity(expr.base, x))
        if isinstance(expr, sp.Add):
            if _common(self.sign(a) for a in expr.args):
                hull = [self.elasticity(a, x) for a in expr.args]
                return min(s[0] for s in hull), max(s[1] for s in hull)
            return self._rational_elasticity(expr, x)
        if isinstance(expr, sp.Sum):
            return ANY if _in_limits(expr, x) else self.elasticity(self.body(expr), x)
        spans = ELASTICITY.get(type(expr).__name__)
        if spans is None or not self._allowed(expr, x):
            return ANY
        return _sum(_times(s, self.elasticity(a, x)) for s, a in zip(spans, expr.args, strict=True))

    def _allowed(self, expr: sp.Expr, x: sp.Symbol) -> bool:
        """Whether the arguments lie where the table of elasticities holds."""
        share = type(expr).__name__ in SHARE
        if not all(self.sign(a) in (0, 1) for a in expr.args if share or a.has(x)):
            return False
        return not share or self.sign(1 - expr.args[0]) in (0, 1)

    def _rational_elasticity(self, expr: sp.Expr, x: sp.Symbol) -> Span:
        sign = self.sign(expr)
        if not sign or not expr.is_rational_function(x):
            return ANY
        slope = x * sp.diff(expr, x)

        def first(candidates: Iterable[sp.Rational], wanted: int, otherwise: sp.Expr) -> sp.Expr:
            found = (c for c in candidates if self._rational_sign(sign * (slope - c * expr)) in (0, wanted))
            return next(found, otherwise)

        return first(_CANDIDATES, 1, -sp.oo), first(reversed(_CANDIDATES), -1, sp.oo)


def _in_limits(total: sp.Sum, x: sp.Symbol) -> bool:
    return any(end.has(x) for limit in total.limits for end in limit[1:])


def _by_assumptions(expr: sp.Expr) -> int | None:
    if expr.is_zero:
        return 0
    if expr.is_nonnegative:
        return 1
    if expr.is_nonpositive:
        return -1
    return _number_sign(expr) if expr.is_number else None


def _number_sign(number: sp.Expr) -> int | None:
    if number.is_Rational:
        return int(sp.sign(number))
    try:
        value = evaluate(number, {}, 50)
    except NotANumber:
        return None
    return None if abs(value) < 1e-30 else 1 if value > 0 else -1


def _common(signs: Iterable[int | None]) -> int | None:
    """Return the one sign of a sum of terms of these signs."""
    found = set(signs) - {0}
    return 0 if not found else found.pop() if len(found) == 1 else None


def _product(signs: Iterable[int | None]) -> int | None:
    total: int | None = 1
    for sign in signs:
        if sign == 0:
            return 0
        total = None if total is None or sign is None else total * sign
    return total


def _times(a: Span, b: Span) -> Span:
    products = [sp.S.Zero if 0 in (u, v) else u * v for u in a for v in b]
    return min(products), max(products)


def _sum(spans: Iterable[Span]) -> Span:
    low, high = sp.S.Zero, sp.S.Zero
    for a, b in spans:
        low, high = low if low is -sp.oo else low + a, high if high is sp.oo else high + b
    return low, high


def _span_of(exponent: sp.Expr, sign: int | None) -> Span:
    if exponent.is_Rational:
        return exponent, exponent
    return UP if sign == 1 else DOWN if sign == -1 else ANY


def _hull_of(values: Any) -> Span:
    flat: list[Any] = [values]
    while any(isinstance(v, list) for v in flat):
        flat = [w for v in flat for w in (v if isinstance(v, list) else [v])]
    return min(flat), max(flat)
