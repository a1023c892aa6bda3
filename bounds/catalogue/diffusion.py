"""Diffusion models: one-step errors from the divergence of reverse paths, ends, normal targets (theory: section 9)."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..diffusion_functions import divergence_tv, ratio_gap, total, total_ratio_gap
from ..result import Assumption, Kind, Mode, Param, Result
from ..symbols import DIMENSION, d, root
from . import diffusion_ends, diffusion_gaussian, diffusion_rate
from .diffusion_setting import (
    DIVERGENCE,
    END,
    END_DIVERGENCE,
    ENDS,
    FORWARD,
    GAUSSIAN_STEPS,
    GIVEN_SCORE,
    HELD_BOUND,
    HELD_ERROR,
    HELD_SCORE,
    LAG,
    LAW,
    MEAN_GAP,
    NON_GAUSSIANITY,
    ONE_END,
    ONE_STEP,
    RATIO,
    RATIOS,
    SCORE_BOUND,
    SCORE_ERROR,
    SOURCE,
    SQUARED_GAP,
    START,
    STEP_BOUNDS,
    VARIANCE_MISMATCH,
    E,
    G_steps,
    J,
    J_steps,
    V_steps,
    end,
    gap,
    kl,
    lag,
    r,
    r_vector,
    start,
)


def _sum(divergence: sp.Expr) -> sp.Expr:
    return start + root(divergence / 2) + end


def _joint(divergence: sp.Expr) -> sp.Expr:
    return sp.Min(1, start + divergence_tv(divergence + kl), evaluate=False)


def _chain() -> sp.Expr:
    return total(J_steps) + total(V_steps) + total(G_steps)


def _one_step(
    key: str, title: str, statement: str, expr: Formula, params: tuple[Param, ...], *assumptions: Assumption
) -> Result:
    girsanov = "girsanov" in key
    return Result(
        key=f"tv/diffusion/{key}",
        title=title,
        statement=statement,
        quantity=ONE_STEP,
        kind=Kind.UPPER,
        mode=Mode.SURE,
        expr=expr,
        params=params,
        assumptions=(FORWARD, *assumptions),
        source=SOURCE,
        proof="proof-diffusion-girsanov" if girsanov else "proof-diffusion-chain",
    )


_STEP_TERMS = (NON_GAUSSIANITY, VARIANCE_MISMATCH, MEAN_GAP)
ONE_STEPS = (
    _one_step(
        "one-step-girsanov",
        "One-step error of a diffusion model in continuous time",
        "TV(P_hat, P) <= start + sqrt(E/2) + end: the reverse paths with the learned and with the exact score have the "
        "divergence E.",
        lambda: _sum(E),
        (START, SCORE_ERROR, END),
        GIVEN_SCORE,
        SCORE_BOUND,
        ENDS,
    ),
    _one_step(
        "one-step-girsanov/joint",
        "One-step error of a diffusion model in continuous time, both divergences under one root",
        "TV(P_hat, P) <= start + sqrt(min(D/2, 1 - exp(-D))) with D = E + kl, and at most 1.",
        lambda: _joint(E),
        (START, SCORE_ERROR, END_DIVERGENCE),
        GIVEN_SCORE,
        SCORE_BOUND,
        ONE_END,
    ),
    _one_step(
        "one-step-girsanov/exponential-integrator",
        "One-step error of a diffusion model whose score is held over every step",
        "TV(P_hat, P) <= start + sqrt((E + lag)/2) + end: a learning part, and a time-lag part that no score removes.",
        lambda: _sum(E + lag),
        (START, HELD_ERROR, LAG, END),
        HELD_SCORE,
        HELD_BOUND,
        ENDS,
    ),
    _one_step(
        "one-step-chain",
        "One-step error of a diffusion model with normal steps",
        "TV(P_hat, P) <= start + sqrt(sum_k (J_k + V_k + G_k)/2) + end: non-Gaussianity of the reverse kernel, "
        "variance mismatch and mean gap of every step.",
        lambda: _sum(_chain()),
        (START, *_STEP_TERMS, END),
        GAUSSIAN_STEPS,
        STEP_BOUNDS,
        ENDS,
    ),
    _one_step(
        "one-step-chain/joint",
        "One-step error of a diffusion model with normal steps, all divergences under one root",
        "TV(P_hat, P) <= start + sqrt(min(D/2, 1 - exp(-D))), D = kl + sum_k (J_k + V_k + G_k), and at most 1.",
        lambda: _joint(_chain()),
        (START, *_STEP_TERMS, END_DIVERGENCE),
        GAUSSIAN_STEPS,
        STEP_BOUNDS,
        ONE_END,
    ),
)


def _divergence(name: str, title: str, statement: str, expr: Formula, *params: Param) -> Result:
    return Result(
        key=f"diffusion/step-divergence/{name}",
        title=title,
        statement=statement,
        quantity="KL of the reverse kernel at a point to the normal law that the sampler draws from",
        kind=Kind.EQUALITY,
        mode=Mode.SURE,
        expr=expr,
        params=(DIVERGENCE, *params, SQUARED_GAP),
        assumptions=(LAW,),
        source=SOURCE,
        proof="proof-diffusion-step",
    )


STEP_DIVERGENCES = (
    _divergence(
        "isotropic",
        "Divergence of a step, isotropic covariances",
        "KL = J + (d/2) (r - 1 - log r) + gap/2, exactly.",
        lambda: J + d * ratio_gap(r) / 2 + gap / 2,
        DIMENSION,
        RATIO,
    ),
    _divergence(
        "covariance",
        "Divergence of a step, any covariances",
        "KL = J + sum_j (r_j - 1 - log r_j)/2 + gap/2, exactly.",
        lambda: J + total_ratio_gap(r_vector) / 2 + gap / 2,
        RATIOS,
    ),
)

RESULTS = (
    *ONE_STEPS,
    *STEP_DIVERGENCES,
    *diffusion_ends.RESULTS,
    *diffusion_gaussian.RESULTS,
    *diffusion_rate.RESULTS,
)
