"""Cases for linear attention in context: exact recursions of second moments, and simulated loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Blocks, Bounded, Case, Design, Exact, Unbounded
from ..laboratory import schedule_of, stream
from .reasons import answers

Moments: TypeAlias = tuple[Fraction, Fraction]
"""E<w_i, w> and E|w_i|^2 in units of |w|^2."""
Model: TypeAlias = tuple[int, float, float]
"""d, sigma and rho."""

_SAMPLED: Mapping[str, str] = {
    "linear-data": "sim.LinearAttention draws the sum of y x of such points, exactly in law",
    "linear-attention": "sim.LinearAttention multiplies the average of y x by the factor for n points",
    "real-start": "generation 1 has n points with the weights w",
    **{f"schedule-{name}": f"sim.schedules draws exactly the training sets of `{name}`"
       for name in ("replace", "stratified", "fixed", "expand")},
}  # fmt: skip
_EXACT: Mapping[str, str] = {
    **_SAMPLED,
    "linear-data": "first and second moments of the average of y x of such points, given the weights",
    "linear-attention": "each generation multiplies the average by the factor for its number of points",
    **{f"schedule-{name}": f"averages are mixed as in `{name}`, the covariances of reused points included"
       for name in ("replace", "stratified", "fixed", "expand")},
}  # fmt: skip
_AT = (1, 2, 5, 10)
_LONG = (1, 2, 3, 10, 30)
_MIXED = {"replace": (0.0,), "stratified": (0.1, 0.5), "fixed": (0.1, 0.5), "expand": (1.0, 4.0)}
_MODELS: tuple[tuple[int, Model], ...] = ((200, (20, 1.0, 1.0)), (50, (5, 0.5, 2.0)), (100, (2, 1.0, 0.5)))
_EXACT_MODELS: tuple[tuple[int, Model], ...] = (
    (50, (5, 1.0, 1.0)),
    (1000, (20, 0.5, 2.0)),
    (10, (1, 2.0, 0.25)),
    (20, (30, 0.0, 1.0)),
)


def exact_moments(schedule: str, n: int, mixed: Fraction, d: int, noise: Fraction, generations: int) -> list[Moments]:
    """Return E<w_i, w> and E|w_i|^2, one generation after the other, in fractions and without a closed form.

    Parameters
    ----------
    schedule : str
        replace, stratified, fixed or expand.
    n, d : int
    mixed : Fraction
        lam of `expand`, else alpha.
    noise : Fraction
        sigma^2/|w|^2.
    generations : int
        At least 1.

    Returns
    -------
    list of pairs
        In units of |w|^2.
    """
    extended = schedule == "expand"
    size = (1 + mixed) * n if extended else Fraction(n)
    alpha = 1 / (1 + mixed) if extended else mixed
    reused = alpha * size
    first, later = (1 / (1 + (d + 1 + d * noise) / Fraction(points)) for points in (n, size))
    spread = [Fraction(d + 1) / points if points else Fraction(0) for points in (reused, size - reused)]
    noises = [d * noise / points if points else Fraction(0) for points in (reused, size - reused)]
    square = 1 + spread[0] + noises[0]  # of the average of y x over the reused points
    a, s = first, first**2 * (1 + Fraction(d + 1 + d * noise) / n)
    cross = first * (alpha * square + (1 - alpha)) if not extended else first * square  # with that average
    found = [(a, s)]
    for _ in range(generations - 1):
        together = a if schedule in ("replace", "stratified") else cross
        drawn = s * (1 + spread[1]) + noises[1]
        s = later**2 * (alpha**2 * square + 2 * alpha * (1 - alpha) * together + (1 - alpha) ** 2 * drawn)
        a, cross = later * (alpha + (1 - alpha) * a), later * (alpha * square + (1 - alpha) * cross)
        found.append((a, s))
    return found


_OF: Mapping[str, Callable[[Moments], Fraction]] = {
    "risk": lambda moments: moments[1] - 2 * moments[0] + 1,
    "inner_product": lambda moments: moments[0],
    "norm_squared": lambda moments: moments[1],
}


def metric_of(result: Result) -> str:
    """Return the simulator's name of what a result is about."""
    names = {"icl/tv": "tv", "icl/linear-attention/mean": "inner_product"}
    names["icl/linear-attention/second-moment"] = "norm_squared"
    return names.get(result.key.rpartition("/")[0], "risk")


def _schedule(result: Result) -> str:
    return result.key.rpartition("/")[2]


def _values(result: Result, n: int, mixed: float, model: Model, at: tuple[int, ...]) -> Any:
    d, sigma, rho = model
    name = "lam" if "lam" in result.names else "alpha"
    values = {"n": n, "i": np.array(at), "d": d, "sigma": sigma, "rho": rho}
    return values | ({name: mixed} if name in result.names else {})


def _label(n: int, mixed: float, model: Model, name: str) -> str:
    share = "" if name == "replace" else f", {'lam' if name == 'expand' else 'alpha'}={mixed:g}"
    return f"n={n}{share}, d={model[0]}, sigma={model[1]:g}, rho={model[2]:g}"


def _recursion(result: Result, n: int, mixed: float, model: Model) -> Array:
    d, sigma, rho = model
    noise = (Fraction(str(sigma)) / Fraction(str(rho))) ** 2
    found = exact_moments(_schedule(result), n, Fraction(str(mixed)), d, noise, max(_LONG))
    metric = metric_of(result)
    scale = 1 if metric == "inner_product" else Fraction(str(rho)) ** 2
    return np.array([float(scale * _OF[metric](found[i - 1])) for i in _LONG])


def _exact(result: Result) -> list[Design]:
    name = _schedule(result)
    return [
        Design(
            label=_label(n, mixed, model, name),
            values=_values(result, n, mixed, model, _LONG),
            evidence=Exact(values=partial(_recursion, result, n, mixed, model)),
        )
        for (n, model), mixed in itertools.product(_EXACT_MODELS, _MIXED[name])
    ]


def _scaled(blocks: Blocks, factor: float) -> Blocks:
    def scaled(seed: int) -> Iterator[Array]:
        return (block * factor for block in blocks(seed))

    return scaled


def _simulated(result: Result) -> list[Design]:
    """Sampled equalities rest on a limit theorem; the total variation lies in [0, 1]."""
    name, metric, made = _schedule(result), metric_of(result), []
    for (n, model), mixed in itertools.product(_MODELS, _MIXED[name]):
        d, sigma, rho = model
        loop = schedule_of(name, {} if name == "replace" else {"lam" if name == "expand" else "alpha": mixed})
        blocks = stream(sim.LinearAttention(d, rho, sigma), loop, n, metric, _AT)
        sampled = Unbounded(blocks=_scaled(blocks, 1 / rho**2 if metric == "inner_product" else 1.0))
        made.append(
            Design(
                label=_label(n, mixed, model, name),
                values=_values(result, n, mixed, model, _AT),
                evidence=Bounded(blocks=blocks) if metric == "tv" else sampled,
                margin=0.02 if d >= 10 else 0.05,
            )
        )
    return made


def _case(result: Result, name: str, reasons: Mapping[str, str], designs: Callable[[Result], list[Design]]) -> Case:
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(result)), because=answers(result, reasons)
    )


_RESULTS = bounds.select(("icl/linear-attention", "icl/tv"))
CASES: tuple[Case, ...] = tuple(
    _case(result, name, reasons, designs)
    for result in _RESULTS
    for name, reasons, designs in (("recursion", _EXACT, _exact), ("sampled", _SAMPLED, _simulated))
    if not (name == "recursion" and result.key.startswith("icl/tv"))
)
