"""Propagation of total variation error through any self-consuming loop (theory: section 1)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..functions import geometric_sum, last_of_resolvent, power_sum, shifted_power_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import (
    ALPHA,
    DELTA,
    EPS,
    ERRORS,
    MIXING,
    NONNEGATIVE,
    POSITIVE,
    B,
    I,
    N,
    a,
    alpha,
    c,
    eps,
    eps_vector,
    i,
    n,
    s,
)

_QUANTITY = "e_i = E TV(P_i, P), in [0, 1]"
_SOURCE = Source(
    bib="fu2024tv",
    locator="total variation distance under mixed training",
    note="form of the source's propagation of one-step errors; constants and proof ours",
)
_MIXTURE = Assumption(
    key="mixture-target",
    text="generation j+1 is a fit to data whose target is Q_j = a_j P + sum_k b_jk P_k with weights summing to 1",
)
_ONE_STEP = Assumption(key="one-step-errors", text="eps_j bounds E TV(P_{j+1}, Q_j) for every j, with Q_0 = P")

C = Param(
    name="c",
    symbol=c,
    domain=NONNEGATIVE,
    meaning="constant of the one-step error (TV times points^a)",
    typical=(0.5, 2.0),
)
EXPONENT = Param(
    name="a",
    symbol=a,
    domain=POSITIVE,
    meaning="exponent of the one-step error in the sample size",
    typical=(0.25, 0.5, 1.0),
)
GROWTH = Param(
    name="s",
    symbol=s,
    domain=NONNEGATIVE,
    meaning="growth exponent of the sample size: generation k+1 has n (k+1)^s points",
    typical=(0.0, 1.0, 4.5),
)

GENERAL = Result(
    key="tv/propagation",
    title="Propagation of total variation error",
    statement=(
        "For any model and any schedule, e_{j+1} <= eps_j + sum_k B[j, k] e_{k+1}; hence e <= (I - B)^{-1} eps, "
        "entrywise. The value is the bound of the last generation, i = number of rows of B."
    ),
    quantity=_QUANTITY,
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=lambda: last_of_resolvent(B, eps_vector),
    params=(MIXING, ERRORS),
    assumptions=(_MIXTURE, _ONE_STEP),
    source=_SOURCE,
    proof="proof-propagation",
)

HIGH_PROBABILITY = Result(
    key="tv/propagation-hp",
    title="Propagation of total variation error with high probability",
    statement=(
        "If, given Q_j, TV(P_{j+1}, Q_j) exceeds eps_j with probability at most delta/i for each of the i generations, "
        "then with probability at least 1 - delta, TV(P_j, P) <= [(I - B)^{-1} eps]_j for all j <= i at once. "
        "The value is the bound of the last generation."
    ),
    quantity="TV(P_i, P), in [0, 1]",
    kind=Kind.UPPER,
    mode=Mode.HIGH_PROBABILITY,
    expr=lambda: last_of_resolvent(B, eps_vector),
    params=(
        MIXING,
        replace(ERRORS, meaning="one-step errors exceeded with probability at most delta/i each, j = 0..g-1"),
        DELTA,
    ),
    assumptions=(
        _MIXTURE,
        Assumption(key="one-step-probability", text="P(TV(P_{j+1}, Q_j) > eps_j | Q_j) <= delta/i for every j < i"),
    ),
    source=replace(_SOURCE, note="union bound over generations; constants and proof ours"),
    proof="proof-propagation-hp",
)


def _closed(name: str, title: str, statement: str, expr: Formula, params: tuple[Param, ...], rate: Rate) -> Result:
    return Result(
        key=f"tv/propagation/{name}",
        title=title,
        statement=statement,
        quantity=_QUANTITY,
        kind=Kind.UPPER,
        mode=Mode.EXPECTATION,
        expr=expr,
        params=params,
        assumptions=(_MIXTURE, _ONE_STEP),
        rates=(rate,),
        source=_SOURCE,
        proof="proof-propagation-closed",
    )


def _contracting(name: str, data: str) -> Result:
    return _closed(
        name,
        f"Propagation with a constant real fraction: {name}",
        f"Trained on {data}, a real fraction alpha keeps the error below eps/alpha for ever.",
        lambda: eps * geometric_sum(alpha, i),
        (EPS, ALPHA, I),
        Rate(wrt="i", to=sp.oo, leading=lambda: eps / alpha),
    )


def _accumulated() -> sp.Expr:
    return c * n ** (-a) * (i ** (-a) + shifted_power_sum(a, i - 1))


def _growing() -> sp.Expr:
    return c * n ** (-a) * power_sum(s * a, i)


RESULTS = (
    GENERAL,
    HIGH_PROBABILITY,
    _closed(
        "replace",
        "Propagation when data are replaced",
        "Trained on the last generation alone, errors add up: e_i <= i eps.",
        lambda: eps * i,
        (EPS, I),
        Rate(wrt="i", to=sp.oo, leading=lambda: eps * i),
    ),
    _contracting("fresh", "n iid draws from alpha P + (1-alpha) P_i"),
    _contracting("stratified", "alpha n fresh draws from P and (1-alpha) n draws from P_i"),
    _contracting("fixed", "the same alpha n real points and (1-alpha) n draws from P_i"),
    _closed(
        "subsample",
        "Propagation when training sets are subsampled from all generations",
        "Trained on n iid draws from the equal mixture of P and P_1..P_i, e_i <= eps H_i.",
        lambda: eps * power_sum(1, i),
        (EPS, I),
        Rate(wrt="i", to=sp.oo, leading=lambda: eps * (sp.log(i) + sp.EulerGamma)),
    ),
    _closed(
        "accumulate",
        "Propagation when data accumulate",
        "If the one-step error on N points is at most c N^-a and all data are kept, the error stays bounded in i.",
        _accumulated,
        (C, N, EXPONENT, I),
        Rate(wrt="n", to=sp.oo, leading=_accumulated),
    ),
    _closed(
        "replace-growing",
        "Propagation when replaced data grow",
        "Replaced data with n (k+1)^s points for generation k+1 and one-step error c N^-a: bounded in i iff s a > 1.",
        _growing,
        (C, N, GROWTH, EXPONENT, I),
        Rate(wrt="n", to=sp.oo, leading=_growing),
    ),
)
