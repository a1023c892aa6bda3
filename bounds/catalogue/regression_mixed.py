"""Linear regression where a share of the rows has real labels: new ones, or reused ones."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Kind, Rate, Result, Source
from ..symbols import REAL_COUNT, I, alpha, d, i, n, sigma
from .regression_setting import (
    COLUMNS,
    DETERMINED,
    EITHER_ROWS,
    FEW_REAL,
    FEW_ROWS,
    FIXED,
    FRESH_ROWS,
    GAUSSIAN_ROWS,
    LABELS,
    LEAST_SQUARES,
    MANY_REAL,
    ONE_NOISE,
    REAL_NOISE,
    ROWS,
    SAME_ROWS,
    SHARE,
    START,
    STRATIFIED,
    SYNTHETIC_NOISE,
    per_row,
    risk,
    tau,
    with_noises,
)

_OLS = (GAUSSIAN_ROWS, LABELS, LEAST_SQUARES, START)
_MANY = (replace(COLUMNS, typical=(1, 3)), replace(SHARE, typical=(0.1, 0.5, 1.0)))
_FEW = (replace(COLUMNS, typical=(25, 30)), replace(SHARE, typical=(0.1, 0.4, 0.0)))
SOURCE = Source(bib="fu2024tv", locator="mixed training", note="setting of the source; instance and proof ours")
REUSING = Source(
    bib="fu2025stl", locator="training with a fixed real set", note="setting of the source; instance and proof ours"
)


def _forgotten() -> sp.Expr:
    """1 - kappa: what the mean squared error forgets per generation when the rows are new; negative if it grows."""
    lean = n * (n**2 - n - 2 * n * d + 2) / ((n - 1) * (n + 2) * (n - d - 1))
    return alpha * (1 + (1 - alpha) * lean)


def _fresh_rows() -> sp.Expr:
    kept, total = complement_power(_forgotten(), i - 1), geometric_sum(_forgotten(), i - 1)
    return with_noises(per_row() * (kept + alpha * total), per_row() * (1 - alpha) * total)


def _many_rows() -> sp.Expr:
    gap = alpha * (2 - alpha)
    kept, total = complement_power(gap, i - 1), geometric_sum(gap, i - 1)
    return with_noises(d / n * (kept + alpha * total), d / n * (1 - alpha) * total)


def _floor(size: sp.Expr) -> sp.Expr:
    return sigma**2 * d / size * geometric_sum(alpha * (2 - alpha), i)


def _few_real() -> sp.Expr:
    """Of the d directions d - alpha n are never seen by a real label, alpha n others forget slowly."""
    unseen = (d - alpha * n) * i
    seen = alpha * n * geometric_sum(d / n * (2 - d / n), i)
    return sigma**2 * (unseen + seen) / (n - d - 1)


def _ceiling() -> sp.Expr:
    return sigma**2 * d / 2 * (1 / (alpha * n - d - 1) + (1 + alpha) / (2 * (n - d - 1)))


def _fixed_ceiling() -> sp.Expr:
    real = d / (alpha * n - d - 1)
    # 1/(αn−d−1) − 1/((2−α)(n−d−1)) over one denominator, free of cancellation
    gap = (n - alpha * n) * (2 * n - d - 1) / ((2 * n - alpha * n) * (n - d - 1) * (alpha * n - d - 1))
    return sigma**2 * real + tau**2 * (d / 2 * gap)


RESULTS: tuple[Result, ...] = (
    risk(
        "stratified/fresh-design",
        "New rows, a share of them with real labels",
        "The risk r_i = E(x.w_i - x.w)^2 obeys r_(i+1) = kappa r_i + (alpha sigma^2 + (1-alpha) tau^2) d/(n-d-1) with "
        "1 - kappa = alpha(1 + (1-alpha) n(n^2-n-2nd+2)/((n-1)(n+2)(n-d-1))). For d/n above 2/3 or so kappa > 1 at "
        "small alpha: a few real labels make the risk grow exponentially, where none make it grow linearly.",
        expr=_fresh_rows,
        params=(ROWS, COLUMNS, SHARE, I, REAL_NOISE, SYNTHETIC_NOISE),
        conditions=(REAL_COUNT, DETERMINED),
        assumptions=(*_OLS, STRATIFIED, FRESH_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=_many_rows),),
        source=SOURCE,
        proof="proof-regression-stratified-fresh",
    ),
    risk(
        "stratified/lower",
        "No arrangement of the real labels does better than the share of them",
        "Whether the rows are kept or drawn anew, E(x.w_i - x.w)^2 >= sigma^2 d/(n-d-1) times the sum of "
        "(1-alpha)^(2k) over k < i.",
        kind=Kind.LOWER,
        expr=lambda: _floor(n - d - 1),
        params=(ROWS, COLUMNS, SHARE, I, ONE_NOISE),
        conditions=(REAL_COUNT, DETERMINED),
        assumptions=(*_OLS, STRATIFIED, EITHER_ROWS),
        rates=(
            Rate(wrt="n", to=sp.oo, leading=lambda: _floor(n)),
            Rate(wrt="i", to=sp.oo, leading=lambda: sigma**2 * per_row() / (alpha * (2 - alpha))),
        ),
        source=SOURCE,
        proof="proof-regression-stratified",
    ),
    risk(
        "stratified/few-real",
        "Fewer real rows than coefficients do not stop the collapse",
        "With the same rows throughout and alpha n <= d, E(x.w_i - x.w)^2 >= sigma^2/(n-d-1) times (d - alpha n) i + "
        "alpha n (1 - (1-d/n)^(2i))/(1 - (1-d/n)^2): it grows linearly if alpha n < d.",
        kind=Kind.LOWER,
        expr=_few_real,
        params=(FEW_ROWS, *_FEW, I, ONE_NOISE),
        conditions=(REAL_COUNT, FEW_REAL, DETERMINED),
        assumptions=(*_OLS, STRATIFIED, SAME_ROWS),
        rates=(Rate(wrt="i", to=sp.oo, leading=lambda: sigma**2 * (d - alpha * n) * i / (n - d - 1)),),
        source=SOURCE,
        proof="proof-regression-stratified",
    ),
    risk(
        "stratified/ceiling",
        "More real rows than coefficients stop the collapse",
        "With the same rows throughout and alpha n > d+1, in every generation E(x.w_i - x.w)^2 <= (sigma^2 d/2) "
        "(1/(alpha n-d-1) + (1+alpha)/(2(n-d-1))).",
        kind=Kind.UPPER,
        expr=_ceiling,
        params=(ROWS, *_MANY, ONE_NOISE),
        conditions=(REAL_COUNT, MANY_REAL),
        assumptions=(*_OLS, STRATIFIED, SAME_ROWS),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: sigma**2 * d / (2 * n) * (1 / alpha + (1 + alpha) / 2)),),
        source=SOURCE,
        proof="proof-regression-stratified",
    ),
    risk(
        "fixed/ceiling",
        "More reused real rows than coefficients stop the collapse",
        "With the same rows and the same real labels at alpha n > d+1 of them, in every generation E(x.w_i - x.w)^2 <= "
        "d (sigma^2/(alpha n-d-1) + (tau^2/2) (1/(alpha n-d-1) - 1/((2-alpha)(n-d-1)))).",
        kind=Kind.UPPER,
        expr=_fixed_ceiling,
        params=(ROWS, *_MANY, REAL_NOISE, SYNTHETIC_NOISE),
        conditions=(REAL_COUNT, MANY_REAL),
        assumptions=(*_OLS, FIXED, SAME_ROWS),
        rates=(
            Rate(
                wrt="n",
                to=sp.oo,
                leading=lambda: with_noises(d / (alpha * n), (1 - alpha) * d / (alpha * (2 - alpha) * n)),
            ),
        ),
        source=REUSING,
        proof="proof-regression-fixed",
    ),
)
