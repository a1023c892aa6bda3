"""The figure of diffusion models: one-step errors beside their bounds, what they depend on, and the loop."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .case import Array
from .diffusion_curves import Choices, Loops, OneSteps
from .diffusion_steps import POPULATION
from .plots_style import BOUND, COLOURS, png

_PARTS = ("#9aa7b1", COLOURS[1], COLOURS[3], "#e3a08f", "#f0d9a8", "#c4b3d8")


def diffusion_figure(steps: OneSteps, choices: Choices, loops: Loops) -> bytes:
    """Draw one-step errors and the loop.

    Parameters
    ----------
    steps : OneSteps
    choices : Choices
    loops : Loops

    Returns
    -------
    bytes
        A PNG image of six panels: one-step errors over the sample size, terms of the sharp bound, the width and the
        time of training; the loop on the line, and in the plane.
    """
    canvas = Figure(figsize=(13.2, 8.0), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(2, 3)
    _draw_sizes(axes[0, 0], steps)
    _draw_parts(axes[0, 1], steps)
    _draw_widths(axes[0, 2], choices)
    _draw_stops(axes[1, 0], choices)
    _draw_line(axes[1, 1], loops)
    _draw_plane(axes[1, 2], loops)
    for axis in axes.ravel():
        axis.tick_params(labelsize=7, which="both")
        axis.legend(fontsize=7, frameon=False)
    canvas.suptitle("Diffusion models of ½N(−1, ¼) + ½N(1, ¼) with random features", fontsize=11)
    canvas.supylabel("total variation", fontsize=9)
    return png(canvas)


def _draw_sizes(axis: Axes, steps: OneSteps) -> None:
    n, slope = steps.sizes, steps.exponent
    axis.plot(n, steps.girsanov, ":", color=BOUND, lw=1.6, label="bound in continuous time, score held")
    learning = steps.girsanov_parts["both ends"] + np.sqrt(steps.girsanov_parts["learning"] * _root(steps))
    axis.plot(n, learning, "-.", color=COLOURS[3], lw=1.1, label="the same without the time lag")
    axis.plot(n, steps.held, "s-", color=COLOURS[2], ms=3, lw=1.0, label="TV, exponential integrator")
    axis.plot(n, steps.chain, "--", color=BOUND, lw=1.6, label="bound from the chain of steps")
    axis.plot(n, steps.tv, "o-", color=COLOURS[0], ms=3, lw=1.2, label="TV, Tweedie steps")
    axis.plot(n, 1.25 * steps.tv[0] * (n / n[0]) ** -0.25, color="0.6", lw=0.9, label="order $n^{-1/4}$")
    axis.axhline(steps.floor, color=COLOURS[0], lw=0.8, ls=(0, (1, 3)), label="TV for infinitely many points")
    axis.set(xscale="log", yscale="log", ylim=(steps.floor / 2, 10 * steps.girsanov.max()))
    axis.set_xlabel("sample size n", fontsize=8)
    axis.set_title(f"One step: exponent {slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]", fontsize=9)


def _root(steps: OneSteps) -> Array:
    """Return the root in the bound in continuous time: a share of it times the whole is half a divergence."""
    return np.asarray(steps.girsanov - steps.girsanov_parts["both ends"])


def _draw_parts(axis: Axes, steps: OneSteps) -> None:
    """Two stacks per size: the bound from the chain on the left, that in continuous time on the right."""
    place = np.arange(steps.sizes.size)
    colours: dict[str, str] = {}
    for parts, shift in ((steps.chain_parts, -0.2), (steps.girsanov_parts, 0.2)):
        below = np.zeros(place.size)
        for name, values in parts.items():
            known = name in colours
            colour = colours.setdefault(name, _PARTS[len(colours)])
            axis.bar(place + shift, values, 0.36, below, color=colour, label=None if known else name)
            below = below + values
    for values, shift in ((steps.tv, -0.2), (steps.held, 0.2)):
        axis.plot(place + shift, values, "_", color="black", ms=13, mew=2, label="TV" if shift < 0 else None)
    axis.set_xticks(place, [f"{n:,.0f}" for n in steps.sizes])
    axis.set_ylim(0, 1.6 * steps.girsanov.max())
    axis.set_xlabel("sample size n", fontsize=8)
    axis.set_title("Terms: chain of Tweedie steps; score held, continuous time", fontsize=9)


def _draw_widths(axis: Axes, choices: Choices) -> None:
    for (n, values), colour in zip(choices.by_width.items(), COLOURS, strict=False):
        name = "infinitely many points" if n == POPULATION else f"n = {n:,}"
        axis.plot(choices.widths, values, "o-", color=colour, ms=3, lw=1.2, label=name)
    axis.set_yscale("log")
    axis.set_xscale("log", base=2)
    axis.set_xlabel("number of features", fontsize=8)
    axis.set_title("Width of the hidden layer, ridge penalty 1e-4", fontsize=9)


def _draw_stops(axis: Axes, choices: Choices) -> None:
    for (n, values), colour in zip(choices.by_stop.items(), COLOURS, strict=False):
        axis.plot(choices.stops, values, "-", color=colour, lw=1.4, label=f"n = {n:,}, best at {choices.best[n]:.2g}")
        axis.plot(choices.best[n], np.nanmin(values), "o", color=colour, ms=5)
    axis.set(xscale="log", yscale="log")
    axis.set_xlabel("time τ of training, 64 features", fontsize=8)
    axis.set_title("Early stopping", fontsize=9)


def _draw_line(axis: Axes, loops: Loops) -> None:
    for (name, values), colour in zip(loops.tv.items(), COLOURS, strict=False):
        axis.plot(loops.generation, values, "o-", color=colour, ms=3, lw=1.2, label=name)
        axis.plot(loops.generation, loops.propagated[name], "--", color=colour, lw=1.2)
        axis.plot(loops.generation, loops.chain[name], ":", color=colour, lw=1.2)
    axis.plot([], [], "--", color="0.4", label="propagated, one-step errors measured")
    axis.plot([], [], ":", color="0.4", label="propagated, one-step errors bounded")
    axis.axhline(1, color="0.6", lw=0.8)
    axis.set(yscale="log")
    low, high = axis.get_ylim()
    axis.set_ylim(low, 6 * high)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.set_xlabel("generation i", fontsize=8)
    axis.set_title("The loop on the line, n = 500", fontsize=9)


def _draw_plane(axis: Axes, loops: Loops) -> None:
    for (name, values), colour in zip(loops.plane.items(), COLOURS, strict=False):
        axis.plot(loops.generation, values, "o-", color=colour, ms=3, lw=1.2, label=name)
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axis.set_xlabel("generation i", fontsize=8)
    axis.set_title("The loop in the plane, n = 500: TV estimated from below", fontsize=9)
