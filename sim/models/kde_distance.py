"""Total variation between a binned kernel density estimate and a known density, with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.densities import SmoothDensity, normal_variation
from sim.densities_mixture import NormalMixture
from sim.errors import SimulationError
from sim.models.kde_lattice import MOST, REACH, Bins, Lattice
from sim.models.kde_torus import SmoothedTorus
from sim.tv_cells import LEBESGUE, absolute_integral, cubic_error

Array: TypeAlias = NDArray[np.float64]

_FINENESS = {1: 20, 2: 24}  # nodes per bandwidth, or per length over which P changes
_FEW = 64  # components of a mixture that are summed exactly
_SLAB = 2**18  # nodes of several rows evaluated together
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Grid:
    """A known density P and the lattice on which estimates of bandwidth h are compared with it, d ≤ 2.

    Raises
    ------
    SimulationError
        If the lattice would need more than 2^22 nodes.
    """

    density: SmoothDensity
    h: float

    def __post_init__(self) -> None:
        d, torus = self.density.d, self.density.space == "torus"
        low, high = (0.0, 1.0) if torus else self.density.support
        span = high - low + (0.0 if torus else 2 * REACH * self.h)
        if (span / self._fine + 20) ** d > MOST:
            scales = f"in proportion to {self.density.label}: nodes {self._fine:.3g} apart, at most {MOST}"
            raise SimulationError("h", self.h, scales)

    @property
    def _fine(self) -> float:
        return min(self.h, self.density.scale) / _FINENESS[self.density.d]

    @cached_property
    def lattice(self) -> Lattice:
        """Nodes fine enough for the bandwidth and for P."""
        if self.density.space == "line":
            return Lattice(self._fine, self.h)
        nodes = max(16, math.ceil(1 / self._fine))
        return Lattice(1 / nodes, self.h, self.density.d, nodes)

    def distance(self, parts: Sequence[tuple[float, Bins]], share: float) -> tuple[Array, Array]:
        """Return ½∫|Σ weight·(kernel sum of the bins) − share·p| and a bound of its error, both (R,).

        Parameters
        ----------
        parts : sequence of (float, Bins)
            Not empty; the weight is that of one point.
        share : float
            Weight of P.
        """
        rows = len(parts[0][1].total)
        step = max(1, _SLAB // max(bins.total[0].size for _, bins in parts))
        pairs = [self._rows(parts, share, slice(k, k + step)) for k in range(0, rows, step)]
        value, error = (np.concatenate(halves) for halves in zip(*pairs, strict=True))
        mass = np.sum([abs(weight) * np.abs(bins.total[0].sum()) for weight, bins in parts])
        return value, error + float(mass) * self._own_error + abs(share) * self._real_error

    def _rows(self, parts: Sequence[tuple[float, Bins]], share: float, rows: slice) -> tuple[Array, Array]:
        fitted = self.lattice.density([(weight, Bins(bins.start, bins.total[rows])) for weight, bins in parts])
        gap, periodic = fitted.total, self.lattice.nodes > 0
        if share and periodic:
            gap -= share * self._real.total
        elif share:
            gap = self._minus(fitted, share)
        value, error = absolute_integral(gap, self.lattice.step, periodic=periodic)
        rounding = 8 * _EPS * math.log2(gap[0].size) * math.sqrt(gap[0].size)
        return 0.5 * value, 0.5 * error + rounding

    @cached_property
    def _own_error(self) -> float:
        """Error of one fit: binning, interpolation between nodes.

        What is interpolated is the kernel sum of the binned weights, whose moduli add up to at most
        LEBESGUE along an axis.
        """
        step, h = self.lattice.step, self.h
        one = LEBESGUE * cubic_error(step, normal_variation(4) / h**4, normal_variation(5) / h**5)
        return self.lattice.error + ((1 + one) ** self.density.d - 1) / 2

    @cached_property
    def _real_error(self) -> float:
        """Error of P: interpolation between nodes, tails left out; binning, if it has many components."""
        one = cubic_error(self.lattice.step, self.density.variation(4), self.density.variation(5))
        binned = sum(weight * lattice.error for weight, lattice, _ in self._binned)
        return ((1 + one) ** self.density.d - 1) / 2 * (LEBESGUE if binned else 1) + binned + 1e-14

    @cached_property
    def _binned(self) -> list[tuple[float, Lattice, Bins]]:
        """Parts of P by bandwidth, with their weights, if it is a mixture too large to be summed exactly."""
        density, own = self.density, self.lattice
        if isinstance(density, SmoothedTorus) and len(density.points) > _FEW:
            lattice = Lattice(own.step, density.bandwidth, own.d, own.nodes)
            return [(1.0, lattice, lattice.bins(density.points[None]))]
        if not isinstance(density, NormalMixture) or density.weights.size <= _FEW:
            return []
        sigmas, which = np.unique(density.sigmas, return_inverse=True)
        if sigmas.size > _FEW:
            return []
        out = []
        for k, sigma in enumerate(sigmas.tolist()):
            lattice, mine = Lattice(own.step, sigma), which == k
            bins = lattice.bins(density.means[None, mine], density.weights[mine])
            out.append((float(density.weights[mine].sum()), lattice, bins))
        return out

    @cached_property
    def _real(self) -> Bins:
        """P at the nodes: all of the torus, or its support and two nodes more on either side."""
        lattice, d = self.lattice, self.density.d
        if lattice.nodes:
            if self._binned:
                _, own, bins = self._binned[0]
                return own.density([(1 / bins.total.sum(), bins)])
            axis = np.arange(lattice.nodes) * lattice.step
            places = axis if d == 1 else np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1)
            return Bins(0, self.density.pdf(places)[None])
        low, high = self.density.support
        start = math.floor(low / lattice.step) - 2
        size = math.ceil(high / lattice.step) + 3 - start
        if not self._binned:
            return Bins(start, self.density.pdf((start + np.arange(size)) * lattice.step)[None])
        total = np.zeros((1, size))
        for _, own, bins in self._binned:
            part = own.density([(1.0, bins)])
            first, last = max(start, part.start), min(start + size, part.start + part.total.shape[1])
            total[:, first - start : last - start] += part.total[:, first - part.start : last - part.start]
        return Bins(start, total)

    def _minus(self, fitted: Bins, share: float) -> Array:
        """Return fitted − share·p at all nodes from the first to the last of both."""
        real = self._real
        low = min(fitted.start, real.start)
        high = max(fitted.start + fitted.total.shape[1], real.start + real.total.shape[1])
        self.lattice.check(low * self.lattice.step, high * self.lattice.step)
        gap = np.zeros((len(fitted.total), high - low))
        gap[:, fitted.start - low :][:, : fitted.total.shape[1]] = fitted.total
        gap[:, real.start - low :][:, : real.total.shape[1]] -= share * real.total
        return gap
