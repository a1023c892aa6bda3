"""Cases on the loss of symbols: exact chains of single symbols, and whole frequencies simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

import bounds
import sim
from bounds import Result
from sim.chains import exact_loss

from ..case import Array, Bounded, Case, Design, Evidence, Exact, Setting
from ..laboratory import affordable, atoms, stream, until
from .discrete_exact import Loop
from .reasons import DISCRETE_CHAIN, DISCRETE_SAMPLER, answers

_LOOPS = {
    "replace": (Loop("replace", 50, 50), Loop("replace", 20, 50), Loop("replace", 10, 50), Loop("replace", 3, 10)),
    "fresh": (Loop("fresh", 50, 20, (("alpha", 0.1),)), Loop("fresh", 20, 20, (("alpha", 0.02),))),
    "stratified": (Loop("stratified", 50, 20, (("alpha", 0.1),)), Loop("stratified", 20, 20, (("alpha", 0.05),))),
    "fixed": (Loop("fixed", 40, 20, (("alpha", 0.1),)), Loop("fixed", 20, 20, (("alpha", 0.5),))),
    "subsample": (Loop("subsample", 20, 20), Loop("subsample", 5, 10)),
    "accumulate": (Loop("accumulate", 20, 10), Loop("accumulate", 5, 10)),
    "expand": (Loop("expand", 20, 20, (("lam", 1.0),)), Loop("expand", 10, 10, (("lam", 4.0),))),
}
_ALL_SYMBOLS = (*_LOOPS["replace"], Loop("replace", 200, 100))


@lru_cache(maxsize=64)
def loss(loop: Loop, p: tuple[float, ...]) -> Array:
    """Return P(p_i(k) = 0) in all generations of a loop, shape (generations, K), remembering the last ones."""
    values, inverse = np.unique(p, return_inverse=True)
    found: Array = exact_loss(loop.schedule, loop.n, values, loop.generations)[:, inverse]
    return found


def collapse(loop: Loop, p: tuple[float, ...]) -> tuple[Array, float]:
    """Return P(not all points are equal) in all generations, and the expected first one whose points are all equal."""
    return sim.exact_collapse(loop.n, np.array(p), loop.generations)


def summary(quantity: str, frequencies: Array, p: tuple[float, ...]) -> Array:
    """Return what is measured of frequencies (..., K): a number of symbols, a mass, or 1 where two are left."""
    lost = frequencies == 0
    if quantity == "missing":
        return np.asarray(lost @ np.array(p))
    left = (~lost).sum(axis=-1)
    return np.asarray(left if quantity == "richness" else left > 1, dtype=float)


def evidence(loop: Loop, p: tuple[float, ...], quantity: str, at: tuple[int, ...]) -> Evidence:
    """Return exact values of `richness`, `missing` or `collapse`, or replications where there are too many symbols."""
    index = np.array(at) - 1
    if not affordable(loop.schedule, loop.n, p, loop.generations):
        return drawn(loop, p, quantity, at)
    if quantity == "collapse":
        return Exact(values=lambda: collapse(loop, p)[0][index], upper=1.0)
    if quantity == "missing":
        return Exact(values=lambda: loss(loop, p)[index] @ np.array(p), upper=1.0)
    return Exact(values=lambda: len(p) - loss(loop, p)[index].sum(axis=1), upper=min(len(p), loop.n))


def drawn(loop: Loop, p: tuple[float, ...], quantity: str, at: tuple[int, ...]) -> Evidence:
    """Return replications of the same from simulated frequencies."""
    frequencies = stream(sim.Discrete(np.array(p)), loop.schedule, loop.n, "atoms", at)

    def blocks(seed: int) -> Iterator[Array]:
        for block in frequencies(seed):
            yield summary(quantity, block, p)

    return Bounded(blocks=blocks, upper=min(len(p), loop.n) if quantity == "richness" else 1.0)


def _case(result: Result, name: str, designs: Callable[[Setting], tuple[Design, ...]]) -> Case:
    reasons = DISCRETE_SAMPLER if name == "sampled" else DISCRETE_CHAIN
    return Case(result=result, name=name, designs=designs, because=answers(result, reasons))


def _single(key: str, name: str, most: int = 50) -> Case:
    """One symbol: its probability is a parameter; with at most so many points."""
    result = bounds.get(key)

    def design(loop: Loop, label: str, p: tuple[float, ...]) -> Design:
        at, chosen = np.array(until(loop.generations, 100)), atoms(p)
        return Design(
            label=f"{loop}, {label}",
            values={**loop.arguments, "i": at, "p": np.array(chosen)[:, None]},
            evidence=Exact(values=lambda: loss(loop, chosen)[at - 1].T, upper=1.0),
        )

    def designs(setting: Setting) -> tuple[Design, ...]:
        loops = (loop for loop in _LOOPS[name] if loop.n <= most)
        return tuple(design(loop, label, p) for loop in loops for label, p in setting.discrete.items())

    return _case(result, "exact", designs)


def _all(key: str, quantity: str, *, sampled: bool = False, first: int = 1) -> Case:
    """All symbols together, under `replace`."""
    result = bounds.get(key)
    make = drawn if sampled else evidence

    def design(loop: Loop, label: str, p: tuple[float, ...]) -> Design:
        at = tuple(i for i in until(loop.generations, 100) if i >= first)
        known = {"n": loop.n, "i": np.array(at), "p": p, "K": len(p)}
        return Design(
            label=f"{loop}, {label}",
            values={name: known[name] for name in result.names},
            evidence=make(loop, p, quantity, at),
        )

    def designs(setting: Setting) -> tuple[Design, ...]:
        loops = (Loop("replace", 20, 20),) if sampled else _ALL_SYMBOLS
        return tuple(design(loop, label, p) for loop in loops for label, p in setting.discrete.items())

    return _case(result, "sampled" if sampled else "exact", designs)


def _time(key: str) -> Case:
    result = bounds.get(key)

    def design(loop: Loop, label: str, p: tuple[float, ...]) -> Design:
        known = {"n": loop.n, "p": p}
        return Design(
            label=f"{loop}, {label}",
            values={name: known[name] for name in result.names},
            evidence=Exact(values=lambda: np.array(collapse(loop, p)[1])),
        )

    def designs(setting: Setting) -> tuple[Design, ...]:
        return tuple(design(loop, label, p) for loop in _ALL_SYMBOLS for label, p in setting.discrete.items())

    return _case(result, "exact", designs)


_BY_VARIANCE = ("replace", "fresh", "stratified", "fixed", "subsample")
_TOGETHER = {
    "symbols/richness/replace": "richness",
    "symbols/richness-lower/replace": "richness",
    "symbols/missing-mass/replace": "missing",
    "symbols/missing-mass-lower/replace": "missing",
    "symbols/collapse/replace": "collapse",
    "symbols/collapse-lower/replace": "collapse",
}
CASES: tuple[Case, ...] = (
    *(_single(f"symbols/loss/{name}", name) for name in _LOOPS if name != "stratified"),
    *(_single(f"symbols/loss-by-variance/{name}", name, most=20) for name in _BY_VARIANCE),
    _single("symbols/loss-lower/replace", "replace"),
    *(_all(key, quantity) for key, quantity in _TOGETHER.items()),
    # of the first generation some are exact, which sampling cannot decide
    *(_all(key, quantity, sampled=True, first=5) for key, quantity in _TOGETHER.items()),
    _time("symbols/collapse-time/replace"),
    _time("symbols/collapse-time-lower/replace"),
)

__all__ = ["CASES"]
