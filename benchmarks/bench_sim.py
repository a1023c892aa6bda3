"""Share of the loop's time that is spent inside NumPy's random draws, schedule by schedule.

For each design the loop and the same random draws alone are timed in turn, several times, in one
run, in time of the processor; the table shows the ratio of the best times. The draws alone are
obtained by recording the calls that one block makes of its generator, with their arguments, and
making them again.

Run as ``OMP_NUM_THREADS=1 python -m benchmarks.bench_sim``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from sim.loop import blocks
from sim.models.discrete import Discrete
from sim.models.gaussian import Gaussian
from sim.models.gaussian_mean import GaussianMean
from sim.models.model import Model, World
from sim.schedules import Accumulate, Expand, Fixed, Fresh, Replace, Schedule, Stratified, Subsample

SCHEDULES = (
    Replace(),
    Fresh(0.1),
    Stratified(0.1),
    Fixed(0.1),
    Accumulate(),
    Subsample(),
    Expand(1.0),
)
DESIGNS: tuple[tuple[Model, tuple[str, ...], int], ...] = (
    (Discrete(np.full(10, 0.1)), ("tv",), 10_000),
    (Discrete(np.full(10, 0.1)), ("tv", "diversity", "squared_error"), 10_000),
    (GaussianMean(), ("squared_error",), 10_000),
    (GaussianMean(), ("tv",), 10_000),
    (Gaussian(), ("variance",), 10_000),
    (Gaussian(), ("w2_squared", "log_variance"), 10_000),
)
GENERATIONS = 50
REPLICATIONS = 2000
ROUNDS = 7


class Recorder:
    """Passes calls on to a generator and notes them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append((name, args, kwargs))
            return getattr(self.rng, name)(*args, **kwargs)

        return call


def calls_of_a_block(model: Model, schedule: Schedule, n: int) -> list[Any]:
    """The draws of one block: what the loop asks of its generator."""
    recorder = Recorder(np.random.Generator(np.random.SFC64(0)))
    sets = schedule.training_sets(World(model, recorder), n)  # type: ignore[arg-type]
    batch = next(sets)
    for _ in range(GENERATIONS - 1):
        batch = sets.send(model.estimate(recorder.rng, batch))
    return recorder.calls


def seconds(run: Callable[[], object]) -> float:
    """Return the time of the processor that a call takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def ratio(model: Model, schedule: Schedule, record: Sequence[str], n: int) -> tuple[float, float]:
    """Time of the draws alone over time of the loop, and nanoseconds per fit."""
    repeats = -(-REPLICATIONS // model.block)
    rng = np.random.Generator(np.random.SFC64(1))
    bound = [(getattr(rng, name), args, kwargs) for name, args, kwargs in calls_of_a_block(model, schedule, n)]

    def draws() -> None:
        for _ in range(repeats):
            for call, args, kwargs in bound:
                call(*args, **kwargs)

    def loop() -> None:
        stream = blocks(model, schedule, n=n, generations=GENERATIONS, seed=0, record=record)
        for _ in islice(stream, repeats):
            pass

    alone, whole = zip(*((seconds(draws), seconds(loop)) for _ in range(ROUNDS)), strict=True)
    return min(alone) / min(whole), 1e9 * min(whole) / (repeats * model.block * GENERATIONS)


def main() -> None:
    print(f"{GENERATIONS} generations, {REPLICATIONS} replications or the next whole block")
    print(f"{'model':<16}{'recorded':<32}{'schedule':<12}{'draws/loop':>10}{'ns/fit':>9}")
    for model, record, n in DESIGNS:
        for schedule in SCHEDULES:
            share, cost = ratio(model, schedule, record, n)
            name = model.label.split("(")[0]
            print(f"{name:<16}{'+'.join(record):<32}{schedule.name:<12}{share:>10.2f}{cost:>9.0f}")


if __name__ == "__main__":
    main()
