"""One hidden layer with random inner weights, and the score networks built on it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.diffusion.times import Array
from sim.errors import SimulationError, real, whole

Activation: TypeAlias = Literal["relu", "softplus", "tanh", "cos"]
Reals: TypeAlias = NDArray[Any]  # single or double precision

_SLAB = 2**21  # features evaluated together


def _relu(z: Reals) -> Reals:
    return np.maximum(z, 0, out=z)


def _step(z: Reals) -> Reals:
    return np.greater(z, 0).astype(z.dtype)


def _softplus(z: Reals) -> Reals:
    return np.asarray(np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z))))


def _logistic(z: Reals) -> Reals:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * z))


def _sech2(z: Reals) -> Reals:
    return np.asarray(1 - np.tanh(z) ** 2)


def _minus_sin(z: Reals) -> Reals:
    return np.asarray(-np.sin(z))


ACTIVATIONS: dict[str, tuple[Callable[[Reals], Reals], Callable[[Reals], Reals]]] = {  # and their derivatives
    "relu": (_relu, _step),
    "softplus": (_softplus, _logistic),
    "tanh": (np.tanh, _sech2),
    "cos": (np.cos, _minus_sin),
}


@dataclass(frozen=True)
class RandomFeatures:
    """φ(w_j·x + b_j)/√width, j = 1..width; w_j uniform with length `rate`, b_j uniform in ±rate·reach.

    Softplus is the default, a ReLU with its kink rounded over 1/rate. Both grow linearly, like the
    score of a Gaussian mixture, so that a sampler that starts outside the data is pulled back, where
    bounded features let it run away. The law of a sampler on the line is exact to rounding with
    softplus, where the kinks of ReLU, jumps of Tweedie's variance, leave an error of 1e-4; but
    a ReLU network on the line is piecewise linear, so that its samples cost least.

    Attributes
    ----------
    d : int
        Dimension, at least 1.
    width : int
        Number of features, at least 1.
    reach : float
        Positive; features bend within this distance of the origin, which should hold the data.
    seed : int
        Of the inner weights.
    activation : {"softplus", "relu", "tanh", "cos"}
        φ.
    rate : float
        Length of the inner weights, positive: the bends of softplus, tanh and cos are 1/rate wide.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    d: int
    width: int
    reach: float
    seed: int = 0
    activation: Activation = "softplus"
    rate: float = 8.0
    w: Array = field(init=False, repr=False, compare=False)
    b: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        d, width = whole("d", self.d, 1), whole("width", self.width, 1)
        reach, rate = (real(name, getattr(self, name), 0, math.inf, open_low=True) for name in ("reach", "rate"))
        if self.activation not in ACTIVATIONS:
            raise SimulationError("activation", self.activation, "one of " + ", ".join(ACTIVATIONS))
        rng = np.random.Generator(np.random.SFC64(whole("seed", self.seed, 0)))
        w = rng.standard_normal((width, d))
        w *= rate / np.linalg.norm(w, axis=1, keepdims=True)
        b = rate * reach * rng.uniform(-1, 1, width)
        for name, value in (("w", w), ("b", b)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    def values(self, x: Reals) -> Reals:
        """Return the features at `x`, shape (M, d): shape (M, width), in the precision of `x`."""
        return self._of(0, x)

    def slopes(self, x: Reals) -> Reals:
        """Return φ'(w_j·x + b_j)/√width, shape (M, width)."""
        return self._of(1, x)

    def _of(self, order: int, x: Reals) -> Reals:
        z = x @ self.w.T.astype(x.dtype) if self.d > 1 else x * self.w.T.astype(x.dtype)
        z += self.b.astype(x.dtype)
        out = ACTIVATIONS[self.activation][order](z)
        out *= x.dtype.type(1 / math.sqrt(self.width))
        return out


@dataclass(frozen=True, eq=False)
class ScoreNetwork:
    """ŝ(x, t_k) = A_k φ(Wx + b), at the times it was trained for.

    Attributes
    ----------
    features : RandomFeatures
        The hidden layer.
    times : numpy.ndarray, shape (N,)
        When; increasing.
    coefficients : numpy.ndarray, shape (N, d, width)
        A_1, …, A_N.
    """

    features: RandomFeatures
    times: Array
    coefficients: Array

    def __call__(self, x: Array, t: float) -> Array:
        """Return the score at `x`, shape (M,) for d = 1 and (M, d) else, at one of the times.

        Raises
        ------
        SimulationError
            If the network was not trained for this time.
        """
        k = self.index(t)
        if self._piecewise:
            knots, slopes, heights = self._lines
            place = np.searchsorted(knots, x)
            return np.asarray(slopes[k][place] * x + heights[k][place])
        return self._chunked(lambda rows: self.features.values(rows) @ self.coefficients[k].T, x).reshape(x.shape)

    def jacobian(self, x: Array, t: float) -> Array:
        """Return the derivative of the score at `x`, shape (M,) for d = 1 and (M, d, d) else."""
        k, d = self.index(t), self.features.d
        if self._piecewise:
            knots, slopes, _ = self._lines
            return np.asarray(slopes[k][np.searchsorted(knots, x)])
        pairs = (self.coefficients[k][:, None] * self.features.w.T).reshape(d * d, -1)
        rows = self._chunked(lambda rows: self.features.slopes(rows) @ pairs.T, x)
        return rows.reshape(x.shape if d == 1 else (*x.shape, d))

    def table(self, x: Array) -> ScoreTable:
        """Return the score and its derivative at fixed places and all times, for d = 1: the features only once."""
        rows, weights = x[:, None], self.coefficients[:, 0]
        return ScoreTable(
            self, weights @ self.features.values(rows).T, weights * self.features.w[:, 0] @ self.features.slopes(rows).T
        )

    @property
    def _piecewise(self) -> bool:
        return self.features.d == 1 and self.features.activation == "relu"

    @cached_property
    def _lines(self) -> tuple[Array, Array, Array]:
        """On the line a ReLU network is piecewise linear: its knots, and slope and height at 0 of each line.

        Left of all knots those features are on that have w < 0; at each knot one is turned on or off.
        """
        w, b = self.features.w[:, 0], self.features.b
        order = np.argsort(-b / w)
        c = self.coefficients[:, 0] / math.sqrt(w.size)
        first = c[:, w < 0] @ np.stack([w, b], axis=1)[w < 0]
        turns = (c * np.sign(w))[:, order]
        steps = (np.pad(turns * part[order], ((0, 0), (1, 0))) for part in (w, b))
        slopes, heights = (np.cumsum(step, axis=1) + first[:, [j]] for j, step in enumerate(steps))
        return (-b / w)[order], slopes, heights

    def index(self, t: float) -> int:
        """Return which of the times t is."""
        k = int(np.searchsorted(self.times, t))
        if k == self.times.size or self.times[k] != t:
            raise SimulationError("t", t, f"one of the {self.times.size} times that the network was trained for")
        return k

    def _chunked(self, of: Callable[[Reals], Reals], x: Array) -> Array:
        rows = x.reshape(-1, self.features.d)
        step = max(1, _SLAB // self.features.width)
        return np.concatenate([of(rows[k : k + step]) for k in range(0, max(1, len(rows)), step)])


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """A score network on the line at fixed places, shape (N, M) for N times: they are not looked at again."""

    network: ScoreNetwork
    values: Array
    slopes: Array

    def __call__(self, x: Array, t: float) -> Array:
        """Return the score at the places."""
        return np.asarray(self.values[self.network.index(t)])

    def jacobian(self, x: Array, t: float) -> Array:
        """Return its derivative at the places."""
        return np.asarray(self.slopes[self.network.index(t)])
