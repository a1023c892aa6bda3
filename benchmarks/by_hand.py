"""The formulas of the catalogue written by hand in NumPy, against which `bench_bounds.py` measures.

They check nothing and treat no special case (no alpha = 0, no lost digits): special functions where there is one,
`gammaln` for products over generations and a table of partial sums for sums over generations.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np
from scipy import special, stats

Formula: TypeAlias = Callable[[Any], Any]


def _geometric(x: Any, i: Any) -> Any:
    return -np.expm1(i * np.log1p(-x)) / x


def _power(x: Any, i: Any) -> Any:
    return np.exp(i * np.log1p(-x))


def _survival(n: Any, i: Any) -> Any:
    x, g = 1 / np.sqrt(n), special.gammaln
    return np.exp(g(i + 1 - x) + g(i + 1 + x) - 2 * g(i + 1) - g(1 - x) - g(1 + x))


def _partial(s: Any, shift: int, i: Any) -> Any:
    """Partial sums: from a table for one exponent, by zeta functions or term by term for many."""
    if np.ndim(s) == 0:
        k = np.arange(1, np.max(i, initial=1) + 1)
        return np.concatenate([[0.0], np.cumsum(k ** -float(s) / (k + 1) ** shift)])[i]
    if not shift:
        return special.zeta(s, 1) - special.zeta(s, i + 1)
    terms = (np.where(i >= k, float(k) ** -s / (k + 1), 0) for k in range(1, int(np.max(i)) + 1))
    return sum(terms, np.zeros(np.broadcast_shapes(np.shape(s), np.shape(i))))


def _log_c4(n: Any) -> Any:
    return np.log(2 / (n - 1)) / 2 + special.gammaln(n / 2) - special.gammaln((n - 1) / 2)


def _de_moivre(n: Any, p: Any) -> Any:
    m, g = np.floor(n * p) + 1, special.gammaln
    log_choose = g(n + 1) - g(m + 1) - g(n - m + 1)
    return 2 * m / n * np.exp(log_choose + m * np.log(p) + (n - m + 1) * np.log1p(-p))


def _chains(n: int, alpha: float, i: Any, p: Any) -> Any:
    states, total = np.arange(n + 1), np.zeros(int(np.max(i)))
    for atom in p:
        kernel = stats.binom.pmf(states, n, (alpha * atom + (1 - alpha) * states / n)[:, None])
        start, value = stats.binom.pmf(states, n, atom), np.abs(states / n - atom)
        for generation in range(len(total)):
            total[generation] += start @ value / 2
            value = kernel @ value
    return total[i - 1]


def _resolvent(B: Any, eps: Any) -> Any:
    return np.linalg.solve(np.eye(len(B)) - B, eps[..., None])[..., -1, 0]


def _weighted(B: Any, n: Any) -> Any:
    g = len(B)
    C = np.zeros((*n.shape[:-1], g, g))
    for j in range(g):
        C[..., j, :j] = C[..., :j, j] = cross = np.einsum("k,...kl->...l", B[j, :j], C[..., :j, :j])
        inherited = cross @ B[j, :j]
        C[..., j, j] = inherited + (1 - inherited) / n[..., j]
    return C[..., -1, -1]


def _expand_gap(v: Any) -> Any:
    return (1 + 2 * v.lam + v.lam / v.n) / (1 + v.lam) ** 2


# w_i and 1 - w_i of the discrete model, and tau_i^2, by schedule
W: dict[str, Formula] = {
    "replace": lambda v: _geometric(1 / v.n, v.i) / v.n,
    "fresh": lambda v: _geometric(1 / v.n + (1 - 1 / v.n) * v.alpha * (2 - v.alpha), v.i) / v.n,
    "stratified": lambda v: _geometric(v.alpha * (2 - v.alpha) + (1 - v.alpha) / v.n, v.i) / v.n,
    "fixed": lambda v: (
        (
            (3 - 2 * v.alpha) * _geometric(v.alpha * (2 - v.alpha) + (1 - v.alpha) / v.n, v.i)
            - 2 * _power(v.alpha, v.i) * _geometric(v.alpha + 1 / v.n, v.i)
        )
        / v.n
    ),
    "accumulate": lambda v: 1 - _survival(v.n, v.i),
    "subsample": lambda v: 1 - _survival(v.n, v.i),
    "expand": lambda v: (
        (_power(_expand_gap(v), v.i - 1) + (1 + 3 * v.lam) / (1 + v.lam) ** 2 * _geometric(_expand_gap(v), v.i - 1))
        / v.n
    ),
    "weighted": lambda v: _weighted(v.B, v.n),
}
KEPT: dict[str, Formula] = {
    **{name: lambda v, w=w: 1 - w(v) for name, w in W.items()},
    "replace": lambda v: _power(1 / v.n, v.i),
    "accumulate": lambda v: _survival(v.n, v.i),
    "subsample": lambda v: _survival(v.n, v.i),
}
TAU: dict[str, Formula] = {
    "replace": lambda v: v.i / v.n,
    "fresh": lambda v: _geometric(v.alpha * (2 - v.alpha), v.i) / v.n,
    "stratified": lambda v: _geometric(v.alpha * (2 - v.alpha), v.i) / v.n,
    "fixed": lambda v: (
        (
            v.alpha * _geometric(v.alpha, v.i) ** 2
            + _power(v.alpha, 2 * v.i - 1)
            + (1 - v.alpha) * _geometric(v.alpha * (2 - v.alpha), v.i - 1)
        )
        / v.n
    ),
    "accumulate": lambda v: (np.pi**2 / 6 - special.zeta(2, v.i + 1)) / v.n,
    "subsample": lambda v: (np.pi**2 / 6 - special.zeta(2, v.i + 1)) / v.n,
    "expand": lambda v: (1 + v.lam / (1 + v.lam) ** 2 * _geometric((1 + 2 * v.lam) / (1 + v.lam) ** 2, v.i - 1)) / v.n,
}
# bounds on e_i per unit of one-step error
UNITS: dict[str, Formula] = {
    "replace": lambda v: v.i,
    **{name: lambda v: _geometric(v.alpha, v.i) for name in ("fresh", "stratified", "fixed")},
    "subsample": lambda v: special.digamma(v.i + 1) + np.euler_gamma,
    "accumulate": lambda v: 1 / np.sqrt(v.i) + _partial(0.5, 1, v.i - 1),
    "expand": lambda v: _power(1 / (1 + v.lam), v.i - 1) + _geometric(1 / (1 + v.lam), v.i - 1) / np.sqrt(1 + v.lam),
}
_FRESH_GAP: Formula = lambda v: _geometric(v.alpha * (2 - v.alpha - (1 - v.alpha) / v.n), v.i) / v.n  # noqa: E731


def _step(v: Any) -> Any:
    return np.sqrt((v.K - 1) / v.n) / 2


def _instance(w: Any, p: Any) -> Any:
    spread = p * (1 - p)
    return np.minimum(np.sqrt(w[..., None] * spread), 2 * spread).sum(-1) / 2


SINGLE: dict[str, Formula] = {
    "tv/propagation": lambda v: _resolvent(v.B, v.eps),
    "tv/propagation-hp": lambda v: _resolvent(v.B, v.eps),
    "tv/propagation/accumulate": lambda v: v.c * v.n**-v.a * (v.i**-v.a + _partial(v.a, 1, v.i - 1)),
    "tv/propagation/replace-growing": lambda v: v.c * v.n**-v.a * _partial(v.s * v.a, 0, v.i),
    "tv/discrete/one-step/expand": lambda v: np.sqrt((v.K - 1) / (v.n * (1 + v.lam))) / 2,
    "tv/discrete/one-step/accumulate": lambda v: np.sqrt((v.K - 1) / (v.n * v.i)) / 2,
    "tv/discrete/one-step-hp": lambda v: _step(v) + np.sqrt(np.log(1 / v.delta) / (2 * v.n)),
    "tv/discrete/hp-triangle": lambda v: (
        _geometric(v.alpha, v.i) * (_step(v) + np.sqrt(np.log(v.T / v.delta) / (2 * v.n)))
    ),
    "tv/discrete/weighted/triangle": lambda v: np.sqrt(v.K - 1) / 2 * _resolvent(v.B, v.n**-0.5),
    "tv/discrete-exact/first": lambda v: _de_moivre(v.n[:, None], v.p).sum(-1) / 2,
    "tv/discrete-exact/replace": lambda v: _chains(v.n, 0.0, v.i, v.p),
    "tv/discrete-exact/fresh": lambda v: _chains(v.n, v.alpha, v.i, v.p),
    "discrete/minimax-real-only": lambda v: (1 - 1 / v.K) / (np.sqrt(v.n) + 1) ** 2,
    "gaussian/std-collapse": lambda v: v.sigma * np.exp(v.i * _log_c4(v.n)),
    "gaussian/std-collapse/variance": lambda v: v.sigma**2,
    "gaussian/std-collapse/log-variance": lambda v: v.i * (special.digamma((v.n - 1) / 2) - np.log((v.n - 1) / 2)),
    "gaussian/w2/replace": lambda v: v.sigma**2 * (v.i / v.n - 2 * np.expm1(v.i * _log_c4(v.n))),
    "gaussian/biased-sampling": lambda v: v.theta ** (v.i - 1) * v.sigma**2,
    "gaussian/golden-ratio": lambda v: v.sigma**2 / v.n * (v.w**2 + (1 - v.w) ** 2) / (1 - (1 - v.w) ** 2),
    "gaussian/golden-ratio/general": lambda v: (
        v.sigma**2 * (v.w**2 / v.n + (1 - v.w) ** 2 / v.m) / (1 - (1 - v.w) ** 2)
    ),
    "tv/phase-transition": lambda v: v.C * v.n**-v.a * _expanded(v.r, v.i, v.a),
    "tv/phase-transition-idealised": lambda v: v.C * v.n**-v.a * (1 + v.r) ** (1 - v.a) * (1 - _kept(v.r) ** v.i),
    "tv/phase-transition-exact/gaussian-mean": lambda v: 2 / np.pi * np.arctan(np.sqrt(_spread(v)) / 2),
    "tv/phase-transition-exact/discrete": lambda v: np.sqrt((v.K - 1) * _spread(v)) / 2,
    "tv/phase-transition-exact/gaussian-mean/ceiling": lambda v: 2 / np.pi * np.arctan(np.sqrt(1.5 / v.n) / 2),
    "tv/phase-transition-exact/discrete/ceiling": lambda v: np.sqrt(1.5 * (v.K - 1) / v.n) / 2,
    "gaussian/golden-ratio/optimum": lambda v: v.sigma**2 / v.n * 2 / (1 + np.sqrt(1 + 4 * v.m / v.n)),
}


def _kept(r: Any) -> Any:
    return r / (1 + r)


def _expanded(r: Any, i: Any, a: Any) -> Any:
    return 1 + ((1 + r) ** (1 - a) - 1) * (1 - _kept(r) ** (i - 1))


def _spread(v: Any) -> Any:
    return (1 + v.r / (1 + 2 * v.r) * (1 - _kept(v.r) ** (2 * (v.i - 1)))) / v.n


def _student(d: Any, s: Any) -> Any:
    return special.betainc(0.5, d / 2, s / (4 + s))


FAMILIES: dict[str, Callable[[str], Formula]] = {
    "tv/propagation/": lambda s: lambda v: v.eps * UNITS[s](v),
    "tv/discrete/one-step": lambda s: lambda v: _step(v),
    "tv/discrete-instance/": lambda s: lambda v: _instance(W[s](v), v.p),
    "tv/discrete/": lambda s: lambda v: np.sqrt((v.K - 1) * W[s](v)) / 2,
    "triangle": lambda s: lambda v: _step(v) * UNITS[s](v),
    "tv/hp/": lambda s: lambda v: np.sqrt((v.K - 1) * W[s](v)) / 2 + np.sqrt(TAU[s](v) * np.log(v.T / v.delta) / 2),
    "tv/hp-union/": lambda s: lambda v: np.sqrt(TAU[s](v) * (v.K * np.log(2) + np.log(v.T / v.delta)) / 2),
    "discrete/variance/": lambda s: lambda v: v.p * (1 - v.p) * W[s](v),
    "discrete/diversity/": lambda s: lambda v: KEPT[s](v) * (v.p * (1 - v.p)).sum(-1),
    "discrete/lower/": lambda s: lambda v: _de_moivre(v.n[:, None], v.p).sum(-1) / 2,
    "discrete/variance-lower/": lambda s: lambda v: v.p * (1 - v.p) / v.n,
    "tv/gaussian-mean/lower/": lambda s: lambda v: 2 / np.pi * np.arctan(1 / (2 * np.sqrt(v.n))),
    "tv/gaussian-mean/": lambda s: (
        lambda v: 2 / np.pi * np.arctan(np.sqrt((_FRESH_GAP if s == "fresh" else TAU[s])(v)) / 2)
    ),
    "tv/gaussian-mean-d/": lambda s: lambda v: _student(v.d, (_FRESH_GAP if s == "fresh" else TAU[s])(v)),
}


def by_hand(key: str, shape: tuple[int, ...]) -> Callable[..., Any]:
    """Return the formula of a result as a function of its parameters, as keywords, with values of this shape."""
    formula = SINGLE.get(key) or _of_family(key)

    def evaluate(**values: Any) -> Any:
        arrays = SimpleNamespace(**{k: np.asarray(v)[()] for k, v in values.items()})
        result = formula(arrays)
        return result if np.shape(result) == shape else np.array(np.broadcast_to(result, shape))

    return evaluate


def _of_family(key: str) -> Formula:
    if key.endswith("/triangle"):
        return FAMILIES["triangle"](key.split("/")[2])
    family = max((prefix for prefix in FAMILIES if key.startswith(prefix)), key=len)
    return FAMILIES[family](key.rsplit("/", 1)[-1])
