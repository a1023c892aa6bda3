"""Expected gap of strongly convex learning from the loop's own second moment, from both sides (theory: section 6)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..deferred import Formula
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import NONNEGATIVE, i, s
from .discrete_moments import EMPIRICAL, REAL_START
from .schedules import EVERY, INFLUENCE, ScheduleFormulas
from .stability_setting import RIDGE, mu

V = sp.Symbol("V", real=True)
SMOOTHNESS = Param(
    name="s",
    symbol=s,
    domain=NONNEGATIVE,
    meaning="smoothness of the loss: largest curvature in the weights",
    typical=(0.25, 1.0),
)
GRADIENT_VARIANCE = Param(
    name="V",
    symbol=V,
    domain=NONNEGATIVE,
    meaning="trace of the covariance, under P, of the gradient of the loss at the minimiser of the penalised real risk",
    typical=(0.5, 2.0),
)
_CURVED = Assumption(
    key="smooth-convex-loss",
    text="the loss is convex and s-smooth in the weights at every atom; the learner minimises the average loss of "
    "its training set plus (mu/2)||w||^2",
)
_QUANTITY = "E gap of the learner of generation i+1: real risk minus training error, in the unit of the loss"
_SOURCE = Source(
    bib="fu2025stl",
    locator="general generalization bound for self-consuming loops",
    note="the source has an upper bound by stability; this sandwich and its proof are ours",
)


def _next(expr: sp.Expr) -> sp.Expr:
    return expr.xreplace({i: i + 1})


def _moment(schedule: ScheduleFormulas) -> sp.Expr:
    """Return w of the training set's empirical distribution, which is generation i+1's; the last one of `weighted`."""
    return schedule.atom_variance if schedule.name == "weighted" else _next(schedule.atom_variance)


def _lower() -> sp.Expr:
    return V * (1 / (2 * (s + mu)) + mu / (2 * (s + mu) ** 2))


def _upper() -> sp.Expr:
    return V * (2 * mu + s) / (2 * mu**2)


def _second_order(schedule: ScheduleFormulas, kind: Kind, factor: Formula) -> Result:
    name = schedule.name
    if name in INFLUENCE:
        rate = Rate(wrt="n", to=sp.oo, leading=lambda: _next(INFLUENCE[name]) * factor())
    else:
        rate = Rate(wrt="mu", to=sp.oo, leading=lambda: V / mu * schedule.atom_variance)
    params = schedule.params if name != "weighted" else tuple(_of_next(param) for param in schedule.params)
    return Result(
        key=f"generalization/second-order/{kind}/{name}",
        title=f"Expected gap of strongly convex learning, {kind} bound: {name}",
        statement="w_{i+1} V (1/(2(s+mu)) + mu/(2(s+mu)^2)) <= E gap <= w_{i+1} V (2 mu + s)/(2 mu^2): "
        "of order 1/n, without any term for the shift of the distribution.",
        quantity=_QUANTITY,
        kind=kind,
        mode=Mode.EXPECTATION,
        expr=lambda: _moment(schedule) * factor(),
        params=(*params, RIDGE, SMOOTHNESS, GRADIENT_VARIANCE),
        conditions=schedule.conditions,
        assumptions=(EMPIRICAL, REAL_START, _CURVED, schedule.assumption),
        rates=(rate,),
        source=_SOURCE,
        proof="proof-generalization-second-order",
    )


def _of_next(param: Param) -> Param:
    return replace(param, meaning=f"{param.meaning}; the last generation is the one whose training set is learned from")


RESULTS = (
    *(_second_order(schedule, Kind.LOWER, _lower) for schedule in EVERY),
    *(_second_order(schedule, Kind.UPPER, _upper) for schedule in EVERY),
)
