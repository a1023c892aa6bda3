"""The tightness table: ratios of bound and mean, the loosest first, and its figure."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import image

import sim
from verify.evidence import Decision
from verify.plots_tightness import tightness_figure
from verify.run import Plan, Verdict, verdict_of, verify
from verify.tightness import COLUMNS, as_csv, as_json, ratios, tightness_table

KEYS = ("tv/discrete/fresh", "discrete/lower/replace", "gaussian/std-collapse", "paper/diffusion-rate")


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {v.key: v for v in verify(Plan(patterns=KEYS[:3]))}


def planted(verdict: Verdict, bound: list[float], value: list[float], vacuous: list[bool]) -> Verdict:
    """The verdict with one curve of these numbers."""
    numbers = {"bound": np.array(bound), "value": np.array(value), "vacuous": np.array(vacuous)}
    decision = np.full(len(bound), Decision.HOLDS, dtype=object)
    return verdict_of(verdict.key, [replace(verdict.curves[0], decision=decision, **numbers)])


def test_ratios_are_those_of_a_loop_computed_here(verdicts: dict[str, Verdict]) -> None:
    """Generation 1 of 100 points: the bound is ½ sqrt((K-1)/n)."""
    curve = next(c for c in verdicts[KEYS[0]].curves if "n=100" in c.label and "skewed" in c.label)
    p = np.array([0.7, 0.2, 0.06, 0.04])
    exact = sim.exact_discrete(sim.Fresh(0.1), 100, p, 1).tv[0]
    assert ratios(verdict_of(KEYS[0], [curve]))[0] == pytest.approx(0.5 * np.sqrt(3 / 100) / exact)


def test_rows_are_sorted_by_how_loose_they_are(verdicts: dict[str, Verdict]) -> None:
    upper, lower, equal = (verdicts[key] for key in KEYS[:3])
    made = [
        planted(upper, [3.0, 1.2, 1.5, 7.0], [1.0, 1.0, 1.0, 1.0], [False, False, False, True]),
        planted(lower, [0.1, 0.25], [1.0, 1.0], [False, False]),
        planted(equal, [1.0, 1.0], [1.0, 0.5], [False, False]),
    ]
    rows = tightness_table(made)
    assert [row["key"] for row in rows] == [KEYS[1], KEYS[2], KEYS[0]]
    low, both, high = rows
    assert (low["min"], low["max"], low["looseness"]) == (0.1, 0.25, pytest.approx(1 / 0.175))
    assert (both["looseness"], both["points"]) == (2.0, 2)
    assert (high["min"], high["median"], high["max"], high["points"], high["vacuous"]) == (1.2, 1.5, 3.0, 3, 1)


def test_what_has_no_ratio_is_listed_last(verdicts: dict[str, Verdict]) -> None:
    none = planted(verdicts[KEYS[0]], [0.5], [0.0], [False])
    rows = tightness_table([none, verdicts[KEYS[1]]])
    assert [row["key"] for row in rows] == [KEYS[1], KEYS[0]]
    assert rows[1]["looseness"] is rows[1]["median"] is None
    assert list(csv.DictReader(io.StringIO(as_csv(rows))))[1]["median"] == ""
    assert json.loads(as_json(rows))[1]["median"] is None


def test_both_files_hold_the_same_numbers(verdicts: dict[str, Verdict]) -> None:
    rows = tightness_table(verdicts.values())
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert json.loads(as_json(rows)) == rows
    assert tuple(read[0]) == COLUMNS
    assert [float(row["looseness"]) for row in read] == [row["looseness"] for row in rows]
    upper = next(row for row in rows if row["key"] == KEYS[0])
    assert upper["min"] >= 1


def test_the_figure_is_an_image_even_without_bounds(verdicts: dict[str, Verdict]) -> None:
    for found in (verdicts.values(), [verdicts[KEYS[2]]], []):
        assert image.imread(io.BytesIO(tightness_figure(tightness_table(found)))).ndim == 3
