"""Points on a lattice: binning with cubic weights, and the kernel sum by FFT.

A point is replaced by four weights (per axis) on the nodes around it, those of cubic interpolation.
The kernel sum of the weights then differs from that of the points by interpolation of the kernel in
its centre: in total variation by at most (9/16)/24 · (step/h)⁴ · ½∫|φ⁗| < 0.033 (step/h)⁴ per axis,
wherever the points are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sim.densities import normal_variation
from sim.errors import SimulationError
from sim.tv_cells import SUMMIT

Array: TypeAlias = NDArray[np.float64]

_PIECE = 2**14  # points binned together: they stay in cache
MOST = 2**22  # nodes
REACH = 8.5  # bandwidths after which the kernel is 0: 2e-17 of its mass is farther out
_STENCIL = (  # weights of the nodes −1, 0, 1, 2 as polynomials 1, u, u², u³ of the place u in a cell
    (0.0, -1 / 3, 1 / 2, -1 / 6),
    (1.0, -1 / 2, -1.0, 1 / 2),
    (0.0, 1.0, 1 / 2, -1 / 2),
    (0.0, -1 / 6, 0.0, 1 / 6),
)


class Bins(NamedTuple):
    """Weights of points on nodes: `total` of shape (R, G, ...), the first node being number `start`."""

    start: int
    total: Array


@dataclass(frozen=True)
class Lattice:
    """Nodes at all multiples of `step` on the line, or in [0, 1)^d on the torus, for one bandwidth.

    Attributes
    ----------
    step : float
        Distance of the nodes.
    h : float
        Bandwidth of the kernel.
    d : int
        Dimension.
    nodes : int
        On the torus the number of nodes along an axis, 1/step; 0 on the line.
    """

    step: float
    h: float
    d: int = 1
    nodes: int = 0

    @property
    def error(self) -> float:
        """Bound of the total variation distance that binning adds to one fit."""
        one = SUMMIT / 48 * (self.step / self.h) ** 4 * normal_variation(4)
        return ((1 + 2 * one) ** self.d - 1) / 2

    def check(self, low: float, high: float) -> None:
        """Raise `SimulationError` if an interval of the line holds too many nodes."""
        if not high - low <= (MOST - 8) * self.step:
            interval = f"[{low:.6g}, {high:.6g}]"
            raise SimulationError("h", self.h, f"such that {interval} holds at most {MOST} nodes {self.step:.3g} apart")

    def bins(self, points: Array, weights: Array | None = None) -> Bins:
        """Return the weights of the points, of shape (R, m) for d = 1 and (R, m, d) else; their sum is m.

        Raises
        ------
        SimulationError
            If points on the line are so far apart that the nodes between them are too many.
        """
        if self.d > 1:
            return Bins(0, np.stack([self._product_bins(row) for row in points]))
        start, size = 0, self.nodes + 4
        if not self.nodes:
            low, high = float(points.min()), float(points.max())
            self.check(low, high)
            start = math.floor(low / self.step) - 1
            size = math.floor(high / self.step) + 3 - start
        together = max(1, _PIECE // points.shape[1])
        rows = [
            self._line_bins(points[k : k + together], start, size, weights) for k in range(0, len(points), together)
        ]
        total = np.concatenate(rows)
        return Bins(start, self._fold(total, 1) if self.nodes else total)

    def density(self, parts: Sequence[tuple[float, Bins]]) -> Bins:
        """Return Σ weight·(kernel sum of the bins), at nodes that hold all of it but 1e-16.

        Parameters
        ----------
        parts : sequence of (float, Bins)
            Not empty; the weight is that of one point.
        """
        if self.nodes:
            total = sum(weight * bins.total for weight, bins in parts)
            return Bins(0, self._convolved(np.asarray(total)))
        pad = math.ceil(REACH * self.h / self.step) + 2
        low = min(bins.start for _, bins in parts) - pad
        high = max(bins.start + bins.total.shape[1] for _, bins in parts) + pad
        self.check(low * self.step, high * self.step)
        total = np.zeros((len(parts[0][1].total), fft.next_fast_len(high - low, real=True)))
        for weight, bins in parts:
            first = bins.start - low
            total[:, first : first + bins.total.shape[1]] += weight * bins.total
        return Bins(low, self._convolved(total)[:, : high - low])

    def _convolved(self, total: Array) -> Array:
        """Multiply by the kernel's Fourier transform along every axis; the kernel is a product."""
        axes = tuple(range(1, total.ndim))
        spectrum = fft.rfftn(total, axes=axes)
        for axis in axes:
            k = np.arange(spectrum.shape[axis], dtype=np.float64)
            if axis < axes[-1]:
                k = np.minimum(k, total.shape[axis] - k)
            k *= 2 * math.pi / (total.shape[axis] * self.step)
            factor = np.exp(-0.5 * (self.h * k) ** 2) / self.step
            spectrum *= factor.reshape([-1 if a == axis else 1 for a in range(total.ndim)])
        return np.asarray(fft.irfftn(spectrum, s=total.shape[1:], axes=axes, overwrite_x=True))

    def _line_bins(self, x: Array, start: int, size: int, weights: Array | None) -> Array:
        """Bins of rows on the line or circle, not yet folded: the moments of u in every cell, combined."""
        rows = len(x)
        moments = np.zeros((4, rows * size))
        for k in range(0, x.shape[1], _PIECE):
            cells, places = self._place(x[:, k : k + _PIECE], start)
            cells += np.arange(0, rows * size, size)[:, None]
            cell, u = cells.ravel(), places.ravel()
            power = None if weights is None else weights[k : k + _PIECE]
            moments[0] += np.bincount(cell, power, rows * size)
            for j in (1, 2, 3):
                power = u if power is None else power * u
                moments[j] += np.bincount(cell, power, rows * size)
        out = np.zeros((rows, size))
        parts = (np.asarray(_STENCIL) @ moments).reshape(4, rows, size)
        for shift, part in zip((-1, 0, 1, 2), parts, strict=True):
            out[:, 1 + shift : size + min(0, shift)] += part[:, 1 : size - max(shift, 0)]
        return out

    def _place(self, x: Array, start: int) -> tuple[NDArray[np.intp], Array]:
        """Cell that holds each point, counted from `start` (on the torus from −1), and where in the cell."""
        t = x * (1 / self.step)
        floor = np.floor(t)
        t -= floor
        cell = floor.astype(np.intp)
        if self.nodes:
            cell[cell == self.nodes] = 0  # a point rounded up to 1
            cell += 1
        else:
            cell -= start
        return cell, t

    def _product_bins(self, points: Array) -> Array:
        """Bins of one row on the torus, d > 1: 4^d weighted counts."""
        side = self.nodes + 4
        total = np.zeros(side**self.d)
        for k in range(0, len(points), _PIECE):
            cells, places = zip(*(self._place(x, 0) for x in points[k : k + _PIECE].T.copy()), strict=True)
            base = np.ravel_multi_index(cells, (side,) * self.d) - sum(side**a for a in range(self.d))
            weights = [np.asarray(_STENCIL) @ np.stack([u**0, u, u * u, u**3]) for u in places]
            for offsets in np.ndindex(*(4,) * self.d):
                product = math.prod(w[j] for w, j in zip(weights, offsets, strict=True))
                shift = sum(j * side ** (self.d - 1 - a) for a, j in enumerate(offsets))
                total += np.bincount(base + shift, product, side**self.d)
        folded = total.reshape((1,) + (side,) * self.d)
        for axis in range(1, self.d + 1):
            folded = self._fold(folded, axis)
        return np.asarray(folded[0])

    def _fold(self, total: Array, axis: int) -> Array:
        """Wrap nodes −1 and N, N + 1, N + 2 of an axis around the torus."""
        total = np.moveaxis(total, axis, 0)
        out = total[1 : self.nodes + 1].copy()
        out[-1] += total[0]
        out[:3] += total[self.nodes + 1 :]
        return np.asarray(np.moveaxis(out, 0, axis))


@dataclass(frozen=True, eq=False)
class Chunk:
    """Points of a training set, shape (block, m) for d = 1 and (block, m, d) for d > 1."""

    points: Array
    lattice: Lattice

    @property
    def size(self) -> int:
        """Points per replication, m."""
        return int(self.points.shape[1])

    @cached_property
    def bins(self) -> Bins:
        """The points on the nodes, when first asked for."""
        return self.lattice.bins(self.points)
