"""Loops whose data are curated: of m generated draws one is chosen by its reward (theory: section 10)."""

from __future__ import annotations

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Kind, Mode, Rate, Result
from ..symbols import a, alpha, i, m, p_atom, root
from . import curation_finite
from .curation_setting import (
    ABOVE,
    ANY_SIZE,
    BEST,
    CHOICE,
    FLOOR,
    FRACTION,
    GAP,
    GROUP,
    INFINITE,
    LEVEL,
    LONG,
    MEAN,
    MIXED,
    PAIR,
    REAL,
    SECOND,
    SHARPER,
    SMALLEST,
    SOURCE,
    STABLE,
    STEPS,
    VARIANCE,
    V,
    excess,
    gain,
    kept_least,
    least,
    mu,
    nu,
    rho,
)

_WEIGHT = "E_i u, the mean weight of generation i in units of the largest weight, in [0, 1]"
_LIMIT = "TV(p_i, p_*), p_* being p_0 restricted to the best atoms, in [0, 1]"
_DRIFT = "TV(p_i, p_0), in [0, 1]"


def _sure(key: str, title: str, statement: str, **fields: object) -> Result:
    defaults = {"mode": Mode.SURE, "source": SOURCE}
    return Result(key=f"curation/{key}", title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


def _mixed_gain() -> sp.Expr:
    """(1−α)^i G + (1−α) (m−1)/m V (1 − (1−α)^{i−1}), G the gain of the first generation."""
    later = alpha * (1 - alpha) * (m - 1) / m * V * geometric_sum(alpha, i - 1)
    return mu + complement_power(alpha, i) * gain() + later


def _away(factor: sp.Expr) -> sp.Expr:
    """1 − q_i where the odds (1 − q)/q are multiplied by `factor` in every generation."""
    rest = (1 - p_atom) * factor**i
    return rest / (p_atom + rest)


def _gap_factor() -> sp.Expr:
    """Return c = (1 + (m−1)ρ)/m."""
    return (1 + (m - 1) * rho) / m


def _largest_ratio() -> sp.Expr:
    """α Σ_{j<i} x^j + x^i with x = (1−α)L."""
    return alpha * geometric_sum(excess(), i) + complement_power(excess(), i)


def _smallest_ratio() -> sp.Expr:
    """The same with x = (1−α)l; as it may be tiny its power is not taken by its complement."""
    return alpha * geometric_sum(kept_least(), i) + complement_power(alpha, i) * least() ** i


def _lasting() -> sp.Expr:
    """(1−α) S_i(α)."""
    return (1 - alpha) * geometric_sum(alpha, i)


def _pair() -> sp.Expr:
    return (1 - nu) / (4 * (1 + nu))


def _group() -> sp.Expr:
    return (1 - root(nu)) / (1 + root(nu))


STEP = _sure(
    "reward/step",
    "One choice among m raises the mean reward by its variance",
    "E_1 u >= mu + (m-1) V/(1 + (m-1) mu), which no larger constant that depends on m and mu alone can replace; it "
    "implies mu + (m-1) V/m.",
    quantity="E_1 u, the mean weight of the next generation in units of the largest weight, in [0, 1]",
    kind=Kind.LOWER,
    mode=Mode.EXPECTATION,
    expr=lambda: mu + gain(),
    params=(MEAN, VARIANCE, GROUP),
    assumptions=(CHOICE, ANY_SIZE),
    rates=(Rate(wrt="m", to=sp.oo, leading=lambda: mu + V / mu),),
    source=SHARPER,
    proof="proof-curation-step",
)
TOTAL = _sure(
    "variance/total",
    "The variances of the reward over all generations have a bounded sum",
    "The sum over all generations, from p_0 on, of E Var_t(u) is at most (1-mu) (1/(m-1) + (1+mu)/2), for every sample "
    "size: the variance of the reward vanishes.",
    quantity="sum over t <= T of E Var_t(u), in units of the square of the largest weight, for every T",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: (1 - mu) * (1 / (m - 1) + (1 + mu) / 2),
    params=(MEAN, GROUP),
    assumptions=(CHOICE, ANY_SIZE),
    rates=(Rate(wrt="m", to=sp.oo, leading=lambda: (1 - mu) * (1 + mu) / 2),),
    proof="proof-curation-total",
)
LEVEL_REACHED = _sure(
    "reward/level",
    "Curation reaches every level of the reward that has mass",
    "E_i u >= a (m p^(1/(i+1)) - 1)/(m-1), where p is the real mass of the atoms of weight at least a, however small "
    "the gaps between rewards.",
    quantity=_WEIGHT,
    kind=Kind.LOWER,
    expr=lambda: a * (m * p_atom ** (1 / (i + 1)) - 1) / (m - 1),
    params=(LEVEL, ABOVE, GROUP, LONG),
    assumptions=(CHOICE, INFINITE),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: a),),
    proof="proof-curation-level",
)
MIXED_REWARD = _sure(
    "reward/mixed",
    "With real data the mean reward stays above the real one",
    "E_i u >= mu + (1-alpha)^i G + (1-alpha) (1 - (1-alpha)^(i-1)) (m-1) V/m, G = (m-1) V/(1 + (m-1) mu).",
    quantity=_WEIGHT,
    kind=Kind.LOWER,
    expr=_mixed_gain,
    params=(MEAN, VARIANCE, FRACTION, GROUP, STEPS),
    assumptions=(CHOICE, MIXED),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: mu + (1 - alpha) * (m - 1) / m * V),),
    source=STABLE,
    proof="proof-curation-mixed",
)
LIMIT_UPPER = _sure(
    "limit/upper",
    "Curation converges geometrically to the best atoms",
    "TV(p_i, p_*) <= (1-p) c^i/(p + (1-p) c^i), c = (1 + (m-1) rho)/m.",
    quantity=_LIMIT,
    kind=Kind.UPPER,
    expr=lambda: _away(_gap_factor()),
    params=(BEST, SECOND, GROUP, STEPS),
    assumptions=(CHOICE, INFINITE, GAP),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: (1 - p_atom) / p_atom * _gap_factor() ** i),),
    proof="proof-curation-limit",
)
LIMIT_LOWER = _sure(
    "limit/lower",
    "Curation is no faster than geometric",
    "TV(p_i, p_*) >= (1-p) l^i/(p + (1-p) l^i), l = m nu/(m-1+nu): diversity is lost no faster.",
    quantity=_LIMIT,
    kind=Kind.LOWER,
    expr=lambda: _away(least()),
    params=(BEST, SMALLEST, GROUP, STEPS),
    assumptions=(CHOICE, INFINITE, FLOOR),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: (1 - p_atom) / p_atom * least() ** i),),
    proof="proof-curation-limit",
)
RATIO_UPPER = _sure(
    "ratio/upper",
    "How much more probable curation can make an atom",
    "max p_i/p_0 <= alpha (1 + x + ... + x^(i-1)) + x^i, x = (1-alpha) m/(1 + (m-1) nu) <= (1-alpha) m: bounded for "
    "ever if alpha > (1-nu) (m-1)/m.",
    quantity="largest p_i(x)/p_0(x) over the atoms",
    kind=Kind.UPPER,
    expr=_largest_ratio,
    params=(FRACTION, SMALLEST, GROUP, STEPS),
    assumptions=(CHOICE, MIXED, FLOOR),
    rates=(Rate(wrt="alpha", to=0, leading=lambda: (m / (1 + (m - 1) * nu)) ** i),),
    source=STABLE,
    proof="proof-curation-ratio",
)
RATIO_LOWER = _sure(
    "ratio/lower",
    "How much less probable curation can make an atom",
    "min p_i/p_0 >= alpha (1 + x + ... + x^(i-1)) + x^i, x = (1-alpha) m nu/(m-1+nu), which is never below alpha.",
    quantity="smallest p_i(x)/p_0(x) over the atoms, in [0, 1]",
    kind=Kind.LOWER,
    expr=_smallest_ratio,
    params=(FRACTION, SMALLEST, GROUP, STEPS),
    assumptions=(CHOICE, MIXED, FLOOR),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: alpha / kept_least()),),
    source=STABLE,
    proof="proof-curation-ratio",
)
PAIRS = _sure(
    "tv/pairs",
    "Choices among pairs move a loop with real data little",
    "For m = 2, TV(p_i, p_0) <= (1-alpha) S_i(alpha) (1-nu)/(4 (1+nu)), hence <= (1-alpha)/(4 alpha) for all rewards "
    "and generations.",
    quantity=_DRIFT,
    kind=Kind.UPPER,
    expr=lambda: _lasting() * _pair(),
    params=(FRACTION, SMALLEST, STEPS),
    assumptions=(CHOICE, PAIR, MIXED, FLOOR),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: (1 - alpha) / alpha * _pair()),),
    source=STABLE,
    proof="proof-curation-tv",
)
GROUPS = _sure(
    "tv/groups",
    "Choices among any number of draws move a loop by what the reward's range allows",
    "TV(p_i, p_0) <= (1-alpha) S_i(alpha) (1 - sqrt(nu))/(1 + sqrt(nu)), however many draws are chosen from.",
    quantity=_DRIFT,
    kind=Kind.UPPER,
    expr=lambda: _lasting() * _group(),
    params=(FRACTION, SMALLEST, STEPS),
    assumptions=(CHOICE, MIXED, FLOOR),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: (1 - alpha) / alpha * _group()),),
    source=STABLE,
    proof="proof-curation-tv",
)
STATIONARY = _sure(
    "limit/mixed",
    "Enough real data make the curated loop a contraction",
    "TV(p_i, p_*) <= x^i ((1-alpha)/alpha) (1 - sqrt(nu))/(1 + sqrt(nu)), x = (1-alpha) m/(1 + (m-1) nu), for every "
    "stationary law p_* of the loop; it is the only one if x < 1, that is alpha > (1-nu) (m-1)/m.",
    quantity="TV(p_i, p_*), p_* being a stationary law of the loop, in [0, 1]",
    kind=Kind.UPPER,
    expr=lambda: ((1 - alpha) * m / (1 + (m - 1) * nu)) ** i * (1 - alpha) / alpha * _group(),
    params=(REAL, SMALLEST, GROUP, STEPS),
    assumptions=(CHOICE, MIXED, FLOOR),
    rates=(Rate(wrt="m", to=sp.oo, leading=lambda: ((1 - alpha) / nu) ** i * (1 - alpha) / alpha * _group()),),
    source=STABLE,
    proof="proof-curation-contraction",
)
RESULTS = (
    STEP,
    TOTAL,
    LEVEL_REACHED,
    MIXED_REWARD,
    LIMIT_UPPER,
    LIMIT_LOWER,
    RATIO_UPPER,
    RATIO_LOWER,
    PAIRS,
    GROUPS,
    STATIONARY,
    *curation_finite.RESULTS,
)
