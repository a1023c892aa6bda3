"""Look for the phase transition in simulated loops: how the error depends on the amount of synthetic data.

Usage: python examples/phase_transition.py FILE.png [REPLICATIONS]

Prints where the largest error is, for frequencies and for kernel estimates, with real data that are reused and with
real data that are new in every generation, next to where the bound is largest; and draws it. With the default 500
replications this takes two minutes.
"""

import sys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

import sim
from verify.phase import PhaseTransition, phase_transition

RATIOS = (0, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
GENERATIONS = (2, 10, 30)
MODELS = {
    "100 atoms, n = 1000": (sim.Discrete(np.full(100, 0.01)), 1000),
    "kernel estimate on the circle, n = 100": (sim.KDE(sim.CosineTorus(0.5), 0.4, exponent=0.2), 100),
    "kernel estimate on the line, n = 100": (sim.KDE(sim.NormalDensity(), 1.06, exponent=0.2), 100),
}
COLOURS = ("#1b6ca8", "#3f8f4f", "#1a1a1a")
TICKS = (0, 0.2, 1, 5, 20, 100)


def main(path: str, replications: int) -> None:
    """Print the table and write the figure."""
    print(f"{'':40}{'real data':<11}{'i':>3} {'r* of bound':>12} {'largest at':>11} {'within':>12}  largest / at r = 0")
    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, len(MODELS), sharex=True, sharey="row")
    for column, (name, (model, n)) in enumerate(MODELS.items()):
        for row, reused in enumerate((True, False)):
            axis = axes[row, column]
            for colour, i in zip(COLOURS, GENERATIONS, strict=True):
                found = phase_transition(
                    model, n=n, i=i, ratios=RATIOS, replications=replications, seed=1, reused=reused
                )
                print(line(name, found))
                draw(axis, found, colour)
            data = "the same real points" if reused else "new real points"
            axis.set_title(f"{name}\n{data} in every generation", fontsize=9)
    finish(figure, axes)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def line(name: str, found: PhaseTransition) -> str:
    """Return one row of the table."""
    within = f"{found.location[0]:g}-{found.location[1]:g}"
    rise = f"simulated {found.mean.max() / found.mean[0]:.2f}, bound {found.bound.max() / found.bound[0]:.2f}"
    end = "" if found.interior else " (an end: no maximum seen inside)"
    data = "reused" if found.reused else "new"
    return f"{name:40}{data:<11}{found.i:>3} {found.predicted:>12.1f} {found.largest:>11g} {within:>12}  {rise}{end}"


def draw(axis: Axes, found: PhaseTransition, colour: str) -> None:
    """Draw errors, all relative to r = 0: simulated with limits, bound, pure fluctuation; and the two maxima."""
    x, first = np.arcsinh(5 * found.ratios), found.mean[0]
    axis.plot(x, found.mean / first, "o-", color=colour, ms=3, lw=1.4, label=f"i = {found.i}")
    axis.fill_between(x, found.lower / first, found.upper / first, color=colour, alpha=0.18, lw=0)
    axis.plot(x, found.bound / found.bound[0], "--", color=colour, lw=1.1)
    axis.plot(x, found.spread / found.spread[0], ":", color=colour, lw=1.1)
    axis.plot(np.arcsinh(5 * found.predicted), np.interp(found.predicted, found.ratios, found.bound / found.bound[0]),
              "v", color=colour, ms=6)  # fmt: skip
    low, high = (np.arcsinh(5 * ratio) for ratio in found.location)
    bottom = 0.30 * 0.88 ** GENERATIONS.index(found.i) if found.reused else 0.12 * 0.85 ** GENERATIONS.index(found.i)
    axis.plot([low, high], [bottom, bottom], "-|" if low < high else "o", color=colour, lw=2.5, ms=4)


def finish(figure: Figure, axes: np.ndarray) -> None:
    """Label the axes, and say once what the lines are."""
    for axis in axes.ravel():
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
        axis.axhline(1, color="0.7", lw=0.7, zorder=0)
        axis.set_xticks(np.arcsinh(5 * np.array(TICKS)), [f"{tick:g}" for tick in TICKS])
        axis.tick_params(labelsize=8)
    for axis in axes[1]:
        axis.set_xlabel("synthetic points per real point, r", fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("error relative to r = 0", fontsize=9)
    handles = axes[0, 0].get_legend_handles_labels()[0]
    meanings = {"--": "bound, largest at the triangle", ":": "fluctuation only", "-|": "where the maximum can be"}
    for style, text in meanings.items():
        handles += axes[0, 0].plot([], [], style, color="0.3", label=text)
    figure.legend(handles=handles, loc="outside lower center", ncols=6, fontsize=9, frameon=False)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else 500)
