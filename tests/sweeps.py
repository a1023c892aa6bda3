"""Sweeps of several test files: small, with more than one block at every point."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import sim


def die(K: int) -> sim.Discrete:
    """K atoms of equal weight."""
    if K < 1:
        raise sim.SimulationError("K", K, "positive")
    return sim.Discrete(np.full(K, 1 / K))


BLOCK = die(2).block
GRID: dict[str, Any] = {"K": [2, 3], "n": [8, 16], "schedule": ["replace", "fresh"], "alpha": [0.25, 0.5]}
REPLICATIONS = 3 * BLOCK - 1
LOOPS = 2 * 2 * 3  # replace does not depend on alpha
BLOCKS = LOOPS * 3
ARGUMENTS: dict[str, Any] = {
    "model": die,
    "grid": GRID,
    "replications": REPLICATIONS,
    "seed": 7,
    "generations": 2,
    "record": ["tv"],
}


def swept(**changed: Any) -> xr.Dataset:
    """Sweep the grid, with other arguments where given."""
    return sim.sweep(**{**ARGUMENTS, **changed})


@cache
def expected(summary: bool = False) -> xr.Dataset:
    """What every undisturbed sweep yields."""
    return swept(summary=summary)


def files(store: Path) -> list[Path]:
    """Block files of a store."""
    return sorted(path for path in (store / "blocks").rglob("*") if path.is_file())
