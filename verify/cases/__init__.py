"""All cases: an explicit tuple."""

from ..case import Case
from . import (
    discrete_exact,
    discrete_sampled,
    gaussian,
    generalization,
    generalization_probability,
    generalization_second_order,
    kde,
    kde_steps,
    phase,
    propagation,
    stability,
    stability_recursive,
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
)

__all__ = ["CASES"]
