"""Loops of mixtures fitted by EM in verdicts, and the data of their figure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim import MixtureEM
from verify.case import Case, Design
from verify.cases import CASES
from verify.cases.mixture import paths
from verify.checking import check
from verify.evidence import Decision
from verify.mixture_curves import LAW, mixture_loops
from verify.plots_mixture import mixture_figure
from verify.run import DEFAULT_SETTING

MIXTURE = [case for case in CASES if case.name == "mixture"]


def verdict(case: Case, design: Design) -> Any:
    return check(case, design, level=1e-6, replications=1, seed=1)


def test_every_schedule_with_a_result_has_a_case():
    names = ("replace", "fresh", "stratified", "fixed", "subsample", "accumulate")
    assert {case.result.key for case in MIXTURE} == {"tv/propagation", *(f"tv/propagation/{name}" for name in names)}


@pytest.mark.parametrize("case", MIXTURE, ids=lambda case: case.key)
def test_every_point_holds(case: Case) -> None:
    for design in case.designs(DEFAULT_SETTING):
        curve = verdict(case, design)
        assert (curve.decision == Decision.HOLDS).all()
        assert curve.tightness.min() > 1


@pytest.mark.parametrize("case", MIXTURE, ids=lambda case: case.key)
def test_smaller_errors_are_refuted(case: Case) -> None:
    """Of every step by a third, or by half where the largest of them stands for all."""
    name, share = ("c", 0.5) if "c" in case.result.names else ("eps", 2 / 3 if "B" in case.result.names else 0.5)
    found = []
    for design in case.designs(DEFAULT_SETTING):
        smaller = replace(design, values={**design.values, name: share * np.asarray(design.values[name])})
        found.append((verdict(case, smaller).decision == Decision.REFUTED).any())
    assert any(found)


@pytest.mark.parametrize("step", [0, 2])
def test_a_step_left_out_is_seen(step: int) -> None:
    case = next(case for case in MIXTURE if case.result.key == "tv/propagation")
    design = next(d for d in case.designs(DEFAULT_SETTING) if d.label.startswith("Accumulate") and "i=3" in d.label)
    eps = np.array(design.values["eps"])
    eps[..., step] = 0
    assert (verdict(case, replace(design, values={**design.values, "eps": eps})).decision == Decision.REFUTED).any()


def test_paths_are_on_the_safe_side() -> None:
    tv, steps = paths("replace")
    assert tv.shape == steps.shape == (16, 10)
    assert (tv[:, 0] - steps[:, 0] > 0).all()
    assert (tv[:, 0] - steps[:, 0] < 1e-5).all()
    assert not np.allclose(tv[0], tv[1])


def test_the_figure_and_its_numbers() -> None:
    """Propagation dominates, limits enclose, and the expected variance is within them."""
    loops = mixture_loops(MixtureEM(LAW, 2, start="last", block=32), 40, 4, 64)
    for loop in loops:
        assert (loop.propagated[1:] > loop.tv.value[1:]).all()
        assert loop.propagated[0] == pytest.approx(loop.tv.value[0], abs=1e-5)
        assert (loop.propagated_high > loop.propagated).all()
        for mean in (loop.tv, loop.one_step, loop.variance, loop.log_likelihood):
            assert ((mean.low < mean.value) & (mean.value < mean.high)).all()
        assert ((loop.variance.low < loop.expected_variance) & (loop.expected_variance < loop.variance.high)).all()
    assert loops[0].expected_variance[3] == pytest.approx(1.25 * (1 - 1 / 40) ** 4)
    assert mixture_figure(loops, "title").startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="replications = 1"):
        mixture_loops(replications=1)
