"""Points with labels: the finite distribution that the learners of a loop are trained and judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import SimulationError

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

_ROUNDING = 1e-12  # by which a norm or a label may exceed 1


@dataclass(frozen=True, eq=False)
class LabelledAtoms:
    """A distribution on K labelled points (x_k, y_k).

    Attributes
    ----------
    x : numpy.ndarray, shape (K, d)
        Features: Euclidean norms at most 1 (within 1e-12). Read-only.
    y : numpy.ndarray, shape (K,)
        Labels in [-1, 1] (within 1e-12). Read-only.
    p : numpy.ndarray, shape (K,)
        Probabilities: entries >= 0, sum 1 within 1e-9 (they are then scaled to sum to 1). Read-only.

    Raises
    ------
    SimulationError
        If an array is anything else; nothing is scaled into the ball.
    """

    x: Array
    y: Array
    p: Array

    def __post_init__(self) -> None:
        x, y, p = (_floats(name, getattr(self, name)) for name in ("x", "y", "p"))
        if x.ndim != 2 or not x.size:
            raise SimulationError("x", self.x, "a matrix: one row of features per atom")
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(x, axis=1)
        if not norms.max() <= 1 + _ROUNDING:
            k = int(norms.argmax())
            raise SimulationError("x", float(norms[k]), f"features of norm at most 1 (atom {k}); scale them first")
        if y.shape != x.shape[:1] or not np.abs(y).max() <= 1 + _ROUNDING:
            raise SimulationError("y", self.y, f"{len(x)} labels in [-1, 1]; scale them first")
        if p.shape != x.shape[:1] or not (p >= 0).all() or not abs(p.sum() - 1) <= 1e-9:
            raise SimulationError("p", self.p, f"{len(x)} probabilities: entries >= 0, sum 1 within 1e-9")
        for name, value in (("x", x), ("y", y), ("p", p / p.sum())):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def K(self) -> int:
        """Number of atoms."""
        return len(self.x)

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.x.shape[1])

    def training_sets(self, counts: ArrayLike) -> Counts:
        """Return `counts` as training sets, shape (R, K): how often each atom occurs in each of them.

        Raises
        ------
        SimulationError
            If they are no whole numbers >= 0, or the training sets are empty or differ in size.
        """
        array = np.atleast_2d(np.asarray(counts))
        whole = np.issubdtype(array.dtype, np.integer) and array.ndim == 2 and array.shape[1] == self.K
        if not whole or not array.size or array.min() < 0:
            raise SimulationError("counts", counts, f"whole numbers >= 0, {self.K} per training set")
        sizes = array.sum(axis=1)
        if sizes.min() < 1 or sizes.min() != sizes.max():
            raise SimulationError("counts", counts, "training sets of one size, at least 1")
        return array.astype(np.int64)


def _floats(name: str, value: ArrayLike) -> Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if not np.isfinite(array).all():
        raise SimulationError(name, value, "an array of finite numbers")
    return array
