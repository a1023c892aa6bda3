"""Searches for Poisson chains, and for the loss of symbols in any of the discrete loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import bounds
from sim.chains import poisson_absence

from ..case import Array, Design, Exact
from ..cases.chains import evidence as poisson_evidence
from ..cases.chains_symbols import collapse, loss
from ..cases.discrete_exact import Loop
from ..search import Axis, Search
from .loops import ATOMS, SHAPE, exact_axes, loop_at, shape

_BELOW_ONE = Axis(low=0, high=0.99)
_EXPECTED = Axis(low=0.01, high=10, log=True)
"""Events expected in the real sample, n mu: a chain with few has few states."""
_RARE = Axis(low=1e-4, high=1, log=True)


def _poisson(key: str, quantity: str) -> Search:
    """A Poisson chain; where there is no parameter alpha there are no real data."""
    result = bounds.get(key)
    absence = quantity == "absence"
    shares = {"alpha": _BELOW_ONE if absence else Axis(low=0, high=1)} if "alpha" in result.names else {}

    def design(values: Mapping[str, Any]) -> Design:
        n, i = values["n"], values["i"]
        alpha = (math.floor if absence else round)(values["alpha"] * n) / n if shares else 0.0
        loop = (n, values["expected"] / n, alpha, i)
        known = {"n": n, "mu": loop[1], "alpha": alpha, "i": np.array([i])}
        measured = (
            Exact(values=lambda: poisson_absence(*loop)[-1:], upper=1.0)
            if absence
            else poisson_evidence(loop, quantity, (i,))
        )
        return Design(
            label=f"n={n} alpha={alpha:g}", values={name: known[name] for name in result.names}, evidence=measured
        )

    axes = {
        "n": Axis(low=1, high=10_000 if absence else 100, integer=True, log=True),
        **shares,
        "i": Axis(low=1, high=2000 if absence else 12, integer=True, log=True),
        "expected": Axis(low=0.01, high=100, log=True) if absence else _EXPECTED,
    }
    return Search(result=result, axes=axes, design=design)


def _single(key: str, name: str) -> Search:
    """One symbol of probability p, in a chain small enough for its exact law."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, atom = loop_at(name, values, values["i"]), float(values["p"])
        return Design(
            label=str(loop),
            values={**loop.arguments, "i": values["i"], "p": atom},
            evidence=Exact(values=lambda: loss(loop, (atom,))[-1, 0], upper=1.0),
        )

    axes = {**exact_axes(name), "p": _RARE}
    if key == "symbols/loss/fresh":
        axes["alpha"] = _BELOW_ONE
    return Search(result=result, axes=axes, design=design)


def _together(key: str, measure: Callable[[Loop, tuple[float, ...]], Any], *, least: int = 1) -> Search:
    """All symbols of a distribution, of which the result may know the number only."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        i, p = values.get("i", 1), shape(values)
        loop = loop_at("replace", values, i)
        known = {"n": loop.n, "i": i, "p": p, "K": len(p)}
        return Design(
            label=str(loop),
            values={name: known[name] for name in result.names},
            evidence=Exact(values=lambda: np.asarray(measure(loop, p))),
        )

    axes = {name: axis for name, axis in exact_axes("replace").items() if name in result.names}
    axes |= {"n": Axis(low=least, high=200, integer=True, log=True), "K": ATOMS, **SHAPE}
    return Search(result=result, axes=axes, design=design)


def _left(loop: Loop, p: tuple[float, ...]) -> Any:
    return len(p) - loss(loop, p)[-1].sum()


def _missing(loop: Loop, p: tuple[float, ...]) -> Any:
    return loss(loop, p)[-1] @ np.array(p)


def _mixed(loop: Loop, p: tuple[float, ...]) -> Any:
    last: Array = collapse(loop, p)[0]
    return last[-1]


def _duration(loop: Loop, p: tuple[float, ...]) -> float:
    return collapse(loop, p)[1]


SEARCHES: tuple[Search, ...] = (
    _poisson("poisson/variance/stratified", "variance"),
    _poisson("tv/poisson/stratified", "tv"),
    _poisson("poisson/absence/stratified", "absence"),
    _poisson("poisson/absence-lower/stratified", "absence"),
    _poisson("poisson/extinction/replace", "absence"),
    *(
        _single(f"symbols/loss/{name}", name)
        for name in ("replace", "fresh", "fixed", "subsample", "accumulate", "expand")
    ),
    *(
        _single(f"symbols/loss-by-variance/{name}", name)
        for name in ("replace", "fresh", "stratified", "fixed", "subsample")
    ),
    _single("symbols/loss-lower/replace", "replace"),
    _together("symbols/richness/replace", _left),
    _together("symbols/richness-lower/replace", _left),
    _together("symbols/missing-mass/replace", _missing),
    _together("symbols/missing-mass-lower/replace", _missing),
    _together("symbols/collapse/replace", _mixed, least=2),
    _together("symbols/collapse-lower/replace", _mixed, least=2),
    _together("symbols/collapse-time/replace", _duration),
    _together("symbols/collapse-time-lower/replace", _duration, least=2),
)

__all__ = ["SEARCHES"]
