"""The chapters written by hand: their labels, and where each result is proved."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bounds
from bounds import Result

_LABEL = re.compile(r"^\(([\w-]+)\)=\n+(#+) (.*)$", re.M)


@dataclass(frozen=True)
class Section:
    """A labelled section of a chapter.

    Attributes
    ----------
    chapter : str
        Name of the page.
    label, title, text : str
        The text runs to the next heading of the same or a higher level.
    """

    chapter: str
    label: str
    title: str
    text: str

    @property
    def proved(self) -> bool:
        """Whether the section has an argument of several lines and, where it is a proof, its end."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return len(lines) > 1 and len(self.text) > 300 and "∎" in self.text


def title_of(text: str) -> str:
    """Return the first heading of a page."""
    return next(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))


def sections_of(chapter: str, text: str) -> list[Section]:
    """Return the labelled sections of a page."""
    found = []
    for match in _LABEL.finditer(text):
        level = len(match[2])
        rest = text[match.end() :]
        end = re.search(rf"^#{{1,{level}}} ", rest, re.M)
        body = rest[: end.start()] if end else rest
        found.append(Section(chapter, match[1], match[3], body))
    return found


def read(book: Path) -> dict[str, Section]:
    """Return all labelled sections of the book by their labels."""
    pages = sorted(book.glob("*.md"))
    return {s.label: s for page in pages for s in sections_of(page.stem, page.read_text(encoding="utf-8"))}


def anchor(key: str) -> str:
    """Return the label of the block of a result."""
    return f"result-{key.replace('/', '-')}"


def by_chapter(results: Iterable[Result], sections: dict[str, Section]) -> dict[str, dict[str, list[Result]]]:
    """Group results by the chapter and the label of their proof, in catalogue order."""
    groups: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        if result.proof not in sections:
            raise ValueError(f"{result.key}: no section of the book has the label {result.proof!r} of its proof")
        chapter = sections[result.proof].chapter
        groups.setdefault(chapter, {}).setdefault(result.proof, []).append(result)
    return groups


def with_links(text: str) -> str:
    """Return a page with links, under the heading of every proof, to the blocks of what is proved there."""
    proved: dict[str, list[Result]] = {}
    for result in bounds.CATALOGUE:
        proved.setdefault(result.proof, []).append(result)

    def linked(match: re.Match[str]) -> str:
        results = proved.get(match[1], [])
        return match[0] + (f"\n\n{_links(results)}\n" if results else "")

    return _LABEL.sub(linked, text)


def _links(results: list[Result]) -> str:
    links = " · ".join(f"{{ref}}`{r.key} <{anchor(r.key)}>`" for r in results)
    if len(results) <= 3:
        return f"*Formula, verdict and live cell:* {links}"
    return f":::{{dropdown}} {len(results)} results: formulas, verdicts and live cells\n{links}\n:::"
