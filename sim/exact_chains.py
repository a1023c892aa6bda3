"""The Markov chain of one atom's counts under each schedule, propagated exactly.

A chain is an iterator over generations 1, 2, ... of (frequencies (S,), their law (D, S) for D distinct
probabilities of an atom, gap (D,)), where gap is E|p_i(k) - Q_{i-1}(k)| for i >= 2 and 0 in generation 1
(there Q_0 = P); under `accumulate` it is always 0, because one atom's counts do not determine it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py

from sim.errors import share_of

Array = NDArray[np.float64]
Step = tuple[Array, Array, Array]
BLOCK = 4_000_000  # numbers held at once in one temporary array (32 MB)


class Schedule(Protocol):
    """What is read of a schedule; `alpha` or `lam` too where the schedule has one."""

    @property
    def name(self) -> str:
        """Name in the table of schedules."""
        ...


class WithAlpha(Protocol):
    """A schedule with a real fraction alpha in [0, 1]."""

    alpha: float


class WithLam(Protocol):
    """A schedule with lam >= 0 synthetic points per real point."""

    lam: float


def split(schedule: Schedule, n: int) -> tuple[int, int]:
    """Real and synthetic points in a generation >= 2 of `stratified`, `fixed` or `expand`.

    Raises
    ------
    SimulationError
        If n does not split into whole numbers.
    """
    if schedule.name == "expand":
        return n, share_of(n, "lam", cast(WithLam, schedule).lam)
    real = share_of(n, "alpha", cast(WithAlpha, schedule).alpha)
    return real, n - real


def binomial_rows(n: int, q: Array) -> Array:
    """Binomial probabilities P(Bin(n, q) = k), shape q.shape + (n + 1,); every row sums to 1.

    Loader's form exp(base(k) - D(k)), D the deviance from the mean, computed without cancellation: relative
    errors stay below 1e-12 down to 1e-290 for n = 20,000. q is cut to [0, 1], which only the rounding of a
    mixture can leave.
    """
    flat = np.asarray(q, dtype=np.float64).reshape(-1)
    rows = np.zeros((flat.size, n + 1))
    rows[flat <= 0, 0] = 1
    rows[flat >= 1, n] = 1
    inner = np.flatnonzero((flat > 0) & (flat < 1))
    if n == 0:
        rows[:] = 1
        inner = inner[:0]
    size = max(1, BLOCK // (n + 1))
    for start in range(0, inner.size, size):
        part = inner[start : start + size]
        rows[part] = _inner_rows(n, flat[part, None])
    return rows.reshape(*np.shape(q), n + 1)


def _inner_rows(n: int, q: Array) -> Array:
    k = np.arange(n + 1.0)
    ones, zeros = n * q, n * (1 - q)
    with np.errstate(over="ignore"):
        up, down = (k - ones) / ones, (n - k - zeros) / zeros
    deviance = xlog1py(k, up) - (k - ones) + xlog1py(n - k, down) - (n - k - zeros)
    rows = np.exp(_log_base(n) - deviance)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def _log_base(n: int) -> Array:
    """Logarithm of P(Bin(n, k/n) = k) for k = 0..n, shape (n + 1,)."""
    base = np.zeros(n + 1)
    k = np.arange(1.0, n)
    error = _stirling_error(np.arange(1.0, n + 1))
    base[1:n] = error[-1] - error[:-1] - error[-2::-1] - np.log(2 * np.pi * k * (n - k) / n) / 2
    return base


def _stirling_error(k: Array) -> Array:
    """Logarithm of k!/(sqrt(2 pi k) (k/e)^k) for k >= 1: directly, from 16 on by Stirling's series."""
    series = 1 / 1188 / k**2
    for coefficient in (1 / 1680, 1 / 1260, 1 / 360):
        series = (coefficient - series) / k**2
    direct = gammaln(k + 1) - (k + 0.5) * np.log(k) + k - np.log(2 * np.pi) / 2
    return np.where(k < 16, direct, (1 / 12 - series) / k)


def _grid(n: int) -> Array:
    return np.arange(n + 1) / n


def _mean_gap(rows: Array, index: NDArray[np.int64], target: Array) -> Array:
    """E|S - target| for S distributed as rows[index] (J, m + 1) on 0..m; index and target broadcast."""
    s = np.arange(rows.shape[1])
    zero = np.zeros((len(rows), 1))
    mass = np.hstack([zero, np.cumsum(rows, axis=1)])
    first = np.hstack([zero, np.cumsum(rows * s, axis=1)])
    cut = np.clip(np.floor(target), -1, s[-1]).astype(np.int64) + 1
    # E|S - t| = 2 sum_{s <= t} (t - s) P(S = s) + E S - t.
    return np.asarray(2 * (target * mass[index, cut] - first[index, cut]) + first[index, -1] - target)


def _markov(n: int, p: Array, kernel: Array, q: Array) -> Iterator[Step]:
    """Chains on 0..n with kernel (D or 1, n + 1, n + 1) and Q_i = q (D or 1, n + 1) given the count."""
    x = _grid(n)
    gap = np.einsum("djk,djk->dj", kernel, np.abs(x - q[..., None]))[..., None]
    law = binomial_rows(n, p).reshape(len(kernel), -1, n + 1)  # (1, D, n + 1) or (D, 1, n + 1)
    step = np.zeros(p.size)  # generation 1 is a sample of P itself: its gap is E|x - p|
    while True:
        yield x, law.reshape(-1, n + 1), step
        step = (law @ gap).reshape(-1)
        law = law @ kernel


def _replace(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    q = _grid(n)[None]
    return _markov(n, p, binomial_rows(n, q), q)


def _fresh(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    alpha = cast(WithAlpha, schedule).alpha
    q = alpha * p[:, None] + (1 - alpha) * _grid(n)
    return _markov(n, p, binomial_rows(n, q), q)


def _stratified(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    real, synthetic = split(schedule, n)
    own, rows = binomial_rows(real, p), binomial_rows(synthetic, _grid(n))
    add = _shifted(np.broadcast_to(own[:, None, :], (p.size, synthetic + 1, real + 1)))
    return _markov(n, p, rows @ add, (real * p[:, None] + synthetic * _grid(n)) / n)


def _fixed(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    real, synthetic = split(schedule, n)
    law = binomial_rows(real, p)[:, :, None] * binomial_rows(synthetic, p)[:, None, :]
    return _reused(real, synthetic, p, law)


def _expand(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    _, synthetic = split(schedule, n)
    first, rows = binomial_rows(n, p), binomial_rows(synthetic, _grid(n))
    yield _grid(n), first, np.zeros(p.size)
    count = np.arange(n + 1)
    # E|N P_2 - N Q_1|, N Q_1 = n p + m c/n: the count c of the real points is in both, the rest is the draw.
    target = n * p[:, None] + synthetic * _grid(n) - count
    gap = np.einsum("dc,dc->d", first, _mean_gap(rows, count, target)) / (n + synthetic)
    chain = _reused(n, synthetic, p, first[:, :, None] * rows)
    x, law, _ = next(chain)
    yield x, law, gap
    yield from chain


def _reused(kept: int, synthetic: int, p: Array, law: Array) -> Iterator[Step]:
    """Chains with `kept` reused points, their count r, the others' s: law (D, kept + 1, synthetic + 1)."""
    total = kept + synthetic
    rows = binomial_rows(synthetic, _grid(total))
    r, s = np.arange(kept + 1)[:, None], np.arange(synthetic + 1)
    x = (r + s) / total
    gap = _mean_gap(rows, r + s, kept * p[:, None, None] + synthetic * x - r) / total
    # Given r, s moves to s' with probability rows[r + s, s']: windows[r, s, s'], a view of rows.
    windows = np.lib.stride_tricks.sliding_window_view(rows, synthetic + 1, axis=0).transpose(0, 2, 1)
    step = np.zeros(p.size)
    while True:
        yield x.reshape(-1), law.reshape(p.size, -1), step
        step = np.einsum("drs,drs->d", law, gap)
        law = np.ascontiguousarray((law.transpose(1, 0, 2) @ windows).transpose(1, 0, 2))


def _accumulate(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    law, i = binomial_rows(n, p), 1
    while True:
        yield _grid(i * n), law, np.zeros(p.size)
        law, _, _ = _grow(n, law, _grid(i * n)[None])
        i += 1


def _subsample(schedule: Schedule, n: int, p: Array) -> Iterator[Step]:
    # The sum T_i of the counts is the chain; Q_i = (p + T_i/n)/(i + 1).
    total, i = binomial_rows(n, p), 1
    law, gap = total, np.zeros(p.size)
    while True:
        yield _grid(n), law, gap
        total, law, gap = _grow(n, total, (p[:, None] + np.arange(i * n + 1) / n) / (i + 1))
        i += 1


def _shifted(rows: Array) -> Array:
    """Shift row j of rows (D, b, w) right by j, to (D, b, w + b - 1): a product with it adds a draw to j."""
    d, b, w = rows.shape
    return np.pad(rows, ((0, 0), (0, 0), (0, b))).reshape(d, -1)[:, :-b].reshape(d, b, w + b - 1)


def _grow(n: int, law: Array, q: Array) -> tuple[Array, Array, Array]:
    """Add a draw Bin(n, q(y)) to y ~ law (D, S), q (D or 1, S).

    Returns the law of the sum (D, S + n), the law of the draw (D, n + 1) and E|draw/n - q(y)| (D,).
    """
    new, draw, gap = np.zeros((len(law), law.shape[1] + n)), np.zeros((len(law), n + 1)), np.zeros(len(law))
    size = max(1, min(n, BLOCK // (len(q) * (2 * n + 1))))
    for start in range(0, law.shape[1], size):
        here = q[:, start : start + size]
        rows, b = binomial_rows(n, here), here.shape[1]
        part = law[:, start : start + b].reshape(len(q), -1, b)
        new[:, start : start + n + b] += (part @ _shifted(rows)).reshape(-1, n + b)
        draw += (part @ rows).reshape(-1, n + 1)
        error = np.einsum("djk,djk->dj", rows, np.abs(_grid(n) - here[..., None]))
        gap += (part @ error[..., None]).reshape(-1)
    return new, draw, gap


CHAINS: dict[str, Callable[[Schedule, int, Array], Iterator[Step]]] = {
    "replace": _replace, "fresh": _fresh, "stratified": _stratified, "fixed": _fixed, "expand": _expand,
    "accumulate": _accumulate, "subsample": _subsample,
}  # fmt: skip
