"""How near a measured curve comes to a violation of its bound: one number per point, and the limits of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .case import Array
from .checking import Curve

MEASURES: Mapping[str, str] = {
    "upper": "measured/bound",
    "lower": "bound/measured",
    "equal": "|measured - bound|/|bound|",
    "rate": "measured - claimed exponent",
}
"""What is made as large as possible, by claim. A bound is violated above 1, an equality above 0, an exponent above
the margin of its design."""

_LARGEST = 1e9


def ratios(curve: Curve) -> tuple[Array, Array, Array]:
    """Return the measure of `MEASURES` at every point, and its lower and upper confidence limits, (points,) each.

    Where bound and measured value are both 0 the ratio is 0, as it says nothing. The lower limit of a deviation from
    an equality may be negative: then it is the distance of the bound from the nearer end of the interval.
    """
    bound, value, lower, upper = curve.bound, curve.value, curve.lower, curve.upper
    if curve.claim == "rate":
        return value - bound, lower - bound, upper - bound
    if curve.claim == "upper":
        return _over(value, bound), _over(lower, bound), _over(upper, bound)
    if curve.claim == "lower":
        return _over(bound, value), _over(bound, upper), _over(bound, lower)
    size = np.abs(bound)
    near, far = np.maximum(lower - bound, bound - upper), np.maximum(upper - bound, bound - lower)
    return _over(np.abs(value - bound), size), _over(near, size), _over(far, size)


def score(curve: Curve) -> float:
    """Return what a search makes as large as possible: the largest lower limit over the points, finite."""
    _, lower, _ = ratios(curve)
    if curve.claim == "equal":
        lower = np.where((curve.bound == 0) & (lower == 0), -np.inf, lower)  # 0 = 0 says nothing
    lower = np.where(curve.vacuous, -np.inf, lower)  # what the range of the quantity implies cannot be refuted
    return float(np.clip(np.nan_to_num(lower, nan=-_LARGEST), -_LARGEST, _LARGEST).max())


def _over(a: Array, b: Array) -> Array:
    """Return a/b for b > 0; else infinity where a exceeds b, and 0 where it does not."""
    positive = (b > 0) & np.isfinite(b)
    with np.errstate(invalid="ignore"):
        return np.where(positive, a / np.where(positive, b, 1.0), np.where(a > b, np.inf, 0.0))


__all__ = ["MEASURES", "ratios", "score"]
