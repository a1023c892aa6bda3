"""Mixtures fitted by EM: the cost of a fit and of the loop, beside scikit-learn's GaussianMixture.

First the same training sets are fitted from the same starts, with the same tolerance: the table shows the best times
per fit, and how far the fits are from each other. Then the loop with its TV to P in every generation; scikit-learn's
from 2,048 nodes, ours with a certified error.

Run as ``OMP_NUM_THREADS=1 python -m benchmarks.bench_mixture``.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from benchmarks.recording import seconds
from sim.densities_mixture import NormalMixture
from sim.loop import simulate
from sim.models.mixture import MixtureEM
from sim.models.mixture_em import Normals, fitted
from sim.schedules import Replace

P = NormalMixture(np.full(2, 0.5), np.array([-1.0, 1.0]), np.full(2, 0.5))
TOLERANCE, MOST, NODES, GENERATIONS, ROUNDS = 1e-6, 500, 2048, 10, 3
SIZES = ((100, 256), (1_000, 128), (10_000, 32), (100_000, 4))  # n, training sets or replications


def theirs(points: np.ndarray, weights: np.ndarray, means: np.ndarray, precisions: np.ndarray) -> GaussianMixture:
    start = {"weights_init": weights, "means_init": means, "precisions_init": precisions}
    return GaussianMixture(means.shape[0], tol=TOLERANCE, reg_covar=0.0, max_iter=MOST, **start).fit(points)


def fits(n: int, sets: int) -> None:
    model = MixtureEM(P, 2, "truth", iterations=MOST, tolerance=TOLERANCE, block=sets)
    x = model.draw(np.random.Generator(np.random.SFC64(n)), model.target(), n).points
    start, floor = model.real, 1e-12
    found: list[Normals] = []
    other: list[GaussianMixture] = []
    fast, slow = [], []
    for _ in range(ROUNDS):
        found.clear(), other.clear()
        fast.append(seconds(lambda: found.append(fitted(x, start, floor, MOST, TOLERANCE)[0])))
        slow.append(
            seconds(
                lambda: other.extend(
                    theirs(points, start.weights[0], start.means[0], 1 / start.factors[0] ** 2) for points in x
                )
            )
        )
    gap = max(float(np.abs(found[0].means[r] - fit.means_).max()) for r, fit in enumerate(other))
    row = f"{'fit':<6}{n:>8}{sets:>6}{1e3 * min(slow) / sets:>12.3f} ms{1e3 * min(fast) / sets:>9.3f} ms"
    print(f"{row}{min(slow) / min(fast):>8.1f}   largest difference of a mean {gap:.1e}")


def loop(n: int, replications: int) -> None:
    model = MixtureEM(P, 2, "last", iterations=MOST, tolerance=TOLERANCE)
    fewer = max(1, replications // 8)
    run = {"n": n, "generations": GENERATIONS, "seed": 0, "record": ["tv"]}
    blocks = model.block * max(1, replications // model.block)
    fast = min(seconds(lambda: simulate(model, Replace(), replications=blocks, **run)) for _ in range(ROUNDS))
    slow = min(seconds(lambda: their_loop(n, fewer)) for _ in range(ROUNDS))
    fast, slow = fast / (blocks * GENERATIONS), slow / (fewer * GENERATIONS)
    print(f"{'loop':<6}{n:>8}{blocks:>6}{1e3 * slow:>12.3f} ms{1e3 * fast:>9.3f} ms{slow / fast:>8.1f}")


def their_loop(n: int, replications: int) -> np.ndarray:
    rng = np.random.RandomState(0)  # what scikit-learn takes
    grid = np.linspace(-8, 8, NODES)
    p, step, out = P.pdf(grid), grid[1] - grid[0], np.empty((replications, GENERATIONS))
    for r in range(replications):
        points = P.sample(np.random.default_rng(r), n)[:, None]
        fit = theirs(points, P.weights, P.means[:, None], 1 / P.sigmas[:, None, None] ** 2)
        for i in range(GENERATIONS):
            if i:
                fit.random_state = rng
                points = fit.sample(n)[0]
                fit = theirs(points, fit.weights_, fit.means_, fit.precisions_)
            out[r, i] = 0.5 * step * np.abs(np.exp(fit.score_samples(grid[:, None])) - p).sum()
    return out


def main() -> None:
    print(f"{'':<6}{'n':>8}{'sets':>6}{'scikit-learn':>15}{'loopbound':>12}{'ratio':>8}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for n, sets in SIZES:
            fits(n, sets)
        for n, replications in SIZES[:3]:
            loop(n, replications)


if __name__ == "__main__":
    main()
