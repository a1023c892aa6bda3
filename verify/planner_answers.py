"""What the planner returns: frozen data about one question, a row per schedule, and the cheapest plan."""

from __future__ import annotations

from dataclasses import dataclass

from .planner_models import Setting
from .planner_search import Choice


class PlanError(ValueError):
    """A question that cannot be planned.

    Attributes
    ----------
    argument : str
    value : object
    allowed : str
    """

    def __init__(self, argument: str, value: object, allowed: str) -> None:
        self.argument, self.value, self.allowed = argument, value, allowed
        super().__init__(f"{argument} {value}: allowed: {allowed}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is asked.

    Attributes
    ----------
    setting : Setting
        Model and guarantee.
    target : float
        Largest TV allowed in the last generation.
    generations : int
    n : int
        Points per generation.
    real : int
        Real points there are.
    lam : float
        Synthetic points per real point of `expand`.
    most_real : float
        Largest real fraction of a later training set in the cheapest plans.
    """

    setting: Setting
    target: float
    generations: int
    n: int
    real: int
    lam: float
    most_real: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """The answer for one schedule.

    Attributes
    ----------
    schedule : str
    dose : str
        alpha, lam or "".
    result : str
        Key of the result that guarantees it.
    exact : bool
        The guarantee is the expected TV itself, not a bound on it.
    without : float
        Guaranteed TV with n points per generation and alpha = 0 (`expand`: with the lam asked for).
    meets : bool
        The target can be met with n points per generation.
    fraction : float
        Smallest alpha that meets it; 1 if even that does not; 0 for schedules without alpha.
    guaranteed : float
        Guaranteed TV at that alpha.
    lam : tuple of (float, float)
        Intervals of lam that meet the target, for `expand`.
    real : float
        Real points of all generations at that alpha; a mean where their number is random.
    smallest_n : int or None
        Points per generation that meet the target with alpha = 0 (`expand`: with the lam asked for), None if there
        is no such number up to `planner_search.MOST_POINTS`.
    cheapest : Choice or None
        The plan with the fewest real points, None if there is none.
    impossible : str
        Key of a lower bound above the target, "" if there is none.
    """

    schedule: str
    dose: str
    result: str
    exact: bool
    without: float
    meets: bool
    fraction: float
    guaranteed: float
    lam: tuple[tuple[float, float], ...]
    real: float
    smallest_n: int | None
    cheapest: Choice | None
    impossible: str


@dataclass(frozen=True, kw_only=True, eq=False)
class DataPlan:
    """The answers.

    Attributes
    ----------
    question : Question
    rows : tuple of Row
        One per schedule that has a result.
    missing : tuple of str
        Schedules for which the catalogue has no result.
    best : Choice or None
        Of the cheapest plans the one with the fewest real points.
    alone : int or None
        Real points that guarantee the target for generation 1, trained on real data alone: the price without a loop.
    text : str
        The answers in words.
    """

    question: Question
    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    best: Choice | None
    alone: int | None

    @property
    def affordable(self) -> bool:
        """Whether there are enough real points for the cheapest plan."""
        return self.best is not None and self.best.real <= self.question.real

    @property
    def text(self) -> str:
        """The answers in words and numbers."""
        from .planner_report import words

        return words(self)

    def row(self, schedule: str) -> Row:
        """Return the row of a schedule.

        Raises
        ------
        KeyError
            No result for it.
        """
        for row in self.rows:
            if row.schedule == schedule:
                return row
        raise KeyError(schedule)
