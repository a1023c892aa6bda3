"""Cases for the phase transition: discrete and Gaussian loops, and kernel estimates whose bandwidth is tuned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Kind, Result

from ..case import Bounded, Case, Design, Evidence, Exact, Setting
from ..laboratory import affordable, distances, enlarged, exact_law, stream, until
from ..phase import one_step_law
from .discrete_exact import Loop
from .reasons import DISCRETE_CHAIN, DISCRETE_SAMPLER, GAUSSIAN_LAW, GAUSSIAN_SAMPLER, answers

_STEP = {
    "one-step-power-law": "C and a are those of the model's one-step error, which are proved",
    "schedule-idealised": "`fresh` with alpha = 1/(1+r) and (1+r) n points in every generation",
}
_KERNEL = {
    "kernel-tuned": "sim.KDE with the exponent 1/5",
    "real-start": "the loop draws the first training set from P",
    "torus": "points are taken modulo 1",
    "cosine-target": "sim.CosineTorus draws from 1 + c cos 2 pi x",
    "schedule-expand": "sim.Expand reuses the n real points and draws r n points from P_j",
    **_STEP,
}
_AMPLITUDE = 0.5
_RATIOS = ((20, 4.0, 20), (30, 1.0, 20), (12, 9.0, 50), (20, 0.5, 10), (20, 0.0, 5))
_LARGE = ((1000, 1.0, 50), (500, 9.0, 50))
_KERNELS = ((100, 4.0, 20), (100, 1.0, 10), (200, 20.0, 10), (50, 0.0, 3))


def _expand(n: int, r: float, generations: int) -> Loop:
    return Loop("expand", n, generations, (("lam", r),))


def _idealised(n: int, r: float, generations: int) -> Loop:
    return Loop("fresh", round((1 + r) * n), generations, (("alpha", 1 / (1 + r)),))


def _generations(last: int) -> tuple[int, ...]:
    return tuple(i for i in until(last, 50) if i > 1)


def _case(result: Result, name: str, reasons: Mapping[str, str], designs: Callable[[Setting], list[Design]]) -> Case:
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(setting)), because=answers(result, reasons)
    )


def _arguments(result: Result, n: int, r: float, at: tuple[int, ...], **known: Any) -> dict[str, Any]:
    """Return the result's arguments, and the settings of the loop that it does not depend on."""
    values = {"n": np.full(len(at), n), "i": np.array(at), **known}
    return values | ({"r": r} if "r" in result.names else {"lam": r})


def _discrete(key: str, make: Callable[[int, float, int], Loop]) -> Case:
    """Exact laws where they are affordable."""
    result = bounds.get(key)

    def designs(setting: Setting) -> list[Design]:
        made = []
        for n, r, generations in _RATIOS:
            loop, at = make(n, r, generations), _generations(generations)
            for name, p in setting.discrete.items():
                C, a = one_step_law(sim.Discrete(np.array(p)), n, generations)
                known = {"C": C, "a": a} if "C" in result.names else {"K": len(p)}
                made.append(
                    Design(
                        label=f"{loop}, {name}",
                        values=_arguments(result, n, r, at, **known),
                        evidence=_frequencies(loop, p, at),
                    )
                )
        return made

    return _case(result, "exact", {**DISCRETE_CHAIN, **_STEP}, designs)


def _frequencies(loop: Loop, p: tuple[float, ...], at: tuple[int, ...]) -> Evidence:
    """Exact values of E TV(P_i, P), or replications of it where the exact law is out of reach."""
    if affordable(loop.schedule, loop.n, p, loop.generations):
        index = np.array(at) - 1
        return Exact(values=lambda: exact_law(loop.schedule, loop.n, p, loop.generations).tv[index], upper=1.0)
    return Bounded(blocks=stream(sim.Discrete(np.array(p)), loop.schedule, loop.n, "tv", at))


def _discrete_sampled(key: str) -> Case:
    result = bounds.get(key)

    def designs(setting: Setting) -> list[Design]:
        made = []
        for n, r, generations in _LARGE:
            at = _generations(generations)
            for name, p in setting.discrete.items():
                loop = _expand(enlarged(n, p, draws=2), r, generations)
                blocks = stream(sim.Discrete(np.array(p)), loop.schedule, loop.n, "tv", at)
                made.append(
                    Design(
                        label=f"{loop}, {name}",
                        values=_arguments(result, loop.n, r, at, K=len(p)),
                        evidence=Bounded(blocks=blocks),
                    )
                )
        return made

    return _case(result, "sampled", DISCRETE_SAMPLER, designs)


@cache
def _tuned() -> sim.KDE:
    return sim.KDE(sim.CosineTorus(_AMPLITUDE), 0.3, exponent=0.2)


def _kernel(key: str, make: Callable[[int, float, int], Loop]) -> Case:
    """Kernel estimates on the circle whose bandwidth depends on the number of points."""
    result = bounds.get(key)

    def designs(setting: Setting) -> list[Design]:
        made, model = [], _tuned()
        for n, r, generations in _KERNELS:
            loop, at = make(n, r, generations), _generations(generations)
            C, a = one_step_law(model, n, generations)
            known = {"C": C, "a": a} if "a" in result.names else {"C": model.h, "c": _AMPLITUDE}
            below = result.kind is Kind.LOWER
            made.append(
                Design(
                    label=f"{loop}, {model.label}",
                    values=_arguments(result, n, r, at, **known),
                    evidence=Bounded(blocks=distances(model, loop.schedule, loop.n, at, wanted=at, below=below)),
                )
            )
        return made

    return _case(result, "sampled", _KERNEL, designs)


def _gaussian(key: str, *, exact: bool) -> Case:
    result = bounds.get(key)

    def designs(setting: Setting) -> list[Design]:
        made = []
        for n, r, generations in _RATIOS if exact else _RATIOS[:1]:
            loop, at = _expand(n, r, generations), _generations(generations)
            made.append(
                Design(
                    label=str(loop),
                    values=_arguments(result, n, r, at),
                    evidence=_mean(loop, at, setting, exact=exact),
                )
            )
        return made

    reasons = GAUSSIAN_LAW if exact else GAUSSIAN_SAMPLER
    return _case(result, "exact" if exact else "sampled", reasons, designs)


def _mean(loop: Loop, at: tuple[int, ...], setting: Setting, *, exact: bool) -> Evidence:
    if exact:
        index = np.array(at) - 1
        return Exact(
            values=lambda: sim.exact_gaussian_mean(loop.schedule, loop.n, loop.generations).tv[index], upper=1.0
        )
    model = sim.GaussianMean(sigma=setting.sigma, mean=setting.mean)
    return Bounded(blocks=stream(model, loop.schedule, loop.n, "tv", at))


_EXACT = "tv/phase-transition-exact"
CASES: tuple[Case, ...] = (
    _discrete("tv/phase-transition", _expand),
    _kernel("tv/phase-transition", _expand),
    _discrete("tv/phase-transition-idealised", _idealised),
    _kernel("tv/phase-transition-idealised", _idealised),
    _kernel("tv/phase-transition-kernel/lower", _expand),
    *(_gaussian(f"{_EXACT}/gaussian-mean{tail}", exact=exact) for tail in ("", "/ceiling") for exact in (True, False)),
    *(_discrete(f"{_EXACT}/discrete{tail}", _expand) for tail in ("", "/ceiling")),
    *(_discrete_sampled(f"{_EXACT}/discrete{tail}") for tail in ("", "/ceiling")),
)
