"""Searches for curated loops: three atoms with infinite samples, two atoms and more with finite ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import bounds
import sim

from ..case import Design
from ..cases.curation import infinite, sampled, two_atoms, weights
from ..search import Axis, Search
from .loops import SHAPE, shape

_MASS = Axis(low=1e-4, high=0.9999)
_INSIDE = Axis(low=1e-3, high=0.999)
_FINITE: Mapping[str, Axis] = {"n": Axis(low=1, high=200, integer=True, log=True), "best": _MASS}
_SMALLEST = Axis(low=1e-3, high=1, log=True)
_NOT_BEST = Axis(low=1e-3, high=0.999, log=True)
_UNEQUAL: Mapping[str, Axis] = {"nu": _NOT_BEST}  # equal rewards move nothing, but laws are known up to rounding only
_ALPHA: Mapping[str, Axis] = {"alpha": Axis(low=0, high=1)}
_GROUP: Mapping[str, Axis] = {"m": Axis(low=2, high=64, integer=True, log=True)}
_STEPS: Mapping[str, Axis] = {"i": Axis(low=1, high=50, integer=True, log=True)}
_REWARD: Mapping[str, Axis] = {"nu": _SMALLEST, "middle": Axis(low=0.05, high=1), "best": _MASS, "share": _INSIDE}
_LOOP: Mapping[str, Axis] = {**_GROUP, **_STEPS, **_REWARD}


def _three(values: Mapping[str, Any], alpha: float = 0.0) -> sim.Curation:
    """Return the loop of three atoms of weights 1, nu^middle and nu, `share` of all but the best in the middle."""
    best = values["best"] if "best" in values else values["p"]
    rest, nu = (1 - best) * values["share"], values["nu"]
    p = np.array([best, rest, 1 - best - rest])
    return sim.Curation(p, np.array([1.0, nu ** values["middle"], nu]), values.get("m", 2), values.get("alpha", alpha))


def _two(values: Mapping[str, Any], smallest: str, best: str) -> sim.Curation:
    p = np.array([values[best], 1 - values[best]])
    return sim.Curation(p, np.array([1.0, values[smallest]]), values["m"], values.get("alpha", 0.0))


def _search(key: str, axes: Mapping[str, Axis], design: Callable[[Mapping[str, Any]], Design]) -> Search:
    return Search(result=bounds.get(f"curation/{key}"), axes=axes, design=design)


def _follow(key: str, axes: Mapping[str, Axis]) -> Search:
    return _search(key, axes, lambda values: infinite(key, _three(values), (values["i"],)))


def _step() -> Search:
    axes = {**_GROUP, **_REWARD}
    return _search("reward/step", axes, lambda values: infinite("reward/step", _three(values), (1,)))


def _total() -> Search:
    axes = {**_GROUP, **_REWARD, **_UNEQUAL, "T": Axis(low=1, high=1000, integer=True, log=True)}
    return _search("variance/total", axes, lambda values: infinite("variance/total", _three(values), (values["T"],)))


def _level() -> Search:
    """Part of the mass p at or above the level is at it, the rest of it has weight 1."""

    def design(values: Mapping[str, Any]) -> Design:
        p, a, at = values["p"], values["a"], values["share"]
        masses = np.array([p * (1 - at), p * at, 1 - p])
        loop = sim.Curation(masses, np.array([1.0, a, a * values["below"]]), values["m"])
        return infinite("reward/level", loop, (values["i"],), a)

    steps = Axis(low=1, high=500, integer=True, log=True)
    axes = {"p": _MASS, "a": Axis(low=0.01, high=1), **_GROUP, "i": steps, "below": _NOT_BEST, "share": _INSIDE}
    return _search("reward/level", axes, design)


def _limit_upper() -> Search:
    """Of the atoms that are not best some have the weight rho, the others less."""

    def design(values: Mapping[str, Any]) -> Design:
        p, rho = values["p"], values["rho"]
        rest = (1 - p) * values["share"]
        u = np.array([1.0, rho, rho * values["below"]])
        return infinite("limit/upper", sim.Curation(np.array([p, rest, 1 - p - rest]), u, values["m"]), (values["i"],))

    axes = {"p": _MASS, "rho": _NOT_BEST, **_GROUP, **_STEPS, "below": Axis(low=0.01, high=1), "share": _INSIDE}
    return _search("limit/upper", axes, design)


def _limit_lower() -> Search:
    axes = {"p": _MASS, **{name: axis for name, axis in _LOOP.items() if name != "best"}, **_UNEQUAL}
    return _follow("limit/lower", axes)


def _limit_mixed() -> Search:
    """Real data beyond what makes the loop a contraction, which is then one by 1 - surplus."""

    def design(values: Mapping[str, Any]) -> Design:
        enough = (1 - values["nu"]) * (values["m"] - 1) / values["m"]
        loop = _three(values, enough + values["surplus"] * (1 - enough))
        return infinite("limit/mixed", loop, (values["i"],))

    few = Axis(low=1, high=20, integer=True, log=True)  # where the distance is well above rounding
    return _search("limit/mixed", {**_LOOP, **_UNEQUAL, "i": few, "surplus": Axis(low=0.05, high=0.5)}, design)


def _diversity(key: str) -> Search:
    axes = {**_FINITE, **(_ALPHA if key == "diversity/lower" else {}), "nu": _SMALLEST, **_GROUP, **_STEPS}
    return _search(key, axes, lambda values: two_atoms(key, _two(values, "nu", "best"), values["n"], (values["i"],)))


def _deviation() -> Search:
    """With two atoms exactly, with more by replications; the rarest atom is the best or the worst."""

    def design(values: Mapping[str, Any]) -> Design:
        p = shape(values)
        u = weights(p, values["nu"], ("rare", "common")[values["order"]])
        loop, at = sim.Curation(np.array(p), u, values["m"], values["alpha"]), (values["i"],)
        evidence = two_atoms if len(p) == 2 else sampled
        return evidence("finite/deviation", loop, values["n"], at)

    axes = {
        "n": Axis(low=1, high=200, integer=True, log=True),
        "K": Axis(low=2, high=8, integer=True),
        **_ALPHA,
        "nu": _SMALLEST,
        **_GROUP,
        "i": Axis(low=1, high=10, integer=True, log=True),
        **SHAPE,
        "order": Axis(low=0, high=1, integer=True),
    }
    return _search("finite/deviation", axes, design)


def _loss() -> Search:
    """In generations 1, 10 and 100: once lost the best atom stays lost."""

    def design(values: Mapping[str, Any]) -> Design:
        return two_atoms("finite/loss", _two(values, "rho", "p"), values["n"], (1, 10, 100))

    return _search("finite/loss", {"n": _FINITE["n"], "p": _MASS, "rho": _NOT_BEST, **_GROUP}, design)


SEARCHES: tuple[Search, ...] = (
    _step(),
    _total(),
    _level(),
    _limit_upper(),
    _limit_lower(),
    _limit_mixed(),
    *(_follow(key, {**_ALPHA, **_LOOP}) for key in ("reward/mixed", "ratio/upper", "ratio/lower")),
    _follow("tv/groups", {**_ALPHA, **_LOOP, **_UNEQUAL}),
    _follow("tv/pairs", {**_ALPHA, **{name: axis for name, axis in _LOOP.items() if name != "m"}, **_UNEQUAL}),
    _diversity("diversity/lower"),
    _diversity("diversity/upper"),
    _deviation(),
    _loss(),
)
