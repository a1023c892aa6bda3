"""Discrete model, K atoms: total variation with high probability (theory: section 2)."""

from __future__ import annotations

import sympy as sp

from ..functions import geometric_sum
from ..result import Kind, Mode, Rate, Result, Source
from ..symbols import ALPHA, ATOMS, DELTA, HORIZON, WITHIN_HORIZON, I, K, N, T, alpha, delta, i, n, product, root
from .discrete_moments import EMPIRICAL, REAL_START
from .discrete_tv import IID_TRAINING, ONE_STEP_ERROR, sharp
from .schedules import FRESH, INFLUENCE, NAMED, ScheduleFormulas

_LOG = sp.log(T) - sp.log(delta)  # log(T/δ), accurate for δ near 1
_QUANTITY = "TV(P_i, P) for all i <= T at once, in [0, 1]"
_SOURCE = Source(
    bib="mcdiarmid1989",
    locator="bounded differences inequality",
    note="coupled through the schedule; influence sums, bound and proof ours",
)


def _simultaneous(
    key: str,
    title: str,
    statement: str,
    schedule: ScheduleFormulas,
    expr: sp.Expr,
    leading: sp.Expr,
    proof: str,
) -> Result:
    return Result(
        key=f"{key}/{schedule.name}",
        title=f"{title}: {schedule.name}",
        statement=f"With probability at least 1 - delta, {statement} for all i <= T at once.",
        quantity=_QUANTITY,
        kind=Kind.UPPER,
        mode=Mode.HIGH_PROBABILITY,
        expr=expr,
        params=(*schedule.params, ATOMS, HORIZON, DELTA),
        conditions=(*schedule.conditions, WITHIN_HORIZON),
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(Rate(wrt="n", to=sp.oo, leading=leading),),
        source=_SOURCE,
        proof=proof,
    )


def _sharp(schedule: ScheduleFormulas) -> Result:
    influence = INFLUENCE[schedule.name]
    deviation = product(root(influence), root(_LOG / 2))
    return _simultaneous(
        "tv/hp",
        "Total variation with high probability",
        "TV(P_i, P) <= (1/2) sqrt((K-1) w_i) + tau_i sqrt(log(T/delta)/2)",
        schedule,
        sharp(schedule.atom_variance) + deviation,
        sharp(influence) + deviation,
        "proof-hp",
    )


def _union(schedule: ScheduleFormulas) -> Result:
    bound = product(root(INFLUENCE[schedule.name]), root((K * sp.log(2) + _LOG) / 2))
    return _simultaneous(
        "tv/hp-union",
        "Total variation with high probability, by all sets of atoms",
        "TV(P_i, P) <= tau_i sqrt((K log 2 + log(T/delta))/2), the sharper one for few atoms,",
        schedule,
        bound,
        bound,
        "proof-hp-union",
    )


ONE_STEP = Result(
    key="tv/discrete/one-step-hp",
    title="One-step error with high probability",
    statement="With probability at least 1 - delta, TV(P_i, Q) <= (1/2) sqrt((K-1)/n) + sqrt(log(1/delta)/(2n)).",
    quantity="TV(P_i, Q_{i-1}), in [0, 1]",
    kind=Kind.UPPER,
    mode=Mode.HIGH_PROBABILITY,
    expr=ONE_STEP_ERROR + root(-sp.log(delta) / (2 * n)),
    params=(N, ATOMS, DELTA),
    assumptions=(
        EMPIRICAL,
        IID_TRAINING,
    ),
    rates=(Rate(wrt="n", to=sp.oo, leading=ONE_STEP_ERROR + root(-sp.log(delta) / (2 * n))),),
    source=Source(bib="mcdiarmid1989", locator="bounded differences inequality", note="differences 1/n"),
    proof="proof-one-step-hp",
)

_ONE_STEP_AT_ONCE = ONE_STEP_ERROR + root(_LOG / (2 * n))
TRIANGLE = Result(
    key="tv/discrete/hp-triangle",
    title="Total variation with high probability, by the triangle inequality: fresh",
    statement=(
        "With probability at least 1 - delta, TV(P_i, P) <= S_i(alpha) ((1/2) sqrt((K-1)/n) + sqrt(log(T/delta)/(2n))) "
        "for all i <= T at once. Loose, and soon vacuous; kept for comparison with tv/hp/fresh."
    ),
    quantity=_QUANTITY,
    kind=Kind.UPPER,
    mode=Mode.HIGH_PROBABILITY,
    expr=geometric_sum(alpha, i) * _ONE_STEP_AT_ONCE,
    params=(N, ALPHA, I, ATOMS, HORIZON, DELTA),
    conditions=(WITHIN_HORIZON,),
    assumptions=(EMPIRICAL, REAL_START, FRESH.assumption),
    rates=(Rate(wrt="n", to=sp.oo, leading=geometric_sum(alpha, i) * _ONE_STEP_AT_ONCE),),
    source=Source(
        bib="fu2024tv",
        locator="total variation distance under mixed training",
        note="form of the source's bound; constants and proof ours",
    ),
    proof="proof-hp-triangle",
)

RESULTS = (
    ONE_STEP,
    TRIANGLE,
    *(_sharp(schedule) for schedule in NAMED),
    *(_union(schedule) for schedule in NAMED),
)
