"""Searches for the two ends of a diffusion model, and for normal targets, where everything is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from scipy.special import hyp1f1, poch
from scipy.stats import chi2

import bounds
from bounds import Result
from sim import NormalMixture
from sim.diffusion.laws import tweedie
from sim.diffusion.samplers import Kind
from sim.diffusion.times import Spacing, time_grid

from ..case import Design, Exact
from ..cases.diffusion_ends import _raised, force
from ..cases.diffusion_gaussian import moments
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

_T0 = {"t0": Axis(low=1e-3, high=3, log=True)}
_T1 = {"t1": Axis(low=0.3, high=8, log=True)}
_DIMENSION = {"d": Axis(low=1, high=20, integer=True, log=True)}
_MIXTURE: Mapping[str, Axis] = {
    "share": Axis(low=0.02, high=0.98),
    "distance": Axis(low=0, high=8),
    "centre": Axis(low=-3, high=3),
    "width": Axis(low=0.2, high=2, log=True),
    "ratio": Axis(low=0.3, high=3, log=True),
}
"""Two normal laws on the line; see `mixture`."""
_NORMAL: Mapping[str, Axis] = {"away": Axis(low=0.05, high=9, log=True), "narrow": Axis(low=0, high=1, integer=True)}
"""A standard deviation away from 1, where all distances are 0; see `deviation`."""


def mixture(values: Values) -> NormalMixture:
    """Return two normal laws: the share of the second, centre and width of the first, and how the second differs."""
    share, centre, width = (values[name] for name in ("share", "centre", "width"))
    return NormalMixture(
        np.array([1 - share, share]),
        np.array([centre, centre + values["distance"]]),
        np.array([width, width * values["ratio"]]),
    )


def deviation(values: Values) -> float:
    """Return 1 + away, or one over this."""
    return float((1 + values["away"]) ** (-1 if values["narrow"] else 1))


def normal_distance(variance: float, excess: float, d: int = 1) -> float:
    """Return the TV of N(0, v I_d) and N(0, (v + e) I_d), e the excess, not 0.

    The densities are equal at |x|² = d v (v + e) log(1 + e/v)/e, so that it is P(a < X² < b) for X² chi-squared with d
    degrees of freedom and a, b this over v + e and v; for d = 1 an integral of the density, without cancellation.
    """
    low, high = sorted((variance, variance + excess))
    edge = d * math.log1p((high - low) / low) / (abs(excess) / high)
    a, b = edge * low / high, edge
    if d > 1:
        return float(chi2.cdf(b, d) - chi2.cdf(a, d))
    places, weights = np.polynomial.legendre.leggauss(64)
    start, length = math.sqrt(a), abs(excess) * edge / high / (math.sqrt(a) + math.sqrt(b))
    return float(weights @ np.exp(-0.5 * (start + 0.5 * length * (places + 1)) ** 2) * length / math.sqrt(2 * math.pi))


def _search(key: str, axes: Mapping[str, Axis], known: Callable[[Values], tuple[Values, Callable[[], Any]]]) -> Search:
    """A result at what `known` returns: arguments, and what computes the exact value."""
    result: Result = bounds.get(key)

    def design(values: Values) -> Design:
        arguments, value = known(values)
        return Design(
            label="exact",
            values={name: arguments[name] for name in result.names},
            evidence=Exact(values=lambda: np.array(value()), upper=1.0 if key.startswith("tv/") else math.inf),
        )

    return Search(result=result, axes=axes, design=design)


# --- ends -----------------------------------------------------------------------------------------------------


def _smooth(values: Values) -> tuple[Values, Callable[[], Any]]:
    p = mixture(values)
    return {**values, "L1": force(p)}, lambda: _raised(p.noised(values["t0"]), p)


def _centres(values: Values) -> tuple[Values, Callable[[], Any]]:
    """On the line two centres on both sides of 0, R away on average; else one, at 0: R is 0 there."""
    t0, d, sigma, R, share = (values[name] for name in ("t0", "d", "sigma", "R", "share"))
    if d > 1:
        excess = -math.expm1(-2 * t0) * (1 - sigma**2)
        return {**values, "R": 0.0}, lambda: normal_distance(sigma**2, excess, d) if excess else 0.0
    far = R * (1 + values["lean"] * np.array([share, share - 1]))
    p = NormalMixture(np.array([1 - share, share]), far * np.array([1, -1]), np.full(2, sigma))
    return values, lambda: _raised(p.noised(t0), p)


def _last(values: Values) -> tuple[dict[str, float], float]:
    """Return what is known of N(centre e, width² I_d), and the variance of its noised law minus 1."""
    d, square, t1 = values["d"], values["width"] ** 2, values["t1"]
    mean = math.sqrt(2 * square) * poch(d / 2, 0.5) * hyp1f1(-0.5, d / 2, -(values["centre"] ** 2) / (2 * square))
    known = {"R": float(mean), "M2": values["centre"] ** 2 + d * square, "t1": t1, "d": d}
    return known, math.exp(-2 * t1) * (square - 1)


def _end(values: Values) -> tuple[Values, Callable[[], Any]]:
    """The noised law is at least as far from N(0, I) as along the first axis, and as its centred form."""
    known, excess = _last(values)
    shift = math.exp(-values["t1"]) * values["centre"]

    def distance() -> float:
        line = NormalMixture(np.ones(1), np.array([shift]), np.array([math.sqrt(1 + excess)]))
        along = _raised(line, NormalMixture(np.ones(1), np.zeros(1), np.ones(1)))
        return max(along, normal_distance(1.0, excess, values["d"]) if excess else 0.0)

    return known, distance


def _end_divergence(values: Values) -> tuple[Values, Callable[[], Any]]:
    known, excess = _last(values)
    shift = math.exp(-2 * values["t1"]) * values["centre"] ** 2
    return known, lambda: (shift + values["d"] * (excess - math.log1p(excess))) / 2


def _normal_start(values: Values) -> tuple[Values, Callable[[], Any]]:
    sigma, t0 = deviation(values), values["t0"]
    excess = -math.expm1(-2 * t0) * (1 - sigma**2)
    return {"t0": t0, "sigma": sigma}, lambda: normal_distance(sigma**2, excess)


def _normal_end(values: Values) -> tuple[Values, Callable[[], Any]]:
    sigma, t1 = deviation(values), values["t1"]
    return {"t1": t1, "sigma": sigma}, lambda: normal_distance(1.0, math.exp(-2 * t1) * (sigma**2 - 1))


# --- normal targets -------------------------------------------------------------------------------------------

SPACINGS: tuple[Spacing, ...] = ("uniform", "quadratic", "geometric")


def _output(values: Values, m: float) -> tuple[float, float]:
    """Return mean and variance of the output of Tweedie's steps, however long, on a grid of any spacing."""
    p = NormalMixture(np.ones(1), np.array([m]), np.array([deviation(values)]))
    times = time_grid(values["t0"], values["t0"] + values["span"], values["count"], SPACINGS[values["spacing"]])
    mean, variance, x = 0.0, 1.0, np.array([0.0, 1.0])
    for s, t in zip(times[-2::-1].tolist(), times[:0:-1].tolist(), strict=True):
        (low, high), (spread, _) = tweedie(x, *p.noised(t).jet(x)[1:], t - s)
        mean, variance = low + (high - low) * mean, (high - low) ** 2 * variance + spread
    return float(mean), float(variance)


def _target(of: Callable[[float, float, float], float]) -> Callable[[Values], tuple[Values, Callable[[], Any]]]:
    def known(values: Values) -> tuple[Values, Callable[[], Any]]:
        sigma, m = deviation(values), values.get("m", 0.0)
        return {**values, "sigma": sigma}, lambda: of(*_output(values, m), sigma)

    return known


def _discretised(key: str, name: str) -> Search:
    kind: Kind = "euler" if name == "euler-maruyama" else "exponential"

    def known(values: Values) -> tuple[Values, Callable[[], Any]]:
        def value() -> float:
            times = 1e-3 + values["dt"] * np.arange(values["steps"] + 1.0)
            excess = moments(kind, times, 0.0, 1.0)[1] - 1
            return normal_distance(1.0, excess) if key.startswith("tv/") else excess

        return values, value

    axes = {"dt": Axis(low=3e-3, high=1, log=True), "steps": Axis(low=1, high=100, integer=True, log=True)}
    return _search(f"{key}/{name}", axes, known)


_LAST = {**_T1, **_DIMENSION, "centre": Axis(low=0, high=4), "width": Axis(low=0.01, high=3, log=True)}
_TARGET = {
    **_NORMAL,
    "away": Axis(low=0.1, high=4, log=True),
    "t0": Axis(low=0.01, high=3, log=True),
    "span": Axis(low=0.05, high=3, log=True),  # longer steps lose digits of the variance
    "count": Axis(low=1, high=40, integer=True, log=True),
    "spacing": Axis(low=0, high=len(SPACINGS) - 1, integer=True),
}
SEARCHES: tuple[Search, ...] = (
    _search("tv/diffusion/start/smooth", {**_T0, **_MIXTURE}, _smooth),
    _search(
        "tv/diffusion/start/mixture",
        {
            "t0": Axis(low=1e-3, high=0.3, log=True),
            "R": Axis(low=0.01, high=5),  # for 0 the bound is attained, and what quadrature adds is an error
            "sigma": Axis(low=0.3, high=3, log=True),
            **_DIMENSION,
            "share": Axis(low=0, high=1),
            "lean": Axis(low=-1, high=1),
        },
        _centres,
    ),
    _search("tv/diffusion/start/gaussian", {**_T0, **_NORMAL}, _normal_start),
    _search("tv/diffusion/end/first-moment", _LAST, _end),
    _search("tv/diffusion/end/second-moment", _LAST, _end),
    _search("diffusion/end-divergence", _LAST, _end_divergence),
    _search("tv/diffusion/end/gaussian", {**_T1, **_NORMAL}, _normal_end),
    _search(
        "tv/diffusion/gaussian-exact",
        _TARGET,
        _target(lambda mean, variance, sigma: normal_distance(sigma**2, variance - sigma**2)),
    ),
    _search(
        "diffusion/gaussian-exact/mean",
        {**_TARGET, "m": Axis(low=0.01, high=10, log=True)},
        _target(lambda mean, variance, sigma: mean),
    ),
    _search("diffusion/gaussian-exact/variance", _TARGET, _target(lambda mean, variance, sigma: variance)),
    *(
        _discretised(key, name)
        for key in ("tv/diffusion/discretised", "diffusion/discretised")
        for name in ("euler-maruyama", "exponential-integrator")
    ),
)

__all__ = ["SEARCHES"]
