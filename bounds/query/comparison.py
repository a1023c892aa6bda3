"""Queries `crossover` and `compare`: where one bound overtakes another."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp

from ..errors import ParameterError
from ..functions import geometric_sum
from .answers import Comparison, Unanswered
from .curve import Curve, curve_of
from .number import NotANumber
from .order import Order
from .subject import Subject, Target, subject_of

_EQUAL = mp.mpf("1e-25")  # relative difference of two values in 50 digits that counts as none
_ROUNDING = 1e-9  # relative difference of double precision values that is looked at in 50 digits
_WORDS = {-1: "below", 0: "equal", 1: "above"}


def compare(target: Target, other: Target, param: str, /, **fixed: Any) -> Comparison:
    """Return how two bounds compare along one parameter.

    Parameters
    ----------
    target, other : Result, str or sympy.Expr
        Results, their keys, or sympy expressions.
    param : str
        A scalar parameter of at least one of them.
    **fixed
        Values of the other parameters of both; they may stay free where the relation follows by rule.

    Returns
    -------
    Comparison
        `relation` is that of the first to the second; below and above in the wide sense. `proved` if it follows
        from the domains by rule, else it was checked on a grid over the whole domain. For a parameter that takes
        whole numbers (or multiples of a step) a crossing is the first value with the new relation.

    Raises
    ------
    Unanswered
        Other parameters have to be fixed, or the two have no common values.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    return _compared(target, other, param, fixed, "comparison")


def crossover(target: Target, other: Target, param: str, /, **fixed: Any) -> Comparison:
    """Return all places along a parameter where one bound overtakes another; everything else as for `compare`."""
    return _compared(target, other, param, fixed, "crossover")


def _compared(target: Target, other: Target, param: str, fixed: dict[str, Any], what: str) -> Comparison:
    first, second = subject_of(target), subject_of(other)
    query = f"{what} of {first.name} and {second.name} along {param}"
    known = tuple(dict.fromkeys(v.name for s in (first, second) for v in s.variables))
    unknown = tuple(name for name in (param, *fixed) if name not in known)
    if unknown:
        raise ParameterError(f"{first.name}, {second.name}", (), unknown, known)
    subjects = [s.fix({k: v for k, v in fixed.items() if k in {w.name for w in s.variables}}) for s in (first, second)]
    proved = relation_by_rules(*subjects)
    if proved is not None:
        return _answer(query, first, second, param, _WORDS[proved], (), (), "symbolic", proved=True)
    curves = [_curve(t, s, param, fixed, query) for t, s in zip((target, other), (first, second), strict=True)]
    return _along(curves, first, second, param, query)


def relation_by_rules(first: Subject, second: Subject) -> int | None:
    """Return −1, 0, 1 if rules show that the first is at most, equal to, or at least the second, else None."""
    variables = {v.symbol: v for s in (first, second) for v in s.variables}
    order = Order(replace(first, variables=tuple(variables.values()), vectors={**first.vectors, **second.vectors}))
    if (difference := order.sign(first.expr - second.expr)) is not None:
        return difference
    if order.sign(first.expr) != 1 or order.sign(second.expr) != 1:
        return None
    up, down = _ratio(first.expr, second.expr)
    for sign in (-1, 1):
        small, large = (up, down) if sign == -1 else (down, up)
        if _at_most(small, large, order):
            return sign
    return order.sign(sp.Mul(*(b**e for b, e in up.items())) - sp.Mul(*(b**e for b, e in down.items())))


def _ratio(a: sp.Expr, b: sp.Expr) -> tuple[dict[sp.Expr, sp.Expr], dict[sp.Expr, sp.Expr]]:
    """Return the square of a/b as two products of powers without common factors."""
    powers: dict[sp.Expr, sp.Expr] = {}
    for expr, sign in ((a, 2), (b, -2)):
        for base, exponent in sp.powdenest(sp.expand_power_base(expr, force=True), force=True).as_powers_dict().items():
            powers[base] = powers.get(base, sp.S.Zero) + sign * exponent
    number = sp.Mul(*(b**e for b, e in powers.items() if b.is_number))
    rest = {b: e for b, e in powers.items() if not b.is_number and e != 0}
    up = {b: e for b, e in rest.items() if e.is_positive}
    down = {b: -e for b, e in rest.items() if not e.is_positive}
    return (up | ({number: sp.S.One} if number != 1 else {})), down


def _at_most(small: dict[sp.Expr, sp.Expr], large: dict[sp.Expr, sp.Expr], order: Order) -> bool:
    """Prove small ≤ large for products, from S_i(x) ≤ S_i(y) for y ≤ x, S_i(x) ≤ i, and 1 ≤ S_i(y) for i ≥ 1."""
    left = dict(large)
    for base, exponent in small.items():
        if order.sign(1 - base) in (0, 1):
            continue
        match = next((b for b, e in left.items() if _dominates(b, e, base, exponent, order)), None)
        if match is None:
            return False
        del left[match]
    return all(order.sign(base - 1) in (0, 1) or _is_sum(base, order) for base in left)


def _is_sum(base: sp.Expr, order: Order) -> bool:
    """Whether this is S_i(x) with x in [0, 1] and i ≥ 1."""
    if not isinstance(base, geometric_sum):
        return False
    x, i = base.args
    return all(order.sign(e) in (0, 1) for e in (x, 1 - x, i - 1))


def _dominates(large: sp.Expr, q: sp.Expr, small: sp.Expr, p: sp.Expr, order: Order) -> bool:
    if not isinstance(small, geometric_sum) or order.sign(q - p) not in (0, 1):
        return False
    if large == small.args[1]:  # S_i(x) <= i, and i >= 1
        return _is_sum(small, order)
    if not _is_sum(large, order) or small.args[1] != large.args[1]:
        return False
    x, y = small.args[0], large.args[0]
    return order.sign(x - y) in (0, 1) and order.sign(1 - x) in (0, 1)


def _curve(target: Target, subject: Subject, param: str, fixed: dict[str, Any], query: str) -> Curve | sp.Expr:
    """Return the curve of one of the two, or its value if the parameter is not one of its own."""
    own = {v.name for v in subject.variables}
    values = {name: value for name, value in fixed.items() if name in own}
    if param in own:
        return curve_of(target, param, values, query)
    constant = subject.fix(values)
    constant.require_fixed(query)
    return constant.expr


def _along(curves: list[Any], first: Subject, second: Subject, param: str, query: str) -> Comparison:
    moving = [c for c in curves if isinstance(c, Curve)]
    whole = all(c.step.is_Integer and c.step for c in moving)
    step = sp.ilcm(1, *(c.step for c in moving)) if whole else moving[0].step
    guide = replace(
        min(moving, key=lambda c: c.precise),
        low=sp.Max(*(c.low for c in moving)),
        high=sp.Min(*(c.high for c in moving)),
        open_low=any(c.open_low for c in moving),
        open_high=any(c.open_high for c in moving),
        step=step,
    )
    points = guide.grid()
    signs = _signs(curves, points)
    kept = [(x, s) for x, s in zip(points, signs, strict=True) if s is not None]
    if len(kept) < 2:
        raise Unanswered(query, f"the two have fewer than two common values along {param}")

    def rises(x: sp.Expr) -> bool:
        return (_sign_at(curves, x) or 0) > 0

    crossings, below = _regions(guide, kept, rises)
    seen = {s for _, s in kept}
    relation = "crossing" if {-1, 1} <= seen else _WORDS[(seen - {0} or {0}).pop()]
    method = f"grid of {len(kept)} values" + (", crossings refined" if crossings else "")
    return _answer(query, first, second, param, relation, crossings, below, method, proved=False)


def _signs(curves: list[Any], points: list[sp.Expr]) -> list[int | None]:
    a, b = (c.values(points) if isinstance(c, Curve) else np.full(len(points), float(c)) for c in curves)
    found: list[int | None] = []
    for x, u, v in zip(points, a, b, strict=True):
        if not (np.isfinite(u) and np.isfinite(v)):
            found.append(None)
        elif abs(u - v) <= _ROUNDING * max(abs(u), abs(v)):
            found.append(_sign_at(curves, x))
        else:
            found.append(1 if u > v else -1)
    return found


def _sign_at(curves: list[Any], x: sp.Expr) -> int | None:
    try:
        u, v = (c(x) if isinstance(c, Curve) else mp.mpmathify(c.evalf(50)) for c in curves)
    except NotANumber:
        return None
    with mp.workdps(50):
        near = _EQUAL if all(c.precise for c in curves if isinstance(c, Curve)) else mp.mpf("1e-13")
        if abs(u - v) <= near * max(abs(u), abs(v)):
            return 0
        return 1 if u > v else -1


def _regions(
    guide: Curve, kept: list[tuple[sp.Expr, int]], rises: Any
) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Return where the sign of the difference changes, and the intervals on which it is at most 0."""
    crossings: list[float] = []
    cuts: list[float] = []
    last = next((s for _, s in kept if s), 0)
    for (a, _), (b, sign) in itertools.pairwise(kept):
        if sign and sign != last:
            low, high = guide.switch(rises, a, b) if rises(a) != rises(b) else (a, b)
            crossings.append(float(high))
            cuts += [float(low), float(high)]
            last = sign
    start = next((s for _, s in kept if s), 0)
    edges = [float(kept[0][0]), *cuts, float(kept[-1][0])]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return tuple(crossings), tuple(spans[1 if start > 0 else 0 :: 2])


def _answer(
    query: str,
    first: Subject,
    second: Subject,
    param: str,
    relation: str,
    crossings: tuple[float, ...],
    below: tuple[tuple[float, float], ...],
    method: str,
    proved: bool,
) -> Comparison:
    text = f"{first.name} is {relation} {second.name}".replace("equal ", "equal to ")
    if relation == "crossing":
        places = ", ".join(f"{x:.12g}" for x in crossings)
        spans = " and ".join(f"[{a:.12g}, {b:.12g}]" for a, b in below)
        text = f"{first.name} and {second.name} cross at {param} = {places}; the first is at most the second on {spans}"
    text += " everywhere, by rule" if proved else f" ({method})"
    return Comparison(
        query=query,
        expr=sp.Tuple(*map(sp.Float, crossings)) if crossings else sp.Symbol(relation),
        value=crossings[0] if len(crossings) == 1 else float("nan"),
        method=method,
        proved=proved,
        text=text,
        relation=relation,
        crossings=crossings,
        below=below,
    )
