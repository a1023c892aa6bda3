"""Verdicts: does a bound dominate what the loop does, with statistical guarantees.

>>> import verify
>>> plan = verify.Plan(patterns=("gaussian/golden-ratio",))
>>> [str(verdict.outcome) for verdict in verify.verify(plan)]
['HOLDS', 'HOLDS', 'HOLDS']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .case import (
        Bounded,
        Case,
        Design,
        Effort,
        Exact,
        Exceedance,
        Exponent,
        Nonnegative,
        Setting,
        Signed,
        Unbounded,
    )
    from .checking import Curve, check
    from .evidence import Decision, Guarantee
    from .exponent_table import Order, OrderRow, order_rows
    from .exponents import OneStepExponent, one_step_exponent
    from .falsify_run import Falsification, falsify
    from .measured import check_measured
    from .measured_table import MeasuredError
    from .mutation import MutationScore, mutate
    from .phase import PhaseTransition, one_step_law, peak_of_bound, phase_transition
    from .report import save, summary, to_dataset
    from .run import Plan, Verdict, verify
    from .sandwich import Sandwich, kernel_sandwich
    from .search import Axis, Search
    from .settings import setting_from_file

_HOMES = {
    "case": (
        "Bounded",
        "Case",
        "Design",
        "Effort",
        "Exact",
        "Exceedance",
        "Exponent",
        "Nonnegative",
        "Setting",
        "Signed",
        "Unbounded",
    ),
    "checking": ("Curve", "check"),
    "evidence": ("Decision", "Guarantee"),
    "exponent_table": ("Order", "OrderRow", "order_rows"),
    "exponents": ("OneStepExponent", "one_step_exponent"),
    "falsify_run": ("Falsification", "falsify"),
    "measured": ("check_measured",),
    "measured_table": ("MeasuredError",),
    "mutation": ("MutationScore", "mutate"),
    "phase": ("PhaseTransition", "one_step_law", "peak_of_bound", "phase_transition"),
    "report": ("save", "summary", "to_dataset"),
    "run": ("Plan", "Verdict", "verify"),
    "sandwich": ("Sandwich", "kernel_sandwich"),
    "search": ("Axis", "Search"),
    "settings": ("setting_from_file",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Axis",
    "Bounded",
    "Case",
    "Curve",
    "Decision",
    "Design",
    "Effort",
    "Exact",
    "Exceedance",
    "Exponent",
    "Falsification",
    "Guarantee",
    "MeasuredError",
    "MutationScore",
    "Nonnegative",
    "OneStepExponent",
    "Order",
    "OrderRow",
    "PhaseTransition",
    "Plan",
    "Sandwich",
    "Search",
    "Setting",
    "Signed",
    "Unbounded",
    "Verdict",
    "check",
    "check_measured",
    "falsify",
    "kernel_sandwich",
    "mutate",
    "one_step_exponent",
    "one_step_law",
    "order_rows",
    "peak_of_bound",
    "phase_transition",
    "save",
    "setting_from_file",
    "summary",
    "to_dataset",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use, so that the command line starts quickly."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
