"""Chains that forget: Poisson means fitted again and again, and frequencies until one symbol is left.

Under `stratified(alpha)` the total of the n counts of generation i + 1 is, given mu_i, Poisson with mean
n (alpha mu + (1 - alpha) mu_i): a Markov chain on the whole numbers. Its absence probability has a generating
function that is iterated exactly; moments and total variation come from the chain cut off at a level that it exceeds
with a probability which is computed. Under `replace` the count of one symbol is a Markov chain on 0..n, and that a
generation has one symbol only is a sum over symbols of events of these chains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.special import gammaln, pdtrc, xlogy

from sim.errors import SimulationError, real, share_of, whole
from sim.exact_chains import CHAINS, Array, Schedule, binomial_rows

_MOST_STATES = 4000  # of a chain on the whole numbers: its kernel takes 128 MB
_LOST = 1e-14  # probability with which a path may leave the states kept


@dataclass(frozen=True, eq=False, kw_only=True)
class PoissonLaw:
    """Exact expectations of a Poisson chain; index g of the G generations is generation g + 1.

    Attributes
    ----------
    absence : (G,) P(mu_i = 0), relative error about 1e-15 G
    mean, variance : (G,) of mu_i, relative error about 1e-9
    tv : (G,) E TV(P_i, P), at most `lost` below the true value, up to rounding
    lost : (G,) probability that the chain left the states that were kept
    """

    absence: Array
    mean: Array
    variance: Array
    tv: Array
    lost: Array


def exact_poisson(n: int, mu: float, alpha: float, generations: int) -> PoissonLaw:
    """Return the exact law of the loop that fits Poisson distributions, under `stratified(alpha)`.

    Parameters
    ----------
    n : int
        Sample size, at least 1; alpha n is whole.
    mu : float
        Mean of the real Poisson distribution, > 0.
    alpha : float
        Real fraction in [0, 1]; 0 is `replace`.
    generations : int
        G >= 1.

    Raises
    ------
    SimulationError
        If an argument is not as said, or the chain needs more than 4,000 states.
    """
    n, mu, alpha, generations = _checked(n, mu, alpha, generations)
    states = _states(n * mu, generations)
    x = np.arange(states + 1.0)
    kernel = _poisson_rows(alpha * n * mu + (1 - alpha) * x, states)
    law, distance = _poisson_rows(np.array([n * mu]), states)[0], tv_poisson(x / n, mu)
    table = np.empty((4, generations))
    for i in range(generations):
        law = law @ kernel if i else law
        mean = law @ x / n
        table[:, i] = mean, law @ np.square(x / n - mean), law @ distance, max(1 - law.sum(), 0.0)
    mean, variance, tv, lost = table
    return PoissonLaw(
        absence=poisson_absence(n, mu, alpha, generations), mean=mean, variance=variance, tv=tv, lost=lost
    )


def poisson_absence(n: int, mu: float, alpha: float, generations: int) -> Array:
    """Return P(mu_i = 0) in generations 1..G exactly; arguments and errors as of `exact_poisson`, any size.

    A synthetic line that survives one more generation with probability s was handed on by a parent with the
    probability 1 - exp(-(1 - alpha) s); the n alpha mu real counts of each generation start new lines.
    """
    n, mu, alpha, generations = _checked(n, mu, alpha, generations)
    exponents, survival, started = np.empty(generations), 1.0, 0.0
    for i in range(generations):
        exponents[i] = alpha * started + survival
        started += survival
        survival = -math.expm1(-(1 - alpha) * survival)
    return np.exp(-n * mu * exponents)


def poisson_paths(
    n: int, mu: float, alpha: float, generations: int, replications: int, rng: np.random.Generator
) -> Array:
    """Draw the fitted means mu_1..mu_G of independent loops under `stratified(alpha)`, shape (replications, G).

    Arguments and errors as of `exact_poisson`; replications >= 1. Real and synthetic counts are drawn apart.
    """
    n, mu, alpha, generations = _checked(n, mu, alpha, generations)
    replications = whole("replications", replications, 1)
    reals = share_of(n, "alpha", alpha)
    paths = np.empty((replications, generations))
    paths[:, 0] = rng.poisson(n * mu, replications)
    for i in range(1, generations):
        paths[:, i] = rng.poisson((n - reals) * (paths[:, i - 1] / n)) + rng.poisson(reals * mu, replications)
    return paths / n


def exact_loss(schedule: Schedule, n: int, p: Array, generations: int) -> Array:
    """Return P(p_i(k) = 0) in generations 1..G for atoms of given probabilities, shape (G, D).

    Parameters
    ----------
    schedule
        Any named schedule but `weighted`; split counts are whole.
    n : int
        Sample size, at least 1.
    p : array_like, shape (D,)
        Probabilities of atoms in [0, 1], which need not add up to 1: an atom's count is a chain by itself.
    generations : int
        G >= 1.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    n, generations, p = whole("n", n, 1), whole("generations", generations, 1), np.asarray(p, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise SimulationError("p", p, "a vector of probabilities")
    if schedule.name not in CHAINS:
        raise SimulationError("schedule", schedule.name, "one of " + ", ".join(CHAINS))
    steps = islice(CHAINS[schedule.name](schedule, n, p), generations)
    return np.array([law[:, x == 0].sum(axis=1) for x, law, _ in steps])


def exact_collapse(n: int, p: Array, generations: int) -> tuple[Array, float]:
    """Return how long frequencies under `replace` keep two symbols: exact, no sampling error.

    Parameters
    ----------
    n : int
        Sample size, at least 1.
    p : array_like, shape (K,)
        Real distribution: entries in [0, 1], sum 1 to 1e-9.
    generations : int
        G >= 1.

    Returns
    -------
    ndarray, shape (G,)
        P(the points of generation i are not all equal), absolute error about 1e-13.
    float
        Expected number of the first generation whose points are all equal.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    p = np.asarray(p, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)) or abs(p.sum() - 1) > 1e-9:
        raise SimulationError("p", p, "a vector of probabilities with sum 1")
    values, times = np.unique(p, return_counts=True)
    rows, x = binomial_rows(n, np.arange(n + 1) / n), np.arange(n + 1) / n
    law = binomial_rows(n, values)
    inner = slice(1, n)
    # Where not all points are equal every symbol has x < 1, and the x add up to 1: P = sum over symbols of E[x; x < 1].
    later = np.zeros(n + 1)
    later[inner] = np.linalg.solve(np.eye(n + 1)[inner, inner] - rows[inner, inner], x[inner])
    expected = 1 + float(times @ law @ later)
    mixed = np.empty(generations)
    for i in range(generations):
        mixed[i] = times @ (law[:, inner] @ x[inner])
        law = law @ rows
    return mixed, expected


def _checked(n: int, mu: float, alpha: float, generations: int) -> tuple[int, float, float, int]:
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    alpha = share_of(n, "alpha", real("alpha", alpha, 0, 1)) / n
    return n, real("mu", mu, 0, math.inf, open_low=True), alpha, generations


def _states(mean: float, generations: int) -> int:
    """Return a level that the total of a chain of mean `mean` exceeds with probability < 1e-14.

    Real data only shorten the tail of the critical chain, of which E exp(c Z_i) = exp(mean r_i) for r_1 = e^c - 1
    and r_{i+1} = exp(r_i) - 1; c is chosen where r stays below about 1.
    """
    best = math.inf
    for last in (1.0, 0.5, 0.2, 0.05, 0.01):
        rate = last
        for _ in range(generations):
            rate = math.log1p(rate)  # backwards: r_{i} = log(1 + r_{i+1})
        best = min(best, (mean * last - math.log(_LOST / generations)) / rate)
    if best > _MOST_STATES:
        raise SimulationError("n mu", mean, f"so small that a chain of {_MOST_STATES} states suffices")
    return math.ceil(best)


def _poisson_rows(means: Array, states: int) -> Array:
    """Poisson probabilities of 0..states, shape (means, states + 1)."""
    k = np.arange(states + 1.0)
    return np.asarray(np.exp(xlogy(k, means[:, None]) - means[:, None] - gammaln(k + 1)))


def tv_poisson(means: Array, mu: float) -> Array:
    """Return TV(Poisson(mean), Poisson(mu)) for means >= 0 and mu > 0, absolute error about 1e-15: they cross once."""
    means = np.asarray(means, dtype=float)
    low, high = np.minimum(means, mu), np.maximum(means, mu)
    with np.errstate(divide="ignore", invalid="ignore"):
        cross = np.where(low == high, 0.0, np.where(low > 0, (high - low) / np.log(high / low), 0.0))
    # above the crossing the larger mean has more mass: the difference of both tails beyond floor(cross)
    return np.where(low == high, 0.0, pdtrc(np.floor(cross), high) - pdtrc(np.floor(cross), low))


def poisson_blocks(n: int, mu: float, alpha: float, generations: int, seed: int, size: int = 1024) -> Iterator[Array]:
    """Yield endless independent blocks of `poisson_paths`, keyed by the seed and by what is computed."""
    words = np.array([n, float(mu), float(alpha)], dtype=float).view(np.uint32).tolist()
    block = 0
    while True:
        sequence = np.random.SeedSequence(seed, spawn_key=(*words, block))
        yield poisson_paths(n, mu, alpha, generations, size, np.random.Generator(np.random.SFC64(sequence)))
        block += 1
