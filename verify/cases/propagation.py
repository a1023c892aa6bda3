"""Cases for the propagation of total variation error: discrete loops, with one-step errors known exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Bounded, Case, Design, Exact, Exceedance, Setting
from ..laboratory import affordable, exact_law, stream, until
from .discrete_exact import LOOPS, Loop
from .discrete_sampled import mixing
from .reasons import DISCRETE_CHAIN, DISCRETE_SAMPLER, answers


def _exact_case(
    result: Result, loops: tuple[Loop, ...], make: Callable[[Loop, str, tuple[float, ...]], list[Design]]
) -> Case:
    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for loop in loops:
            for name, p in setting.discrete.items():
                if affordable(loop.schedule, loop.n, p, loop.generations):
                    made += make(loop, name, p)
        return tuple(made)

    return Case(result=result, name="exact", designs=designs, because=answers(result, DISCRETE_CHAIN))


def _closed(loop: Loop, name: str, p: tuple[float, ...]) -> list[Design]:
    """The largest one-step error of the loop is the common ε."""
    law = exact_law(loop.schedule, loop.n, p, loop.generations)
    at = np.array(until(loop.generations, 100))
    values: dict[str, Any] = {**dict(loop.params), "eps": float(law.one_step.max()), "i": at}
    return [Design(label=f"{loop}, {name}", values=values, evidence=Exact(values=lambda: law.tv[at - 1], upper=1.0))]


def _general(loop: Loop, name: str, p: tuple[float, ...]) -> list[Design]:
    """The schedule's matrix and the exact one-step errors, for two numbers of generations."""
    law = exact_law(loop.schedule, loop.n, p, loop.generations)
    return [
        Design(
            label=f"{loop}, {name}, i={g}",
            values={"B": loop.schedule.weights(g), "eps": law.one_step[:g]},
            evidence=Exact(values=partial(law.tv.__getitem__, g - 1), upper=1.0),
        )
        for g in (loop.generations, 2)
    ]


def _accumulate(loop: Loop, name: str, p: tuple[float, ...]) -> list[Design]:
    """The discrete one-step error on N points is at most c N^(-1/2) with c = √(K−1)/2."""
    law = exact_law(loop.schedule, loop.n, p, loop.generations)
    at = np.array(until(loop.generations, 100))
    values = {"c": np.sqrt(len(p) - 1) / 2, "n": loop.n, "a": 0.5, "i": at}
    return [Design(label=f"{loop}, {name}", values=values, evidence=Exact(values=lambda: law.tv[at - 1], upper=1.0))]


def _growing(result: Result) -> Case:
    """Replaced data with n (k+1)^s points for generation k+1, as a weighted schedule."""

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for name, p in setting.discrete.items():
            for s, generations in ((1, 20), (3, 8)):
                sizes = tuple(50 * (k + 1) ** s for k in range(generations))
                schedule = sim.Weighted(np.eye(generations, k=-1), sizes)
                at = until(generations, generations)
                made.append(
                    Design(
                        label=f"replace n=50 (k+1)^{s}, {name}",
                        values={"c": np.sqrt(len(p) - 1) / 2, "n": 50, "s": s, "a": 0.5, "i": np.array(at)},
                        evidence=Bounded(blocks=stream(sim.Discrete(np.array(p)), schedule, 50, "tv", at)),
                    )
                )
        return tuple(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, DISCRETE_SAMPLER))


def _high_probability(result: Result) -> Case:
    """McDiarmid's one-step bound at level delta/i, through several weight matrices."""

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for name, p in setting.discrete.items():
            for kind, g, delta in (("geometric", 10, 0.05), ("two-back", 6, 0.2)):
                weights, sizes = mixing(kind, g), np.full(g, 200)
                step = np.sqrt((len(p) - 1) / 200) / 2 + np.sqrt(np.log(g / delta) / (2 * 200))
                schedule = sim.Weighted(weights, tuple(int(n) for n in sizes))
                made.append(
                    Design(
                        label=f"weighted({kind}, g={g}), {name}, delta={delta:g}",
                        values={"B": weights, "eps": np.full(g, step), "delta": delta},
                        evidence=Exceedance(blocks=stream(sim.Discrete(np.array(p)), schedule, 200, "tv", (g,))),
                    )
                )
        return tuple(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, DISCRETE_SAMPLER))


CASES: tuple[Case, ...] = (
    _exact_case(
        bounds.get("tv/propagation"),
        (*LOOPS["fresh"][:1], *LOOPS["subsample"][:1], *LOOPS["replace"][:1], *LOOPS["fixed"][:1]),
        _general,
    ),
    _high_probability(bounds.get("tv/propagation-hp")),
    *(
        _exact_case(bounds.get(f"tv/propagation/{name}"), LOOPS[name], _closed)
        for name in ("replace", "fresh", "stratified", "fixed", "subsample")
    ),
    _exact_case(bounds.get("tv/propagation/accumulate"), LOOPS["accumulate"], _accumulate),
    _growing(bounds.get("tv/propagation/replace-growing")),
)
