"""Draw transformers in context: the loop, how much synthetic data to add, and how far one token moves the output.

Usage: python examples/in_context.py FILE.png

Prints where each curve of the second row is least, and the slopes of the movements. It takes about a minute.
"""

import math
import sys
from pathlib import Path

import numpy as np

from verify.incontext import linear_lines, movements, sizing, trained_line
from verify.plots_incontext import incontext_figure

ALPHA, GENERATIONS = 0.2, 20
SIZES = (50, 200, 800)
PROMPT = 50
SIZED = 100
AMOUNTS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
TOKENS = (5, 10, 20, 50, 100)


def main(path: str) -> None:
    """Write the figure and print a few numbers."""
    linear = linear_lines(SIZES, ALPHA, GENERATIONS, replications=4_000, seed=1)
    trained = [trained_line(PROMPT, alpha, GENERATIONS, replications=320, seed=1) for alpha in (0.0, ALPHA, 0.8)]
    counts = np.unique(np.geomspace(1, 1000 * SIZED, 150).round())
    amounts = sizing(SIZED, 5, np.append(0.0, counts / SIZED), AMOUNTS, replications=8_192, seed=1)
    moved = [
        movements(TOKENS, 0.5, 1, residual=False),
        movements(TOKENS, 0.0, 2, residual=True),
        movements(TOKENS[:4], 0.5, 2, residual=False),
    ]
    signal = math.hypot(0.6, 0.2) ** 2
    Path(path).write_bytes(incontext_figure(linear, trained, signal, amounts, moved))
    for name, lam in amounts.optima.items():
        print(f"{name:<22} least at lam = {lam:g}")
    for each in moved:
        ratios = ", ".join(f"{name} {values[-1] / each.found[-1]:.2f}" for name, values in each.bounds.items())
        print(f"{each.label:<28} slope {each.exponent:.3f}, bound/found at the last size: {ratios}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
