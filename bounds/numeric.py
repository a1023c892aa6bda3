"""NumPy forms of the functions in `bounds.functions`, accurate over the whole domain.

Every function broadcasts, takes and returns float64, and keeps a relative error near 1e-14 where the
textbook formula cancels (α → 0, n → ∞). Domains are checked by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import mpmath
import numpy as np
from numpy.typing import NDArray
from scipy import special

from .binomial import mean_deviation
from .chain import chain_deviation
from .diffusion_numeric import NUMERIC_DIFFUSION
from .kde_numeric import NUMERIC_KDE
from .sums import accumulated_loss, accumulated_survival, power_sum, shifted_power_sum

Array: TypeAlias = NDArray[np.float64]


def sum_atoms(terms: Array) -> Array:
    """Sum over the atoms of a vector, the last axis."""
    return terms @ np.ones(terms.shape[-1])


def geometric_sum(x: Array, i: Array) -> Array:
    """S_i(x) = (1 − (1−x)^i)/x by expm1 and log1p; i at x = 0; direct where 1−x ≤ 0."""
    x = np.asarray(x, dtype=float)
    low, high = (x.min(), x.max()) if x.size else (0.5, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.expm1(np.log1p(-x) * i) / -x
    if low <= 0:
        total = np.where(x == 0, i, total)
    if high >= 1:
        total = np.where(x >= 1, (1 - np.power(np.minimum(1 - x, 0), i)) / np.maximum(x, 1), total)
    return total


def complement_power(x: Array, i: Array) -> Array:
    """(1−x)^i by exp and log1p; direct where 1−x ≤ 0, so that 0^0 = 1 and signs are right."""
    x = np.asarray(x, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.exp(np.log1p(-x) * i)
    if x.size and x.max() >= 1:
        power = np.where(x >= 1, np.power(np.minimum(1 - x, 0), i), power)
    return power


@cache
def _small_tables() -> tuple[Array, Array]:
    """Return log c4(n) and ψ((n−1)/2) − log((n−1)/2) for n = 0..63 (nan below 2), correctly rounded."""
    with mpmath.workdps(40):
        half = [mpmath.mpf(n - 1) / 2 for n in range(64)]
        log_c4 = [mpmath.loggamma(z + 0.5) - mpmath.loggamma(z) - mpmath.log(z) / 2 for z in half[2:]]
        drift = [mpmath.digamma(z) - mpmath.log(z) for z in half[2:]]
        table = [[np.nan, np.nan, *map(float, column)] for column in (log_c4, drift)]
    return np.array(table[0]), np.array(table[1])


def _by_table_or_series(n: Array, table: Array, coefficients: tuple[float, ...], first: int) -> Array:
    """Table for n < 64, else Σ_j coefficients[j] z^{−(first + 2j)} at z = (n−1)/2."""
    n = np.asarray(n, dtype=float)
    inverse = 2 / np.maximum(n - 1, 1)
    square = inverse * inverse
    series = np.full_like(inverse, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        series = series * square + coefficient
    series = series * (inverse if first == 1 else square)
    if n.size and n.min() < len(table):
        series = np.where(n < len(table), table[np.minimum(n, len(table) - 1).astype(np.intp)], series)
    return series


def _log_c4(n: Array) -> Array:
    """Log of c4(n): Γ-ratio expansion −1/(8z) + 1/(192z³) − …, z = (n−1)/2."""
    series = (-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432)
    return _by_table_or_series(n, _small_tables()[0], series, 1)


def c4_power(n: Array, i: Array) -> Array:
    """c4(n)^i."""
    return np.exp(_log_c4(n) * i)


def c4_power_complement(n: Array, i: Array) -> Array:
    """1 − c4(n)^i."""
    return -np.expm1(_log_c4(n) * i)


_DRIFT = (-1 / 12, 1 / 120, -1 / 252, 1 / 240, -1 / 132, 691 / 32760)  # −B_{2k}/(2k)


def log_chi_square_drift(n: Array) -> Array:
    """ψ(z) − log z at z = (n−1)/2: −1/(2z) − Σ_k B_{2k}/(2k z^{2k})."""
    n = np.asarray(n, dtype=float)
    drift = _by_table_or_series(n, _small_tables()[1], _DRIFT, 2)
    return np.where(n < 64, drift, drift - 1 / np.maximum(n - 1, 1))


def student_tv(d: Array, s: Array) -> Array:
    """I_{s/(4+s)}(1/2, d/2); the arctan form at d = 1."""
    d, s = np.asarray(d, dtype=float), np.asarray(s, dtype=float)
    if d.ndim == 0 and d == 1:
        return np.arctan(np.sqrt(s) / 2) * (2 / np.pi)
    return special.betainc(0.5, d / 2, s / (4 + s))  # type: ignore[no-any-return]


def last_of_resolvent(mixing: Array, errors: Array) -> Array:
    """Last entry of (I − B)^{−1} ε by forward substitution over leading axes."""
    return resolvent(mixing, errors)[..., -1]


def resolvent(mixing: Array, errors: Array) -> Array:
    """(I − B)^{−1} ε, shape (…, g), for B (…, g, g) strictly lower triangular and ε (…, g)."""
    mixing, errors = np.asarray(mixing, dtype=float), np.asarray(errors, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], errors.shape)
    solution = np.array(np.broadcast_to(errors, shape))
    for row in range(1, shape[-1]):
        solution[..., row] += np.einsum("...k,...k->...", mixing[..., row, :row], solution[..., :row])
    return solution


def weighted_variance(mixing: Array, sizes: Array) -> Array:
    """Compute w of the last generation under `weighted(B)`: D5' with p(1−p) = 1, over leading axes."""
    mixing, sizes = np.asarray(mixing, dtype=float), np.asarray(sizes, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], sizes.shape)
    generations = shape[-1]
    covariance = np.zeros((*shape, generations))
    for row in range(generations):
        weights = mixing[..., row, :row]
        cross = np.einsum("...k,...kj->...j", weights, covariance[..., :row, :row])
        inherited = np.einsum("...j,...j->...", cross, weights)
        covariance[..., row, :row] = covariance[..., :row, row] = cross
        covariance[..., row, row] = inherited + (1 - inherited) / sizes[..., row]
    return covariance[..., -1, -1]


def weighted_survival(mixing: Array, sizes: Array) -> Array:
    """1 − w of the last generation: D5' for 1 − C with the real distribution as index 0; all terms ≥ 0."""
    mixing, sizes = np.asarray(mixing, dtype=float), np.asarray(sizes, dtype=float)
    shape = np.broadcast_shapes(mixing.shape[:-1], sizes.shape)
    generations = shape[-1]
    kept = np.ones((*shape[:-1], generations + 1, generations + 1))
    for row in range(generations):
        weights = mixing[..., row, :row]
        real = 1 - weights.sum(axis=-1, keepdims=True)
        full = np.concatenate([real, weights], axis=-1)
        cross = np.einsum("...k,...kj->...j", full, kept[..., : row + 1, : row + 1])
        kept[..., row + 1, : row + 1] = kept[..., : row + 1, row + 1] = cross
        inherited = np.einsum("...j,...j->...", cross, full)
        kept[..., row + 1, row + 1] = inherited * (1 - 1 / sizes[..., row])
    return kept[..., -1, -1]


def weighted_triangle(mixing: Array, sizes: Array) -> Array:
    """Last entry of (I − B)^{−1} n^{−1/2}."""
    return last_of_resolvent(mixing, np.asarray(sizes, dtype=float) ** -0.5)


NUMERIC: dict[str, Callable[..., Any]] = (
    {
        function.__name__: function
        for function in (
            sum_atoms,
            geometric_sum,
            complement_power,
            accumulated_loss,
            accumulated_survival,
            power_sum,
            shifted_power_sum,
            c4_power,
            c4_power_complement,
            log_chi_square_drift,
            student_tv,
            mean_deviation,
            chain_deviation,
            last_of_resolvent,
            weighted_variance,
            weighted_survival,
            weighted_triangle,
        )
    }
    | NUMERIC_KDE
    | NUMERIC_DIFFUSION
)
