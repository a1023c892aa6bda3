"""Figure of the expected gap between its two sides, a panel per schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .plots_style import BOUND, COLOURS, png

if TYPE_CHECKING:
    from .gap_sides import GapSides

_COLUMNS = 4


def sides_figure(sides: Sequence[GapSides], title: str) -> bytes:
    """Draw the gap and its bounds over the generations.

    Parameters
    ----------
    sides : sequence of GapSides
    title : str

    Returns
    -------
    bytes
        A PNG image; all panels share their axes, the legend takes a place of its own.
    """
    rows = -(-(len(sides) + 1) // _COLUMNS)
    canvas = Figure(figsize=(3.1 * _COLUMNS + 0.4, 2.7 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    flat = list(axes.flat)
    for axis, side in zip(flat, sides, strict=False):
        _draw(axis, side)
        axis.tick_params(labelsize=7, which="both", labelbottom=True)
    handles = {text: handle for axis in flat for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    for axis in flat[len(sides) :]:
        axis.set_axis_off()
    flat[len(sides)].legend(handles.values(), handles.keys(), fontsize=8, frameon=False, loc="center")
    canvas.suptitle(title, fontsize=11)
    canvas.supxlabel("generation i", fontsize=8)
    canvas.supylabel("E gap, in the unit of the loss", fontsize=8)
    return png(canvas)


def _draw(axis: Axes, side: GapSides) -> None:
    i = side.generation
    axis.fill_between(i, side.lower, side.upper, color=COLOURS[2], alpha=0.3, lw=0, label="second order, both sides")
    axis.plot(i, side.gap, "o-", color=COLOURS[0], ms=3, lw=1.2, label="simulated mean, 99.9 % limits")
    axis.vlines(i, side.low, side.high, color=COLOURS[0], lw=1)
    axis.plot(i, side.three_terms, "--", color=BOUND, lw=1.6, label="three terms (stated for fixed)")
    axis.set_yscale("log")
    axis.set_title(side.schedule, fontsize=9)
