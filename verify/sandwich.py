"""Kernel density estimates between their bounds: triangle, sharp and lower bound, and what the loop does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

import bounds
import sim

from .case import Array

_BLOCK = 20
_CONFIDENCE = 0.999


@dataclass(frozen=True, kw_only=True, eq=False)
class Sandwich:
    """Bounds and simulated means of E TV(P_i, P), in [0, 1] but for the upper bounds.

    Attributes
    ----------
    n : int
        Sample size per generation.
    h : float
        Bandwidth over the standard deviation of the real distribution.
    alpha : (A,) array
        Real fractions.
    generation : (G,) array
    triangle, sharp, lower : (A, G) arrays
        Results tv/kde-line, tv/kde-sharp and tv/kde/lower/gaussian for the schedule `fresh`.
    mean, low, high : (A, G) arrays
        Mean over the replications and its confidence limits, all right at once with probability 99.9 % by the
        central limit theorem: asymptotic, unlike verdicts.
    """

    n: int
    h: float
    alpha: Array
    generation: Array
    triangle: Array
    sharp: Array
    lower: Array
    mean: Array
    low: Array
    high: Array

    @property
    def sharp_over_mean(self) -> Array:
        """Sharp bound over simulated mean where the bound is below 1, flattened."""
        return np.asarray((self.sharp / self.mean)[self.sharp < 1])

    @property
    def sharp_over_lower(self) -> Array:
        """Sharp bound over lower bound where the former is below 1, flattened."""
        return np.asarray((self.sharp / self.lower)[self.sharp < 1])


def kernel_sandwich(
    n: int, h: float, alphas: Sequence[float], generations: Sequence[int], *, replications: int = 400, seed: int = 0
) -> Sandwich:
    """Simulate kernel estimates of a normal distribution under `fresh` and compare them with their bounds.

    Parameters
    ----------
    n : int
        Sample size per generation, at least 1.
    h : float
        Bandwidth over the standard deviation of the real distribution, positive.
    alphas : sequence of float
        Real fractions, in [0, 1].
    generations : sequence of int
        Increasing, from 1 on.
    replications : int
        Loops per real fraction, at least 2.
    seed : int

    Raises
    ------
    bounds.DomainError, sim.SimulationError, ValueError
        An argument outside what is allowed.
    """
    if replications < 2:
        raise ValueError(f"replications = {replications!r}: allowed: an integer >= 2")
    alpha, i = np.array(alphas, dtype=float), np.array(generations)
    arguments: dict[str, Any] = {"n": n, "alpha": alpha[:, None], "i": i, "h": h, "sigma": 1.0}
    keys = {"triangle": "tv/kde-line/fresh", "sharp": "tv/kde-sharp/fresh", "lower": "tv/kde/lower/gaussian/fresh"}
    claimed = {
        name: np.asarray(result(**{k: v for k, v in arguments.items() if k in result.names}))
        for name, result in ((name, bounds.get(key)) for name, key in keys.items())
    }
    sizes = {"replications": replications, "seed": seed}
    measured = [_measured(n, h, a, tuple(generations), alpha.size * i.size, **sizes) for a in alpha.tolist()]
    mean, low, high = np.array(measured).transpose(1, 0, 2)
    return Sandwich(n=n, h=h, alpha=alpha, generation=i, mean=mean, low=low, high=high, **claimed)


def _measured(
    n: int, h: float, alpha: float, at: tuple[int, ...], points: int, *, replications: int, seed: int
) -> tuple[Array, Array, Array]:
    """Mean of TV(P_i, P) and confidence limits, widened by the numerical error."""
    model = sim.KDE(sim.NormalDensity(), h, _BLOCK)
    runs = sim.simulate(model, sim.Fresh(alpha), n=n, generations=max(at), replications=replications, seed=seed, at=at)
    tv, error = runs.tv.values, float(runs.tv_error.values.max())
    mean, spread = tv.mean(axis=0), tv.std(axis=0, ddof=1) / np.sqrt(replications)
    reach = -ndtri((1 - _CONFIDENCE) / (2 * points)) * spread + error
    return mean, mean - reach, mean + reach
