"""Cases decided by sampling the discrete loop from its exact law, for sizes and schedules without a chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Blocks, Bounded, Case, Design, Exceedance, Setting
from ..laboratory import enlarged, margin_for, stream, until
from .discrete_exact import Loop
from .reasons import DISCRETE_SAMPLER, answers

_AT = until(50, 50)
_LARGE: dict[str, tuple[Loop, ...]] = {
    "replace": (Loop("replace", 1000, 50),),
    "fresh": (Loop("fresh", 1000, 50, (("alpha", 0.1),)),),
    "stratified": (Loop("stratified", 1000, 50, (("alpha", 0.1),)),),
    "fixed": (Loop("fixed", 1000, 50, (("alpha", 0.1),)), Loop("fixed", 1000, 50, (("alpha", 0.5),))),
    "accumulate": (Loop("accumulate", 1000, 50),),
    "subsample": (Loop("subsample", 1000, 50),),
    "expand": (Loop("expand", 1000, 50, (("lam", 1.0),)), Loop("expand", 500, 50, (("lam", 9.0),))),
}
_SHARES = ("geometric", "average", "two-back")


def mixing(kind: str, generations: int) -> Array:
    """Return example weights: geometric memory, equal average, or half of the generation before last."""
    rows = np.arange(generations)
    age = rows[:, None] - 1 - rows[None, :]
    if kind == "geometric":
        weights = np.where(age >= 0, 0.45 * 0.5 ** np.maximum(age, 0), 0.0)
    elif kind == "average":
        weights = np.where(age >= 0, 0.9 / np.maximum(rows[:, None], 1), 0.0)
    else:
        weights = np.where(age == 1, 0.5, np.where(age == 0, 0.4, 0.0))
    return weights


def _populations(setting: Setting) -> list[tuple[str, tuple[float, ...]]]:
    """Return the populations with the most atoms first: there a large loop says most."""
    return sorted(setting.discrete.items(), key=lambda item: -len(item[1]))


def _case(result: Result, make: Callable[[str, tuple[float, ...]], list[Design]], name: str = "sampled") -> Case:
    def designs(setting: Setting) -> tuple[Design, ...]:
        return tuple(design for label, p in _populations(setting)[:2] for design in make(label, p))

    return Case(result=result, name=name, designs=designs, because=answers(result, DISCRETE_SAMPLER))


def _large(result: Result, loops: tuple[Loop, ...], *, knows_p: bool) -> Case:
    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        known: dict[str, Any] = {"p": p} if knows_p else {"K": len(p)}
        model = sim.Discrete(np.array(p))
        return [
            Design(
                label=f"{loop}, {label}",
                values={**loop.arguments, "i": np.array(_AT), **known},
                evidence=Bounded(blocks=stream(model, loop.schedule, loop.n, "tv", _AT)),
            )
            for loop in (replace(loop, n=enlarged(loop.n, p, draws=2)) for loop in loops)
        ]

    return _case(result, make)


def _weighted(result: Result, metric: str, arguments: Callable[[tuple[float, ...]], dict[str, Any]]) -> Case:
    """Check the last of g generations under `weighted(B)`, for several B and g."""

    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        model = sim.Discrete(np.array(p))
        designs = []
        for kind, g in zip(_SHARES, (10, 5, 8), strict=True):
            weights = mixing(kind, g)
            sizes = np.array([100 + 50 * (j % 3) for j in range(g)]) * (enlarged(100, p) // 100)
            schedule = sim.Weighted(weights, tuple(int(s) for s in sizes))
            values = {"B": weights, "n": sizes, **arguments(p)}
            designs.append(
                Design(
                    label=f"weighted({kind}, g={g}), {label}",
                    values=values,
                    evidence=Bounded(blocks=stream(model, schedule, int(sizes[0]), metric, (g,))),
                    margin=margin_for(result, values, g / float(sizes[0]), p),
                )
            )
        return designs

    return _case(result, make)


def _halved(blocks: Blocks) -> Blocks:
    return lambda seed: (block / 2 for block in blocks(seed))


def _weighted_variance(result: Result) -> Case:
    """Two atoms: Σ (p_i − p)² is twice the squared error of either."""

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for kind, g in zip(_SHARES, (6, 4, 5), strict=True):
            for atom in (0.5, 0.2):
                weights, sizes = mixing(kind, g), np.array([20 + 10 * (j % 2) for j in range(g)])
                schedule = sim.Weighted(weights, tuple(int(s) for s in sizes))
                blocks = stream(
                    sim.Discrete(np.array([atom, 1 - atom])), schedule, int(sizes[0]), "squared_error", (g,)
                )
                made.append(
                    Design(
                        label=f"weighted({kind}, g={g}), atom {atom:g}",
                        values={"B": weights, "n": sizes, "p": atom},
                        evidence=Bounded(blocks=_halved(blocks), upper=max(atom, 1 - atom) ** 2),
                    )
                )
        return tuple(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, DISCRETE_SAMPLER))


def _simultaneous(result: Result, loops: tuple[Loop, ...]) -> Case:
    """All generations up to T at once, with probability 1 − delta."""

    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        model = sim.Discrete(np.array(p))
        designs = []
        for loop in loops:
            at = tuple(range(1, loop.generations + 1))
            for delta in (0.05, 0.01):
                designs.append(
                    Design(
                        label=f"{loop}, {label}, delta={delta:g}",
                        values={
                            **loop.arguments,
                            "i": np.array(at),
                            "K": len(p),
                            "T": loop.generations,
                            "delta": delta,
                        },
                        evidence=Exceedance(blocks=stream(model, loop.schedule, loop.n, "tv", at)),
                    )
                )
        return designs

    return _case(result, make)


def _one_step_hp(result: Result) -> Case:
    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        model = sim.Discrete(np.array(p))
        return [
            Design(
                label=f"n={n}, {label}, delta={delta:g}",
                values={"n": n, "K": len(p), "delta": delta},
                evidence=Exceedance(blocks=stream(model, sim.Replace(), n, "tv", (1,))),
            )
            for n in (20, 200)
            for delta in (0.5, 0.05)
        ]

    return _case(result, make)


def _one_step_accumulate(result: Result) -> Case:
    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        at = (1, 2, 5, 10)
        return [
            Design(
                label=f"accumulate n={n}, {label}",
                values={"n": n, "i": np.array(at), "K": len(p)},
                evidence=Bounded(blocks=stream(sim.Discrete(np.array(p)), sim.Accumulate(), n, "one_step_tv", at)),
            )
            for n in (20, 100)
        ]

    return _case(result, make)


def _first(result: Result) -> Case:
    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        return [
            Design(
                label=f"n={n}, {label}",
                values={"n": n, "p": p},
                evidence=Bounded(blocks=stream(sim.Discrete(np.array(p)), sim.Replace(), n, "tv", (1,))),
                margin=margin_for(result, {"n": n, "p": p}, 1 / n, p),
            )
            for n in (enlarged(30, p), enlarged(300, p))
        ]

    return _case(result, make)


def _exact_by_sampling(result: Result, loop: Loop) -> Case:
    def make(label: str, p: tuple[float, ...]) -> list[Design]:
        at, large = (1, 5, 20), replace(loop, n=enlarged(loop.n, p, most=40))  # a chain has at most 2001 states
        real = dict(loop.params).get("alpha", 0.0)
        variance = np.minimum(at, 1 / (real * (2 - real)) if real else np.inf) / large.n
        values = {**large.arguments, "i": np.array(at), "p": p}
        return [
            Design(
                label=f"{large}, {label}",
                values=values,
                evidence=Bounded(blocks=stream(sim.Discrete(np.array(p)), large.schedule, large.n, "tv", at)),
                margin=margin_for(result, values, variance, p),
            )
        ]

    return _case(result, make)


_H = {"p": lambda p: {"p": p}, "K": lambda p: {"K": len(p)}}

CASES: tuple[Case, ...] = (
    *(_large(bounds.get(f"tv/discrete/{name}"), loops, knows_p=False) for name, loops in _LARGE.items()),
    *(_large(bounds.get(f"tv/discrete/{name}/triangle"), loops, knows_p=False) for name, loops in _LARGE.items()),
    *(_large(bounds.get(f"tv/discrete-instance/{name}"), loops, knows_p=True) for name, loops in _LARGE.items()),
    _weighted(bounds.get("tv/discrete/weighted"), "tv", _H["K"]),
    _weighted(bounds.get("tv/discrete/weighted/triangle"), "tv", _H["K"]),
    _weighted(bounds.get("tv/discrete-instance/weighted"), "tv", _H["p"]),
    _weighted(bounds.get("discrete/diversity/weighted"), "diversity", _H["p"]),
    _weighted_variance(bounds.get("discrete/variance/weighted")),
    *(_simultaneous(bounds.get(f"tv/hp/{name}"), loops) for name, loops in _LARGE.items()),
    *(_simultaneous(bounds.get(f"tv/hp-union/{name}"), loops) for name, loops in _LARGE.items()),
    _simultaneous(bounds.get("tv/discrete/hp-triangle"), _LARGE["fresh"]),
    _one_step_hp(bounds.get("tv/discrete/one-step-hp")),
    _one_step_accumulate(bounds.get("tv/discrete/one-step/accumulate")),
    _first(bounds.get("tv/discrete-exact/first")),
    _exact_by_sampling(bounds.get("tv/discrete-exact/replace"), Loop("replace", 50, 20)),
    _exact_by_sampling(bounds.get("tv/discrete-exact/fresh"), Loop("fresh", 50, 20, (("alpha", 0.2),))),
)
