"""What a query is about: an expression in symbols that carry their domains, with values for some of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp

from ..domains import describe
from ..errors import DomainError, ParameterError
from ..lookup import get
from ..result import Condition, Param, Result, Structure
from .answers import Unanswered
from .number import evaluate
from .substitution import substitute

Target: TypeAlias = "str | Result | sp.Expr | Subject"
_NATURAL = sp.Range(1, sp.oo)


@dataclass(frozen=True, kw_only=True, eq=False)
class Variable:
    """A parameter inside the query layer.

    Attributes
    ----------
    name : str
    symbol : sympy object
        The symbol used in `Subject.expr`: positive for scalars, whatever the catalogue declares.
    original : sympy object
        The symbol of the catalogue or of the user.
    domain : sympy.Set
    typical : tuple
    scalar : bool
    """

    name: str
    symbol: Any
    original: Any
    domain: sp.Set
    typical: tuple[Any, ...]
    scalar: bool

    @property
    def whole(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.domain, sp.Range) or bool(getattr(self.symbol, "is_integer", False))

    @property
    def low(self) -> sp.Expr:
        """Lower end of the domain."""
        return self.domain.start

    @property
    def high(self) -> sp.Expr:
        """Upper end of the domain; of a range of integers the first beyond it."""
        return self.domain.stop if isinstance(self.domain, sp.Range) else self.domain.end

    @property
    def last(self) -> sp.Expr:
        """Largest value of the domain: its upper end, or the last integer of a finite range."""
        return self.high - 1 if isinstance(self.domain, sp.Range) and self.high is not sp.oo else self.high

    def draw(self, rng: random.Random) -> Any:
        """Return a generic value inside the domain: never an end point."""
        if not self.scalar:
            return rng.choice(self.typical)
        if self.whole:
            low = 0 if self.low is -sp.oo else int(self.low)
            return low + rng.choice([step for step in (1, 2, 4, 9, 30, 101, 1009) if low + step < self.high] or [0])
        if self.high is sp.oo:
            low = 0 if self.low is -sp.oo else self.low
            sign = rng.choice((-1, 1)) if self.low is -sp.oo else 1
            return low + sign * sp.Rational(rng.choice((7, 31, 83, 114, 260, 1570)), 100)
        share = sp.Rational(rng.randrange(3, 98), 101)
        return self.low + share * (self.high - self.low)


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """An expression, its variables, its joint conditions, and the values of the vectors in it.

    Attributes
    ----------
    name : str
        Key of the result, or the expression as text.
    expr : sympy.Expr
    variables : tuple of Variable
        Those that have no value yet.
    conditions : tuple of (str, sympy.Expr, bool)
        Text, quantity in the symbols of `expr`, and whether it must be an integer (else non-negative).
    vectors : mapping
        Values of vector-valued parameters that were fixed.
    trusted : bool
        From the catalogue: its symbolic work is short and runs in this process.
    """

    name: str
    expr: sp.Expr
    variables: tuple[Variable, ...]
    conditions: tuple[tuple[str, sp.Expr, bool], ...] = ()
    vectors: Mapping[Any, Any]
    trusted: bool = False

    def variable(self, name: str, query: str) -> Variable:
        """Return the scalar variable of this name, or say why there is none."""
        for variable in self.variables:
            if variable.name == name:
                if not variable.scalar:
                    raise Unanswered(query, f"{name} is vector-valued: there is no single way to let it vary")
                return variable
        raise ParameterError(self.name, (), (name,), tuple(v.name for v in self.variables))

    def restore(self, expr: sp.Expr) -> sp.Expr:
        """Return `expr` in the symbols of the catalogue or of the user."""
        return expr.xreplace({v.symbol: v.original for v in self.variables})

    def sample(self, rng: random.Random, typical: bool = False) -> dict[Any, Any]:
        """Return generic values for every variable, or typical ones inside the domains."""
        values = {}
        for v in self.variables:
            inside = [exact_number(x) for x in v.typical if v.low < x < v.high] if typical and v.scalar else []
            values[v.symbol] = inside[-1] if inside else v.draw(rng)
        return {**values, **self.vectors}

    def loose(self, variable: Variable) -> list[Variable]:
        """Return the other variables that have no value and occur in the expression."""
        return [v for v in self.variables if v.symbol != variable.symbol and v.symbol in self.expr.free_symbols]

    def require_fixed(self, query: str, *free: str) -> None:
        """Raise `Unanswered` if a variable other than `free` has no value."""
        loose = [v.name for v in self.variables if v.name not in free and v.symbol in _symbols(self.expr)]
        if loose:
            raise Unanswered(query, f"a number is asked for, so fix {', '.join(loose)}")

    def at(self, values: Mapping[Any, Any], digits: int = 40) -> Any:
        """Evaluate at values of the remaining symbols; see `number.evaluate`."""
        return evaluate(self.expr, {**self.vectors, **values}, digits)

    def fix(self, values: Mapping[str, Any]) -> Subject:
        """Return the subject with parameters set to values, which are checked against their domains.

        Raises
        ------
        ParameterError
            An unknown name.
        DomainError
            A value outside its domain.
        """
        known = {v.name: v for v in self.variables}
        unknown = tuple(name for name in values if name not in known)
        if unknown:
            raise ParameterError(self.name, (), unknown, tuple(known))
        numbers, vectors = {}, dict(self.vectors)
        expr = self.expr
        for name, value in values.items():
            variable = known[name]
            if variable.scalar:
                numbers[variable.symbol] = exact(self.name, variable, value)
            else:
                vectors[variable.symbol] = _nested(value)
        expr = substitute(expr, numbers)
        return replace(
            self,
            expr=expr,
            vectors=vectors,
            variables=tuple(v for v in self.variables if v.name not in values),
            conditions=tuple((text, q.subs(numbers), whole) for text, q, whole in self.conditions),
        )


def _symbols(expr: sp.Expr) -> set[Any]:
    return set(expr.free_symbols) | {node.base for node in expr.atoms(sp.Indexed)}


def exact(owner: str, variable: Variable, value: Any) -> sp.Expr:
    """Return a value as an exact number: a float means its shortest decimal, 0.1 is 1/10.

    Raises
    ------
    DomainError
        Not a real number, or outside the domain.
    """
    number = exact_number(value)
    allowed = describe(variable.domain) if variable.low is not -sp.oo else "real numbers"
    if number is None or not number.is_real:
        raise DomainError(owner, variable.name, repr(value), allowed)
    above = number > variable.low if getattr(variable.domain, "left_open", False) else number >= variable.low
    right = isinstance(variable.domain, sp.Range) or variable.domain.right_open
    below = number < variable.high if right else number <= variable.high
    if not (above and below) or (variable.whole and not number.is_integer):
        raise DomainError(owner, variable.name, value, allowed)
    return number


def exact_number(value: Any) -> sp.Expr | None:
    """Return a number as an exact sympy number, or None for anything that is not a finite number."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer)):
        return sp.Integer(int(value))
    if isinstance(value, (float, np.floating)):
        return sp.Rational(repr(float(value))) if np.isfinite(value) else None
    if isinstance(value, mp.mpf):
        return sp.Rational(str(value)) if mp.isfinite(value) else None
    if isinstance(value, sp.Float):
        return sp.Rational(str(value))
    if isinstance(value, sp.Expr) and value.is_number and value.is_finite:
        return value
    return None


def _nested(value: Any) -> Any:
    if isinstance(value, (Sequence, np.ndarray)):
        return [_nested(entry) for entry in value]
    return exact_number(value)


def subject_of(target: Target) -> Subject:
    """Return the subject for a result, the key of one, or a user's own sympy expression.

    Symbols of a user's expression get their domain from their assumptions: positive integers, positive,
    non-negative or real numbers; a symbol without assumptions is taken to be a positive real number.

    Raises
    ------
    UnknownResultError
        A string that is not a key of the catalogue (strings are never parsed).
    TypeError
        Anything else.
    """
    if isinstance(target, Subject):
        return target
    if isinstance(target, str):
        target = get(target)
    if isinstance(target, Result):
        return _from_result(target)
    if isinstance(target, sp.Expr):
        return _from_expression(target)
    raise TypeError(f"a Result, a key or a sympy expression is needed, got {type(target).__name__}")


def _from_result(result: Result) -> Subject:
    variables = tuple(_from_param(param) for param in result.params)
    table = {v.original: v.symbol for v in variables if v.scalar}
    return Subject(
        name=result.key,
        expr=result.expr.xreplace(table),
        variables=variables,
        conditions=tuple(_condition(c, table) for c in result.conditions),
        vectors={},
        trusted=True,
    )


def _condition(condition: Condition, table: Mapping[Any, Any]) -> tuple[str, sp.Expr, bool]:
    return condition.text, condition.expr.xreplace(dict(table)), condition.integer


def _from_param(param: Param) -> Variable:
    scalar = param.structure is Structure.SCALAR
    whole = isinstance(param.domain, sp.Range)
    positive = scalar and param.domain.start >= 0
    symbol = sp.Symbol(param.name, integer=whole or None, positive=positive or None, real=True)
    return Variable(
        name=param.name,
        symbol=symbol if scalar else param.symbol,
        original=param.symbol,
        domain=param.domain,
        typical=param.typical,
        scalar=scalar,
    )


def _from_expression(expr: sp.Expr) -> Subject:
    bound = {limit[0] for node in expr.atoms(sp.Sum, sp.Product) for limit in node.limits}
    loose = sorted(expr.free_symbols - bound, key=lambda s: str(s.name))
    variables = tuple(_from_symbol(symbol) for symbol in loose if isinstance(symbol, sp.Symbol))
    table = {v.original: v.symbol for v in variables}
    return Subject(name=str(expr), expr=expr.xreplace(table), variables=variables, vectors={})


def _from_symbol(symbol: sp.Symbol) -> Variable:
    if symbol.is_integer and symbol.is_positive:
        domain: sp.Set = _NATURAL
    elif symbol.is_integer and symbol.is_nonnegative:
        domain = sp.Range(0, sp.oo)
    elif symbol.is_nonnegative and not symbol.is_positive:
        domain = sp.Interval(0, sp.oo)
    elif symbol.is_positive or symbol.is_real is None:
        domain = sp.Interval.open(0, sp.oo)
    else:
        domain = sp.Interval(-sp.oo, sp.oo)
    positive = domain.start == 0 or isinstance(domain, sp.Range) or None
    inner = sp.Symbol(symbol.name, real=True, integer=symbol.is_integer or None, positive=positive)
    return Variable(name=symbol.name, symbol=inner, original=symbol, domain=domain, typical=(1, 10), scalar=True)
