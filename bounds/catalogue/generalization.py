"""Generalization in the loop, in expectation; rates of the literature (theory: section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from ..deferred import Formula, Formulas
from ..functions import geometric_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import ALPHA, DELTA, EPS, N_VARIANCE, REAL_COUNT, I, N, a, alpha, delta, eps, i, n, root
from . import generalization_probability, generalization_second_order, generalization_smoothed
from .generalization_smoothed import FAR_ENOUGH
from .schedules import FIXED
from .stability_setting import (
    ANY_SMOOTHING,
    BETA,
    BOUNDED_LOSS,
    CATEGORICAL_FIT,
    GAMMA,
    MIXED,
    RANGE,
    REUSED,
    RIDGE,
    RIDGE_DATA,
    RIDGE_LEARNER,
    SHIFT,
    SMALL_SPACE,
    SMOOTHING,
    STABLE_LEARNER,
    STL,
    M,
    average,
    beta_n,
    categorical_shift,
    coupled,
    gamma_n,
    omega,
    ridge_range,
    ridge_stability,
    smoothed_sum,
    synthetic_count,
    tv,
    u,
)

GAP = "|E gap|, gap = real risk minus training error of the learner of generation i+1, in the unit of the loss"
_INSTANCE = (RIDGE_DATA, RIDGE_LEARNER, CATEGORICAL_FIT, FIXED.assumption)
_ONE_STEP = Assumption(
    key="one-step-error", text="E TV(P_{j+1}, Q_j) <= eps for every generation, Q_j = alpha P + (1-alpha) P_j, Q_0 = P"
)


def _terms(
    stability: Formula, length: Formula, recursive: Formula, shift: Formula, synthetic: Formula = lambda: 1 - alpha
) -> Formulas:
    """Return β, αMγ and (1−α)M e."""
    return Formulas(
        **{
            "stability": stability,
            "recursive stability": lambda: alpha * length() * recursive(),
            "distribution shift": lambda: synthetic() * length() * shift(),
        }
    )


def _average_gamma() -> sp.Expr:
    return sp.Min(1, average(), evaluate=False)


def _share() -> sp.Expr:
    return synthetic_count() / n


def _propagated_shift() -> sp.Expr:
    return sp.Min(1, eps * geometric_sum(alpha, i), evaluate=False)


TERMS: Mapping[str, Mapping[str, sp.Expr]] = {
    "generalization/expectation": _terms(lambda: beta_n, lambda: M, lambda: gamma_n, lambda: tv),
    "generalization/expectation/propagated": _terms(lambda: beta_n, lambda: M, lambda: gamma_n, _propagated_shift),
    "generalization/categorical-ridge": _terms(ridge_stability, ridge_range, coupled, categorical_shift, _share),
    "generalization/categorical-ridge/average": _terms(ridge_stability, ridge_range, _average_gamma, categorical_shift),
}
"""By key and name: the terms whose sum a result is; each is a formula in the parameters of the result."""


def _expectation(
    key: str, title: str, statement: str, params: tuple[Param, ...], rate: Rate, **fields: object
) -> Result:
    defaults = {
        "kind": Kind.UPPER,
        "mode": Mode.EXPECTATION,
        "assumptions": (BOUNDED_LOSS, STABLE_LEARNER, FIXED.assumption),
        "source": STL,
        "proof": "proof-generalization-expectation",
    }
    return Result(
        key=key,
        title=title,
        statement=statement,
        quantity=GAP,
        expr=lambda: sp.Add(*TERMS[key].values()),
        params=params,
        rates=(rate,),
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def _ridge_limit() -> sp.Expr:
    return (1 - alpha) * ridge_range() * sp.Min(1, omega * u * smoothed_sum(), evaluate=False)


_SIZES = (N, MIXED, I, SMALL_SPACE)
_REUSED = replace(MIXED, domain=REUSED.domain)
GENERAL = (
    _expectation(
        "generalization/expectation",
        "Generalization in the loop",
        "|E gap| <= beta_n + alpha M gamma_n^i + (1-alpha) M e_i: stability, recursive stability, distribution shift.",
        (ALPHA, RANGE, BETA, GAMMA, SHIFT),
        Rate(wrt="beta_n", to=0, leading=lambda: M * (alpha * gamma_n + (1 - alpha) * tv)),
    ),
    _expectation(
        "generalization/expectation/propagated",
        "Generalization in the loop with propagated one-step errors",
        "|E gap| <= beta_n + alpha M gamma_n^i + (1-alpha) M min(1, eps S_i(alpha)).",
        (ALPHA, I, RANGE, BETA, GAMMA, EPS),
        Rate(wrt="beta_n", to=0, leading=lambda: M * (alpha * gamma_n + (1 - alpha) * _propagated_shift())),
        assumptions=(BOUNDED_LOSS, STABLE_LEARNER, _ONE_STEP, FIXED.assumption),
    ),
)
INSTANCES = (
    _expectation(
        "generalization/categorical-ridge",
        "Generalization of ridge regression in a loop of smoothed frequencies",
        "The three terms with every constant filled in: ridge stability, coupled recursive stability, and the shift "
        "d_n S_i(a') with 1 - a' = (1-alpha)(1-omega).",
        (*_SIZES, SMOOTHING, RIDGE, FAR_ENOUGH),
        Rate(wrt="n", to=sp.oo, leading=_ridge_limit),
        conditions=(REAL_COUNT,),
        assumptions=_INSTANCE,
        proof="proof-generalization-ridge",
    ),
    _expectation(
        "generalization/categorical-ridge/average",
        "Generalization of ridge regression in a loop of frequencies, smoothed or not",
        "The three terms with every constant filled in and recursive stability on average over the real points.",
        (N, _REUSED, I, SMALL_SPACE, ANY_SMOOTHING, RIDGE, FAR_ENOUGH),
        Rate(wrt="alpha", to=1, leading=ridge_stability),
        conditions=(REAL_COUNT,),
        assumptions=_INSTANCE,
        proof="proof-generalization-ridge",
    ),
)


def _published() -> sp.Expr:
    shift = M * eps * geometric_sum(alpha, i) * (1 - alpha)
    log = -sp.log(delta)
    return shift + M * root(log / n) + (beta_n + M * gamma_n) * sp.log(n) * log


def _in_context() -> sp.Expr:
    return n ** (-a) * geometric_sum(alpha, i) * (1 - alpha) - sp.log(n) * sp.log(delta) / root(n)


_ORDER = Param(
    name="a",
    symbol=a,
    domain=sp.Interval.Lopen(0, sp.Rational(1, 2)),
    meaning="exponent of the one-step error n^(-a)",
    typical=(0.25, 0.4),
)
_RATE_SOURCE = Source(
    bib="fu2025stl",
    locator="Theorem 1",
    note="in the form at hand, up to an unspecified constant; checked by exponents, never as an inequality",
)
_UP_TO_A_CONSTANT = "up to a constant factor that the source leaves open"


_ORDERS = Assumption(
    key="orders",
    text="beta_n is of order 1/n, gamma_n^i of order n^(-1/2), and one-step errors are of order n^(-a)",
)


def _rate(
    key: str,
    title: str,
    statement: str,
    expr: Formula,
    params: tuple[Param, ...],
    rate: Rate,
    *more: Assumption,
) -> Result:
    return Result(
        key=key,
        title=title,
        statement=statement,
        quantity=f"|gap|, {_UP_TO_A_CONSTANT}",
        kind=Kind.RATE,
        mode=Mode.HIGH_PROBABILITY,
        expr=expr,
        params=params,
        assumptions=(BOUNDED_LOSS, STABLE_LEARNER, FIXED.assumption, *more),
        rates=(rate,),
        source=_RATE_SOURCE,
        proof="proof-generalization-rates",
    )


RATES = (
    _rate(
        "paper/stl-theorem-1",
        "The published generalization bound",
        "With probability at least 1 - delta, |gap| is at most of the order of M eps S_i(alpha)(1-alpha) "
        "+ M sqrt(log(1/delta)/n) + (beta_n + M gamma_n^i) log(n) log(1/delta).",
        _published,
        (N, ALPHA, I, RANGE, BETA, GAMMA, EPS, DELTA),
        Rate(wrt="beta_n", to=0, leading=lambda: _published().subs(beta_n, 0)),
    ),
    _rate(
        "paper/stl-in-context",
        "The published order for transformers in context",
        "With beta_n of order 1/n, gamma_n of order n^(-1/2) and one-step errors of order n^(-a), a <= 1/2, as for "
        "transformers in context, with probability at least 1 - delta |gap| is at most of the order of "
        "n^(-a) S_i(alpha)(1-alpha) + n^(-1/2) log(n) log(1/delta); for constant alpha and fixed i it vanishes.",
        _in_context,
        (N_VARIANCE, MIXED, I, _ORDER, DELTA),
        Rate(wrt="delta", to=1, leading=lambda: n ** (-a) * geometric_sum(alpha, i) * (1 - alpha)),
        _ORDERS,
    ),
)

RESULTS = (
    *GENERAL,
    *INSTANCES,
    *generalization_smoothed.RESULTS,
    *generalization_probability.RESULTS,
    *generalization_second_order.RESULTS,
    *RATES,
)
