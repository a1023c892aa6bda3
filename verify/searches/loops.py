"""What the searches of discrete loops share: axes, the loop and the real distribution at a point, and its evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import sim

from ..case import Array, Bounded, Exact
from ..cases.discrete_exact import Loop
from ..laboratory import exact_law, stream
from ..search import Axis

SCHEDULES = ("replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand")
SHARES: Mapping[str, Mapping[str, Axis]] = {
    **{name: {"alpha": Axis(low=0, high=1)} for name in ("fresh", "stratified", "fixed")},
    **{name: {} for name in ("replace", "accumulate", "subsample")},
    "expand": {"lam": Axis(low=0, high=8)},
}
"""The axes of the parameters of each schedule."""
SHAPE: Mapping[str, Axis] = {"odds": Axis(low=1e-3, high=1e3, log=True), "ratio": Axis(low=0.05, high=1)}
"""The shape of the real distribution; see `shape`."""
ATOMS = Axis(low=2, high=30, integer=True, log=True)  # with one there is nothing to learn
LEVELS = Axis(low=1e-3, high=0.9, log=True)
WEIGHTS: Mapping[str, Axis] = {
    "generations": Axis(low=1, high=12, integer=True),
    "share": Axis(low=0, high=1),
    "memory": Axis(low=1e-3, high=10, log=True),
    "growth": Axis(low=0.7, high=1.5, log=True),
}
"""The matrix of a weighted schedule and its sample sizes; see `weighted`."""
_EXACT_SIZES = {"fixed": (60, 50), "accumulate": (20, 12), "subsample": (20, 12), "expand": (20, 20)}
_CHEAP = 2e7
_CHEAP_POOLED = 1e6  # the work of many small steps


def shape(values: Mapping[str, Any]) -> tuple[float, ...]:
    """Return K probabilities proportional to odds, 1, ratio, ratio^2, ..."""
    weights = np.array([values["odds"], *values["ratio"] ** np.arange(values["K"] - 1)])
    return tuple((weights / weights.sum()).tolist())


def exact_axes(name: str) -> dict[str, Axis]:
    """Return the axes of a schedule in which the exact law always takes a moment only."""
    n, i = _EXACT_SIZES.get(name, (200, 100))
    return {
        "n": Axis(low=1, high=n, integer=True, log=True),
        **SHARES[name],
        "i": Axis(low=1, high=i, integer=True, log=True),
    }


def wide_axes(name: str) -> dict[str, Axis]:
    """Return the axes of a schedule with large samples, which are simulated."""
    return {
        "n": Axis(low=1, high=10_000, integer=True, log=True),
        **SHARES[name],
        "i": Axis(low=1, high=100, integer=True, log=True),
    }


def loop_at(name: str, values: Mapping[str, Any], generations: int) -> Loop:
    """Return the loop at a point: where points are counted, as many as come nearest to their share."""
    n = int(values["n"])
    params = {share: values[share] if name == "fresh" else round(values[share] * n) / n for share in SHARES[name]}
    return Loop(name, n, generations, tuple(params.items()))


def cheap(loop: Loop, p: tuple[float, ...]) -> bool:
    """Tell whether the exact law takes a moment only."""
    most = _CHEAP_POOLED if loop.name in ("accumulate", "subsample") else _CHEAP
    return sim.exact_cost(loop.schedule, loop.n, np.array(p), loop.generations) <= most


def last_exact(loop: Loop, p: tuple[float, ...], quantity: str) -> Exact:
    """Return the exact value in the last generation."""
    law = exact_law  # computed when the values are asked for
    return Exact(values=lambda: np.array(getattr(law(loop.schedule, loop.n, p, loop.generations), quantity)[-1]))


def last_tv(loop: Loop, p: tuple[float, ...]) -> Exact | Bounded:
    """Return the exact E TV in the last generation, or replications of it where the exact law takes long."""
    if cheap(loop, p):
        return last_exact(loop, p, "tv")
    model = sim.Discrete(np.array(p))
    return Bounded(blocks=stream(model, loop.schedule, loop.n, "tv", (loop.generations,)))


def weighted(values: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return B and sample sizes: rows of sum `share`, weights by powers of `memory` of the age, sizes by `growth`.

    A small memory is that of the last generation only, a large one that of the first; 1 weighs all alike.
    """
    g, rows = values["generations"], np.arange(values["generations"])
    age = rows[:, None] - 1 - rows
    raw = np.where(age >= 0, float(values["memory"]) ** np.maximum(age, 0), 0.0)
    sums = raw.sum(axis=1, keepdims=True)
    sizes = np.maximum(1, np.round(values["n"] * values["growth"] ** np.arange(g))).astype(int)
    return values["share"] * raw / np.where(sums > 0, sums, 1.0) * (1 - 1e-15), sizes


def last_of_weighted(metric: str, weights: Array, sizes: Array, p: tuple[float, ...]) -> Any:
    """Return replications of a metric of the last generation of a weighted schedule."""
    schedule = sim.Weighted(weights, tuple(sizes.tolist()))
    return stream(sim.Discrete(np.array(p)), schedule, int(sizes[0]), metric, (sizes.size,))
