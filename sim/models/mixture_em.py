"""EM for mixtures of normal distributions, many training sets at a time.

Points are standardised by the last fit before moments are taken: what a component gathers around its own
mean loses no digits when it is narrow or far from 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.models.model import Array

_SLAB = 2**15  # numbers per array of training sets fitted together: they stay in cache
_LEAST = 1e-300  # what a count is raised to before it divides


class Normals(NamedTuple):
    """Mixtures Σ_k weights_k N(means_k, F_k F_kᵀ), one per replication.

    Shapes (R, K), (R, K, d), (R, K, d, d) and (R, K, d): a factor F = VΛ^½ holds the axes V of a covariance,
    `variances` are Λ, so that F⁻¹ = Λ⁻¹Fᵀ.
    """

    weights: Array
    means: Array
    factors: Array
    variances: Array

    def rows(self, which: slice | NDArray[np.bool_]) -> Normals:
        """Return some of the mixtures."""
        return Normals(*(part[which] for part in self))


Fitted: TypeAlias = tuple[Normals, NDArray[np.int64]]


def normals(weights: Array, means: Array, covariances: Array, floor: float) -> Normals:
    """Return mixtures with these covariances, no variance along any axis below the floor.

    Raising the eigenvalues maximises the likelihood of normal points under that constraint.
    """
    if means.shape[-1] == 1:
        variances = np.maximum(covariances[..., 0], floor)
        return Normals(weights, means, np.sqrt(variances)[..., None], variances)
    values, axes = np.linalg.eigh(covariances)
    variances = np.maximum(values, floor)
    return Normals(weights, means, axes * np.sqrt(variances)[..., None, :], variances)


def log_parts(law: Normals, x: Array) -> tuple[Array, Array]:
    """Return log(weight·density) of all components, (R, K, n), and standardised points, (R, K, d, n).

    Parameters
    ----------
    law : Normals
    x : numpy.ndarray, shape (R, n, d)
    """
    d = x.shape[-1]
    z = x.swapaxes(1, 2)[:, None] - law.means[..., None]
    inverses = law.factors.swapaxes(2, 3) / law.variances[..., None]
    z = np.multiply(z, inverses, out=z) if d == 1 else inverses @ z
    with np.errstate(divide="ignore"):
        heights = np.log(law.weights) - 0.5 * np.log(2 * math.pi * law.variances).sum(axis=-1)
    logs = np.einsum("rkdn,rkdn->rkn", z, z)
    logs *= -0.5
    logs += heights[..., None]
    return logs, z


def log_density(law: Normals, x: Array) -> Array:
    """Return log p at points of shape (R, n, d), shape (R, n)."""
    return _normalised(log_parts(law, x)[0])


def _normalised(logs: Array) -> Array:
    """Return log Σ_k exp(logs), and turn `logs` into shares exp(logs)/Σ."""
    top = logs.max(axis=1)
    logs -= top[:, None]
    np.exp(logs, out=logs)
    total = logs.sum(axis=1)
    logs /= total[:, None]
    return np.asarray(top + np.log(total))


def improved(law: Normals, x: Array, floor: float) -> tuple[Normals, Array]:
    """Return mixtures after one iteration of EM, and the mean log-likelihood before it, (R,).

    A component that no point has a share in keeps its place, with weight 0.
    """
    shares, z = log_parts(law, x)
    likelihood = _normalised(shares).mean(axis=1)
    counts = shares.sum(axis=-1)
    divisor = np.maximum(counts, _LEAST)[..., None]
    weighted = shares[:, :, None] * z
    first = weighted.sum(axis=-1) / divisor
    second = weighted @ z.swapaxes(2, 3) / divisor[..., None]
    second -= first[..., None] * first[..., None, :]
    means = law.means + (law.factors @ first[..., None])[..., 0]
    covariances = law.factors @ second @ law.factors.swapaxes(2, 3)
    return normals(counts / x.shape[1], means, covariances, floor), likelihood


def fitted(x: Array, start: Normals, floor: float, iterations: int, tolerance: float) -> Fitted:
    """Run EM on every training set until the mean log-likelihood changes by less than the tolerance.

    Parameters
    ----------
    x : numpy.ndarray, shape (R, n, d)
        Training sets.
    start : Normals
    floor : float
        Least variance of a component along any axis, positive.
    iterations : int
        Most iterations, at least 1.
    tolerance : float
        Not negative; 0 runs all of them.

    Returns
    -------
    law : Normals
    used : numpy.ndarray of int, shape (R,)
        Iterations.
    """
    step = max(1, _SLAB // (start.weights.shape[1] * x.shape[1] * x.shape[2]))
    slabs = [slice(k, k + step) for k in range(0, len(x), step)]
    found = [_fitted(x[slab], start.rows(slab), floor, iterations, tolerance) for slab in slabs]
    parts = zip(*(law for law, _ in found), strict=True)
    return Normals(*map(np.concatenate, parts)), np.concatenate([used for _, used in found])


def _fitted(x: Array, law: Normals, floor: float, iterations: int, tolerance: float) -> Fitted:
    """Iterate; training sets leave when they have converged."""
    result, used, rows = Normals(*map(np.copy, law)), np.full(len(x), iterations), np.arange(len(x))
    last = np.full(len(x), -np.inf)
    for count in range(1, iterations + 1):
        law, value = improved(law, x, floor)
        done = np.abs(value - last) < tolerance if count < iterations else np.ones(len(x), dtype=bool)
        if done.any():
            for kept, part in zip(result, law, strict=True):
                kept[rows[done]] = part[done]
            used[rows[done]] = count
            law, x, rows, value = law.rows(~done), x[~done], rows[~done], value[~done]
        if not rows.size:
            break
        last = value
    return result, used


def seeded(rng: np.random.Generator, x: Array, K: int, floor: float) -> Normals:
    """Return equal weights around K points of each training set chosen by k-means++ (Arthur & Vassilvitskii 2007).

    The first is any point, each further one is chosen with probability proportional to the squared distance to
    those before. All components begin with the variance around the nearest of them, the same along all axes.
    """
    R, n, d = x.shape
    means, squares = np.empty((R, K, d)), np.ones((R, n))
    for k in range(K):
        reached = np.cumsum(squares, axis=1)
        chosen = (reached <= rng.random((R, 1)) * reached[:, -1:]).sum(axis=1)
        means[:, k] = x[np.arange(R), np.minimum(chosen, n - 1)]
        distance = ((x - means[:, None, k]) ** 2).sum(axis=2)
        squares = np.minimum(squares, distance) if k else distance
    variances = np.broadcast_to(squares.mean(axis=1)[:, None, None] / d, (R, K, d))
    return normals(np.full((R, K), 1 / K), means, variances[..., None] * np.eye(d), floor)


def sampled(rng: np.random.Generator, law: Normals, size: int) -> Array:
    """Return independent draws, shape (R, size, d), the numbers from the components multinomial."""
    R, _, d = law.means.shape
    counts = rng.multinomial(size, law.weights / law.weights.sum(axis=1, keepdims=True))
    which = np.repeat(np.arange(counts.size), counts.ravel()).reshape(R, size)
    noise, factors = rng.standard_normal((R, size, d)), law.factors.reshape(-1, d, d)[which]
    noise = noise * factors[..., 0] if d == 1 else (factors @ noise[..., None])[..., 0]
    return np.asarray(law.means.reshape(-1, d)[which] + noise)
