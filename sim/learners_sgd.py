"""Projected stochastic gradient descent, run on many training sets at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, real, whole
from sim.labelled_atoms import Array, Counts, LabelledAtoms
from sim.learners import Learner
from sim.learners_losses import LOSSES, Loss


@dataclass(frozen=True, kw_only=True)
class SGD(Learner):
    """Stochastic gradient descent from w = 0, one point at a time, projected to a ball; the last w.

    Step t = 1, 2, …, passes·n has size rate·t^(−decay). Steps of at most 2/s on an s-smooth convex
    loss do not push two predictors apart, which is what stability rests on (Hardt, Recht & Singer
    2016); larger ones are refused.

    Attributes
    ----------
    kind : {"squared", "logistic"}
        The loss, ½(z − y)² or log(1 + exp(−yz)).
    rate : float
        Size of the first step, in (0, 2/s]: s = 1 for "squared" (2), 1/4 for "logistic" (8).
    radius : float
        Radius of the ball, > 0.
    decay : float
        Exponent >= 0 at which steps shrink.
    passes : int
        Steps per point of the training set, at least 1.
    replacement : bool
        Whether points are drawn independently, or each pass takes all of them in a random order.

    Raises
    ------
    SimulationError
        If a parameter is anything else.
    """

    kind: str
    rate: float
    radius: float
    decay: float = 0.0
    passes: int = 1
    replacement: bool = True

    def __post_init__(self) -> None:
        if self.kind not in LOSSES:
            raise SimulationError("kind", self.kind, "one of " + ", ".join(LOSSES))
        checked = {
            "rate": real("rate", self.rate, 0, 2 / self.loss.smoothness, open_low=True),
            "radius": real("radius", self.radius, 0, math.inf, open_low=True),
            "decay": real("decay", self.decay, 0, math.inf),
            "passes": whole("passes", self.passes, 1),
            "replacement": bool(self.replacement),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def label(self) -> str:
        """Name, loss and parameters."""
        order = "replacement" if self.replacement else "permutation"
        steps = f"rate={self.rate:g}, decay={self.decay:g}, passes={self.passes}"
        return f"sgd({self.kind}, {steps}, radius={self.radius:g}, {order})"

    @property
    def loss(self) -> Loss:
        """The loss named by `kind`."""
        return LOSSES[self.kind]

    @property
    def B(self) -> float:
        """The radius."""
        return self.radius

    def step_sizes(self, n: int) -> Array:
        """Return the step sizes on a training set of n points, shape (passes·n,)."""
        return self.rate * np.arange(1, self.passes * n + 1, dtype=np.float64) ** -self.decay

    def run(self, atoms: LabelledAtoms, points: NDArray[np.int64], rng: np.random.Generator) -> Array:
        """Return the predictors of training sets given point by point.

        Parameters
        ----------
        atoms : LabelledAtoms
            The K points with labels.
        points : numpy.ndarray of int, shape (R, n)
            Atom, 0..K−1, of each point of each training set. Which points are used when depends on
            `rng` and on the shape alone, so runs on neighbouring training sets can be coupled.
        rng : numpy.random.Generator
            Source of the order of the points.

        Returns
        -------
        numpy.ndarray, shape (R, d)
        """
        rows, n = points.shape
        w = np.zeros((rows, atoms.d))
        for sizes in self.step_sizes(n).reshape(self.passes, n):
            if self.replacement:
                order = np.take_along_axis(points, rng.integers(n, size=(rows, n)), axis=1)
            else:
                order = rng.permuted(points, axis=1)
            for k, size in zip(np.ascontiguousarray(order.T), sizes.tolist(), strict=True):
                x = atoms.x[k]
                slope = self.loss.slopes(np.einsum("rd,rd->r", w, x), atoms.y[k])
                w -= x * (size * slope)[:, None]
                norms = np.sqrt(np.einsum("rd,rd->r", w, w))
                w *= (self.radius / np.maximum(norms, self.radius))[:, None]
        return w

    def _fit(self, atoms: LabelledAtoms, counts: Counts, rng: np.random.Generator | None) -> Array:
        if rng is None:
            raise SimulationError("rng", rng, "a numpy.random.Generator: the learner is random")
        return self.run(atoms, listed(counts), rng)

    def _width(self, atoms: LabelledAtoms, counts: Counts) -> int:
        return max(atoms.K, 2 * int(counts[0].sum()))


def listed(counts: Counts) -> NDArray[np.int64]:
    """Return training sets of one size, shape (R, K), point by point: shape (R, n), atoms ascending."""
    R, K = counts.shape
    return np.repeat(np.tile(np.arange(K), R), counts.ravel()).reshape(R, -1)
