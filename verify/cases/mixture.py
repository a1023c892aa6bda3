"""Cases for the propagation of error through loops of mixtures fitted by EM.

Nothing is claimed about EM: propagation holds for any model, given the errors of its single steps, and here these are
measured along every path. The triangle inequality holds on every path, and not only on average.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Case, Design, Exact, Setting
from .diffusion import PROPAGATED
from .reasons import answers

SCHEDULES: Mapping[str, sim.Schedule] = {
    "replace": sim.Replace(),
    "fresh": sim.Fresh(0.5),
    "accumulate": sim.Accumulate(),
    "subsample": sim.Subsample(),
    "stratified": sim.Stratified(0.2),
    "fixed": sim.Fixed(0.2),
    "expand": sim.Expand(2.0),
}
CONSTANT: Mapping[str, str] = {
    **PROPAGATED,
    "one-step-errors": "the largest of the path's own TV(P_{j+1}, Q_j), lowered by its error",
}
ORDERED: Mapping[str, str] = {
    **PROPAGATED,
    "one-step-errors": "c is the least for which c N^-a bounds the path's own TV(P_{j+1}, Q_j), lowered by their error",
}
POWER = 0.5  # of the sample size, for one-step errors: what a regular parametric model has
_PATHS = 16
_N, _LAST = 100, 10
_AT = tuple(range(2, _LAST + 1))  # the first generation is its own one-step error: equal, but for numerical error
_RECORD = ("tv", "tv_error", "one_step_tv", "one_step_tv_error")
_LAW = sim.NormalMixture(np.array([0.3, 0.7]), np.array([-1.5, 0.5]), np.array([0.4, 0.8]))
MODEL = sim.MixtureEM(_LAW, 2, start="last", block=_PATHS)


@lru_cache(maxsize=16)
def paths(name: str) -> tuple[Array, Array]:
    """Return TV(P_i, P), raised, and TV(P_i, Q_{i−1}), lowered, of several loops, each (paths, generations)."""
    found = sim.simulate(
        MODEL, SCHEDULES[name], n=_N, generations=_LAST, replications=_PATHS, seed=1, record=list(_RECORD)
    )
    tv, tv_error, step, step_error = (np.asarray(found[key].values, dtype=float) for key in _RECORD)
    return tv + tv_error, np.maximum(step - step_error, 0.0)


def _design(name: str, values: dict[str, Any], *at: int) -> Design:
    """One point per path and generation."""
    tv, span = paths(name)[0][:, np.array(at) - 1], "-".join(map(str, sorted({at[0], at[-1]})))
    return Design(
        label=f"{SCHEDULES[name]}, {MODEL.K} components by EM, n={_N}, {_PATHS} paths, i={span}",
        values=values,
        evidence=Exact(values=lambda: tv, upper=1.0),
    )


def _general(result: Result, name: str) -> list[Design]:
    """The errors of all steps, and the schedule's matrix."""
    B, steps = SCHEDULES[name].weights(_LAST), paths(name)[1]
    return [_design(name, {"B": B[:i, :i], "eps": steps[:, None, :i]}, i) for i in (_LAST, 3)]


def _constant(result: Result, name: str) -> list[Design]:
    """One number for the errors of all steps up to the last, the same for all generations."""
    share = {"alpha": getattr(SCHEDULES[name], "alpha", 0.0)} if "alpha" in result.names else {}
    return [_design(name, {**share, "eps": paths(name)[1].max(axis=1)[:, None], "i": np.array(_AT)}, *_AT)]


def _ordered(result: Result, name: str) -> list[Design]:
    """One constant for all steps, whose training sets grow."""
    sizes = SCHEDULES[name].sizes(_N, _LAST)
    c = (paths(name)[1] * sizes**POWER).max(axis=1)[:, None]
    return [_design(name, {"c": c, "n": _N, "a": POWER, "i": np.array(_AT)}, *_AT)]


def _case(
    key: str, names: tuple[str, ...], make: Callable[[Result, str], list[Design]], reasons: Mapping[str, str]
) -> Case:
    result: Result = bounds.get(key)

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = [make(result, name) for name in names]
        return tuple(design for same in zip(*made, strict=True) for design in same)

    return Case(result=result, name="mixture", designs=designs, because=answers(result, reasons))


CASES: tuple[Case, ...] = (
    _case("tv/propagation", tuple(SCHEDULES), _general, PROPAGATED),
    *(
        _case(f"tv/propagation/{name}", (name,), _constant, CONSTANT)
        for name in ("replace", "fresh", "stratified", "fixed", "subsample")
    ),
    _case("tv/propagation/accumulate", ("accumulate",), _ordered, ORDERED),
)
