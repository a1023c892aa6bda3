"""The catalogue: an explicit tuple of results."""

from ..result import Result
from . import (
    chains,
    chains_symbols,
    curation,
    diffusion,
    discrete_moments,
    discrete_probability,
    discrete_tv,
    gaussian,
    generalization,
    icl,
    kde,
    markov,
    phase,
    propagation,
    regression,
    sharper_diffusion,
    sharper_learning,
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
    *chains.RESULTS,
    *chains_symbols.RESULTS,
    *markov.RESULTS,
    *curation.RESULTS,
    *regression.RESULTS,
    *sharper_diffusion.RESULTS,
    *sharper_learning.RESULTS,
)

__all__ = ["CATALOGUE"]
