"""Attacks as text and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from .falsify_run import BUDGET, CONFIRMED, LEVEL, Falsification, Finding, Outcome


def block(found: Falsification) -> str:
    """Return the outcome of one attack in a few lines: where it comes nearest, and the commands to see that again."""
    worst = found.worst
    lines = [
        f"{found.key}: {found.outcome}, {found.measure} {_limits(worst)}, {worst.guarantee}, {_looked_at(found)}",
        "  at " + ", ".join(f"{name}={value:g}" for name, value in worst.point.items()),
        f"  {found.command(worst)}",
    ]
    return "\n".join(lines) + "\n"


def _limits(finding: Finding) -> str:
    if finding.replications == 0:
        return f"{finding.ratio:.6g}"
    return f"{finding.ratio:.6g} in [{finding.lower:.6g}, {finding.upper:.6g}]"


def _looked_at(found: Falsification) -> str:
    what = "points" if found.searched else "designs of its cases, as it has no search"
    return f"{found.designs} {what}"


def closing(done: Iterable[Falsification], total: int) -> str:
    """Return the counts of outcomes in one line."""
    found = list(done)
    counts = ", ".join(f"{sum(f.outcome is outcome for f in found)} {outcome}" for outcome in Outcome)
    without = sum(not f.searched for f in found)
    return f"{len(found)} of {total} results: {counts}; {without} without a search"


def as_json(done: Iterable[Falsification], *, budget: int = BUDGET, seed: int = 0, complete: bool = True) -> str:
    """Return everything found, by key; numbers that are not finite are null."""
    document = {
        "budget": budget,
        "seed": seed,
        "confirmed": CONFIRMED,
        "level": LEVEL,
        "complete": complete,
        "results": {found.key: _as_dict(found) for found in sorted(done, key=lambda found: found.key)},
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _as_dict(found: Falsification) -> dict[str, Any]:
    return {
        "outcome": found.outcome,
        "measure": found.measure,
        "designs": found.designs,
        "searched": found.searched,
        "findings": [
            {
                "at": dict(finding.at),
                "point": {name: _number(value) for name, value in finding.point.items()},
                "decision": finding.decision,
                "ratio": _number(finding.ratio),
                "lower": _number(finding.lower),
                "upper": _number(finding.upper),
                "replications": finding.replications,
                "guarantee": finding.guarantee,
                "command": found.command(finding),
            }
            for finding in found.findings
        ],
    }


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


__all__ = ["as_json", "block", "closing"]
