"""Linear regression with a penalty, and with fewer rows than coefficients: bias that adds up in the loop."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Assumption, Rate, Result
from ..symbols import I, alpha, d, i, n
from .regression_setting import (
    COLUMNS,
    DOHMATOB,
    EIGENVALUE,
    FRESH_ROWS,
    INTERPOLATING,
    LABELS,
    PENALTY,
    REAL_NOISE,
    REPLACED,
    ROWS,
    SIGNAL,
    START,
    SYNTHETIC_NOISE,
    WEIGHT,
    gram,
    mu,
    rho,
    risk,
    with_noises,
)

DIRECTION = Assumption(
    key="given-direction",
    text="any n rows, the same in every generation; v is a unit eigenvector of X'X/n, its eigenvalue is gram",
)
PENALISED = Assumption(
    key="ridge-fit",
    text="a fit minimises the average of (w.x - y)^2/2 over the rows plus (mu/2)||w||^2",
)
RENEWED = Assumption(
    key="labels-renewed",
    text="generation j+1 has new real labels with weight alpha and labels of generation j with weight 1-alpha, both at "
    "all n rows",
)
ISOTROPIC = Assumption(key="isotropic-rows", text="rows are x ~ N(0, I_d), independent")
SHORTEST = Assumption(key="shortest-fit", text="w_j is the shortest vector that fits all n labels exactly")


def _drift() -> sp.Expr:
    """What a fit forgets of the mean: 1 - (1-alpha) gram/(gram+mu)."""
    return (mu + alpha * gram) / (gram + mu)


def _bias() -> sp.Expr:
    """1 - E v.w_i/v.w: the penalty's share, summed over the generations."""
    return mu / (gram + mu) * geometric_sum(_drift(), i)


def _spread(kept: sp.Expr, total: sp.Expr) -> sp.Expr:
    scale = gram / (n * (gram + mu) ** 2)
    return with_noises(scale * (kept + alpha**2 * total), scale * (1 - alpha) ** 2 * total)


def _ridge() -> sp.Expr:
    square = _drift() * (2 - _drift())
    return rho**2 * _bias() ** 2 + _spread(complement_power(square, i - 1), geometric_sum(square, i - 1))


def _stationary() -> sp.Expr:
    """For alpha > 0 the bias is that of the penalty mu/alpha."""
    return rho**2 * (mu / (mu + alpha * gram)) ** 2 + _spread(sp.S.Zero, 1 / (_drift() * (2 - _drift())))


def _lost() -> sp.Expr:
    """1 - n/d: the share of the directions that n rows do not see."""
    return (d - n) / d


def _kept(power: sp.Expr) -> sp.Expr:
    """(n/d)^power, as exact for many coefficients as for hardly more than rows."""
    from sympy.codegen.cfunctions import log1p  # not needed to list the catalogue

    return sp.exp(-power * log1p((d - n) / n))


def _interpolation() -> sp.Expr:
    noise = n / (d - n - 1)
    unseen = rho**2 * (_lost() * geometric_sum(_lost(), i))
    return unseen + with_noises(noise * _kept(i - 1), noise * geometric_sum(_lost(), i - 1))


RESULTS: tuple[Result, ...] = (
    risk(
        "ridge",
        "Ridge regression along a direction of the design",
        "With g = gram/(gram+mu) the mean of v.(w_i - w) is -b_i v.w, b_i = (1-g) sum_(k<i) (g(1-alpha))^k: without "
        "real labels 1 - g^i, the bias compounds until nothing is left; with a weight alpha it is at most that of a "
        "penalty mu/alpha. The variance adds to its square.",
        quantity="E(v.(w_i - w))^2, squared error of the coefficient along v (squared unit of y)",
        expr=_ridge,
        params=(
            ROWS,
            PENALTY,
            EIGENVALUE,
            WEIGHT,
            I,
            SIGNAL,
            REAL_NOISE,
            SYNTHETIC_NOISE,
        ),
        assumptions=(DIRECTION, LABELS, PENALISED, START, RENEWED),
        rates=(Rate(wrt="i", to=sp.oo, leading=_stationary),),
        source=DOHMATOB,
        proof="proof-regression-ridge",
    ),
    risk(
        "interpolation",
        "Fewer rows than coefficients: what the rows do not see is forgotten",
        "With new rows in every generation E||w_i - w||^2 = ||w||^2 (1 - (n/d)^i) + n/(d-n-1) (sigma^2 (n/d)^(i-1) + "
        "tau^2 sum_(k<i-1) (n/d)^k): even without noise the signal is lost exponentially fast.",
        expr=_interpolation,
        params=(
            replace(ROWS, typical=(10, 50)),
            replace(COLUMNS, typical=(100, 1000)),
            I,
            SIGNAL,
            REAL_NOISE,
            SYNTHETIC_NOISE,
        ),
        conditions=(INTERPOLATING,),
        assumptions=(ISOTROPIC, LABELS, SHORTEST, START, REPLACED, FRESH_ROWS),
        rates=(
            Rate(wrt="d", to=sp.oo, leading=lambda: rho**2),
            Rate(wrt="i", to=sp.oo, leading=lambda: rho**2 + with_noises(sp.S.Zero, n / (d - n - 1) * d / (d - n))),
        ),
        source=DOHMATOB,
        proof="proof-regression-interpolation",
    ),
)
