"""Results of sweeps: filled block by block, in any order, and labelled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError
from sim.grids import Grid, Loop, code_version
from sim.schedules import Schedule
from sim.tasks import Arrays, Block

if TYPE_CHECKING:
    from xarray import Dataset


class Gathering(ABC):
    """What a sweep is to yield: which blocks it needs, and what becomes of them."""

    def __init__(self, grid: Grid, replications: int) -> None:
        self.grid, self.replications = grid, replications
        self.metrics = next(iter(grid.cells)).design.metrics
        self.at = next(iter(grid.cells)).at
        taken = {*self.names(), *(dim for metric in self.metrics.values() for dim in metric.dims)}
        for name in (*grid.axes, *grid.fixed):
            if name in taken:
                raise SimulationError("grid", name, "names that are not recorded too; `record` can leave it out")

    @property
    def total(self) -> int:
        """Number of blocks."""
        return sum(-(-self.replications // loop.model.block) for loop in self.grid.cells)

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks needed."""
        for loop in self.grid.cells:
            for start in range(0, self.replications, loop.model.block):
                yield self.block(loop, start)

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the variables."""

    @abstractmethod
    def block(self, loop: Loop, start: int) -> Block:
        """Return the block that begins with replication `start`."""

    @abstractmethod
    def add(self, block: Block, arrays: Arrays) -> None:
        """Take in what was computed."""

    @abstractmethod
    def variables(self) -> dict[str, Any]:
        """Return the variables, with dimensions and attributes."""

    def dataset(self) -> Dataset:
        """Return the result, NaN where blocks are missing."""
        import xarray

        coords: dict[str, Any] = {name: (name, [_coordinate(v) for v in axis]) for name, axis in self.grid.axes.items()}
        coords |= {name: ((), _coordinate(value)) for name, value in self.grid.fixed.items()}
        coords["generation"] = ("generation", np.asarray(self.at), {"units": "1", "long_name": "generation"})
        return xarray.Dataset(self.variables(), coords=coords, attrs=self.attributes())

    def attributes(self) -> dict[str, Any]:
        """Return what was done, as plain data."""
        loops = tuple(self.grid.cells)
        return {
            "model": "; ".join(dict.fromkeys(loop.model.label for loop in loops)),
            "seed": loops[0].seed,
            "replications": self.replications,
            "versions": code_version(),
        }

    def empty(self, *lead: int) -> dict[str, NDArray[np.float64]]:
        """Return arrays of NaN: the grid, `lead`, generations, and the metric's own axes."""
        shape = (*self.grid.shape, *lead, len(self.at))
        return {name: np.full(shape + metric.shape, np.nan) for name, metric in self.metrics.items()}


class Curves(Gathering):
    """All replications."""

    def __init__(self, grid: Grid, replications: int) -> None:
        super().__init__(grid, replications)
        self.out = self.empty(replications)

    def names(self) -> list[str]:
        """Return the metrics."""
        return list(self.metrics)

    def block(self, loop: Loop, start: int) -> Block:
        """Return a whole block, even if it ends after the last replication: more may be asked for later."""
        return Block(loop, start // loop.model.block)

    def add(self, block: Block, arrays: Arrays) -> None:
        """Put replications in their places."""
        start = block.index * block.loop.model.block
        for name, array in arrays.items():
            rows = np.moveaxis(array, 1, 0)[: self.replications - start]
            for cell in self.grid.cells[block.loop]:
                self.out[name][cell][start : start + len(rows)] = rows

    def variables(self) -> dict[str, Any]:
        """Return the metrics."""
        dims = (*self.grid.axes, "replication", "generation")
        return {
            name: ((*dims, *metric.dims), self.out[name], {"units": metric.units, "long_name": metric.long_name})
            for name, metric in self.metrics.items()
        }


class Summaries(Gathering):
    """Means and variances over replications."""

    def __init__(self, grid: Grid, replications: int) -> None:
        super().__init__(grid, replications)
        self.mean, self.variance = self.empty(), self.empty()
        self.early: dict[Loop, dict[int, Arrays]] = {}
        self.merged: dict[Loop, tuple[int, Arrays]] = {}

    def names(self) -> list[str]:
        """Return mean and variance of each metric."""
        return [f"{name}_{kind}" for name in self.metrics for kind in ("mean", "variance")]

    def block(self, loop: Loop, start: int) -> Block:
        """Return a block cut at the last replication."""
        return Block(loop, start // loop.model.block, min(loop.model.block, self.replications - start))

    def add(self, block: Block, arrays: Arrays) -> None:
        """Merge the blocks of a loop in their order, which makes the same rounding errors every time."""
        early = self.early.setdefault(block.loop, {})
        early[block.index] = arrays
        start, total = self.merged.get(block.loop, (0, {}))
        size = block.loop.model.block
        while (index := -(-start // size)) in early:
            count = min(size, self.replications - start)
            total = merged(total, start, early.pop(index), count)
            start += count
        self.merged[block.loop] = start, total
        if start == self.replications:
            del self.early[block.loop], self.merged[block.loop]
            self._finish(block.loop, total)

    def _finish(self, loop: Loop, total: Arrays) -> None:
        free = self.replications - 1 or np.nan  # the variance of one replication is unknown
        for cell in self.grid.cells[loop]:
            for name, array in total.items():
                self.mean[name][cell] = array[:, 0]
                self.variance[name][cell] = array[:, 1] / free

    def variables(self) -> dict[str, Any]:
        """Return mean and variance of each metric, and the count."""
        out: dict[str, Any] = {"count": ((), self.replications, {"units": "1", "long_name": "replications"})}
        for name, metric in self.metrics.items():
            dims, units = (*self.grid.axes, "generation", *metric.dims), metric.units
            average = {"units": units, "long_name": f"mean of {metric.long_name}"}
            variance = {"units": f"({units})^2", "long_name": f"variance of {metric.long_name}"}
            out[f"{name}_mean"] = (dims, self.mean[name], average)
            out[f"{name}_variance"] = (dims, self.variance[name], variance)
        return out


def merged(total: Arrays, start: int, block: Arrays, count: int) -> Arrays:
    """Merge means and sums of squared deviations of `start` replications with those of `count` further ones."""
    out = {}
    for name, fresh in block.items():
        both = total[name].copy() if start else np.zeros_like(fresh)
        gap = fresh[:, 0] - both[:, 0]
        both[:, 1] += fresh[:, 1]
        both[:, 1] += gap * gap * (start * count / (start + count))
        both[:, 0] += gap * (count / (start + count))
        out[name] = both
    return out


def _coordinate(value: Any) -> int | float | str:
    return str(value) if isinstance(value, Schedule) else value
