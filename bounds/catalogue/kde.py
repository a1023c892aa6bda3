"""Kernel density estimation with a Gaussian kernel: one-step terms and triangle bounds (theory: section 4)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..functions import geometric_sum
from ..kde_functions import gaussian_bias, spread_sum, torus_roughness
from ..result import Assumption, Kind, Mode, Rate, Result
from ..symbols import ALPHA, SIGMA, I, N, alpha, c, d, i, n, sigma
from . import kde_lower, kde_sharp
from .discrete_tv import IID_TRAINING
from .kde_setting import (
    BANDWIDTH,
    CIRCLE,
    CONDITIONS,
    COSINE,
    COSINE_TARGET,
    CURVATURE,
    ERROR,
    GAUSSIAN_TARGET,
    KERNEL_FIT,
    L1,
    REAL_FRACTION,
    REAL_START,
    SCHEDULES,
    SOURCE,
    SPACE,
    TORUS,
    TUNING,
    C,
    ages,
    first_bias,
    h,
    line_variance,
    loop_params,
    small_bias,
    t,
)
from .schedules import FRESH, REPLACE, ScheduleFormulas

_HALF, _QUARTER = sp.Rational(1, 2), sp.Rational(1, 4)
_BIAS_QUANTITY = "b(h) = TV(T_h P, P), in [0, 1]"
_VARIANCE_QUANTITY = "V_i = E TV(P_{i+1}, T_h Q_i), the one-step error without the bias, in [0, 1]"


def _torus_bias() -> sp.Expr:
    return first_bias() * geometric_sum(first_bias(), d)


def _torus_step() -> sp.Expr:
    return torus_roughness(h, d) / (2 * sp.sqrt(n))


def _small_roughness() -> sp.Expr:
    """The one-step variance on the torus for a small bandwidth."""
    return (4 * sp.pi) ** (-d / 4) * h ** (-d / 2) / (2 * sp.sqrt(n))


def _bias(name: str, title: str, statement: str, expr: Formula, **fields: object) -> Result:
    defaults = {
        "quantity": _BIAS_QUANTITY,
        "kind": Kind.EQUALITY,
        "mode": Mode.SURE,
        "source": SOURCE,
        "proof": "proof-kde-bias",
    }
    return Result(
        key=f"kde/bias/{name}",
        title=title,
        statement=statement,
        expr=expr,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


_SMOOTH = Assumption(key="smooth-density", text="P has a density in C^2 whose Laplacian has a finite L1 norm")
BIAS = (
    _bias(
        "gaussian",
        "Bias of a kernel estimate of a normal distribution",
        "TV(N(0, sigma^2 + h^2), N(0, sigma^2)): the two densities cross once on each side.",
        lambda: gaussian_bias(t()),
        params=(BANDWIDTH, SIGMA),
        assumptions=(KERNEL_FIT, GAUSSIAN_TARGET),
        rates=(Rate(wrt="h", to=0, leading=lambda: small_bias() * h**2),),
    ),
    _bias(
        "smooth",
        "Bias of a kernel estimate of a smooth density",
        "TV(T_h P, P) <= (h^2/4) times the L1 norm of the Laplacian of the density, in every dimension.",
        lambda: h**2 / 4 * L1,
        kind=Kind.UPPER,
        params=(BANDWIDTH, CURVATURE),
        assumptions=(KERNEL_FIT, _SMOOTH),
        rates=(Rate(wrt="h", to=0, leading=lambda: h**2 / 4 * L1),),
    ),
    _bias(
        "torus",
        "Bias of a kernel estimate of a cosine density on the circle",
        "The kernel multiplies the cosine by exp(-2 pi^2 h^2); the mean of its modulus is 2/pi.",
        first_bias,
        params=(BANDWIDTH, COSINE),
        assumptions=(KERNEL_FIT, CIRCLE, COSINE_TARGET),
        rates=(Rate(wrt="h", to=0, leading=lambda: 2 * sp.pi * sp.Abs(c) * h**2),),
    ),
    _bias(
        "torus-d",
        "Bias of a kernel estimate of a product of cosine densities on the torus",
        "TV of two products <= 1 - (1 - b_1)^d, b_1 the bias in one coordinate.",
        _torus_bias,
        kind=Kind.UPPER,
        params=(BANDWIDTH, COSINE, SPACE),
        assumptions=(KERNEL_FIT, TORUS, COSINE_TARGET),
        rates=(Rate(wrt="h", to=0, leading=lambda: 2 * sp.pi * sp.Abs(c) * d * h**2),),
    ),
)


def _step() -> sp.Expr:
    """V_k over (1/t² + ½ + b S_k(α))^{1/4}."""
    return sp.sqrt(2 * sp.pi) / (2 * sp.sqrt(n) * (4 * sp.pi) ** _QUARTER)


def _gaussian_step() -> sp.Expr:
    return (8 * sp.pi) ** _QUARTER / (2 * sp.sqrt(n) * (4 * sp.pi) ** _QUARTER)


_LINE = Assumption(key="line", text="P is a distribution on the line with variance sigma^2")


def _variance(name: str, title: str, statement: str, expr: Formula, leading: Formula, **fields: object) -> Result:
    defaults = {
        "quantity": _VARIANCE_QUANTITY,
        "kind": Kind.UPPER,
        "mode": Mode.EXPECTATION,
        "rates": (Rate(wrt="h", to=0, leading=leading),),
        "source": SOURCE,
        "proof": "proof-kde-variance",
    }
    return Result(
        key=f"kde/variance/{name}",
        title=title,
        statement=statement,
        expr=expr,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


_MIXED = Assumption(
    key="mixed-training",
    text="generation k+1 is trained on data whose target is alpha P + (1-alpha) P_k, "
    "by the schedule fresh, stratified, fixed or (alpha = 0) replace",
)
_GENERATIONS = replace(I, meaning="generation whose data are used, i >= 1; the estimate is that of generation i+1")
VARIANCE = (
    _variance(
        "line",
        "One-step variance of a kernel estimate on the line",
        "At most (1/2) n^(-1/2) (4 pi h^2)^(-1/4) sqrt(2 pi) (m_i + h^2/2)^(1/4), m_i = sigma^2 + (1-alpha) h^2 S_i.",
        lambda: _step() * (1 / t() ** 2 + _HALF + (1 - alpha) * geometric_sum(alpha, i)) ** _QUARTER,
        lambda: line_variance() / sp.sqrt(n * h),
        params=(N, ALPHA, _GENERATIONS, BANDWIDTH, SIGMA),
        assumptions=(KERNEL_FIT, REAL_START, _LINE, _MIXED),
    ),
    _variance(
        "line-gaussian",
        "One-step variance of a kernel estimate of a normal distribution under replace",
        "At most (1/2) n^(-1/2) (4 pi h^2)^(-1/4) (8 pi)^(1/4) (sigma^2 + (i+1/2) h^2)^(1/4).",
        lambda: _gaussian_step() * (1 / t() ** 2 + _HALF + i) ** _QUARTER,
        lambda: (2 * sigma**2) ** _QUARTER / (2 * sp.sqrt(n * h)),
        params=(N, _GENERATIONS, BANDWIDTH, SIGMA),
        assumptions=(KERNEL_FIT, REAL_START, GAUSSIAN_TARGET, REPLACE.assumption),
    ),
    _variance(
        "torus",
        "One-step variance of a kernel estimate on the torus",
        "At most (1/2) n^(-1/2) sqrt(Theta^d - 1), Theta the integral of the squared wrapped kernel, for every Q_i.",
        _torus_step,
        _small_roughness,
        params=(N, BANDWIDTH, SPACE),
        assumptions=(KERNEL_FIT, TORUS, IID_TRAINING),
    ),
)


def _triangle(
    key: str, title: str, schedule: ScheduleFormulas, expr: Formula, rate: Rate, line: bool, **fields: object
) -> Result:
    target = (GAUSSIAN_TARGET,) if line else (TORUS, COSINE_TARGET)
    defaults = {
        "statement": "One-step errors V_k + b(h) add up with weights (1-alpha)^(i-1-k); b(h) is the bias of P only.",
        "params": (*loop_params(schedule), BANDWIDTH, *((SIGMA,) if line else (COSINE, SPACE))),
        "proof": "proof-kde-triangle",
    }
    return Result(
        key=f"{key}/{schedule.name}",
        title=f"{title}: {schedule.name}",
        quantity=ERROR,
        kind=Kind.UPPER,
        mode=Mode.EXPECTATION,
        expr=expr,
        conditions=CONDITIONS[schedule.name],
        assumptions=(KERNEL_FIT, REAL_START, *target, schedule.assumption),
        rates=(rate,),
        source=SOURCE,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def line_triangle(real: sp.Expr, step: Formula = _step) -> sp.Expr:
    """Σ_{k<i} (1−α)^{i−1−k} (V_k + b(h)) for P = N(0, σ²)."""
    return step() * spread_sum(real, i, t()) + gaussian_bias(t()) * ages(real)


def torus_triangle(real: sp.Expr) -> sp.Expr:
    """(V + b(h)) S_i(α) on the torus."""
    return (_torus_step() + _torus_bias()) * ages(real)


def _line(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    rate = Rate(wrt="n", to=sp.oo, leading=lambda: gaussian_bias(t()) * ages(real))
    title = "Total variation of kernel estimates on the line, by the triangle inequality"
    return _triangle("tv/kde-line", title, schedule, lambda: line_triangle(real), rate, line=True)


def _line_tuned(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]

    def leading() -> sp.Expr:
        return ages(real) * (line_variance() / sp.sqrt(C) + small_bias() * C**2) * n ** -sp.Rational(2, 5)

    return _triangle(
        "tv/kde-line-tuned",
        "Total variation of kernel estimates on the line with h = C n^(-1/5)",
        schedule,
        lambda: line_triangle(real).subs(h, C * n ** -sp.Rational(1, 5)),
        Rate(wrt="n", to=sp.oo, leading=leading),
        line=True,
        statement="With the bandwidth C n^(-1/5) the triangle bound falls like n^(-2/5), the rate of kernel estimates.",
        params=(*loop_params(schedule), TUNING, SIGMA),
        proof="proof-kde-tuned",
    )


def _torus(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    rate = Rate(wrt="h", to=0, leading=lambda: _small_roughness() * ages(real))
    title = "Total variation of kernel estimates on the torus, by the triangle inequality"
    return _triangle("tv/kde-torus", title, schedule, lambda: torus_triangle(real), rate, line=False)


def _torus_tuned(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]

    def leading() -> sp.Expr:
        constant = (4 * sp.pi) ** (-d / 4) * C ** (-d / 2) / 2 + 2 * sp.pi * sp.Abs(c) * d * C**2
        return ages(real) * constant * n ** (-2 / (d + 4))

    return _triangle(
        "tv/kde-torus-tuned",
        "Total variation of kernel estimates on the torus with h = C n^(-1/(d+4))",
        schedule,
        lambda: torus_triangle(real).subs(h, C * n ** (-1 / (d + 4))),
        Rate(wrt="n", to=sp.oo, leading=leading),
        line=False,
        statement="With the bandwidth C n^(-1/(d+4)) the triangle bound falls like n^(-2/(d+4)).",
        params=(*loop_params(schedule), TUNING, COSINE, SPACE),
        proof="proof-kde-tuned",
    )


GAUSSIAN_TRIANGLE = _triangle(
    "tv/kde-line-gaussian",
    "Total variation of kernel estimates of a normal distribution, by the triangle inequality",
    REPLACE,
    lambda: line_triangle(sp.S.Zero, _gaussian_step),
    Rate(wrt="n", to=sp.oo, leading=lambda: gaussian_bias(t()) * i),
    line=True,
    statement="One-step errors V_k + b(h) add up, with the sharper V_k for normal densities.",
)


RESULTS = (
    *BIAS,
    *VARIANCE,
    *(_line(schedule) for schedule in SCHEDULES),
    GAUSSIAN_TRIANGLE,
    *(_torus(schedule) for schedule in SCHEDULES),
    *(_line_tuned(schedule) for schedule in (FRESH, REPLACE)),
    *(_torus_tuned(schedule) for schedule in (FRESH, REPLACE)),
    *kde_lower.RESULTS,
    *kde_sharp.RESULTS,
)
