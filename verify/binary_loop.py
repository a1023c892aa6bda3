"""Smoothed frequencies on two kinds of points, exactly: the law of every generation given the reused points.

All that later generations and a learner see of n points of two kinds is how many are of the first. With r of the αn
reused points and s of the m = (1−α)n synthetic ones there, the next synthetic count is
Binomial(m, (1−ω)(r+s)/n + ω/K), where the second kind may be K − 1 atoms that the learner cannot tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

import sim

from .case import Array

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class BinaryLoop:
    """The schedule `fixed` on points of two kinds.

    Attributes
    ----------
    n : int
        Points per generation.
    reused : int
        Real points of every generation, αn.
    p : float
        Real probability of the first kind.
    omega : float
        Weight of the uniform distribution in every fit.
    K : int
        Number of atoms; one of them is the first kind.
    """

    n: int
    reused: int
    p: float
    omega: float
    K: int = 2

    @property
    def alpha(self) -> float:
        """Real share."""
        return self.reused / self.n

    @property
    def synthetic(self) -> int:
        """Synthetic points of every generation."""
        return self.n - self.reused

    @cached_property
    def fits(self) -> Array:
        """Fitted probability of the first kind after each count of it, (n + 1,)."""
        return (1 - self.omega) * np.arange(self.n + 1) / self.n + self.omega / self.K

    @cached_property
    def steps(self) -> Array:
        """Law of the synthetic count after each count of a training set, (n + 1, m + 1)."""
        return np.asarray(binom.pmf(np.arange(self.synthetic + 1), self.synthetic, self.fits[:, None]))

    @cached_property
    def chances(self) -> Array:
        """Law of the reused count, (αn + 1,)."""
        return np.asarray(binom.pmf(np.arange(self.reused + 1), self.reused, self.p))

    def kernel(self, r: int) -> Array:
        """Return the transition matrix of the synthetic count, (m + 1, m + 1), given r."""
        return self.steps[r : r + self.synthetic + 1]

    @cached_property
    def _laws(self) -> dict[int, Array]:
        first = binom.pmf(np.arange(self.synthetic + 1), self.synthetic, self.p)
        return {0: np.tile(first, (self.reused + 1, 1))}

    def laws(self, i: int) -> Array:
        """Return the laws of the synthetic count of generation i given the reused one, (αn + 1, m + 1).

        At i = 0 it is the count of the real points that are not reused.
        """
        if i not in self._laws:
            before = self.laws(i - 1)
            self._laws[i] = np.stack([before[r] @ self.kernel(r) for r in range(self.reused + 1)])
        return self._laws[i]

    def given_reused(self, values: Array, i: int) -> Array:
        """Return E[values(count in the training set of generation i+1) | reused count], (αn + 1,)."""
        counts = np.arange(self.reused + 1)[:, None] + np.arange(self.synthetic + 1)
        return np.asarray(np.einsum("rs,rs->r", self.laws(i), values[counts]))

    def mean(self, values: Array, i: int) -> float:
        """Return E values(count in the training set of generation i+1)."""
        return float(self.chances @ self.given_reused(values, i))

    @cached_property
    def distances(self) -> Array:
        """TV of each fit from P for K = 2, (n + 1,)."""
        return np.abs(self.fits - self.p)

    def one_step(self, j: int) -> float:
        """Return E TV(P_{j+1}, αP + (1−α)P_j) for K = 2; P_0 = P."""
        if j == 0:
            return self.mean(self.distances, 0)
        states, total = np.arange(self.synthetic + 1), 0.0
        for r, chance in enumerate(self.chances):
            target = self.alpha * self.p + (1 - self.alpha) * self.fits[r : r + self.synthetic + 1]
            far = np.abs(self.fits[r + states] - target[:, None])
            total += chance * float(self.laws(j - 1)[r] @ np.einsum("st,st->s", self.kernel(r), far))
        return total

    def powers(self, r: int, i: int) -> Array:
        """Return the law of the synthetic count of generation i given r, from every count of the other real points."""
        return np.asarray(np.linalg.matrix_power(self.kernel(r), i))

    def average_sensitivity(self, i: int) -> float:
        """Return the mean TV of the synthetic laws of generation i when a reused point is drawn anew."""
        total, weights = 0.0, self.laws(0)[0]
        for r in range(1, self.reused + 1):  # neighbours r and r−1: the point leaves the first kind, or joins it
            moved = np.abs(self.powers(r, i) - self.powers(r - 1, i)).sum(axis=1) / 2
            leaves = self.chances[r] * r / self.reused * (1 - self.p)
            joins = self.chances[r - 1] * (self.reused - r + 1) / self.reused * self.p
            total += (leaves + joins) * float(weights @ moved)
        return total

    def other_sensitivity(self, i: int) -> float:
        """Return the largest TV of the synthetic laws of generation i when a point that is not reused is replaced."""
        powers = (self.powers(r, i) for r in range(self.reused + 1))
        return max(float(np.abs(np.diff(power, axis=0)).sum(axis=1).max()) / 2 for power in powers)

    def divergence(self) -> float:
        """Return the largest KL divergence of two fits whose training sets differ in one point, for K = 2."""
        p, q = self.fits[1:], self.fits[:-1]
        both = [a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b)) for a, b in ((p, q), (q, p))]
        return float(np.max(both))

    def influence(self, i: int) -> float:
        """Return the largest change of E[TV(P_i, P) | reused count] when one reused point is replaced, for K = 2."""
        return float(np.abs(np.diff(self.given_reused(self.distances, i - 1))).max())


def expand_sensitivity(n: int, drawn: int, omega: float, i: int) -> float:
    """Return γ of generation i under `expand` with n real points and so many synthetic ones, for K = 2."""
    size = n + drawn
    first = binom.pmf(np.arange(drawn + 1), drawn, ((1 - omega) * np.arange(n + 1) / n + omega / 2)[:, None])
    later = binom.pmf(np.arange(drawn + 1), drawn, ((1 - omega) * np.arange(size + 1) / size + omega / 2)[:, None])
    laws = [first[r] @ np.linalg.matrix_power(later[r : r + drawn + 1], i - 1) for r in range(n + 1)]
    return float(np.abs(np.diff(laws, axis=0)).sum(axis=1).max()) / 2


@dataclass(frozen=True)
class BinaryLearning:
    """A learner in a loop of points of two kinds: its loss, gap and stability after every training set.

    Attributes
    ----------
    loop : BinaryLoop
    learner : sim.Learner
        One without randomness.
    x, y : pairs of float
        Feature and label of either kind.
    """

    loop: BinaryLoop
    learner: sim.Learner
    x: tuple[float, float] = (1.0, 1.0)
    y: tuple[float, float] = (1.0, -1.0)

    @cached_property
    def atoms(self) -> sim.LabelledAtoms:
        """The two kinds as atoms."""
        p = self.loop.p
        return sim.LabelledAtoms(x=np.array(self.x)[:, None], y=np.array(self.y), p=np.array([p, 1 - p]))

    @cached_property
    def counts(self) -> Whole:
        """All training sets, (n + 1, 2)."""
        first = np.arange(self.loop.n + 1)
        return np.stack([first, self.loop.n - first], axis=1)

    @cached_property
    def losses(self) -> Array:
        """Losses at either kind after every training set, (n + 1, 2)."""
        return self.learner.losses(self.atoms, self.learner.fit(self.atoms, self.counts))

    @cached_property
    def gaps(self) -> Array:
        """Real risk minus training error after every training set, (n + 1,)."""
        return np.asarray(((self.atoms.p - self.counts / self.loop.n) * self.losses).sum(axis=1))

    @property
    def length(self) -> float:
        """Length of the smallest interval that contains all these losses."""
        return float(np.ptp(self.losses))

    @property
    def stability(self) -> float:
        """β_n: largest change of a loss when one point is replaced, over all training sets."""
        return float(np.abs(np.diff(self.losses, axis=0)).max())

    def mean_gap(self, i: int) -> float:
        """Return the expected gap of the learner of generation i+1."""
        return self.loop.mean(self.gaps, i)

    def gap_given_reused(self, i: int) -> Array:
        """Return the gap of that learner averaged over all but the reused points, by their count, (αn + 1,)."""
        return self.loop.given_reused(self.gaps, i)
