"""Exact law of one entry of a bigram model in the loop with given contexts: a Markov chain on fractions.

The count N of the context is binomial and, given it, the count of the transition is Bin(N, q), whatever the other
tokens do. So T_i(k, l) is a Markov chain on the fractions j/N, N <= n, the real probability, and the fallback's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, real, whole
from sim.exact_chains import binomial_rows

Array = NDArray[np.float64]


class RowCount(NamedTuple):
    """Law of a context's count N ~ Bin(n, mu): P(N = m) for m = 0..n, E[1/N | N > 0], P(N = 0)."""

    law: Array
    reciprocal: float
    unseen: float


class EntryLaw(NamedTuple):
    """Values of an entry, shape (S,), its law in generations 0..G, shape (G+1, S), and the kernel, shape (S, S)."""

    values: Array
    law: Array
    kernel: Array

    def mean(self, of: Array) -> Array:
        """Return the expectations of a function of the entry, given at `values`; shape (G+1,)."""
        return np.asarray(self.law @ of)


def row_count(n: int, mu: float) -> RowCount:
    """Return the law of the number of times that a context of probability mu in (0, 1] occurs among n >= 1."""
    n, mu = whole("n", n, 1), real("mu", mu, 0, 1, open_low=True)
    law = binomial_rows(n, np.array([mu]))[0]
    seen = law[1:].sum()  # not 1 - P(N = 0), which cancels for rare contexts
    return RowCount(law, float((law[1:] / np.arange(1, n + 1)).sum() / seen), float(law[0]))


def exact_entry(
    n: int, mu: float, p: float, generations: int, *, alpha: float = 0.0, fallback: float | None = None
) -> EntryLaw:
    """Return the exact law of T_i(k, l) with contexts drawn from one given law in all generations.

    Parameters
    ----------
    n : int
        Bigrams per generation, >= 1; there are about 0.3 n^2 values, and the work is about n^4.
    mu : float
        Probability of the context k, in (0, 1].
    p : float
        T(k, l), in [0, 1].
    generations : int
        Last generation, >= 0.
    alpha : float
        Share of next tokens from the real model, in [0, 1].
    fallback : float or None
        What the entry becomes if the context does not occur, in [0, 1]; None: it keeps its value.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    count, generations = row_count(n, mu), whole("generations", generations, 0)
    p, alpha = real("p", p, 0, 1), real("alpha", alpha, 0, 1)
    kept = () if fallback is None else (real("fallback", fallback, 0, 1),)
    values = _fractions(n, p, *kept)
    kernel = np.zeros((values.size, values.size))
    unseen = np.searchsorted(values, kept[0]) if kept else np.arange(values.size)
    kernel[np.arange(values.size), unseen] = count.unseen
    for N in range(1, n + 1):
        kernel[:, _places(values, N)] += count.law[N] * binomial_rows(N, alpha * p + (1 - alpha) * values)
    law = np.zeros((generations + 1, values.size))
    law[0, np.searchsorted(values, p)] = 1
    for i in range(generations):
        law[i + 1] = law[i] @ kernel
    return EntryLaw(values, law, kernel)


def exact_collapse_time(n: int, mu: float, p: float, q: float) -> float:
    """Return the expected first generation in which both rows of a chain of two states are deterministic.

    Parameters
    ----------
    n : int
        Bigrams per generation, 1 to 10: about 0.1 n^4 linear equations are solved.
    mu : float
        Probability of the first context, in (0, 1); the other has 1 - mu.
    p, q : float
        Probability of the first token after the first and the second context, in [0, 1].

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    n, p, q = whole("n", n, 1), real("p", p, 0, 1), real("q", q, 0, 1)
    if not (n <= 10 and 0 < mu < 1):
        raise SimulationError("n, mu", (n, mu), "n <= 10 and mu strictly between 0 and 1")
    first, second = _fractions(n, p), _fractions(n, q)
    ones, twos = ([_given_count(values, N) for N in range(n + 1)] for values in (first, second))
    kernel = sum(x * np.kron(ones[N], twos[n - N]) for N, x in enumerate(row_count(n, mu).law))
    mixed = [(values > 0) & (values < 1) for values in (first, second)]
    alive = np.logical_or(mixed[0][:, None], mixed[1]).ravel()
    start = np.searchsorted(first, p) * second.size + np.searchsorted(second, q)
    times = np.zeros(alive.size)
    open_part = np.asarray(kernel)[np.ix_(alive, alive)]
    times[alive] = np.linalg.solve(np.eye(len(open_part)) - open_part, np.ones(len(open_part)))
    return float(times[start])


def _fractions(n: int, *more: float) -> Array:
    """Return what an entry can be: j/N with N <= n, and `more`."""
    return np.unique(np.concatenate([*(np.arange(N + 1) / N for N in range(1, n + 1)), more]))


def _places(values: Array, N: int) -> NDArray[np.intp]:
    return np.searchsorted(values, np.arange(N + 1) / N)


def _given_count(values: Array, N: int) -> Array:
    """Return the kernel of an entry given that its context occurs N times; 0: it keeps its value."""
    kernel = np.eye(values.size) if N == 0 else np.zeros((values.size, values.size))
    if N:
        kernel[:, _places(values, N)] = binomial_rows(N, values)
    return kernel
