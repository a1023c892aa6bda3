"""The process for symbolic work: limits, errors, and that nothing is left running."""

import os
import subprocess
import sys
import time

import pytest
import sympy as sp

from bounds.query import worker
from bounds.query.worker import TimeIsUp, WorkFailed, run


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_work_is_done_in_another_process_that_is_kept():
    first = run(worker.process_id)
    assert first != os.getpid()
    assert run(worker.process_id) == first


def test_expressions_arrive_as_they_were():
    x = sp.Dummy("x", positive=True)
    assert run(sp.expand, (x + 1) ** 2) == x**2 + 2 * x + 1


def test_an_endless_task_is_ended_and_its_process_with_it():
    before = run(worker.process_id)
    with pytest.raises(TimeIsUp, match=r"0\.5 s"):
        run(time.sleep, 60, limit=0.5)
    assert not alive(before)
    after = run(worker.process_id)
    assert after != before
    assert alive(after)


def test_an_error_keeps_its_message_and_the_process():
    before = run(worker.process_id)
    with pytest.raises(WorkFailed, match="ValueError"):
        run(time.sleep, -1)
    assert run(worker.process_id) == before


def test_what_cannot_be_sent_is_an_error():
    with pytest.raises(WorkFailed):
        run(sp.expand, lambda: None)
    assert run(worker.process_id) != os.getpid()


def test_a_result_that_cannot_be_sent_is_an_error():
    with pytest.raises(WorkFailed, match="cannot be sent"):
        run(sp.lambdify, sp.Symbol("x"), sp.Symbol("x"))


def test_a_script_without_a_guard_asks_and_leaves_nothing_behind(tmp_path):
    script = tmp_path / "ask.py"
    script.write_text("from bounds.query import worker\nprint(worker.run(worker.process_id))\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    child = int(done.stdout)
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.05)
    pytest.fail("the child outlived its parent")
