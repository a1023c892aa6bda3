"""What the sequential tests of `verify.evidence` share: claims, verdicts, and e-processes fed chunk by chunk.

Every test takes chunks (R, P) of independent replications, in replication index order, at P points. A verdict
may be read, and sampling stopped, after any chunk: it is wrong with probability at most `level` per point.
Verdicts are taken after every single replication, so that they do not depend on the chunks, and are never
withdrawn.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import StrEnum
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .confidence import EXACT_SIZE, Moments
from .wealth import BLOCK, Array, Direction, Process

Claim = Literal["upper", "lower", "equal"]


class Decision(StrEnum):
    """Outcome of a check."""

    HOLDS = "HOLDS"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


class Guarantee(StrEnum):
    """What a verdict rests on: no sampling, a bound for every sample size, or a limit theorem."""

    EXACT = "exact"
    FINITE_SAMPLE = "finite-sample"
    ASYMPTOTIC = "asymptotic"


_DECISIONS = np.array([Decision.UNDECIDED, Decision.HOLDS, Decision.REFUTED], dtype=object)


class SampleError(ValueError):
    """An observation outside its provable range, or not finite.

    Attributes
    ----------
    replication, point : int
        Its replication index, counted from the first chunk on, and its point.
    value, low, high : float
        The observation and the range.
    """

    def __init__(self, replication: int, point: int, value: float, low: float, high: float) -> None:
        needed = f"needs finite X in [{low!r}, {high!r}]"
        super().__init__(f"replication {replication}, point {point}: {needed}, got {value!r}")
        self.replication, self.point, self.value = replication, point, value
        self.low, self.high = low, high


def broadcast_points(*values: ArrayLike) -> tuple[Array, ...]:
    """Return the values broadcast to a common shape (P,), scalars alone to (1,)."""
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in values), np.zeros(1))[:-1]
    if arrays[0].ndim != 1:
        raise ValueError(f"points lie along one dimension, got shape {arrays[0].shape}")
    return tuple(np.array(a) for a in arrays)


class _Line:
    """One e-process of a test: where it puts the mean, its wealth now and its largest wealth so far."""

    def __init__(self, process: Process, direction: Direction, threshold: Array, certain: NDArray[np.bool_]):
        self.process, self.direction, self.threshold, self.certain = process, direction, threshold, certain
        self.log_wealth = np.where(certain, np.inf, 0.0)
        self.best = self.log_wealth

    def advance(self, x: Array) -> tuple[Array, Array]:
        """Return the log wealth and its running maximum, (R, P) each; infinite where the range proves it."""
        wealth = np.where(self.certain, np.inf, self.process.advance(x))
        best = np.maximum(np.maximum.accumulate(wealth, axis=0), self.best)
        self.log_wealth, self.best = wealth[-1], best[-1]
        return wealth, best


class SequentialTest(ABC):
    """What all tests share: the claims E X <= bound ("upper"), E X >= bound ("lower"), E X = bound ("equal").

    HOLDS means that the claim is certified, REFUTED that its contrary is. For "equal" with relative margin w,
    HOLDS certifies (1-w)B <= E X <= (1+w)B, both hypotheses E X <= (1-w)B and E X >= (1+w)B being rejected at
    `level`; REFUTED certifies E X outside these margins: the average of the wealths against E X <= (1+w)B and
    E X >= (1-w)B, an e-process wherever the mean lies within, has reached 1/level. For B < 0 the margins are
    B -+ w|B|.

    Parameters
    ----------
    bound : scalar or (P,) array
        Fixed before the data. A bound the range of X already proves HOLDS at once and is `vacuous`; one
        the range contradicts is REFUTED at once.
    level : float in (0, 1)
        Largest probability of a wrong verdict, per point; divide it for family-wise control.
    claim : {"upper", "lower", "equal"}
    margin : float in (0, 1) for "equal", else 0
    support : (low, high), scalars or (P,) arrays
        Provable range of X.
    make : function of (direction, threshold)
        Builds the e-process that certifies E X to be above or below the threshold.

    Attributes
    ----------
    points, replications : int
    decided_at : (P,) int array
        Replications used for the verdict: 0 if the range decided, -1 while undecided.
    vacuous : (P,) bool array
    guarantee : Guarantee
    method : str
    """

    guarantee = Guarantee.FINITE_SAMPLE
    method = ""

    def __init__(
        self,
        bound: ArrayLike,
        level: float,
        claim: Claim,
        margin: float,
        support: tuple[ArrayLike, ArrayLike],
        make: Callable[[Direction, Array], Process],
    ) -> None:
        if not 0 < level < 1 or claim not in get_args(Claim):
            raise ValueError(f"needs level in (0, 1), claim in {get_args(Claim)}, got {level}, {claim!r}")
        if not (0 < margin < 1 if claim == "equal" else margin == 0):
            raise ValueError(f"'equal' needs a margin in (0, 1), others 0; got {margin}, {claim!r}")
        self.bound, self._low, self._high = broadcast_points(bound, *support)
        if np.isnan(self.bound).any():
            raise ValueError("a test needs bounds, got NaN")
        self.level, self.claim, self.margin, self.points = level, claim, margin, self.bound.size
        self._holds, self._refutes = self._lines(make)
        self.vacuous = np.logical_and.reduce([line.certain for line in self._holds])
        refuted = np.logical_or.reduce([line.certain for line in self._refutes])
        self._codes = np.where(refuted, 2, np.where(self.vacuous, 1, 0))
        self.decided_at = np.where(self._codes > 0, 0, -1)
        self._moments = Moments.of(np.empty((0, self.points)))
        self._kept: list[Array] = []

    def _lines(self, make: Callable[[Direction, Array], Process]) -> tuple[list[_Line], list[_Line]]:
        def line(direction: Direction, threshold: Array, strict: bool) -> _Line:
            beyond, edge = (self._low, threshold) if direction == "above" else (threshold, self._high)
            certain = beyond > edge if strict else beyond >= edge
            return _Line(make(direction, np.clip(threshold, -1e300, 1e300)), direction, threshold, certain)

        slack = self.margin * np.abs(self.bound) if self.margin else 0.0
        ceiling: tuple[Direction, Array] = ("below", self.bound + slack)
        floor: tuple[Direction, Array] = ("above", self.bound - slack)
        sides = {"upper": [ceiling], "lower": [floor], "equal": [ceiling, floor]}[self.claim]
        contrary: dict[Direction, Direction] = {"below": "above", "above": "below"}
        holds = [line(direction, threshold, strict=False) for direction, threshold in sides]
        return holds, [line(contrary[direction], threshold, strict=True) for direction, threshold in sides]

    def update(self, x: ArrayLike) -> None:
        """Feed a chunk (R, P) of the next replications.

        Raises ValueError for another shape and SampleError for a value outside the range of X by more than
        1e-12 of its upper end; the test is then as before.
        """
        chunk = self._checked(np.asarray(x, dtype=float))
        rows = min(BLOCK, max(1, 8192 // self.points))  # a block fits the cache
        for start in range(0, len(chunk), rows):
            self._advance(chunk[start : start + rows], self.replications + start)
        self._moments = self._moments.merge(Moments.of(chunk))
        self._kept = [*self._kept, chunk] if self.replications * self.points <= EXACT_SIZE else []

    def _checked(self, x: Array) -> Array:
        if x.ndim != 2 or x.shape[1] != self.points:
            raise ValueError(f"update needs a chunk of shape (R, {self.points}), got {x.shape}")
        slip = np.where(np.isfinite(self._high), 1e-12 * np.abs(self._high), 0.0)
        good = np.isfinite(x) & (x >= self._low - slip) & (x <= self._high + slip)
        if not good.all():
            row, point = (int(i) for i in np.argwhere(~good)[0])
            low, high = float(self._low[point]), float(self._high[point])
            raise SampleError(self.replications + row, point, float(x[row, point]), low, high)
        return np.clip(x, self._low, self._high)  # removes rounding only

    def _advance(self, x: Array, before: int) -> None:
        holding = [line.advance(x)[1] for line in self._holds]
        refuting = [line.advance(x)[0] for line in self._refutes]
        holds = np.minimum.reduce(holding) >= -np.log(self.level)
        refuted = np.logaddexp.reduce(refuting) - np.log(len(refuting)) >= -np.log(self.level)
        either = holds | refuted
        first = either.argmax(axis=0)
        new = (self._codes == 0) & either.any(axis=0)
        codes = np.where(refuted[first, np.arange(self.points)], 2, 1)
        self._codes = np.where(new, codes, self._codes)
        self.decided_at = np.where(new, before + first + 1, self.decided_at)

    @property
    def decision(self) -> NDArray[np.object_]:
        """The Decision at every point, (P,)."""
        return np.asarray(_DECISIONS[self._codes])

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Where no verdict has been reached, (P,)."""
        return np.asarray(self._codes == 0)

    @property
    def replications(self) -> int:
        """Replications fed so far."""
        return self._moments.count

    @property
    def mean(self) -> Array:
        """Sample means, (P,); NaN before the first replication."""
        return self._moments.mean if self.replications else np.full(self.points, np.nan)

    @property
    def log_wealth_against_upper(self) -> Array:
        """Log wealth now, (P,), against E X <= bound, for "equal" against E X <= (1 + margin) bound."""
        return next(line.log_wealth for line in (*self._refutes, *self._holds) if line.direction == "above")

    @property
    def log_wealth_against_lower(self) -> Array:
        """Log wealth now, (P,), against E X >= bound, for "equal" against E X >= (1 - margin) bound."""
        return next(line.log_wealth for line in (*self._refutes, *self._holds) if line.direction == "below")

    def interval(self) -> tuple[Array, Array]:
        """Return lower and upper confidence limits (P,), (P,) of the mean, valid at any stopping time.

        Each limit by itself is wrong with probability at most `level`. A verdict implies the limits: once E X
        has been certified below or above a threshold, they do not cross it again.
        """
        if self.replications == 0:
            return self._low.copy(), self._high.copy()
        lower, upper = self._limits()
        for line in (*self._holds, *self._refutes):
            reached = (line.best >= -np.log(self.level)) & ~line.certain
            if line.direction == "above":
                lower = np.where(reached, np.maximum(lower, line.threshold), lower)
            else:
                upper = np.where(reached, np.minimum(upper, line.threshold), upper)
        return np.maximum(lower, self._low), np.minimum(upper, self._high)

    def _samples(self) -> Array | Moments:
        return np.concatenate(self._kept) if self._kept else self._moments

    @abstractmethod
    def _limits(self) -> tuple[Array, Array]: ...
