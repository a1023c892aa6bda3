"""Answers of `loopbound query` as text, as JSON and in LaTeX."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

import sympy as sp

from bounds import render
from bounds.query.answers import Answer, Derivation, Elasticity, Growth

_LONG = 60
_WIDTH = 110

Found: TypeAlias = list[tuple[dict[str, str], Answer]]


def as_text(found: Found) -> str:
    """Return one answer in full, or a table of several."""
    if len(found) == 1:
        return "\n".join(_lines(found[0][1])) + "\n"
    header = (*found[0][0], "answer", "proved")
    rows = [header] + [(*moved.values(), _short(answer), "yes" if answer.proved else "no") for moved, answer in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _lines(answer: Answer) -> Iterator[str]:
    """The question, the answer in words and as a formula, and how far it is proved."""
    yield answer.query
    if isinstance(answer, Derivation):
        yield from (f"{step.text}: {step.latex}" for step in answer.steps)
    elif isinstance(answer, Elasticity):
        for (name, value), expr in zip(answer.values.items(), answer.expr, strict=True):
            yield f"{name}: {value:.10g}" if math.isfinite(value) else f"{name}:\n{render.unicode_text(expr)}"
    else:
        if not isinstance(answer, Growth):
            yield textwrap.fill(answer.text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        yield from _formula(answer)
    yield f"method: {answer.method}; {'proved' if answer.proved else 'not proved'}"


def _formula(answer: Answer) -> Iterator[str]:
    """The exact answer, unless it is a name or in the sentence already, and its value in digits."""
    expr = answer.expr
    plain = expr.is_Symbol or expr.is_Integer or expr.is_Float or expr is sp.nan
    if isinstance(answer, Growth) or not plain:
        yield render.unicode_text(expr)
    if not plain and math.isfinite(answer.value):
        yield f"≈ {answer.value:.10g}"
    elif math.isnan(answer.value) and not plain and len(str(expr)) > _LONG:
        yield f"≈ {expr.evalf(6)}"


def _short(answer: Answer) -> str:
    if not math.isnan(answer.value):
        return f"{answer.value:.10g}"
    return str(answer.expr if len(str(answer.expr)) <= _LONG else answer.expr.evalf(6))


def as_latex(found: Found) -> str:
    """Return the exact answers in LaTeX, one a line."""
    return "".join(f"{answer.latex}\n" for _, answer in found)


def as_json(found: Found) -> str:
    """Return every field of one answer, or a list of them with the values that vary."""
    objects = [
        {**moved, **{f.name: _plain(getattr(a, f.name)) for f in fields(a)}, "latex": a.latex} for moved, a in found
    ]
    return json.dumps(objects[0] if len(objects) == 1 else objects, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON can say: text for expressions and infinities, null for what is not a number."""
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value).replace("inf", "oo")
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)} if is_dataclass(value) else str(value)
