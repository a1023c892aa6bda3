"""Query `monotone`: does a quantity rise or fall in a parameter, and where does it turn."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import sympy as sp

from .answers import Trend, Unanswered
from .curve import Curve, Floats, curve_of
from .number import NotANumber
from .order import Order
from .slopes import Span
from .subject import Subject, Target, Variable, subject_of
from .worker import DEFAULT_LIMIT, TimeIsUp, WorkFailed, run

WORDS = {1: "increasing", -1: "decreasing", 0: "constant"}
_NOISE = 1e-12  # differences of double precision values below this share are rounding
_DRAWS = 12
_SMALL = 30  # operations and powers of an expression on which the rules are quick


def monotone(target: Target, param: str, /, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Trend:
    """Return whether a quantity increases or decreases in a parameter, in the wide sense, or where it turns.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    param : str
        Name of a scalar parameter.
    time_limit : float
        Seconds for symbolic work on an expression that is not in the catalogue.
    **fixed
        Values of other parameters. With parameters left free the answer is for all their values.

    Returns
    -------
    Trend
        `proved` if it follows from the domains by rule; otherwise read off a grid over the whole domain
        (for free parameters: at random values of them), and the turns refined to 12 digits or to the integer.

    Raises
    ------
    Unanswered
        The direction depends on parameters that are free, or there are too few values.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    subject = subject_of(target).fix(fixed)
    query = f"direction of {subject.name} in {param}"
    variable = subject.variable(param, query)
    found = proved_direction(subject, variable, time_limit)
    if found is not None:
        text = f"{subject.name} is {WORDS[found]} in {param}, by rule"
        return _trend(query, WORDS[found], (), "symbolic", text, proved=True)
    if subject.loose(variable):
        return _sampled(target, subject, param, fixed, query)
    return _turning(curve_of(target, param, fixed, query), query)


def _trend(query: str, direction: str, turns: tuple[float, ...], method: str, text: str, proved: bool = False) -> Trend:
    return Trend(
        query=query,
        expr=sp.Tuple(*map(sp.Float, turns)) if turns else sp.Symbol(direction),
        value=turns[0] if len(turns) == 1 else float("nan"),
        method=method,
        proved=proved,
        text=text,
        direction=direction,
        turns=turns,
    )


def proved_direction(subject: Subject, variable: Variable, time_limit: float = DEFAULT_LIMIT) -> int | None:
    """Return 1, −1, 0 if rules show that the subject rises, falls or is constant in the variable, else None."""
    powers = (abs(e.exp) for e in subject.expr.atoms(sp.Pow) if e.exp.is_Integer)
    small = subject.expr.count_ops() <= _SMALL and max(powers, default=0) <= _SMALL
    if subject.trusted or small:
        return direction_by_rules(subject, variable)
    try:
        found: int | None = run(direction_by_rules, subject, variable, limit=time_limit)
    except (TimeIsUp, WorkFailed):
        return None
    return found


def direction_by_rules(subject: Subject, variable: Variable) -> int | None:
    """Apply the rules of `Order` to the whole domain, then to the parts of the admissible values."""
    x, (box, apart) = variable.symbol, _parts(subject)
    everywhere = Order(subject).direction(subject.expr, x)
    if everywhere is not None or not box:
        return everywhere
    found = {Order(subject, box).direction(subject.expr, x)}
    for share, value in apart:
        alone = subject.expr.subs(share, value)
        if share != x:
            found.add(Order(subject).direction(alone, x))
        else:  # the step between the single value and the rest
            near = box[share][1] if value == 1 else box[share][0]
            step = Order(subject).sign(alone - subject.expr.subs(share, near))
            found.add(step if value == 1 or step is None else -step)
    found -= {0}
    return 0 if not found else found.pop() if len(found) == 1 else None


def _parts(subject: Subject) -> tuple[dict[Any, Span], list[tuple[Any, sp.Expr]]]:
    """Split the admissible values into a box and single values of a share.

    With alpha*n an integer, alpha is at most 1 − 1/n, or 1; with lam*n an integer, lam is at least 1/n, or 0.
    """
    domains = {v.symbol: v for v in subject.variables}
    box: dict[Any, Span] = {}
    apart: list[tuple[Any, sp.Expr]] = []
    for quantity in (quantity for _, quantity, whole in subject.conditions if whole):
        share = next((s for s in quantity.free_symbols if s.name in ("alpha", "lam")), None)
        if share is not None:
            size, top = quantity / share, domains[share].high
            box[share] = (sp.S.Zero, 1 - 1 / size) if top == 1 else (1 / size, top)
            apart.append((share, sp.S.One if top == 1 else sp.S.Zero))
        elif len(quantity.free_symbols) == 1:
            (size,) = quantity.free_symbols
            box[size] = (sp.Integer((quantity / size).q), sp.oo)
    return box, apart


def _sampled(target: Target, subject: Subject, param: str, fixed: dict[str, Any], query: str) -> Trend:
    """Check directions at random values of the free parameters."""
    rng, found = random.Random(20250117), set()
    for _ in range(_DRAWS):
        drawn = {v.name: v.draw(rng) for v in subject.variables if v.name != param}
        try:
            found.add(_turning(curve_of(target, param, {**fixed, **drawn}, query), query).direction)
        except (Unanswered, NotANumber):
            continue
    found -= {"constant"} if len(found) > 1 else set()
    if len(found) != 1 or found == {"turns"}:
        free = ", ".join(v.name for v in subject.variables if v.name != param)
        raise Unanswered(query, f"it turns, or the direction depends on other parameters: fix {free}")
    direction = found.pop()
    text = f"{subject.name} is {direction} in {param} on a grid, at {_DRAWS} random values of the other parameters"
    return _trend(query, direction, (), "grid, at random values of the free parameters", text)


def _turning(curve: Curve, query: str) -> Trend:
    points, name = curve.grid(), curve.variable.name
    values = curve.values(points)
    points = [x for x, v in zip(points, values, strict=True) if np.isfinite(v)]
    values = values[np.isfinite(values)]
    if len(points) < 2:
        raise Unanswered(query, f"{curve.subject.name} has fewer than two values along {name}")
    signs = directions(values)
    moving = [k for k, s in enumerate(signs) if s]
    turns = [(a, b) for a, b in itertools.pairwise(moving) if signs[a] != signs[b]]
    places = tuple(float(refined_turn(curve, points[a], points[b + 1], signs[b] > 0)) for a, b in turns)
    span = f"on a grid of {len(points)} values from {float(points[0]):.6g} to {float(points[-1]):.6g}"
    if not places:
        word = WORDS[signs[moving[0]] if moving else 0]
        return _trend(query, word, (), "grid", f"{curve.subject.name} is {word} in {name} {span}")
    steps = [WORDS[signs[turns[0][0]]], *(WORDS[signs[b]] for _, b in turns)]
    course = steps[0] + "".join(f" to {x:.12g}, then {s}" for x, s in zip(places, steps[1:], strict=True))
    return _trend(query, "turns", places, "grid, turns refined", f"{curve.subject.name} in {name}: {course}; {span}")


def directions(values: Floats) -> list[int]:
    """Return the sign of every step; steps as small as rounding count as none."""
    steps = np.diff(values)
    noise = _NOISE * np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    return [int(np.sign(step)) if abs(step) > eps else 0 for step, eps in zip(steps, noise, strict=True)]


def refined_turn(curve: Curve, low: sp.Expr, high: sp.Expr, minimum: bool) -> sp.Expr:
    """Return the place of the one extremum between two points: an admissible value, or to 12 digits and more."""
    sign = 1 if minimum else -1
    if curve.step:

        def falls(x: sp.Expr) -> bool:
            return bool(sign * (curve(x + curve.step) - curve(x)) < 0)

        last = high - curve.step
        return curve.switch(falls, low, last)[1] if falls(low) != falls(last) else low
    if not curve.precise:
        return _golden(curve, low, high, sign)

    def descends(x: sp.Expr) -> bool:
        shift = abs(x) * sp.Rational(1, 10**20) or sp.Rational(1, 10**40)
        return bool(sign * (curve(x + shift, 80) - curve(x - shift, 80)) < 0)

    inner = curve.between(low, low + (high - low) / 2**40) or low
    outer = curve.between(high - (high - low) / 2**40, high) or high
    if descends(inner) == descends(outer):
        return inner if not descends(inner) else outer
    return curve.switch(descends, inner, outer)[1]


def _golden(curve: Curve, low: sp.Expr, high: sp.Expr, sign: int) -> sp.Expr:
    """Minimise in double precision, where nothing more precise is affordable: eight digits of the place."""
    from scipy import optimize

    ends = (float(low), float(high))
    found = optimize.minimize_scalar(
        lambda x: sign * float(curve.values([x])[0]), bounds=ends, method="bounded", options={"xatol": 1e-10 * ends[1]}
    )
    return sp.Rational(float(found.x))
