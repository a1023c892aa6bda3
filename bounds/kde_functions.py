"""Symbolic functions of the kernel density results; numerical forms in `kde_numeric`, `kde_sharp`, `kde_precise`.

On the line everything depends on the bandwidth through t = h/σ only, on the torus [0, 1]^d through h.
Throughout b = 1 − α.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from .functions import CatalogueFunction

_k, _l = sp.symbols("k l", integer=True)


class gaussian_bias(CatalogueFunction):
    """TV(N(0, 1+t²), N(0, 1)) = erf(x/√2) − erf(x/√(2(1+t²))), x² = (1+1/t²) log(1+t²); t > 0."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """erf(x/√2) − erf(x/√(2(1+t²)))."""
        (t,) = self.args
        inner = sp.sqrt(sp.log(1 + t**2) / (2 * t**2))
        return sp.erf(inner * sp.sqrt(1 + t**2)) - sp.erf(inner)

    def _tex(self, printer: Any) -> str:
        return rf"b\!\left({printer._print(self.args[0])}\right)"


class heat_loss(CatalogueFunction):
    """1 − exp(−2π²h²): what the wrapped Gaussian kernel takes from the first Fourier mode; h > 0."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """1 − exp(−2π²h²)."""
        return 1 - sp.exp(-2 * sp.pi**2 * self.args[0] ** 2)

    def _tex(self, printer: Any) -> str:
        exponent = printer._print(-2 * sp.pi**2 * self.args[0] ** 2)
        return rf"\left(1 - e^{{{exponent}}}\right)"


class torus_roughness(CatalogueFunction):
    """√(Θ(h)^d − 1), Θ(h) = Σ_{k∈Z} exp(−4π²h²k²) = the integral of the squared wrapped kernel; h > 0."""

    nargs = 2

    def definition(self) -> sp.Expr:
        """√(Θ^d − 1) with Θ as a series."""
        h, d = self.args
        return sp.sqrt((1 + 2 * sp.Sum(sp.exp(-4 * sp.pi**2 * h**2 * _k**2), (_k, 1, sp.oo))) ** d - 1)

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the series: it has no elementary closed form."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        h, d = (printer._print(a) for a in self.args)
        return rf"\sqrt{{\Theta\!\left({h}\right)^{{{d}}} - 1}}"


class spread_sum(CatalogueFunction):
    """Σ_{k<i} b^{i−1−k} (1/t² + ½ + b S_k(α))^{1/4}: fourth roots of the second moments m_k + h²/2 over h²."""

    nargs = 3  # alpha, i, t

    def definition(self) -> sp.Expr:
        """The sum itself; S_k(α) as a finite sum."""
        alpha, i, t = self.args
        moment = 1 / t**2 + sp.Rational(1, 2) + sp.Sum((1 - alpha) ** (_l + 1), (_l, 0, _k - 1))
        return sp.Sum((1 - alpha) ** (i - 1 - _k) * moment ** sp.Rational(1, 4), (_k, 0, i - 1))

    def doit(self, **hints: Any) -> sp.Expr:
        """Keep the sum: it has no closed form."""
        return self.definition()

    def _tex(self, printer: Any) -> str:
        alpha, i, t = (printer._print(a) for a in self.args)
        body = rf"\left(\left({t}\right)^{{-2}} + \tfrac12 + (1-{alpha})\,S_k({alpha})\right)^{{1/4}}"
        return rf"\sum_{{k=0}}^{{{i}-1}}\left(1-{alpha}\right)^{{{i}-1-k}}{body}"


class _Computed(CatalogueFunction):
    """A function that is computed, by a root or a quadrature: it stays itself."""

    symbol = ""

    def definition(self) -> sp.Expr:
        """No elementary form: it stays itself."""
        return self

    def doit(self, **hints: Any) -> sp.Expr:
        """Return itself."""
        return self

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return the unevaluated derivative."""
        return sp.Function.fdiff(self, argindex)

    def _tex(self, printer: Any) -> str:
        inner = ", ".join(printer._print(a) for a in self.args)
        return rf"{self.symbol}\!\left({inner}\right)"


class mixture_bias(_Computed):
    """TV(E P_i, P) for P = N(0, 1) and E P_i = Σ_{k<i} α b^{k−1} N(0, 1+kt²) + b^{i−1} N(0, 1+it²)."""

    nargs = 3  # alpha, i, t
    symbol = r"b_i"


class sharp_line_fresh(_Computed):
    """½∫√(B_i² + Var_i) for P = N(0, 1), bandwidth t, fresh(α): bias E P_i − P and the bound on the variance."""

    nargs = 4  # n, alpha, i, t
    symbol = r"\tfrac12\int\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{fresh}}}"


class sharp_line_stratified(_Computed):
    """½∫√(B_i² + Var_i) for P = N(0, 1), bandwidth t, stratified(α)."""

    nargs = 4  # n, alpha, i, t
    symbol = r"\tfrac12\int\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{stratified}}}"


class sharp_line_fixed(_Computed):
    """½∫√(B_i² + Var_i) for P = N(0, 1), bandwidth t, fixed(α): reused points have the kernel Σ α b^{m−1} K_{t√m}."""

    nargs = 4  # n, alpha, i, t
    symbol = r"\tfrac12\int\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{fixed}}}"


class sharp_torus_fresh(_Computed):
    """½∫√(B_i² + Var_i) for P = 1 + c cos 2πx on the circle, bandwidth h, fresh(α)."""

    nargs = 5  # n, alpha, i, h, c
    symbol = r"\tfrac12\int_0^1\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{fresh}}}"


class sharp_torus_stratified(_Computed):
    """½∫√(B_i² + Var_i) for P = 1 + c cos 2πx on the circle, bandwidth h, stratified(α)."""

    nargs = 5  # n, alpha, i, h, c
    symbol = r"\tfrac12\int_0^1\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{stratified}}}"


class sharp_torus_fixed(_Computed):
    """½∫√(B_i² + Var_i) for P = 1 + c cos 2πx on the circle, bandwidth h, fixed(α)."""

    nargs = 5  # n, alpha, i, h, c
    symbol = r"\tfrac12\int_0^1\!\sqrt{B_i^2 + \mathrm{Var}_i^{\mathrm{fixed}}}"


class square_torus_fresh(_Computed):
    """½√(∫B_i² + ∫Var_i) for P = Π(1 + c cos 2πx_j) on the torus [0, 1]^d, bandwidth h, fresh(α)."""

    nargs = 6  # n, alpha, i, h, c, d
    symbol = r"\tfrac12\sqrt{\int B_i^2 + \int\mathrm{Var}_i^{\mathrm{fresh}}}"


class square_torus_stratified(_Computed):
    """½√(∫B_i² + ∫Var_i) for P = Π(1 + c cos 2πx_j) on the torus [0, 1]^d, bandwidth h, stratified(α)."""

    nargs = 6  # n, alpha, i, h, c, d
    symbol = r"\tfrac12\sqrt{\int B_i^2 + \int\mathrm{Var}_i^{\mathrm{stratified}}}"


class square_torus_fixed(_Computed):
    """½√(∫B_i² + ∫Var_i) for P = Π(1 + c cos 2πx_j) on the torus [0, 1]^d, bandwidth h, fixed(α)."""

    nargs = 6  # n, alpha, i, h, c, d
    symbol = r"\tfrac12\sqrt{\int B_i^2 + \int\mathrm{Var}_i^{\mathrm{fixed}}}"
