"""The law of a sampler's output on the line, without sampling error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.densities import ROOT, Array
from sim.densities_mixture import NormalMixture
from sim.diffusion.features import ScoreNetwork
from sim.diffusion.samplers import Diverged, Sampler, Score
from sim.errors import SimulationError, real, whole
from sim.tv_cells import absolute_integral, cubic_error

_BAND = 64  # nodes whose kernels are computed together
_REACH = 8.5  # standard deviations after which a kernel is 0
_LOST = 1e-3  # mass that may leave the grid
_NEGLIGIBLE = 1e-16  # weight of components left out
_FINE = 32  # nodes per least standard deviation for a distance
_MOST = 2**16  # nodes for a distance
_ROUNDING = 1e-13  # and the mass outside of both supports


@dataclass(frozen=True, eq=False)
class OutputLaw:
    """What a sampler draws from.

    Attributes
    ----------
    law : NormalMixture
        The last step's kernels from the nodes of the grid, with the weights of the nodes.
    error : float
        Estimate from above of the total variation distance to the true law: the sum over steps of
        half ∫|q − q'|, q and q' the result of the step by the trapezoidal rule on all nodes and on
        every other one, and the mass lost. A step contracts the distance, so errors only add up.
    lost : float
        Mass that left the grid.
    floored : float
        Mean over the steps of the probability that the sampler's floor of the variance acted.
    """

    law: NormalMixture
    error: float
    lost: float
    floored: float


def output_law(score: Score, sampler: Sampler, interval: tuple[float, float], nodes: int = 1025) -> OutputLaw:
    """Return the law of what a sampler draws, for d = 1.

    The density after each step is the sum of the kernels from the nodes of an even grid, weighted
    by the density before: the trapezoidal rule.

    Parameters
    ----------
    score : callable
        As for `Sampler.kernel`.
    sampler : Sampler
        Its variances may not be much smaller than the squared distance of the nodes: see the error.
    interval : tuple of float
        Ends of the grid; it should hold all the sampler does, N(0, 1) at its start included.
    nodes : int
        Odd, at least 3.

    Raises
    ------
    Diverged
        If a kernel is not finite, or if more than 0.001 of the mass leaves the grid.
    SimulationError
        If an argument is not as said.
    """
    grid = _grid(interval, nodes)
    width = grid[1] - grid[0]
    score = score.table(grid) if isinstance(score, ScoreNetwork) else score
    mass = width * np.exp(-0.5 * grid * grid) / ROOT
    error, floored = abs(1 - float(mass.sum())), 0.0
    for k in range(sampler.steps, 0, -1):
        mean, variance = sampler.kernel(score, grid, k)
        floored += float(mass[variance <= sampler.least(k)].sum())
        every, other = _pushed(grid, np.stack([mass, _alternate(mass)]), mean, np.sqrt(variance))
        error += 0.5 * width * float(np.abs(every - other).sum())
        if k > 1:
            mass = width * every
            if 1 - mass.sum() > _LOST:
                raise Diverged(k, sampler.step(k)[0], f"{1 - mass.sum():.2g} of the mass outside {interval}")
    lost = max(0.0, 1 - float(mass.sum()))
    kept = mass > _NEGLIGIBLE
    error += lost + float(mass[~kept].sum())
    law = NormalMixture(mass[kept] / mass[kept].sum(), mean[kept], np.sqrt(variance[kept]))
    return OutputLaw(law, float(error), lost, floored / sampler.steps)


def _grid(interval: tuple[float, float], nodes: int) -> Array:
    low, high = (real("interval", end, -np.inf, np.inf) for end in interval)
    if not low < high:
        raise SimulationError("interval", interval, "(low, high) with low < high")
    if whole("nodes", nodes, 3) % 2 == 0:
        raise SimulationError("nodes", nodes, "odd")
    return np.linspace(low, high, nodes)


def _alternate(mass: Array) -> Array:
    """Weights of the trapezoidal rule on every other node."""
    out = np.zeros_like(mass)
    out[::2] = 2 * mass[::2]
    return out


def _pushed(grid: Array, masses: Array, mean: Array, sigma: Array) -> Array:
    """Σ_j masses[:, j] N(grid; mean_j, sigma_j²), a row each; some kernels at a time, and only where they reach."""
    out = np.zeros((len(masses), grid.size))
    for start in range(0, mean.size, _BAND):
        rows = slice(start, start + _BAND)
        m, s = mean[rows, None], sigma[rows, None]
        low, high = np.searchsorted(grid, [float((m - _REACH * s).min()), float((m + _REACH * s).max())])
        kernel = (grid[low:high] - m) / s
        kernel *= kernel
        kernel *= -0.5
        np.exp(kernel, out=kernel)
        out[:, low:high] += (masses[:, rows] / (ROOT * sigma[rows])) @ kernel
    return out


def tv_mixtures(p: NormalMixture, q: NormalMixture) -> tuple[float, float]:
    """Return the total variation distance of two mixtures, fast also for many components.

    p − q is evaluated at even nodes, 32 per least standard deviation but 2^16 at most, and integrated
    as its cubic interpolant; see `tv_quadrature` for a chosen precision.

    Returns
    -------
    value, error : float
        The distance lies within `error`, a certified bound up to rounding, of `value`.
    """
    ends = np.array([p.support, q.support])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    step = max(min(p.scale, q.scale) / _FINE, (high - low) / _MOST)
    grid = np.arange(low - 2 * step, high + 3 * step, step)
    heights = (_pushed(grid, part.weights[None], part.means, part.sigmas) for part in (p, q))
    gap = next(heights) - next(heights)
    value, error = absolute_integral(gap, step, periodic=False)
    fourth, fifth = (p.variation(order) + q.variation(order) for order in (4, 5))
    return 0.5 * float(value[0]), 0.5 * (float(error[0]) + cubic_error(step, fourth, fifth)) + _ROUNDING
