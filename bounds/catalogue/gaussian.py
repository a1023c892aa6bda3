"""Gaussian model: mean with known variance, mean and variance, weighted retraining (theory: section 3)."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..functions import c4_power, c4_power_complement, geometric_sum, log_chi_square_drift, student_tv
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import DIMENSION, N_VARIANCE, NATURAL, SIGMA, I, N, alpha, d, i, m, n, product, root, sigma, theta, w
from .discrete_moments import REAL_START
from .schedules import ACCUMULATE, EXPAND, FIXED, FRESH, INFLUENCE, REPLACE, STRATIFIED, ScheduleFormulas

GAUSSIAN_MEAN = Assumption(
    key="gaussian-mean",
    text="P = N(mean, sigma^2 I_d); a generation is N(average of its training set, sigma^2 I_d), sigma known",
)
GAUSSIAN = Assumption(
    key="gaussian-fit",
    text="P = N(mean, sigma^2); a generation is N(sample mean, unbiased sample variance) of its training set",
)
SOURCES = {
    "replace": Source(bib="shumailov2024", locator="Gaussian model", note="closed form in TV and proof ours"),
    "accumulate": Source(bib="gerstgrasser2024", locator="accumulating data", note="closed form and proof ours"),
    "stratified": Source(bib="alemohammad2024", locator="fresh data loop", note="closed form and proof ours"),
    "fresh": Source(bib="alemohammad2024", locator="fresh data loop", note="bound and proof ours"),
    "fixed": Source(bib="fu2025stl", locator="training with a fixed real set", note="closed form and proof ours"),
    "expand": Source(bib="fu2024tv", locator="amount of synthetic data", note="closed form and proof ours"),
}


def _fresh_variance() -> sp.Expr:
    """E||mean||²/(d σ²) under `fresh`, where the number of real points in a training set is random."""
    return geometric_sum(alpha * (2 - alpha - (1 - alpha) / n), i) / n


def _arctan(square: sp.Expr) -> sp.Expr:
    return product(2 / sp.pi, sp.atan(product(sp.S.Half, root(square)), evaluate=False))


def _form(square: sp.Expr, dimension: bool) -> sp.Expr:
    return student_tv(d, square) if dimension else _arctan(square)


def _first(square: sp.Expr, dimension: bool) -> sp.Expr:
    return student_tv(d, square) if dimension else product(1 / sp.pi, root(square))


def _mean(schedule: ScheduleFormulas, dimension: bool) -> Result:
    fresh = schedule is FRESH
    family = "gaussian-mean-d" if dimension else "gaussian-mean"
    relation = "is at most" if fresh else "equals"
    return Result(
        key=f"tv/{family}/{schedule.name}",
        title=f"Total variation of the Gaussian mean{' in d dimensions' if dimension else ''}: {schedule.name}",
        statement=f"E TV(P_i, P) {relation} the total variation averaged over a mean of variance tau_i^2 sigma^2.",
        quantity="e_i = E TV(P_i, P), in [0, 1]",
        kind=Kind.UPPER if fresh else Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=lambda: _form(_fresh_variance() if fresh else INFLUENCE[schedule.name], dimension),
        params=(*schedule.params, *((DIMENSION,) if dimension else ())),
        conditions=schedule.conditions,
        assumptions=(GAUSSIAN_MEAN, REAL_START, schedule.assumption),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _first(INFLUENCE[schedule.name], dimension)),),
        source=SOURCES[schedule.name],
        proof="proof-gaussian-fresh" if fresh else "proof-gaussian-mean",
    )


def _lower(schedule: ScheduleFormulas) -> Result:
    return Result(
        key=f"tv/gaussian-mean/lower/{schedule.name}",
        title=f"The Gaussian mean without fresh data never beats generation 1: {schedule.name}",
        statement="E TV(P_i, P) is at least E TV(P_1, P), for every i, whatever synthetic data are added.",
        quantity="e_i = E TV(P_i, P), in [0, 1]",
        kind=Kind.LOWER,
        mode=Mode.EXPECTATION,
        expr=lambda: _arctan(1 / n),
        params=(N,),
        assumptions=(GAUSSIAN_MEAN, REAL_START, schedule.assumption),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 1 / (sp.pi * root(n))),),
        source=Source(bib=SOURCES[schedule.name].bib, locator="reused real data", note="bound and proof ours"),
        proof="proof-gaussian-lower",
    )


THETA = Param(
    name="theta",
    symbol=theta,
    domain=sp.Interval.Lopen(0, 1),
    meaning="factor on the variance of synthetic draws (biased sampling)",
    typical=(0.5, 0.9, 1.0),
)
WEIGHT = Param(
    name="w",
    symbol=w,
    domain=sp.Interval.Lopen(0, 1),
    meaning="weight of the fresh real points in each fit",
    typical=(0.1, 0.6, 1.0),
)
SYNTHETIC = Param(
    name="m",
    symbol=m,
    domain=NATURAL,
    meaning="synthetic points per generation",
    typical=(10, 1000),
)


def _variance_model(
    key: str,
    title: str,
    statement: str,
    quantity: str,
    expr: Formula,
    params: tuple[Param, ...],
    rate: Rate,
    proof: str,
) -> Result:
    return Result(
        key=key,
        title=title,
        statement=statement,
        quantity=quantity,
        kind=Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=expr,
        params=params,
        assumptions=(GAUSSIAN, REAL_START, REPLACE.assumption),
        rates=(rate,),
        source=Source(bib="shumailov2024", locator="Gaussian model", note="exact form and proof ours"),
        proof=proof,
    )


COLLAPSE = (
    _variance_model(
        "gaussian/std-collapse",
        "The standard deviation collapses",
        "Under replace the mean standard deviation decays geometrically: E sigma_i = sigma c4(n)^i.",
        "E sigma_i, in the unit of the data",
        lambda: sigma * c4_power(n, i),
        (N_VARIANCE, I, SIGMA),
        Rate(wrt="n", to=sp.oo, leading=sigma),
        "proof-std-collapse",
    ),
    _variance_model(
        "gaussian/std-collapse/variance",
        "The mean variance does not change",
        "Under replace the unbiased variance is a martingale: E sigma_i^2 = sigma^2 for every i.",
        "E sigma_i^2, in the squared unit of the data",
        lambda: sigma**2,
        (SIGMA,),
        Rate(wrt="sigma", to=sp.oo, leading=lambda: sigma**2),
        "proof-std-collapse",
    ),
    _variance_model(
        "gaussian/std-collapse/log-variance",
        "The log variance drifts down",
        "Under replace E log(sigma_i^2/sigma^2) = i (psi((n-1)/2) - log((n-1)/2)), negative and linear in i.",
        "E log(sigma_i^2/sigma^2)",
        lambda: i * log_chi_square_drift(n),
        (N_VARIANCE, I),
        Rate(wrt="n", to=sp.oo, leading=lambda: -i / n),
        "proof-std-collapse",
    ),
    _variance_model(
        "gaussian/w2/replace",
        "Wasserstein distance under replace",
        "E W2^2(P_i, P) = sigma^2 (i/n + 2(1 - c4(n)^i)), to first order (3/2) sigma^2 i/n for i << n.",
        "E W2^2(P_i, P), in the squared unit of the data",
        lambda: sigma**2 * (i / n + 2 * c4_power_complement(n, i)),
        (N_VARIANCE, I, SIGMA),
        Rate(wrt="n", to=sp.oo, leading=lambda: sigma**2 * 3 * i / (2 * n)),
        "proof-w2",
    ),
)

BIASED = Result(
    key="gaussian/biased-sampling",
    title="Biased sampling shrinks the variance",
    statement="If synthetic draws have their variance shrunk by theta, E sigma_i^2 = theta^(i-1) sigma^2.",
    quantity="E sigma_i^2, in the squared unit of the data",
    kind=Kind.EQUALITY,
    mode=Mode.EXPECTATION,
    expr=lambda: theta ** (i - 1) * sigma**2,
    params=(I, THETA, SIGMA),
    assumptions=(
        GAUSSIAN,
        REAL_START,
        Assumption(
            key="biased-replace",
            text="generation i+1 is trained on n iid draws from N(mu_i, theta sigma_i^2)",
        ),
    ),
    rates=(Rate(wrt="theta", to=1, leading=lambda: sigma**2),),
    source=Source(bib="alemohammad2024", locator="sampling bias", note="exact form and proof ours"),
    proof="proof-biased-sampling",
)

_WEIGHTED_FIT = Assumption(
    key="weighted-fit",
    text="each generation averages n fresh real points with weight w and the synthetic points with weight 1-w",
)
_STATIONARY = "stationary Var(mu_i), in the squared unit of the data"


def _golden(key: str, title: str, statement: str, expr: Formula, params: tuple[Param, ...], rate: Rate) -> Result:
    return Result(
        key=key,
        title=title,
        statement=statement,
        quantity=_STATIONARY,
        kind=Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=expr,
        params=params,
        assumptions=(GAUSSIAN_MEAN, _WEIGHTED_FIT),
        rates=(rate,),
        source=Source(bib="he2025", locator="golden ratio weighting", note="proof ours"),
        proof="proof-golden-ratio",
    )


GOLDEN = (
    _golden(
        "gaussian/golden-ratio",
        "Weighted retraining with as many synthetic as real points",
        "The mean's stationary variance; smallest at w = (sqrt(5)-1)/2, where it is (sigma^2/n)(sqrt(5)-1)/2.",
        lambda: sigma**2 / n * (w**2 + (1 - w) ** 2) / (w * (2 - w)),
        (N, WEIGHT, SIGMA),
        Rate(wrt="w", to=0, leading=lambda: sigma**2 / (2 * n * w)),
    ),
    _golden(
        "gaussian/golden-ratio/general",
        "Weighted retraining with m synthetic points",
        "The mean's stationary variance with n fresh real and m synthetic points per generation.",
        lambda: sigma**2 * (w**2 / n + (1 - w) ** 2 / m) / (w * (2 - w)),
        (N, SYNTHETIC, WEIGHT, SIGMA),
        Rate(wrt="w", to=0, leading=lambda: sigma**2 / (2 * m * w)),
    ),
    _golden(
        "gaussian/golden-ratio/optimum",
        "The best weighted retraining",
        "With k = n/m the best weight is w* = (sqrt(k^2+4k) - k)/2, and the variance there is w* sigma^2/n.",
        lambda: sigma**2 / n * (2 / (1 + root(1 + 4 * m / n))),
        (N, SYNTHETIC, SIGMA),
        Rate(wrt="n", to=sp.oo, leading=lambda: sigma**2 / n),
    ),
)

_EQUAL = (REPLACE, ACCUMULATE, STRATIFIED, FIXED, EXPAND)
RESULTS = (
    *(_mean(schedule, dimension=False) for schedule in (*_EQUAL, FRESH)),
    *(_mean(schedule, dimension=True) for schedule in (*_EQUAL, FRESH)),
    *(_lower(schedule) for schedule in (REPLACE, FIXED, EXPAND, ACCUMULATE)),
    *COLLAPSE,
    BIASED,
    *GOLDEN,
)
