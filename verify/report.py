"""What a run leaves behind: netCDF curves, a JSON summary, figures and tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

import bounds

from .checking import Curve
from .evidence import Decision
from .run import Plan, Verdict
from .tightness import as_csv, as_json, tightness_table

if TYPE_CHECKING:
    from xarray import Dataset

_PACKAGES = ("loopbound", "numpy", "scipy", "sympy", "xarray")


def slug(key: str) -> str:
    """Return a key as a file name."""
    return key.replace("/", "_")


def quantity_label(result: bounds.Result) -> str:
    """Say what the numbers of a verdict are: values of the quantity, or for a rate exponents."""
    return f"exponent of {result.quantity}" if result.kind is bounds.Kind.RATE else result.quantity


def _columns(curve: Curve, parameters: Iterable[str]) -> dict[str, Any]:
    """Return the variables of one curve, one entry per point each."""
    size = curve.bound.size
    return {
        "bound": curve.bound,
        "value": curve.value,
        "lower": curve.lower,
        "upper": curve.upper,
        "tightness": curve.tightness,
        "vacuous": curve.vacuous,
        "decision": [str(d) for d in curve.decision],
        "case": [curve.case] * size,
        "design": [curve.label] * size,
        "replications": [curve.replications] * size,
        "level": [curve.level] * size,
        "margin": [curve.margin] * size,
        "guarantee": [str(curve.guarantee)] * size,
        **{f"param_{name}": curve.parameters.get(name, np.full(size, np.nan)) for name in parameters},
    }


def to_dataset(verdict: Verdict) -> Dataset:
    """Return the curves of a verdict with one dimension, `point`.

    Variables: bound, value (exact value, mean or quantile), lower and upper confidence limits (infinite where
    unknown), tightness, decision, vacuous, and for every point its case, design, parameters, replications, level,
    margin and guarantee. Of a rate, bound, value and limits are exponents, and there is no tightness.
    """
    from xarray import Dataset

    result = bounds.get(verdict.key)
    fields: dict[str, list[Any]] = {}
    parameters = dict.fromkeys(name for curve in verdict.curves for name in curve.parameters)
    for curve in verdict.curves:
        columns = _columns(curve, parameters)
        for name, column in columns.items():
            fields.setdefault(name, []).extend(column)
    dataset = Dataset({name: ("point", np.array(column)) for name, column in fields.items()})
    for name in {"bound", "value", "lower", "upper"} & set(fields):
        dataset[name].attrs["long_name"] = quantity_label(result)
    dataset.attrs = {
        "key": result.key,
        "statement": result.statement,
        "outcome": str(verdict.outcome),
        "kind": str(result.kind),
        "mode": str(result.mode),
    }
    return dataset


def summary(verdict: Verdict) -> dict[str, Any]:
    """Return one row of the report as plain data; of kind `rate`, bound and limits are exponents."""
    tightness = verdict.tightness
    quantiles = [float(q) for q in np.quantile(tightness, (0, 0.5, 1))] if tightness.size else None
    return {
        "key": verdict.key,
        "quantity": quantity_label(bounds.get(verdict.key)),
        "outcome": str(verdict.outcome),
        "points": verdict.points,
        "decided": verdict.decided,
        "vacuous": verdict.vacuous,
        "tightness": dict(zip(("min", "median", "max"), quantiles, strict=True)) if quantiles else {},
        "replications": verdict.replications,
        "guarantees": [str(g) for g in verdict.guarantees],
        "seconds": verdict.seconds,
        "refuted": [
            {
                "case": curve.case,
                "design": curve.label,
                **{name: float(values[point]) for name, values in curve.parameters.items()},
                "bound": float(curve.bound[point]),
                "lower": float(curve.lower[point]),
                "upper": float(curve.upper[point]),
            }
            for curve in verdict.curves
            for point in np.flatnonzero(curve.decision == Decision.REFUTED)
        ],
    }


@contextmanager
def staging(directory: Path) -> Iterator[Path]:
    """Give a folder within `directory` for unfinished files; it and they are gone in the end."""
    with TemporaryDirectory(dir=directory, prefix=".loopbound-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def save(verdict: Verdict, directory: Path, unfinished: Path | None = None) -> None:
    """Write the curves (``<key>.nc``) and the figure (``<key>.png``) of one verdict; each is there whole or not.

    Parameters
    ----------
    verdict : Verdict
    directory : Path
        An existing folder.
    unfinished : Path, optional
        A folder on the same device for files while they are written; by default a temporary one.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    if unfinished is None:
        with staging(directory) as folder:
            save(verdict, directory, folder)
        return
    name = slug(verdict.key)
    to_dataset(verdict).to_netcdf(unfinished / f"{name}.nc", engine="netcdf4")
    (unfinished / f"{name}.nc").replace(directory / f"{name}.nc")
    if verdict.curves:
        from .plots import figure

        (unfinished / f"{name}.png").write_bytes(figure(verdict))
        (unfinished / f"{name}.png").replace(directory / f"{name}.png")


def save_summary(verdicts: Iterable[Verdict], plan: Plan, directory: Path, *, complete: bool) -> None:
    """Write ``summary.json``: the run, and one entry per verdict in catalogue order; and the tightness table.

    ``tightness.csv``, ``tightness.json`` and ``tightness.png`` have the loosest result first.
    """
    from .plots_tightness import tightness_figure

    verdicts = list(verdicts)
    order = {result.key: index for index, result in enumerate(bounds.CATALOGUE)}
    rows = [summary(v) for v in sorted(verdicts, key=lambda v: order[v.key])]
    table = tightness_table(verdicts)
    document = {
        "complete": complete,
        "confidence": plan.confidence,
        "effort": str(plan.effort),
        "seed": plan.seed,
        "patterns": list(plan.patterns),
        "real_distribution": plan.setting.source,
        "versions": {name: version(name) for name in _PACKAGES},
        "results": rows,
    }
    files = {
        "summary.json": (json.dumps(document, indent=2) + "\n").encode(),
        "tightness.csv": as_csv(table).encode(),
        "tightness.json": as_json(table).encode(),
        "tightness.png": tightness_figure(table),
    }
    with staging(directory) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
            (folder / name).replace(directory / name)


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """Return 0 if all hold, 1 if anything is refuted, 2 if anything is undecided."""
    outcomes = {verdict.outcome for verdict in verdicts}
    if Decision.REFUTED in outcomes:
        return 1
    return 2 if Decision.UNDECIDED in outcomes else 0
