"""The block of one result: everything the catalogue and the stored verdict know about it, as MyST Markdown."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import sympy as sp

import bounds
from bounds import Kind, Param, Result, Structure, render
from bounds.evaluate import check_arguments
from verify.report import slug

from .chapters import Section, anchor

_KINDS = {
    Kind.UPPER: "upper bound",
    Kind.LOWER: "lower bound",
    Kind.EQUALITY: "equality",
    Kind.RATE: "rate",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>$|~^])")
_WIDE = 700  # characters of LaTeX
_LONG = 40
_TELLING = ("i", "n", "r", "alpha", "h", "C", "w", "mu", "eps", "tv", "sigma")


def plain(text: str) -> str:
    """Return text that Markdown leaves as it is."""
    return _SPECIAL.sub(r"\\\1", text)


def telling(result: Result) -> Param | None:
    """Return the parameter that says most about a result when it varies; None without a scalar one."""
    scalars = {p.name: p for p in result.params if p.structure is Structure.SCALAR and len(set(p.typical)) > 1}
    return next((scalars[name] for name in _TELLING if name in scalars), next(iter(scalars.values()), None))


def typical(result: Result) -> dict[str, Any]:
    """Return typical arguments that fit together, near the middle of each list."""

    def centred(param: Param) -> list[Any]:
        middle = (len(param.typical) - 1) / 2
        order = sorted(range(len(param.typical)), key=lambda k: abs(k - middle))
        return [param.typical[k] for k in order]

    for values in itertools.product(*map(centred, result.params)):
        arguments = dict(zip(result.names, values, strict=True))
        try:
            check_arguments(result, arguments)
        except bounds.DomainError:
            continue
        return arguments
    raise ValueError(f"{result.key}: no typical values fit together")


def sweep(result: Result, arguments: dict[str, Any], param: Param) -> list[Any]:
    """Return the typical values of a parameter that fit to the other arguments, in order."""
    fitting = []
    for value in sorted(set(param.typical)):
        try:
            check_arguments(result, arguments | {param.name: value})
        except bounds.DomainError:
            continue
        fitting.append(value)
    return fitting


def _argument(value: Any) -> str:
    """Return a value as it is typed: four digits at the most for entries of vectors."""
    if isinstance(value, tuple | list):
        entries = [_argument(entry) for entry in value]
        if len(set(entries)) == 1 and len(entries) > 3 and not isinstance(value[0], tuple):
            return f"np.full({len(entries)}, {entries[0]})"
        return f"[{', '.join(entries)}]"
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    return str(value)


def code(result: Result) -> str:
    """Return the cell that evaluates the result at typical values, along its most telling parameter."""
    arguments, param = typical(result), telling(result)
    if param is not None:
        arguments[param.name] = sweep(result, arguments, param)
    given = [f"{name}={_argument(value)}" for name, value in arguments.items()]
    call = f"result({', '.join(given)})"
    if len(call) > 90:
        call = "result(\n" + "".join(f"    {word},\n" for word in given) + ")"
    return f'result = bounds.get("{result.key}")\n{call}\n'


def formula(result: Result) -> str:
    """Return the formula as display mathematics; of a wide one, parts that repeat get names."""
    text = render.latex_statement(result)
    if len(text) <= _WIDE:
        return f"$$\n{text}\n$$\n"
    main, parts = _named_parts(result.expr)
    rows = [f"& {text.removesuffix(render.latex(result))} {render.tex(main)}"]
    rows += [rf"{render.tex(name)} &= {render.tex(part)}" for name, part in parts.items()]
    return "$$\n\\begin{aligned}\n" + " \\\\[1ex]\n".join(rows) + "\n\\end{aligned}\n$$\n"


def _named_parts(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """Return an expression in terms of its long repeated parts, and these, each before those that it is made of."""
    found, (main,) = sp.cse(expr, symbols=sp.numbered_symbols("part"), order="none")
    short: dict[sp.Symbol, sp.Expr] = {}
    long: dict[sp.Symbol, sp.Expr] = {}
    for name, part in found:
        part = part.xreplace(short)
        (long if len(render.tex(part)) > _LONG else short)[name] = part
    names = {name: sp.Symbol(f"A_{k}") for k, name in enumerate(reversed(long), start=1)}
    parts = {names[name]: long[name].xreplace(names) for name in names}
    return main.xreplace(short).xreplace(names), parts


def _leading(result: Result) -> str:
    lines = []
    for rate in result.rates:
        to = r"\infty" if rate.to is sp.oo else render.tex(sp.sympify(rate.to, strict=True))
        lines.append(rf"$\sim {render.tex(rate.leading)}$ as ${_symbol(rate.wrt)} \to {to}$")
    return f"Leading behaviour: {'; '.join(lines)}.\n" if lines else ""


def _symbol(name: str) -> str:
    return render.tex(sp.Symbol(name))


def _parameters(result: Result) -> str:
    rows = [f"| `{p.name}` | {plain(p.meaning)} | {plain(render.domain(p))} |" for p in result.params]
    rules = [f"\nTogether: {plain('; '.join(c.text for c in result.conditions))}.\n"] if result.conditions else []
    return "\n".join(["| parameter | meaning | values |", "|---|---|---|", *rows, *rules]) + "\n"


def _number(value: float) -> str:
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.2e}"


def _verdict(row: dict[str, Any] | None, run: dict[str, Any]) -> dict[str, str]:
    if row is None:
        return {"Verdict": "not yet stored"}
    evidence = ", ".join(row["guarantees"]) + (f"; {row['replications']:,} replications" if row["replications"] else "")
    facts = {
        "Verdict": f"**{row['outcome']}**: {row['decided']} of {row['points']} points decided; {evidence}",
        "Run": f"{run['date']}, seed {run['seed']}, confidence {run['confidence']:.4g}, {run['effort']} effort",
    }
    ratio = row["tightness"]
    if ratio:
        numbers = ", ".join(f"{name} {_number(ratio[name])}" for name in ("min", "median", "max"))
        facts["Tightness"] = f"bound / measured: {numbers}"
    if row["vacuous"]:
        facts["Vacuous"] = f"{row['vacuous']} points, where the range of the quantity says as much"
    return facts


def _facts(result: Result, proof: Section, row: dict[str, Any] | None, run: dict[str, Any]) -> str:
    source = result.source
    facts = {
        "Source": f"{{cite}}`{source.bib}`, {plain(source.locator)} ({plain(source.note)})",
        "Proof": f"{{ref}}`{proof.label}`",
        **_verdict(row, run),
    }
    rows = "".join(f"* - {name}\n  - {text}\n" for name, text in facts.items())
    return f":::{{list-table}}\n:stub-columns: 1\n\n{rows}:::\n"


def _assumptions(result: Result) -> str:
    lines = "\n".join(f"- {plain(a.text)} (`{a.key}`)" for a in result.assumptions)
    return f":::{{dropdown}} Assumptions\n{lines}\n:::\n"


def _definitions(result: Result) -> str:
    lines = render.definitions(result)
    return "Here " + "; ".join(plain(line.rstrip(".")) for line in lines) + ".\n" if lines else ""


def block(result: Result, proof: Section, row: dict[str, Any] | None, run: dict[str, Any]) -> str:
    """Return the section of one result.

    Parameters
    ----------
    result : Result
    proof : Section
        Where it is proved.
    row : dict or None
        Its stored verdict.
    run : dict
        Date, seed, confidence and effort of the stored verdicts.
    """
    mode = render.mode(result).replace("1 - delta", r"$1-\delta$")
    parts = [
        f"({anchor(result.key)})=\n### {plain(result.title)} (`{result.key}`)\n",
        f"{plain(result.statement)}\n",
        f"*{_KINDS[result.kind].capitalize()}, {mode}:* {plain(result.quantity)}.\n",
        formula(result),
        _definitions(result),
        _leading(result),
        _parameters(result),
        _assumptions(result),
        _facts(result, proof, row, run),
        f"![{plain(result.title)}: the formula and what was measured](../figures/{slug(result.key)}.svg)\n",
        f"```{{code-cell}}\n{code(result)}```\n",
    ]
    return "\n".join(part for part in parts if part)
