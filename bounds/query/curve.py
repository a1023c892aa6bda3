"""A subject along one variable, everything else fixed: where it may be evaluated, and its values there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from ..compile import compiled
from ..errors import BoundsError
from ..lookup import get
from ..result import Result
from .answers import Unanswered
from .number import NotANumber, is_slow
from .subject import Subject, Target, Variable, exact_number, subject_of

Floats: TypeAlias = "NDArray[np.float64]"
_FARTHEST = 30  # the grid reaches 10^30 where the domain has no end, and within 10^−30 of an open end at 0
_CLOSEST = 12
_DIGITS = 50
_AGREE = mp.mpf("1e-12")


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Values of a subject along one variable.

    Attributes
    ----------
    subject : Subject
        With no other variable left.
    variable : Variable
    low, high : sympy.Expr
        Ends of the admissible values: those of the domain, narrowed by joint conditions.
    open_low, open_high : bool
        Whether an end is not admissible itself.
    step : sympy.Rational
        Admissible values are its multiples; 0 if all real numbers between the ends are.
    fast : callable or None
        Double precision form, for results of the catalogue.
    precise : bool
        False where only `fast` is affordable: Markov chains and quadratures.
    """

    subject: Subject
    variable: Variable
    low: sp.Expr
    high: sp.Expr
    open_low: bool
    open_high: bool
    step: sp.Rational
    fast: Callable[[Any], Any] | None
    precise: bool

    def __call__(self, x: Any, digits: int = _DIGITS) -> Any:
        """Return the value at x as an mpf; raise `NotANumber` where there is none."""
        if self.precise:
            return self.subject.at({self.variable.symbol: x}, digits)
        value = float(self.values([x])[0])
        if not np.isfinite(value):
            raise NotANumber(f"{self.subject.name} at {self.variable.name} = {x} is {value}")
        return mp.mpf(value)

    def values(self, points: Sequence[Any]) -> Floats:
        """Return double precision values, nan where there is none."""
        if self.fast is not None:
            if self.precise:
                return np.array(np.broadcast_to(self.fast(np.array(points, dtype=float)), len(points)))
            return np.array([float(self.fast(np.array([float(x)]))[0]) for x in points])
        found = []
        for x in points:
            try:
                found.append(float(self(x, 25)))
            except NotANumber:
                found.append(np.nan)
        return np.array(found)

    def exceeds(self, x: Any, level: sp.Expr) -> bool:
        """Tell whether the value at x is above `level`; values that agree to 90 digits are equal."""
        if not self.precise:
            return bool(self(x) > mp.mpmathify(level.evalf(20)))
        for digits in (40, 100):
            with mp.workdps(digits):
                bound = mp.mpmathify(level.evalf(digits + 5))
                gap = self(x, digits) - bound
                if abs(gap) > mp.mpf(10) ** (12 - digits) * max(abs(bound), mp.mpf(10) ** -digits):
                    return bool(gap > 0)
        return False

    def grid(self) -> list[sp.Rational]:
        """Return admissible points over the whole domain, rising, dense in logarithms at its ends."""
        if self.step:
            return self._grid_of_multiples()
        near = [sp.Rational(v) for v in np.geomspace(1e-12, 0.5, 120)]
        if self.high is not sp.oo and self.low is not -sp.oo:
            width = self.high - self.low
            even = [sp.Rational(k, 240) for k in range(1, 240)]
            inner = {self.low + u * width for u in (*near, *even)} | {self.high - u * width for u in near}
        else:
            wide, middle = 10.0**_FARTHEST, 1e4
            shares = [*np.geomspace(1 / wide, wide, 241), *np.geomspace(1 / middle, middle, 481)]
            away = sorted({sp.Rational(v) for v in shares})
            inner = set() if self.low is -sp.oo else {self.low + v for v in away}
            inner |= set() if self.high is sp.oo else {self.high - v for v in away}
            inner |= {*away, *(-v for v in away), sp.S.Zero} if self.low is -sp.oo and self.high is sp.oo else set()
        ends = [e for e, o in ((self.low, self.open_low), (self.high, self.open_high)) if not o and e.is_finite]
        return sorted(inner | set(ends)) if self.precise else self._thinned(sorted(inner | set(ends)))

    def _grid_of_multiples(self) -> list[sp.Rational]:
        first = sp.ceiling(self.low / self.step) if self.low is not -sp.oo else -(10**_FARTHEST)
        first += 1 if self.open_low and first * self.step == self.low else 0
        last = sp.floor(self.high / self.step) if self.high is not sp.oo else sp.Integer(10**_FARTHEST)
        last -= 1 if self.open_high and last * self.step == self.high else 0
        span = int(last - first)
        near = range(min(span, 128) + 1)
        far = (int(v) for v in np.geomspace(1.0, float(max(span, 1)), (40 if self.fast else 10) * len(str(span))))
        offsets = {*near, *far, *(span - k for k in near), span}
        counts = sorted({int(first) + v for v in offsets if 0 <= v <= span})
        points = [k * self.step for k in counts]
        return points if self.precise else self._thinned(points)

    def _thinned(self, points: list[sp.Rational]) -> list[sp.Rational]:
        """Return few of the points, and none that is very costly."""
        top = {"n": 300, "i": 300}.get(self.variable.name) if self.step else None
        few = [x for x in points if top is None or x <= top] or points[:1]
        return few if len(few) <= 48 else [few[k] for k in sorted({*np.linspace(0, len(few) - 1, 48).astype(int)})]

    def between(self, low: sp.Expr, high: sp.Expr) -> sp.Expr | None:
        """Return an admissible point near the middle, in logarithms where both are positive and far apart, or None."""
        logs = low > 0 and high > 4 * low
        middle = sp.Rational(float(mp.sqrt(_mpf(low) * _mpf(high)))) if logs else (low + high) / 2
        if self.step:
            middle = sp.floor(middle / self.step) * self.step
            middle = max(middle, low + self.step)
            return middle if middle < high else None
        near = _AGREE**2 if self.precise else mp.mpf(2) ** -50
        return middle if high - low > near * max(abs(low), abs(high)) else None

    def switch(self, test: Callable[[sp.Expr], bool], low: sp.Expr, high: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        """Narrow an interval whose ends differ in `test`, to neighbours or to 24 digits."""
        first = test(low)
        while (middle := self.between(low, high)) is not None:
            low, high = (middle, high) if test(middle) == first else (low, middle)
        return low, high

    def end_value(self, upper: bool) -> float:
        """Return the value at an end of the domain, or what it tends to there as far as the grid sees it."""
        from .growth import limit

        end = self.high if upper else self.low
        if self.precise:
            try:
                found = limit(self.subject, self.variable.name, end, time_limit=2.0)
                if not np.isnan(found.value):
                    return found.value
            except BoundsError:
                pass  # the numbers decide where the rules do not
        points = self.grid()
        return float(self.values(points[-1:] if upper else points[:1])[0])


def _mpf(x: sp.Expr) -> Any:
    return mp.mpf(int(x.p)) / int(x.q) if x.is_Rational else mp.mpmathify(x.evalf(30))


def curve_of(target: Target, name: str, fixed: dict[str, Any], query: str) -> Curve:
    """Return the curve of a target in one parameter.

    Raises
    ------
    Unanswered
        Another parameter is not fixed, or no value of this one satisfies the joint conditions.
    ParameterError, DomainError
        As for `Subject.fix`.
    """
    whole = subject_of(target)
    subject = whole.fix(fixed)
    variable = subject.variable(name, query)
    subject.require_fixed(query, name)
    low, high, step = _admissible(subject, variable, query)
    domain = variable.domain
    return Curve(
        subject=subject,
        variable=variable,
        low=low,
        high=high,
        open_low=low is -sp.oo or bool(low == variable.low and getattr(domain, "left_open", False)),
        open_high=high is sp.oo or bool(high == variable.high and getattr(domain, "right_open", False)),
        step=step,
        fast=_fast(target, whole, fixed, variable),
        precise=not is_slow(subject.expr),
    )


def _admissible(subject: Subject, variable: Variable, query: str) -> tuple[sp.Expr, sp.Expr, sp.Rational]:
    """Narrow the domain by joint conditions that are linear in the variable and have no other one."""
    x, low, high = variable.symbol, variable.low, variable.last
    step = sp.S.One if variable.whole else sp.S.Zero
    for text, quantity, whole in subject.conditions:
        if quantity.free_symbols != {x}:
            continue
        slope, rest = sp.Poly(quantity, x).all_coeffs()
        if not whole:
            low, high = (sp.Max(low, -rest / slope), high) if slope > 0 else (low, sp.Min(high, -rest / slope))
        elif rest == 0 and slope.is_Rational:
            step = sp.Integer(slope.q) if variable.whole else 1 / slope
        else:
            raise Unanswered(query, f"no {variable.name} can be found such that {text}")
    if low > high:
        raise Unanswered(query, f"no {variable.name} satisfies {'; '.join(text for text, _, _ in subject.conditions)}")
    return low, high, step


def _fast(target: Any, subject: Subject, fixed: dict[str, Any], variable: Variable) -> Callable[[Any], Any] | None:
    """Return the NumPy form of a result of the catalogue, without checks."""
    result = get(target) if isinstance(target, str) else target
    if not isinstance(result, Result) or {v.name for v in subject.variables} - {variable.name} - set(fixed):
        return None
    function = compiled(result)

    def fast(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*(x if p.name == variable.name else _floats(fixed[p.name]) for p in result.params))

    return fast


def _floats(value: Any) -> Any:
    if isinstance(value, (list, tuple, np.ndarray)):
        return np.array([_floats(v) for v in value])
    number = exact_number(value)
    return np.array(float(value if number is None else number))
