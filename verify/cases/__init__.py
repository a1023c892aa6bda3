"""All cases: an explicit tuple."""

from ..case import Case
from . import (
    diffusion,
    diffusion_ends,
    diffusion_gaussian,
    diffusion_rates,
    discrete_exact,
    discrete_sampled,
    gaussian,
    generalization,
    generalization_probability,
    generalization_second_order,
    icl,
    icl_softmax,
    kde,
    kde_steps,
    phase,
    propagation,
    rates,
    stability,
    stability_recursive,
    transformer,
)

CASES: tuple[Case, ...] = (
    *propagation.CASES,
    *discrete_exact.CASES,
    *discrete_sampled.CASES,
    *gaussian.CASES,
    *kde.CASES,
    *kde_steps.CASES,
    *phase.CASES,
    *stability.CASES,
    *stability_recursive.CASES,
    *generalization.CASES,
    *generalization_probability.CASES,
    *generalization_second_order.CASES,
    *rates.CASES,
    *transformer.CASES,
    *icl.CASES,
    *icl_softmax.CASES,
    *diffusion.CASES,
    *diffusion_ends.CASES,
    *diffusion_gaussian.CASES,
    *diffusion_rates.CASES,
)

__all__ = ["CASES"]
