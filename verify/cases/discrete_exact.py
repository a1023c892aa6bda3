"""Cases decided by the exact law of the discrete loop: no sampling error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Bounded, Case, Design, Evidence, Exact, Setting
from ..laboratory import affordable, atoms, exact_law, stream, until
from .reasons import DISCRETE_CHAIN, answers


@dataclass(frozen=True)
class Loop:
    """A schedule with its parameters, sample size and number of generations."""

    name: str
    n: int
    generations: int
    params: tuple[tuple[str, float], ...] = ()

    @property
    def schedule(self) -> sim.Schedule:
        """The simulator's schedule."""
        return sim.schedule(self.name, **dict(self.params))

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of a result: n and the schedule's parameters."""
        return {"n": self.n, **dict(self.params)}

    def __str__(self) -> str:
        params = f"({', '.join(f'{k}={v:g}' for k, v in self.params)})" if self.params else ""
        return f"{self.name}{params} n={self.n}"


def _alphas(name: str, *designs: tuple[int, float, int]) -> tuple[Loop, ...]:
    return tuple(Loop(name, n, generations, (("alpha", alpha),)) for n, alpha, generations in designs)


def _lams(*designs: tuple[int, float, int]) -> tuple[Loop, ...]:
    return tuple(Loop("expand", n, generations, (("lam", lam),)) for n, lam, generations in designs)


LOOPS: Mapping[str, tuple[Loop, ...]] = {
    "replace": (
        Loop("replace", 100, 50),
        Loop("replace", 20, 20),
        Loop("replace", 3, 10),
        Loop("replace", 400, 100),
    ),
    "fresh": _alphas("fresh", (100, 0.1, 50), (50, 0.5, 20), (20, 0.0, 20), (20, 1.0, 10), (200, 0.02, 100)),
    "stratified": _alphas("stratified", (100, 0.1, 50), (50, 0.5, 20), (20, 0.0, 20), (20, 1.0, 10), (200, 0.02, 100)),
    "fixed": _alphas("fixed", (40, 0.1, 20), (40, 0.5, 20), (20, 0.0, 20), (20, 1.0, 10), (100, 0.2, 50)),
    "accumulate": (Loop("accumulate", 20, 20), Loop("accumulate", 5, 10), Loop("accumulate", 50, 20)),
    "subsample": (Loop("subsample", 20, 20), Loop("subsample", 5, 10), Loop("subsample", 50, 20)),
    "expand": _lams((30, 1.0, 20), (20, 4.0, 20), (30, 0.5, 10), (20, 0.0, 5), (50, 2.0, 50)),
}
_MOST_GENERATIONS = 100


def _law(loop: Loop, p: tuple[float, ...]) -> sim.ExactLaw:
    return exact_law(loop.schedule, loop.n, p, loop.generations)


def _curve(loop: Loop, p: tuple[float, ...], quantity: str, metric: str) -> Evidence:
    """Exact values of a quantity, or replications of it where the exact law is out of reach."""
    at = until(loop.generations, _MOST_GENERATIONS)
    index = np.array(at) - 1
    if affordable(loop.schedule, loop.n, p, loop.generations):
        return Exact(values=lambda: np.asarray(getattr(_law(loop, p), quantity))[index], upper=1.0)
    return Bounded(blocks=stream(sim.Discrete(np.array(p)), loop.schedule, loop.n, metric, at))


def _designs(
    result: Result, loops: tuple[Loop, ...], make: Callable[[Loop, str, tuple[float, ...]], Design | None]
) -> Callable[[Setting], tuple[Design, ...]]:
    def designs(setting: Setting) -> tuple[Design, ...]:
        made = (make(loop, name, p) for loop in loops for name, p in setting.discrete.items())
        return tuple(design for design in made if design is not None)

    return designs


def _case(result: Result, loops: tuple[Loop, ...], make: Callable[..., Design | None]) -> Case:
    return Case(
        result=result,
        name="exact",
        designs=_designs(result, loops, make),
        because=answers(result, DISCRETE_CHAIN),
    )


def _tv(loop: Loop, name: str, p: tuple[float, ...], *, knows_p: bool) -> Design:
    at = np.array(until(loop.generations, _MOST_GENERATIONS))
    known: dict[str, Any] = {"p": p} if knows_p else {"K": len(p)}
    return Design(
        label=f"{loop}, {name}",
        values={**loop.arguments, "i": at, **known},
        evidence=_curve(loop, p, "tv", "tv"),
    )


def _tv_of_class(loop: Loop, name: str, p: tuple[float, ...]) -> Design:
    return _tv(loop, name, p, knows_p=False)


def _tv_of_instance(loop: Loop, name: str, p: tuple[float, ...]) -> Design:
    return _tv(loop, name, p, knows_p=True)


def _variance(loop: Loop, name: str, p: tuple[float, ...]) -> Design:
    at = np.array(until(loop.generations, _MOST_GENERATIONS))
    chosen = atoms(p)

    def values() -> Array:
        # an atom's frequency is a chain by itself: two atoms, it and the rest, give its variance
        laws = [_law(loop, (atom, 1 - atom)) if atom < 1 else _law(loop, (1.0,)) for atom in chosen]
        return np.array([law.variance[at - 1, 0] for law in laws])

    return Design(
        label=f"{loop}, {name}",
        values={**loop.arguments, "i": at, "p": np.array(chosen)[:, None]},
        evidence=Exact(values=values),
    )


def _diversity(loop: Loop, name: str, p: tuple[float, ...]) -> Design:
    at = np.array(until(loop.generations, _MOST_GENERATIONS))
    return Design(
        label=f"{loop}, {name}",
        values={**loop.arguments, "i": at, "p": p},
        evidence=_curve(loop, p, "diversity", "diversity"),
    )


def _minimax(loop: Loop, name: str, p: tuple[float, ...]) -> Design:
    at = np.array(until(loop.generations, _MOST_GENERATIONS))
    uniform = tuple([1 / len(p)] * len(p))  # the supremum over p is at least the risk at the uniform one
    return Design(
        label=f"{loop}, uniform on the {len(p)} atoms of {name}",
        values={"n": np.full(at.size, loop.n), "K": len(p)},
        evidence=Exact(values=lambda: _law(loop, uniform).variance.sum(axis=1)[at - 1]),
    )


def _one_step(fields: tuple[str, ...]) -> Callable[..., Design | None]:
    def make(loop: Loop, name: str, p: tuple[float, ...]) -> Design | None:
        if not affordable(loop.schedule, loop.n, p, loop.generations):
            return None
        first = 1 if loop.name == "expand" else 0  # generation 1 of `expand` has n points, later ones (1+lam) n
        at = np.array([i for i in until(loop.generations, _MOST_GENERATIONS) if i > first])
        if loop.params == (("lam", 0.0),):
            return None  # without synthetic points P_i never differs from its training set
        values = {key: value for key, value in loop.arguments.items() if key in fields}
        return Design(
            label=f"{loop}, {name}",
            values={**values, "n": np.full(at.size, loop.n), "K": len(p)},
            evidence=Exact(values=lambda: _law(loop, p).one_step[at - 1], upper=1.0),
        )

    return make


def _of_schedules(
    family: str, names: tuple[str, ...], make: Callable[..., Design | None], tail: str = ""
) -> list[Case]:
    return [_case(bounds.get(f"{family}/{name}{tail}"), LOOPS[name], make) for name in names]


_ALL = tuple(LOOPS)
_REAL_ONLY = ("replace", "fixed", "expand", "accumulate")

CASES: tuple[Case, ...] = (
    *_of_schedules("tv/discrete", _ALL, _tv_of_class),
    *_of_schedules("tv/discrete", _ALL, _tv_of_class, "/triangle"),
    *_of_schedules("tv/discrete-instance", _ALL, _tv_of_instance),
    *_of_schedules("tv/discrete-exact", ("replace", "fresh"), _tv_of_instance),
    *_of_schedules("discrete/variance", _ALL, _variance),
    *_of_schedules("discrete/diversity", _ALL, _diversity),
    *_of_schedules("discrete/lower", _REAL_ONLY, _tv_of_instance),
    *_of_schedules("discrete/variance-lower", _REAL_ONLY, _variance),
    _case(
        bounds.get("discrete/minimax-real-only"),
        tuple(loop for name in _REAL_ONLY for loop in LOOPS[name]),
        _minimax,
    ),
    _case(bounds.get("tv/discrete/one-step"), (*LOOPS["fresh"], *LOOPS["replace"]), _one_step(())),
    _case(bounds.get("tv/discrete/one-step/fixed"), LOOPS["fixed"], _one_step(("alpha",))),
    _case(bounds.get("tv/discrete/one-step/expand"), LOOPS["expand"], _one_step(("lam",))),
)
