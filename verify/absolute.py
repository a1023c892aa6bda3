"""A test of |E X| <= B for X in [-U, U], from both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .evidence import BettingTest, Guarantee
from .sequential import Decision, broadcast_points
from .wealth import Array


class AbsoluteTest:
    """Two betting tests on X + U in [0, 2U], of E X <= bound and of E X >= -bound.

    HOLDS if both hold, REFUTED if either is refuted; each decides at half the level.

    Parameters
    ----------
    bound : scalar or (P,) array
        An upper bound on |E X|; `vacuous` where it is at least `reach`.
    level : float in (0, 1)
        Largest probability of a wrong verdict, per point.
    reach : scalar or (P,) array, finite, >= 0
        U, a provable largest |X|.
    """

    guarantee = Guarantee.FINITE_SAMPLE
    method = "two betting e-processes"
    margin = 0.0

    def __init__(self, bound: ArrayLike, level: float, reach: ArrayLike) -> None:
        self.bound, self.reach = broadcast_points(bound, reach)
        self._above = BettingTest(self.reach + self.bound, level / 2, 2 * self.reach, "upper")
        self._below = BettingTest(self.reach - self.bound, level / 2, 2 * self.reach, "lower")

    def update(self, x: ArrayLike) -> None:
        """Feed a chunk (R, P) of the next replications; errors are those of `BettingTest.update`, for X + U."""
        shifted = np.asarray(x, dtype=float) + self.reach
        self._above.update(shifted)
        self._below.update(shifted)

    @property
    def decision(self) -> NDArray[np.object_]:
        """The Decision at every point, (P,)."""
        both = np.stack([self._above.decision, self._below.decision])
        decision = np.full(self.bound.shape, Decision.UNDECIDED, dtype=object)
        decision[(both == Decision.HOLDS).all(axis=0)] = Decision.HOLDS
        decision[(both == Decision.REFUTED).any(axis=0)] = Decision.REFUTED
        return decision

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Where no verdict has been reached, (P,)."""
        return np.asarray(self.decision == Decision.UNDECIDED)

    @property
    def vacuous(self) -> NDArray[np.bool_]:
        """Where the range proves the bound, (P,)."""
        return np.asarray(self._above.vacuous & self._below.vacuous)

    @property
    def replications(self) -> int:
        """Replications fed so far."""
        return self._above.replications

    @property
    def mean(self) -> Array:
        """Absolute values of the sample means, (P,)."""
        return np.abs(self._above.mean - self.reach)

    def interval(self) -> tuple[Array, Array]:
        """Return limits (P,), (P,) of |E X|, each wrong with probability at most `level`, at any stopping time."""
        upper = self._above.interval()[1] - self.reach
        lower = self._below.interval()[0] - self.reach
        low, high, decision = np.maximum(0.0, np.maximum(lower, -upper)), np.maximum(upper, -lower), self.decision
        low = np.where(decision == Decision.REFUTED, np.maximum(low, self.bound), low)
        return low, np.where(decision == Decision.HOLDS, np.minimum(high, self.bound), high)
