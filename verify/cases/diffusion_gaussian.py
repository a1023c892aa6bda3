"""Cases for normal targets: with the exact score the steps of a sampler are linear, and its output is normal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import bounds
from bounds import Result
from sim import NormalMixture
from sim.diffusion.laws import ExactScore
from sim.diffusion.samplers import Kind, Sampler
from sim.diffusion.times import time_grid

from ..case import Array, Case, Design, Exact, Setting
from .diffusion_ends import SIGMAS, between
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "normal-target": "P is normal",
    "ornstein-uhlenbeck": "Sampler.kernel gives steps back along this process, from N(0, 1)",
    "exact-score": "ExactScore of P",
    "tweedie-steps": "Sampler of the kind `tweedie`, on a quadratic and on a uniform grid",
    "euler-maruyama-steps": "Sampler of the kind `euler`, on a uniform grid",
    "exponential-integrator-steps": "Sampler of the kind `exponential`, on a uniform grid",
}


def moments(kind: Kind, times: Array, m: float, sigma: float) -> tuple[float, float]:
    """Return mean and variance of the output for the exact score of N(m, sigma²): its steps are linear."""
    sampler = Sampler(times, kind)
    score = ExactScore(NormalMixture(np.ones(1), np.array([m]), np.array([sigma])))
    mean, variance = 0.0, 1.0
    for k in range(sampler.steps, 0, -1):
        (low, high), spread = sampler.kernel(score, np.array([0.0, 1.0]), k)
        mean, variance = low + (high - low) * mean, (high - low) ** 2 * variance + spread[0]
    return float(mean), float(variance)


def _targets(result: Result) -> tuple[Design, ...]:
    m, sigma, t0 = 1.5, SIGMAS[:, None], np.array([0.001, 0.05])
    spans, made = (1.0, 3.0), []
    for spacing in ("quadratic", "uniform"):

        def values(spacing: Any = spacing) -> Array:
            return np.array(
                [
                    [[_of_target(result, s, t, span, m, spacing) for t in t0.tolist()] for s in SIGMAS.tolist()]
                    for span in spans
                ]
            )

        known = {"m": m, "sigma": sigma, "t0": t0, "span": np.array(spans)[:, None, None]}
        made.append(
            Design(
                label=f"12 {spacing} steps",
                values={key: known[key] for key in result.names},
                evidence=Exact(values=values),
            )
        )
    return tuple(made)


def _of_target(result: Result, sigma: float, t0: float, span: float, m: float, spacing: Any) -> float:
    mean, variance = moments("tweedie", time_grid(t0, t0 + span, 12, spacing), m if "m" in result.names else 0.0, sigma)
    if result.key.startswith("tv/"):
        return between(float(np.sqrt(variance)), sigma)
    return mean if result.key.endswith("mean") else variance


def _discretised(result: Result) -> tuple[Design, ...]:
    kind: Kind = "euler" if result.key.endswith("euler-maruyama") else "exponential"
    lengths, counts = np.array([0.02, 0.1, 0.5, 1.0]), np.array([1, 4, 40])

    def value(h: float, steps: int) -> float:
        variance = moments(kind, 1e-3 + h * np.arange(steps + 1.0), 0.0, 1.0)[1]
        return between(float(np.sqrt(variance)), 1.0) if result.key.startswith("tv/") else variance - 1

    return (
        Design(
            label=kind,
            values={"dt": lengths, "steps": counts[:, None]},
            evidence=Exact(values=lambda: np.array([[value(h, k) for h in lengths.tolist()] for k in counts.tolist()])),
        ),
    )


def _case(key: str, designs: Callable[[Result], tuple[Design, ...]]) -> Case:
    result = bounds.get(key)

    def of(setting: Setting) -> tuple[Design, ...]:
        return designs(result)

    return Case(result=result, name="exact", designs=of, because=answers(result, _REASONS))


_SCHEMES = ("euler-maruyama", "exponential-integrator")
CASES: tuple[Case, ...] = (
    _case("tv/diffusion/gaussian-exact", _targets),
    _case("diffusion/gaussian-exact/mean", _targets),
    _case("diffusion/gaussian-exact/variance", _targets),
    *(_case(f"{head}diffusion/discretised/{name}", _discretised) for head in ("tv/", "") for name in _SCHEMES),
)
