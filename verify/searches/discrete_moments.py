"""Searches for variances and diversity of frequencies, and for what no loop with real points only can avoid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import bounds

from ..case import Bounded, Design, Exact
from ..laboratory import exact_law
from ..search import Axis, Search
from .loops import (
    ATOMS,
    SCHEDULES,
    SHAPE,
    SHARES,
    WEIGHTS,
    exact_axes,
    last_exact,
    last_of_weighted,
    loop_at,
    shape,
    weighted,
)

_REAL_ONLY = ("replace", "fixed", "expand", "accumulate")
_PROBABILITY = Axis(low=0, high=1)
_SIZES = Axis(low=1, high=300, integer=True, log=True)


def _variance(key: str, name: str) -> Search:
    """One atom and the rest: its frequency is a chain by itself."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, atom = loop_at(name, values, values["i"]), float(values["p"])

        def variance() -> Any:
            law = exact_law(loop.schedule, loop.n, (atom, 1 - atom), loop.generations)
            return law.variance[-1, 0]

        return Design(
            label=str(loop), values={**loop.arguments, "i": values["i"], "p": atom}, evidence=Exact(values=variance)
        )

    return Search(result=result, axes={**exact_axes(name), "p": _PROBABILITY}, design=design)


def _by_instance(key: str, name: str, quantity: str) -> Search:
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, p = loop_at(name, values, values["i"]), shape(values)
        return Design(
            label=str(loop),
            values={**loop.arguments, "i": values["i"], "p": p},
            evidence=last_exact(loop, p, quantity),
        )

    return Search(result=result, axes={**exact_axes(name), "K": ATOMS, **SHAPE}, design=design)


def _weighted_diversity() -> Search:
    """Two points at least: of one the diversity is 0."""
    result = bounds.get("discrete/diversity/weighted")

    def design(values: Mapping[str, Any]) -> Design:
        B, sizes = weighted(values)
        p, sizes = shape(values), np.maximum(sizes, 2)
        return Design(
            label=f"weighted, g={sizes.size}",
            values={"B": B, "n": sizes, "p": p},
            evidence=Bounded(blocks=last_of_weighted("diversity", B, sizes, p)),
            margin=0.1,
        )

    odds = Axis(low=0.1, high=10, log=True)  # with next to no diversity no number of replications decides
    axes = {"n": _SIZES, **WEIGHTS, "K": ATOMS, **SHAPE, "odds": odds}
    return Search(result=result, axes=axes, design=design)


def _weighted_variance() -> Search:
    """Two atoms: the sum of the squared errors is twice that of either."""
    result = bounds.get("discrete/variance/weighted")

    def design(values: Mapping[str, Any]) -> Design:
        (B, sizes), atom = weighted(values), float(values["p"])
        blocks = last_of_weighted("squared_error", B, sizes, (atom, 1 - atom))
        return Design(
            label=f"weighted, g={sizes.size}",
            values={"B": B, "n": sizes, "p": atom},
            evidence=Bounded(blocks=lambda seed: (block / 2 for block in blocks(seed)), upper=max(atom, 1 - atom) ** 2),
            margin=0.2,
        )

    few, middle = Axis(low=1, high=10, integer=True, log=True), Axis(low=0.2, high=0.8)  # as for the diversity
    return Search(result=result, axes={"n": few, **WEIGHTS, "p": middle}, design=design)


def _minimax() -> Search:
    """The supremum over p is at least the risk at the uniform one; schedules by number."""
    result = bounds.get("discrete/minimax-real-only")

    def design(values: Mapping[str, Any]) -> Design:
        loop, K = loop_at(_REAL_ONLY[values["schedule"]], values, values["i"]), values["K"]

        def risk() -> Any:
            law = exact_law(loop.schedule, loop.n, (1 / K,) * K, loop.generations)
            return law.variance[-1].sum()

        return Design(label=str(loop), values={"n": loop.n, "K": K}, evidence=Exact(values=risk))

    axes = {
        "schedule": Axis(low=0, high=len(_REAL_ONLY) - 1, integer=True),
        "n": Axis(low=1, high=20, integer=True, log=True),
        "i": Axis(low=1, high=12, integer=True, log=True),
        **SHARES["fixed"],
        **SHARES["expand"],
        "K": Axis(low=1, high=1000, integer=True, log=True),
    }
    return Search(result=result, axes=axes, design=design)


SEARCHES: tuple[Search, ...] = (
    *(_variance(f"discrete/variance/{name}", name) for name in SCHEDULES),
    _weighted_variance(),
    *(_by_instance(f"discrete/diversity/{name}", name, "diversity") for name in SCHEDULES),
    _weighted_diversity(),
    *(_by_instance(f"discrete/lower/{name}", name, "tv") for name in _REAL_ONLY),
    *(_variance(f"discrete/variance-lower/{name}", name) for name in _REAL_ONLY),
    _minimax(),
)

__all__ = ["SEARCHES"]
