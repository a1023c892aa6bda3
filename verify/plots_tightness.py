"""Figure of the tightness table: how far every bound is from what was measured, the loosest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .plots_style import BOUND, COLOURS, png

_NAMED = 12


def tightness_figure(rows: Sequence[dict[str, Any]]) -> bytes:
    """Draw bound / mean of every bound over its rank: median and range, and the names of the loosest.

    Parameters
    ----------
    rows : sequence of dict
        As of `tightness_table`; equalities and results without a ratio are left out.

    Returns
    -------
    bytes
        A PNG image.
    """
    canvas = Figure(figsize=(9.5, 5.2), layout="constrained")
    FigureCanvasAgg(canvas)
    axis = canvas.add_subplot()
    bounding = [row for row in rows if row["looseness"] is not None and row["kind"] != "equality"]
    for kind, colour in (("upper", BOUND), ("lower", COLOURS[0])):
        members = [(place, row) for place, row in enumerate(bounding, start=1) if row["kind"] == kind]
        if members:
            places = np.array([place for place, _ in members])
            low, middle, high = (np.array([row[name] for _, row in members]) for name in ("min", "median", "max"))
            axis.vlines(places, low, high, color=colour, lw=1, alpha=0.45)
            axis.plot(places, middle, "o", color=colour, ms=3, label=f"{kind} bounds: median, least to largest")
    axis.axhline(1, color=COLOURS[3], lw=0.8)
    for place, row in enumerate(bounding[:_NAMED], start=1):
        axis.annotate(
            f"{place}  {row['key']}", (1, 1 - 0.045 * place), (-8, 0), "axes fraction", "offset points", fontsize=8,
            ha="right", va="center", zorder=5, bbox={"fc": "w", "ec": "none", "alpha": 0.85, "pad": 1},
        )  # fmt: skip
    axis.set_yscale("log")
    if bounding:
        medians = [row["median"] for row in bounding]
        axis.set_ylim(min(0.3, *medians) / 3, max(3.0, *medians) * 3)
    axis.set_xlabel("rank, the loosest first")
    axis.set_ylabel("bound / measured mean")
    named = min(_NAMED, len(bounding))
    axis.set_title(
        f"{len(bounding)} bounds; the {named} loosest are named, ranges beyond the frame are cut", fontsize=10
    )
    if bounding:
        axis.legend(fontsize=8, frameon=False, loc="lower right")
    return png(canvas)


__all__ = ["tightness_figure"]
