"""Grids of loops: the model, schedule and n at every point, checked before anything runs."""

from __future__ import annotations

import hashlib
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sim.errors import SimulationError
from sim.loop import Design, design_of, stable_bytes
from sim.models.model import Model
from sim.schedules import SCHEDULES, Schedule
from sim.schedules import schedule as schedule_of

Cell: TypeAlias = tuple[int, ...]
Value: TypeAlias = Any  # a number, text or a schedule
Point: TypeAlias = Mapping[str, Value]
ModelOf: TypeAlias = Model | Callable[..., Model]

_TAKEN = ("i", "generation", "generations", "replication", "replications", "seed")
_KINDS = (int, float, str, Schedule)


@dataclass(frozen=True, kw_only=True)
class Loop:
    """All that determines the numbers of a loop, to be sent to where they are computed.

    Loops are equal if their digests are; these cover everything else, and the code that computes.
    """

    model: Model = field(compare=False)
    schedule: Schedule = field(compare=False)
    n: int = field(compare=False)
    seed: int = field(compare=False)
    record: tuple[str, ...] = field(compare=False)
    at: tuple[int, ...] = field(compare=False)
    digest: str

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.model.label}, {self.schedule}, n={self.n}"

    @cached_property
    def design(self) -> Design:
        """The loop, ready to run."""
        return design_of(self.model, self.schedule, self.n, self.at[-1], self.seed, self.record, self.at)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "design"}


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Axes with their values, parameters that are the same everywhere, and the loops with their cells.

    Cells where nothing differs that a loop depends on, as for alpha under replace, share one loop.
    """

    axes: Mapping[str, tuple[Value, ...]]
    fixed: Point
    cells: Mapping[Loop, tuple[Cell, ...]]

    @property
    def shape(self) -> Cell:
        """Number of values on every axis."""
        return tuple(map(len, self.axes.values()))


@lru_cache
def code_version() -> str:
    """Return what numbers depend on beside parameters: versions, and the sources of this package."""
    root, sources = Path(__file__).parent, hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in (".py", ".npz")):
        sources.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    versions = ", ".join(f"{name} {version(name)}" for name in ("loopbound", "numpy", "scipy"))
    return f"{versions}, sources {sources.hexdigest()[:16]}"


def expand(
    model: ModelOf,
    grid: Mapping[str, Any],
    generations: int,
    seed: int,
    record: Sequence[str] | None,
    at: Sequence[int] | None,
) -> Grid:
    """Return the loops of a grid; see `sweep` for the arguments.

    Raises
    ------
    SimulationError
        If a name or a value is not allowed, or the loop of a point is not: the error then names the point.
    """
    values = {name: _values(name, given) for name, given in grid.items()}
    axes = {name: found for name, found in values.items() if isinstance(found, tuple)}
    fixed = {name: found for name, found in values.items() if not isinstance(found, tuple)}
    for name in ("n", "schedule"):
        if name not in values:
            raise SimulationError(name, None, "given, or in the grid")
    maker = _Maker(model, values)
    built, used = {}, {"n", "schedule", *maker.names}
    for cell, point in _points(values):
        with _naming(point):
            built[cell] = maker.model(point), _schedule(point, used), point["n"]
    if unused := set(values) - used:
        raise SimulationError("grid", min(unused), "n, schedule, and parameters of the model or of a schedule")
    names = _offered_everywhere(built[cell][0] for cell in built) if record is None else record
    cells: dict[Loop, list[Cell]] = {}
    for cell, point in _points(values):
        with _naming(point):
            loop = _loop(design_of(*built[cell], generations, seed, names, at))
        cells.setdefault(loop, []).append(cell)
    _check_shapes(cells)
    return Grid(axes=axes, fixed=fixed, cells={loop: tuple(found) for loop, found in cells.items()})


def _points(values: Mapping[str, Value | tuple[Value, ...]]) -> Iterator[tuple[Cell, Point]]:
    """Yield where every point lies on the axes, and its parameters."""
    axes = [(name, found) for name, found in values.items() if isinstance(found, tuple)]
    for cell in itertools.product(*(range(len(found)) for _, found in axes)):
        yield cell, {**values, **{name: found[k] for (name, found), k in zip(axes, cell, strict=True)}}


def _values(name: str, given: Any) -> Value | tuple[Value, ...]:
    """Return one value, which is then no axis, or all values of an axis."""
    if not isinstance(name, str) or not name.isidentifier() or name in _TAKEN:
        raise SimulationError("grid", name, f"names of parameters, and none of {', '.join(_TAKEN)}")
    plain = given.tolist() if isinstance(given, np.ndarray | np.generic) else given
    if isinstance(plain, _KINDS):
        return plain
    values = tuple(v.item() if isinstance(v, np.generic) else v for v in plain) if np.iterable(plain) else ()
    known = all(isinstance(value, _KINDS) for value in values)
    if not values or not known or len(set(map(str, values))) < len(values):
        raise SimulationError(f"grid[{name!r}]", given, "a value, or several without repetition: numbers or names")
    return values


@contextmanager
def _naming(point: Point) -> Iterator[None]:
    """Have errors name the point of the grid."""
    place = ", ".join(f"{name}={value}" for name, value in point.items())
    try:
        yield
    except SimulationError as error:
        raise SimulationError(f"at {place}: {error.argument}", error.value, error.allowed) from error
    except Exception as error:  # of a function that makes models
        error.add_note(f"at {place}")
        raise


class _Maker:
    """Makes models of points; one for all points with the same parameters."""

    def __init__(self, model: ModelOf, values: Mapping[str, Any]) -> None:
        self.make: Callable[..., Model] | None = None
        self.names: tuple[str, ...] = ()
        self.made: dict[tuple[Value, ...], Model] = {}
        if _is_model(model):
            self.made[()] = model  # type: ignore[assignment]
            return
        if not callable(model):
            raise SimulationError("model", model, "a model, or a function of grid parameters that returns one")
        self.make, parameters = model, inspect.signature(model).parameters.values()
        self.names = tuple(p.name for p in parameters if p.name in values)
        missing = [p.name for p in parameters if p.default is p.empty and p.name not in values]
        if missing:
            raise SimulationError("grid", ", ".join(values), f"with {', '.join(missing)}, which the model depends on")

    def model(self, point: Point) -> Model:
        """Return the model at a point."""
        chosen = tuple(point[name] for name in self.names)
        if chosen not in self.made and self.make is not None:
            model = self.make(**dict(zip(self.names, chosen, strict=True)))
            if not _is_model(model):
                raise SimulationError("model", model, "a function that returns a model")
            self.made[chosen] = model
        return self.made[chosen]


def _is_model(value: Any) -> bool:
    return hasattr(value, "estimate") and not isinstance(value, type)


def _schedule(point: Point, used: set[str]) -> Schedule:
    """Return the schedule at a point, and add to `used` what it takes from there."""
    asked = point["schedule"]
    if isinstance(asked, Schedule):
        return asked
    if asked not in SCHEDULES:
        raise SimulationError("schedule", asked, "a schedule, or one of " + ", ".join(SCHEDULES))
    names = {f.name for f in fields(SCHEDULES[asked])} & set(point) - {"n"}  # type: ignore[arg-type]
    used |= names
    return schedule_of(asked, **{name: point[name] for name in names})


def _offered_everywhere(models: Iterator[Model]) -> list[str]:
    """Return what every model records by default."""
    distinct = {id(model): model for model in models}.values()
    offers = [[name for name, metric in model.measures().items() if metric.default] for model in distinct]
    return [name for name in offers[0] if all(name in offer for offer in offers)]


def _loop(design: Design) -> Loop:
    """Return a checked loop as what is sent and stored."""
    record = tuple(design.metrics)
    parts = (code_version(), design.model, design.schedule, design.n, design.seed, record, design.at)
    digest = hashlib.sha256(b"\0".join(map(stable_bytes, parts))).hexdigest()
    return Loop(
        model=design.model,
        schedule=design.schedule,
        n=design.n,
        seed=design.seed,
        record=record,
        at=design.at,
        digest=digest,
    )


def _check_shapes(loops: Mapping[Loop, Any]) -> None:
    """A recorded array must have the same shape everywhere: it becomes one variable."""
    first, *others = loops
    for loop in others:
        for name, metric in loop.design.metrics.items():
            if metric.shape != first.design.metrics[name].shape:
                allowed = f"metrics of the same shape at all points, unlike {name} ({first.label}; {loop.label})"
                raise SimulationError("record", loop.record, allowed)
