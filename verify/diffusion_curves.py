"""What the figure of diffusion models shows: one-step errors over everything they depend on, and the loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

import bounds
import sim
from sim.diffusion.features import RandomFeatures
from sim.diffusion.laws import GaussianMixture
from sim.diffusion.samplers import Diverged, Sampler, Score
from sim.diffusion.times import time_grid
from sim.diffusion.training import train
from sim.models.diffusion import Diffusion

from .case import Array
from .diffusion_steps import EXACT, POPULATION, Setup, Step, distance, one_step, score_of
from .slopes import slope, slope_weights

SIZES = (50, 200, 800, 3200, 12_800)
SCHEDULES: Mapping[str, sim.Schedule] = {
    "replace": sim.Replace(),
    "fresh, α = 0.5": sim.Fresh(0.5),
    "accumulate": sim.Accumulate(),
}
_LEVEL = 2.576  # normal quantile: two-sided 99 %


class Slope(NamedTuple):
    """An exponent with asymptotic 99 % limits, by the delta method."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, eq=False)
class OneSteps:
    """Means over training sets of one-step errors and of their bounds; arrays of shape (sizes,).

    Attributes
    ----------
    sizes : array
    tv, chain : array
        Tweedie steps: TV(P_hat, P) and the bound from the chain of steps.
    held, girsanov : array
        Exponential integrator: TV, and the bound in continuous time.
    floor, exact : float
        TV of the network trained on infinitely many points, and of the exact score; Tweedie steps.
    exponent, above_floor : Slope
        Of `tv`, and of what it is above `floor` (less its last size, where hardly anything is).
    chain_parts, girsanov_parts : mapping of str to array
        What adds up to each bound; a root is shared out in proportion to the divergences in it.
    """

    sizes: Array
    tv: Array
    chain: Array
    held: Array
    girsanov: Array
    floor: float
    exact: float
    exponent: Slope
    above_floor: Slope
    chain_parts: Mapping[str, Array]
    girsanov_parts: Mapping[str, Array]


def one_steps(replications: int = 12, sizes: Sequence[int] = SIZES, setup: Setup | None = None) -> OneSteps:
    """Train on many sets of every size.

    Raises
    ------
    ValueError
        Fewer than 2 replications or 3 sizes.
    """
    if replications < 2 or len(sizes) < 3:
        raise ValueError(f"replications = {replications!r}, sizes = {sizes!r}: allowed: at least 2, at least 3 of them")
    setup = setup or Setup()
    rows = [[one_step(setup, n, seed) for seed in range(replications)] for n in sizes]
    held = [[one_step(replace(setup, kind="exponential"), n, seed) for seed in range(replications)] for n in sizes]
    tv, along = np.array([[step.tv for step in row] for row in rows]), np.array(sizes, dtype=float)
    floor = one_step(setup, POPULATION).tv
    chain, girsanov = _shares(rows, _chain_terms), _shares(held, _girsanov_terms)
    return OneSteps(
        sizes=along,
        tv=tv.mean(axis=1),
        chain=np.sum(list(chain.values()), axis=0),
        held=np.array([[step.tv for step in row] for row in held]).mean(axis=1),
        girsanov=np.sum(list(girsanov.values()), axis=0),
        floor=floor,
        exact=one_step(setup, EXACT).tv,
        exponent=_slope(along, tv),
        above_floor=_slope(along[:-1], tv[:-1] - floor),
        chain_parts=chain,
        girsanov_parts=girsanov,
    )


def _chain_terms(step: Step) -> dict[str, float]:
    return {"non-normality": float(step.J.sum()), "variance": float(step.V.sum()), "mean gap": float(step.G.sum())}


def _girsanov_terms(step: Step) -> dict[str, float]:
    return {"time lag": step.lag, "learning": step.E}


def _shares(rows: list[list[Step]], divergences: Callable[[Step], dict[str, float]]) -> dict[str, Array]:
    """Return the ends and the shares of the root, means over training sets."""

    def shared(step: Step) -> dict[str, float]:
        parts = divergences(step)
        total = sum(parts.values())
        roots = {name: math.sqrt(total / 2) * part / total for name, part in parts.items()}
        return {"both ends": step.start + step.end, **roots}

    found = [[shared(step) for step in row] for row in rows]
    return {name: np.array([np.mean([one[name] for one in row]) for row in found]) for name in found[0][0]}


def _slope(along: Array, values: Array) -> Slope:
    """Slope of the means, values of shape (sizes, replications)."""
    mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(values.shape[1])
    if not (mean > 0).all():
        return Slope(math.nan, math.nan, math.nan)
    value, reach = float(slope(along, mean)), float(np.sqrt(((slope_weights(along) * error / mean) ** 2).sum()))
    return Slope(value, value - _LEVEL * reach, value + _LEVEL * reach)


@dataclass(frozen=True, kw_only=True, eq=False)
class Choices:
    """One-step TV over the width of the network and over the time of training.

    Attributes
    ----------
    widths, stops : array
    by_width, by_stop : mapping of int to array
        From the sample size to means of TV(P_hat, P) over training sets, NaN where a sampler leaves the grid;
        `POPULATION` is among the sizes of widths.
    """

    widths: Array
    stops: Array
    by_width: Mapping[int, Array]
    by_stop: Mapping[int, Array]

    @property
    def best(self) -> dict[int, float]:
        """The time at which training is best stopped, by sample size."""
        return {n: float(self.stops[np.nanargmin(row)]) for n, row in self.by_stop.items()}


def choices(
    replications: int = 6,
    widths: Sequence[int] = (8, 16, 32, 64, 128),
    stops: Sequence[float] = tuple(np.geomspace(1, 1e6, 19).tolist()),
) -> Choices:
    """Train networks of all widths by ridge regression, and one width by gradient flow for all times."""
    by_width = {n: np.array([_at_width(width, n, replications) for width in widths]) for n in (50, 800, POPULATION)}
    by_stop = {n: _stopped(n, stops, replications) for n in (50, 800, 12_800)}
    return Choices(widths=np.array(widths, dtype=float), stops=np.array(stops), by_width=by_width, by_stop=by_stop)


def _at_width(width: int, n: int, replications: int) -> float:
    """Return the mean over training sets, each with its own hidden layer."""
    setups = [Setup(width=width, layer=seed) for seed in range(replications)]
    return float(np.mean([_distance(score_of(setup, n, setup.layer), setup) for setup in setups]))


def _distance(score: Score, setup: Setup) -> float:
    try:
        return distance(score, setup)[0]
    except Diverged:
        return math.nan


def _stopped(n: int, stops: Sequence[float], replications: int) -> Array:
    setup, found = Setup(), []
    for seed in range(replications):
        points = setup.p.sample(np.random.Generator(np.random.SFC64([seed, n])), n)
        networks = train(points, setup.features, setup.sampler.times, stops=tuple(stops))
        found.append([_distance(network, setup) for network in networks])
    return np.asarray(np.mean(found, axis=0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Loops:
    """Means over replications, arrays of shape (generations,) by schedule.

    Attributes
    ----------
    generation : array
    tv : mapping of str to array
        On the line: TV(P_i, P).
    propagated, chain : mapping of str to array
        tv/propagation with the measured one-step errors of the same loops, and with their bounds from the chain.
    plane : mapping of str to array
        In the plane: estimates from below of TV(P_i, P).
    """

    generation: Array
    tv: Mapping[str, Array]
    propagated: Mapping[str, Array]
    chain: Mapping[str, Array]
    plane: Mapping[str, Array]


_LINE = Diffusion(
    Setup().p, RandomFeatures(1, 32, 6.0), Sampler(time_grid(0.01, 3.0, 24, "quadratic")), penalty=1e-4, nodes=257
)
_PLANE = Diffusion(
    GaussianMixture(np.full(2, 0.5), np.array([[-1.0, 0.0], [1.0, 0.5]]), np.full(2, 0.3)),
    RandomFeatures(2, 96, 4.0),
    Sampler(time_grid(0.02, 3.0, 16, "quadratic")),
    penalty=1e-3,
    noise=4,
    draws=40_000,
)
_RECORD = ("tv", "one_step_tv", "chain_terms", "end_terms")


def loops(n: int = 500, generations: int = 20, replications: int = 2, plane: int = 2, seed: int = 1) -> Loops:
    """Run loops on the line, and `plane` replications in the plane."""
    tv, propagated, chain, flat = {}, {}, {}, {}
    for name, schedule in SCHEDULES.items():
        line = sim.simulate(
            _LINE, schedule, n=n, generations=generations, replications=replications, seed=seed, record=list(_RECORD)
        )
        distances, steps, terms, ends = (np.asarray(line[key].values, dtype=float) for key in _RECORD)
        bound = ends[..., 0] + ends[..., 1] + np.sqrt(terms[..., :3].sum(axis=-1) / 2)
        tv[name] = distances.mean(axis=0)
        propagated[name], chain[name] = (_propagated(schedule, eps.mean(axis=0)) for eps in (steps, bound))
        run = sim.simulate(
            _PLANE, schedule, n=n, generations=generations, replications=plane, seed=seed, record=["tv_lower"]
        )
        flat[name] = np.asarray(run["tv_lower"].values, dtype=float).mean(axis=0)
    generation = np.arange(1.0, generations + 1)
    return Loops(generation=generation, tv=tv, propagated=propagated, chain=chain, plane=flat)


def _propagated(schedule: sim.Schedule, eps: Array) -> Array:
    result, last = bounds.get("tv/propagation"), eps.size
    return np.array([float(result(B=schedule.weights(i), eps=eps[:i])) for i in range(1, last + 1)])
