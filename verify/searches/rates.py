"""A search for the published order of the gap: exponents of its terms and of the gap itself, exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim

from ..binary_loop import BinaryLearning, BinaryLoop
from ..case import Array, Design, Exact, Exponent
from ..search import Axis, Search
from .stability_recursive import gamma

Values: TypeAlias = Mapping[str, Any]
Measure: TypeAlias = Callable[[BinaryLearning, int, float], float]

_SIZES = (20, 40, 80, 160)
_SHARES = 20  # of this many parts of each size, all whole


def worst_gaps(learning: BinaryLearning, i: int, delta: float) -> float:
    """Return the mean of |gap| of the learner of generation i+1 over the largest ones, of probability delta, exactly.

    It is the average of the quantiles at all smaller levels, and so of the same order in n as they are; unlike a
    quantile it does not jump with n.
    """
    loop = learning.loop
    gaps = np.abs(learning.gaps)[np.arange(loop.reused + 1)[:, None] + np.arange(loop.synthetic + 1)].ravel()
    order = np.argsort(-gaps)
    reached = np.minimum(np.cumsum((loop.chances[:, None] * loop.laws(i)).ravel()[order]), delta)
    return float(np.diff(reached, prepend=0.0) @ gaps[order] / delta)


_MEASURES: tuple[tuple[str, Measure], ...] = (
    ("", worst_gaps),
    ("beta_n", lambda learning, i, delta: learning.stability),
    ("gamma_n", lambda learning, i, delta: gamma(learning.loop, i)),
    ("eps", lambda learning, i, delta: learning.loop.mean(learning.loop.distances, i - 1)),
)
"""What is measured, by the term of the published bound that it stands for: the gap, for all of it, or one term."""


def _learning(values: Values, n: int) -> BinaryLearning:
    """Return ridge regression on two equally likely atoms, with label 1 and another one."""
    loop = BinaryLoop(n, round(values["alpha"] * _SHARES) * n // _SHARES, 0.5, values["omega"])
    return BinaryLearning(loop, sim.Ridge(values["mu"]), x=(1.0, values["x"]), y=(1.0, values["y"]))


def _design(values: Values) -> Design:
    """One real share at all sizes; constants of the bound are their own bounds, whose orders are known."""
    term, measure = _MEASURES[values["term"]]
    i, n, learner = values["i"], np.array(_SIZES), sim.Ridge(values["mu"])
    loops = [_learning(values, size) for size in _SIZES]
    space = {"K": 2, "omega": values["omega"]}

    def measured() -> Array:
        return np.array([measure(learning, i, values["delta"]) for learning in loops])

    return Design(
        label=f"{term or 'gap'}, {learner.label}, i={i}",
        values={
            "n": n,
            "alpha": loops[0].loop.alpha,
            "i": i,
            "M": learner.M,
            "beta_n": bounds.get("stability/erm/ridge")(n=n, mu=learner.lam),
            "gamma_n": bounds.get("recursive-stability/categorical-coupled")(
                n=n, alpha=loops[0].loop.alpha, i=i, **space
            ),
            "eps": bounds.get("categorical/one-step/fixed")(n=n, u=0.0, **space),
            "delta": values["delta"],
        },
        evidence=Exponent(along="n", measured=Exact(values=measured), term=term),
    )


SEARCHES: tuple[Search, ...] = (
    Search(
        result=bounds.get("paper/stl-theorem-1"),
        axes={
            "term": Axis(low=0, high=len(_MEASURES) - 1, integer=True),
            "alpha": Axis(low=1 / _SHARES, high=1 - 1 / _SHARES),
            "i": Axis(low=1, high=20, integer=True, log=True),
            "omega": Axis(low=0.2, high=0.9),
            "mu": Axis(low=0.5, high=20, log=True),
            "x": Axis(low=0, high=1),
            "y": Axis(low=-1, high=0),
            "delta": Axis(low=0.05, high=0.9, log=True),
        },
        design=_design,
    ),
)

__all__ = ["SEARCHES"]
