"""Queries `rate` and `limit`: leading terms, one parameter after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import sympy as sp
from mpmath import mp

from .answers import Growth, Unanswered
from .leading import Leading, find_leading
from .number import NotANumber
from .subject import Subject, Target, Variable, exact_number, subject_of
from .worker import DEFAULT_LIMIT

Path: TypeAlias = "str | Sequence[tuple[str, Any]]"


def rate(target: Target, path: Path, /, to: Any = sp.oo, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Growth:
    """Return the leading term in one parameter, or in several, one after the other.

    It holds for generic values of the parameters that stay symbolic: inside their domains, not at the ends.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    path : str or sequence of (str, number)
        A parameter; or pairs (parameter, what it tends to), innermost limit first: the leading term in the
        first parameter is expanded in the second, and so on.
    to : number or sympy.oo
        What the parameter tends to, from inside its domain (only with a single parameter).
    time_limit : float
        Seconds for symbolic work.
    **fixed
        Values of other parameters; the rest stay symbolic.

    Returns
    -------
    Growth
        Coefficient, exponent, power of the logarithm and exponential refer to the last parameter.

    Raises
    ------
    Unanswered
        No rule applies and parameters that a numerical fallback needs are not fixed.
    ParameterError, DomainError
        An unknown parameter, or a fixed value or a limit outside of its domain.
    """
    return _asymptotics("rate", subject_of(target).fix(fixed), path, to, time_limit)


def limit(target: Target, path: Path, /, to: Any = sp.oo, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Growth:
    """Return the limit in one parameter, or the iterated limit in several; parameters as for `rate`.

    Returns
    -------
    Growth
        `expr` is the limit, possibly ±oo; the other fields describe the leading term.

    Raises
    ------
    Unanswered, ParameterError, DomainError
        As for `rate`.
    """
    return _asymptotics("limit", subject_of(target).fix(fixed), path, to, time_limit)


def _asymptotics(what: str, subject: Subject, path: Path, to: Any, time_limit: float) -> Growth:
    """Take one limit after the other, of leading terms or of limits."""
    steps = [(path, to)] if isinstance(path, str) else list(path)
    query = f"{what} of {subject.name} as " + ", then ".join(f"{name} -> {end}" for name, end in steps)
    proved, methods = True, list[str]()
    for name, end in steps:
        variable = subject.variable(name, query)
        found = find_leading(subject, variable, _end(subject, variable, end), query, time_limit)
        proved, methods = proved and found.proved, [*methods, found.method]
        if what == "limit" and found.limit is sp.nan:
            raise Unanswered(query, f"whether {found.expr} grows depends on the other parameters: fix some of them")
        subject = replace(subject, expr=found.expr if what == "rate" else found.limit)
        if what == "limit" and not subject.expr.is_finite and subject.expr.is_number:
            break
    return _growth(subject, query, found, proved, methods)


def _end(subject: Subject, variable: Variable, end: Any) -> sp.Expr:
    """Return where a parameter tends to, as a sympy number in the closure of its domain."""
    from ..errors import DomainError

    number = sp.oo if end == float("inf") else -sp.oo if end == -float("inf") else exact_number(end)
    if number is sp.oo and isinstance(variable.domain, sp.Range):
        return number  # a finite end of a range of integers says how far it is computed
    if number is None or not variable.low <= number <= variable.high:
        allowed = f"a limit in [{variable.low}, {variable.high}]"
        raise DomainError(subject.name, variable.name, end, allowed)
    return number


def _growth(subject: Subject, query: str, found: Leading, proved: bool, methods: list[str]) -> Growth:
    expr = subject.restore(subject.expr)
    verb = "~" if query.startswith("rate") else "="
    how = "" if proved else " (not proved)"
    return Growth(
        query=query,
        expr=expr,
        value=number_or_nan(subject),
        method="; ".join(dict.fromkeys(methods)),
        proved=proved,
        text=f"{query} {verb} {expr}{how}",
        coefficient=subject.restore(found.coefficient),
        exponent=subject.restore(found.exponent),
        log_power=subject.restore(found.log_power),
        exponential=subject.restore(found.exponential),
        base=subject.restore(found.base),
        checks=found.checks,
    )


def number_or_nan(subject: Subject) -> float:
    """Return the value of a subject without free symbols, else nan."""
    if subject.expr in (sp.oo, -sp.oo):
        return float(subject.expr)
    try:
        return float(subject.at({}, 30))
    except NotANumber:
        return float(mp.nan)
