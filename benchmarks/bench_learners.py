"""The loop with a learner: its cost over a grid of designs, and beside scikit-learn's Ridge fitted in a loop.

First every design of a grid (n from 50 to 5,000, five alphas) with 10 generations and 500 replications
on scikit-learn's diabetes data, for each learner. Then, in turn, ridge regression here and
scikit-learn's Ridge fitted in a loop, once to the same training sets (what it is given: distinct
points with weights) and once within the whole loop, where both also draw the same multinomial
samples with NumPy; the table shows the best times per fit and their ratios.

Run as ``OMP_NUM_THREADS=1 python -m benchmarks.bench_learners``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge as SklearnRidge

from sim.labelled_atoms import LabelledAtoms
from sim.learners import Learner, Logistic, Ridge
from sim.learners_sgd import SGD
from sim.loop import simulate
from sim.models.labelled import Labelled
from sim.schedules import Fixed

SIZES = (50, 100, 200, 500, 1_000, 2_000, 5_000)
ALPHAS = (0.1, 0.3, 0.5, 0.7, 0.9)
GENERATIONS = 10
REPLICATIONS = 500
LAM, OMEGA = 0.1, 0.1
LEARNERS: tuple[Learner, ...] = (Ridge(LAM), Logistic(LAM), SGD(kind="squared", rate=1.0, radius=2.0, decay=0.5))
SLOW = 10  # replications of the loop with scikit-learn
ROUNDS = 3


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def diabetes(learner: Learner) -> LabelledAtoms:
    """The data, scaled; for the logistic loss the sign of the centred target."""
    data = load_diabetes()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    y = 2 * (data.target - data.target.min()) / np.ptp(data.target) - 1
    labels = np.where(y > np.median(y), 1.0, -1.0) if isinstance(learner, Logistic) else y
    return LabelledAtoms(x / np.linalg.norm(x, axis=1).max(), labels, np.full(len(y), 1 / len(y)))


def ours(learner: Learner, n: int, alpha: float) -> np.ndarray:
    model = Labelled(diabetes(learner), learner, OMEGA)
    design = {"n": n, "generations": GENERATIONS, "replications": REPLICATIONS, "seed": 0}
    curves = simulate(model, Fixed(alpha), record=["gap"], **design)
    return curves["gap"].to_numpy()


def training_sets(n: int, rows: int) -> np.ndarray:
    return np.random.default_rng(0).multinomial(n, np.full(442, 1 / 442), rows)


def fitted(atoms: LabelledAtoms, counts: np.ndarray) -> SklearnRidge:
    """Scikit-learn's fit to one training set."""
    k = np.flatnonzero(counts)
    fit = SklearnRidge(alpha=LAM * counts.sum(), fit_intercept=False)
    return fit.fit(atoms.x[k], atoms.y[k], sample_weight=counts[k])


def theirs(n: int, alpha: float) -> np.ndarray:
    """Gaps of the loop, one replication after the other."""
    atoms, rng = diabetes(Ridge(LAM)), np.random.default_rng(0)
    reused = round(alpha * n)
    out = np.empty((SLOW, GENERATIONS))
    for r in range(SLOW):
        kept = rng.multinomial(reused, atoms.p)
        counts = kept + rng.multinomial(n - reused, atoms.p)
        for i in range(GENERATIONS):
            losses = (fitted(atoms, counts).predict(atoms.x) - atoms.y) ** 2 / 2
            out[r, i] = losses @ (atoms.p - counts / n)
            law = (1 - OMEGA) * counts / n + OMEGA / atoms.K
            counts = kept + rng.multinomial(n - reused, law)
    return out


def compared(n: int) -> tuple[float, ...]:
    """Microseconds per fit: fits here and there, the whole loop here and there."""
    learner, many, few = Ridge(LAM), training_sets(n, 20 * SLOW * GENERATIONS), training_sets(n, SLOW * GENERATIONS)
    atoms = diabetes(learner)
    runs: tuple[tuple[Callable[[], object], int], ...] = (
        (lambda: learner.fit(atoms, many), len(many)),
        (lambda: [fitted(atoms, counts) for counts in few], len(few)),
        (lambda: ours(learner, n, 0.5), REPLICATIONS * GENERATIONS),
        (lambda: theirs(n, 0.5), SLOW * GENERATIONS),
    )
    rounds = [[1e6 * seconds(run) / fits for run, fits in runs] for _ in range(ROUNDS)]
    return tuple(map(min, zip(*rounds, strict=True)))


def main() -> None:
    print(f"diabetes data, {len(SIZES)} sizes x {len(ALPHAS)} alphas, {GENERATIONS} generations, {REPLICATIONS} runs")
    total = len(SIZES) * len(ALPHAS) * GENERATIONS * REPLICATIONS
    for learner in LEARNERS:
        start = time.perf_counter()
        for n in SIZES:
            for alpha in ALPHAS:
                ours(learner, n, alpha)
        taken = time.perf_counter() - start
        print(f"  {learner.label:<75}{taken:>7.1f} s{1e6 * taken / total:>8.1f} us/fit")
    print(f"{'us/fit':<8}{'fit':>8}{'sklearn':>9}{'ratio':>7}{'loop':>12}{'sklearn':>9}{'ratio':>7}")
    for n in SIZES:
        fit, fit_there, loop, loop_there = compared(n)
        print(
            f"{n:<8}{fit:>8.1f}{fit_there:>9.0f}{fit_there / fit:>7.0f}"
            f"{loop:>12.1f}{loop_there:>9.0f}{loop_there / loop:>7.0f}"
        )


if __name__ == "__main__":
    main()
