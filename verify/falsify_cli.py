"""The command `loopbound falsify`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .commands import INTERRUPTED, PATTERNS_HELP, fail, result_of, selected
from .grammar import GrammarError, parse_assignment

if TYPE_CHECKING:
    from .falsify_run import Falsification


@click.command(epilog=PATTERNS_HELP)
@click.argument("words", nargs=-1, metavar="[PATTERN]...")
@click.option("--budget", type=click.IntRange(1), default=200, show_default=True, help="Points tried per result.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same numbers.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Processes.  [default: number of processors]")
@click.option("--at", "first", default=None, metavar="NAME=VALUE...", help="Check one point of one result only.")
@click.option("--out", type=click.Path(), default=None, help="Write what was found to this JSON file.")
def falsify(
    words: tuple[str, ...], budget: int, seed: int, workers: int | None, first: str | None, out: str | None
) -> None:
    """Look for a point where a result is wrong: the worst ratio of measured value and bound, and where.

    Tries the ends and corners of everything that may vary, the real distribution included, then what a global
    optimiser asks for; each point with an exact law or few replications. The worst are then checked as by `verify`. A
    line that checks exactly the same point again goes with each.

    Exit status: 0 not falsified, 1 something falsified, 2 something undecided.

    Example: loopbound falsify tv/discrete/fresh --at n=1 alpha=0.1 i=5 K=2 odds=1 ratio=1
    """
    patterns = tuple(word for word in words if "=" not in word)
    assignments = tuple(word for word in ((first,) if first is not None else ()) + words if word and "=" in word)
    if first is None and assignments:
        fail(f"{assignments[0]}: allowed after --at")
    if first is not None and "=" not in first:
        fail(f"--at {first}: allowed: NAME=VALUE")
    keys = _keys(patterns, single=first is not None)
    path = _writable(out)
    stream = _one(keys[0], assignments, seed) if first is not None else _many(keys, budget, seed, workers)
    raise SystemExit(_follow(stream, len(keys), path, budget, seed))


def _keys(patterns: tuple[str, ...], *, single: bool) -> tuple[str, ...]:
    if single and len(patterns) != 1:
        fail("--at: allowed: with the key of one result")
    return tuple(result.key for result in ([result_of(patterns[0])] if single else selected(patterns)))


def _writable(out: str | None) -> Path | None:
    if out is None:
        return None
    try:
        with Path(out).open("a", encoding="utf-8"):  # can anything be written there?
            return Path(out)
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")


def _one(key: str, assignments: tuple[str, ...], seed: int) -> Iterator[Falsification]:
    from .falsify_run import PointError, falsify_result

    try:
        yield falsify_result(key, at=_values(assignments), seed=seed)
    except (GrammarError, PointError) as error:
        fail(str(error))


def _many(keys: tuple[str, ...], budget: int, seed: int, workers: int | None) -> Iterator[Falsification]:
    from .falsify_run import falsify_catalogue

    return falsify_catalogue(keys, budget=budget, seed=seed, workers=workers or os.cpu_count() or 1)


def _values(assignments: tuple[str, ...]) -> dict[str, int | float]:
    """Read numbers, whole ones as int."""
    values: dict[str, int | float] = {}
    for word in assignments:
        name, value = parse_assignment(word)
        if name in values or not isinstance(value, int | Fraction):
            raise GrammarError(word, 1, "one number for each name")
        values[name] = value if isinstance(value, int) else float(value)
    return values


def _follow(stream: Iterator[Falsification], total: int, path: Path | None, budget: int, seed: int) -> int:
    """Print what is found as it comes, write it, and return the exit status."""
    from .falsify_report import as_json, block, closing
    from .falsify_run import Outcome

    done: list[Falsification] = []
    try:
        for found in stream:
            done.append(found)
            click.echo(block(found), nl=False)
    except KeyboardInterrupt:
        click.echo("loopbound: interrupted", err=True)
    finally:  # a search that fails must not cost what is finished
        if path is not None:
            text = as_json(done, budget=budget, seed=seed, complete=len(done) == total)
            path.write_text(text, encoding="utf-8")
    click.echo(closing(done, total))
    if path is not None:
        click.echo(f"wrote {path}")
    if len(done) < total:
        return INTERRUPTED
    outcomes = {found.outcome for found in done}
    return 1 if Outcome.FALSIFIED in outcomes else 2 if Outcome.UNDECIDED in outcomes else 0
