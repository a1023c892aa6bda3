"""Cases for kernel density estimates in the loop: on the line, the circle and the torus, simulated point by point.

Results that speak of the same loop see the same replications. Total variation does not depend on the unit and the
place of the data; the line is simulated with mean 0, which rounding likes best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from bounds import Kind, Result

from ..case import Bounded, Case, Design, Evidence, Exceedance, Setting
from ..laboratory import distances, until
from .discrete_exact import Loop
from .reasons import answers

SCHEDULES = ("fresh", "stratified", "replace", "fixed")
KERNEL: Mapping[str, str] = {
    **{f"schedule-{name}": f"sim.schedules draws exactly the training sets of `{name}`" for name in SCHEDULES},
    "kernel-fit": "sim.KDE draws a training point and adds N(0, h^2) noise, wrapped around on the torus; h is given",
    "real-start": "the loop draws the first training set from P",
    "gaussian-target": "P is sim.NormalDensity(0, sigma)",
    "cosine-target": "P is sim.CosineTorus(c, d), without a shift",
    "torus": "sim.CosineTorus lives on [0, 1)^d and sim.KDE wraps its points and its kernel",
}
BLOCK = 16
_DELTAS = (0.05, 0.2)


@dataclass(frozen=True)
class KernelLoop:
    """A loop of kernel estimates: bandwidth (over sigma on the line), and amplitude and dimension on the torus."""

    loop: Loop
    h: float
    c: float = 0.0
    d: int = 0

    def model(self, setting: Setting) -> sim.KDE:
        """The simulator; d = 0 is the line."""
        if self.d:
            return sim.KDE(sim.CosineTorus(self.c, self.d), self.h, BLOCK)
        return sim.KDE(sim.NormalDensity(0.0, setting.sigma), self.h * setting.sigma, BLOCK)

    def arguments(self, setting: Setting) -> dict[str, Any]:
        """Values of every parameter that describes the loop but the generation."""
        shape = {"c": self.c, "d": self.d, "h": self.h} if self.d else {"h": self.h * setting.sigma}
        tuned = {"C": shape["h"] * self.loop.n ** (1 / (max(self.d, 1) + 4))}
        return {**self.loop.arguments, **shape, **tuned, **({} if self.d else {"sigma": setting.sigma})}


Loops: TypeAlias = dict[str, tuple[KernelLoop, ...]]


def _loops(shares: tuple[tuple[int, float, int], ...], *bandwidths: float, **shape: float) -> Loops:
    """Every schedule with these sample sizes, real fractions, generations and bandwidths; `replace` has no fraction."""
    made: Loops = {}
    for name in SCHEDULES:
        pairs = [pair for pair in zip(shares, bandwidths, strict=True) if name != "replace" or pair[0][1] < 1]
        made[name] = tuple(
            KernelLoop(
                Loop(name, n, last, () if name == "replace" else (("alpha", alpha),)),
                h,
                **shape,  # type: ignore[arg-type]
            )
            for (n, alpha, last), h in pairs
        )
    return made


LINE = _loops(((50, 0.1, 10), (100, 0.5, 10), (20, 0.0, 5), (20, 1.0, 5)), 0.3, 0.5, 0.4, 0.6)
CIRCLE = _loops(((50, 0.1, 10), (100, 0.5, 10), (20, 0.0, 5), (20, 1.0, 5)), 0.1, 0.06, 0.15, 0.1, c=0.8, d=1)
TORUS = _loops(((30, 0.1, 5), (60, 0.5, 5)), 0.2, 0.15, c=0.5, d=3)
PLANE: Loops = {
    "fresh": (KernelLoop(Loop("fresh", 20, 3, (("alpha", 0.2),)), 0.25, 0.8, 2),)
}  # the slowest: one schedule


def _evidence(result: Result, model: sim.KDE, loop: Loop, at: tuple[int, ...]) -> Evidence:
    simulated = tuple(range(1, loop.generations + 1)) if model.density.d == 1 else until(loop.generations, 50)
    below = result.kind is Kind.LOWER
    blocks = distances(model, loop.schedule, loop.n, simulated, wanted=at, below=below)
    return Exceedance(blocks=blocks) if "delta" in result.names else Bounded(blocks=blocks)


def _design(result: Result, kernel: KernelLoop, setting: Setting, **more: float) -> Design:
    loop, model = kernel.loop, kernel.model(setting)
    at = tuple(range(1, loop.generations + 1)) if "T" in result.names else until(loop.generations, 50)
    values = {**kernel.arguments(setting), "i": np.array(at), **more}
    return Design(
        label=", ".join([f"{loop}, {model.label}", *(f"{name}={value:g}" for name, value in more.items())]),
        values={name: values[name] for name in result.names},
        evidence=_evidence(result, model, loop, at),
        simulation=f"{loop} to {loop.generations}, {model.label}",
    )


def _designs(result: Result, kernels: tuple[KernelLoop, ...]) -> Callable[[Setting], tuple[Design, ...]]:
    def designs(setting: Setting) -> tuple[Design, ...]:
        if "delta" not in result.names:
            return tuple(_design(result, kernel, setting) for kernel in kernels)
        return tuple(
            _design(result, kernel, setting, T=kernel.loop.generations, delta=delta)
            for kernel in kernels
            for delta in _DELTAS
        )

    return designs


def _case(key: str, kernels: tuple[KernelLoop, ...]) -> Case:
    result = bounds.get(key)
    return Case(result=result, name="sampled", designs=_designs(result, kernels), because=answers(result, KERNEL))


def _of_schedules(family: str, *spaces: Loops) -> list[Case]:
    """One case per schedule that has such a result."""
    keys = {result.key for result in bounds.CATALOGUE}
    return [
        _case(f"{family}/{name}", tuple(kernel for space in spaces for kernel in space.get(name, ())))
        for name in SCHEDULES
        if f"{family}/{name}" in keys
    ]


CASES: tuple[Case, ...] = (
    *_of_schedules("tv/kde-line", LINE),
    *_of_schedules("tv/kde-line-gaussian", LINE),
    *_of_schedules("tv/kde-line-tuned", LINE),
    *_of_schedules("tv/kde-torus", CIRCLE, TORUS, PLANE),
    *_of_schedules("tv/kde-torus-tuned", CIRCLE, TORUS, PLANE),
    *_of_schedules("tv/kde/lower/gaussian", LINE),
    *_of_schedules("tv/kde/lower/torus", CIRCLE, TORUS, PLANE),
    *_of_schedules("tv/kde-sharp", LINE),
    *_of_schedules("tv/kde-sharp-torus", CIRCLE),
    *_of_schedules("tv/kde-sharp-torus-d", CIRCLE, TORUS, PLANE),
    *_of_schedules("tv/hp-kde", LINE),
    *_of_schedules("tv/hp-kde-torus", CIRCLE),
)
