"""All terms of the one-step bounds of a diffusion model, on the grid of times that its sampler uses.

Notation: t = t_k, h = t_k − t_{k−1}, a = 1 − e^(−2h), s = ∇log p_t, H the entropy, X_t of the forward process.

Chain rule: the true reverse step has mean m = e^h(x + as) and covariance V = (e^(2h) − 1)(I + a∇s)
(Tweedie), and E KL(reverse step ‖ N(m̂, V̂)) is a sum of three. How far the reverse step is from
normal is E KL(reverse step ‖ N(m, V)) = ½E log det(I + a∇s) + H(P_t) − H(P_{t−h}) + dh, since the
entropy of X_{t−h} given X_t is H(P_{t−h}) + H(X_t given X_{t−h}) − H(P_t).
The other two are E KL(N(m, V) ‖ N(m̂, V̂)), its part with V̂ and its part with m̂.

Girsanov: a sampler that holds the score over a step errs by E‖ŝ(X_t) − s_{t−u}(X_{t−u})‖² at time t − u.
With E[s_{t−u}(X_{t−u}) | X_t] = e^(−u)s and ∫E‖s_{t−u}‖²du = H(P_t) − H(P_{t−h}) + dh (de Bruijn)
its integral over a step is h·E‖ŝ − s‖² + 2(h − 1 + e^(−h))·E⟨ŝ − s, s⟩ and what is left if ŝ = s:
H(P_t) − H(P_{t−h}) + dh − (2(1 − e^(−h)) − h)·E‖s‖².
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.densities import Array
from sim.diffusion.laws import Law, tweedie
from sim.diffusion.samplers import Sampler, Score
from sim.diffusion.slices import Slice, slices_of
from sim.diffusion.times import checked_times


@dataclass(frozen=True, eq=False)
class ChainTerms:
    """E KL(true reverse step ‖ sampler's step), in parts; entry k − 1 belongs to step k.

    Attributes
    ----------
    non_gaussian, variance, mean : numpy.ndarray, shape (N,)
        Non-normality of the true step, and what the covariance and the mean used add.
    errors : numpy.ndarray, shape (3, N)
        Of these three: numerical ones for d = 1 (the change from half the nodes), else standard errors.
    total, error : float
        Sum of all entries, and its error.
    """

    non_gaussian: Array
    variance: Array
    mean: Array
    errors: Array
    total: float
    error: float


@dataclass(frozen=True, eq=False)
class GirsanovTerms:
    """∫E‖ŝ(X_{t_k}) − ∇log p_t(X_t)‖²dt over the steps, in parts; entry k − 1 belongs to step k.

    Attributes
    ----------
    learning : numpy.ndarray, shape (N,)
        h·E‖ŝ − s‖² at t_k.
    cross : numpy.ndarray, shape (N,)
        2(h − 1 + e^(−h))·E⟨ŝ − s, s⟩.
    lag : numpy.ndarray, shape (N,)
        What a true score would leave, because it is held over the step.
    errors : numpy.ndarray, shape (3, N)
        Of these three, as for `ChainTerms`.
    total, error : float
        Sum of all entries, and its error.
    """

    learning: Array
    cross: Array
    lag: Array
    errors: Array
    total: float
    error: float


def chain_terms(
    law: Law, score: Score, sampler: Sampler, *, nodes: int = 1025, paths: int = 20_000, seed: int = 0
) -> ChainTerms:
    """Return the terms of the chain of normal steps, whatever the kind of the sampler.

    Parameters
    ----------
    law : NormalMixture or GaussianMixture
        What the score was learnt from: the forward process starts from it.
    score : callable
        As for `Sampler.kernel`.
    sampler : Sampler
        Gives times, means and covariances.
    nodes : int
        For d = 1: nodes of the trapezoidal rule, odd.
    paths, seed : int
        For d > 1: number of paths of the forward process, and their seed.

    Raises
    ------
    Diverged
        If a step has a mean or a variance that is not finite.
    SimulationError
        If an argument is not as said.
    """

    def parts(piece: Slice) -> Array:
        mean, cov = tweedie(piece.x, piece.score, piece.hessian, piece.h)
        used_mean, used_cov = sampler.kernel(score, piece.x, piece.k)
        spread, shift = _gaussian_kl(mean, cov, used_mean, used_cov)
        return np.stack([piece.log_det + piece.growth, spread, shift])

    values, errors, total, error = _collected(slices_of(law, np.asarray(sampler.times), nodes, paths, seed), parts, 0)
    return ChainTerms(values[0], values[1], values[2], errors, total, error)


def girsanov_terms(
    law: Law, score: Score, times: ArrayLike, *, nodes: int = 1025, paths: int = 20_000, seed: int = 0
) -> GirsanovTerms:
    """Return the terms of the reverse process with the score held over each step, the exponential integrator.

    Parameters
    ----------
    law, score, nodes, paths, seed
        As for `chain_terms`.
    times : array_like, shape (N + 1,)
        t_0 < … < t_N.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """

    def parts(piece: Slice) -> Array:
        gap, s, h = score(piece.x, piece.t) - piece.score, piece.score, piece.h
        squares, products, lengths = (_dot(*pair, piece.x.ndim) for pair in ((gap, gap), (gap, s), (s, s)))
        lag = piece.growth + (h + 2 * math.expm1(-h)) * lengths
        return np.stack([h * squares, 2 * (h + math.expm1(-h)) * products, lag])

    values, errors, total, error = _collected(slices_of(law, checked_times(times), nodes, paths, seed), parts, 2)
    return GirsanovTerms(values[0], values[1], values[2], errors, total, error)


def _collected(
    pieces: Iterator[Slice], parts: Callable[[Slice], Array], grown: int
) -> tuple[Array, Array, float, float]:
    """Expectations of three parts in every step, with errors; part `grown` holds the growth of the entropy.

    The error of the total is the sum of all on the line, and the standard error of the sums over paths else.
    """
    values, errors, sums = [], [], np.zeros(1)  # sums over a path
    for piece in pieces:
        found = parts(piece)
        value, error = piece.expectation(found)
        error[grown] += piece.growth_error
        values.append(value)
        errors.append(error)
        sums = sums + found.sum(axis=0) if not len(piece.weights) else sums
    total, whole = float(np.sum(values)), float(np.sum(errors))
    if sums.size > 1:
        whole = float(sums.std(ddof=1) / math.sqrt(sums.size))
    return np.transpose(values), np.transpose(errors), total, whole


def _gaussian_kl(mean: Array, cov: Array, used_mean: Array, used_cov: Array) -> tuple[Array, Array]:
    """KL(N(mean, cov) ‖ N(used_mean, used_cov)), its part that only the covariances matter for and the other."""
    if mean.ndim == 1:
        ratio = cov / used_cov
        return 0.5 * (ratio - 1 - np.log(ratio)), 0.5 * (mean - used_mean) ** 2 / used_cov
    gap, d = mean - used_mean, mean.shape[1]
    if used_cov.ndim == 2:
        ratios = np.diagonal(cov, axis1=1, axis2=2) / used_cov
        trace, log_det, away = ratios.sum(axis=1), np.log(used_cov).sum(axis=1), (gap**2 / used_cov).sum(axis=1)
    else:
        trace = np.trace(np.linalg.solve(used_cov, cov), axis1=1, axis2=2)
        log_det = np.linalg.slogdet(used_cov)[1]
        away = np.einsum("mi,mi->m", gap, np.linalg.solve(used_cov, gap[..., None])[..., 0])
    return 0.5 * (trace - d + log_det - np.linalg.slogdet(cov)[1]), 0.5 * away


def _dot(x: Array, y: Array, ndim: int) -> Array:
    return np.asarray(x * y if ndim == 1 else np.einsum("mi,mi->m", x, y))
