"""`loopbound falsify`: what it prints and writes, the line that checks a point again, wrong usage."""

from __future__ import annotations

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import Run, fails

import bounds
from verify import falsify_run
from verify.cli import cli
from verify.falsify_report import as_json, closing
from verify.falsify_run import Falsification, falsify, falsify_catalogue, search_of
from verify.search import Search

KEYS = ("tv/discrete-exact/first", "gaussian/golden-ratio/general")
POINT = ("n=1", "alpha=0.1", "i=5", "K=2", "odds=1", "ratio=1")


def test_an_attack_says_what_and_where_and_how_to_see_it_again(run: Run) -> None:
    status, out, err = run("falsify", "tv/discrete/one-step-hp", "--budget", "5", "--seed", "3")
    first, where, command, last = out.splitlines()
    assert (status, err) == (0, "")
    said = re.fullmatch(
        r"tv/discrete/one-step-hp: NOT FALSIFIED, measured/bound (\S+) in \[\S+, \S+\], finite-sample, 5 points", first
    )
    assert said is not None
    assert where.startswith("  at n=")
    assert last == "1 of 1 results: 0 FALSIFIED, 0 UNDECIDED, 1 NOT FALSIFIED; 0 without a search"
    words = shlex.split(command)
    assert words[:2] == ["loopbound", "falsify"]
    status, again, _ = run(*words[1:])
    assert status == 0
    assert again.splitlines()[0] == first.replace("5 points", "1 points")
    assert again.splitlines()[1:3] == [where, command]


def test_a_point_of_the_command_line(run: Run) -> None:
    status, out, _ = run("falsify", "tv/discrete/fresh", "--at", *POINT, "--seed", "3")
    assert status == 0
    assert "measured/bound 1, exact, 1 points" in out
    assert "alpha=0.1" in out
    _, other, _ = run("falsify", "--seed", "3", "--at", *POINT[::-1], "tv/discrete/fresh")
    assert other == out
    _, fraction, _ = run("falsify", "--seed", "3", "--at", *POINT[2:], "alpha=1/10", "n=2**0", "tv/discrete/fresh")
    assert fraction == out


def test_a_false_result_ends_with_status_1(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def wrong(result: bounds.Result) -> Search:
        search = search_of(result)
        return replace(search, result=replace(result, expr=result.expr * 2))

    monkeypatch.setattr(falsify_run, "search_of", wrong)
    out = tmp_path / "found.json"
    status, text, _ = run("falsify", KEYS[1], "--budget", "10", "--workers", "1", "--out", str(out))
    assert status == 1
    assert "FALSIFIED, |measured - bound|/|bound| 0.5, exact" in text
    assert text.splitlines()[-2].startswith("1 of 1 results: 1 FALSIFIED")
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["complete"] is True
    (found,) = written["results"].values()
    assert found["outcome"] == "FALSIFIED"
    assert [finding["decision"] for finding in found["findings"]] == ["REFUTED"] * 3
    assert found["findings"][0]["command"] in text


def test_an_undecided_result_ends_with_status_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falsify_run, "REPLICATIONS", 64)
    status, text, _ = run("falsify", "discrete/diversity/weighted", "--budget", "1", "--workers", "1")
    assert status == 2
    assert "UNDECIDED" in text


def test_what_is_finished_is_written_when_a_search_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failing(result: bounds.Result) -> Search:
        if result.key == KEYS[1]:
            raise ZeroDivisionError("no")
        return search_of(result)

    monkeypatch.setattr(falsify_run, "search_of", failing)
    out = tmp_path / "found.json"
    with pytest.raises(ZeroDivisionError):
        cli.main(["falsify", *KEYS, "--budget", "3", "--workers", "1", "--out", str(out)], standalone_mode=False)
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["complete"], list(written["results"])) == (False, [KEYS[0]])


def compare(one: list[Falsification], two: list[Falsification]) -> None:
    assert as_json(one) == as_json(two)
    assert [found.key for found in one] == list(KEYS)


def test_numbers_do_not_depend_on_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    one = list(falsify_catalogue(KEYS, budget=8, seed=2))
    monkeypatch.setattr(falsify_run.sim, "Workers", ThreadPoolExecutor, raising=False)
    compare(one, list(falsify_catalogue(KEYS, budget=8, seed=2, workers=2)))
    assert closing(one, 3) == "2 of 3 results: 0 FALSIFIED, 0 UNDECIDED, 2 NOT FALSIFIED; 0 without a search"


@pytest.mark.slow
def test_numbers_do_not_depend_on_processes() -> None:
    compare(*(list(falsify_catalogue(KEYS, budget=8, seed=2, workers=workers)) for workers in (1, 2)))


def test_infinite_numbers_are_null() -> None:
    search = search_of(bounds.get("tv/discrete/replace"))
    nothing = replace(search, result=replace(search.result, expr=search.result.expr * 0))
    found = falsify(nothing, budget=3)
    (row,) = json.loads(as_json([found]))["results"].values()
    assert row["findings"][0]["ratio"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tv/nothing",), "tv/nothing"),
        (("tv/discrete/fresh", "--budget", "0"), "--budget"),
        (("tv/discrete/fresh", "--seed", "-1"), "--seed"),
        (("tv/discrete/fresh", "--workers", "0"), "--workers"),
        (("tv/discrete/fresh", "n=4"), "n=4: allowed after --at"),
        (("tv/discrete/fresh", "--at", "n"), "--at n: allowed: NAME=VALUE"),
        (("tv/discrete/fresh", "--at", "n=4"), "missing: K, alpha, i, odds, ratio; unknown: none"),
        (("tv/discrete/fresh", "--at", *POINT, "x=1"), "unknown: x"),
        (("tv/discrete/fresh", "--at", *POINT[1:], "n=0"), "n = 0: allowed: a whole number in [1, 10000]"),
        (("tv/discrete/fresh", "--at", *POINT, "n=2"), "one number for each name"),
        (("tv/discrete/fresh", "--at", *POINT[1:], "n=1,2"), "one number for each name"),
        (("tv/discrete/fresh", "--at", *POINT[1:], "n=x"), "allowed"),
        (("--at", *POINT), "--at: allowed: with the key of one result"),
        (("tv/discrete", "--at", *POINT), "tv/discrete"),
        ((KEYS[0], "--out", "/no/such/folder/x.json"), "--out"),
    ],
)
def test_wrong_usage(run: Run, words: tuple[str, ...], said: str) -> None:
    assert said in fails(run, "falsify", *words)
