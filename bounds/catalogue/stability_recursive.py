"""Recursive stability: how much one real point changes the synthetic points of generation i (theory: section 5)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..functions import complement_power, geometric_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result
from ..symbols import ALPHA, LAM, REAL_COUNT, SIGMA, SYNTHETIC_COUNT, I, K, N, alpha, i, lam, n, root, sigma
from .schedules import EXPAND, FIXED
from .stability_setting import (
    ANY_SMOOTHING,
    CATEGORICAL_FIT,
    DIVERGENCE,
    DIVERGENCE_LATER,
    MOVE,
    RECURSIVE,
    REUSED,
    SMALL_SPACE,
    SMOOTHING,
    Delta,
    average,
    categorical_divergence,
    coupled,
    kappa,
    kappa_N,
    omega,
    synthetic_count,
)

_GAMMA = (
    "gamma_n^i = TV of the laws of the synthetic points of generation i given two real samples that differ in one "
    "reused point, at most, in [0, 1]"
)
_OTHER = _GAMMA.replace("one reused point", "one point that is not reused")
_AVERAGE = (
    "TV of the laws of the synthetic points of generation i given two real samples that differ in one reused point, "
    "on average over the samples, in [0, 1]"
)
_ADDED = replace(LAM, typical=(1.0, 4.0))
_UNUSED = replace(ALPHA, domain=sp.Interval.Ropen(0, 1), typical=(0.0, 0.1, 0.5))
_CLOSE_FITS = Assumption(
    key="close-fits",
    text="fits of two training sets of the size of the loop's that differ in one point have a Kullback-Leibler "
    "divergence of at most kappa, for every seed of a randomised fit",
)
_CLOSE_FITS_EXPAND = Assumption(
    key="close-fits",
    text="fits of two sets of n points that differ in one point have a Kullback-Leibler divergence of at most kappa, "
    "and of two sets of (1+lam) n points at most kappa_N, for every seed of a randomised fit",
)
_MEAN_FIT = Assumption(
    key="gaussian-mean-fit", text="every generation is N(mean of its training set, sigma^2), sigma known"
)
_BOUNDED_MOVE = Assumption(key="bounded-move", text="replacing a real point moves it by at most Delta")


def _capped(expr: sp.Expr) -> sp.Expr:
    return sp.Min(1, expr, evaluate=False)


def _recursive(
    name: str, title: str, statement: str, expr: Formula, params: tuple[Param, ...], rate: Rate, **fields: object
) -> Result:
    defaults = {
        "quantity": _GAMMA,
        "kind": Kind.UPPER,
        "mode": Mode.SURE,
        "conditions": (REAL_COUNT,),
        "source": RECURSIVE,
        "proof": "proof-recursive-composition",
    }
    return Result(
        key=f"recursive-stability/{name}",
        title=title,
        statement=statement,
        expr=expr,
        params=params,
        rates=(rate,),
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def _fixed() -> sp.Expr:
    return root(i * synthetic_count() * kappa / 2)


def _not_reused() -> sp.Expr:
    return root(synthetic_count() * kappa / 2)


def _expand() -> sp.Expr:
    return root(lam * n * (kappa + (i - 1) * kappa_N) / 2)


COMPOSITION = (
    _recursive(
        "composition/fixed",
        "Recursive stability by composition: fixed",
        "gamma_n^i <= min(1, sqrt(i (1-alpha) n kappa/2)): divergences of the generations add up.",
        lambda: _capped(_fixed()),
        (N, REUSED, I, DIVERGENCE),
        Rate(wrt="kappa", to=0, leading=_fixed),
        assumptions=(_CLOSE_FITS, FIXED.assumption),
    ),
    _recursive(
        "composition/not-reused",
        "Recursive stability by composition: a point that is not reused",
        "At most min(1, sqrt((1-alpha) n kappa/2)) in every generation: only generation 1 sees the point.",
        lambda: _capped(_not_reused()),
        (N, _UNUSED, DIVERGENCE),
        Rate(wrt="kappa", to=0, leading=_not_reused),
        quantity=_OTHER,
        assumptions=(_CLOSE_FITS, FIXED.assumption),
    ),
    _recursive(
        "composition/expand",
        "Recursive stability by composition: expand",
        "gamma_n^i <= min(1, sqrt(lam n (kappa + (i-1) kappa_N)/2)).",
        lambda: _capped(_expand()),
        (N, _ADDED, I, DIVERGENCE, DIVERGENCE_LATER),
        Rate(wrt="kappa_N", to=0, leading=lambda: root(lam * n * kappa / 2)),
        conditions=(SYNTHETIC_COUNT,),
        assumptions=(_CLOSE_FITS_EXPAND, EXPAND.assumption),
    ),
)


def _erf_slope(x: sp.Expr) -> sp.Expr:
    return 2 * x / root(sp.pi)


def _mean_argument() -> sp.Expr:
    ratio = geometric_sum(alpha, i) / (1 + complement_power(alpha, i))
    return Delta / sigma * root(synthetic_count() * (2 - alpha) * ratio / 8) / n


def _limit_argument() -> sp.Expr:
    return Delta / sigma * root(synthetic_count() * (2 - alpha) / (8 * alpha)) / n


def _other_argument() -> sp.Expr:
    spread = synthetic_count() / (8 * geometric_sum(alpha * (2 - alpha), i))
    return Delta / sigma * complement_power(alpha, i - 1) * root(spread) / n


def _mean(
    name: str, title: str, statement: str, argument: Formula, params: tuple[Param, ...], **more: object
) -> Result:
    return _recursive(
        f"gaussian-mean{name}",
        title,
        statement,
        lambda: sp.erf(argument()),
        (N, *params, SIGMA, MOVE),
        Rate(wrt="n", to=sp.oo, leading=lambda: _erf_slope(argument())),
        kind=Kind.EQUALITY,
        assumptions=(_MEAN_FIT, _BOUNDED_MOVE, FIXED.assumption),
        proof="proof-recursive-gaussian",
        **more,
    )


GAUSSIAN_MEAN = (
    _mean(
        "",
        "Recursive stability of the Gaussian mean",
        "The synthetic points are jointly normal given the real ones, so that gamma_n^i is exact.",
        _mean_argument,
        (REUSED, I),
    ),
    _mean(
        "/limit",
        "Recursive stability of the Gaussian mean in the long run",
        "gamma_n^i increases to this limit, below 1, as i grows.",
        _limit_argument,
        (REUSED,),
        quantity=_GAMMA.replace("gamma_n^i =", "sup over i of gamma_n^i =").replace("generation i given", "it given"),
    ),
    _mean(
        "/not-reused",
        "Recursive stability of the Gaussian mean: a point that is not reused",
        "Only generation 1 sees the point, and later generations forget it.",
        _other_argument,
        (_UNUSED, I),
        quantity=_OTHER,
    ),
)


def _categorical() -> sp.Expr:
    return root(i * synthetic_count() * categorical_divergence() / 2)


def _small_categorical() -> sp.Expr:
    return (1 - omega) * root(synthetic_count() * K / (2 * omega)) / n


def _small_coupled() -> sp.Expr:
    forgotten = geometric_sum(alpha + omega * (1 - alpha), i)
    return _small_categorical() * sp.Min(root(i), forgotten, evaluate=False)


_LOOP = (N, REUSED, I, SMALL_SPACE, SMOOTHING)
_FIT = (CATEGORICAL_FIT, FIXED.assumption)
CATEGORICAL = (
    _recursive(
        "categorical/divergence",
        "Divergence of two smoothed empirical distributions",
        "At most c log(1 + c K/omega), c = (1-omega)/n, and so at most K (1-omega)^2/(omega n^2); "
        "attained if two atoms occur in no other point.",
        categorical_divergence,
        (N, SMALL_SPACE, SMOOTHING),
        Rate(wrt="n", to=sp.oo, leading=lambda: K * (1 - omega) ** 2 / (omega * n**2)),
        quantity="kappa_n: KL divergence of the fits of two sets of n points that differ in one point, in nats",
        conditions=(),
        assumptions=(CATEGORICAL_FIT,),
        proof="proof-recursive-categorical",
    ),
    _recursive(
        "categorical",
        "Recursive stability of smoothed frequencies, by composition",
        "gamma_n^i <= min(1, sqrt(i (1-alpha) n kappa_n/2)) <= (1-omega) sqrt(i (1-alpha) K/(2 omega n)).",
        lambda: _capped(_categorical()),
        _LOOP,
        Rate(wrt="n", to=sp.oo, leading=lambda: root(i) * _small_categorical()),
        assumptions=_FIT,
        proof="proof-recursive-categorical",
    ),
    _recursive(
        "categorical-coupled",
        "Recursive stability of smoothed frequencies, by coupling: bounded in i",
        "gamma_n^i <= min(1, sqrt((1-alpha) n kappa_n/2) min(sqrt(i), S_i(a'))), 1 - a' = (1-alpha)(1-omega).",
        coupled,
        _LOOP,
        Rate(wrt="n", to=sp.oo, leading=_small_coupled),
        assumptions=_FIT,
        proof="proof-recursive-coupled",
    ),
    _recursive(
        "categorical-average",
        "Recursive stability of frequencies on average over the real points",
        "At most min(1, sqrt(2 log(2) i (1-alpha)(1-omega) K/(alpha n))), without smoothing too.",
        lambda: _capped(average()),
        (*_LOOP[:-1], ANY_SMOOTHING),
        Rate(wrt="n", to=sp.oo, leading=average),
        quantity=_AVERAGE,
        mode=Mode.EXPECTATION,
        assumptions=_FIT,
        proof="proof-recursive-average",
    ),
)

RESULTS = (*COMPOSITION, *GAUSSIAN_MEAN, *CATEGORICAL)
