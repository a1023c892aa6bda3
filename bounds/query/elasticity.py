"""Query `sensitivity`: by how many percent a bound changes when a parameter changes by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp
from mpmath import mp

from ..functions import CatalogueFunction, complement_power, geometric_sum
from ..kde_functions import heat_loss
from .answers import Elasticity, Unanswered
from .number import NotANumber, evaluate
from .subject import Subject, Target, Variable, subject_of

# functions that are defined between the integers in these arguments only by what mpmath would make of it
_STEPS = {
    "power_sum": (1,),
    "shifted_power_sum": (1,),
    "accumulated_loss": (1,),
    "accumulated_survival": (1,),
    "mean_deviation": (0, 1),
    "chain_deviation": (0, 2, 3),
    "spread_sum": (1,),
    "mixture_bias": (1,),
}
_ELEMENTARY = (complement_power, geometric_sum, heat_loss)
_DIGITS = 60
_QUADRATURE = ("sharp_", "square_", "mixture_bias")
_SHORT = 60  # operations in a formula that is simplified


def sensitivity(target: Target, /, **fixed: Any) -> Elasticity:
    """Return the elasticities ∂log(bound)/∂log(parameter) at a point, or as formulas.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    **fixed
        Values of all parameters; or of some, if the bound is an elementary function of the others.

    Returns
    -------
    Elasticity
        `values` has a number for every scalar parameter, nan where formulas in free parameters are returned;
        `expr` is a row with one entry each. Where a bound makes sense at integers only it is
        log(f(k+1)/f(k))/log((k+1)/k), which the method says. An elasticity at a parameter value of 0 is 0.

    Raises
    ------
    Unanswered
        A parameter is free and the bound is not elementary, or the bound is 0 at the point.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    whole = subject_of(target)
    subject = whole.fix(fixed)
    query = f"sensitivity of {subject.name}"
    scalars = [v for v in whole.variables if v.scalar and v.symbol in whole.expr.free_symbols]
    loose = [v for v in subject.variables if v.symbol in subject.expr.free_symbols or not v.scalar]
    if any(not v.scalar for v in loose):
        raise Unanswered(query, f"fix {', '.join(v.name for v in loose if not v.scalar)}")
    if any(type(f).__name__.startswith(_QUADRATURE) for f in whole.expr.atoms(CatalogueFunction)):
        raise Unanswered(query, "it is computed by quadrature, whose derivatives are not affordable in many digits")
    if not scalars:
        raise Unanswered(query, "it has no scalar parameter")
    if loose:
        return _formulas(whole, scalars, fixed, query)
    point = {v.symbol: _fixed_number(v, fixed) for v in scalars}
    vectors = replace(subject, expr=whole.expr, variables=tuple(scalars))
    found = {v.name: _at_point(vectors, v, point, query) for v in scalars}
    stepped = [v.name for v in scalars if _needs_steps(whole.expr, v)]
    method = "numeric (derivative in 60 digits)"
    method += f"; differences between integers in {', '.join(stepped)}" if stepped else ""
    return _answer(query, found, [sp.Float(mp.nstr(e, 20), 20) for e in found.values()], method, proved=False)


def _fixed_number(variable: Variable, fixed: dict[str, Any]) -> Any:
    from .subject import exact

    return exact(variable.name, variable, fixed[variable.name])


def _answer(query: str, found: dict[str, Any], row: list[sp.Expr], method: str, proved: bool) -> Elasticity:
    values = {name: float(e) for name, e in found.items()}
    shown = ", ".join(
        f"{name} {v:.6g}" if v == v else f"{name} {e}" for (name, v), e in zip(values.items(), row, strict=True)
    )
    return Elasticity(
        query=query,
        expr=sp.ImmutableDenseMatrix([row]),
        value=float(next(iter(values.values()))) if len(values) == 1 else float("nan"),
        method=method,
        proved=proved,
        text=f"{query}, percent per percent: {shown}",
        values=values,
    )


def _needs_steps(expr: sp.Expr, variable: Variable) -> bool:
    if not variable.whole:
        return False
    sums = (
        e
        for e in expr.atoms(sp.Sum, sp.Product)
        if any(variable.symbol in limit.free_symbols for limit in e.limits[0][1:])
    )
    functions = expr.atoms(CatalogueFunction)
    return any(sums) or any(f.args[k].has(variable.symbol) for f in functions for k in _slots(f))


def _slots(function: CatalogueFunction) -> tuple[int, ...]:
    name = type(function).__name__
    return (2,) if name.startswith(("sharp_", "square_")) else _STEPS.get(name, ())


def _at_point(subject: Subject, variable: Variable, point: dict[Any, Any], query: str) -> Any:
    """Return one elasticity at a point, one-sided where the point is an end of the domain."""
    x, place = variable.symbol, point[variable.symbol]
    if place == 0:
        return mp.mpf(0)
    if _needs_steps(subject.expr, variable):
        low, high = place, place + 1
    else:
        shift = abs(place) / 10**20
        low = place - shift if place - shift >= variable.low else place
        high = place + shift if place + shift <= variable.high else place
    try:
        values = [subject.at({**point, x: end}, _DIGITS) for end in (low, high)]
    except NotANumber as error:
        raise Unanswered(query, str(error)) from None
    if 0 in values or values[0] * values[1] < 0:
        raise Unanswered(query, f"{subject.name} is 0 there")
    with mp.workdps(_DIGITS):
        ratio = mp.log(values[1] / values[0])
        return +(ratio / mp.log(abs(evaluate(high / low, {}, _DIGITS))))


def _formulas(whole: Subject, scalars: list[Variable], fixed: dict[str, Any], query: str) -> Elasticity:
    """Differentiate the logarithm, then set the fixed parameters."""
    expr = whole.expr.replace(lambda e: isinstance(e, _ELEMENTARY), _plain)
    if expr.has(CatalogueFunction, sp.Sum, sp.Product):
        names = ", ".join(v.name for v in scalars if v.name not in fixed)
        raise Unanswered(query, f"{whole.name} is not an elementary function: fix {names}")
    numbers = {v.symbol: _fixed_number(v, fixed) for v in scalars if v.name in fixed}
    row = []
    for variable in scalars:
        slope = sp.diff(sp.expand_log(sp.log(expr), force=True), variable.symbol) * variable.symbol
        slope = slope.subs(numbers)
        row.append(whole.restore(sp.simplify(slope) if slope.count_ops() < _SHORT else slope))
    found = {v.name: float(e) if e.is_number else float("nan") for v, e in zip(scalars, row, strict=True)}
    return _answer(query, found, row, "symbolic", proved=True)


def _plain(part: sp.Expr) -> sp.Expr:
    definition = part.definition()
    return definition.args[-1][0] if isinstance(definition, sp.Piecewise) else definition
