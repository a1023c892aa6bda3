"""Mutants of a formula: one small mistake at one place of its tree, or in one parameter throughout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy as sp

from bounds import Kind, Param, Result, Structure

Path: TypeAlias = tuple[int, ...]
Change: TypeAlias = tuple[str, Any]
"""What is done, and what stands there afterwards."""

_HALF, _TENTH_LESS, _TENTH_MORE = sp.Rational(1, 2), sp.Rational(9, 10), sp.Rational(11, 10)
_HUNDRED, _MILLION = sp.Integer(100), sp.Integer(10**6)
WHOLE = {
    Kind.UPPER: (_HALF, _TENTH_LESS, 1 / _HUNDRED, 1 / _MILLION),  # the last for what is loose by thousands
    Kind.LOWER: (sp.Integer(2), _TENTH_MORE, _HUNDRED, _MILLION),
    Kind.EQUALITY: (_HALF, _TENTH_LESS, _TENTH_MORE, sp.Integer(2)),
    Kind.RATE: (),  # constants do not change exponents
}
_LOGARITHMS = ("log", "log1p")
_ONE_TO_ONE = ("exp", "atan", "erf")
_LONGEST = 80
EVERYWHERE = "everywhere"
TERM = "term dropped"


@dataclass(frozen=True, kw_only=True, eq=False)
class Mutant:
    """A formula with one mistake.

    Attributes
    ----------
    operator : str
        What was done.
    path : tuple of int
        Which argument to take, from the whole expression on, to come to the place; () is the whole, or everywhere.
    before, after : str
        What stood there and what stands there now, shortened.
    expr : sympy.Expr
    """

    operator: str
    path: Path
    before: str
    after: str
    expr: Any


def mutants_of(result: Result) -> tuple[tuple[Mutant, ...], int]:
    """Return the different mutants of a formula, in the order of its tree, and how many were equal to others.

    Parameters
    ----------
    result : Result

    Returns
    -------
    mutants : tuple of Mutant
        Without those equal as expressions to the formula or to an earlier mutant.
    equal : int
        Number of these.
    """
    found: dict[Any, Mutant] = {}
    equal = 0
    for mutant in _all(result):
        if mutant.expr == result.expr or mutant.expr in found:
            equal += 1
        else:
            found[mutant.expr] = mutant
    return tuple(found.values()), equal


def _all(result: Result) -> Iterator[Mutant]:
    expr, scalars = result.expr, {p.symbol: p for p in result.params if p.structure is Structure.SCALAR}
    for factor in WHOLE[result.kind]:
        yield _mutant(f"whole x {factor}", (), expr, factor * expr, factor * expr)
    for symbol, param in scalars.items():
        for name, new in _replacements(param):
            yield _mutant(f"{name} {EVERYWHERE}", (), symbol, new, _substituted(expr, symbol, new))
    repeated = {symbol for symbol in scalars if sum(node == symbol for _, node, _ in _places(expr)) > 1}
    for path, node, exponent in _places(expr):
        changes = _replacements(scalars[node]) if node in repeated else _changes(node, exponent)
        for name, new in changes:
            yield _mutant(name, path, node, new, replaced_at(expr, path, new))


def _mutant(operator: str, path: Path, before: Any, after: Any, expr: Any) -> Mutant:
    return Mutant(operator=operator, path=path, before=_short(before), after=_short(after), expr=expr)


def _short(expr: Any) -> str:
    text = str(expr)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _places(expr: Any) -> Iterator[tuple[Path, Any, bool]]:
    """Walk the tree: path, node, and whether the node is an exponent; not into conditions, indices and limits."""

    def walk(node: Any, path: Path, exponent: bool) -> Iterator[tuple[Path, Any, bool]]:
        yield path, node, exponent
        if isinstance(node, sp.Indexed):
            return
        for k, argument in enumerate(node.args):
            if isinstance(argument, sp.Expr) or type(argument).__name__ == "ExprCondPair":
                yield from walk(argument, (*path, k), node.is_Pow and k == 1)

    return walk(expr, (), False)


def _changes(node: Any, exponent: bool) -> Iterator[Change]:
    """Every mistake at one node but those of parameters."""
    if node.is_Number or node.is_NumberSymbol:
        if exponent:
            yield from (("exponent x 2", 2 * node), ("exponent x 1/2", node / 2))
        else:
            yield from ((f"constant x {factor}", factor * node) for factor in (_HALF, _TENTH_LESS, sp.Integer(2)))
    elif isinstance(node, sp.Indexed):
        yield "entry x 1/2", node / 2
    elif node.is_Add:
        yield from ((TERM, node.func(*others)) for others in _without_one(node.args))
    elif node.is_Mul:
        yield from (
            ("factor dropped", node.func(*others))
            for dropped, others in zip(node.args, _without_one(node.args), strict=True)
            if not dropped.is_Number
        )
    elif isinstance(node, sp.Min | sp.Max):
        yield from (("argument dropped", _rebuilt(node, others)) for others in _without_one(node.args))
    elif type(node).__name__ in _LOGARITHMS:
        yield "log removed", sp.Integer(1)
    elif type(node).__name__ in _ONE_TO_ONE:
        yield "function removed", node.args[0]


def _without_one(arguments: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    return (arguments[:k] + arguments[k + 1 :] for k in range(len(arguments)))


def _replacements(param: Param) -> tuple[Change, ...]:
    """Mistakes in a parameter: off by one or by a factor of two, or a share taken for the other share."""
    x, name = param.symbol, param.name
    double, half = (f"{name} -> 2{name}", 2 * x), (f"{name} -> {name}/2", x / 2)
    if isinstance(param.domain, sp.Range):
        return (f"{name} -> {name}-1", x - 1), (f"{name} -> {name}+1", x + 1), double, half
    if param.domain.start == 0 and param.domain.end == 1:
        return (f"{name} -> 1-{name}", 1 - x), half
    return double, half


def replaced_at(expr: Any, path: Path, new: Any) -> Any:
    """Return an expression with another one at a place of its tree."""
    if not path:
        return new
    arguments = list(expr.args)
    arguments[path[0]] = replaced_at(arguments[path[0]], path[1:], new)
    return _rebuilt(expr, arguments)


def _substituted(expr: Any, symbol: Any, new: Any) -> Any:
    """Put `new` for a symbol everywhere."""
    if expr == symbol:
        return new
    if not expr.args or isinstance(expr, sp.Indexed) or symbol not in expr.free_symbols:
        return expr
    return _rebuilt(expr, [_substituted(argument, symbol, new) for argument in expr.args])


def _rebuilt(expr: Any, arguments: Iterable[Any]) -> Any:
    """Make an expression of other arguments; a minimum is not simplified, which would compare all of them."""
    if isinstance(expr, sp.Min | sp.Max):
        several = tuple(arguments)
        return expr.func(*several, evaluate=False) if len(several) > 1 else several[0]
    return expr.func(*arguments)
