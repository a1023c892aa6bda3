"""All cases: an explicit tuple."""

from ..case import Case
from . import discrete_exact, discrete_sampled, gaussian, kde, kde_steps, phase, propagation

CASES: tuple[Case, ...] = (
    *propagation.CASES,
    *discrete_exact.CASES,
    *discrete_sampled.CASES,
    *gaussian.CASES,
    *kde.CASES,
    *kde_steps.CASES,
    *phase.CASES,
)

__all__ = ["CASES"]
