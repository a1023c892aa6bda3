"""All searches: an explicit tuple."""

from ..search import Search

SEARCHES: tuple[Search, ...] = ()

__all__ = ["SEARCHES"]
