"""Truncated expansions c X^e (log X)^l exp(g(X)) as X → ∞, with symbolic c and e, and their arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cmp_to_key

import sympy as sp

from .oracle import Oracle


class Cancelled(Exception):
    """All terms kept cancelled; more terms are needed."""


class Unsupported(Exception):
    """No rule covers this expression in this limit."""


@dataclass(frozen=True)
class Scale:
    """X^power (log X)^logs exp(growth): `growth` is a sum of powers of X that tend to infinity, or 0."""

    growth: sp.Expr = sp.S.Zero
    power: sp.Expr = sp.S.Zero
    logs: sp.Expr = sp.S.Zero

    def __mul__(self, other: Scale) -> Scale:
        if EXACT in (self, other):
            return EXACT
        return Scale(
            sp.expand(self.growth + other.growth),
            sp.expand(self.power + other.power),
            sp.expand(self.logs + other.logs),
        )

    def to(self, exponent: sp.Expr) -> Scale:
        """Return the scale raised to a constant power."""
        if self == EXACT:
            return EXACT
        return Scale(
            sp.expand(self.growth * exponent), sp.expand(self.power * exponent), sp.expand(self.logs * exponent)
        )


ONE = Scale()
EXACT = Scale(growth=sp.S.NegativeInfinity)
"""The scale of the remainder of an expansion without one."""
X = sp.Symbol("X", positive=True)
"""What tends to infinity."""
NEGLIGIBLE = Scale(growth=-(X ** sp.Rational(1, 1000)))
"""The scale of a remainder that decays exponentially, where its rate does not matter: below every power."""


@dataclass(frozen=True)
class Term:
    """coefficient times scale."""

    coefficient: sp.Expr
    scale: Scale


@dataclass(frozen=True)
class Expansion:
    """Terms in falling order plus a remainder O(error)."""

    terms: tuple[Term, ...]
    error: Scale = EXACT


ZERO = Expansion(())


class Context:
    """One expansion problem: the variable X, the oracle for signs, how many terms to keep, and until when.

    Raises
    ------
    TimeoutError
        By `tick`, when the deadline has passed.
    """

    def __init__(self, X: sp.Symbol, oracle: Oracle, keep: int, deadline: float) -> None:
        self.X, self.oracle, self.keep, self.deadline = X, oracle, keep, deadline

    @property
    def coarse(self) -> bool:
        """Whether leading terms are enough so far: rules may then stop at the limit of a function."""
        return self.keep <= 3

    def tick(self) -> None:
        """Raise `TimeoutError` if the time is up."""
        if time.monotonic() > self.deadline:
            raise TimeoutError("the symbolic rules took too long")

    def compare(self, a: Scale, b: Scale) -> int:
        """Return −1, 0, 1 as scale a grows slower than, like, or faster than b."""
        if a == b:
            return 0
        if EXACT in (a, b):
            return -1 if a == EXACT else 1
        if a.growth != b.growth:
            difference = sp.expand(a.growth - b.growth)
            if difference != 0:
                return self._sign_at_infinity(difference)
        return self.oracle.sign(sp.expand(a.power - b.power)) or self.oracle.sign(sp.expand(a.logs - b.logs))

    def _sign_at_infinity(self, growth: sp.Expr) -> int:
        """Return the sign of the fastest term of a sum of c X^q (log X)^l."""
        scales: dict[Scale, sp.Expr] = {}
        for term in sp.Add.make_args(growth):
            coefficient, moving = term.as_independent(self.X, as_Add=False)
            powers = moving.as_powers_dict()
            scale = Scale(power=powers.get(self.X, sp.S.Zero), logs=powers.get(sp.log(self.X), sp.S.Zero))
            scales[scale] = scales.get(scale, sp.S.Zero) + coefficient
        best = max(scales, key=cmp_to_key(self.compare))
        return self.oracle.sign(scales[best])

    def constant(self, value: sp.Expr) -> Expansion:
        """Return the expansion of something that does not depend on X."""
        return ZERO if value == 0 else Expansion((Term(value, ONE),))

    def collect(self, terms: Iterable[Term], error: Scale) -> Expansion:
        """Sort, merge and truncate terms; drop what the remainder swallows."""
        self.tick()
        merged: dict[Scale, sp.Expr] = {}
        for term in terms:
            merged[term.scale] = merged.get(term.scale, sp.S.Zero) + term.coefficient
        order = sorted(merged, key=cmp_to_key(self.compare), reverse=True)
        kept: list[Term] = []
        for scale in order:
            if self.compare(scale, error) <= 0:
                break
            if kept and self.compare(kept[-1].scale, scale) == 0:
                merged[scale] += kept.pop().coefficient
            coefficient = merged[scale]
            if not self.oracle.is_zero(coefficient):
                kept.append(Term(coefficient, scale))
            if len(kept) > self.keep:
                return Expansion(tuple(kept[:-1]), kept[-1].scale)
        return Expansion(tuple(kept), error)

    def larger(self, a: Scale, b: Scale) -> Scale:
        """Return the scale that grows faster."""
        return a if self.compare(a, b) >= 0 else b

    def add(self, a: Expansion, b: Expansion) -> Expansion:
        """Sum of two expansions."""
        return self.collect((*a.terms, *b.terms), self.larger(a.error, b.error))

    def mul(self, a: Expansion, b: Expansion) -> Expansion:
        """Product of two expansions."""
        if ZERO in (a, b):
            return ZERO
        error = self.larger(self.size(a) * b.error, self.size(b) * a.error)
        terms = [Term(s.coefficient * t.coefficient, s.scale * t.scale) for s in a.terms for t in b.terms]
        return self.collect(terms, error)

    def size(self, a: Expansion) -> Scale:
        """Scale of the leading term, or of the remainder if there is no term."""
        return a.terms[0].scale if a.terms else a.error

    def lead(self, a: Expansion) -> Term:
        """Return the leading term; raise `Cancelled` if only a remainder is left."""
        if not a.terms:
            if a.error == EXACT:
                return Term(sp.S.Zero, ONE)
            raise Cancelled
        return a.terms[0]

    def relative(self, a: Expansion) -> Expansion:
        """Return a/lead − 1, which tends to 0."""
        head = self.lead(a)
        inverse = head.scale.to(sp.S.NegativeOne)
        terms = [Term(t.coefficient / head.coefficient, t.scale * inverse) for t in a.terms[1:]]
        return Expansion(tuple(terms), a.error * inverse)

    def compose(self, small: Expansion, coefficient: Callable[[int], sp.Expr]) -> Expansion:
        """Return Σ_k coefficient(k) small^k for an expansion that tends to 0."""
        total, power = self.constant(coefficient(0)), self.constant(sp.S.One)
        if small == ZERO:
            return total
        for k in range(1, self.keep + 1):
            power = self.mul(power, small)
            total = self.add(total, self.scale_by(power, coefficient(k)))
        beyond = self.size(small).to(sp.Integer(self.keep + 1))
        return self.collect(total.terms, self.larger(total.error, beyond))

    def scale_by(self, a: Expansion, factor: sp.Expr) -> Expansion:
        """Multiply by something that does not depend on X."""
        if factor == 0:
            return Expansion((), a.error) if a.error != EXACT else ZERO
        return Expansion(tuple(Term(t.coefficient * factor, t.scale) for t in a.terms), a.error)

    def split(self, a: Expansion) -> tuple[tuple[Term, ...], sp.Expr, Expansion]:
        """Return the terms that diverge, the constant, and the part that tends to 0."""
        if self.compare(a.error, ONE) >= 0:
            raise Cancelled
        large = tuple(t for t in a.terms if self.compare(t.scale, ONE) > 0)
        middle = [t.coefficient for t in a.terms if t.scale == ONE]
        small = tuple(t for t in a.terms if self.compare(t.scale, ONE) < 0)
        return large, sp.Add(*middle), Expansion(small, a.error)
