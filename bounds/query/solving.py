"""Query `solve`: how large or small must a parameter be for a bound to be at most a value."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from ..errors import DomainError
from .answers import Solution, Unanswered
from .curve import Curve, curve_of
from .inverse import candidates
from .number import NotANumber, evaluate
from .subject import Subject, Target, Variable, exact_number, subject_of
from .trend import proved_direction
from .worker import DEFAULT_LIMIT

_CLOSE = 1e-9  # grid points this close to the value are compared in many digits


@dataclass(frozen=True)
class _Region:
    """Neighbouring admissible values that all suffice; an end is None where the domain ends too."""

    low: sp.Expr
    high: sp.Expr
    from_start: bool
    to_end: bool


def solve(target: Target, param: str, value: Any, /, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Solution:
    """Return the least demanding value of a parameter for which a bound is at most `value`.

    For a bound that decreases in the parameter this is the smallest one that suffices, for one that increases the
    largest. A bound that is not monotone suffices on several ranges, which the text names; the answer is the end of
    the range at the lower end of the domain if that suffices, else the start of the first range.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    param : str
        Name of a scalar parameter.
    value : number
        What the bound may be at most.
    time_limit : float
        Seconds for symbolic work on an expression that is not in the catalogue.
    **fixed
        Values of all other parameters; some may stay free where the bound can be solved for `param` by formula.

    Returns
    -------
    Solution
        `expr` is exact for integers and where the equation has a closed form; integers and fractions of a sample
        are rounded to the safe side, and the bound was evaluated there and at the neighbour that does not suffice.
        With ``exists=False`` no value suffices, and `infimum` says how far the bound goes down.

    Raises
    ------
    Unanswered
        Other parameters are free, or the bound gets there only beyond 10^30.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    level = exact_number(value)
    subject = subject_of(target).fix(fixed)
    if level is None or not level.is_real:
        raise DomainError(subject.name, "value", repr(value), "finite real numbers")
    query = f"{param} such that {subject.name} <= {level}"
    variable = subject.variable(param, query)
    direction = proved_direction(subject, variable, time_limit)
    if subject.loose(variable):
        return _by_formula(subject, variable, level, direction, query)
    curve = curve_of(target, param, fixed, query)
    regions = _regions(curve, level)
    if not regions:
        return _without_solution(curve, level, direction, query)
    return _solution(curve, level, regions, direction, query)


def _by_formula(subject: Subject, variable: Variable, level: sp.Expr, direction: int | None, query: str) -> Solution:
    """Solve with free parameters: one formula that is right at random values of them."""
    rng, x = random.Random(20250321), variable.symbol
    good = []
    for root in candidates(subject.expr, x, level):
        draws = [subject.sample(rng) for _ in range(6)]
        if direction and all(_solves(subject, x, root, draw, level) for draw in draws):
            good.append(root)
    if len(good) != 1:
        raise Unanswered(query, "there is no formula for it, so fix the other parameters")
    real = sp.simplify(good[0])
    rounded = real if not variable.whole else sp.ceiling(real) if direction == -1 else sp.floor(real)
    expr, which = subject.restore(rounded), "smallest" if direction == -1 else "largest"
    return Solution(
        query=query,
        expr=expr,
        value=float("nan"),
        method="symbolic",
        proved=True,
        text=f"{which} {variable.name} with {subject.name} <= {level}: {expr}, where that is in the domain",
        exists=True,
        infimum=float("nan"),
        real=subject.restore(real),
    )


def _solves(subject: Subject, x: Any, root: sp.Expr, draw: dict[Any, Any], level: sp.Expr) -> bool:
    """Tell whether a formula solves the equation at these values; a complex root is no solution there."""
    try:
        place = evaluate(root, draw, 50)
        found = subject.at({**draw, x: place}, 50)
    except NotANumber:
        return True  # no solution exists for these values
    return bool(abs(found - mp.mpmathify(level.evalf(50))) <= mp.mpf("1e-30") * max(1, abs(found)))


def _regions(curve: Curve, level: sp.Expr) -> list[_Region]:
    """Return where the bound is at most the level, with ends refined."""
    points, bound = curve.grid(), float(level)
    values = curve.values(points)
    kept = [(x, v) for x, v in zip(points, values, strict=True) if np.isfinite(v) or v == np.inf]

    def suffices(x: sp.Expr) -> bool:
        try:
            return not curve.exceeds(x, level)
        except NotANumber:
            return False

    good = [suffices(x) if abs(v - bound) <= _CLOSE * abs(bound) else bool(v <= bound) for x, v in kept]
    regions, start = [], 0
    for k in range(1, len(good) + 1):
        if k < len(good) and good[k] == good[start]:
            continue
        if good[start]:
            low = curve.switch(suffices, kept[start - 1][0], kept[start][0])[1] if start else kept[0][0]
            high = curve.switch(suffices, kept[k - 1][0], kept[k][0])[0] if k < len(good) else kept[-1][0]
            regions.append(_Region(low, high, start == 0, k == len(good)))
        start = k
    return regions


def _without_solution(curve: Curve, level: sp.Expr, direction: int | None, query: str) -> Solution:
    values = curve.values(curve.grid())
    ends = (curve.end_value(False), curve.end_value(True))
    infimum = float(np.nanmin([*values[np.isfinite(values)], *ends]))
    if infimum < float(level):
        raise Unanswered(query, f"the bound tends to {infimum:.10g}, but is above {level} up to 10^30")
    name = curve.variable.name
    text = f"no value of {name} suffices: the infimum of {curve.subject.name} is {infimum:.10g}, above {level}"
    if infimum == float(level):
        text = f"no value of {name} suffices: {curve.subject.name} only tends to its infimum {infimum:.10g}"
    return Solution(
        query=query,
        expr=sp.nan,
        value=float("nan"),
        method="symbolic" if direction is not None else "grid",
        proved=direction is not None,
        text=text,
        exists=False,
        infimum=infimum,
        real=sp.nan,
    )


def _solution(curve: Curve, level: sp.Expr, regions: list[_Region], direction: int | None, query: str) -> Solution:
    first = regions[0]
    largest = first.from_start and direction != -1
    place = first.high if largest else first.low
    unlimited = first.to_end if largest else first.from_start
    real = sp.nan if unlimited else _exact_root(curve, level, place)
    exact = not curve.step and real is not sp.nan
    expr = real if exact else place if curve.step or unlimited else sp.Float(str(mp.nstr(_number(place), 25)), 25)
    if unlimited and largest and curve.high is sp.oo:
        expr = sp.oo
    proved = direction is not None and (bool(curve.step) or exact or unlimited) and curve.precise
    return Solution(
        query=query,
        expr=expr,
        value=float(expr) if expr is sp.oo else float(evaluate(expr, {}, 40)),
        method=_method(curve, exact, real, direction),
        proved=proved,
        text=_sentence(curve, level, regions, place, largest, unlimited, expr),
        exists=True,
        infimum=float("nan"),
        real=real,
    )


def _number(x: sp.Expr) -> Any:
    with mp.workdps(40):
        return mp.mpf(int(x.p)) / int(x.q) if x.is_Rational else mp.mpmathify(x.evalf(40))


def _method(curve: Curve, exact: bool, real: sp.Expr, direction: int | None) -> str:
    how = "symbolic" if exact or (curve.step and real is not sp.nan) else "numeric (bisection)"
    checked = "verified by evaluation at the neighbours" if curve.step else "verified by evaluation"
    digits = "" if curve.precise else ", double precision"
    return f"{how}; {checked}{digits}; direction {'by rule' if direction is not None else 'on a grid'}"


def _exact_root(curve: Curve, level: sp.Expr, place: sp.Expr) -> sp.Expr:
    """Return the closed form of the root next to `place`, or nan."""
    x, near = curve.variable.symbol, _number(place)
    if not curve.precise:
        return sp.nan
    for root in candidates(curve.subject.expr, x, level):
        try:
            number = evaluate(root, {}, 40)
            value = curve(number)
        except NotANumber:
            continue
        reach = float(curve.step) or 1e-15 * max(1, abs(near))
        with mp.workdps(40):
            fits = abs(value - _number(level)) <= mp.mpf("1e-25") * max(abs(value), abs(_number(level)))
        if fits and abs(number - near) <= reach:
            return sp.nsimplify(root) if root.is_Rational else root
    return sp.nan


def _sentence(
    curve: Curve,
    level: sp.Expr,
    regions: list[_Region],
    place: sp.Expr,
    largest: bool,
    unlimited: bool,
    expr: sp.Expr,
) -> str:
    name, bound = curve.variable.name, f"{curve.subject.name} <= {level}"
    every = [_interval(r) for r in regions]
    if unlimited and len(regions) == 1 and largest:
        return f"every admissible {name} gives {bound}"
    which = "largest" if largest else "smallest"
    text = f"{which} {name} with {bound}: {expr}"
    text += f", where it is {mp.nstr(curve(place), 12)}"
    other = place + (curve.step if largest else -curve.step)
    if curve.step and not unlimited:
        text += f"; at {other} it is {mp.nstr(curve(other), 12)}"
    if curve.step and curve.step != 1:
        text += f"; admissible are the multiples of {curve.step}"
    if len(regions) > 1 or not (regions[0].from_start or regions[0].to_end):
        text += f"; not monotone: it suffices on {' and '.join(every)}"
    return text


def _interval(region: _Region) -> str:
    low = "the lower end" if region.from_start else mp.nstr(_number(region.low), 12)
    high = "the upper end" if region.to_end else mp.nstr(_number(region.high), 12)
    return f"[{low}, {high}]"
