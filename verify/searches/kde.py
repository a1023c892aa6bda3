"""Searches for kernel estimates, on the line, the circle and the torus: loops, one step's bias and its variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from bounds import Kind, Result
from sim.densities import NormalDensity

from ..case import Bounded, Design, Exact, Exceedance
from ..cases.kde import BLOCK, SCHEDULES
from ..cases.kde_steps import _product_bias, _spread
from ..laboratory import distances
from ..search import Axis, Search
from .loops import LEVELS, SHARES, loop_at

Axes: TypeAlias = Mapping[str, Axis]

_AMPLITUDE = Axis(low=-1, high=1)
_NOT_FLAT = Axis(low=0.02, high=1, log=True)  # a bias of 0 is known up to rounding only
_DIMENSIONS = (1, 3, 4)
"""Of the torus in loops, by number: the distance on a plane takes twenty times as long."""
_SPACE = Axis(low=0, high=len(_DIMENSIONS) - 1, integer=True)
_SIGMA = Axis(low=0.5, high=2, log=True)
_LINE: Axes = {"h": Axis(low=0.05, high=5, log=True), "sigma": _SIGMA}
_CIRCLE: Axes = {"h": Axis(low=0.03, high=0.25, log=True), "c": _AMPLITUDE}  # beyond, all is flat
_TORUS: Axes = {"h": Axis(low=0.08, high=0.25, log=True), "c": _AMPLITUDE, "space": _SPACE}
_TUNED: Axes = {"C": Axis(low=0.2, high=2, log=True)}
_SIZES = Axis(low=1, high=100, integer=True, log=True)
_GENERATIONS = Axis(low=1, high=5, integer=True, log=True)
_FAMILIES: Mapping[str, Axes] = {
    "tv/kde-line": _LINE,
    "tv/kde-line-gaussian": _LINE,
    "tv/kde-line-tuned": {**_TUNED, "sigma": _SIGMA},
    "tv/kde-torus": _TORUS,
    "tv/kde-torus-tuned": {"C": Axis(low=0.2, high=0.5, log=True), "c": _AMPLITUDE, "space": _SPACE},
    "tv/kde/lower/gaussian": _LINE,
    "tv/kde/lower/torus": _TORUS,
    "tv/kde-sharp": _LINE,
    "tv/kde-sharp-torus": _CIRCLE,
    "tv/kde-sharp-torus-d": _TORUS,
    "tv/hp-kde": _LINE,
    "tv/hp-kde-torus": _CIRCLE,
}


def _dimension(values: Mapping[str, Any]) -> int:
    return _DIMENSIONS[values.get("space", 0)]


def _model(values: Mapping[str, Any]) -> sim.KDE:
    """Return the kernel estimate, on the line if there is no amplitude; a tuned bandwidth is C n^(-1/(d+4))."""
    d = _dimension(values)
    h = values["h"] if "h" in values else values["C"] * values["n"] ** (-1 / (d + 4))
    density = sim.CosineTorus(values["c"], d) if "c" in values else NormalDensity(0.0, values["sigma"])
    return sim.KDE(density, h, BLOCK)


def _loop(result: Result, name: str, space: Axes) -> Search:
    """The last generation, or all up to T at once."""

    def design(values: Mapping[str, Any]) -> Design:
        last = values["T"] if "T" in values else values["i"]
        at = tuple(range(1, last + 1)) if "T" in values else (last,)
        loop, model = loop_at(name, values, last), _model(values)
        blocks = distances(model, loop.schedule, loop.n, at, wanted=at, below=result.kind is Kind.LOWER)
        return Design(
            label=f"{loop}, {model.label}",
            values={**values, **loop.arguments, "i": np.array(at), "d": _dimension(values)},
            evidence=Exceedance(blocks=blocks) if "T" in values else Bounded(blocks=blocks),
        )

    until = {"T": _GENERATIONS, "delta": LEVELS} if "T" in result.names else {"i": _GENERATIONS}
    return Search(result=result, axes={"n": _SIZES, **SHARES[name], **until, **space}, design=design)


def _loops() -> list[Search]:
    """One search per family and schedule that has such a result."""
    known = {result.key: result for result in bounds.CATALOGUE}
    return [
        _loop(known[key], name, space)
        for family, space in _FAMILIES.items()
        for name in SCHEDULES
        if (key := f"{family}/{name}") in known
    ]


# --- one step -------------------------------------------------------------------------------------------------


def _mixture(values: Mapping[str, Any]) -> sim.NormalMixture:
    """Return two normal components: the share of the second, its distance and its scale, the first being N(0, 1)."""
    weights = np.array([1 - values["share"], values["share"]])
    return sim.NormalMixture(weights, np.array([0.0, values["distance"]]), np.array([1.0, values["scale"]]))


_SHAPE: Axes = {
    "share": Axis(low=0.02, high=0.98),
    "distance": Axis(low=0, high=10),
    "scale": Axis(low=0.1, high=10, log=True),
}


def _bias_gaussian() -> Search:
    def design(values: Mapping[str, Any]) -> Design:
        unit = NormalDensity(0.0, values["sigma"])

        def bias() -> Any:
            return np.array(sim.tv_quadrature(unit.smoothed(values["h"]), unit, tolerance=1e-13)[0])

        return Design(label="normal", values=dict(values), evidence=Exact(values=bias))

    axes = {"h": Axis(low=0.1, high=10, log=True), "sigma": _SIGMA}
    return Search(result=bounds.get("kde/bias/gaussian"), axes=axes, design=design)


def _roughness(density: sim.NormalMixture) -> float:
    """Return ∫|p''| from second differences, raised by more than the error of a lattice of 1/100 of a scale."""
    low, high = density.support
    places = np.linspace(low, high, int(np.ceil((high - low) / density.scale * 100)))
    return float(np.abs(np.diff(density.pdf(places), 2)).sum() / (places[1] - places[0]) * (1 + 1e-3))


def _bias_smooth() -> Search:
    def design(values: Mapping[str, Any]) -> Design:
        density = _mixture(values)
        h = values["width"] * density.scale

        def bias() -> Any:
            return np.array(sum(sim.tv_quadrature(density.smoothed(h), density, tolerance=1e-10)))

        return Design(
            label=density.label,
            values={"h": h, "L1": _roughness(density)},
            evidence=Exact(values=bias, upper=1.0),
        )

    axes = {"width": Axis(low=0.1, high=10, log=True), **_SHAPE}
    return Search(result=bounds.get("kde/bias/smooth"), axes=axes, design=design)


def _bias_torus(key: str) -> Search:
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        h, c, d = values["h"], values["c"], values.get("d", 1)
        circle = sim.CosineTorus(c)

        def bias() -> Any:
            if d > 1:
                return np.array(_product_bias(c, h, d))
            return np.array(sim.tv_quadrature(circle.smoothed(h), circle, tolerance=1e-13)[0])

        return Design(label=f"cosine, d={d}", values=dict(values), evidence=Exact(values=bias, upper=1.0))

    axes = {"h": Axis(low=0.03, high=1, log=True), "c": _NOT_FLAT}
    if "d" in result.names:
        axes["d"] = Axis(low=1, high=3, integer=True)
    return Search(result=result, axes=axes, design=design)


def _variance(key: str, names: tuple[str, ...], axes: Axes) -> Search:
    """One step after generation i, of a schedule by number."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        loop, h = loop_at(names[values["schedule"]], values, values["i"] + 1), values["h"]
        if "space" in values:
            d = _dimension(values)
            return _spread(sim.CosineTorus(values["c"], d), h, loop, (values["i"],), d=d)
        if "sigma" in values:
            return _spread(NormalDensity(0.0, values["sigma"]), h, loop, (values["i"],), sigma=values["sigma"])
        p = _mixture(values)
        sigma = float(np.sqrt(p.weights @ (p.sigmas**2 + p.means**2) - (p.weights @ p.means) ** 2))
        return _spread(p, h, loop, (values["i"],), sigma=sigma)

    schedule = Axis(low=0, high=len(names) - 1, integer=True)
    shares = {"alpha": Axis(low=0, high=1)} if len(names) > 1 else {}
    size = {"n": Axis(low=1, high=100, integer=True, log=True), "i": Axis(low=1, high=4, integer=True)}
    return Search(result=result, axes={"schedule": schedule, **size, **shares, **axes}, design=design)


SEARCHES: tuple[Search, ...] = (
    *_loops(),
    _bias_gaussian(),
    _bias_smooth(),
    _bias_torus("kde/bias/torus"),
    _bias_torus("kde/bias/torus-d"),
    _variance("kde/variance/line", SCHEDULES, {"h": _LINE["h"], **_SHAPE}),
    _variance("kde/variance/line-gaussian", ("replace",), _LINE),
    _variance("kde/variance/torus", ("replace", "fresh"), _TORUS),
)

__all__ = ["SEARCHES"]
