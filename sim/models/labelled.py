"""A categorical generator of labelled points, with a learner that is trained on what each generation is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sim.errors import SimulationError, real
from sim.labelled_atoms import LabelledAtoms
from sim.learners import Learner
from sim.models.discrete import Counts, Discrete
from sim.models.model import Array, Metric


def smoothing(omega: object) -> float:
    """Return `omega` as a float if it is a number in [0, 1), else raise `SimulationError`."""
    value = real("omega", omega, 0, 1)
    if value == 1:
        raise SimulationError("omega", omega, "below 1: at 1 nothing is learnt from the data")
    return value


@dataclass(frozen=True, eq=False)
class Labelled:
    """K labelled atoms; P_i = (1 − omega)·(frequencies in the training set) + omega·uniform.

    The metrics of generation i are those of P_i and of the predictor trained on the same training
    set: n real points for i = 1, a sample of Q_{i−1}, which mixes P and P_{i−1}, later. So
    generation i's gap is that of a learner i − 1 generations into the loop.

    Attributes
    ----------
    atoms : LabelledAtoms
        The points (x_k, y_k) and the real distribution P on them.
    learner : Learner
        What is trained: `Ridge`, `Logistic` or `SGD`.
    omega : float
        Smoothing in [0, 1).

    Raises
    ------
    SimulationError
        If `omega` is outside, or the learner cannot use the labels.
    """

    atoms: LabelledAtoms
    learner: Learner
    omega: float = 0.0

    def __post_init__(self) -> None:
        self.learner.loss.check(self.atoms.y)
        object.__setattr__(self, "omega", smoothing(self.omega))

    @property
    def label(self) -> str:
        """Sizes, smoothing and learner."""
        return f"labelled(K={self.atoms.K}, d={self.atoms.d}, omega={self.omega:g}, {self.learner.label})"

    @cached_property
    def _draws(self) -> Discrete:
        return Discrete(self.atoms.p)

    @property
    def block(self) -> int:
        """Replications computed together, as of `Discrete`."""
        return self._draws.block

    @property
    def least(self) -> int:
        """Smallest training set, 1."""
        return 1

    def target(self) -> Array:
        """Return p."""
        return self.atoms.p

    def blend(self, mixture: Array, params: Trained, share: float) -> Array:
        """Return the vector (1 − share)·mixture + share·P_k."""
        return self._draws.blend(mixture, params.law, share)

    def draw(self, rng: np.random.Generator, mixture: Array, size: int) -> Counts:
        """Return multinomial counts."""
        return self._draws.draw(rng, mixture, size)

    def merge(self, first: Counts, second: Counts) -> Counts:
        """Return the summed counts."""
        return self._draws.merge(first, second)

    def estimate(self, rng: np.random.Generator, batch: Counts) -> Trained:
        """Return the smoothed frequencies; the predictor is trained when a metric asks for it."""
        return Trained(self, batch, rng.spawn(1)[0])

    def measures(self) -> Mapping[str, Metric]:
        """Return gap, risk, empirical_risk and tv; on request one_step_tv, atoms, frequencies, predictor."""

        def one(of: Callable[[Trained], Array], long_name: str) -> Metric:
            return Metric(of=lambda params, target: of(params), units="1", long_name=long_name)

        def many(of: Callable[[Trained], Array], long_name: str, dim: str, size: int) -> Metric:
            return Metric(
                of=lambda params, target: of(params),
                units="1",
                long_name=long_name,
                dims=(dim,),
                shape=(size,),
                default=False,
            )

        p, K, d = self.atoms.p, self.atoms.K, self.atoms.d
        return {
            "gap": one(lambda t: np.einsum("rk,rk->r", t.losses, p - t.frequencies), "risk minus empirical risk"),
            "risk": one(lambda t: t.losses @ p, "mean loss under P"),
            "empirical_risk": one(
                lambda t: np.einsum("rk,rk->r", t.losses, t.frequencies), "mean loss on the training set"
            ),
            "tv": one(lambda t: np.abs(t.law - p).sum(axis=1) / 2, "TV(P_i, P)"),
            "one_step_tv": Metric(
                of=lambda t, target: np.abs(t.law - target).sum(axis=1) / 2,
                units="1",
                long_name="TV(P_i, Q_{i-1})",
                needs_target=True,
                default=False,
            ),
            "atoms": many(lambda t: t.law, "probabilities p_i", "atom", K),
            "frequencies": many(lambda t: t.frequencies, "frequencies in the training set", "atom", K),
            "predictor": many(lambda t: t.weights, "predictor w", "feature", d),
        }


@dataclass(frozen=True, eq=False)
class Trained:
    """A generation: its training sets and what was made of them, in every replication of a block.

    Attributes
    ----------
    model : Labelled
        Gives atoms, learner and smoothing.
    batch : Counts
        The training sets.
    rng : numpy.random.Generator
        Randomness of the learner; its own, so that training leaves the loop's draws alone.
    """

    model: Labelled
    batch: Counts
    rng: np.random.Generator

    @cached_property
    def frequencies(self) -> Array:
        """Frequencies of the atoms in the training sets, shape (block, K)."""
        return np.asarray(self.batch.counts / self.batch.size)

    @cached_property
    def law(self) -> Array:
        """P_i, shape (block, K)."""
        omega = self.model.omega
        return (1 - omega) * self.frequencies + omega / self.model.atoms.K if omega else self.frequencies

    @cached_property
    def weights(self) -> Array:
        """Predictors, shape (block, d)."""
        return self.model.learner.fit(self.model.atoms, self.batch.counts, self.rng)

    @cached_property
    def losses(self) -> Array:
        """Losses at the atoms, shape (block, K)."""
        return self.model.learner.losses(self.model.atoms, self.weights)
