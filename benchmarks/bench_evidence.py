"""Time the sequential tests: nanoseconds per point and replication, and milliseconds per interval.

Run as `python benchmarks/bench_evidence.py` from the root of the checkout.
"""

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from verify.evidence import AsymptoticTest, BettingTest, NonnegativeTest, SequentialTest

SHAPES = ((20_000, 1), (200_000, 8), (4_000, 100), (1_000, 1_000), (500, 4_000))  # replications, points
MAKERS: dict[str, Callable[[np.ndarray], SequentialTest]] = {
    "betting": lambda bound: BettingTest(bound, 0.01),
    "betting, equality": lambda bound: BettingTest(bound, 0.01, claim="equal", margin=0.05),
    "non-negative, capped": lambda bound: NonnegativeTest(bound, 0.01, cap=0.5),
    "asymptotic": lambda bound: AsymptoticTest(bound, 0.01),
}


def seconds(task: Callable[[], object]) -> float:
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def main() -> None:
    rng = np.random.default_rng(0)
    print(f"{'test':22}{'R':>9}{'P':>7}{'ns/(R P)':>10}{'interval, ms':>14}")
    for replications, points in SHAPES:
        x = rng.beta(40, 200, (replications, points))
        for name, make in MAKERS.items():
            tests = [make(np.full(points, 0.17)) for _ in range(3)]
            rate = min(seconds(partial(test.update, x)) for test in tests) / x.size * 1e9
            interval = seconds(tests[0].interval)
            print(f"{name:22}{replications:9}{points:7}{rate:10.0f}{interval * 1e3:14.1f}")


if __name__ == "__main__":
    main()
