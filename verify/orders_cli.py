"""The command `loopbound rates`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import INTERRUPTED, PATTERNS_HELP, fail, selected

if TYPE_CHECKING:
    from .exponent_table import OrderRow


@click.command(epilog=PATTERNS_HELP)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same numbers.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes.  [default: number of processors]")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write the table to this JSON file.")
def rates(patterns: tuple[str, ...], seed: int, workers: int | None, out: Path | None) -> None:
    """Compare every claimed order with the exponent of what is measured along the same path.

    `consistent`: equal up to 0.1; `faster than claimed`: the bound does not follow what it bounds; `contradicting`:
    what is measured falls more slowly, or grows faster, than claimed; `open`: the limits are too wide, or
    the path too short, to say.

    Exit status: 0 nothing contradicts, 1 something does, 2 something is open.

    Example: loopbound rates 'tv/discrete/*' gaussian
    """
    from .exponent_table import Order, order_table

    results = [result for result in selected(patterns) if result.rates]
    if out is not None and not out.parent.is_dir():
        fail(f"--out {out}: its folder does not exist")
    if not results:
        fail(f"{' '.join(patterns)}: allowed: results that claim an order")
    rows: list[OrderRow] = []
    keys = tuple(result.key for result in results)
    try:
        for found in order_table(keys, seed=seed, workers=workers or os.cpu_count() or 1):
            rows += found
            click.echo("\n".join(map(line, found)))
    except KeyboardInterrupt:
        click.echo("loopbound: interrupted", err=True)
        raise SystemExit(INTERRUPTED) from None
    click.echo(closing(rows))
    if out is not None:
        out.write_text(as_json(rows, seed), encoding="utf-8")
        click.echo(f"wrote {out}")
    orders = {row.order for row in rows}
    raise SystemExit(1 if Order.CONTRADICTING in orders else 2 if Order.OPEN in orders else 0)


def line(row: OrderRow) -> str:
    """Return one comparison as one line."""
    what = f"{row.key}  {row.wrt} -> {row.to}"
    if row.order is None:
        return f"{what}: not measured, {row.reason}"
    interval = f"{row.measured:.3f} [{row.lower:.3f}, {row.upper:.3f}]"
    path = f"{row.wrt} = {row.path[0]:g} to {row.path[-1]:g}"
    return f"{what}: {row.order}, claimed {row.claimed:.3f}, measured {interval}, {path}"


def closing(rows: Sequence[OrderRow]) -> str:
    """Return the counts of outcomes in one line."""
    from .exponent_table import Order

    counts = ", ".join(f"{sum(row.order is order for row in rows)} {order}" for order in Order)
    return f"{len(rows)} claimed orders: {counts}, {sum(row.order is None for row in rows)} not measured"


def as_json(rows: Sequence[OrderRow], seed: int) -> str:
    """Return the table in the order of the catalogue; numbers have six digits, those that are not finite are null."""
    import bounds

    from .exponent_table import CONFIDENCE, MARGIN

    order = {result.key: place for place, result in enumerate(bounds.CATALOGUE)}
    listed = ",\n".join(json.dumps(_as_dict(row)) for row in sorted(rows, key=lambda row: order[row.key]))
    head = json.dumps({"seed": seed, "confidence": CONFIDENCE, "margin": MARGIN})
    return f'{head[:-1]}, "rows": [\n{listed}\n]}}\n'


def _as_dict(row: OrderRow) -> dict[str, Any]:
    numbers = {name: _number(getattr(row, name)) for name in ("claimed", "measured", "lower", "upper")}
    return {
        "key": row.key, "wrt": row.wrt, "to": row.to, "leading": row.leading,
        "order": row.order and str(row.order), "reason": row.reason, **numbers,
        "path": [_number(value) for value in row.path], "at": {name: _number(value) for name, value in row.at.items()},
        "points": row.points, "replications": row.replications,
    }  # fmt: skip


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


__all__ = ["as_json", "closing", "line", "rates"]
