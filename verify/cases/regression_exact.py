"""Exact risks of regression loops without their closed forms: recursions of weights, moments and covariances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np

import sim

from ..case import Array

Values: TypeAlias = Mapping[str, Any]
"""Arguments of a result by name, and `at`, the generations asked for."""


def per_row(v: Values) -> float:
    """Return E tr (Z'Z)^{-1} = d E 1/chi-square_m, m = n-d+1, the law of the inverse of a diagonal entry."""
    return float(v["d"] / (v["n"] - v["d"] - 1))


def weights(v: Values, fit: Callable[[list[Array]], Array]) -> Array:
    """Variance of a coefficient at the same rows, in units of (Z'Z)^{-1}: a fit is a vector of weights of noises."""
    last = max(v["at"])
    deviations = np.array([v["sigma"]] + [v["tau"]] * (last - 1))
    labels = [np.eye(last)[0]]
    found = [labels[0]]
    for j in range(1, last):
        labels.append(found[-1] + np.eye(last)[j])
        found.append(fit(labels))
    return np.array([(found[i - 1] * deviations) @ (found[i - 1] * deviations) for i in v["at"]])


def replaced(v: Values) -> Array:
    """Risk under `replace`, Gaussian rows."""
    return per_row(v) * weights(v, lambda labels: labels[-1])


def accumulated(v: Values) -> Array:
    """Risk if all labels are kept, at the same rows."""
    return per_row(v) * weights(v, lambda labels: np.mean(labels, axis=0))


def reused(v: Values) -> Array:
    """Risk if the first labels keep a weight."""
    return per_row(v) * weights(v, lambda labels: v["alpha"] * labels[0] + (1 - v["alpha"]) * labels[-1])


def accumulated_rows(v: Values) -> Array:
    """Risk if rows and labels are kept: generation k adds tr A^{-1} W A^{-1} tau^2, A of k n rows, W of n of them."""
    steps = [v["sigma"] ** 2 * per_row(v)]
    steps += [v["tau"] ** 2 * per_row({**v, "n": k * v["n"]}) / k for k in range(2, max(v["at"]) + 1)]
    return np.asarray(np.cumsum(steps)[np.array(v["at"]) - 1])


def amplification(n: int, d: int, m: int) -> Fraction:
    """E|W^{-1} W_S e|^2 for a unit vector e: what labels of the last fit at m of n new rows make of its error.

    W_S = W^{1/2} B W^{1/2} with B independent of W and rotation invariant, E B_ij B_kl = a [ij][kl] + c ([ik][jl] +
    [il][jk]). The moments E tr W_S^2 and E (tr W_S)^2 of Wishart matrices are two linear equations for a and c.
    """
    square, trace = n * d * (n + d + 1), n * d * (n * d + 2)
    wanted, traced = m * d * (m + d + 1), m * d * (m * d + 2)
    # a square + c (square + trace) = wanted, a trace + 2 c square = traced
    determinant = Fraction(2 * square * square - trace * (square + trace))
    if d == 1:  # both equations are the same: only a + 2c, the second moment of a beta variable, counts
        return Fraction(m * (m + 2), n * (n + 2))
    a = (2 * square * wanted - (square + trace) * traced) / determinant
    c = (square * traced - trace * wanted) / determinant
    return a + c + c * Fraction(n * d - 2, n - d - 1)


def renewed_rows(v: Values) -> Array:
    """Risk if the rows are new and a share of them has real labels."""
    real = round(v["alpha"] * v["n"])
    kappa = float(amplification(v["n"], v["d"], v["n"] - real))
    noise = (real * v["sigma"] ** 2 + (v["n"] - real) * v["tau"] ** 2) / v["n"] * per_row(v)
    found: list[float] = [v["sigma"] ** 2 * per_row(v)]
    for _ in range(1, max(v["at"])):
        found.append(kappa * found[-1] + noise)
    return np.asarray(np.array(found)[np.array(v["at"]) - 1])


def _beta_moments(n: int, m: int, most: int) -> Array:
    """E b^k, k = 0..most, for the share b ~ Beta(m/2, (n-m)/2) of m of n squares."""
    j = np.arange(most)
    return np.concatenate([[1.0], np.cumprod((m + 2 * j) / (n + 2 * j))])


def powers_stratified(v: Values, i: int) -> Array:
    """Coefficients of b^0, b^1, ...: the error in generation i along a direction of share b, new real labels."""
    found = np.zeros(2 * i)
    found[0 : 2 * i : 2] = v["sigma"] ** 2
    return found


def powers_fixed(v: Values, i: int) -> Array:
    """The same for reused real labels: r sum_k b^k, other real noise b^(i-1), synthetic noise b^k."""
    real, later = np.zeros(2 * i), np.zeros(2 * i)
    real[:i] += 1
    real[i : 2 * i] -= 1
    real[2 * i - 1] += 1
    later[1 : 2 * i - 2 : 2] = 1
    return np.asarray(v["sigma"] ** 2 * real + v["tau"] ** 2 * later)


def known_shares(v: Values, powers: Callable[[Values, int], Array]) -> Array:
    """Risk at the same rows by moments of one share b of the synthetic rows, a beta variable if d = 1.

    With real labels at all rows or at none every share is 0 or 1, and in generation 1 shares do not matter.
    """
    m = v["n"] - round(v["alpha"] * v["n"])
    moments = _beta_moments(v["n"], m, 2 * max(v["at"]))
    return per_row(v) * np.array([powers(v, i) @ moments[: 2 * i] for i in v["at"]])


def propagated(v: Values, loop: sim.RegressionData, readout: Array) -> Array:
    """E|readout (w_i - w)|^2 at fixed rows, from means and covariances of all coefficients, readout (k, d)."""
    x, truth = loop.fixed_rows(), np.array(loop.w)
    n, d = x.shape
    solver = np.linalg.solve(x.T @ x + n * loop.mu * np.eye(d), x.T)
    noise = solver @ solver.T
    mean, covariance = solver @ x @ truth, loop.sigma**2 * noise
    found = []
    for _ in range(max(v["at"])):
        found.append(np.sum((readout @ (mean - truth)) ** 2) + np.trace(readout @ covariance @ readout.T))
        kept = (1 - loop.alpha) * solver @ x
        mean = loop.alpha * solver @ x @ truth + kept @ mean
        covariance = kept @ covariance @ kept.T
        covariance = covariance + (loop.alpha**2 * loop.sigma**2 + (1 - loop.alpha) ** 2 * loop.tau**2) * noise
    return np.asarray(np.array(found)[np.array(v["at"]) - 1])


def interpolated(v: Values) -> Array:
    """Risk with fewer rows than coefficients: E<w_i, w> and E|w_i|^2, a random projection of rank n at a time."""
    kept, noise = v["n"] / v["d"], v["n"] / (v["d"] - v["n"] - 1)
    inner, square = v["rho"] ** 2, v["rho"] ** 2
    found = []
    for i in range(1, max(v["at"]) + 1):
        inner, square = kept * inner, kept * square + noise * (v["sigma"] if i == 1 else v["tau"]) ** 2
        found.append(square - 2 * inner + v["rho"] ** 2)
    return np.asarray(np.array(found)[np.array(v["at"]) - 1])


EXACT: Mapping[str, Sequence[Callable[[Values], Array]]] = {
    "replace": (replaced,),
    "replace/any-design": (replaced,),
    "accumulate": (accumulated,),
    "accumulate/fresh-design": (accumulated_rows,),
    "accumulate/ceiling": (accumulated, accumulated_rows),
    "reused-labels": (reused,),
    "real-only": (replaced, accumulated, accumulated_rows),
    "stratified/fresh-design": (renewed_rows,),
    "stratified/lower": (renewed_rows,),
    "interpolation": (interpolated,),
}
"""The exact risks that a result speaks of, by its key without the family."""
