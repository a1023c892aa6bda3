"""Which points of a box are tried: the centre, the faces and corners, then what a global optimiser asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import TypeAlias

import numpy as np
from scipy.optimize import differential_evolution

from .case import Array
from .search import Axis

Values: TypeAlias = dict[str, int | float]

_RESTARTS = 50
"""Most runs of the optimiser, which ends a run when all of its points are equally bad."""

_SMALLEST_STEP = 1e-4


class _SpentError(Exception):
    """What may be spent is spent."""


def value_on(axis: Axis, share: float) -> int | float:
    """Return the value at a share in [0, 1] of the way from the lowest to the highest, int on an integer axis."""
    if share in (0, 1):
        value = axis.high if share else axis.low
    elif axis.log:
        value = axis.low * (axis.high / axis.low) ** share
    else:
        value = axis.low + share * (axis.high - axis.low)
    value = min(max(value, axis.low), axis.high)
    return round(value) if axis.integer else float(value)


def grid_size(axes: Mapping[str, Axis]) -> float:
    """Return the number of points of a box: infinite unless every axis is integer or a single value."""
    sizes = [
        axis.high - axis.low + 1 if axis.integer else 1 if axis.low == axis.high else math.inf for axis in axes.values()
    ]
    return math.prod(sizes)


@dataclass(eq=False)
class _Ledger:
    """The points tried so far with their scores; a point that returns costs nothing."""

    axes: Mapping[str, Axis]
    score: Callable[[Values], float]
    left: int
    tried: dict[tuple[int | float, ...], float]
    shares: list[tuple[float, Array]]
    reserve: int = 0

    def __call__(self, shares: Array) -> float:
        """Return minus the score at shares of the axes, (axes,)."""
        places = zip(self.axes.items(), shares.tolist(), strict=True)
        values = {name: value_on(axis, share) for (name, axis), share in places}
        key = tuple(values.values())
        if key not in self.tried:
            if self.left <= self.reserve:
                raise _SpentError
            self.left -= 1
            self.tried[key] = self.score(values)
            self.shares.append((-self.tried[key], np.array(shares)))
        return -self.tried[key]

    def best(self, count: int) -> list[tuple[float, Array]]:
        """Return the lowest values and their shares; of equal ones the first tried."""
        return sorted(self.shares, key=lambda pair: pair[0])[:count]


def explore(
    axes: Mapping[str, Axis], score: Callable[[Values], float], budget: int, seed: int
) -> list[tuple[Values, float]]:
    """Return the points tried, at most `budget`, with their scores, the largest score first.

    A box of at most `budget` points is tried whole. Otherwise a third of the budget goes to the centre, the faces and
    corners of the box, about as much to differential evolution, started from the best of them and from random points,
    and the rest to steps along the axes from the best point. Same seed, same points.

    Parameters
    ----------
    axes : mapping of str to Axis
    score : callable
        From a value of every axis by name to a finite number.
    budget : int
        At least 1.
    seed : int
    """
    ledger = _Ledger(axes, score, budget, {}, [])
    if grid_size(axes) <= budget:
        ranges = (range(int(a.low), int(a.high) + 1) if a.integer else (float(a.low),) for a in axes.values())
        for point in product(*ranges):
            ledger.tried[point] = score(dict(zip(axes, point, strict=True)))
    else:
        _ends(ledger, math.ceil(budget / 3), np.random.default_rng([seed, 0]))
        for phase, reserve in ((_evolve, 0.3), (_step, 0.0), (_evolve, 0.0)):
            ledger.reserve = int(reserve * budget)
            with suppress(_SpentError):
                phase(ledger, seed)
    ranked = sorted(ledger.tried.items(), key=lambda item: -item[1])  # stable: of equal ones the first tried
    return [(dict(zip(axes, point, strict=True)), value) for point, value in ranked]


def _ends(ledger: _Ledger, most: int, rng: np.random.Generator) -> None:
    """Try the centre, the middle of every face, and corners, all of them or as many random ones as there is room."""
    d = len(ledger.axes)
    faces = [np.where(np.arange(d) == k, end, 0.5) for k in range(d) for end in (0.0, 1.0)]
    for shares in islice([np.full(d, 0.5), *faces], most):
        ledger(shares)
    room = most - 1 - 2 * d
    if 2**d <= room:
        corners = np.array(list(product((0.0, 1.0), repeat=d)))
    else:
        corners = rng.integers(0, 2, size=(max(0, room), d)).astype(float)
    for shares in corners:
        ledger(shares)


def _evolve(ledger: _Ledger, seed: int) -> None:
    """Run differential evolution until the budget is spent, from the best points once and then from random ones."""
    d = len(ledger.axes)
    size = max(8, min(3 * d, ledger.left // 6))
    for run in range(_RESTARTS):
        rng = np.random.default_rng([seed, 1, run])
        kept = ledger.best(0 if run else size // 2)
        others = rng.random((size - len(kept), d))
        differential_evolution(
            ledger,
            [(0.0, 1.0)] * d,
            init=np.vstack([*(shares for _, shares in kept), others]),
            seed=int(rng.integers(2**31)),
            maxiter=10_000,
            tol=1e-6,
            polish=False,
        )


def _step(ledger: _Ledger, seed: int) -> None:
    """Go from the best point along single axes, to their ends and by steps that are halved when none helps."""
    (value, place), *_ = ledger.best(1)
    size = 0.25
    while size > _SMALLEST_STEP:
        moved = False
        for k in range(place.size):
            for share in (0.0, 1.0, place[k] - size, place[k] + size):
                tried = place.copy()
                tried[k] = min(max(share, 0.0), 1.0)
                if (found := ledger(tried)) < value:
                    value, place, moved = found, tried, True
        size = size if moved else size / 2


__all__ = ["Values", "explore", "grid_size", "value_on"]
