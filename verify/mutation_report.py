"""What a mutation run leaves behind: a table, the survivors, and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bounds

from .mutation import SIZES, Fate, Hint, MutationScore
from .mutation_operators import Mutant
from .report import staging
from .run import Plan

_PACKAGES = ("loopbound", "numpy", "scipy", "sympy")
_COLUMNS = ("result", "mutants", "must kill", "killed", *(str(fate) for fate in list(Fate)[1:]), "left out")


def in_order(scores: Iterable[MutationScore]) -> list[MutationScore]:
    """Return the scores in the order of the catalogue."""
    order = {result.key: index for index, result in enumerate(bounds.CATALOGUE)}
    return sorted(scores, key=lambda score: order[score.key])


def _row(score: MutationScore) -> tuple[str, ...]:
    tested = sum(score.fates.values())
    fates = (str(score.fates[fate]) for fate in list(Fate)[1:])
    return (score.key, str(tested), str(score.must_kill), str(score.killed), *fates, str(score.made - tested))


def table(scores: Iterable[MutationScore]) -> str:
    """Return one row per result, in the order of the catalogue."""
    rows = [_COLUMNS, *(_row(score) for score in in_order(scores))]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(_aligned(row, widths)) for row in rows)


def _aligned(row: tuple[str, ...], widths: list[int]) -> list[str]:
    cells = zip(row[1:], widths[1:], strict=True)
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in cells)]


def survivor_lines(scores: Iterable[MutationScore]) -> list[str]:
    """Return one line per survivor: what was changed and where, and where it is clearly false."""
    lines = []
    for score in in_order(scores):
        for s in score.survivors:
            where = ", ".join(f"{name}={value:g}" for name, value in s.parameters.items())
            lines.append(
                f"SURVIVOR {score.key}#{s.case}, {s.design}, {where}: {s.mutant.operator} at {list(s.mutant.path)}, "
                f"{s.mutant.before} => {s.mutant.after}: says {s.bound:.9g}, true is {s.low:.9g} to {s.high:.9g}, "
                f"about {s.needed:.3g} replications should do"
            )
    return lines


def totals(scores: Iterable[MutationScore]) -> dict[str, int]:
    """Return the sums over all results; `checks` counts the mutants that each case must refute."""
    scores = list(scores)
    counted = {str(fate): sum(score.fates[fate] for score in scores) for fate in Fate}
    left_out = {name: sum(getattr(s, name) for s in scores) for name in ("equal", "invalid", "identical", "duplicate")}
    return {
        "results": len(scores),
        "made": sum(score.made for score in scores),
        **left_out,
        **counted,
        "killed": sum(score.killed for score in scores),
        "checks": sum(case.must_kill for score in scores for case in score.cases),
        "checks passed": sum(case.killed for score in scores for case in score.cases),
    }


def closing(scores: Sequence[MutationScore], total: int) -> str:
    """Say how many of those to kill were killed, and what became of the others."""
    sums = totals(scores)
    must, killed = sums[str(Fate.MUST_KILL)], sums["killed"]
    share = f" ({killed / must:.2%})" if must else ""
    others = ", ".join(f"{sums[str(fate)]} {fate}" for fate in list(Fate)[1:])
    dropped = ", ".join(f"{sums[name]} {name}" for name in ("equal", "identical", "duplicate", "invalid"))
    return (
        f"{len(scores)} of {total} results: {killed} of {must} mutants killed that must be{share}, by {sums['checks']} "
        f"refutations asked of {sum(len(score.cases) for score in scores)} cases; {others}; left out: {dropped}"
    )


def _change(mutant: Mutant) -> dict[str, Any]:
    return {"operator": mutant.operator, "path": list(mutant.path), "before": mutant.before, "after": mutant.after}


def _hint(hint: Hint) -> dict[str, Any]:
    return {**_change(hint.mutant), "median": hint.median, "largest": hint.largest}


def _summary(score: MutationScore) -> dict[str, Any]:
    return {
        "made": score.made,
        **{name: getattr(score, name) for name in ("equal", "invalid", "identical", "duplicate")},
        **{str(fate): number for fate, number in score.fates.items()},
        "killed": score.killed,
        "cases": {case.case: [case.killed, case.must_kill] for case in score.cases},
        "survivors": [
            {**_change(s.mutant), **{k: v for k, v in asdict(s).items() if k != "mutant"}} for s in score.survivors
        ],
        "hints": [_hint(hint) for hint in score.hints],
        "unexercised": [_change(mutant) for mutant in score.unexercised],
    }


def as_json(scores: Sequence[MutationScore], plan: Plan, *, complete: bool) -> str:
    """Return a run as JSON: equal plans give equal text but for the date and the versions."""
    head = {
        "date": datetime.now(UTC).date().isoformat(),
        "complete": complete,
        "confidence": plan.confidence,
        "effort": str(plan.effort),
        "seed": plan.seed,
        "patterns": list(plan.patterns),
        "real_distribution": plan.setting.source,
        "oracle_replications": list(SIZES[plan.effort]),
        "versions": {name: version(name) for name in _PACKAGES},
        "totals": totals(scores),
    }
    rows = (f"{json.dumps(s.key)}: {json.dumps(_summary(s), allow_nan=False)}" for s in in_order(scores))
    return json.dumps(head, indent=1)[:-2] + ',\n "results": {\n' + ",\n".join(rows) + "\n }\n}\n"


def place_of(out: str) -> Path:
    """Return the file that is meant: itself if it ends in .json, else mutation.json in that folder.

    The folder is made if need be. OSError if it cannot be, or nothing can be written there.
    """
    path = Path(out)
    file = path if path.suffix.lower() == ".json" else path / "mutation.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise IsADirectoryError(21, os.strerror(21), str(file))
    with staging(file.parent):  # can anything be written there?
        pass
    return file


def save(scores: Sequence[MutationScore], plan: Plan, file: Path, *, complete: bool) -> None:
    """Write the JSON; the file is there whole or not."""
    with staging(file.parent) as folder:
        (folder / file.name).write_text(as_json(scores, plan, complete=complete), encoding="utf-8")
        (folder / file.name).replace(file)
