"""K atoms, fitted by their empirical frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from sim.errors import SimulationError
from sim.models.model import Array, Metric

_WIDE = 1024  # from here on dead atoms and K ≫ n are worth a look, one replication at a time


class Counts(NamedTuple):
    """How often each atom was drawn, shape (block, K), out of `size`."""

    counts: NDArray[np.int64]
    size: int


@dataclass(frozen=True, eq=False)
class Discrete:
    """A distribution on K atoms; parameters of a fit are frequencies, shape (block, K).

    Attributes
    ----------
    p : numpy.ndarray, shape (K,)
        Real distribution: entries >= 0, sum 1 within 1e-9 (it is then scaled to sum to 1). Read-only.

    Raises
    ------
    SimulationError
        If `p` is no such vector.
    """

    p: Array

    def __post_init__(self) -> None:
        p = np.array(self.p, dtype=np.float64)
        if p.ndim != 1 or p.size == 0 or not (p >= 0).all() or abs(p.sum() - 1) > 1e-9:
            raise SimulationError("p", self.p, "a vector of probabilities: entries >= 0, sum 1 within 1e-9")
        p /= p.sum()
        p.setflags(write=False)
        object.__setattr__(self, "p", p)

    @property
    def label(self) -> str:
        """Name and number of atoms."""
        return f"discrete(K={self.p.size})"

    @cached_property
    def block(self) -> int:
        """Replications computed together: a megabyte of frequencies, 256 at most."""
        return min(256, max(1, 2**17 // self.p.size))

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    def target(self) -> Array:
        """Return p."""
        return self.p

    def blend(self, mixture: Array, params: Array, share: float) -> Array:
        """Return the mixture's vector: (1 − share)·mixture + share·params."""
        if share in (0.0, 1.0):
            return params if share else mixture
        blended = params * share
        blended += mixture * (1 - share)
        return blended

    def draw(self, rng: np.random.Generator, mixture: Array, size: int) -> Counts:
        """Return multinomial counts."""
        if mixture.shape[-1] < _WIDE:
            return Counts(rng.multinomial(size, mixture, self._lead(mixture)), size)
        rows = np.broadcast_to(mixture, (self.block, self.p.size))
        return Counts(np.stack([_wide_multinomial(rng, size, row) for row in rows]), size)

    def merge(self, first: Counts, second: Counts) -> Counts:
        """Return the summed counts."""
        return Counts(first.counts + second.counts, first.size + second.size)

    def estimate(self, rng: np.random.Generator, batch: Counts) -> Array:
        """Return the frequencies."""
        return batch.counts / batch.size

    def measures(self) -> Mapping[str, Metric]:
        """Return tv, diversity, squared_error, support, entropy; on request one_step_tv and atoms."""
        return {
            "tv": Metric(of=self._tv, units="1", long_name="TV(P_i, P)"),
            "diversity": Metric(of=_diversity, units="1", long_name="1 - sum of squared frequencies"),
            "squared_error": Metric(of=self._squared_error, units="1", long_name="sum of (p_i - p)^2"),
            "support": Metric(of=_support, units="1", long_name="number of atoms with p_i > 0"),
            "entropy": Metric(of=_entropy, units="nat", long_name="entropy of P_i"),
            "one_step_tv": Metric(of=_tv, units="1", long_name="TV(P_i, Q_{i-1})", needs_target=True, default=False),
            "atoms": Metric(
                of=_atoms,
                units="1",
                long_name="frequencies p_i",
                dims=("atom",),
                shape=self.p.shape,
                default=False,
            ),
        }

    def _lead(self, mixture: Array) -> int | None:
        return self.block if mixture.ndim == 1 else None

    def _tv(self, params: Array, target: Array | None) -> Array:
        return _tv(params, self.p)

    def _squared_error(self, params: Array, target: Array | None) -> Array:
        gap = params - self.p
        return np.asarray(np.einsum("rk,rk->r", gap, gap))


def _wide_multinomial(rng: np.random.Generator, size: int, q: Array) -> NDArray[np.int64]:
    """Multinomial counts of one replication with many atoms.

    Only live atoms are drawn. Where they are many more than draws, inverting the distribution
    function draw by draw is cheaper than a binomial for each atom; the law is the same.
    """
    live = np.flatnonzero(q)
    heights = q[live]
    counts = np.zeros(q.size, dtype=np.int64)
    if live.size <= 3 * size:
        counts[live] = rng.multinomial(size, heights / heights.sum())
        return counts
    cdf = np.cumsum(heights)
    u = rng.random(size)
    u *= cdf[-1]
    u.sort()  # neighbours in u are neighbours in cdf: searching is then several times faster
    places = np.minimum(np.searchsorted(cdf, u, side="right"), live.size - 1)
    counts[live] = np.bincount(places, minlength=live.size)
    return counts


def _tv(params: Array, q: Array) -> Array:
    gap = params - q
    np.abs(gap, out=gap)
    return np.asarray(gap @ np.full(gap.shape[-1], 0.5))


def _diversity(params: Array, target: Array | None) -> Array:
    return np.asarray(1 - np.einsum("rk,rk->r", params, params))


def _support(params: Array, target: Array | None) -> Array:
    return np.asarray(np.count_nonzero(params, axis=-1), dtype=np.float64)


def _entropy(params: Array, target: Array | None) -> Array:
    return np.asarray(entr(params).sum(axis=-1))


def _atoms(params: Array, target: Array | None) -> Array:
    return params
