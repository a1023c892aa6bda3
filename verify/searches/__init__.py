"""All searches: an explicit tuple."""

from ..search import Search
from . import (
    chains,
    curation,
    diffusion,
    diffusion_ends,
    discrete,
    discrete_moments,
    gaussian,
    generalization,
    generalization_probability,
    generalization_second_order,
    icl,
    kde,
    markov,
    phase,
    propagation,
    rates,
    regression,
    sharper,
    stability,
    stability_frequencies,
    stability_recursive,
    transformer,
)

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
    *stability.SEARCHES,
    *stability_recursive.SEARCHES,
    *stability_frequencies.SEARCHES,
    *generalization.SEARCHES,
    *generalization_probability.SEARCHES,
    *generalization_second_order.SEARCHES,
    *rates.SEARCHES,
    *sharper.SEARCHES,
    *transformer.SEARCHES,
    *icl.SEARCHES,
    *diffusion.SEARCHES,
    *diffusion_ends.SEARCHES,
)

__all__ = ["SEARCHES"]
