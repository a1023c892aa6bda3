"""The figure of mixtures fitted by EM in the loop."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .mixture_curves import Mean, MixtureLoop
from .plots_style import BOUND, COLOURS, png


def mixture_figure(loops: Sequence[MixtureLoop], title: str) -> bytes:
    """Draw total variation beside propagation, a panel per schedule, and below what else becomes of the mixtures.

    Parameters
    ----------
    loops : sequence of MixtureLoop
        Three.
    title : str

    Returns
    -------
    bytes
        A PNG image of six panels.
    """
    canvas = Figure(figsize=(11.4, 6.8), layout="constrained")
    FigureCanvasAgg(canvas)
    above, below = canvas.subplots(2, 3)
    for axis, loop in zip(above, loops, strict=True):
        axis.sharey(above[0])
        _draw_distance(axis, loop)
    for axis, what, name in zip(
        below,
        ("variance", "log_likelihood", "collapsed"),
        ("variance of $P_i$", "E log $p_i$ at real points", "collapsed components"),
        strict=True,
    ):
        for loop, colour in zip(loops, COLOURS, strict=False):
            _draw_mean(axis, loop, getattr(loop, what), colour, loop.schedule)
            if what == "variance":
                axis.plot(loop.generation, loop.expected_variance, "--", color="black", lw=0.9)
        axis.set_title(name, fontsize=9)
    above[0].set_yscale("log")
    low, high = above[0].get_ylim()
    above[0].set_ylim(low, 8 * high)
    below[2].set_ylim(bottom=-0.01)
    below[0].plot([], [], "--", color="black", lw=0.9, label="expectation")
    for axis in (*above, *below):
        axis.tick_params(labelsize=7, which="both")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axis.legend(fontsize=7, frameon=False)
    canvas.suptitle(title, fontsize=11)
    canvas.supxlabel("generation i", fontsize=9)
    return png(canvas)


def _draw_distance(axis: Axes, loop: MixtureLoop) -> None:
    i = loop.generation
    axis.plot(i, loop.propagated_high, ":", color=BOUND, lw=1.2, label="the same with their upper limits")
    axis.plot(i, loop.propagated, "--", color=BOUND, lw=1.6, label="T1 with measured one-step errors")
    _draw_mean(axis, loop, loop.tv, COLOURS[0], "mean TV to P, 99.9 % limits")
    _draw_mean(axis, loop, loop.one_step, COLOURS[2], "one-step error, TV to $Q_{i-1}$")
    axis.axhline(1, color="0.6", lw=0.8)
    axis.set_title(loop.schedule, fontsize=9)


def _draw_mean(axis: Axes, loop: MixtureLoop, mean: Mean, colour: str, label: str) -> None:
    axis.fill_between(loop.generation, mean.low, mean.high, color=colour, alpha=0.2, lw=0)
    axis.plot(loop.generation, mean.value, "o-", color=colour, ms=2.5, lw=1.1, label=label)
