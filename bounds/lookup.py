"""Finding results in the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from .catalogue import CATALOGUE
from .errors import UnknownResultError
from .result import Result

_BY_KEY = {result.key: result for result in CATALOGUE}


def get(key: str) -> Result:
    """Return the result with this key.

    Raises
    ------
    UnknownResultError
        No result has this key; the error suggests similar ones.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownResultError(key, tuple(get_close_matches(key, _BY_KEY, n=3))) from None


def select(patterns: Iterable[str]) -> tuple[Result, ...]:
    """Return the results that match any pattern, in catalogue order; all of them for no pattern.

    A pattern is a key, a family (``tv/discrete`` selects ``tv/discrete/fresh`` too) or a shell
    pattern (``*/fresh``).

    Raises
    ------
    UnknownResultError
        A pattern that matches nothing.
    """
    wanted = tuple(patterns)
    if not wanted:
        return CATALOGUE
    for pattern in wanted:
        if not any(_matches(result.key, pattern) for result in CATALOGUE):
            raise UnknownResultError(pattern, tuple(get_close_matches(pattern, _BY_KEY, n=3)))
    return tuple(result for result in CATALOGUE if any(_matches(result.key, p) for p in wanted))


def _matches(key: str, pattern: str) -> bool:
    return key == pattern or key.startswith(pattern.rstrip("/") + "/") or fnmatchcase(key, pattern)
