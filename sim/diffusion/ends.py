"""What the two ends of the interval of times cost: P_{t_0} is not P, and P_T is not normal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.densities_mixture import NormalMixture
from sim.diffusion.laws import GaussianMixture, Law
from sim.diffusion.line_law import tv_mixtures
from sim.diffusion.slices import slices_of
from sim.diffusion.times import checked_times
from sim.errors import whole
from sim.tv_densities import tv_monte_carlo

_NORMAL = NormalMixture(np.ones(1), np.zeros(1), np.ones(1))


@dataclass(frozen=True, eq=False)
class EndTerms:
    """Distances at the ends, with errors: certified bounds of TV for d = 1, standard errors else.

    Attributes
    ----------
    start, start_error : float
        TV(P_{t_0}, P).
    end, end_error : float
        TV(P_T, N(0, I)).
    end_kl, end_kl_error : float
        KL(P_T ‖ N(0, I)); for d = 1 the error is the change from half the nodes.
    """

    start: float
    start_error: float
    end: float
    end_error: float
    end_kl: float
    end_kl_error: float


def end_terms(law: Law, times: ArrayLike, *, nodes: int = 1025, draws: int = 100_000, seed: int = 0) -> EndTerms:
    """Return the distances at t_0 and T.

    Parameters
    ----------
    law : NormalMixture or GaussianMixture
        P.
    times : array_like, shape (N + 1,)
        t_0 < … < t_N = T.
    nodes : int
        For d = 1: nodes of the quadrature for the KL divergence, odd.
    draws, seed : int
        For d > 1: draws from each law behind each number, and their seed.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    grid = checked_times(times)
    last = law.noised(float(grid[-1]))
    draws, seed = whole("draws", draws, 2), whole("seed", seed, 0)
    if isinstance(law, NormalMixture):
        start, end = (tv_mixtures(law.noised(float(t)), q) for t, q in ((grid[0], law), (grid[-1], _NORMAL)))
    else:
        normal = GaussianMixture(np.ones(1), np.zeros((1, law.d)), np.ones(1))
        start = tv_monte_carlo(law.noised(float(grid[0])), law, draws, seed)
        end = tv_monte_carlo(last, normal, draws, seed + 1)
    (piece,) = slices_of(law, grid[-2:], nodes, draws, seed + 2)
    square = piece.x**2 if law.d == 1 else (piece.x**2).sum(axis=-1)
    log_ratio = last.logpdf(piece.x) + 0.5 * square + 0.5 * law.d * math.log(2 * math.pi)
    kl, kl_error = piece.expectation(log_ratio)
    return EndTerms(*start, *end, float(kl), float(kl_error))
