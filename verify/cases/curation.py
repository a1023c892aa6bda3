"""Cases for curated loops: infinite samples exactly, finite ones by the exact law of two atoms and by replications."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from bounds import Result, Structure
from sim.curation import two_atom_law

from ..case import Array, Bounded, Case, Design, Exact, Setting
from ..laboratory import enlarged, until
from .reasons import answers

Metric: TypeAlias = Callable[[sim.Curation, Array, Array], Array]
"""From a loop, generations (..., G, K) of it, and (G, K) of the infinite loop to what a result bounds, (..., G)."""

_CHOSEN = "sim.Curation draws from, or follows, the law of the draw that the exponential clocks choose"
_LAW = {
    "plackett-luce": _CHOSEN,
    "infinite-samples": "the law of each generation is computed from the last one up to rounding",
    "infinite-samples-mixed": "the law of each generation is computed from the last one up to rounding",
    "any-sample-size": "the law of each generation is computed from the last one up to rounding",
    "reward-gap": "p and rho are read off the weights",
    "reward-range": "nu is the smallest weight",
    "pairs": "the loop has m = 2",
}
_DRAWS = {
    **_LAW,
    "finite-samples": "a generation is the frequencies of n independent draws from that law",
    "finite-samples-mixed": "a generation is the frequencies of n independent draws from the mixture of both laws",
    "any-sample-size": "a generation is the frequencies of n independent draws from that law",
}


def _variance(loop: sim.Curation, x: Array, _: Array) -> Array:
    mean = x @ loop.u
    return np.asarray((x * np.square(loop.u - mean[..., None])).sum(axis=-1))


def _stationary(loop: sim.Curation) -> Array:
    """Iterate the loop to its only stationary law; the share of real data makes it a contraction."""
    q = loop.p
    for _ in range(5000):
        q, before = loop.target(q), q
        if np.abs(q - before).sum() < 1e-16:
            break
    return q


def _tv(x: Array, y: Array) -> Array:
    return np.asarray(np.abs(x - y).sum(axis=-1) / 2)


METRICS: Mapping[str, Metric] = {
    "reward/step": lambda loop, x, _: x @ loop.u,
    "reward/level": lambda loop, x, _: x @ loop.u,
    "reward/mixed": lambda loop, x, _: x @ loop.u,
    "variance/total": _variance,
    "limit/upper": lambda loop, x, _: x[..., loop.u < 1].sum(axis=-1),
    "limit/lower": lambda loop, x, _: x[..., loop.u < 1].sum(axis=-1),
    "limit/mixed": lambda loop, x, _: _tv(x, _stationary(loop)),
    "ratio/upper": lambda loop, x, _: (x / loop.p).max(axis=-1),
    "ratio/lower": lambda loop, x, _: (x / loop.p).min(axis=-1),
    "tv/pairs": lambda loop, x, _: _tv(x, loop.p),
    "tv/groups": lambda loop, x, _: _tv(x, loop.p),
    "diversity/lower": lambda _, x, __: (x * (1 - x)).sum(axis=-1),
    "diversity/upper": lambda _, x, __: (x * (1 - x)).sum(axis=-1),
    "finite/deviation": lambda _, x, infinite: _tv(x, infinite),
    "finite/loss": lambda loop, x, _: (x[..., loop.u == 1].sum(axis=-1) == 0).astype(float),
}
"""By key, what a result bounds; of `variance/total` it is the sum over the generations."""


def _values(result: Result, loop: sim.Curation, at: tuple[int, ...], n: int, level: float) -> dict[str, Any]:
    """Return the arguments of a result, and n and the generations where it does not depend on them."""
    best, mean = loop.u == 1, float(loop.p @ loop.u)
    above = best if "a" not in result.names else loop.u >= level
    vector = any(param.structure is Structure.SIMPLEX for param in result.params)
    known = {
        "mu": min(mean, 1.0),
        "V": float(loop.p @ np.square(loop.u - mean)),
        "m": loop.m,
        "alpha": loop.alpha,
        "a": level,
        "p": tuple(loop.p.tolist()) if vector else 1.0 if above.all() else float(loop.p[above].sum()),
        "rho": float(loop.u[~best].max(initial=0.0)),
        "nu": float(loop.u.min()),
        "K": loop.p.size,
        "n": n,
        "i": np.array(at),
    }
    settings = () if result.key == "curation/variance/total" else ("i",)
    return {name: known[name] for name in (*result.names, *settings)}


def _design(result: Result, loop: sim.Curation, at: tuple[int, ...], evidence: Any, n: int, level: float) -> Design:
    size = f", n={n}" if n else ""
    more = f", level {level:.3g}" if "a" in result.names else ""
    reward = f"m={loop.m}, alpha={loop.alpha:.3g}, nu={loop.u.min():.3g}"
    return Design(
        label=f"K={loop.p.size}, {reward}{size}{more}",
        values=_values(result, loop, at, n, level),
        evidence=evidence,
    )


def _gather(key: str, metric: Array, at: tuple[int, ...]) -> Array:
    """Pick generations `at`, of 0..G on the last axis, or add them all up."""
    return np.asarray(metric.sum(axis=-1) if key == "variance/total" else metric[..., list(at)])


def _top(key: str, at: tuple[int, ...]) -> float:
    """Return the largest value that the quantity can have."""
    return (at[-1] + 1) / 4 if key == "variance/total" else np.inf if key == "ratio/upper" else 1.0


def infinite(key: str, loop: sim.Curation, at: tuple[int, ...], level: float = 1.0) -> Design:
    """Return the exact evidence of a loop with infinite samples, on a result of the family.

    Parameters
    ----------
    key : str
        Key of the result, without the family.
    loop : sim.Curation
    at : tuple of int
        Generations, increasing; of `variance/total` the last one counts.
    level : float
        Level of the weight, for the result that has one.
    """
    return _design(bounds.get(f"curation/{key}"), loop, at, _followed(key, loop, at), 0, level)


def _followed(key: str, loop: sim.Curation, at: tuple[int, ...]) -> Exact:
    def values() -> Array:
        laws = loop.laws(at[-1])
        return _gather(key, METRICS[key](loop, laws, laws), at)

    return Exact(values=values, upper=_top(key, at))


def two_atoms(key: str, loop: sim.Curation, n: int, at: tuple[int, ...]) -> Design:
    """Return the exact evidence of a loop of two atoms with n draws per generation; arguments as for `infinite`."""
    share, metric = np.arange(n + 1) / n, METRICS[key]
    states = np.stack([share, 1 - share], axis=1)[:, None]

    def values() -> Array:
        laws = loop.laws(at[-1])
        start = metric(loop, laws[:1], laws[:1])
        later = (two_atom_law(loop, n, at[-1]).T * metric(loop, states, laws[1:])).sum(axis=0)
        return _gather(key, np.concatenate([start, later]), at)

    return _design(bounds.get(f"curation/{key}"), loop, at, Exact(values=values, upper=_top(key, at)), n, 1.0)


def sampled(key: str, loop: sim.Curation, n: int, at: tuple[int, ...]) -> Design:
    """Return replications of a loop with n draws per generation; arguments as for `infinite`.

    With one atom nothing is random, and the evidence is exact.
    """

    def stream(seed: int) -> Iterator[Array]:
        infinite_laws = loop.laws(at[-1])
        for block in loop.blocks(n, at[-1], seed):
            yield _gather(key, METRICS[key](loop, block, infinite_laws), at)

    random = loop.p.size > 1
    evidence = Bounded(blocks=stream, upper=_top(key, at)) if random else _followed(key, loop, at)
    return _design(bounds.get(f"curation/{key}"), loop, at, evidence, n, 1.0)


def weights(p: tuple[float, ...], nu: float, shape: str) -> Array:
    """Return weights from nu to 1: a ladder with the `rare` or the `common` atom best, or two alternating `levels`."""
    if len(p) == 1:
        return np.ones(1)
    if shape == "levels":
        return np.where(np.arange(len(p)) % 2, 1.0, nu)
    rank = np.argsort(np.argsort(p, kind="stable"), kind="stable") / (len(p) - 1)
    return np.asarray(nu ** (rank if shape == "rare" else 1 - rank))


_REWARDS = ((2, 0.1, "rare"), (3, 0.4, "levels"), (16, 0.02, "common"), (2, 0.9, "levels"))
_PAIRS = tuple(reward for reward in _REWARDS if reward[0] == 2)
_FINITE = ((2, 0.5, "rare", 40), (4, 0.8, "levels", 20))
_COINS = ((0.2, 30), (0.5, 12), (0.04, 60))
_MIXED = ("reward/mixed", "ratio/upper", "ratio/lower", "tv/pairs", "tv/groups", "limit/mixed")
_WITH_ALPHA = (*_MIXED, "diversity/lower", "finite/deviation")


def _alpha(key: str, m: int, nu: float) -> float:
    """Return a telling fraction of real data: for `limit/mixed` one that makes the loop a contraction by 0.8."""
    enough = (1 - nu) * (m - 1) / m
    return enough + 0.2 * (1 - enough) if key == "limit/mixed" else 0.2 * (key in _WITH_ALPHA)


def _exact(key: str) -> Case:
    result = bounds.get(f"curation/{key}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        at = (1,) if key == "reward/step" else (400,) if key == "variance/total" else until(20, 20)
        for m, nu, shape in _PAIRS if key == "tv/pairs" else _REWARDS:
            for p in setting.discrete.values():
                loop = sim.Curation(np.array(p), weights(p, nu, shape), m, _alpha(key, m, nu))
                level = float(np.quantile(loop.u, 0.9, method="lower"))
                made.append(infinite(key, loop, at, level))
        return _named(made)

    return Case(result=result, name="infinite", designs=designs, because=answers(result, _LAW))


def _two_atoms(key: str) -> Case:
    result = bounds.get(f"curation/{key}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        at = (1,) if key == "reward/step" else until(50, 50)
        made = []
        for m, nu, *_ in _FINITE:
            for p, n in _COINS:
                near = 1 - 0.5 / n if key == "diversity/upper" else nu
                loop = sim.Curation(np.array([p, 1 - p]), np.array([1.0, near]), m, _alpha(key, m, nu))
                made.append(two_atoms(key, loop, n, at))
        return _named(made)

    return Case(result=result, name="two atoms", designs=designs, because=answers(result, _DRAWS))


def _sampled(key: str) -> Case:
    result = bounds.get(f"curation/{key}")

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for m, nu, shape, n in _FINITE:
            for p in setting.discrete.values():
                u = weights(p, nu, "levels" if key == "finite/loss" else shape)
                loop = sim.Curation(np.array(p), u, m, _alpha(key, m, nu))
                size = _telling_size(loop) if key == "finite/loss" else enlarged(n, p, draws=2, most=1000)
                made.append(sampled(key, loop, size, until(20, 20)))
        return _named(made)

    return Case(result=result, name="sampled", designs=designs, because=answers(result, _DRAWS))


def _telling_size(loop: sim.Curation) -> int:
    """Return a number of draws with which the best atoms are lost neither always nor hardly ever."""
    best = loop.u == 1
    rate = float(2 * loop.p[best].sum() * (1 - loop.u[~best].max(initial=0.0)) * (1 - 1 / loop.m))
    return math.ceil(1.5 / rate)


def _named(designs: list[Design]) -> tuple[Design, ...]:
    """Number the designs: two populations may have as many atoms."""
    return tuple(replace(design, label=f"{design.label}, {place}") for place, design in enumerate(designs, 1))


_FINITE_KEYS = ("diversity/lower", "diversity/upper", "finite/deviation", "finite/loss")
CASES: tuple[Case, ...] = (
    *(_exact(key) for key in METRICS if key not in _FINITE_KEYS),
    *(_two_atoms(key) for key in ("reward/step", "variance/total", *_FINITE_KEYS)),
    *(_sampled(key) for key in ("variance/total", "diversity/lower", "finite/deviation", "finite/loss")),
)
