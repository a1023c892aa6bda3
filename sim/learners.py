"""Linear predictors trained on labelled atoms, many training sets at a time.

A training set is its counts of the K atoms, so a fit costs the same for every sample size, and
nothing loops over training sets.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import SimulationError, real
from sim.labelled_atoms import Array, Counts, LabelledAtoms
from sim.learners_losses import LOSSES, LogisticLoss, Loss

_HELD = 2**22  # numbers held at a time, about
_LEAST_LAM = 1e-8
_GRADIENT = 1e-13  # norm of the gradient at which Newton's method has arrived: rounding is a hundredth of it
_STEPS = 1000


class Learner(ABC):
    """What turns a training set into a predictor w, with the constants that its bounds need."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Short text naming the learner and its parameters."""

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """What is paid on each point."""

    @property
    @abstractmethod
    def B(self) -> float:
        """Bound on ‖w‖, whatever the training set."""

    @abstractmethod
    def _fit(self, atoms: LabelledAtoms, counts: Counts, rng: np.random.Generator | None) -> Array:
        """Return the predictors of a few training sets."""

    @property
    def L(self) -> float:
        """Lipschitz constant of the loss in w, for ‖w‖ ≤ B."""
        return self.loss.lipschitz(self.B)

    @property
    def M(self) -> float:
        """Length of an interval that holds the loss at every point, for ‖w‖ ≤ B."""
        return self.loss.span(self.B)

    def fit(self, atoms: LabelledAtoms, counts: ArrayLike, rng: np.random.Generator | None = None) -> Array:
        """Return the predictors fitted to training sets.

        Parameters
        ----------
        atoms : LabelledAtoms
            The K points with labels.
        counts : array_like of int, shape (R, K)
            How often each atom occurs in each of R training sets of one size.
        rng : numpy.random.Generator, optional
            Randomness of the learner; only stochastic gradient descent needs it.

        Returns
        -------
        numpy.ndarray, shape (R, d)

        Raises
        ------
        SimulationError
            If an argument is outside what is allowed, or the fit does not converge.
        """
        sets = atoms.training_sets(counts)
        self.loss.check(atoms.y)
        rows = max(1, _HELD // self._width(atoms, sets))
        w = np.empty((len(sets), atoms.d))
        for start in range(0, len(sets), rows):
            w[start : start + rows] = self._fit(atoms, sets[start : start + rows], rng)
        return w

    def losses(self, atoms: LabelledAtoms, w: Array) -> Array:
        """Return the loss of predictors, shape (R, d), at every atom: shape (R, K)."""
        return self.loss.values(w @ atoms.x.T, atoms.y)

    def _width(self, atoms: LabelledAtoms, counts: Counts) -> int:
        """Numbers that fitting one training set holds, about."""
        return max(atoms.K, atoms.d**2)


@dataclass(frozen=True)
class Penalised(Learner):
    """Minimiser of the mean loss plus (lam/2)‖w‖², no intercept.

    Attributes
    ----------
    lam : float
        Penalty, at least 1e-8: below, linear systems in double precision lose half of their digits.
    """

    lam: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", real("lam", self.lam, _LEAST_LAM, math.inf))

    @abstractmethod
    def _minimise(self, atoms: LabelledAtoms, f: Array) -> Array:
        """Return the minimisers, shape (R, d), for weights of the atoms, shape (R, K), rows summing to 1."""

    def population(self, atoms: LabelledAtoms) -> Array:
        """Return the minimiser under P itself, shape (d,)."""
        self.loss.check(atoms.y)
        return np.asarray(self._minimise(atoms, atoms.p[None])[0])

    def _fit(self, atoms: LabelledAtoms, counts: Counts, rng: np.random.Generator | None) -> Array:
        return self._minimise(atoms, counts / counts.sum(axis=1, keepdims=True))


class Ridge(Penalised):
    """Loss ½(w·x − y)²; solved in closed form."""

    @property
    def label(self) -> str:
        """Name and penalty."""
        return f"ridge(lam={self.lam:g})"

    @property
    def loss(self) -> Loss:
        """Half the squared residual."""
        return LOSSES["squared"]

    @property
    def B(self) -> float:
        """Supremum of s/(s² + lam) over 0 < s ≤ 1: the largest gain from labels to w."""
        return 1 / (2 * math.sqrt(self.lam)) if self.lam <= 1 else 1 / (1 + self.lam)

    def _minimise(self, atoms: LabelledAtoms, f: Array) -> Array:
        return _solve(_gram(f, atoms.x), self.lam, (f * atoms.y) @ atoms.x)


class Logistic(Penalised):
    """Loss log(1 + exp(−y·w·x)), labels −1 and 1.

    Newton's method with steps t = log(1 + s)/s, s the largest change of a prediction on the training
    set by a full step. Along the step φ''' ≤ s·φ'', as |σ''| ≤ σ', so the objective stays below a
    function of t that is least at this t: every step decreases it, from any start, where full steps
    can go astray, and t → 1 keeps convergence quadratic (damped as by Sun & Tran-Dinh
    2019). It ends at a gradient of norm 1e-13, which is within 1e-13/lam of the minimiser.
    """

    @property
    def label(self) -> str:
        """Name and penalty."""
        return f"logistic(lam={self.lam:g})"

    @property
    def loss(self) -> LogisticLoss:
        """log(1 + exp(−yz))."""
        return LogisticLoss()

    @property
    def B(self) -> float:
        """√(2·log 2/lam): at a longer w the penalty alone exceeds the objective at 0."""
        return math.sqrt(2 * math.log(2) / self.lam)

    def _minimise(self, atoms: LabelledAtoms, f: Array) -> Array:
        w, left, most = np.zeros((len(f), atoms.d)), np.arange(len(f)), math.inf
        for _ in range(_STEPS):
            z = w[left] @ atoms.x.T
            gradient = (f[left] * self.loss.slopes(z, atoms.y)) @ atoms.x + self.lam * w[left]
            norms = np.linalg.norm(gradient, axis=1)
            on = norms > _GRADIENT
            if not on.any():
                return w
            left, z, gradient, most = left[on], z[on], gradient[on], float(norms.max())
            step = _solve(_gram(f[left] * self.loss.curvatures(z), atoms.x), self.lam, gradient)
            reach = (np.abs(step @ atoms.x.T) * (f[left] > 0)).max(axis=1, keepdims=True)
            reach = np.maximum(reach, np.finfo(float).tiny)  # below, log(1 + s)/s is 1
            w[left] -= step * (np.log1p(reach) / reach)
        allowed = f"such that {_STEPS} Newton steps reach a gradient of {_GRADIENT:g} (got to {most:.1e})"
        raise SimulationError("lam", self.lam, allowed)


def _gram(weights: Array, x: Array) -> Array:
    """Return Σ_k weights[r, k]·x_k·x_kᵀ, shape (R, d, d), one matrix product per group of atoms."""
    K, d = x.shape
    first, second = np.triu_indices(d)
    group = max(1, _HELD // first.size)
    half = np.zeros((len(weights), first.size))
    for k in range(0, K, group):
        part = x[k : k + group]
        half += weights[:, k : k + group] @ (part[:, first] * part[:, second])
    gram = np.empty((len(weights), d, d))
    gram[:, first, second] = gram[:, second, first] = half
    return gram


def _solve(gram: Array, lam: float, right: Array) -> Array:
    """Return (gram + lam·I)⁻¹·right; `gram` is changed."""
    diagonal = np.arange(gram.shape[1])
    gram[:, diagonal, diagonal] += lam
    return np.asarray(np.linalg.solve(gram, right[..., None])[..., 0])
