"""Discrete model, K atoms: exact second moments, diversity, and lower bounds (theory: section 2)."""

from __future__ import annotations

import sympy as sp

from ..functions import mean_deviation
from ..result import Assumption, Kind, Mode, Rate, Result, Source
from ..symbols import ATOM, ATOM_VECTOR, ATOMS, K, N, heterozygosity, k, n, p, p_atom, root, sum_over_atoms
from .schedules import ACCUMULATE, EVERY, EXPAND, FIXED, INFLUENCE, REPLACE, ScheduleFormulas

EMPIRICAL = Assumption(
    key="empirical-fit", text="every generation is the empirical distribution of its training set on K atoms"
)
REAL_START = Assumption(key="real-start", text="generation 1 is trained on n iid draws from P")

SOURCES = {
    "replace": Source(bib="wright1931", locator="random drift", note="the Wright-Fisher variance, in this notation"),
    "fresh": Source(bib="seddik2024", locator="mixing real and synthetic data", note="constant and proof ours"),
    "stratified": Source(bib="fu2024tv", locator="mixed training", note="exact second moment and proof ours"),
    "fixed": Source(bib="fu2025stl", locator="training with a fixed real set", note="second moment and proof ours"),
    "accumulate": Source(bib="gerstgrasser2024", locator="accumulating data", note="exact form and proof ours"),
    "subsample": Source(bib="kanabar2025", locator="sampling from all past data", note="exact form and proof ours"),
    "expand": Source(bib="fu2024tv", locator="amount of synthetic data", note="second moment and proof ours"),
    "weighted": Source(bib="fu2024tv", locator="general mixture of generations", note="recursion and proof ours"),
}
_PROOFS = {"subsample": "proof-variance-accumulate"}


DE_MOIVRE = Rate(wrt="n", to=sp.oo, leading=lambda: sum_over_atoms(root(p[k] * (1 - p[k]) / (2 * sp.pi * n))))


def _variance(schedule: ScheduleFormulas) -> Result:
    name = schedule.name
    if name in INFLUENCE:
        rate = Rate(wrt="n", to=sp.oo, leading=lambda: p_atom * (1 - p_atom) * INFLUENCE[name])
    else:
        rate = Rate(wrt="p", to=0, leading=lambda: p_atom * schedule.atom_variance)
    # the atom's probability shares its name with no other parameter: `n` may be a vector here
    return Result(
        key=f"discrete/variance/{name}",
        title=f"Variance of an atom's frequency: {name}",
        statement="The frequency of an atom of probability p has mean p and exactly this variance in generation i.",
        quantity="v_i = Var(p_i(k)), squared probability",
        kind=Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=lambda: p_atom * (1 - p_atom) * schedule.atom_variance,
        params=(*schedule.params, ATOM),
        conditions=schedule.conditions,
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(rate,),
        source=SOURCES[name],
        proof=_PROOFS.get(name, f"proof-variance-{name}"),
    )


def _diversity(schedule: ScheduleFormulas) -> Result:
    rate = Rate(wrt="n", to=sp.oo, leading=heterozygosity)
    return Result(
        key=f"discrete/diversity/{schedule.name}",
        title=f"Diversity: {schedule.name}",
        statement="The probability that two draws of generation i differ is, on average, exactly this.",
        quantity="E[1 - sum_k p_i(k)^2], a probability",
        kind=Kind.EQUALITY,
        mode=Mode.EXPECTATION,
        expr=lambda: schedule.diversity_kept * heterozygosity(),
        params=(*schedule.params, ATOM_VECTOR),
        conditions=schedule.conditions,
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(rate,) if schedule.name in INFLUENCE else (),
        source=Source(bib="seddik2024", locator="loss of diversity", note="all schedules and proof ours"),
        proof="proof-diversity",
    )


def _lower(schedule: ScheduleFormulas) -> Result:
    return Result(
        key=f"discrete/lower/{schedule.name}",
        title=f"A loop without fresh data never beats its first generation: {schedule.name}",
        statement="E TV(P_i, P) is at least its value in generation 1, for every i.",
        quantity="e_i = E TV(P_i, P), in [0, 1]",
        kind=Kind.LOWER,
        mode=Mode.EXPECTATION,
        expr=lambda: sum_over_atoms(mean_deviation(n, p[k])) / 2,
        params=(N, ATOM_VECTOR),
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(DE_MOIVRE,),
        source=Source(bib="diaconis1991", locator="de Moivre's mean absolute deviation", note="bound and proof ours"),
        proof="proof-lower",
    )


def _variance_lower(schedule: ScheduleFormulas) -> Result:
    return Result(
        key=f"discrete/variance-lower/{schedule.name}",
        title=f"Variance never falls below that of the real sample: {schedule.name}",
        statement="Var(p_i(k)) is at least p(1-p)/n for every i and p, whatever synthetic data are added.",
        quantity="v_i = Var(p_i(k)), squared probability",
        kind=Kind.LOWER,
        mode=Mode.EXPECTATION,
        expr=lambda: p_atom * (1 - p_atom) / n,
        params=(N, ATOM),
        assumptions=(EMPIRICAL, REAL_START, schedule.assumption),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: p_atom * (1 - p_atom) / n),),
        source=Source(bib=SOURCES[schedule.name].bib, locator="reused real data", note="bound and proof ours"),
        proof="proof-lower",
    )


MINIMAX = Result(
    key="discrete/minimax-real-only",
    title="Minimax risk of n real samples",
    statement=(
        "No estimator from n real samples, and so no loop that uses n real points only, has a worst-case expected "
        "squared error sup_p E||q - p||^2 below this."
    ),
    quantity="sup over p of E||P_i - P||_2^2, squared probability",
    kind=Kind.LOWER,
    mode=Mode.EXPECTATION,
    expr=lambda: (1 - 1 / K) / (root(n) + 1) ** 2,
    params=(N, ATOMS),
    assumptions=(
        EMPIRICAL,
        Assumption(key="real-points-only", text="all generations together use the n real points of generation 1 only"),
    ),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: (1 - 1 / K) / n),),
    source=Source(bib="trybula1958", locator="minimax estimation of a multinomial", note="applied to loops here"),
    proof="proof-minimax",
)

_NO_FRESH_DATA = (REPLACE, FIXED, EXPAND, ACCUMULATE)
RESULTS = (
    *(_variance(schedule) for schedule in EVERY),
    *(_diversity(schedule) for schedule in EVERY),
    *(_lower(schedule) for schedule in _NO_FRESH_DATA),
    *(_variance_lower(schedule) for schedule in _NO_FRESH_DATA),
    MINIMAX,
)
