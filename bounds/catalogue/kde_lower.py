"""Kernel density estimation: lower bounds from the smoothing that every generation adds."""

from __future__ import annotations

import sympy as sp

from ..functions import geometric_sum
from ..kde_functions import heat_loss, mixture_bias
from ..result import Assumption, Kind, Mode, Param, Rate, Result
from ..symbols import SIGMA, c, i
from .kde_setting import (
    BANDWIDTH,
    CONDITIONS,
    COSINE,
    COSINE_TARGET,
    ERROR,
    FIRST_BIAS,
    GAUSSIAN_BIAS,
    GAUSSIAN_TARGET,
    KERNEL_FIT,
    OURS,
    REAL_FRACTION,
    REAL_START,
    SCHEDULES,
    SPACE,
    TORUS,
    ages,
    h,
    loop_params,
    t,
)
from .schedules import ScheduleFormulas


def _lower(where: str, schedule: ScheduleFormulas, expr: sp.Expr, leading: sp.Expr, statement: str) -> Result:
    line = where == "gaussian"
    params: tuple[Param, ...] = (SIGMA,) if line else (COSINE, SPACE)
    target: tuple[Assumption, ...] = (GAUSSIAN_TARGET,) if line else (TORUS, COSINE_TARGET)
    return Result(
        key=f"tv/kde/lower/{where}/{schedule.name}",
        title=f"Total variation of kernel estimates, from below ({where}): {schedule.name}",
        statement=f"E TV(P_i, P) >= TV(E P_i, P). {statement}",
        quantity=ERROR,
        kind=Kind.LOWER,
        mode=Mode.EXPECTATION,
        expr=expr,
        params=(*loop_params(schedule), BANDWIDTH, *params),
        conditions=CONDITIONS[schedule.name],
        assumptions=(KERNEL_FIT, REAL_START, *target, schedule.assumption),
        rates=(Rate(wrt="h", to=0, leading=leading * ages(REAL_FRACTION[schedule.name])),),
        source=OURS,
        proof="proof-kde-lower",
    )


def _gaussian(schedule: ScheduleFormulas) -> Result:
    expr = mixture_bias(REAL_FRACTION[schedule.name], i, t)
    statement = "E P_i is a geometric mixture of ever smoother copies of P."
    return _lower("gaussian", schedule, expr, GAUSSIAN_BIAS * h**2, statement)


def _torus(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    expr = FIRST_BIAS * geometric_sum(real + (1 - real) * heat_loss(h), i)
    statement = "E P_i has a damped cosine in its first coordinate; the bound is that of one coordinate, for every d."
    return _lower("torus", schedule, expr, 2 * sp.pi * sp.Abs(c) * h**2, statement)


RESULTS = (
    *(_gaussian(schedule) for schedule in SCHEDULES),
    *(_torus(schedule) for schedule in SCHEDULES),
)
