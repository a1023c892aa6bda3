"""Kernel density estimation with the Gaussian kernel, on the line and on the torus."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from sim.densities import Array, SmoothDensity
from sim.errors import SimulationError, real, whole
from sim.models.kde_distance import Grid
from sim.models.kde_lattice import Chunk, Lattice
from sim.models.kde_torus import kernel_mean, wrapped
from sim.models.model import Metric

_TOGETHER = 2**14  # points of several replications drawn together: they stay in cache

Chunks: TypeAlias = tuple[Chunk, ...]
Components: TypeAlias = tuple[tuple[float, Chunk | None], ...]  # weights; None stands for P


@dataclass(frozen=True, eq=False)
class Fit:
    """T_h of the empirical distribution of a training set; `key` seeds what is estimated from it."""

    model: KDE
    chunks: Chunks
    key: int

    @cached_property
    def distance(self) -> tuple[Array, Array]:
        """TV to P and a bound of its numerical error, each of shape (block,)."""
        return self.model.distance(self, self.model.target(), 0)


@dataclass(frozen=True)
class KDE:
    """A kernel density estimate; parameters of a fit are its points, a `Fit`.

    Drawing from a fit is exact: a point of its training set, and normal noise. Up to d = 2 the
    distance to P is computed by cubic binning and FFT, with a certified error below 1e-6 on the line.
    For d > 2 it is a Monte Carlo estimate in [0, 1] from exact kernel sums: unbiased, so that its
    expectation over replications is E TV.

    Attributes
    ----------
    density : SmoothDensity
        The real distribution P, on the line or on the torus.
    h : float
        Bandwidth, positive; with an `exponent`, that of a fit to one point.
    block : int
        Replications computed together. A smaller one needs less memory; other blocks are other
        random numbers.
    pairs : int
        For d > 2: draws from P, and as many from the fit, behind one estimate of the distance.
    exponent : float
        In [0, 1]: the bandwidth of a fit to N points is h·N^(−exponent). 0 keeps it fixed.

    Raises
    ------
    SimulationError
        If one of them is not as said, or if the lattice for a bandwidth and P would need more than 2^22 nodes.
    """

    density: SmoothDensity
    h: float
    block: int = 16
    pairs: int = 64
    exponent: float = 0.0

    def __post_init__(self) -> None:
        if not hasattr(self.density, "variation"):
            raise SimulationError("density", self.density, "a SmoothDensity, such as NormalDensity()")
        object.__setattr__(self, "h", real("h", self.h, 0, math.inf, open_low=True))
        object.__setattr__(self, "block", whole("block", self.block, 1))
        object.__setattr__(self, "pairs", whole("pairs", self.pairs, 1))
        object.__setattr__(self, "exponent", real("exponent", self.exponent, 0, 1))
        if self.density.d <= 2:
            Grid(self.density, self.h)

    @property
    def label(self) -> str:
        """Name, real distribution and bandwidth."""
        power = f"*N^-{self.exponent:g}" if self.exponent else ""
        return f"kde(P={self.density.label}, h={self.h!r}{power})"

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    @cached_property
    def grid(self) -> Grid:
        """Where fits are compared with P, for d ≤ 2."""
        return Grid(self.density, self.h)

    def target(self) -> Components:
        """Return the one component of P."""
        return ((1.0, None),)

    def blend(self, mixture: Components, params: Fit, share: float) -> Components:
        """Return the components with their new weights; every chunk of a fit is one."""
        if share == 0:
            return mixture
        size = sum(chunk.size for chunk in params.chunks)
        fitted = tuple((share * chunk.size / size, chunk) for chunk in params.chunks)
        rest = tuple((weight * (1 - share), part) for weight, part in mixture) if share < 1 else ()
        return (*rest, *fitted)

    def draw(self, rng: np.random.Generator, mixture: Components, size: int) -> Chunks:
        """Return `size` points per replication, the number from each component multinomial."""
        if size == 0:
            return ()
        points = np.empty((self.block, size) if self.density.d == 1 else (self.block, size, self.density.d))
        if len(mixture) == 1:
            together = max(1, _TOGETHER // size)
            for first in range(0, self.block, together):
                self._fill(rng, mixture[0][1], first, points[first : first + together])
            return (Chunk(points, self._lattice),)
        weights = [weight for weight, _ in mixture]
        counts = rng.multinomial(size, np.divide(weights, sum(weights)), self.block)
        for row, numbers in enumerate(counts.tolist()):
            first = 0
            for count, (_, part) in zip(numbers, mixture, strict=True):
                if count:
                    self._fill(rng, part, row, points[row : row + 1, first : first + count])
                first += count
        return (Chunk(points, self._lattice),)

    def merge(self, first: Chunks, second: Chunks) -> Chunks:
        """Return the pieces of both, the last two in one as long as they grow.

        Their number then stays logarithmic in a pool that accumulates, and so does the number of
        times that a point is moved.
        """
        chunks = [*first, *second]
        while len(chunks) > 1 and chunks[-1].size >= chunks[-2].size:
            last = chunks.pop()
            chunks[-1] = Chunk(np.concatenate([chunks[-1].points, last.points], axis=1), self._lattice)
        return tuple(chunks)

    def estimate(self, rng: np.random.Generator, batch: Chunks) -> Fit:
        """Return the fit to a training set, which is its points."""
        key = int(rng.integers(2**63)) if self.density.d > 2 else 0
        if not self.exponent:
            return Fit(self, batch, key)
        size = sum(chunk.size for chunk in batch)
        tuned = _fixed(self, size)
        return Fit(tuned, tuple(Chunk(chunk.points, tuned._lattice) for chunk in batch), key)

    def measures(self) -> Mapping[str, Metric]:
        """Return tv and tv_error; with a fixed bandwidth on request the same against Q, one_step_tv(_error)."""
        error = "bound of the numerical error of TV"
        against_real = {
            "tv": Metric(of=_tv, units="1", long_name="TV(P_i, P)"),
            "tv_error": Metric(of=_tv_error, units="1", long_name=f"{error}(P_i, P)"),
        }
        return against_real | ({} if self.exponent else self._against_mixture(error))

    def _against_mixture(self, error: str) -> dict[str, Metric]:
        return {
            "one_step_tv": Metric(
                of=self._one_step_tv, units="1", long_name="TV(P_i, Q_{i-1})", needs_target=True, default=False
            ),
            "one_step_tv_error": Metric(
                of=self._one_step_tv_error,
                units="1",
                long_name=f"{error}(P_i, Q_{{i-1}})",
                needs_target=True,
                default=False,
            ),
        }

    def distance(self, fit: Fit, mixture: Components, stream: int) -> tuple[Array, Array]:
        """Return TV between a fit and a mixture, and a bound of its numerical error; each (block,).

        For d > 2 an unbiased estimate, from random numbers that the fit's key and `stream` fix.
        """
        fitted = self.blend(self.target(), fit, 1.0)
        if self.density.d > 2:
            rng = np.random.Generator(np.random.SFC64([fit.key, stream]))
            return self._sampled(rng, fitted, mixture), np.full(self.block, 1e-14)
        signed = (*fitted, *((-weight, part) for weight, part in mixture))
        parts = [(weight / part.size, part.bins) for weight, part in signed if part is not None]
        share = sum(weight for weight, part in mixture if part is None)
        return self.grid.distance(parts, share)

    @property
    def _lattice(self) -> Lattice:
        return self.grid.lattice if self.density.d <= 2 else Lattice(self.h, self.h, self.density.d)

    def _fill(self, rng: np.random.Generator, part: Chunk | None, row: int, out: Array) -> None:
        """Fill `out` with draws from one component, for as many replications as it has rows, from `row` on."""
        if part is None:
            out[...] = self.density.sample(rng, out.shape[:2])
            return
        rows, count = out.shape[:2]
        places = rng.integers(part.size, size=(rows, count))
        places += np.arange(0, rows * part.size, part.size)[:, None]
        points = part.points[row : row + rows]
        np.take(points.reshape(-1, *points.shape[2:]), places, axis=0, out=out, mode="clip")
        noise = rng.standard_normal(out.shape)
        noise *= part.lattice.h
        out += noise
        if self.density.space == "torus":
            out -= np.floor(out)

    def _sampled(self, rng: np.random.Generator, p: Components, q: Components) -> Array:
        """Mean of |p − q|/(p + q) over draws from p and from q: unbiased for TV, in [0, 1]."""
        places = np.concatenate([self.draw(rng, mixture, self.pairs)[0].points for mixture in (p, q)], axis=1)
        f, g = self._heights(p, places), self._heights(q, places)
        return np.asarray((np.abs(f - g) / (f + g)).mean(axis=1))

    def _heights(self, mixture: Components, places: Array) -> Array:
        """Density of a mixture at places of shape (block, N, d), by exact kernel sums."""
        total = np.zeros(places.shape[:2])
        for weight, part in mixture:
            if part is None:
                total += weight * self.density.pdf(places)
            else:
                rows = zip(places, part.points, strict=True)
                total += weight * np.stack([kernel_mean(x, points, self.h) for x, points in rows])
        return total

    def _one_step_tv(self, params: Fit, target: Components) -> Array:
        return self.distance(params, target, 1)[0]

    def _one_step_tv_error(self, params: Fit, target: Components) -> Array:
        return self.distance(params, target, 1)[1]


@lru_cache(maxsize=64)
def _fixed(model: KDE, size: int) -> KDE:
    """Return the model with the bandwidth for this many points, whose grid is then made once."""
    return replace(model, h=model.h * size**-model.exponent, exponent=0.0)


def _tv(params: Fit, target: Components | None) -> Array:
    return params.distance[0]


def _tv_error(params: Fit, target: Components | None) -> Array:
    return params.distance[1]


def tv_kde(points: ArrayLike, h: float, density: SmoothDensity) -> tuple[Array, Array]:
    """Return the total variation distance between kernel density estimates and a known density.

    Parameters
    ----------
    points : array_like, shape (..., m) for d = 1, (..., m, d) for d > 1
        Samples, finite, not empty; on the torus they are taken modulo 1. One estimate each.
    h : float
        Bandwidth, positive.
    density : SmoothDensity
        The known density, d ≤ 2.

    Returns
    -------
    value, error : numpy.ndarray, shape (...)
        The distance lies within `error`, a certified bound, of `value`.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    try:
        x = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):
        x = np.empty(0)
    model = KDE(density, h)
    d, tail = density.d, 1 if density.d == 1 else 2
    if d > 2:
        raise SimulationError("density", density, "of dimension 1 or 2; see tv_monte_carlo for others")
    if x.ndim < tail or x.size == 0 or not np.isfinite(x).all() or (d > 1 and x.shape[-1] != d):
        shape = "(..., m)" if d == 1 else f"(..., m, {d})"
        raise SimulationError("points", points, f"samples of shape {shape}, finite, not empty")
    rows = x.reshape(-1, *x.shape[-tail:])
    fit = Fit(model, (Chunk(wrapped(rows) if density.space == "torus" else rows, model.grid.lattice),), 0)
    value, error = fit.distance
    return value.reshape(x.shape[:-tail]), error.reshape(x.shape[:-tail])
