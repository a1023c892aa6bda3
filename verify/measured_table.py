"""Tables of measured numbers: columns, points, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bounds import Kind, Mode, ParameterError, Result, Structure

from .case import Array

MEASURED = ("value", "standard_error", "replications", "run")
"""Names of columns that are not parameters."""


class MeasuredError(ValueError):
    """Numbers that cannot be compared with a result.

    Attributes
    ----------
    name : column or argument
    row : place of the first wrong number, from 0; -1: none in particular
    """

    def __init__(self, name: str, row: int, value: object, allowed: str) -> None:
        self.name, self.row = name, row
        place = f"{name}[{row}]" if row >= 0 else name
        super().__init__(f"{place} = {value}: allowed: {allowed}")


class MeasuredTable:
    """The rows, their points, and the bound at every row."""

    def __init__(self, result: Result, columns: Mapping[str, ArrayLike], fixed: dict[str, Any], upper: float) -> None:
        self.result, self.upper = result, upper
        self.measured = {name: _numbers(name, columns[name]) for name in MEASURED if name in columns}
        scalars = {name: _numbers(name, columns[name]) for name in columns if name not in MEASURED}
        self._check(scalars, fixed)
        self.value = self.measured["value"]
        vectors = {p.name for p in result.params if p.structure is not Structure.SCALAR}
        known = {name: np.full(self.value.shape, value) for name, value in fixed.items() if name not in vectors}
        self.scalars = {name: {**scalars, **known}[name] for name in result.names if name not in vectors}
        arguments = {**self.scalars, **{name: value for name, value in fixed.items() if name in vectors}}
        self.bound = np.broadcast_to(np.asarray(result(**arguments), dtype=float), self.value.shape)
        rows = np.stack([*self.scalars.values(), np.zeros_like(self.value)], axis=1)
        _, self.first, self.point = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        self.point = self.point.reshape(-1)
        self.repeated = self.first.size < self.value.size

    def _check(self, scalars: Mapping[str, Array], fixed: Mapping[str, Any]) -> None:
        names = self.result.names
        twice = sorted(set(scalars) & set(fixed))
        if twice:
            raise MeasuredError(twice[0], -1, fixed[twice[0]], "a column or a fixed value, not both")
        given = {*scalars, *fixed}
        missing, extra = tuple(n for n in names if n not in given), tuple(n for n in given if n not in names)
        if missing or extra:
            raise ParameterError(self.result.key, missing, extra, names)
        vectors = [p.name for p in self.result.params if p.structure is not Structure.SCALAR and p.name in scalars]
        if vectors:
            raise MeasuredError(vectors[0], -1, "a column", "a vector, the same for every row (fixed)")
        if "value" not in self.measured:
            raise MeasuredError("value", -1, "missing", "a column of measured numbers")
        for name, column in {**scalars, **self.measured}.items():
            if column.shape != self.measured["value"].shape:
                raise MeasuredError(name, -1, f"{column.size} numbers", f"{self.measured['value'].size}, as of value")
        self._check_ranges()

    def _check_ranges(self) -> None:
        high = self.result.mode is Mode.HIGH_PROBABILITY
        for name in set(self.measured) - {"value"}:
            if (name == "run") != high or self.result.mode is Mode.SURE:
                raise MeasuredError(name, -1, "a column", f"no such column for a result of mode {self.result.mode}")
        ranges = {"standard_error": (0.0, math.inf, "a number > 0; leave the column out if the values are exact")}
        ranges["replications"] = (1.0, math.inf, "an integer >= 2")
        ranges["value"] = (-math.inf, self.upper, f"at most upper = {self.upper:g}")
        for name, (low, most, allowed) in ranges.items():
            column = self.measured.get(name, np.empty(0))
            fits = (column > low) & (column <= most)
            fits &= (name != "replications") | (np.rint(column) == column)
            if name == "value" and math.isfinite(self.upper):
                fits &= column >= 0
                allowed = f"a number in [0, upper = {self.upper:g}]"
            if not fits.all():
                row = int(np.argmin(fits))
                raise MeasuredError(name, row, f"{column[row]:.17g}", allowed)

    def at(self, rows: NDArray[np.intp]) -> dict[str, Any]:
        """Return what a curve says of these rows, one a point, besides what was measured."""
        bound = np.array(self.bound[rows])
        upper = self.result.kind is Kind.UPPER
        vacuous = bound >= self.upper if upper else (bound <= 0) & math.isfinite(self.upper)
        return {
            "label": "measured",
            "parameters": {name: column[rows] for name, column in self.scalars.items()},
            "bound": bound,
            "vacuous": vacuous if self.result.kind is not Kind.EQUALITY else np.zeros(bound.shape, dtype=bool),
        }


def _numbers(name: str, column: ArrayLike) -> Array:
    try:
        numbers = np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        raise MeasuredError(name, -1, type(column).__name__, "a column of numbers") from None
    if numbers.ndim != 1 or numbers.size == 0:
        raise MeasuredError(name, -1, f"an array of shape {numbers.shape}", "a column with at least one number")
    if not np.isfinite(numbers).all():
        row = int(np.argmin(np.isfinite(numbers)))
        raise MeasuredError(name, row, str(numbers[row]), "a finite number")
    return numbers


__all__ = ["MEASURED", "MeasuredError", "MeasuredTable"]
