"""Distances between distributions in closed form, and diversity."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf, ndtr

from sim.errors import SimulationError

Array = NDArray[np.float64]


def tv_discrete(p: ArrayLike, q: ArrayLike) -> Array:
    """Return the total variation distance of probability vectors, ½Σ|p_k − q_k|.

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Probability vectors along the last axis; the other axes broadcast.

    Returns
    -------
    numpy.ndarray, shape (...)
        In [0, 1].

    Raises
    ------
    SimulationError
        If a vector has a negative entry or does not sum to 1 within 1e-9, or the lengths differ.
    """
    p, q = _probabilities("p", p), _probabilities("q", q)
    if p.shape[-1] != q.shape[-1]:
        raise SimulationError("q", q.shape, f"as long as p along the last axis ({p.shape[-1]})")
    return np.asarray(0.5 * np.abs(p - q).sum(axis=-1))


def diversity(p: ArrayLike) -> Array:
    """Return 1 − Σp_k², the probability that two draws differ (Gini–Simpson, heterozygosity).

    Parameters
    ----------
    p : array_like, shape (..., K)
        Probability vectors along the last axis.

    Returns
    -------
    numpy.ndarray, shape (...)
        In [0, 1 − 1/K].
    """
    p = _probabilities("p", p)
    return np.asarray(1 - np.einsum("...k,...k->...", p, p))


def tv_gaussian_shift(shift: ArrayLike, sigma: ArrayLike = 1.0) -> Array:
    """Return TV(N(μ, σ²I), N(ν, σ²I)) = 2Φ(|μ − ν|/(2σ)) − 1, in any dimension.

    Parameters
    ----------
    shift : array_like
        Euclidean distance |μ − ν|; its sign does not matter.
    sigma : array_like
        Common standard deviation, positive; broadcasts with `shift`.

    Returns
    -------
    numpy.ndarray
        In [0, 1], to full relative precision for small shifts too (erf is).
    """
    sigma = _positive("sigma", sigma)
    return np.asarray(erf(np.abs(np.asarray(shift, dtype=np.float64)) / (np.sqrt(8.0) * sigma)))


def tv_gaussians(mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike) -> Array:
    """Return the total variation distance of two Gaussians on the line.

    The densities cross at the roots of a quadratic; the distance is the difference of the two
    probabilities of the interval between them. An error in a crossing point enters squared only.

    Parameters
    ----------
    mean_p, mean_q : array_like
        Means.
    std_p, std_q : array_like
        Standard deviations; `std_p` may be 0 (a point: distance 1), `std_q` is positive.

    Returns
    -------
    numpy.ndarray
        In [0, 1], with absolute error about 1e-16; all arguments broadcast.
    """
    std_q = _positive("std_q", std_q)
    m = _gap(mean_p, mean_q) / std_q  # q is now N(0, 1), p is N(m, s²)
    s = _non_negative("std_p", std_p) / std_q
    m, s = np.broadcast_arrays(m, s)
    point = s == 0
    s = np.where(point, 1.0, s)
    log_s = np.log(s)
    c = -np.expm1(2 * log_s)
    root = np.where(m < 0, -1.0, 1.0) * np.sqrt(np.maximum(m * m - 2 * c * log_s, 0.0))
    q = _interval(m + s * root, c, m * m + 2 * s * s * log_s)  # c x² − 2mx + m² + 2s² log s = 0
    p = _interval(s * m + root, c, 2 * log_s - m * m)  # the same for u = (x − m)/s
    return np.where(point, 1.0, np.minimum(np.abs(q - p), 1.0))


def w2_squared_line(mean_p: ArrayLike, std_p: ArrayLike, mean_q: ArrayLike, std_q: ArrayLike) -> Array:
    """Return the squared 2-Wasserstein distance of two Gaussians on the line, (μ−ν)² + (s−t)².

    Parameters
    ----------
    mean_p, mean_q : array_like
        Means.
    std_p, std_q : array_like
        Standard deviations, not negative; all arguments broadcast.

    Returns
    -------
    numpy.ndarray
        In the squared unit of the data.
    """
    shift = _gap(mean_p, mean_q)
    scale = _non_negative("std_p", std_p) - _non_negative("std_q", std_q)
    return np.asarray(shift * shift + scale * scale)


def w2_squared(mean_p: ArrayLike, cov_p: ArrayLike, mean_q: ArrayLike, cov_q: ArrayLike) -> Array:
    """Return the squared 2-Wasserstein distance of two Gaussians (Bures' formula).

    |μ − ν|² + tr A + tr B − 2 tr (A^½ B A^½)^½; the last trace is the nuclear norm of A^½ B^½.

    Parameters
    ----------
    mean_p, mean_q : array_like, shape (..., d)
        Means.
    cov_p, cov_q : array_like, shape (..., d, d)
        Covariances, symmetric, without negative eigenvalues; leading axes broadcast.

    Returns
    -------
    numpy.ndarray, shape (...)
        In the squared unit of the data; never negative.
    """
    shift = _gap(mean_p, mean_q)
    a, b = _square_root("cov_p", cov_p), _square_root("cov_q", cov_q)
    traces = np.einsum("...ij,...ij->...", a, a) + np.einsum("...ij,...ij->...", b, b)
    fidelity = np.linalg.svd(a @ b, compute_uv=False).sum(axis=-1)
    return np.asarray((shift * shift).sum(axis=-1) + np.maximum(traces - 2 * fidelity, 0.0))


def _interval(top: Array, c: Array, product: Array) -> Array:
    """Standard normal probability between two roots of a quadratic.

    One root is top/c, where `top` is a sum without cancellation (±inf at c = 0); the other one
    follows from c times their product.
    """
    none = top == 0
    top = np.where(none, 1.0, top)
    with np.errstate(divide="ignore", over="ignore"):
        far = top / c
    return np.where(none, 0.0, ndtr(far) - ndtr(product / top))


def _gap(x: ArrayLike, y: ArrayLike) -> Array:
    return np.asarray(np.asarray(x, dtype=np.float64) - np.asarray(y, dtype=np.float64))


def _probabilities(argument: str, value: ArrayLike) -> Array:
    p = np.asarray(value, dtype=np.float64)
    if p.ndim == 0 or p.shape[-1] == 0 or not (p >= 0).all() or (np.abs(p.sum(axis=-1) - 1) > 1e-9).any():
        raise SimulationError(argument, value, "probabilities: entries >= 0 that sum to 1 within 1e-9")
    return p


def _non_negative(argument: str, value: ArrayLike) -> Array:
    x = np.asarray(value, dtype=np.float64)
    if not (x >= 0).all():
        raise SimulationError(argument, value, "not negative")
    return x


def _positive(argument: str, value: ArrayLike) -> Array:
    x = np.asarray(value, dtype=np.float64)
    if not (x > 0).all():
        raise SimulationError(argument, value, "positive")
    return x


def _square_root(argument: str, value: ArrayLike) -> Array:
    cov = np.asarray(value, dtype=np.float64)
    square = cov.ndim >= 2 and cov.shape[-1] == cov.shape[-2] > 0
    if not (square and np.allclose(cov, np.swapaxes(cov, -1, -2), rtol=1e-9, atol=0)):
        raise SimulationError(argument, value, "symmetric matrices, shape (..., d, d)")
    values, vectors = np.linalg.eigh(cov)
    if (values < -1e-9 * np.abs(values).max(axis=-1, keepdims=True)).any():
        raise SimulationError(argument, value, "without negative eigenvalues")
    roots = np.sqrt(np.maximum(values, 0.0))[..., None, :]
    return np.asarray((vectors * roots) @ np.swapaxes(vectors, -1, -2))
