"""Draw kernel density estimates between their bounds, and print how far the bounds are apart.

Usage: python examples/sandwich.py FILE.png
"""

import sys
from pathlib import Path

import numpy as np

from verify.plots import sandwich_figure
from verify.sandwich import Sandwich, kernel_sandwich

ALPHAS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
GENERATIONS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
DRAWN = (500, 1.06 * 500**-0.2)
SWEEP = [(n, h) for n in (50, 500) for h in (0.1, 0.3, 1.0)]


def report(name: str, sandwiches: list[Sandwich]) -> None:
    """Print medians and largest values of both ratios over all points where the sharp bound says something."""
    over_mean = np.concatenate([s.sharp_over_mean for s in sandwiches])
    over_lower = np.concatenate([s.sharp_over_lower for s in sandwiches])
    print(f"{name}: {over_mean.size} points")
    for label, ratio in (("sharp/mean", over_mean), ("sharp/lower", over_lower)):
        print(f"  {label:<12} median {np.median(ratio):.3f}, largest {ratio.max():.3f}")


def main(path: str) -> None:
    """Draw one sample size and bandwidth, and sweep over several."""
    drawn = kernel_sandwich(*DRAWN, ALPHAS, GENERATIONS)
    Path(path).write_bytes(sandwich_figure(drawn))
    report(f"figure, n = {DRAWN[0]}, h = {DRAWN[1]:.3g}", [drawn])
    swept = []
    for n, h in SWEEP:
        swept.append(kernel_sandwich(n, h, ALPHAS, GENERATIONS, replications=200))
        report(f"n = {n}, h = {h:g}", swept[-1:])
    report("sweep", swept)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
