"""Query `threshold`: the amount at which a quantity stops rising and starts falling, its phase transition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from mpmath import mp

from .answers import Unanswered
from .extremum import Optimum, argmax
from .number import evaluate
from .subject import Subject, Target, exact, subject_of
from .worker import DEFAULT_LIMIT

_DIGITS = 40
_ENDS = (mp.mpf("1e-40"), mp.mpf("1e40"))


@dataclass(frozen=True, kw_only=True, eq=False)
class Transition(Optimum):
    """A phase transition: `value` is where the quantity is largest, `best` how large it is there.

    Attributes
    ----------
    break_even : float
        Where the quantity has fallen back to its value at the start of the domain; nan where it does not or where
        that is not known.
    """

    break_even: float = float("nan")


def threshold(target: Target, param: str, /, *, time_limit: float = DEFAULT_LIMIT, **fixed: Any) -> Transition:
    """Return where along a parameter a quantity stops rising and starts falling.

    Parameters
    ----------
    target : Result, str or sympy.Expr
        A result, its key, or any sympy expression.
    param : str
        Name of a scalar parameter.
    time_limit : float
        Seconds for symbolic work on an expression that is not in the catalogue.
    **fixed
        Values of other parameters; those that only scale the quantity may stay free. The threshold r* of
        ``tv/phase-transition`` needs a and i only; a may stay free at i = 2, and with ``i=sympy.oo`` the answer is
        the limit of r*/i, in closed form.

    Returns
    -------
    Transition
        For the phase transition in the amount of synthetic data the root of the stationarity equation, which has
        exactly one root, to 12 digits and more; else the largest interior maximum, as `argmax` finds it.

    Raises
    ------
    Unanswered
        The quantity has no maximum inside of the domain, or other parameters have to be fixed.
    ParameterError, DomainError
        An unknown parameter, or a value outside its domain.
    """
    whole = subject_of(target)
    if param == "r" and whole.name in _STATIONARY:
        return _synthetic(whole, fixed)
    found = argmax(target, param, time_limit=time_limit, **fixed)
    if found.at_end:
        raise Unanswered(found.query, f"there is no maximum inside of the domain: {found.text}")
    text = f"{whole.name} stops rising at {param} = {found.expr}"
    return Transition(**{**vars(found), "text": text})


def _growth_of_error(r: Any, a: Any, i: Any) -> Any:
    """(1−a)(1+r)^{1−a}/((1+r)^{1−a} − 1) − k r^{k−1}/((1+r)^k − r^k), k = i−1: falls through 0 at r*."""
    k = i - 1
    return (1 - a) / -mp.expm1(-(1 - a) * mp.log1p(r)) - k / (r * mp.expm1(k * mp.log1p(1 / r)))


def _growth_idealised(r: Any, a: Any, i: Any) -> Any:
    """(1−a)((1+u)^i − 1) − iu at u = 1/r, over u: convex in u and negative before its root."""
    return (1 - a) * mp.expm1(i * mp.log1p(1 / r)) - i / r


def _growth_exact(r: Any, a: Any, i: Any) -> Any:
    """(1+r)/(1+2r) − k/((1+1/r)^k − 1), k = 2(i−1): falls through 0 at r*."""
    k = 2 * (i - 1)
    return (1 + r) / (1 + 2 * r) - k / mp.expm1(k * mp.log1p(1 / r))


_STATIONARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "tv/phase-transition": _growth_of_error,
    "tv/phase-transition-idealised": _growth_idealised,
    "tv/phase-transition-exact/gaussian-mean": _growth_exact,
    "tv/phase-transition-exact/discrete": _growth_exact,
}


def _synthetic(whole: Subject, fixed: dict[str, Any]) -> Transition:
    """Solve the stationarity equation of the family of phase transitions in the amount of synthetic data."""
    query = f"threshold of {whole.name} in r"
    needed = [name for name in ("a", "i") if name in (v.name for v in whole.variables)]
    if fixed.get("i") == sp.oo:
        return _many_generations(whole, fixed, query)
    subject = whole.fix(fixed)
    free = [name for name in needed if name not in fixed]
    i = exact(whole.name, whole.variable("i", query), fixed["i"]) if "i" in fixed else None
    if i == 2 and (closed := _two_generations(whole, fixed, query)) is not None:
        return _transition(subject, closed, query, "symbolic", _break_even(whole, fixed, closed))
    if free:
        raise Unanswered(query, f"there is no closed form, so fix {', '.join(free)}")
    values = [fixed.get("a", sp.S.Half), fixed["i"]]
    with mp.workdps(_DIGITS):
        a, number = (evaluate(_exact_of(whole, n, v), {}, _DIGITS) for n, v in zip(("a", "i"), values, strict=True))
        root = _root(lambda r: _STATIONARY[whole.name](r, a, number), *_ENDS)
        place = sp.Float(mp.nstr(root, 25), 25)
    how = "symbolic, root of the stationarity equation"
    return _transition(subject, place, query, how, _break_even(whole, fixed, place))


def _exact_of(whole: Subject, name: str, value: Any) -> sp.Expr:
    known = {v.name: v for v in whole.variables}
    return exact(whole.name, known[name], value) if name in known else value


def _root(function: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Bisect in logarithms a function of one change of sign."""
    rising = function(high) > 0
    while high / low - 1 > mp.mpf("1e-28"):
        middle = mp.sqrt(low * high)
        low, high = (low, middle) if (function(middle) > 0) == rising else (middle, high)
    return high


def _two_generations(whole: Subject, fixed: dict[str, Any], query: str) -> sp.Expr | None:
    """Return the closed forms at i = 2: a^(−1/(1−a)) − 1 from (1−a)(1+r)^(1−a) = (1+r)^(1−a) − 1; 1; a/(… ) else."""
    if whole.name.startswith("tv/phase-transition-exact"):
        return sp.S.One
    variable = whole.variable("a", query)
    a = exact(whole.name, variable, fixed["a"]) if "a" in fixed else variable.symbol
    if whole.name == "tv/phase-transition":
        return a ** (-1 / (1 - a)) - 1
    return (1 - a) / (2 * a)  # (1−a)(2u + u²) = 2u


def _many_generations(whole: Subject, fixed: dict[str, Any], query: str) -> Transition:
    """Return lim r*/i: 1/v with (1−a)(e^v − 1) = v > 0, for both forms of the bound."""
    if whole.name.startswith("tv/phase-transition-exact"):
        raise Unanswered(query, "r* grows, but r*/i tends to 0 as i -> oo: there is no limit of r*/i to state")
    subject = whole.fix({name: value for name, value in fixed.items() if name != "i"})
    variable = whole.variable("a", query)
    b = 1 - (exact(whole.name, variable, fixed["a"]) if "a" in fixed else variable.symbol)
    v = -b - sp.LambertW(-b * sp.exp(-b), -1)
    found = _transition(subject, 1 / v, f"limit of r*/i as i -> oo, {query}", "symbolic", float("nan"))
    return replace(found, text=f"the threshold r* of {whole.name} grows like r* ~ {found.expr} i", best=float("nan"))


def _break_even(whole: Subject, fixed: dict[str, Any], place: sp.Expr) -> float:
    """Return r₀ > r* where the idealised bound is back at its value at 0: (1+r)^(1−a)(1 − (r/(1+r))^i) = 1."""
    if whole.name != "tv/phase-transition-idealised" or place.free_symbols:
        return float("nan")
    with mp.workdps(_DIGITS):
        a, i = (evaluate(_exact_of(whole, name, fixed[name]), {}, _DIGITS) for name in ("a", "i"))

        def excess(r: Any) -> Any:
            return (1 - a) * mp.log1p(r) + mp.log(-mp.expm1(-i * mp.log1p(1 / r)))

        start = evaluate(place, {}, _DIGITS)
        end = start * 2
        while excess(end) > 0:
            end *= end if end > 2 else 2
        return float(_root(excess, start, end))


def _transition(subject: Subject, place: sp.Expr, query: str, method: str, break_even: float) -> Transition:
    numeric = not place.free_symbols
    shown, best = subject.restore(place), float("nan")
    ratio = subject.variable("r", query)
    if numeric and not subject.loose(ratio):
        best = float(subject.at({ratio.symbol: place}, _DIGITS))
    text = f"{subject.name} rises up to r = {shown} synthetic points per real point and falls beyond"
    text += f"; it is back at its start at r = {break_even:.12g}" if break_even == break_even else ""
    return Transition(
        query=query,
        expr=shown,
        value=float(evaluate(place, {}, _DIGITS)) if numeric else float("nan"),
        method=method,
        proved=True,
        text=text,
        best=best,
        break_even=break_even,
    )


__all__ = ["Transition", "threshold"]
