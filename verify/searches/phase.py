"""Searches for the phase transition: frequencies, Gaussian means and kernel estimates whose bandwidth is tuned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Kind

from ..case import Bounded, Design, Exact
from ..cases.discrete_exact import Loop
from ..laboratory import distances
from ..phase import one_step_law
from ..search import Axis, Search
from .loops import ATOMS, SHAPE, last_tv, shape

_LOOP: Mapping[str, Axis] = {
    "n": Axis(low=1, high=300, integer=True, log=True),
    "r": Axis(low=0, high=20),
    "i": Axis(low=2, high=50, integer=True, log=True),
}
_KERNEL: Mapping[str, Axis] = {"C": Axis(low=0.2, high=2, log=True), "c": Axis(low=-1, high=1)}
_FEW = Axis(low=2, high=8, integer=True, log=True)


def _expand(values: Mapping[str, Any]) -> tuple[float, Loop]:
    """Return the ratio that a whole number of points allows, and the loop with the same real points for ever."""
    n = values["n"]
    r = round(values["r"] * n) / n
    return r, Loop("expand", n, values["i"], (("lam", r),))


def _idealised(values: Mapping[str, Any]) -> tuple[float, Loop]:
    """The same with real points of its own for each generation."""
    r, loop = _expand(values)
    size = round((1 + r) * loop.n)
    return r, Loop("fresh", size, loop.generations, (("alpha", loop.n / size),))


def _bound(key: str, *, reused: bool) -> Search:
    """Frequencies, or a kernel estimate of bandwidth C N^(-1/5) on the circle, by number."""
    result = bounds.get(key)

    def design(values: Mapping[str, Any]) -> Design:
        r, loop = _expand(values) if reused else _idealised(values)
        i, p, at = values["i"], shape(values), (values["i"],)
        evidence: Exact | Bounded
        if values["model"]:
            model = _kernel(values)
            C, a = one_step_law(model, values["n"], i)
            evidence = Bounded(blocks=distances(model, loop.schedule, loop.n, at, wanted=at))
        else:
            C, a = one_step_law(sim.Discrete(np.array(p)), values["n"], i)
            evidence = last_tv(loop, p)
        arguments = {"C": C, "n": values["n"], "a": a, "r": r, "i": i}
        return Design(label=f"{loop}, model {values['model']}", values=arguments, evidence=evidence)

    axes = {"model": Axis(low=0, high=1, integer=True), **_LOOP, "i": _FEW, "K": ATOMS, **SHAPE}
    axes |= {"width": _KERNEL["C"], "c": _KERNEL["c"]}  # C is that of the one-step error
    return Search(result=result, axes=axes, design=design)


def _kernel(values: Mapping[str, Any]) -> sim.KDE:
    width = values["width"] if "width" in values else values["C"]
    return sim.KDE(sim.CosineTorus(values["c"]), width, exponent=0.2)


def _exact(key: str) -> Search:
    """Frequencies or Gaussian means; a ceiling has a sample size, and the loop has all the parameters."""
    result, gaussian = bounds.get(key), "gaussian" in key

    def design(values: Mapping[str, Any]) -> Design:
        r, loop = _expand(values)
        if gaussian:
            law = sim.exact_gaussian_mean(loop.schedule, loop.n, loop.generations)
            more, evidence = {}, Exact(values=lambda: np.array(law.tv[-1]), upper=1.0)
        else:
            p = shape(values)
            more, evidence = {"K": len(p)}, last_tv(loop, p)  # type: ignore[assignment]
        return Design(label=str(loop), values={"n": values["n"], "r": r, "i": values["i"], **more}, evidence=evidence)

    return Search(result=result, axes={**_LOOP, **({} if gaussian else {"K": ATOMS, **SHAPE})}, design=design)


def _kernel_lower() -> Search:
    result = bounds.get("tv/phase-transition-kernel/lower")

    def design(values: Mapping[str, Any]) -> Design:
        (r, loop), model, at = _expand(values), _kernel(values), (values["i"],)
        blocks = distances(model, loop.schedule, loop.n, at, wanted=at, below=result.kind is Kind.LOWER)
        return Design(label=f"{loop}, {model.label}", values={**values, "r": r}, evidence=Bounded(blocks=blocks))

    return Search(result=result, axes={**_LOOP, "i": _FEW, **_KERNEL}, design=design)


_KEY = "tv/phase-transition-exact"
SEARCHES: tuple[Search, ...] = (
    _bound("tv/phase-transition", reused=True),
    _bound("tv/phase-transition-idealised", reused=False),
    *(_exact(f"{_KEY}/{model}{tail}") for model in ("gaussian-mean", "discrete") for tail in ("", "/ceiling")),
    _kernel_lower(),
)

__all__ = ["SEARCHES"]
