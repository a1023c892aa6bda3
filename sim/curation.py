"""Curated self-consuming loops on K atoms: of m draws from a generation one is chosen by its reward.

An atom has the weight u = exp(reward). Of m draws the j-th is chosen with probability u_j / (u_1 + ... + u_m), the
choice of Plackett and Luce, that of Bradley and Terry for m = 2. A generation is trained on chosen draws, or on a
mixture of them with the real distribution.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np

from sim.errors import SimulationError, real, whole
from sim.loop import stable_bytes
from sim.models.discrete import Discrete
from sim.models.model import Array

_STEP = 0.25  # of the trapezoidal rule in log s, whose error is then about exp(-pi^2/0.25) = 7e-18
_TAIL = 45.0  # exp(-45) = 3e-20 of the integral is left out at either end


@dataclass(frozen=True, eq=False)
class Curation:
    """A loop p_{t+1} = alpha p_0 + (1 - alpha) C(p_t), C(q) the law of the draw chosen among m draws from q.

    Attributes
    ----------
    p : numpy.ndarray, shape (K,)
        Real distribution p_0: entries > 0, sum 1 within 1e-9 (it is then scaled to sum to 1). Read-only.
    u : numpy.ndarray, shape (K,)
        Weights exp(reward), finite and > 0; scaled so that the largest is 1, which changes no choice. Read-only.
    m : int
        Number of draws from which one is chosen, at least 2.
    alpha : float
        Real fraction of each training set, in [0, 1].

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """

    p: Array
    u: Array
    m: int = 2
    alpha: float = 0.0

    def __post_init__(self) -> None:
        p, u = Discrete(self.p).p, np.array(self.u, dtype=np.float64)
        if not p.all():
            raise SimulationError("p", self.p, "a vector of probabilities > 0: leave out atoms that never occur")
        if u.shape != p.shape or not (np.isfinite(u).all() and (u > 0).all()):
            raise SimulationError("u", self.u, f"a vector of {p.size} finite weights > 0")
        u /= u.max()
        if not u.all():
            raise SimulationError("u", self.u, "weights whose ratios are above 1e-308")
        u.setflags(write=False)
        object.__setattr__(self, "p", p)
        object.__setattr__(self, "u", u)
        object.__setattr__(self, "m", whole("m", self.m, 2))
        object.__setattr__(self, "alpha", real("alpha", self.alpha, 0, 1))

    def chosen(self, q: Array) -> Array:
        """Return C(q), the law of the chosen draw, exactly up to rounding.

        With independent exponential clocks of rates u_1..u_m the first to ring is number j with the probability of
        its choice, so C(q)(x) = m q(x) u(x) times the integral over s > 0 of exp(-s u(x)) phi(s)^(m-1), where
        phi(s) = sum_y q(y) exp(-s u(y)).

        Parameters
        ----------
        q : numpy.ndarray, shape (..., K)
            Probability vectors.

        Returns
        -------
        numpy.ndarray, shape (..., K)
        """
        weights, decay = self._nodes
        moments = np.asarray(q @ decay.T) ** (self.m - 1) * weights
        law = q * self.u * np.asarray(moments @ decay)
        return np.asarray(law / law.sum(axis=-1, keepdims=True))

    def target(self, q: Array) -> Array:
        """Return alpha p_0 + (1 - alpha) C(q), what follows the generation q; shapes as for `chosen`."""
        return np.asarray(self.alpha * self.p + (1 - self.alpha) * self.chosen(q))

    def laws(self, generations: int) -> Array:
        """Return p_0, ..., p_G of the loop with infinite samples, shape (G + 1, K).

        Parameters
        ----------
        generations : int
            G >= 0.

        Raises
        ------
        SimulationError
            If G is anything else.
        """
        laws = np.empty((whole("generations", generations, 0) + 1, self.p.size))
        laws[0] = self.p
        for t in range(generations):
            laws[t + 1] = self.target(laws[t])
        return laws

    def blocks(self, n: int, generations: int, seed: int) -> Iterator[Array]:
        """Yield replications of the loop in which every generation is refitted to n draws, without end.

        Generation t + 1 holds the frequencies of n independent draws from `target` of the frequencies of generation
        t, where generation 0 is p_0: the law of the loop that draws n groups and chooses from each.

        Parameters
        ----------
        n : int
            Draws per generation, at least 1.
        generations : int
            G >= 1.
        seed : int
            Not negative. Blocks are keyed by it, by the loop, by n and by their number.

        Yields
        ------
        numpy.ndarray, shape (block, G + 1, K)
            Frequencies of generations 0..G.

        Raises
        ------
        SimulationError
            If an argument is not as said.
        """
        n, generations, seed = whole("n", n, 1), whole("generations", generations, 1), whole("seed", seed, 0)
        key = stable_bytes((self.p, self.u, self.m, self.alpha, n))
        words = np.frombuffer(hashlib.sha256(key).digest()[:16], dtype="<u4").tolist()
        size = min(512, max(1, 2**18 // (self.p.size * (generations + 1))))
        for block in count():
            rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(*words, block))))
            laws = np.empty((size, generations + 1, self.p.size))
            laws[:, 0] = self.p
            for t in range(generations):
                laws[:, t + 1] = rng.multinomial(n, self.target(laws[:, t])) / n
            yield laws

    @cached_property
    def _nodes(self) -> tuple[Array, Array]:
        """Weights (J,) and exp(-s u), (J, K), of the trapezoidal rule in log s."""
        first, last = -_TAIL - math.log(self.m), math.log(_TAIL / (self.m * self.u.min()))
        s = np.exp(np.arange(first, last + _STEP, _STEP))
        return s, np.exp(-s[:, None] * self.u)


def two_atom_law(curation: Curation, n: int, generations: int) -> Array:
    """Return the exact law of the number of draws in the first of two atoms, for the loop of `Curation.blocks`.

    Parameters
    ----------
    curation : Curation
        With two atoms.
    n : int
        Draws per generation, at least 1.
    generations : int
        G >= 1.

    Returns
    -------
    numpy.ndarray, shape (G, n + 1)
        Row t is the law of the count in generation t + 1, a Markov chain with binomial transitions.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    from sim.exact_chains import binomial_rows

    if curation.p.size != 2:
        raise SimulationError("curation", curation, "a loop on two atoms")
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    share = np.arange(n + 1) / n
    kernel = binomial_rows(n, curation.target(np.stack([share, 1 - share], axis=1))[:, 0])
    laws = np.empty((generations, n + 1))
    laws[0] = binomial_rows(n, curation.target(curation.p)[:1])[0]
    for t in range(1, generations):
        laws[t] = laws[t - 1] @ kernel
    return laws
