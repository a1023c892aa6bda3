"""Draw the collapse of a Gaussian, or of a discrete distribution, over the generations of three schedules.

Usage: python examples/collapse.py {gaussian|discrete} FILE.png
"""

import sys
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import norm

import sim

SCHEDULES = {
    "only synthetic data": sim.Replace(),
    "10 % fresh real data": sim.Fresh(0.1),
    "all data are kept": sim.Accumulate(),
}
REAL, FITTED = "0.15", "#1b6ca8"
N_GAUSSIAN, AT_GAUSSIAN, LOOPS = 20, (1, 10, 50, 150), 12
N_DISCRETE, AT_DISCRETE, K = 100, (1, 5, 20, 100), 20


def gaussian(axes: np.ndarray) -> None:
    """Draw the fitted densities of a few loops, on 20 points per generation."""
    x = np.linspace(-3.5, 3.5, 500)
    for row, schedule in zip(axes, SCHEDULES.values(), strict=True):
        runs = sim.simulate(
            sim.Gaussian(), schedule, n=N_GAUSSIAN, generations=AT_GAUSSIAN[-1], replications=LOOPS, seed=2,
            record=("mean", "std"), at=AT_GAUSSIAN,
        )  # fmt: skip
        for axis, i in zip(row, AT_GAUSSIAN, strict=True):
            fits = runs.sel(generation=i)
            for mean, std in zip(fits["mean"].values, fits["std"].values, strict=True):
                axis.plot(x, norm.pdf(x, mean, std), color=FITTED, lw=0.8, alpha=0.7)
            axis.plot(x, norm.pdf(x), color=REAL, lw=1.8, ls="--")
            axis.set_ylim(0, 1.4)


def discrete(axes: np.ndarray) -> None:
    """Draw the frequencies of one loop, on 100 points per generation."""
    p = 0.8 ** np.arange(K) / (0.8 ** np.arange(K)).sum()
    for row, schedule in zip(axes, SCHEDULES.values(), strict=True):
        runs = sim.simulate(
            sim.Discrete(p), schedule, n=N_DISCRETE, generations=AT_DISCRETE[-1], replications=1, seed=3,
            record=("atoms",), at=AT_DISCRETE,
        )  # fmt: skip
        for axis, i in zip(row, AT_DISCRETE, strict=True):
            frequencies = runs.atoms.sel(generation=i).values[0]
            axis.bar(np.arange(1, K + 1), frequencies, color=FITTED, width=0.8)
            axis.step(np.arange(K + 1) + 0.5, np.append(p, p[-1]), where="post", color=REAL, lw=1.2)
            axis.set_title(f"{np.count_nonzero(frequencies)} of {K} atoms are left", fontsize=9, y=0.84)
            axis.set_xticks((1, 5, 10, 15, 20))
            axis.set_ylim(0, 1)


FIGURES: dict[str, tuple[Callable[[np.ndarray], None], tuple[int, ...], str, str, str]] = {
    "gaussian": (gaussian, AT_GAUSSIAN, "x (standard deviations of the real distribution)", "density",
                 f"Normal distributions fitted on {N_GAUSSIAN} points: {LOOPS} loops; the real density dashed"),
    "discrete": (discrete, AT_DISCRETE, "atom", "frequency",
                 f"Frequencies of {N_DISCRETE} points on {K} atoms: one loop (bars), the real distribution (line)"),
}  # fmt: skip


def label(axes: np.ndarray, at: tuple[int, ...]) -> None:
    """Write generations above the columns and schedules beside the rows."""

    def beside(axis: Axes, text: str) -> None:
        axis.annotate(text, (1.04, 0.5), xycoords="axes fraction", rotation=270, va="center", fontsize=10)

    for axis, i in zip(axes[0], at, strict=True):
        axis.annotate(f"generation {i}", (0.5, 1.06), xycoords="axes fraction", ha="center", fontsize=10)
    for axis, name in zip(axes[:, -1], SCHEDULES, strict=True):
        beside(axis, name)


def main(name: str, path: str) -> None:
    """Write a figure: a row per schedule, a column per generation."""
    draw, at, across, up, title = FIGURES[name]
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(SCHEDULES), len(at), sharex=True, sharey=True)
    draw(axes)
    label(axes, at)
    figure.supxlabel(across, fontsize=10)
    figure.supylabel(up, fontsize=10)
    figure.suptitle(title, fontsize=12)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in FIGURES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
