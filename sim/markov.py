"""Markov (bigram) language models in a self-consuming loop, batched over replications.

A model is a row-stochastic matrix. A training set is n pairs (context, next token), so each row is a discrete loop
whose sample size is random. Only the counts are drawn, which is exact in law: contexts as a multinomial, then the next
tokens of every context as another one; a path is walked step by step, all replications at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, real, whole

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
CONTEXTS = ("given", "stationary", "path")


@dataclass(frozen=True, eq=False)
class Bigram:
    """A real bigram model.

    Attributes
    ----------
    T : numpy.ndarray, shape (K, K)
        Row k is the law of the token after k: entries >= 0, row sums 1 within 1e-9 (scaled to 1). Read-only.
    mu : numpy.ndarray, shape (K,)
        Law of given contexts, and of the first token of a path: entries >= 0, sum 1 within 1e-9. Read-only.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """

    T: Array
    mu: Array

    def __post_init__(self) -> None:
        T, mu = np.array(self.T, dtype=np.float64), np.array(self.mu, dtype=np.float64)
        if T.ndim != 2 or T.shape[0] != T.shape[1] or T.size == 0 or not _laws(T):
            raise SimulationError("T", self.T, "a square matrix: entries >= 0, rows that sum to 1 within 1e-9")
        if mu.shape != T.shape[:1] or not _laws(mu):
            raise SimulationError("mu", self.mu, f"{len(T)} probabilities: entries >= 0, sum 1 within 1e-9")
        for name, array in (("T", T), ("mu", mu)):
            array /= array.sum(axis=-1, keepdims=True)
            array.setflags(write=False)
            object.__setattr__(self, name, array)


def _laws(rows: Array) -> bool:
    return bool((rows >= 0).all() and (np.abs(rows.sum(axis=-1) - 1) <= 1e-9).all())


def dobrushin(T: Array) -> Array:
    """Return Dobrushin's coefficients, the largest TV between two rows; shape (..., K, K) to (...)."""
    gaps = np.abs(T[..., :, None, :] - T[..., None, :, :]).sum(axis=-1) / 2
    return np.asarray(gaps.max(axis=(-2, -1)))


def stationary(T: Array) -> Array:
    """Return stationary laws; shape (..., K, K) to (..., K).

    Of several stationary laws, the combination of smallest Euclidean norm: it weights the closed classes, whose
    stationary laws have disjoint supports, by positive numbers.
    """
    K = T.shape[-1]
    balance = np.swapaxes(np.eye(K) - T, -1, -2)
    system = np.concatenate([balance, np.ones((*T.shape[:-2], 1, K))], axis=-2)
    law = np.linalg.pinv(system, rcond=1e-11)[..., -1]
    law = np.where(law > 1e-12, law, 0.0)  # what is left of zero by rounding
    return np.asarray(law / law.sum(axis=-1, keepdims=True))


def bigram_loop(
    model: Bigram,
    n: int,
    generations: int,
    *,
    replications: int,
    seed: int,
    alpha: float = 0.0,
    contexts: str = "given",
    fallback: Array | None = None,
    block: int = 0,
) -> Iterator[Array]:
    """Yield the models of generations 0, 1, ..., each of shape (replications, K, K); generation 0 is the real one.

    Given its context k a next token is drawn from alpha T(k, .) + (1-alpha) T_i(k, .).

    Parameters
    ----------
    model : Bigram
    n : int
        Bigrams per generation, >= 1.
    generations : int
        Last generation, >= 0.
    replications, seed, block : int
        Loops run together, >= 1; blocks of equal arguments but their number are independent.
    alpha : float
        Share of next tokens from the real model, in [0, 1]; 0 is the schedule `replace`.
    contexts : str
        given: n iid draws from `mu`. stationary: n iid draws from a stationary law of T_i. path: one path of n steps
        of the chain alpha T + (1-alpha) T_i, whose first token is from `mu`.
    fallback : numpy.ndarray, shape (K,), or None
        What a row without any observation becomes; None: it keeps its last estimate.

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    n, generations = whole("n", n, 1), whole("generations", generations, 0)
    replications, seed, block = whole("replications", replications, 1), whole("seed", seed, 0), whole("block", block, 0)
    alpha = real("alpha", alpha, 0, 1)
    if contexts not in CONTEXTS:
        raise SimulationError("contexts", contexts, "one of " + ", ".join(CONTEXTS))
    if fallback is not None and (np.shape(fallback) != model.mu.shape or not _laws(np.asarray(fallback))):
        raise SimulationError("fallback", fallback, f"{model.mu.size} probabilities: entries >= 0, sum 1 within 1e-9")
    rng = _generator(model, (n, replications, alpha, contexts, fallback), seed, block)
    return _models(rng, model, n, generations, replications, alpha, contexts, fallback)


def _models(
    rng: np.random.Generator,
    model: Bigram,
    n: int,
    generations: int,
    replications: int,
    alpha: float,
    contexts: str,
    fallback: Array | None,
) -> Iterator[Array]:
    draw = _DRAWS[contexts]
    T = np.broadcast_to(model.T, (replications, *model.T.shape))
    yield T
    for _ in range(generations):
        counts = draw(rng, model, n, T, alpha * model.T + (1 - alpha) * T)
        totals = counts.sum(axis=-1, keepdims=True)
        unseen = T if fallback is None else np.broadcast_to(fallback, T.shape)
        T = np.where(totals > 0, counts / np.maximum(totals, 1), unseen)
        yield T


def _generator(model: Bigram, design: tuple[object, ...], seed: int, block: int) -> np.random.Generator:
    """Key the generator by what is computed, so that no two designs share their random numbers."""
    parts = [b"bigram", model.T.tobytes(), model.mu.tobytes()]
    parts += [x.tobytes() if isinstance(x, np.ndarray) else repr(x).encode() for x in design]
    words = np.frombuffer(hashlib.sha256(b"\0".join(parts)).digest()[:16], dtype="<u4").tolist()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(*words, block))))


def _given(rng: np.random.Generator, model: Bigram, n: int, T: Array, next_token: Array) -> Counts:
    return rng.multinomial(rng.multinomial(n, model.mu, len(T)), next_token)


def _stationary(rng: np.random.Generator, model: Bigram, n: int, T: Array, next_token: Array) -> Counts:
    return rng.multinomial(rng.multinomial(n, stationary(T)), next_token)


def _path(rng: np.random.Generator, model: Bigram, n: int, T: Array, next_token: Array) -> Counts:
    """Count the transitions of one path per replication, by inverse distribution functions."""
    K, every = model.mu.size, np.arange(len(T))
    ends = np.cumsum(next_token, axis=-1)[..., :-1]  # the last end is 1, whatever rounding says
    counts = np.zeros(next_token.shape, dtype=np.int64)
    state = np.minimum(np.searchsorted(np.cumsum(model.mu), rng.random(len(T)), side="right"), K - 1)
    for uniform in rng.random((n, len(T))):
        following = (ends[every, state] <= uniform[:, None]).sum(axis=-1)
        counts[every, state, following] += 1
        state = following
    return counts


_Draw = Callable[[np.random.Generator, Bigram, int, Array, Array], Counts]
_DRAWS: dict[str, _Draw] = {"given": _given, "stationary": _stationary, "path": _path}
