"""Linear regression on labels of the last fit: exact risks of the loop, ceilings and floors."""

from __future__ import annotations

import sympy as sp

from ..functions import geometric_sum, power_sum
from ..result import Assumption, Kind, Mode, Rate, Result, Source
from ..symbols import I, alpha, d, delta, i, n, root
from . import regression_mixed, regression_ridge
from .regression_setting import (
    ACCUMULATED,
    COLUMNS,
    CONCENTRATED,
    DETERMINED,
    DOHMATOB,
    EITHER_ROWS,
    FAILURE,
    FRESH_ROWS,
    GAUSSIAN_ROWS,
    GERSTGRASSER,
    HORIZON,
    INVERTIBLE,
    LABELS,
    LEAST_SQUARES,
    NORMAL_NOISE,
    REAL_NOISE,
    REPLACED,
    ROWS,
    SAME_ROWS,
    START,
    SYNTHETIC_NOISE,
    WEIGHT,
    per_row,
    risk,
    with_noises,
)

ANY_ROWS = Assumption(
    key="any-gram",
    text="rows are independent with the same law and finite second moments, and d of them are linearly independent "
    "almost surely",
)
GIVEN_ROWS = Assumption(key="given-rows", text="any n rows, the same in every generation, with X'X invertible")
REUSED = Assumption(
    key="labels-reused",
    text="generation j+1 minimises alpha times the squares on the real labels of generation 1 plus (1-alpha) times the "
    "squares on labels of generation j, all at the same n rows",
)
REAL_ONLY = Assumption(
    key="labels-real-only",
    text="every label is a real label of generation 1 or was made by an earlier generation; every fit is linear in its "
    "labels and finds the coefficients of labels without noise",
)


def _series() -> sp.Expr:
    """Sum of 1/k^2 for k = 2..i."""
    return power_sum(2, i) - 1


def _whole_series() -> sp.Expr:
    return sp.pi**2 / 6 - 1


def _quantile() -> sp.Expr:
    """A ratio chi-square_d/chi-square_m, m = n-d+1, exceeds this with probability at most delta/2."""
    x, m = sp.log(4 / delta), n - d + 1
    return (d + 2 * root(d * x) + 2 * x) / (root(m) * (root(m) - 2 * root(x)))


def _wide() -> sp.Expr:
    """Its numerator over n: what is left for large n."""
    x = sp.log(4 / delta)
    return (d + 2 * root(d * x) + 2 * x) / n


def _reused_spread() -> sp.Expr:
    return (1 - alpha) ** 2 * geometric_sum(alpha * (2 - alpha), i - 1)


_NOISES = (REAL_NOISE, SYNTHETIC_NOISE)
_OLS = (GAUSSIAN_ROWS, LABELS, LEAST_SQUARES, START)
_ALWAYS = {"kind": Kind.UPPER, "mode": Mode.HIGH_PROBABILITY, "conditions": (CONCENTRATED,)}
_LARGEST = "largest of (w_j - w)' Sigma (w_j - w), the risk given the fit, over generations (squared unit of y)"

WHOLE = (
    risk(
        "replace",
        "Linear regression on its own labels",
        "E(x.w_i - x.w)^2 = (sigma^2 + (i-1) tau^2) d/(n-d-1), whether the rows are kept or drawn anew: the risk grows "
        "linearly, and not at all if synthetic labels have no noise.",
        expr=lambda: with_noises(per_row(), (i - 1) * per_row()),
        params=(ROWS, COLUMNS, I, *_NOISES),
        conditions=(DETERMINED,),
        assumptions=(*_OLS, REPLACED, EITHER_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, (i - 1) * d / n)),),
        source=DOHMATOB,
        proof="proof-regression-replace",
    ),
    risk(
        "replace/any-design",
        "No distribution of the rows escapes",
        "For every law of the rows E(x.w_i - x.w)^2 >= (sigma^2 + (i-1) tau^2) d/(n-d+1).",
        kind=Kind.LOWER,
        expr=lambda: with_noises(d / (n - d + 1), (i - 1) * d / (n - d + 1)),
        params=(ROWS, COLUMNS, I, *_NOISES),
        conditions=(INVERTIBLE,),
        assumptions=(ANY_ROWS, LABELS, LEAST_SQUARES, START, REPLACED, EITHER_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, (i - 1) * d / n)),),
        source=Source(
            bib="mourtada2022",
            locator="lower bound d/(n-d+1) for any law of the covariates",
            note="bound of the source for one fit; the loop and the short proof are ours",
        ),
        proof="proof-regression-any-design",
    ),
    risk(
        "in-sample",
        "Error at the training rows, for any design",
        "At given rows, the same in every generation, E||X(w_i - w)||^2/n = (sigma^2 + (i-1) tau^2) d/n, whatever the "
        "rows and the law of the noise.",
        quantity="E||X(w_i - w)||^2/n, the mean squared error at the rows (squared unit of y)",
        expr=lambda: with_noises(d / n, (i - 1) * d / n),
        params=(ROWS, COLUMNS, I, *_NOISES),
        conditions=(INVERTIBLE,),
        assumptions=(GIVEN_ROWS, LABELS, LEAST_SQUARES, START, REPLACED),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, (i - 1) * d / n)),),
        source=DOHMATOB,
        proof="proof-regression-in-sample",
    ),
    risk(
        "replace/probability",
        "All generations at once: replace",
        "With x = log(4/delta), m = n-d+1: with probability at least 1-delta no generation j <= i has a risk above "
        "(sigma^2 + (i-1) tau^2) (d + 2 sqrt(d x) + 2x)/(m - 2 sqrt(m x)).",
        **_ALWAYS,
        quantity=_LARGEST + " j <= i",
        expr=lambda: with_noises(_quantile(), (i - 1) * _quantile()),
        params=(ROWS, COLUMNS, HORIZON, FAILURE, *_NOISES),
        assumptions=(*_OLS, NORMAL_NOISE, REPLACED, SAME_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(_wide(), (i - 1) * _wide())),),
        source=Source(
            bib="laurent2000",
            locator="tails of chi-squares",
            note="tails of the source, proved again; the exact law of the loop and all generations at once are ours",
        ),
        proof="proof-regression-probability",
    ),
    risk(
        "accumulate",
        "Linear regression on accumulated labels, the same rows",
        "E(x.w_i - x.w)^2 = (sigma^2 + tau^2 (1/4 + 1/9 + ... + 1/i^2)) d/(n-d-1): bounded for ever.",
        expr=lambda: with_noises(per_row(), _series() * per_row()),
        params=(ROWS, COLUMNS, I, *_NOISES),
        conditions=(DETERMINED,),
        assumptions=(*_OLS, ACCUMULATED, SAME_ROWS),
        rates=(
            Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, _series() * d / n)),
            Rate(wrt="i", to=sp.oo, leading=lambda: with_noises(per_row(), _whole_series() * per_row())),
        ),
        source=GERSTGRASSER,
        proof="proof-regression-accumulate",
    ),
    risk(
        "accumulate/fresh-design",
        "Linear regression on accumulated rows and labels",
        "With new rows in every generation E(x.w_i - x.w)^2 = sigma^2 d/(n-d-1) + tau^2 sum_(k=2)^i d/(k(kn-d-1)), "
        "at most d (sigma^2/(n-d-1) + tau^2 (1/4 + 1/9 + ... + 1/i^2)/(n-(d+1)/2)).",
        kind=Kind.UPPER,
        expr=lambda: with_noises(per_row(), _series() * (2 * d) / (2 * n - d - 1)),
        params=(ROWS, COLUMNS, I, *_NOISES),
        conditions=(DETERMINED,),
        assumptions=(*_OLS, ACCUMULATED, FRESH_ROWS),
        rates=(
            Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, _series() * d / n)),
            Rate(
                wrt="i",
                to=sp.oo,
                leading=lambda: with_noises(per_row(), _whole_series() * (2 * d) / (2 * n - d - 1)),
            ),
        ),
        source=GERSTGRASSER,
        proof="proof-regression-accumulate-fresh",
    ),
    risk(
        "accumulate/ceiling",
        "Accumulated labels cost less than pi^2/6",
        "Whether the rows are kept or drawn anew, in every generation E(x.w_i - x.w)^2 <= "
        "(sigma^2 + (pi^2/6 - 1) tau^2) d/(n-d-1).",
        kind=Kind.UPPER,
        expr=lambda: with_noises(per_row(), _whole_series() * per_row()),
        params=(ROWS, COLUMNS, *_NOISES),
        conditions=(DETERMINED,),
        assumptions=(*_OLS, ACCUMULATED, EITHER_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(d / n, _whole_series() * d / n)),),
        source=GERSTGRASSER,
        proof="proof-regression-accumulate-fresh",
    ),
    risk(
        "accumulate/probability",
        "All generations for ever: accumulate",
        "With x = log(4/delta), m = n-d+1: with probability at least 1-delta no generation at all has a risk above "
        "(sigma^2 + (pi^2/6 - 1) tau^2) (d + 2 sqrt(d x) + 2x)/(m - 2 sqrt(m x)).",
        **_ALWAYS,
        quantity=_LARGEST,
        expr=lambda: with_noises(_quantile(), _whole_series() * _quantile()),
        params=(ROWS, COLUMNS, FAILURE, *_NOISES),
        assumptions=(*_OLS, NORMAL_NOISE, ACCUMULATED, SAME_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: with_noises(_wide(), _whole_series() * _wide())),),
        source=Source(
            bib="gerstgrasser2024",
            locator="linear regression, accumulating data",
            note="setting of the source; the statement for all generations at once and its proof are ours",
        ),
        proof="proof-regression-probability",
    ),
    risk(
        "reused-labels",
        "Real labels reused with a weight",
        "E(x.w_i - x.w)^2 = (sigma^2 + tau^2 (1-alpha)^2 (1 - (1-alpha)^(2(i-1)))/(alpha(2-alpha))) d/(n-d-1): one set "
        "of real labels keeps the risk bounded, and synthetic labels never lower it.",
        expr=lambda: with_noises(per_row(), _reused_spread() * per_row()),
        params=(ROWS, COLUMNS, WEIGHT, I, *_NOISES),
        conditions=(DETERMINED,),
        assumptions=(GAUSSIAN_ROWS, LABELS, START, REUSED, SAME_ROWS),
        rates=(
            Rate(
                wrt="i",
                to=sp.oo,
                leading=lambda: with_noises(per_row(), (1 - alpha) ** 2 / (alpha * (2 - alpha)) * per_row()),
            ),
        ),
        source=Source(bib="fu2025stl", locator="training with a fixed real set", note="instance and proof ours"),
        proof="proof-regression-reused",
    ),
    risk(
        "real-only",
        "No gain without new real labels",
        "If all real labels are those of generation 1, then E(x.w_i - x.w)^2 >= sigma^2 d/(n-d-1) in every generation, "
        "whatever is kept, weighted or drawn anew.",
        kind=Kind.LOWER,
        expr=lambda: REAL_NOISE.symbol**2 * per_row(),
        params=(ROWS, COLUMNS, REAL_NOISE),
        conditions=(DETERMINED,),
        assumptions=(GAUSSIAN_ROWS, LABELS, START, REAL_ONLY),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: REAL_NOISE.symbol**2 * d / n),),
        source=Source(
            bib="gerstgrasser2024",
            locator="linear regression, replacing and accumulating data",
            note="statement and proof ours, by the Gauss-Markov theorem",
        ),
        proof="proof-regression-real-only",
    ),
)

RESULTS: tuple[Result, ...] = (*WHOLE, *regression_mixed.RESULTS, *regression_ridge.RESULTS)
