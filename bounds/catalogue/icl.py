"""Linear self-attention in context: exact risks of the loop, and total variation (theory: section 7)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula, Formulas
from ..functions import complement_power, geometric_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import (
    DIMENSION,
    NONNEGATIVE,
    POSITIVE,
    SIGMA,
    alpha,
    d,
    i,
    lam,
    n,
    product,
    root,
    sigma,
)
from . import icl_sizing
from .discrete_moments import REAL_START
from .schedules import EXPAND, FIXED, INFLUENCE, REPLACE, STRATIFIED, ScheduleFormulas

rho = sp.Symbol("rho", real=True)
SIGNAL = Param(
    name="rho", symbol=rho, domain=POSITIVE, meaning="norm of the true weights w (unit of y)", typical=(0.5, 1.0, 3.0)
)
NOISE = replace(SIGMA, domain=NONNEGATIVE, meaning="standard deviation of the noise in y (unit of y)")
SCHEDULES = (REPLACE, STRATIFIED, FIXED, EXPAND)

LINEAR_DATA = Assumption(
    key="linear-data",
    text="a point is (x, y), x ~ N(0, I_d), y = w.x + sigma times standard normal noise; a draw from P_j has w_j for w",
)
LINEAR_ATTENTION = Assumption(
    key="linear-attention",
    text="w_j = c (average of y x over the training set), with the best factor for n real points in every "
    "generation, c = 1/(1 + (d + 1 + d sigma^2/||w||^2)/n)",
)
LINEAR_ATTENTION_SIZES = replace(
    LINEAR_ATTENTION,
    text="w_j = c (average of y x over the training set), with the best factor for as many real points as the training "
    "set has, c = 1/(1 + (d + 1 + d sigma^2/||w||^2)/N), N = n in generation 1 and (1+lam) n later",
)
SOURCE = Source(
    bib="ahn2023", locator="one layer of linear self-attention", note="optimum of the source; loop and proof ours"
)


# With z = d + 1 + dσ²/||w||² the factor is c = n/(n+z), and without synthetic data the risk is (1−c)||w||².
def _noise() -> sp.Expr:
    return d * sigma**2 / rho**2


def _excess() -> sp.Expr:
    """Return z."""
    return d + 1 + _noise()


def _gap_mean(real: sp.Expr) -> sp.Expr:
    """Return x = 1 − c(1−α): what E ŵ_j forgets per generation."""
    return (real * n + _excess()) / (n + _excess())


def _gap_square(real: sp.Expr) -> sp.Expr:
    """1 − R, R = c²(1−α)(1−α+(d+1)/n): what E||ŵ_j||² forgets per generation."""
    gap = _gap_mean(real)
    return gap * (2 - gap) - (1 - real) * n * (d + 1) / (n + _excess()) ** 2


def _power_of_factor() -> sp.Expr:
    """c^i."""
    from sympy.codegen.cfunctions import log1p  # not needed to list the catalogue

    return sp.exp(-i * log1p(_excess() / n))


def _replace() -> sp.Expr:
    slow, fast = (geometric_sum(gap(sp.S.Zero), i) for gap in (_gap_mean, _gap_square))
    return _excess() / (n + _excess()) * (2 * slow - fast)


def _stratified() -> sp.Expr:
    slow, fast = (geometric_sum(gap(alpha), i) for gap in (_gap_mean, _gap_square))
    real, noise = alpha * n, _noise()
    mixed = _excess() / (n + _excess()) * (2 * noise / (real + noise) * slow + (real - noise) / (real + noise) * fast)
    return sp.Piecewise((_replace(), sp.Eq(alpha, 0)), (mixed, True))


def _fixed() -> sp.Expr:
    z, gap = _excess(), _gap_mean(alpha)
    decay, square = complement_power(_gap_square(alpha), i - 1), geometric_sum(_gap_square(alpha), i - 1)
    spread = (d + 1) / ((1 - alpha) * n + d + 1)
    other = (1 - alpha) * n * z / (alpha * n + z) * spread * geometric_sum(spread, i - 1)
    drawn = alpha * n * (d + 1) / (alpha * n + z) + _noise()
    late = (1 - alpha) * n / (n + z) ** 2 * ((other + z) * decay + drawn * square)
    return z / (n + z) * geometric_sum(gap, i) * (1 - complement_power(gap, i)) + late


def _expand() -> sp.Expr:
    z, share = _excess(), 1 / (1 + lam)
    size = n + share * z  # in units of 1 + λ, so that it is finite where λn is not
    gap = share * (n + z) / size
    square = gap * (2 - gap) - (1 - share) * share * n * (d + 1) / size**2
    drawn = share * (n * (d + 1) / (n + z) + _noise()) / size
    return z / (n + z) + (1 - gap) * drawn * geometric_sum(square, i - 1)


RISK = Formulas(replace=_replace, stratified=_stratified, fixed=_fixed, expand=_expand)
"""E||ŵ_i − w||²/||w||² of every schedule."""


def _factor() -> sp.Expr:
    return 1 / (1 + _excess() / n)


def _mixed_mean() -> sp.Expr:
    return _power_of_factor() * complement_power(alpha, i) + alpha * _factor() * geometric_sum(_gap_mean(alpha), i)


MEAN = Formulas(replace=_power_of_factor, stratified=_mixed_mean, fixed=_mixed_mean, expand=_factor)
"""E⟨ŵ_i, w⟩/||w||² of every schedule."""


def _second_moment() -> sp.Expr:
    """R^i + c²(dσ²/(n||w||²)) S_i(1−R) with R = c²(1+(d+1)/n)."""
    from sympy.codegen.cfunctions import log1p

    kept = sp.exp(i * (log1p((d + 1) / n) - 2 * log1p(_excess() / n)))
    return kept + _factor() * _noise() / (n + _excess()) * geometric_sum(_gap_square(sp.S.Zero), i)


def _first_order(schedule: ScheduleFormulas) -> sp.Expr:
    """Risk to first order: as of a mean, with (d+1)||w||² + dσ² for the variance of one point."""
    return ((d + 1) * rho**2 + d * sigma**2) * INFLUENCE[schedule.name]


def _linear(
    key: str, schedule: ScheduleFormulas, title: str, statement: str, expr: Formula, **fields: object
) -> Result:
    attention = LINEAR_ATTENTION_SIZES if schedule is EXPAND else LINEAR_ATTENTION
    defaults = {
        "kind": Kind.EQUALITY,
        "params": (*schedule.params, DIMENSION, NOISE, SIGNAL),
        "proof": f"proof-icl-linear-{schedule.name}",
    }
    return Result(
        key=f"{key}/{schedule.name}",
        title=f"{title}: {schedule.name}",
        statement=statement,
        mode=Mode.EXPECTATION,
        expr=expr,
        conditions=schedule.conditions,
        assumptions=(LINEAR_DATA, attention, REAL_START, schedule.assumption),
        source=SOURCE,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


_STATEMENTS = {
    "replace": "Without real data it grows beyond ||w||^2 as i grows: the weights forget w, only their noise is left.",
    "stratified": "Fresh real points keep the risk bounded, of the order d/n at constant alpha.",
    "fixed": "Reused real points keep the risk bounded, of the order d/n at constant alpha.",
    "expand": "Synthetic points raise the risk above that of generation 1, by an amount that is 0 for lam = 0 and "
    "tends to 0 as lam grows.",
}


def _risk(schedule: ScheduleFormulas) -> Result:
    return _linear(
        "icl/linear-attention",
        schedule,
        "Risk of linear attention in context",
        f"E||w_i - w||^2 is exactly this. {_STATEMENTS[schedule.name]}",
        lambda: rho**2 * RISK[schedule.name],
        quantity="E||w_i - w||^2, also E(w_i.x - w.x)^2 for a new x (squared unit of y)",
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _first_order(schedule)),),
    )


def _mean(schedule: ScheduleFormulas) -> Result:
    collapse = "c^i, which falls to 0" if schedule is REPLACE else "bounded away from 0 in i"
    return _linear(
        "icl/linear-attention/mean",
        schedule,
        "What linear attention keeps of the true weights",
        f"E w_i = (this) w: {collapse if schedule is not EXPAND else 'c in every generation'}.",
        lambda: MEAN[schedule.name],
        quantity="E<w_i, w>/||w||^2",
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: sp.S.One),),
    )


SECOND_MOMENT = _linear(
    "icl/linear-attention/second-moment",
    REPLACE,
    "Squared norm of the weights of linear attention",
    "Without real data E||w_i||^2 falls from about ||w||^2 to what the noise alone keeps up.",
    lambda: rho**2 * _second_moment(),
    quantity="E||w_i||^2 (squared unit of y)",
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: rho**2),),
)


def _distance(schedule: ScheduleFormulas) -> Result:
    return _linear(
        "icl/tv",
        schedule,
        "Total variation of linear attention in context",
        "E TV(P_i, P) <= (2/pi) arctan(sqrt(E||w_i - w||^2)/(2 sigma)); equality for a risk that is not random.",
        lambda: product(2 / sp.pi, sp.atan(rho / (2 * sigma) * root(RISK[schedule.name]), evaluate=False)),
        quantity="e_i = E TV(P_i, P), in [0, 1]",
        kind=Kind.UPPER,
        params=(*schedule.params, DIMENSION, replace(NOISE, domain=POSITIVE), SIGNAL),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: root(_first_order(schedule)) / (sp.pi * sigma)),),
        proof="proof-icl-tv",
    )


RESULTS = (
    *(_risk(schedule) for schedule in SCHEDULES),
    *(_mean(schedule) for schedule in SCHEDULES),
    SECOND_MOMENT,
    *(_distance(schedule) for schedule in SCHEDULES),
    icl_sizing.SIZING,
)
