"""What is known about the slopes of functions: bounds on elasticities, and two rewritings that keep them."""

from __future__ import annotations

from typing import TypeAlias

import sympy as sp

from ..functions import CatalogueFunction, complement_power, geometric_sum

Span: TypeAlias = "tuple[sp.Expr, sp.Expr]"
ANY: Span = (-sp.oo, sp.oo)
UP: Span = (sp.S.Zero, sp.oo)
DOWN: Span = (-sp.oo, sp.S.Zero)
UNIT: Span = (sp.S.Zero, sp.S.One)
HALF: Span = (sp.S.Zero, sp.S.Half)

# For every function: bounds on its elasticity ∂log f/∂log(argument) in each argument, where the arguments are
# non-negative; they imply the direction. Where a bound is finite, or the direction is not that of the terms of the
# defining sum:
# * geometric_sum S_i(x) = Σ_{k<i}(1−x)^k, 0 ≤ x ≤ 1: every term falls in x, while x S = 1 − (1−x)^i rises: [−1, 0].
#   In i it is concave and 0 at 0, so that i ∂S ≤ S: [0, 1]. lost_power is x S_i(x) = 1 − (1−x)^i itself.
# * power_sum, shifted_power_sum: the terms that i adds fall, so the sum is concave in i and 0 at 0: [0, 1].
# * accumulated_loss 1 − Π(1 − u c_k), u = 1/n: the product of falling non-negative linear functions is convex in u,
#   so the loss is concave in u and 0 at 0: elasticity [0, 1] in u, [−1, 0] in n.
# * c4(n) rises: (log c4)' = (ψ(x+½) − ψ(x) − 1/(2x))/2 at x = (n−1)/2, and ψ(x+½) − ψ(x) = ∫e^{−xt}/(1+e^{−t/2})dt
#   > 1/(2x). It stays below 1, so powers of it fall in the exponent.
# * log_chi_square_drift ψ(x) − log x, negative, rises as ψ'(x) > 1/x: the elasticity of a negative function
#   that rises is at most 0.
# * student_tv = E[2Φ(√s χ_d/2) − 1]: concave in √s and 0 at 0: [0, ½] in s; χ_d is stochastically increasing in d.
# * mean_deviation E|X̄_n − p| falls in n: E[X̄_n | X̄_{n+1}, …] = X̄_{n+1}, and Jensen.
# * gaussian_bias TV(N(0, 1+t²), N(0, 1)): T_h is a semigroup that fixes nothing and the densities cross once on
#   each side, so that TV = sup_x P(|X| ≤ x) − P(√(1+t²)|X| ≤ x), which rises in t for every x.
# * mixture_bias: E P_i is the law of √(1+Jt²) X with J = min(geometric, i); it has one crossing with P on each side,
#   TV = sup_x over |X| ≤ x as before, and J rises stochastically in i and falls in α.
# * heat_loss 1 − e^{−y}, y ∝ h²: concave in y and 0 at 0: [0, 2]. torus_roughness: Θ falls in h, is above 1.
# * spread_sum = Σ_{j<i} b^j g_{i−1−j} with g_k ≥ 0 rising in k and in b and falling in t: one generation more
#   adds Σ_j b^j(g_{i−j} − g_{i−1−j}) + b^i g_0 ≥ 0.
# * sharp_*, square_*: n enters as Var/n only, with Var/n ≥ 0 under the root: [−½, 0].
# * atan, tanh, erf: concave on the non-negative numbers and 0 at 0.
ELASTICITY: dict[str, tuple[Span, ...]] = {
    "geometric_sum": ((-sp.S.One, sp.S.Zero), UNIT),
    "lost_power": (UNIT, UNIT),
    "complement_power": (DOWN, DOWN),
    "power_sum": (DOWN, UNIT),
    "shifted_power_sum": (DOWN, UNIT),
    "accumulated_loss": ((-sp.S.One, sp.S.Zero), UP),
    "accumulated_survival": (UP, DOWN),
    "c4_power": (UP, DOWN),
    "c4_power_complement": (DOWN, UP),
    "log_chi_square_drift": (DOWN,),
    "student_tv": (UP, HALF),
    "mean_deviation": (DOWN, ANY),
    "gaussian_bias": (UP,),
    "mixture_bias": (DOWN, UP, UP),
    "heat_loss": ((sp.S.Zero, sp.Integer(2)),),
    "torus_roughness": (DOWN, UP),
    "spread_sum": (DOWN, UP, DOWN),
    **{f"sharp_line_{s}": ((-sp.S.Half, sp.S.Zero), ANY, ANY, ANY) for s in ("fresh", "stratified", "fixed")},
    **{f"sharp_torus_{s}": ((-sp.S.Half, sp.S.Zero), *[ANY] * 4) for s in ("fresh", "stratified", "fixed")},
    **{f"square_torus_{s}": ((-sp.S.Half, sp.S.Zero), *[ANY] * 5) for s in ("fresh", "stratified", "fixed")},
    "atan": (UNIT,),
    "tanh": (UNIT,),
    "erf": (UNIT,),
    "erfc": (DOWN,),
}
SHARE = {"geometric_sum", "complement_power", "lost_power"}  # the first argument must lie in [0, 1]
AT_MOST_ONE = {"complement_power", "heat_loss", "accumulated_survival", "accumulated_loss", "c4_power"}


class lost_power(CatalogueFunction):
    """1 − (1−x)^i = x S_i(x): only inside of proofs."""

    nargs = 2


def folded(expr: sp.Expr) -> sp.Expr:
    """Write x S_i(x) as 1 − (1−x)^i, and (1−x)^i + c S_i(x) as 1 + (c − x) S_i(x)."""
    if isinstance(expr, sp.Mul):
        for part in expr.args:
            if isinstance(part, geometric_sum):
                others = sp.Mul(*(a for a in expr.args if a is not part))
                rest = others / part.args[0]
                if rest.count_ops() < others.count_ops():
                    return rest * lost_power(*part.args)
    if isinstance(expr, sp.Add):
        for part in expr.args:
            if isinstance(part, complement_power):
                factor = geometric_sum(*part.args)
                coefficient = expr.coeff(factor)
                if coefficient != 0:
                    rest = sp.Add(*(a for a in expr.args if a is not part)) - coefficient * factor
                    return folded(1 + rest + sp.factor(coefficient - part.args[0]) * factor)
    return expr
