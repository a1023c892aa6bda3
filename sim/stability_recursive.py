"""Recursive stability: how far one reused real point moves the law of what a later generation is trained on.

The schedule is ``fixed(alpha)``: alpha·n of the n real points are used in every generation, and S_i
is the sample of m = (1 − alpha)·n points of P_i. Then gamma_i is the supremum, over real data that
differ in one reused point, of the TV distance between the two laws of S_i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr
from scipy.stats import binom

from sim.errors import SimulationError, real, share_of, whole
from sim.models.labelled import smoothing
from sim.models.model import Array
from sim.stability import swap


def exact_binary_gamma(n: int, alpha: float, omega: float, generations: int) -> Array:
    """Return gamma_i of the smoothed categorical generator on K = 2 atoms, exactly.

    Given its counts the order of a sample is uniform, so S_i may be replaced by its count of the
    first atom. With r of the reused points there, these counts are a Markov chain: from s to
    Binomial(m, (1 − omega)·(r + s)/n + omega/2), where generation 1 starts at the count s of the
    real points that are not reused. Real data are pairs (r, s), and all neighbours are compared.

    Parameters
    ----------
    n : int
        Sample size, at least 1.
    alpha : float
        Reused share in (0, 1], alpha·n whole and at least 1.
    omega : float
        Smoothing in [0, 1).
    generations : int
        Largest i, at least 1. The time grows as alpha·n·m³·generations.

    Returns
    -------
    numpy.ndarray, shape (generations,)
        gamma_1, …, gamma_generations in [0, 1]; zeros at alpha = 1, where S_i is empty.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    n, generations, reused = whole("n", n, 1), whole("generations", generations, 1), _reused(n, alpha)
    m, share = n - reused, smoothing(omega)
    chance = (1 - share) * np.arange(n + 1) / n + share / 2
    steps = binom.pmf(np.arange(m + 1), m, chance[:, None])
    gamma, before = np.zeros(generations), _powers(steps[: m + 1], generations)
    for r in range(1, reused + 1):
        after = _powers(steps[r : r + m + 1], generations)
        gamma = np.maximum(gamma, np.abs(after - before).sum(axis=2).max(axis=1) / 2)
        before = after
    return np.minimum(gamma, 1.0)


def _powers(matrix: Array, most: int) -> Array:
    powers = [matrix]
    while len(powers) < most:
        powers.append(powers[-1] @ matrix)
    return np.stack(powers)


def exact_gaussian_mean_gamma(n: int, alpha: float, sigma: float, width: float, generations: int) -> Array:
    """Return gamma_i of the Gaussian mean with known sigma, for real data in an interval, exactly.

    Given the real data S_i is Gaussian, with covariance sigma²·I + u_i·11ᵀ, u_i the variance of the
    fitted mean μ_i. A reused point that moves by `width` moves all its means by δ_i. Both follow
    from μ_{i+1} = (reused points' sum)/n + (1 − alpha)·(mean of S_i), one generation at a time.

    Parameters
    ----------
    n : int
        Sample size, at least 1.
    alpha : float
        Reused share in (0, 1], alpha·n whole and at least 1.
    sigma : float
        Known standard deviation, > 0.
    width : float
        Length of the interval that holds the real data, >= 0; in the unit of sigma.
    generations : int
        Largest i, at least 1.

    Returns
    -------
    numpy.ndarray, shape (generations,)
        gamma_1, …, gamma_generations in [0, 1]; zeros at alpha = 1, where S_i is empty.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    sigma, width = real("sigma", sigma, 0, math.inf, open_low=True), real("width", width, 0, math.inf)
    m = n - _reused(n, alpha)
    gamma, shift, variance = np.zeros(generations), 0.0, 0.0
    for i in range(generations if m else 0):
        shift = width / n + m / n * shift
        variance = (m / n) ** 2 * (variance + sigma**2 / m) if i else 0.0
        distance = shift * math.sqrt(m / (sigma**2 + m * variance))
        gamma[i] = 1 - 2 * ndtr(-distance / 2)
    return gamma


@dataclass(frozen=True, eq=False, kw_only=True)
class Trajectories:
    """Two laws of a loop's synthetic samples, compared along loops drawn from the first.

    Attributes
    ----------
    divergence : numpy.ndarray, shape (replications, generations)
        Column i sums KL(sample of P_j ‖ sample of P'_j) over generations j up to i, given the same
        history: not negative, and its mean is the KL divergence of the laws of (S_1, …, S_i).
    log_ratio : numpy.ndarray, shape (replications, generations)
        Logarithm of the ratio of the two probabilities of (S_1, …, S_i); its mean is the same.
    """

    divergence: Array
    log_ratio: Array

    @property
    def distance(self) -> Array:
        """(1 − 1/ratio)₊, in [0, 1]: its mean is the TV distance of the laws of (S_1, …, S_i)."""
        return -np.expm1(-np.maximum(self.log_ratio, 0.0))


def trajectories(
    reused: ArrayLike,
    rest: ArrayLike,
    removed: int,
    added: int,
    *,
    omega: float,
    generations: int,
    replications: int,
    seed: int,
) -> Trajectories:
    """Compare the smoothed categorical loop on real data with the one after replacing one reused point.

    Means over replications bound gamma for this pair of real data: the TV distance of the laws of
    S_i is at most that of (S_1, …, S_i), which is at most √(KL/2). Intervals are the caller's.

    Parameters
    ----------
    reused : array_like of int, shape (K,)
        Counts of the real points that every generation is trained on.
    rest : array_like of int, shape (K,)
        Counts of the m >= 1 other real points, used by generation 1 alone.
    removed, added : int
        Atom of the reused point that is replaced, and the atom put in its place.
    omega : float
        Smoothing in (0, 1): without it the divergence can be infinite.
    generations, replications : int
        At least 1.
    seed : int
        Seed, at least 0.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    kept, last = _counts("reused", reused), _counts("rest", rest)
    if kept.size != last.size:
        raise SimulationError("rest", rest, f"{kept.size} counts, as many as there are in reused")
    share = smoothing(omega)
    if share == 0:
        raise SimulationError("omega", omega, "in (0, 1): without smoothing the divergence can be infinite")
    swapped, m = swap(kept, removed, added, "reused"), int(last.sum())
    shape = (whole("replications", replications, 1), whole("generations", generations, 1))
    rng, n = np.random.default_rng(whole("seed", seed, 0)), int(kept.sum()) + m
    divergence, log_ratio = np.empty(shape), np.empty(shape)
    history = np.broadcast_to(last, (shape[0], last.size))
    for i in range(shape[1]):
        p, q = ((1 - share) / n * (real + history) + share / kept.size for real in (kept, swapped))
        history = rng.multinomial(m, p)
        divergence[:, i] = m * (p * np.log(p / q)).sum(axis=1)
        log_ratio[:, i] = (history * np.log(p / q)).sum(axis=1)
    return Trajectories(divergence=divergence.cumsum(axis=1), log_ratio=log_ratio.cumsum(axis=1))


def _reused(n: int, alpha: float) -> int:
    """How many points are reused; at least one."""
    count = share_of(n, "alpha", real("alpha", alpha, 0, 1, open_low=True))
    if count < 1:
        raise SimulationError("alpha", alpha, f"such that a point is reused (n = {n})")
    return count


def _counts(name: str, value: ArrayLike) -> NDArray[np.int64]:
    counts = np.asarray(value)
    whole_numbers = np.issubdtype(counts.dtype, np.integer) and counts.ndim == 1 and counts.size >= 2
    if not whole_numbers or counts.min() < 0 or counts.sum() < 1:
        raise SimulationError(
            name, value, "whole numbers >= 0, one per atom, at least 2 of them, with a sum of at least 1"
        )
    return counts.astype(np.int64)
