"""What is true of a design, found without the tests that give verdicts: exact values, or another seed's means.

An oracle says of any number of bounds at once where they are clearly wrong and where clearly right, and how many
replications the sequential test of the design should need where they are wrong. Its limits are of another kind than
that test's: a fixed number of replications, 10 standard errors, and room for values that 16 in so many replications
would not have shown (a chance of 1e-7); for high probability the limits of Clopper and Pearson.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bounds import Kind

from .case import Array, Bounded, Exponent, Nonnegative, Signed
from .evidence import clopper_pearson, replications_needed, replications_needed_capped
from .slopes import slope_limits
from .wealth import BURN_IN

Flags: TypeAlias = NDArray[np.bool_]

_ROUNDING = 1e-8  # exact values as close to a bound as this decide nothing
_ERRORS = 10.0
_UNSEEN = 16.0
_LEVEL = 1e-7
_COARSEST = 200.0  # a slack below CV^2 over this is not resolved by any number of replications


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What an oracle says of bounds, each array (mutants, places).

    Attributes
    ----------
    wrong, right : ndarray of bool
        Where a bound is clearly on the wrong and on the right side; neither is unknown.
    needed : ndarray
        Replications that the test should need to refute it; meaningful where it is wrong.
    low, high : ndarray
        Limits of what is true: of the quantity, or of the chance to exceed a curve.
    """

    wrong: Flags
    right: Flags
    needed: Array
    low: Array
    high: Array


def _limits_for(bounds: Array, low: Array, high: Array) -> dict[str, Array]:
    """Give limits (places,) to every mutant."""
    return {"low": np.broadcast_to(low, bounds.shape), "high": np.broadcast_to(high, bounds.shape)}


def _sides(kind: Kind, bounds: Array, low: Array, high: Array, margin: Array | float) -> tuple[Flags, Flags]:
    """Return where bounds are wrong and where right about what lies between `low` and `high`."""
    if kind is Kind.LOWER:
        return high < bounds, low >= bounds
    if kind is Kind.EQUALITY:
        bottom, top = bounds - margin, bounds + margin
        return (low > top) | (high < bottom), (low >= bottom) & (high <= top)
    return low > bounds, high <= bounds


def judge_exact(kind: Kind, bounds: Array, values: Array, margin: float = 0.0) -> Judgement:
    """Judge by exact values (places,); for exponents `margin` is what a claimed one may be exceeded by."""
    slack = _ROUNDING * np.maximum(np.abs(bounds), np.abs(values))
    if kind is Kind.EQUALITY:
        wrong, right = np.abs(values - bounds) > slack, np.abs(values - bounds) <= slack
    else:
        wrong, right = _sides(kind, bounds + margin, values - slack, values + slack, 0.0)
        right |= values == bounds + margin
    return Judgement(wrong=wrong, right=right, needed=np.zeros(bounds.shape), **_limits_for(bounds, values, values))


def judge_sampled(kind: Kind, evidence: Any, bounds: Array, sample: Array, level: float, margin: float) -> Judgement:
    """Judge the mean of replications (R, places) of a quantity whose range is known, or its tail, or neither."""
    mean, spread = sample.mean(axis=0), sample.std(axis=0, ddof=1)
    low, high = _limits(evidence, sample)
    if isinstance(evidence, Signed):
        mean, low, high = np.abs(mean), np.maximum(0.0, np.maximum(low, -high)), np.maximum(np.abs(low), np.abs(high))
    room = margin * np.abs(bounds) if kind is Kind.EQUALITY else 0.0
    wrong, right = _sides(kind, bounds, low, high, room)
    threshold = bounds + np.clip(mean - bounds, -room, room)
    share = level / 2 if kind is Kind.EQUALITY or isinstance(evidence, Signed) else level
    needed = _needed(evidence, threshold, mean, spread, share)
    return Judgement(wrong=wrong, right=right, needed=needed, **_limits_for(bounds, low, high))


def _limits(evidence: Any, sample: Array) -> tuple[Array, Array]:
    """Return limits of the means."""
    size, mean = len(sample), sample.mean(axis=0)
    error = _ERRORS * sample.std(axis=0, ddof=1) / np.sqrt(size)
    if isinstance(evidence, Signed):
        reach = np.broadcast_to(evidence.reach, mean.shape)
        return mean - error - _UNSEEN / size * (mean + reach), mean + error + _UNSEEN / size * (reach - mean)
    if isinstance(evidence, Bounded):
        upper = np.broadcast_to(evidence.upper, mean.shape)
        return mean * (1 - _UNSEEN / size) - error, mean + error + _UNSEEN / size * (upper - mean)
    if isinstance(evidence, Nonnegative):
        cap = np.where(np.isfinite(evidence.cap), evidence.cap, 0.0)
        error = np.maximum(error, _ERRORS * cap * mean / np.sqrt(size))
    return mean - error, mean + error


def _needed(evidence: Any, bounds: Array, mean: Array, spread: Array, level: float) -> Array:
    """Return the replications that a test should need to tell the means from the bounds."""
    if isinstance(evidence, Signed):
        shift = np.broadcast_to(evidence.reach, mean.shape)
        return _needed_in_range(bounds + shift, mean + shift, spread, 2 * shift, level)
    if isinstance(evidence, Bounded):
        return _needed_in_range(bounds, mean, spread, np.broadcast_to(evidence.upper, mean.shape), level)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if isinstance(evidence, Nonnegative):
            slack = (bounds - mean) / mean
            above = replications_needed_capped(level, np.maximum(slack, 1e-9), evidence.cap)
            below = _needed_in_range(bounds, mean, spread, np.inf, level)
            return np.where(slack > 0, above, below)
        return 2 * BURN_IN + replications_needed(level, 1.0, spread / np.abs(bounds - mean))


def _needed_in_range(bounds: Array, mean: Array, spread: Array, upper: Any, level: float) -> Array:
    """Return the replications needed for means in a known range, infinite below the resolution of the test."""
    tiny = np.maximum(mean, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slack, cv = (bounds - tiny) / tiny, spread / tiny
        needed = replications_needed(level, slack, cv, tiny, upper)
        beyond = np.where(slack < 0, tiny, upper - tiny)  # the distance to the end that is bet on
        coarse = np.abs(bounds - tiny) / beyond < np.square(spread / beyond) / _COARSEST
    return np.where(coarse | np.isnan(needed), np.inf, needed)


def judge_exceedance(bounds: Array, originals: Array, sample: Array, level: float, delta: float) -> Judgement:
    """Judge how often whole curves (R, points) exceed bounds (mutants, points), by Clopper-Pearson limits."""
    events = np.array([(sample > bound).any(axis=1).sum() for bound in bounds])[:, None]
    low, high = clopper_pearson(events, np.full(events.shape, len(sample)), _LEVEL)
    chance = events / len(sample)
    spread = np.sqrt(chance * (1 - chance))
    needed = _needed_in_range(np.full(chance.shape, delta), chance, spread, 1.0, level)
    no_sharper = (bounds >= originals).all(axis=1, keepdims=True)  # as right as the formula
    return Judgement(wrong=low > delta, right=(high <= delta) | no_sharper, needed=needed, low=low, high=high)


def judge_exponents(evidence: Exponent, claimed: Array, path: Array, sample: Array) -> Judgement:
    """Judge claimed exponents by limits of the means (R, points * path) along paths (points, path)."""
    low, high = (np.maximum(limit, 0.0).reshape(path.shape) for limit in _limits(evidence.measured, sample))
    least, most = slope_limits(path, low, high)
    wrong, right = _sides(Kind.RATE, claimed + evidence.margin, least, most, 0.0)
    needed = np.full(claimed.shape, 2.0 * len(sample))  # no rule is known; as much again is a guess on the safe side
    return Judgement(wrong=wrong, right=right, needed=needed, **_limits_for(claimed, least, most))


__all__ = ["Judgement", "judge_exact", "judge_exceedance", "judge_exponents", "judge_sampled"]
