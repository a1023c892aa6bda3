"""Cases for one step of a diffusion model on the line, its output's law without sampling error, and for the loop.

A verdict is about the numbers as computed with their numerical errors on the strict side: what is bounded is raised,
the terms of the bound are lowered. In higher dimension the law of the output is not known, and a distance that is
only estimated from below shows no bound to hold: there is no case for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result
from sim.diffusion.ends import end_terms
from sim.diffusion.features import RandomFeatures
from sim.diffusion.line_law import tv_mixtures
from sim.diffusion.samplers import Sampler
from sim.diffusion.times import time_grid
from sim.models.diffusion import Diffusion

from ..case import Array, Case, Design, Exact, Setting
from ..diffusion_steps import EXACT, LAWS, Setup, Step, estimated, one_step, reverse_law, score_gap, terms_of, tilted
from .reasons import answers

DIFFUSION: Mapping[str, str] = {
    "ornstein-uhlenbeck": "sim.diffusion noises by this process, and the sampler's first law is N(0, 1)",
    "given-score": "the exact score of a mixture whose parameters were estimated from points: smooth, linear far out",
    "held-score": "the exponential integrator evaluates the network once a step; softplus features are continuous",
    "gaussian-steps": "Sampler.kernel returns the mean and the variance of every step",
    "both-ends": "certified quadrature between the noised target, the target and N(0, 1), lowered by its error",
    "step-divergences": "quadrature under the noised target, each number lowered by its error",
    "score-error": "quadrature under the noised target and over the time, lowered by its error",
}
PROPAGATED: Mapping[str, str] = {
    "mixture-target": "sim.schedules draws from the mixture with the weights B that the bound is given",
    "one-step-errors": "TV(P_{j+1}, Q_j) of the same paths by certified quadrature, lowered by its error",
}
SIZES = (50, 200, 800, 3200, 12_800)
FINE = Setup()
STOPPED = Setup(law="unequal", t0=0.005, T=3.0, steps=40, spacing="geometric", width=48, stop=2000.0, nodes=769)
COARSE = Setup(steps=4)
SHORT = Setup(law="wide", t0=0.002, T=0.5, steps=30, nodes=513)
NARROW = Setup(law="three", t0=0.005, steps=80, penalty=1e-3, nodes=513)
LATE = Setup(t0=0.1, steps=60)
_HELD = Setup(kind="exponential", steps=30)
_EULER = Setup(kind="euler", steps=30)
_SHIFTED = Setup(steps=20, spacing="uniform", t0=0.002)
CHAINS: tuple[tuple[Setup, tuple[int, ...]], ...] = (
    (FINE, SIZES),
    (STOPPED, SIZES),
    (COARSE, (50, 800)),
    (SHORT, (EXACT,)),
    (NARROW, (50, 800, 12_800)),
    (LATE, (EXACT,)),
    (_EULER, (50, 800)),
    (_HELD, (50, 800)),
)
HELDS: tuple[tuple[Setup, tuple[int, ...]], ...] = (
    (Setup(kind="exponential"), SIZES),
    (_HELD, (50, 800)),
    (Setup(law="unequal", t0=0.005, T=3.0, kind="exponential", stop=2000.0), (50, 12_800)),
    (Setup(law="wide", t0=0.02, T=0.3, kind="exponential", nodes=513), (EXACT,)),
)


def design(result: Result, label: str, steps: Sequence[Step], sizes: Sequence[int] = ()) -> Design:
    """Return one point per step, with what the result asks for; sizes are shown."""
    values = {name: np.array([getattr(step, name) for step in steps]) for name in result.names}
    return Design(
        label=label,
        values={**values, "n": np.array(sizes)} if sizes else values,
        evidence=Exact(values=lambda: np.array([step.tv for step in steps]), upper=1.0),
    )


def trained(result: Result, chosen: Sequence[tuple[Setup, tuple[int, ...]]]) -> list[Design]:
    """Return a design per setup, a point per sample size."""
    made = []
    for setup, sizes in chosen:
        label = f"{setup}, exact score" if sizes == (EXACT,) else str(setup)
        made.append(design(result, label, [one_step(setup, n) for n in sizes], () if sizes == (EXACT,) else sizes))
    return made


def _chain(result: Result) -> list[Design]:
    shifted = [terms_of(_SHIFTED, tilted(_SHIFTED, shift)) for shift in (0.5, 1.0)]
    return [*trained(result, CHAINS), design(result, f"{_SHIFTED}, exact score shifted in the last step", shifted)]


def _held(result: Result) -> list[Design]:
    return trained(result, HELDS)


CONTINUOUS = (("wide", 0.01, 4.0, SIZES), ("wide", 0.002, 0.5, (50, 800)), ("three", 0.005, 3.0, SIZES))


@lru_cache(maxsize=100)
def reversed_step(p: sim.NormalMixture, q: sim.NormalMixture, t0: float, T: float) -> Step:
    """Return what the reverse equation in continuous time does with the score of the mixture q instead of p's."""
    ends, (output, error), (E, missed) = end_terms(p, (t0, T)), reverse_law(q, t0, T), score_gap(p, q, t0, T)
    none = np.zeros(0)
    return Step(
        tv=sum(tv_mixtures(output, p)) + error,
        start=max(ends.start - ends.start_error, 0.0),
        end=max(ends.end - ends.end_error, 0.0),
        kl=max(ends.end_kl - ends.end_kl_error, 0.0),
        J=none,
        V=none,
        G=none,
        E=max(E - missed, 0.0),
        lag=0.0,
    )


def continuous(law: str, t0: float, T: float, n: int) -> Step:
    """Return what the reverse equation in continuous time does with the score of an estimated mixture."""
    return reversed_step(LAWS[law], estimated(LAWS[law], n), t0, T)


def _continuous(result: Result) -> list[Design]:
    return [
        design(
            result,
            f"P={law}, its parameters estimated, from t={T:g} to {t0:g}",
            [continuous(law, t0, T, n) for n in sizes],
            sizes,
        )
        for law, t0, T, sizes in CONTINUOUS
    ]


# --- the loop -------------------------------------------------------------------------------------------------

LOOP = Diffusion(LAWS["two"], RandomFeatures(1, 24, 6.0), Sampler(time_grid(0.02, 3.0, 12, "quadratic")), nodes=193)
_LAST = 20
_RECORD = ("tv", "tv_error", "one_step_tv", "one_step_tv_error")
SCHEDULES: Mapping[str, sim.Schedule] = {
    "replace": sim.Replace(),
    "fresh(0.5)": sim.Fresh(0.5),
    "accumulate": sim.Accumulate(),
}


@lru_cache(maxsize=8)
def path(name: str, n: int, seed: int) -> tuple[Array, Array]:
    """Return TV(P_i, P), raised, and TV(P_i, Q_{i−1}), lowered, of one loop."""
    found = sim.simulate(LOOP, SCHEDULES[name], n=n, generations=_LAST, replications=1, seed=seed, record=list(_RECORD))
    tv, tv_error, step, step_error = (np.asarray(found[key].values, dtype=float)[0] for key in _RECORD)
    return tv + tv_error, np.maximum(step - step_error, 0.0)


def _loop(result: Result) -> list[Design]:
    """One path of each schedule: the triangle inequality holds on every one, and not only on average."""
    made = []
    for name, schedule in SCHEDULES.items():
        tv, steps = path(name, 100, 1)
        for i in (_LAST, 3):
            made.append(
                Design(
                    label=f"{name}, n=100, one path, i={i}",
                    values={"B": schedule.weights(i), "eps": steps[:i]},
                    evidence=Exact(values=partial(tv.__getitem__, i - 1), upper=1.0),
                )
            )
    return made[::2] + made[1::2]


def _case(key: str, name: str, designs: Callable[[Result], list[Design]], reasons: Mapping[str, str]) -> Case:
    result: Result = bounds.get(key)

    def of(setting: Setting) -> tuple[Design, ...]:
        return tuple(designs(result))

    return Case(result=result, name=name, designs=of, because=answers(result, reasons))


_GIRSANOV, _CHAIN = "tv/diffusion/one-step-girsanov", "tv/diffusion/one-step-chain"
_CASES: tuple[tuple[str, str, Callable[[Result], list[Design]], Mapping[str, Any]], ...] = (
    (_CHAIN, "trained", _chain, DIFFUSION),
    (f"{_CHAIN}/joint", "trained", _chain, DIFFUSION),
    (f"{_GIRSANOV}/exponential-integrator", "trained", _held, DIFFUSION),
    (_GIRSANOV, "estimated", _continuous, DIFFUSION),
    (f"{_GIRSANOV}/joint", "estimated", _continuous, DIFFUSION),
    ("tv/propagation", "diffusion", _loop, PROPAGATED),
)
CASES: tuple[Case, ...] = tuple(_case(*row) for row in _CASES)
