"""Searches for transformers in context: linear attention, and uniform attention whose labels are all normal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy.special import owens_t

import bounds
import sim
from bounds import Result

from ..case import Array, Bounded, Design, Exact, Exponent
from ..cases.icl import _OF, _schedule, exact_moments, metric_of
from ..cases.icl_softmax import _gaps, noise_risk, quiet, quiet_gap, sizing_values
from ..laboratory import schedule_of, stream
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

_SHARES: Mapping[str, Mapping[str, Axis]] = {
    "replace": {},
    "stratified": {"alpha": Axis(low=0, high=1)},
    "fixed": {"alpha": Axis(low=0.01, high=1)},
    "expand": {"lam": Axis(low=0, high=20)},
}
_LINEAR: Mapping[str, Axis] = {
    "n": Axis(low=1, high=100_000, integer=True, log=True),
    "i": Axis(low=1, high=60, integer=True, log=True),
    "d": Axis(low=1, high=300, integer=True, log=True),
    "sigma": Axis(low=0, high=5),
    "rho": Axis(low=0.1, high=10, log=True),
}
_DISTANCE: Mapping[str, Axis] = {  # where the risk is hardly random the bound is all but attained
    **_LINEAR,
    "n": Axis(low=5, high=2000, integer=True, log=True),
    "i": Axis(low=1, high=20, integer=True, log=True),
    "d": Axis(low=1, high=10, integer=True, log=True),
    "sigma": Axis(low=0.1, high=2, log=True),
    "rho": Axis(low=0.5, high=10, log=True),
}


def _whole(result: Result, values: Values) -> dict[str, Any]:
    """Return the arguments of a result, with as many points counted as come nearest to their share."""
    n, least = values["n"], 1 if _schedule(result) == "fixed" else 0
    shares = {name: max(least, round(value * n)) / n for name, value in _mixed(values).items()}
    return {name: {**values, **shares}[name] for name in result.names}


def _mixed(arguments: Values) -> dict[str, float]:
    return {name: arguments[name] for name in ("alpha", "lam") if name in arguments}


def _moment(result: Result, arguments: Values) -> Array:
    """Return the exact value by a recursion in fractions."""
    n = arguments["n"]
    mixed = Fraction(round(sum(_mixed(arguments).values()) * n), n)
    square = Fraction(arguments["rho"]) ** 2
    noise = Fraction(arguments["sigma"]) ** 2 / square
    found = exact_moments(_schedule(result), n, mixed, arguments["d"], noise, arguments["i"])[-1]
    metric = metric_of(result)
    return np.array(float((1 if metric == "inner_product" else square) * _OF[metric](found)))


def _linear(result: Result) -> Search:
    name = _schedule(result)

    def design(values: Values) -> Design:
        arguments = _whole(result, values)
        exact = Exact(values=partial(_moment, result, arguments))
        return Design(label=f"linear attention, {name}", values=arguments, evidence=exact)

    return Search(result=result, axes={**_LINEAR, **_SHARES[name]}, design=design)


def _distance(result: Result) -> Search:
    name = _schedule(result)

    def design(values: Values) -> Design:
        arguments = _whole(result, values)
        model = sim.LinearAttention(values["d"], values["rho"], values["sigma"])
        schedule = schedule_of(name, _mixed(arguments))
        return Design(
            label=f"linear attention, {name}",
            values=arguments,
            evidence=Bounded(blocks=stream(model, schedule, values["n"], "tv", (values["i"],))),
        )

    return Search(result=result, axes={**_DISTANCE, **_SHARES[name]}, design=design)


# --- uniform attention ----------------------------------------------------------------------------------------


def distance_of_means(mean: float, variance: float, sigma: float) -> float:
    """Return E TV(N(X, sigma²), N(0, sigma²)) for X ~ N(mean, variance).

    It is 1 - 2 P(c W > |X|), c = 2 sigma, W standard normal and apart: that of c W ± X > 0, both normal, is twice
    Owen's T.
    """
    c, s = 2 * sigma, math.sqrt(variance)
    return float(1 - 4 * owens_t(mean / math.hypot(c, s), c / s if s else math.inf))


def level_gap(values: Values, reused: int) -> tuple[float, float]:
    """Return |E gap| of generation i + 1, and E TV(P_i, P), of a multiple of the mean label under `fixed`.

    Real labels are N(height, sigma²). The answer is f_j = g (mean label of the prompt), which is
    mean + a (mean of the reused labels - height) + independent noise. All residuals are normal, and the loss is clipped
    at M = L²/2.
    """
    n, g, sigma, h = values["n"], values["gain"], values["sigma"], values["height"]
    m, alpha, r = n - reused, reused / n, sigma**2 / reused  # r is the variance of the mean of the reused labels
    c, M = g * (1 - alpha), values["L"] ** 2 / 2
    before, mean, a, noise = h, g * h, g * alpha, c * c * sigma**2 / m
    for _ in range(values["i"]):
        last = (a, noise)
        before, mean = mean, g * alpha * h + c * mean
        a, noise = g * alpha + c * a, c * c * (noise + sigma**2 / m)
    ours, theirs = a * a * r + noise, last[0] ** 2 * r + last[1]
    kept = (last[0] - a) ** 2 * r + (1 - c) ** 2 * last[1]
    risks = (
        (h - mean, sigma**2 + ours),
        (h - mean, sigma**2 + ours - 2 * a * r),
        (before - mean, kept + sigma**2 * (1 - 2 * c / m + c * c / m)),
    )
    fresh, real, synthetic = (float(noise_risk(np.array(x), math.sqrt(v), M)) for x, v in risks)
    return abs(fresh - alpha * real - (1 - alpha) * synthetic), distance_of_means(before - h, theirs, sigma)


def _generalization(tail: str) -> Search:
    """All tokens are (0, label), so that scores are 0; the last layer multiplies by `gain`.

    Earlier layers do nothing, by V = I or, with residual connections, V = 0. All labels stay in the unit ball, but for
    ten standard deviations.
    """
    result = bounds.get(f"icl/softmax/generalization{tail}")

    def design(values: Values) -> Design:
        reused = min(max(1, round(values["alpha"] * values["n"])), values["n"] - 1)
        gap, distance = level_gap(values, reused)
        known = {**values, "alpha": reused / values["n"], "Gamma": 0.0, "M": values["L"] ** 2 / 2, "tv": distance}
        return Design(
            label="multiple of the mean label",
            values={name: known[name] for name in result.names},
            evidence=Exact(values=lambda: np.array(gap), upper=known["M"]),
        )

    axes = {
        "n": Axis(low=2, high=10_000_000, integer=True, log=True),
        "alpha": Axis(low=0, high=1),
        "i": Axis(low=1, high=60, integer=True, log=True),
        "layers": Axis(low=1, high=4, integer=True),
        "sigma": Axis(low=0.005, high=0.04, log=True),
        "L": Axis(low=1e-3, high=1, log=True),
        "gain": Axis(low=-1, high=1),
        "height": Axis(low=0, high=0.4),
    }
    return Search(result=result, axes=axes, design=design)


def _sizing() -> Search:
    """Uniform attention that is asked for labels of noise, clipped at M = L²/2; layers with V = I in between."""
    result = bounds.get("icl/synthetic-sizing")

    def design(values: Values) -> Design:
        n, i, sigma, L = (values[name] for name in ("n", "i", "sigma", "L"))
        lam = round(values["lam"] * n) / n
        known = sizing_values(quiet(sigma), n, lam, i) | {"layers": values["layers"], "L": L, "M": L * L / 2}

        def gap() -> Array:
            return np.array(abs(sigma**2 * quiet_gap(n, lam, i, L / sigma)))

        return Design(label="uniform attention", values=known, evidence=Exact(values=gap, upper=L * L / 2))

    axes = {
        "n": Axis(low=20, high=1_000_000, integer=True, log=True),
        "lam": Axis(low=0, high=50),
        "i": Axis(low=1, high=60, integer=True, log=True),
        "layers": Axis(low=1, high=4, integer=True),
        "sigma": Axis(low=1e-3, high=0.1, log=True),
        "L": Axis(low=1e-4, high=0.5, log=True),
    }
    return Search(result=result, axes=axes, design=design)


def _published() -> Search:
    """The mean of |gap| along four sizes, from `first` on: by Markov's inequality no quantile is of a larger order."""
    result, model = bounds.get("paper/stl-in-context"), quiet()

    def design(values: Values) -> Design:
        alpha, at = values["real"] / 5, (values["i"],)
        sizes = values["first"] * np.array((5, 10, 20, 40))

        def blocks(seed: int) -> Iterator[Array]:
            for found in zip(*(_gaps(model, alpha, int(n), at, seed) for n in sizes), strict=True):
                yield np.concatenate(found, axis=1)

        return Design(
            label="mean |gap| of uniform attention",
            values={"n": sizes, "alpha": alpha, "i": values["i"], "a": 0.5, "delta": values["delta"]},
            evidence=Exponent(along="n", measured=Bounded(blocks=blocks, upper=model.M)),
        )

    axes = {
        "first": Axis(low=2, high=8, integer=True, log=True),
        "real": Axis(low=1, high=4, integer=True),
        "i": Axis(low=1, high=5, integer=True),
        "delta": Axis(low=0.01, high=0.5, log=True),
    }
    return Search(result=result, axes=axes, design=design)


SEARCHES: tuple[Search, ...] = (
    *(_linear(result) for result in bounds.select(("icl/linear-attention",))),
    *(_distance(result) for result in bounds.select(("icl/tv",))),
    *(_generalization(tail) for tail in ("", "/residual")),
    _sizing(),
    _published(),
)

__all__ = ["SEARCHES"]
