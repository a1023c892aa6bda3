"""The searches of the catalogue: one for each of their results, with a design that fits at every point of the box."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import bounds
from verify.case import Case, Exact, Exponent
from verify.checking import check, points_of
from verify.falsify_points import value_on
from verify.search import Axis, Search
from verify.searches import SEARCHES, discrete, discrete_moments, gaussian, kde, phase, propagation
from verify.searches.loops import SHARES, exact_axes, loop_at, shape, weighted

MINE = (discrete, discrete_moments, gaussian, kde, phase, propagation)
FAMILIES = (
    "tv/propagation",
    "tv/discrete",
    "tv/hp",
    "discrete/",
    "tv/gaussian",
    "gaussian/",
    "tv/kde",
    "kde/",
    "tv/phase",
)


def points(search: Search, more: int) -> list[dict[str, Any]]:
    """Two opposite corners, the centre and random points."""
    rng = np.random.default_rng(len(search.axes))
    shares = [[share] * len(search.axes) for share in (0.0, 0.5, 1.0)] + rng.random((more, len(search.axes))).tolist()
    return [
        {name: value_on(axis, share) for (name, axis), share in zip(search.axes.items(), row, strict=True)}
        for row in shares
    ]


def test_each_result_has_one_search_at_most() -> None:
    counts = Counter(search.result.key for search in SEARCHES)
    assert not [key for key, count in counts.items() if count > 1]
    assert all(bounds.get(search.result.key) is search.result for search in SEARCHES)


def test_every_result_of_these_families_has_a_search() -> None:
    known = {search.result.key for module in MINE for search in module.SEARCHES}
    wanted = {result.key for result in bounds.CATALOGUE if result.key.startswith(FAMILIES)}
    assert known == wanted


@pytest.mark.parametrize("module", MINE, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_designs_fit_everywhere(module: Any) -> None:
    """A bound at every point: of the type, in the domain, under all conditions."""
    for search in module.SEARCHES:
        heavy = search.result.key in ("tv/propagation", "tv/propagation/subsample")  # exact one-step errors
        for values in points(search, 0 if heavy else 3):
            design = search.design(values)
            bound, parameters = points_of(design, search.result)
            assert np.isfinite(bound).all(), (search.result.key, values)
            assert bound.size == 1 or "T" in values
            assert all(np.isfinite(value).all() for value in parameters.values())


def test_axes_are_named_like_parameters_of_the_same_meaning() -> None:
    """Where an axis has the name of a parameter, the design takes it from the axis up to whole numbers of points."""
    rounded = {"alpha", "lam", "r"}
    for search in (
        search for module in (discrete, discrete_moments, gaussian, kde, phase) for search in module.SEARCHES
    ):
        values = points(search, 1)[-1]
        given = search.design(values).values
        for name in set(values) & set(search.result.names) - {"n"}:
            error = 1 / values["n"] if name in rounded else 0
            assert np.max(np.abs(np.asarray(given[name]) - values[name])) <= error, (search.result.key, name)


@pytest.mark.parametrize("module", [discrete, discrete_moments, gaussian], ids=lambda m: m.__name__.rsplit(".", 1)[-1])
def test_evidence_can_be_checked(module: Any) -> None:
    for search in module.SEARCHES:
        (values,) = points(search, 1)[-1:]
        values |= {name: min(values[name], 30) for name in ("n", "i", "T") if name in values}
        design = search.design(values)
        because = {assumption.key: "" for assumption in search.result.assumptions}
        case = Case(result=search.result, name="x", designs=lambda setting: (), because=because)
        curve = check(case, design, level=1e-6, replications=64, seed=0)
        assert "REFUTED" not in curve.decision, (search.result.key, values)
        assert curve.replications == 0 if isinstance(design.evidence, Exact) else 0 < curve.replications <= 64
        assert not isinstance(design.evidence, Exponent)


def test_shapes_are_distributions() -> None:
    assert shape({"K": 1, "odds": 7.0, "ratio": 0.3}) == (1.0,)
    assert shape({"K": 4, "odds": 1.0, "ratio": 1.0}) == (0.25,) * 4
    found = shape({"K": 4, "odds": 3.0, "ratio": 0.5})
    weights = [Fraction(3), Fraction(1), Fraction(1, 2), Fraction(1, 4)]
    assert found == pytest.approx([float(w / sum(weights)) for w in weights])


def test_weights_are_those_of_a_schedule() -> None:
    B, sizes = weighted({"generations": 4, "share": 0.6, "memory": 0.5, "growth": 1.2, "n": 10})
    assert sizes.tolist() == [10, 12, 14, 17]
    expected = [[0, 0, 0, 0], [0.6, 0, 0, 0], [0.2, 0.4, 0, 0], [0.6 / 7, 1.2 / 7, 2.4 / 7, 0]]
    assert np.allclose(B, expected)
    full, ones = weighted({"generations": 12, "share": 1, "memory": 1e-3, "growth": 0.7, "n": 1})
    assert (full.sum(axis=1) <= 1).all()
    assert full[1:].sum(axis=1) == pytest.approx(1)
    assert set(ones.tolist()) == {1}


@pytest.mark.parametrize("name", SHARES)
def test_points_are_counted_whole(name: str) -> None:
    values = {"n": 7, "alpha": 0.35, "lam": 2.3, "i": 3}
    loop = loop_at(name, values, 3)
    assert loop.arguments.keys() == {"n", *SHARES[name]}
    if name == "fresh":
        assert loop.arguments["alpha"] == 0.35
    elif name == "expand":
        assert loop.arguments["lam"] * 7 == pytest.approx(16)
    elif "alpha" in loop.arguments:
        assert loop.arguments["alpha"] * 7 == pytest.approx(2)
    assert exact_axes(name).keys() == {"n", *SHARES[name], "i"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"low": 2, "high": 1}, "low <= high"),
        ({"low": 0, "high": float("inf")}, "finite"),
        ({"low": 0.5, "high": 2, "integer": True}, "whole if integer"),
        ({"low": 0, "high": 2, "log": True}, "allowed with log: a number > 0"),
    ],
)
def test_wrong_axes(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Axis(**wrong)
