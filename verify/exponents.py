"""The exponent of the one-step error in the sample size: of its bound, exactly, and of the simulation, with limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

import bounds
import sim

from .slopes import slope, slope_limits

if TYPE_CHECKING:
    Array: TypeAlias = NDArray[np.float64]

_MOST_POINTS = 10**7
_FEWEST = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class OneStepExponent:
    """Slope of the logarithm of the one-step error against that of the sample size; arrays have one entry per size.

    Attributes
    ----------
    model : str
    d : int
        Dimension.
    claimed : float
        The exponent of the theory, −2/(d+4).
    sizes : ndarray of int
        Sample sizes, increasing.
    mean, lower, upper : ndarray
        Simulated E TV(P_1, P), with limits that hold at all sizes at once.
    fitted : float
        Least-squares slope of the simulated means.
    low, high : float
        Limits for the slope of the expectations over the same sizes.
    bound : ndarray
        V(n) + b(h_n).
    bound_fitted : float
        Its slope over the same sizes; smaller sizes weigh lower-order terms.
    bound_far : float
        Its slope between 10^12 and 10^15 points.
    confidence : float
        Probability that all limits are right.
    """

    model: str
    d: int
    claimed: float
    sizes: NDArray[np.int64]
    mean: Array
    lower: Array
    upper: Array
    fitted: float
    low: float
    high: float
    bound: Array
    bound_fitted: float
    bound_far: float
    confidence: float

    @property
    def confirmed(self) -> bool:
        """Whether the interval contains the claimed exponent, or lies below it (the error falls faster)."""
        return self.low <= self.claimed


def one_step_exponent(
    density: sim.NormalDensity | sim.CosineTorus,
    constant: float,
    sizes: Sequence[int],
    *,
    replications: int = 500,
    seed: int = 0,
    confidence: float = 0.999,
) -> OneStepExponent:
    """Simulate one generation of kernel estimates with h = C n^(−1/(d+4)), for growing n.

    One draw moves the TV of a generation by at most 1/n, so that by McDiarmid's inequality the mean over R loops is
    within √(log(1/level)/(2nR)) of its expectation on either side; the levels of all sizes are shared, and the
    numerical error of each TV is added. The slope is monotone in each mean, so that its limits follow from theirs
    without any approximation.

    Parameters
    ----------
    density : NormalDensity, or CosineTorus with d = 1 or 2
        The real distribution.
    constant : float
        C, positive, in the unit of the data.
    sizes : sequence of int
        At least two sample sizes, from 2 to 10^7, increasing.
    replications : int
        At least 2, at the largest size; smaller ones get more, as the root of the ratio.
    seed : int
        Same seed, same numbers.
    confidence : float in (0, 1)

    Returns
    -------
    OneStepExponent

    Raises
    ------
    ValueError
        An argument that is not as said.
    sim.SimulationError
        A constant that the simulator refuses.
    """
    points = _check(density, sizes, replications, confidence)
    d = density.d
    model = sim.KDE(density, constant, exponent=1 / (d + 4))
    level = (1 - confidence) / (2 * points.size)
    counts = np.ceil(replications * np.sqrt(points[-1] / points)).astype(int)
    found = [_limits(model, int(n), int(R), seed, level) for n, R in zip(points, counts, strict=True)]
    mean, lower, upper = (np.array(column) for column in zip(*found, strict=True))
    low, high = slope_limits(points, lower, upper)
    bound, far = _bound(density, constant, points), _bound(density, constant, np.array([10**12, 10**15]))
    return OneStepExponent(
        model=model.label,
        d=d,
        claimed=-2 / (d + 4),
        sizes=points,
        mean=mean,
        lower=lower,
        upper=upper,
        fitted=float(slope(points, mean)),
        low=float(low),
        high=float(high),
        bound=bound,
        bound_fitted=float(slope(points, bound)),
        bound_far=float(np.log(far[1] / far[0]) / np.log(1000)),
        confidence=confidence,
    )


def _check(
    density: sim.NormalDensity | sim.CosineTorus, sizes: Sequence[int], replications: int, confidence: float
) -> NDArray[np.int64]:
    points = np.asarray(sizes)
    good = points.ndim == 1 and points.size > 1 and np.issubdtype(points.dtype, np.integer)
    if not (good and points[0] >= _FEWEST and points[-1] <= _MOST_POINTS and np.all(np.diff(points) > 0)):
        raise ValueError(f"sizes = {sizes!r}: allowed: two or more whole numbers from 2 to 10^7, increasing")
    if not isinstance(density, (sim.NormalDensity, sim.CosineTorus)) or density.d > 2:
        raise ValueError(f"density = {density!r}: allowed: NormalDensity, or CosineTorus with d = 1 or 2")
    if not replications >= _FEWEST:
        raise ValueError(f"replications = {replications!r}: allowed: at least 2")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence!r}: allowed: a number strictly between 0 and 1")
    return points.astype(np.int64)


def _limits(model: sim.KDE, n: int, replications: int, seed: int, level: float) -> tuple[float, float, float]:
    """Return the mean TV of one generation at n points, and its limits."""
    record, parts, total = ("tv", "tv_error"), [], 0
    for block in sim.blocks(model, sim.schedule("replace"), n=n, generations=1, seed=seed, record=record):
        parts.append(np.concatenate([np.asarray(block[name], dtype=float)[:, :1] for name in record], axis=1))
        total += len(parts[-1])
        if total >= replications:
            break
    value, error = np.concatenate(parts)[:replications].T
    mean, margin = float(value.mean()), math.sqrt(-math.log(level) / (2 * n * replications)) + float(error.mean())
    return mean, max(mean - margin, 0.0), min(mean + margin, 1.0)


def _bound(density: sim.NormalDensity | sim.CosineTorus, constant: float, n: NDArray[np.int64]) -> Array:
    """V(n) + b(h_n): the triangle bound of generation 1."""
    if isinstance(density, sim.NormalDensity):
        result = bounds.get("tv/kde-line-tuned/replace")
        return np.asarray(result(n=n, i=1, C=constant, sigma=density.sigma))
    result = bounds.get("tv/kde-torus-tuned/replace")
    return np.asarray(result(n=n, i=1, C=constant, c=density.c, d=density.d))
