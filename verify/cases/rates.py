"""Cases for orders of the literature: exponents of the gap and of what its terms stand for, from exact laws.

What is measured of the gap is its 1 − delta quantile over everything that is random. In place of β_n, γ and the
one-step error the expression is given their bounds, whose orders are known, along a path of sample sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
from scipy.stats import binom

import bounds
import sim
from bounds import Result

from ..binary_loop import BinaryLearning, BinaryLoop
from ..case import Array, Bounded, Case, Design, Exact, Exponent
from ..pairs import ATOMS, along_pair
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "bounded-loss": "M is the proved range of the losses of the learner, or that of a predictor that ignores its data",
    "stable-learner": "beta_n is the proved stability of the learner; that of a predictor that ignores its data is 0",
    "schedule-fixed": "the chain keeps the count of the reused points and draws that of the synthetic ones",
    "orders": "ridge regression has 2(1+B)^2/(mu n), smoothed frequencies have the coupled gamma_n of order n^(-1/2) "
    "and, P being uniform, one-step errors of at most (1-omega) sqrt((K-1)/n)/2: a = 1/2",
}
_SIZES = (50, 100, 200, 400, 800)
_FEWER = (20, 40, 80, 160)
_GENERATIONS = (1, 2, 3, 5, 10, 20, 50)
_OMEGA = 0.3
_RIDGE = sim.Ridge(1.0)
_LOGISTIC = sim.Logistic(1.0)


def quantile(values: Array, weights: Array, delta: float) -> float:
    """Return the smallest value that is not exceeded with probability at least 1 − delta."""
    order = np.argsort(values, axis=None)
    reached = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order][np.searchsorted(reached, 1 - delta)])


def gap_quantile(learning: BinaryLearning, i: int, delta: float) -> float:
    """Return the 1 − delta quantile of |gap| of the learner of generation i+1, exactly."""
    loop = learning.loop
    counts = np.arange(loop.reused + 1)[:, None] + np.arange(loop.synthetic + 1)
    return quantile(np.abs(learning.gaps)[counts], loop.chances[:, None] * loop.laws(i), delta)


@cache
def _uniform(n: int, alpha: float) -> BinaryLearning:
    """Return ridge regression on eight equally likely atoms, one with label 1 and the others with −1."""
    return BinaryLearning(BinaryLoop(n, round(alpha * n), 1 / ATOMS, _OMEGA, ATOMS), _RIDGE)


@cache
def _even(n: int, alpha: float) -> BinaryLoop:
    """Return the loop on two equally likely atoms."""
    return BinaryLoop(n, round(alpha * n), 0.5, _OMEGA)


def _arguments(n: Any, alpha: float, i: Any, K: int, learner: sim.Penalised = _RIDGE, delta: float = 0.05) -> Any:
    """Return the arguments of the published bound, its constants replaced by their bounds for a uniform P."""
    stability, mu = ("ridge", learner.lam) if isinstance(learner, sim.Ridge) else ("logistic", learner.lam)
    return {
        "n": n,
        "alpha": alpha,
        "i": i,
        "M": learner.M,
        "beta_n": bounds.get(f"stability/erm/{stability}")(n=n, mu=mu),
        "gamma_n": bounds.get("recursive-stability/categorical-coupled")(n=n, alpha=alpha, i=i, K=K, omega=_OMEGA),
        "eps": bounds.get("categorical/one-step/fixed")(n=n, K=K, omega=_OMEGA, u=0.0),
        "delta": delta,
    }


def _design(
    label: str, values: dict[str, Any], measured: Callable[[], Array], along: str = "n", term: str = ""
) -> Design:
    return Design(
        label=label, values=values, evidence=Exponent(along=along, measured=Exact(values=measured), term=term)
    )


def _gaps(alpha: float, at: tuple[int, ...], delta: float) -> Array:
    return np.array([[gap_quantile(_uniform(n, alpha), i, delta) for n in _SIZES] for i in at])


def _gap(result: Result, alpha: float, delta: float) -> Design:
    n, at = np.array(_SIZES), (1, 2, 5)
    values = _arguments(n, alpha, np.array(at)[:, None], ATOMS, delta=delta) | {"a": 0.5}
    return _design(
        f"gap of {_RIDGE.label}, K={ATOMS}, alpha={alpha:g}, delta={delta:g}",
        {name: value for name, value in values.items() if name in result.names},
        partial(_gaps, alpha, at, delta),
    )


def _fluctuations(p: float, delta: float) -> Array:
    """Return quantiles of the gap of a predictor with losses 0 and 1 that ignores its data: |frequency − p|."""
    counts = [np.arange(n + 1) for n in _SIZES]
    return np.array([quantile(np.abs(k / k[-1] - p), binom.pmf(k, k[-1], p), delta) for k in counts])


def _ignorant(p: float, delta: float) -> Design:
    """Only the fluctuation of the training error is left of the bound."""
    values = {"n": np.array(_SIZES), "alpha": 1.0, "i": 1, "M": 1.0, "delta": delta}
    return _design(
        f"gap of a predictor that ignores its data, P={p:g}, delta={delta:g}",
        values | {"beta_n": 0.0, "gamma_n": 0.0, "eps": 0.0},
        partial(_fluctuations, p, delta),
    )


def _stability(learner: sim.Penalised) -> Design:
    def measured() -> Array:
        return np.array([BinaryLearning(_even(n, 1.0), learner).stability for n in _SIZES])

    return _design(
        f"beta_n of {learner.label}, K=2",
        _arguments(np.array(_SIZES), 0.5, 1, 2, learner),
        measured,
        term="beta_n",
    )


@cache
def _gammas(n: int, alpha: float) -> Array:
    generations = max(_GENERATIONS) if n == _FEWER[2] else 10
    return np.asarray(sim.exact_binary_gamma(n, alpha, _OMEGA, generations))


def _recursive(alpha: float) -> tuple[Design, Design]:
    at = np.array((1, 2, 5, 10))
    return (
        _design(
            f"gamma_n, K=2, alpha={alpha:g}",
            _arguments(np.array(_FEWER), alpha, at[:, None], 2),
            lambda: np.array([_gammas(n, alpha)[at - 1] for n in _FEWER]).T,
            term="gamma_n",
        ),
        _design(
            f"gamma_n over the generations, K=2, n={_FEWER[2]}, alpha={alpha:g}",
            _arguments(_FEWER[2], alpha, np.array(_GENERATIONS), 2),
            lambda: _gammas(_FEWER[2], alpha)[np.array(_GENERATIONS) - 1],
            along="i",
            term="gamma_n",
        ),
    )


def _pairs(alpha: float) -> Design:
    """γ on eight atoms is out of reach: this is the TV of all samples up to S_i for one pair of real data."""
    at = (1, 2, 5)

    def blocks(seed: int) -> Iterator[Array]:
        loops = [along_pair("alone", n, alpha, _OMEGA, at, "distance")(seed) for n in _SIZES]
        for found in zip(*loops, strict=True):
            yield np.stack(found, axis=-1)

    return Design(
        label=f"gamma_n for a pair, K={ATOMS}, alpha={alpha:g}",
        values=_arguments(np.array(_SIZES), alpha, np.array(at)[:, None], ATOMS),
        evidence=Exponent(along="n", measured=Bounded(blocks=blocks), term="gamma_n"),
    )


def _shifts(n: int, alpha: float, at: tuple[int, ...]) -> Array:
    """Return (1−α)M e_i."""
    loop = _even(n, alpha)
    return np.array([(1 - alpha) * _RIDGE.M * loop.mean(loop.distances, i - 1) for i in at])


def _shift(alpha: float) -> tuple[Design, Design]:
    at = (1, 2, 5, 10)
    return (
        _design(
            f"distribution shift, K=2, alpha={alpha:g}",
            _arguments(np.array(_SIZES), alpha, np.array(at)[:, None], 2),
            lambda: np.array([_shifts(n, alpha, at) for n in _SIZES]).T,
            term="eps",
        ),
        _design(
            f"distribution shift over the generations, K=2, n=200, alpha={alpha:g}",
            _arguments(200, alpha, np.array(_GENERATIONS), 2),
            partial(_shifts, 200, alpha, _GENERATIONS),
            along="i",
            term="eps",
        ),
    )


def _published(result: Result) -> tuple[Design, ...]:
    (gamma, gamma_later), (shift, shift_later) = _recursive(0.5), _shift(0.5)
    return (
        _gap(result, 0.5, 0.05),
        _stability(_RIDGE),
        gamma,
        shift,
        _ignorant(0.3, 0.05),
        _pairs(0.5),
        gamma_later,
        shift_later,
        _stability(_LOGISTIC),
        _gap(result, 0.2, 0.3),
        *_recursive(0.2),
        *_shift(0.1),
    )


def _in_context(result: Result) -> tuple[Design, ...]:
    return (_gap(result, 0.5, 0.05), _gap(result, 0.2, 0.3))


def _case(key: str, name: str, designs: Callable[[Result], tuple[Design, ...]]) -> Case:
    result = bounds.get(key)
    return Case(result=result, name=name, designs=lambda setting: designs(result), because=answers(result, _REASONS))


CASES: tuple[Case, ...] = (
    _case("paper/stl-theorem-1", "exponents", _published),
    _case("paper/stl-in-context", "ridge", _in_context),
)
