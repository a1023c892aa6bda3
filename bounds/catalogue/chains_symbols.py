"""Loss of symbols in discrete chains: which are forgotten, how many are left, and when only one is."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..functions import complement_power, geometric_sum, power_sum
from ..result import Kind, Mode, Param, Rate, Result, Source
from ..symbols import (
    ATOM,
    ATOM_VECTOR,
    ATOMS,
    N_VARIANCE,
    I,
    K,
    N,
    alpha,
    heterozygosity,
    i,
    k,
    n,
    p,
    p_atom,
    product,
    sum_over_atoms,
)
from .chains import (
    SIZE,
    SOURCE,
    STEEPEST,
    SYNTHETIC_LEFT,
    forgetting_time,
    least_share,
    least_share_for_ever,
    line_survival,
)
from .discrete_moments import EMPIRICAL, REAL_START
from .schedules import ACCUMULATE, EXPAND, FIXED, FRESH, REPLACE, STRATIFIED, SUBSAMPLE, ScheduleFormulas

RARE = replace(ATOM, typical=(0.001, 0.02, 0.3))
_LOST = "P(p_i(k) = 0) of an atom of probability p, a probability"
_ALL_EQUAL = "P(not all points of generation i are equal), a probability"
_TIME = "E T, T the first generation whose points are all equal (generations)"
DRIFT = Source(
    bib="wright1931",
    locator="random drift",
    note="the chain and its rate 1 - 1/n are classical; this explicit form for n draws and its proof are ours",
)


def ancestors() -> sp.Expr:
    """1/(1 − (1 − 1/n)(1 − 1/(2n))^{i−1}), free of cancellation: bounds how many first draws have descendants."""
    half = 1 / (2 * n)
    return 1 / (complement_power(half, i - 1) / n + geometric_sum(half, i - 1) * half)


def _kept_by_drift(q: sp.Expr, schedule: ScheduleFormulas) -> sp.Expr:
    """(1−q) w_i/(q + (1−q) w_i), the Cauchy–Schwarz bound on the probability of loss."""
    spread = (1 - q) * schedule.atom_variance
    return spread / (q + spread)


def _forgotten(q: sp.Expr) -> sp.Expr:
    """(1 − 2q/(i + 1 + log(i)/3))^n: a symbol is lost at most as often as a Poisson chain dies out."""
    return complement_power(2 * q / forgetting_time(), n)


def _forgotten_from_chance(q: sp.Expr) -> sp.Expr:
    """(1−p)^{αn} (1−pr)^{(1−α)n}: missing from the reused points, and from the descendants of the others."""
    return product(complement_power(q, alpha * n), complement_power(q * line_survival(STEEPEST), (1 - alpha) * n))


def _symbols(key: str, title: str, statement: str, **fields: object) -> Result:
    defaults = {
        "mode": Mode.EXPECTATION,
        "params": (SIZE, I, RARE),
        "assumptions": (EMPIRICAL, REAL_START, REPLACE.assumption),
        "source": SOURCE,
    }
    return Result(key=key, title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


def _loss_by_variance(schedule: ScheduleFormulas) -> Result:
    return _symbols(
        f"symbols/loss-by-variance/{schedule.name}",
        f"Loss of a symbol, by its variance: {schedule.name}",
        "P(p_i(k) = 0) <= (1-p) w_i/(p + (1-p) w_i) with the exact second moment w_i = Var(p_i(k))/(p (1-p)).",
        quantity=_LOST,
        kind=Kind.UPPER,
        expr=lambda: _kept_by_drift(p_atom, schedule),
        params=(SIZE, *schedule.params[1:], RARE),
        conditions=schedule.conditions,
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(Rate(wrt="p", to=0, leading=lambda: sp.S.One),),
        proof="proof-symbols-loss-variance",
    )


def _exact_loss(schedule: ScheduleFormulas) -> Result:
    return _symbols(
        f"symbols/loss/{schedule.name}",
        f"Loss of a symbol: {schedule.name}",
        "A symbol of the n real points is never lost, and no other is ever gained: for all i exactly (1 - p)^n.",
        quantity=_LOST,
        kind=Kind.EQUALITY,
        expr=lambda: complement_power(p_atom, n),
        params=(SIZE, *(param for param in schedule.params[1:] if param is not I), RARE),
        conditions=schedule.conditions,
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(Rate(wrt="p", to=0, leading=lambda: sp.S.One),),
        proof="proof-symbols-kept",
    )


def _vector(param: Param = SIZE) -> tuple[Param, ...]:
    return (param, I, ATOM_VECTOR)


def _loss(schedule: ScheduleFormulas, statement: str, expr: Formula, **fields: object) -> Result:
    defaults = {
        "quantity": _LOST,
        "kind": Kind.UPPER,
        "expr": expr,
        "params": (SIZE, *schedule.params[1:], RARE),
        "conditions": schedule.conditions,
        "assumptions": (EMPIRICAL, REAL_START, schedule.assumption),
        "proof": "proof-symbols-loss",
    }
    key, title = f"symbols/loss/{schedule.name}", f"Loss of a symbol: {schedule.name}"
    return _symbols(key, title, statement, **{**defaults, **fields})


LOSS = (
    _loss(
        REPLACE,
        "A symbol is lost with a probability of at most (1 - 2p/(i + 1 + log(i)/3))^n: one seen np times is forgotten "
        "in a time proportional to np.",
        lambda: _forgotten(p_atom),
        rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.S.One),),
    ),
    _loss(
        FRESH,
        "A symbol is lost with a probability of at most exp(-n p E), E a lower bound on how much of its real counts "
        "is remembered, for ever E >= f(alpha) ~ (12/7) alpha log(1/alpha).",
        lambda: sp.exp(-n * p_atom * least_share()),
        params=(SIZE, SYNTHETIC_LEFT, I, RARE),
        rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.exp(-n * p_atom * least_share_for_ever())),),
    ),
    _loss(
        FIXED,
        "A symbol among the alpha n reused points is never lost, which leaves (1 - p)^(alpha n), times "
        "(1 - p r)^((1-alpha) n) for the others, r ~ (1-alpha)^(i-1) a lower bound on the survival of their lines.",
        lambda: _forgotten_from_chance(p_atom),
    ),
    _loss(
        SUBSAMPLE,
        "A symbol is lost with a probability of at most exp(-7 n p/(3 + 4 H)), H the sum of the first i inverse "
        "squares: below exp(-0.73 n p) for ever.",
        lambda: sp.exp(-7 * n * p_atom / (3 + 4 * power_sum(2, i))),
        rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.exp(-7 * n * p_atom / (3 + 2 * sp.pi**2 / 3))),),
    ),
)
LOSS_LOWER = _symbols(
    "symbols/loss-lower/replace",
    "A symbol is lost at least so often: replace",
    "P(p_i(k) = 0) >= (1 - p)^a, a = 1/(1 - (1 - 1/n)(1 - 1/(2n))^(i-1)), which falls from n as 2n/(i+1) and on to 1.",
    quantity=_LOST,
    kind=Kind.LOWER,
    expr=lambda: complement_power(p_atom, ancestors()),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: 1 - p_atom),),
    proof="proof-symbols-ancestors",
)
RICHNESS = _symbols(
    "symbols/richness/replace",
    "Number of symbols that are left: replace",
    "At most K (1 - (1 - 1/K)^a) symbols are left on average, hence at most a = 1/(1 - (1 - 1/n)(1 - 1/(2n))^(i-1)), "
    "which is about 2n/(i+1), however many there were.",
    quantity="E of the number of symbols with p_i(k) > 0 (symbols)",
    kind=Kind.UPPER,
    expr=lambda: geometric_sum(1 / K, ancestors()),
    params=(SIZE, I, ATOMS),
    rates=(
        Rate(wrt="i", to=sp.oo, leading=lambda: sp.S.One),
        Rate(wrt="K", to=sp.oo, leading=ancestors),
    ),
    proof="proof-symbols-ancestors",
)
RICHNESS_LOWER = _symbols(
    "symbols/richness-lower/replace",
    "Number of symbols that are left, from below: replace",
    "At least the sum of 1 - min((1 - 2p/(i + 1 + log(i)/3))^n, (1-p) w_i/(p + (1-p) w_i)) over the symbols is left.",
    quantity="E of the number of symbols with p_i(k) > 0 (symbols)",
    kind=Kind.LOWER,
    expr=lambda: sum_over_atoms(1 - sp.Min(_forgotten(p[k]), _kept_by_drift(p[k], REPLACE), evaluate=False)),
    params=_vector(),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.S.One),),
    proof="proof-symbols-loss",
)
MISSING = _symbols(
    "symbols/missing-mass/replace",
    "Real mass of the lost symbols: replace",
    "The real probability of all symbols that generation i has lost is on average at most "
    "K (i + 1 + log(i)/3)/(2 e n), whatever P on K symbols.",
    quantity="E of the sum of p_k over symbols with p_i(k) = 0, in [0, 1]",
    kind=Kind.UPPER,
    expr=lambda: sp.Min(1 - 1 / K, K * forgetting_time() / (2 * sp.E * n), evaluate=False),
    params=(SIZE, I, ATOMS),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: K * forgetting_time() / (2 * sp.E * n)),),
    proof="proof-symbols-missing",
)
MISSING_LOWER = _symbols(
    "symbols/missing-mass-lower/replace",
    "Real mass of the lost symbols, from below: replace",
    "It is on average at least the sum of p_k (1 - p_k)^a, a = 1/(1 - (1 - 1/n)(1 - 1/(2n))^(i-1)).",
    quantity="E of the sum of p_k over symbols with p_i(k) = 0, in [0, 1]",
    kind=Kind.LOWER,
    expr=lambda: sum_over_atoms(p[k] * complement_power(p[k], ancestors())),
    params=_vector(),
    rates=(Rate(wrt="i", to=sp.oo, leading=heterozygosity),),
    proof="proof-symbols-missing",
)
COLLAPSE = _symbols(
    "symbols/collapse/replace",
    "Collapse to one symbol is certain and exponentially fast: replace",
    "The points of generation i are not all equal with probability at most "
    "min(3 (n-1)/(n+1), (n/2) (1 - sum p^2)) (1 - 1/n)^(i-1).",
    quantity=_ALL_EQUAL,
    kind=Kind.UPPER,
    expr=lambda: product(
        sp.Min(3 * (n - 1) / (n + 1), n * heterozygosity() / 2, evaluate=False), complement_power(1 / n, i - 1)
    ),
    params=_vector(N_VARIANCE),
    source=DRIFT,
    proof="proof-symbols-collapse",
)
COLLAPSE_LOWER = _symbols(
    "symbols/collapse-lower/replace",
    "Collapse to one symbol is no faster: replace",
    "The points of generation i are not all equal with probability at least (1 - sum p^2) (1 - 1/n)^(i-1).",
    quantity=_ALL_EQUAL,
    kind=Kind.LOWER,
    expr=lambda: heterozygosity() * complement_power(1 / n, i - 1),
    params=_vector(N_VARIANCE),
    source=DRIFT,
    rates=(Rate(wrt="n", to=sp.oo, leading=heterozygosity),),
    proof="proof-symbols-collapse",
)
TIME = _symbols(
    "symbols/collapse-time/replace",
    "Time to the collapse to one symbol: replace",
    "The points of a generation are all equal after at most 2n - 1 generations on average, whatever P, on as many "
    "symbols as there may be.",
    quantity=_TIME,
    kind=Kind.UPPER,
    expr=lambda: 2 * n - 1,
    params=(N,),
    source=DRIFT,
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 2 * n),),
    proof="proof-symbols-time",
)
TIME_LOWER = _symbols(
    "symbols/collapse-time-lower/replace",
    "Time to the collapse to one symbol, from below: replace",
    "The points of a generation are all equal after at least 1 + n (1 - sum p^2) generations on average.",
    quantity=_TIME,
    kind=Kind.LOWER,
    expr=lambda: 1 + n * heterozygosity(),
    params=(N_VARIANCE, ATOM_VECTOR),
    source=DRIFT,
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: n * heterozygosity()),),
    proof="proof-symbols-time",
)

RESULTS = (
    *LOSS,
    *(_loss_by_variance(schedule) for schedule in (REPLACE, FRESH, STRATIFIED, FIXED, SUBSAMPLE)),
    *(_exact_loss(schedule) for schedule in (ACCUMULATE, EXPAND)),
    LOSS_LOWER,
    RICHNESS,
    RICHNESS_LOWER,
    MISSING,
    MISSING_LOWER,
    COLLAPSE,
    COLLAPSE_LOWER,
    TIME,
    TIME_LOWER,
)
