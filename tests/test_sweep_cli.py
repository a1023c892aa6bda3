"""`loopbound sweep`: the file, the result, progress, errors, interruptions, clusters."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from command_line import invoke
from sweeps import files

import sim
from verify import Effort, Plan, cluster, sweep_cli, verify
from verify.sweep_cli import sweep as command
from verify.sweep_file import SweepFileError, read_sweep

FILE = """
generations = 3
replications = 600
seed = 4
record = ["tv"]
at = [1, 3]

[model]
kind = "discrete"

[grid]
K = [2, 5]
n = "8:16:8"
schedule = ["replace", "fixed"]
alpha = "1/4"
"""
BLOCKS = 2 * 2 * 2 * 3
RUN = {"replications": 600, "seed": 4, "generations": 3, "at": [1, 3], "record": ["tv"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(FILE)
    return path


def expected() -> xr.Dataset:
    grid = {"K": [2, 5], "n": [8, 16], "schedule": ["replace", "fixed"], "alpha": 0.25}
    return sim.sweep(lambda K: sim.Discrete(np.full(K, 1 / K)), grid, **RUN)


def test_a_sweep_is_written_kept_and_continued(file: Path, tmp_path: Path, capsys: Any) -> None:
    words = (str(file), "--workers", "1", "--store", str(tmp_path / "store"), "--out")
    status, out, err = invoke(command, capsys, *words, str(tmp_path / "one.nc"))
    assert (status, err) == (0, "")
    assert re.search(
        rf"^{BLOCKS} of {BLOCKS} blocks, \S+ a second, 0 s left\nwrote .*one\.nc: K 2, n 2, schedule 2", out
    )
    files(tmp_path / "store")[5].write_bytes(b"loopbound")
    status, _, err = invoke(command, capsys, *words, str(tmp_path / "two.nc"))
    assert status == 0
    assert re.fullmatch(r"loopbound: .* is not used and computed again: foreign or damaged: .*\n", err)
    with xr.open_dataset(tmp_path / "one.nc") as one, xr.open_dataset(tmp_path / "two.nc") as two:
        assert one.identical(two)
        np.testing.assert_array_equal(one["tv"], expected()["tv"])
        assert float(one["alpha"]) == 0.25
    assert {path.name for path in tmp_path.iterdir()} == {"sweep.toml", "store", "one.nc", "two.nc"}


@pytest.mark.parametrize(
    ("table", "model"),
    [
        ('kind = "discrete"\np = [0.5, 0.25, 0.25]', sim.Discrete(np.array([0.5, 0.25, 0.25]))),
        ('kind = "discrete"\ndata = "rolls.txt"', sim.Discrete(np.array([0.5, 0.25, 0.25]))),
        ('kind = "gaussian"\nsigma = 2\nd = 2', sim.Gaussian(sigma=2, d=2)),
        ('kind = "gaussian-mean"\nmean = [1, 2]\nd = 2', sim.GaussianMean(mean=[1, 2], d=2)),
        ('kind = "kde"\nh = 0.5', sim.KDE(sim.NormalDensity(), 0.5)),
        ('kind = "kde-torus"\nh = 0.2\nd = 2\nblock = 4', sim.KDE(sim.CosineTorus(d=2), 0.2, block=4)),
    ],
)
def test_models_of_files(table: str, model: Any, tmp_path: Path) -> None:
    (tmp_path / "rolls.txt").write_text("1 2 1 3")
    path = tmp_path / "sweep.toml"
    path.write_text(f"{FILE.split('[model]')[0]}[model]\n{table}\n[grid]\nn = 8\n")
    asked = read_sweep(path)
    made = asked["model"]() if callable(asked["model"]) else asked["model"]
    assert made.label == model.label
    assert made.block == model.block
    assert asked["grid"] == {"n": 8}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed = 4", "", "seed missing"),
        ("seed = 4", "sead = 4", "sead is not known: allowed: generations, replications, seed, model, grid, record"),
        ("seed = 4", "seed = 4.5", "seed must be a whole number >= 0; got 4.5"),
        ("seed = 4", "seed = ", "not TOML: Invalid value"),
        ("seed = 4", "seed = 4\nsummary = 1", "summary = 1: allowed: true or false"),
        ('kind = "discrete"', 'kind = "dice"', "model.kind = 'dice': allowed: discrete, gaussian, gaussian-mean, kde"),
        ('kind = "discrete"', 'kind = "discrete"\nh = 1', "model.h is not known: allowed: K"),
        ('kind = "discrete"', 'kind = "discrete"\nK = 1', "K is in [model] and in [grid]"),
        ('kind = "discrete"', 'kind = "discrete"\np = [0.5, 0.4]', "[model]: p must be a vector of probabilities"),
        ('kind = "discrete"', 'kind = "discrete"\np = "x"', "[model]: "),
        ('kind = "discrete"', 'kind = "discrete"\ndata = "none.csv"\ncolumn = "x"', "none.csv"),
        ("[model]", "model = 3\n[models]", "models is not known"),
        ('[model]\nkind = "discrete"', "", "model missing"),
        ("K = [2, 5]", "K = [2, 0]", "at K=0, n=8, schedule=replace, alpha=0.25: K must be a whole number >= 1; got 0"),
        ("K = [2, 5]", "", "with K, which the model depends on"),
        ("K = [2, 5]", "K = [2, 5]\nq = 1", "parameters of the model or of a schedule; got 'q'"),
        ("K = [2, 5]", 'K = "2:oo"', "grid.K = '2:oo': '2:oo', character 3: allowed: a number"),
        ("K = [2, 5]", 'K = "oo"', "grid.K = 'oo': allowed: numbers"),
        ("K = [2, 5]", 'K = "__import__(1)"', "grid.K = '__import__(1)': "),
        ('"fixed"]', '"fixt"]', "schedule must be a schedule, or one of replace, fresh"),
        ('n = "8:16:8"', 'n = "8:10:1"', "at K=2, n=9, schedule=fixed, alpha=0.25: alpha must be such"),
        ('record = ["tv"]', 'record = ["height"]', "record must be names among tv, diversity"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_in_one_line(old: str, new: str, message: str, file: Path, capsys: Any) -> None:
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    status, out, err = invoke(command, capsys, str(file), "--workers", "1", "--out", str(file.with_suffix(".nc")))
    assert (status, out) == (64, "")
    assert err.startswith("loopbound: ")
    assert message in err
    assert err.count("\n") == 1
    assert not file.with_suffix(".nc").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing.toml", "--out", "x.nc"), "nothing.toml: No such file or directory"),
        (("nothing.toml", "--out", "no/x.nc"), "--out no/x.nc: its folder does not exist"),
        (("nothing.toml", "--out", "x.nc", "--workers", "0"), "--workers 0: allowed: an integer >= 1"),
        (("nothing.toml",), "Missing option '--out'"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], message: str, capsys: Any) -> None:
    status, out, err = invoke(command, capsys, *words)
    assert (status, out) == (64, "")
    assert message in err


def test_failures_write_what_there_is(file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, curves = expected(), sim.loop.Design.curves

    def failing(design: Any, block: int) -> Any:
        if block == 1 and design.n == 8:
            raise FloatingPointError("no luck")
        return curves(design, block)

    monkeypatch.setattr(sim.loop.Design, "curves", failing)
    words = (str(file), "--workers", "1", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out.nc"))
    status, _, err = invoke(command, capsys, *words)
    assert status == 70
    assert "4 blocks failed" in err
    assert "block 1 of discrete(K=2), Replace(), n=8: FloatingPointError: no luck" in err
    assert "out.nc has NaN in their places" in err
    with xr.open_dataset(tmp_path / "out.nc") as data:
        lost = np.isnan(data["tv"].to_numpy())
        assert lost.sum() == 4 * 256 * 2
        assert ((data["tv"].to_numpy() == undisturbed["tv"].to_numpy()) | lost).all()


def test_a_full_disk_is_one_line(file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    words = (str(file), "--workers", "1", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out.nc"))
    status, _, err = invoke(command, capsys, *words)
    assert status == 70
    assert err.startswith(
        f"loopbound: cannot write to {tmp_path / 'store'}: the disk is full; finished blocks are kept"
    )
    assert err.count("\n") == 1


def test_progress_in_lines(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    lines = sweep_cli._Lines()
    lines(10, 110)
    for done in range(11, 111):
        now[0] += 0.5
        lines(done, 110)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "30 of 110 blocks, 2 a second, 40 s left"
    assert len(shown) == 5
    assert shown[-1] == "110 of 110 blocks, 2 a second, 0 s left"


def test_ctrl_c_says_how_to_go_on(file: Path, tmp_path: Path) -> None:
    file.write_text(FILE.replace("600", "600_000"))
    code = "from verify.sweep_cli import sweep; sweep()"
    words = [str(file), "--workers", "1", "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out.nc")]
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(files(tmp_path / "store")) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (
        err == f"loopbound: interrupted; finished blocks are kept in {tmp_path / 'store'}, the same command goes on\n"
    )
    assert not (tmp_path / "out.nc").exists()


def test_an_absent_cluster_is_one_line(
    file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = (str(file), "--out", str(tmp_path / "out.nc"), "--dask", "local")
    assert invoke(command, capsys, *words) == (64, "", "loopbound: --dask needs Dask: pip install 'loopbound[dask]'\n")


def test_a_cluster_is_used(file: Path, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    class Cluster(ThreadPoolExecutor):
        def __init__(self, address: str, workers: int) -> None:
            super().__init__(2)
            asked.append((address, workers))

        def __enter__(self) -> Any:
            return self

    monkeypatch.setattr(cluster, "executor_of", Cluster)
    words = (str(file), "--workers", "3", "--out", str(tmp_path / "out.nc"), "--dask", "tcp://127.0.0.1:2")
    status, out, err = invoke(command, capsys, *words)
    assert (status, err) == (0, "")
    assert out.endswith("generation 2\n")
    assert asked == [("tcp://127.0.0.1:2", 3)]


def test_files_that_are_no_sweep() -> None:
    with pytest.raises(SweepFileError, match="Is a directory"):
        read_sweep(Path(__file__).parent)


def test_verification_runs_on_any_executor_and_finishes_here() -> None:
    saved: list[tuple[str, int]] = []
    plan = Plan(patterns=("gaussian/golden-ratio",), effort=Effort.QUICK)

    class Elsewhere(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            submitted.append(fn)
            return super().submit(fn, *args, **kwargs)

    submitted: list[Any] = []
    with Elsewhere(2) as pool:
        found = list(verify(plan, executor=pool, finish=lambda v: saved.append((v.key, threading.get_ident()))))
    assert len(submitted) == len(found) == 3
    assert sorted(saved) == sorted((verdict.key, threading.get_ident()) for verdict in found)


def test_a_terminal_gets_a_bar(file: Path, tmp_path: Path) -> None:
    from test_verify_session import ESCAPE, on_a_terminal

    status, sent = on_a_terminal("sweep", str(file), "--workers", "1", "--out", str(tmp_path / "out.nc"))
    assert status == 0
    assert re.search(rf"━ {BLOCKS}/{BLOCKS} blocks, \S+ a second, left 0:00:00", ESCAPE.sub("", sent))
