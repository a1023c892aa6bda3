"""Write the catalogue table into a Markdown file, between its two catalogue markers.

Usage: python examples/catalogue_table.py README.md
"""

import sys
from pathlib import Path

from marked import replaced

import bounds
from bounds.render import markdown_table


def updated(text: str) -> str:
    """Return the text with a fresh table between the markers."""
    return replaced(text, "catalogue", markdown_table(bounds.CATALOGUE))


def main(path: str) -> None:
    """Update the file."""
    file = Path(path)
    file.write_text(updated(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
