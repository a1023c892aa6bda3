"""The leading term of a subject in one variable: by rules, else by sympy's limits, else from numbers."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from mpmath import mp

from . import kernel, special, structure  # noqa: F401  they add their rules
from .answers import Unanswered
from .elementary import expand
from .expansion import ONE, Cancelled, Context, Expansion, Scale, Term, Unsupported, X
from .number import NotANumber, is_costly
from .oracle import Oracle, Undecided
from .subject import Subject, Variable
from .worker import TimeIsUp, WorkFailed, run

_KEEP = (1, 3, 6, 10)  # terms: one needs the fewest comparisons, more survive cancellation
_DIGITS = 120
_FAR = (10**9, 10**14)
_FARTHER = (10**300, 10**3000)  # where the remainder falls like a power of 1/log
_FITTED = (10**6, 10**9, 10**12, 10**15)


@dataclass(frozen=True, kw_only=True, eq=False)
class Leading:
    """Leading term in one variable; fields as in `answers.Growth`, in the subject's symbols."""

    expr: sp.Expr
    limit: sp.Expr
    coefficient: sp.Expr
    exponent: sp.Expr
    log_power: sp.Expr
    exponential: sp.Expr
    base: sp.Expr
    method: str
    proved: bool
    checks: tuple[float, ...] = ()


def find_leading(subject: Subject, variable: Variable, end: sp.Expr, query: str, time_limit: float) -> Leading:
    """Return the leading term as `variable` tends to `end` from inside its domain.

    Raises
    ------
    Unanswered
        Rules, sympy and numbers all fail; the reason is that of the rules.
    """
    if variable.symbol not in subject.expr.free_symbols:
        return constant(subject.expr, variable.symbol, "symbolic")
    deadline = time.monotonic() + time_limit
    try:
        return by_cases(subject, variable, end, deadline)
    except (Unsupported, Undecided, Cancelled, TimeoutError, TimeIsUp, WorkFailed, NotANumber) as error:
        reason = "the leading terms cancel" if isinstance(error, Cancelled) else str(error)
    for fallback in (by_sympy, by_numbers):
        try:
            return fallback(subject, variable, end, deadline)
        except (TimeIsUp, WorkFailed, NotANumber, TimeoutError) as error:
            reason += f"; {fallback.__name__.replace('_', ' ')}: {error}"
    raise Unanswered(query, reason)


def constant(expr: sp.Expr, base: sp.Expr, method: str) -> Leading:
    """Return the leading term of something that does not vary."""
    return Leading(
        expr=expr,
        limit=expr,
        coefficient=expr,
        exponent=sp.S.Zero,
        log_power=sp.S.Zero,
        exponential=sp.S.Zero,
        base=base,
        method=method,
        proved=True,
    )


def moved(variable: Variable, end: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return the variable as a function of X → ∞, and what tends to 0 or ∞ (1/X or X) in the variable."""
    x = variable.symbol
    if end is sp.oo:
        return X, x
    if end is -sp.oo:
        return -X, -x
    return (end - 1 / X, end - x) if end == variable.high else (end + 1 / X, x - end)


def by_cases(subject: Subject, variable: Variable, end: sp.Expr, deadline: float) -> Leading:
    """Expand by rules; where the order of two terms hangs on one sign, return a `Piecewise`."""
    try:
        return by_rules(subject, variable, end, deadline, {})
    except Undecided as error:
        deciding = error.expr
    if not deciding.free_symbols:
        raise Undecided(deciding)
    cases = [by_rules(subject, variable, end, deadline, {deciding: sign}) for sign in (1, 0, -1)]
    conditions = (deciding > 0, sp.Eq(deciding, 0), True)

    def joined(name: str) -> sp.Expr:
        return sp.Piecewise(*zip((getattr(case, name) for case in cases), conditions, strict=True))

    names = ("expr", "limit", "coefficient", "exponent", "log_power", "exponential")
    return replace(
        cases[0],
        **{name: joined(name) for name in names},
        proved=all(case.proved for case in cases),
        method="symbolic, by cases",
    )


def by_rules(
    subject: Subject, variable: Variable, end: sp.Expr, deadline: float, assumed: dict[sp.Expr, int]
) -> Leading:
    """Expand by rules, in the other process unless the subject is from the catalogue, and check in digits."""
    left = max(deadline - time.monotonic(), 0.01)
    task = (subject, variable, end, left, assumed)
    kind, payload = expand_subject(*task) if subject.trusted else run(expand_subject, *task, limit=left)
    if kind == "undecided":
        raise Undecided(payload)
    if kind != "good":
        raise Unsupported(payload)
    expansion, sampled, checks, target = payload
    if checks and not (checks[-1] < 1e-12 or (checks[-1] < 1e-3 and checks[-1] <= checks[0]) or _converging(checks)):
        raise Unsupported(f"rules and numbers disagree by {checks[-1]:.2g}")
    return replace(_describe(expansion.terms[0], variable, end, sampled, checks), limit=target)


def _converging(checks: tuple[float, ...]) -> bool:
    """Tell whether the gap falls at least like 1/√log between the two points, ten times apart in log."""
    return checks[-1] < 0.4 * checks[0]


def expand_subject(
    subject: Subject, variable: Variable, end: sp.Expr, seconds: float, assumed: dict[sp.Expr, int]
) -> tuple[str, Any]:
    """Return ("good", (expansion, sampled signs, checks, limit)), or what is in the way; all of it can be sent."""
    others = [v for v in subject.variables if v is not variable and v.symbol != variable.symbol]
    conditions = [q for _, q, whole in subject.conditions if not whole and not q.has(variable.symbol)]
    oracle = Oracle(others, dict(subject.vectors), assumed, conditions)
    expr = subject.expr.xreplace({variable.symbol: moved(variable, end)[0]})
    deadline = time.monotonic() + seconds
    for keep in _KEEP:
        context = Context(X, oracle, keep, deadline)
        try:
            expansion = expand(expr, context)
            if not expansion.terms:
                context.lead(expansion)
                expansion = Expansion((Term(sp.S.Zero, ONE),))
        except Cancelled:
            continue
        except Undecided as error:
            return "undecided", error.expr
        except (Unsupported, TimeoutError) as error:
            return "unsupported", str(error)
        checks = () if assumed else _checks(subject, variable, end, expansion)
        target = _target(expansion.terms[0], context)
        return "good", (expansion, tuple(oracle.sampled), checks, target)
    return "unsupported", "the leading terms cancel"


def _describe(
    term: Term, variable: Variable, end: sp.Expr, sampled: tuple[sp.Expr, ...], checks: tuple[float, ...]
) -> Leading:
    _, base = moved(variable, end)
    sign = 1 if end.is_infinite else -1
    scale, coefficient = term.scale, tidy(term.coefficient)
    growth = scale.growth.xreplace({X: base**sign})
    expr = coefficient * base ** (sign * scale.power) * (sign * sp.log(base)) ** scale.logs * sp.exp(growth)
    note = f"; {len(sampled)} signs taken from sample points" if sampled else ""
    return Leading(
        expr=tidy(expr),
        limit=_power_limit(term),
        coefficient=coefficient,
        exponent=sign * scale.power,
        log_power=scale.logs,
        exponential=growth,
        base=base,
        method="symbolic" + note,
        proved=not sampled,
        checks=checks,
    )


def _target(term: Term, context: Context) -> sp.Expr:
    """Return the limit of a term; nan where it depends on the parameters."""
    if term.coefficient == 0 or term.scale == ONE:
        return tidy(term.coefficient)
    try:
        size = context.compare(term.scale, ONE)
        return sp.S.Zero if size < 0 else sp.oo * context.oracle.sign(term.coefficient)
    except Undecided:
        return sp.nan


def _power_limit(term: Term) -> sp.Expr:
    """Return the limit of a power with a number as exponent."""
    if term.scale.power.is_zero:
        return term.coefficient
    return sp.S.Zero if term.scale.power.is_negative else sp.oo * sp.sign(term.coefficient)


def tidy(expr: sp.Expr) -> sp.Expr:
    """Combine factors and powers, and write exp(c log(b)) as b^c; cheap."""
    for node in expr.atoms(sp.exp):
        rest, logs = node.args[0].as_independent(sp.log, as_Add=False)
        if isinstance(logs, sp.log):
            expr = expr.xreplace({node: logs.args[0] ** rest})
    if expr.count_ops() > 150:
        return expr
    return sp.powsimp(sp.factor_terms(expr))


def _checks(subject: Subject, variable: Variable, end: sp.Expr, expansion: Expansion) -> tuple[float, ...]:
    """Return |value/expansion − 1| at two far points, other parameters drawn from their domains."""
    if is_costly(subject.expr):
        return ()
    values = subject.sample(random.Random(7), typical=subject.trusted)
    found = []
    slow = any(term.scale.logs != 0 for term in expansion.terms)
    for far in _FARTHER if slow else _FAR:
        values[variable.symbol] = moved(variable, end)[0].xreplace({X: sp.Integer(far)})
        total = mp.mpf(0)
        with mp.workdps(_DIGITS):
            try:
                for term in expansion.terms:
                    scale = term.scale
                    written = term.coefficient * X**scale.power * sp.log(X) ** scale.logs * sp.exp(scale.growth)
                    total += replace(subject, expr=written).at({**values, X: far}, _DIGITS)
                exact = subject.at(values, _DIGITS)
            except NotANumber:
                return ()
            if exact == 0 and total:  # it has cancelled to all digits
                return ()
            found.append(float(abs(exact / total - 1)) if total else float(abs(exact)))
    return tuple(found)


def by_sympy(subject: Subject, variable: Variable, end: sp.Expr, deadline: float) -> Leading:
    """Let sympy take the limits x f'/f (the exponent) and f/x^exponent (the coefficient), within the time left."""
    left = deadline - time.monotonic()
    if subject.trusted or left <= 0.05:
        raise TimeIsUp("not tried" if subject.trusted else "no time is left")
    term, checks = run(sympy_leading, subject, variable, end, limit=left)
    if checks and not checks[-1] < 1e-2:
        raise NotANumber(f"sympy and numbers disagree by {checks[-1]:.2g}")
    found = _describe(term, variable, end, (), checks)
    return replace(found, method="symbolic (sympy's limit)", proved=bool(checks))


def sympy_leading(subject: Subject, variable: Variable, end: sp.Expr) -> tuple[Term, tuple[float, ...]]:
    """Return the leading term by sympy's limits, and its checks."""
    expr = subject.expr.xreplace({variable.symbol: moved(variable, end)[0]})
    exponent = sp.limit(sp.simplify(X * expr.diff(X) / expr), X, sp.oo)
    if not exponent.is_finite or exponent.has(X, sp.Limit):
        raise ValueError("the growth is not a power")
    coefficient = sp.limit(expr / X**exponent, X, sp.oo)
    if not coefficient.is_finite or coefficient == 0 or coefficient.has(X, sp.Limit):
        raise ValueError("the growth is not a power")
    term = Term(coefficient, Scale(power=exponent))
    return term, _checks(subject, variable, end, Expansion((term,)))


def by_numbers(subject: Subject, variable: Variable, end: sp.Expr, deadline: float) -> Leading:
    """Fit a power through many-digit values at far points; all other parameters must have values."""
    loose = [v.name for v in subject.variables if v.symbol != variable.symbol and v.symbol in subject.expr.free_symbols]
    if loose:
        raise NotANumber(f"{', '.join(loose)} must be fixed")
    left = deadline - time.monotonic()
    if left <= 0.05:
        raise TimeIsUp("no time is left")
    term = run(fitted_power, subject, variable, end, limit=left)
    return replace(_describe(term, variable, end, (), ()), method="numeric (mpmath, 60 digits)", proved=False)


def fitted_power(subject: Subject, variable: Variable, end: sp.Expr) -> Term:
    """Return the power of X whose slope the values at far points share."""
    values = []
    for far in _FITTED:
        place = moved(variable, end)[0].xreplace({X: sp.Integer(far)})
        values.append(subject.at({variable.symbol: place}, 60))
    if not all(values):
        raise NotANumber("the values vanish")
    slopes = [float(mp.log(abs(b / a)) / mp.log(1000)) for a, b in itertools.pairwise(values)]
    if abs(slopes[2] - slopes[1]) > 1e-3 * max(1.0, abs(slopes[2])):
        raise NotANumber(f"no power fits: slopes {slopes}")
    exponent = sp.Rational(round(slopes[2] * 12), 12)
    if abs(float(exponent) - slopes[2]) > 1e-3:
        exponent = sp.Float(slopes[2], 6)
    coefficient = values[-1] / mp.mpf(_FITTED[-1]) ** mp.mpf(float(exponent))
    return Term(sp.Float(float(coefficient), 10), Scale(power=exponent))
