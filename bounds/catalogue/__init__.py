"""The catalogue: an explicit tuple of results."""

from ..result import Result
from . import discrete_moments, discrete_probability, discrete_tv, gaussian, kde, phase, propagation

CATALOGUE: tuple[Result, ...] = (
    *propagation.RESULTS,
    *discrete_tv.RESULTS,
    *discrete_probability.RESULTS,
    *discrete_moments.RESULTS,
    *gaussian.RESULTS,
    *kde.RESULTS,
    *phase.RESULTS,
)

__all__ = ["CATALOGUE"]
