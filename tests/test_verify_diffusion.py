"""Diffusion models in verdicts: every point holds, and what is left out or wrong is refuted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from named_cases import case_named

import bounds
from sim import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.laws import ExactScore, tweedie
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Sampler
from sim.diffusion.terms import chain_terms
from sim.diffusion.times import time_grid
from verify.case import Array, Case, Design, Exact
from verify.cases import CASES
from verify.cases.diffusion import COARSE, FINE, LATE, SHORT, STOPPED, path
from verify.checking import check, points_of
from verify.diffusion_steps import Setup
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING

DIFFUSION = [case for case in CASES if "diffusion" in case.key]
CHAIN, GIRSANOV = "tv/diffusion/one-step-chain#trained", "tv/diffusion/one-step-girsanov#estimated"
HELD = "tv/diffusion/one-step-girsanov/exponential-integrator#trained"


def verdict(case: Case, design: Design, replications: int = 20_000) -> Any:
    return check(case, design, level=1e-6, replications=replications, seed=11)


def design_of(case: Case, words: str) -> Design:
    return next(design for design in case.designs(DEFAULT_SETTING) if words in design.label)


@pytest.mark.parametrize("case", [c for c in DIFFUSION if c.name in ("trained", "estimated", "exact", "diffusion")])
def test_every_point_holds(case: Case) -> None:
    for design in case.designs(DEFAULT_SETTING):
        curve = verdict(case, design)
        assert (curve.decision == Decision.HOLDS).all()
        assert curve.replications == 0 or case.name != "exact"


def test_the_chain_is_sharp_and_the_held_score_is_not() -> None:
    for key, most in ((CHAIN, 3.0), (GIRSANOV, 3.0)):
        case = case_named(key)
        found = np.concatenate([verdict(case, design).tightness for design in case.designs(DEFAULT_SETTING)])
        assert 1 < np.median(found) < most
        assert found.min() > 1
    held = case_named(HELD)
    assert np.median(np.concatenate([verdict(held, d).tightness for d in held.designs(DEFAULT_SETTING)])) > 5


# --- terms left out -------------------------------------------------------------------------------------------


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda values: {**values, **{name: 0 * np.asarray(values[name]) for name in names}}


def without_the_largest_step(values: dict[str, Any]) -> dict[str, Any]:
    parts = {name: np.array(values[name]) for name in ("J", "V", "G")}
    largest = sum(parts.values()).argmax(axis=-1)
    for part in parts.values():
        np.put_along_axis(part, largest[:, None], 0.0, axis=-1)
    return {**values, **parts}


DROPPED: tuple[tuple[str, str, Callable[[dict[str, Any]], dict[str, Any]]], ...] = (
    (CHAIN, str(FINE), without("G")),  # the score's error
    (CHAIN, str(STOPPED), without("G")),
    (CHAIN, str(COARSE), without("J")),
    (CHAIN, str(COARSE), without_the_largest_step),
    (CHAIN, "shifted in the last step", without_the_largest_step),
    (CHAIN, str(LATE), without("start")),
    (CHAIN, str(SHORT), without("end")),
    ("tv/diffusion/one-step-chain/joint#trained", str(FINE), without("G")),
    ("tv/diffusion/one-step-chain/joint#trained", str(LATE), without("start")),
    ("tv/diffusion/one-step-chain/joint#trained", str(SHORT), without("kl")),
    (GIRSANOV, "P=wide, its parameters estimated, from t=4", without("E")),
    (GIRSANOV, "P=wide, its parameters estimated, from t=0.5", without("end")),
    (f"{GIRSANOV.split('#')[0]}/joint#estimated", "P=three", without("E")),
    (f"{GIRSANOV.split('#')[0]}/joint#estimated", "P=wide, its parameters estimated, from t=0.5", without("kl")),
    (HELD, str(Setup(kind="exponential")), without("E", "lag")),
    (HELD, "exact score", without("end")),
)


@pytest.mark.parametrize(("key", "words", "change"), DROPPED)
def test_a_term_left_out_is_seen(key: str, words: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    case = case_named(key)
    design = design_of(case, words)
    assert (verdict(case, design).decision == Decision.HOLDS).all()
    short = replace(design, values=change(dict(design.values)))
    assert (verdict(case, short).decision == Decision.REFUTED).any()


@pytest.mark.parametrize("name", ["E", "lag"])
def test_one_part_of_the_held_score_is_never_needed(name: str) -> None:
    case = case_named(HELD)
    for design in case.designs(DEFAULT_SETTING):
        short = replace(design, values=without(name)(dict(design.values)))
        assert (verdict(case, short).decision == Decision.HOLDS).all()


@dataclass(frozen=True, eq=False)
class WrongVariance(Sampler):
    """Tweedie's mean with the variance of an unguided step."""

    def kernel(self, score: Any, x: Array, k: int) -> tuple[Array, Array]:
        t, h = self.step(k)
        return tweedie(x, score(x, t), np.zeros_like(x), h)


def test_a_wrong_variance_formula_is_seen() -> None:
    p = NormalMixture(np.ones(1), np.zeros(1), np.full(1, 0.5))
    times = time_grid(0.01, 3.0, 15, "quadratic")
    wrong, score, ends = WrongVariance(times), ExactScore(p), end_terms(p, times)
    output = output_law(score, wrong, (-9.0, 9.0), 513)
    tv = tv_mixtures(output.law, p)[0] + output.error
    case = case_named(CHAIN)
    decisions = []
    for claimed in (wrong, Sampler(times)):  # with the variance used, and with that of Tweedie's formula
        terms = chain_terms(p, score, claimed)
        values = {"start": ends.start, "end": ends.end, "V": terms.variance, "G": terms.mean}
        values["J"] = np.maximum(terms.non_gaussian, 0.0)
        design = Design(label="normal", values=values, evidence=Exact(values=lambda: np.array(tv), upper=1.0))
        decisions.append(verdict(case, design).decision.item())
    assert decisions == [Decision.HOLDS, Decision.REFUTED]


FACTORS: dict[str, float] = {
    "tv/diffusion/start/smooth#exact": 0.99,
    "tv/diffusion/start/mixture#exact": 0.7,
    "tv/diffusion/end/first-moment#exact": 0.4,
    "tv/diffusion/end/second-moment#exact": 0.4,
    "diffusion/end-divergence#exact": 0.3,
}
EQUALITIES = [case.key for case in DIFFUSION if case.result.kind is bounds.Kind.EQUALITY]


@pytest.mark.parametrize("key", [*FACTORS, *EQUALITIES])
def test_wrong_constants_are_seen(key: str) -> None:
    case = case_named(key)
    mutant = replace(case, result=replace(case.result, expr=case.result.expr * FACTORS.get(key, 1 + sp.Float(1e-6))))
    assert any((verdict(mutant, d).decision == Decision.REFUTED).any() for d in case.designs(DEFAULT_SETTING))


@pytest.mark.parametrize("key", ["isotropic", "covariance"])
def test_a_ratio_upside_down_is_seen(key: str) -> None:
    case = case_named(f"diffusion/step-divergence/{key}#exact")
    (design,) = case.designs(DEFAULT_SETTING)
    upside = replace(design, values={**design.values, "r": 1 / np.asarray(design.values["r"])})
    assert (verdict(case, upside).decision == Decision.REFUTED).all()


@pytest.mark.parametrize("name", ["replace", "accumulate"])
def test_a_generation_left_out_of_the_loop_is_seen(name: str) -> None:
    case = case_named("tv/propagation#diffusion")
    design = design_of(case, f"{name}, n=100, one path, i=3")
    bound, _ = points_of(design, case.result)
    assert np.isclose(bound, np.linalg.solve(np.eye(3) - design.values["B"], design.values["eps"])[-1])
    tv, steps = path(name, 100, 1)
    assert 0 < tv[0] - steps[0] < 2e-4  # errors only: the first generation is trained on P
    eps = 0.3 * np.asarray(design.values["eps"])
    assert (verdict(case, replace(design, values={**design.values, "eps": eps})).decision == Decision.REFUTED).all()


def test_a_false_error_of_a_score_is_refuted() -> None:
    case = case_named("diffusion/score-error/ridge#sampled")
    design = case.designs(DEFAULT_SETTING)[0]
    assert (np.asarray(design.evidence.upper) > 0).all()  # type: ignore[union-attr]
    short = replace(design, values={**design.values, "approx": 0.0, "A": 0.0, "noise": 0.0})
    assert (verdict(case, short, 2000).decision == Decision.REFUTED).all()


@pytest.mark.slow
@pytest.mark.parametrize("key", ["tv/diffusion/rate#exponents", "paper/diffusion-rate#exponents"])
def test_a_false_exponent_is_refuted_and_the_true_one_holds(key: str) -> None:
    case = case_named(key)
    (design,) = case.designs(DEFAULT_SETTING)
    mutant = replace(case, result=replace(case.result, expr=case.result.expr**4))
    assert (verdict(mutant, design, 2000).decision == Decision.REFUTED).all()
    assert (verdict(case, design, 2000).decision == Decision.HOLDS).all()
