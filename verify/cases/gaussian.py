"""Cases for the Gaussian model: exact laws by quadrature and recursion, and sampling exact in law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import bounds
import sim
from bounds import Result

from ..case import Array, Bounded, Case, Design, Exact, Nonnegative, Setting, Unbounded
from ..laboratory import stream, until
from .discrete_exact import Loop
from .reasons import GAUSSIAN_LAW, GAUSSIAN_SAMPLER, answers

_LOOPS: dict[str, tuple[Loop, ...]] = {
    "replace": (Loop("replace", 100, 50), Loop("replace", 5, 20), Loop("replace", 10_000, 100)),
    "accumulate": (Loop("accumulate", 100, 50), Loop("accumulate", 5, 20)),
    "stratified": tuple(
        Loop("stratified", n, 50, (("alpha", alpha),)) for n, alpha in ((100, 0.1), (10, 0.5), (10, 0.0), (10, 1.0))
    ),
    "fixed": tuple(
        Loop("fixed", n, 50, (("alpha", alpha),)) for n, alpha in ((100, 0.1), (10, 0.5), (10, 0.0), (10, 1.0))
    ),
    "expand": tuple(Loop("expand", n, 50, (("lam", lam),)) for n, lam in ((100, 1.0), (10, 4.0), (10, 0.0))),
    "fresh": tuple(
        Loop("fresh", n, 20, (("alpha", alpha),)) for n, alpha in ((10, 0.1), (4, 0.5), (10, 0.0), (10, 1.0))
    ),
}
_COLLAPSE = (
    Loop("replace", 10, 20),
    Loop("replace", 100, 50),
    Loop("replace", 2, 5),
    Loop("replace", 1000, 100),
)
_SMALL = (Loop("replace", 3, 20), Loop("replace", 2, 20))  # the log variance moves by its own size there


def _case(
    result: Result, name: str, reasons: Any, loops: tuple[Any, ...], make: Callable[[Any, Setting], Design]
) -> Case:
    return Case(
        result=result,
        name=name,
        designs=lambda setting: tuple(make(loop, setting) for loop in loops),
        because=answers(result, reasons),
    )


def _mean_tv(loop: Loop, d: int) -> Array:
    if loop.name == "fresh":
        return sim.exact_gaussian_mean_fresh(loop.n, dict(loop.params)["alpha"], loop.generations, d).tv
    return sim.exact_gaussian_mean(loop.schedule, loop.n, loop.generations, d).tv


def _mean_exact(loop: Loop, setting: Setting) -> Design:
    at = np.array(until(loop.generations, 100))
    return Design(
        label=str(loop),
        values={**loop.arguments, "i": at},
        evidence=Exact(values=lambda: _mean_tv(loop, 1)[at - 1]),
    )


def _mean_d_exact(loop: Loop, setting: Setting) -> Design:
    at, dimensions = np.array(until(loop.generations, 100)), (1, 2, 5, 50)
    return Design(
        label=str(loop),
        values={**loop.arguments, "i": at, "d": np.array(dimensions)[:, None]},
        evidence=Exact(values=lambda: np.array([_mean_tv(loop, d)[at - 1] for d in dimensions])),
    )


def _mean_sampled(d: int) -> Callable[[Loop, Setting], Design]:
    def make(loop: Loop, setting: Setting) -> Design:
        at = (1, 5, 20)
        model = sim.GaussianMean(sigma=setting.sigma, mean=setting.mean, d=d)
        dimension = {"d": d} if d > 1 else {}
        return Design(
            label=f"{loop}, d={d}",
            values={**loop.arguments, "i": np.array(at), **dimension},
            evidence=Bounded(blocks=stream(model, loop.schedule, loop.n, "tv", at)),
        )

    return make


def _collapse_exact(quantity: str, scaled: bool) -> Callable[[Loop, Setting], Design]:
    def make(loop: Loop, setting: Setting) -> Design:
        at = np.array(until(loop.generations, 100))
        scale = {"sigma": setting.sigma} if scaled else {}
        return Design(
            label=str(loop),
            values={"n": loop.n, "i": at, **scale},
            evidence=Exact(
                values=lambda: getattr(sim.exact_gaussian(loop.n, setting.sigma, loop.generations), quantity)[at - 1]
            ),
        )

    return make


def _std_sampled(loop: Loop, setting: Setting) -> Design:
    """CV² of sigma_i is E sigma_i²/(E sigma_i)² − 1, known from the law of a chi-square."""
    at = (1, 3, 10)
    law = sim.exact_gaussian(loop.n, setting.sigma, max(at))
    cap = np.sqrt(law.variance / law.std**2 - 1)[np.array(at) - 1] * (1 + 1e-9)
    model = sim.Gaussian(mean=setting.mean, sigma=setting.sigma)
    return Design(
        label=str(loop),
        values={"n": loop.n, "i": np.array(at), "sigma": setting.sigma},
        evidence=Nonnegative(blocks=stream(model, loop.schedule, loop.n, "std", at), cap=cap),
    )


def _moments_sampled(metric: str, scaled: bool) -> Callable[[Loop, Setting], Design]:
    def make(loop: Loop, setting: Setting) -> Design:
        at = (1, 3, 10)
        model = sim.Gaussian(mean=setting.mean, sigma=setting.sigma)
        return Design(
            label=str(loop),
            values={"n": loop.n, "i": np.array(at), **({"sigma": setting.sigma} if scaled else {})},
            evidence=Unbounded(blocks=stream(model, loop.schedule, loop.n, metric, at)),
            margin=0.05,
        )

    return make


def _biased_exact(design: tuple[int, float], setting: Setting) -> Design:
    (n, theta), at = design, np.array(until(20, 20))
    return Design(
        label=f"replace n={n}, theta={theta:g}",
        values={"n": n, "i": at, "theta": theta, "sigma": setting.sigma},
        evidence=Exact(values=lambda: sim.exact_gaussian(n, setting.sigma, 20, theta).variance[at - 1]),
    )


def _biased_sampled(design: tuple[int, float], setting: Setting) -> Design:
    (n, theta), at = design, (1, 3, 10)
    model = sim.Gaussian(mean=setting.mean, sigma=setting.sigma, theta=theta)
    return Design(
        label=f"replace n={n}, theta={theta:g}",
        values={"n": n, "i": np.array(at), "theta": theta, "sigma": setting.sigma},
        evidence=Unbounded(blocks=stream(model, sim.Replace(), n, "variance", at)),
        margin=0.05,
    )


def _golden_exact(design: tuple[int, int, float], setting: Setting) -> Design:
    n, m, w = design
    general = {"m": m} if m != n else {}
    return Design(
        label=f"n={n}, m={m}, w={w:g}",
        values={"n": n, **general, "w": w, "sigma": setting.sigma},
        evidence=Exact(values=lambda: np.array(sim.exact_golden_ratio(n, m, w, setting.sigma))),
    )


def _optimum_exact(design: tuple[int, int], setting: Setting) -> Design:
    n, m = design

    def values() -> Array:
        found = minimize_scalar(
            lambda w: sim.exact_golden_ratio(n, m, w, setting.sigma), bounds=(1e-9, 1), method="bounded",
            options={"xatol": 1e-9},
        )  # fmt: skip
        return np.array(found.fun)

    return Design(label=f"n={n}, m={m}", values={"n": n, "m": m, "sigma": setting.sigma}, evidence=Exact(values=values))


_BIASED = ((10, 0.9), (50, 0.5), (10, 1.0))
_EQUAL = ((100, 100, 0.618), (100, 100, 0.1), (10, 10, 1.0), (10, 10, 0.01))
_UNEQUAL = ((100, 10, 0.5), (10, 100, 0.05), (10, 1000, 1.0))


def _of(key: str, make: Callable[[Any, Setting], Design], loops: tuple[Any, ...], *, exact: bool) -> Case:
    name, reasons = ("exact", GAUSSIAN_LAW) if exact else ("sampled", GAUSSIAN_SAMPLER)
    return _case(bounds.get(key), name, reasons, loops, make)


_REAL_ONLY = ("replace", "fixed", "expand", "accumulate")
_LINEAR = ("replace", "accumulate", "stratified", "fixed", "expand")

CASES: tuple[Case, ...] = (
    *(_of(f"tv/gaussian-mean/{name}", _mean_exact, loops, exact=True) for name, loops in _LOOPS.items()),
    *(_of(f"tv/gaussian-mean-d/{name}", _mean_d_exact, loops, exact=True) for name, loops in _LOOPS.items()),
    *(_of(f"tv/gaussian-mean/{name}", _mean_sampled(1), _LOOPS[name][:1], exact=False) for name in _LINEAR),
    *(_of(f"tv/gaussian-mean-d/{name}", _mean_sampled(5), _LOOPS[name][:1], exact=False) for name in _LINEAR),
    *(_of(f"tv/gaussian-mean/lower/{name}", _mean_exact, _LOOPS[name], exact=True) for name in _REAL_ONLY),
    _of("gaussian/std-collapse", _collapse_exact("std", True), _COLLAPSE, exact=True),
    _of("gaussian/std-collapse/variance", _collapse_exact("variance", True), _COLLAPSE, exact=True),
    _of("gaussian/std-collapse/log-variance", _collapse_exact("log_variance", False), _COLLAPSE, exact=True),
    _of("gaussian/w2/replace", _collapse_exact("w2_squared", True), _COLLAPSE, exact=True),
    _of("gaussian/std-collapse", _std_sampled, _COLLAPSE[:2], exact=False),
    _of("gaussian/std-collapse/variance", _moments_sampled("variance", True), _COLLAPSE[:2], exact=False),
    _of(
        "gaussian/std-collapse/log-variance",
        _moments_sampled("log_variance", False),
        _SMALL,
        exact=False,
    ),
    _of("gaussian/w2/replace", _moments_sampled("w2_squared", True), _COLLAPSE[:2], exact=False),
    _of("gaussian/biased-sampling", _biased_exact, _BIASED, exact=True),
    _of("gaussian/biased-sampling", _biased_sampled, _BIASED[:1], exact=False),
    _of("gaussian/golden-ratio", _golden_exact, _EQUAL, exact=True),
    _of("gaussian/golden-ratio/general", _golden_exact, _UNEQUAL, exact=True),
    _of("gaussian/golden-ratio/optimum", _optimum_exact, ((100, 100), (100, 10), (10, 1000)), exact=True),
)
