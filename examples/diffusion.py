"""Diffusion models in the loop: the figure of the book, and its numbers.

    python examples/diffusion.py OUT.png            the figure
    python examples/diffusion.py --data FILE.csv    a loop on numeric columns of a file, one or two of them

With a file the real distribution is known by its points only: half of them train the first generation, and what is
printed is an estimate from below of the total variation to the points held out, P(A) − P_i(A) for a set A that was
chosen on other points, with its standard error. It is no certificate.
"""

from __future__ import annotations

import sys
from pathlib import Path

import sim
from sim.data_points import load_points
from sim.diffusion.features import RandomFeatures
from sim.diffusion.samplers import Sampler
from sim.diffusion.times import time_grid
from sim.models.diffusion import Diffusion
from verify.diffusion_curves import choices, loops, one_steps
from verify.plots_diffusion import diffusion_figure


def numbers(path: Path) -> None:
    """Draw, and print the exponents and the best training times."""
    steps, chosen, looped = one_steps(), choices(), loops()
    path.write_bytes(diffusion_figure(steps, chosen, looped))
    for name, slope in (("TV", steps.exponent), ("TV above its floor", steps.above_floor)):
        print(
            f"exponent of the one-step {name}: {slope.value:.3f} [{slope.low:.3f}, {slope.high:.3f}] (99 %, asymptotic)"
        )
    print(f"floor {steps.floor:.4f}, with the exact score {steps.exact:.4f}")
    for n, stop in chosen.best.items():
        print(f"n = {n}: best stopped at {stop:.3g}, TV {min(chosen.by_stop[n][chosen.stops == stop]):.4f}")


def data_loop(path: Path, generations: int = 5) -> None:
    """Train on the points of a file, and again on what the model gives."""
    cloud = load_points(path)
    model = Diffusion(
        cloud,
        RandomFeatures(cloud.d, 128, 4.0),
        Sampler(time_grid(0.02, 3.0, 30, "quadratic")),
        penalty=1e-3,
        noise="exact" if cloud.d == 1 else 8,
    )
    n = len(cloud.seen)
    print(f"{path.name}: {n} points in dimension {cloud.d}, {len(cloud.held_out)} held out; TV estimated from below")
    for name in ("replace", "accumulate"):
        record = ["tv_lower", "tv_lower_error"]
        found = sim.simulate(
            model, sim.schedule(name), n=n, generations=generations, replications=1, seed=1, record=record
        )
        for i, (value, error) in enumerate(zip(found.tv_lower.values[0], found.tv_lower_error.values[0], strict=True)):
            print(f"{name}, generation {i + 1}: {value:.3f} ± {error:.3f}")


def main(arguments: list[str]) -> int:
    """Run."""
    if len(arguments) == 1 and not arguments[0].startswith("-"):
        numbers(Path(arguments[0]))
    elif len(arguments) == 2 and arguments[0] == "--data":
        data_loop(Path(arguments[1]))
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
