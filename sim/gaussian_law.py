"""Exact laws of Gaussian loops, from the loop's own recursion and quadrature: no closed form, no sampling.

Means are linear in independent noise terms, so their weights are propagated through the training sets.
Expected values over a chi law are sums over a grid of its logarithm u: the density exp(d u - e^{2u}/2) is
analytic and falls off fast on both sides, which makes the trapezoidal rule exact to rounding. The sum of the
density itself is the normalising constant, so that no Gamma function enters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import erf

from sim.errors import SimulationError, real, whole
from sim.exact_chains import Array, Schedule, WithAlpha, split

_LINEAR = ("replace", "stratified", "fixed", "accumulate", "expand")
_MIXTURES = ("fresh", "subsample")
_Block = tuple[int, Array]


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianMeanLaw:
    """Loop of N(mu_i, sigma^2 I_d) with sigma known; index g is generation g + 1.

    Attributes
    ----------
    tau2 : (G,) Var(mu_i)/sigma^2 of one coordinate
    tv : (G,) E TV(P_i, P) in [0, 1]
    """

    tau2: Array
    tv: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianLaw:
    """Loop of N(mu_i, sigma_i^2), both unknown, under `replace`; index g is generation g + 1.

    Attributes
    ----------
    std : (G,) E sigma_i
    variance : (G,) E sigma_i^2
    log_variance : (G,) E log(sigma_i^2/sigma^2)
    w2_squared : (G,) E W_2(P_i, P)^2
    """

    std: Array
    variance: Array
    log_variance: Array
    w2_squared: Array


def exact_gaussian_mean(schedule: Schedule, n: int, generations: int, d: int = 1) -> GaussianMeanLaw:
    """Exact variance of the mean and exact E TV in d dimensions, covariance sigma^2 I known.

    Parameters
    ----------
    schedule
        One whose mean is linear in Gaussian noise: replace, stratified, fixed, accumulate or expand. Under
        fresh and subsample mu_i is not Gaussian: see `exact_gaussian_mean_square`.
    n, generations, d
        Integers >= 1.

    Raises
    ------
    SimulationError
        For an argument outside its range, or a sample that cannot be split.
    """
    if schedule.name not in _LINEAR:
        raise SimulationError("schedule", schedule.name, "one of " + ", ".join(_LINEAR))
    n, generations, d = whole("n", n, 1), whole("generations", generations, 1), whole("d", d, 1)
    tau2 = _mean_variances(schedule, n, generations)
    # Given mu, TV = 2 Phi(|mu|/(2 sigma)) - 1 = erf(|mu|/(2 sqrt(2) sigma)), and |mu|/sigma = tau chi_d.
    tv = chi_mean(d, lambda s: erf(np.exp(s) * np.sqrt(tau2[:, None] * d / 8)))
    return GaussianMeanLaw(tau2=tau2, tv=tv)


def exact_gaussian_mean_square(schedule: Schedule, n: int, generations: int) -> Array:
    """s_i/sigma^2 = E mu_i^2/sigma^2 (one coordinate, sigma known) for `fresh` and `subsample`, shape (G,).

    Generation i + 1 is the mean of n iid draws from a mixture: given the past its variance is that of the
    mixture over n, so that second moments are enough.

    Raises
    ------
    SimulationError
        For another schedule, or an integer below 1.
    """
    if schedule.name not in _MIXTURES:
        raise SimulationError("schedule", schedule.name, "one of " + ", ".join(_MIXTURES))
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    moments = np.zeros((generations + 1, generations + 1))  # E mu_j mu_k; mu_0 = 0 is the mean of P
    for i in range(generations):
        weights = _mixing(schedule, i)
        past = moments[: i + 1, : i + 1]
        square = weights @ past @ weights
        spread = 1 + weights @ np.diag(past) - square
        moments[i + 1, : i + 1] = moments[: i + 1, i + 1] = weights @ past
        moments[i + 1, i + 1] = square + spread / n
    return np.diag(moments)[1:].copy()


def exact_gaussian(n: int, sigma: float, generations: int, theta: float = 1.0) -> GaussianLaw:
    """Exact loop under `replace` with mean and (unbiased) variance fitted.

    Generation 1 is fitted to n real points; each later one to n draws from N(mu_i, theta sigma_i^2), so
    sigma_{i+1}^2 = theta sigma_i^2 X_i with X_i = chi^2_{n-1}/(n-1) independent.

    Parameters
    ----------
    n
        Sample size, an integer >= 2.
    sigma
        Standard deviation of P, > 0.
    generations
        G >= 1.
    theta
        Shrinkage of the sampling variance, in (0, 1].

    Raises
    ------
    SimulationError
        For an argument outside its range.
    """
    n, generations = whole("n", n, 2), whole("generations", generations, 1)
    sigma = real("sigma", sigma, 0, np.inf, open_low=True)
    theta = real("theta", theta, 0, 1, open_low=True)
    powers = np.arange(1, generations + 1)
    shrink = theta ** (powers - 1.0)
    # With s = log(chi_{n-1}/sqrt(n - 1)): E sqrt(X), E X and E log X.
    root, mean, logarithm = chi_mean(n - 1, lambda s: np.stack([np.exp(s), np.exp(2 * s), 2 * s]))
    std = sigma * np.sqrt(shrink) * root**powers
    variance = sigma**2 * shrink * mean**powers
    # mu_{i+1} adds to mu_i an error of variance (sampling variance)/n; W_2^2 = mu^2 + (sigma_i - sigma)^2.
    sampled = np.concatenate([[sigma**2], theta * variance[:-1]])
    w2 = np.cumsum(sampled) / n + variance - 2 * sigma * std + sigma**2
    return GaussianLaw(std=std, variance=variance, log_variance=powers * logarithm + np.log(shrink), w2_squared=w2)


def exact_golden_ratio(n: int, m: int, w: float, sigma: float) -> float:
    """Stationary variance of mu <- w (mean of n real points) + (1 - w)(mean of m draws from the model).

    Iterates v <- w^2 sigma^2/n + (1 - w)^2 (v + sigma^2/m) from v = 0 until it no longer moves, by composing
    the map with itself (2^k iterations after k steps). Relative error about 1e-16/w.

    Parameters
    ----------
    n, m
        Integers >= 1.
    w
        Weight of the real points, in (0, 1].
    sigma
        Standard deviation, > 0.

    Raises
    ------
    SimulationError
        For an argument outside its range.
    """
    n, m = whole("n", n, 1), whole("m", m, 1)
    w, sigma = real("w", w, 0, 1, open_low=True), real("sigma", sigma, 0, np.inf, open_low=True)
    slope = (1 - w) ** 2
    value = w**2 * sigma**2 / n + slope * sigma**2 / m
    while True:
        moved = value + slope * value
        if moved == value:
            return float(value)
        slope, value = slope**2, moved


def _mean_variances(schedule: Schedule, n: int, generations: int) -> Array:
    """Var(mu_i)/sigma^2, shape (G,): a mean is a vector of weights of independent standard normal terms."""
    noise = iter(np.eye(2 * generations + 2))
    zero = np.zeros(2 * generations + 2)

    def draw(size: int, centre: Array) -> _Block:
        """`size` points around `centre`, as their number and their mean."""
        return size, centre + next(noise) / np.sqrt(max(size, 1))

    name = schedule.name
    fresh, synthetic = (0, n) if name in ("replace", "accumulate") else split(schedule, n)
    first = draw(fresh if name == "fixed" else n, zero)
    training = [first, draw(n - fresh, zero)] if name == "fixed" else [first]
    variances = []
    for _ in range(generations):
        mean = np.average([block[1] for block in training], axis=0, weights=[block[0] for block in training])
        variances.append(mean @ mean)
        model = draw(synthetic, mean)
        if name == "accumulate":
            training.append(model)
        elif name in ("fixed", "expand"):
            training = [first, model]
        else:
            training = [draw(fresh, zero), model]  # no real point under `replace`
    return np.array(variances)


def _mixing(schedule: Schedule, i: int) -> Array:
    """Weights of P, P_1, ..., P_i in Q_i, shape (i + 1,)."""
    if schedule.name == "subsample" or i == 0:
        return np.full(i + 1, 1 / (i + 1))
    alpha = cast(WithAlpha, schedule).alpha
    return np.array([alpha] + [0.0] * (i - 1) + [1 - alpha])


def chi_mean(d: int, function: Callable[[Array], Array]) -> Array:
    """E function(log(chi_d/sqrt(d))) for d >= 1; the function maps (U,) to (..., U).

    In s = log(chi_d/sqrt(d)) the density is exp(d s - d (e^{2s} - 1)/2) up to a constant, highest at s = 0.
    The grid ends where it is below e^{-46}: d(1/2 + s) or, for s not below -3/4, -d s^2/2 bounds the exponent
    on the left, -d s^2 on the right. Steps of at most 0.3 deviations and 0.1 (the density is analytic
    and decays for |Im s| < pi/4) leave an error below 1e-16.
    """
    left = np.sqrt(92 / d) if d >= 164 else 46 / d + 0.5
    step = min(0.1, 0.2 / np.sqrt(d))
    s = np.arange(-np.ceil(left / step), np.ceil(np.sqrt(46 / d) / step) + 1) * step
    density = np.exp(d * (s - np.expm1(2 * s) / 2))
    return np.asarray(function(s) @ density / density.sum())
