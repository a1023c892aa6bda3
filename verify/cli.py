"""The command line: list, show, eval, query, verify, check, falsify, sweep and plan."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .check_cli import check
from .commands import PATTERNS_HELP, USAGE_ERROR, fail, result_of, selected
from .falsify_cli import falsify
from .mutate_cli import mutate
from .orders_cli import rates
from .planner_cli import plan
from .query_cli import query
from .sweep_cli import sweep

if TYPE_CHECKING:
    from .case import Setting
    from .run import Plan

CLOSED_PIPE = 141  # as a shell reports a program ended by SIGPIPE


class _ClosedPipe(Exception):
    """The reader of our output went away, as in `loopbound list | head`."""


class _Commands(click.Group):
    """A group that leaves a closed pipe to `main`: click's own status for it, 1, would say REFUTED."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ClosedPipe from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="loopbound", prog_name="loopbound")
def cli() -> None:
    """Check the learning theory of self-consuming training loops against simulation.

    Exit status: 0 all hold, 1 something refuted, 2 something undecided, 64 wrong usage, 130 interrupted.
    """


@cli.command("list", epilog=PATTERNS_HELP)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--keys", is_flag=True, help="Print the keys only, one a line.")
def list_results(patterns: tuple[str, ...], keys: bool) -> None:
    """List the results of the catalogue."""
    results = selected(patterns)
    if keys:
        click.echo("\n".join(result.key for result in results))
        return
    key_width = max(len(r.key) for r in results)
    kind_width = max(len(r.kind) for r in results)
    for r in results:
        click.echo(f"{r.key:<{key_width}}  {r.kind:<{kind_width}}  {r.title}")
    click.echo(f"{len(results)} results")


@cli.command()
@click.argument("key")
def show(key: str) -> None:
    """Show one result: statement, formula in Unicode and LaTeX, domains, assumptions, source."""
    from bounds import render

    click.echo(render.text(result_of(key)), nl=False)


@cli.command("eval")
@click.argument("key")
@click.argument("assignments", nargs=-1, metavar="NAME=VALUES...")
@click.option("--csv", "form", flag_value="csv", help="Comma separated values with a header.")
@click.option("--json", "form", flag_value="json", help="An array of objects, in full double precision.")
def evaluate(key: str, assignments: tuple[str, ...], form: str | None) -> None:
    """Evaluate the result KEY: a table over all combinations of the values given.

    NAME=VALUES takes a number (n=1000), a list (alpha=0,0.1,0.5) or an inclusive range of integers (i=1:50,
    i=10:50:10). A probability vector or a vector of sizes is one comma separated list (p=0.7,0.2,0.1); a matrix
    has its rows separated by semicolons (B='0,0;0.5,0').

    Example: loopbound eval tv/discrete/fresh n=1000 alpha=0.1 i=1:50 K=10
    """
    from bounds import BoundsError

    from .tabulate import AssignmentError, render_rows, tabulate

    try:
        text = render_rows(tabulate(result_of(key), assignments), form or "table")
    except (BoundsError, AssignmentError, OverflowError) as error:
        fail(str(error))
    click.echo(text, nl=False)


@cli.command(epilog=PATTERNS_HELP)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--quick", "effort", flag_value="quick", help="Fewer designs.")
@click.option("--full", "effort", flag_value="full", help="More designs and replications.")
@click.option(
    "--confidence",
    type=float,
    default=0.999,
    show_default=True,
    help="Probability that every decision of the run is right.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same numbers.")
@click.option("--workers", type=int, default=None, help="Processes.  [default: number of processors]")
@click.option("--dask", "address", default=None, help="Scheduler of a Dask cluster, or 'local' to start one here.")
@click.option("--data", "data", type=click.Path(), default=None, help="Take the real distribution from this file.")
@click.option("--column", default=None, help="Column of a CSV or TSV file; a text file gives its tokens.")
@click.option("--target", default=None, help="Column of the labels: the rows are what learners are trained on.")
@click.option("--features", default=None, help="Columns of the features: a,b,c.  [default: all but the target]")
@click.option("--out", type=click.Path(), default=None, help="Write curves, figures and tables to this folder.")
def verify(
    patterns: tuple[str, ...],
    effort: str | None,
    confidence: float,
    seed: int,
    workers: int | None,
    address: str | None,
    data: str | None,
    column: str | None,
    target: str | None,
    features: str | None,
    out: str | None,
) -> None:
    """Check results against exact laws and simulations: HOLDS, REFUTED or UNDECIDED.

    --data with --column gives the real distribution of single values; --target gives that of labelled rows, scaled to
    features in the unit ball and labels in [-1, 1], and stands in for --column unless both are given.
    """
    for option, needed, missing in (
        ("--column", "--data", column is not None and data is None),
        ("--target", "--data", target is not None and data is None),
        ("--features", "--target", features is not None and target is None),
    ):
        if missing:
            fail(f"{option} needs {needed}")
    count = workers if workers is not None else os.cpu_count() or 1
    if count < 1:
        fail(f"--workers {count}: allowed: an integer >= 1")
    total = len(selected(patterns))
    setting = None if data is None else _setting(data, column, target, features)
    plan = _plan(patterns, effort or "standard", confidence, seed, setting)
    directory = _directory(out)
    from .cluster import ClusterError, executor_of
    from .session import run_session

    click.echo(f"real distribution: {plan.setting.source}")
    try:
        with executor_of(address, count) as executor:
            status = run_session(plan, total, count, directory, executor)
    except ClusterError as error:
        fail(str(error))
    raise SystemExit(status)


def _setting(data: str, column: str | None, target: str | None, features: str | None) -> Setting:
    """Read the data; what cannot be used ends the program with one line."""
    import csv

    import sim

    from .settings import setting_from_file

    try:
        names = None if features is None else next(csv.reader([features], strict=True), [])
        return setting_from_file(data, column, target, names)
    except csv.Error as error:
        fail(f"--features {features}: {error}")
    except sim.DataError as error:
        fail(str(error))


def _plan(patterns: tuple[str, ...], effort: str, confidence: float, seed: int, setting: Setting | None) -> Plan:
    """Build the plan; wrong values end the program with one line."""
    from .case import Effort
    from .run import DEFAULT_SETTING, Plan

    try:
        return Plan(
            patterns=patterns,
            effort=Effort(effort),
            confidence=confidence,
            seed=seed,
            setting=DEFAULT_SETTING if setting is None else setting,
        )
    except ValueError as error:
        fail(str(error))


def _directory(out: str | None) -> Path | None:
    if out is None:
        return None
    from .report import staging

    path = Path(out)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with staging(path):  # can anything be written there?
            pass
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")
    return path


def _one_line(error: click.ClickException) -> str:
    """Return what is wrong and where to read more, without click's usage lines."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = " ".join(error.format_message().split())
    return f"{message} (see {context.command_path} --help)" if context is not None else message


cli.add_command(check)
cli.add_command(mutate)
cli.add_command(falsify)
cli.add_command(plan)
cli.add_command(query)
cli.add_command(rates)
cli.add_command(sweep)


def main() -> None:
    """Run the command line; wrong usage ends with status 64."""
    # processes are the parallelism here: threads of the linear algebra would only compete with them
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        status = cli.main(prog_name="loopbound", standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
            error.show()
            sys.exit(USAGE_ERROR)
        click.echo(f"loopbound: {_one_line(error)}", err=True)
        sys.exit(USAGE_ERROR)
    except click.Abort:
        click.echo("loopbound: interrupted", err=True)
        sys.exit(130)
    except _ClosedPipe:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CLOSED_PIPE)
    sys.exit(status if isinstance(status, int) else 0)
