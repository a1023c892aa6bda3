"""Worker processes: they may die, they end when they should, and Ctrl-C is not theirs."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweeps import files

import sim
from sim.workers import WorkerLost

POSIX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc and signals")


def die_first(folder: Path, data: Any, rng: np.random.Generator) -> float:
    """Die at the first try of some data sets."""
    name = int(data[0] * 1000)
    if name % 10 == 0 and not (folder / str(name)).exists():
        (folder / str(name)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return float(data.mean())


def die_always(data: Any, rng: np.random.Generator) -> float:
    if int(data[0] * 1000) % 20 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return float(data.mean())


def uniform(size: int, rng: np.random.Generator) -> Any:
    return rng.random(size)


def uniform_again(p: float, size: int, rng: np.random.Generator) -> Any:
    return rng.random(size)


def mean(data: Any, rng: np.random.Generator) -> float:
    return float(data.mean())


def mortal(fit: Any) -> sim.UserModel:
    return sim.UserModel(fit, uniform_again, uniform, {"mean": float}, "mortal")


RUN = {"n": 3, "schedule": "replace", "replications": 20, "seed": 2, "generations": 1}


@POSIX
def test_a_worker_that_dies_is_replaced_and_its_block_computed(tmp_path: Path) -> None:
    with sim.Workers(1) as workers:
        data = sim.sweep(mortal(partial(die_first, tmp_path)), {}, executor=workers, **RUN)
    assert list(tmp_path.iterdir()), "none died"
    assert data.identical(sim.sweep(mortal(mean), {}, **RUN))
    assert not multiprocessing.active_children()


@POSIX
@pytest.mark.slow
def test_a_block_that_kills_its_worker_every_time_is_reported_and_costs_no_other() -> None:
    good = sim.sweep(mortal(mean), {}, **RUN)
    with pytest.raises(sim.SweepError, match=r"of mortal, Replace\(\), n=3: WorkerLost: .* exit code -9") as raised:
        sim.sweep(mortal(die_always), {}, workers=2, **RUN)
    lost = np.isnan(raised.value.dataset["mean"])
    assert int(lost.sum()) == len(raised.value.failures) == 1
    assert ((raised.value.dataset["mean"] == good["mean"]) | lost).all()


def raising(error: Exception) -> None:
    raise error


def unsendable() -> Any:
    return lambda: None


def test_results_errors_and_cancellations() -> None:
    with sim.Workers(1) as workers:
        assert workers.submit(divmod, 7, 3).result() == (2, 1)
        with pytest.raises(ValueError, match="seven"):
            workers.submit(raising, ValueError("seven")).result()
        with pytest.raises(EOFError, match="eight"):
            workers.submit(raising, EOFError("eight")).result()
        with pytest.raises(TypeError, match="lambda"):
            workers.submit(unsendable).result()
        with pytest.raises(Exception, match=r"lambda|pickle"):
            workers.submit(lambda: 3).result()
        slow = workers.submit(time.sleep, 0.3)
        waiting = workers.submit(time.sleep, 0.3)
        assert waiting.cancel()
        assert slow.result() is None
        last = [workers.submit(abs, -k) for k in range(3)]
    assert [future.result() for future in last] == [0, 1, 2], "shut down, they finish what they have"
    with sim.Workers(1) as workers:
        first = workers.submit(abs, -3)
    assert first.result() == 3, "even if no process had started"
    with pytest.raises(RuntimeError, match="shut down"):
        workers.submit(int)
    assert not multiprocessing.active_children()


def test_stopping_ends_what_runs_and_cancels_what_waits() -> None:
    started = time.monotonic()
    workers = sim.Workers(1)
    ready = workers.submit(int)
    futures = [workers.submit(time.sleep, 60) for _ in range(3)]
    ready.result()
    with pytest.raises(KeyboardInterrupt), workers:
        raise KeyboardInterrupt
    assert time.monotonic() - started < 30
    assert not multiprocessing.active_children()
    with pytest.raises((WorkerLost, CancelledError)):
        futures[0].result(timeout=10)
    assert all(future.cancelled() for future in futures[1:])


@pytest.mark.parametrize("count", [0, -1, 1.5])
def test_bad_counts(count: Any) -> None:
    with pytest.raises(sim.SimulationError, match=f"count must be a whole number >= 1; got {count}"):
        sim.Workers(count)


def test_a_script_without_its_guard_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sim\nwith sim.Workers(1) as workers:\n    print(workers.submit(int).result())\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert done.stderr.strip().endswith('a script that uses them must do so under if __name__ == "__main__"')


def test_broken_workers_take_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = sim.Workers(1)
    workers._broken = "gone"
    with pytest.raises(BrokenExecutor, match="gone"):
        workers.submit(int)
    workers.shutdown()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_no_process_outlives_the_main_one(number: int, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from sweeps import swept\n"
        "if __name__ == '__main__':\n"
        "    swept(replications=400_000, workers=2, store=sys.argv[1], at=[2])\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    root = Path(__file__).parents[1]
    words = [sys.executable, str(script), str(tmp_path / "store")]
    process = subprocess.Popen(words, cwd=root, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while len(files(tmp_path / "store")) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, number) if number == signal.SIGINT else os.kill(process.pid, number)
        _, err = process.communicate(timeout=20)
        assert process.returncode == -number
        assert err.count("KeyboardInterrupt") == (number == signal.SIGINT), err
        deadline = time.monotonic() + 5
        while living(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not living(process.pid)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def living(group: int) -> int:
    """Number of living processes of a process group."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, found = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # gone meanwhile
            continue
        count += int(found) == group and state != "Z"
    return count


@POSIX
def test_workers_never_see_ctrl_c() -> None:
    """SIGINT is blocked in every process from its start, in the first one too."""
    with sim.Workers(2) as pool:
        masks = [future.result() for future in [pool.submit(blocked_signals) for _ in range(20)]]
    assert len({pid for pid, _ in masks}) == 2
    assert all(mask >> (signal.SIGINT - 1) & 1 for _, mask in masks)


def blocked_signals() -> tuple[int, int]:
    time.sleep(0.05)  # so that both take part
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return os.getpid(), int(re.search(r"SigBlk:\s+(\w+)", text)[1], 16)  # type: ignore[index]
