"""`loopbound eval`, `list` and `show`: tables of values, one line for every mistake, nobody's text run as code."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from command_line import Run, fails

import bounds

FRESH = "tv/discrete/fresh"


def test_json_is_an_array_of_objects_in_full_precision(run: Run) -> None:
    status, out, err = run("eval", FRESH, "n=1000", "alpha=0.1,0.5", "i=1:3", "K=10", "--json")
    rows = json.loads(out)
    assert (status, err) == (0, "")
    assert [list(row) for row in rows] == [["n", "alpha", "i", "K", "value"]] * 6
    assert [(row["alpha"], row["i"]) for row in rows] == [(a, i) for a in (0.1, 0.5) for i in (1, 2, 3)]
    for row in rows:
        value = row.pop("value")
        assert value == float(bounds.get(FRESH)(**row))  # bit for bit
        assert isinstance(row["n"], int)


def test_csv_and_table_hold_the_same_numbers(run: Run) -> None:
    words = ("eval", FRESH, "n=10:30:10", "alpha=0", "i=2", "K=3,1:2")
    rows = json.loads(run(*words, "--json")[1])
    table = [line.split() for line in run(*words)[1].splitlines()]
    text = list(csv.reader(io.StringIO(run(*words, "--csv")[1])))
    assert table == text
    assert text[0] == ["n", "alpha", "i", "K", "value"]
    assert [[float(cell) for cell in line] for line in text[1:]] == [list(map(float, row.values())) for row in rows]
    assert [row["n"] for row in rows[::3]] == [10, 20, 30]
    assert [row["K"] for row in rows[:3]] == [3, 1, 2]


def test_vectors_and_matrices(run: Run) -> None:
    _, out, _ = run("eval", "tv/discrete-instance/replace", "n=50", "i=1,2", "p=0.7,0.2,0.1", "--json")
    rows = json.loads(out)
    assert rows[0]["p"] == [0.7, 0.2, 0.1]
    expected = bounds.get("tv/discrete-instance/replace")(n=50, i=np.array([1, 2]), p=(0.7, 0.2, 0.1))
    assert [row["value"] for row in rows] == list(expected)
    _, out, _ = run("eval", "tv/propagation", "B=0,0;0.5,0", "eps=0.1,0.2", "--csv")
    header, line = csv.reader(io.StringIO(out))
    assert (header, line[:2]) == (["B", "eps", "value"], ["0,0;0.5,0", "0.1,0.2"])
    assert float(line[2]) == 0.2 + 0.5 * 0.1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((FRESH, "n=10", "alpha=0.1", "i=1"), "missing K"),
        ((FRESH, "n=10", "alpha=0.1", "i=1", "K=3", "q=2"), "unexpected q (parameters: n, alpha, i, K)"),
        ((FRESH, "n=10", "alpha=1.5", "i=1", "K=3"), "alpha = 1.5: allowed: real numbers in [0, 1]"),
        ((FRESH, "n=0", "alpha=0.1", "i=1", "K=3"), ": allowed: integers >= 1"),
        ((FRESH, "n=2.5", "alpha=0.1", "i=1", "K=3"), "n = 2.5: allowed: integers >= 1"),
        ((FRESH, "n=10", "alpha=nan", "i=1", "K=3"), "alpha = nan"),
        ((FRESH, "n=1e400", "alpha=0.1", "i=1", "K=3"), "n = inf"),
        ((FRESH, "n=ten", "alpha=0.1", "i=1", "K=3"), "'n=ten': allowed: a number, a list"),
        ((FRESH, "n=1_000", "alpha=0.1", "i=1", "K=3"), "'n=1_000': allowed: a number"),
        ((FRESH, "n=", "alpha=0.1", "i=1", "K=3"), "'n=': allowed: NAME=VALUES"),
        ((FRESH, "1000", "alpha=0.1", "i=1", "K=3"), "'1000': allowed: NAME=VALUES"),
        ((FRESH, "n=10", "n=20", "alpha=0.1", "i=1", "K=3"), "allowed: n once"),
        ((FRESH, "n=10", "alpha=0.1", "i=5:1", "K=3"), "'i=5:1': allowed: an inclusive range"),
        ((FRESH, "n=10", "alpha=0.1", "i=1:5:0", "K=3"), "'i=1:5:0': allowed: an inclusive range"),
        ((FRESH, "n=10", "alpha=0.1", "i=1:99999999999", "K=3"), "at most 1000000 values"),
        ((FRESH, "n=1:2000", "alpha=0.1", "i=1:2000", "K=3"), "at most 1000000 combinations"),
        (("tv/discrete/fixed", "n=10", "alpha=0.15", "i=1", "K=3"), "alpha"),
        (("tv/discrete-instance/replace", "n=10", "i=1", "p=0.5,0.4"), "sum"),
        (("tv/propagation", "B=0,0;0.5", "eps=0.1,0.2"), "B ="),
        (("tv/propagation", "B=0,0.5;0,0", "eps=0.1,0.2"), "strictly lower triangular"),
        (("tv/discret/fresh", "n=10"), "no result has the key 'tv/discret/fresh'; did you mean tv/discrete/fresh"),
        ((FRESH, "--yaml"), "No such option"),
        ((), "Missing argument 'KEY'"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in fails(run, "eval", *words)


@pytest.mark.parametrize(
    "text", ["__import__('os').system('touch /tmp/owned')", "exit()", "10**9", "2*5", "open('x')", "0x10", "lambda:1"]
)
def test_text_is_never_evaluated(run: Run, text: str) -> None:
    assert "allowed: a number" in fails(run, "eval", FRESH, f"n={text}", "alpha=0.1", "i=1", "K=3")


def test_large_whole_numbers_are_numbers(run: Run) -> None:
    status, out, _ = run("eval", "gaussian/std-collapse", "n=10", "i=1", "sigma=100000000000000000000", "--json")
    (row,) = json.loads(out)
    assert status == 0
    assert row["sigma"] == 1e20


def test_overflow_is_said_in_one_line(run: Run) -> None:
    words = ("eval", "gaussian/std-collapse/variance", "sigma=1e200")
    assert "cannot be written in JSON" in fails(run, *words, "--json")
    assert run(*words, "--csv")[1].splitlines()[1].endswith(",inf")


def test_list_selects_by_family_and_pattern(run: Run) -> None:
    keys = [result.key for result in bounds.CATALOGUE]
    assert run("list", "--keys")[1].split() == keys
    everything = run("list")[1].splitlines()
    assert everything[-1] == f"{len(keys)} results"
    assert [line.split()[0] for line in everything[:-1]] == keys
    assert run("list", "--keys", "*/fresh")[1].split() == [key for key in keys if key.endswith("/fresh")]
    family = run("list", "--keys", "gaussian")[1].split()
    assert family == [key for key in keys if key.startswith("gaussian/")]
    assert "no result has the key 'nothing'" in fails(run, "list", "nothing")


def test_show_says_what_a_result_is(run: Run) -> None:
    for result in bounds.CATALOGUE[::12]:
        status, out, _ = run("show", result.key)
        assert status == 0
        assert result.key in out
        assert " ".join(result.statement.split()[:4]) in " ".join(out.split())
        assert all(assumption.text.split()[0] in out for assumption in result.assumptions)
        assert all(parameter.name in out for parameter in result.params)
    assert "did you mean tv/propagation" in fails(run, "show", "tv/propagtion")
