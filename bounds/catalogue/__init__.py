"""The catalogue: an explicit tuple of results."""

from ..result import Result
from . import (
    diffusion,
    discrete_moments,
    discrete_probability,
    discrete_tv,
    gaussian,
    generalization,
    icl,
    kde,
    phase,
    propagation,
    stability,
    transformer,
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
    *generalization.RESULTS,
    *transformer.RESULTS,
    *icl.RESULTS,
    *diffusion.RESULTS,
)

__all__ = ["CATALOGUE"]
