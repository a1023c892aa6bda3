"""The command `loopbound mutate`."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .commands import INTERRUPTED, PATTERNS_HELP, fail, selected

if TYPE_CHECKING:
    from .mutation import MutationScore
    from .run import Plan


@click.command(epilog=PATTERNS_HELP)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--quick", "effort", flag_value="quick", help="Fewer designs.")
@click.option("--full", "effort", flag_value="full", help="More designs and replications.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same numbers.")
@click.option("--workers", type=int, default=None, help="Processes.  [default: number of processors]")
@click.option("--out", type=click.Path(), default=None, help="Write JSON to this file, or into this folder.")
def mutate(patterns: tuple[str, ...], effort: str | None, seed: int, workers: int | None, out: str | None) -> None:
    """Make the checks prove that they can fail.

    The formula of each result is made wrong in many small ways: a constant, an exponent, a term, a parameter. What is
    clearly false, by exact values or by replications of another seed, a check must refute. What no design contradicts
    is listed in the JSON with how much sharper it is: a hint at a better theorem, or at a term that nothing tests.

    Exit status: 0 all that must be refuted is, 1 something survives, 64 wrong usage, 130 interrupted.
    """
    count = workers if workers is not None else os.cpu_count() or 1
    if count < 1:
        fail(f"--workers {count}: allowed: an integer >= 1")
    plan, total = _plan(patterns, effort or "standard", seed)
    raise SystemExit(_session(plan, total, count, _file(out)))


def _plan(patterns: tuple[str, ...], effort: str, seed: int) -> tuple[Plan, int]:
    """Return the plan and how many results it has; wrong values end the program with one line."""
    from .case import Effort
    from .run import Plan

    total = len(selected(patterns))
    try:
        return Plan(patterns=patterns, effort=Effort(effort), seed=seed), total
    except ValueError as error:
        fail(str(error))


def _file(out: str | None) -> Path | None:
    from .mutation_report import place_of

    try:
        return None if out is None else place_of(out)
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")


def _session(plan: Plan, total: int, workers: int, file: Path | None) -> int:
    """Run, print a line per result and the table, write what is finished; return the exit status."""
    from . import mutation_report as report
    from .mutation import mutate

    scores: list[MutationScore] = []
    with closing(mutate(plan, workers=workers)) as stream:
        try:
            for score in stream:
                scores.append(score)
                click.echo(f"[{len(scores)}/{total}] {score.key}: {score.killed} of {score.must_kill} killed")
        except KeyboardInterrupt:
            click.echo("stopping ...")
    complete = len(scores) == total
    click.echo("\n" + report.table(scores))
    for line in report.survivor_lines(scores):
        click.echo(line)
    click.echo(report.closing(scores, total))
    if file is not None:
        report.save(scores, plan, file, complete=complete)
        click.echo(f"wrote {file}")
    if not complete:
        return INTERRUPTED
    return 1 if any(score.survivors for score in scores) else 0
