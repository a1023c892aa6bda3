"""Evaluation to any number of digits with mpmath, from definitions rather than from stable rewritings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp

from .diffusion_numeric import PRECISE_DIFFUSION
from .domains import as_numbers, broadcast_shape, check_condition, check_names, check_structure, describe
from .errors import DomainError
from .kde_precise import GUARD_DIGITS, PRECISE_KDE
from .result import CORE_AXES

if TYPE_CHECKING:
    from .result import Param, Result


def _geometric_sum(x: Any, i: Any) -> Any:
    if x == 0:
        return mp.mpf(i)
    if x < mp.mpf(1) / 2:  # no number of guard digits is enough for every small x
        return -mp.expm1(i * mp.log1p(-x)) / x
    return (1 - mp.power(1 - x, i)) / x


def _complement_power(x: Any, i: Any) -> Any:
    return mp.mpf(1) if i == 0 else mp.power(1 - x, i)


def _accumulated_survival(n: Any, i: Any) -> Any:
    """Γ-function form of the product, or the product itself while it is short."""
    if i <= 200 or n == 1:
        top = int(i) if n != 1 else min(int(i), 1)
        return mp.fprod(1 - 1 / (n * mp.mpf(k) ** 2) for k in range(1, top + 1))
    x = 1 / mp.sqrt(n)
    gammas = mp.loggamma(i + 1 - x) + mp.loggamma(i + 1 + x) - 2 * mp.loggamma(i + 1)
    return mp.exp(gammas - mp.loggamma(1 - x) - mp.loggamma(1 + x))


def _power_sum(s: Any, i: Any) -> Any:
    if i <= 2000:
        return mp.fsum(mp.mpf(k) ** -s for k in range(1, int(i) + 1))
    if s == 1:
        return mp.digamma(i + 1) + mp.euler
    return mp.zeta(s) - mp.zeta(s, i + 1)


def _shifted_power_sum(a: Any, i: Any) -> Any:
    """Direct sum while short; beyond, k^{−a}/(k+1) = Σ_j (−1)^j k^{−a−1−j} with Hurwitz zeta functions."""
    head = min(int(i), 2000)
    total = mp.fsum(mp.mpf(k) ** -a / (k + 1) for k in range(1, head + 1))
    if i > head:
        terms = int(mp.prec / 10.9) + 2
        total += mp.fsum((-1) ** j * _zeta_between(a + 1 + j, head + 1, i + 1) for j in range(terms))
    return total


def _zeta_between(s: Any, first: Any, last: Any) -> Any:
    if s == 1:
        return mp.digamma(last) - mp.digamma(first)
    return mp.zeta(s, first) - mp.zeta(s, last)


def _log_c4(n: Any) -> Any:
    return mp.log(2 / (n - 1)) / 2 + mp.loggamma(n / 2) - mp.loggamma((n - 1) / 2)


def _student_tv(d: Any, s: Any) -> Any:
    """I_{s/(4+s)}(1/2, d/2) by the continued fraction that converges faster."""
    half, other, x = mp.mpf(1) / 2, d / 2, s / (4 + s)
    if x == 0:
        return x
    if x < (half + 1) / (half + other + 2):
        return _incomplete_beta(half, other, x, 4 / (4 + s))
    return 1 - _incomplete_beta(other, half, 4 / (4 + s), x)


def _incomplete_beta(a: Any, b: Any, x: Any, y: Any) -> Any:
    """I_x(a, b) with y = 1 − x: x^a y^b/(a B(a, b)) times a continued fraction (Lentz's algorithm)."""
    front = mp.exp(a * mp.log(x) + b * mp.log(y) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b)) / a
    numerator, denominator, value, k = mp.mpf(1), mp.mpf(0), mp.mpf(1), 0
    while True:
        m = k // 2
        if k == 0:
            term = mp.mpf(1)
        elif k % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator if k > 1 else mp.mpf(1)
        value = value * numerator * denominator
        if k > 1 and abs(numerator * denominator - 1) < mp.eps:
            return front * value
        k += 1


def _mean_deviation(n: Any, p: Any) -> Any:
    if p == 0 or p == 1:
        return mp.mpf(0)
    m = mp.floor(n * p) + 1
    log_choose = mp.loggamma(n + 1) - mp.loggamma(m + 1) - mp.loggamma(n - m + 1)
    return 2 * m / n * mp.exp(log_choose + m * mp.log(p) + (n - m + 1) * mp.log(1 - p))


def _chain_deviation(n: Any, alpha: Any, i: Any, p: Any) -> Any:
    """Forward law of the chain, in full precision."""
    size = int(n)

    def row(q: Any) -> list[Any]:
        return [mp.binomial(size, k) * q**k * (1 - q) ** (size - k) for k in range(size + 1)]

    law = row(p)
    kernel = [row(alpha * p + (1 - alpha) * k / n) for k in range(size + 1)]
    for _ in range(int(i) - 1):
        law = [mp.fsum(law[k] * kernel[k][j] for k in range(size + 1)) for j in range(size + 1)]
    return mp.fsum(weight * abs(k / n - p) for k, weight in enumerate(law))


def _last_of_resolvent(mixing: Any, errors: Any) -> Any:
    identity = mp.eye(len(errors))
    return mp.lu_solve(identity - mp.matrix(mixing), mp.matrix(errors))[len(errors) - 1]


def _weighted_variance(mixing: Any, sizes: Any) -> Any:
    """Compute w from the influence of each generation's noise, w = Σ_k r_k² (1 − q_k)/n_k, q_k = E-square of Q_k."""
    rows: list[list[Any]] = []
    noise: list[Any] = []
    for row, size in zip(mixing, sizes, strict=True):
        inherited = [mp.fsum(row[k] * rows[k][j] for k in range(len(rows))) for j in range(len(rows))]
        spread = mp.fsum(r * r * s for r, s in zip(inherited, noise, strict=True))
        noise.append((1 - spread) / size)
        rows = [[*old, mp.mpf(0)] for old in rows] + [[*inherited, mp.mpf(1)]]
    return mp.fsum(r * r * s for r, s in zip(rows[-1], noise, strict=True))


PRECISE: dict[str, Callable[..., Any]] = {
    "geometric_sum": _geometric_sum,
    "complement_power": _complement_power,
    "accumulated_loss": lambda n, i: 1 - _accumulated_survival(n, i),
    "accumulated_survival": _accumulated_survival,
    "power_sum": _power_sum,
    "shifted_power_sum": _shifted_power_sum,
    "c4_power": lambda n, i: mp.exp(i * _log_c4(n)),
    "c4_power_complement": lambda n, i: -mp.expm1(i * _log_c4(n)),
    "log_chi_square_drift": lambda n: mp.digamma((n - 1) / 2) - mp.log((n - 1) / 2),
    "student_tv": _student_tv,
    "mean_deviation": _mean_deviation,
    "chain_deviation": _chain_deviation,
    "last_of_resolvent": _last_of_resolvent,
    "weighted_variance": _weighted_variance,
    "weighted_survival": lambda mixing, sizes: 1 - _weighted_variance(mixing, sizes),
    "weighted_triangle": lambda mixing, sizes: _last_of_resolvent(mixing, [1 / mp.sqrt(n) for n in sizes]),
    **PRECISE_KDE,
    **PRECISE_DIFFUSION,
}


@cache
def _compiled(result: Result) -> Callable[..., Any]:
    """Compile the expression for mpmath, with the number of atoms K as an extra argument."""
    arguments = [param.symbol for param in result.params]
    atoms = [s for s in result.expr.atoms(sp.Symbol) if s.name == "K" and s not in arguments]
    return sp.lambdify([*arguments, *atoms], result.expr, modules=[PRECISE, "mpmath"])  # type: ignore[no-any-return]


def _refused(result: Result, param: Param, value: Any) -> DomainError:
    return DomainError(result.key, param.name, repr(value), describe(param.domain))


def _number(result: Result, param: Param, value: Any) -> Any:
    """Convert one number exactly and check it against the domain of its parameter."""
    if isinstance(value, (bool, np.bool_, str, bytes, complex, np.complexfloating)):
        raise _refused(result, param, value)
    try:
        number = mp.mpf(int(value.p)) / int(value.q) if isinstance(value, sp.Rational) else mp.mpmathify(value)
    except (TypeError, ValueError, AttributeError):
        raise _refused(result, param, value) from None
    if not isinstance(number, mpmath.mpf) or not mp.isfinite(number) or not _inside(number, param.domain):
        raise _refused(result, param, value)
    return number


def _inside(number: Any, domain: sp.Set) -> bool:
    if isinstance(domain, sp.Range):
        small = domain.stop is sp.oo or number < int(domain.stop)
        return bool(number == mp.floor(number) and number >= int(domain.start) and small)
    low, high = (mp.inf if end is sp.oo else mp.mpmathify(end) for end in (domain.start, domain.end))
    ends = (number == low and domain.left_open) or (number == high and domain.right_open)
    return bool(low <= number <= high and not ends)


def _convert(result: Result, param: Param, value: Any, depth: int) -> Any:
    """Convert a number (depth 0), a vector (1) or a matrix (2)."""
    if depth == 0:
        return _number(result, param, value)
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise DomainError(result.key, param.name, repr(value), f"a {param.structure}")
    return [_convert(result, param, entry, depth - 1) for entry in value]


def _check_together(result: Result, arguments: Sequence[Any]) -> None:
    """Check structures, lengths and joint conditions; double precision is enough for that."""
    values = {}
    for param, argument in zip(result.params, arguments, strict=True):
        values[param.name] = as_numbers(result, param, _as_floats(argument))
        check_structure(result, param, values[param.name])
    broadcast_shape(result, values)
    for condition in result.conditions:
        check_condition(result, condition, values)


def _as_floats(value: Any) -> Any:
    return [_as_floats(entry) for entry in value] if isinstance(value, list) else float(value)


def _snap_counts(result: Result, arguments: list[Any]) -> None:
    """Replace alpha (lam) by count/n where a condition makes alpha*n (lam*n) an integer: 0.1 means 1/10."""
    names = list(result.names)
    for condition in result.conditions:
        if condition.integer:
            (fraction,) = (s.name for s in condition.expr.free_symbols if s.name != "n")
            size = arguments[names.index("n")]
            arguments[names.index(fraction)] = mp.nint(arguments[names.index(fraction)] * size) / size


def evaluate_precisely(result: Result, digits: int, values: Mapping[str, Any]) -> mpmath.mpf:
    """Evaluate `result` at one point; see `Result.evalf`."""
    check_names(result, values)
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 1:
        raise DomainError(result.key, "digits", digits, "an integer >= 1")
    with mp.workdps(digits + GUARD_DIGITS):
        arguments = [_convert(result, p, values[p.name], CORE_AXES[p.structure]) for p in result.params]
        _check_together(result, arguments)
        _snap_counts(result, arguments)
        function = _compiled(result)
        atoms = [len(argument) for p, argument in zip(result.params, arguments, strict=True) if p.core == "K"]
        extra = atoms if function.__code__.co_argcount > len(arguments) else []
        outcome = function(*arguments, *extra)
    with mp.workdps(digits):
        return +mp.mpmathify(outcome)
