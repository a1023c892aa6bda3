"""Numeric columns of a table as the real distribution P of a diffusion model: P is known by its points only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import fspath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.data import finite_numbers
from sim.densities import Space
from sim.tables import AnyPath, DataError, table_columns

Array = NDArray[np.float64]

_LEAST = 16  # rows held out, at least


@dataclass(frozen=True, eq=False, kw_only=True)
class PointCloud:
    """Rows of a table, each column centred and scaled to standard deviation 1: (raw − centre)/unit.

    Real data of a loop are drawn from the rows `seen`, with replacement; distances to P are
    estimated with the rows `held_out`, which nothing is trained on.

    Attributes
    ----------
    seen, held_out : (m, d) points, or (m,) for d = 1
    columns : names of the columns
    centre, unit : (d,) mean and standard deviation (denominator rows) of each column
    source : where they came from
    """

    space: ClassVar[Space] = "line"
    seen: Array
    held_out: Array
    columns: tuple[str, ...]
    centre: Array
    unit: Array
    source: str

    @property
    def d(self) -> int:
        """Dimension."""
        return len(self.columns)

    @property
    def label(self) -> str:
        """Source, and numbers of rows."""
        return f"point_cloud({self.source}, {len(self.seen)} rows seen, {len(self.held_out)} held out)"

    def sample(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> Array:
        """Return draws, with replacement, from the rows seen."""
        return np.asarray(self.seen[rng.integers(len(self.seen), size=shape)])


def load_points(
    path: AnyPath, columns: Sequence[str] | None = None, *, held_out: float = 0.5, seed: int = 0
) -> PointCloud:
    """Return the rows of a .csv, .tsv or .tab file as points.

    Parameters
    ----------
    path
        The file, as for `read_table`; all columns used hold finite numbers.
    columns
        Names, all different; by default all columns in the order of the file.
    held_out
        Share of the rows that is held out, chosen by `seed` and rounded to whole rows.
    seed
        Not negative.

    Raises
    ------
    DataError
        For a file that is not such a table, a column that is missing, named twice or constant, or fewer
        than 16 rows seen or held out.
    """
    if columns is not None and len(set(columns)) < len(columns):
        raise DataError(fspath(path), 0, "", f"columns named twice: {', '.join(columns)}")
    found = table_columns(path, columns)
    raw = np.stack([finite_numbers(column) for column in found], axis=1)
    for column, values in zip(found, raw.T, strict=True):
        if values.min() == values.max():
            raise DataError(column.path, 0, column.column, f"all {len(raw)} numbers are {values[0]!s}: no scale")
    with np.errstate(all="ignore"):
        centre, unit = raw.mean(axis=0), raw.std(axis=0)
        points = (raw - centre) / unit
    if not np.isfinite(points).all():
        raise DataError(fspath(path), 0, "", "the spread of the numbers does not fit floating point")
    kept = round((1 - held_out) * len(points))
    if not _LEAST <= kept <= len(points) - _LEAST:
        reason = f"at least {_LEAST} rows are needed on either side; got {len(points)} rows, {kept} of them seen"
        raise DataError(fspath(path), 0, "", reason)
    points = np.random.Generator(np.random.SFC64(seed)).permutation(points)
    points = points[:, 0] if points.shape[1] == 1 else points
    return PointCloud(
        seen=points[:kept],
        held_out=points[kept:],
        columns=tuple(column.column for column in found),
        centre=centre,
        unit=unit,
        source=fspath(path),
    )
