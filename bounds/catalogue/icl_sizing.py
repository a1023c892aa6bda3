"""How much synthetic data a transformer in context should be given (theory: section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from ..deferred import Formulas
from ..result import Kind, Mode, Rate, Result
from ..symbols import LAM, SYNTHETIC_COUNT, I, i, lam, n, root, sigma
from .phase import CONSTANT, EXPONENT, ONE_STEP, TRANSITION, r
from .schedules import EXPAND
from .stability_setting import BOUNDED_LOSS, RANGE, L, M
from .transformer import (
    ATTENTION,
    FROZEN,
    GAUSSIAN_OUTPUT,
    LAYERS,
    LIPSCHITZ_LOSS,
    OUTPUT_LIPSCHITZ,
    OUTPUT_NOISE,
    PROMPT,
    STACK,
    STEEPNESS,
    STL_TRANSFORMER,
    TOKENS,
    sensitivity,
)


def _size() -> sp.Expr:
    return (1 + lam) * n


def _sized_recursive() -> sp.Expr:
    """√(λn(κ_n + (i−1)κ_N)/2) with κ_n = K_Γ²/(2σ²n²)."""
    return sensitivity(False) / (2 * sigma) * root(lam / n * (1 + (i - 1) / (1 + lam) ** 2))


def _sized_shift() -> sp.Expr:
    return M * lam / (1 + lam) * sp.Min(1, TRANSITION.expr.xreplace({r: lam}), evaluate=False)


TERMS: Mapping[str, Mapping[str, sp.Expr]] = {
    "icl/synthetic-sizing": Formulas(
        **{
            "stability": lambda: L * sensitivity(False) / _size(),
            "recursive stability": lambda: M / (1 + lam) * sp.Min(1, _sized_recursive(), evaluate=False),
            "distribution shift": _sized_shift,
        }
    )
}
"""By key and name: the terms whose sum a result is; each is a formula in the parameters of the result."""

SIZING = Result(
    key="icl/synthetic-sizing",
    title="How much synthetic data a transformer in context should be given",
    statement="|E gap| <= L K/N + M gamma/(1+lam) + M (lam/(1+lam)) min(1, e_i) with N = (1+lam) n: more synthetic "
    "points make the learner more stable and the training set less real.",
    quantity="|E gap|, gap = real risk minus error on the context of generation i+1, in the unit of the loss",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: sp.Add(*TERMS["icl/synthetic-sizing"].values()),
    params=(PROMPT, LAM, I, STEEPNESS, LAYERS, OUTPUT_NOISE, OUTPUT_LIPSCHITZ, RANGE, CONSTANT, EXPONENT),
    conditions=(SYNTHETIC_COUNT,),
    assumptions=(
        TOKENS,
        ATTENTION,
        STACK,
        FROZEN,
        GAUSSIAN_OUTPUT,
        LIPSCHITZ_LOSS,
        BOUNDED_LOSS,
        ONE_STEP,
        EXPAND.assumption,
    ),
    rates=(Rate(wrt="sigma", to=sp.oo, leading=lambda: L * sensitivity(False) / _size() + _sized_shift()),),
    source=replace(STL_TRANSFORMER, locator="trade-off in the amount of synthetic data"),
    proof="proof-icl-sizing",
)
