"""Results of kind `RATE`: the exponent of what is measured along a path against that of the claimed expression."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from bounds import Result

from .case import Array, Bounded, Exact, Exponent, Nonnegative, Unbounded
from .confidence import Moments, asymptotic_limits, capped_upper_limit, confidence_bounds
from .evidence import Decision, Guarantee
from .slopes import slope, slope_limits
from .wealth import BURN_IN


def path_of(evidence: Exponent, values: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    """Return `along` at every point and place of its path, (points, path).

    Raises
    ------
    ValueError
        It does not increase along the last axis, or the path is shorter than two.
    """
    path = np.broadcast_to(np.asarray(values[evidence.along], dtype=float), shape).reshape(-1, shape[-1])
    if shape[-1] < 2 or not np.all(np.diff(path, axis=-1) > 0):
        raise ValueError(f"{evidence.along} = {values[evidence.along]!r}: allowed: two or more increasing values")
    return path


def claimed_terms(result: Result, term: str) -> tuple[Result, ...]:
    """Return the additive terms of a result as results, or its part proportional to one parameter.

    Raises
    ------
    ValueError
        The expression is not proportional to this parameter up to terms without it.
    """
    if not term:
        return tuple(replace(result, expr=part) for part in sp.Add.make_args(result.expr))
    symbol = next((param.symbol for param in result.params if param.name == term), None)
    if symbol is None or (factor := sp.diff(result.expr, symbol)) == 0 or factor.has(symbol):
        linear = [p.name for p in result.params if not sp.diff(result.expr, p.symbol, 2)]
        raise ValueError(f"term = {term!r}: allowed for {result.key}: one of {linear}, in which it is linear")
    return (replace(result, expr=symbol * factor),)


def claimed_exponents(result: Result, evidence: Exponent, values: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    """Return the exponent of the claimed expression over every path, (points,): that of its slowest term.

    Raises
    ------
    ValueError
        A path that is none, a negative term, or no positive one.
    """
    path = path_of(evidence, values, shape)
    arguments = {name: value for name, value in values.items() if name in result.names}
    slowest = np.full(len(path), -np.inf)
    for part in claimed_terms(result, evidence.term):
        term = np.broadcast_to(np.asarray(part(**arguments), dtype=float), shape).reshape(path.shape)
        positive, zero = np.all(term > 0, axis=1), np.all(term == 0, axis=1)
        if not np.all(positive | zero):
            raise ValueError(f"{part.expr} of {result.key} must be positive on a path, or zero on all of it")
        slopes = slope(path, np.where(zero[:, None], 1.0, term))
        slowest = np.maximum(slowest, np.where(positive, slopes, -np.inf))
    if not np.isfinite(slowest).all():
        raise ValueError(f"all terms of {result.key} vanish on a path")
    return slowest


def exact_exponents(evidence: Exponent, path: Array, claimed: Array) -> dict[str, Any]:
    """Decide from exact values along the paths."""
    assert isinstance(evidence.measured, Exact)
    found = np.asarray(evidence.measured.values(), dtype=float)
    if found.size != path.size or not np.all(found > 0):
        raise ValueError(f"an exponent needs {path.size} positive values along {evidence.along}, got {found!r}")
    exponent = slope(path, found.reshape(path.shape))
    return _outcome(evidence, claimed, (exponent, exponent, exponent)) | {
        "replications": 0,
        "level": 0.0,
        "guarantee": Guarantee.EXACT,
        "method": "exponent of exact values",
    }


def sampled_exponents(
    evidence: Exponent, path: Array, claimed: Array, shape: tuple[int, ...], level: float, chunks: Iterable[Array]
) -> dict[str, Any]:
    """Decide from replications, (R, points * path) a chunk, until all is decided.

    A slope limit is made of one limit per place, each wrong with probability at most `level` over their number,
    at any stopping time; so is the verdict at a point with probability at most `level`.
    """
    assert not isinstance(evidence.measured, Exact)
    moments, outcome = Moments.of(np.empty((0, path.size))), dict[str, Any]()
    for chunk in chunks:
        moments = moments.merge(Moments.of(chunk))
        limits = mean_limits(evidence.measured, moments, shape, level / shape[-1])
        low, high = (np.maximum(limit, 0.0).reshape(path.shape) for limit in limits)
        mean = moments.mean.reshape(path.shape)
        middle = slope(path, np.where(mean > 0, mean, np.nan))
        outcome = _outcome(evidence, claimed, (middle, *slope_limits(path, low, high)))
        if not np.any(outcome["decision"] == Decision.UNDECIDED):
            break
    known = isinstance(evidence.measured, Bounded | Nonnegative)
    return outcome | {
        "replications": moments.count,
        "level": level,
        "guarantee": Guarantee.FINITE_SAMPLE if known else Guarantee.ASYMPTOTIC,
        "method": "exponent from confidence limits of means",
    }


def mean_limits(
    evidence: Bounded | Nonnegative | Unbounded, moments: Moments, shape: tuple[int, ...], level: float
) -> tuple[Array, Array]:
    """Return lower and upper limits, (points,) each, of means at points of this shape."""
    if isinstance(evidence, Bounded):
        return confidence_bounds(moments, level, np.broadcast_to(evidence.upper, shape).ravel())
    if isinstance(evidence, Nonnegative):
        cap = np.broadcast_to(np.asarray(evidence.cap, dtype=float), shape).ravel()
        return confidence_bounds(moments, level)[0], capped_upper_limit(moments, level, cap)
    return asymptotic_limits(moments, level, BURN_IN)


def _outcome(evidence: Exponent, claimed: Array, measured: tuple[Array, Array, Array]) -> dict[str, Any]:
    value, lower, upper = measured
    most = claimed + evidence.margin
    decision = np.full(claimed.shape, Decision.UNDECIDED, dtype=object)
    decision[upper <= most] = Decision.HOLDS
    decision[lower > most] = Decision.REFUTED
    vacuous = np.zeros(claimed.shape, dtype=bool)
    return {
        "value": value, "lower": lower, "upper": upper,
        "decision": decision, "vacuous": vacuous, "margin": evidence.margin,
    }  # fmt: skip


__all__ = ["claimed_exponents", "claimed_terms", "exact_exponents", "mean_limits", "path_of", "sampled_exponents"]
