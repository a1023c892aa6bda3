"""`loopbound rates`: planted exponents are found, bounds of the wrong order are told from those of the right one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from command_line import Run, fails

import bounds
import verify
from bounds import Kind, Rate, Result
from bounds.symbols import K, n
from verify import exponent_table
from verify.case import Array, Bounded, Design, Exact
from verify.exponent_table import MARGIN, Order, order_rows, order_table
from verify.search import Axis, Search

ONE_STEP = bounds.get("tv/discrete/one-step")
AXES = {"n": Axis(low=10, high=10_000, integer=True, log=True), "K": Axis(low=2, high=8, integer=True)}
SPREAD = {"spread": Axis(low=1, high=3)}


def planted(value: Callable[[Any], Array], *, kind: Kind = Kind.UPPER, expr: Any = None) -> Search:
    """A result whose expression is ½ sqrt((K-1)/n), or another, and whose measured value is planted."""
    result = replace(ONE_STEP, kind=kind, expr=sp.sqrt((K - 1) / n) / 2 if expr is None else expr)

    def design(at: Mapping[str, Any]) -> Design:
        values = {"n": at["n"], "K": at["K"]}
        return Design(label="planted", values=values, evidence=Exact(values=lambda: np.array(value(at))))

    return Search(result=result, axes={**AXES, **SPREAD}, design=design)


def along_n(search: Search) -> exponent_table.OrderRow:
    (row,) = (row for row in order_rows("tv/discrete/one-step", search=search) if row.wrt == "n")
    return row


@pytest.mark.parametrize(
    ("power", "kind", "order"),
    [
        (-0.5, Kind.UPPER, Order.CONSISTENT),
        (-0.45, Kind.UPPER, Order.CONSISTENT),
        (-0.8, Kind.UPPER, Order.LOOSE),
        (-0.3, Kind.UPPER, Order.CONTRADICTING),
        (-0.8, Kind.LOWER, Order.CONTRADICTING),
        (-0.3, Kind.LOWER, Order.LOOSE),
        (-0.3, Kind.EQUALITY, Order.CONTRADICTING),
        (-0.8, Kind.EQUALITY, Order.CONTRADICTING),
        (-0.5, Kind.EQUALITY, Order.CONSISTENT),
    ],
)
def test_a_planted_exponent_is_found_and_judged(power: float, kind: Kind, order: Order) -> None:
    scale = 100.0 if kind is Kind.LOWER else 1e-3
    row = along_n(planted(lambda at: scale * at["n"] ** power, kind=kind))
    assert row.order is order
    assert row.measured == pytest.approx(power)
    assert row.lower == pytest.approx(power)
    assert row.claimed == pytest.approx(-0.5)
    assert (row.path[0], row.path[-1]) == (1000, 10_000)


def test_a_next_order_widens_the_limits_of_exact_values() -> None:
    row = along_n(planted(lambda at: 1e-3 * at["n"] ** -0.5 * (1 + 8 * at["n"] ** -0.5)))
    assert row.lower == row.measured < -0.5 - 0.02 < row.upper
    assert row.upper == pytest.approx(-0.5, abs=0.02)


def test_exponents_that_still_settle_contradict_nothing() -> None:
    """The ratio to the bound grows up to 1/2 and stays there: too early to say."""
    row = along_n(planted(lambda at: 0.5 * at["n"] ** -0.5 * at["n"] / (at["n"] + 2000)))
    assert row.measured > -0.5 + MARGIN
    assert row.order is Order.OPEN


def test_settings_are_chosen_where_the_bound_is_tightest() -> None:
    row = along_n(planted(lambda at: 1e-3 * at["spread"] * at["n"] ** -0.5))
    assert row.at == {"K": 5, "spread": 3.0}


def test_an_exponent_toward_zero() -> None:
    result = replace(ONE_STEP, rates=(Rate(wrt="K", to=0, leading=lambda: sp.sqrt(K)),), expr=sp.sqrt(K) / n)
    for power, order in ((0.5, Order.CONSISTENT), (0.8, Order.LOOSE), (0.2, Order.CONTRADICTING)):
        search = planted(lambda at, power=power: 1e-3 * at["K"] ** power)  # type: ignore[misc]
        axes = {"n": AXES["n"], "K": Axis(low=2, high=200, integer=True, log=True)}
        (row,) = order_rows("x", search=replace(search, result=result, axes=axes))
        assert (row.order, row.path[0], row.path[-1]) == (order, 2, 20)


def sampled(cv: float) -> Search:
    """The planted exponent -1/2, measured by uniform variables."""
    exact = planted(lambda at: 0.01 * at["n"] ** -0.5)

    def design(at: Mapping[str, Any]) -> Design:
        mean = 5 * at["n"] ** -0.5

        def blocks(seed: int) -> Iterator[Array]:
            rng = np.random.default_rng([seed, at["n"]])
            while True:
                yield mean * (1 + cv * np.sqrt(3) * rng.uniform(-1, 1, (256, 1)))

        return Design(label="sampled", values={"n": [at["n"]], "K": at["K"]}, evidence=Bounded(blocks=blocks, upper=1))

    return replace(exact, design=design)


def test_limits_of_a_sampled_exponent_hold_it_and_shrink_until_it_is_decided() -> None:
    near, far = along_n(sampled(0.02)), along_n(sampled(0.5))
    assert (near.order, far.order) == (Order.CONSISTENT, Order.CONSISTENT)
    assert 512 <= near.replications <= far.replications <= 16_384
    assert near.upper - near.lower < far.upper - far.lower < 2 * MARGIN
    for row in (near, far):
        assert row.lower < -0.5 < row.upper
    (few,) = (row for row in order_rows("x", search=sampled(0.5), replications=(64,)) if row.wrt == "n")
    assert few.order is Order.OPEN
    assert few.upper - few.lower > 2 * MARGIN


def test_reasons_for_what_is_not_measured() -> None:
    search = planted(lambda at: 0.0 * at["n"])
    assert "is 0" in along_n(search).reason
    finite = replace(search.result, rates=(Rate(wrt="n", to=3, leading=lambda: n), Rate(wrt="x", to=0, leading=n)))
    reasons = [row.reason for row in order_rows("x", search=replace(search, result=finite))]
    assert reasons == ["a limit at the finite n = 3: no power of it", "no experiment varies x"]
    short = replace(search, axes={**AXES, **SPREAD, "n": Axis(low=2, high=4, integer=True)})
    assert "too short" in along_n(short).reason


def test_a_vacuous_bound_is_not_compared() -> None:
    search = planted(lambda at: 0.01 * at["n"] ** -0.5)
    capped = replace(search, design=lambda at: replace(
        search.design(at), evidence=Exact(values=lambda: np.array(0.01 * at["n"] ** -0.5), upper=1e-3)))  # fmt: skip
    assert "says nothing" in along_n(capped).reason


@pytest.mark.slow
def test_of_the_catalogue_the_same_for_any_number_of_workers() -> None:
    keys = ("tv/gaussian-mean/replace", "tv/discrete/one-step")
    alone = {rows[0].key: rows[0].measured for rows in order_table(keys)}
    both = {rows[0].key: rows[0].measured for rows in order_table(keys, workers=2)}
    assert alone == both
    assert set(alone) == set(keys)
    with pytest.raises(ValueError, match="workers = 0"):
        list(order_table(keys, workers=0))


def test_the_command_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rates.json"
    status, out, err = run("rates", "tv/gaussian-mean/replace", "gaussian/biased-sampling", "--workers", "1",
                           "--out", str(file))  # fmt: skip
    lines = out.splitlines()
    assert (status, err) == (0, "")
    assert lines[0].startswith("tv/gaussian-mean/replace  n -> oo: consistent, claimed -0.500, measured -0.500 [")
    assert lines[1].startswith("gaussian/biased-sampling  theta -> 1: not measured")
    assert lines[2] == (
        "2 claimed orders: 1 consistent, 0 faster than claimed, 0 contradicting, 0 open, 1 not measured"
    )
    document = json.loads(file.read_text())
    assert [row["key"] for row in document["rows"]] == ["tv/gaussian-mean/replace", "gaussian/biased-sampling"]
    assert document["rows"][0]["measured"] == pytest.approx(-0.5, abs=1e-3)
    assert document["rows"][1]["measured"] is None


def test_a_contradiction_is_status_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(result: Result) -> Search:
        return planted(lambda at: 1e-3 * at["n"] ** -0.2)

    monkeypatch.setattr(exponent_table, "search_of", wrong)
    assert run("rates", "tv/discrete/one-step", "--workers", "1")[0] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing",), "no result has the key"),
        (("tv/gaussian-mean/replace", "--out", "none/rates.json"), "its folder does not exist"),
        (("tv/gaussian-mean/replace", "--workers", "0"), "--workers"),
        (("tv/propagation-hp",), "claim an order"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, words: tuple[str, ...], message: str) -> None:
    assert message in fails(run, "rates", *words)


def test_it_is_public() -> None:
    assert verify.order_rows is order_rows
