"""Computing blocks by any executor: slices of time, failures tried again, lost workers made up for."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from itertools import islice
from queue import SimpleQueue
from typing import ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.grids import Loop, code_version

Arrays: TypeAlias = Mapping[str, NDArray[np.float64]]
P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
"""How often a block is tried before it is reported."""
SLICE = 0.1
"""Seconds after which a task returns what it has: long beside the cost of a task, short to lose."""
_LONGEST = 256
_FIRST_WINDOW = 4


@dataclass(frozen=True)
class Block:
    """A block of replications to compute.

    Attributes
    ----------
    loop : Loop
    index : int
        Which block.
    count : int
        Mean and spread of the first so many replications are kept; 0 keeps every replication.
    """

    loop: Loop
    index: int
    count: int = 0

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"block {self.index} of {self.loop.label}"

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of what is kept: generations first, then (replication, ...), or (mean and spread, ...)."""
        design = self.loop.design
        lead = (len(design.at), 2 if self.count else design.model.block)
        return {name: lead + metric.shape for name, metric in design.metrics.items()}

    def compute(self) -> Arrays:
        """Return what is kept, by metric."""
        design = self.loop.design
        if not self.count:
            return {name: np.moveaxis(array, 1, 0) for name, array in design.curves(self.index).items()}
        out = {name: np.empty(shape) for name, shape in self.shapes.items()}
        for row, values in enumerate(design.generations(self.index)):
            for name, value in values.items():
                centre = value[: self.count].mean(axis=0)
                out[name][row, 0] = centre
                out[name][row, 1] = ((value[: self.count] - centre) ** 2).sum(axis=0)
        return out


@dataclass(frozen=True)
class Failure:
    """A block that could not be computed, and why."""

    block: Block
    reason: str


Outcome: TypeAlias = tuple[Block, Arrays | Failure]


class ExecutorError(RuntimeError):
    """The executor broke down; blocks that were finished are kept in the store."""


def outcomes(blocks: Iterable[Block], executor: Executor) -> Generator[Outcome, None, None]:
    """Yield every block with its arrays, or with its failure, as they come.

    A block that fails is tried again, alone, until it has failed `ATTEMPTS` times. So many tasks are submitted that
    they wait for about as long as they take: then no worker is idle, however many there are.

    Raises
    ------
    ExecutorError
        If the executor takes no more tasks.
    """
    queue, tasks = _Queue(blocks), _Tasks(executor)
    try:
        while True:
            while tasks.wanted() and (chunk := queue.take()):
                tasks.submit(chunk)
            if not tasks.pending:
                break
            yield from queue.settle(*tasks.collect())
    finally:
        tasks.cancel()
    if tasks.broken is not None:
        raise tasks.broken


@dataclass(frozen=True)
class _Done:
    """What a task returns: arrays, or what went wrong, for its first blocks."""

    results: Sequence[Arrays | str]
    seconds: float = 0.0


class _Queue:
    """Blocks to submit."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.fresh = iter(blocks)
        self.rest = deque[Block]()  # for which a task had no time
        self.alone = deque[Block]()  # that failed, or were lost with others
        self.failed = Counter[Block]()
        self.size = 1

    def take(self) -> list[Block]:
        """Return what to compute in one task."""
        if self.alone:
            return [self.alone.popleft()]
        chunk = [self.rest.popleft() for _ in range(min(self.size, len(self.rest)))]
        return chunk + list(islice(self.fresh, self.size - len(chunk)))

    def settle(self, chunk: list[Block], done: _Done) -> Iterator[Outcome]:
        """Yield what is decided, queue the rest; tasks grow or shrink to one slice of time."""
        if not done.results:  # lost, and nobody knows because of which block
            self.alone.extend(chunk)
            return
        if len(done.results) < len(chunk):
            self.rest.extendleft(reversed(chunk[len(done.results) :]))
            self.size = len(done.results)
        elif len(chunk) == self.size:
            self.size = min(2 * self.size, _LONGEST)
        for block, result in zip(chunk, done.results, strict=False):
            if not isinstance(result, str):
                yield block, result
                continue
            self.failed[block] += 1
            if self.failed[block] < ATTEMPTS:
                self.alone.append(block)
            else:
                yield block, Failure(block, result)


class _Tasks:
    """Tasks that an executor has."""

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.pending: dict[Future[_Done], tuple[list[Block], float]] = {}
        self.finished = SimpleQueue[Future[_Done]]()
        self.window = _FIRST_WINDOW
        self.broken: ExecutorError | None = None

    def wanted(self) -> bool:
        """Whether to submit another; first comes what is finished."""
        return self.broken is None and len(self.pending) < self.window and self.finished.empty()

    def submit(self, chunk: list[Block]) -> None:
        """Have a chunk computed."""
        started = time.perf_counter()
        try:
            future = self.executor.submit(_compute, chunk, code_version())
        except RuntimeError as error:
            self.broken = ExecutorError(f"the executor takes no more tasks: {error}")
            return
        self.pending[future] = chunk, started
        future.add_done_callback(self.finished.put)

    def collect(self) -> tuple[list[Block], _Done]:
        """Wait for a task; return its chunk and what came of it."""
        future = self.finished.get()
        chunk, started = self.pending.pop(future)
        try:
            done = future.result()
        except (BrokenExecutor, CancelledError) as error:
            self.broken = self.broken or ExecutorError(f"the executor broke down: {error or type(error).__name__}")
            return [], _Done([])
        except Exception as error:  # its worker died, or it could not be sent
            return chunk, _Done([_reason(error)] if len(chunk) == 1 else [])
        if time.perf_counter() - started < 2 * done.seconds:
            self.window += 1
        return chunk, done

    def cancel(self) -> None:
        """Take back what has not begun."""
        for future in self.pending:
            future.cancel()


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _compute(chunk: list[Block], code: str) -> _Done:
    """Compute as many blocks as there is time for, at least one; runs in a worker."""
    if code_version() != code:
        return _Done([f"the worker has {code_version()}, not {code}"] * len(chunk))
    start = time.perf_counter()
    results: list[Arrays | str] = []
    for block in chunk:
        try:
            results.append(block.compute())
        except Exception as error:
            results.append(_reason(error))
        if time.perf_counter() - start >= SLICE:
            break
    return _Done(results, time.perf_counter() - start)


class Here(Executor):
    """Computes in this process, at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Return a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future
