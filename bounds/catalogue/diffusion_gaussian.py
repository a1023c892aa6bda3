"""Diffusion models for normal targets: with the exact score the law of the output is known."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..diffusion_functions import square
from ..functions import geometric_sum
from ..kde_functions import gaussian_bias
from ..result import Assumption, Kind, Mode, Param, Rate, Result
from ..symbols import SIGMA, root
from .diffusion_setting import (
    CENTRED_NORMAL,
    EXACT_SCORE,
    FIRST_TIME,
    FORWARD,
    MEAN,
    NORMAL,
    ONE_STEP,
    OURS,
    REVERSE,
    SPAN,
    STANDARD_NORMAL,
    STEP,
    STEPS,
    TWEEDIE,
    decay_loss,
    dt,
    m,
    moved_variance,
    noised_variance,
    span,
    steps,
    t0,
)


def _equality(
    key: str,
    title: str,
    statement: str,
    expr: Formula,
    params: tuple[Param, ...],
    assumptions: tuple[Assumption, ...],
    **fields: object,
) -> Result:
    return Result(
        key=key,
        title=title,
        statement=statement,
        kind=Kind.EQUALITY,
        mode=Mode.SURE,
        expr=expr,
        params=params,
        assumptions=(FORWARD, *assumptions, EXACT_SCORE),
        **fields,  # type: ignore[arg-type]
    )


def _last_variance() -> sp.Expr:
    """V(t1) from V(t0)."""
    return sp.exp(-2 * span) * noised_variance(t0) + decay_loss(2 * span)


def _share() -> sp.Expr:
    """Cov(X_t0, X_t1)/Var X_t1: the slope of the composed reverse kernels."""
    return sp.exp(-span) * noised_variance(t0) / _last_variance()


def _remaining() -> sp.Expr:
    """Var(X_t0 | X_t1)/Var X_t0."""
    return decay_loss(2 * span) / _last_variance()


def _output_variance() -> sp.Expr:
    return noised_variance(t0) * _remaining() + square(_share())


def _output_tv() -> sp.Expr:
    return moved_variance(decay_loss(2 * t0) + square(_share()) * sp.exp(-2 * (t0 + span)), _output_variance())


def _normal(
    name: str, title: str, statement: str, expr: Formula, target: Assumption, *params: Param, **fields: object
) -> Result:
    return _equality(
        name,
        title,
        statement,
        expr,
        (*params, FIRST_TIME, SPAN),
        (target, TWEEDIE),
        source=OURS,
        proof="proof-diffusion-gaussian",
        **fields,
    )


NORMAL_TARGETS = (
    _normal(
        "tv/diffusion/gaussian-exact",
        "Total variation of a diffusion model with Tweedie steps for a normal target",
        "With the exact score the steps are exact for a normal target, on any grid: only the two ends are left.",
        _output_tv,
        CENTRED_NORMAL,
        SIGMA,
        quantity=ONE_STEP,
    ),
    _normal(
        "diffusion/gaussian-exact/mean",
        "Mean of the output of a diffusion model with Tweedie steps for a normal target",
        "The output has the mean m e^-t0 (1 - e^(-2 span))/V(t1), t1 = t0 + span, on any grid.",
        lambda: m * sp.exp(-t0) * _remaining(),
        NORMAL,
        MEAN,
        SIGMA,
        quantity="modulus of the mean of the output (unit of the data)",
    ),
    _normal(
        "diffusion/gaussian-exact/variance",
        "Variance of the output of a diffusion model with Tweedie steps for a normal target",
        "The output is normal with the variance V(t0) (1 - e^(-2 span))/V(t1) + e^(-2 span) V(t0)^2/V(t1)^2, "
        "V(t) = 1 + e^-2t (sigma^2 - 1), t1 = t0 + span, on any grid.",
        _output_variance,
        NORMAL,
        SIGMA,
        quantity="variance of the output (squared unit of the data)",
    ),
)


def _excess(name: str) -> sp.Expr:
    """Variance of the output minus 1 for P = N(0, 1)."""
    if name == "euler-maruyama":
        return dt**2 * geometric_sum(dt * (2 - dt), steps)
    growth = sp.exp(dt) * decay_loss(dt)
    return 2 * growth**2 * geometric_sum(growth * (2 - growth), steps)


def _discretised(name: str, words: str, factor: int) -> tuple[Result, Result]:
    scheme = Assumption(key=f"{name}-steps", text=f"equal steps of length dt in noising time: {words}")
    fields = {"proof": "proof-diffusion-discretised", "source": REVERSE}
    common = ((STEP, STEPS), (STANDARD_NORMAL, scheme))
    slope = sp.exp(-sp.Rational(1, 2)) / sp.sqrt(2 * sp.pi)
    return (
        _equality(
            f"tv/diffusion/discretised/{name}",
            f"Total variation that time steps leave for a standard normal target: {name}",
            "With the exact score and P = N(0, 1) only the time steps cause an error.",
            lambda: gaussian_bias(root(_excess(name))),
            *common,
            quantity=ONE_STEP,
            rates=(Rate(wrt="dt", to=0, leading=lambda: slope * factor * steps * dt**2),),
            **fields,  # type: ignore[arg-type]
        ),
        _equality(
            f"diffusion/discretised/{name}",
            f"Variance that time steps add for a standard normal target: {name}",
            "With the exact score the output for P = N(0, 1) is normal with a variance above 1; this is the excess.",
            lambda: _excess(name),
            *common,
            quantity="variance of the output minus 1",
            rates=(Rate(wrt="dt", to=0, leading=lambda: factor * steps * dt**2),),
            **fields,  # type: ignore[arg-type]
        ),
    )


DISCRETISED = (
    *_discretised("euler-maruyama", "x + dt (x + 2 score(x)) + sqrt(2 dt) Z", 1),
    *_discretised("exponential-integrator", "e^dt x + 2 (e^dt - 1) score(x) + sqrt(e^(2 dt) - 1) Z", 2),
)

RESULTS = (*NORMAL_TARGETS, *DISCRETISED)
