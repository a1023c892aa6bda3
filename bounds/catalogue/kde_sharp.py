"""Kernel density estimation: sharp bounds from bias and pointwise variance, and their high-probability forms."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from ..deferred import Formula
from ..kde_functions import (
    mixture_bias,
    sharp_line_fixed,
    sharp_line_fresh,
    sharp_line_stratified,
    sharp_torus_fixed,
    sharp_torus_fresh,
    sharp_torus_stratified,
    square_torus_fixed,
    square_torus_fresh,
    square_torus_stratified,
)
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import DELTA, HORIZON, SIGMA, WITHIN_HORIZON, T, c, d, delta, i, n
from .kde_setting import (
    BANDWIDTH,
    CIRCLE,
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
    SMALL_SPACE,
    TIME,
    TORUS,
    h,
    loop_params,
    lost_cosine,
    t,
)
from .schedules import INFLUENCE, ScheduleFormulas

_FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], ...]] = {
    "fresh": (sharp_line_fresh, sharp_torus_fresh, square_torus_fresh),
    "stratified": (sharp_line_stratified, sharp_torus_stratified, square_torus_stratified),
    "replace": (sharp_line_fresh, sharp_torus_fresh, square_torus_fresh),
    "fixed": (sharp_line_fixed, sharp_torus_fixed, square_torus_fixed),
}
_STATEMENT = (
    "E TV(P_i, P) <= (1/2) int sqrt(B_i^2 + Var_i) with the bias B_i = E P_i - P and an explicit bound Var_i "
    "on the variance of the density at a point."
)


def _upper(key: str, title: str, schedule: ScheduleFormulas, expr: Formula, **fields: object) -> Result:
    defaults = {
        "statement": _STATEMENT,
        "quantity": ERROR,
        "mode": Mode.EXPECTATION,
        "conditions": CONDITIONS[schedule.name],
        "source": OURS,
        "proof": "proof-kde-sharp",
    }
    return Result(
        key=f"{key}/{schedule.name}",
        title=f"{title}: {schedule.name}",
        kind=Kind.UPPER,
        expr=expr,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


def _common(schedule: ScheduleFormulas, params: tuple[Param, ...], target: tuple[Assumption, ...]) -> dict[str, object]:
    return {
        "params": (*loop_params(schedule, TIME), BANDWIDTH, *params),
        "assumptions": (KERNEL_FIT, REAL_START, *target, schedule.assumption),
    }


def _line(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    return _upper(
        "tv/kde-sharp",
        "Total variation of kernel estimates on the line, sharp",
        schedule,
        lambda: _FUNCTIONS[schedule.name][0](n, real, i, t()),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: mixture_bias(real, i, t())),),
        **_common(schedule, (SIGMA,), (GAUSSIAN_TARGET,)),
    )


def _circle(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    return _upper(
        "tv/kde-sharp-torus",
        "Total variation of kernel estimates on the circle, sharp",
        schedule,
        lambda: _FUNCTIONS[schedule.name][1](n, real, i, h, c),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: lost_cosine(real)),),
        **_common(schedule, (COSINE,), (CIRCLE, COSINE_TARGET)),
    )


def _torus(schedule: ScheduleFormulas) -> Result:
    real = REAL_FRACTION[schedule.name]
    return _upper(
        "tv/kde-sharp-torus-d",
        "Total variation of kernel estimates on the torus, by mean squares",
        schedule,
        lambda: _FUNCTIONS[schedule.name][2](n, real, i, h, c, d),
        statement="E TV(P_i, P) <= (1/2) sqrt(int B_i^2 + int Var_i), in closed form by Parseval's identity.",
        rates=(),
        **_common(schedule, (COSINE, SMALL_SPACE), (TORUS, COSINE_TARGET)),
    )


def _simultaneous(base: Result, key: str, schedule: ScheduleFormulas) -> Result:
    def expr() -> sp.Expr:
        return base.expr + sp.sqrt(INFLUENCE[schedule.name]) * sp.sqrt((sp.log(T) - sp.log(delta)) / 2)

    return _upper(
        key,
        base.title.rsplit(":", 1)[0] + ", with high probability",
        schedule,
        expr,
        statement="With probability at least 1 - delta, TV(P_i, P) <= (bound on the mean) + tau_i sqrt(log(T/delta)/2) "
        "for all i <= T at once.",
        quantity="TV(P_i, P) for all i <= T at once, in [0, 1]",
        mode=Mode.HIGH_PROBABILITY,
        params=(*base.params, HORIZON, DELTA),
        conditions=(*base.conditions, WITHIN_HORIZON),
        assumptions=base.assumptions,
        source=Source(
            bib="mcdiarmid1989",
            locator="bounded differences inequality",
            note="coupled through the schedule; influence sums, bound and proof ours",
        ),
        proof="proof-kde-hp",
    )


SHARP = tuple(_line(schedule) for schedule in SCHEDULES)
SHARP_CIRCLE = tuple(_circle(schedule) for schedule in SCHEDULES)
SHARP_TORUS = tuple(_torus(schedule) for schedule in SCHEDULES)

RESULTS = (
    *SHARP,
    *SHARP_CIRCLE,
    *SHARP_TORUS,
    *(_simultaneous(base, "tv/hp-kde", schedule) for base, schedule in zip(SHARP, SCHEDULES, strict=True)),
    *(_simultaneous(base, "tv/hp-kde-torus", schedule) for base, schedule in zip(SHARP_CIRCLE, SCHEDULES, strict=True)),
)
