"""What all commands share: exit statuses, and how they end when they are used wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from bounds import Result

USAGE_ERROR, FAILED, INTERRUPTED = 64, 70, 130  # EX_USAGE, EX_SOFTWARE, as a shell reports Ctrl-C
PATTERNS_HELP = "PATTERN is a key, a family (tv/discrete) or a shell pattern ('*/fresh'); none selects all."


def fail(message: str, status: int = USAGE_ERROR) -> NoReturn:
    """Print one line on standard error and leave."""
    click.echo(f"loopbound: {message}", err=True)
    raise SystemExit(status)


def selected(patterns: tuple[str, ...]) -> tuple[Result, ...]:
    """Return the results that patterns name, or leave."""
    import bounds

    try:
        return bounds.select(patterns)
    except bounds.UnknownResultError as error:
        fail(str(error))


def result_of(key: str) -> Result:
    """Return the result of a key, or leave."""
    import bounds

    try:
        return bounds.get(key)
    except bounds.UnknownResultError as error:
        fail(str(error))
