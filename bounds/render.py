"""From a result to LaTeX, Unicode, Markdown and plain text; nothing else formats."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import sympy as sp
from sympy.printing.latex import LatexPrinter

from . import functions
from .result import Condition, Kind, Mode, Param, Result, Structure

_RELATION = {Kind.UPPER: "≤", Kind.LOWER: "≥", Kind.EQUALITY: "=", Kind.RATE: "≲"}
_LATEX_RELATION = {Kind.UPPER: r"\le", Kind.LOWER: r"\ge", Kind.EQUALITY: "=", Kind.RATE: r"\lesssim"}
_NAMES = {"lam": "lambda", "eps": "epsilon"}
_WIDEST = 110
_SYMBOLS = {"lam": r"\lambda", "eps": r"\varepsilon", "tv": r"\mathrm{TV}"}


class _Latex(LatexPrinter):  # type: ignore[misc]
    """The field's symbols, and sums over atoms without their limits."""

    def _print_Symbol(self, expr: sp.Symbol, style: str = "plain") -> str:
        return _SYMBOLS.get(expr.name) or str(super()._print_Symbol(expr, style))

    def _print_Sum(self, expr: sp.Sum) -> str:
        if expr.has(sp.Indexed):
            body = self._print(expr.function)
            body = rf"\left[{body}\right]" if expr.function.is_Add else body
            return rf"\sum_{{k}} {body}"
        return str(super()._print_Sum(expr))


def tex(expr: sp.Basic) -> str:
    """Return any expression in LaTeX, in the field's symbols."""
    return str(_Latex().doprint(expr))


def latex(result: Result) -> str:
    """Return the expression of a result in LaTeX."""
    return tex(result.expr)


def latex_statement(result: Result) -> str:
    """Return the relation sign and the expression in LaTeX."""
    return f"{_LATEX_RELATION[result.kind]} {latex(result)}"


def formula(result: Result) -> str:
    """Return the expression of a result in Unicode."""
    return unicode_text(result.expr)


def unicode_text(expr: sp.Expr) -> str:
    """Return an expression in Unicode: two-dimensional, or on one line where that would be too wide."""
    readable = _readable(expr)
    pretty = str(sp.pretty(readable, use_unicode=True, wrap_line=False))
    if max(map(len, pretty.splitlines())) <= _WIDEST:
        return pretty
    return textwrap.fill(str(readable), _WIDEST, break_long_words=False)


def _readable(expr: sp.Expr) -> sp.Expr:
    """Replace catalogue functions by powers and short names, p[k] by p_k: for display only."""
    S, H, c4 = sp.Function("S"), sp.Function("H"), sp.Function("c4")

    def short(node: sp.Expr) -> sp.Expr:
        if isinstance(node, sp.Sum) and node.has(sp.Indexed):
            index = node.limits[0][0]
            return sp.Sum(node.function.replace(_is_indexed, lambda _: sp.Symbol("p_k")), (index, 1, sp.Symbol("K")))
        if isinstance(node, functions.complement_power):
            return sp.Pow(1 - node.args[0], node.args[1], evaluate=False)
        if isinstance(node, functions.geometric_sum):
            return S(*node.args)
        if isinstance(node, functions.power_sum):
            return H(*node.args)
        if isinstance(node, functions.c4_power):
            return c4(node.args[0]) ** node.args[1]
        if isinstance(node, functions.c4_power_complement):
            return 1 - c4(node.args[0]) ** node.args[1]
        if isinstance(node, functions.CatalogueFunction):
            return sp.Function(type(node).__name__)(*node.args)
        return node

    shown = expr.replace(lambda node: isinstance(node, (functions.CatalogueFunction, sp.Sum)), short)
    return shown.subs({sp.Symbol(name, real=True): sp.Symbol(text) for name, text in _NAMES.items()})


def _is_indexed(node: sp.Basic) -> bool:
    return isinstance(node, sp.Indexed)


def definitions(result: Result) -> list[str]:
    """Return what the functions in the formula stand for, one line each."""
    used = {type(f) for f in result.expr.atoms(functions.CatalogueFunction)}
    return [(cls.__doc__ or "").strip().splitlines()[0] for cls in sorted(used, key=lambda cls: str(cls.__name__))]


def domain(param: Param) -> str:
    """Return the domain of a parameter in words."""
    from .domains import describe

    entries = describe(param.domain)
    return entries if param.structure is Structure.SCALAR else f"{param.structure}; entries: {entries}"


def mode(result: Result) -> str:
    """Return in words in which sense the statement holds."""
    return {
        Mode.EXPECTATION: "in expectation",
        Mode.HIGH_PROBABILITY: "with probability at least 1 - delta",
        Mode.SURE: "surely",
    }[result.mode]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [textwrap.indent(line, "  ") for line in lines]
    return ["", title, *body] if body else []


def text(result: Result) -> str:
    """Return everything about a result as plain text, at most 100 columns apart from formulas."""
    statement = textwrap.fill(result.statement, 98)
    conditions: Sequence[Condition] = result.conditions
    lines = [
        result.key,
        result.title,
        *_section("Statement", [statement]),
        *_section("Quantity", [f"{result.quantity}; {result.kind}, {mode(result)}"]),
        *_section("Formula", [f"{_RELATION[result.kind]}", formula(result)]),
        *_section("where", definitions(result)),
        *_section("LaTeX", [latex_statement(result)]),
        *_section("Parameters", [f"{p.name}: {p.meaning}; {domain(p)}" for p in result.params]),
        *_section("Conditions", [condition.text for condition in conditions]),
        *_section("Assumptions", [f"{a.key}: {a.text}" for a in result.assumptions]),
        *_section("Leading behaviour", [_rate(rate.wrt, rate.to, rate.leading) for rate in result.rates]),
        *_section("Source", [f"{result.source.bib}, {result.source.locator} ({result.source.note})"]),
        *_section("Proof", [f"book, {result.proof}"]),
    ]
    return "\n".join(lines) + "\n"


def _rate(wrt: str, to: object, leading: sp.Expr) -> str:
    limit = "∞" if to is sp.oo else str(to)
    return f"~ {_readable(leading)} as {wrt} → {limit}"


def markdown_table(results: Iterable[Result]) -> str:
    """Return a Markdown table of results: key, kind, quantity, formula parameters."""
    rows = ["| key | kind | what it says | parameters |", "|---|---|---|---|"]
    for r in results:
        kind = str(r.kind) + (", w.h.p." if r.mode is Mode.HIGH_PROBABILITY else "")
        rows.append(f"| `{r.key}` | {kind} | {r.title} | {', '.join(r.names)} |")
    return "\n".join(rows) + "\n"


def myst(result: Result) -> str:
    """Return a block for the book: statement, formula, domains, assumptions, source, proof."""
    params = "\n".join(f"- `{p.name}`: {p.meaning}; {domain(p)}" for p in result.params)
    assumed = "\n".join(f"- {a.text}" for a in result.assumptions)
    return (
        f"**{result.title}** (`{result.key}`; {result.kind}, {mode(result)})\n\n{result.statement}\n\n"
        f"$$\n{latex_statement(result)}\n$$\n\nParameters:\n\n{params}\n\nAssumptions:\n\n{assumed}\n\n"
        f"Source: {{cite}}`{result.source.bib}`, {result.source.locator} ({result.source.note}). "
        f"Proof: {{ref}}`{result.proof}`.\n"
    )
