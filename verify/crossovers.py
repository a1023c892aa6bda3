"""Where one bound on the gap with high probability overtakes another, and from where on each says something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

import bounds
from bounds import Result
from bounds.query import crossover

from .case import Array

FORMS: Mapping[str, str] = {"L2": "mcdiarmid", "L3": "moment", "L3'": "variance"}
"""Names of the forms in the book, and the last word of their keys."""
PAIRS = (("L3", "L2"), ("L3'", "L2"), ("L3'", "L3"))
DELTAS = (0.05, 0.01)
RIDGE: Mapping[str, float] = {"alpha": 0.5, "i": 1, "K": 8, "omega": 0.3, "mu": 1.0, "u": 0.0}
"""Ridge regression on eight equally likely atoms."""
LENGTH = {"general": sp.S.One, "ridge": sp.Rational(9, 8)}
"""Length M of the range of the loss, beyond which a bound says nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossing:
    """Two bounds along the sample size.

    Attributes
    ----------
    setting : str
        ``"general"`` (β + Mγ = N^(−1/2), M = 1, real points only) or ``"ridge"`` (see `RIDGE`).
    first, second : str
        Names of forms in `FORMS`, the second possibly ``"M"``.
    delta : float
    relation : str
        Of the first to the second, as in `bounds.query.Comparison`.
    sizes : tuple of int
        Where the relation changes: the first sample size with the new one.
    below : tuple of (int, int)
        Sample sizes, from and to, at which the first is at most the second; the last one may be that of the domain.
    """

    setting: str
    first: str
    second: str
    delta: float
    relation: str
    sizes: tuple[int, ...]
    below: tuple[tuple[int, int], ...]


def bound_of(form: str, setting: str) -> Result:
    """Return a form as a result in `n` and `delta`, and in the parameters of `RIDGE` for ``"ridge"``.

    In the general setting all points are real, so that N = n and nothing depends on the shift, and β_n = 0,
    γ = N^(−1/2).
    """
    if setting == "ridge":
        return bounds.get(f"generalization/categorical-ridge/{FORMS[form]}")
    result = bounds.get(f"generalization/high-probability-{FORMS[form]}")
    symbols = {param.name: param.symbol for param in result.params}
    known: dict[str, Any] = {"alpha": 1, "M": 1, "beta_n": 0, "tv": 0, "nu": 0, "gamma_n": symbols["n"] ** -sp.S.Half}
    expr = result.expr.subs({symbols[name]: value for name, value in known.items()})
    (size,) = (param for param in result.params if param.name == "n")
    (level,) = (param for param in result.params if param.name == "delta")
    several = replace(size, domain=sp.Range(2, size.domain.stop))  # moments are about two points at least
    return replace(result, expr=expr, params=(several, level), conditions=())


def crossings(setting: str) -> tuple[Crossing, ...]:
    """Return how the forms compare along n, and each with M, by the query `crossover`.

    Parameters
    ----------
    setting : {"general", "ridge"}

    Raises
    ------
    ValueError
        Another setting.
    """
    if setting not in LENGTH:
        raise ValueError(f"setting = {setting!r}: allowed: {', '.join(LENGTH)}")
    fixed = dict(RIDGE) if setting == "ridge" else {}
    found = []
    for delta in DELTAS:
        for first, second in (*PAIRS, *((form, "M") for form in FORMS)):
            bound = bound_of(first, setting)
            other = replace(bound, expr=LENGTH[setting]) if second == "M" else bound_of(second, setting)
            answer = crossover(bound, other, "n", delta=delta, **fixed)
            sizes = tuple(round(size) for size in answer.crossings)
            names = {"setting": setting, "first": first, "second": second}
            below = tuple((round(low), round(high)) for low, high in answer.below)
            found.append(Crossing(**names, delta=delta, relation=answer.relation, sizes=sizes, below=below))
    return tuple(found)


def over_length(form: str, setting: str, sizes: Array, delta: float) -> Array:
    """Return a form over M at the given sample sizes."""
    fixed = dict(RIDGE) if setting == "ridge" else {}
    return np.asarray(bound_of(form, setting)(n=sizes, delta=delta, **fixed)) / float(LENGTH[setting])


__all__ = ["DELTAS", "FORMS", "LENGTH", "PAIRS", "RIDGE", "Crossing", "bound_of", "crossings", "over_length"]
