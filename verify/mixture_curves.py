"""What the figure of mixtures fitted by EM shows: total variation beside propagation, and what else is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

import bounds
import sim

from .case import Array

SCHEDULES: Mapping[str, tuple[sim.Schedule, str]] = {
    "replace": (sim.Replace(), "discrete/variance/replace"),
    "fresh, α = 0.5": (sim.Fresh(0.5), "discrete/variance/fresh"),
    "accumulate": (sim.Accumulate(), "discrete/variance/accumulate"),
}
LAW = sim.NormalMixture(np.full(2, 0.5), np.array([-1.0, 1.0]), np.full(2, 0.5))
_CONFIDENCE = 0.999
_RECORD = ("tv", "tv_error", "one_step_tv", "one_step_tv_error", "variance", "log_likelihood", "collapsed")


@dataclass(frozen=True, kw_only=True, eq=False)
class Mean:
    """Means over replications with confidence limits, each of shape (generations,).

    All limits of a curve are right at once with probability 99.9 % by the central limit theorem: asymptotic, unlike
    verdicts. They are widened by the numerical error.
    """

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class MixtureLoop:
    """One schedule; arrays have the shape (generations,).

    Attributes
    ----------
    schedule : str
    generation : array
    tv, one_step, variance, log_likelihood, collapsed : Mean
        TV(P_i, P), TV(P_i, Q_{i−1}), variance of P_i, mean of log p_i at real points, components that are collapsed.
    propagated, propagated_high : array
        tv/propagation with the means of the one-step errors, and with their upper limits.
    expected_variance : array
        The variance of P_i in expectation, as long as the floor does not act.
    """

    schedule: str
    generation: Array
    tv: Mean
    one_step: Mean
    variance: Mean
    log_likelihood: Mean
    collapsed: Mean
    propagated: Array
    propagated_high: Array
    expected_variance: Array


def mixture_loops(
    model: sim.MixtureEM | None = None, n: int = 100, generations: int = 40, replications: int = 192, seed: int = 1
) -> list[MixtureLoop]:
    """Simulate the three schedules.

    Parameters
    ----------
    model : sim.MixtureEM, optional
        By default two components, started from the last model, for ½N(−1, ¼) + ½N(1, ¼).
    n, generations : int
    replications : int
        At least 2.
    seed : int

    Raises
    ------
    ValueError, sim.SimulationError
        An argument outside what is allowed.
    """
    if replications < 2:
        raise ValueError(f"replications = {replications!r}: allowed: an integer >= 2")
    model = model or sim.MixtureEM(LAW, 2, start="last")
    return [_loop(model, name, n, generations, replications, seed) for name in SCHEDULES]


def _loop(model: sim.MixtureEM, name: str, n: int, generations: int, replications: int, seed: int) -> MixtureLoop:
    schedule, key = SCHEDULES[name]
    found = sim.simulate(
        model, schedule, n=n, generations=generations, replications=replications, seed=seed, record=list(_RECORD)
    )
    values = {metric: np.asarray(found[metric].values, dtype=float) for metric in _RECORD}
    i, step = np.arange(1, generations + 1), _mean(values["one_step_tv"], values["one_step_tv_error"])
    arguments: dict[str, Any] = {"n": n, "alpha": getattr(schedule, "alpha", None), "i": i, "p": 0.5}
    shares = bounds.get(key)
    lost = 4 * np.asarray(shares(**{k: v for k, v in arguments.items() if k in shares.names}), dtype=float)
    return MixtureLoop(
        schedule=name,
        generation=i.astype(float),
        tv=_mean(values["tv"], values["tv_error"]),
        one_step=step,
        variance=_mean(values["variance"]),
        log_likelihood=_mean(values["log_likelihood"]),
        collapsed=_mean(values["collapsed"]),
        propagated=_propagated(schedule, step.value),
        propagated_high=_propagated(schedule, step.high),
        expected_variance=model.variance * (1 - lost),
    )


def _mean(values: Array, error: Array | float = 0.0) -> Mean:
    """Means and limits of values (replications, generations)."""
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
    reach = -ndtri((1 - _CONFIDENCE) / (2 * mean.size)) * spread + np.mean(error)
    return Mean(value=mean, low=mean - reach, high=mean + reach)


def _propagated(schedule: sim.Schedule, steps: Array) -> Array:
    result = bounds.get("tv/propagation")
    return np.array([float(result(B=schedule.weights(i), eps=steps[:i])) for i in range(1, steps.size + 1)])
