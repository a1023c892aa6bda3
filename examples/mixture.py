"""Draw mixtures of normal distributions fitted by EM in the loop, and print how far propagation is from them.

Usage: python examples/mixture.py FILE.png

Propagation of total variation error is a theorem, driven here by the one-step errors of the same loops; what EM does
in one step is simulated, and nothing is claimed about it.
"""

import sys
from pathlib import Path

from verify.mixture_curves import mixture_loops
from verify.plots_mixture import mixture_figure


def main(path: str) -> None:
    """Write the figure and print the numbers."""
    loops = mixture_loops()
    title = "Two normal components by EM, started from the last model, P = ½N(−1, ¼) + ½N(1, ¼), n = 100"
    Path(path).write_bytes(mixture_figure(loops, title))
    for loop in loops:
        ratio = loop.propagated / loop.tv.value
        print(
            f"{loop.schedule:<16} TV {loop.tv.value[0]:.4f} to {loop.tv.value[-1]:.4f}, T1/TV {ratio.min():.2f} to "
            f"{ratio.max():.2f}, one step {loop.one_step.value[0]:.4f} to {loop.one_step.value[-1]:.4f}, variance "
            f"{loop.variance.value[-1]:.3f} (expected {loop.expected_variance[-1]:.3f}), "
            f"collapsed {loop.collapsed.value[-1]:.3f}"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
