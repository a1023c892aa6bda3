"""Signs of expressions over the domains of their parameters: by rule where possible, else at sample points."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp
from mpmath import mp
from sympy.codegen.cfunctions import log1p

from ..precise import PRECISE
from .number import NotANumber, evaluate, is_costly
from .subject import Variable

_SAMPLES = 14
_DIGITS = 60
_TINY = mp.mpf("1e-30")  # far above the error of an evaluation to that many digits
_UNIT, _ANY, _COUNT = (sp.S.Zero, sp.S.One), (sp.S.Zero, sp.oo), (sp.S.One, sp.oo)
POSITIVE: dict[str, tuple[tuple[sp.Expr, sp.Expr], ...]] = {
    "geometric_sum": ((-sp.oo, sp.S.One), _ANY),
    "complement_power": (_UNIT, _ANY),
    "accumulated_loss": (_COUNT, _COUNT),
    "accumulated_survival": (_COUNT, _COUNT),
    "power_sum": (_ANY, _COUNT),
    "shifted_power_sum": (_ANY, _ANY),
    "c4_power": (_COUNT, _ANY),
    "c4_power_complement": (_COUNT, _ANY),
    "student_tv": (_COUNT, _ANY),
    "mean_deviation": (_COUNT, _UNIT),
    "chain_deviation": (_COUNT, _UNIT, _COUNT, _UNIT),
    "gaussian_bias": (_ANY,),
    "heat_loss": (_ANY,),
    "log_gap": ((-sp.S.One, sp.oo),),
    "ratio_gap": (_ANY,),
    "divergence_tv": (_ANY,),
    "torus_roughness": (_ANY, _COUNT),
    "spread_sum": (_UNIT, _COUNT, _ANY),
    "mixture_bias": (_UNIT, _COUNT, _ANY),
    **{name: (_COUNT, _UNIT, _COUNT, _ANY) for name in PRECISE if name.startswith(("sharp_", "square_"))},
}
"""Functions that are positive inside these ranges of their (first) arguments."""
BELOW_ONE = {
    "complement_power",
    "accumulated_loss",
    "accumulated_survival",
    "c4_power",
    "c4_power_complement",
    "heat_loss",
}


class Undecided(Exception):
    """The sign of an expression differs, or cannot be computed, over the domain.

    Attributes
    ----------
    expr : sympy.Expr
    """

    def __init__(self, expr: sp.Expr) -> None:
        self.expr = expr
        super().__init__(f"the sign of {expr} is not the same for all parameters")


class Oracle:
    """Decides signs for one query and remembers what it took from sample points.

    Parameters
    ----------
    variables : sequence of Variable
    vectors : dict
        Values of vector-valued parameters.
    assumed : dict
        Signs taken for granted, of expanded expressions.
    conditions : sequence of sympy.Expr
        Quantities that are not negative.

    Attributes
    ----------
    sampled : list of sympy.Expr
        Expressions whose sign was read off sample points rather than proved.
    """

    def __init__(
        self,
        variables: Sequence[Variable],
        vectors: dict[Any, Any],
        assumed: dict[sp.Expr, int] | None = None,
        conditions: Sequence[sp.Expr] = (),
    ) -> None:
        self.variables = {v.symbol: v for v in variables}
        self.vectors = vectors
        self.assumed = assumed or {}
        self.sampled: list[sp.Expr] = []
        self.conditions = conditions
        self._known: dict[sp.Expr, int] = {}
        self._zero: dict[sp.Expr, bool] = {}
        self._proofs: dict[sp.Expr, int | None] = {}

    def with_atom(self, symbol: sp.Symbol) -> None:
        """Register the probability of one atom, a number in (0, 1)."""
        self.register(symbol, sp.Interval.open(0, 1))

    def register(self, symbol: sp.Symbol, domain: sp.Set) -> None:
        """Register a symbol that is bound inside a sum."""
        self.variables[symbol] = Variable(
            name=symbol.name, symbol=symbol, original=symbol, domain=domain, typical=(), scalar=True
        )

    def sign(self, expr: sp.Expr) -> int:
        """Return −1, 0 or 1; raise `Undecided` where the sign depends on the parameters."""
        if expr not in self._known:
            self._known[expr] = self._sign(expr)
        return self._known[expr]

    def is_zero(self, expr: sp.Expr) -> bool:
        """Tell whether an expression vanishes identically: one point where it does not is a proof."""
        if expr.is_Number or expr.is_Symbol:
            return bool(expr == 0)
        if expr in self._zero:
            return self._zero[expr]
        assumed = [e for e, sign in self.assumed.items() if sign == 0]
        if any(0 in (sp.expand(expr - e), sp.expand(expr + e)) for e in assumed):
            self._zero[expr] = True
        else:
            proved = self.prove(expr) if is_costly(expr) else None
            self._zero[expr] = proved == 0 if proved is not None else self._vanishes(expr)
        return self._zero[expr]

    def _vanishes(self, expr: sp.Expr) -> bool:
        points = 0
        for sign in itertools.islice(self._values(expr), 3):
            points += 1
            if sign:
                return False
        if not points:
            raise Undecided(expr)
        if sp.simplify(expr) != 0:
            self.sampled.append(expr)
        return True

    def _sign(self, expr: sp.Expr) -> int:
        if self.assumed:
            expanded = sp.expand(expr)
            for known, sign in self.assumed.items():
                if sp.expand(expanded - known) == 0:
                    return sign
                if sp.expand(expanded + known) == 0:
                    return -sign
        proved = self.prove(expr)
        return self._sample(expr) if proved is None else proved

    def prove(self, expr: sp.Expr) -> int | None:
        """Return the sign if it follows from the domains, else None; end points of domains are left out."""
        if expr not in self._proofs:
            self._proofs[expr] = self._prove(expr)
        return self._proofs[expr]

    def _prove(self, expr: sp.Expr) -> int | None:
        expr = expr.rewrite(sp.log) if expr.has(log1p) else expr
        for sign, known in ((0, expr.is_zero), (1, expr.is_positive), (-1, expr.is_negative)):
            if known:
                return sign
        if isinstance(expr, sp.log):
            return self.prove(expr.args[0] - 1)
        if isinstance(expr, sp.Abs):
            return 1  # of something that does not vanish identically
        if isinstance(expr, sp.Mul):
            signs = [self.prove(factor) for factor in expr.args]
            return None if None in signs else int(sp.prod(signs))
        if isinstance(expr, sp.Pow) and expr.exp.is_real and self.prove(expr.base) == 1:
            return 1
        if isinstance(expr, sp.Sum):
            return self._prove_sum(expr)
        if type(expr).__name__ in POSITIVE:
            inside = POSITIVE[type(expr).__name__]
            ranges = zip(expr.args, inside, strict=False)
            return 1 if all(self._within(a, low, high) for a, (low, high) in ranges) else None
        if expr.is_number:
            return self._number(expr)
        if isinstance(expr, sp.Add) and expr.has(sp.log):
            return self._prove_logs(expr)
        return self._by_coefficients(expr) if isinstance(expr, sp.Add) else None

    def _prove_logs(self, expr: sp.Add) -> int | None:
        """A sum of rational multiples of logarithms has the sign of a product minus 1."""
        parts = [term.as_coeff_Mul() for term in expr.args]
        if not all(c.is_Rational and isinstance(node, sp.log) for c, node in parts):
            return self._by_coefficients(expr)
        common = sp.ilcm(*(c.q for c, _ in parts))
        return self.prove(sp.Mul(*(node.args[0] ** (c * common) for c, node in parts)) - 1)

    def _prove_sum(self, expr: sp.Sum) -> int | None:
        """The sign that every term has: over atoms, each a number in (0, 1), or over numbers from `low` on."""
        index, low, _ = expr.limits[0]
        atoms = expr.function.atoms(sp.Indexed)
        if atoms:
            atom = sp.Symbol("q", positive=True)
            self.with_atom(atom)
            return self.prove(expr.function.xreplace(dict.fromkeys(atoms, atom)))
        term = sp.Dummy(integer=True, positive=True)
        self.register(term, sp.Interval(low, sp.oo))
        return self.prove(expr.function.xreplace({index: term}))

    def _within(self, expr: sp.Expr, low: sp.Expr, high: sp.Expr) -> bool:
        above = low is -sp.oo or self.prove(expr - low) in (0, 1)
        return above and (high is sp.oo or self.prove(high - expr) in (0, 1))

    def _number(self, expr: sp.Expr) -> int | None:
        """Return the sign of a number that is away from 0 by far more than the error of its evaluation."""
        try:
            value = evaluate(expr, self.vectors, _DIGITS)
            scale = sum((abs(evaluate(t, self.vectors, _DIGITS)) for t in sp.Add.make_args(expr)), mp.mpf(0))
        except NotANumber:
            return None
        return None if abs(value) <= _TINY * scale else (1 if value > 0 else -1)

    def _by_coefficients(self, expr: sp.Expr) -> int | None:
        """Map every domain onto the positive numbers; the sign is that of the coefficients if they agree."""
        table = {}
        for node in _generators(expr):
            ends = self._ends(node)
            if ends is None:
                return None
            low, high = ends
            u = sp.Dummy(positive=True)
            table[node] = low + u if high is sp.oo else low + (high - low) / (1 + u)
        moved = expr.xreplace(table)
        free = tuple(moved.free_symbols)
        if not moved.is_rational_function(*free) or not set(free).isdisjoint(self.variables):
            return None
        signs = []
        for part in sp.fraction(sp.cancel(sp.together(moved))):
            coefficients = sp.Poly(part, *free).coeffs() if free else [part]
            kinds = {self.prove(c) for c in coefficients} - {0}
            if len(kinds) != 1 or kinds == {None}:
                return 0 if not kinds else None
            signs.append(kinds.pop())
        return int(sp.prod(signs))

    def _ends(self, node: sp.Expr) -> tuple[sp.Expr, sp.Expr] | None:
        """Return bounds of a variable, or of a positive function or power of variables."""
        variable = self.variables.get(node)
        if variable is not None:
            return None if not variable.scalar or variable.low is -sp.oo else (variable.low, variable.high)
        if isinstance(node, sp.Symbol) or self.prove(node) != 1:
            return None
        power = isinstance(node, sp.Pow) and self.prove(node.exp) == 1 and self.prove(1 - node.base) == 1
        below_one = power or type(node).__name__ in BELOW_ONE
        return (sp.S.Zero, sp.S.One if below_one else sp.oo)

    def _values(self, expr: sp.Expr) -> Iterator[int]:
        """Signs at generic points of the domain where the expression is real and all conditions hold."""
        if is_costly(expr):
            return
        rng = random.Random(20240711)
        for _ in range(8 * _SAMPLES):
            values = {**{v.symbol: v.draw(rng) for v in self.variables.values()}, **self.vectors}
            try:
                if any(evaluate(e, values, 30) < 0 for e in self.conditions):
                    continue
                if any(evaluate(e, values, 30) * s <= 0 for e, s in self.assumed.items() if s):
                    continue
                scale = sum((abs(evaluate(t, values, _DIGITS)) for t in sp.Add.make_args(expr)), mp.mpf(0))
                value = evaluate(expr, values, _DIGITS)
            except NotANumber:
                continue
            yield 0 if abs(value) <= _TINY * scale else (1 if value > 0 else -1)

    def _sample(self, expr: sp.Expr) -> int:
        found = set(itertools.islice(self._values(expr), _SAMPLES))
        if not found or found >= {-1, 1}:
            raise Undecided(expr)
        self.sampled.append(expr)
        return max(found, key=abs)


def _generators(expr: sp.Expr) -> set[sp.Expr]:
    """Symbols, functions and powers of which a sum is a rational function."""
    if isinstance(expr, (sp.Add, sp.Mul)) or (isinstance(expr, sp.Pow) and expr.exp.is_Integer):
        return set().union(*(_generators(a) for a in expr.args))
    return set() if expr.is_Number else {expr}
