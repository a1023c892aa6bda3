"""A figure of transformers in context: risks in the loop, amounts of synthetic data, and moved outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .incontext import Movements, RiskLine, Sizing
from .plots_style import BOUND, COLOURS, png

_COLOURS = (BOUND, COLOURS[0], COLOURS[2], COLOURS[3], COLOURS[1])
_SURE = 3.29  # standard errors of a band that misses with probability 0.1 %


def incontext_figure(
    linear: Sequence[RiskLine], trained: Sequence[RiskLine], signal: float, sizing: Sizing, moved: Sequence[Movements]
) -> bytes:
    """Draw transformers in context.

    Parameters
    ----------
    linear, trained : sequences of RiskLine
        Loops of linear attention and of the trained transformer.
    signal : float
        Risk of answering 0.
    sizing : Sizing
    moved : sequence of Movements

    Returns
    -------
    bytes
        A PNG image of four panels.
    """
    canvas = Figure(figsize=(11.0, 8.4), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(2, 2)
    _draw_lines(axes[0, 0], linear, signal, "-")
    _draw_lines(axes[0, 1], trained, signal, "--")
    axes[0, 0].set_title("Linear attention in the loop: exact (lines), simulated (points)", fontsize=9)
    axes[0, 1].set_title("Trained softmax transformer (points), linear attention (dashed)", fontsize=9)
    _draw_sizing(axes[1, 0], sizing)
    _draw_movements(axes[1, 1], moved)
    for axis in axes.ravel():
        axis.tick_params(labelsize=8, which="both")
    return png(canvas)


def _draw_lines(axis: Axes, lines: Sequence[RiskLine], signal: float, dashes: str) -> None:
    for line, colour in zip(lines, _COLOURS, strict=False):
        axis.plot(line.generation, line.exact, dashes, color=colour, lw=1.4)
        axis.plot(line.generation, line.mean, "o", color=colour, ms=3, label=line.label)
        band = _SURE * line.error
        axis.fill_between(line.generation, line.mean - band, line.mean + band, color=colour, alpha=0.25, lw=0)
    axis.axhline(signal, color="0.5", lw=0.9, ls=":")
    axis.text(lines[0].generation[-1], signal * 1.06, "answering 0", fontsize=7, color="0.35", ha="right", va="bottom")
    axis.set_yscale("log")
    axis.set_ylim(top=signal * 4)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("generation i", fontsize=9)
    axis.set_ylabel("risk  E‖ŵᵢ − w‖²", fontsize=9)
    axis.legend(fontsize=7, frameon=False, loc="upper left", ncols=2)


def _draw_sizing(axis: Axes, sizing: Sizing) -> None:
    """Everything relative to no synthetic data, with both ends and the least values."""
    curves = {
        "bound on |E gap|, uniform attention": (sizing.bound, "--", "bound"),
        "E gap, uniform attention, exact": (sizing.gap, "-", "gap"),
        "risk, linear attention, exact": (sizing.risk, "-", "risk"),
    }
    place, least = _share(sizing.lam), sizing.optima
    for (label, (values, style, name)), colour in zip(curves.items(), _COLOURS, strict=False):
        axis.plot(place, values / values[0], style, color=colour, lw=1.5, label=label)
        best = _share(np.array(least[name]))
        axis.plot(
            best, values.min() / values[0], "*", color=colour, ms=12, mec="white", mew=0.6, zorder=5, clip_on=False
        )
    for values, error, colour, label in (
        (sizing.sampled, sizing.error, _COLOURS[2], "risk, linear attention, simulated"),
        (sizing.trained, sizing.trained_error, _COLOURS[3], "risk, trained transformer, simulated"),
    ):
        ratio = values / values[0]
        band = _SURE * np.hypot(error, ratio * error[0] * (sizing.sampled_lam > 0)) / values[0]
        axis.errorbar(_share(sizing.sampled_lam), ratio, band, fmt="o", ms=4, lw=0.9, color=colour, label=label)
    axis.set_yscale("log")
    axis.set_yticks((0.5, 1, 2, 4), ("0.5", "1", "2", "4"))
    axis.minorticks_off()
    axis.set_xlim(0, 1)
    axis.set_ylim(top=2.2 * (sizing.bound / sizing.bound[0]).max())
    axis.set_xticks((0, 0.2, 0.5, 0.8, 1), ("0", "¼", "1", "4", "∞"))
    axis.set_xlabel("synthetic points per real point λ (stars: least value of a curve)", fontsize=9)
    axis.set_ylabel("relative to no synthetic points", fontsize=9)
    axis.set_title(f"How much synthetic data: {sizing.label}", fontsize=9)
    axis.legend(fontsize=7, frameon=False)


def _share(lam: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of synthetic points, for an axis from no synthetic points to nothing else."""
    return np.asarray(lam / (1 + lam))


def _draw_movements(axis: Axes, moved: Sequence[Movements]) -> None:
    for each, colour in zip(moved, _COLOURS, strict=False):
        name = f"{each.label}: found, slope {each.exponent:.2f}".replace("-", "−")
        axis.plot(each.sizes, each.found, "o-", color=colour, ms=4, lw=1, label=name)
        for bound, values in each.bounds.items():
            axis.plot(each.sizes, values, "-" if bound == "sharp" else "--", color=colour, lw=1.2, alpha=0.8)
    axis.axhline(2, color="0.5", lw=0.9, ls=":")
    axis.text(moved[0].sizes[-1], 2.1, "largest possible", fontsize=7, color="0.35", ha="right", va="bottom")
    axis.plot([], [], "--", color="0.4", lw=1.2, label="bound K/n (slope −1)")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(np.unique(np.concatenate([each.sizes for each in moved])))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.minorticks_off()
    axis.set_xlabel("tokens of the prompt n", fontsize=9)
    axis.set_ylabel("movement of the output", fontsize=9)
    axis.set_title("One token replaced: worst case found, and bounds", fontsize=9)
    axis.legend(fontsize=7, frameon=False, loc="lower left")
