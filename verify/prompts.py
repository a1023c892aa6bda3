"""Worst prompts for softmax transformers that were found, and loops from pairs of prompts that differ in one point."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Literal

import numpy as np

import sim

from .case import Array, Blocks

_STARTS, _STEPS, _SEED = 24, 150, 1
_RUNS = 64


@cache
def worst_movement(n: int, Gamma: float, layers: int = 1, heads: int = 1, residual: bool = False) -> float:
    """Return how far the output moves at the worst replacement that is known: built, or found by hill climbing.

    Parameters
    ----------
    n, layers, heads : int
        Sizes, at least 1.
    Gamma : float
        In [0, 300].
    residual : bool
        Whether layers add to their input.
    """
    built = sim.extremal_replacement(n=n, Gamma=Gamma, layers=layers, residual=residual)
    return max(built.movement, climbed_movement(n, Gamma, layers, heads, residual))


@cache
def climbed_movement(n: int, Gamma: float, layers: int = 1, heads: int = 1, residual: bool = False) -> float:
    """Return the movement found by hill climbing alone, in the plane; for the rest see `worst_movement`."""
    found = sim.search_replacement(
        n=n, width=2, Gamma=Gamma, layers=layers, heads=heads, residual=residual,
        starts=_STARTS, steps=_STEPS, seed=_SEED,
    )  # fmt: skip
    return found.movement


def largest_movement(transformer: sim.Transformer, n: int, trials: int = 64) -> float:
    """Return how far the output of given weights moves when a point of a random prompt is reversed, at most.

    Prompts and queries are drawn from the unit ball of the transformer's width; in half of them the points lie close
    together. One point of a prompt of `n` is replaced by its opposite on the sphere.
    """
    rng = np.random.default_rng(n)
    tokens = rng.standard_normal((trials, n + 1, transformer.width))
    tokens[::2] = tokens[::2, :1] + 0.2 * tokens[::2]
    prompts, queries = sim.to_ball(2 * tokens[:, 1:]), sim.to_ball(2 * tokens[:, :1])
    swapped = prompts.copy()
    swapped[:, 0] *= -1 / np.linalg.norm(swapped[:, 0], axis=1, keepdims=True)
    before, after = (transformer.outputs(points, queries)[:, 0] for points in (prompts, swapped))
    return float(np.linalg.norm(after - before, axis=1).max())


def averager(width: int = 2, layers: int = 1, residual: bool = False) -> sim.Transformer:
    """Return the transformer whose layers take every token to the mean of the prompt's tokens: W = 0 and V = I."""
    V = np.broadcast_to(np.eye(width), (layers, 1, width, width))
    return sim.Transformer(W=0 * V, V=V, Gamma=0.0, residual=residual)


def along_prompts(
    model: sim.InContext, n: int, alpha: float, at: tuple[int, ...], what: Literal["distance", "divergence"]
) -> Blocks:
    """Return replications (R, generations) whose mean compares the laws of (S_1, …, S_i) of a pair of real prompts.

    Their TV is the mean of "distance", their KL divergence that of "divergence". Real points are drawn once; the label
    of a reused one, at x = 0, turns from -1 to 1.
    """
    rng = np.random.default_rng(n)
    x = model.features(rng, (n,))
    real = model.points(x, model.f(x) + model.sigma * rng.standard_normal(n))
    reused = round(alpha * n)
    real[0] = -np.eye(model.f.d + 1)[-1]

    def blocks(seed: int) -> Iterator[Array]:
        for key in count():
            word = int(np.random.SeedSequence([seed, key]).generate_state(1)[0])
            found = sim.incontext_trajectories(
                model, real[:reused], real[reused:], 0, -real[0],
                generations=max(at), replications=_RUNS, seed=word,
            )  # fmt: skip
            yield np.asarray(getattr(found, what)[:, np.array(at) - 1])

    return blocks
