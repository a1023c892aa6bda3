"""Loops against the usual way to write them, against NumPy's random draws, and as they grow; formulas against NumPy.

* Every workload is run by a loop of `published.py` and by `sim.simulate`, in turn; the best times per fit (one refit in
  one generation of one replication) are compared, and the mean curves must agree. Times are of the processor: other
  work on the machine then counts for less.
* The share of random draws is that of `bench_sim.py`: time of the draws alone over the time of the loop.
* Where the exact law is known, it gives the mean curve without any simulation: its time is given too, and how many
  replications the usual loop makes in that time.
* Scaling: seconds and peak memory of summaries with one quantity changed at a time.
* Formulas: median ratio to the same written by hand, from `bench_bounds.py`.

Run as ``OPENBLAS_NUM_THREADS=1 python benchmarks/bench_published.py``; writes to ``results.json``.
"""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bench_bounds
import bench_sim
import numpy as np
import published
from bench_sim import seconds
from recording import record

import sim

ROUNDS = 5
AGREE = 5.0  # standard errors of the difference of two means


@dataclass(frozen=True)
class Workload:
    """A loop, how it is usually written, and how much of it is run there."""

    name: str
    usual: Callable[..., np.ndarray]
    generations: int
    replications: int
    model: Any
    schedule: Any
    n: int
    metric: str
    exact: Callable[[], object] | None = None
    draws: bool = True


def uniform(K: int) -> sim.Discrete:
    return sim.Discrete(np.full(K, 1 / K))


def law(K: int, generations: int) -> Callable[[], object]:
    return lambda: sim.exact_discrete(sim.Replace(), 100, np.full(K, 1 / K), generations)


GAUSSIAN, KERNEL = sim.Gaussian(), sim.KDE(sim.NormalDensity(), 0.2)
R, A = sim.Replace(), sim.Accumulate()
WORKLOADS = (
    Workload("Gaussian, NumPy", published.gaussian_numpy, 50, 40, GAUSSIAN, R, 100, "variance"),
    Workload(
        "Gaussian, scipy.stats", published.gaussian_scipy, 50, 20, sim.Gaussian(unbiased=False), R, 100, "variance"
    ),
    Workload("Gaussian, accumulating", published.gaussian_accumulate, 100, 10, GAUSSIAN, A, 100, "variance"),
    Workload("Gaussian, d = 10", published.gaussian_d, 50, 20, sim.Gaussian(d=10), R, 100, "variance"),
    Workload("discrete K = 10, NumPy", published.discrete_numpy, 50, 40, uniform(10), R, 100, "tv", law(10, 50)),
    Workload("discrete K = 10, scipy.stats", published.discrete_scipy, 50, 4, uniform(10), R, 100, "tv", law(10, 50)),
    Workload("discrete K = 100, NumPy", published.discrete_wide, 50, 40, uniform(100), R, 100, "tv", law(100, 50)),
    Workload("kernel, scikit-learn", published.kernel, 20, 1, KERNEL, R, 1000, "tv", draws=False),
    Workload("kernel, accumulating", published.kernel_accumulate, 100, 1, KERNEL, A, 100, "tv", draws=False),
)


def compared(work: Workload) -> dict[str, Any]:
    """Time a workload both ways, in turn."""
    blocks = -(-4 * work.replications // work.model.block)
    many = blocks * work.model.block
    run = {"n": work.n, "generations": work.generations, "record": [work.metric], "seed": 0}
    theirs: list[np.ndarray] = []
    ours: list[np.ndarray] = []

    def usual() -> None:
        rng = np.random.RandomState(len(theirs))
        theirs.append(work.usual(rng, work.n, work.generations, work.replications))

    def here() -> None:
        ours.append(sim.simulate(work.model, work.schedule, replications=many, **run)[work.metric].to_numpy())

    here()
    slow, fast = zip(*((seconds(usual), seconds(here)) for _ in range(ROUNDS)), strict=True)
    check(work.name, np.concatenate(theirs), ours[0])
    fits = work.generations * work.replications, work.generations * many
    row = {
        "name": work.name,
        "usual_fits_per_second": fits[0] / min(slow),
        "fits_per_second": fits[1] / min(fast),
        "ratio": min(slow) / fits[0] / (min(fast) / fits[1]),
    }
    if work.draws:
        shares = [bench_sim.ratio(work.model, work.schedule, (work.metric,), work.n)[0] for _ in range(ROUNDS)]
        row["draws_share"] = statistics.median(shares)
    if work.exact is not None:
        exact = min(seconds(work.exact) for _ in range(ROUNDS))
        row["exact_milliseconds"] = 1e3 * exact
        row["exact_replications"] = exact * row["usual_fits_per_second"] / work.generations
    return row


def check(name: str, one: np.ndarray, other: np.ndarray) -> None:
    """The mean curves are those of the same loop: each point, at five standard errors and a per cent for the grid."""
    gap = np.abs(one.mean(axis=0) - other.mean(axis=0))
    error = other.std(axis=0) * np.sqrt(1 / len(one) + 1 / len(other))
    if not (gap <= AGREE * error + 0.01 * other.mean(axis=0)).all():
        raise SystemExit(f"{name}: the usual loop and ours do not agree")


BASE = {"n": 1000, "generations": 50, "replications": 2560, "K": 10}
AXES = {"n": (100, 10_000, 1_000_000), "generations": (10, 100, 1000), "replications": (256, 2560, 25_600)}
AXES |= {"K": (10, 100, 1000)}


def scaled(**changed: int) -> dict[str, Any]:
    """Seconds and peak memory of a summary of the discrete loop."""
    size = {**BASE, **changed}
    run = {name: value for name, value in size.items() if name != "K"}

    def summary() -> object:
        return sim.simulate(uniform(size["K"]), R, seed=0, record=["tv"], summary=True, **run)

    taken = min(seconds(summary) for _ in range(2))
    tracemalloc.start()
    summary()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {**changed, "seconds": taken, "peak_MiB": peak / 2**20}


def formulas() -> dict[str, float]:
    """Median time of a result over that of the same formula by hand, for each way to call it."""
    found = bench_bounds.scalar_tables("tv/discrete/*", np.random.default_rng(0))
    kinds = {"a": "broadcasting", "b": "full arrays", "v": "vector arguments"}
    return {name: statistics.median(ratio for k, _, ratio in found if k == kind) for kind, name in kinds.items()}


def main() -> None:
    sim.simulate(uniform(2), R, n=2, generations=1, replications=1, seed=0)  # imports
    rows = []
    print(f"{'workload':<32}{'usual fits/s':>14}{'fits/s':>14}{'ratio':>8}{'draws':>8}{'exact':>10}")
    for work in WORKLOADS:
        rows.append(row := compared(work))
        share = f"{row['draws_share']:.2f}" if "draws_share" in row else "-"
        exact = f"{row['exact_milliseconds']:.1f} ms" if "exact_milliseconds" in row else "-"
        rates = f"{row['usual_fits_per_second']:>14,.0f}{row['fits_per_second']:>14,.0f}{row['ratio']:>8.0f}"
        print(f"{work.name:<32}{rates}{share:>8}{exact:>10}", flush=True)
    scaling = [scaled(**{name: value}) for name, values in AXES.items() for value in values]
    for row in scaling:
        print("  ".join(f"{name} {value:,.4g}" for name, value in row.items()), flush=True)
    record("published", {"loops": rows, "scaling": scaling, "scaling_base": BASE, "formulas": formulas()})


if __name__ == "__main__":
    main()
