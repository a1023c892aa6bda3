"""The kernel density loop on the line: its cost at full size, and beside scikit-learn's KernelDensity.

First the loop with n = 10⁵, 20 generations, 100 replications and its TV to P in every generation.
Then, in turn, the same fits and samples by scikit-learn, with the TV from 2,048 nodes, on sizes where
both finish; the table shows the best times per fit.

Run as ``OMP_NUM_THREADS=1 python -m benchmarks.bench_kde``.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np
import xarray as xr
from sklearn.neighbors import KernelDensity

from sim.densities import NormalDensity
from sim.loop import simulate
from sim.models.kde import KDE
from sim.schedules import Replace

H = 0.2
NODES = 2048
SIZES = ((1_000, 5, 16), (10_000, 5, 8), (100_000, 2, 2))  # n, generations, replications
ROUNDS = 2


def seconds(run: Callable[[], object]) -> float:
    """Return the time of the processor that a call takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def ours(n: int, generations: int, replications: int) -> xr.Dataset:
    model = KDE(NormalDensity(), H)
    return simulate(model, Replace(), n=n, generations=generations, replications=replications, seed=0)


def theirs(n: int, generations: int, replications: int) -> np.ndarray:
    rng = np.random.RandomState(0)  # what scikit-learn takes
    grid = np.linspace(-8, 8, NODES)
    p, step = NormalDensity().pdf(grid), grid[1] - grid[0]
    out = np.empty((replications, generations))
    for r in range(replications):
        points = rng.standard_normal((n, 1))
        for i in range(generations):
            fit = KernelDensity(bandwidth=H).fit(points)
            out[r, i] = 0.5 * step * np.abs(np.exp(fit.score_samples(grid[:, None])) - p).sum()
            if i + 1 < generations:
                points = fit.sample(n, random_state=rng)
    return out


def main() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    curves: list[xr.Dataset] = []
    taken = seconds(lambda: curves.append(ours(100_000, 20, 100)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"n = 100000, 20 generations, 100 replications, h = {H}, one process: {taken:.1f} s")
    print(f"peak memory {peak:.0f} MiB, of which {before:.0f} MiB after the imports")
    print(f"largest certified error of a TV: {float(curves[0].tv_error.max()):.2e}\n")
    print(f"{'n':>8}{'generations':>13}{'replications':>14}{'scikit-learn':>15}{'loopbound':>12}{'ratio':>8}")
    for n, generations, replications in SIZES:
        fits = generations * replications
        blocks = KDE(NormalDensity(), H).block * max(1, replications // 2)
        slow, fast = zip(
            *(
                (
                    seconds(lambda: theirs(n, generations, replications)) / fits,  # noqa: B023
                    seconds(lambda: ours(n, generations, blocks)) / (generations * blocks),  # noqa: B023
                )
                for _ in range(ROUNDS)
            ),
            strict=True,
        )
        row = f"{n:>8}{generations:>13}{replications:>14}{1e3 * min(slow):>12.2f} ms{1e3 * min(fast):>9.3f} ms"
        print(f"{row}{min(slow) / min(fast):>8.0f}")


if __name__ == "__main__":
    main()
