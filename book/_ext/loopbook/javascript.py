"""From the sympy expression of a result to a JavaScript function, for the reader's browser.

Only what is listed here is printed: sympy writes a `Sum`, and more, as something that is no JavaScript.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import log1p
from sympy.core.relational import Relational
from sympy.printing.jscode import JavascriptCodePrinter

from bounds import Condition, Result, Structure
from bounds.functions import CatalogueFunction

# fmt: off
FUNCTIONS = frozenset(
    {
        "accumulated_loss", "accumulated_survival", "c4_power", "c4_power_complement", "complement_power",
        "divergence_tv", "erf", "gaussian_bias", "geometric_sum", "heat_loss", "log_chi_square_drift", "log_gap",
        "mean_deviation", "mixture_bias", "power_sum", "ratio_gap", "sharp_line_fresh", "sharp_line_stratified",
        "sharp_torus_fixed", "sharp_torus_fresh", "sharp_torus_stratified", "shifted_power_sum", "spread_sum", "square",
        "square_torus_fixed", "square_torus_fresh", "square_torus_stratified", "student_tv", "torus_roughness",
    }
)
# fmt: on
"""Functions of the catalogue that the scripts in `book/explorer/` have, under the same names."""

_SUMS = frozenset({"total", "total_ratio_gap"})
"""Functions of vectors that add up over their entries."""

_NODES = (sp.Add, sp.Mul, sp.Pow, sp.Number, sp.NumberSymbol, sp.Symbol, sp.Piecewise, sp.Min, sp.Max)
_LOGIC = (Relational, sp.functions.elementary.piecewise.ExprCondPair, sp.logic.boolalg.BooleanTrue)
_ATOMS = (sp.Indexed, sp.IndexedBase, sp.Tuple)
_MATH = {sp.Abs: "abs", sp.atan: "atan", sp.ceiling: "ceil", sp.exp: "exp", sp.floor: "floor", sp.log: "log"}
_MATH |= {log1p: "log1p"}


class UnsupportedError(ValueError):
    """An expression that has no JavaScript form."""


class _Printer(JavascriptCodePrinter):  # type: ignore[misc]
    """JavaScript on one line; a vector stands for one of its entries, inside a sum over them."""

    def _print_Function(self, expr: sp.Function) -> str:
        name = type(expr).__name__
        arguments = ", ".join(self._print(argument) for argument in expr.args)
        if type(expr) in _MATH:
            return f"Math.{_MATH[type(expr)]}({arguments})"
        if name not in FUNCTIONS:
            raise UnsupportedError(f"the function {name}")
        return f"$.{name}({arguments})"

    _print_Abs = _print_ceiling = _print_floor = _print_log1p = _print_Function

    def _print_Indexed(self, expr: sp.Indexed) -> str:
        return str(expr.base.label)

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        return " ".join(str(super()._print_Piecewise(expr)).split())


for _name in FUNCTIONS:
    setattr(_Printer, f"_print_{_name}", _Printer._print_Function)


def _vectors(result: Result) -> set[str]:
    for param in result.params:
        if param.structure is Structure.MIXING:
            raise UnsupportedError("a matrix of weights")
    return {param.name for param in result.params if param.structure is not Structure.SCALAR}


def _printed(expr: sp.Basic) -> str:
    """Return an expression without vectors, or one over an entry of each; raise for what is not listed."""
    for node in sp.preorder_traversal(expr):
        if not isinstance(node, (*_NODES, *_LOGIC, *_ATOMS, sp.Function)):
            raise UnsupportedError(f"a {type(node).__name__}")
    return str(_Printer({"contract": False}).doprint(expr))


def _sum(expr: sp.Expr, vectors: set[str]) -> str:
    """Return a sum over the entries of the vectors that occur in it."""
    body = expr.function if isinstance(expr, sp.Sum) else expr.args[0]
    code = f"$.ratio_gap({_printed(body)})" if type(expr).__name__ == "total_ratio_gap" else _printed(body)
    used = sorted(vectors & {str(getattr(s, "label", s)) for s in body.free_symbols if not isinstance(s, sp.Indexed)})
    if not used:
        raise UnsupportedError(f"a {type(expr).__name__} that is not over a vector")
    return f"$.sum_atoms(({', '.join(used)}) => {code}, {', '.join(used)})"


def _is_sum(node: sp.Basic) -> bool:
    return isinstance(node, sp.Sum) or (isinstance(node, CatalogueFunction) and type(node).__name__ in _SUMS)


@cache
def function(result: Result) -> str:
    """Return the expression of a result as an arrow function of an object with its parameters.

    Raises
    ------
    UnsupportedError
        If a part of the expression has no JavaScript form.
    """
    vectors = _vectors(result)
    found = sorted((node for node in sp.preorder_traversal(result.expr) if _is_sum(node)), key=str)
    sums = {node: sp.Symbol(f"sum{k}") for k, node in enumerate(dict.fromkeys(found))}
    lines = [f"const {symbol} = {_sum(node, vectors)};" for node, symbol in sums.items()]
    parts, (value,) = sp.cse(result.expr.xreplace(sums), symbols=sp.numbered_symbols("part"))
    for expr in (value, *(part for _, part in parts)):
        if vectors & {str(symbol) for symbol in expr.free_symbols}:
            raise UnsupportedError("a vector outside a sum over its entries")
    lines += [f"const {name} = {_printed(part)};" for name, part in parts]
    return f"({{ {', '.join(result.names)} }}) => {{ {' '.join([*lines, f'return {_printed(value)};'])} }}"


def condition(result: Result, rule: Condition) -> str:
    """Return the quantity of a joint condition as an arrow function, like `function`."""
    return f"({{ {', '.join(result.names)} }}) => {_printed(rule.expr)}"


def literal(text: Any) -> str:
    """Return text as a JavaScript literal that may stand inside a script element."""
    return json.dumps(text, ensure_ascii=False).replace("</", "<\\/")
