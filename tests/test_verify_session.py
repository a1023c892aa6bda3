"""What a user sees on a terminal of 80 columns, and what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray

import bounds

pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
fcntl = pytest.importorskip("fcntl", reason="needs pseudo-terminals")

ENTRY = (sys.executable, "-c", "from verify.cli import main; main()")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(*words: str, columns: int = 80) -> tuple[int, str]:
    """Run on a pseudo-terminal; return the exit status and all it was sent."""
    import struct
    import termios

    main, child = os.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "NO_COLOR")}
    environment["TERM"] = "xterm-256color"
    process = subprocess.Popen([*ENTRY, *words], stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    received = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        received += part
    os.close(main)
    return process.wait(timeout=30), received.decode()


def test_a_terminal_gets_a_live_bar_and_a_table_that_fits() -> None:
    status, sent = on_a_terminal(
        "verify", "gaussian/std-collapse", "tv/gaussian-mean/lower", "--quick", "--workers", "1"
    )
    assert status == 0
    live, _, rest = sent.rpartition("\x1b[?25h")  # the cursor comes back after the bar
    assert "━" in live
    assert "\x1b[32m" in rest, "verdicts are coloured"
    shown = [ESCAPE.sub("", line).rstrip("\r").rstrip() for line in rest.split("\n")]
    shown = [line for line in shown if line]
    keys = [result.key for result in bounds.select(("gaussian/std-collapse", "tv/gaussian-mean/lower"))]
    assert shown[0].split() == ["result", "verdict", "decided", "vacuous", "tightness"]
    assert [line.split()[:2] for line in shown[1:-1]] == [[key, "HOLDS"] for key in keys]
    assert all(len(line.split()) == 5 for line in shown[1:-1])
    assert max(map(len, shown)) <= 80
    assert shown[-1].startswith(f"{len(keys)} of {len(keys)} results: {len(keys)} HOLDS")
    widest = max(len(ESCAPE.sub("", line)) for line in re.split(r"[\r\n]", live))
    assert widest <= 80, "the live bar wraps"


def test_a_wide_terminal_shows_every_column() -> None:
    _, sent = on_a_terminal("verify", "gaussian/golden-ratio", "--quick", "--workers", "1", columns=200)
    text = ESCAPE.sub("", sent)
    assert all(name in text for name in ("replications", "seconds", "evidence", "exact"))


def _members(group: int) -> list[str]:
    """Commands of the living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, tail = stat.read_text().rpartition(")")
        except OSError:  # gone meanwhile
            continue
        state, _, pgrp = tail.split()[:3]
        if int(pgrp) == group and state != "Z":
            found.append(head)
    return found


def gone(group: int) -> bool:
    """Tell whether all processes of a group end within a few seconds."""
    deadline = time.monotonic() + 5
    while _members(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _members(group)


def check_what_is_left(folder: Path, finished: int) -> None:
    document = json.loads((folder / "summary.json").read_text())
    assert document["complete"] is False
    assert len(document["results"]) == finished >= 1
    for row in document["results"]:
        name = row["key"].replace("/", "_")
        assert (folder / f"{name}.png").stat().st_size > 1000
        with xarray.open_dataset(folder / f"{name}.nc") as data:
            assert data.sizes["point"] == row["points"]
    assert {path.suffix for path in folder.iterdir()} == {".nc", ".png", ".json", ".csv"}, "unfinished files stay"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(("workers", "send"), [("2", os.killpg), ("1", os.kill)], ids=["two-workers", "alone"])
def test_ctrl_c_keeps_finished_results(workers: str, send: Callable[[int, int], None], tmp_path: Path) -> None:
    words = [*ENTRY, "verify", "tv/hp", "tv/hp-union", "--full", "--workers", workers, "--out", str(tmp_path)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_until = time.monotonic() + 60
        while len(list(tmp_path.glob("*.png"))) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < wait_until
            time.sleep(0.05)
        started = time.monotonic()
        send(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert time.monotonic() - started < 20
        assert process.returncode == 130
        assert err == ""
        assert "stopping ..." in out
        found = re.search(r"^interrupted after (\d+) of \d+ results; the \1 finished results are kept in", out, re.M)
        assert found, out
        check_what_is_left(tmp_path, int(found[1]))
        assert gone(process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_ctrl_c_while_the_workers_start_is_quiet() -> None:
    words = [*ENTRY, "verify", "tv/hp", "--workers", "2"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while len(_members(process.pid)) < 4:  # itself, the keeper of its resources and two workers
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.2)  # the workers import by now
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert err == ""
        assert "interrupted after 0 of " in out
        assert gone(process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
