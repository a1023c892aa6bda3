"""Searches for recursive stability: by composition, of normal fits and frequencies of two atoms, and exact."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from scipy.special import erf
from scipy.stats import binom

import bounds
import sim

from ..binary_loop import BinaryLoop
from ..case import Array, Design, Exact
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

SMOOTHING = Axis(low=0.01, high=1, log=True)
_KEY = "recursive-stability"
SHARE = {"alpha": Axis(low=0, high=1)}
_I = {"i": Axis(low=1, high=100, integer=True, log=True)}
_DIVERGENCE = Axis(low=1e-6, high=1e-2, log=True)
_NORMAL = {"sigma": Axis(low=0.1, high=10, log=True), "Delta": Axis(low=1e-3, high=10, log=True)}
_MODEL = {"model": Axis(low=0, high=1, integer=True)}
"""Normal fits of known variance, or smoothed frequencies of two atoms: by number."""
_LEAST_SMOOTHING, _HALVINGS = 1e-6, 50


def reused(values: Values, least: int = 1) -> int:
    """Return the whole number of reused points nearest to their share, at least `least`."""
    return max(least, round(float(values["alpha"] * values["n"])))


def gamma(loop: BinaryLoop, i: int) -> float:
    """Return the largest TV of the laws of the synthetic count of generation i when a reused point is replaced.

    That is γ for two atoms. For more it is γ of the count of the first one, and thus at most γ.
    """
    if not loop.reused:
        return 0.0
    laws = np.stack([loop.powers(r, i) for r in range(loop.reused + 1)])
    return float(np.abs(np.diff(laws, axis=0)).sum(axis=2).max() / 2)


def _smoothing(n: int, kappa: float) -> float:
    """Return the least smoothing from 1e-6 on, up to rounding, at which fits of n points diverge by kappa at most."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = max(_LEAST_SMOOTHING, (low + high) / 2)
        if BinaryLoop(n, 0, 0.5, middle).divergence() > kappa:
            low = middle
        else:
            high = middle
    return high


def _move(n: int, kappa: float) -> float:
    """Return by how much a point moves if the means of n points with unit variance then have this divergence."""
    return n * math.sqrt(2 * kappa)


def _normal_tv(shift: float, variance: float, m: int, sigma: float = 1.0) -> float:
    """Return the TV of m points around means that differ by `shift` and have this variance."""
    return float(erf(shift * math.sqrt(m / (sigma**2 + m * variance) / 8)))


def _normal_reused(n: int, kept: int, i: int, move: float) -> float:
    """Return γ of generation i of normal fits of unit variance."""
    m, shift, variance = n - kept, move / n, 0.0
    for _ in range(1, i):
        shift, variance = (move + m * shift) / n, (m / n) ** 2 * variance + m / n**2
    return _normal_tv(shift, variance, m)


def _normal_forgotten(n: int, m: int, i: int, move: float) -> float:
    """Return the same for a point that only generation 1 sees."""
    shift, variance = move / n, 0.0
    for _ in range(1, i):
        shift, variance = m / n * shift, (m / n) ** 2 * variance + m / n**2
    return _normal_tv(shift, variance, m)


def _fixed() -> Search:
    result = bounds.get(f"{_KEY}/composition/fixed")

    def design(values: Values) -> Design:
        n, i, kept, kappa = values["n"], values["i"], reused(values), values["kappa"]

        def value() -> Array:
            if values["model"]:
                return np.asarray(gamma(BinaryLoop(n, kept, 0.5, _smoothing(n, kappa)), i))
            return np.asarray(_normal_reused(n, kept, i, _move(n, kappa)))

        return exact(f"model {values['model']}, n={n}", {"n": n, "alpha": kept / n, "i": i, "kappa": kappa}, value)

    return Search(result=result, axes={**sizes(100), **SHARE, **_I, "kappa": _DIVERGENCE, **_MODEL}, design=design)


def _not_reused() -> Search:
    result = bounds.get(f"{_KEY}/composition/not-reused")

    def design(values: Values) -> Design:
        n, i, kappa = values["n"], values["i"], values["kappa"]
        kept = min(reused(values, 0), n - 1)

        def value() -> Array:
            if values["model"]:
                return np.asarray(BinaryLoop(n, kept, 0.5, _smoothing(n, kappa)).other_sensitivity(i))
            return np.asarray(_normal_forgotten(n, n - kept, i, _move(n, kappa)))

        return exact(f"model {values['model']}, i={i}", {"n": n, "alpha": kept / n, "i": i, "kappa": kappa}, value)

    return Search(result=result, axes={**sizes(100), **SHARE, "kappa": _DIVERGENCE, **_I, **_MODEL}, design=design)


def _expand() -> Search:
    """Generation 1 and the later ones have smoothings, or variances, of their own."""
    result = bounds.get(f"{_KEY}/composition/expand")

    def design(values: Values) -> Design:
        n, i = values["n"], values["i"]
        drawn = max(1, round(values["lam"] * n))
        first, later = values["kappa"], values["kappa_N"]

        def value() -> Array:
            if values["model"]:
                return np.asarray(_binary_expand(n, drawn, i, (first, later)))
            return np.asarray(_normal_expand(n, drawn, i, (first, later)))

        known = {"n": n, "lam": drawn / n, "i": i, "kappa": first, "kappa_N": later}
        return exact(f"model {values['model']}, n={n}", known, value)

    axes = {**sizes(20), "lam": Axis(low=0, high=4), "i": Axis(low=1, high=30, integer=True, log=True)}
    axes |= {"kappa": _DIVERGENCE, "kappa_N": _DIVERGENCE, **_MODEL}
    return Search(result=result, axes=axes, design=design)


def _normal_expand(n: int, m: int, i: int, kappas: tuple[float, float]) -> float:
    """Return γ of generation i of normal fits, of unit variance in generation 1, for a point that moves by 1."""
    deviations = [1 / (size * math.sqrt(2 * kappa)) for size, kappa in zip((n, n + m), kappas, strict=True)]
    shift, variance, sigma = 1 / n, 0.0, deviations[0]
    for _ in range(1, i):
        shift, variance = (1 + m * shift) / (n + m), (m**2 * variance + m * sigma**2) / (n + m) ** 2
        sigma = deviations[1]
    return _normal_tv(shift, variance, m, sigma)


def _binary_expand(n: int, m: int, i: int, kappas: tuple[float, float]) -> float:
    """Return γ of generation i of smoothed frequencies of two atoms."""
    first, later = (
        binom.pmf(np.arange(m + 1), m, BinaryLoop(size, 0, 0.5, _smoothing(size, kappa)).fits[:, None])
        for size, kappa in zip((n, n + m), kappas, strict=True)
    )
    laws = [first[r] @ np.linalg.matrix_power(later[r : r + m + 1], i - 1) for r in range(n + 1)]
    return float(np.abs(np.diff(laws, axis=0)).sum(axis=1).max() / 2)


def sizes(most: int) -> dict[str, Axis]:
    """Return the axis of the sample size."""
    return {"n": Axis(low=1, high=most, integer=True, log=True)}


def exact(label: str, known: dict[str, Any], value: Callable[[], Array], upper: float = 1.0) -> Design:
    """Return a design of an exact value."""
    return Design(label=label, values=known, evidence=Exact(values=value, upper=upper))


def _mean(tail: str) -> Search:
    result = bounds.get(f"{_KEY}/gaussian-mean{tail}")
    forgotten, forever = tail == "/not-reused", tail == "/limit"

    def design(values: Values) -> Design:
        n, sigma, width = values["n"], values["sigma"], values["Delta"]
        kept = min(reused(values, 0), n - 1) if forgotten else reused(values)
        i = math.ceil(25 * n / kept) if forever else values["i"]

        def value() -> Array:
            if forgotten:
                return np.asarray(_normal_forgotten(n, n - kept, i, width / sigma))
            return np.asarray(sim.exact_gaussian_mean_gamma(n, kept / n, sigma, width, i)[-1])

        known = {"n": n, "alpha": kept / n, "i": i, "sigma": sigma, "Delta": width}
        return exact(f"normal, n={n}, i={i}", known, value)

    axes = {**sizes(1000), **SHARE, **({} if forever else _I), **_NORMAL}
    return Search(result=result, axes=axes, design=design)


SEARCHES: tuple[Search, ...] = (
    _fixed(),
    _not_reused(),
    _expand(),
    *(_mean(tail) for tail in ("", "/limit", "/not-reused")),
)

__all__ = ["SEARCHES", "SHARE", "SMOOTHING", "exact", "gamma", "reused", "sizes"]
