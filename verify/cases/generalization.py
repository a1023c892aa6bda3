"""Cases for generalization in the loop: exact on points of two kinds, sampled on more."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..binary_loop import BinaryLearning, BinaryLoop
from ..case import Array, Bounded, Case, Design, Evidence, Exact, Setting, Signed
from ..laboratory import atoms as distinct
from ..laboratory import stream
from ..stacked import instance
from .reasons import answers
from .stability import random_atoms, usable

BINARY_REASONS: Mapping[str, str] = {
    "bounded-loss": "M is the range of the losses after all possible training sets",
    "stable-learner": "beta_n is the largest change over all training sets and replacements",
    "bounded-influence": "nu is the largest such change over all samples of reused points",
    "one-step-error": "eps is the largest of the exact one-step errors of the loop",
    "real-start": "the real points are drawn from P",
    "unit-data": "sim.LabelledAtoms accepts features in the unit ball and labels in [-1, 1] only",
    "ridge-learner": "sim.Ridge minimises the average of (w.x - y)^2/2 plus the penalty",
    "categorical-fit": "the chain draws from (1-omega) times the frequencies plus omega/K for every atom",
    "schedule-fixed": "the chain keeps the count of the reused points and draws that of the synthetic ones",
}
SAMPLED_REASONS: Mapping[str, str] = {
    **BINARY_REASONS,
    "bounded-loss": "M is the proved length of an interval of losses of the learner",
    "stable-learner": "beta_n is the learner's proved stability",
    "categorical-fit": "sim.Labelled fits (1-omega) times the frequencies plus omega times the uniform distribution",
    "schedule-fixed": "sim.schedules draws exactly the training sets of `fixed`",
}
_AT = (1, 2, 5, 10)
_ALPHAS = (0.5, 0.2, 0.8, 0.1, 1.0)
_SIZES = (1000, 50, 200, 5000)


def ridge(n: int, alpha: float, p: float, omega: float, mu: float = 1.0, K: int = 2) -> BinaryLearning:
    """Return ridge regression on one point with label 1 on one atom and −1 on the others."""
    return BinaryLearning(BinaryLoop(n, round(alpha * n), p, omega, K), sim.Ridge(mu))


GENERAL: tuple[BinaryLearning, ...] = (
    ridge(50, 0.5, 0.97, 0.7),
    BinaryLearning(BinaryLoop(40, 4, 0.97, 0.7), sim.Logistic(0.1), x=(1.0, -0.5)),
    ridge(20, 1.0, 0.5, 0.3),
    ridge(50, 0.5, 0.5, 0.7),
    ridge(100, 0.2, 0.9, 0.3, mu=4.0),
    ridge(30, 0.5, 0.5, 0.0, mu=0.1),
)


@cache
def gamma(loop: BinaryLoop) -> Array:
    """Return γ of the generations that are looked at, exactly; K = 2."""
    return np.asarray(sim.exact_binary_gamma(loop.n, loop.alpha, loop.omega, max(_AT))[np.array(_AT) - 1])


def named(learning: BinaryLearning) -> str:
    """Label a loop with its learner."""
    loop, x = learning.loop, "" if learning.x == (1.0, 1.0) else f", x={learning.x[0]:g} and {learning.x[1]:g}"
    return (
        f"{learning.learner.label}, K={loop.K}, n={loop.n}, alpha={loop.alpha:g}, P={loop.p:g}, omega={loop.omega:g}{x}"
    )


def constants(learning: BinaryLearning, at: tuple[int, ...] = _AT) -> dict[str, Any]:
    """Return the exact constants of a loop: what the general results know of it."""
    loop = learning.loop
    known = dict(zip(_AT, gamma(loop), strict=True))
    return {
        "n": loop.n,
        "alpha": loop.alpha,
        "i": np.array(at),
        "M": learning.length,
        "beta_n": learning.stability,
        "gamma_n": np.array([known[i] for i in at]),
        "tv": np.array([loop.mean(loop.distances, i - 1) for i in at]),
    }


def _case(key: str, name: str, reasons: Mapping[str, str], designs: Callable[[Result, Setting], list[Design]]) -> Case:
    result = bounds.get(key)
    return Case(
        result=result,
        name=name,
        designs=lambda setting: tuple(designs(result, setting)),
        because=answers(result, reasons),
    )


def _absolute_gap(learning: BinaryLearning, at: tuple[int, ...], upper: float) -> Exact:
    return Exact(values=lambda: np.array([abs(learning.mean_gap(i)) for i in at]), upper=upper)


def _general(result: Result, setting: Setting) -> list[Design]:
    made = []
    for learning in GENERAL:
        values = constants(learning)
        if "eps" in result.names:
            del values["tv"]
            values["eps"] = max(learning.loop.one_step(j) for j in range(max(_AT)))
        made.append(
            Design(label=named(learning), values=values, evidence=_absolute_gap(learning, _AT, learning.length))
        )
    return made


_INFORMATIVE: tuple[tuple[BinaryLearning, tuple[int, ...]], ...] = (
    (ridge(1000, 0.5, 0.97, 0.3, K=8), (1, 2, 5)),
    (ridge(50, 0.5, 0.97, 0.7), _AT),
    (ridge(2000, 0.5, 0.97, 0.3, K=8), (1,)),
    (ridge(200, 0.2, 0.9, 0.5, mu=4.0), _AT),
    (ridge(200, 0.5, 0.5, 0.3), _AT),
    (ridge(50, 1.0, 0.5, 0.3, mu=0.1), (1,)),
    (ridge(100, 0.9, 0.7, 0.3, mu=0.5), _AT),
)
_UNSMOOTHED = (
    (ridge(400, 0.5, 0.6, 0.0), (1, 2)),
    (ridge(1000, 0.8, 0.97, 0.0, K=8), (1,)),
)


def _ridge(result: Result, setting: Setting) -> list[Design]:
    chosen = _INFORMATIVE + (_UNSMOOTHED if result.key.endswith("/average") else ())
    return [
        Design(
            label=named(learning),
            values=instance(learning, np.array(at)),
            evidence=_absolute_gap(learning, at, learning.learner.M),
        )
        for learning, at in chosen
    ]


def _loops() -> list[tuple[int, float, tuple[int, ...]]]:
    return [(n, alpha, _AT) for n, alpha in itertools.product(_SIZES, _ALPHAS)]


def _later(at: tuple[int, ...]) -> tuple[int, ...]:
    """Return the simulator's generations: it trains a learner along with each, i + 1 on what P_i adds to."""
    return tuple(i + 1 for i in at)


def _named(place: str, label: str) -> str:
    return f"{place}, {label}" if place else label


def uniform_distance(atoms: sim.LabelledAtoms) -> float:
    """Return TV(U, P) of the atoms."""
    return float(np.abs(atoms.p - 1 / atoms.K).sum() / 2)


def _sampled(result: Result, setting: Setting) -> list[Design]:
    """Eight random points with labels: what little gap there is comes from the learner. Or all rows of a table."""
    made = []
    tables = setting.labelled or {"": random_atoms(8, 3, 3)}
    for (place, atoms), (n, alpha, at) in itertools.product(tables.items(), _loops()):
        ridge_only = "mu" in result.names or not usable(sim.Logistic(1.0), atoms)
        learner: sim.Penalised = sim.Ridge(1.0) if ridge_only else sim.Logistic(1.0)
        model = sim.Labelled(atoms, learner, 0.3)
        made.append(
            Design(
                label=_named(place, f"{model.label}, n={n}, alpha={alpha:g}"),
                values=proved(result, model, learner.lam, {"n": n, "alpha": alpha, "i": np.array(at)}),
                evidence=Signed(blocks=stream(model, sim.Fixed(alpha), n, "gap", _later(at)), reach=learner.M),
            )
        )
    return made


def proved(result: Result, model: sim.Labelled, mu: float, loop: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a result on a loop, constants by their own bounds."""
    known = {**loop, "K": model.atoms.K, "omega": model.omega}
    shifted = {**known, "u": uniform_distance(model.atoms)}
    if "M" not in result.names:
        return {**shifted, "mu": mu}
    kind = "ridge" if isinstance(model.learner, sim.Ridge) else "logistic"
    return {
        **loop,
        "M": model.learner.M,
        "beta_n": bounds.get(f"stability/erm/{kind}")(n=loop["n"], mu=mu),
        "gamma_n": bounds.get("recursive-stability/categorical-coupled")(**known),
        "tv": bounds.get("tv/categorical/fixed")(**shifted),
    }


_FREQUENCIES = tuple(
    BinaryLoop(n, round(alpha * n), p, omega)
    for n, alpha, p, omega in ((50, 0.5, 0.97, 0.7), (100, 0.1, 0.7, 0.3), (200, 0.8, 0.5, 0.1), (30, 0.0, 0.2, 0.5))
)


def _label(loop: BinaryLoop) -> str:
    return f"K={loop.K}, n={loop.n}, alpha={loop.alpha:g}, P={loop.p:g}, omega={loop.omega:g}"


def _known(result: Result, loop: BinaryLoop, at: tuple[int, ...]) -> dict[str, Any]:
    every = {"K": loop.K, "omega": loop.omega, "p": loop.p, "u": abs(loop.p - 0.5)}
    known = {name: value for name, value in every.items() if name in result.names}
    return {"n": loop.n, "alpha": loop.alpha, "i": np.array(at), **known}


def _means(loop: BinaryLoop, what: str, at: tuple[int, ...]) -> Array:
    return np.array([loop.mean(getattr(loop, what), i - 1) for i in at])


def _mean(result: Result, setting: Setting) -> list[Design]:
    """One atom and the rest: the mean of its probability in generation i; atoms of a table up to 12 probabilities."""
    loops = [("", loop) for loop in (*_FREQUENCIES, BinaryLoop(60, 12, 0.05, 0.3, 8))]
    if setting.labelled:
        loops = [
            (place, replace(loop, p=p, K=atoms.K))
            for place, atoms in setting.labelled.items()
            for loop, p in itertools.product(_FREQUENCIES, distinct(tuple(atoms.p)))
        ]
    return [
        Design(
            label=_named(place, _label(loop)),
            values=_known(result, loop, _AT),
            evidence=Exact(values=partial(_means, loop, "fits", _AT)),
        )
        for place, loop in loops
    ]


def _distance(result: Result, setting: Setting) -> list[Design]:
    at = (1,) if "one-step" in result.key else _AT
    return [
        Design(
            label=_label(loop),
            values=_known(result, loop, at),
            evidence=Exact(values=partial(_means, loop, "distances", at), upper=1.0),
        )
        for loop in _FREQUENCIES
    ]


def _distance_sampled(result: Result, setting: Setting) -> list[Design]:
    at, made = (1,) if "one-step" in result.key else _AT, []
    skewed = np.array([0.5, 0.2, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01])
    built_in = [("", random_atoms(8, 3, 4, p)) for p in (skewed, np.full(8, 0.125))]
    for (place, atoms), omega, (n, alpha) in itertools.product(
        [*setting.labelled.items()] or built_in, (0.3, 0.05), ((200, 0.5), (50, 0.1), (1000, 0.2))
    ):
        model, far = sim.Labelled(atoms, sim.Ridge(1.0), omega), uniform_distance(atoms)
        every: Mapping[str, Any] = {"K": atoms.K, "omega": omega, "u": far}
        evidence: Evidence = Bounded(blocks=stream(model, sim.Fixed(alpha), n, "tv", at))
        label = f"{atoms.K} atoms, n={n}, alpha={alpha:g}, omega={omega:g}, TV(U, P)={round(far, 3):g}"
        made.append(
            Design(
                label=_named(place, label),
                values={"n": n, "alpha": alpha, "i": np.array(at)}
                | {name: value for name, value in every.items() if name in result.names},
                evidence=evidence,
            )
        )
    return made


_RIDGE = "generalization/categorical-ridge"
_MEAN = "generalization/expectation"
CASES: tuple[Case, ...] = (
    _case(_MEAN, "two-kinds", BINARY_REASONS, _general),
    _case(_MEAN, "sampled", SAMPLED_REASONS, _sampled),
    _case(f"{_MEAN}/propagated", "two-kinds", BINARY_REASONS, _general),
    *(
        _case(f"{_RIDGE}{tail}", name, reasons, designs)
        for tail in ("", "/average")
        for name, reasons, designs in (
            ("two-kinds", BINARY_REASONS, _ridge),
            ("sampled", SAMPLED_REASONS, _sampled),
        )
    ),
    _case("categorical/mean/fixed", "two-kinds", BINARY_REASONS, _mean),
    *(
        _case(key, name, reasons, designs)
        for key in ("categorical/one-step/fixed", "tv/categorical/fixed", "tv/categorical/lower/fixed")
        for name, reasons, designs in (
            ("two-kinds", BINARY_REASONS, _distance),
            ("sampled", SAMPLED_REASONS, _distance_sampled),
        )
    ),
)
