"""Designs for linear regression: exact laws, shares of the rows, and loops simulated in law and row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import numpy as np

import sim
from bounds import Result
from sim.regression import generator, shares
from sim.regression_data import ROWS

from ..case import Array, Bounded, Design, Evidence, Exact, Exceedance, Nonnegative, Unbounded
from . import regression_exact as exact
from .regression_exact import EXACT, Values

Point: TypeAlias = dict[str, Any]

AT = (1, 2, 5, 10)
LONG = (1, 2, 3, 10, 30)


def short(result: Result) -> str:
    """Return the key without the family."""
    return result.key.removeprefix("regression/")


def _label(point: Point, *more: object) -> str:
    return ", ".join([f"{name}={value:g}" for name, value in point.items()] + [str(x) for x in more])


def _values(point: Point, at: tuple[int, ...]) -> Point:
    return {**point, "i": np.array(at)}


def exactly(result: Result, point: Point, at: tuple[int, ...] = LONG, which: int = 0) -> Design:
    """Return a design with the exact risk at a point of the result's parameters."""
    law = EXACT[short(result)][which]
    return _exact(law, point, at, law.__name__)


def _exact(law: Callable[[Values], Array], point: Point, at: tuple[int, ...], *more: object) -> Design:
    evidence = Exact(values=lambda: law({"tau": point.get("sigma", 1.0), **point, "at": at}))
    return Design(label=_label(point, *more), values=_values(point, at), evidence=evidence)


def exact_shares(point: Point, powers: Callable[[Values, int], Array], at: tuple[int, ...] = LONG) -> Design:
    """Return a design with the exact risk at the same rows: one coefficient, equal shares, or generation 1."""
    return _exact(partial(exact.known_shares, powers=powers), point, at, "exact shares")


def loop_of(schedule: sim.Schedule, point: Point, *, fresh: bool = False) -> sim.RegressionLoop:
    """Return the loop with the noises of a point; one noise stands for both."""
    noises = {"sigma": point["sigma"], "tau": point["tau"] if "tau" in point else point["sigma"]}
    return sim.RegressionLoop(schedule=schedule, n=point["n"], d=point["d"], fresh_rows=fresh, **noises)


def sampled(
    point: Point, loop: sim.RegressionLoop, at: tuple[int, ...] = AT, how: str = "lower", margin: float = 0.05
) -> Design:
    """Return a design with the risks of a simulated loop.

    With `capped` the coefficient of variation is that of chi-square_d/chi-square_m, m = n-d+1 > 4, by which the risk
    at the same rows is distributed; sums of independent such errors in uniform directions have a smaller one. `lower`
    needs none, as what is certified is a mean above a number; `limit` rests on a limit theorem.
    """
    blocks = partial(loop.risks, at)
    evidence: Evidence = Nonnegative(blocks=blocks, cap=np.inf) if how == "lower" else Unbounded(blocks=blocks)
    if how == "capped":
        evidence = Nonnegative(blocks=blocks, cap=_cap(point["n"], point["d"]))
    rows = "new rows" if loop.fresh_rows else "same rows"
    label = _label(point, loop.schedule.name, rows)
    return Design(label=label, values=_values(point, at), evidence=evidence, margin=margin)


def _cap(n: int, d: int) -> float:
    m = n - d + 1
    return float(np.sqrt((d + 2) * (m - 2) / (d * (m - 4)) - 1) * (1 + 1e-9))


def by_shares(point: Point, powers: Callable[[Values, int], Array], at: tuple[int, ...] = AT) -> Design:
    """Return a design with the risk at the same rows as a mean over shares of the rows, whose range is known.

    The error along a direction of share b starts at sigma^2 and grows by sigma^2 b^(2i) (new real labels) or by
    sigma^2 (2b^i - b^(2i-1) - b^(2i)) + tau^2 b^(2i-1) <= sigma^2/2 + tau^2 (reused ones) from generation i to i+1:
    it is at most 3i/2 times the larger variance.
    """
    n, d = point["n"], point["d"]
    noises = {"tau": point["sigma"], **point}
    largest = max(noises["sigma"], noises["tau"]) ** 2
    coefficients = [powers(noises, i)[::-1] for i in at]
    m = n - round(point["alpha"] * n)

    def blocks(seed: int) -> Iterator[Array]:
        for block in count():
            b = shares(generator(f"shares {n} {d} {m}", seed, block), 512, d, n, m)
            yield np.stack([np.polyval(c, b).sum(axis=1) for c in coefficients], axis=1) / (n - d - 1)

    upper = 1.5 * largest * d * np.array(at) / (n - d - 1)
    return Design(
        label=_label(point, "shares"), values=_values(point, at), evidence=Bounded(blocks=blocks, upper=upper)
    )


def by_gram(point: Point, rows: str, at: tuple[int, ...]) -> Design:
    """Return a design with the mean risk given the rows, any law of `sim.regression_data.ROWS`: old or new ones."""
    n, d = point["n"], point["d"]
    noise = point["sigma"] ** 2 + (np.array(at) - 1) * point["tau"] ** 2

    def blocks(seed: int) -> Iterator[Array]:
        for block in count():
            x = ROWS[rows](generator(f"rows {rows} {n} {d}", seed, block), (256, n, d))
            yield np.trace(np.linalg.inv(x.transpose(0, 2, 1) @ x), axis1=1, axis2=2)[:, None] * noise

    return Design(label=_label(point, rows), values=_values(point, at), evidence=Unbounded(blocks=blocks))


def always(point: Point, schedule: sim.Schedule, last: int, label: str = "") -> Design:
    """Return a design with the largest risk of all generations up to `last`, at the same rows."""
    loop = loop_of(schedule, point)

    def blocks(seed: int) -> Iterator[Array]:
        for risks in loop.risks(tuple(range(1, last + 1)), seed):
            yield risks.max(axis=1, keepdims=True)

    values = {**point, "i": np.array([last])}
    return Design(
        label=label or _label(point, schedule.name), values=values, evidence=Exceedance(blocks=blocks, upper=np.inf)
    )


def by_rows(
    point: Point, loop: sim.RegressionData, readout: Array, at: tuple[int, ...] = AT, how: str = "limit"
) -> Design:
    """Return a design with |readout (w_i - w)|^2 of a loop simulated row by row, readout (k, d)."""

    def blocks(seed: int) -> Iterator[Array]:
        for errors in loop.errors(at, seed):
            yield np.sum((errors @ readout.T) ** 2, axis=-1)

    evidence = Nonnegative(blocks=blocks, cap=np.inf) if how == "lower" else Unbounded(blocks=blocks)
    rows = "new rows" if loop.fresh_rows else "same rows"
    label = _label(point, loop.rows, loop.noise, rows)
    return Design(label=label, values=_values(point, at), evidence=evidence, margin=0.05)


def at_rows(point: Point, loop: sim.RegressionData, readout: Array, at: tuple[int, ...] = LONG) -> Design:
    """Return the same with exact means and covariances; `loop` has fixed rows."""
    law = partial(exact.propagated, loop=loop, readout=readout)
    return _exact(law, point, at, loop.rows, f"design {loop.design}")


def in_sample(n: int, d: int, rows: str, noise: str, design: int = 0) -> tuple[Point, sim.RegressionData, Array]:
    """Return point, loop and readout of the error at n fixed rows."""
    point = {"n": n, "d": d, "sigma": 1.3, "tau": 0.7}
    loop = sim.RegressionData(n=n, w=(1.0,) * d, sigma=1.3, tau=0.7, rows=rows, noise=noise, design=design)
    return point, loop, loop.fixed_rows() / np.sqrt(n)


def along(
    n: int, d: int, which: int, mu: float, alpha: float, rows: str = "normal", noise: str = "normal", design: int = 0
) -> tuple[Point, sim.RegressionData, Array]:
    """Return point, loop and readout of ridge regression along the direction with the `which`-th eigenvalue."""
    w = tuple(1.0 / (j + 1) for j in range(d))
    loop = sim.RegressionData(n=n, w=w, sigma=1.3, tau=0.7, mu=mu, alpha=alpha, rows=rows, noise=noise, design=design)
    x = loop.fixed_rows()
    eigenvalues, vectors = np.linalg.eigh(x.T @ x / n)
    v = vectors[:, which]
    point = {"n": n, "mu": mu, "gram": float(eigenvalues[which]), "alpha": alpha, "rho": float(abs(v @ np.array(w)))}
    return point | {"sigma": 1.3, "tau": 0.7}, loop, v[None, :]


def few_rows(n: int, d: int, noise: str = "normal") -> tuple[Point, sim.RegressionData, Array]:
    """Return point, loop and readout of the shortest fit to n rows of d > n coefficients."""
    point = {"n": n, "d": d, "rho": 1.5, "sigma": 0.8, "tau": 0.5}
    w = (1.5,) + (0.0,) * (d - 1)
    loop = sim.RegressionData(n=n, w=w, sigma=0.8, tau=0.5, noise=noise, fresh_rows=True)
    return point, loop, np.eye(d)
