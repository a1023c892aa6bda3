"""Smoothed frequencies on K atoms: mean and total variation under `fixed`, which the generalization results use."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power
from ..result import Kind, Mode, Param, Rate, Result, Source
from ..symbols import ALPHA, ATOM, REAL_COUNT, I, K, N, alpha, i, p_atom
from .discrete_moments import REAL_START
from .schedules import FIXED
from .stability_setting import (
    CATEGORICAL_FIT,
    FAR,
    SMALL_SPACE,
    SMOOTHING,
    categorical_shift,
    categorical_step,
    omega,
    smoothed_sum,
    synthetic_decay,
    u,
)

_QUANTITY = "e_i = E TV(P_i, P), in [0, 1]"
_SOURCE = Source(
    bib="fu2025stl", locator="cumulative distribution shift", note="notion of the source; the model and proof ours"
)
_ASSUMPTIONS = (CATEGORICAL_FIT, REAL_START, FIXED.assumption)
FAR_ENOUGH = replace(FAR, domain=sp.Interval.Ropen(0, 1))


def _smoothed(key: str, title: str, statement: str, params: tuple[Param, ...], **fields: object) -> Result:
    defaults = {
        "quantity": _QUANTITY,
        "mode": Mode.EXPECTATION,
        "assumptions": _ASSUMPTIONS,
        "source": _SOURCE,
        "proof": "proof-categorical-shift",
    }
    return Result(
        key=key,
        title=title,
        statement=statement,
        params=params,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def _mean() -> sp.Expr:
    kept = complement_power(synthetic_decay(), i) + alpha * (1 - omega) * smoothed_sum()  # 1 − ω S_i(α')
    return p_atom * kept + omega * smoothed_sum() / K


RESULTS = (
    _smoothed(
        "categorical/mean/fixed",
        "Mean of an atom's smoothed frequency",
        "E P_i = P + omega S_i(a') (U - P) with 1 - a' = (1-alpha)(1-omega) and U uniform.",
        (ALPHA, I, SMALL_SPACE, SMOOTHING, ATOM),
        quantity="E p_i(k), a probability",
        kind=Kind.EQUALITY,
        expr=_mean,
        rates=(Rate(wrt="omega", to=0, leading=lambda: p_atom),),
    ),
    _smoothed(
        "categorical/one-step/fixed",
        "One-step error of smoothed frequencies",
        "E TV(P_{j+1}, Q_j) <= (1-omega) (1/2) sqrt((K-1)/n) + omega TV(U, Q_j); this is the bound for Q_j = P.",
        (N, SMALL_SPACE, SMOOTHING, FAR_ENOUGH),
        quantity="E TV(P_1, P), in [0, 1]",
        kind=Kind.UPPER,
        expr=categorical_step,
        assumptions=(CATEGORICAL_FIT, REAL_START),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: omega * u),),
    ),
    _smoothed(
        "tv/categorical/fixed",
        "Total variation of smoothed frequencies",
        "E TV(P_i, P) <= min(1, d_n S_i(a')), d_n the one-step error and 1 - a' = (1-alpha)(1-omega).",
        (N, ALPHA, I, SMALL_SPACE, SMOOTHING, FAR_ENOUGH),
        kind=Kind.UPPER,
        expr=categorical_shift,
        conditions=(REAL_COUNT,),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: sp.Min(1, omega * u * smoothed_sum(), evaluate=False)),),
    ),
    _smoothed(
        "tv/categorical/lower/fixed",
        "Total variation of smoothed frequencies from below",
        "E TV(P_i, P) >= TV(E P_i, P) = omega S_i(a') TV(U, P), for every n.",
        (ALPHA, I, SMOOTHING, FAR_ENOUGH),
        kind=Kind.LOWER,
        expr=lambda: omega * smoothed_sum() * u,
        rates=(Rate(wrt="omega", to=1, leading=lambda: u),),
    ),
)
