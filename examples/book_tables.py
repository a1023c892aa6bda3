"""Write the tables of exponents and of crossovers into pages of the book, between their markers.

Usage: python examples/book_tables.py book/stability.md book/generalization.md book/transformers.md
"""

import sys
from pathlib import Path

import numpy as np
from marked import replaced

from verify import incontext_exponents
from verify.crossovers import DELTAS, FORMS, PAIRS, Crossing, crossings, over_length
from verify.stability_exponents import StabilityExponent, exact_exponents, sampled_exponents

EDGES = {"general": (10, 4000), "ridge": (20, 8000)}  # the same numbers of real points, N = n and N = n/2
SETTINGS = {"general": "general", "ridge": "ridge regression"}


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def signed(x: float, digits: int = 3) -> str:
    """Write a number with a minus sign instead of a hyphen."""
    return f"{x:.{digits}f}".replace("-", "−")


def exponent_row(row: StabilityExponent) -> tuple[str, ...]:
    """Return the cells of one exponent."""
    low, high = row.limits
    sampled = f" [{signed(low)}, {signed(high)}]" if row.replications else ""
    end = str(row.growth.exponent).replace("-", "−") + (", times log" if row.growth.log_power else "")
    ratio = row.bound / row.mean
    path = f"{row.path[0]:g} … {row.path[-1]:g}"
    return (
        row.quantity,
        row.what,
        f"{row.along} = {path}",
        signed(row.exponent) + sampled,
        signed(row.bound_exponent),
        end,
        f"{ratio[0]:.2f} … {ratio[-1]:.2f}",
    )


def exponents(rows: tuple[StabilityExponent, ...]) -> str:
    """Return the table of exponents."""
    head = ("", "of", "along", "measured exponent", "of the bound", "of the bound, at infinity", "bound/measured")
    return table(head, [exponent_row(row) for row in rows])


def since(crossing: Crossing) -> str:
    """Say from where on the first is below the second."""
    if not crossing.below:
        return "never"
    return "always" if crossing.relation == "below" else f"{crossing.below[-1][0]:,}"


def crossover_rows(setting: str) -> list[tuple[str, ...]]:
    """Return one row per delta: where the forms cross, and how large L3 is where N is 10 and 4,000."""
    found = crossings(setting)
    rows = []
    for delta in DELTAS:
        cells = [since(crossing) for crossing in found if crossing.delta == delta]
        sizes = over_length("L3", setting, np.array(EDGES[setting]), delta)
        rows.append((SETTINGS[setting], f"{delta:g}", *cells, " … ".join(f"{x:.0f}" for x in sizes)))
    return rows


def crossovers() -> str:
    """Return the table of crossovers."""
    pairs = [f"{first} < {second}" for first, second in (*PAIRS, *((form, "M") for form in FORMS))]
    return table(("", "δ", *pairs, "L3/M"), [row for setting in EDGES for row in crossover_rows(setting)])


TABLES = {
    "stability exponents": lambda: exponents((*exact_exponents(), *sampled_exponents())),
    "in-context exponents": lambda: exponents(
        (*incontext_exponents.exact_exponents(), *incontext_exponents.sampled_exponents())
    ),
    "crossovers": crossovers,
}


def updated(text: str) -> str:
    """Return the text with fresh tables between those markers that it has."""
    for name, make in TABLES.items():
        if f"<!-- {name} -->" in text:
            text = replaced(text, name, f"\n{make()}\n")
    return text


def main(paths: list[str]) -> None:
    """Update the files."""
    for path in paths:
        file = Path(path)
        file.write_text(updated(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
