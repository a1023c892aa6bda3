"""Expansion of the functions of the kernel density results."""

from __future__ import annotations

import sympy as sp

from ..functions import geometric_sum
from ..kde_functions import gaussian_bias, heat_loss, mixture_bias, torus_roughness
from .elementary import RULES, argument, asymptotic_to, expand, first_value
from .expansion import NEGLIGIBLE, ONE, Context, Expansion, Term, Unsupported

_QUARTER = sp.Rational(1, 4)


def _settled(expr: sp.Expr, slot: int, context: Context) -> Expansion:
    """Continuity: a function of one argument that tends to a constant inside its domain."""
    side, value, small = argument(expr, context, slot)
    if side or any(a.has(context.X) for at, a in enumerate(expr.args) if at != slot):
        raise Unsupported(f"no rule for {type(expr).__name__} in this limit")
    arguments = list(expr.args)
    arguments[slot] = value
    return first_value(expr.func(*arguments), small, context)


def _moving(expr: sp.Expr, context: Context) -> tuple[int, int, sp.Expr]:
    """Return the only argument that varies, and where it goes as `argument` says."""
    moving = [at for at, a in enumerate(expr.args) if a.has(context.X)]
    if len(moving) != 1:
        raise Unsupported(f"no rule for {type(expr).__name__} with {len(moving)} arguments that vary")
    side, value, _ = argument(expr, context, moving[0])
    return moving[0], side, value


def _gaussian_bias(expr: sp.Expr, context: Context) -> Expansion:
    """T → 0: t²φ(1) + O(t⁴), φ the normal density; t → ∞: 1 + O(log(t)/t)."""
    (t,) = expr.args
    _, side, value = _moving(expr, context)
    if side:
        return asymptotic_to(sp.S.One, sp.log(t) / t, context)
    if value == 0:
        return asymptotic_to(t**2 / sp.sqrt(2 * sp.pi * sp.E), t**4, context)
    return _settled(expr, 0, context)


def _heat_loss(expr: sp.Expr, context: Context) -> Expansion:
    """H → 0: 2π²h² + O(h⁴); elementary elsewhere."""
    (h,) = expr.args
    if context.coarse and _moving(expr, context)[1:] == (0, 0):
        return asymptotic_to(2 * sp.pi**2 * h**2, h**4, context)
    return expand(expr.definition(), context)


def _torus_roughness(expr: sp.Expr, context: Context) -> Expansion:
    """H → 0: Θ = 1/(2√π h) but for exp(−1/(4h²)); h → ∞: Θ = 1 + 2q + O(q⁴), q = exp(−4π²h²); d: Θ^d."""
    h, d = expr.args
    slot, side, value = _moving(expr, context)
    if slot == 1:
        return expand(sp.sqrt((1 + torus_roughness(h, 1) ** 2) ** d - 1), context)
    if side:
        q = sp.exp(-4 * sp.pi**2 * h**2)
        return asymptotic_to(sp.sqrt((1 + 2 * q) ** d - 1), q ** sp.Rational(7, 2), context)
    if value == 0 and context.keep == 1:
        leading = (2 * sp.sqrt(sp.pi) * h) ** (-d / 2)
        return asymptotic_to(leading, leading * sp.sqrt(h), context)
    if value == 0:
        inside = expand((2 * sp.sqrt(sp.pi) * h) ** (-d) - 1, context)
        outside = expand(sp.sqrt((2 * sp.sqrt(sp.pi) * h) ** (-d) - 1), context)
        return context.collect(outside.terms, context.larger(outside.error, NEGLIGIBLE * context.size(inside)))
    return _settled(expr, 0, context)


def _spread_sum(expr: sp.Expr, context: Context) -> Expansion:
    """Σ_{k<i} b^{i−1−k} (1/t² + ½ + b S_k(α))^{1/4}: every end of every argument."""
    alpha, i, t = expr.args
    slot, side, value = _moving(expr, context)
    start = 1 / t**2 + sp.Rational(1, 2)
    if slot == 1:
        if alpha == 0:
            return asymptotic_to(sp.Rational(4, 5) * i ** sp.Rational(5, 4), i**_QUARTER, context)
        return context.collect((Term((start + (1 - alpha) / alpha) ** _QUARTER / alpha, ONE),), NEGLIGIBLE)
    if slot == 2 and value == 0 and not side:
        return asymptotic_to(geometric_sum(alpha, i) / sp.sqrt(t), t ** sp.Rational(3, 2), context)
    if slot == 2 and side:
        k = sp.Symbol("k", integer=True)
        inside = sp.Rational(1, 2) + (1 - alpha) * geometric_sum(alpha, k)
        total = sp.Sum((1 - alpha) ** (i - 1 - k) * inside**_QUARTER, (k, 0, i - 1))
        return context.collect((Term(total, ONE),), context.size(expand(t**-2, context)))
    if slot == 0 and value == 1:
        return first_value(start**_QUARTER, argument(expr, context, 0)[2], context)
    return _settled(expr, slot, context)


def _mixture_bias(expr: sp.Expr, context: Context) -> Expansion:
    """Geometric mixture of N(0, 1+kt²): t²φ(1)S_i(α) as t → 0; one normal law at α = 0 and 1; 1 as t → ∞."""
    alpha, i, t = expr.args
    slot, side, value = _moving(expr, context)
    if alpha == 0:
        return expand(gaussian_bias(t * sp.sqrt(i)), context)
    if slot == 2 and side:
        return asymptotic_to(sp.S.One, sp.log(t) / t, context)
    if slot == 2 and value == 0:
        return asymptotic_to(geometric_sum(alpha, i) * t**2 / sp.sqrt(2 * sp.pi * sp.E), t**4, context)
    if slot == 0 and value in (0, 1):
        ending = gaussian_bias(t * sp.sqrt(i)) if value == 0 else gaussian_bias(t)
        return first_value(ending, argument(expr, context, 0)[2], context)
    if slot == 1:
        raise Unsupported("the limit of the geometric mixture in i has no closed form for alpha > 0")
    return _settled(expr, slot, context)


def circle_bias(alpha: sp.Expr, i: sp.Expr, h: sp.Expr, order: sp.Expr = sp.S.One) -> sp.Expr:
    """1 − the factor by which i generations multiply a Fourier mode of `order` active coordinates."""
    loss = heat_loss(h * sp.sqrt(order))
    return loss * geometric_sum(alpha + (1 - alpha) * loss, i)


def _sharp(expr: sp.Expr, context: Context) -> Expansion:
    """½∫√(B² + V/n) = ½∫|B| + O(n^{−1/2}); continuity in α; h → ∞: the uniform law, or as far away as can be."""
    n, alpha, i, h, *amplitude = expr.args
    slot, side, value = _moving(expr, context)
    if slot == 0:
        bias = sp.Abs(amplitude[0]) / sp.pi * circle_bias(alpha, i, h) if amplitude else mixture_bias(alpha, i, h)
        return context.collect((Term(bias, ONE),), context.size(expand(1 / sp.sqrt(n), context)))
    if slot == 1 and value in (0, 1):
        return _settled(expr, slot, context)
    if slot == 3 and side and amplitude:
        return context.collect((Term(sp.Abs(amplitude[0]) / sp.pi, ONE),), NEGLIGIBLE)
    if slot == 3 and value == 0 and not side and not amplitude and not type(expr).__name__.endswith("fixed"):
        return _sharp_narrow(expr, context)
    raise Unsupported(f"no rule for {type(expr).__name__} in its argument number {slot + 1}")


def _sharp_narrow(expr: sp.Expr, context: Context) -> Expansion:
    """T → 0: V = φ(x) Σ_{j≤i} b^{2(j−1)}/(2t√(πj)) + O(1), and ∫√φ = (8π)^{1/4}."""
    n, alpha, i, t = expr.args
    j = sp.Symbol("j", integer=True, positive=True)
    ages = (
        sp.Sum((1 - alpha) ** (2 * j - 2) / sp.sqrt(j), (j, 1, i)) if alpha != 0 else sp.Sum(1 / sp.sqrt(j), (j, 1, i))
    )
    leading = 2**_QUARTER * sp.sqrt(ages) / (2 * sp.sqrt(n))
    return asymptotic_to(leading / sp.sqrt(t), sp.sqrt(t), context)


def _square(expr: sp.Expr, context: Context) -> Expansion:
    """½√(∫B² + V/n): Parseval's sum as n → ∞; continuity in α; h → ∞: the uniform law."""
    n, alpha, i, h, c, d = expr.args
    slot, side, value = _moving(expr, context)
    m = sp.Symbol("m", integer=True, positive=True)
    if slot == 0:
        share = sp.binomial(d, m) * (c**2 / 2) ** m
        total = sp.sqrt(sp.Sum(share * circle_bias(alpha, i, h, m) ** 2, (m, 1, d))) / 2
        return context.collect((Term(total, ONE),), context.size(expand(1 / n, context)))
    if slot == 1 and value in (0, 1):
        return _settled(expr, slot, context)
    if slot == 3 and side:
        return context.collect((Term(sp.sqrt((1 + c**2 / 2) ** d - 1) / 2, ONE),), NEGLIGIBLE)
    raise Unsupported(f"no rule for {type(expr).__name__} in its argument number {slot + 1}")


RULES.update(
    {
        "gaussian_bias": _gaussian_bias,
        "heat_loss": _heat_loss,
        "log_gap": lambda expr, context: expand(expr.definition(), context),
        "ratio_gap": lambda expr, context: expand(expr.definition(), context),
        "divergence_tv": lambda expr, context: expand(expr.definition(), context),
        "torus_roughness": _torus_roughness,
        "spread_sum": _spread_sum,
        "mixture_bias": _mixture_bias,
        **{f"sharp_{where}_{name}": _sharp for where in ("line", "torus") for name in ("fresh", "stratified", "fixed")},
        **{f"square_torus_{name}": _square for name in ("fresh", "stratified", "fixed")},
    }
)
