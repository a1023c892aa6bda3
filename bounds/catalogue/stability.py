"""Uniform stability of learners; recursive stability is in `stability_recursive` (theory: section 5)."""

from __future__ import annotations

import sympy as sp

from ..deferred import Formula
from ..result import Assumption, Kind, Mode, Rate, Result, Source
from ..symbols import N, n, root
from . import stability_recursive
from .stability_setting import (
    LIPSCHITZ,
    RIDGE,
    RIDGE_DATA,
    RIDGE_LEARNER,
    STEPS,
    L,
    eta,
    mu,
    ridge_norm,
    ridge_range,
    ridge_stability,
)

_BETA = "beta_n: largest change of the loss at a point when one of n training points is replaced"
_SOURCE = Source(
    bib="bousquet2002", locator="stability of regularised learning", note="in the replace-one form; proof given here"
)
_CONVEX = Assumption(key="convex-loss", text="the loss is convex and L-Lipschitz in the weights, for every point")
_PENALISED = Assumption(
    key="penalised-learner", text="the learner minimises the average loss of its n points plus (mu/2)||w||^2"
)
_LOGISTIC_DATA = Assumption(key="unit-data", text="||x|| <= 1 and y is -1 or 1 for every point")
_LOGISTIC = Assumption(
    key="logistic-learner", text="the learner minimises the average of log(1 + exp(-y w.x)) plus (mu/2)||w||^2"
)
_DESCENT = Assumption(
    key="gradient-descent",
    text="stochastic gradient steps from a fixed start, one point at a time, chosen uniformly with replacement or by "
    "random passes; the loss is s-smooth and every step size is at most 2/s; projections onto a convex set are allowed",
)


def _learner(key: str, title: str, statement: str, expr: Formula, **fields: object) -> Result:
    defaults = {
        "quantity": _BETA,
        "kind": Kind.UPPER,
        "mode": Mode.SURE,
        "params": (N, RIDGE),
        "rates": (Rate(wrt="n", to=sp.oo, leading=expr),),
        "source": _SOURCE,
        "proof": "proof-stability-erm",
    }
    return Result(
        key=f"stability/{key}",
        title=title,
        statement=statement,
        expr=expr,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


ERM = _learner(
    "erm",
    "Stability of regularised learning",
    "beta_n <= 2 L^2/(mu n).",
    lambda: 2 * L**2 / (mu * n),
    params=(N, RIDGE, LIPSCHITZ),
    assumptions=(_CONVEX, _PENALISED),
)

_RIDGE = {"assumptions": (RIDGE_DATA, RIDGE_LEARNER), "proof": "proof-stability-ridge"}
RIDGE_CONSTANTS = (
    _learner(
        "erm/ridge",
        "Stability of ridge regression",
        "beta_n <= 2 (1+B)^2/(mu n), B the largest norm of the weights.",
        ridge_stability,
        **_RIDGE,
    ),
    _learner(
        "erm/ridge/norm",
        "Largest norm of the ridge weights",
        "||w|| <= B = 1/(2 sqrt(mu)) for mu <= 1 and 1/(1+mu) for mu >= 1; attained.",
        ridge_norm,
        quantity="norm of the weights",
        params=(RIDGE,),
        rates=(Rate(wrt="mu", to=0, leading=lambda: 1 / (2 * root(mu))),),
        **_RIDGE,
    ),
    _learner(
        "erm/ridge/lipschitz",
        "Lipschitz constant of the squared loss at the ridge weights",
        "The gradient (w.x - y) x of the loss has a norm of at most L = 1 + B; attained.",
        lambda: 1 + ridge_norm(),
        quantity="norm of the gradient of the loss",
        params=(RIDGE,),
        rates=(Rate(wrt="mu", to=sp.oo, leading=lambda: sp.S.One),),
        **_RIDGE,
    ),
    _learner(
        "erm/ridge/loss-range",
        "Range of the squared loss at the ridge weights",
        "(w.x - y)^2/2 lies in [0, M], M = (1+B)^2/2; attained.",
        ridge_range,
        quantity="length of the smallest interval that contains the loss",
        params=(RIDGE,),
        rates=(Rate(wrt="mu", to=sp.oo, leading=lambda: sp.S.Half),),
        **_RIDGE,
    ),
)

_LOGISTIC_FIELDS = {"assumptions": (_LOGISTIC_DATA, _LOGISTIC), "proof": "proof-stability-logistic"}


def _logistic_norm() -> sp.Expr:
    return root(2 * sp.log(2) / mu)


def _logistic(name: str, title: str, statement: str, quantity: str) -> Result:
    return _learner(
        f"erm/logistic/{name}",
        title,
        statement,
        _logistic_norm,
        quantity=quantity,
        params=(RIDGE,),
        rates=(Rate(wrt="mu", to=0, leading=_logistic_norm),),
        **_LOGISTIC_FIELDS,
    )


LOGISTIC = (
    _learner(
        "erm/logistic",
        "Stability of penalised logistic regression",
        "beta_n <= 2/(mu n): the logistic loss is 1-Lipschitz in the weights.",
        lambda: 2 / (mu * n),
        **_LOGISTIC_FIELDS,
    ),
    _logistic("norm", "Largest norm of the logistic weights", "||w|| <= sqrt(2 log(2)/mu).", "norm of the weights"),
    _logistic(
        "loss-range",
        "Range of the logistic loss at the learned weights",
        "The loss lies in an interval of length sqrt(2 log(2)/mu).",
        "length of the smallest interval that contains the loss",
    ),
)

SGD = _learner(
    "sgd",
    "Stability of stochastic gradient descent",
    "beta_n <= 2 L^2 (sum of the step sizes)/n, on average over the choice of the points.",
    lambda: 2 * L**2 * eta / n,
    mode=Mode.EXPECTATION,
    params=(N, LIPSCHITZ, STEPS),
    assumptions=(_CONVEX, _DESCENT),
    source=Source(bib="hardt2016", locator="convex case", note="the source's bound; proof given here"),
    proof="proof-stability-sgd",
)

RESULTS = (ERM, *RIDGE_CONSTANTS, *LOGISTIC, SGD, *stability_recursive.RESULTS)
