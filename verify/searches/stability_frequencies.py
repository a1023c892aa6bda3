"""Searches for recursive stability of smoothed frequencies: of two atoms, and of pairs of real data on more."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from scipy.special import gammaln

import bounds

from ..binary_loop import BinaryLoop
from ..case import Array, Design
from ..search import Axis, Search
from .stability_recursive import SHARE, SMOOTHING, exact, gamma, reused, sizes

Values: TypeAlias = Mapping[str, Any]

_SMALL = 36  # up to so many points the chain of two counts takes a moment


def _divergence() -> Search:
    """A point moves from one atom to another; `source` and `target` are shares of the other points on these two."""

    def design(values: Values) -> Design:
        n, K, omega = values["n"], values["K"], values["omega"]
        a = round(values["source"] * (n - 1))
        b = n - 1 - a if K == 2 else round(values["target"] * (n - 1 - a))

        def value() -> Array:
            step = (1 - omega) / n
            x, z = (step * count + omega / K for count in (a + 1, b))  # the other atoms keep their probabilities
            return np.asarray(-x * np.log1p(-step / x) - z * np.log1p(step / z))

        return exact(f"{K} atoms, n={n}", {"n": n, "K": K, "omega": omega}, value, math.inf)

    axes = {
        "n": Axis(low=1, high=10_000, integer=True, log=True),
        "K": Axis(low=2, high=100, integer=True, log=True),
        "omega": SMOOTHING,
        "source": Axis(low=0, high=1),
        "target": Axis(low=0, high=1),
    }
    return Search(result=bounds.get("recursive-stability/categorical/divergence"), axes=axes, design=design)


def _frequencies(key: str) -> Search:
    """A pair of real data in which a reused point moves; in a small loop on two atoms all pairs, which is γ.

    The TV is that of the counts of both atoms that it moves between, in a large loop of one of them: at most γ.
    Of the points that do not move a share `near` lies on the two atoms, `lean` of these on the one that is left.
    """
    result = bounds.get(f"recursive-stability/{key}")

    def design(values: Values) -> Design:
        n, i, K, omega, kept = values["n"], values["i"], values["K"], values["omega"], reused(values)
        near = [round(values["near"] * size) for size in (kept - 1, n - kept)]
        pairs = [(round(values["lean"] * size), size - round(values["lean"] * size)) for size in near]

        def value() -> Array:
            if n > _SMALL:
                return np.asarray(_count_distance(BinaryLoop(n, kept, 0.5, omega, K), pairs[0][0], pairs[1][0], i))
            if K == 2:
                return np.asarray(gamma(BinaryLoop(n, kept, 0.5, omega), i))
            return np.asarray(pair_distance(n, kept, (pairs[0], pairs[1]), (K, omega), i))

        return exact(f"{K} atoms, n={n}", {"n": n, "alpha": kept / n, "i": i, "K": K, "omega": omega}, value)

    axes = {**sizes(400), **SHARE, "i": Axis(low=1, high=20, integer=True, log=True)}
    axes |= {"K": Axis(low=2, high=30, integer=True, log=True), "omega": Axis(low=0.05, high=1, log=True)}
    axes |= {"near": Axis(low=0, high=1), "lean": Axis(low=0, high=1)}
    return Search(result=result, axes=axes, design=design)


def _count_distance(loop: BinaryLoop, real: int, rest: int, i: int) -> float:
    """Return the TV of the laws of generation i's count of an atom which a reused point leaves.

    There are so many other reused points and points that only generation 1 sees.
    """
    laws = []
    for moved in (1, 0):
        kernel = loop.kernel(real + moved)
        law = kernel[rest]
        for _ in range(1, i):
            law = law @ kernel
        laws.append(law)
    return float(np.abs(laws[0] - laws[1]).sum() / 2)


def pair_distance(
    n: int, kept: int, others: tuple[tuple[int, int], tuple[int, int]], fit: tuple[int, float], i: int
) -> float:
    """Return the TV of the laws of generation i's counts of two atoms when a reused point moves between them.

    Parameters
    ----------
    n, kept : int
        Points of a generation, and how many of them are reused.
    others : two pairs of int
        Points on the two atoms besides the one that moves: reused ones, and ones that only generation 1 sees.
    fit : int, float
        Number of atoms, and smoothing.
    i : int
        Generation.
    """
    (K, omega), m = fit, n - kept
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(m + 1), np.arange(m + 1), indexing="ij"))
    states = np.stack([a, b, m - a - b], axis=1)[a + b <= m]
    ways = gammaln(m + 1) - gammaln(states + 1).sum(axis=1)
    uniform = omega * np.array([1, 1, K - 2]) / K
    first = np.array([*others[1], m - sum(others[1])])

    def law(moved: tuple[int, int]) -> Array:
        real = np.array([others[0][0] + moved[0], others[0][1] + moved[1], kept - 1 - sum(others[0])])

        def after(before: Array) -> Array:
            return np.asarray(np.exp(ways + np.log((1 - omega) * (real + before) / n + uniform) @ states.T))

        found = after(first[None])[0]
        kernel = after(states) if i > 1 else None
        for _ in range(1, i):
            found = found @ kernel
        return np.asarray(found)

    return float(np.abs(law((1, 0)) - law((0, 1))).sum() / 2)


def _average() -> Search:
    """On average over the real points: for two atoms exactly, for more of the count of one of them."""
    result = bounds.get("recursive-stability/categorical-average")

    def design(values: Values) -> Design:
        n, i, K, kept = values["n"], values["i"], values["K"], reused(values)
        loop = BinaryLoop(n, kept, values["p"], values["omega"], K)
        known = {"n": n, "alpha": loop.alpha, "i": i, "K": K, "omega": loop.omega}
        return exact(f"{K} atoms, P={loop.p:g}, n={n}", known, lambda: np.asarray(loop.average_sensitivity(i)))

    axes = {**sizes(150), **SHARE, "i": Axis(low=1, high=10, integer=True, log=True)}
    axes |= {"K": Axis(low=2, high=10, integer=True, log=True)}
    axes |= {"omega": Axis(low=0, high=1), "p": Axis(low=0, high=1)}
    return Search(result=result, axes=axes, design=design)


SEARCHES: tuple[Search, ...] = (
    _divergence(),
    _frequencies("categorical"),
    _frequencies("categorical-coupled"),
    _average(),
)

__all__ = ["SEARCHES", "pair_distance"]
