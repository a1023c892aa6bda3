"""Draw the picture of the README: what a loop does, and what two bounds say about it.

Usage: python examples/picture.py FILE.png
"""

import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import bounds
import sim

N, K, GENERATIONS = 200, 10, 50


def main(path: str) -> None:
    """Draw a panel for each amount of fresh real data."""
    i = np.arange(1, GENERATIONS + 1)
    p = np.full(K, 1 / K)
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, alpha in zip(figure.subplots(1, 3, sharey=True), (0.0, 0.1, 0.5), strict=True):
        schedule = sim.Fresh(alpha)
        exact = sim.exact_discrete(schedule, N, p, GENERATIONS)
        runs = sim.simulate(
            sim.Discrete(p), schedule, n=N, generations=GENERATIONS, replications=200, seed=1, record=("tv",)
        )
        low, high = runs.tv.quantile([0.05, 0.95], dim="replication")
        triangle = bounds.get("tv/discrete/fresh/triangle")(n=N, alpha=alpha, i=i, K=K)
        sharp = bounds.get("tv/discrete/fresh")(n=N, alpha=alpha, i=i, K=K)
        axis.plot(i, triangle, ":", color="0.45", label="triangle inequality")
        axis.plot(i, sharp, "--", color="#c8553d", label="sharp bound")
        axis.fill_between(i, low, high, color="#1b6ca8", alpha=0.2, lw=0, label="200 simulated loops, 5 to 95 %")
        axis.plot(i, exact.tv, color="#1b6ca8", label="exact mean")
        axis.set_title("only synthetic data" if alpha == 0 else f"{alpha:.0%} fresh real data", fontsize=10)
        axis.set_xlabel("generation")
        axis.set_ylim(0, 1)
    figure.axes[0].set_ylabel("total variation from the real distribution")
    figure.axes[2].legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
