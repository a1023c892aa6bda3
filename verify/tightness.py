"""How loose every bound of a run is: one table over all of them, the loosest first."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np

import bounds
from bounds import Kind

from .case import Array
from .run import Verdict

COLUMNS = ("key", "kind", "mode", "looseness", "min", "median", "max", "points", "vacuous", "guarantee")
"""Columns of the table; `points` counts those that a ratio was taken at."""


def ratios(verdict: Verdict) -> Array:
    """Return bound over exact value or mean, (points,), where both have one sign and the bound is not vacuous.

    For a high-probability result what is measured is the 1 - delta quantile; rates have exponents and no ratios.
    """
    found = [np.empty(0)]
    for curve in verdict.curves:
        if curve.claim != "rate":
            known = ~curve.vacuous & (curve.value * curve.bound > 0) & np.isfinite(curve.bound)
            found.append(curve.bound[known] / curve.value[known])
    return np.concatenate(found)


def tightness_table(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Return one row per result, the loosest first; unknown numbers are None and come last.

    `min`, `median` and `max` are those of bound / mean over the points; `looseness` is the median for an upper
    bound, its inverse for a lower bound, and the farther of both from 1 for an equality: 1 is perfect.
    """
    rows = []
    for verdict in verdicts:
        result, found = bounds.get(verdict.key), ratios(verdict)
        low, middle, high = np.quantile(found, (0, 0.5, 1)).tolist() if found.size else (np.nan,) * 3
        loose = _looseness(result.kind, middle, low, high)
        known = dict(zip(("looseness", "min", "median", "max"), (loose, low, middle, high), strict=True))
        rows.append(
            {
                "key": result.key,
                "kind": str(result.kind),
                "mode": str(result.mode),
                **{name: number if found.size else None for name, number in known.items()},
                "points": found.size,
                "vacuous": verdict.vacuous,
                "guarantee": " and ".join(verdict.guarantees),
            }
        )
    return sorted(rows, key=lambda row: (row["looseness"] is None, -(row["looseness"] or 0.0), row["key"]))


def _looseness(kind: Kind, median: float, low: float, high: float) -> float:
    if kind is Kind.EQUALITY:
        return max(high, 1 / low)
    return median if kind is Kind.UPPER else 1 / median


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Return the table as CSV, in full double precision; unknown numbers are empty."""
    buffer = io.StringIO()
    table = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return buffer.getvalue()


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """Return the table as a JSON array, one result a line; unknown numbers are null."""
    return "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in rows) + "\n]\n"


__all__ = ["COLUMNS", "as_csv", "as_json", "ratios", "tightness_table"]
