"""Cases for linear regression: exact recursions, shares of the rows, and loops simulated in law and row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

import sim
from bounds.catalogue.regression import RESULTS

from ..case import Case, Design, Setting
from . import regression_exact as exact
from .reasons import answers
from .regression_designs import (
    LONG,
    along,
    always,
    at_rows,
    by_rows,
    by_shares,
    exact_shares,
    exactly,
    few_rows,
    in_sample,
    loop_of,
    sampled,
)
from .regression_exact import EXACT

_EXACT: Mapping[str, str] = {
    "gaussian-rows": "E tr (Z'Z)^{-1} = d/(n-d-1) and other moments of Wishart matrices",
    "any-gram": "Gaussian rows, for which the mean of tr (Z'Z)^{-1} is known",
    "given-rows": "a fixed matrix of rows, drawn once",
    "given-direction": "an eigenvector of the Gram matrix of rows drawn once",
    "isotropic-rows": "the span of n standard normal rows is uniform: a projection of mean n/d",
    "linear-labels": "every label set adds a noise term of its own, independent and of its variance",
    "least-squares": "a fit is the average of label sets at the same rows, or solves the normal equations",
    "ridge-fit": "the matrix of the penalised normal equations",
    "shortest-fit": "a projection of the last coefficients plus noise of trace n E 1/chi-square",
    "real-labels-first": "the recursion starts with one set of real labels",
    "same-rows": "weights of the noise terms of label sets at the same rows",
    "fresh-rows": "rows enter by moments that do not depend on the past",
    "any-rows": "the moments are those of both",
    "labels-replace": "a fit is the last set of labels",
    "labels-accumulate": "a fit averages all sets of labels, or adds the noise of one of k blocks of rows",
    "labels-reused": "the first set of labels has weight alpha, the last one 1-alpha",
    "labels-renewed": "a new real set of labels has weight alpha, the last synthetic one 1-alpha",
    "labels-real-only": "only the first noise term is that of real labels",
    "labels-stratified": "the share of the synthetic rows multiplies the last error, real rows add their noise",
    "labels-fixed": "the share of the synthetic rows multiplies the last error, the real noise stays",
}
_SAMPLED: Mapping[str, str] = {
    "gaussian-rows": "sim.RegressionLoop draws Gram matrices by their triangular factors",
    "any-gram": "sim.RegressionData draws rows with a density",
    "given-rows": "sim.RegressionData keeps rows drawn once",
    "given-direction": "an eigenvector of the Gram matrix of rows drawn once",
    "isotropic-rows": "sim.RegressionData draws standard normal rows",
    "linear-labels": "labels are predictions of the last fit plus independent noise",
    "normal-noise": "the noise is normal",
    "least-squares": "the normal equations are solved",
    "ridge-fit": "the penalised normal equations are solved",
    "shortest-fit": "the solution in the span of the rows",
    "real-labels-first": "generation 1 has n rows with real labels",
    "same-rows": "the Gram matrix of generation 1 is kept",
    "fresh-rows": "a new Gram matrix, or new rows, in every generation",
    "any-rows": "both are run",
    "labels-replace": "only labels of the last fit are used",
    "labels-accumulate": "Gram matrices and products of all generations are summed",
    "labels-reused": "the real labels are kept beside as many synthetic ones",
    "labels-renewed": "new real labels are averaged with those of the last fit",
    "labels-real-only": "real labels are drawn in generation 1 only",
    "labels-stratified": "alpha n rows have new real labels, the others those of the last fit",
    "labels-fixed": "alpha n rows keep their real labels, the others have those of the last fit",
}
_SHARES: Mapping[str, str] = {
    **_SAMPLED,
    "same-rows": "Gram matrix and shares are independent: the mean risk is d/(n-d-1) times a mean over shares",
    "labels-stratified": "the error along a direction of share b is a polynomial in b",
    "labels-fixed": "the error along a direction of share b is a polynomial in b",
}
_REASONS = {"exact": _EXACT, "shares": _SHARES, "sampled": _SAMPLED}
_BY_KEY = {result.key.removeprefix("regression/"): result for result in RESULTS}
_LATER = (2, 5, 10)
_NOISES = {"sigma": 1.3, "tau": 0.7}
_MEAN = ({"n": 40, "d": 8, **_NOISES}, {"n": 1000, "d": 30, "sigma": 0.5, "tau": 2.0}, {"n": 4, "d": 1, **_NOISES})
_SMALL = {"n": 40, "d": 8, **_NOISES}
_ONE = {"n": 40, "d": 8, "sigma": 1.3}


def _exact(key: str, *points: dict[str, float]) -> list[Design]:
    return [exactly(_BY_KEY[key], point, LONG, which) for point in points for which in range(len(EXACT[key]))]


def _weighted(*alphas: float) -> list[dict[str, float]]:
    return [{**point, "alpha": alpha} for point in _MEAN for alpha in alphas]


def _one_noise(point: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in point.items() if name != "tau"}


def _both(schedule: sim.Schedule, how: str, point: dict[str, float] = _SMALL) -> list[Design]:
    return [sampled(point, loop_of(schedule, point, fresh=fresh), how=how) for fresh in (False, True)]


def _any_rows() -> list[Design]:
    made = []
    for rows in ("uniform", "exponential", "heavy"):
        for fresh in (False, True):
            loop = sim.RegressionData(n=20, w=(1.0,) * 5, sigma=1.3, tau=0.7, rows=rows, fresh_rows=fresh)
            made.append(by_rows({"n": 20, "d": 5, **_NOISES}, loop, np.eye(5), (1, 3, 10), "lower"))
    return made


def _real_only() -> list[Design]:
    point = {"n": 20, "d": 5, "sigma": 1.3, "tau": 1.0}
    loops = (
        (sim.Fixed(0.5), False),
        (sim.Expand(2.0), True),
        (sim.Accumulate(), True),
        (sim.Fixed(0.5), True),
        (sim.Expand(1.0), False),
    )
    return [_without_tau(sampled(point, loop_of(schedule, point, fresh=fresh), _LATER)) for schedule, fresh in loops]


def _without_tau(design: Design) -> Design:
    """Drop the noise that the result does not depend on."""
    return replace(design, values={name: value for name, value in design.values.items() if name != "tau"})


_Designs = Callable[[], list[Design]]
_SHARED = ({"n": 40, "d": 5, "alpha": 0.5}, {"n": 60, "d": 8, "alpha": 0.25}, {"n": 20, "d": 2, "alpha": 0.8})
_LINE = tuple({"n": n, "d": 1, "alpha": alpha, **_NOISES} for n, alpha in ((20, 0.2), (100, 0.1), (40, 0.5), (5, 1.0)))
_MIXED = tuple(
    {"n": n, "d": d, "alpha": alpha, **_NOISES}
    for n, d, alpha in ((40, 8, 0.1), (20, 16, 0.05), (1000, 30, 0.5), (40, 8, 0.0), (40, 8, 1.0), (10, 1, 0.5))
)
_DESIGNS: Mapping[str, Mapping[str, _Designs]] = {
    "replace": {
        "exact": lambda: _exact("replace", *_MEAN),
        "sampled": lambda: _both(sim.Replace(), "capped"),
    },
    "replace/any-design": {
        "exact": lambda: _exact("replace/any-design", *_MEAN),
        "sampled": _any_rows,
    },
    "in-sample": {
        "exact": lambda: [at_rows(*in_sample(12, 3, rows, "normal")) for rows in ("normal", "heavy", "exponential")],
        "sampled": lambda: [by_rows(*in_sample(40, 8, "heavy", noise)) for noise in ("student", "sign", "exponential")],
    },
    "replace/probability": {
        "sampled": lambda: [
            always({"n": n, "d": d, "delta": delta, **_NOISES}, sim.Replace(), last)
            for n, d, delta, last in ((100, 5, 0.05, 10), (60, 2, 0.01, 30), (400, 30, 0.05, 5))
        ],
    },
    "accumulate": {
        "exact": lambda: _exact("accumulate", *_MEAN),
        "sampled": lambda: [sampled(_SMALL, loop_of(sim.Accumulate(), _SMALL), how="capped")],
    },
    "accumulate/fresh-design": {
        "exact": lambda: _exact("accumulate/fresh-design", *_MEAN),
        "sampled": lambda: [
            sampled(point, loop_of(sim.Accumulate(), point, fresh=True), (5, 10), "limit")
            for point in ({"n": 10, "d": 6, "sigma": 0.4, "tau": 2.0},)
        ],
    },
    "accumulate/ceiling": {
        "exact": lambda: _exact("accumulate/ceiling", *_MEAN),
        "sampled": lambda: _both(sim.Accumulate(), "limit"),
    },
    "accumulate/probability": {
        "sampled": lambda: [
            always({"n": n, "d": d, "delta": delta, **_NOISES}, sim.Accumulate(), last)
            for n, d, delta, last in ((100, 5, 0.05, 30), (60, 2, 0.01, 100), (400, 30, 0.05, 10))
        ],
    },
    "reused-labels": {
        "exact": lambda: _exact("reused-labels", *_weighted(0.5, 0.1, 1.0, 0.0)),
        "sampled": lambda: [sampled({**_SMALL, "alpha": 0.5}, loop_of(sim.Expand(1.0), _SMALL), how="capped")],
    },
    "real-only": {
        "exact": lambda: [_without_tau(design) for design in _exact("real-only", *_MEAN)],
        "sampled": _real_only,
    },
    "stratified/fresh-design": {
        "exact": lambda: _exact("stratified/fresh-design", *_MIXED),
        "sampled": lambda: [
            sampled(point, loop_of(sim.Stratified(point["alpha"]), point, fresh=True), (1, 2, 5), "limit")
            for point in ({"n": 40, "d": 8, "alpha": 0.1, **_NOISES}, {"n": 40, "d": 30, "alpha": 0.05, **_NOISES})
        ],
    },
    "stratified/lower": {
        "exact": lambda: (
            _exact("stratified/lower", *map(_one_noise, _MIXED))
            + [exact_shares(point, exact.powers_stratified) for point in map(_one_noise, _LINE)]
        ),
        "sampled": lambda: [
            sampled(point, loop_of(sim.Stratified(point["alpha"]), point, fresh=fresh), _LATER)
            for point in ({"n": 20, "d": 5, "alpha": 0.5, "sigma": 1.3},)
            for fresh in (False, True)
        ],
    },
    "stratified/few-real": {
        "exact": lambda: [
            exact_shares({"n": n, "d": 1, "alpha": alpha, "sigma": 1.3}, exact.powers_stratified)
            for n, alpha in ((20, 0.0), (20, 0.05), (200, 0.005))
        ],
        "shares": lambda: [
            by_shares({"n": n, "d": d, "alpha": alpha, "sigma": 1.3}, exact.powers_stratified, (3, 10))
            for n, d, alpha in ((20, 6, 0.2), (40, 8, 0.1), (30, 20, 0.5))
        ],
        "sampled": lambda: [
            sampled(point, loop_of(sim.Stratified(0.2), point), (3, 10, 20))
            for point in ({"n": 20, "d": 6, "alpha": 0.2, "sigma": 1.3},)
        ],
    },
    "stratified/ceiling": {
        "exact": lambda: [exact_shares(_one_noise(point), exact.powers_stratified) for point in _LINE],
        "shares": lambda: [
            by_shares({**point, "sigma": 1.3}, exact.powers_stratified, (2, 10, 20)) for point in _SHARED
        ],
        "sampled": lambda: [
            sampled(point, loop_of(sim.Stratified(point["alpha"]), point), how="limit")
            for point in ({"n": 40, "d": 5, "alpha": 0.5, "sigma": 1.3},)
        ],
    },
    "fixed/ceiling": {
        "exact": lambda: [exact_shares(point, exact.powers_fixed) for point in _LINE],
        "shares": lambda: [by_shares({**point, **_NOISES}, exact.powers_fixed, (2, 10, 20)) for point in _SHARED],
        "sampled": lambda: [
            sampled(point, loop_of(sim.Fixed(point["alpha"]), point), how="limit")
            for point in ({"n": 40, "d": 5, "alpha": 0.5, **_NOISES},)
        ],
    },
    "ridge": {
        "exact": lambda: [
            at_rows(*along(12, 3, which, mu, alpha))
            for which, mu, alpha in ((2, 0.3, 0.0), (0, 0.3, 0.2), (1, 0.0, 0.5), (0, 2.0, 1.0))
        ],
        "sampled": lambda: [
            by_rows(*along(12, 3, which, mu, alpha, "heavy", "exponential"))
            for which, mu, alpha in ((2, 0.3, 0.0), (0, 0.3, 0.2))
        ],
    },
    "interpolation": {
        "exact": lambda: _exact(
            "interpolation",
            *(
                {"n": n, "d": d, "rho": rho, **_NOISES}
                for n, d, rho in ((10, 40, 1.0), (1, 3, 2.0), (100, 1000, 0.5), (30, 32, 1.0))
            ),
        ),
        "sampled": lambda: [by_rows(*few_rows(10, 20, noise)) for noise in ("normal", "sign")],
    },
}


def _case(key: str, name: str, designs: _Designs) -> Case:
    def made(setting: Setting) -> tuple[Design, ...]:
        return tuple(designs())

    result = _BY_KEY[key]
    return Case(result=result, name=name, designs=made, because=answers(result, _REASONS[name]))


CASES: tuple[Case, ...] = tuple(
    _case(key, name, designs) for key, named in _DESIGNS.items() for name, designs in named.items()
)
