"""Linear self-attention that regresses in context, at the optimum of its training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.errors import real, whole
from sim.models.model import Array, Metric


class Products(NamedTuple):
    """Sum of y·x over `size` points (x, y), shape (block, d)."""

    size: int
    total: Array


Weights: TypeAlias = tuple[tuple[float, Array], ...]  # share and regression weights of each component


@dataclass(frozen=True)
class LinearAttention:
    """Points x ~ N(0, I_d), y = w·x + sigma·noise; parameters of a fit are weights, shape (block, d).

    From a prompt of N points one layer of linear self-attention, trained over such prompts, predicts
    ŵ·x with ŵ = c·Σ y_k·x_k/N. Later generations draw x ~ N(0, I_d) and y = ŵ·x + sigma·noise.

    The sum Σ y_k·x_k is all that is kept of a training set, and it is drawn exactly, in time that does
    not depend on N. Let u be the weights, t the N coordinates of the x_k along u, ξ the noises, so that
    y = ‖u‖t + sigma·ξ. Split ξ into z·t/‖t‖, z ~ N(0, 1), and a part orthogonal to t, whose squared
    length is chi-square with N − 1 degrees of freedom; with r = ‖u‖‖t‖ + sigma·z the sum has
    coordinate t·y = ‖t‖r along u, and ‖y‖² = r² + sigma²·chi². The coordinates of the x_k orthogonal
    to u are independent of y, so given y those of the sum are N(0, ‖y‖²), independent.

    Attributes
    ----------
    d : int
        Dimension, at least 1.
    weight : float
        ‖w‖ > 0. The law of what is measured depends on w through its length only: w = weight·e₁.
    sigma : float
        Standard deviation of the noise, >= 0; in the unit of y.
    c : float, optional
        Factor of ŵ, finite. By default the one of least risk E‖ŵ − w‖² on N real points,
        c = 1/(1 + (d + 1 + d·sigma²/‖w‖²)/N), N the size of the training set at hand.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    d: int
    weight: float = 1.0
    sigma: float = 1.0
    c: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "d", whole("d", self.d, 1))
        object.__setattr__(self, "weight", real("weight", self.weight, 0, math.inf, open_low=True))
        object.__setattr__(self, "sigma", real("sigma", self.sigma, 0, math.inf))
        if self.c is not None:
            object.__setattr__(self, "c", real("c", self.c, -math.inf, math.inf))

    @property
    def label(self) -> str:
        """Name and parameters."""
        return f"linear-attention(d={self.d}, weight={self.weight!r}, sigma={self.sigma!r}, c={self.c!r})"

    @property
    def block(self) -> int:
        """Replications computed together."""
        return max(16, 2**13 // self.d)

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    def factor(self, size: int) -> float:
        """Return c on a training set of `size` >= 1 points."""
        if self.c is not None:
            return self.c
        return 1 / (1 + (self.d + 1 + self.d * (self.sigma / self.weight) ** 2) / size)

    def target(self) -> Weights:
        """Return the one component of P."""
        return ((1.0, self._w),)

    def blend(self, mixture: Weights, params: Array, share: float) -> Weights:
        """Return the components with their new shares."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), w) for weight, w in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Weights, size: int) -> Products:
        """Return the sum of y·x over `size` draws, the number from each component multinomial."""
        if len(mixture) == 1:
            return Products(size, self._sum(rng, mixture[0][1], np.full(self.block, size)))
        counts = rng.multinomial(size, [share for share, _ in mixture], self.block).T
        parts = (self._sum(rng, w, count) for count, (_, w) in zip(counts, mixture, strict=True))
        return Products(size, np.asarray(sum(parts)))

    def merge(self, first: Products, second: Products) -> Products:
        """Return the sum over the union."""
        return Products(first.size + second.size, first.total + second.total)

    def estimate(self, rng: np.random.Generator, batch: Products) -> Array:
        """Return ŵ."""
        return batch.total * (self.factor(batch.size) / batch.size)

    def measures(self) -> Mapping[str, Metric]:
        """Return risk, tv, inner_product and norm_squared; on request the weights themselves.

        With x ~ N(0, I_d) the mean over x of TV(N(x·ŵ, sigma²), N(x·w, sigma²)), which is TV(P_i, P),
        is (2/π)·arctan(‖ŵ − w‖/(2·sigma)).
        """

        def one(of: Callable[[Array], Array], units: str, long_name: str) -> Metric:
            return Metric(of=lambda params, target: of(params), units=units, long_name=long_name)

        return {
            "risk": one(self._risk, "y^2", "|w_i - w|^2"),
            "tv": one(self._tv, "1", "TV(P_i, P)"),
            "inner_product": one(lambda w: w[:, 0] * self.weight, "y^2", "<w_i, w>"),
            "norm_squared": one(lambda w: np.asarray(np.einsum("rk,rk->r", w, w)), "y^2", "|w_i|^2"),
            "weights": Metric(
                of=lambda params, target: params,
                units="y",
                long_name="w_i",
                dims=("coordinate",),
                shape=(self.d,),
                default=False,
            ),
        }

    @property
    def _w(self) -> Array:
        return np.asarray(self.weight * np.eye(1, self.d)[0])

    def _risk(self, params: Array) -> Array:
        gap = params - self._w
        return np.asarray(np.einsum("rk,rk->r", gap, gap))

    def _tv(self, params: Array) -> Array:
        return np.asarray(2 / np.pi * np.arctan2(np.sqrt(self._risk(params)), 2 * self.sigma))

    def _sum(self, rng: np.random.Generator, weights: Array, counts: NDArray[np.int64]) -> Array:
        """Draw the sum of y·x over so many points with these weights, shape (block, d); see the class."""
        u = np.broadcast_to(weights, (self.block, self.d))
        length = np.linalg.norm(u, axis=1)
        along = np.where(length[:, None] > 0, u / np.where(length > 0, length, 1.0)[:, None], np.eye(1, self.d))
        t = np.sqrt(2 * rng.standard_gamma(counts / 2))
        r = length * t + self.sigma * rng.standard_normal(self.block)
        rest = self.sigma**2 * 2 * rng.standard_gamma(np.maximum(counts - 1, 0) / 2)
        y = np.sqrt(r * r + rest) * (counts > 0)
        total = rng.standard_normal((self.block, self.d))
        total *= y[:, None]
        total += (t * r - np.einsum("rk,rk->r", total, along))[:, None] * along
        return total
