"""The falsifier: which points it tries, what it makes of them, and that false results are found out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

import bounds
import verify
from bounds import Kind, Mode, Param, Result
from verify import falsify_run
from verify.case import Array, Bounded, Case, Design, Exact, Exponent
from verify.checking import Curve, check
from verify.evidence import Decision, Guarantee
from verify.falsify_points import explore, grid_size, value_on
from verify.falsify_run import CONFIRMED, Outcome, PointError, falsify, falsify_result, search_of
from verify.falsify_score import ratios, score
from verify.search import Axis, Search

_FRESH = search_of(bounds.get("tv/discrete/fresh"))
FRESH = replace(_FRESH, axes={**_FRESH.axes, "n": Axis(low=1, high=50, integer=True, log=True)})  # exact, and quick


def scaled(search: Search, factor: Any) -> Search:
    """The same attack on the result times a factor."""
    return replace(search, result=replace(search.result, expr=search.result.expr * factor))


def own_result(kind: Kind = Kind.UPPER, factor: float = 1.0) -> Result:
    """A user's result, E |X - 1/2|^k of X uniform on [0, 1], that is 2^-k/(k + 1), times a factor."""
    k = sp.Symbol("k", positive=True)
    return Result(
        key="own/moment",
        title="Moments of the uniform distribution",
        statement="The k-th absolute central moment of the uniform distribution.",
        quantity="E |X - 1/2|^k",
        kind=kind,
        mode=Mode.EXPECTATION,
        params=(Param(name="k", symbol=k, domain=sp.Interval.open(0, sp.oo), meaning="power", typical=(1, 2)),),
        assumptions=(),
        source=bounds.get("tv/propagation").source,
        proof="own",
        expr=factor * 2 ** (-k) / (k + 1),
    )


def own_search(kind: Kind = Kind.UPPER, factor: float = 1.0) -> Search:
    def design(values: Mapping[str, Any]) -> Design:
        def blocks(seed: int) -> Iterator[Array]:
            rng = np.random.default_rng(seed)
            while True:
                yield np.abs(rng.random((256, 1)) - 0.5) ** values["k"]

        return Design(label="own", values=dict(values), evidence=Bounded(blocks=blocks, upper=0.5 ** values["k"]))

    return Search(result=own_result(kind, factor), axes={"k": Axis(low=0.5, high=8, log=True)}, design=design)


# --- points -----------------------------------------------------------------------------------------------------


def test_values_on_an_axis() -> None:
    assert [value_on(Axis(low=1, high=100, log=True), share) for share in (0, 0.5, 1)] == [1, pytest.approx(10), 100]
    assert [value_on(Axis(low=1, high=3, integer=True), share) for share in (0, 0.2, 0.5, 1)] == [1, 1, 2, 3]
    assert isinstance(value_on(Axis(low=1, high=100, integer=True, log=True), 0.5), int)
    wide = Axis(low=1e-3, high=0.7, log=True)
    assert all(wide.low <= value_on(wide, share) <= wide.high for share in np.linspace(0, 1, 101))
    assert grid_size({"a": Axis(low=1, high=4, integer=True), "b": Axis(low=2, high=2)}) == 4
    assert grid_size({"a": Axis(low=1, high=4, integer=True), "b": Axis(low=2, high=3)}) == math.inf


BOX = {
    "x": Axis(low=-1, high=1),
    "n": Axis(low=1, high=1000, integer=True, log=True),
    "y": Axis(low=0.01, high=100, log=True),
}


def recorded(function: Callable[[Mapping[str, float]], float]) -> tuple[list[dict[str, float]], Any]:
    tried: list[dict[str, float]] = []

    def score_of(values: dict[str, float]) -> float:
        tried.append(dict(values))
        return function(values)

    return tried, score_of


def test_the_ends_and_corners_come_first() -> None:
    tried, score_of = recorded(lambda values: 0.0)
    explore(BOX, score_of, 200, 0)
    first = [tuple(values.values()) for values in tried[:15]]
    assert first[0] == (0, 32, pytest.approx(1))
    assert {(x, n, y) for x in (-1, 1) for n in (1, 1000) for y in (0.01, 100)} <= set(first)
    for name, axis in BOX.items():
        others = [key for key in BOX if key != name]
        for end in (axis.low, axis.high):
            assert any(v[name] == end and all(v[o] == tried[0][o] for o in others) for v in tried[:7])


@pytest.mark.parametrize("budget", [1, 5, 40, 200])
def test_no_point_twice_and_no_more_than_the_budget(budget: int) -> None:
    tried, score_of = recorded(lambda values: -abs(values["x"]) + math.sin(values["n"]))
    ranked = explore(BOX, score_of, budget, 3)
    assert len(tried) == len({tuple(v.values()) for v in tried}) == len(ranked) == budget
    assert [value for _, value in ranked] == sorted((value for _, value in ranked), reverse=True)
    again, score_again = recorded(lambda values: -abs(values["x"]) + math.sin(values["n"]))
    assert explore(BOX, score_again, budget, 3) == ranked
    assert again == tried


def test_a_small_box_is_tried_whole() -> None:
    axes = {
        "a": Axis(low=1, high=4, integer=True),
        "b": Axis(low=0.5, high=0.5),
        "c": Axis(low=0, high=2, integer=True),
    }
    tried, score_of = recorded(lambda values: values["a"] * values["c"])
    ranked = explore(axes, score_of, 12, 0)
    assert {tuple(v.values()) for v in tried} == {(a, 0.5, c) for a in range(1, 5) for c in range(3)}
    assert ranked[0] == ({"a": 4, "b": 0.5, "c": 2}, 8)


def test_the_optimiser_finds_a_peak_inside() -> None:
    def peak(values: Mapping[str, float]) -> float:
        return -((values["x"] - 0.3) ** 2) - math.log(values["n"] / 70) ** 2 - math.log(values["y"] / 7) ** 2

    best, value = explore(BOX, peak, 300, 1)[0]
    assert value > -1e-2
    assert best["x"] == pytest.approx(0.3, abs=0.1)
    at_random = max(
        peak({name: value_on(axis, share) for (name, axis), share in zip(BOX.items(), shares, strict=True)})
        for shares in np.random.default_rng(0).random((300, 3))
    )
    assert value > at_random


def test_a_flat_score_still_spends_the_budget() -> None:
    tried, score_of = recorded(lambda values: 1e9)
    explore(BOX, score_of, 150, 0)
    assert len(tried) == 150


# --- scores -----------------------------------------------------------------------------------------------------


def curve_of(kind: Kind, value: float, bound: float) -> Curve:
    result = replace(own_result(kind), expr=sp.Float(bound) if bound else sp.S.Zero)
    case = Case(result=result, name="x", designs=lambda setting: (), because={})
    design = Design(label="x", values={"k": 1.0}, evidence=Exact(values=lambda: np.array([value])))
    return check(case, design, level=0.01, replications=1, seed=0)


@pytest.mark.parametrize(
    ("kind", "value", "bound", "ratio"),
    [
        (Kind.UPPER, 0.3, 0.4, 0.75),
        (Kind.UPPER, 0.0, 0.0, 0.0),
        (Kind.UPPER, 0.1, 0.0, math.inf),
        (Kind.UPPER, 0.1, -1.0, math.inf),
        (Kind.LOWER, 0.4, 0.3, 0.75),
        (Kind.LOWER, 0.0, 0.3, math.inf),
        (Kind.LOWER, 0.0, 0.0, 0.0),
        (Kind.LOWER, 0.4, -1.0, -2.5),
        (Kind.EQUALITY, 0.5, 0.4, 0.25),
        (Kind.EQUALITY, -0.5, -0.4, 0.25),
        (Kind.EQUALITY, 0.1, 0.0, math.inf),
    ],
)
def test_ratios_of_exact_values(kind: Kind, value: float, bound: float, ratio: float) -> None:
    curve = curve_of(kind, value, bound)
    assert [float(part[0]) for part in ratios(curve)] == [pytest.approx(ratio)] * 3
    assert score(curve) == pytest.approx(min(ratio, 1e9))
    violated = ratio > (1 if kind is not Kind.EQUALITY else 0)
    assert (curve.decision[0] is Decision.REFUTED) == violated


def test_limits_of_sampled_values() -> None:
    for kind in (Kind.UPPER, Kind.LOWER, Kind.EQUALITY):
        search = own_search(kind)
        case = Case(result=search.result, name="x", designs=lambda setting: (), because={})
        curve = check(case, search.design({"k": 1.0}), level=0.01, replications=500, seed=0)
        middle, low, high = (float(part[0]) for part in ratios(curve))
        assert low < middle < high
        assert score(curve) == low
    assert low == pytest.approx(max(curve.lower[0] - 0.25, 0.25 - curve.upper[0]) / 0.25)
    assert low < 0  # 0.25 is well inside the interval


def test_nothing_equal_to_nothing_says_nothing() -> None:
    assert score(curve_of(Kind.EQUALITY, 0.0, 0.0)) < score(curve_of(Kind.EQUALITY, 0.25, 0.25)) == 0


# --- attacks ----------------------------------------------------------------------------------------------------


def test_a_false_result_is_found_out() -> None:
    """The bound is attained by a single point and two equal atoms."""
    true, false = falsify(FRESH), falsify(scaled(FRESH, 0.8))
    assert true.outcome is Outcome.NOT_FALSIFIED
    assert 0.99 < true.worst.ratio <= 1 + 1e-9
    assert false.outcome is Outcome.FALSIFIED
    assert false.worst.ratio == pytest.approx(true.worst.ratio / 0.8)
    assert false.worst.decision is Decision.REFUTED
    assert false.worst.guarantee is Guarantee.EXACT
    assert len(false.findings) == CONFIRMED
    assert false.designs == 200


def test_a_result_wrong_in_one_corner_only_is_found_out() -> None:
    """Large samples reach 0.8 of the bound at most; a few points after many generations are one corner of six axes."""
    symbols = {param.name: param.symbol for param in FRESH.result.params}
    corner = sp.And(symbols["n"] >= 2, symbols["n"] <= 4, symbols["i"] >= 20)
    wrong = scaled(FRESH, sp.Piecewise((0.7, corner), (1, True)))
    assert all(falsify(wrong, seed=seed).outcome is Outcome.FALSIFIED for seed in (0, 1))


@pytest.mark.parametrize(
    ("key", "factor"),
    [
        ("tv/discrete/weighted", 0.7),
        ("tv/discrete-instance/stratified", 0.97),
        ("tv/hp/fixed", 0.5),
        ("discrete/lower/fixed", 1.05),
        ("discrete/variance/subsample", 1.001),
        ("discrete/diversity/weighted", 1.5),
        ("discrete/minimax-real-only", 2),
        ("gaussian/w2/replace", 0.9999),
        ("tv/gaussian-mean/lower/fixed", 1.05),
        ("kde/bias/torus-d", 0.99),
    ],
)
def test_false_results_of_every_kind_are_found_out(key: str, factor: float) -> None:
    search = search_of(bounds.get(key))
    assert falsify(scaled(search, factor), budget=40).outcome is Outcome.FALSIFIED


def test_a_false_kernel_result_is_found_out() -> None:
    search = search_of(bounds.get("tv/kde-line/replace"))
    at = {"n": 100, "i": 1, "h": 5, "sigma": 0.5}
    assert falsify(search, at=at).outcome is Outcome.NOT_FALSIFIED
    assert falsify(scaled(search, 0.6), at=at).outcome is Outcome.FALSIFIED


@pytest.mark.parametrize(
    ("kind", "factor", "outcome"),
    [
        (Kind.UPPER, 1.2, Outcome.NOT_FALSIFIED),
        (Kind.UPPER, 0.8, Outcome.FALSIFIED),
        (Kind.LOWER, 0.8, Outcome.NOT_FALSIFIED),
        (Kind.LOWER, 1.2, Outcome.FALSIFIED),
        (Kind.EQUALITY, 1.2, Outcome.FALSIFIED),
        (Kind.UPPER, 1.0, Outcome.UNDECIDED),
    ],
)
def test_a_result_of_ones_own(kind: Kind, factor: float, outcome: Outcome) -> None:
    found = verify.falsify(own_search(kind, factor), budget=12)
    assert found.outcome is outcome
    assert found.worst.guarantee is Guarantee.FINITE_SAMPLE
    ratio = {Kind.UPPER: 1 / factor, Kind.LOWER: factor, Kind.EQUALITY: 1 - 1 / factor}[kind]
    assert found.worst.lower - 0.01 <= ratio <= found.worst.upper + 0.01
    assert found.worst.at.keys() == {"k"} == found.worst.point.keys()


def test_a_false_exponent_is_found_out() -> None:
    n = np.array([100.0, 1000.0])
    for power, outcome in ((-0.5, Outcome.NOT_FALSIFIED), (-0.3, Outcome.FALSIFIED)):

        def design(values: Mapping[str, Any], power: float = power) -> Design:
            measured = Exact(values=lambda: values["s"] * n**power)
            return Design(label="x", values={"n": n}, evidence=Exponent(along="n", measured=measured))

        symbol = sp.Symbol("n", integer=True, positive=True)
        size = replace(own_result().params[0], name="n", symbol=symbol, domain=sp.Range(1, sp.oo))
        result = replace(own_result(Kind.RATE), params=(size,), expr=1 / sp.sqrt(symbol))
        found = falsify(Search(result=result, axes={"s": Axis(low=1, high=2)}, design=design), budget=5)
        assert (found.outcome, found.measure) == (outcome, "measured - claimed exponent")
        assert found.worst.ratio == pytest.approx(power + 0.5)


def test_numbers_depend_on_the_seed_only() -> None:
    search = own_search(Kind.UPPER, 1.1)
    first, again, other = (falsify(search, budget=10, seed=seed) for seed in (4, 4, 5))
    assert [vars(f) for f in first.findings] == [vars(f) for f in again.findings]
    assert first.worst.ratio != other.worst.ratio


def test_one_point_again_gives_the_same_numbers() -> None:
    search = own_search(Kind.UPPER, 1.1)
    found = falsify(search, budget=10, seed=4)
    for finding in found.findings:
        again = falsify(search, at=finding.at, seed=4)
        assert again.designs == 1
        assert vars(again.worst) == vars(finding)


def test_points_that_are_looked_at_are_checked_with_other_replications(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: set[tuple[int, int]] = set()

    def spy(*arguments: Any, level: float, replications: int, seed: int) -> Curve:
        seeds.add((replications, seed))
        return check(*arguments, level=level, replications=replications, seed=seed)

    monkeypatch.setattr(falsify_run, "check", spy)
    falsify(own_search(), budget=5)
    assert len(seeds) == len({seed for _, seed in seeds}) == 2


def test_a_result_without_a_search_is_tried_on_the_designs_of_its_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(falsify_run, "_searches", dict)
    found = falsify_result("tv/gaussian-mean/expand")
    assert not found.searched
    designs = [
        d for case in falsify_run.cases_of(bounds.get(found.key)) for d in case.designs(falsify_run.DEFAULT_SETTING)
    ]
    assert found.designs == len(designs)
    assert found.outcome is not Outcome.FALSIFIED
    assert found.worst.at.keys() == {"design"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"budget": 0}, "budget = 0: allowed: an integer >= 1"),
        ({"seed": -1}, "seed = -1: allowed: an integer >= 0"),
        ({"budget": 2.0}, "budget = 2.0"),
        ({"at": {}}, "own/moment: missing: k; unknown: none; allowed: k"),
        ({"at": {"k": 1, "x": 2}}, "missing: none; unknown: x"),
        ({"at": {"k": 9}}, r"k = 9: allowed: a number in \[0.5, 8\]"),
        ({"at": {"k": math.nan}}, "k = nan"),
    ],
)
def test_wrong_questions(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(PointError, match=said):
        falsify(own_search(), **arguments)


def test_whole_numbers_are_asked_for() -> None:
    with pytest.raises(PointError, match=r"n = 1.5: allowed: a whole number in \[1, 50\]"):
        falsify(FRESH, at={"n": 1.5, "alpha": 0, "i": 1, "K": 2, "odds": 1, "ratio": 1})


def test_an_error_of_a_design_says_where() -> None:
    def design(values: Mapping[str, Any]) -> Design:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError) as caught:
        falsify(replace(own_search(), design=design))
    assert "in the search of own/moment at {'k': 2.0" in caught.value.__notes__[0]
