"""Diffusion models: total variation at the two ends of the noising time."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..diffusion_functions import divergence_tv, log_gap
from ..kde_functions import gaussian_bias
from ..result import Assumption, Kind, Mode, Param, Rate, Result
from ..symbols import DIMENSION, SIGMA, d, sigma
from .diffusion_setting import (
    CENTRE_NORM,
    CENTRED_NORMAL,
    FIRST_TIME,
    FORCE,
    L1,
    LAST_TIME,
    M2,
    MEAN_NORM,
    NOISED,
    SOURCE,
    SQUARE_NORM,
    R,
    decay_loss,
    moved_variance,
    noised_variance,
    off_one,
    product_bias,
    t0,
    t1,
)

_SLOPE = 1 / sp.sqrt(2 * sp.pi * sp.E)  # TV of N(0, 1) and N(0, 1 + x) over x, for small x
_START = "TV(P_t0, P), in [0, 1]"
_END = "TV(P_t1, N(0, I)), in [0, 1]"
_FINITE_MEAN = Assumption(key="finite-mean", text="R bounds E||X|| under P")
_FINITE_SQUARE = Assumption(key="finite-square", text="M2 bounds E||X||^2 under P")
_SMOOTH = Assumption(
    key="smooth-density", text="P has a density f in C^2 and div(x f) + Laplacian f is integrable, its norm at most L1"
)
_MIXTURE = Assumption(
    key="normal-mixture",
    text="P is a mixture of normal laws N(mu_j, sigma^2 I_d), R bounds the weighted mean of ||mu_j||",
)


def _shift(distance: sp.Expr) -> sp.Expr:
    """TV of two normal laws with unit covariance at this distance."""
    return sp.erf(distance / (2 * sp.sqrt(2)))


def _square_divergence() -> sp.Expr:
    share = sp.exp(-2 * t1)
    return (share * M2 + d * log_gap(-share)) / 2


def _end(
    name: str,
    title: str,
    statement: str,
    expr: Formula,
    params: tuple[Param, ...],
    assumption: Assumption,
    leading: Formula | None = None,
    **fields: object,
) -> Result:
    start = name.startswith("start")
    defaults = {
        "key": f"tv/diffusion/{name}",
        "kind": Kind.UPPER,
        "quantity": _START if start else _END,
        "proof": "proof-diffusion-start" if start else "proof-diffusion-end",
    }
    wrt, to = ("t0", 0) if start else ("t1", sp.oo)
    return Result(
        title=title,
        statement=statement,
        mode=Mode.SURE,
        expr=expr,
        params=params,
        assumptions=(NOISED, assumption),
        rates=(Rate(wrt=wrt, to=to, leading=leading),) if leading else (),
        source=SOURCE,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


STARTS = (
    _end(
        "start/smooth",
        "Total variation between a smooth target and its noised law",
        "TV(P_t0, P) <= t0 L1/2: of first order in t0.",
        lambda: t0 * L1 / 2,
        (FIRST_TIME, FORCE),
        _SMOOTH,
        lambda: t0 * L1 / 2,
    ),
    _end(
        "start/mixture",
        "Total variation between a normal mixture and its noised law",
        "TV(P_t0, P) <= erf((1 - e^-t0) R/(2 sqrt(2) sigma)) + 1 - (1-b)^d, b the TV of N(0, V(t0)) and N(0, sigma^2).",
        lambda: _shift(decay_loss(t0) * R / sigma) + product_bias(_moved_start()),
        (FIRST_TIME, CENTRE_NORM, SIGMA, DIMENSION),
        _MIXTURE,
        lambda: t0 * (R / (sigma * sp.sqrt(2 * sp.pi)) + d * _small_start()),
    ),
    _end(
        "start/gaussian",
        "Total variation between a normal target and its noised law",
        "TV(N(0, V(t0)), N(0, sigma^2)) with V(t) = 1 + e^-2t (sigma^2 - 1).",
        lambda: _moved_start(),
        (FIRST_TIME, SIGMA),
        CENTRED_NORMAL,
        lambda: t0 * _small_start(),
        kind=Kind.EQUALITY,
    ),
)


def _moved_start() -> sp.Expr:
    return moved_variance(decay_loss(2 * t0), noised_variance(t0))


def _small_start() -> sp.Expr:
    return 2 * _SLOPE * off_one() / sigma**2


def _first_moment() -> sp.Expr:
    one = gaussian_bias(sp.sqrt(sp.exp(-2 * t1) / decay_loss(2 * t1)))
    return _shift(sp.exp(-t1) * R) + product_bias(one)


def _moved_end() -> sp.Expr:
    """TV of N(0, V(t1)) and N(0, 1)."""
    ratio = sp.exp(-2 * t1) * off_one() / sp.Min(1, noised_variance(t1), evaluate=False)
    return sp.Piecewise((0, sp.Eq(sigma, 1)), (gaussian_bias(sp.sqrt(ratio)), True))


ENDINGS = (
    _end(
        "end/first-moment",
        "Total variation between a noised target and the standard normal law, from the mean norm",
        "TV(P_t1, N(0, I)) <= erf(e^-t1 R/(2 sqrt(2))) + 1 - (1-b)^d, b the TV of N(0, 1 - e^-2t1) and N(0, 1).",
        _first_moment,
        (LAST_TIME, MEAN_NORM, DIMENSION),
        _FINITE_MEAN,
    ),
    _end(
        "end/second-moment",
        "Total variation between a noised target and the standard normal law, from the mean squared norm",
        "TV(P_t1, N(0, I)) <= sqrt(min(D/2, 1 - exp(-D))), D = (e^-2t1 (M2 - d) - d log(1 - e^-2t1))/2.",
        lambda: divergence_tv(_square_divergence()),
        (LAST_TIME, SQUARE_NORM, DIMENSION),
        _FINITE_SQUARE,
        lambda: sp.exp(-t1) * sp.sqrt(M2) / 2,
    ),
    _end(
        "end-divergence",
        "Divergence of a noised target from the standard normal law",
        "KL(P_t1 || N(0, I)) <= (e^-2t1 (M2 - d) - d log(1 - e^-2t1))/2, by convexity.",
        _square_divergence,
        (LAST_TIME, SQUARE_NORM, DIMENSION),
        _FINITE_SQUARE,
        lambda: sp.exp(-2 * t1) * M2 / 2,
        key="diffusion/end-divergence",
        quantity="KL(P_t1 || N(0, I))",
    ),
    _end(
        "end/gaussian",
        "Total variation between a noised normal target and the standard normal law",
        "TV(N(0, V(t1)), N(0, 1)) with V(t) = 1 + e^-2t (sigma^2 - 1).",
        _moved_end,
        (LAST_TIME, SIGMA),
        CENTRED_NORMAL,
        kind=Kind.EQUALITY,
    ),
)

RESULTS = (*STARTS, *ENDINGS)
