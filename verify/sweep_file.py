"""Sweeps written down in TOML files.

::

    generations = 50
    replications = 2000
    seed = 0
    record = ["tv"]         # optional, as at and summary

    [model]
    kind = "discrete"       # and parameters that are the same everywhere, such as p or a file

    [grid]                  # one value, or several: then it is an axis
    n = "100:1000:100"
    K = [10, 100]
    schedule = ["fresh", "stratified"]
    alpha = [0.1, 0.5]

Text is read, never run.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import sim

from .grammar import GrammarError, Infinity, Matrix, Values, parse_value

_NEEDED = ("generations", "replications", "seed")
_OPTIONAL = ("record", "at", "summary")


class SweepFileError(ValueError):
    """A file that does not describe a sweep; the message says where, what it has, and what is allowed."""


def read_sweep(path: Path) -> dict[str, Any]:
    """Return the arguments of `sim.sweep` that a file gives.

    Parameters
    ----------
    path : Path
        A TOML file; names of data files in it are relative to its folder.

    Returns
    -------
    dict of str to object

    Raises
    ------
    SweepFileError
        If it cannot be read, lacks something, or has what is not known.
    """
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise SweepFileError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SweepFileError(f"{path}: not TOML: {error}") from error
    try:
        _check_names(content, "", (*_NEEDED, "model", "grid"), _OPTIONAL)
        found = {name: content[name] for name in (*_NEEDED, *_OPTIONAL) if name in content}
        if not isinstance(found.get("summary", False), bool):
            raise SweepFileError(f"summary = {found['summary']!r}: allowed: true or false")
        tables = {name: _table(content, name) for name in ("model", "grid")}
        grid = {name: _values(name, value) for name, value in tables["grid"].items()}
        return {"model": _model(tables["model"], grid, path.parent), "grid": grid, **found}
    except SweepFileError as error:
        raise SweepFileError(f"{path}: {error}") from None


def _check_names(table: Mapping[str, Any], where: str, needed: Sequence[str], optional: Sequence[str]) -> None:
    allowed = (*needed, *optional)
    for name in table:
        if name not in allowed:
            raise SweepFileError(f"{where}{name} is not known: allowed: {', '.join(allowed)}")
    if missing := [name for name in needed if name not in table]:
        raise SweepFileError(f"{where}{', '.join(missing)} missing")


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = content[name]
    if not isinstance(table, dict):
        raise SweepFileError(f"{name} = {table!r}: allowed: a table [{name}]")
    return table


def _values(name: str, value: Any) -> Any:
    """Return a value or a list; text is a schedule, or numbers as on the command line."""
    if name == "schedule" or not isinstance(value, str):
        return value
    try:
        parsed = parse_value(value)
    except GrammarError as error:
        raise SweepFileError(f"grid.{name} = {value!r}: {error}") from None
    if isinstance(parsed, Infinity | Matrix):
        raise SweepFileError(f"grid.{name} = {value!r}: allowed: numbers")
    numbers = [
        x if isinstance(x, int) else float(x) for x in (parsed.numbers if isinstance(parsed, Values) else [parsed])
    ]
    return numbers if isinstance(parsed, Values) else numbers[0]


def _discrete(K: int) -> sim.Discrete:
    """K atoms of equal weight."""
    if not isinstance(K, int) or isinstance(K, bool) or K < 1:
        raise sim.SimulationError("K", K, "a whole number >= 1")
    return sim.Discrete(np.full(K, 1 / K))


def _normal_kde(h: float, mean: float = 0.0, sigma: float = 1.0, exponent: float = 0.0, block: int = 16) -> sim.KDE:
    """Kernel estimates of a normal density."""
    return sim.KDE(sim.NormalDensity(mean, sigma), h, block=block, exponent=exponent)


def _torus_kde(
    h: float, c: float = 0.5, d: int = 1, exponent: float = 0.0, block: int = 16, pairs: int = 64
) -> sim.KDE:
    """Kernel estimates of a product of cosine densities."""
    return sim.KDE(sim.CosineTorus(c, d), h, block=block, pairs=pairs, exponent=exponent)


KINDS: dict[str, Callable[..., Any]] = {
    "discrete": _discrete,
    "gaussian": sim.Gaussian,
    "gaussian-mean": sim.GaussianMean,
    "kde": _normal_kde,
    "kde-torus": _torus_kde,
}


def _model(table: Mapping[str, Any], grid: Mapping[str, Any], folder: Path) -> Any:
    """Return a model, or a function of what the grid gives of its parameters."""
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise SweepFileError(f"model.kind = {kind!r}: allowed: {', '.join(KINDS)}")
    given = {name: value for name, value in table.items() if name != "kind"}
    if kind == "discrete" and given.keys() & {"p", "data"}:
        return _given_discrete(given, folder)
    allowed = tuple(inspect.signature(KINDS[kind]).parameters)
    _check_names(given, "model.", (), allowed)
    if twice := given.keys() & grid.keys():
        raise SweepFileError(f"{min(twice)} is in [model] and in [grid]")
    return partial(KINDS[kind], **given)


def _given_discrete(given: Mapping[str, Any], folder: Path) -> sim.Discrete:
    """Return the model of a vector p, or of the distinct values in a file."""
    try:
        if "p" in given:
            _check_names(given, "model.", ("p",), ())
            return sim.Discrete(given["p"])
        _check_names(given, "model.", ("data",), ("column",))
        return sim.Discrete(sim.load(folder / str(given["data"]), given.get("column")).p)
    except (ValueError, TypeError) as error:
        raise SweepFileError(f"[model]: {error}") from error
