"""Sweeps under fire: processes killed at random moments, a full disk, damaged stores, a cluster that loses workers."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from sweeps import BLOCKS, die, expected, files, swept

import sim
from sim import grids, store, tasks
from verify import Effort, Plan, cluster, verify
from verify.evidence import Decision

pytestmark = pytest.mark.slow

KILLS = 50
WORKERS_KILLED = 10
LONG: dict[str, Any] = {"grid": {"K": [50, 100], "n": [100, 1000]}, "schedule": "replace", "generations": 20}
LONG |= {"replications": 30 * 256, "at": [1, 20]}
LONG_BLOCKS = 4 * 30
needs_fork = pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork and signals")


@pytest.fixture(scope="module")
def undisturbed() -> xr.Dataset:
    return swept(**LONG)


@needs_fork
def test_fifty_kills_at_random_moments_lose_nothing(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    moments, context = random.Random(1), multiprocessing.get_context("fork")
    started = time.monotonic()
    swept(**LONG)
    typical = (time.monotonic() - started) / KILLS
    kept, kills = 0, 0
    while kills < KILLS:
        process = context.Process(target=swept, kwargs={**LONG, "store": tmp_path})
        process.start()
        process.join(moments.uniform(0, 2 * typical))
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
        if process.exitcode == 0:  # done too early: begin anew
            shutil.rmtree(tmp_path / "blocks" / "00", ignore_errors=True)
            for path in files(tmp_path)[::2]:
                path.unlink()
            kept = 0
        assert len(files(tmp_path)) >= kept
        kept = len(files(tmp_path))
    assert swept(**LONG, store=tmp_path).identical(undisturbed)  # and no file is found damaged: that would warn
    assert len(files(tmp_path)) == LONG_BLOCKS


def harass(pids: Callable[[], list[int]], until: threading.Event, killed: list[int]) -> None:
    """Kill one of some processes now and then."""
    moments = random.Random(2)
    while len(killed) < WORKERS_KILLED and not until.wait(moments.uniform(0, 0.6)):
        living = pids()
        if living:
            killed.append(moments.choice(living))
            os.kill(killed[-1], signal.SIGKILL)


def under_fire(pids: Callable[[], list[int]], sweep: Callable[[], xr.Dataset]) -> tuple[xr.Dataset, int]:
    """Sweep while workers are killed; return the result, and how many were."""
    done, killed = threading.Event(), list[int]()
    thread = threading.Thread(target=harass, args=(pids, done, killed))
    thread.start()
    try:
        return sweep(), len(killed)
    finally:
        done.set()
        thread.join()


@needs_fork
def test_killed_workers_are_replaced_and_lose_nothing(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    def busy() -> list[int]:
        return [p.pid for p in multiprocessing.active_children() if p.pid is not None] if files(tmp_path) else []

    def sweep() -> xr.Dataset:
        with sim.Workers(2) as workers:
            return swept(**LONG, store=tmp_path, executor=workers)

    killed = 0
    while killed < WORKERS_KILLED:
        data, more = under_fire(busy, sweep)
        killed += more
        assert data.identical(undisturbed)
        shutil.rmtree(tmp_path / "blocks")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    size = "-osize=300k"
    if mount is None or subprocess.run([mount, "-ttmpfs", size, "none", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_keeps_what_is_finished(small_disk: Path, undisturbed: xr.Dataset) -> None:
    for _ in range(2):
        with pytest.raises(sim.StoreError, match="the disk is full; finished blocks are kept"):
            swept(**LONG, store=small_disk)
        assert 10 < len(files(small_disk)) < LONG_BLOCKS
        assert not (small_disk / "unfinished").exists()
    kept = {path: path.stat().st_mtime_ns for path in files(small_disk)}
    subprocess.run(["mount", "-oremount,size=64m", str(small_disk)], check=True)
    assert swept(**LONG, store=small_disk).identical(undisturbed)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was there is not written again"


def test_flipped_bits_in_every_file_of_a_store(tmp_path: Path) -> None:
    places = random.Random(3)
    swept(store=tmp_path)
    for _ in range(5):
        for path in (*files(tmp_path), tmp_path / "manifest.json"):
            content = bytearray(path.read_bytes())
            content[places.randrange(len(content))] ^= 1 << places.randrange(8)
            path.write_bytes(content)
        with pytest.warns(sim.StoreWarning) as warned:
            assert swept(store=tmp_path).identical(expected())
        named = {str(path) for path in (*files(tmp_path), tmp_path / "manifest.json")}
        assert {str(warning.message).split(" is not used")[0] for warning in warned} == named
        assert len(named) == BLOCKS + 1


def test_every_flipped_bit_and_every_truncation_of_a_block_is_found() -> None:
    loop = next(iter(grids.expand(die, {"K": 2, "n": 8, "schedule": "replace"}, 1, 7, ["tv"], None).cells))
    block, key = tasks.Block(loop, 0, 4), "ab" * 32
    content = store._encoded(key, block.compute())
    assert store._decoded(content, key, block.shapes)
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"damaged|foreign"):
            store._decoded(content[:length], key, block.shapes)
    for bit in range(8 * len(content)):
        spoiled = bytearray(content)
        spoiled[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"damaged|foreign"):
            store._decoded(bytes(spoiled), key, block.shapes)


@needs_fork
def test_a_cluster_that_loses_workers(tmp_path: Path, undisturbed: xr.Dataset) -> None:
    distributed = pytest.importorskip("distributed")
    options = {"host": "127.0.0.1", "dashboard_address": None, "worker_dashboard_address": None, "silence_logs": 60}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options) as local,
        distributed.Client(local) as client,
    ):

        def busy() -> list[int]:
            processes = [nanny.process for nanny in local.workers.values()] if files(tmp_path) else []
            return [process.pid for process in processes if process is not None and process.pid is not None]

        data, killed = under_fire(busy, lambda: swept(**LONG, store=tmp_path, executor=client.get_executor()))
        assert killed >= 3
        assert data.identical(undisturbed)
        assert swept(executor=client.get_executor()).identical(expected())


def listening() -> set[str]:
    """Addresses on which this process or one of its children waits for connections."""
    psutil = pytest.importorskip("psutil")
    this = psutil.Process()
    sockets = [
        socket for process in (this, *this.children(recursive=True)) for socket in process.net_connections("inet")
    ]
    return {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}


@needs_fork
def test_a_local_cluster_can_be_reached_from_this_machine_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    before = listening()
    with cluster.executor_of("local", 1) as executor:
        assert executor is not None
        assert executor.submit(divmod, 7, 3).result() == (2, 1)
        assert listening() - before == {"127.0.0.1"}
        plan = Plan(patterns=("gaussian/golden-ratio",), effort=Effort.QUICK)
        assert [v.outcome for v in verify(plan, executor=executor)] == [Decision.HOLDS] * 3
    assert capsys.readouterr().out.startswith("dashboard: http://127.0.0.1:")
    monkeypatch.setattr(cluster, "_PATIENCE", 1)
    with (
        pytest.raises(cluster.ClusterError, match=r"--dask tcp://127\.0\.0\.1:9: "),
        cluster.executor_of("tcp://127.0.0.1:9", 1),
    ):
        pass
