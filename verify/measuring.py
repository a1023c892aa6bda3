"""What a design measures, with confidence limits, after a number of replications that is fixed beforehand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .case import Array, Bounded, Case, Design, Exact, Exceedance, Exponent, Nonnegative, Signed, Unbounded
from .checking import shape_of
from .confidence import Moments, confidence_bounds
from .quantiles import quantile_limits
from .rates import mean_limits
from .streams import chunks_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """Exact values, means, or 1 - delta quantiles of a design, flattened; every array is (points,).

    Attributes
    ----------
    value, lower, upper : ndarray
        With limits that are wrong with probability at most the level each; infinite where unknown.
    most : ndarray
        The provable largest value.
    replications : int
        0 for an exact law.
    """

    value: Array
    lower: Array
    upper: Array
    most: Array
    replications: int


def measured(case: Case, design: Design, *, level: float, seed: int, replications: int) -> Measured:
    """Return what a design of a result measures.

    Parameters
    ----------
    case : Case
        Of any kind but a rate.
    design : Design
    level : float
        Largest probability that a limit is wrong, for each by itself.
    seed : int
    replications : int
        So many, unless the law is exact.

    Raises
    ------
    ValueError
        Evidence of exponents.
    """
    evidence = design.evidence
    if isinstance(evidence, Exponent):
        raise ValueError(f"{case.key}: exponents are no values to measure")
    shape = shape_of(design, case.result)
    size = math.prod(shape)
    if isinstance(evidence, Exact):
        value = np.asarray(evidence.values(), dtype=float).ravel()
        return Measured(value=value, lower=value, upper=value, most=np.full(size, evidence.upper), replications=0)
    chunks = chunks_of(case, design, seed, replications)
    if isinstance(evidence, Exceedance):
        samples, delta = np.concatenate(list(chunks)), float(design.values["delta"])
        lower, upper = quantile_limits(samples, delta, level)
        value = np.quantile(samples, 1 - delta, axis=0, method="higher")
        return Measured(
            value=value, lower=lower, upper=upper, most=np.full(size, evidence.upper), replications=len(samples)
        )
    moments = Moments.of(np.empty((0, size)))
    for chunk in chunks:
        moments = moments.merge(Moments.of(chunk))
    value, lower, upper, most = _of_mean(evidence, moments, shape, level)
    return Measured(value=value, lower=lower, upper=upper, most=most, replications=moments.count)


def _of_mean(
    evidence: Bounded | Nonnegative | Unbounded | Signed, moments: Moments, shape: tuple[int, ...], level: float
) -> tuple[Array, Array, Array, Array]:
    """Return mean, limits and largest value; of a signed quantity those of the absolute value of its mean."""
    if not isinstance(evidence, Signed):
        most = np.broadcast_to(evidence.upper if isinstance(evidence, Bounded) else np.inf, shape).ravel()
        return moments.mean, *mean_limits(evidence, moments, shape, level), np.asarray(most, dtype=float)
    reach = np.broadcast_to(np.asarray(evidence.reach, dtype=float), shape).ravel()
    shifted = Moments(
        moments.count, moments.mean + reach, moments.squares, moments.smallest + reach, moments.largest + reach
    )
    low, high = (limit - reach for limit in confidence_bounds(shifted, level, 2 * reach))
    return np.abs(moments.mean), np.maximum(0.0, np.maximum(low, -high)), np.maximum(high, -low), reach


__all__ = ["Measured", "measured"]
