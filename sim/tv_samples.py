"""Total variation between two distributions known by samples: an estimate from below."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import solve

from sim.diffusion.features import RandomFeatures
from sim.errors import SimulationError, whole

Array = NDArray[np.float64]

_LEAST = 8  # points of each sample
_PENALTY = 1e-3
_CHUNK = 2**14  # points whose features are held together


def tv_lower(p: ArrayLike, q: ArrayLike, *, width: int = 256, seed: int = 0) -> tuple[float, float]:
    """Return P(A) − Q(A) for a set A that is chosen on one half of the points and measured on the other.

    For independent points its expectation, given A, is P(A) − Q(A) ≤ TV(P, Q): an estimate from below, whatever
    A is. A = {f > 0}, f the ridge regression of the label, +1 for P and −1 for Q, on random features.

    Parameters
    ----------
    p, q : array_like, shape (n,) or (n, d), and (m,) or (m, d)
        The samples, finite, at least 8 points each. The points of the halves are chosen by `seed`.
    width : int
        Number of features.
    seed : int
        Of the halves and the features.

    Returns
    -------
    value, error : float
        In [−1, 1], and its standard error for the A found, with half a point added to each side of it.

    Raises
    ------
    SimulationError
        If the samples are not as said.
    """
    seed = whole("seed", seed, 0)
    x, y = _rows("p", p), _rows("q", q)
    if x.shape[1] != y.shape[1]:
        raise SimulationError("q", y.shape, f"points in dimension {x.shape[1]}, as p")
    rng = np.random.Generator(np.random.SFC64(seed))
    x, y = rng.permutation(x), rng.permutation(y)
    (fit_x, test_x), (fit_y, test_y) = ((rows[: len(rows) // 2], rows[len(rows) // 2 :]) for rows in (x, y))
    centre = (fit_x.mean(axis=0) + fit_y.mean(axis=0)) / 2
    unit = np.sqrt((fit_x.var(axis=0) + fit_y.var(axis=0)) / 2)
    unit[unit == 0] = 1.0
    features = RandomFeatures(x.shape[1], width, 4.0, seed, rate=2.0)
    weights = _classifier([(part - centre) / unit for part in (fit_x, fit_y)], features)
    inside = [
        sum(int(np.count_nonzero(features.values(chunk) @ weights > 0)) for chunk in _chunks((part - centre) / unit))
        for part in (test_x, test_y)
    ]
    sizes = [len(test_x), len(test_y)]
    shares = [(count + 0.5) / (size + 1) for count, size in zip(inside, sizes, strict=True)]
    error = math.sqrt(sum(share * (1 - share) / size for share, size in zip(shares, sizes, strict=True)))
    return inside[0] / sizes[0] - inside[1] / sizes[1], error


def _classifier(parts: list[Array], features: RandomFeatures) -> Array:
    """Ridge regression of the label ±1, both samples with the same weight in all."""
    second, first = _PENALTY * np.eye(features.width), np.zeros(features.width)
    for part, sign in zip(parts, (1.0, -1.0), strict=True):
        for chunk in _chunks(part):
            values = features.values(chunk)
            second += values.T @ values / len(part)
            first += sign * values.sum(axis=0) / len(part)
    return np.asarray(solve(second, first, assume_a="pos"))


def _chunks(rows: Array) -> list[Array]:
    return [rows[k : k + _CHUNK] for k in range(0, len(rows), _CHUNK)]


def _rows(argument: str, value: ArrayLike) -> Array:
    try:
        x = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    if x.ndim not in (1, 2) or len(x) < _LEAST or x.size == 0 or not np.isfinite(x).all():
        raise SimulationError(argument, value, f"at least {_LEAST} finite points of shape (n,) or (n, d)")
    return x.reshape(len(x), -1)
