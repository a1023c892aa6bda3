"""Poisson chains: the mean of n counts, fitted again and again; variance, total variation and extinction."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import ALPHA, POSITIVE, I, N, alpha, i, n, root
from .schedules import INFLUENCE, STRATIFIED

mu = sp.Symbol("mu", real=True)

SIZE = replace(N, typical=(20, 200))  # what is lost with a probability below 1e-300 says nothing
SYNTHETIC_LEFT = replace(ALPHA, domain=sp.Interval.Ropen(0, 1), typical=(0.1, 0.0, 0.5))
MEAN = Param(
    name="mu",
    symbol=mu,
    domain=POSITIVE,
    meaning="mean of the real Poisson distribution (counts per point)",
    typical=(0.02, 1.5),
)

POISSON_FIT = Assumption(
    key="poisson-fit", text="every generation is the Poisson distribution whose mean is the mean of its training set"
)
REAL_START = Assumption(key="real-start", text="generation 1 is trained on n iid draws from P")
POISSON_MIXED = Assumption(
    key="schedule-poisson-mixed",
    text="the total of the n counts of generation i+1 is Poisson with mean n (alpha mu + (1-alpha) mu_i): alpha n "
    "fresh real counts and (1-alpha) n draws from P_i, or n draws from the Poisson distribution with the mixed mean",
)
POISSON_REPLACE = Assumption(
    key="schedule-replace", text="generation i+1 is trained on n iid draws from the Poisson distribution P_i"
)
SOURCE = Source(
    bib="suresh2024",
    locator="Poisson and discrete distributions trained recursively (the abstract)",
    note="the setting and the linear time to forget are the source's; this explicit form and its proof are ours",
)


def forgetting_time() -> sp.Expr:
    """Return i + 1 + log(i)/3, at least twice the inverse of the probability that one line survives i − 1 generations.

    The line is critical: every member has a Poisson number of children with mean 1.
    """
    return i + 1 + sp.log(i) / 3


STEEPEST = sp.Rational(7, 12)
"""Just above 1/(e − 1), the largest of 1/(1 − e^{−x}) − 1/x for 0 < x <= 1; its least is 1/2."""


def line_survival(slope: sp.Expr) -> sp.Expr:
    """(1−α)^{i−1}/(1 + slope·(1−α) S_{i−1}(α)): bounds the survival of a synthetic line for i − 1 generations.

    From below with the slope `STEEPEST`, from above with 1/2.
    """
    return complement_power(alpha, i - 1) / (1 + _age(slope))


def _age(slope: sp.Expr) -> sp.Expr:
    return slope * (1 - alpha) * geometric_sum(alpha, i - 1)


def lines_born(slope: sp.Expr) -> sp.Expr:
    """log(1 + slope·(1−α) S_{i−1}(α))/(slope·(1−α)): bounds their sum over 0..i − 2, likewise."""
    from sympy.codegen.cfunctions import log1p  # not needed to list the catalogue

    return log1p(_age(slope)) / (slope * (1 - alpha))


def least_share() -> sp.Expr:
    """Share of the n mu real counts that is surely not forgotten: of lines that real data start, and of the first."""
    return alpha * lines_born(STEEPEST) + line_survival(STEEPEST)


def least_share_for_ever() -> sp.Expr:
    """Limit of the least share as i → ∞."""
    slope = STEEPEST * (1 - alpha)
    return alpha * sp.log(1 + slope / alpha) / slope


def _largest_share() -> sp.Expr:
    half = sp.S.Half
    excess = sp.Rational(11, 18) * _age(half) / (1 + _age(half))
    return alpha * (lines_born(half) + excess) + line_survival(half)


def _distance() -> sp.Expr:
    square = INFLUENCE["stratified"]
    return sp.Min(root(square / 2), root(mu * square), 2 * mu, evaluate=False)


def _result(key: str, title: str, statement: str, **fields: object) -> Result:
    defaults = {
        "mode": Mode.EXPECTATION,
        "params": (SIZE, MEAN, ALPHA, I),
        "conditions": STRATIFIED.conditions,
        "assumptions": (POISSON_FIT, REAL_START, STRATIFIED.assumption),
        "source": SOURCE,
    }
    return Result(key=key, title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


VARIANCE = _result(
    "poisson/variance/stratified",
    "Variance of a Poisson mean: stratified",
    "The mean of generation i has expectation mu and exactly this variance; i mu/n without real data (alpha = 0).",
    quantity="Var(mu_i), squared counts per point",
    kind=Kind.EQUALITY,
    expr=lambda: mu * INFLUENCE["stratified"],
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: mu * INFLUENCE["stratified"]),),
    proof="proof-poisson-variance",
)
DISTANCE = _result(
    "tv/poisson/stratified",
    "Total variation of a Poisson distribution: stratified",
    "E TV(P_i, P) is at most this; for frequent counts it does not depend on mu, for rare ones it is at most 2 mu.",
    quantity="e_i = E TV(P_i, P), in [0, 1]",
    kind=Kind.UPPER,
    expr=_distance,
    rates=(Rate(wrt="mu", to=0, leading=lambda: 2 * mu),),
    proof="proof-poisson-tv",
)
ABSENCE = _result(
    "poisson/absence/stratified",
    "How rarely a Poisson count is lost altogether: stratified",
    "P(mu_i = 0) is at most this, which for every alpha > 0 stays below exp(-n mu f(alpha)) in all generations, "
    "f(alpha) ~ (12/7) alpha log(1/alpha) for small alpha; exact at i = 1.",
    params=(SIZE, MEAN, SYNTHETIC_LEFT, I),
    conditions=(),
    assumptions=(POISSON_FIT, REAL_START, POISSON_MIXED),
    quantity="P(mu_i = 0), a probability",
    kind=Kind.UPPER,
    expr=lambda: sp.exp(-n * mu * least_share()),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.exp(-n * mu * least_share_for_ever())),),
    proof="proof-poisson-absence",
)
ABSENCE_LOWER = _result(
    "poisson/absence-lower/stratified",
    "How often a Poisson count is lost altogether: stratified",
    "P(mu_i = 0) is at least this; exp(-2 n mu/(i+1)) without real data, and 2 alpha log(1/alpha) instead of "
    "(12/7) alpha log(1/alpha) in the exponent for ever after.",
    params=(SIZE, MEAN, SYNTHETIC_LEFT, I),
    conditions=(),
    assumptions=(POISSON_FIT, REAL_START, POISSON_MIXED),
    quantity="P(mu_i = 0), a probability",
    kind=Kind.LOWER,
    expr=lambda: sp.exp(-n * mu * _largest_share()),
    rates=(Rate(wrt="mu", to=0, leading=lambda: sp.S.One),),
    proof="proof-poisson-absence-lower",
)
EXTINCTION = _result(
    "poisson/extinction/replace",
    "Extinction of a Poisson chain: replace",
    "P(mu_i = 0) <= exp(-2 n mu/(i + 1 + log(i)/3)): a count seen n mu times is forgotten in a time proportional to "
    "n mu; the exponent is right up to a factor 1 + log(i)/(3 (i+1)).",
    quantity="P(mu_i = 0), a probability",
    kind=Kind.UPPER,
    expr=lambda: sp.exp(-2 * n * mu / forgetting_time()),
    params=(SIZE, MEAN, I),
    conditions=(),
    assumptions=(POISSON_FIT, REAL_START, POISSON_REPLACE),
    rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sp.S.One),),
    proof="proof-poisson-extinction",
)

RESULTS = (VARIANCE, DISTANCE, ABSENCE, ABSENCE_LOWER, EXTINCTION)
