"""`loopbound verify`: progress while it runs, a table at the end, finished results kept on interruption."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

import bounds

from .commands import INTERRUPTED
from .evidence import Decision
from .report import exit_status, save, save_summary, staging
from .run import Plan, Verdict, verify

_COLUMNS = (
    "result", "verdict", "decided", "vacuous", "tightness", "min", "max", "replications", "seconds", "evidence"
)  # fmt: skip
_NUMBERS = _COLUMNS[2:9]
_STYLES = {Decision.HOLDS: "green", Decision.REFUTED: "bold red", Decision.UNDECIDED: "yellow"}


class _Console(Console):
    """A console that reports a closed pipe as it is, not by an exit with the status of a refutation."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


def run_session(plan: Plan, total: int, workers: int, directory: Path | None, executor: Executor | None = None) -> int:
    """Run a plan on the terminal and return the exit status.

    Parameters
    ----------
    plan : Plan
    total : int
        Number of results.
    workers : int
    directory : Path or None
        Where curves, figures and the summary go; each result is written as soon as it is reached.
    executor : concurrent.futures.Executor, optional
        Runs the results instead of the workers.

    Returns
    -------
    int
        0 all hold, 1 something refuted, 2 something undecided, 130 interrupted.
    """
    console = _Console()
    verdicts: list[Verdict] = []
    with ExitStack() as stack:
        finish = None
        if directory is not None:
            finish = partial(save, directory=directory, unfinished=stack.enter_context(staging(directory)))
        stream = stack.enter_context(closing(verify(plan, workers=workers, executor=executor, finish=finish)))
        try:
            _follow(console, stream, verdicts, total)
        except KeyboardInterrupt:
            _say(console, "stopping ...")
            stream.close()
        except Exception:  # a failing case must not cost the results that are finished
            if directory is not None:
                save_summary(verdicts, plan, directory, complete=False)
            raise
    return _conclude(console, verdicts, plan, total, directory)


def _conclude(console: Console, verdicts: list[Verdict], plan: Plan, total: int, directory: Path | None) -> int:
    complete = len(verdicts) == total
    if verdicts:
        console.print(_table(verdicts, console))
    _say(console, _closing(verdicts, total))
    if directory is not None:
        save_summary(verdicts, plan, directory, complete=complete)
        _say(console, f"wrote {len(verdicts)} curves and figures, the tightness table and summary.json to {directory}")
    if complete:
        return exit_status(verdicts)
    kept = f"; the {len(verdicts)} finished results are kept in {directory}" if directory is not None else ""
    _say(console, f"interrupted after {len(verdicts)} of {total} results{kept}")
    return INTERRUPTED


def _say(console: Console, line: str) -> None:
    """Print a line as it is: a narrow terminal wraps it, a file gets it whole."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _follow(console: Console, stream: Iterable[Verdict], verdicts: list[Verdict], total: int) -> None:
    """Collect verdicts under a live bar on a terminal, and with one plain line each otherwise."""
    if not console.is_terminal:
        for verdict in stream:
            verdicts.append(verdict)
            seconds = f"{verdict.seconds:.1f} s"
            print(f"[{len(verdicts)}/{total}] {verdict.key}: {verdict.outcome} ({seconds})", flush=True)
        return
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=total)
        for verdict in stream:
            verdicts.append(verdict)
            progress.update(bar, advance=1, description=f"{verdict.key}: {verdict.outcome}")


def _table(verdicts: list[Verdict], console: Console) -> Table:
    """One row per result, in catalogue order; columns that do not fit a narrow terminal are left out."""
    order = {result.key: index for index, result in enumerate(bounds.CATALOGUE)}
    rows = [_row(v, console.is_terminal) for v in sorted(verdicts, key=lambda v: order[v.key])]
    widths = [max(len(Text.from_markup(cell)) for cell in column) for column in zip(_COLUMNS, *rows, strict=True)]
    shown = len(_COLUMNS)
    while console.is_terminal and shown > 2 and sum(widths[:shown]) + 2 * shown > console.width:
        shown -= 1
    table = Table(box=None, header_style="bold" if console.is_terminal else "", pad_edge=False)
    for name in _COLUMNS[:shown]:
        table.add_column(name, no_wrap=True, justify="right" if name in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row[:shown])
    if not console.is_terminal:
        console.width = sum(widths) + 2 * len(widths)
    return table


def _row(v: Verdict, styled: bool) -> tuple[str, ...]:
    outcome = f"[{_STYLES[v.outcome]}]{v.outcome}[/]" if styled else str(v.outcome)
    counted = (f"{v.replications:,}", f"{v.seconds:.1f}", ", ".join(v.guarantees))
    return (v.key, outcome, f"{v.decided}/{v.points}", str(v.vacuous), *_tightness(v), *counted)


def _tightness(verdict: Verdict) -> tuple[str, str, str]:
    """Median, least and largest tightness."""
    if not verdict.tightness.size:
        return "-", "-", "-"
    middle, low, high = np.quantile(verdict.tightness, (0.5, 0, 1))
    return f"{middle:.3f}", f"{low:.3f}", f"{high:.3f}"


def _closing(verdicts: list[Verdict], total: int) -> str:
    counts = {d: sum(v.outcome is d for v in verdicts) for d in Decision}
    points = sum(v.decided for v in verdicts)
    listed = ", ".join(f"{count} {decision}" for decision, count in counts.items())
    return f"{len(verdicts)} of {total} results: {listed}; {points} points decided"
