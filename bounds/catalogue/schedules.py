"""What every schedule contributes to a family of results: parameters, conditions, and two second moments.

`atom_variance` is w_i = Var(p_i(k))/(p(1−p)) of the discrete model; `INFLUENCE` is
τ_i² = Var(μ_i)/σ² of the Gaussian mean and at the same time the sum of squared influences of all draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

from ..deferred import Deferred, Formulas
from ..functions import (
    accumulated_loss,
    accumulated_survival,
    complement_power,
    geometric_sum,
    power_sum,
    weighted_survival,
    weighted_variance,
)
from ..result import Assumption, Condition, Param
from ..symbols import (
    ALPHA,
    LAM,
    MIXING,
    REAL_COUNT,
    SIZES,
    SYNTHETIC_COUNT,
    B,
    I,
    N,
    alpha,
    i,
    lam,
    n,
    n_vector,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScheduleFormulas:
    """One schedule: parameters, defining assumption, w_i of the discrete model, and 1 − w_i without cancellation."""

    name: str
    params: tuple[Param, ...]
    assumption: Assumption
    atom_variance: Deferred = Deferred()  # noqa: RUF009 (a descriptor)
    diversity_kept: Deferred = Deferred()  # noqa: RUF009 (a descriptor)
    conditions: tuple[Condition, ...] = ()


def _assumption(name: str, text: str) -> Assumption:
    return Assumption(key=f"schedule-{name}", text=text)


# `expand`: a = 1/(1+λ) and b = λ/(1+λ) give a(1+b) = (1+2λ)/(1+λ)², ab = λ/(1+λ)²
def _fresh_share() -> sp.Expr:
    return (1 + 2 * lam) / (1 + lam) ** 2


def _noise() -> sp.Expr:
    return lam / (1 + lam) ** 2


# 1 − ρ of each second-moment recursion v_{i+1} = … + ρ v_i, free of cancellation
def _gap_fresh() -> sp.Expr:
    return 1 / n + (1 - 1 / n) * alpha * (2 - alpha)


def _gap_stratified() -> sp.Expr:
    return alpha * (2 - alpha) + (1 - alpha) / n


def _gap_expand() -> sp.Expr:
    return _fresh_share() + _noise() / n


def _kept_fresh() -> sp.Expr:
    gap = _gap_fresh()
    return complement_power(gap, i) + (1 - 1 / n) * alpha * (2 - alpha) * geometric_sum(gap, i)


def _kept_stratified() -> sp.Expr:
    gap = _gap_stratified()
    return complement_power(gap, i) + alpha * (2 - alpha - 1 / n) * geometric_sum(gap, i)


def _kept_fixed() -> sp.Expr:
    gap = _gap_stratified()
    kept = (
        complement_power(gap, i)
        + (alpha * n - 1) / n * (2 - alpha) * geometric_sum(gap, i)
        + 2 * complement_power(alpha, i) * geometric_sum(alpha + 1 / n, i) / n
    )
    return sp.Piecewise((complement_power(1 / n, i), sp.Eq(alpha, 0)), (kept, True))


def _variance_fixed() -> sp.Expr:
    lost = 2 * complement_power(alpha, i) * geometric_sum(alpha + 1 / n, i)
    return ((1 + 2 * (1 - alpha)) * geometric_sum(_gap_stratified(), i) - lost) / n


def _kept_expand() -> sp.Expr:
    gap = _gap_expand()
    return (1 - 1 / n) * (complement_power(gap, i - 1) + _fresh_share() * geometric_sum(gap, i - 1))


def _variance_expand() -> sp.Expr:
    gap = _gap_expand()
    return (complement_power(gap, i - 1) + (1 + 3 * lam) / (1 + lam) ** 2 * geometric_sum(gap, i - 1)) / n


REPLACE = ScheduleFormulas(
    name="replace",
    params=(N, I),
    assumption=_assumption("replace", "generation i+1 is trained on n iid draws from P_i"),
    diversity_kept=lambda: complement_power(1 / n, i),
    atom_variance=lambda: geometric_sum(1 / n, i) / n,
)
FRESH = ScheduleFormulas(
    name="fresh",
    params=(N, ALPHA, I),
    assumption=_assumption("fresh", "generation i+1 is trained on n iid draws from alpha P + (1-alpha) P_i"),
    diversity_kept=_kept_fresh,
    atom_variance=lambda: geometric_sum(_gap_fresh(), i) / n,
)
STRATIFIED = ScheduleFormulas(
    name="stratified",
    params=(N, ALPHA, I),
    assumption=_assumption(
        "stratified", "generation i+1 is trained on alpha n fresh draws from P and (1-alpha) n draws from P_i"
    ),
    diversity_kept=_kept_stratified,
    atom_variance=lambda: geometric_sum(_gap_stratified(), i) / n,
    conditions=(REAL_COUNT,),
)
FIXED = ScheduleFormulas(
    name="fixed",
    params=(N, ALPHA, I),
    assumption=_assumption(
        "fixed",
        "generation i+1 is trained on the same alpha n real points, out of the n real points of generation 1, "
        "and (1-alpha) n draws from P_i",
    ),
    diversity_kept=_kept_fixed,
    atom_variance=_variance_fixed,
    conditions=(REAL_COUNT,),
)
ACCUMULATE = ScheduleFormulas(
    name="accumulate",
    params=(N, I),
    assumption=_assumption(
        "accumulate", "generation i+1 is trained on n real points and n draws of each of P_1..P_i, all kept"
    ),
    diversity_kept=lambda: accumulated_survival(n, i),
    atom_variance=lambda: accumulated_loss(n, i),
)
SUBSAMPLE = ScheduleFormulas(
    name="subsample",
    params=(N, I),
    assumption=_assumption("subsample", "generation i+1 is trained on n iid draws from (P + P_1 + ... + P_i)/(i+1)"),
    diversity_kept=lambda: accumulated_survival(n, i),
    atom_variance=lambda: accumulated_loss(n, i),
)
EXPAND = ScheduleFormulas(
    name="expand",
    params=(N, LAM, I),
    assumption=_assumption("expand", "generation i+1 is trained on the same n real points and lam n draws from P_i"),
    diversity_kept=_kept_expand,
    atom_variance=_variance_expand,
    conditions=(SYNTHETIC_COUNT,),
)
WEIGHTED = ScheduleFormulas(
    name="weighted",
    params=(MIXING, SIZES),
    assumption=_assumption("weighted", "generation j+1 is trained on n_j iid draws from a_j P + sum_k B[j, k] P_{k+1}"),
    diversity_kept=lambda: weighted_survival(B, n_vector),
    atom_variance=lambda: weighted_variance(B, n_vector),
)

NAMED = (REPLACE, FRESH, STRATIFIED, FIXED, ACCUMULATE, SUBSAMPLE, EXPAND)
EVERY = (*NAMED, WEIGHTED)


def _fixed_influence() -> sp.Expr:
    real, other = alpha * geometric_sum(alpha, i) ** 2, complement_power(alpha, 2 * i - 1)
    return (real + other + (1 - alpha) * geometric_sum(alpha * (2 - alpha), i - 1)) / n


INFLUENCE = Formulas(
    replace=lambda: i / n,
    fresh=lambda: geometric_sum(alpha * (2 - alpha), i) / n,
    stratified=lambda: geometric_sum(alpha * (2 - alpha), i) / n,
    fixed=_fixed_influence,
    accumulate=lambda: power_sum(2, i) / n,
    subsample=lambda: power_sum(2, i) / n,
    expand=lambda: (1 + _noise() * geometric_sum(_fresh_share(), i - 1)) / n,
)
"""τ_i² of every schedule with one sample size."""
