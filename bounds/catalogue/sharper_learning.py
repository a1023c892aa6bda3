"""Sharper stability of penalised learning, and the gap in the loop by its second order with high probability."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import DELTA, REAL_COUNT, SIGMA, I, K, N, alpha, delta, i, lam, n, root, s, sigma
from .discrete_moments import REAL_START
from .generalization_probability import SEVERAL
from .generalization_second_order import _CURVED, SMOOTHNESS
from .generalization_smoothed import FAR_ENOUGH
from .schedules import EXPAND, FIXED, INFLUENCE, ScheduleFormulas
from .stability import _BETA, _LOGISTIC, _LOGISTIC_DATA
from .stability_recursive import _AVERAGE, _FIT, _LOOP, _recursive
from .stability_setting import (
    ANY_SMOOTHING,
    CATEGORICAL_FIT,
    LIPSCHITZ,
    MIXED,
    RANGE,
    RECURSIVE,
    REUSED,
    RIDGE,
    RIDGE_DATA,
    RIDGE_LEARNER,
    L,
    M,
    mu,
    omega,
    ridge_norm,
    ridge_range,
    smoothed_sum,
    synthetic_count,
    u,
)

_REPLACED = Source(
    bib="bousquet2002",
    locator="stability of regularised learning",
    note="sharper than 2 L^2/(mu n) with the same assumptions; constant and proof ours",
)


def _widest(ratio: sp.Expr) -> sp.Expr:
    """Return the largest √(1−q²)(1 + ratio q) over 0 ≤ q ≤ 1."""
    q = 2 * ratio / (1 + root(1 + 8 * ratio**2))
    return root((1 - q) * (1 + q)) * (1 + ratio * q)


def _ridge() -> sp.Expr:
    norm = ridge_norm()
    apart = sp.Max(2 * _widest(norm), norm + sp.Rational(3, 2), 2 * norm, evaluate=False)
    return apart * (1 + norm) / (mu * n)


def _logistic_norm() -> sp.Expr:
    return sp.Min(root(sp.Rational(557, 2000) / mu), 1 / (mu + root(mu * (1 + mu))), evaluate=False)


def _logistic() -> sp.Expr:
    norm = _logistic_norm()
    slope = 1 / (1 + sp.exp(-norm))
    return sp.Min(_widest(norm / 2), 2 * slope, evaluate=False) * slope / (mu * n)


def _learner(name: str, title: str, statement: str, expr: Formula, rate: Rate, **fields: object) -> Result:
    defaults = {"quantity": _BETA, "params": (N, RIDGE), "assumptions": (_LOGISTIC_DATA, _LOGISTIC)}
    return Result(
        key=f"stability/erm/{name}",
        title=title,
        statement=statement,
        expr=expr,
        kind=Kind.UPPER,
        mode=Mode.SURE,
        rates=(rate,),
        source=_REPLACED,
        proof="proof-sharper-stability",
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


STABILITY = (
    _learner(
        "ridge/plane",
        "Stability of ridge regression, from the distance of two gradients",
        "beta_n <= (1+B) max(2 sqrt(1-q^2)(1 + B q), B + 3/2, 2 B)/(mu n), q = 2B/(1 + sqrt(1 + 8 B^2)), B the largest "
        "norm of the weights.",
        _ridge,
        Rate(wrt="mu", to=sp.oo, leading=lambda: 2 / (mu * n)),
        assumptions=(RIDGE_DATA, RIDGE_LEARNER),
    ),
    _learner(
        "logistic/plane",
        "Stability of penalised logistic regression, from the distance of two gradients",
        "beta_n <= min(sqrt(1-q^2)(1 + r q/2), 2 S) S/(mu n), S = 1/(1 + e^-r), q = r/(1 + sqrt(1 + 2 r^2)), "
        "r = min(sqrt(0.2785/mu), 1/(mu + sqrt(mu + mu^2))) the bound on the norm of the weights.",
        _logistic,
        Rate(wrt="mu", to=sp.oo, leading=lambda: 1 / (2 * mu * n)),
    ),
    _learner(
        "logistic/norm/first-order",
        "Largest norm of the logistic weights, from the first-order condition",
        "||w|| <= r = min(sqrt(0.2785/mu), 1/(mu + sqrt(mu + mu^2))).",
        _logistic_norm,
        Rate(wrt="mu", to=sp.oo, leading=lambda: 1 / (2 * mu)),
        quantity="norm of the weights",
        params=(RIDGE,),
    ),
)


def _second_order(smoothness: sp.Expr, slope: sp.Expr, length: sp.Expr) -> sp.Expr:
    spread = root(INFLUENCE["fixed"].xreplace({i: i + 1}))
    bias = (1 - alpha) * omega * smoothed_sum() * u
    deviation = spread * root((sp.log(3) - sp.log(delta)) / 2)
    gradient = slope * (2 * bias + spread + 2 * deviation)
    return length * (bias + deviation) + (2 * mu + smoothness) / (2 * mu**2) * gradient**2


_BOTH = Source(
    bib="fu2025stl",
    locator="general generalization bound for self-consuming loops",
    note="the source bounds the gap by stability; this bound by the second order of the risk and its proof are ours",
)
_PROBABLE = "With probability at least 1 - delta over all draws, |gap| <= M (b + tau e) + (2 mu + s)/(2 mu^2) L^2 "
_PROBABLE += "(2 b + tau + 2 tau e)^2, e = sqrt(log(3/delta)/2), b = (1-alpha) omega S_i(a') u the shift of the mean "
_PROBABLE += "frequencies, 1 - a' = (1-alpha)(1-omega), tau^2 the influence sum of generation i+1"
_GAP = "|gap| of the learner of generation i+1, gap = real risk minus training error, in the unit of the loss"
_AT_MINIMISER = "at the minimiser of the penalised real risk"


def _probable(key: str, title: str, statement: str, expr: Formula, **fields: object) -> Result:
    return Result(
        key=f"generalization/{key}",
        title=title,
        statement=statement,
        quantity=_GAP,
        kind=Kind.UPPER,
        mode=Mode.HIGH_PROBABILITY,
        expr=expr,
        conditions=(REAL_COUNT,),
        source=_BOTH,
        proof="proof-sharper-gap",
        **fields,  # type: ignore[arg-type]
    )


def _at(param: Param) -> Param:
    return replace(param, meaning=f"{param.meaning} {_AT_MINIMISER}")


_SIZES = (N, replace(MIXED, domain=REUSED.domain), I, ANY_SMOOTHING, FAR_ENOUGH, RIDGE)
PROBABLE = (
    _probable(
        "high-probability-second-order",
        "Generalization in the loop with high probability, by its second order",
        _PROBABLE + ".",
        lambda: _second_order(s, L, M),
        params=(*_SIZES, SMOOTHNESS, _at(LIPSCHITZ), _at(RANGE), DELTA),
        assumptions=(CATEGORICAL_FIT, REAL_START, _CURVED, FIXED.assumption),
        rates=(Rate(wrt="M", to=sp.oo, leading=lambda: _second_order(sp.S.Zero, sp.S.Zero, M)),),
    ),
    _probable(
        "categorical-ridge/second-order",
        "Generalization of ridge regression in a loop of frequencies, by its second order",
        _PROBABLE + ", with s = 1, L = 1 + B and M = (1 + B)^2/2, B the largest norm of the weights.",
        lambda: _second_order(sp.S.One, 1 + ridge_norm(), ridge_range()),
        params=(*_SIZES, DELTA),
        assumptions=(RIDGE_DATA, RIDGE_LEARNER, CATEGORICAL_FIT, REAL_START, FIXED.assumption),
    ),
)

_MEAN_LABEL = Assumption(
    key="mean-label",
    text="the model answers with the mean label of its context, as one layer of uniform attention does, and is paid "
    "half the squared error",
)
_NORMAL_LABELS = Assumption(
    key="normal-labels",
    text="real labels are N(c, sigma^2) whatever the input, and a synthetic label is the answer + N(0, sigma^2)",
)


def _mean_label(schedule: ScheduleFormulas, synthetic: Formula, rate: Rate) -> Result:
    def gap() -> sp.Expr:
        before = INFLUENCE[schedule.name]
        return sigma**2 * (before.xreplace({i: i + 1}) - synthetic() * before / 2)

    return Result(
        key=f"icl/mean-label/gap/{schedule.name}",
        title=f"Expected gap of a mean label in context: {schedule.name}",
        statement="E gap = sigma^2 (tau_{i+1}^2 - f tau_i^2/2), tau_i^2 = Var(mean label of generation i)/sigma^2, "
        "f the synthetic part of a training set: of order 1/n.",
        quantity="E gap of generation i+1: real risk minus error on its context, in the squared unit of the labels",
        kind=Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=gap,
        params=(*schedule.params, SIGMA),
        conditions=schedule.conditions,
        assumptions=(_MEAN_LABEL, _NORMAL_LABELS, schedule.assumption),
        rates=(rate,),
        source=Source(
            bib="fu2025stl",
            locator="transformers in in-context learning, trade-off in the amount of synthetic data",
            note="the source bounds the gap by stability, of order n^(-1/2); this value of it and its proof are ours",
        ),
        proof="proof-sharper-mean-label",
    )


MEAN_LABEL = (
    _mean_label(EXPAND, lambda: lam / (1 + lam), Rate(wrt="lam", to=sp.oo, leading=lambda: sigma**2 / (2 * n))),
    _mean_label(FIXED, lambda: 1 - alpha, Rate(wrt="alpha", to=1, leading=lambda: sigma**2 / n)),
)


def _average() -> sp.Expr:
    """Composition and coupling, both for points that do differ: with probability 1 − 1/K at most."""
    composed = root(2 * sp.log(2) * i * (1 - omega) / (alpha * n))
    coupled = smoothed_sum() * (1 - omega) / root(2 * n * (omega + sp.Rational(2, 5) * alpha * (1 - omega)))
    return (1 - 1 / K) * root(K * synthetic_count() / n) * sp.Min(composed, coupled, evaluate=False)


AVERAGE = _recursive(
    "categorical-average/coupled",
    "Recursive stability of frequencies on average over the real points, by coupling: bounded in i",
    "At most min(1, (1 - 1/K) sqrt(K (1-alpha)) min(sqrt(2 log(2) i (1-omega)/(alpha n)), (1-omega) S_i(a')/"
    "sqrt(2 n (omega + 2 alpha (1-omega)/5)))), 1 - a' = (1-alpha)(1-omega), without smoothing too.",
    lambda: sp.Min(1, _average(), evaluate=False),
    (*_LOOP[:-1], ANY_SMOOTHING),
    Rate(wrt="n", to=sp.oo, leading=_average),
    quantity=_AVERAGE,
    mode=Mode.EXPECTATION,
    conditions=(REAL_COUNT, SEVERAL),
    assumptions=_FIT,
    source=replace(RECURSIVE, note="notion of the source; sharper than composition alone; constants and proof ours"),
    proof="proof-sharper-average",
)

RESULTS = (*STABILITY, AVERAGE, *PROBABLE, *MEAN_LABEL)
