"""What the explorer page works on: the results as JavaScript, the ranges of their sliders, and stored simulations."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import sympy as sp

import bounds
from bounds import Param, Result, Structure, render

from . import chapters, javascript
from .blocks import telling, typical
from .generate import stored_verdicts
from .javascript import literal

SCRIPTS = ("functions.js", "functions_kde.js", "model.js", "plot.js", "explorer.js", "explorer.css")
"""Files in `book/explorer/` that are shipped with the pages; `catalogue.js` is written beside them."""

_BEYOND = 20.0  # a slider without an end runs to 20 times the largest typical value, and from 1/20 of the smallest
_SMALL = 1e-6  # lower end of a slider on a logarithmic scale in a bounded interval that is open at 0


def _end(value: Any) -> float | None:
    return None if value.is_infinite else float(value)


def _range(param: Param) -> dict[str, Any]:
    """Return the ends of the slider of a parameter and whether it is logarithmic."""
    typical_values = [v for value in param.typical for v in (value if isinstance(value, tuple) else (value,))]
    largest, smallest = max(typical_values), min(v for v in typical_values if v > 0 or max(typical_values) <= 0)
    if isinstance(param.domain, sp.Range):
        top = param.domain.stop - 1
        high = min(int(largest * _BEYOND), int(top) if top.is_finite else 2**53)
        return {"from": int(param.domain.start), "to": high, "log": high > 20 * int(param.domain.start)}
    low, high = _end(param.domain.start), _end(param.domain.end)
    assert low is not None  # every domain has a lower end
    if high is None:
        return {"from": max(smallest / _BEYOND, low), "to": largest * _BEYOND, "log": True}
    if low == 0 and param.domain.left_open and largest < high / 5:
        return {"from": min(_SMALL, smallest), "to": high, "log": True}
    return {"from": low, "to": high, "log": False}


def _param(param: Param, value: Any) -> dict[str, Any]:
    """Return what the page needs of a parameter."""
    domain, integer = param.domain, isinstance(param.domain, sp.Range)
    top = domain.stop - 1 if integer else domain.end
    return {
        "name": param.name,
        "sign": render.unicode_text(sp.Symbol(param.name, real=True)),
        "meaning": param.meaning,
        "words": render.domain(param),
        "low": int(domain.start) if integer else float(domain.start),
        "high": _end(top),
        "lowOpen": not integer and bool(domain.left_open),
        "highOpen": not integer and bool(domain.right_open),
        "integer": integer,
        "vector": param.structure is not Structure.SCALAR,
        "simplex": param.structure is Structure.SIMPLEX,
        "value": list(value) if isinstance(value, tuple) else value,
        **_range(param),
    }


def _rules(result: Result) -> str:
    """Return the joint conditions of a result as a JavaScript array."""
    rules = []
    for rule in result.conditions:
        names = sorted(str(symbol) for symbol in rule.expr.free_symbols)
        facts = f"text: {literal(rule.text)}, integer: {literal(rule.integer)}, names: {literal(names)}"
        rules.append(f"{{ {facts}, value: {javascript.condition(result, rule)} }}")
    return f"[{', '.join(rules)}]"


def entry(result: Result, link: str) -> str:
    """Return one result as a JavaScript object; `UnsupportedError` if it has no JavaScript form."""
    function = javascript.function(result)
    axis, values = telling(result), typical(result)
    facts = {
        "key": result.key,
        "title": result.title,
        "kind": str(result.kind),
        "mode": render.mode(result),
        "statement": result.statement,
        "quantity": result.quantity,
        "tex": render.latex_statement(result),
        "link": link,
        "axis": axis.name if axis else "",
        "params": [_param(param, values[param.name]) for param in result.params],
    }
    fields = [f"{name}: {literal(fact)}" for name, fact in facts.items()]
    return "{ " + ", ".join([*fields, f"rules: {_rules(result)}", f"value: {function}"]) + " }"


def _sweeps(document: dict[str, Any], live: set[str]) -> dict[str, Any]:
    """Return the stored curves along a parameter, by the keys of live results."""
    found = {}
    for key, row in document["results"].items():
        curves = [curve for curve in row["curves"] if curve["along"]]
        if key in live and curves:
            found[key] = curves
    return found


def catalogue(book: Path) -> str:
    """Return the script with all results: those that run in the browser, and what is left to Python, with the reason.

    Parameters
    ----------
    book : Path
        Folder of the book, for the links to its blocks and the stored verdicts.
    """
    sections, document = chapters.read(book), stored_verdicts(book)
    live: dict[str, str] = {}
    left = []
    for result in bounds.CATALOGUE:
        link = f"generated/results/{sections[result.proof].chapter}.html#{chapters.anchor(result.key)}"
        try:
            live[result.key] = entry(result, link)
        except javascript.UnsupportedError as error:
            left.append({"key": result.key, "title": result.title, "link": link, "reason": str(error)})
    run = {name: document[name] for name in ("date", "seed", "confidence", "effort")}
    lines = [
        '"use strict";',
        "(($) => {",
        "Loopbound.results = [",
        *(f"{text}," for text in live.values()),
        "];",
        f"Loopbound.left = {literal(left)};",
        f"Loopbound.run = {literal(run)};",
        f"Loopbound.sweeps = {literal(_sweeps(document, set(live)))};",
        "})(Loopbound.functions);",
    ]
    return "\n".join(lines) + "\n"


def stage(book: Path, folder: Path) -> None:
    """Put the scripts of the explorer into a folder of static files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCRIPTS:
        shutil.copyfile(book / "explorer" / name, folder / name)
    (folder / "catalogue.js").write_text(catalogue(book), encoding="utf-8")
