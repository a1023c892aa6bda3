"""The command `loopbound check`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import fail

if TYPE_CHECKING:
    from bounds import Result

    from .case import Array
    from .run import Verdict


@click.command()
@click.argument("key")
@click.argument("assignments", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--curve", "file", type=click.Path(), required=True, help="CSV or TSV file of the measured numbers.")
@click.option("--upper", type=float, default=math.inf, help="Provable largest value of the quantity.  [default: none]")
@click.option(
    "--confidence", type=float, default=0.999, show_default=True, help="Probability that every decision is right."
)
@click.option("--margin", type=float, default=0.02, show_default=True, help="Relative margin of an equality.")
@click.option("--json", "as_json", is_flag=True, help="Print points and verdict as JSON.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Write the curve and a figure to this folder."
)
def check(
    key: str,
    assignments: tuple[str, ...],
    file: str,
    upper: float,
    confidence: float,
    margin: float,
    as_json: bool,
    out: Path | None,
) -> None:
    """Check the result KEY against numbers measured elsewhere: HOLDS, REFUTED or UNDECIDED.

    The first line of FILE names its columns: `value`, the parameters of the result (or NAME=VALUE for those that are
    the same everywhere, vectors as in `loopbound eval`), and optionally `standard_error` and `replications`; other
    columns are named and left out. Without these two, one row at a point is an exact number and several are
    replications. For a high-probability result every row is one run, or all rows with the same number in `run` are.

    Example: loopbound check tv/discrete/fresh --curve curve.csv K=10 alpha=0.1
    """
    import bounds

    from .measured import check_measured
    from .measured_table import MeasuredError

    try:
        result = bounds.get(key)
        columns, lines, ignored = _columns(result, file)
        fixed = _fixed(result, assignments, tuple(columns))
        verdict = check_measured(result, columns, fixed=fixed, upper=upper, confidence=confidence, margin=margin)
    except MeasuredError as error:
        line = f" (line {lines[error.row]} of {file})" if error.row >= 0 else ""
        fail(f"{error}{line}")
    except (bounds.BoundsError, ValueError) as error:
        fail(str(error))
    if ignored:
        click.echo(f"columns left out: {', '.join(ignored)}", err=True)
    click.echo(_document(verdict) if as_json else _table(verdict), nl=False)
    if out is not None:
        _write(verdict, out)
    from .report import exit_status

    raise SystemExit(exit_status([verdict]))


def _columns(result: Result, file: str) -> tuple[dict[str, Array], list[int], list[str]]:
    """Numbers of the columns that count, the lines of their rows, and the names of the other columns."""
    from sim.data import finite_numbers
    from sim.tables import table_columns

    from .measured_table import MEASURED

    read = table_columns(file)
    wanted = [column for column in read if column.column in (*MEASURED, *result.names)]
    ignored = [column.column for column in read if column not in wanted]
    return {c.column: finite_numbers(c) for c in wanted}, list(read[0].lines), ignored


def _fixed(result: Result, assignments: tuple[str, ...], columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of the words, each one value; the rest of the parameters must be columns."""
    from .tabulate import AssignmentError, parse

    names = tuple(name for name in result.names if name not in columns)
    parsed = parse(result, assignments, names)
    for name, values in parsed.items():
        if len(values) != 1:
            raise AssignmentError(f"{name}=...", "one value; use a column for several")
    return {name: values[0] for name, values in parsed.items()}


def _points(verdict: Verdict) -> list[dict[str, Any]]:
    return [
        {
            **{name: float(values[k]) for name, values in curve.parameters.items()},
            "bound": float(curve.bound[k]),
            "value": float(curve.value[k]),
            "lower": float(curve.lower[k]),
            "upper": float(curve.upper[k]),
            "decision": str(curve.decision[k]),
        }
        for curve in verdict.curves
        for k in range(curve.bound.size)
    ]


def _grade(verdict: Verdict) -> str:
    curve = verdict.curves[0]
    return (
        f"{verdict.outcome}: {verdict.decided} of {verdict.points} points decided, {curve.guarantee} ({curve.method})"
    )


def _table(verdict: Verdict) -> str:
    rows = _points(verdict)
    cells = [[f"{v:.6g}" if isinstance(v, float) else v for v in row.values()] for row in rows]
    columns = list(zip(list(rows[0]), *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = ["  ".join(f"{c:>{w}}" for c, w in zip(line, widths, strict=True)) for line in zip(*columns, strict=True)]
    ratio = ", bound over measured: median {:.3f}, {:.3f} to {:.3f}"
    if verdict.tightness.size:
        import numpy as np

        lines.append(_grade(verdict) + ratio.format(*np.quantile(verdict.tightness, (0.5, 0, 1))))
    else:
        lines.append(_grade(verdict))
    return "\n".join(lines) + "\n"


def _document(verdict: Verdict) -> str:
    from .report import summary

    rows = [{name: _finite(value) for name, value in row.items()} for row in _points(verdict)]
    curve = verdict.curves[0]
    document = {
        **summary(verdict),
        "method": curve.method,
        "level": curve.level,
        "points": rows,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """Return None for what JSON cannot express."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(verdict: Verdict, out: Path) -> None:
    from .report import save

    try:
        out.mkdir(parents=True, exist_ok=True)
        save(verdict, out)
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")
    click.echo(f"wrote the curve and its figure to {out}", err=True)


__all__ = ["check"]
