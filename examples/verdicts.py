"""Write the verdicts of a run, with a few of its curves, into the one small file that the book is made from.

Usage: python examples/verdicts.py DIR book/verdicts.json

DIR is what `loopbound verify --out DIR` left. The date is that of its summary.
"""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from xarray import Dataset, open_dataset

from verify.report import slug

MOST_CURVES = 4
MOST_POINTS = 13
KEPT = ("outcome", "points", "decided", "vacuous", "tightness", "replications", "guarantees", "refuted")


def numbers(values: Any) -> list[float | None]:
    """Return numbers with six digits, infinite and unknown ones as None: JSON has neither."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, dtype=float)]


def spread(size: int, most: int) -> Any:
    """Return at most `most` places among `size`, from the first to the last."""
    return np.unique(np.linspace(0, size - 1, min(size, most)).round().astype(int))


def lines(data: Dataset) -> Iterator[tuple[str, Any]]:
    """Yield the parameter and the points of every line: one design, one parameter that varies, the others constant."""
    names = [str(name).removeprefix("param_") for name in data if str(name).startswith("param_")]
    table = {name: data[f"param_{name}"].values for name in names}
    designs = np.array([f"{case}#{design}" for case, design in zip(data.case.values, data.design.values, strict=True)])
    for design in dict.fromkeys(designs.tolist()):
        points = np.flatnonzero(designs == design)
        varying = [name for name in names if np.unique(table[name][points]).size > 1]
        if not varying:
            continue
        along = "i" if "i" in varying else varying[0]
        others = [table[name][points] for name in varying if name != along]
        group = np.unique(np.stack(others), axis=1, return_inverse=True)[1] if others else np.zeros(len(points), int)
        for number in range(group.max() + 1):
            line = points[group == number]
            yield along, line[np.argsort(table[along][line], kind="stable")]


def columns(data: Dataset, points: Any) -> dict[str, Any]:
    """Return the numbers at points; limits only where they are not the exact value."""
    kept = {name: numbers(data[name].values[points]) for name in ("bound", "value")}
    if data.replications.values[points].any():
        kept |= {name: numbers(data[name].values[points]) for name in ("lower", "upper")}
    return kept


def curve(data: Dataset, along: str, points: Any) -> dict[str, Any]:
    """Return one line, thinned."""
    points = points[spread(len(points), MOST_POINTS)]
    table = {str(n).removeprefix("param_"): data[n].values[points] for n in data if str(n).startswith("param_")}
    fixed = {name: float(f"{v[0]:.6g}") for name, v in table.items() if name != along and np.isfinite(v[0])}
    first = points[0]
    return {
        "design": str(data.design.values[first]),
        "along": along,
        "x": numbers(table[along]),
        "parameters": fixed,
        "replications": int(data.replications.values[first]),
        **columns(data, points),
    }


def single_points(data: Dataset) -> dict[str, Any]:
    """Return points of designs within which nothing varies, or of exponents: one after the other."""
    points = spread(data.sizes["point"], MOST_POINTS)
    return {
        "design": "",
        "along": "",
        "x": [str(name) for name in data.design.values[points]],
        "parameters": {},
        "replications": int(data.replications.values[points].max()),
        **columns(data, points),
    }


def curves(data: Dataset) -> list[dict[str, Any]]:
    """Return a few curves of a result."""
    if data.attrs["kind"] == "rate":
        return [single_points(data)]
    found = [(along, points) for along, points in lines(data) if len(points) > 1]
    if not found:
        return [single_points(data)]
    return [curve(data, *found[place]) for place in spread(len(found), MOST_CURVES)]


def document(folder: Path) -> dict[str, Any]:
    """Return the whole file as plain data."""
    file = folder / "summary.json"
    summary = json.loads(file.read_text(encoding="utf-8"))
    if not summary["complete"]:
        raise SystemExit(f"{file}: the run was not completed")
    results = {}
    for row in summary["results"]:
        with open_dataset(folder / f"{slug(row['key'])}.nc") as data:
            results[row["key"]] = {name: row[name] for name in KEPT} | {"curves": curves(data)}
    run = {name: summary[name] for name in ("confidence", "effort", "seed", "real_distribution", "versions")}
    date = datetime.fromtimestamp(file.stat().st_mtime, tz=UTC).date().isoformat()
    return {"date": date, **run, "results": results}


def written(document: dict[str, Any]) -> str:
    """Return the file: one result a line."""
    results = ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in document["results"].items())
    head = json.dumps({name: value for name, value in document.items() if name != "results"}, indent=1)
    return f'{head[:-2]},\n "results": {{\n{results}\n}}}}\n'


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    Path(sys.argv[2]).write_text(written(document(Path(sys.argv[1]))), encoding="utf-8")
