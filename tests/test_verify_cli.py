"""`loopbound verify`: options, exit status, data files, files written; errors are one line and status 64."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from command_line import Run, fails

import bounds
from verify import cli
from verify import run as running
from verify.case import BUDGETS, Budget, Case, Effort
from verify.cases import CASES

KEY = "tv/gaussian-mean/replace"
QUICK = ("verify", KEY, "--quick", "--workers", "1")
TABLES = ("tightness.csv", "tightness.json", "tightness.png")
LOOPBOUND = (sys.executable, "-c", "from verify.cli import main; main()")


def case_of(key: str) -> Case:
    return next(case for case in CASES if case.key == key)


def test_plain_output_is_lines_and_a_table(run: Run, tmp_path: Path) -> None:
    status, out, err = run(*QUICK, "--out", str(tmp_path / "new" / "folder"))
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0] == "real distribution: built-in distributions"
    assert lines[1].startswith(f"[1/1] {KEY}: HOLDS (")
    assert lines[2].split()[:5] == ["result", "verdict", "decided", "vacuous", "tightness"]
    assert lines[3].split()[:2] == [KEY, "HOLDS"]
    assert "exact, finite-sample" in lines[3]
    assert lines[4].startswith("1 of 1 results: 1 HOLDS, 0 REFUTED, 0 UNDECIDED; ")
    wrote = "wrote 1 curves and figures, the tightness table and summary.json to"
    assert lines[5] == f"{wrote} {tmp_path / 'new' / 'folder'}"
    assert len(lines) == 6
    assert "\x1b" not in out
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert names == ["summary.json", *TABLES, "tv_gaussian-mean_replace.nc", "tv_gaussian-mean_replace.png"]
    assert json.loads((tmp_path / "new" / "folder" / "summary.json").read_text())["complete"] is True


def test_refuted_is_status_1(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = case_of(f"{KEY}#exact")
    false = replace(case, result=replace(case.result, expr=case.result.expr * 1.05))
    monkeypatch.setattr(running, "_cases", lambda: (false,))
    status, out, _ = run(*QUICK, "--out", str(tmp_path))
    assert status == 1
    assert f"[1/1] {KEY}: REFUTED" in out
    assert "0 HOLDS, 1 REFUTED, 0 UNDECIDED" in out
    (row,) = json.loads((tmp_path / "summary.json").read_text())["results"]
    assert row["outcome"] == "REFUTED"
    assert row["refuted"][0]["n"] == 100


def test_undecided_is_status_2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUDGETS, Effort.QUICK, Budget(designs=1, replications=64))
    status, out, _ = run(*QUICK)
    assert status == 2
    assert f"[1/1] {KEY}: UNDECIDED" in out


def test_status_2_without_2_in_the_way_of_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUDGETS, Effort.QUICK, Budget(designs=1, replications=64))
    other = case_of("gaussian/golden-ratio#exact")
    false = replace(other, result=replace(other.result, expr=other.result.expr / 2))
    monkeypatch.setattr(running, "_cases", lambda: (case_of(f"{KEY}#sampled"), false))
    status, out, _ = run("verify", KEY, "gaussian/golden-ratio", "--quick", "--workers", "1")
    assert "1 REFUTED" in out
    assert status == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("tv/gaussan-mean",), "no result has the key 'tv/gaussan-mean'"),
        (("--confidence", "1"), "confidence = 1.0: allowed: a number strictly between 0 and 1"),
        (("--confidence", "nan"), "confidence = nan: allowed"),
        (("--confidence", "high"), "'--confidence': 'high' is not a valid float"),
        (("--seed", "-1"), "seed = -1: allowed: an integer >= 0"),
        (("--seed", "1.5"), "'--seed': '1.5' is not a valid integer"),
        (("--workers", "0"), "--workers 0: allowed: an integer >= 1"),
        (("--workers", "two"), "'--workers': 'two' is not a valid integer"),
        (("--fast",), "No such option"),
        (("--seed",), "requires an argument"),
        (("--out", "/dev/null/folder"), "--out /dev/null/folder: "),
        (("--column", "c"), "--column needs --data"),
    ],
)
def test_wrong_options(run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in fails(run, "verify", *words)


def test_a_file_is_no_folder_for_results(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "--out" in fails(run, *QUICK, "--out", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "empty file"),
        ("header.csv", b"c\n", "only a header"),
        ("other.csv", b"d\n1\n2\n", "no such column"),
        ("nan.csv", b"c\n1\nnan\n3\n", "'nan' is not a finite number"),
        ("hole.csv", b"b,c\n1,2\n1,\n", "empty cell"),
        ("ragged.csv", b"b,c\n1,2\n1\n", "expected 2 fields"),
        ("latin.csv", b"c\nna\xefve\nb\n", "not UTF-8"),
        ("constant.csv", b"c\n1\n1\n1\n", "at least 2 distinct values"),
        ("words.txt", b"a b\n", "a text file has no column 'c'"),
        ("missing.csv", None, "no such file"),
    ],
)
def test_bad_data_files(run: Run, tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert message in fails(run, *QUICK, "--data", str(tmp_path / name), "--column", "c")


def test_commands_have_a_true_help(run: Run) -> None:
    status, overview, _ = run("--help")
    assert status == 0
    for name in ("list", "show", "eval", "verify"):
        assert f"\n  {name} " in overview
        status, out, _ = run(name, "--help")
        assert status == 0
        for parameter in cli.cli.commands[name].params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in out
                assert parameter.help
    _, out, _ = run("eval", "--help")
    example = next(line for line in out.replace("\n  ", " ").splitlines() if "Example: loopbound " in line)
    words = example.split("Example: loopbound ")[1].split()
    assert run(*words[: words.index("K=10") + 1])[0] == 0


def test_help_without_a_command_is_wrong_usage(run: Run) -> None:
    status, out, err = run()
    assert status in (0, 64)  # 0 before click 8.2
    assert "Commands:" in out + err


def _shell(command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOOPBOUND": " ".join(f"'{word}'" for word in LOOPBOUND)}
    return subprocess.run(
        ["bash", "-c", command.replace("loopbound", 'eval "$LOOPBOUND"', 1)],
        capture_output=True, text=True, timeout=60, check=False, env=environment,
    )  # fmt: skip


def test_a_closed_pipe_ends_quietly() -> None:
    done = _shell("loopbound list | head -1")
    assert done.stdout.split()[0] == bounds.CATALOGUE[0].key
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    done = _shell("loopbound verify tv/gaussian-mean/lower --quick --workers 1 | head -1; echo ${PIPESTATUS[0]}")
    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "real distribution: built-in distributions"
    assert done.stdout.splitlines()[1] not in ("1", "2"), "a closed pipe is no verdict"
