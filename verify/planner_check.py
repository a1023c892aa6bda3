"""Simulating a recommended plan: the measured TV beside the guaranteed one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import sim

from .evidence import BettingTest, BinomialTest, Decision, SequentialTest, confidence_bounds
from .planner_answers import DataPlan, PlanError
from .planner_models import DOSES, Array, Guarantee, Setting, guarantees
from .planner_search import Choice

LEVEL = 0.005
"""Each confidence limit, and each verdict, is wrong with probability at most this."""
MARGIN = 0.05
"""Relative margin within which an exact value is checked."""
_WORK = 2e8  # atoms or coordinates times generations times replications
_FEWEST, _MOST = 64, 20_000
_LARGEST = 10**6


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a simulation of a plan measured.

    Attributes
    ----------
    choice : Choice
        The plan that was simulated.
    model : str
        The simulated model.
    replications : int
    mean : float
        Mean TV of the last generation.
    low, high : float
        Confidence limits of that mean, each wrong with probability at most `LEVEL`.
    exceeded : float
        Share of loops in which some generation's TV was above its guarantee.
    delta : float
        What was allowed of it; 0 where the guarantee is on average.
    decision : Decision
        Whether the guarantee holds.
    """

    choice: Choice
    model: str
    replications: int
    mean: float
    low: float
    high: float
    exceeded: float
    delta: float
    decision: Decision

    @property
    def text(self) -> str:
        """The outcome in words."""
        above = f"; above it in {self.exceeded:.2%} of the loops, allowed {self.delta:.2%}" if self.delta else ""
        return (
            f"Simulated {self.choice.schedule}, n = {self.choice.n:,}, {self.replications:,} loops on {self.model}.\n"
            f"Measured TV {self.mean:.4f} (mean; {1 - 2 * LEVEL:.0%} confidence: {self.low:.4f} to {self.high:.4f}), "
            f"guaranteed {self.choice.guaranteed:.4f}{above}: {self.decision}."
        )


def check_plan(plan: DataPlan, seed: int = 0) -> Checked:
    """Simulate the cheapest plan until its guarantee is decided, or for a fixed number of loops.

    Without `p` the discrete model is simulated on K atoms of equal probability, the hardest case of its bounds.

    Parameters
    ----------
    plan : DataPlan
    seed : int
        Same seed, same numbers.

    Returns
    -------
    Checked

    Raises
    ------
    PlanError
        There is no plan to simulate, or it is too large.
    """
    choice, question = plan.best, plan.question
    if choice is None:
        raise PlanError("check", "impossible", "a question with an answer: no schedule meets the target")
    model, width = _model(question.setting, choice)
    bound = guarantees(question.setting)[choice.schedule]
    assert bound is not None
    generations = np.arange(1, question.generations + 1)
    promised = bound(choice.n, choice.dose, generations, question.generations)
    most = int(np.clip(_WORK / (width * question.generations), _FEWEST, _MOST))
    test = _test(bound, choice, question.setting.delta)
    curves: list[Array] = []
    for curve in _curves(model, choice, question.generations, seed):
        curves.append(curve[: most - test.replications])
        test.update(_above(curves[-1], promised)[:, None] if question.setting.delta is not None else curves[-1][:, -1:])
        if test.replications >= most or not test.undecided.any():
            break
    return _outcome(plan, choice, model.label, np.concatenate(curves), promised, test)


def _above(curves: Array, promised: Array) -> Array:
    """Return 1.0 for every loop that was above its guarantee in some generation."""
    return np.asarray((curves > promised * (1 + 1e-12)).any(axis=1), dtype=np.float64)


def _outcome(
    plan: DataPlan, choice: Choice, label: str, curves: Array, promised: Array, test: SequentialTest
) -> Checked:
    if isinstance(test, BettingTest):
        low, high = (float(limit[0]) for limit in test.interval())
    else:
        low, high = (float(limit[0]) for limit in confidence_bounds(curves[:, -1:], LEVEL, 1.0))
    return Checked(
        choice=choice,
        model=label,
        replications=len(curves),
        mean=float(curves[:, -1].mean()),
        low=low,
        high=high,
        exceeded=float(_above(curves, promised).mean()),
        delta=plan.question.setting.delta or 0.0,
        decision=test.decision[0],
    )


def _test(bound: Guarantee, choice: Choice, delta: float | None) -> SequentialTest:
    if delta is not None:
        return BinomialTest(delta, LEVEL)
    if all(result.kind == "equality" for result in bound.results):
        return BettingTest(choice.guaranteed, LEVEL, claim="equal", margin=MARGIN)
    return BettingTest(choice.guaranteed, LEVEL)


def _model(setting: Setting, choice: Choice) -> tuple[Any, int]:
    if setting.model == "gaussian":
        d = int(setting.values["d"])
        return sim.GaussianMean(d=d), d
    if setting.model == "kde":
        assert choice.bandwidth is not None
        sigma = setting.values["sigma"]
        return sim.KDE(sim.NormalDensity(0.0, sigma), choice.bandwidth), choice.n
    p = setting.values.get("p")
    atoms = int(setting.values["K"])
    if atoms > _LARGEST:
        raise PlanError("check", f"with K = {atoms}", f"at most {_LARGEST} atoms to simulate")
    return sim.Discrete(np.full(atoms, 1 / atoms) if p is None else p), atoms


def _curves(model: Any, choice: Choice, generations: int, seed: int) -> Iterator[Array]:
    dose = DOSES[choice.schedule]
    schedule = sim.schedule(choice.schedule, **({dose: choice.dose} if dose else {}))
    record = ("tv", "tv_error") if isinstance(model, sim.KDE) else ("tv",)
    for found in sim.blocks(model, schedule, n=choice.n, generations=generations, seed=seed, record=record):
        # a numerical error counts against the guarantee
        yield np.minimum(sum(np.asarray(found[name], dtype=float) for name in record), 1.0)
