"""Columns of tables and tokens of texts, as strings that remember where they came from.

Files are read whole and checked strictly: one that is not quite a table raises one clear line, never a guess.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TypeAlias

import numpy as np

AnyPath: TypeAlias = str | PathLike[str]

TABLES = (".csv", ".tsv", ".tab")
_DELIMITERS = ",;\t|"
_SHOWN = 30  # names listed in a message, and characters of a cell shown


class DataError(ValueError):
    """Data that cannot be used, said in one line.

    Attributes
    ----------
    path : file, or where the values came from
    line : line of the file, from 1; of values that came without a file their place; 0: none in particular
    column : name of the column; "": none in particular
    reason : what is wrong
    """

    def __init__(self, path: str, line: int, column: str, reason: str) -> None:
        super().__init__(path, line, column, reason)
        self.path = path
        self.line = line
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        where = [self.path if self.path.isprintable() else repr(self.path)]
        where += [f"line {self.line}"] * (self.line > 0) + [f"column {self.column!r}"] * (self.column != "")
        return f"{', '.join(where)}: {self.reason}"


@dataclass(frozen=True, eq=False)
class Values:
    """Strings with the place they came from: lines[k] is the line of values[k] (no lines: k + 1)."""

    values: Sequence[str]
    path: str
    column: str = ""
    lines: Sequence[int] = ()

    def error(self, k: int, reason: str) -> DataError:
        """What is wrong with values[k], with its place."""
        return DataError(self.path, self.lines[k] if len(self.lines) else k + 1, self.column, reason)

    @property
    def source(self) -> str:
        """Path and column in words."""
        return f"{self.path}, column {self.column!r}" if self.column else self.path


def read_table(path: AnyPath, column: str | None = None) -> list[str]:
    """Return one column of a CSV or TSV file as strings, exactly as written.

    The first line names the columns. The delimiter is a tab in .tsv and .tab files; in all others it is the
    most frequent of comma, semicolon, tab and bar in the header (comma if there is none). UTF-8, with or
    without a byte order mark; fields may be quoted; blank lines are allowed at the end only.

    Parameters
    ----------
    path
        The file.
    column
        Name of the column; may be left out if there is only one.

    Raises
    ------
    DataError
        For a file that cannot be read, is not such a table, lacks the column or has an empty cell in it.
    """
    return list(table_column(path, column).values)


def read_tokens(path: AnyPath) -> list[str]:
    """Return the whitespace-separated tokens of a UTF-8 text file, in order.

    Raises
    ------
    DataError
        For a file that cannot be read, is not text, or has no token.
    """
    return list(text_tokens(path).values)


def shortened(text: str) -> str:
    """The text in quotes, cut to what a message can show."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shortened(name) for name in names[:_SHOWN]) + more


def _text(path: AnyPath) -> str:
    """Contents of a UTF-8 file without its byte order mark; line ends as they are."""
    name = fspath(path)
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise DataError(name, 0, "", "no such file") from None
    except IsADirectoryError:
        raise DataError(name, 0, "", "a directory, not a file") from None
    except OSError as error:
        raise DataError(name, 0, "", f"cannot be read: {error.strerror or error}") from None
    null = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise DataError(name, _line(data, error.start), "", reason) from None
    if null >= 0:
        raise DataError(name, _line(data, null), "", f"NUL byte at offset {null}: not a text file")
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise DataError(name, 0, "", "empty file")
    return text


def _line(data: bytes, offset: int) -> int:
    return len(re.findall(rb"\r\n|\r|\n", data[:offset])) + 1


def text_tokens(path: AnyPath) -> Values:
    """`read_tokens` with the lines."""
    lines = [line.split() for line in re.split(r"\r\n|\r|\n", _text(path))]
    tokens = [token for line in lines for token in line]
    return Values(tokens, fspath(path), "", np.repeat(np.arange(1, len(lines) + 1), list(map(len, lines))).tolist())


def table_column(path: AnyPath, column: str | None) -> Values:
    """`read_table` with the lines."""
    return _columns(path, lambda name, header: [_index(name, header, column)])[0]


def table_columns(path: AnyPath, columns: Sequence[str] | None = None) -> list[Values]:
    """Several columns, all of them by default, each as by `read_table`, with the lines."""

    def places(name: str, header: Sequence[str]) -> list[int]:
        wanted: Sequence[str | None] = (header or [None]) if columns is None else columns
        return [_index(name, header, column) for column in wanted]

    return _columns(path, places)


def _columns(path: AnyPath, places: Callable[[str, Sequence[str]], list[int]]) -> list[Values]:
    """The columns at these places, which follow from the name of the file and its header."""
    name, text = fspath(path), _text(path)
    records = _records(name, text, _delimiter(name, text))
    _, header = next(records)
    chosen = places(name, header)
    values: list[list[str]] = [[] for _ in chosen]
    lines: list[int] = []
    blank = 0
    for line, record in records:
        if not record:
            blank = blank or line
            continue
        if blank or len(record) != len(header):
            fields = 0 if blank else len(record)
            reason = f"expected {len(header)} fields as in the header, got {fields}"
            raise DataError(name, blank or line, "", reason + " (a blank line)" * bool(blank))
        for k, column in zip(chosen, values, strict=True):
            if not record[k].strip():
                raise DataError(name, line, header[k], "empty cell")
            column.append(record[k])
        lines.append(line)
    if not lines:
        raise DataError(name, 0, "", "only a header, no rows")
    return [Values(column, name, header[k], lines) for k, column in zip(chosen, values, strict=True)]


def _records(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """First line and fields of each record."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(name, line, "", f"not a table: {error}") from None


def _delimiter(name: str, text: str) -> str:
    if Path(name).suffix.lower() in (".tsv", ".tab"):
        return "\t"
    header = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", text, maxsplit=1)[0])
    return max(_DELIMITERS, key=header.count)  # the comma comes first, so it wins a tie


def _index(name: str, header: Sequence[str], column: str | None) -> int:
    """Place of the column in the header."""
    if not header:
        raise DataError(name, 1, "", "the first line is blank; it must name the columns")
    twice = [label for label, count in Counter(header).items() if count > 1]
    if twice:
        raise DataError(name, 1, "", f"the header names columns twice: {_listed(twice)}")
    if column is None and len(header) > 1:
        raise DataError(name, 1, "", f"choose a column of {_listed(header)}")
    if column is not None and column not in header:
        raise DataError(name, 1, column, f"no such column; there are {_listed(header)}")
    return 0 if column is None else list(header).index(column)
