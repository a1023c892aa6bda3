"""Write the table of benchmarks into a Markdown file, between its two benchmark markers.

Usage: python examples/benchmark_table.py README.md
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marked import replaced

RESULTS = Path(__file__).parent.parent / "benchmarks" / "results.json"


def table(results: dict[str, Any]) -> str:
    """Return the measured numbers as Markdown."""
    return "\n".join([*_loops(results), "", *_scaling(results), "", *_sweep(results), ""])


def _machine(section: dict[str, Any]) -> str:
    machine = section["machine"]
    names = ("python", "numpy", "scipy", "scikit-learn")
    versions = ", ".join(f"{name} {machine[name]}" for name in names)
    return f"{machine['cores']} cores ({machine['processor']}, load {machine['load']}), {versions}"


def _loops(results: dict[str, Any]) -> Iterator[str]:
    yield f"One process on {_machine(results['published'])}:"
    yield ""
    yield "| loop | usual code, fits/s | loopbound, fits/s | ratio | share of random draws | exact law |"
    yield "|---|---|---|---|---|---|"
    for row in results["published"]["measured"]["loops"]:
        share = f"{row['draws_share']:.0%}" if "draws_share" in row else "–"
        exact = f"{row['exact_milliseconds']:.1f} ms" if "exact_milliseconds" in row else "–"
        usual, ours = (f"{row[name]:,.0f}" for name in ("usual_fits_per_second", "fits_per_second"))
        yield f"| {row['name']} | {usual} | {ours} | {row['ratio']:.0f} | {share} | {exact} |"
    yield ""
    formulas = results["published"]["measured"]["formulas"]
    ratios = ", ".join(f"{ratio:.2f} ({name})" for name, ratio in formulas.items())
    yield f"Evaluating a result against the same formula written by hand in NumPy, median time ratio: {ratios}."


def _scaling(results: dict[str, Any]) -> Iterator[str]:
    measured = results["published"]["measured"]
    base = ", ".join(f"{name} = {value:,}" for name, value in measured["scaling_base"].items())
    yield f"Summaries of the discrete loop ({base}, one of them changed):"
    yield ""
    yield "| changed | seconds | peak memory |"
    yield "|---|---|---|"
    for row in measured["scaling"]:
        ((name, value),) = [(k, v) for k, v in row.items() if k not in ("seconds", "peak_MiB")]
        yield f"| {name} = {value:,} | {row['seconds']:.2g} | {row['peak_MiB']:.1f} MiB |"


def _sweep(results: dict[str, Any]) -> Iterator[str]:
    sweep = results["sweep"]["measured"]
    yield (
        f"A sweep of {sweep['blocks']:,} blocks, every one kept, takes {sweep['overhead_processor']:.1%} more "
        f"processor time than the blocks alone ({sweep['processor_seconds']['blocks alone']:.0f} s); two workers are "
        f"{sweep['speedup_2_workers']:.2f} times as fast as one "
        f"({sweep['seconds']['sweep, 2 workers']:.0f} s by the clock; load {results['sweep']['machine']['load']})."
    )


def updated(text: str) -> str:
    """Return the text with a fresh table between the markers."""
    return replaced(text, "benchmarks", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def main(path: str) -> None:
    """Update the file."""
    file = Path(path)
    file.write_text(updated(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
