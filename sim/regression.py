"""Least squares on labels of the last fit, Gaussian rows: drawn from the law of the coefficients.

The prediction risk (w_i - w)' Sigma (w_i - w) does not depend on Sigma and w: with Z = X Sigma^{-1/2} and
u_i = Sigma^{1/2}(w_i - w) it is |u_i|^2 for standard normal rows Z and true coefficients 0. A fit sees its rows through
the Gram matrix Z'Z, of a Wishart law, and its labels through Z'y, which is (Z'Z) u_j plus noise with covariance Z'Z
times the noise variance: both are drawn from one triangular (Bartlett) factor, in time that does not depend on n. At
the same rows fits are even averages of fits to single sets of labels, and one inverse does for the whole loop.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, cast

import numpy as np

from sim.errors import SimulationError, real, share_of, whole
from sim.exact_chains import Array, WithAlpha, WithLam
from sim.schedules import Schedule

_SCHEDULES = ("replace", "stratified", "fixed", "accumulate", "expand")


class Rows(NamedTuple):
    """Gram matrices and their triangular factors, both (block, d, d)."""

    gram: Array
    factor: Array


class Labelled(NamedTuple):
    """What least squares needs of rows and labels: Z'Z (block, d, d) and Z'y (block, d)."""

    gram: Array
    products: Array


@dataclass(frozen=True, kw_only=True)
class RegressionLoop:
    """Linear regression in a loop.

    Attributes
    ----------
    schedule : Schedule
        replace, stratified, fixed, accumulate or expand; its points are rows with labels.
    n, d : int
        Rows of a training set and coefficients, n >= d >= 1.
    sigma, tau : float
        Standard deviation of the noise in real and in synthetic labels, >= 0.
    fresh_rows : bool
        Rows that get synthetic labels, and under `stratified` new real ones, are new in every generation; otherwise
        they are those of generation 1. Under `expand` these get lam labels each, and lam must be whole.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    schedule: Schedule
    n: int
    d: int
    sigma: float = 1.0
    tau: float = 1.0
    fresh_rows: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "d", whole("d", self.d, 1))
        object.__setattr__(self, "n", whole("n", self.n, self.d))
        for name in ("sigma", "tau"):
            object.__setattr__(self, name, real(name, getattr(self, name), 0, math.inf))
        if self.schedule.name not in _SCHEDULES:
            raise SimulationError("schedule", self.schedule.name, "one of " + ", ".join(_SCHEDULES))
        if self.schedule.name == "expand" and not self.fresh_rows:
            share_of(1, "lam", cast(WithLam, self.schedule).lam)
        self.schedule.sizes(self.n, 2)  # raises if n does not split

    @property
    def block(self) -> int:
        """Replications computed together."""
        return int(max(64, 2**16 // self.d**2))

    def risks(self, at: tuple[int, ...], seed: int) -> Iterator[Array]:
        """Yield blocks (R, len(at)) of independent replications of the prediction risk, endlessly.

        Parameters
        ----------
        at : tuple of int
            Increasing generations, the first fitted to real labels being 1.
        seed : int
            Same seed, same numbers; loops that differ have independent ones.

        Raises
        ------
        SimulationError
            `at` does not increase from 1 or more.
        """
        check_generations(at)
        for block in count():
            rng = generator(repr(self), seed, block)
            errors = _averages(rng, self, at) if self._averaging else _fits(rng, self, at)
            yield np.stack([np.einsum("rk,rk->r", u, u) for u in errors], axis=1)

    @property
    def _averaging(self) -> bool:
        """Whether every fit is an average of fits to sets of labels at the same rows."""
        return not self.fresh_rows and self.schedule.name in ("replace", "accumulate", "expand")


def check_generations(at: tuple[int, ...]) -> None:
    """Raise `SimulationError` unless `at` holds increasing generations >= 1."""
    if not at or any(b <= a for a, b in zip((0, *at), at, strict=False)):
        raise SimulationError("at", at, "increasing generations >= 1")


def generator(what: str, seed: int, block: int) -> np.random.Generator:
    """Return the generator of a block, keyed by the seed and by what is computed."""
    words = np.frombuffer(hashlib.sha256(what.encode()).digest()[:16], dtype="<u4").tolist()
    sequence = np.random.SeedSequence(whole("seed", seed, 0), spawn_key=(*words, block))
    return np.random.Generator(np.random.SFC64(sequence))


def wishart(rng: np.random.Generator, size: int, d: int, degrees: int) -> Rows:
    """Draw `size` matrices of the law of Z'Z, Z of `degrees` >= 0 standard normal rows in R^d.

    The factor has chi variables on its diagonal and normal ones below (Bartlett); with fewer rows than d its last
    columns are 0 and the matrix is singular.
    """
    rank = min(d, degrees)
    factor = np.tril(rng.standard_normal((size, d, d)), -1)
    factor[:, :, rank:] = 0.0
    diagonal = np.arange(rank)
    factor[:, diagonal, diagonal] = np.sqrt(2 * rng.standard_gamma((degrees - diagonal) / 2, (size, rank)))
    return Rows(factor @ factor.transpose(0, 2, 1), factor)


def shares(rng: np.random.Generator, size: int, d: int, n: int, m: int) -> Array:
    """Draw eigenvalues of W^{-1/2} W_S W^{-1/2}, W the Gram matrix of n rows, W_S that of the last m; (size, d).

    They are those of W^{-1} W_S, in [0, 1], increasing: what synthetic labels at m of n rows make of an error.
    """
    synthetic, other = wishart(rng, size, d, m), wishart(rng, size, d, n - m)
    inverse = np.linalg.inv(np.linalg.cholesky(synthetic.gram + other.gram))
    return np.clip(np.linalg.eigvalsh(inverse @ synthetic.gram @ inverse.transpose(0, 2, 1)), 0.0, 1.0)


def _averages(rng: np.random.Generator, loop: RegressionLoop, at: tuple[int, ...]) -> Iterator[Array]:
    """Yield u_i, each (block, d), i in `at`, from normal vectors: with W = L L', u_i = L'^{-1} s_i.

    A set of labels of generation j at the same rows has the fit u_j + tau L'^{-1} g, g standard normal.
    """
    name, shape = loop.schedule.name, (loop.block, loop.d)
    inverse = np.linalg.inv(wishart(rng, *shape, loop.n).factor)
    copies = cast(WithLam, loop.schedule).lam if name == "expand" else 0.0
    first = last = loop.sigma * rng.standard_normal(shape)
    for i in range(1, at[-1] + 1):
        if i in at:
            yield (last[:, None, :] @ inverse)[:, 0, :]
        noise = loop.tau * rng.standard_normal(shape)
        if name == "expand":
            last = (first + copies * last + math.sqrt(copies) * noise) / (1 + copies)
        else:
            last = last + (noise if name == "replace" else noise / (i + 1))


def _fits(rng: np.random.Generator, loop: RegressionLoop, at: tuple[int, ...]) -> Iterator[Array]:
    """Yield u_i, each (block, d), i in `at`, from the normal equations of every training set."""
    name, block, d = loop.schedule.name, loop.block, loop.d
    old, new = _split(loop)
    first, second = wishart(rng, block, d, old), wishart(rng, block, d, loop.n - old)
    truth = np.zeros((block, d))
    kept = _label(rng, first, truth, loop.sigma)
    union = _joined(kept, _label(rng, second, truth, loop.sigma)) if old < loop.n else kept
    for i in range(1, at[-1] + 1):
        last = _fit(union)
        if i in at:
            yield last
        if name == "stratified":
            first = wishart(rng, block, d, old) if loop.fresh_rows else first
            kept = _label(rng, first, truth, loop.sigma)
        rows = wishart(rng, block, d, new) if loop.fresh_rows else second
        synthetic = _label(rng, rows, last, loop.tau)
        union = synthetic if name == "replace" else _joined(kept, synthetic)
        kept = union if name == "accumulate" else kept


def _split(loop: RegressionLoop) -> tuple[int, int]:
    """Rows of generation 1 that stay real, and rows with synthetic labels in a later generation."""
    name = loop.schedule.name
    if name in ("stratified", "fixed"):
        kept = share_of(loop.n, "alpha", cast(WithAlpha, loop.schedule).alpha)
        return kept, loop.n - kept
    return loop.n, share_of(loop.n, "lam", cast(WithLam, loop.schedule).lam) if name == "expand" else loop.n


def _label(rng: np.random.Generator, rows: Rows, coefficients: Array, noise: float) -> Labelled:
    normal = rng.standard_normal(coefficients.shape)
    products = rows.gram @ coefficients[..., None] + noise * (rows.factor @ normal[..., None])
    return Labelled(rows.gram, products[..., 0])


def _joined(first: Labelled, second: Labelled) -> Labelled:
    return Labelled(first.gram + second.gram, first.products + second.products)


def _fit(labelled: Labelled) -> Array:
    return np.asarray(np.linalg.solve(labelled.gram, labelled.products[..., None])[..., 0])


__all__ = ["RegressionLoop", "check_generations", "generator", "shares", "wishart"]
