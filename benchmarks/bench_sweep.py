"""Sweeps of 10,000 blocks: what keeping every block costs, and what a second worker brings.

The same blocks are computed alone, by a sweep in this process, by one worker process and by two; the sweeps keep every
block in a store. The overhead is the time of the sweep in this process over that of the blocks alone, less one; it is
given for the clock and for the processor, which other programs disturb less.

Run as ``OPENBLAS_NUM_THREADS=1 python benchmarks/bench_sweep.py [BLOCKS]``; writes to ``results.json``.
"""

from __future__ import annotations

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from recording import record

import sim

SIZES = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MODEL = sim.Discrete(np.full(10, 0.1))
RUN: dict[str, Any] = {"generations": 20, "seed": 0, "record": ["tv"], "at": [1, 5, 10, 20]}
GRID = {"n": SIZES, "alpha": SHARES}


def alone(blocks: int) -> None:
    """Compute the blocks and forget them."""
    for n, alpha in itertools.product(SIZES, SHARES):
        stream = sim.blocks(MODEL, sim.Fresh(alpha), n=n, **RUN)
        for _ in itertools.islice(stream, blocks):
            pass


def swept(blocks: int, store: str, **how: Any) -> None:
    """Sweep with a store."""
    sim.sweep(MODEL, GRID, schedule="fresh", replications=blocks * MODEL.block, store=store, **RUN, **how)


def taken(run: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock and of all processors."""
    before, start = _processor(), time.perf_counter()
    run()
    return time.perf_counter() - start, _processor() - before


def _processor() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def one_worker(blocks: int, store: str) -> None:
    """Sweep with a single worker process, as two are one more of the same."""
    with sim.Workers(1) as executor:
        swept(blocks, store, executor=executor)


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    each = total // (len(SIZES) * len(SHARES))
    alone(1)
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            "blocks alone": lambda: alone(each),
            "sweep in this process": lambda: swept(each, f"{folder}/here"),
            "sweep, 1 worker": lambda: one_worker(each, f"{folder}/one"),
            "sweep, 2 workers": lambda: swept(each, f"{folder}/two", workers=2),
        }
        times = {name: taken(run) for name, run in runs.items()}
    for name, (clock, processor) in times.items():
        print(f"{name:<24}{clock:>8.1f} s{processor:>8.1f} s of processors", flush=True)
    base, here = times["blocks alone"], times["sweep in this process"]
    one, two = times["sweep, 1 worker"], times["sweep, 2 workers"]
    found = {
        "blocks": each * len(SIZES) * len(SHARES),
        "seconds": {name: round(clock, 2) for name, (clock, _) in times.items()},
        "processor_seconds": {name: round(processor, 2) for name, (_, processor) in times.items()},
        "overhead": round(here[0] / base[0] - 1, 3),
        "overhead_processor": round(here[1] / base[1] - 1, 3),
        "speedup_2_workers": round(one[0] / two[0], 2),
        "speedup_2_workers_over_process": round(here[0] / two[0], 2),
        "peak_memory_MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print({name: value for name, value in found.items() if not isinstance(value, dict)})
    record("sweep", found)


if __name__ == "__main__":
    main()
