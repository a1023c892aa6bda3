"""Draw the gap of a learner in the loop between its two sides under every schedule, and print how far they are.

Usage: python examples/gap_sides.py FILE.png

Ridge regression on eight atoms with frequencies that are not smoothed: without a bias of the generator the gap is of
second order, whatever the schedule.
"""

import sys
from pathlib import Path

import numpy as np

from verify.gap_sides import gap_sides
from verify.plots_gap import sides_figure


def main(path: str) -> None:
    """Write the figure and print the ratios of the bounds to the simulated mean, at the smallest and the largest."""
    sides = gap_sides()
    title = "Gap of ridge regression in the loop, 8 atoms, no smoothing, n = 100, α = 0.5, μ = 1"
    Path(path).write_bytes(sides_figure(sides, title))
    for side in sides:
        upper, lower, terms = (found / side.gap for found in (side.upper, side.lower, side.three_terms))
        line = f"{side.schedule:<18} upper/gap {upper.min():.2f} to {upper.max():.2f}, "
        line += f"lower/gap {lower.min():.2f} to {lower.max():.2f}"
        if np.isfinite(terms).all():
            line += f", three terms/gap {terms.min():.0f} to {terms.max():.0f}"
        print(line)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
