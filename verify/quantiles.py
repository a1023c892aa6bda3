"""Anytime-valid confidence limits of a quantile, from the e-processes that decide exceedances."""

from __future__ import annotations

import numpy as np

from .wealth import BETS, WEIGHTS, Array


def _log_wealth(events: Array, trials: int, hit: Array, miss: Array) -> Array:
    """Return the log wealth after `events` (E,) among `trials` indicators; log factors `hit`, `miss` (bets,)."""
    paths = events[:, None] * hit + (trials - events)[:, None] * miss + np.log(WEIGHTS)
    return np.asarray(np.logaddexp.reduce(paths, axis=1))


def most_events(trials: int, delta: float, level: float) -> int:
    """Return the largest number of events in `trials` that certifies P(event) < delta; -1 if none does."""
    events = np.arange(trials + 1.0)
    wealth = _log_wealth(events, trials, np.log1p(-BETS), np.log1p(BETS * delta / (1 - delta)))
    return int(np.sum(wealth >= -np.log(level))) - 1  # the wealth decreases with the events


def fewest_events(trials: int, delta: float, level: float) -> int:
    """Return the smallest number of events in `trials` that certifies P(event) > delta; trials + 1 if none does."""
    events = np.arange(trials + 1.0)
    wealth = _log_wealth(events, trials, np.log1p(BETS * (1 - delta) / delta), np.log1p(-BETS))
    return int(np.sum(wealth < -np.log(level)))  # the wealth increases with the events


def quantile_limits(samples: Array, delta: float, level: float) -> tuple[Array, Array]:
    """Return lower and upper confidence limits (P,), (P,) of the 1 - delta quantiles, infinite where unknown.

    Whatever the quantile q, fewer events X >= q than certify P < delta have probability at most `level` ever, and
    so has an upper limit below q; likewise for the lower limit. Valid at any stopping time.

    Parameters
    ----------
    samples : (R, P) array
        Independent replications, R >= 1.
    delta : float in (0, 1)
    level : float in (0, 1)
        Largest probability, for each limit by itself, to be on the wrong side of inf{x: P(X > x) <= delta}.
    """
    trials, points = samples.shape
    ordered = np.sort(samples, axis=0)
    most, fewest = most_events(trials, delta, level), fewest_events(trials, delta, level)
    upper = ordered[trials - 1 - most] if 0 <= most < trials else np.full(points, np.inf)
    lower = ordered[trials - fewest] if 0 < fewest <= trials else np.full(points, -np.inf)
    return lower, upper
