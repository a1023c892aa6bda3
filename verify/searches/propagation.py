"""Searches for the propagation of errors: one-step errors known exactly, or a theorem's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import bounds
import sim

from ..case import Bounded, Design, Exact, Exceedance
from ..laboratory import exact_law, stream
from ..search import Axis, Search
from .loops import (
    ATOMS,
    LEVELS,
    SHAPE,
    WEIGHTS,
    exact_axes,
    last_exact,
    last_of_weighted,
    loop_at,
    shape,
    weighted,
)

_TO_SHAPE: Mapping[str, Axis] = {"K": ATOMS, **SHAPE}
_CLOSED = ("replace", "fresh", "stratified", "fixed", "subsample")


def _closed(name: str) -> Search:
    """The largest one-step error of the loop is the common one."""
    result = bounds.get(f"tv/propagation/{name}")

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at(name, values, values["i"]), shape(values)
        law = exact_law(loop.schedule, loop.n, p, loop.generations)
        return Design(
            label=str(loop),
            values={**dict(loop.params), "eps": float(law.one_step.max()), "i": values["i"]},
            evidence=Exact(values=lambda: np.array(law.tv[-1]), upper=1.0),
        )

    return Search(result=result, axes={**exact_axes(name), **_TO_SHAPE}, design=design)


def _general() -> Search:
    """The matrix of a schedule, by number, and its exact one-step errors."""
    result = bounds.get("tv/propagation")

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at(_CLOSED[values["schedule"]], values, values["i"]), shape(values)
        law = exact_law(loop.schedule, loop.n, p, loop.generations)
        return Design(
            label=str(loop),
            values={"B": loop.schedule.weights(values["i"]), "eps": law.one_step},
            evidence=Exact(values=lambda: np.array(law.tv[-1]), upper=1.0),
        )

    axes = {
        "schedule": Axis(low=0, high=len(_CLOSED) - 1, integer=True),
        **exact_axes("fixed"),
        **{name: exact_axes("subsample")[name] for name in ("n", "i")},
    }
    return Search(result=result, axes={**axes, **_TO_SHAPE}, design=design)


def _accumulate() -> Search:
    """One step on N points costs at most c N^(-1/2) with c = sqrt(K-1)/2."""
    result = bounds.get("tv/propagation/accumulate")

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at("accumulate", values, values["i"]), shape(values)
        arguments = {"c": np.sqrt(len(p) - 1) / 2, "n": loop.n, "a": 0.5, "i": values["i"]}
        return Design(label=str(loop), values=arguments, evidence=last_exact(loop, p, "tv"))

    return Search(result=result, axes={**exact_axes("accumulate"), **_TO_SHAPE}, design=design)


def _growing() -> Search:
    """Replaced data with n (k+1)^s points for generation k+1, as a weighted schedule."""
    result = bounds.get("tv/propagation/replace-growing")

    def design(values: Mapping[str, Any]) -> Design:
        n, s, i, p = values["n"], values["s"], values["i"], shape(values)
        schedule = sim.Weighted(np.eye(i, k=-1), tuple(n * (k + 1) ** s for k in range(i)))
        return Design(
            label=f"replace n={n} (k+1)^{s}",
            values={"c": np.sqrt(len(p) - 1) / 2, "n": n, "s": s, "a": 0.5, "i": i},
            evidence=Bounded(blocks=stream(sim.Discrete(np.array(p)), schedule, n, "tv", (i,))),
        )

    axes = {
        "n": Axis(low=1, high=1000, integer=True, log=True),
        "s": Axis(low=0, high=4, integer=True),
        "i": Axis(low=1, high=30, integer=True, log=True),
    }
    return Search(result=result, axes={**axes, **_TO_SHAPE}, design=design)


def _high_probability() -> Search:
    """McDiarmid's one-step bound at level delta/i, on the sample size of each generation."""
    result = bounds.get("tv/propagation-hp")

    def design(values: Mapping[str, Any]) -> Design:
        (B, sizes), p, delta = weighted(values), shape(values), values["delta"]
        steps = np.sqrt((len(p) - 1) / sizes) / 2 + np.sqrt(np.log(sizes.size / delta) / (2 * sizes))
        return Design(
            label=f"weighted, g={sizes.size}",
            values={"B": B, "eps": steps, "delta": delta},
            evidence=Exceedance(blocks=last_of_weighted("tv", B, sizes, p)),
        )

    n = Axis(low=1, high=10_000, integer=True, log=True)
    return Search(result=result, axes={"n": n, **WEIGHTS, "delta": LEVELS, **_TO_SHAPE}, design=design)


SEARCHES: tuple[Search, ...] = (
    _general(),
    _high_probability(),
    *map(_closed, _CLOSED),
    _accumulate(),
    _growing(),
)

__all__ = ["SEARCHES"]
