"""All cases: an explicit tuple."""

from ..case import Case
from . import discrete_exact, discrete_sampled, gaussian, propagation

CASES: tuple[Case, ...] = (
    *propagation.CASES,
    *discrete_exact.CASES,
    *discrete_sampled.CASES,
    *gaussian.CASES,
)

__all__ = ["CASES"]
