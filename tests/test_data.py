"""Files as populations: good ones both ways, bad ones with the one line they get."""

from __future__ import annotations

import csv
import pickle
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from sim.data import (
    DataError,
    DiscretePopulation,
    GaussianPopulation,
    discrete_population,
    gaussian_population,
    load,
    read_table,
    read_tokens,
)

# file name, bytes (None: no file), column, kind, line, column and words of the error
BAD: list[tuple[str, bytes | None, str | None, str, int, str, str]] = [
    ("missing.csv", None, "x", "discrete", 0, "", "no such file"),
    ("empty.csv", b"", "x", "discrete", 0, "", "empty file"),
    ("empty.txt", b" \n\n", None, "discrete", 0, "", "empty file"),
    ("bom.csv", b"\xef\xbb\xbf", None, "discrete", 0, "", "empty file"),
    ("header.csv", b"x,y\n", "x", "discrete", 0, "", "only a header, no rows"),
    ("blank.csv", b"\nx\n1\n", "x", "discrete", 1, "", "the first line is blank; it must name the columns"),
    ("column.csv", b"x,y z\n1,2\n", "z", "discrete", 1, "z", "no such column; there are 'x', 'y z'"),
    ("choose.csv", b"x,y\n1,2\n", None, "discrete", 1, "", "choose a column of 'x', 'y'"),
    ("twice.csv", b"x,y,x\n1,2,3\n", "y", "discrete", 1, "", "the header names columns twice: 'x'"),
    ("ragged.csv", b"x,y\n1,2\n1,2,3\n", "x", "discrete", 3, "", "expected 2 fields as in the header, got 3"),
    ("short.csv", b"x,y\n1,2\n1\n", "x", "discrete", 3, "", "expected 2 fields as in the header, got 1"),
    (
        "gap.csv",
        b"x\n1\n\n2\n",
        "x",
        "discrete",
        3,
        "",
        "expected 1 fields as in the header, got 0 (a blank line)",
    ),
    ("cell.csv", b"x,y\n1,2\n,2\n", "x", "gaussian", 3, "x", "empty cell"),
    ("cell.csv", b"x,y\n1,2\n  ,2\n", "x", "discrete", 3, "x", "empty cell"),
    ("nan.csv", b"x\n1\nNaN\n2\n", "x", "gaussian", 3, "x", "'NaN' is not a finite number"),
    ("nan.csv", b"x\n1\n2\nnan\n", "x", "discrete", 4, "x", "'nan' is not a finite number"),
    ("inf.csv", b"x\n1\n2\n-inf\n", "x", "gaussian", 4, "x", "'-inf' is not a finite number"),
    ("inf.csv", b"x\n1\n1e999\n", "x", "gaussian", 3, "x", "'1e999' is not a finite number"),
    ("group.csv", b"x\n1\n1_000\n", "x", "gaussian", 3, "x", "'1_000' is not a finite number"),
    ("text.csv", b"x,y\n1,2\nfive,2\n", "x", "gaussian", 3, "x", "'five' is not a number"),
    ("comma.csv", b"x;y\n1,5;2\n", "x", "gaussian", 2, "x", "'1,5' is not a number"),
    ("long.csv", b"x\n" + b"a" * 99, "x", "gaussian", 2, "x", f"'{'a' * 30}...' is not a number"),
    ("quoted.csv", b'x,y\n1,"a\nb"\ntwo,3\n', "x", "gaussian", 4, "x", "'two' is not a number"),
    ("cr.csv", b"x\r1\rtwo\r", "x", "gaussian", 3, "x", "'two' is not a number"),
    ("open.csv", b'x\n1\n"2\n3\n', "x", "discrete", 3, "", "not a table: unexpected end of data"),
    ("same.csv", b"x\n3\n3.0\n", "x", "gaussian", 0, "x", "all 2 numbers are 3.0: sigma = 0"),
    (
        "same.csv",
        b"x\n3\n3\n",
        "x",
        "discrete",
        0,
        "x",
        "at least 2 distinct values are needed; all 2 values are '3'",
    ),
    ("one.csv", b"x\n3\n", "x", "gaussian", 0, "x", "at least 2 numbers are needed for sigma; got 1"),
    (
        "wide.csv",
        b"x\n1.7e308\n-1.7e308\n",
        "x",
        "gaussian",
        0,
        "x",
        "the spread of the numbers is too large",
    ),
    ("latin.csv", b"x\na\ncaf\xe9\n", "x", "discrete", 3, "", "not UTF-8: byte 0xe9 at offset 7"),
    ("utf16.txt", "ab".encode("utf-16"), None, "discrete", 1, "", "not UTF-8: byte 0xff at offset 0"),
    ("nul.csv", b"x\r\na\r\nb\0\r\n", "x", "discrete", 3, "", "NUL byte at offset 7: not a text file"),
    (
        "words.txt",
        b"a b\n",
        "x",
        "discrete",
        0,
        "",
        "a text file has no column 'x' (tables end in .csv, .tsv, .tab)",
    ),
    ("words.txt", b"1 2\n3 four\n", None, "gaussian", 2, "", "'four' is not a number"),
]


@pytest.mark.parametrize(("name", "data", "column", "kind", "line", "where", "reason"), BAD)
def test_bad_files_get_one_clear_line(
    tmp_path: Path,
    name: str,
    data: bytes | None,
    column: str | None,
    kind: str,
    line: int,
    where: str,
    reason: str,
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError) as caught:
        load(path, column, kind)  # type: ignore[call-overload]
    error = caught.value
    assert (error.path, error.line, error.column) == (str(path), line, where)
    assert error.reason.startswith(reason)
    assert "\n" not in str(error)
    place = f", line {line}" * (line > 0) + f", column {where!r}" * (where != "")
    assert str(error) == f"{path}{place}: {error.reason}"


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a directory, not a file"):
        load(tmp_path)


def test_error_survives_pickling_and_odd_paths(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path / "a\nb.csv")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert "\n" not in str(again)


def test_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="kind must be 'discrete' or 'gaussian'; got 'poisson'"):
        load(tmp_path, kind="poisson")  # type: ignore[call-overload]


def test_many_columns_are_not_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text(",".join(f"c{k}" for k in range(64)) + "\n")
    with pytest.raises(DataError, match=r"'c0', .*'c29' and 34 more$"):
        read_table(path, "z")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y\n 1,b\n2,c\n"),
        ("a.csv", "\ufeffx,y\r\n 1,b\r\n2,c\r\n\r\n"),
        ("a.csv", "x;y\n 1;b,b\n2;c\n"),
        ("a.csv", '"x","y, z"\n" 1",b\n2,"c\nd"\n'),
        ("a.tsv", "x\ty\n 1\tb,b,b\n2\tc"),
        ("a.dat", "x|y\n 1|b\n2|c\n"),
        ("a.csv", "x\n 1\n2\n"),
    ],
)
def test_read_table(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    assert read_table(path, "x") == [" 1", "2"]
    assert read_table(str(path), "x") == [" 1", "2"]


def test_one_column_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n")
    assert read_table(path) == ["1", "2"]


def test_read_tokens(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\ufeffthe cat,\n\n the\tnan inf\n", encoding="utf-8")
    assert read_tokens(path) == ["the", "cat,", "the", "nan", "inf"]
    words = load(path)
    assert words.labels == ("cat,", "inf", "nan", "the")
    assert words.source == str(path)


def test_discrete_compares_exact_strings() -> None:
    population = discrete_population(["1", "1.0", " 1", "1"])
    assert population.kind == "discrete"
    assert population.labels == (" 1", "1", "1.0")
    np.testing.assert_array_equal(population.p, [0.25, 0.5, 0.25])
    assert not population.p.flags.writeable
    assert (population.rows, population.source) == (4, "values")


def test_values_without_a_file_are_counted() -> None:
    with pytest.raises(DataError, match=r"^values, line 2: 'b' is not a number$"):
        gaussian_population(["1", "b"])
    with pytest.raises(DataError, match=r"^survey, line 2: empty cell$"):
        gaussian_population(["1", ""], "survey")
    with pytest.raises(DataError, match="at least 2 distinct values are needed; there is no value"):
        discrete_population([])


@pytest.mark.parametrize("scale", [5e-324, 1e-200, 1.0, 1e307])
def test_gaussian_does_not_overflow(scale: float) -> None:
    population = gaussian_population([str(scale * k) for k in (2, 4, 6)])
    assert population.mean == pytest.approx(4 * scale, rel=1e-15)
    assert population.sigma == pytest.approx(2 * scale, rel=1e-15)


def test_digits_both_ways(tmp_path: Path) -> None:
    pixels = load_digits().images[:200].reshape(-1).astype(int)
    assert pixels.size >= 10_000
    path = tmp_path / "digits.csv"
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["index", "pixel"])
        writer.writerows(enumerate(pixels))
    discrete, gaussian = load(path, "pixel"), load(path, "pixel", kind="gaussian")
    assert isinstance(discrete, DiscretePopulation)
    assert isinstance(gaussian, GaussianPopulation)
    assert discrete.labels == tuple(sorted(map(str, range(17))))
    np.testing.assert_array_equal(discrete.p, [np.mean(pixels == int(label)) for label in discrete.labels])
    assert gaussian.mean == pytest.approx(statistics.mean(pixels.tolist()), rel=1e-13)
    assert gaussian.sigma == pytest.approx(statistics.stdev(pixels.tolist()), rel=1e-13)
    assert discrete.rows == gaussian.rows == pixels.size
    assert discrete.source == gaussian.source == f"{path}, column 'pixel'"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8).filter(
    lambda text: text.strip() != ""
)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=20), st.sampled_from([",", ";", "\t", "|"]))
def test_any_table_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("table") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, delimiter=delimiter).writerows([("x", "y"), *rows])
    assert read_table(path, "x") == [row[0] for row in rows]
    assert read_table(path, "y") == [row[1] for row in rows]


@given(st.lists(st.sampled_from("abcde"), min_size=2).filter(lambda values: len(set(values)) > 1))
def test_discrete_round_trip(values: list[str]) -> None:
    population = discrete_population(values)
    counts = {label: round(q * population.rows) for label, q in zip(population.labels, population.p, strict=True)}
    assert counts == Counter(values)
    assert population.p.sum() == pytest.approx(1, abs=1e-12)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2).filter(lambda values: max(values) - min(values) > 1e-3))
def test_gaussian_round_trip(values: list[float]) -> None:
    population = gaussian_population([repr(x) for x in values])
    assert population.mean == pytest.approx(statistics.mean(values), rel=1e-12, abs=1e-6)
    assert population.sigma == pytest.approx(statistics.stdev(values), rel=1e-9)
