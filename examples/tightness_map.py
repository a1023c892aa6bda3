"""Draw how far two bounds are above the exact error, over the sample size and the real fraction.

Usage: python examples/tightness_map.py FILE.png
"""

import sys

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import bounds
import sim

SIZES = (10, 20, 50, 100, 200, 500)
FRACTIONS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
K, GENERATION = 10, 20
PANELS = {"triangle inequality": "tv/discrete/fresh/triangle", "sharp bound": "tv/discrete/fresh"}
LARGEST = 10


def exact() -> np.ndarray:
    """Return E TV(P_i, P), (fractions, sizes)."""
    p = np.full(K, 1 / K)
    return np.array([[sim.exact_discrete(sim.Fresh(a), n, p, GENERATION).tv[-1] for n in SIZES] for a in FRACTIONS])


def draw(axis: Axes, key: str, truth: np.ndarray) -> object:
    """Draw one map, a number in each cell; brackets where the bound is above one and says nothing."""
    bound = bounds.get(key)(n=np.array(SIZES), alpha=np.array(FRACTIONS)[:, None], i=GENERATION, K=K)
    ratio = bound / truth
    image = axis.imshow(ratio, norm=LogNorm(1, LARGEST), cmap="cividis_r", origin="lower", aspect="auto")
    for (row, column), value in np.ndenumerate(ratio):
        text = f"({value:.2g})" if bound[row, column] >= 1 else f"{value:.2f}"
        axis.text(column, row, text, ha="center", va="center", fontsize=9, color="w" if value > 3 else "k")
    axis.set_xticks(range(len(SIZES)), SIZES)
    axis.set_yticks(range(len(FRACTIONS)), [f"{a:g}" for a in FRACTIONS])
    axis.set_xlabel("sample size n (points per generation)")
    return image


def main(path: str) -> None:
    """Write the figure, and print the range of the ratios."""
    truth = exact()
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2, sharey=True)
    for axis, (name, key) in zip(axes, PANELS.items(), strict=True):
        image = draw(axis, key, truth)
        axis.set_title(name)
    axes[0].set_ylabel("real fraction α, fresh in every generation")
    bar = figure.colorbar(image, ax=axes, ticks=(1, 2, 5, 10), format="{x:g}")
    bar.set_label("bound / exact error; in brackets: bound above 1")
    figure.suptitle(f"Total variation in generation {GENERATION}, {K} equally likely atoms", fontsize=12)
    figure.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
