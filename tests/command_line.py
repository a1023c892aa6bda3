"""Running the command line inside of a test."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import pytest

Run = Callable[..., tuple[int, str, str]]
"""The whole command line: words to exit status, standard output and standard error; the fixture `run`."""


def fails(run: Run, *words: str) -> str:
    """Expect wrong usage: status 64, nothing on standard output, one line on standard error."""
    status, out, err = run(*words)
    assert status == 64
    assert out == ""
    assert err.startswith("loopbound: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert "Traceback" not in err
    return err


def invoke(command: click.Command, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run one command alone: exit status, standard output, standard error."""
    status = 0
    try:
        command.main(list(words), prog_name=f"loopbound {command.name}", standalone_mode=False)
    except SystemExit as error:
        status = int(error.code or 0)
    except click.ClickException as error:
        print(error.format_message(), file=sys.stderr)
        status = 64
    captured = capsys.readouterr()
    return status, captured.out, captured.err
