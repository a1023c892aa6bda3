"""Generalization in the loop with high probability over the reused real points (theory: section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import sympy as sp

from ..deferred import Formula
from ..result import Assumption, Condition, Kind, Mode, Param, Rate, Result, Source
from ..symbols import DELTA, REAL_COUNT, UNIT, I, N, alpha, delta, n, root
from .generalization_smoothed import FAR_ENOUGH
from .schedules import FIXED
from .stability_setting import (
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
    M,
    beta_n,
    categorical_shift,
    coupled,
    gamma_n,
    omega,
    ridge_range,
    ridge_stability,
    smoothed_sum,
    tv,
)

nu, q = sp.symbols("nu q", real=True)
LARGEST = 2**40

INFLUENCE = Param(
    name="nu",
    symbol=nu,
    domain=UNIT,
    meaning="largest change of E[TV(P_i, P) | reused points] when one of them is replaced",
    typical=(0.0, 0.002),
)
MOMENT = Param(name="q", symbol=q, domain=sp.Interval(2, sp.oo), meaning="order of the moment", typical=(2, 4.5, 10))
COUNTED = replace(N, domain=sp.Range(1, LARGEST + 1), typical=(50, 1000, 100_000))
SEVERAL = Condition(text="alpha*n must be at least 2", expr=lambda: alpha * n - sp.Rational(3, 2), integer=False)
SMALL_DELTA = replace(DELTA, domain=sp.Interval.Lopen(0, sp.Rational(1, 3)))

_ONE_SIDED = "gap averaged over all but the reused points: real risk minus training error, in the unit of the loss"
_TWO_SIDED = f"absolute value of the {_ONE_SIDED}"
_INFLUENCE = Assumption(
    key="bounded-influence",
    text="replacing one reused point moves E[TV(P_i, P) | reused points] by at most nu; "
    "S_i(alpha)/n will do if a fit is a Markov kernel applied to the empirical distribution of its training set",
)
_MCDIARMID = Source(
    bib="mcdiarmid1989", locator="bounded differences inequality", note="applied to the loop here; bound and proof ours"
)
_BOUSQUET = Source(
    bib="bousquet2020",
    locator="Theorem 4 and Lemma 1",
    note="the source's constants, applied to the loop here; a sharper form is proved in the book",
)
_CHEBYSHEV = Source(
    bib="bousquet2002", locator="polynomial bounds", note="second moment of the sum and its constants ours"
)
_RIO = Source(bib="rio2009", locator="moment inequality for martingales", note="applied to the loop here; proof given")

Part: TypeAlias = tuple[sp.Expr, sp.Expr, sp.Expr, sp.Expr, sp.Expr]
Form: TypeAlias = Callable[[Part], sp.Expr]


def _general() -> Part:
    """M, β, β + Mγ, bound on e_i, influence."""
    return M, beta_n, beta_n + M * gamma_n, tv, nu


def _ridge() -> Part:
    length, stability = ridge_range(), ridge_stability()
    influence = (1 - omega) * smoothed_sum() / n
    return length, stability, stability + length * coupled(), categorical_shift(), influence


def _log() -> sp.Expr:
    return -sp.log(delta)


def _deviation(part: Part) -> sp.Expr:
    """Bounded differences of the real and of the synthetic part, each point's together."""
    length, stability, beta, shift, influence = part
    mean = (1 - alpha) * (length * shift + stability) + alpha * beta
    difference = 2 * alpha * beta + length / n + (1 - alpha) * length * influence
    return mean + difference * root(alpha * n * _log() / 2)


def _centre(part: Part) -> sp.Expr:
    """Bound on the absolute gap before the deviation of the two centred parts is added."""
    length, stability, beta, shift, _ = part
    return (1 - alpha) * (length * shift + stability) + 2 * alpha * beta


def _moment(part: Part) -> sp.Expr:
    length, _, beta, _, influence = part
    count, log = alpha * n, 1 + _log()
    halvings = sp.ceiling(sp.log(count - sp.S.Half) / sp.log(2))  # the rounded-up binary logarithm of a whole count
    real = 24 * root(2) * beta * halvings * log + 4 * length * root(log / count)
    synthetic = length * influence * root(count * log)
    return _centre(part) + sp.E * (alpha * real + (1 - alpha) * synthetic)


def _variance(part: Part) -> sp.Expr:
    length, _, beta, _, influence = part
    real = root(length**2 / (4 * alpha * n) + beta**2)
    synthetic = length * influence * root(alpha * n) / 2
    return _centre(part) + (alpha * real + (1 - alpha) * synthetic) / root(delta)


def _rio(part: Part) -> sp.Expr:
    length, _, beta, _, influence = part
    count = alpha * n
    real = 2 * beta * (q - 1) * (sp.log(count) / sp.log(2) + sp.Rational(1, 6)) + length * root((q - 1) / count)
    synthetic = length * influence * root((q - 1) * count)
    return _centre(part) + delta ** (-1 / q) * (alpha * real + (1 - alpha) * synthetic)


def _free() -> sp.Expr:
    beta = beta_n + M * gamma_n
    mean = beta_n + alpha * M * gamma_n + (1 - alpha) * M * tv
    return mean + (2 * beta + M / n) * root(alpha * n * _log() / 2)


_LEARNER = (BOUNDED_LOSS, STABLE_LEARNER, FIXED.assumption)
_LOOP = (N, REUSED, RANGE, BETA, GAMMA, SHIFT)
_SIZES = (replace(MIXED, domain=REUSED.domain), I, SMALL_SPACE, SMOOTHING, RIDGE, FAR_ENOUGH)
_INSTANCE = (RIDGE_DATA, RIDGE_LEARNER, CATEGORICAL_FIT, FIXED.assumption)


def _bound(key: str, title: str, statement: str, expr: Formula, **fields: object) -> Result:
    defaults = {
        "quantity": _TWO_SIDED,
        "kind": Kind.UPPER,
        "mode": Mode.HIGH_PROBABILITY,
        "params": (*_LOOP, INFLUENCE, DELTA),
        "conditions": (REAL_COUNT,),
        "assumptions": (*_LEARNER, _INFLUENCE),
        "rates": (Rate(wrt="beta_n", to=0, leading=lambda: expr().subs(beta_n, 0)),),
    }
    return Result(
        key=f"generalization/{key}",
        title=title,
        statement=f"With probability at least 1 - delta over the reused points, {statement}",
        expr=expr,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


_DIFFERENCES = "by bounded differences: the mean of the gap, plus (sum of differences) sqrt(alpha n log(1/delta)/2)."
_MOMENTS = "with b = beta_n + M gamma_n and N = alpha n, by moments of a sum of nearly independent terms: "
_FORMS: tuple[tuple[str, str, Form, str, dict[str, object]], ...] = (
    (
        "mcdiarmid",
        "bounded differences",
        _deviation,
        f"the gap is bounded {_DIFFERENCES}",
        {"quantity": _ONE_SIDED, "source": _MCDIARMID, "proof": "proof-generalization-mcdiarmid"},
    ),
    (
        "moment",
        "moments, published constants",
        _moment,
        f"the absolute gap is bounded, {_MOMENTS}24 sqrt(2) e b ceil(log2 N) log(e/delta) + 4 e M sqrt(log(e/delta)/N) "
        "and more; far above M for every sample size in practice.",
        {"source": _BOUSQUET, "proof": "proof-generalization-moment"},
    ),
    (
        "variance",
        "second moments",
        _variance,
        f"the absolute gap is bounded, {_MOMENTS}sqrt((M^2/(4N) + b^2)/delta) and more.",
        {"source": _CHEBYSHEV, "proof": "proof-generalization-variance"},
    ),
    (
        "rio",
        "moments of any order",
        _rio,
        f"the absolute gap is bounded, {_MOMENTS}delta^(-1/q) (2 b (q-1) (log2 N + 1/6) + M sqrt((q-1)/N)) and more, "
        "for every order q >= 2.",
        {"source": _RIO, "proof": "proof-generalization-moment"},
    ),
)
_EXTRA: dict[str, dict[str, object]] = {
    "moment": {"params": (COUNTED, *_LOOP[1:], INFLUENCE, SMALL_DELTA), "conditions": (REAL_COUNT, SEVERAL)},
    "rio": {"params": (*_LOOP, INFLUENCE, MOMENT, DELTA)},
}
_RIDGE_EXTRA: dict[str, dict[str, object]] = {
    "moment": {"params": (COUNTED, *_SIZES, SMALL_DELTA), "conditions": (REAL_COUNT, SEVERAL)},
    "rio": {"params": (N, *_SIZES, MOMENT, DELTA)},
}


def _both(name: str, how: str, form: Form, statement: str, fields: dict[str, object]) -> tuple[Result, Result]:
    """Return the general result and the one with every constant of the ridge learner filled in."""
    general = _bound(
        f"high-probability-{name}",
        f"Generalization in the loop with high probability, by {how}",
        statement,
        lambda: form(_general()),
        **{**fields, **_EXTRA.get(name, {})},
    )
    ridge = {"params": (N, *_SIZES, DELTA), "assumptions": _INSTANCE, "rates": ()}
    instance = _bound(
        f"categorical-ridge/{name}",
        f"Generalization of ridge regression in a loop of smoothed frequencies, by {how}",
        statement,
        lambda: form(_ridge()),
        **{**fields, **ridge, **_RIDGE_EXTRA.get(name, {})},
    )
    return general, instance


FREE = _bound(
    "high-probability-mcdiarmid/any-model",
    "Generalization in the loop with high probability, for every model",
    "gap <= (bound on its mean) + (2 (beta_n + M gamma_n) + M/n) sqrt(alpha n log(1/delta)/2).",
    _free,
    quantity=_ONE_SIDED,
    params=(*_LOOP, DELTA),
    assumptions=_LEARNER,
    source=_MCDIARMID,
    proof="proof-generalization-mcdiarmid",
)
_PAIRS = tuple(_both(*form) for form in _FORMS)
RESULTS = (FREE, *(general for general, _ in _PAIRS), *(instance for _, instance in _PAIRS))
