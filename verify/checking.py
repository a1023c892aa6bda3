"""From one design to a curve of verdicts: kind and mode of the result choose the test."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bounds import Kind, Mode, Result
from bounds.result import CORE_AXES

from .absolute import AbsoluteTest
from .case import Array, Bounded, Case, Design, Evidence, Exact, Exceedance, Exponent, Nonnegative, Signed, Unbounded
from .evidence import (
    AsymptoticTest,
    BettingTest,
    BinomialTest,
    Claim,
    Decision,
    Guarantee,
    NonnegativeTest,
    SequentialTest,
    exact_decision,
)
from .quantiles import quantile_limits
from .rates import claimed_exponents, exact_exponents, path_of, sampled_exponents
from .streams import MOST_NUMBERS, chunks_of

CLAIMS: dict[Kind, Claim] = {Kind.UPPER: "upper", Kind.LOWER: "lower", Kind.EQUALITY: "equal"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Verdicts of one design, point by point; every array has shape (points,).

    Attributes
    ----------
    case, label : str
    claim : Claim or "rate"
        What the bound is to the quantity; of a rate, bound, value and limits are exponents.
    parameters : mapping of str to ndarray
        The scalar parameters at every point; for exponents, at the end of its path.
    bound, value, lower, upper : ndarray
        The expression; the exact value or the mean (for a high-probability result, the 1 - delta quantile)
        and its confidence limits, each wrong with probability at most `level`; infinite where unknown.
    decision : ndarray of Decision
    vacuous : ndarray of bool
        The bound is implied by the range of the quantity.
    replications : int
        0 for an exact law.
    level : float
        Largest probability of a wrong decision; 0 for an exact law. The points of a high-probability result
        share one decision.
    guarantee : Guarantee
    method : str
    margin : float
        Relative margin of a sampled equality, absolute margin of an exponent, else 0.
    seconds : float
    """

    case: str
    label: str
    claim: Claim | Literal["rate"]
    parameters: dict[str, Array]
    bound: Array
    value: Array
    lower: Array
    upper: Array
    decision: NDArray[np.object_]
    vacuous: NDArray[np.bool_]
    replications: int
    level: float
    guarantee: Guarantee
    method: str
    margin: float
    seconds: float

    @property
    def tightness(self) -> Array:
        """Bound over what was measured, (points,); nan where that is 0, unknown or of the other sign.

        An upper bound over the upper limit, at least 1 where it holds; a lower bound over the lower limit, at most
        1 where it holds; a claimed value over the exact value or the mean. For exponents always nan.
        """
        if self.claim == "rate":
            return np.full(self.bound.shape, np.nan)
        measured = {"upper": self.upper, "lower": self.lower, "equal": self.value}[self.claim]
        known = np.isfinite(measured) & (measured != 0) & (self.bound * np.sign(measured) >= 0)
        return np.where(known, self.bound / np.where(known, measured, 1.0), np.nan)

    @property
    def decided(self) -> int:
        """Number of decided points."""
        return int(np.sum(self.decision != Decision.UNDECIDED))


def points_of(design: Design, result: Result) -> tuple[Array, dict[str, Array]]:
    """Return the bound, and the scalar parameters and settings, at every point of a design, flattened."""
    shape, vectors = _broadcast(design, result), {p.name for p in result.params if p.core}
    scalars = {name: value for name, value in design.values.items() if name not in vectors}
    full = {name: np.broadcast_to(np.asarray(v, dtype=float), shape) for name, v in scalars.items()}
    if isinstance(design.evidence, Exponent):
        claimed = claimed_exponents(result, design.evidence, design.values, shape)
        return claimed, {name: v[..., -1].ravel() for name, v in full.items()}
    arguments = {name: value for name, value in design.values.items() if name in result.names}
    bound = np.broadcast_to(np.asarray(result(**arguments), dtype=float), shape)
    return bound.ravel(), {name: v.ravel() for name, v in full.items()}


def shape_of(design: Design, result: Result) -> tuple[int, ...]:
    """Return the shape of a design's points without evaluating anything."""
    shape = _broadcast(design, result)
    return shape[:-1] if isinstance(design.evidence, Exponent) else shape


def _broadcast(design: Design, result: Result) -> tuple[int, ...]:
    """Return the broadcast shape of a design's values: of its points, or of their paths."""
    axes = {p.name: CORE_AXES[p.structure] for p in result.params}
    shapes = [np.shape(value)[: np.ndim(value) - axes.get(name, 0)] for name, value in design.values.items()]
    return np.broadcast_shapes(*shapes)


def decisions_in(case: Case, design: Design) -> int:
    """Count the sampled decisions that a design will make, for the family-wise correction."""
    evidence = design.evidence.measured if isinstance(design.evidence, Exponent) else design.evidence
    if isinstance(evidence, Exact):
        return 0
    if isinstance(design.evidence, Exceedance):
        return 1
    return math.prod(shape_of(design, case.result))


def check(case: Case, design: Design, *, level: float, replications: int, seed: int) -> Curve:
    """Check one design of a case.

    Parameters
    ----------
    case : Case
    design : Design
    level : float
        Largest probability of a wrong decision per point, in (0, 1).
    replications : int
        Largest number of replications.
    seed : int
        Same seed, same numbers.

    Raises
    ------
    ValueError
        The evidence does not fit the kind and mode of the result, or has another number of points.
    """
    started = time.perf_counter()
    _require_fit(case, design)
    bound, parameters = points_of(design, case.result)
    if isinstance(design.evidence, Exponent):
        outcome = _exponent(case, design, bound, (level, replications, seed))
    elif isinstance(design.evidence, Exact):
        outcome = _exact(case, design, bound)
    elif isinstance(design.evidence, Exceedance):
        outcome = _exceedance(case, design, design.evidence, bound, (level, replications, seed))
    else:
        outcome = _sampled(case, design, bound, (level, replications, seed))
    return Curve(
        case=case.name,
        label=design.label,
        claim=CLAIMS.get(case.result.kind, "rate"),
        parameters=parameters,
        bound=bound,
        seconds=time.perf_counter() - started,
        **outcome,
    )


def _require_fit(case: Case, design: Design) -> None:
    """Raise ValueError unless there is a test of this kind and mode on this evidence."""
    result, evidence = case.result, type(design.evidence).__name__
    if result.kind is Kind.RATE or isinstance(design.evidence, Exponent):
        if result.kind is Kind.RATE and isinstance(design.evidence, Exponent):
            return
    elif isinstance(design.evidence, Exceedance):
        if result.mode is Mode.HIGH_PROBABILITY and result.kind is Kind.UPPER:
            return
    elif isinstance(design.evidence, Signed):
        if result.mode is Mode.EXPECTATION and result.kind is Kind.UPPER:
            return
    elif result.mode is Mode.EXPECTATION or (result.mode is Mode.SURE and _of_a_number(design.evidence, result)):
        return
    raise ValueError(f"{case.key}: {evidence} cannot decide mode {result.mode} of kind {result.kind}")


def _of_a_number(evidence: Evidence, result: Result) -> bool:
    means = isinstance(evidence, Bounded) and evidence.number and result.kind is Kind.UPPER
    return means or isinstance(evidence, Exact)


def _exact(case: Case, design: Design, bound: Array) -> dict[str, Any]:
    assert isinstance(design.evidence, Exact)
    claim = CLAIMS[case.result.kind]
    value = np.asarray(design.evidence.values(), dtype=float).ravel()
    if value.shape != bound.shape:
        raise ValueError(f"{case.key}, {design.label}: {value.size} exact values for {bound.size} points")
    return {
        "value": value,
        "lower": value,
        "upper": value,
        "decision": exact_decision(value, bound, claim),
        "vacuous": np.zeros(bound.shape, dtype=bool) if claim != "upper" else bound >= design.evidence.upper,
        "replications": 0,
        "level": 0.0,
        "guarantee": Guarantee.EXACT,
        "method": "exact law",
        "margin": 0.0,
    }


def _exponent(case: Case, design: Design, claimed: Array, limits: tuple[float, int, int]) -> dict[str, Any]:
    assert isinstance(design.evidence, Exponent)
    level, replications, seed = limits
    shape, measured = _broadcast(design, case.result), design.evidence.measured
    path = path_of(design.evidence, design.values, shape)
    if isinstance(measured, Exact):
        return exact_exponents(design.evidence, path, claimed)
    chunks = chunks_of(case, replace(design, evidence=measured), seed, replications)
    return sampled_exponents(design.evidence, path, claimed, shape, level, chunks)


def _test(case: Case, design: Design, bound: Array, level: float) -> SequentialTest | AbsoluteTest:
    claim = CLAIMS[case.result.kind]
    margin = design.margin if claim == "equal" else 0.0
    evidence = design.evidence
    if isinstance(evidence, Bounded):
        upper = np.broadcast_to(np.asarray(evidence.upper, dtype=float), shape_of(design, case.result))
        return BettingTest(bound, level, upper.ravel(), claim, margin)
    if isinstance(evidence, Nonnegative):
        cap = np.broadcast_to(np.asarray(evidence.cap, dtype=float), shape_of(design, case.result))
        return NonnegativeTest(bound, level, claim, cap.ravel(), margin)
    if isinstance(evidence, Signed):
        return AbsoluteTest(bound, level, np.broadcast_to(evidence.reach, shape_of(design, case.result)).ravel())
    assert isinstance(evidence, Unbounded)
    return AsymptoticTest(bound, level, claim, margin)


def _sampled(case: Case, design: Design, bound: Array, limits: tuple[float, int, int]) -> dict[str, Any]:
    level, replications, seed = limits
    test = _test(case, design, bound, level)
    for curves in chunks_of(case, design, seed, replications):
        test.update(curves)
        if not test.undecided.any():
            break
    lower, upper = test.interval()
    return {
        "value": np.asarray(test.mean),
        "lower": lower,
        "upper": upper,
        "decision": test.decision,
        "vacuous": test.vacuous,
        "replications": test.replications,
        "level": level,
        "guarantee": test.guarantee,
        "method": test.method,
        "margin": test.margin,
    }


def _exceedance(
    case: Case, design: Design, evidence: Exceedance, bound: Array, limits: tuple[float, int, int]
) -> dict[str, Any]:
    level, replications, seed = limits
    delta = float(design.values["delta"])
    test = BinomialTest(delta, level)
    kept: list[Array] = []
    room = max(64, min(100_000, MOST_NUMBERS // bound.size))
    for curves in chunks_of(case, design, seed, replications):
        kept.append(curves[:room])
        room -= len(kept[-1])
        test.update((curves > bound).any(axis=1, keepdims=True).astype(float))
        if not test.undecided.any():
            break
    samples, decision = np.concatenate(kept), Decision(test.decision[0])
    lower, upper = quantile_limits(samples, delta, level)
    return {
        "value": np.quantile(samples, 1 - delta, axis=0, method="higher"),
        "lower": lower,
        "upper": np.minimum(upper, bound) if decision is Decision.HOLDS else upper,
        "decision": np.repeat(test.decision, bound.size),
        "vacuous": bound >= evidence.upper,
        "replications": test.replications,
        "level": level,
        "guarantee": test.guarantee,
        "method": test.method,
        "margin": 0.0,
    }


__all__ = ["CLAIMS", "Curve", "check", "decisions_in", "points_of", "shape_of"]
