"""Kernel density functions to any number of digits: direct sums, bracketed roots and mpmath's quadrature.

Nothing here shares a method with the double precision forms: sums run over every generation, mixtures are
written out from their weights, and integrals are taken by adaptive tanh-sinh quadrature.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from mpmath import mp

GUARD_DIGITS = 100
"""Digits that every caller carries beyond those asked for: cancellation at α = 1e-18, n = 1e15, i = 1e9 costs less."""
_EXTRA = 10  # digits that a quadrature or a long sum carries beyond those asked for
_DEGREE = 12  # of mpmath's tanh-sinh rule, at most; it stops when it has converged


def _working_digits() -> int:
    return int(max(mp.dps - GUARD_DIGITS, 10)) + _EXTRA


def _gaussian_bias(t: Any) -> Any:
    with mp.workdps(mp.dps + _lost(t)):
        inner = mp.sqrt(mp.log1p(t**2) / (2 * t**2))
        return mp.erf(inner * mp.sqrt(1 + t**2)) - mp.erf(inner)


def _lost(t: Any) -> int:
    """Digits that the difference of two laws of variances 1 and 1 + t² cancels."""
    return int(max(0, -2 * mp.log10(t)))


def _heat_loss(h: Any) -> Any:
    return -mp.expm1(-2 * mp.pi**2 * h**2)


def _lattice_sum(h: Any, shift: Any) -> Any:
    """Σ_{l∈Z} exp(−4π²h²(l − shift)²) for shift 0 or ½, term by term; by the Poisson dual for h < 10⁻³."""
    if h < mp.mpf("1e-3"):
        dual = [mp.exp(-(mp.mpf(l) ** 2) / (4 * h**2)) * mp.cos(2 * mp.pi * l * shift) for l in range(1, 3)]  # noqa: E741
        return (1 + 2 * mp.fsum(dual)) / (2 * h * mp.sqrt(mp.pi))
    reach = int(mp.sqrt(mp.dps * mp.log(10)) / (2 * mp.pi * h)) + 2
    return mp.fsum(mp.exp(-4 * mp.pi**2 * h**2 * (l - shift) ** 2) for l in range(-reach, reach + 1))  # noqa: E741


def _torus_roughness(h: Any, d: Any) -> Any:
    if h > 2:  # the sum is 1 + 2q + 2q⁴ + …, with q far below the working precision
        q = mp.exp(-4 * mp.pi**2 * h**2)
        return mp.sqrt(mp.expm1(d * mp.log1p(2 * q + 2 * q**4)))
    return mp.sqrt(_lattice_sum(h, mp.mpf(0)) ** d - 1)


def _kept(alpha: Any, i: Any) -> int:
    """Number of terms (1−α)^k, out of i, that count at twice the working precision."""
    if alpha == 0:
        return int(i)
    if alpha == 1:
        return 1
    return int(min(i, mp.ceil(2 * mp.dps * mp.log(10) / -mp.log1p(-alpha))))


def _spread_sum(alpha: Any, i: Any, t: Any) -> Any:
    start = 1 / t**2 + mp.mpf(1) / 2
    if alpha == 0 and i > 2000:
        return mp.zeta(-mp.mpf(1) / 4, start) - mp.zeta(-mp.mpf(1) / 4, start + i)
    with mp.workdps(_working_digits()):
        b, total, kept = 1 - alpha, mp.mpf(0), _kept(alpha, i)
        for j in range(kept):
            k = i - 1 - j
            inside = start + b * (k if alpha == 0 else (1 - b**k) / alpha)
            total += b**j * inside ** (mp.mpf(1) / 4)
        return total


def _model_weights(alpha: Any, k: int) -> list[Any]:
    """Weights of T_{h√m}P, m = 0..k, in E P_k."""
    if k == 0:
        return [mp.mpf(1)]
    b = 1 - alpha
    return [mp.mpf(0), *(alpha * b ** (m - 1) for m in range(1, k)), b ** (k - 1)]


def _training_weights(alpha: Any, k: int) -> list[Any]:
    """Weights of T_{h√m}P, m = 0..k, in E Q_k = α P + (1−α) E P_k."""
    weights = [(1 - alpha) * w for w in _model_weights(alpha, k)]
    weights[0] += alpha
    return weights


def _normal(x: Any, variance: Any) -> Any:
    return mp.exp(-(x**2) / (2 * variance)) / mp.sqrt(2 * mp.pi * variance)


def _mixture(alpha: Any, i: Any, t: Any) -> tuple[list[Any], list[Any]]:
    """Weights and variances of the components of E P_i that count."""
    kept = _kept(alpha, i)
    if alpha == 0:
        return [mp.mpf(1)], [1 + i * t**2]
    return _model_weights(alpha, kept)[1:], [1 + k * t**2 for k in range(1, kept + 1)]


def _crossing(weights: list[Any], variances: list[Any]) -> Any:
    """Return the point x > 0 where the mixture meets N(0, 1), by bisection and the secant method."""

    def excess(x: Any) -> Any:
        ratio = (w * mp.exp(x**2 * (1 - 1 / s) / 2) / mp.sqrt(s) for w, s in zip(weights, variances, strict=True))
        return mp.log(mp.fsum(ratio))

    low, high = mp.mpf(1) / 2, mp.mpf(2)
    while excess(high) < 0:
        low, high = high, 2 * high
    return mp.findroot(excess, (low, high), solver="anderson", maxsteps=1000, verify=False)


def _mixture_bias(alpha: Any, i: Any, t: Any) -> Any:
    with mp.workdps(_working_digits() + 2 * _lost(t)):
        weights, variances = _mixture(alpha, i, t)
        x = _crossing(weights, variances) / mp.sqrt(2)
        terms = (w * (mp.erf(x) - mp.erf(x / mp.sqrt(s))) for w, s in zip(weights, variances, strict=True))
        return mp.fsum(terms)


def _training_variance(schedule: str, alpha: Any, i: int, terms: Callable[[int, Any], tuple[Any, Any]]) -> Any:
    """Sum n Var_i over all draws; `terms(j, k)` gives E K_H(x−Y)² and E K_H(x−Y), H = h√j, for Y ~ E P_k.

    Y ~ P is k = 0.
    """
    b, total = 1 - alpha, mp.mpf(0)
    for j in range(1, i + 1):
        k = i - j
        square, mean = terms(j, k)
        if schedule == "fixed":
            total += b ** (2 * j - 1) * (square - mean**2)
            continue
        real_square, real_mean = terms(j, 0) if k > 0 else (square, mean)
        average = alpha * real_square + b * square
        if schedule == "stratified":
            squared = alpha * real_mean**2 + b * mean**2
        else:
            squared = (alpha * real_mean + b * mean) ** 2
        total += b ** (2 * (j - 1)) * (average - squared)
    return total


def _line_variance(schedule: str, alpha: Any, i: int, t: Any, x: Any) -> Any:
    half = [_normal(x, 1 + mp.mpf(q) / 2 * t**2) for q in range(2 * i + 1)]
    weights = [_model_weights(alpha, k) for k in range(i)]

    def terms(j: int, k: int) -> tuple[Any, Any]:
        square = mp.fdot(weights[k], half[j : j + 2 * k + 1 : 2]) / mp.sqrt(4 * mp.pi * j * t**2)
        return square, mp.fdot(weights[k], half[2 * j : 2 * (j + k) + 1 : 2])

    total = _training_variance(schedule, alpha, i, terms)
    if schedule == "fixed":
        b, square = 1 - alpha, mp.mpf(0)
        for m in range(1, i + 1):
            for l in range(1, m + 1):  # noqa: E741
                width = mp.mpf(m * l) / (m + l)
                scale = mp.sqrt(2 * mp.pi * (m + l) * t**2) * (1 if l == m else mp.mpf(1) / 2)
                square += b ** (m + l - 2) / scale * _normal(x, 1 + width * t**2)
        mean = mp.fsum(b ** (m - 1) * half[2 * m] for m in range(1, i + 1))
        total += alpha * (square - mean**2)
    return total


def _sharp_line(schedule: str) -> Callable[..., Any]:
    def sharp(n: Any, alpha: Any, i: Any, t: Any) -> Any:
        with mp.workdps(_working_digits() + _lost(t)):
            weights, variances = _mixture(alpha, i, t)

            def integrand(x: Any) -> Any:
                mean = mp.fsum(w * _normal(x, s) for w, s in zip(weights, variances, strict=True))
                variance = _line_variance(schedule, alpha, int(i), t, x) / n
                return mp.sqrt((mean - _normal(x, mp.mpf(1))) ** 2 + max(variance, 0))

            root = _crossing(weights, variances)
            last = mp.sqrt(4 * mp.dps * mp.log(10) * (1 + i * t**2))
            points = [mp.mpf(0), root]
            while points[-1] < last:
                points.append(points[-1] * 2)
            return mp.quad(integrand, points, maxdegree=_DEGREE)

    return sharp


def _reused_torus(alpha: Any, i: int, h: Any, c: Any) -> list[Any]:
    """Coefficients of 1, cos, cos² in α [r² * P − (r * P)²], r = Σ_{m≤i} b^{m−1} K_{h√m}."""
    b, reach = 1 - alpha, int(mp.sqrt(mp.dps * mp.log(10) / 2) / (mp.pi * h)) + 2
    modes = [
        mp.fsum(b ** (m - 1) * mp.exp(-2 * mp.pi**2 * h**2 * m * l * l) for m in range(1, i + 1))
        for l in range(reach + 1)  # noqa: E741
    ]
    square = modes[0] ** 2 + 2 * mp.fsum(r * r for r in modes[1:])
    cross = 2 * mp.fdot(modes[:-1], modes[1:])
    return [
        alpha * (square - modes[0] ** 2),
        alpha * c * (cross - 2 * modes[0] * modes[1]),
        -alpha * c**2 * modes[1] ** 2,
    ]


def _torus_variance(schedule: str, alpha: Any, i: int, h: Any, c: Any) -> list[Any]:
    """Coefficients of 1, cos, cos² in n Var_i, interpolated from its values at cos = −1, 0, 1."""
    multipliers = [mp.mpf(1)]
    for _ in range(i):
        multipliers.append(mp.exp(-2 * mp.pi**2 * h**2) * (alpha + (1 - alpha) * multipliers[-1]))
    widths = [h * mp.sqrt(j) for j in range(1, i + 1)]
    squares = [_lattice_sum(width, mp.mpf(0)) for width in widths]
    crosses = [mp.exp(-(mp.pi**2) * w**2) * _lattice_sum(w, mp.mpf(1) / 2) for w in widths]

    def at(cosine: int) -> Any:
        def terms(j: int, k: int) -> tuple[Any, Any]:
            amplitude = c * multipliers[k] * cosine
            mean = 1 + mp.exp(-2 * mp.pi**2 * j * h**2) * amplitude
            return squares[j - 1] + crosses[j - 1] * amplitude, mean

        return _training_variance(schedule, alpha, i, terms)

    low, middle, high = at(-1), at(0), at(1)
    return [middle, (high - low) / 2, (high + low) / 2 - middle]


def _sharp_torus(schedule: str) -> Callable[..., Any]:
    def sharp(n: Any, alpha: Any, i: Any, h: Any, c: Any) -> Any:
        with mp.workdps(_working_digits()):
            coefficients = _torus_variance(schedule, alpha, int(i), h, c)
            if schedule == "fixed":
                reused = _reused_torus(alpha, int(i), h, c)
                coefficients = [a + r for a, r in zip(coefficients, reused, strict=True)]
            rho, multiplier = mp.exp(-2 * mp.pi**2 * h**2), mp.mpf(1)
            for _ in range(int(i)):
                multiplier = rho * (alpha + (1 - alpha) * multiplier)

            def integrand(angle: Any) -> Any:
                cosine = mp.cos(angle)
                variance = coefficients[0] + cosine * (coefficients[1] + cosine * coefficients[2])
                return mp.sqrt((c * (1 - multiplier) * cosine) ** 2 + max(variance, 0) / n)

            return mp.quad(integrand, [mp.mpf(0), mp.pi / 2, mp.pi], maxdegree=_DEGREE) / (2 * mp.pi)

    return sharp


def _square_torus(schedule: str) -> Callable[..., Any]:
    """Mean squares over the torus, one order (number of active coordinates) after the other."""

    def square(n: Any, alpha: Any, i: Any, h: Any, c: Any, d: Any) -> Any:
        b, generations, bias, variance = 1 - alpha, int(i), mp.mpf(0), mp.mpf(0)
        for order in range(int(d) + 1):
            rho, share = mp.exp(-2 * mp.pi**2 * h**2 * order), mp.binomial(d, order) * (c**2 / 2) ** order
            multipliers = [mp.mpf(1)]
            for _ in range(generations):
                multipliers.append(rho * (alpha + b * multipliers[-1]))
            bias += share * (1 - multipliers[-1]) ** 2

            def terms(j: int, k: int, rho: Any = rho, known: Any = multipliers) -> tuple[Any, Any]:
                return mp.mpf(0), rho**j * known[k]

            variance += share * _training_variance(schedule, alpha, generations, terms)
            reused = mp.fsum((b * rho) ** (m - 1) * rho for m in range(1, generations + 1))
            variance -= alpha * share * reused**2 if schedule == "fixed" else 0

        def kernels(j: int, k: int) -> tuple[Any, Any]:
            return _lattice_sum(h * mp.sqrt(j), mp.mpf(0)) ** d, mp.mpf(0)

        variance += _training_variance(schedule, alpha, generations, kernels)
        if schedule == "fixed":
            pairs = itertools.product(range(1, generations + 1), repeat=2)
            thetas = {s: _lattice_sum(h * mp.sqrt(mp.mpf(s) / 2), mp.mpf(0)) for s in range(2, 2 * generations + 1)}
            variance += alpha * mp.fsum(b ** (m + k - 2) * thetas[m + k] ** d for m, k in pairs)
        return mp.sqrt(bias + variance / n) / 2

    return square


PRECISE_KDE: dict[str, Callable[..., Any]] = {
    "gaussian_bias": _gaussian_bias,
    "heat_loss": _heat_loss,
    "torus_roughness": _torus_roughness,
    "spread_sum": _spread_sum,
    "mixture_bias": _mixture_bias,
    "sharp_line_fresh": _sharp_line("fresh"),
    "sharp_line_stratified": _sharp_line("stratified"),
    "sharp_line_fixed": _sharp_line("fixed"),
    "sharp_torus_fresh": _sharp_torus("fresh"),
    "sharp_torus_stratified": _sharp_torus("stratified"),
    "sharp_torus_fixed": _sharp_torus("fixed"),
    "square_torus_fresh": _square_torus("fresh"),
    "square_torus_stratified": _square_torus("stratified"),
    "square_torus_fixed": _square_torus("fixed"),
}
