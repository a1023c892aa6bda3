"""A second Python process for symbolic work that may not end: it is stopped when its time is up.

The process is started on first use and kept until it is stopped or its parent ends. It imports this package
only, never the main module of the parent: so it works from a notebook and from a script without a guard.
"""

from __future__ import annotations

import atexit
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from importlib import import_module
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

DEFAULT_LIMIT = 20.0
_ROOT = str(Path(__file__).resolve().parents[2])


class TimeIsUp(Exception):
    """The work did not end within its time limit; the process that did it was ended."""


class WorkFailed(Exception):
    """The work raised an exception in the other process; the message is that exception's."""


def run(function: Callable[..., Any], *arguments: Any, limit: float = DEFAULT_LIMIT) -> Any:
    """Call a module-level function in the other process and return what it returns.

    Parameters
    ----------
    function : callable
        Importable by name from a module of this package.
    *arguments
        Anything that can be sent to another process.
    limit : float
        Seconds, the start of the process included.

    Raises
    ------
    TimeIsUp
        The limit was reached.
    WorkFailed
        The function raised, or its arguments or its result cannot be sent.
    """
    return _worker(os.getpid()).call((function.__module__, function.__name__, arguments), limit)


class _Worker:
    """One child process and the connection to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        atexit.register(self.stop)

    def call(self, message: Any, limit: float) -> Any:
        deadline = time.monotonic() + limit
        with self._lock:
            try:
                connection = self._connect(deadline)
                connection.send(message)
                if not connection.poll(max(deadline - time.monotonic(), 0)):
                    raise TimeIsUp(f"no result within {limit:g} s")
                good, value = connection.recv()
            except TimeIsUp:
                self.stop()
                raise
            except Exception as error:  # sending and receiving fail in many ways
                self.stop()
                raise WorkFailed(f"{type(error).__name__}: {error}") from None
            except BaseException:  # an interrupt must not leave an answer behind for the next question
                self.stop()
                raise
        if not good:
            raise WorkFailed(value)
        return value

    def _connect(self, deadline: float) -> Connection:
        """Return the connection to the live child, started if needed."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._connection is None:
            key = os.urandom(32)
            listener = Listener(authkey=key)
            path = os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
            )
            assert self._process.stdin is not None
            with self._process.stdin as channel:
                channel.write(f"{listener.address}\n{key.hex()}\n".encode())
            self._connection = _accept(listener, deadline)
        return self._connection

    def stop(self) -> None:
        """End the child, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _accept(listener: Listener, deadline: float) -> Connection:
    """Wait for the child, but not for ever."""
    arrived: queue.Queue[Connection] = queue.Queue()

    def wait() -> None:
        with listener:
            arrived.put(listener.accept())

    threading.Thread(target=wait, daemon=True).start()
    try:
        return arrived.get(timeout=max(deadline - time.monotonic(), 0))
    except queue.Empty:
        raise TimeIsUp("the other process did not start in time") from None


@cache
def _worker(parent: int) -> _Worker:
    """One worker for each process: a fork must not share its parent's."""
    return _Worker()


def process_id() -> int:
    """Return the id of the process that this runs in."""
    return os.getpid()


def serve() -> None:
    """Answer messages until the parent closes the connection."""
    address, key = (line.strip() for line in sys.stdin)
    with Client(address, authkey=bytes.fromhex(key)) as connection:
        while True:
            try:
                module, name, arguments = connection.recv()
            except (EOFError, OSError):
                return
            except Exception as error:  # something that only the parent can import
                connection.send((False, f"{type(error).__name__}: {error}"))
                continue
            try:
                answer = (True, getattr(import_module(module), name)(*arguments))
            except Exception as error:
                answer = (False, f"{type(error).__name__}: {error}")
            try:
                connection.send(answer)
            except Exception as error:
                connection.send((False, f"the result cannot be sent: {type(error).__name__}: {error}"))
