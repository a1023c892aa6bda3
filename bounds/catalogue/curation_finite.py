"""Curated loops that are refitted to finitely many chosen draws (theory: section 10)."""

from __future__ import annotations

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Kind, Mode, Rate, Result
from ..symbols import ATOM_VECTOR, ATOMS, K, alpha, heterozygosity, i, m, n, p_atom, root
from .curation_setting import (
    BEST,
    CHOICE,
    FINITE,
    FINITE_MIXED,
    FLOOR,
    FRACTION,
    GAP,
    GROUP,
    NARROW,
    SECOND,
    SIZE,
    SMALLEST,
    SOURCE,
    STEPS,
    excess,
    kept_least,
    least,
    nu,
    rho,
)


def _turnover() -> sp.Expr:
    """1 − y, y = (1 − 1/n)(1−α)l, free of cancellation."""
    return 1 / n + (1 - 1 / n) * kept_least()


def _diversity() -> sp.Expr:
    renewed = (1 - 1 / n) * alpha * geometric_sum(_turnover(), i)
    left = complement_power(1 / n + (1 - 1 / n) * alpha, i) * least() ** i
    return (renewed + left) * heterozygosity()


def _stationary_diversity() -> sp.Expr:
    return (1 - 1 / n) * alpha / _turnover() * heterozygosity()


def _one_step(atoms: sp.Expr) -> sp.Expr:
    return root(atoms / n) / 2


DIVERSITY = Result(
    key="curation/diversity/lower",
    title="Curation takes no more diversity than its smallest weight allows",
    statement="E[1 - sum p_i^2] >= (1 - sum p_0^2) [(1-1/n) alpha (1 + y + ... + y^(i-1)) + y^i], "
    "y = (1-1/n) (1-alpha) m nu/(m-1+nu).",
    quantity="E[1 - sum_k p_i(k)^2], in [0, 1]",
    kind=Kind.LOWER,
    mode=Mode.EXPECTATION,
    expr=_diversity,
    params=(SIZE, FRACTION, SMALLEST, GROUP, STEPS, ATOM_VECTOR),
    assumptions=(CHOICE, FINITE_MIXED, FLOOR),
    rates=(Rate(wrt="i", to=sp.oo, leading=_stationary_diversity),),
    source=SOURCE,
    proof="proof-curation-diversity",
)
DIVERSITY_UPPER = Result(
    key="curation/diversity/upper",
    title="What finite samples leave of diversity under curation",
    statement="E[1 - sum p_i^2] <= (1 - sum p_0^2) [(1-1/n) m/(1 + (m-1) nu)]^i, which falls with i where rewards "
    "differ by less than chance: (m-1) (1-nu) (n-1) < 1 + (m-1) nu.",
    quantity="E[1 - sum_k p_i(k)^2]",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: complement_power(1 / n + (1 - 1 / n) * excess().subs(alpha, 0), i) * heterozygosity(),
    params=(SIZE, NARROW, GROUP, STEPS, ATOM_VECTOR),
    assumptions=(CHOICE, FINITE, FLOOR),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: (m / (1 + (m - 1) * nu)) ** i * heterozygosity()),),
    source=SOURCE,
    proof="proof-curation-diversity",
)
DEVIATION = Result(
    key="curation/finite/deviation",
    title="How far a finite curated loop strays from the infinite one",
    statement="E TV(finite p_i, infinite p_i) <= (1/2) sqrt((K-1)/n) (1 + x + ... + x^(i-1)), "
    "x = (1-alpha) m/(1 + (m-1) nu).",
    quantity="E TV(p_i with n draws per generation, p_i with infinitely many), in [0, 1]",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: _one_step(K - 1) * geometric_sum(excess(), i),
    params=(SIZE, ATOMS, FRACTION, SMALLEST, GROUP, STEPS),
    assumptions=(CHOICE, FINITE_MIXED, FLOOR),
    rates=(Rate(wrt="K", to=sp.oo, leading=lambda: _one_step(K) * geometric_sum(excess(), i)),),
    source=SOURCE,
    proof="proof-curation-contraction",
)
LOSS = Result(
    key="curation/finite/loss",
    title="A finite curated loop seldom loses its best atoms",
    statement="The best atoms are lost, in any generation whatever, with probability at most "
    "exp(-2 n p (1-rho) (m-1)/m).",
    quantity="P(p_i gives no mass to the best atoms), for every i, a probability",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: sp.exp(-2 * n * p_atom * (1 - rho) * (m - 1) / m),
    params=(SIZE, BEST, SECOND, GROUP),
    assumptions=(CHOICE, FINITE, GAP),
    rates=(Rate(wrt="m", to=sp.oo, leading=lambda: sp.exp(-2 * n * p_atom * (1 - rho))),),
    source=SOURCE,
    proof="proof-curation-loss",
)
RESULTS = (DIVERSITY, DIVERSITY_UPPER, DEVIATION, LOSS)
