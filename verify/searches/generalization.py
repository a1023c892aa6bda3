"""Searches for generalization in the loop, on average: exact on points of two kinds, distances of three kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import binom

import bounds
import sim

from ..binary_loop import BinaryLearning, BinaryLoop
from ..case import Array, Design, Exact, Signed
from ..cases.generalization import named
from ..laboratory import stream
from ..search import Axis, Search
from ..stacked import instance
from .loops import SHAPE
from .stability_recursive import SMOOTHING, gamma, reused

Values: TypeAlias = Mapping[str, Any]

ATOMS = {"K": Axis(low=2, high=50, integer=True, log=True)}
ANY_SMOOTHING = {"omega": Axis(low=0, high=1)}
KINDS: Mapping[str, Axis] = {"p": Axis(low=0, high=1), "x": Axis(low=0, high=1), "y": Axis(low=-1, high=0.5)}
"""Probability of the first kind, with feature 1 and label 1; feature and label of the second, never the same."""
PENALTY = {"mu": Axis(low=0.01, high=100, log=True)}
STABILITY = {"beta_n": Axis(low=1e-5, high=1, log=True)}
LEARNER = {"learner": Axis(low=0, high=1, integer=True)}
_ALPHA = {"alpha": Axis(low=0, high=1)}
_HALVINGS = 15
_EXACT = 400  # points up to which the exact law takes a moment


def sizes(n: int, i: int) -> dict[str, Axis]:
    """Return the axes of a loop up to these numbers."""
    many = {"n": n, "i": i}
    return {name: Axis(low=1, high=most, integer=True, log=True) for name, most in many.items()} | _ALPHA


def learning_at(values: Values, least: int) -> BinaryLearning:
    """Return the learner in the loop at a point: at least so many points are reused; ridge regression by default.

    Without a penalty it is the least, from 0.01 on and up to 0.1 %, at which the learner is as stable as `beta_n` says.
    """
    kept, logistic = reused(values, least), values.get("learner", 0)
    loop = BinaryLoop(values["n"], kept, values["p"], values["omega"], values.get("K", 2))

    def learning(mu: float) -> BinaryLearning:
        learner = (sim.Logistic if logistic else sim.Ridge)(mu)
        return BinaryLearning(loop, learner, x=(1.0, values["x"]), y=(1.0, -1.0 if logistic else values["y"]))

    if "mu" in values:
        return learning(values["mu"])
    low, high = 0.01, 1e7
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if learning(middle).stability > values["beta_n"] else (low, middle)
    return learning(high)


def constants(learning: BinaryLearning, i: int, beta: float) -> dict[str, Any]:
    """Return what the general results know of a loop of two atoms, exactly but for the learner's stability."""
    loop = learning.loop
    return {
        "n": loop.n,
        "alpha": loop.alpha,
        "i": i,
        "M": learning.length,
        "beta_n": beta,
        "gamma_n": gamma(loop, i),
        "tv": loop.mean(loop.distances, i - 1),
    }


def _gap(learning: BinaryLearning, i: int, known: dict[str, Any], upper: float) -> Design:
    evidence = Exact(values=lambda: np.asarray(abs(learning.mean_gap(i))), upper=upper)
    return Design(label=f"{named(learning)}, i={i}", values=known, evidence=evidence)


def _general(key: str) -> Search:
    result = bounds.get(key)

    def design(values: Values) -> Design:
        learning, i = learning_at(values, 0), values["i"]
        known = constants(learning, i, values["beta_n"])
        if "eps" in result.names:
            del known["tv"]
            known["eps"] = max(learning.loop.one_step(j) for j in range(i))
        return _gap(learning, i, known, learning.length)

    axes = {**sizes(100, 10), **ANY_SMOOTHING, **STABILITY, **LEARNER, **KINDS}
    return Search(result=result, axes=axes, design=design)


def spread(learning: BinaryLearning) -> sim.LabelledAtoms:
    """Return the points as K atoms, of which all but the first are alike and equally likely."""
    (x, others), (y, other), loop = learning.x, learning.y, learning.loop
    rest = loop.K - 1
    return sim.LabelledAtoms(
        x=np.array([x, *[others] * rest])[:, None],
        y=np.array([y, *[other] * rest]),
        p=np.array([loop.p, *[(1 - loop.p) / rest] * rest]),
    )


def _ridge(key: str) -> Search:
    """Exact in small loops, sampled in large ones."""
    result, average = bounds.get(key), key.endswith("/average")

    def design(values: Values) -> Design:
        learning, i = learning_at(values, 1 if average else 0), values["i"]
        known = instance(learning, i)
        if learning.loop.n <= _EXACT:
            return _gap(learning, i, known, learning.learner.M)
        model = sim.Labelled(spread(learning), learning.learner, values["omega"])
        blocks = stream(model, sim.Fixed(learning.loop.alpha), learning.loop.n, "gap", (i + 1,))
        evidence = Signed(blocks=blocks, reach=learning.learner.M)
        return Design(label=f"{named(learning)}, i={i}", values=known, evidence=evidence)

    smoothing = Axis(low=0, high=0.99) if average else Axis(low=0.05, high=0.99, log=True)
    axes = {**sizes(100_000_000, 20), **ATOMS, "omega": smoothing, **PENALTY, **KINDS}
    return Search(result=result, axes=axes, design=design)


# --- smoothed frequencies: their mean, and how far they are from P ----------------------------------------------------


def _mean() -> Search:
    """One atom and the rest."""

    def design(values: Values) -> Design:
        n, i, K, kept = values["n"], values["i"], values["K"], reused(values, 0)
        loop = BinaryLoop(n, kept, values["p"], values["omega"], K)
        return Design(
            label=f"n={n}, {K} atoms",
            values={"n": n, "alpha": loop.alpha, "i": i, "K": K, "omega": loop.omega, "p": loop.p},
            evidence=Exact(values=lambda: np.asarray(loop.mean(loop.fits, i - 1))),
        )

    axes = {**sizes(200, 30), **ATOMS, "omega": Axis(low=1e-3, high=1, log=True), "p": KINDS["p"]}
    return Search(result=bounds.get("categorical/mean/fixed"), axes=axes, design=design)


def three_kinds(values: Values) -> list[tuple[float, int]]:
    """Return the probabilities of the atoms, and how many have each: in proportion to odds, 1 and ratio."""
    K = values["K"]
    weights, counts = np.array([values["odds"], 1.0, values["ratio"]]), np.array([1, K // 2, (K - 1) // 2])
    p = weights / (weights @ counts)
    return list(zip(p.tolist(), counts.tolist(), strict=True))


def _far(kinds: list[tuple[float, int]], K: int) -> float:
    """Return TV(U, P)."""
    return sum(count * abs(p - 1 / K) for p, count in kinds) / 2


def mean_deviation(n: int, p: float, omega: float, shift: float) -> float:
    """Return E|(1 - omega) X/n + shift| for X distributed as Binomial(n, p), from the distribution function.

    With t the place where it vanishes, E|X - t| = 2 E (t - X)₊ + n p - t.
    """
    if omega == 1:
        return abs(shift)
    t = -shift * n / (1 - omega)
    below = t * binom.cdf(t, n, p) - n * p * binom.cdf(t - 1, n - 1, p)
    return float((1 - omega) / n * (2 * below + n * p - t))


def _one_step() -> Search:
    def design(values: Values) -> Design:
        n, K, omega, kinds = values["n"], values["K"], values["omega"], three_kinds(values)

        def value() -> Array:
            return np.asarray(sum(count * mean_deviation(n, p, omega, omega / K - p) for p, count in kinds) / 2)

        return Design(
            label=f"n={n}, {K} atoms",
            values={"n": n, "K": K, "omega": omega, "u": _far(kinds, K)},
            evidence=Exact(values=value, upper=1.0),
        )

    axes = {"n": Axis(low=1, high=1_000_000, integer=True, log=True), **ATOMS, "omega": SMOOTHING, **SHAPE}
    return Search(result=bounds.get("categorical/one-step/fixed"), axes=axes, design=design)


def _distance(key: str) -> Search:
    result = bounds.get(key)

    def design(values: Values) -> Design:
        n, i, K, omega, kept = values["n"], values["i"], values["K"], values["omega"], reused(values, 0)
        kinds = three_kinds(values)

        def value() -> Array:
            total = 0.0
            for p, count in kinds:
                loop = BinaryLoop(n, kept, p, omega, K)
                total += count * loop.mean(np.abs(loop.fits - p), i - 1) if count else 0.0
            return np.asarray(total / 2)

        return Design(
            label=f"n={n}, {K} atoms",
            values={"n": n, "alpha": kept / n, "i": i, "K": K, "omega": omega, "u": _far(kinds, K)},
            evidence=Exact(values=value, upper=1.0),
        )

    return Search(result=result, axes={**sizes(200, 20), **ATOMS, "omega": SMOOTHING, **SHAPE}, design=design)


_EXPECTATION, _RIDGE = "generalization/expectation", "generalization/categorical-ridge"
SEARCHES: tuple[Search, ...] = (
    _general(_EXPECTATION),
    _general(f"{_EXPECTATION}/propagated"),
    _ridge(_RIDGE),
    _ridge(f"{_RIDGE}/average"),
    _mean(),
    _one_step(),
    _distance("tv/categorical/fixed"),
    _distance("tv/categorical/lower/fixed"),
)

__all__ = ["SEARCHES", "constants", "learning_at", "three_kinds"]
