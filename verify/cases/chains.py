"""Cases on Poisson chains: the exact law by iterated generating functions, and paths drawn independently of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np

import bounds
import sim
from sim.chains import PoissonLaw, poisson_blocks, tv_poisson

from ..case import Array, Bounded, Case, Design, Evidence, Exact, Setting
from ..laboratory import until
from .reasons import answers

LAW: Mapping[str, str] = {
    "poisson-fit": "the chain's state is n times the fitted mean, the total of n counts",
    "real-start": "the chain starts from a Poisson number with mean n mu",
    "schedule-stratified": "the total is Poisson with mean n (alpha mu + (1 - alpha) mu_i): kernel and recursion",
    "schedule-poisson-mixed": "the total is Poisson with mean n (alpha mu + (1 - alpha) mu_i): kernel and recursion",
    "schedule-replace": "the total is Poisson with mean n mu_i: kernel and recursion at alpha = 0",
}
SAMPLER: Mapping[str, str] = {
    "poisson-fit": "paths of the total of n Poisson counts, divided by n",
    "real-start": "the first total is drawn with mean n mu",
    "schedule-stratified": "the totals of the real and of the synthetic counts are drawn apart and added",
    "schedule-poisson-mixed": "the totals of the real and of the synthetic counts are drawn apart and added",
    "schedule-replace": "each total is drawn with the last total as its mean",
}
Loop = tuple[int, float, float, int]
"""Sample size, real mean, real fraction and generations."""
_LOOPS: tuple[Loop, ...] = (
    (20, 0.5, 0.1, 20),
    (10, 3.0, 0.5, 20),
    (100, 0.02, 0.05, 50),
    (20, 0.5, 0.0, 20),
    (5, 4.0, 0.2, 20),
    (1, 0.5, 1.0, 5),
    (50, 0.1, 0.02, 100),
)
_NOT_REAL_ALONE = tuple(loop for loop in _LOOPS if loop[2] < 1)
_WITHOUT_REAL: tuple[Loop, ...] = ((20, 0.5, 0.0, 20), (5, 4.0, 0.0, 20), (100, 0.02, 0.0, 50), (1, 0.5, 0.0, 100))
_SAMPLED: tuple[Loop, ...] = ((10, 0.5, 0.1, 20), (10, 0.4, 0.3, 10), (200, 0.03, 0.05, 20))


@lru_cache(maxsize=64)
def poisson_law(loop: Loop) -> PoissonLaw:
    """Return the exact law of a loop, remembering the last ones."""
    return sim.exact_poisson(*loop)


def evidence(loop: Loop, quantity: str, at: tuple[int, ...]) -> Evidence:
    """Return exact values of `absence`, `variance` or `tv`, the last raised by what the chain has lost."""
    index = np.array(at) - 1

    def values() -> Array:
        law = poisson_law(loop)
        found: Array = getattr(law, quantity)[index]
        return found + law.lost[index] if quantity == "tv" else found

    return Exact(values=values, upper=np.inf if quantity == "variance" else 1.0)


def _drawn(loop: Loop, quantity: str, at: tuple[int, ...]) -> Evidence:
    n, mu, alpha, generations = loop

    def blocks(seed: int) -> Iterator[Array]:
        for paths in poisson_blocks(n, mu, alpha, generations, seed):
            means = paths[:, np.array(at) - 1]
            yield (means == 0).astype(float) if quantity == "absence" else tv_poisson(means, mu)

    return Bounded(blocks=blocks)


def _case(key: str, quantity: str, loops: tuple[Loop, ...], *, first: int = 1, sampled: bool = False) -> Case:
    result = bounds.get(key)
    make: Callable[..., Evidence] = _drawn if sampled else evidence

    def designs(setting: Setting) -> tuple[Design, ...]:
        made = []
        for loop in loops:
            at = tuple(i for i in until(loop[3], 100) if i >= first)
            known = dict(zip(("n", "mu", "alpha"), loop[:3], strict=True)) | {"i": np.array(at)}
            made.append(
                Design(
                    label=f"n={loop[0]} mu={loop[1]:g} alpha={loop[2]:g}",
                    values={name: known[name] for name in result.names},
                    evidence=make(loop, quantity, at),
                )
            )
        return tuple(made)

    reasons, name = (SAMPLER, "sampled") if sampled else (LAW, "exact")
    return Case(result=result, name=name, designs=designs, because=answers(result, reasons))


CASES: tuple[Case, ...] = (
    _case("poisson/variance/stratified", "variance", _LOOPS),
    _case("tv/poisson/stratified", "tv", _LOOPS),
    _case("tv/poisson/stratified", "tv", _SAMPLED, sampled=True),
    _case("poisson/absence/stratified", "absence", _NOT_REAL_ALONE),
    _case("poisson/absence-lower/stratified", "absence", _NOT_REAL_ALONE),
    *(
        # in the first generations both are equal to, or hardly differ from, what is measured
        _case(f"poisson/{name}/stratified", "absence", _SAMPLED[:2], first=5, sampled=True)
        for name in ("absence", "absence-lower")
    ),
    _case("poisson/extinction/replace", "absence", _WITHOUT_REAL),
    _case("poisson/extinction/replace", "absence", ((10, 0.5, 0.0, 5),), first=5, sampled=True),
)

__all__ = ["CASES"]
