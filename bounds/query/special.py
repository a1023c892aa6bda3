"""Expansion of the catalogue's functions.

Each rule names the series that it uses; every leading term that comes out of them is compared with many-digit
evaluation by `growth`.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..functions import (
    CatalogueFunction,
    accumulated_loss,
    c4_power,
    chain_deviation,
    complement_power,
    geometric_sum,
    mean_deviation,
    power_sum,
    student_tv,
)
from .elementary import RULES, argument, asymptotic, asymptotic_to, expand, exponential, first_value
from .expansion import NEGLIGIBLE, ONE, ZERO, Context, Expansion, Term, Unsupported


class shifted_zeta(CatalogueFunction):
    """Σ_{k≥1} k^{−a}/(k+1) for a > 0: the limit of `shifted_power_sum`."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """Σ_{k≥1} k^{−a}/(k+1)."""
        k = sp.Symbol("k", integer=True, positive=True)
        return sp.Sum(k ** (-self.args[0]) / (k + 1), (k, 1, sp.oo))

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the sum."""
        return self.definition()

    def _eval_is_positive(self) -> bool:
        return True

    def _tex(self, printer: Any) -> str:
        return str(printer._print(self.definition()))


def _complement_power(expr: sp.Expr, context: Context) -> Expansion:
    """(1−x)^i, kept as it is while x varies around a constant; O(1−x) as x → 1 for a whole number i ≥ 1."""
    x, i = expr.args
    if x == 1 and i.has(context.X):
        return ZERO
    if context.coarse and not i.has(context.X):
        side, value, small = argument(expr, context, 0)
        if not side and value == 1 and i.is_integer and context.oracle.prove(i) == 1:
            return Expansion((), context.size(small))
        if not side and value not in (0, 1):
            return first_value(complement_power(value, i), small, context)
    return expand((1 - x) ** i, context)


def _geometric_sum(expr: sp.Expr, context: Context) -> Expansion:
    """(1 − (1−x)^i)/x → 1/x as i → ∞; Σ_k C(i, k+1) (−x)^k as x → 0; continuity in x elsewhere."""
    x, i = expr.args
    if x == 0:
        return expand(i, context)
    constant = context.coarse and not x.has(context.X) and context.oracle.prove(x) == 1
    if constant and context.oracle.prove(2 - x) == 1 and argument(expr, context, 1)[0] > 0:
        return context.collect((Term(1 / x, ONE),), NEGLIGIBLE)
    if not i.has(context.X):
        side, value, small = argument(expr, context, 0)
        if not side and value == 0:
            return context.compose(small, lambda k: (-1) ** k * sp.ff(i, k + 1) / sp.factorial(k + 1))
        if context.coarse and not side:
            whole = value == 1 and i.is_integer and context.oracle.prove(i) == 1
            return first_value(sp.S.One if whole else geometric_sum(value, i), small, context)
    return expand((1 - complement_power(x, i)) / x, context)


def _power_sum(expr: sp.Expr, context: Context) -> Expansion:
    """Euler–Maclaurin for i → ∞; continuity in s."""
    s, i = expr.args
    if not i.has(context.X):
        return _power_sum_in_order(expr, context)
    if s.has(context.X):
        raise Unsupported("a power sum of which order and length both vary")
    side, value, small = argument(expr, context, 1)
    if not side:
        return first_value(power_sum(s, value), small, context)
    if context.oracle.sign(s - 1) == 0:
        return asymptotic_to(sp.log(i) + sp.EulerGamma + 1 / (2 * i) - 1 / (12 * i**2), i ** (-3), context)
    tail = i ** (1 - s) / (1 - s) + i ** (-s) / 2 - s * i ** (-s - 1) / 12
    return asymptotic_to(sp.zeta(s) + tail, i ** (-s - 3), context) if s != 0 else expand(i, context)


def _power_sum_in_order(expr: sp.Expr, context: Context) -> Expansion:
    side, value, small = argument(expr, context, 0)
    s, i = expr.args
    if side > 0:
        return asymptotic_to(1 + 2 ** (-s), 3 ** (-s), context)
    if value == 0:
        return asymptotic_to(i - s * sp.loggamma(i + 1), s**2, context)
    return first_value(power_sum(value, i), small, context)


def _shifted_power_sum(expr: sp.Expr, context: Context) -> Expansion:
    """Σ_{k≤i} k^{−a}/(k+1) = shifted_zeta(a) − i^{−a}/a + O(i^{−a−1}); a = 0: H_{i+1} − 1."""
    a, i = expr.args
    if a.has(context.X):
        side, value, small = argument(expr, context, 0)
        if side > 0:
            return asymptotic_to(sp.Rational(1, 2) + 2 ** (-a) / 3, 3 ** (-a), context)
        if value == 0:
            return first_value(power_sum(1, i + 1) - 1, small, context)
        return first_value(expr.func(value, i), small, context)
    if a == 0:
        return expand(power_sum(1, i + 1) - 1, context)
    return asymptotic_to(shifted_zeta(a) - i ** (-a) / a, i ** (-a - 1), context)


def _accumulated_loss(expr: sp.Expr, context: Context) -> Expansion:
    """I → ∞: 1 − P(1 + 1/(ni)), P = sin(π/√n)/(π/√n); n → ∞: H^{(2)}/n − ((H^{(2)})² − H^{(4)})/(2n²)."""
    n, i = expr.args
    if i.has(context.X) and not n.has(context.X):
        root = sp.pi / sp.sqrt(n)
        limit = sp.sin(root) / root
        return asymptotic_to(1 - limit - limit / (n * i), 1 / i**2, context)
    side, value, small = argument(expr, context, 0)
    if not side:
        return first_value(accumulated_loss(value, i), small, context)
    second = power_sum(2, i)
    return asymptotic_to(second / n - (second**2 - power_sum(4, i)) / (2 * n**2), 1 / n**3, context)


def _accumulated_survival(expr: sp.Expr, context: Context) -> Expansion:
    return expand(1 - accumulated_loss(*expr.args), context)


def _log_c4(n: sp.Expr) -> sp.Expr:
    """Log c4(n) = −1/(8z) + 1/(192z³) + O(z^{−5}), z = (n−1)/2, from the series of Γ(z+½)/Γ(z)."""
    z = (n - 1) / 2
    return -1 / (8 * z) + 1 / (192 * z**3)


def _c4_power(expr: sp.Expr, context: Context) -> Expansion:
    n, i = expr.args
    if n.has(context.X):
        log_c4 = asymptotic_to(_log_c4(n), n ** (-5), context)
        return exponential(context.mul(expand(i, context), log_c4), context)
    return expand(c4_power(n, 1) ** i, context)


def _c4_power_complement(expr: sp.Expr, context: Context) -> Expansion:
    one = context.constant(sp.S.One)
    return context.add(one, context.scale_by(_c4_power(expr, context), sp.S.NegativeOne))


def _log_chi_square_drift(expr: sp.Expr, context: Context) -> Expansion:
    """ψ(z) − log z = −1/(2z) − 1/(12z²) + 1/(120z⁴) − …, z = (n−1)/2."""
    z = (expr.args[0] - 1) / 2
    return asymptotic_to(-1 / (2 * z) - 1 / (12 * z**2) + 1 / (120 * z**4), z ** (-6), context)


def _student_tv(expr: sp.Expr, context: Context) -> Expansion:
    """Incomplete beta function: its power series at s → 0 and s → ∞, its leading tail at d → ∞."""
    d, s = expr.args
    if d.has(context.X):
        return _student_tv_in_dimension(expr, context)
    half = sp.Rational(1, 2)
    side, value, small = argument(expr, context, 1)
    if side:
        y = 4 / (4 + s)
        return expand(1 - _beta_series(d / 2, half, y), context)
    if value == 0:
        x = s / (4 + s)
        return asymptotic_to(_beta_series(half, d / 2, x), x ** (half + 3), context)
    return first_value(student_tv(d, value), small, context)


def _beta_series(a: sp.Expr, b: sp.Expr, x: sp.Expr) -> sp.Expr:
    """First terms of I_x(a, b) = x^a/B(a,b) (1/a + (1−b)x/(a+1) + (1−b)(2−b)x²/(2(a+2)) + …)."""
    factor = sp.gamma(a + b) / (sp.gamma(a) * sp.gamma(b))
    return x**a * factor * (1 / a + (1 - b) * x / (a + 1) + (1 - b) * (2 - b) * x**2 / (2 * (a + 2)))


def _student_tv_in_dimension(expr: sp.Expr, context: Context) -> Expansion:
    """1 − I_y(d/2, 1/2), y = 4/(4+s), with I_y(b, 1/2) = y^b/√(πb(1−y)) (1 + O(1/b))."""
    d, s = expr.args
    if s.has(context.X) or argument(expr, context, 0)[0] <= 0:
        raise Unsupported("student_tv at a finite dimension that varies")
    y = 4 / (4 + s)
    tail = asymptotic(y ** (d / 2) / sp.sqrt(sp.pi * d / 2 * (1 - y)), d, 1, context)
    return context.add(context.constant(sp.S.One), context.scale_by(tail, sp.S.NegativeOne))


def _mean_deviation(expr: sp.Expr, context: Context) -> Expansion:
    """N → ∞: √(2p(1−p)/(πn)) (1 + O(1/n)), by Stirling; p → 0: 2p(1−p)^n, as m = 1."""
    n, p = expr.args
    if p.has(context.X):
        side, value, small = argument(expr, context, 1)
        if side or value not in (0, 1) or n.has(context.X):
            return first_value(mean_deviation(n, value), small, context)
        rare = p if value == 0 else 1 - p
        return expand(2 * rare * (1 - rare) ** n, context)
    return asymptotic(sp.sqrt(2 * p * (1 - p) / (sp.pi * n)), n, 1, context)


def _chain_deviation(expr: sp.Expr, context: Context) -> Expansion:
    """N → ∞: a Gaussian chain of variance p(1−p)S_i(α(2−α))/n; i → ∞ at α = 0: fixation; p → 0, α → 0 or 1."""
    n, alpha, i, p = expr.args
    moving = [a for a in expr.args if a.has(context.X)]
    if moving == [n]:
        variance = p * (1 - p) * geometric_sum(alpha * (2 - alpha), i) / n
        return asymptotic(sp.sqrt(2 * variance / sp.pi), sp.sqrt(n), 1, context)
    if moving == [i] and alpha == 0:
        return asymptotic_to(2 * p * (1 - p), (1 - 1 / n) ** i, context)
    if moving == [i]:
        raise Unsupported("the stationary law of the chain has no closed form for alpha > 0")
    if moving == [alpha]:
        _, value, small = argument(expr, context, 1)
        limit = mean_deviation(n, p) if value == 1 else chain_deviation(n, value, i, p)
        return first_value(limit, small, context)
    raise Unsupported("no expansion of chain_deviation in the probability of an atom")


RULES.update(
    {
        "complement_power": _complement_power,
        "geometric_sum": _geometric_sum,
        "power_sum": _power_sum,
        "shifted_power_sum": _shifted_power_sum,
        "accumulated_loss": _accumulated_loss,
        "accumulated_survival": _accumulated_survival,
        "c4_power": _c4_power,
        "c4_power_complement": _c4_power_complement,
        "log_chi_square_drift": _log_chi_square_drift,
        "student_tv": _student_tv,
        "mean_deviation": _mean_deviation,
        "chain_deviation": _chain_deviation,
    }
)
