"""The catalogue: an explicit tuple of results."""

from ..result import Kind, Result
from . import (
    discrete_moments,
    discrete_probability,
    discrete_tv,
    gaussian,
    generalization,
    kde,
    phase,
    propagation,
    stability,
)

CATALOGUE: tuple[Result, ...] = (
    *propagation.RESULTS,
    *discrete_tv.RESULTS,
    *discrete_probability.RESULTS,
    *discrete_moments.RESULTS,
    *gaussian.RESULTS,
    *kde.RESULTS,
    *phase.RESULTS,
    *stability.RESULTS,
    # an order up to a constant that nobody knows is no inequality that could be checked
    *(result for result in generalization.RESULTS if result.kind is not Kind.RATE),
)

__all__ = ["CATALOGUE"]
