"""The large end of a diffusion from the first two moments and one number for what they leave out."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..diffusion_functions import log_gap, ratio_gap, square
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import DIMENSION, NONNEGATIVE, SIGMA, d, root, sigma
from .diffusion_ends import _moved_end, _shift
from .diffusion_setting import LAST_TIME, MEAN, NOISED, m, noised_variance, t1

chi = sp.Symbol("chi", real=True)
REMAINDER = Param(
    name="chi",
    symbol=chi,
    domain=NONNEGATIVE,
    meaning="chi-square divergence of P from the normal law with its mean and covariance",
    typical=(0.0, 0.2, 5.0),
)
_WIDTH = replace(SIGMA, meaning="standard deviation of every coordinate of P (unit of the data)")
_ISOTROPIC = Assumption(
    key="matched-normal",
    text="P has a mean of norm m and the covariance sigma^2 I, and a density f with respect to the normal law with "
    "these moments such that the mean of (f - 1)^2 under that law is at most chi",
)
_MOMENTS = replace(_ISOTROPIC, text="P has a mean of norm m and the covariance sigma^2 I")
_LINE = replace(_ISOTROPIC, text=_ISOTROPIC.text + "; d = 1")
_SOURCE = Source(
    bib="fu2024tv",
    locator="diffusion models",
    note="form of the source's bound; sharper than the bounds by the second moment alone; formula and proof ours",
)


def _cube() -> sp.Expr:
    """q³, q = e^{−2t}σ²/V(t) the squared correlation of the noised data with the data; σ⁶ itself may overflow."""
    q = sp.exp(-2 * t1) * sigma**2 / noised_variance(t1)
    return q * square(q)


def _change() -> sp.Expr:
    """V(t) − 1."""
    return sp.exp(-2 * t1) * (sigma - 1) * (sigma + 1)


def _normal_part() -> sp.Expr:
    near = log_gap(sp.Max(_change(), -sp.S.Half, evaluate=False))  # near −1, V(t) has digits that V(t) − 1 has not
    spread = sp.Piecewise((near, sp.Ge(_change(), -sp.S.Half)), (ratio_gap(noised_variance(t1)), True))
    return (sp.exp(-2 * t1) * m**2 + d * spread) / 2


def _divergence() -> sp.Expr:
    from sympy.codegen.cfunctions import log1p  # not needed to list the catalogue

    return _normal_part() + log1p(_cube() * chi)


def _distance() -> sp.Expr:
    return _shift(sp.exp(-t1) * m) + _moved_end() + root(_cube() * chi) / 2


_KL = "KL(P_t1 || N(0, I))"
RESULTS = (
    Result(
        key="diffusion/end-divergence/matched",
        title="Divergence of a noised target from the standard normal law, from two moments and chi-square",
        statement="KL(P_t1 || N(0, I)) <= e^-2t1 m^2/2 + (d/2)(V - 1 - log V) + log(1 + q^3 chi), "
        "V = 1 + e^-2t1 (sigma^2 - 1), q = e^-2t1 sigma^2/V.",
        quantity=_KL,
        kind=Kind.UPPER,
        mode=Mode.SURE,
        expr=_divergence,
        params=(LAST_TIME, MEAN, _WIDTH, DIMENSION, REMAINDER),
        assumptions=(NOISED, _ISOTROPIC),
        rates=(Rate(wrt="t1", to=sp.oo, leading=lambda: sp.exp(-2 * t1) * m**2 / 2),),
        source=_SOURCE,
        proof="proof-sharper-end",
    ),
    Result(
        key="diffusion/end-divergence/lower",
        title="Divergence of a noised target from the standard normal law, from below",
        statement="KL(P_t1 || N(0, I)) >= e^-2t1 m^2/2 + (d/2)(V - 1 - log V), with equality for normal targets.",
        quantity=_KL,
        kind=Kind.LOWER,
        mode=Mode.SURE,
        expr=_normal_part,
        params=(LAST_TIME, MEAN, _WIDTH, DIMENSION),
        assumptions=(NOISED, _MOMENTS),
        rates=(Rate(wrt="t1", to=sp.oo, leading=lambda: sp.exp(-2 * t1) * m**2 / 2),),
        source=_SOURCE,
        proof="proof-sharper-end",
    ),
    Result(
        key="tv/diffusion/end/matched",
        title="Total variation between a noised target and the standard normal law, from two moments and chi-square",
        statement="TV(P_t1, N(0, 1)) <= erf(e^-t1 m/(2 sqrt(2))) + TV(N(0, V), N(0, 1)) + sqrt(q^3 chi)/2, "
        "V = 1 + e^-2t1 (sigma^2 - 1), q = e^-2t1 sigma^2/V.",
        quantity="TV(P_t1, N(0, 1)), in [0, 1]",
        kind=Kind.UPPER,
        mode=Mode.SURE,
        expr=_distance,
        params=(LAST_TIME, MEAN, _WIDTH, REMAINDER),
        assumptions=(NOISED, _LINE),
        rates=(Rate(wrt="chi", to=sp.oo, leading=lambda: root(_cube() * chi) / 2),),
        source=_SOURCE,
        proof="proof-sharper-end",
    ),
)
