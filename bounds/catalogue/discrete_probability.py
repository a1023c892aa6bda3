"""Discrete model, K atoms: total variation with high probability (theory: section 2)."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..functions import geometric_sum
from ..result import Kind, Mode, Rate, Result, Source
from ..symbols import ALPHA, ATOMS, DELTA, HORIZON, WITHIN_HORIZON, I, K, N, T, alpha, delta, i, n, product, root
from .discrete_moments import EMPIRICAL, REAL_START
from .discrete_tv import IID_TRAINING, one_step_error, sharp
from .schedules import FRESH, INFLUENCE, NAMED, ScheduleFormulas

_QUANTITY = "TV(P_i, P) for all i <= T at once, in [0, 1]"
_SOURCE = Source(
    bib="mcdiarmid1989",
    locator="bounded differences inequality",
    note="coupled through the schedule; influence sums, bound and proof ours",
)


def _log() -> sp.Expr:
    """log(T/δ), accurate for δ near 1."""
    return sp.log(T) - sp.log(delta)


def _deviation(schedule: ScheduleFormulas) -> sp.Expr:
    return product(root(INFLUENCE[schedule.name]), root(_log() / 2))


def _simultaneous(
    key: str,
    title: str,
    statement: str,
    schedule: ScheduleFormulas,
    expr: Formula,
    leading: Formula,
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
    return _simultaneous(
        "tv/hp",
        "Total variation with high probability",
        "TV(P_i, P) <= (1/2) sqrt((K-1) w_i) + tau_i sqrt(log(T/delta)/2)",
        schedule,
        lambda: sharp(schedule.atom_variance) + _deviation(schedule),
        lambda: sharp(INFLUENCE[schedule.name]) + _deviation(schedule),
        "proof-hp",
    )


def _union(schedule: ScheduleFormulas) -> Result:
    def bound() -> sp.Expr:
        return product(root(INFLUENCE[schedule.name]), root((K * sp.log(2) + _log()) / 2))

    return _simultaneous(
        "tv/hp-union",
        "Total variation with high probability, by all sets of atoms",
        "TV(P_i, P) <= tau_i sqrt((K log 2 + log(T/delta))/2), the sharper one for few atoms,",
        schedule,
        bound,
        bound,
        "proof-hp-union",
    )


def _one_step_bound() -> sp.Expr:
    return one_step_error() + root(-sp.log(delta) / (2 * n))


def _triangle_bound() -> sp.Expr:
    return geometric_sum(alpha, i) * (one_step_error() + root(_log() / (2 * n)))


ONE_STEP = Result(
    key="tv/discrete/one-step-hp",
    title="One-step error with high probability",
    statement="With probability at least 1 - delta, TV(P_i, Q) <= (1/2) sqrt((K-1)/n) + sqrt(log(1/delta)/(2n)).",
    quantity="TV(P_i, Q_{i-1}), in [0, 1]",
    kind=Kind.UPPER,
    mode=Mode.HIGH_PROBABILITY,
    expr=_one_step_bound,
    params=(N, ATOMS, DELTA),
    assumptions=(
        EMPIRICAL,
        IID_TRAINING,
    ),
    rates=(Rate(wrt="n", to=sp.oo, leading=_one_step_bound),),
    source=Source(bib="mcdiarmid1989", locator="bounded differences inequality", note="differences 1/n"),
    proof="proof-one-step-hp",
)

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
    expr=_triangle_bound,
    params=(N, ALPHA, I, ATOMS, HORIZON, DELTA),
    conditions=(WITHIN_HORIZON,),
    assumptions=(EMPIRICAL, REAL_START, FRESH.assumption),
    rates=(Rate(wrt="n", to=sp.oo, leading=_triangle_bound),),
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
