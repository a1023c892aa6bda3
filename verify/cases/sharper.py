"""Cases for sharper forms: the large end of a diffusion, and the gap of a mean label in context; all exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Kind, Result
from sim import NormalDensity, NormalMixture
from sim.diffusion.ends import end_terms

from ..case import Array, Case, Design, Exact
from ..diffusion_steps import LAWS
from .diffusion_ends import REASONS
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "noised-target": REASONS["noised-target"],
    "matched-normal": "a mixture of normal laws, whose mean, variance and chi-square divergence are in closed form",
    "mean-label": "the answer is the mean of the rows of the training set, as linear forms in the draws",
    "normal-labels": "all draws are independent standard normal: a mean square is a sum of squared coefficients",
    "schedule-expand": "the rows are those of the n real points and of lam n synthetic ones",
    "schedule-fixed": "the rows are those of the reused real points and of the synthetic ones",
}
_TIMES = np.array([0.5, 1.0, 2.0, 4.0])
_ROUNDING = 1e-15  # of a sum over nodes whose terms are of order 1


def shifted(p: NormalMixture, by: float) -> NormalMixture:
    """Return the mixture moved by a number."""
    return NormalMixture(p.weights, p.means + by, p.sigmas)


def moments(p: NormalMixture) -> tuple[float, float, float]:
    """Return mean, standard deviation and χ² from the normal law with both; every component has less than 2 σ²."""
    mean = float(p.weights @ p.means)
    variance = float(p.weights @ (p.sigmas**2 + (p.means - mean) ** 2))
    a, v = (p.means - mean) / np.sqrt(variance), p.sigmas**2 / variance
    # ∫ N(a, v) N(b, w)/N(0, 1): both precisions less that of the standard normal law
    precision = 1 / v[:, None] + 1 / v - 1
    slope, level = a / v, a**2 / v
    log = (slope[:, None] + slope) ** 2 / precision - level[:, None] - level
    pairs = np.exp(log / 2) / np.sqrt(precision * v[:, None] * v)
    return mean, float(np.sqrt(variance)), max(float(p.weights @ pairs @ p.weights) - 1, 0.0)


def _divergences(p: NormalMixture, times: Array, sign: int) -> Array:
    """KL of every noised law from N(0, 1), moved by `sign` times its numerical error."""
    found = [end_terms(p, (t / 2, t)) for t in times.tolist()]
    return np.array([max(ends.end_kl + sign * (ends.end_kl_error + _ROUNDING), 0.0) for ends in found])


def _distances(p: NormalMixture, times: Array, sign: int) -> Array:
    pairs = [sim.tv_quadrature(p.noised(t), NormalDensity(), tolerance=1e-10) for t in times.tolist()]
    return np.array([max(value + sign * error, 0.0) for value, error in pairs])


def end_design(result: Result, label: str, p: NormalMixture, times: Array, strict: bool = True) -> Design:
    """Return the end of a diffusion from a mixture on the line, at these times.

    Numerical errors count against the bound, so that it surely holds where it is said to; for it if not `strict`.
    """
    mean, sigma, chi = moments(p)
    known = {"t1": times, "m": abs(mean), "sigma": sigma, "d": 1, "chi": chi}
    sign = 1 if strict is (result.kind is Kind.UPPER) else -1
    measured = _distances if result.key.startswith("tv/") else _divergences
    return Design(
        label=label,
        values={name: known[name] for name in result.names},
        evidence=Exact(values=partial(measured, p, times, sign), upper=1.0 if measured is _distances else np.inf),
    )


def _ends(result: Result) -> tuple[Design, ...]:
    made = [end_design(result, f"P={name}", p, _TIMES) for name, p in LAWS.items()]
    return (*made, end_design(result, "P=two, moved by 1/2", shifted(LAWS["two"], 0.5), _TIMES))


def _normal(result: Result) -> tuple[Design, ...]:
    """Normal targets in two dimensions, of which the divergence is that of two normal laws."""
    times, sigma, m, d = _TIMES, np.array([0.3, 0.9, 2.5])[:, None], 0.5, 2
    known = {"t1": times, "m": m, "sigma": sigma, "d": d, "chi": 0.0}

    def values() -> Array:
        variance = 1 + np.exp(-2 * times) * (sigma**2 - 1)
        exact = (d * (variance - 1 - np.log(variance)) + np.exp(-2 * times) * m**2) / 2
        return np.asarray(exact * (1 + (1e-12 if result.key.endswith("lower") else -1e-12)))  # rounding

    return (
        Design(label="normal, d=2", values={name: known[name] for name in result.names}, evidence=Exact(values=values)),
    )


def label_gap(n: int, reused: int, drawn: int, i: int) -> float:
    """Return E gap of generation i+1 in units of σ², every label a row of coefficients of independent normal draws.

    The first `reused` of n real points are kept, and `drawn` labels are synthetic in every generation.
    """
    draws = n + drawn * i
    rows, real = np.eye(n, draws), np.eye(n, draws)[:reused]
    for j in range(i):
        fresh = np.zeros((drawn, draws))
        fresh[:, n + j * drawn : n + (j + 1) * drawn] = np.eye(drawn)
        rows = np.concatenate([real, fresh + rows.mean(axis=0)])
    answer = rows.mean(axis=0)
    return float((1 + answer @ answer - ((rows - answer) ** 2).sum(axis=1).mean()) / 2)


def label_design(result: Result, n: int, share: int, sigma: float, at: tuple[int, ...]) -> Design:
    """Return mean labels under `expand` with so many synthetic points, or `fixed` with so many reused ones."""
    expand = result.key.endswith("expand")
    reused, drawn = (n, share) if expand else (share, n - share)

    def values() -> Array:
        return sigma**2 * np.array([label_gap(n, reused, drawn, i) for i in at])

    known: dict[str, Any] = {"lam": share / n} if expand else {"alpha": share / n}
    return Design(
        label=f"n={n}, {share} {'synthetic' if expand else 'reused'}",
        values={"n": n, **known, "i": np.array(at), "sigma": sigma},
        evidence=Exact(values=values),
    )


def _labels(result: Result) -> tuple[Design, ...]:
    at = (1, 2, 5, 10)
    shares = ((20, 20), (10, 40), (30, 3), (5, 0)) if result.key.endswith("expand") else ((20, 10), (30, 3), (5, 5))
    return tuple(label_design(result, n, share, 1.5, at) for n, share in shares)


def _case(key: str, designs: Callable[[Result], tuple[Design, ...]], name: str = "exact") -> Case:
    result = bounds.get(key)
    return Case(result=result, name=name, designs=lambda setting: designs(result), because=answers(result, _REASONS))


CASES: tuple[Case, ...] = (
    _case("diffusion/end-divergence/matched", _ends),
    _case("diffusion/end-divergence/matched", _normal, "normal"),
    _case("diffusion/end-divergence/lower", _ends),
    _case("diffusion/end-divergence/lower", _normal, "normal"),
    _case("tv/diffusion/end/matched", _ends),
    _case("icl/mean-label/gap/expand", _labels),
    _case("icl/mean-label/gap/fixed", _labels),
)
