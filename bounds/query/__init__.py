"""Queries on results and on expressions: how does it grow, when does it help, how much do I need."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import Comparison, Derivation, Dominance, Elasticity, Extremum, Growth, Solution, Trend, Unanswered
    from .comparison import compare, crossover
    from .derivation import derive
    from .dominance import dominant
    from .elasticity import sensitivity
    from .extremum import argmax, argmin
    from .growth import limit, rate
    from .solving import solve
    from .transition import Transition, threshold
    from .trend import monotone

_HOMES = {
    "Comparison": "answers",
    "Derivation": "answers",
    "Dominance": "answers",
    "Elasticity": "answers",
    "Extremum": "answers",
    "Growth": "answers",
    "Solution": "answers",
    "Transition": "transition",
    "Trend": "answers",
    "Unanswered": "answers",
    "argmax": "extremum",
    "argmin": "extremum",
    "compare": "comparison",
    "crossover": "comparison",
    "derive": "derivation",
    "dominant": "dominance",
    "limit": "growth",
    "monotone": "trend",
    "rate": "growth",
    "sensitivity": "elasticity",
    "solve": "solving",
    "threshold": "transition",
}
__all__ = [
    "Comparison",
    "Derivation",
    "Dominance",
    "Elasticity",
    "Extremum",
    "Growth",
    "Solution",
    "Transition",
    "Trend",
    "Unanswered",
    "argmax",
    "argmin",
    "compare",
    "crossover",
    "derive",
    "dominant",
    "limit",
    "monotone",
    "rate",
    "sensitivity",
    "solve",
    "threshold",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
