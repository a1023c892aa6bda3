"""Searches for the Gaussian loops, by their exact laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import bounds
import sim

from ..case import Array, Design, Exact
from ..cases.discrete_exact import Loop
from ..search import Axis, Search
from .loops import SHARES, loop_at

_SCHEDULES = ("replace", "accumulate", "stratified", "fixed", "expand", "fresh")
_REAL_ONLY = ("replace", "fixed", "expand", "accumulate")
_SIZES = Axis(low=1, high=10_000, integer=True, log=True)
_SIGMA = Axis(low=0.01, high=100, log=True)
_WEIGHT = Axis(low=1e-3, high=1, log=True)


def _mean_tv(loop: Loop, d: int) -> Array:
    if loop.name == "fresh":
        law = sim.exact_gaussian_mean_fresh(loop.n, dict(loop.params)["alpha"], loop.generations, d)
    else:
        law = sim.exact_gaussian_mean(loop.schedule, loop.n, loop.generations, d)
    return np.array(law.tv[-1])


def _mean(key: str, name: str) -> Search:
    """The last generation; under `fresh` the number of real points has to be followed, so there is less room."""
    result = bounds.get(key)
    n, i = (200, 10) if name == "fresh" else (10_000, 50)
    axes = {
        "n": Axis(low=1, high=n, integer=True, log=True),
        **SHARES[name],
        "i": Axis(low=1, high=i, integer=True, log=True),
    }
    if "d" in result.names:
        axes["d"] = Axis(low=1, high=1000, integer=True, log=True)

    def design(values: Mapping[str, Any]) -> Design:
        loop, d = loop_at(name, values, values["i"]), values.get("d", 1)
        arguments = {**loop.arguments, "i": values["i"], "d": d}
        return Design(
            label=str(loop),
            values={name: arguments[name] for name in result.names if name in arguments},
            evidence=Exact(values=lambda: _mean_tv(loop, d)),
        )

    return Search(result=result, axes=axes, design=design)


def _collapse(key: str, quantity: str) -> Search:
    result = bounds.get(key)
    axes = {
        "n": Axis(low=2, high=10_000, integer=True, log=True),
        "i": Axis(low=1, high=500, integer=True, log=True),
        "sigma": _SIGMA,
    }

    def design(values: Mapping[str, Any]) -> Design:
        def last() -> Any:
            return getattr(sim.exact_gaussian(values["n"], values["sigma"], values["i"]), quantity)[-1]

        return Design(label=f"n={values['n']}", values=dict(values), evidence=Exact(values=last))

    return Search(result=result, axes=axes, design=design)


def _biased() -> Search:
    axes = {
        "n": Axis(low=2, high=10_000, integer=True, log=True),
        "i": Axis(low=1, high=100, integer=True, log=True),
        "theta": Axis(low=0.01, high=1, log=True),
        "sigma": _SIGMA,
    }

    def design(values: Mapping[str, Any]) -> Design:
        def last() -> Any:
            return sim.exact_gaussian(values["n"], values["sigma"], values["i"], values["theta"]).variance[-1]

        return Design(label=f"n={values['n']}", values=dict(values), evidence=Exact(values=last))

    return Search(result=bounds.get("gaussian/biased-sampling"), axes=axes, design=design)


def _golden(key: str, axes: Mapping[str, Axis], variance: Callable[[int, int, Mapping[str, Any]], float]) -> Search:
    """The stationary variance with m synthetic points, as many as real ones if m is no axis."""

    def design(values: Mapping[str, Any]) -> Design:
        n = values["n"]
        m = values.get("m", n)
        evidence = Exact(values=lambda: np.array(variance(n, m, values)))
        return Design(label=f"n={n}, m={m}", values=dict(values), evidence=evidence)

    return Search(result=bounds.get(key), axes={"n": _SIZES, **axes, "sigma": _SIGMA}, design=design)


def _given_weight(n: int, m: int, values: Mapping[str, Any]) -> float:
    return sim.exact_golden_ratio(n, m, values["w"], values["sigma"])


def _best_weight(n: int, m: int, values: Mapping[str, Any]) -> float:
    """Return the least variance over the weights; only its logarithm finds the best of very small ones."""
    found = minimize_scalar(
        lambda t: sim.exact_golden_ratio(n, m, float(np.exp(t)), values["sigma"]),
        bounds=(np.log(1e-6), 0),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return float(found.fun)


SEARCHES: tuple[Search, ...] = (
    *(_mean(f"tv/gaussian-mean/{name}", name) for name in _SCHEDULES),
    *(_mean(f"tv/gaussian-mean-d/{name}", name) for name in _SCHEDULES),
    *(_mean(f"tv/gaussian-mean/lower/{name}", name) for name in _REAL_ONLY),
    _collapse("gaussian/std-collapse", "std"),
    _collapse("gaussian/std-collapse/variance", "variance"),
    _collapse("gaussian/std-collapse/log-variance", "log_variance"),
    _collapse("gaussian/w2/replace", "w2_squared"),
    _biased(),
    _golden("gaussian/golden-ratio", {"w": _WEIGHT}, _given_weight),
    _golden("gaussian/golden-ratio/general", {"m": _SIZES, "w": _WEIGHT}, _given_weight),
    _golden("gaussian/golden-ratio/optimum", {"m": _SIZES}, _best_weight),
)

__all__ = ["SEARCHES"]
