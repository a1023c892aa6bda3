"""Symbolic functions of the catalogue that need a stable numerical form.

Each class is an undefined-looking sympy function with a `definition` (elementary sympy expression), a
LaTeX form, and, under the same name, a NumPy form in `bounds.numeric` and an mpmath form in
`bounds.precise`. The definition is what the function *is*; the two numerical forms are how it is computed.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from mpmath import mp

_k = sp.Symbol("k", integer=True)


class CatalogueFunction(sp.Function):  # type: ignore[misc]
    """Base class: `doit` and `rewrite` unfold the definition, `Min` compares by `evalf`, printing uses `_latex`."""

    def definition(self) -> sp.Expr:
        """Return the elementary expression that this function abbreviates."""
        raise NotImplementedError

    def doit(self, **hints: Any) -> sp.Expr:
        """Unfold the definition."""
        return self.definition().doit(**hints) if hints.get("deep", True) else self.definition()

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Differentiate through the definition."""
        slot = sp.Dummy()
        arguments = list(self.args)
        arguments[argindex - 1] = slot
        return self.func(*arguments).definition().diff(slot).subs(slot, self.args[argindex - 1])

    def _eval_evalf(self, prec: int) -> sp.Expr | None:
        from .precise import PRECISE

        with mp.workprec(prec + 10):
            numbers = [mp.mpmathify(x.evalf(mp.dps)) for x in self.args if x.is_number]
            return sp.Float(PRECISE[type(self).__name__](*numbers), precision=prec) if self.is_number else None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        tex = self._tex(printer)
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"

    def _tex(self, printer: Any) -> str:
        """Return the LaTeX form without an exponent."""
        raise NotImplementedError


class geometric_sum(CatalogueFunction):
    r"""S_i(x) = Σ_{k<i} (1−x)^k = (1 − (1−x)^i)/x, with value i at x = 0; x ≤ 2, i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """(1 − (1−x)^i)/x, or i at x = 0."""
        x, i = self.args
        return sp.Piecewise((i, sp.Eq(x, 0)), ((1 - (1 - x) ** i) / x, True))

    def _tex(self, printer: Any) -> str:
        x, i = self.args
        return rf"S_{{{printer._print(i)}}}\!\left({printer._print(x)}\right)"


class complement_power(CatalogueFunction):
    """(1−x)^i without cancellation for small x; 0 ≤ x ≤ 2, i ≥ 0, and 0^0 = 1."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """(1−x)^i."""
        x, i = self.args
        return sp.Pow(1 - x, i)

    def _tex(self, printer: Any) -> str:
        x, i = self.args
        tex = rf"\left[{printer._print(x)}\right]" if x.is_Add else printer._print(x)
        return rf"\left(1 - {tex}\right)^{{{printer._print(i)}}}"


class accumulated_loss(CatalogueFunction):
    """1 − Π_{k=1}^{i} (1 − 1/(n k²)): the share of heterozygosity lost when data accumulate; n ≥ 1, i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """1 − Π_{k=1}^{i} (1 − 1/(n k²))."""
        n, i = self.args
        return 1 - sp.Product(1 - 1 / (n * _k**2), (_k, 1, i))

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the product: its closed form in gamma functions cancels."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        n, i = self.args
        return (
            rf"\left[1 - \prod_{{k=1}}^{{{printer._print(i)}}}\left({printer._print(1 - 1 / (n * _k**2))}\right)\right]"
        )


class accumulated_survival(CatalogueFunction):
    """Π_{k=1}^{i} (1 − 1/(n k²)): the share of heterozygosity kept when data accumulate; n ≥ 1, i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """Π_{k=1}^{i} (1 − 1/(n k²))."""
        n, i = self.args
        return sp.Product(1 - 1 / (n * _k**2), (_k, 1, i))

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the product."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        return str(printer._print(self.definition()))


class power_sum(CatalogueFunction):
    """H_i^{(s)} = Σ_{k=1}^{i} k^{−s}, for every real s ≥ 0 and i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """Σ_{k=1}^{i} k^{−s} as sympy's `harmonic`."""
        s, i = self.args
        return sp.harmonic(i, s)

    def doit(self, **hints: Any) -> sp.Expr:
        """Unfold to `harmonic`."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        s, i = self.args
        order = "" if s == 1 else rf"^{{\left({printer._print(s)}\right)}}"
        return rf"H_{{{printer._print(i)}}}{order}"


class shifted_power_sum(CatalogueFunction):
    """Σ_{k=1}^{i} k^{−a}/(k+1), for real a ≥ 0 and i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """Σ_{k=1}^{i} k^{−a}/(k+1)."""
        a, i = self.args
        return sp.Sum(_k ** (-a) / (_k + 1), (_k, 1, i))

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the sum: it has no elementary closed form."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        return str(printer._print(self.definition()))


class c4_power(CatalogueFunction):
    """c4(n)^i, c4(n) = √(2/(n−1)) Γ(n/2)/Γ((n−1)/2) = E[s]/σ for n normal draws; n ≥ 2, i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """(√(2/(n−1)) Γ(n/2)/Γ((n−1)/2))^i."""
        n, i = self.args
        return (sp.sqrt(2 / (n - 1)) * sp.gamma(n / 2) / sp.gamma((n - 1) / 2)) ** i

    def _tex(self, printer: Any) -> str:
        n, i = self.args
        return rf"c_4\!\left({printer._print(n)}\right)^{{{printer._print(i)}}}"


class c4_power_complement(CatalogueFunction):
    """1 − c4(n)^i without cancellation; n ≥ 2, i ≥ 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """1 − c4(n)^i."""
        return 1 - c4_power(*self.args).definition()

    def _tex(self, printer: Any) -> str:
        n, i = self.args
        return rf"\left[1 - c_4\!\left({printer._print(n)}\right)^{{{printer._print(i)}}}\right]"


class log_chi_square_drift(CatalogueFunction):
    """E log(χ²_{n−1}/(n−1)) = ψ((n−1)/2) − log((n−1)/2), negative; n ≥ 2."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """ψ((n−1)/2) − log((n−1)/2)."""
        half = (self.args[0] - 1) / 2
        return sp.digamma(half) - sp.log(half)

    def _tex(self, printer: Any) -> str:
        return rf"\left[{printer._print(self.definition())}\right]"


class student_tv(CatalogueFunction):
    """2 F_{t_d}(√(d s)/2) − 1 = I_{s/(4+s)}(1/2, d/2): E TV of N(μ, I_d), N(0, I_d), μ ~ N(0, s I_d)."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """Regularised incomplete beta function I_{s/(4+s)}(1/2, d/2)."""
        d, s = self.args
        return sp.betainc_regularized(sp.Rational(1, 2), d / 2, 0, s / (4 + s))

    def doit(self, **hints: Any) -> sp.Expr:
        """Unfold to the incomplete beta function."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        d, s = self.args
        half = printer._print(sp.sqrt(d) / 2)
        return rf"\left[2F_{{t_{{{printer._print(d)}}}}}\!\left({half}\sqrt{{{printer._print(s)}}}\right) - 1\right]"


class mean_deviation(CatalogueFunction):
    """E|X/n − p| for X ~ Bin(n, p), by de Moivre's closed form; n ≥ 1, 0 ≤ p ≤ 1."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """(2m/n) C(n,m) p^m (1−p)^{n−m+1} with m = ⌊np⌋ + 1."""
        n, p = self.args
        m = sp.floor(n * p) + 1
        return 2 * m / n * sp.binomial(n, m) * p**m * (1 - p) ** (n - m + 1)

    def _tex(self, printer: Any) -> str:
        n, p = (printer._print(a) for a in self.args)
        m = rf"m({n}, {p})"
        return rf"\frac{{2{m}}}{{{n}}}\binom{{{n}}}{{{m}}}{p}^{{{m}}}(1-{p})^{{{n}-{m}+1}}"


class chain_deviation(CatalogueFunction):
    """E|X_i/n − p| for the chain X_{j+1} ~ Bin(n, αp + (1−α)X_j/n), X_1 ~ Bin(n, p)."""

    nargs = 4  # n, alpha, i, p

    def definition(self) -> sp.Expr:
        """No elementary form: it stays itself."""
        return self

    def doit(self, **hints: Any) -> sp.Expr:
        """Return itself."""
        return self

    def _tex(self, printer: Any) -> str:
        n, alpha, i, p = (printer._print(a) for a in self.args)
        kernel = r"\mathrm{Bin}" + rf"\left({n}, {alpha}\,{p} + (1-{alpha})\,\cdot/{n}\right)"
        return rf"\mathbb{{E}}\left|\tfrac{{1}}{{{n}}}X_{{{i}}} - {p}\right|_{{X \sim {kernel}}}"


class _Recursive(CatalogueFunction):
    """A function with vector arguments and no scalar form: its definition is itself."""

    nargs = 2
    symbol = ""

    def definition(self) -> sp.Expr:
        """Return itself."""
        return self

    def doit(self, **hints: Any) -> sp.Expr:
        """Return itself."""
        return self

    def _tex(self, printer: Any) -> str:
        mixing, vector = (printer._print(a) for a in self.args)
        return self.symbol.replace("B", str(mixing)).replace("v", str(vector))


class last_of_resolvent(_Recursive):
    """Last entry of (I − B)^{−1} ε for a strictly lower triangular matrix B."""

    symbol = r"\left[(I - B)^{-1} v\right]_i"


class weighted_variance(_Recursive):
    """w_i = Var(p_i(k))/(p(1−p)) under `weighted(B)` with sample sizes n: C_ii of the covariance recursion."""

    symbol = r"w_i(B, v)"


class weighted_survival(_Recursive):
    """1 − w_i under `weighted(B)` with sample sizes n, without cancellation."""

    symbol = r"\left[1 - w_i(B, v)\right]"


class weighted_triangle(_Recursive):
    """Last entry of (I − B)^{−1} (n_0^{−1/2}, …, n_{g−1}^{−1/2})."""

    symbol = r"\left[(I - B)^{-1} v^{-1/2}\right]_i"
