"""Results on self-consuming training loops as symbolic expressions.

>>> import bounds
>>> result = bounds.get("tv/discrete/fresh")
>>> float(result(n=1000, alpha=0.1, i=50, K=10))  # doctest: +ELLIPSIS
0.108...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalogue import CATALOGUE
from .errors import BoundsError, DomainError, ParameterError, UnknownResultError
from .lookup import get, select
from .result import Assumption, Condition, Kind, Mode, Param, Rate, Result, Source, Structure

if TYPE_CHECKING:
    from . import query
    from .propagation import propagate

__all__ = [
    "CATALOGUE",
    "Assumption",
    "BoundsError",
    "Condition",
    "DomainError",
    "Kind",
    "Mode",
    "Param",
    "ParameterError",
    "Rate",
    "Result",
    "Source",
    "Structure",
    "UnknownResultError",
    "get",
    "propagate",
    "query",
    "select",
]


def __getattr__(name: str) -> Any:
    """Import `propagate` and `query`, which need NumPy, only when they are used."""
    if name == "query":
        return import_module(".query", __name__)
    if name == "propagate":
        from .propagation import propagate

        return propagate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
