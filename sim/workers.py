"""Processes that may die at any moment, as an executor."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, TypeAlias, TypeVar

from sim.errors import whole

P = ParamSpec("P")
T = TypeVar("T")
_Task: TypeAlias = tuple[Future[Any], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]

_STARTS = 10
"""How often in a row a process may be killed while it starts."""


_USELESS = (
    'worker processes end before they can work; a script that uses them must do so under if __name__ == "__main__"'
)


class WorkerLost(RuntimeError):
    """The process that computed a task died, as when it is killed or out of memory."""


class Workers(Executor):
    """A number of processes; one that dies costs its own task only, and another takes its place.

    Every process has its own pipe, so half a result of a dead one blocks nobody. Ctrl-C is left to the main process:
    leaving the context by an exception ends the workers at once. They end by themselves if the main process dies.

    Parameters
    ----------
    count : int
        How many, at least 1; they start when there is work.
    """

    def __init__(self, count: int) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._processes: set[BaseProcess] = set()
        self._closed = self._stopped = False
        self._broken = ""
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(whole("count", count, 1))]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have ``fn(*args, **kwargs)`` computed; the future raises `WorkerLost` if its process dies.

        Raises
        ------
        BrokenExecutor
            If processes end before they can work.
        RuntimeError
            After `shutdown`.
        """
        if self._broken:
            raise BrokenExecutor(self._broken)
        if self._closed:
            raise RuntimeError("these workers were shut down")
        future: Future[T] = Future()
        self._tasks.put((future, (fn, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; finish those there are, or cancel those that have not begun."""
        self._closed = True
        if cancel_futures:
            self._cancel()
        for _ in self._threads:
            self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def stop(self) -> None:
        """End the processes at once, whatever they do."""
        self._closed = self._stopped = True
        self._cancel()
        for process in tuple(self._processes):
            process.terminate()
        self.shutdown()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish, or after an exception stop."""
        if error is None:
            self.shutdown()
        else:
            self.stop()

    def _cancel(self) -> None:
        while True:
            try:
                task = self._tasks.get_nowait()
            except Empty:
                return
            if task is not None:
                task[0].cancel()
                task[0].set_running_or_notify_cancel()

    def _serve(self) -> None:
        """Look after one process: pass tasks on to it, and replace it when it dies."""
        if hasattr(signal, "pthread_sigmask"):  # inherited by the process, which thus never sees Ctrl-C
            resource_tracker.ensure_running()  # else the first start would run it, and that unblocks the signal
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        worker: tuple[BaseProcess, Connection] | None = None
        while (task := self._tasks.get()) is not None:
            future, call = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                worker = worker or self._start()
                worker[1].send(call)
                good, value = worker[1].recv()
            except (EOFError, ConnectionError) as error:
                future.set_exception(self._bury(worker) if worker else error)
                worker = None
            except Exception as error:  # the call cannot be sent
                future.set_exception(error)
            else:
                future.set_result(value) if good else future.set_exception(value)
        if worker is not None:
            self._bury(worker)

    def _start(self) -> tuple[BaseProcess, Connection]:
        """Start a process and wait until it can work."""
        context = multiprocessing.get_context("spawn")
        for _ in range(_STARTS):
            if self._stopped or self._broken:
                break
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._processes.add(process)
            if self._stopped:  # perhaps just before `stop` could have seen it
                process.terminate()
            try:
                ours.recv()
            except (EOFError, ConnectionError):
                self._bury((process, ours))
                if (process.exitcode or 0) > 0:  # by itself, and it would again
                    break
            else:
                return process, ours
        if not self._stopped:
            self._broken = _USELESS
        raise BrokenExecutor(self._broken or "these workers were stopped")

    def _bury(self, worker: tuple[BaseProcess, Connection]) -> WorkerLost:
        """Close the pipe, on which a living process ends; say how it ended."""
        process, pipe = worker
        pipe.close()
        process.join()
        self._processes.discard(process)
        return WorkerLost(f"the worker process died, with exit code {process.exitcode}")


def _work(pipe: Connection) -> None:
    """Compute what comes through the pipe until its other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe.send(None)
    while True:
        try:
            call = pipe.recv()
        except (EOFError, ConnectionError):
            return
        except Exception as error:  # it names something that is not here
            reply: tuple[bool, Any] = False, error
        else:
            reply = _called(*call)
        try:
            pipe.send(reply)
        except ConnectionError:
            return
        except Exception as error:  # the reply cannot be sent
            pipe.send((False, TypeError(f"{type(error).__name__}: {error}")))


def _called(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any]:
    """Return whether a call succeeded, with its value or its exception."""
    try:
        return True, fn(*args, **kwargs)
    except Exception as error:
        return False, error
