"""Negative controls: a claim that is truly false is REFUTED, by an oracle that the verdict has no part in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import sympy as sp
from named_cases import case_named
from selection import first_quickly

from bounds import Kind, Mode
from bounds.symbols import K, alpha, i, n
from verify.case import Array, Case, Design, Exact, Exceedance, Setting, Signed
from verify.checking import Curve, check, points_of
from verify.evidence import Decision, clopper_pearson
from verify.run import DEFAULT_SETTING

LEVEL = 1e-7
COIN = replace(DEFAULT_SETTING, discrete={"coin": (0.5, 0.5)})
ORACLE_SEED = 20_240_517
Mutation = Callable[[Any], Any]


def with_expression(case: Case, mutation: Mutation) -> Case:
    """The same case with another formula."""
    return replace(case, result=replace(case.result, expr=mutation(case.result.expr)))


def verdict(case: Case, design: Design) -> Curve:
    return check(case, design, level=LEVEL, replications=2_000_000, seed=7)


def truth(design: Design, points: int) -> tuple[Array, Array]:
    """Exact values, or means of replications of another seed, with their standard errors."""
    if isinstance(design.evidence, Exact):
        return np.asarray(design.evidence.values(), dtype=float).ravel(), np.zeros(points)
    sample = np.empty((0, points))
    for block in design.evidence.blocks(ORACLE_SEED):
        sample = np.concatenate([sample, block.reshape(len(block), -1)])
        mean, error = sample.mean(axis=0), sample.std(axis=0, ddof=1) / np.sqrt(len(sample))
        if len(sample) >= 60_000 or (len(sample) >= 500 and np.all(7 * error <= 0.012 * np.abs(mean))):
            break
    return (np.abs(mean) if isinstance(design.evidence, Signed) else mean), error


def falsified(case: Case, design: Design) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Points (points,) where a claim is clearly false, and where it is clearly not, whatever the verdict."""
    bound, _ = points_of(design, case.result)
    value, error = truth(design, bound.size)
    slack = 1e-6 * np.abs(bound) + 7 * error
    if case.result.kind is Kind.UPPER:
        return value > bound + slack, value < bound - slack
    if case.result.kind is Kind.LOWER:
        return value < bound - slack, value > bound + slack
    margin = design.margin * np.abs(bound) if error.any() else 0.0
    return np.abs(value - bound) > margin + slack, np.abs(value - bound) < margin - 7 * error


def refutes(sound: Case, mutation: Mutation, setting: Setting = DEFAULT_SETTING) -> Design:
    """Expect that a mutant is refuted where it is false and there alone, and that the sound case holds; where."""
    mutant = with_expression(sound, mutation)
    for design in sound.designs(setting):
        wrong, right = falsified(mutant, design)
        if wrong.any():
            break
    assert wrong.any(), "the mutant is not false at any of these designs: the control controls nothing"
    decision = verdict(mutant, design).decision
    assert (decision[wrong] == Decision.REFUTED).all()
    assert (decision[right] != Decision.REFUTED).all()
    assert (verdict(sound, design).decision == Decision.HOLDS).all()
    return design


def halved(expr: Any) -> Any:
    return expr / 2


def doubled(expr: Any) -> Any:
    return 2 * expr


def raised(expr: Any) -> Any:
    return sp.Rational(105, 100) * expr


def lowered(expr: Any) -> Any:
    return sp.Rational(95, 100) * expr


def without_root(expr: Any) -> Any:
    return expr.subs(n, n**2)


def with_root(expr: Any) -> Any:
    return expr.subs(n, sp.sqrt(n))


def swapped(expr: Any) -> Any:
    return expr.subs(alpha, 1 - alpha)


def one_generation_less(expr: Any) -> Any:
    return expr.subs(i, i - 1)


def one_generation_more(expr: Any) -> Any:
    return expr.subs(i, i + 1)


def one_atom_less(expr: Any) -> Any:
    return expr.subs(K, K - 1)


def without_a_term(expr: Any) -> Any:
    largest = max(expr.atoms(sp.Add), key=lambda add: add.count_ops())
    return expr.subs(largest, largest - largest.args[-1])


def last_term_only(expr: Any) -> Any:
    assert isinstance(expr, sp.Add)
    return expr.args[-1]


def quartered(expr: Any) -> Any:
    return expr / 4


def of_a_hundredth(expr: Any) -> Any:
    return expr / 100


MUTANTS: tuple[tuple[str, Mutation], ...] = (
    # exact law, upper bounds
    ("tv/discrete/replace#exact", halved),
    ("tv/discrete/fresh#exact", without_root),
    ("tv/discrete/fresh#exact", swapped),
    ("tv/discrete/stratified#exact", swapped),
    ("tv/discrete/fixed#exact", without_root),
    ("tv/discrete/expand#exact", halved),
    ("tv/discrete/accumulate/triangle#exact", without_root),
    ("tv/discrete-instance/replace#exact", one_generation_less),
    ("tv/discrete-instance/subsample#exact", halved),
    ("tv/discrete/one-step#exact", one_atom_less),
    ("tv/discrete/one-step/fixed#exact", without_root),
    ("tv/discrete/one-step/expand#exact", halved),
    ("tv/propagation#exact", halved),
    ("tv/propagation/replace#exact", one_generation_less),
    ("tv/propagation/fresh#exact", swapped),
    ("tv/propagation/subsample#exact", one_generation_less),
    ("tv/propagation/accumulate#exact", halved),
    ("tv/gaussian-mean/fresh#exact", lowered),
    ("tv/gaussian-mean-d/fresh#exact", swapped),
    # exact law, equalities and lower bounds
    ("tv/discrete-exact/replace#exact", raised),
    ("tv/discrete-exact/fresh#exact", swapped),
    ("discrete/variance/replace#exact", one_generation_less),
    ("discrete/variance/fresh#exact", swapped),
    ("discrete/variance/fixed#exact", without_a_term),
    ("discrete/variance/accumulate#exact", raised),
    ("discrete/variance/expand#exact", one_generation_more),
    ("discrete/diversity/replace#exact", one_generation_less),
    ("discrete/diversity/stratified#exact", lowered),
    ("discrete/lower/fixed#exact", raised),
    ("discrete/lower/replace#exact", with_root),
    ("discrete/variance-lower/accumulate#exact", raised),
    ("discrete/minimax-real-only#exact", with_root),
    ("tv/gaussian-mean/replace#exact", one_generation_less),
    ("tv/gaussian-mean/fixed#exact", swapped),
    ("tv/gaussian-mean-d/expand#exact", lowered),
    ("tv/gaussian-mean/lower/expand#exact", raised),
    ("gaussian/std-collapse#exact", one_generation_more),
    ("gaussian/std-collapse/log-variance#exact", raised),
    ("gaussian/w2/replace#exact", one_generation_less),
    ("gaussian/biased-sampling#exact", one_generation_more),
    ("gaussian/golden-ratio#exact", lowered),
    ("gaussian/golden-ratio/general#exact", halved),
    ("gaussian/golden-ratio/optimum#exact", raised),
    # stability and generalization, exactly
    ("stability/erm#replacement", halved),
    ("stability/erm/ridge#replacement", halved),
    ("stability/erm/ridge/norm#extremes", lowered),
    ("stability/erm/ridge/lipschitz#extremes", lowered),
    ("stability/erm/ridge/loss-range#extremes", lowered),
    ("stability/erm/logistic#replacement", quartered),
    ("stability/erm/logistic/norm#extremes", quartered),
    ("stability/erm/logistic/loss-range#extremes", quartered),
    ("recursive-stability/composition/fixed#two-atoms", halved),
    ("recursive-stability/composition/fixed#normal", halved),
    ("recursive-stability/composition/not-reused#two-atoms", halved),
    ("recursive-stability/composition/expand#two-atoms", halved),
    ("recursive-stability/gaussian-mean#recursion", one_generation_more),
    ("recursive-stability/gaussian-mean/limit#recursion", raised),
    ("recursive-stability/gaussian-mean/not-reused#recursion", one_generation_more),
    ("recursive-stability/categorical/divergence#enumerated", lowered),
    ("recursive-stability/categorical#two-atoms", halved),
    ("recursive-stability/categorical#three-atoms", halved),
    ("recursive-stability/categorical-coupled#two-atoms", halved),
    ("recursive-stability/categorical-coupled#three-atoms", halved),
    ("recursive-stability/categorical-average#two-atoms", of_a_hundredth),
    ("generalization/expectation#two-kinds", halved),
    ("generalization/expectation/propagated#two-kinds", halved),
    ("generalization/categorical-ridge#two-kinds", quartered),
    ("generalization/categorical-ridge/average#two-kinds", quartered),
    ("categorical/mean/fixed#two-kinds", one_generation_more),
    ("categorical/one-step/fixed#two-kinds", halved),
    ("tv/categorical/fixed#two-kinds", halved),
    ("tv/categorical/lower/fixed#two-kinds", raised),
    # sampled, in a known range
    ("stability/sgd#sampled", of_a_hundredth),
    ("generalization/categorical-ridge#sampled", of_a_hundredth),
    ("categorical/one-step/fixed#sampled", halved),
    ("tv/categorical/fixed#sampled", halved),
    ("tv/categorical/lower/fixed#sampled", doubled),
    ("generalization/second-order/lower/replace#sampled", doubled),
    ("generalization/second-order/lower/weighted#sampled", doubled),
    ("generalization/second-order/upper/fresh#sampled", halved),
    ("generalization/second-order/upper/replace#sampled", one_generation_less),
    ("tv/discrete/replace#sampled", halved),
    ("tv/discrete/weighted#sampled", halved),
    ("tv/discrete-instance/weighted#sampled", halved),
    ("tv/propagation/replace-growing#sampled", halved),
    ("tv/discrete/one-step/accumulate#sampled", one_generation_more),
    ("tv/discrete/one-step/accumulate#sampled", one_atom_less),
    ("tv/discrete-exact/first#sampled", raised),
    ("tv/discrete-exact/replace#sampled", one_generation_less),
    ("discrete/variance/weighted#sampled", doubled),
    ("discrete/diversity/weighted#sampled", lowered),
    ("tv/gaussian-mean/stratified#sampled", raised),
    ("tv/gaussian-mean-d/accumulate#sampled", lowered),
    # sampled, capped coefficient of variation
    ("gaussian/std-collapse#sampled", raised),
    ("gaussian/std-collapse#sampled", lowered),
    # sampled, limit theorem
    ("gaussian/std-collapse/variance#sampled", doubled),
    ("gaussian/std-collapse/log-variance#sampled", one_generation_more),
    ("gaussian/w2/replace#sampled", one_generation_less),
    ("gaussian/biased-sampling#sampled", one_generation_more),
)
IDS = [f"{key}-{mutation.__name__}" for key, mutation in MUTANTS]


@pytest.mark.parametrize(("key", "mutation"), first_quickly(MUTANTS, IDS))
def test_a_false_claim_is_refuted_and_the_true_one_holds(key: str, mutation: Mutation) -> None:
    design = refutes(case_named(key), mutation, COIN if mutation is one_atom_less else DEFAULT_SETTING)
    assert not falsified(case_named(key), design)[0].any()


EXCEEDANCES: tuple[tuple[str, Mutation], ...] = (
    ("tv/hp/replace#sampled", halved),
    ("tv/hp/subsample#sampled", last_term_only),
    ("tv/hp-union/accumulate#sampled", without_root),
    ("tv/discrete/hp-triangle#sampled", without_root),
    ("tv/discrete/one-step-hp#sampled", halved),
    ("tv/propagation-hp#sampled", lambda expr: expr / 8),
    ("generalization/high-probability-mcdiarmid#two-kinds", of_a_hundredth),
    ("generalization/high-probability-mcdiarmid/any-model#two-kinds", of_a_hundredth),
    ("generalization/high-probability-variance#two-kinds", of_a_hundredth),
    ("generalization/categorical-ridge/variance#two-kinds", of_a_hundredth),
)


@pytest.mark.parametrize(("key", "mutation"), EXCEEDANCES, ids=[key for key, _ in EXCEEDANCES])
def test_a_high_probability_bound_that_fails_too_often_is_refuted(key: str, mutation: Mutation) -> None:
    sound = case_named(key)
    assert sound.result.mode is Mode.HIGH_PROBABILITY
    mutant = with_expression(sound, mutation)
    for design in sound.designs(DEFAULT_SETTING):
        assert isinstance(design.evidence, Exceedance)
        blocks = list(islice(design.evidence.blocks(ORACLE_SEED), 12))
        curves = np.concatenate([block.reshape(len(block), -1) for block in blocks])
        bound, _ = points_of(design, mutant.result)
        events = int((curves > bound).any(axis=1).sum())
        delta = float(design.values["delta"])
        if clopper_pearson(events, len(curves), 1e-9)[0] > delta:
            break
    else:
        pytest.fail("the mutant is not exceeded too often at any design: the control controls nothing")
    assert (verdict(mutant, design).decision == Decision.REFUTED).all()
    assert (verdict(sound, design).decision == Decision.HOLDS).all()
