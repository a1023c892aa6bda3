"""What every schedule contributes to a family of results: parameters, conditions, and two second moments.

`atom_variance` is w_i = Var(p_i(k))/(p(1−p)) of the discrete model; `INFLUENCE` is
τ_i² = Var(μ_i)/σ² of the Gaussian mean and at the same time the sum of squared influences of all draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy as sp

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
    atom_variance: sp.Expr
    diversity_kept: sp.Expr
    conditions: tuple[Condition, ...] = ()


def _assumption(name: str, text: str) -> Assumption:
    return Assumption(key=f"schedule-{name}", text=text)


_b = 1 - alpha
# `expand`: a = 1/(1+λ) and b = λ/(1+λ) give a(1+b) = (1+2λ)/(1+λ)², ab = λ/(1+λ)²
_fresh_share, _noise = (1 + 2 * lam) / (1 + lam) ** 2, lam / (1 + lam) ** 2
# 1 − ρ of each second-moment recursion v_{i+1} = … + ρ v_i, free of cancellation
_gap_fresh = 1 / n + (1 - 1 / n) * alpha * (2 - alpha)
_gap_stratified = alpha * (2 - alpha) + _b / n
_gap_expand = _fresh_share + _noise / n
_contraction = geometric_sum(alpha * (2 - alpha), i)
_kept_fixed = (
    complement_power(_gap_stratified, i)
    + (alpha * n - 1) / n * (2 - alpha) * geometric_sum(_gap_stratified, i)
    + 2 * complement_power(alpha, i) * geometric_sum(alpha + 1 / n, i) / n
)

REPLACE = ScheduleFormulas(
    name="replace",
    params=(N, I),
    assumption=_assumption("replace", "generation i+1 is trained on n iid draws from P_i"),
    diversity_kept=complement_power(1 / n, i),
    atom_variance=geometric_sum(1 / n, i) / n,
)
FRESH = ScheduleFormulas(
    name="fresh",
    params=(N, ALPHA, I),
    assumption=_assumption("fresh", "generation i+1 is trained on n iid draws from alpha P + (1-alpha) P_i"),
    diversity_kept=complement_power(_gap_fresh, i) + (1 - 1 / n) * alpha * (2 - alpha) * geometric_sum(_gap_fresh, i),
    atom_variance=geometric_sum(_gap_fresh, i) / n,
)
STRATIFIED = ScheduleFormulas(
    name="stratified",
    params=(N, ALPHA, I),
    assumption=_assumption(
        "stratified", "generation i+1 is trained on alpha n fresh draws from P and (1-alpha) n draws from P_i"
    ),
    diversity_kept=complement_power(_gap_stratified, i)
    + alpha * (2 - alpha - 1 / n) * geometric_sum(_gap_stratified, i),
    atom_variance=geometric_sum(_gap_stratified, i) / n,
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
    diversity_kept=sp.Piecewise((complement_power(1 / n, i), sp.Eq(alpha, 0)), (_kept_fixed, True)),
    atom_variance=(
        (1 + 2 * _b) * geometric_sum(_gap_stratified, i)
        - 2 * complement_power(alpha, i) * geometric_sum(alpha + 1 / n, i)
    )
    / n,
    conditions=(REAL_COUNT,),
)
ACCUMULATE = ScheduleFormulas(
    name="accumulate",
    params=(N, I),
    assumption=_assumption(
        "accumulate", "generation i+1 is trained on n real points and n draws of each of P_1..P_i, all kept"
    ),
    diversity_kept=accumulated_survival(n, i),
    atom_variance=accumulated_loss(n, i),
)
SUBSAMPLE = ScheduleFormulas(
    name="subsample",
    params=(N, I),
    assumption=_assumption("subsample", "generation i+1 is trained on n iid draws from (P + P_1 + ... + P_i)/(i+1)"),
    diversity_kept=accumulated_survival(n, i),
    atom_variance=accumulated_loss(n, i),
)
EXPAND = ScheduleFormulas(
    name="expand",
    params=(N, LAM, I),
    assumption=_assumption("expand", "generation i+1 is trained on the same n real points and lam n draws from P_i"),
    diversity_kept=(1 - 1 / n)
    * (complement_power(_gap_expand, i - 1) + _fresh_share * geometric_sum(_gap_expand, i - 1)),
    atom_variance=(
        complement_power(_gap_expand, i - 1) + (1 + 3 * lam) / (1 + lam) ** 2 * geometric_sum(_gap_expand, i - 1)
    )
    / n,
    conditions=(SYNTHETIC_COUNT,),
)
WEIGHTED = ScheduleFormulas(
    name="weighted",
    params=(MIXING, SIZES),
    assumption=_assumption("weighted", "generation j+1 is trained on n_j iid draws from a_j P + sum_k B[j, k] P_{k+1}"),
    diversity_kept=weighted_survival(B, n_vector),
    atom_variance=weighted_variance(B, n_vector),
)

NAMED = (REPLACE, FRESH, STRATIFIED, FIXED, ACCUMULATE, SUBSAMPLE, EXPAND)
EVERY = (*NAMED, WEIGHTED)

INFLUENCE: dict[str, sp.Expr] = {
    "replace": i / n,
    "fresh": _contraction / n,
    "stratified": _contraction / n,
    "fixed": (
        alpha * geometric_sum(alpha, i) ** 2
        + complement_power(alpha, 2 * i - 1)
        + _b * geometric_sum(alpha * (2 - alpha), i - 1)
    )
    / n,
    "accumulate": power_sum(2, i) / n,
    "subsample": power_sum(2, i) / n,
    "expand": (1 + _noise * geometric_sum(_fresh_share, i - 1)) / n,
}
"""τ_i² of every schedule with one sample size."""
