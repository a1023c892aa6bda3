"""Real data as the real distribution P: a column of a table, or the tokens of a text, as a population."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os import fspath
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from sim.tables import (
    TABLES,
    AnyPath,
    DataError,
    Values,
    read_table,
    read_tokens,
    shortened,
    table_column,
    text_tokens,
)

__all__ = [
    "DataError",
    "DiscretePopulation",
    "GaussianPopulation",
    "Population",
    "discrete_population",
    "gaussian_population",
    "load",
    "read_table",
    "read_tokens",
]

Array = NDArray[np.float64]
Kind: TypeAlias = Literal["discrete", "gaussian"]


@dataclass(frozen=True, eq=False, kw_only=True)
class DiscretePopulation:
    """Empirical distribution of K distinct values.

    Attributes
    ----------
    p : (K,) frequencies, each > 0, sum 1
    labels : the K distinct values, sorted; compared as exact strings, so "1", "1.0" and " 1" are three labels
    rows : number of values
    source : where they came from
    """

    kind: ClassVar[Literal["discrete"]] = "discrete"
    p: Array
    labels: tuple[str, ...]
    rows: int
    source: str


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianPopulation:
    """Normal distribution with the moments of the values.

    Attributes
    ----------
    mean : average of the values
    sigma : standard deviation with denominator rows - 1, > 0
    rows : number of values
    source : where they came from
    """

    kind: ClassVar[Literal["gaussian"]] = "gaussian"
    mean: float
    sigma: float
    rows: int
    source: str


Population: TypeAlias = DiscretePopulation | GaussianPopulation


def discrete_population(values: Sequence[str], source: str = "values") -> DiscretePopulation:
    """Return the empirical distribution of the strings.

    Raises
    ------
    DataError
        For fewer than two distinct values, an empty one, or NaN or infinity among numbers.
    """
    return _discrete(Values(values, source))


def gaussian_population(values: Sequence[str], source: str = "values") -> GaussianPopulation:
    """Return the normal distribution with the mean and sigma (denominator rows - 1) of the numbers.

    Raises
    ------
    DataError
        For a value that is not a finite number, fewer than two values, or sigma = 0.
    """
    return _gaussian(Values(values, source))


@overload
def load(path: AnyPath, column: str | None = None, kind: Literal["discrete"] = "discrete") -> DiscretePopulation: ...
@overload
def load(path: AnyPath, column: str | None = None, *, kind: Literal["gaussian"]) -> GaussianPopulation: ...
@overload
def load(path: AnyPath, column: str | None, kind: Literal["gaussian"]) -> GaussianPopulation: ...
@overload
def load(path: AnyPath, column: str | None = None, kind: Kind = ...) -> Population: ...
def load(path: AnyPath, column: str | None = None, kind: Kind = "discrete") -> Population:
    """Return the population of a file: a column of a table (.csv, .tsv, .tab), or the tokens of another file.

    Parameters
    ----------
    path
        The file.
    column
        Column of a table; may be left out if there is only one.
    kind
        "discrete": frequencies of the distinct strings. "gaussian": mean and sigma of the numbers.

    Raises
    ------
    DataError
        For data that cannot be used: see the functions of this module.
    ValueError
        For another kind.
    """
    if kind not in ("discrete", "gaussian"):
        raise ValueError(f"kind must be 'discrete' or 'gaussian'; got {kind!r}")
    table = Path(path).suffix.lower() in TABLES
    if column is not None and not table:
        reason = f"a text file has no column {column!r} (tables end in {', '.join(TABLES)})"
        raise DataError(fspath(path), 0, "", reason)
    values = table_column(path, column) if table else text_tokens(path)
    return _discrete(values) if kind == "discrete" else _gaussian(values)


def _discrete(data: Values) -> DiscretePopulation:
    counts = Counter(data.values)
    labels = sorted(counts)
    bad = [label for label in labels if not label.strip()] or _missing_numbers(labels)
    if bad:
        k = min(data.values.index(label) for label in bad)
        text = data.values[k]
        raise data.error(k, f"{text!r} is not a finite number" if text.strip() else "empty cell")
    if len(labels) < 2:
        got = f"all {len(data.values)} values are {shortened(labels[0])}" if labels else "there is no value"
        raise DataError(data.path, 0, data.column, f"at least 2 distinct values are needed; {got}")
    p = np.array([counts[label] for label in labels]) / len(data.values)
    p.setflags(write=False)
    return DiscretePopulation(p=p, labels=tuple(labels), rows=len(data.values), source=data.source)


def _missing_numbers(labels: Sequence[str]) -> list[str]:
    """NaN and infinities among numbers; in a column of words "nan" and "inf" are words."""
    try:
        numbers = [float(label) for label in labels]
    except ValueError:
        return []
    return [label for label, x in zip(labels, numbers, strict=True) if not math.isfinite(x)]


def _gaussian(data: Values) -> GaussianPopulation:
    x = finite_numbers(data)
    if x.size < 2:
        raise DataError(data.path, 0, data.column, f"at least 2 numbers are needed for sigma; got {x.size}")
    # Scaled by a power of 2, which is exact, so that squares neither overflow nor vanish.
    scale = math.ldexp(1.0, math.frexp(float(np.abs(x).max()))[1] - 1)
    mean, sigma = float(np.mean(x / scale)) * scale, float(np.std(x / scale, ddof=1)) * scale
    if not math.isfinite(sigma):
        raise DataError(data.path, 0, data.column, "the spread of the numbers is too large for floating point")
    if x.min() == x.max() or sigma == 0:
        raise DataError(data.path, 0, data.column, f"all {x.size} numbers are {x[0]!s}: sigma = 0")
    return GaussianPopulation(mean=mean, sigma=sigma, rows=x.size, source=data.source)


def finite_numbers(data: Values) -> Array:
    """All values as finite floats; the first that is not one raises."""
    try:
        x = np.array([float(text) for text in data.values])
    except ValueError:
        k = next(k for k, text in enumerate(data.values) if not _is_number(text))
        reason = f"{shortened(data.values[k])} is not a number" if data.values[k].strip() else "empty cell"
        raise data.error(k, reason) from None
    bad = np.flatnonzero(~np.isfinite(x))
    grouped = [k for k, text in enumerate(data.values) if "_" in text]  # float("1_000") is 1000
    if bad.size or grouped:
        k = min(int(k) for k in [*bad[:1], *grouped[:1]])
        raise data.error(k, f"{shortened(data.values[k])} is not a finite number")
    return x


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
