"""The self-consuming training loop, batched over replications.

Replications are computed in blocks whose size is a function of the model alone; block b draws from
a generator keyed by the seed, by what is computed (model, schedule, n) and by b. So a run of 100
replications is the beginning of a run of 1000, and no two designs share their random numbers.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import SimulationError, whole
from sim.models.model import Array, Metric, Model, World
from sim.schedules import Schedule

if TYPE_CHECKING:
    from xarray import Dataset


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A checked loop: what is run and what is kept of it."""

    model: Model
    schedule: Schedule
    n: int
    seed: int
    metrics: Mapping[str, Metric]
    at: tuple[int, ...]

    def generator(self, block: int) -> np.random.Generator:
        """Return the generator of one block."""
        key = b"\0".join((stable_bytes(self.model), stable_bytes(self.schedule), stable_bytes(self.n)))
        words = np.frombuffer(hashlib.sha256(key).digest()[:16], dtype="<u4").tolist()
        sequence = np.random.SeedSequence(self.seed, spawn_key=(*words, block))
        return np.random.Generator(np.random.SFC64(sequence))

    def generations(self, block: int) -> Iterator[dict[str, Array]]:
        """Run one block; yield its metrics, each of shape (block, ...), at every generation kept."""
        world = World(self.model, self.generator(block))
        sets = self.schedule.training_sets(world, self.n)
        followed = any(metric.needs_target for metric in self.metrics.values())
        targets = self.schedule.targets(world) if followed else None
        batch, target = next(sets), next(targets) if targets else None
        kept = frozenset(self.at)
        for i in range(1, self.at[-1] + 1):
            params = self.model.estimate(world.rng, batch)
            if i in kept:
                yield {name: metric.of(params, target) for name, metric in self.metrics.items()}
            if i < self.at[-1]:
                batch = sets.send(params)
                target = targets.send(params) if targets else None

    def curves(self, block: int) -> dict[str, Array]:
        """Run one block; return its metrics, each of shape (block, generations kept, ...)."""
        shape = (len(self.at), self.model.block)
        out = {name: np.empty(shape + metric.shape) for name, metric in self.metrics.items()}
        for row, values in enumerate(self.generations(block)):
            for name, value in values.items():
                out[name][row] = value
        return {name: np.moveaxis(array, 0, 1) for name, array in out.items()}


def blocks(
    model: Model,
    schedule: Schedule,
    *,
    n: int,
    generations: int,
    seed: int,
    record: Sequence[str] | None = None,
    at: Sequence[int] | None = None,
    first: int = 0,
) -> Iterator[dict[str, Array]]:
    """Return an endless iterator over blocks of replications, in order of replication.

    Parameters
    ----------
    model, schedule, n, generations, seed, record, at
        As for `simulate`; checked at once.
    first : int
        Index of the block to begin with; block b holds replications b·model.block and following.

    Yields
    ------
    dict of str to numpy.ndarray
        Metric name to array of shape (model.block, generations kept, ...).

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    design = design_of(model, schedule, n, generations, seed, record, at)
    return map(design.curves, count(whole("first", first, 0)))


def simulate(
    model: Model,
    schedule: Schedule,
    *,
    n: int,
    generations: int,
    replications: int,
    seed: int,
    record: Sequence[str] | None = None,
    at: Sequence[int] | None = None,
    summary: bool = False,
) -> Dataset:
    """Run a self-consuming training loop.

    Parameters
    ----------
    model : Model
        What is fitted and sampled.
    schedule : Schedule
        Who is trained on what.
    n : int
        Sample size of generation 1, at least `model.least`; later sizes follow from the schedule.
    generations : int
        How many generations, at least 1.
    replications : int
        How many independent loops, at least 1.
    seed : int
        Seed in [0, 2^63). The same arguments give the same numbers; more replications only add some.
    record : sequence of str, optional
        Metrics to record (see ``model.measures()``); by default all that are one number and that do
        not need the mixture Q.
    at : sequence of int, optional
        Generations to keep, increasing, in 1..generations; by default all.
    summary : bool
        Keep only means and variances over replications, without ever holding the curves.

    Returns
    -------
    xarray.Dataset
        One variable per metric with dimensions (replication, generation, ...). With `summary`,
        variables ``<metric>_mean`` and ``<metric>_variance`` (unbiased) with dimensions
        (generation, ...) and a scalar ``count``.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    design = design_of(model, schedule, n, generations, seed, record, at)
    replications = whole("replications", replications, 1)
    if summary:
        return _labelled_summary(design, replications)
    return _labelled_curves(design, replications)


def design_of(
    model: Model,
    schedule: Schedule,
    n: int,
    generations: int,
    seed: int,
    record: Sequence[str] | None,
    at: Sequence[int] | None,
) -> Design:
    """Return the arguments of `simulate` checked, or raise `SimulationError`."""
    n, generations, seed = whole("n", n, 1), whole("generations", generations, 1), whole("seed", seed, 0)
    if seed >= 2**63:
        raise SimulationError("seed", seed, "below 2^63")
    least = int(schedule.sizes(n, generations).min())
    if least < model.least:
        allowed = f"such that each training set of {model.label} has at least {model.least} points"
        raise SimulationError("n", n, allowed)
    offered = model.measures()
    names = [k for k, m in offered.items() if m.default] if record is None else record
    if isinstance(names, str) or not names or any(name not in offered for name in names):
        raise SimulationError("record", record, "names among " + ", ".join(offered))
    kept = tuple(range(1, generations + 1))
    if at is not None:
        kept = tuple(i for i in kept if i in at)
        if not kept or kept != tuple(at):
            raise SimulationError("at", at, f"increasing generations in 1..{generations}")
    metrics = {name: offered[name] for name in names}
    return Design(model=model, schedule=schedule, n=n, seed=seed, metrics=metrics, at=kept)


def stable_bytes(value: Any) -> bytes:
    """Bytes that name a value: the same in every process, and for equal values."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    if isinstance(value, tuple | list):
        return b"(" + b",".join(map(stable_bytes, value)) + b")"
    if dataclasses.is_dataclass(value):
        parts = [stable_bytes(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare]
        return type(value).__qualname__.encode() + b"(" + b",".join(parts) + b")"
    return repr(value).encode()


def _labelled_curves(design: Design, replications: int) -> Dataset:
    size = design.model.block
    shape = (replications, len(design.at))
    out = {name: np.empty(shape + metric.shape) for name, metric in design.metrics.items()}
    for start in range(0, replications, size):
        for name, array in design.curves(start // size).items():
            out[name][start : start + size] = array[: replications - start]
    return labelled(design, out, replications)


def labelled(design: Design, curves: Mapping[str, Array], replications: int) -> Dataset:
    """Return the metrics of so many loops with names, units and what they were made of."""
    variables = {
        name: (
            ("replication", "generation", *metric.dims),
            curves[name],
            {"units": metric.units, "long_name": metric.long_name},
        )
        for name, metric in design.metrics.items()
    }
    return _dataset(design, variables, replications)


def _labelled_summary(design: Design, replications: int) -> Dataset:
    shape = (len(design.at),)
    mean = {name: np.zeros(shape + metric.shape) for name, metric in design.metrics.items()}
    spread = {name: np.zeros_like(array) for name, array in mean.items()}
    for start in range(0, replications, design.model.block):
        fresh = min(design.model.block, replications - start)
        for row, values in enumerate(design.generations(start // design.model.block)):
            for name, value in values.items():
                centre = value[:fresh].mean(axis=0)
                gap = centre - mean[name][row]
                spread[name][row] += ((value[:fresh] - centre) ** 2).sum(axis=0)
                spread[name][row] += gap * gap * (start * fresh / (start + fresh))
                mean[name][row] += gap * (fresh / (start + fresh))
    variables: dict[str, Any] = {"count": ((), replications, {"units": "1", "long_name": "replications"})}
    for name, metric in design.metrics.items():
        dims, units = ("generation", *metric.dims), metric.units
        average = {"units": units, "long_name": f"mean of {metric.long_name}"}
        variance = {"units": f"({units})^2", "long_name": f"variance of {metric.long_name}"}
        free = replications - 1 or np.nan  # the variance of one replication is unknown
        variables[f"{name}_mean"] = (dims, mean[name], average)
        variables[f"{name}_variance"] = (dims, spread[name] / free, variance)
    return _dataset(design, variables, replications)


def _dataset(design: Design, variables: Mapping[str, Any], replications: int) -> Dataset:
    import xarray

    attributes = {
        "model": design.model.label,
        "schedule": str(design.schedule),
        "n": design.n,
        "seed": design.seed,
        "replications": replications,
        "versions": f"numpy {np.__version__}, xarray {xarray.__version__}",
    }
    generation = ("generation", np.asarray(design.at), {"units": "1", "long_name": "generation"})
    return xarray.Dataset(variables, coords={"generation": generation}, attrs=attributes)
