"""The cases: complete, argued, with designs that their results accept, and only with evidence that fits."""

from __future__ import annotations

from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest

import bounds
import sim
from bounds import Assumption, Kind, Mode, Result
from bounds.result import CORE_AXES
from verify.case import SAMPLED, Array, Bounded, Case, Design, Effort, Exact, Exceedance, Exponent, Setting
from verify.cases import CASES
from verify.checking import check, decisions_in, points_of, shape_of
from verify.run import DEFAULT_SETTING, Plan, cases_of, designs_of, plan_tasks
from verify.sequential import Decision

DATA_SETTING = Setting(
    discrete={"column": (0.5, 0.25, 0.125, 0.0625, 0.0625)},
    mean=1e6,
    sigma=3e-4,
    smooth=sim.smoothed_sample(3e-4 * np.random.default_rng(1).standard_exponential(200), 1e-4),
    source="a file of a user",
)
SETTINGS = {"default": DEFAULT_SETTING, "data": DATA_SETTING}
KEYS = [case.key for case in CASES]


def _constant(value: float) -> Bounded:
    return Bounded(blocks=lambda seed: repeat(np.full((64, 1), value)))


@pytest.mark.parametrize("result", bounds.CATALOGUE, ids=lambda r: r.key)
def test_every_result_has_a_case(result: Result) -> None:
    assert cases_of(result)


def test_keys_of_cases_are_unique() -> None:
    assert len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize("case", CASES, ids=KEYS)
def test_case_answers_exactly_the_assumptions(case: Case) -> None:
    assert set(case.because) == {assumption.key for assumption in case.result.assumptions}
    assert all(reason.strip() for reason in case.because.values())
    more = replace(case.result, assumptions=(*case.result.assumptions, Assumption(key="forgotten", text="new")))
    with pytest.raises(ValueError, match=r"unanswered \['forgotten'\], unknown \[\]"):
        replace(case, result=more)
    with pytest.raises(ValueError, match=r"unanswered \[\], unknown \['nobody-asked'\]"):
        replace(case, because={**case.because, "nobody-asked": "because"})


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("case", CASES, ids=KEYS)
def test_designs_fit_their_result(case: Case, setting: Setting) -> None:
    designs = case.designs(setting)
    assert designs
    labels = [design.label for design in designs]
    assert len(set(labels)) == len(labels)
    for design in designs:
        bound, parameters = points_of(design, case.result)
        assert np.isfinite(bound).all()
        assert bound.size == int(np.prod(shape_of(design, case.result))) > 0
        scalars = {p.name for p in case.result.params if CORE_AXES[p.structure] == 0}
        assert scalars <= set(parameters) <= scalars | {"n", "alpha", "lam", "i"}  # settings of the loop
        assert all(values.shape == bound.shape for values in parameters.values())
        assert isinstance(design.evidence, Exponent) == (case.result.kind is Kind.RATE)
        if case.result.kind is not Kind.RATE:
            assert isinstance(design.evidence, Exceedance) == (case.result.mode is Mode.HIGH_PROBABILITY)
        if case.result.kind is Kind.EQUALITY and isinstance(design.evidence, SAMPLED):
            assert 0 < design.margin <= 0.2


@pytest.mark.parametrize("case", [c for c in CASES if c.name == "sampled"], ids=lambda c: c.key)
def test_replications_have_the_shape_of_the_points(case: Case) -> None:
    design = case.designs(DATA_SETTING)[0]
    assert not isinstance(design.evidence, Exact)
    first: Array = next(iter(design.evidence.blocks(5)))
    again: Array = next(iter(design.evidence.blocks(5)))
    other: Array = next(iter(design.evidence.blocks(6)))
    assert first.reshape(len(first), -1).shape[1] == points_of(design, case.result)[0].size
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_quick_run_takes_the_first_designs_of_every_population() -> None:
    for case in CASES:
        all_designs = case.designs(DEFAULT_SETTING)
        quick = designs_of(case, Plan(effort=Effort.QUICK))
        full = designs_of(case, Plan(effort=Effort.FULL))
        assert [d.label for d in quick] == [d.label for d in all_designs][: len(quick)]
        assert 1 <= len(quick) <= len(DEFAULT_SETTING.discrete)
        assert len(full) == len(all_designs)


def test_levels_of_all_sampled_decisions_add_up_to_the_error() -> None:
    plan = Plan(confidence=0.99)
    tasks = plan_tasks(plan)
    made = [
        (task.level, decisions_in(case, design))
        for task in tasks
        for case in cases_of(bounds.get(task.key))
        for design in designs_of(case, plan)
    ]
    assert sum(level * decisions for level, decisions in made) == pytest.approx(0.01, rel=1e-9)
    assert {decisions for _, decisions in made} > {0, 1}


UPPER, HIGH = bounds.get("tv/discrete/one-step"), bounds.get("tv/discrete/one-step-hp")
AT_UPPER, AT_HIGH = {"n": 20, "K": 4}, {"n": 20, "K": 4, "delta": 0.1}
EXACT = Exact(values=lambda: np.array(0.1))
NUMBER = replace(_constant(0.1), number=True)


def _checked(result: Result, values: dict[str, object], evidence: object) -> None:
    because = {assumption.key: "as given" for assumption in result.assumptions}
    design = Design(label="one", values=values, evidence=evidence)  # type: ignore[arg-type]
    case = Case(result=result, name="test", designs=lambda _: (design,), because=because)
    check(case, design, level=1e-3, replications=256, seed=0)


@pytest.mark.parametrize(
    ("result", "values", "evidence", "message"),
    [
        (UPPER, AT_UPPER, Exceedance(blocks=_constant(0.1).blocks), "Exceedance cannot decide mode expectation"),
        (HIGH, AT_HIGH, _constant(0.1), "Bounded cannot decide mode high-probability"),
        (HIGH, AT_HIGH, EXACT, "Exact cannot decide mode high-probability"),
        (replace(UPPER, mode=Mode.SURE), AT_UPPER, _constant(0.1), "Bounded cannot decide mode sure"),
        (
            replace(UPPER, mode=Mode.SURE, kind=Kind.LOWER),
            AT_UPPER,
            NUMBER,
            "Bounded cannot decide mode sure of kind l",
        ),
        (replace(UPPER, kind=Kind.RATE), AT_UPPER, EXACT, "Exact cannot decide mode expectation of kind rate"),
        (UPPER, AT_UPPER, Exponent(along="n", measured=EXACT), "Exponent cannot decide mode expectation of kind upper"),
        (replace(HIGH, kind=Kind.LOWER), AT_HIGH, Exceedance(blocks=_constant(0.1).blocks), "of kind lower"),
        (UPPER, AT_UPPER, Exact(values=lambda: np.zeros(2)), "2 exact values for 1 points"),
    ],
)
def test_evidence_that_does_not_fit_is_an_error(
    result: Result, values: dict[str, object], evidence: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _checked(result, values, evidence)


@pytest.mark.parametrize(
    ("result", "values", "evidence"),
    [
        (UPPER, AT_UPPER, EXACT),
        (UPPER, AT_UPPER, _constant(0.1)),
        (replace(UPPER, mode=Mode.SURE), AT_UPPER, NUMBER),
        (HIGH, AT_HIGH, Exceedance(blocks=_constant(0.1).blocks)),
    ],
)
def test_evidence_that_fits_is_accepted(result: Result, values: dict[str, object], evidence: object) -> None:
    _checked(result, values, evidence)


def test_a_case_without_designs_is_undecided() -> None:
    from verify.run import verdict_of

    verdict = verdict_of("tv/propagation", [])
    assert verdict.outcome is Decision.UNDECIDED
    assert verdict.tightness.size == verdict.points == 0
