"""Anytime-valid confidence limits of a mean: where the wealth of an e-process reaches 1/level."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .wealth import (
    BETS,
    TILTS,
    WEIGHTS,
    Array,
    asymptotic_log_wealth,
    asymptotic_scale,
    log_mean_exp,
    log_phi,
)

EXACT_SIZE = 200_000  # samples up to this many values are kept, and give limits from their exact wealth

_BISECTIONS = 32  # leaves 2^-32 of the range searched, always on the wider side


@dataclass(frozen=True)
class Moments:
    """Count, means, sums of squared deviations from them and ranges of samples at P points, (P,) each."""

    count: int
    mean: Array
    squares: Array
    smallest: Array
    largest: Array

    @classmethod
    def of(cls, samples: Array) -> Self:
        """Return the moments of samples (R, P); without any, means and squares are 0, the range is empty."""
        mean = samples.sum(axis=0) / max(len(samples), 1)
        squares = np.square(samples - mean).sum(axis=0)
        smallest, largest = samples.min(axis=0, initial=np.inf), samples.max(axis=0, initial=-np.inf)
        return cls(len(samples), mean, squares, smallest, largest)

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both samples together (the pairwise update of Chan, Golub & LeVeque 1983)."""
        count = self.count + other.count
        shift, share = other.mean - self.mean, other.count / max(count, 1)
        squares = self.squares + other.squares + np.square(shift) * (self.count * share)
        smallest, largest = np.minimum(self.smallest, other.smallest), np.maximum(self.largest, other.largest)
        return Moments(count, self.mean + shift * share, squares, smallest, largest)

    def reflect(self, upper: Array) -> "Moments":
        """Return the moments of `upper` - X."""
        return Moments(self.count, upper - self.mean, self.squares, upper - self.largest, upper - self.smallest)


def confidence_bounds(samples: Array | Moments, level: float, upper: ArrayLike = np.inf) -> tuple[Array, Array]:
    """Return lower and upper anytime-valid confidence limits (P,), (P,) for the means of X in [0, upper].

    Each limit by itself is wrong with probability at most `level`, at any stopping time (both together at
    most 2 `level`). It is the mean at which the wealth of the `BettingProcess` reaches 1/level: the wealth is
    monotone in the mean tested. Up to EXACT_SIZE values the wealth is exact; beyond that, and for `Moments`,
    it is bounded from below by way of Fan's inequality; its limits always enclose the exact ones, so that
    changing over at any time is valid.

    Parameters
    ----------
    samples : (R, P) array in [0, upper], or Moments
        R >= 1 independent replications at P points.
    level : float in (0, 1)
    upper : scalar or (P,) array
        Provable largest X; inf gives no upper limit.

    Notes
    -----
    The smallest bet 2^-8 sets a floor: for a coefficient of variation CV the lower limit stays at least about
    CV^2/512 of the mean below it, however many the replications; likewise above with that of upper - X.
    """
    moments = samples if isinstance(samples, Moments) else Moments.of(samples)
    ceiling = np.broadcast_to(np.asarray(upper, dtype=float), moments.mean.shape)
    if not np.all((moments.count > 0) & (moments.smallest >= 0) & (moments.largest <= ceiling)):
        raise ValueError(f"confidence_bounds needs R >= 1 samples in [0, upper], upper = {upper!r}")
    exact = np.empty((0, moments.mean.size))
    if not isinstance(samples, Moments) and samples.size <= EXACT_SIZE:
        exact = samples
    bounded = np.isfinite(ceiling)
    top = np.where(bounded, ceiling, moments.largest)
    mirrored = _lower_limit(moments.reflect(top), top - exact, level)
    return _lower_limit(moments, exact, level), np.where(bounded, top - mirrored, np.inf)


def capped_upper_limit(moments: Moments, level: float, cap: Array) -> Array:
    """Return the anytime-valid upper limit (P,) for means of X >= 0 with sd/mean at most `cap` (P,)."""
    factors = moments.count * log_phi(cap)

    def rejected(ratio: Array) -> NDArray[np.bool_]:  # ratio: sample mean over the mean tested
        return np.asarray(log_mean_exp(-TILTS[:, None] * moments.count * ratio - factors) >= -np.log(level))

    ratio = _bisect(rejected, np.zeros_like(moments.mean), np.ones_like(moments.mean))
    return np.where(ratio > 0, moments.mean / np.where(ratio > 0, ratio, 1.0), np.inf)


def asymptotic_limits(moments: Moments, level: float, burn_in: int) -> tuple[Array, Array]:
    """Return the limits (P,), (P,) of `AsymptoticProcess`; infinite in the burn-in or without variation."""
    variance = moments.squares / max(moments.count, 1)
    known = (moments.count >= burn_in) & (moments.largest > moments.smallest)
    scale = asymptotic_scale(level, burn_in)
    spread = moments.count * scale**2 + 1.0
    highest = np.sqrt(2.0 * np.log(spread / level) + 2.0)  # the wealth there is above 1/level
    z = _bisect(lambda z: asymptotic_log_wealth(z, spread) >= -np.log(level), np.array([highest]), np.zeros(1))
    radius = np.where(known, np.sqrt(variance * spread) * z / (scale * max(moments.count, 1)), np.inf)
    return moments.mean - radius, moments.mean + radius


def _lower_limit(moments: Moments, exact: Array, level: float) -> Array:
    """Return the largest mean rejected as E X <= mean, X >= 0; from exact samples unless (0, P)."""
    curvature = _curvature(moments)
    inside = _quadratic_limit(moments, curvature, level)
    start = np.where(inside > 0, inside, 1e-6 * moments.mean)
    positive = moments.mean > 0

    def rejected(mean: Array) -> NDArray[np.bool_]:
        tested = np.where(positive, mean, 1.0)
        paths = _exact_paths(exact, tested) if len(exact) else _moment_paths(moments, curvature, tested)
        top = paths.max(axis=0)
        mixture = top + np.log((WEIGHTS[:, None] * np.exp(paths - top)).sum(axis=0))
        return np.asarray(positive & (mixture >= -np.log(level)))

    return np.where(rejected(start), _bisect(rejected, start, moments.mean), inside)


def _curvature(moments: Moments) -> Array:
    """Return A (bets, P) with log(1 + c z) >= c z - A z^2 for every z = x/m - 1 of the sample, m <= its mean.

    (log(1 + y) - y)/y^2 grows with y: its value at the smallest y serves (Fan's inequality takes y = -c).
    """
    ratio = moments.smallest / np.where(moments.mean > 0, moments.mean, 1.0)
    y = BETS[:, None] * np.minimum(ratio - 1.0, 0.0)
    series = 0.5 - y / 3 + np.square(y) / 4 - y**3 / 5
    far = np.where(y < -1e-3, y, -1.0e-3)
    curvature = np.where(y < -1e-3, (far - np.log1p(far)) / np.square(far), series)
    return np.asarray((1 + 1e-9) * curvature * np.square(BETS)[:, None])  # more than the rounding


def _quadratic_limit(moments: Moments, curvature: Array, level: float) -> Array:
    """Return the best limit of a single bet in the moment form, 0 where no bet rejects any mean.

    The bet c rejects m if c R(mean/m - 1) - A[squares + R(mean - m)^2]/m^2 >= log(1/(level weight)), A its
    curvature: a quadratic inequality a m^2 - b m + q <= 0. The mixture rejects at least as much.
    """
    mean, spread = moments.mean, moments.squares / max(moments.count, 1)
    needed = -np.log(level * WEIGHTS) / max(moments.count, 1)
    a, b = (BETS + needed)[:, None] + curvature, (BETS[:, None] + 2 * curvature) * mean
    root = np.square(b) - 4 * a * curvature * (spread + np.square(mean))
    best = np.where(root >= 0, (b + np.sqrt(np.maximum(root, 0.0))) / (2 * a), 0.0)
    return np.asarray(np.maximum(best.max(axis=0), 0.0))


def _moment_paths(moments: Moments, curvature: Array, mean: Array) -> Array:
    """Return a lower bound of every bet's log wealth against E X <= mean, (bets, P), from moments."""
    gain = moments.count * (moments.mean / mean - 1.0)
    squares = (moments.squares + moments.count * np.square(moments.mean - mean)) / np.square(mean)
    return np.asarray(BETS[:, None] * gain - curvature * squares)


def _exact_paths(samples: Array, mean: Array) -> Array:
    """Return every bet's log wealth against E X <= mean, (bets, P), by products of 16 factors at a time."""
    excess = np.zeros((-(-len(samples) // 16) * 16, samples.shape[1]))
    excess[: len(samples)] = samples / mean - 1.0
    blocks = excess.reshape(16, -1, samples.shape[1])
    return np.stack([np.log((1.0 + bet * blocks).prod(axis=0)).sum(axis=0) for bet in BETS])


def _bisect(rejected: Callable[[Array], NDArray[np.bool_]], inside: Array, outside: Array) -> Array:
    """Return the end of the rejected range between `inside`, rejected, and `outside`, itself rejected."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inside + outside)
        is_in = rejected(middle)
        inside, outside = np.where(is_in, middle, inside), np.where(is_in, outside, middle)
    return inside
