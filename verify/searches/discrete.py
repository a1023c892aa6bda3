"""Searches for the distance of frequencies from the real distribution, on average and with high probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Bounded, Design, Exceedance
from ..laboratory import stream
from ..search import Axis, Search
from .loops import (
    ATOMS,
    LEVELS,
    SCHEDULES,
    SHAPE,
    WEIGHTS,
    exact_axes,
    last_exact,
    last_of_weighted,
    last_tv,
    loop_at,
    shape,
    weighted,
    wide_axes,
)

_TO_SHAPE: Mapping[str, Axis] = {"K": ATOMS, **SHAPE}


def _known(result: Result, p: tuple[float, ...]) -> dict[str, Any]:
    return {"p": p} if "p" in result.names else {"K": len(p)}


def _tv(key: str, name: str) -> Search:
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at(name, values, values["i"]), shape(values)
        return Design(
            label=str(loop),
            values={**loop.arguments, "i": values["i"], **_known(result, p)},
            evidence=last_tv(loop, p),
        )

    return Search(result=result, axes={**wide_axes(name), **_TO_SHAPE}, design=design)


def _exact_tv(key: str, name: str) -> Search:
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at(name, values, values["i"]), shape(values)
        arguments = {**loop.arguments, "i": values["i"], "p": p}
        return Design(
            label=str(loop),
            values={name: arguments[name] for name in result.names},
            evidence=last_exact(loop, p, "tv"),
        )

    axes = exact_axes(name) if "i" in result.names else exact_axes(name) | {"i": Axis(low=1, high=1, integer=True)}
    return Search(result=result, axes={**axes, **_TO_SHAPE}, design=design)


def _one_step(key: str, name: str) -> Search:
    """Generation i from what it was trained on; without synthetic points there is no such step."""
    result = bounds.get(key)
    first = 2 if name == "expand" else 1  # generation 1 of `expand` has n points, later ones (1+lam) n
    axes = exact_axes(name) | {"i": Axis(low=first, high=exact_axes(name)["i"].high, integer=True, log=True)}

    def design(values: Mapping[str, Any]) -> Design:
        if name == "expand":
            values = {**values, "lam": max(values["lam"], 1 / values["n"])}
        loop, p = loop_at(name, values, values["i"]), shape(values)
        arguments = {**loop.arguments, "K": len(p)}
        return Design(
            label=str(loop),
            values={name: arguments[name] for name in result.names},
            evidence=last_exact(loop, p, "one_step"),
        )

    return Search(result=result, axes={**axes, **_TO_SHAPE}, design=design)


def _one_step_accumulate() -> Search:
    result = bounds.get("tv/discrete/one-step/accumulate")

    def design(values: Mapping[str, Any]) -> Design:
        p, n, i = shape(values), values["n"], values["i"]
        blocks = stream(sim.Discrete(np.array(p)), sim.Accumulate(), n, "one_step_tv", (i,))
        return Design(label=f"accumulate n={n}", values={"n": n, "i": i, "K": len(p)}, evidence=Bounded(blocks=blocks))

    return Search(result=result, axes={**wide_axes("accumulate"), **_TO_SHAPE}, design=design)


def _weighted(key: str) -> Search:
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        (B, sizes), p = weighted(values), shape(values)
        return Design(
            label=f"weighted, g={sizes.size}",
            values={"B": B, "n": sizes, **_known(result, p)},
            evidence=Bounded(blocks=last_of_weighted("tv", B, sizes, p)),
        )

    n = Axis(low=1, high=1000, integer=True, log=True)
    return Search(result=result, axes={"n": n, **WEIGHTS, **_TO_SHAPE}, design=design)


def _simultaneous(key: str, name: str) -> Search:
    """All generations up to T at once."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        T, p = values["T"], shape(values)
        loop, at = loop_at(name, values, T), tuple(range(1, T + 1))
        blocks = stream(sim.Discrete(np.array(p)), loop.schedule, loop.n, "tv", at)
        more = {"i": np.array(at), "K": len(p), "T": T, "delta": values["delta"]}
        return Design(label=str(loop), values={**loop.arguments, **more}, evidence=Exceedance(blocks=blocks))

    axes = {name: axis for name, axis in wide_axes(name).items() if name != "i"}
    axes |= {"T": Axis(low=1, high=20, integer=True, log=True), "delta": LEVELS}
    return Search(result=result, axes={**axes, **_TO_SHAPE}, design=design)


def _one_step_hp() -> Search:
    result = bounds.get("tv/discrete/one-step-hp")

    def design(values: Mapping[str, Any]) -> Design:
        p, n = shape(values), values["n"]
        blocks = stream(sim.Discrete(np.array(p)), sim.Replace(), n, "tv", (1,))
        return Design(
            label=f"n={n}",
            values={"n": n, "K": len(p), "delta": values["delta"]},
            evidence=Exceedance(blocks=blocks),
        )

    return Search(result=result, axes={"n": wide_axes("replace")["n"], "delta": LEVELS, **_TO_SHAPE}, design=design)


def _of_schedules(make: Callable[[str, str], Search], pattern: str) -> list[Search]:
    return [make(pattern.format(name), name) for name in SCHEDULES]


SEARCHES: tuple[Search, ...] = (
    *_of_schedules(_tv, "tv/discrete/{}"),
    *_of_schedules(_tv, "tv/discrete/{}/triangle"),
    *_of_schedules(_tv, "tv/discrete-instance/{}"),
    _weighted("tv/discrete/weighted"),
    _weighted("tv/discrete/weighted/triangle"),
    _weighted("tv/discrete-instance/weighted"),
    _exact_tv("tv/discrete-exact/first", "replace"),
    _exact_tv("tv/discrete-exact/replace", "replace"),
    _exact_tv("tv/discrete-exact/fresh", "fresh"),
    _one_step("tv/discrete/one-step", "fresh"),
    _one_step("tv/discrete/one-step/fixed", "fixed"),
    _one_step("tv/discrete/one-step/expand", "expand"),
    _one_step_accumulate(),
    _one_step_hp(),
    _simultaneous("tv/discrete/hp-triangle", "fresh"),
    *_of_schedules(_simultaneous, "tv/hp/{}"),
    *_of_schedules(_simultaneous, "tv/hp-union/{}"),
)

__all__ = ["SEARCHES"]
