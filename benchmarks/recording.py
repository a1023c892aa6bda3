"""Keeps what benchmarks measure in ``results.json``, from which the table of the README is made."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
_PACKAGES = ("loopbound", "numpy", "scipy", "scikit-learn", "xarray")


def machine() -> dict[str, Any]:
    """Describe the machine: what matters, and nothing that names it."""
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def record(section: str, content: Any) -> None:
    """Put the content of a section into the file, with the machine and its load; other sections stay."""
    document = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    document[section] = {"machine": {**machine(), "load": load}, "measured": content}
    RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def seconds(run: Callable[[], object]) -> float:
    """Return the time that a call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start
