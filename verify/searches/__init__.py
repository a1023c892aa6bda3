"""All searches: an explicit tuple."""

from ..search import Search
from . import chains, curation, discrete, discrete_moments, gaussian, kde, markov, phase, propagation, regression

SEARCHES: tuple[Search, ...] = (
    *propagation.SEARCHES,
    *discrete.SEARCHES,
    *discrete_moments.SEARCHES,
    *gaussian.SEARCHES,
    *kde.SEARCHES,
    *phase.SEARCHES,
    *markov.SEARCHES,
    *chains.SEARCHES,
    *curation.SEARCHES,
    *regression.SEARCHES,
)

__all__ = ["SEARCHES"]
