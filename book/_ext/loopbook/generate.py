"""Writes everything that the book generates into `book/generated/`."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import bounds
from bounds import Result
from verify.report import slug

from . import chapters
from .blocks import block
from .figures import draw
from .reference import api_pages, glossary

_HEAD = """---
file_format: mystnb
kernelspec:
  name: python3
---
"""
_SETUP = """```{code-cell}
:tags: [hide-input]
import numpy as np
import bounds
```
"""


def stored_verdicts(book: Path) -> dict[str, Any]:
    """Return the stored verdicts with the facts of their run."""
    document: dict[str, Any] = json.loads((book / "verdicts.json").read_text(encoding="utf-8"))
    return document


def result_pages(book: Path) -> dict[str, str]:
    """Return the pages of results by name: one for each chapter that proves some."""
    sections, document = chapters.read(book), stored_verdicts(book)
    return {
        chapter: _result_page(book, chapter, groups, sections, document)
        for chapter, groups in chapters.by_chapter(bounds.CATALOGUE, sections).items()
    }


def _result_page(
    book: Path,
    chapter: str,
    groups: dict[str, list[Result]],
    sections: dict[str, chapters.Section],
    document: dict[str, Any],
) -> str:
    title = chapters.title_of((book / f"{chapter}.md").read_text(encoding="utf-8"))
    count = sum(map(len, groups.values()))
    parts = [
        f"{_HEAD}\n(results-{chapter})=\n# Results: {title[0].lower() + title[1:]}\n",
        f"The {count} results that {{ref}}`{chapter}` proves, each with its formula, its verdict and a live cell.\n",
        _SETUP,
    ]
    for label, results in groups.items():
        parts.append(f"## {sections[label].title.split(' (`')[0]}\n")
        parts += [block(r, sections[label], document["results"].get(r.key), document) for r in results]
    return "\n".join(parts)


def _figure(key: str, row: dict[str, Any] | None) -> tuple[str, str | None]:
    return f"{slug(key)}.svg", draw(bounds.get(key), row)


def figures(book: Path) -> dict[str, str]:
    """Return the figure of each result: file name and SVG."""
    rows = stored_verdicts(book)["results"]
    keys = [result.key for result in bounds.CATALOGUE]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_figure, keys, map(rows.get, keys), chunksize=8)
        return {name: picture for name, picture in drawn if picture is not None}


def write(book: Path) -> None:
    """Write all generated files; leave those that are as they should be, and remove those that are no more."""
    files = {f"results/{name}.md": text for name, text in result_pages(book).items()}
    files |= {f"api/{name}.md": text for name, text in api_pages().items()}
    files["glossary.md"] = glossary()
    files |= {f"figures/{name}": picture for name, picture in figures(book).items()}
    root = book / "generated"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in root.rglob("*.*"):
        if path.relative_to(root).as_posix() not in files:
            path.unlink()
