"""What an ordinary test run leaves to the slow one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def first_quickly(rows: Sequence[tuple[Any, ...]], ids: Sequence[str], every: int = 4) -> list[Any]:
    """Return the rows as parameters of a test, all slow but the first of each group of `every`."""
    return [
        pytest.param(*row, id=name, marks=[pytest.mark.slow] if place % every else [])
        for place, (row, name) in enumerate(zip(rows, ids, strict=True))
    ]
