"""From the sympy expression of a result to a NumPy function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.printing.numpy import SciPyPrinter

from .functions import chain_deviation
from .numeric import NUMERIC
from .result import Param

if TYPE_CHECKING:
    from .result import Condition, Result


class _PerPoint(sp.Function):  # type: ignore[misc]
    """A subexpression that is the same for all atoms, inside a sum over atoms."""


class _CataloguePrinter(SciPyPrinter):  # type: ignore[misc]
    """NumPy code; a sum over the atoms of a vector is a sum over the last axis."""

    def _print_Sum(self, expr: sp.Sum) -> str:
        return f"sum_atoms({self._print(expr.function)})"

    def _print_Indexed(self, expr: Any) -> str:
        return str(expr.base.label)

    def _print__PerPoint(self, expr: sp.Function) -> str:
        return f"{self._print(expr.args[0])}[..., None]"

    def _print_Min(self, expr: sp.Min) -> str:
        first, *others = (self._print(argument) for argument in expr.args)
        for other in others:
            first = f"{self._module_format('numpy.minimum')}({first}, {other})"
        return str(first)

    def _print_Mul(self, expr: sp.Mul) -> str:
        """Print x² y as x (y) x, which overflows only where the product does."""
        for factor in expr.args:
            if factor.is_Pow and factor.exp == 2 and factor.base.is_Symbol:
                base = self._print(factor.base)
                return f"{base}*({self._print(expr / factor)})*{base}"
        return str(super()._print_Mul(expr))

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        """Print negative whole powers as quotients: faster than a power, and rounded better."""
        base, exponent = expr.as_base_exp() if expr.exp.is_Integer else (expr.base, expr.exp)
        if exponent.is_Integer and exponent < 0:
            power = self._print(base) if exponent == -1 else self._print(sp.Pow(base, -exponent, evaluate=False))
            return f"(1/({power}))"
        return str(super()._print_Pow(expr, rational=rational))

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        """Print two branches as a choice between two arrays."""
        (first, condition), (second, _) = expr.args
        return f"{self._module_format('numpy.where')}({', '.join(map(self._print, (condition, first, second)))})"


def _print_function(self: _CataloguePrinter, expr: sp.Function) -> str:
    return f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"


for _function_name in NUMERIC:
    setattr(_CataloguePrinter, f"_print_{_function_name}", _print_function)


def _per_atom(expr: sp.Expr, parts: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """Name the largest parts of a summand that depend on the point only, or on the atom only."""

    def named(part: sp.Expr) -> sp.Symbol:
        return parts.setdefault(part, sp.Symbol(f"part{len(parts)}"))

    if expr.is_number or isinstance(expr, sp.Indexed):
        return expr
    if not expr.has(sp.Indexed):
        return _PerPoint(named(expr))
    if _atom_only(expr):
        return named(expr)
    if isinstance(expr, (sp.Mul, sp.Add)):
        point = [a for a in expr.args if not a.has(sp.Indexed)]
        atom = [a for a in expr.args if a.has(sp.Indexed) and _atom_only(a)]
        mixed = [_per_atom(a, parts) for a in expr.args if a.has(sp.Indexed) and not _atom_only(a)]
        return expr.func(*(_per_atom(expr.func(*group), parts) for group in (point, atom) if group), *mixed)
    return _rebuilt(expr, [_per_atom(argument, parts) for argument in expr.args])


def _atom_only(expr: sp.Expr) -> bool:
    return not expr.free_symbols.difference(*(node.free_symbols for node in expr.atoms(sp.Indexed)))


def _rebuilt(expr: sp.Expr, arguments: list[sp.Expr]) -> sp.Expr:
    return expr.func(*arguments, **({"evaluate": False} if isinstance(expr, sp.Min) else {}))


def _shared(exprs: Any, **_: Any) -> tuple[list[tuple[sp.Symbol, sp.Expr]], Any]:
    """Common subexpressions for lambdify; what a sum over atoms does not need per atom comes first."""
    several = list(exprs) if isinstance(exprs, (list, tuple)) else [exprs]
    parts: dict[sp.Expr, sp.Symbol] = {}
    sums: dict[sp.Symbol, sp.Expr] = {}
    for total in sorted(set().union(*(expr.atoms(sp.Sum) for expr in several)), key=str):
        symbol = sp.Symbol(f"total{len(sums)}")
        sums[symbol] = sp.Sum(_per_atom(total.function, parts), *total.limits)
        several = [expr.xreplace({total: symbol}) for expr in several]
    shared, reduced = sp.cse([*parts, *several])
    steps = [*shared, *zip(parts.values(), reduced[: len(parts)], strict=True), *sums.items()]
    final = reduced[len(parts) :]
    return steps, final if isinstance(exprs, (list, tuple)) else final[0]


def _function(arguments: list[Any], expr: Any) -> Callable[..., Any]:
    settings = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True}
    printer = _CataloguePrinter(settings)
    modules = [NUMERIC, "scipy", "numpy"]
    return sp.lambdify(arguments, expr, modules=modules, printer=printer, cse=_shared)  # type: ignore[no-any-return]


@cache
def compiled(result: Result) -> Callable[..., Any]:
    """Return the NumPy function of a result, compiled once; arguments in the order of `result.params`."""
    return _function([param.symbol for param in result.params], result.expr)


@dataclass(frozen=True)
class Stages:
    """A result in two steps: what varies along few axes comes first, once; the rest may be done in pieces.

    Attributes
    ----------
    first : callable
        From the parameters to a list of arrays.
    second : callable
        From the parameters and these arrays to the value.
    names : frozenset of str
        Parameters that the second step uses itself.
    simple : bool
        Whether the second step is one operation at most.
    """

    first: Callable[..., list[Any]]
    second: Callable[..., Any]
    names: frozenset[str]
    simple: bool


@lru_cache(maxsize=512)
def staged(result: Result, axes: tuple[int, ...], small: frozenset[int]) -> Stages:
    """Split the evaluation of a result.

    Parameters
    ----------
    result : Result
    axes : tuple of int
        For each parameter, the broadcast axes along which it varies, as bits.
    small : frozenset of int
        Sets of axes, as bits, that have few points.
    """
    where = {_name(param): bits for param, bits in zip(result.params, axes, strict=True)}
    early: dict[sp.Expr, sp.Symbol] = {}
    rest = _split(result.expr, where, small, early)
    symbols = [param.symbol for param in result.params]
    used = {str(symbol) for symbol in rest.free_symbols}
    return Stages(
        first=_function(symbols, list(early)),
        second=_function([*symbols, *early.values()], rest),
        names=frozenset(param.name for param in result.params if _name(param) in used),
        simple=not rest.has(sp.Sum, sp.Function) and rest.count_ops() <= 1,
    )


def _name(param: Param) -> str:
    return str(getattr(param.symbol, "label", param.symbol))


def _bits(expr: sp.Expr, where: Mapping[str, int]) -> int:
    """Axes along which an expression varies; -1 if it has a free index of a sum."""
    free = (symbol for symbol in expr.free_symbols if not isinstance(symbol, sp.Indexed))
    names = {str(getattr(symbol, "label", symbol)) for symbol in free}
    return reduce(or_, (where.get(name, 0 if name == "K" else -1) for name in names), 0)


def _split(expr: sp.Expr, where: Mapping[str, int], small: frozenset[int], early: dict[sp.Expr, sp.Symbol]) -> sp.Expr:
    """Replace the largest parts of `expr` that vary along few axes by symbols, collected in `early`."""

    def again(part: sp.Expr) -> sp.Expr:
        return _split(part, where, small, early)

    if expr.is_Atom or expr.is_number or isinstance(expr, sp.Indexed):
        return expr
    if _bits(expr, where) in small:
        return early.setdefault(expr, sp.Symbol(f"early{len(early)}"))
    if isinstance(expr, (sp.Mul, sp.Add)):
        groups: dict[int, list[sp.Expr]] = {}
        for argument in sorted(expr.args, key=lambda a: _bits(a, where)):
            bits = _bits(argument, where)
            key = bits if bits in small else -1
            groups.setdefault(key, []).append(argument)
        if 0 in groups and (others := [bits for bits in groups if bits > 0]):
            groups[others[0]] += groups.pop(0)
        whole = [again(argument) for argument in groups.pop(-1, [])]
        return expr.func(*(again(expr.func(*group)) for group in groups.values()), *whole)
    if isinstance(expr, sp.Sum):
        return sp.Sum(again(expr.function), *expr.limits)
    if isinstance(expr, sp.Piecewise):
        return sp.Piecewise(*((again(value), condition) for value, condition in expr.args))
    return _rebuilt(expr, [again(argument) for argument in expr.args])


@cache
def compiled_condition(condition: Condition, params: tuple[Param, ...]) -> Callable[..., Any]:
    """Return the NumPy function of a joint condition; arguments in the order of `params`."""
    return sp.lambdify([p.symbol for p in params], condition.expr, modules="numpy")  # type: ignore[no-any-return]


@cache
def splits(result: Result) -> bool:
    """Tell whether points may be evaluated in pieces: a Markov chain serves all generations at once."""
    return not result.expr.has(chain_deviation)
