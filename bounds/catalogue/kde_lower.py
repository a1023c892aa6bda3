"""Kernel density estimation: lower bounds from the smoothing that every generation adds."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..kde_functions import mixture_bias
from ..result import Assumption, Kind, Mode, Param, Rate, Result
from ..symbols import SIGMA, c, i
from .kde_setting import (
    BANDWIDTH,
    CONDITIONS,
    COSINE,
    COSINE_TARGET,
    ERROR,
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
    lost_cosine,
    small_bias,
    t,
)
from .schedules import ScheduleFormulas


def _lower(where: str, schedule: ScheduleFormulas, expr: Formula, leading: Formula, statement: str) -> Result:
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
        rates=(Rate(wrt="h", to=0, leading=lambda: leading() * ages(REAL_FRACTION[schedule.name])),),
        source=OURS,
        proof="proof-kde-lower",
    )


def _gaussian(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    statement = "E P_i is a geometric mixture of ever smoother copies of P."
    return _lower("gaussian", schedule, lambda: mixture_bias(real, i, t()), lambda: small_bias() * h**2, statement)


def _torus(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    statement = "E P_i has a damped cosine in its first coordinate; the bound is that of one coordinate, for every d."
    return _lower("torus", schedule, lambda: lost_cosine(real), lambda: 2 * sp.pi * sp.Abs(c) * h**2, statement)


RESULTS = (
    *(_gaussian(schedule) for schedule in SCHEDULES),
    *(_torus(schedule) for schedule in SCHEDULES),
)
