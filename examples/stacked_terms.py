"""Draw bounds on the gap of a learner in the loop, term by term, and print how far above the gap they are.

Usage: python examples/stacked_terms.py FILE.png

All gaps are exact: ridge regression on one point that has label 1 on one atom and -1 on the others.
"""

import sys
from pathlib import Path

import numpy as np

import sim
from verify.binary_loop import BinaryLearning, BinaryLoop
from verify.plots import gap_figure
from verify.stacked import deviations, stacked_terms, two_sides

GENERATIONS = range(1, 11)
SIZES = (20, 50, 100, 200, 500, 1000)
FAR = tuple(10**k for k in range(2, 11))
NEAR = (100, 200, 500, 1000)


def ridge(n: int, p: float, omega: float, atoms: int = 2, penalty: float = 1.0) -> BinaryLearning:
    """Return ridge regression in a loop that reuses half of its real points."""
    return BinaryLearning(BinaryLoop(n, n // 2, p, omega, atoms), sim.Ridge(penalty))


def main(path: str) -> None:
    """Write the figure and print a few ratios."""
    stacked = stacked_terms(ridge(1000, 0.97, 0.3, atoms=8), GENERATIONS)
    sides = two_sides(ridge(1000, 0.7, 0.0), 5, SIZES)
    high = deviations(ridge(1000, 0.5, 0.7, penalty=4.0), 5, FAR, NEAR)
    Path(path).write_bytes(gap_figure(stacked, sides, high))
    for name, values in stacked.terms.items():
        print(
            f"{name:<22} {values[0] / stacked.bound[0]:.3f} of the bound, {values[0] / stacked.gap[0]:.3f} of the gap"
        )
    print(f"three terms / gap      {np.array2string(stacked.bound / stacked.gap, precision=2)}")
    print(f"three terms / gap      {np.array2string(sides.three_terms / sides.gap, precision=1)}, n = {SIZES}")
    print(f"second order / gap     {np.array2string(sides.upper / sides.gap, precision=3)} from above,")
    print(f"                       {np.array2string(sides.lower / sides.gap, precision=3)} from below")
    for name, values in high.forms.items():
        measured = values[np.searchsorted(high.sizes, 1000)] / high.quantile[-1]
        informative = high.sizes[values < high.length]
        print(f"{name:<30} {measured:9.1f} times the quantile at n = 1000, below M from n = {informative.min():g}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
