"""The command `loopbound sweep`."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import FAILED, INTERRUPTED, fail

if TYPE_CHECKING:
    from xarray import Dataset

_EVERY = 10.0  # seconds between plain lines


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--workers", type=int, default=None, help="Processes.  [default: number of processors]")
@click.option("--dask", "address", default=None, help="Scheduler of a Dask cluster, or 'local' to start one here.")
@click.option(
    "--store", type=click.Path(path_type=Path), default=None, help="Keep every finished block in this folder."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write the result to this netCDF file.")
def sweep(file: Path, workers: int | None, address: str | None, store: Path | None, out: Path) -> None:
    """Simulate loops over a grid of designs, described in the TOML file FILE.

    With --store the sweep can be stopped at any moment: the same command goes on with what is missing, and a larger
    grid or more replications use what is there. The result does not depend on workers, cluster or interruptions.

    Exit status: 0 done, 64 wrong usage, 70 something could not be computed or kept, 130 interrupted.
    """
    from .sweep_file import SweepFileError, read_sweep

    count = workers if workers is not None else os.cpu_count() or 1
    if count < 1:
        fail(f"--workers {count}: allowed: an integer >= 1")
    if not out.parent.is_dir():
        fail(f"--out {out}: its folder does not exist")
    try:
        asked = read_sweep(file)
    except SweepFileError as error:
        fail(str(error))
    kept = f"finished blocks are kept in {store}, the same command goes on" if store else "nothing is kept (--store)"
    dataset, failed = _run(asked, count, address, store, kept)
    _write(dataset, out)
    if failed:
        fail(f"{failed}\n{out} has NaN in their places; {kept}", FAILED)
    sizes = ", ".join(f"{name} {size}" for name, size in dataset.sizes.items())
    click.echo(f"wrote {out}: {sizes}")


def _run(
    asked: dict[str, Any], workers: int, address: str | None, store: Path | None, kept: str
) -> tuple[Dataset, str]:
    """Run the sweep; return the result and what failed in it; every other error is one line."""
    import sim

    from .cluster import ClusterError, executor_of

    try:
        with ExitStack() as stack:
            stack.enter_context(_warnings_as_lines())
            executor = stack.enter_context(executor_of(address, workers))
            progress = stack.enter_context(_progress())
            return sim.sweep(**asked, workers=workers, executor=executor, store=store, progress=progress), ""
    except sim.SweepError as error:
        return error.dataset, str(error)
    except (sim.SimulationError, ClusterError) as error:
        fail(str(error))
    except sim.ExecutorError as error:
        fail(f"{error}; {kept}", FAILED)
    except sim.StoreError as error:
        fail(str(error), FAILED)
    except KeyboardInterrupt:
        fail(f"interrupted; {kept}", INTERRUPTED)


def _write(dataset: Dataset, out: Path) -> None:
    """Write the file whole, or not at all."""
    from .report import staging

    try:
        with staging(out.parent) as folder:
            dataset.to_netcdf(folder / out.name, engine="netcdf4")
            (folder / out.name).replace(out)
    except OSError as error:
        fail(f"--out {out}: {error.strerror or error}", FAILED)


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Say what is wrong in a store, without lines of code."""
    from sim import StoreWarning

    def show(message: Warning | str, category: type[Warning], *rest: Any) -> None:
        click.echo(f"loopbound: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", StoreWarning)
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Show how far it is: a bar on a terminal, now and then a line otherwise."""
    if not sys.stdout.isatty():
        yield _Lines()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("blocks, {task.fields[rate]} a second, left")
    with Progress(BarColumn(bar_width=20), MofNCompleteColumn(), rate, TimeRemainingColumn(), transient=True) as bar:
        task = bar.add_task("", total=None, rate="-")

        def update(done: int, total: int) -> None:
            speed = bar.tasks[task].speed
            bar.update(task, completed=done, total=total, rate="-" if speed is None else f"{speed:.3g}")

        yield update


class _Lines:
    """Prints blocks done, their rate and the time left, every few seconds and in the end."""

    def __init__(self) -> None:
        self.start = self.last = time.monotonic()
        self.first: int | None = None

    def __call__(self, done: int, total: int) -> None:
        """Print a line if it is time."""
        now = time.monotonic()
        if self.first is None:
            self.first = done
        if now - self.last < _EVERY and done < total:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = f"{(total - done) / rate:.0f} s left" if rate else "time left unknown"
        print(f"{done} of {total} blocks, {rate:.3g} a second, {left}", flush=True)
