"""Exact total variation of the Gaussian mean under `fresh`, where training sets have random real counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.special import erf
from scipy.stats import binom

from .errors import real, whole
from .gaussian_law import GaussianMeanLaw, chi_mean

Array: TypeAlias = NDArray[np.float64]

_DEGREE = 64  # of the Chebyshev interpolants in log T; the functions are analytic in a strip of width 2π


def exact_gaussian_mean_fresh(n: int, alpha: float, generations: int, d: int = 1) -> GaussianMeanLaw:
    """Exact E T_i and E TV for `fresh(alpha)`, Gaussian mean in d dimensions, covariance known.

    Given the real counts M_1, M_2, …, the mean of generation i is Gaussian with variance σ² T_i per coordinate,
    T_1 = 1/n and T_{i+1} = 1/n + (1 − M_i/n)² T_i with M_i ~ Bin(n, alpha). Expectations of functions of
    T_i follow from the backward equation, solved on Chebyshev nodes.

    Parameters
    ----------
    n, generations, d : int
        At least 1.
    alpha : float
        Real fraction, in [0, 1].

    Returns
    -------
    GaussianMeanLaw
        `tau2` is E T_i; relative error of `tv` about 1e-12.

    Raises
    ------
    SimulationError
        For an argument outside its range.
    """
    n, generations, d = whole("n", n, 1), whole("generations", generations, 1), whole("d", d, 1)
    alpha = real("alpha", alpha, 0, 1)
    counts = np.arange(n + 1)
    weights, factors = binom.pmf(counts, n, alpha), np.square(1 - counts / n)

    def value(function: Callable[[Array], Array]) -> Array:
        found = np.empty(generations)
        for i in range(generations):
            found[i] = function(np.array([1 / n]))[0]
            if i + 1 < generations:
                # T grows by at most 1/n a generation, so each step back may be known on 1/n less
                function = _one_step_back(function, n, (generations - i) / n, weights, factors)
        return found

    return GaussianMeanLaw(tau2=value(lambda t: t), tv=value(lambda t: _tv_given_variance(t, d)))


def _tv_given_variance(t: Array, d: int) -> Array:
    """E TV(N(mu, I_d), N(0, I_d)) for mu ~ N(0, t I_d): TV given |mu| is erf(|mu|/√8), |mu| = √t chi_d."""
    return chi_mean(d, lambda s: erf(np.exp(s) * np.sqrt(t[..., None] * d / 8)))


def _one_step_back(
    function: Callable[[Array], Array], n: int, top: float, weights: Array, factors: Array
) -> Callable[[Array], Array]:
    """Return t -> E function(1/n + F t) on [1/n, top] as an interpolant in log t."""
    low, high = np.log(1 / n), np.log(top)
    nodes = np.exp(low + (high - low) * (chebyshev.chebpts1(_DEGREE + 1) + 1) / 2)
    values = function(1 / n + nodes[:, None] * factors) @ weights
    coefficients = chebyshev.chebfit(chebyshev.chebpts1(_DEGREE + 1), values, _DEGREE)

    def interpolant(t: Array) -> Array:
        return np.asarray(chebyshev.chebval(2 * (np.log(t) - low) / (high - low) - 1, coefficients))

    return interpolant
