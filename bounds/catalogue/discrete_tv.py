"""Discrete model, K atoms: total variation in expectation (theory: section 2)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula, Formulas
from ..functions import (
    chain_deviation,
    complement_power,
    geometric_sum,
    mean_deviation,
    power_sum,
    shifted_power_sum,
    weighted_triangle,
)
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import (
    ALPHA,
    ATOM_VECTOR,
    ATOMS,
    LAM,
    B,
    I,
    K,
    N,
    alpha,
    i,
    k,
    lam,
    n,
    n_vector,
    p,
    product,
    root,
    sum_over_atoms,
)
from .discrete_moments import DE_MOIVRE, EMPIRICAL, REAL_START, SOURCES
from .schedules import ACCUMULATE, EVERY, EXPAND, FIXED, FRESH, INFLUENCE, REPLACE, ScheduleFormulas

_QUANTITY = "e_i = E TV(P_i, P), in [0, 1]"
_ONE_STEP_QUANTITY = "E TV(P_i, Q_{i-1}), in [0, 1]"
IID_TRAINING = Assumption(key="iid-training-set", text="the training set is n iid draws from Q")
_TRIANGLE = Source(
    bib="fu2024tv",
    locator="total variation distance under mixed training",
    note="form of the source's bound with an explicit one-step error; constants and proof ours",
)


def one_step_error() -> sp.Expr:
    """½√((K−1)/n): the average distance of an empirical distribution from its own."""
    return root((K - 1) / n) / 2


def _expanded() -> sp.Expr:
    real = 1 / (1 + lam)
    return one_step_error() * (complement_power(real, i - 1) + geometric_sum(real, i - 1) / root(1 + lam))


# The triangle bound of every schedule: propagation (section 1) of the one-step error.
TRIANGLE = Formulas(
    replace=lambda: one_step_error() * i,
    fresh=lambda: one_step_error() * geometric_sum(alpha, i),
    stratified=lambda: one_step_error() * geometric_sum(alpha, i),
    fixed=lambda: one_step_error() * geometric_sum(alpha, i),
    accumulate=lambda: one_step_error() * (1 / root(i) + shifted_power_sum(sp.Rational(1, 2), i - 1)),
    subsample=lambda: one_step_error() * power_sum(1, i),
    expand=_expanded,
    weighted=lambda: root(K - 1) / 2 * weighted_triangle(B, n_vector),
)


def sharp(atom_variance: sp.Expr) -> sp.Expr:
    """½√((K−1) w_i), the Cauchy–Schwarz bound from the second moment w_i."""
    return product(sp.S.Half, root((K - 1) * atom_variance))


def _leading(schedule: ScheduleFormulas) -> Rate:
    if schedule.name in INFLUENCE:
        return Rate(wrt="n", to=sp.oo, leading=lambda: sharp(INFLUENCE[schedule.name]))
    return Rate(wrt="K", to=sp.oo, leading=lambda: product(sp.S.Half, root(K * schedule.atom_variance)))


def _upper(key: str, title: str, statement: str, schedule: ScheduleFormulas, **fields: object) -> Result:
    defaults = {
        "quantity": _QUANTITY,
        "kind": Kind.UPPER,
        "mode": Mode.EXPECTATION,
        "params": (*schedule.params, ATOMS),
        "conditions": schedule.conditions,
        "assumptions": (EMPIRICAL, REAL_START, schedule.assumption),
        "source": SOURCES[schedule.name],
    }
    return Result(key=key, title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


def _sharp(schedule: ScheduleFormulas) -> Result:
    return _upper(
        f"tv/discrete/{schedule.name}",
        f"Total variation, sharp: {schedule.name}",
        "E TV(P_i, P) <= (1/2) sqrt((K-1) w_i) with the exact second moment w_i = Var(p_i(k))/(p(1-p)).",
        schedule,
        expr=lambda: sharp(schedule.atom_variance),
        rates=(_leading(schedule),),
        proof="proof-tv-discrete",
    )


def _triangle(schedule: ScheduleFormulas) -> Result:
    rate = Rate(wrt="n", to=sp.oo, leading=lambda: TRIANGLE[schedule.name])
    if schedule.name == "weighted":
        rate = Rate(wrt="K", to=sp.oo, leading=lambda: root(K) / 2 * weighted_triangle(B, n_vector))
    return _upper(
        f"tv/discrete/{schedule.name}/triangle",
        f"Total variation by the triangle inequality: {schedule.name}",
        "One-step errors (1/2) sqrt((K-1)/n) add up through the schedule's weights.",
        schedule,
        expr=lambda: TRIANGLE[schedule.name],
        rates=(rate,),
        source=_TRIANGLE,
        proof="proof-tv-triangle",
    )


def _capped(schedule: ScheduleFormulas) -> sp.Expr:
    spread = p[k] * (1 - p[k])
    capped = sp.Min(root(schedule.atom_variance * spread), 2 * spread, evaluate=False)
    return product(sp.S.Half, sum_over_atoms(capped))


def _uncapped(schedule: ScheduleFormulas) -> sp.Expr:
    return product(sp.S.Half, sum_over_atoms(root(p[k] * (1 - p[k]) * INFLUENCE[schedule.name])))


def _instance(schedule: ScheduleFormulas) -> Result:
    rate = Rate(wrt="n", to=sp.oo, leading=lambda: _uncapped(schedule))
    return _upper(
        f"tv/discrete-instance/{schedule.name}",
        f"Total variation for known probabilities: {schedule.name}",
        "Each atom moves on average by at most its standard deviation and at most 2p(1-p); always below 1 - sum p^2.",
        schedule,
        expr=lambda: _capped(schedule),
        params=(*schedule.params, ATOM_VECTOR),
        rates=(rate,) if schedule.name in INFLUENCE else (),
        proof="proof-tv-instance",
    )


_CHAIN_SIZE = replace(N, domain=sp.Range(1, 2001), typical=(1, 5, 30), meaning="sample size; the chain has n+1 states")
_CHAIN_TIME = replace(I, domain=sp.Range(1, 10_001), typical=(1, 2, 10))


def _exact(schedule: ScheduleFormulas, real: sp.Expr, params: tuple[Param, ...]) -> Result:
    return _upper(
        f"tv/discrete-exact/{schedule.name}",
        f"Exact total variation: {schedule.name}",
        "Each atom's count is a Markov chain on {0..n} with a binomial kernel: E TV(P_i, P) is computed, not bounded.",
        schedule,
        kind=Kind.EQUALITY,
        expr=lambda: sum_over_atoms(chain_deviation(n, real, i, p[k])) / 2,
        params=params,
        conditions=(),
        proof="proof-tv-exact",
    )


FIRST = _upper(
    "tv/discrete-exact/first",
    "Exact total variation of the first generation",
    "De Moivre: E|X/n - p| = (2m/n) C(n,m) p^m (1-p)^(n-m+1) with m = floor(np) + 1, for X ~ Bin(n, p).",
    REPLACE,
    quantity="e_1 = E TV(P_1, P), in [0, 1]",
    kind=Kind.EQUALITY,
    expr=lambda: sum_over_atoms(mean_deviation(n, p[k])) / 2,
    params=(N, ATOM_VECTOR),
    assumptions=(EMPIRICAL, REAL_START),
    rates=(DE_MOIVRE,),
    source=Source(
        bib="diaconis1991",
        locator="de Moivre's mean absolute deviation",
        note="one half of the sum over atoms",
    ),
    proof="proof-tv-exact",
)


def _one_step(name: str, title: str, expr: Formula, schedule: ScheduleFormulas, **fields: object) -> Result:
    defaults = {
        "quantity": _ONE_STEP_QUANTITY,
        "expr": expr,
        "rates": (Rate(wrt="n", to=sp.oo, leading=expr),),
        "source": _TRIANGLE,
        "proof": "proof-one-step-dependent",
    }
    statement = "The average distance of a generation from what it was trained on, over all K-atom distributions."
    return _upper(f"tv/discrete/one-step{name}", title, statement, schedule, **{**defaults, **fields})


ONE_STEP = (
    _one_step(
        "",
        "One-step error",
        one_step_error,
        REPLACE,
        params=(N, ATOMS),
        assumptions=(EMPIRICAL, IID_TRAINING),
        proof="proof-one-step",
    ),
    _one_step("/fixed", "One-step error: fixed", one_step_error, FIXED, params=(N, ALPHA, ATOMS)),
    _one_step(
        "/expand",
        "One-step error from generation 2 on: expand",
        lambda: one_step_error() / root(1 + lam),
        EXPAND,
        params=(N, LAM, ATOMS),
    ),
    _one_step(
        "/accumulate",
        "One-step error: accumulate",
        lambda: root((K - 1) / (i * n)) / 2,
        ACCUMULATE,
        params=(N, I, ATOMS),
    ),
)

RESULTS = (
    *ONE_STEP,
    *(_sharp(schedule) for schedule in EVERY),
    *(_triangle(schedule) for schedule in EVERY),
    *(_instance(schedule) for schedule in EVERY),
    FIRST,
    _exact(REPLACE, sp.S.Zero, (_CHAIN_SIZE, _CHAIN_TIME, ATOM_VECTOR)),
    _exact(FRESH, alpha, (_CHAIN_SIZE, ALPHA, _CHAIN_TIME, ATOM_VECTOR)),
)
