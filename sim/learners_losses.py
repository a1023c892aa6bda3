"""Losses of linear predictors: what a prediction z = w·x costs when the label is y."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import expit

from sim.errors import SimulationError
from sim.labelled_atoms import Array


class Loss(ABC):
    """A convex, smooth loss; constants hold for ‖x‖ ≤ 1, |y| ≤ 1 and ‖w‖ ≤ B."""

    smoothness: ClassVar[float]

    @abstractmethod
    def values(self, z: Array, y: Array) -> Array:
        """Return the losses of predictions, shape (..., K), for labels, shape (K,)."""

    @abstractmethod
    def slopes(self, z: Array, y: Array) -> Array:
        """Return the derivatives in z."""

    @abstractmethod
    def lipschitz(self, B: float) -> float:
        """Return L: the loss as a function of w is L-Lipschitz."""

    @abstractmethod
    def span(self, B: float) -> float:
        """Return M: the loss lies in an interval of this length."""

    def check(self, y: Array) -> None:
        """Raise `SimulationError` if these are not labels for this loss; here every label will do."""
        return None


class SquaredLoss(Loss):
    """½(z − y)²."""

    smoothness: ClassVar[float] = 1.0

    def values(self, z: Array, y: Array) -> Array:
        """Return half the squared residuals."""
        residual = z - y
        residual *= residual
        residual *= 0.5
        return residual

    def slopes(self, z: Array, y: Array) -> Array:
        """Return the residuals."""
        return z - y

    def lipschitz(self, B: float) -> float:
        """Return 1 + B, the largest residual."""
        return 1 + B

    def span(self, B: float) -> float:
        """Return ½(1 + B)²; the loss lies in [0, ½(1 + B)²]."""
        return (1 + B) ** 2 / 2


class LogisticLoss(Loss):
    """log(1 + exp(−yz)), for labels −1 and 1."""

    smoothness: ClassVar[float] = 0.25

    def values(self, z: Array, y: Array) -> Array:
        """Return the losses, without overflow."""
        return np.asarray(np.logaddexp(0, -y * z))

    def slopes(self, z: Array, y: Array) -> Array:
        """Return −y/(1 + exp(yz))."""
        return np.asarray(-y * expit(-y * z))

    def curvatures(self, z: Array) -> Array:
        """Return the second derivatives in z, the same for both labels."""
        return np.asarray(expit(z) * expit(-z))

    def lipschitz(self, B: float) -> float:
        """Return 1/(1 + exp(−B)), the largest slope."""
        return float(expit(B))

    def span(self, B: float) -> float:
        """Return B: log(1 + exp(B)) − log(1 + exp(−B)) = B."""
        return B

    def check(self, y: Array) -> None:
        """Raise `SimulationError` unless all labels are −1 or 1 (within the rounding of a scaling)."""
        bad = y[np.abs(np.abs(y) - 1) > 1e-12]
        if bad.size:
            raise SimulationError("y", float(bad[0]), "-1 or 1 for the logistic loss")


LOSSES: dict[str, Loss] = {"squared": SquaredLoss(), "logistic": LogisticLoss()}
