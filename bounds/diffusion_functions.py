"""Symbolic functions of the diffusion results; numerical forms in `diffusion_numeric`."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .functions import CatalogueFunction


class log_gap(CatalogueFunction):
    """x − log(1+x) = x²/2 · ₂F₁(1, 2; 3; −x) ≥ 0 without cancellation; x > −1."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """Return x − log(1+x)."""
        (x,) = self.args
        return x - sp.log(1 + x)

    def _tex(self, printer: Any) -> str:
        return rf"\left[{printer._print(self.definition())}\right]"


class ratio_gap(CatalogueFunction):
    """r − 1 − log r ≥ 0 without cancellation; r > 0."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """Return r − 1 − log r."""
        (r,) = self.args
        return r - 1 - sp.log(r)

    def _tex(self, printer: Any) -> str:
        return rf"\left[{printer._print(self.definition())}\right]"


class divergence_tv(CatalogueFunction):
    """√min(κ/2, 1 − e^{−κ}): the largest TV of two laws by Pinsker and by Bretagnolle and Huber; κ = KL ≥ 0."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """√min(κ/2, 1 − e^{−κ})."""
        (x,) = self.args
        return sp.sqrt(sp.Min(x / 2, 1 - sp.exp(-x)))

    def _tex(self, printer: Any) -> str:
        kappa = rf"\left({printer._print(self.args[0])}\right)"
        return rf"\min\left(\sqrt{{\tfrac{{1}}{{2}}{kappa}}}, \sqrt{{1 - e^{{-{kappa}}}}}\right)"


class total(CatalogueFunction):
    """Sum of the entries of a vector; it has no scalar form, so it stays itself."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """Return itself."""
        return self

    def doit(self, **hints: Any) -> sp.Expr:
        """Return itself."""
        return self

    def _tex(self, printer: Any) -> str:
        return rf"\sum_k {printer._print(self.args[0])}_k"


class total_ratio_gap(total):
    """Σ_j (r_j − 1 − log r_j) over the entries of a vector; r_j > 0."""

    nargs = 1

    def _tex(self, printer: Any) -> str:
        r = rf"{printer._print(self.args[0])}_j"
        return rf"\sum_j \left({r} - 1 - \log {r}\right)"


class square(CatalogueFunction):
    """x², squared as a whole: of a quotient, numerator and denominator alone may overflow."""

    nargs = 1

    def definition(self) -> sp.Expr:
        """x²."""
        return self.args[0] ** 2

    def _tex(self, printer: Any) -> str:
        return rf"\left({printer._print(self.args[0])}\right)^2"
