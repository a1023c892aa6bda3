"""`loopbound eval`: words such as ``i=1:50`` to a table of values, without evaluating anybody's text."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from bounds import ParameterError, Result, Structure

Row = dict[str, Any]

_INTEGER = re.compile(r"[+-]?\d+")
_RANGE = re.compile(r"([+-]?\d+):([+-]?\d+)(?::(\d+))?")
_MOST_ROWS = 1_000_000
_EXACT = 2**53  # integers from here on are not all floating-point numbers


class AssignmentError(ValueError):
    """A word of the command line that is not NAME=VALUES.

    Attributes
    ----------
    word : str
    allowed : str
    """

    def __init__(self, word: str, allowed: str) -> None:
        self.word, self.allowed = word, allowed
        super().__init__(f"{word!r}: allowed: {allowed}")


def _number(word: str, text: str) -> int | float:
    try:
        if "_" in text:  # Python's digit separators are no notation for numbers
            raise ValueError
        number = float(text)
        return int(text) if _INTEGER.fullmatch(text.strip()) and abs(number) < _EXACT else number
    except ValueError:
        raise AssignmentError(word, "a number, a list such as 0,0.1,0.5 or a range such as 1:50") from None


def _values(word: str, text: str) -> list[int | float]:
    """Read a number, a comma separated list, or an inclusive range; lists may contain ranges."""
    values: list[int | float] = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if not found:
            values.append(_number(word, part))
            continue
        start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
        if step == 0 or stop < start:
            raise AssignmentError(
                word, "an inclusive range START:STOP or START:STOP:STEP with START <= STOP, STEP >= 1"
            )
        if (stop - start) // step >= _MOST_ROWS:
            raise AssignmentError(word, f"at most {_MOST_ROWS} values")
        values += range(start, stop + 1, step)
    return values


def parse(result: Result, assignments: Sequence[str], names: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """Return the values of these parameters, all by default, from ``NAME=VALUES``; a vector is a single value.

    Raises
    ------
    AssignmentError
        A word that cannot be read.
    bounds.ParameterError
        A parameter that is missing or unknown.
    """
    wanted = result.names if names is None else tuple(names)
    structures = {param.name: param.structure for param in result.params}
    parsed: dict[str, list[Any]] = {}
    for word in assignments:
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise AssignmentError(word, "NAME=VALUES")
        if name in parsed:
            raise AssignmentError(word, f"{name} once")
        structure = structures.get(name, Structure.SCALAR)
        if structure is Structure.MIXING:
            parsed[name] = [[_values(word, row) for row in text.split(";")]]
        elif structure is Structure.SCALAR:
            parsed[name] = _values(word, text)
        else:
            parsed[name] = [_values(word, text)]
    missing = tuple(name for name in wanted if name not in parsed)
    unexpected = tuple(name for name in parsed if name not in wanted)
    if missing or unexpected:
        raise ParameterError(result.key, missing, unexpected, wanted)
    return {name: parsed[name] for name in wanted}


def tabulate(result: Result, assignments: Sequence[str]) -> list[Row]:
    """Evaluate a result over all combinations of the values given.

    Parameters
    ----------
    result : Result
    assignments : sequence of str
        ``NAME=VALUES`` words.

    Returns
    -------
    list of dict
        One row per combination, the last parameter running fastest: every parameter by name, and ``value``.

    Raises
    ------
    AssignmentError
        A word that cannot be read.
    bounds.ParameterError, bounds.DomainError
        As for calling the result.
    """
    parsed = parse(result, assignments)
    if np.prod([float(len(values)) for values in parsed.values()]) > _MOST_ROWS:
        raise AssignmentError(" ".join(assignments), f"at most {_MOST_ROWS} combinations")
    arguments: dict[str, Any] = {}
    scalars = [param.name for param in result.params if param.structure is Structure.SCALAR]
    for name, values in parsed.items():
        if name in scalars:
            shape = [1] * len(scalars)
            shape[scalars.index(name)] = len(values)
            arguments[name] = np.array(values).reshape(shape)
        else:
            arguments[name] = values[0]
    shape = [len(parsed[name]) for name in scalars]
    numbers = np.broadcast_to(np.asarray(result(**arguments)), shape).ravel()
    combinations = itertools.product(*parsed.values())
    return [
        {**dict(zip(parsed, combination, strict=True)), "value": float(number)}
        for combination, number in zip(combinations, numbers, strict=True)
    ]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        rows = value if isinstance(value[0], list) else [value]
        return ";".join(",".join(repr(entry) for entry in row) for row in rows)
    return repr(value)


def render_rows(rows: Sequence[Row], form: str) -> str:
    """Return rows as text: ``table``, ``csv`` or ``json``; numbers in full double precision.

    Parameters
    ----------
    rows : sequence of dict
        At least one row, all with the same keys.
    form : {"table", "csv", "json"}

    Raises
    ------
    OverflowError
        A value beyond double precision, which JSON cannot express.
    """
    if form == "json":
        wrong = next((row for row in rows if not math.isfinite(row["value"])), None)
        if wrong is not None:
            raise OverflowError(f"value = {wrong['value']} cannot be written in JSON; use the table or --csv")
        return json.dumps(list(rows), indent=1, allow_nan=False) + "\n"
    cells = [[_cell(value) for value in row.values()] for row in rows]
    if form == "csv":
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([list(rows[0]), *cells])
        return buffer.getvalue()
    columns = list(zip(list(rows[0]), *cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "".join("  ".join(f"{c:>{w}}" for c, w in zip(line, widths, strict=True)) + "\n" for line in lines)
