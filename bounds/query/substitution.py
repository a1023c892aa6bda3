"""Putting numbers into expressions of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

_FIRST: Mapping[str, Callable[[sp.Expr], tuple[sp.Expr, sp.Expr]]] = {
    "geometric_sum": lambda x: (sp.S.Zero, sp.S.One),
    "complement_power": lambda x: (sp.S.One, 1 - x),
    "power_sum": lambda s: (sp.S.Zero, sp.S.One),
    "shifted_power_sum": lambda a: (sp.S.Zero, sp.S.Half),
    "accumulated_loss": lambda n: (sp.S.Zero, 1 / n),
    "accumulated_survival": lambda n: (sp.S.One, 1 - 1 / n),
}
"""Values of functions of the catalogue at 0 and at 1 terms."""


def substitute(expr: sp.Expr, numbers: Mapping[Any, sp.Expr]) -> sp.Expr:
    """Replace symbols by numbers, and write out sums of no or one term."""
    if not numbers:
        return expr
    return expr.subs(numbers).replace(lambda e: type(e).__name__ in _FIRST and e.args[-1] in (0, 1), _first)


def _first(node: sp.Expr) -> sp.Expr:
    return _FIRST[type(node).__name__](node.args[0])[int(node.args[-1])]
