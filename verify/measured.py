"""A bound against numbers measured elsewhere: the same verdicts from a table instead of a simulation."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from bounds import Kind, Mode, Result

from .case import Array
from .checking import CLAIMS, Curve
from .confidence import confidence_bounds
from .evidence import Decision, Guarantee, clopper_pearson, exact_decision
from .measured_table import MeasuredError, MeasuredTable
from .quantiles import quantile_limits
from .run import Verdict, verdict_of


def check_measured(
    result: Result,
    columns: Mapping[str, ArrayLike],
    *,
    fixed: Mapping[str, Any] | None = None,
    upper: float = math.inf,
    confidence: float = 0.999,
    margin: float = 0.02,
) -> Verdict:
    """Check a result against a table of measured numbers, as from experiments or other people's code.

    What the table holds decides how the verdict is reached:

    * `value` alone, one row per point: the numbers are taken as exact. Statements that hold surely are always checked
      so, and every row is a point.
    * several rows per point: each is one replication. With `upper`, the limits hold for every sample size and however
      the number of rows came about; without, they are Student's, of a limit theorem.
    * `standard_error`, with `replications` if known: limits of Student, or of the normal law; with `upper` and both
      those of Maurer and Pontil (2009), and with `upper` and `replications` alone those of Hoeffding (1963), for every
      sample size if the number of replications was fixed beforehand.
    * for a high-probability result: each row, or all rows with the same `run`, is one run of the loop; runs with the
      same points are compared with delta together, by the limits of Clopper and Pearson, their number fixed beforehand.

    Parameters
    ----------
    result : Result
        Any but a rate, which has no numbers to compare.
    columns : mapping of str to array_like
        `value` and columns named like scalar parameters, each (rows,); optionally `standard_error` > 0,
        `replications` >= 2 and `run`. A pandas data frame will do.
    fixed : mapping of str to value
        The parameters that are the same in every row, vectors among them.
    upper : float
        Provable largest value of the quantity, which is then in [0, upper].
    confidence : float
        Probability that every decided point is decided rightly, if the numbers are.
    margin : float
        Relative margin of an equality.

    Raises
    ------
    MeasuredError
        Columns or numbers that cannot be used.
    bounds.ParameterError, bounds.DomainError
        As for calling the result.
    """
    started = time.perf_counter()
    if result.kind is Kind.RATE:
        raise MeasuredError("result", -1, result.key, "a result with numbers to compare, not a rate")
    for name, number, fits in (
        ("confidence", confidence, 0 < confidence < 1),
        ("upper", upper, upper > 0),
        ("margin", margin, 0 < margin < 1),
    ):
        if not fits:
            raise MeasuredError(name, -1, number, "a number > 0" if name == "upper" else "a number in (0, 1)")
    table = MeasuredTable(result, columns, dict(fixed or {}), upper)
    if result.mode is Mode.HIGH_PROBABILITY:
        parts = _by_runs(table, 1 - confidence)
    elif result.mode is Mode.SURE or not (table.repeated or {"standard_error", "replications"} & set(table.measured)):
        parts = [_as_exact(table, margin)]
    else:
        parts = [_by_limits(table, 1 - confidence, margin)]
    seconds = (time.perf_counter() - started) / len(parts)
    curves = [Curve(case="measured", claim=CLAIMS[result.kind], seconds=seconds, **part) for part in parts]
    return verdict_of(result.key, curves)


def _as_exact(table: MeasuredTable, margin: float) -> dict[str, Any]:
    claim = CLAIMS[table.result.kind]
    common = table.at(np.arange(table.value.size))
    if claim == "equal":
        near = np.abs(table.value - common["bound"]) <= margin * np.abs(common["bound"])
        decision = np.where(near, Decision.HOLDS, Decision.REFUTED).astype(object)
    else:
        decision = exact_decision(table.value, common["bound"], claim)
    return common | {
        "value": table.value, "lower": table.value, "upper": table.value, "decision": decision,
        "replications": 0, "level": 0.0, "guarantee": Guarantee.EXACT,
        "method": "numbers taken as exact", "margin": margin if claim == "equal" else 0.0,
    }  # fmt: skip


def _by_limits(table: MeasuredTable, error: float, margin: float) -> dict[str, Any]:
    common = table.at(table.first)
    sides = 2 if table.result.kind is Kind.EQUALITY else 1  # of a true equality either limit may be wrong
    level = error / (sides * table.first.size)
    if table.repeated:
        value, lower, upper, method, count = _of_replications(table, level)
    else:
        value, lower, upper, method, count = _of_summaries(table, level)
    common["decision"] = _decided(table.result.kind, common["bound"], lower, upper, margin)
    finite = math.isfinite(table.upper) and not method.startswith("limits of a limit theorem")
    return common | {
        "value": value, "lower": lower, "upper": upper, "replications": count, "level": level, "method": method,
        "guarantee": Guarantee.FINITE_SAMPLE if finite else Guarantee.ASYMPTOTIC,
        "margin": margin if table.result.kind is Kind.EQUALITY else 0.0,
    }  # fmt: skip


def _of_replications(table: MeasuredTable, level: float) -> tuple[Array, Array, Array, str, int]:
    """Limits from rows that are replications each."""
    if {"standard_error", "replications"} & set(table.measured):
        row = int(np.flatnonzero(np.bincount(table.point)[table.point] > 1)[1])
        what = "one row per point, or one per replication and neither standard_error nor replications"
        raise MeasuredError("value", row, f"{table.value[row]:g} at a point that was there before", what)
    groups = [table.value[table.point == k] for k in range(table.first.size)]
    alone = next((k for k, group in enumerate(groups) if group.size < 2), None)
    if alone is not None:
        row = int(table.first[alone])
        raise MeasuredError("value", row, f"{table.value[row]:g} alone at its point", "two rows or more at every point")
    mean, sizes = np.array([group.mean() for group in groups]), [group.size for group in groups]
    if math.isfinite(table.upper):
        found = [confidence_bounds(group[:, None], level, table.upper) for group in groups]
        lower, upper = (np.array([limits[side][0] for limits in found]) for side in (0, 1))
        return mean, lower, upper, "betting limits", min(sizes)
    spread = np.array([group.std(ddof=1) for group in groups])
    error = np.where(spread > 0, spread, np.inf) / np.sqrt(sizes)  # no spread seen: nothing is known of it
    radius = stats.t.isf(level, np.array(sizes) - 1.0) * error
    return mean, mean - radius, mean + radius, "limits of a limit theorem (Student)", min(sizes)


def _of_summaries(table: MeasuredTable, level: float) -> tuple[Array, Array, Array, str, int]:
    """Limits from means with standard errors, numbers of replications, or both."""
    value, error, size = (
        column[table.first] if (column := table.measured.get(name)) is not None else None
        for name in ("value", "standard_error", "replications")
    )
    assert value is not None
    finite, count = math.isfinite(table.upper), 0 if size is None else int(size.min())
    if error is None:
        if not finite or size is None:
            raise MeasuredError("standard_error", -1, "missing", "a column, or `upper` beside replications")
        radius, method = table.upper * np.sqrt(-math.log(level) / (2 * size)), "Hoeffding's limits"
    elif size is None:
        radius, method = stats.norm.isf(level) * error, "limits of a limit theorem (normal)"
    elif finite:
        word = math.log(2 / level)
        radius, method = error * math.sqrt(2 * word) + 7 * table.upper * word / (3 * (size - 1)), "Maurer and Pontil"
    else:
        radius, method = stats.t.isf(level, size - 1) * error, "limits of a limit theorem (Student)"
    lower, upper = value - radius, value + radius
    return value, np.maximum(lower, 0.0) if finite else lower, np.minimum(upper, table.upper), method, count


def _decided(kind: Kind, bound: Array, lower: Array, upper: Array, margin: float) -> NDArray[np.object_]:
    """Each limit is wrong with probability at most the level, and each decision is wrong only if one limit is."""
    decision = np.full(bound.shape, Decision.UNDECIDED, dtype=object)
    low, high = bound, bound
    if kind is Kind.EQUALITY:
        low, high = bound - margin * np.abs(bound), bound + margin * np.abs(bound)
    above, below = lower > high, upper < low
    if kind is Kind.UPPER:
        decision[upper <= bound] = Decision.HOLDS
        decision[above] = Decision.REFUTED
    elif kind is Kind.LOWER:
        decision[lower >= bound] = Decision.HOLDS
        decision[below] = Decision.REFUTED
    else:
        decision[(lower >= low) & (upper <= high)] = Decision.HOLDS
        decision[above | below] = Decision.REFUTED
    return decision


def _by_runs(table: MeasuredTable, error: float) -> list[dict[str, Any]]:
    """Exceedances of whole runs, for each set of runs with the same points."""
    runs = table.measured.get("run", np.arange(table.value.size, dtype=float))
    sets: dict[tuple[int, ...], list[NDArray[np.intp]]] = {}
    for run in np.unique(runs):
        rows = np.flatnonzero(runs == run)
        rows = rows[np.argsort(table.point[rows], kind="stable")]
        sets.setdefault(tuple(table.point[rows].tolist()), []).append(rows)
    return [_exceedances(table, np.array(rows), error / len(sets)) for rows in sets.values()]


def _exceedances(table: MeasuredTable, rows: NDArray[np.intp], level: float) -> dict[str, Any]:
    common, curves = table.at(rows[0]), table.value[rows]
    deltas = common["parameters"]["delta"]
    if not np.all(deltas == deltas[0]):
        raise MeasuredError("delta", int(rows[0, 0]), f"{deltas.min():g} to {deltas.max():g}", "one value in a run")
    events = int((curves > common["bound"]).any(axis=1).sum())
    least, most = clopper_pearson(events, len(curves), level)
    decision = Decision.UNDECIDED
    if most <= deltas[0] or least > deltas[0]:
        decision = Decision.HOLDS if most <= deltas[0] else Decision.REFUTED
    lower, upper = quantile_limits(curves, float(deltas[0]), level)
    return common | {
        "label": f"{len(curves)} runs",
        "value": np.quantile(curves, 1 - deltas[0], axis=0, method="higher"),
        "lower": lower,
        "upper": np.minimum(upper, common["bound"]) if decision is Decision.HOLDS else upper,
        "decision": np.full(rows.shape[1], decision, dtype=object),
        "replications": len(curves), "level": level, "guarantee": Guarantee.FINITE_SAMPLE,
        "method": "Clopper and Pearson", "margin": 0.0,
    }  # fmt: skip


__all__ = ["check_measured"]
