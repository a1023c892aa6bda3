"""Sweeps: simulations over grids of designs, by any executor, resumable, the same to the last bit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any, TypeAlias

from sim.errors import SimulationError, whole
from sim.gathering import Curves, Gathering, Summaries
from sim.grids import ModelOf, expand
from sim.schedules import Schedule
from sim.store import Store
from sim.tasks import Block, Failure, Here, outcomes
from sim.workers import Workers

if TYPE_CHECKING:
    from xarray import Dataset

Progress: TypeAlias = Callable[[int, int], object]

_SHOWN = 5


class SweepError(RuntimeError):
    """Some blocks could not be computed; everything else was, and is kept in the store.

    Attributes
    ----------
    failures : tuple of Failure
        Every block that failed, with the reason.
    dataset : xarray.Dataset
        The result, NaN where a block is missing; a summary is NaN at the whole point.
    """

    def __init__(self, failures: tuple[Failure, ...], dataset: Dataset) -> None:
        self.failures, self.dataset = failures, dataset
        lines = [f"{failure.block.label}: {failure.reason}" for failure in failures[:_SHOWN]]
        more = [f"and {len(failures) - _SHOWN} more"] if len(failures) > _SHOWN else []
        super().__init__("\n  ".join([f"{len(failures)} blocks failed, each several times:", *lines, *more]))


def sweep(
    model: ModelOf,
    grid: Mapping[str, Any],
    *,
    replications: int,
    seed: int,
    generations: int,
    n: int | None = None,
    schedule: str | Schedule | None = None,
    record: Sequence[str] | None = None,
    at: Sequence[int] | None = None,
    summary: bool = False,
    workers: int = 1,
    executor: Executor | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Simulate the loop at every point of a grid.

    The numbers are those of `simulate` at every point, to the last bit, for any executor, any number of workers and
    any interruption: a block of replications has random numbers of its own, keyed by what is computed. (Arithmetic
    may differ between kinds of processors, and with the number of threads of the linear algebra.)

    Parameters
    ----------
    model : Model or callable
        A model, or a function (or class) of grid parameters that returns one, as ``Gaussian`` or
        ``lambda K: Discrete(np.full(K, 1 / K))``. A `UserModel` is known by its name: give it another one when you
        change its functions.
    grid : mapping of str to values
        Parameters of the model, parameters of the schedule (``alpha``, ``lam``), ``n`` and ``schedule``. Several values
        are an axis of the result; one value is the same everywhere. A parameter that some schedules do not have makes
        no difference to these. Generations are no axis of the grid: a shorter run is the beginning of a longer one.
    replications, seed, generations, record, at
        As for `simulate`. By default everything is recorded that all points record by default.
    n, schedule
        Unless they are in the grid: as for `simulate`, or the name of a schedule.
    summary : bool
        Keep only means and variances over replications.
    workers : int
        Processes to start, unless an executor is given; 1 computes in this one. One that dies is replaced.
    executor : concurrent.futures.Executor, optional
        Computes the blocks: processes, ``dask.distributed.Client(...).get_executor()``, MPI's. Never shut down here.
    store : path-like, optional
        Directory that keeps every finished block at once. The same sweep, or one with more points or replications,
        takes from it what is there and computes the rest, after whatever end.
    progress : callable, optional
        ``progress(done, total)`` in blocks, now and then.

    Returns
    -------
    xarray.Dataset
        One variable per metric with dimensions (axes of the grid, replication, generation, ...). With `summary`,
        variables ``<metric>_mean`` and ``<metric>_variance`` (unbiased) without replication.

    Raises
    ------
    SimulationError
        If an argument or a point of the grid is not allowed; before anything is computed.
    SweepError
        If blocks failed, each three times; after everything else was computed.
    ExecutorError
        If the executor takes no more tasks, as after the loss of all its workers.
    StoreError
        If the store cannot be used or written to.
    """
    given = {name: value for name, value in (("n", n), ("schedule", schedule)) if value is not None}
    if twice := set(given) & set(grid):
        raise SimulationError("grid", min(twice), "not given as an argument too")
    points = expand(model, {**grid, **given}, generations, seed, record, at)
    replications, workers = whole("replications", replications, 1), whole("workers", workers, 1)
    result = Summaries(points, replications) if summary else Curves(points, replications)
    with ExitStack() as stack:
        kept = stack.enter_context(Store(store)) if store is not None else None
        if kept is not None:
            kept.note(_described(result, summary))
        if executor is None:
            executor = stack.enter_context(Workers(workers) if workers > 1 else Here())
        failures = _run(result, executor, kept, progress or (lambda done, total: None))
    dataset = result.dataset()
    if failures:
        raise SweepError(failures, dataset)
    return dataset


def _run(result: Gathering, executor: Executor, store: Store | None, progress: Progress) -> tuple[Failure, ...]:
    """Have all blocks added to the result, from the store or computed."""
    failures: list[Failure] = []
    done, total = 0, result.total

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    def missing() -> Iterator[Block]:
        for block in result.blocks():
            arrays = store.get(_key(block), block.shapes) if store is not None else None
            if arrays is None:
                yield block
            else:
                result.add(block, arrays)
                advance()

    progress(done, total)
    with closing(outcomes(missing(), executor)) as stream:
        for block, found in stream:
            if isinstance(found, Failure):
                failures.append(found)
            else:
                if store is not None:
                    store.put(_key(block), found)
                result.add(block, found)
            advance()
    return tuple(failures)


def _key(block: Block) -> str:
    """Name a block by all that its numbers depend on."""
    return hashlib.sha256(f"{block.loop.digest} {block.index} {block.count}".encode()).hexdigest()


def _described(result: Gathering, summary: bool) -> dict[str, Any]:
    """Return the parameters of a sweep as plain data, for people."""
    grid, loop = result.grid, next(iter(result.grid.cells))
    kinds = (int, float, str)
    return {
        **result.attributes(),
        "grid": {name: [v if isinstance(v, kinds) else str(v) for v in values] for name, values in grid.axes.items()},
        "fixed": {name: value if isinstance(value, kinds) else str(value) for name, value in grid.fixed.items()},
        "record": list(loop.record),
        "at": list(loop.at),
        "summary": summary,
    }
