"""Parameters, assumptions and sources of the results on linear regression."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..result import Assumption, Condition, Kind, Mode, Param, Result, Source
from ..symbols import ALPHA, DELTA, DIMENSION, NONNEGATIVE, POSITIVE, SIGMA, I, N, alpha, d, delta, n, sigma

tau, gram, mu, rho = sp.symbols("tau gram mu rho", real=True)

ROWS = replace(N, meaning="rows (points) of a training set", typical=(50, 1000, 100_000))
FEW_ROWS = replace(ROWS, typical=(40, 60))
COLUMNS = replace(DIMENSION, meaning="number of coefficients", typical=(2, 10))
SHARE = replace(ALPHA, meaning="share of the rows that have real labels")
REAL_NOISE = replace(SIGMA, meaning="standard deviation of the noise in real labels (unit of y)")
ONE_NOISE = replace(SIGMA, meaning="standard deviation of the noise in all labels (unit of y)")
SYNTHETIC_NOISE = Param(
    name="tau",
    symbol=tau,
    domain=NONNEGATIVE,
    meaning="standard deviation of the noise in synthetic labels (unit of y)",
    typical=(1.0, 0.0, 2.5),
)
SIGNAL = Param(
    name="rho",
    symbol=rho,
    domain=NONNEGATIVE,
    meaning="size of the true coefficients: ||w||, or |v.w| along one direction (unit of y)",
    typical=(0.5, 1.0, 3.0),
)
PENALTY = Param(
    name="mu",
    symbol=mu,
    domain=NONNEGATIVE,
    meaning="strength of the penalty (mu/2)||w||^2",
    typical=(0.1, 0.0, 1.0),
)
EIGENVALUE = Param(
    name="gram",
    symbol=gram,
    domain=POSITIVE,
    meaning="eigenvalue of X'X/n that belongs to the direction v",
    typical=(1.0, 0.1, 4.0),
)
WEIGHT = replace(ALPHA, meaning="weight of the real labels in each fit", typical=(0.5, 0.1, 0.0, 1.0))
HORIZON = replace(I, meaning="number of generations over which the bound holds at once")

DETERMINED = Condition(
    text="n >= d + 2: with fewer rows the mean risk is infinite", expr=lambda: n - d - 2, integer=False
)
INVERTIBLE = Condition(text="n >= d: with fewer rows X'X is singular", expr=lambda: n - d, integer=False)
INTERPOLATING = Condition(
    text="d >= n + 2: with fewer coefficients the mean risk is infinite", expr=lambda: d - n - 2, integer=False
)
# alpha*n is a whole number up to rounding: halves between them separate the counts whatever the rounding
MANY_REAL = Condition(
    text="alpha*n >= d + 2: with fewer real rows there is no such ceiling",
    expr=lambda: alpha * n - d - sp.Rational(3, 2),
    integer=False,
)
FEW_REAL = Condition(
    text="alpha*n <= d: fewer real rows than coefficients", expr=lambda: d - alpha * n + sp.S.Half, integer=False
)
CONCENTRATED = Condition(
    text="n - d + 1 >= 4 log(4/delta): enough rows for the smallest chi-square",
    expr=lambda: n - d + 1 - 4 * sp.log(4 / delta),
    integer=False,
)
FAILURE = replace(DELTA, typical=(0.05, 0.01))


def _assumed(key: str, text: str) -> Assumption:
    return Assumption(key=key, text=text)


GAUSSIAN_ROWS = _assumed("gaussian-rows", "rows are x ~ N(0, Sigma), independent, Sigma positive definite")
LABELS = _assumed(
    "linear-labels",
    "a real label is w.x plus noise of variance sigma^2, a label of generation j is w_j.x plus noise of variance tau^2 "
    "(sigma^2 where tau is no parameter); all noise is independent of rows and past, uncorrelated, of mean 0",
)
NORMAL_NOISE = _assumed("normal-noise", "the noise in labels is normal")
LEAST_SQUARES = _assumed("least-squares", "w_j is the least-squares fit to the training set of generation j")
START = _assumed("real-labels-first", "generation 1 is fitted to n rows with real labels")
SAME_ROWS = _assumed("same-rows", "the rows of generation 1 are the rows of every generation; only labels change")
FRESH_ROWS = _assumed("fresh-rows", "every new training set has new independent rows")
EITHER_ROWS = _assumed("any-rows", "the rows of generation 1 are kept, or new independent ones are drawn each time")
REPLACED = _assumed("labels-replace", "generation j+1 is fitted to n rows with labels of generation j")
ACCUMULATED = _assumed(
    "labels-accumulate",
    "generation j+1 is fitted to all earlier rows and labels and n more with labels of generation j",
)
STRATIFIED = _assumed(
    "labels-stratified",
    "generation j+1 is fitted to alpha n rows with new real labels, always the same ones if rows are kept, and "
    "(1-alpha) n with labels of generation j",
)
FIXED = _assumed(
    "labels-fixed",
    "generation j+1 is fitted to the first alpha n rows with the real labels of generation 1 and to the other "
    "(1-alpha) n with labels of generation j",
)

_RISK = "E(x.w_i - x.w)^2 for a new row x, the test error less that of w (squared unit of y)"


def risk(key: str, title: str, statement: str, **fields: object) -> Result:
    """Make a result on the prediction risk; an equality in expectation unless the fields say otherwise."""
    defaults = {"quantity": _RISK, "kind": Kind.EQUALITY, "mode": Mode.EXPECTATION}
    return Result(key=f"regression/{key}", title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


def per_row() -> sp.Expr:
    """E tr (X'X)^{-1} for standard normal rows: the risk of least squares in units of the noise variance."""
    return d / (n - d - 1)


def with_noises(real: sp.Expr, synthetic: sp.Expr) -> sp.Expr:
    """Return real σ² + synthetic τ², each a product of its own, which overflows only where it is large itself."""
    return sigma**2 * real + tau**2 * synthetic


GERSTGRASSER = Source(
    bib="gerstgrasser2024",
    locator="linear regression, replacing and accumulating data",
    note="setting and series of the source; two noise levels, the other designs and the proofs are ours",
)
DOHMATOB = Source(
    bib="dohmatob2024",
    locator="linear regression on labels of the last fit",
    note="setting of the source; exact form for finite n and d and proof ours",
)
