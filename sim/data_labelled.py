"""A table of features and a target as the real distribution P of a learner in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import fspath

import numpy as np

from sim.data import finite_numbers
from sim.labelled_atoms import Array, LabelledAtoms
from sim.tables import AnyPath, DataError, Values, table_columns


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledPopulation:
    """Empirical distribution of the rows of a table; x = (raw − centre)/unit, and the target likewise.

    Attributes
    ----------
    atoms : the K distinct rows with their frequencies, features in the unit ball, target in [-1, 1]
    features, target : names of the columns
    centre, unit : (d,) what was subtracted from each feature, and what it was then divided by (0 and 1: nothing)
    target_centre, target_unit : the same of the target
    rows : number of rows
    source : where they came from
    """

    atoms: LabelledAtoms
    features: tuple[str, ...]
    target: str
    centre: Array
    unit: Array
    target_centre: float
    target_unit: float
    rows: int
    source: str


def load_labelled(
    path: AnyPath, target: str, features: Sequence[str] | None = None, *, scale: bool = False
) -> LabelledPopulation:
    """Return the rows of a .csv, .tsv or .tab file as labelled atoms, equal rows as one with its weight.

    Parameters
    ----------
    path
        The file, as for `read_table`; all columns used hold finite numbers.
    target
        Column of the labels.
    features
        Columns of the features, by default all others in the order of the file.
    scale
        Whether each feature is centred at its mean and divided by its standard deviation (denominator
        rows) times the norm of the longest row that results, and the target's range mapped to [-1, 1].
        Otherwise the numbers are taken as they are, and rows outside the unit ball are refused.

    Raises
    ------
    DataError
        For a file that is not such a table, a column that is missing, named twice or (if scaled)
        constant, fewer than two distinct rows, or (if not scaled) numbers outside what is allowed.
    """
    columns = _columns(path, target, features)
    raw = np.stack([finite_numbers(column) for column in columns], axis=1)
    distinct, counts = np.unique(raw, axis=0, return_counts=True)
    if len(distinct) < 2:
        raise DataError(fspath(path), 0, "", f"at least 2 distinct rows are needed; all {len(raw)} are equal")
    centre, unit = _scaled(raw, columns) if scale else _unscaled(raw, columns)
    points = (distinct - centre) / unit
    return LabelledPopulation(
        atoms=LabelledAtoms(points[:, :-1], points[:, -1], counts / len(raw)),
        features=tuple(column.column for column in columns[:-1]),
        target=target,
        centre=centre[:-1],
        unit=unit[:-1],
        target_centre=float(centre[-1]),
        target_unit=float(unit[-1]),
        rows=len(raw),
        source=f"{fspath(path)}, target {target!r}",
    )


def _columns(path: AnyPath, target: str, features: Sequence[str] | None) -> list[Values]:
    """The features' columns, then the target's."""
    if features is None:
        columns = table_columns(path)
        columns.sort(key=lambda column: column.column == target)  # stable: the target moves to the end
        if columns[-1].column != target:
            table_columns(path, [target])  # says which columns there are
    else:
        twice = [name for k, name in enumerate(features) if name in (target, *features[:k])]
        if twice:
            raise DataError(fspath(path), 0, twice[0], "named twice among the features and the target")
        columns = table_columns(path, [*features, target])
    if len(columns) < 2:
        raise DataError(fspath(path), 0, "", f"at least one feature is needed besides the target {target!r}")
    return columns


def _scaled(raw: Array, columns: Sequence[Values]) -> tuple[Array, Array]:
    """Centre and unit of each column."""
    for k, column in enumerate(columns):
        if raw[:, k].min() == raw[:, k].max():
            raise DataError(column.path, 0, column.column, f"all {len(raw)} numbers are {raw[0, k]!s}: no scale")
    with np.errstate(all="ignore"):
        centre, unit = raw.mean(axis=0), raw.std(axis=0)
        low, high = raw[:, -1].min(), raw[:, -1].max()
        centre[-1], unit[-1] = low / 2 + high / 2, high / 2 - low / 2
        points = (raw[:, :-1] - centre[:-1]) / unit[:-1]
        unit[:-1] *= np.sqrt((points**2).sum(axis=1).max())
    bad = np.flatnonzero(~(np.isfinite(centre) & np.isfinite(unit) & (unit > 0)))
    if bad.size:
        column = columns[int(bad[0])]
        raise DataError(column.path, 0, column.column, "the spread of the numbers does not fit floating point")
    return centre, unit


def _unscaled(raw: Array, columns: Sequence[Values]) -> tuple[Array, Array]:
    """Zeros and ones, unless a row is outside the unit ball or has a label outside [-1, 1]."""
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(raw[:, :-1], axis=1)
    far = np.flatnonzero(norms > 1)
    if far.size:
        k = int(far[0])
        place = columns[0].error(k, "")
        raise DataError(place.path, place.line, "", f"features of norm {norms[k]:.4g}, above 1: scale them")
    wide = np.flatnonzero(np.abs(raw[:, -1]) > 1)
    if wide.size:
        k = int(wide[0])
        raise columns[-1].error(k, f"label {raw[k, -1]:g} outside [-1, 1]: scale it")
    return np.zeros(len(columns)), np.ones(len(columns))
