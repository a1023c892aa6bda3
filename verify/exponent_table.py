"""Claimed orders against measured ones: how fast a bound and what it bounds fall or grow along the same path."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import sympy as sp

import bounds
import sim
from bounds import Kind, Rate

from .case import Array, Design, Exact
from .checking import check, points_of
from .falsify_points import value_on
from .falsify_run import search_of
from .falsify_score import score
from .measuring import measured
from .search import Axis, Search
from .slopes import limits_of, slope, slope_weights

CONFIDENCE = 0.999
"""Probability that all limits of one row are right."""
MARGIN = 0.1
"""Largest difference of two exponents that are called equal: over a path of finite sizes lower orders still weigh."""
PLACES, FACTOR = 5, 10.0
REPLICATIONS = (512, 4_096, 16_384)
"""Of every sampled design; more only where fewer leave the order open, which limits for any stopping time allow."""
_SCREENED = 128
_SETTLED = 0.8


class Order(StrEnum):
    """What the measured order is to the claimed one."""

    CONSISTENT = "consistent"
    LOOSE = "faster than claimed"
    CONTRADICTING = "contradicting"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True, eq=False)
class OrderRow:
    """One claimed leading behaviour of a result.

    Attributes
    ----------
    key, wrt, to, leading : str
        The result, the parameter, where it tends to, and the claimed leading term.
    order : Order or None
        None where nothing is measured: `reason` says why.
    reason : str
    path : tuple of float
        Values of `wrt`.
    at : mapping of str to number
        The other axes of the search.
    claimed, measured, lower, upper : float
        Exponents along the path of the expression and of what was measured, with limits, at the point of the design
        where the measured one is the least favourable; nan where nothing is measured.
    points : int
        Points of a design that were compared.
    replications : int
        At every place; 0 for exact laws.
    """

    key: str
    wrt: str
    to: str
    leading: str
    order: Order | None
    reason: str = ""
    path: tuple[float, ...] = ()
    at: Mapping[str, float]
    claimed: float = np.nan
    measured: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    points: int = 0
    replications: int = 0


def order_rows(
    key: str, *, seed: int = 0, search: Search | None = None, replications: Sequence[int] = REPLICATIONS
) -> tuple[OrderRow, ...]:
    """Compare every claimed leading behaviour of a result with what is measured along its search.

    The other axes stay in the middle of their ranges. The path lies at that end of the range to which the claim
    belongs. Exponents are least-squares slopes of logarithms over the path, of the expression and of the exact values
    or means (quantiles, for a high-probability result). The limits of a sampled one follow from limits of all values
    on the path together, without any approximation for evidence of a finite-sample guarantee. Exact values have no
    sampling error: their limits are the exponent with and without a next order fitted along, of the root of what
    vanishes.

    Parameters
    ----------
    key : str
        A result of the catalogue.
    seed : int
    search : Search, optional
        Instead of that of the catalogue.
    replications : sequence of int
        Of every sampled design, one number after the other until the order is not open.
    """
    search = search or search_of(bounds.get(key))
    return tuple(_row(search, rate, seed, replications) for rate in search.result.rates)


def order_table(
    keys: tuple[str, ...], *, seed: int = 0, workers: int = 1
) -> Generator[tuple[OrderRow, ...], None, None]:
    """Yield the rows of each result as they are finished; the numbers do not depend on the workers."""
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers = {workers!r}: allowed: an integer >= 1")
    if workers == 1:
        yield from (order_rows(key, seed=seed) for key in keys)
        return
    with sim.Workers(min(workers, len(keys))) as pool:
        for future in as_completed([pool.submit(order_rows, key, seed=seed) for key in keys]):
            yield future.result()


def _row(search: Search, rate: Rate, seed: int, replications: Sequence[int]) -> OrderRow:
    common: dict[str, Any] = {
        "key": search.result.key, "wrt": rate.wrt, "to": str(rate.to), "leading": str(rate.leading), "at": {},
    }  # fmt: skip
    axis = search.axes.get(rate.wrt)
    reason = _unmeasurable(rate, axis)
    if reason or axis is None:
        return OrderRow(**common, order=None, reason=reason)
    path = _path(axis, toward_zero=rate.to == 0)
    if len(path) < 4:
        return OrderRow(**common, order=None, reason=f"its range in the experiments, {path}, is too short")
    common["at"] = _others(search, rate.wrt, path[0 if rate.to == 0 else -1], seed)
    designs = [search.design({**common["at"], rate.wrt: value}) for value in path]
    for number in replications:
        row = OrderRow(**common, **_compared(search, rate, designs, path, (seed, number)))
        if row.order is not Order.OPEN or row.replications == 0:
            break
    return row


def _others(search: Search, wrt: str, end: int | float, seed: int) -> dict[str, int | float]:
    """Return values of the other axes: parameters in the middle of their ranges, settings where the bound is tightest.

    A bound on a class says how the worst of its members behaves, so of every setting that the result does not depend
    on the ends and the middle are tried, one after the other, at the end of the path.
    """
    chosen = {name: value_on(axis, 0.5) for name, axis in search.axes.items() if name != wrt}
    settings = [name for name in chosen if name not in search.result.names]

    def tightness(values: Mapping[str, Any]) -> float:
        design = search.design({**values, wrt: end})
        return score(check(search.case, design, level=0.05, replications=_SCREENED, seed=seed))

    for name in (*settings, *settings) if len(settings) > 1 else settings:
        tried = [{**chosen, name: value_on(search.axes[name], share)} for share in (0.5, 0.0, 1.0)]
        chosen = max([chosen, *tried], key=tightness)
    return chosen


def _unmeasurable(rate: Rate, axis: Axis | None) -> str:
    if rate.to not in (0, sp.oo):
        return f"a limit at the finite {rate.wrt} = {rate.to}: no power of it"
    return "" if axis is not None else f"no experiment varies {rate.wrt}"


def _path(axis: Axis, *, toward_zero: bool) -> tuple[int | float, ...]:
    """Return increasing values, evenly by their logarithm, at the end of the range that matters."""
    low = axis.low if axis.low > 0 else axis.high / FACTOR**2
    first, last = (low, min(axis.high, low * FACTOR)) if toward_zero else (max(low, axis.high / FACTOR), axis.high)
    shares = np.linspace(0, 1, PLACES)
    part = Axis(low=first, high=last, log=True)
    values = [value_on(part, float(share)) for share in shares]
    return tuple(dict.fromkeys(round(value) if axis.integer else value for value in values))


def _compared(
    search: Search, rate: Rate, designs: Sequence[Design], path: tuple[int | float, ...], numbers: tuple[int, int]
) -> dict[str, Any]:
    """Return the exponents at the least favourable point, and the order there."""
    result = search.result
    pairs = [points_of(design, result) for design in designs]
    if len({bound.shape for bound, _ in pairs}) > 1:
        return {"order": None, "reason": "the number of points changes along the path"}
    bound = np.array([bound for bound, _ in pairs]).T
    along = np.array([parameters.get(rate.wrt, np.full(bound.shape[0], float(value)))
                      for (_, parameters), value in zip(pairs, path, strict=True)]).T  # fmt: skip
    level = (1 - CONFIDENCE) / (2 * bound.size)
    found = [measured(search.case, design, level=level, seed=numbers[0], replications=numbers[1])
             for design in designs]  # fmt: skip
    value, low, high, most = (np.array([getattr(one, name) for one in found]).T for name in _NAMES)
    sign = np.sign(bound[:, :1])
    fits = np.all((value * sign > 0) & (bound * sign > 0) & np.isfinite(bound), axis=1)
    fits &= np.all((bound < most) | (result.kind is not Kind.UPPER), axis=1)
    if not fits.any():
        return {"order": None, "reason": "the bound says nothing, or one of both is 0, somewhere on the path"}
    along, (bound, value, low, high) = along[fits], (a[fits] * sign[fits] for a in (bound, value, low, high))
    weights = slope_weights(along)
    claimed, middle = (np.sum(weights * np.log(array), axis=1) for array in (bound, value))
    if all(isinstance(design.evidence, Exact) for design in designs):
        least, largest = np.sort([middle, claimed + _corrected(along, value / bound, rate.to == 0)], axis=0)
    else:
        least, largest = limits_of(weights, np.maximum(np.minimum(low, high), 0.0), np.maximum(low, high))
    direction = (-1.0 if rate.to == 0 else 1.0) * (-1.0 if result.kind is Kind.LOWER else 1.0)
    excess = direction * (middle - claimed)
    worst = int(np.argmax(np.abs(excess) if result.kind is Kind.EQUALITY else excess))
    ends = sorted((direction * (least[worst] - claimed[worst]), direction * (largest[worst] - claimed[worst])))
    order = _order(result.kind, *ends)
    if order is Order.CONTRADICTING and _settles(along[worst], value[worst] / bound[worst], rate.to == 0):
        order = Order.OPEN
    return {
        "order": order,
        "path": tuple(along[worst].tolist()),
        "claimed": float(claimed[worst]), "measured": float(middle[worst]),
        "lower": float(least[worst]), "upper": float(largest[worst]),
        "points": int(fits.sum()), "replications": max(one.replications for one in found),
    }  # fmt: skip


_NAMES = ("value", "lower", "upper", "most")


def _corrected(along: Array, ratio: Array, toward_zero: bool) -> Array:
    """Return the exponents of ratios (points, path) with a next order fitted along, of the root of what vanishes."""
    small = np.sqrt(along if toward_zero else 1 / along)
    columns = np.stack([np.ones_like(along), np.log(along), small], axis=-1)
    return np.asarray(np.sum(np.linalg.pinv(columns)[..., 1, :] * np.log(ratio), axis=1))


def _settles(along: Array, ratio: Array, toward_zero: bool) -> bool:
    """Tell whether exponents still come nearer to each other along a path: then it is too short to contradict."""
    halves = [slice(None, 3), slice(-3, None)][:: -1 if toward_zero else 1]
    first, last = (abs(float(slope(along[half], ratio[half]))) for half in halves)
    return last < _SETTLED * first


def _order(kind: Kind, low: float, high: float) -> Order:
    """Say what limits of the excess of a measured exponent mean: positive where it is less favourable than claimed."""
    if low > MARGIN or (kind is Kind.EQUALITY and high < -MARGIN):
        return Order.CONTRADICTING
    if high < -MARGIN:
        return Order.LOOSE
    return Order.CONSISTENT if low >= -MARGIN and high <= MARGIN else Order.OPEN


__all__ = ["CONFIDENCE", "MARGIN", "Order", "OrderRow", "order_rows", "order_table"]
