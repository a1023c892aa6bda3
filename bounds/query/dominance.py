"""Query `dominant`: which additive term of a bound rules in a limit, and from where on."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import sympy as sp

from .answers import Dominance, Unanswered
from .comparison import crossover
from .growth import limit
from .order import Order
from .subject import Subject, Target, subject_of
from .worker import DEFAULT_LIMIT

_MOST = 12


def dominant(
    target: Target, param: str, /, to: Any = sp.oo, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any
) -> Dominance:
    """Return the additive term of a bound that is largest in the limit of one parameter.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression: a sum, or a product with a sum among its factors.
    param : str
        Name of a scalar parameter.
    to : number or sympy.oo
        What the parameter tends to, from inside its domain.
    time_limit : float
        Seconds for symbolic work.
    **fixed
        Values of other parameters; with all of them fixed the crossovers are found too.

    Returns
    -------
    Dominance
        `expr` is the ruling term, `terms` all of them, the ruling one first; of terms of the same order the one with
        the larger coefficient rules. `crossovers` are where the ruling term and the sum of the others overtake
        each other (absolute values are compared).

    Raises
    ------
    Unanswered
        There is only one additive term, or their order depends on parameters that are free.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    subject = subject_of(target).fix(fixed)
    query = f"dominant term of {subject.name} as {param} -> {to}"
    variable = subject.variable(param, query)
    terms = additive_terms(subject.expr)
    if len(terms) < 2:
        raise Unanswered(query, "it has a single additive term")
    if len(terms) > _MOST:
        raise Unanswered(query, f"it has {len(terms)} additive terms, more than {_MOST}")
    ruling, methods, proved = _ruling(subject, terms, param, to, query, time_limit)
    order = Order(subject)
    others = sp.Add(*(_size(t, order) for t in terms if t != ruling))
    crossovers: tuple[float, ...] = ()
    if not subject.loose(variable):
        crossovers = _crossovers(subject, _size(ruling, order), others, param)
    shown = tuple(subject.restore(t) for t in (ruling, *(t for t in terms if t != ruling)))
    places = (
        f"; it and the sum of the others cross at {', '.join(f'{x:.10g}' for x in crossovers)}" if crossovers else ""
    )
    return Dominance(
        query=query,
        expr=shown[0],
        value=float("nan"),
        method="; ".join(dict.fromkeys(methods)),
        proved=proved,
        text=f"{query}: {shown[0]}{places}",
        terms=shown,
        crossovers=crossovers,
    )


def _ruling(
    subject: Subject, terms: list[sp.Expr], param: str, to: Any, query: str, time_limit: float
) -> tuple[sp.Expr, list[str], bool]:
    """Return the largest term, how it was found, and whether that is proved."""
    ruling, proved = terms[0], True
    methods: list[str] = []
    for term in terms[1:]:
        ratio = limit(replace(subject, expr=term / ruling), param, to, time_limit=time_limit)
        size = math.inf if ratio.expr.has(sp.oo, -sp.oo) else abs(ratio.value)
        if math.isnan(size):
            raise Unanswered(query, f"{term} / {ruling} tends to {ratio.expr}, which depends on free parameters")
        ruling = term if size > 1 else ruling
        proved, methods = proved and ratio.proved, [*methods, ratio.method]
    return ruling, methods, proved


def additive_terms(expr: sp.Expr) -> list[sp.Expr]:
    """Return the terms of a sum, with the factors of a product distributed over the sums among them."""
    if isinstance(expr, sp.Mul):
        sums = [a for a in expr.args if isinstance(a, sp.Add)]
        if sums:
            rest = sp.Mul(*(a for a in expr.args if a is not sums[0]))
            return [t for part in sums[0].args for t in additive_terms(part * rest)]
    return list(expr.args) if isinstance(expr, sp.Add) else [expr]


def _size(term: sp.Expr, order: Order) -> sp.Expr:
    """Return |term|; sympy's own would split functions of the catalogue into real and imaginary parts."""
    sign = order.sign(term)
    return sp.Abs(term) if sign is None else sign * term


def _crossovers(subject: Subject, ruling: sp.Expr, others: sp.Expr, param: str) -> tuple[float, ...]:
    return crossover(replace(subject, expr=ruling), replace(subject, expr=others), param).crossings
