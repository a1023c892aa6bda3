"""NumPy and mpmath forms of the functions of the diffusion results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from mpmath import mp
from numpy.typing import NDArray
from scipy import special

Array: TypeAlias = NDArray[np.float64]


def log_gap(x: Array) -> Array:
    """Return x − log(1+x), by its series x²/2 · ₂F₁(1, 2; 3; −x) where it would cancel."""
    x = np.asarray(x, dtype=float)
    near = np.where(np.abs(x) < 0.5, x, 0.0)
    return np.where(near == x, x * x / 2 * special.hyp2f1(1, 2, 3, -near), x - np.log1p(x))


def ratio_gap(r: Array) -> Array:
    """Return r − 1 − log r, by the same series near r = 1."""
    r = np.asarray(r, dtype=float)
    return np.where(np.abs(r - 1) < 0.5, log_gap(r - 1), r - 1 - np.log(r))


def divergence_tv(kappa: Array) -> Array:
    """√min(κ/2, 1 − e^{−κ})."""
    kappa = np.asarray(kappa, dtype=float)
    return np.sqrt(np.minimum(kappa / 2, -np.expm1(-kappa)))


def total(v: Array) -> Any:
    """Sum over the last axis."""
    return np.sum(v, axis=-1)


def total_ratio_gap(r: Array) -> Any:
    """Σ_j (r_j − 1 − log r_j) over the last axis."""
    return total(ratio_gap(r))


def square(x: Array) -> Array:
    """x²."""
    return np.square(x)


def _log_gap(x: Any) -> Any:
    """Compute from the definition, unless all digits would cancel."""
    return x - mp.log1p(x) if abs(x) > 1e-9 else x * x / 2 * mp.hyp2f1(1, 2, 3, -x)


def _ratio_gap(r: Any) -> Any:
    return r - 1 - mp.log(r) if abs(r - 1) > 1e-9 else _log_gap(r - 1)


NUMERIC_DIFFUSION: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (log_gap, ratio_gap, divergence_tv, total, total_ratio_gap, square)
}
PRECISE_DIFFUSION: dict[str, Callable[..., Any]] = {
    "log_gap": _log_gap,
    "ratio_gap": _ratio_gap,
    "divergence_tv": lambda kappa: mp.sqrt(min(kappa / 2, -mp.expm1(-kappa))),
    "total": mp.fsum,
    "total_ratio_gap": lambda ratios: mp.fsum(map(_ratio_gap, ratios)),
    "square": lambda x: x * x,
}
