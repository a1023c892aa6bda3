"""Recursive stability of prompts: loops from real points that differ in one, compared along the same history."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import SimulationError, whole
from sim.models.incontext import InContext, Prompt
from sim.models.model import Array
from sim.stability_recursive import Trajectories
from sim.transformer import ROUNDING


def incontext_trajectories(
    model: InContext,
    reused: ArrayLike,
    rest: ArrayLike,
    place: int,
    added: ArrayLike,
    *,
    generations: int,
    replications: int,
    seed: int,
) -> Trajectories:
    """Compare the in-context loop on real points with the one after replacing one reused point.

    Under ``fixed(alpha)`` generation 1's prompt holds all n real points, later ones the reused points
    and the m points S_j of the generation before. Loops are drawn from the real points as they are; at
    the same histories and the same x the labels of both laws are N(f_j(x), sigma²) and N(f'_j(x), sigma²),
    so a generation adds Σ (f_j(x) − f'_j(x))²/(2·sigma²) over its m draws of x to the divergence. Its mean
    is the KL divergence of the laws of (S_1, …, S_i) before points are projected onto the unit ball,
    which is at least the one after.

    Parameters
    ----------
    model : InContext
        The transformer, the law of x and the noise; its f, M, tests and block are not used but for d.
    reused : array_like, shape (alpha·n, d + 1)
        Real points that every generation reads, at least 1; norms at most 1.
    rest : array_like, shape (m, d + 1)
        The other real points, read by generation 1 alone, at least 1.
    place : int
        Which reused point is replaced.
    added : array_like, shape (d + 1,)
        The point put in its place.
    generations, replications : int
        At least 1.
    seed : int
        Seed, at least 0.

    Returns
    -------
    Trajectories
        As of `sim.trajectories`; intervals are the caller's.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    kept, last = _points(model, "reused", reused), _points(model, "rest", rest)
    swapped = kept.copy()
    if whole("place", place, 0) >= len(kept):
        raise SimulationError("place", place, f"in 0..{len(kept) - 1}, a reused point")
    swapped[place] = _points(model, "added", np.asarray(added)[None])[0]
    shape = (whole("replications", replications, 1), whole("generations", generations, 1))
    rng = np.random.default_rng(whole("seed", seed, 0))
    divergence, log_ratio = np.empty(shape), np.empty(shape)
    history = np.broadcast_to(last, (shape[0], *last.shape))
    for i in range(shape[1]):
        x = model.features(rng, (shape[0], len(last)))
        mean, other = (_predicted(model, rng, real, history, x) for real in (kept, swapped))
        noise, shift = rng.standard_normal(mean.shape), (mean - other) / model.sigma
        divergence[:, i] = (shift * shift).sum(axis=1) / 2
        log_ratio[:, i] = divergence[:, i] + (shift * noise).sum(axis=1)
        history = model.points(x, mean + model.sigma * noise)
    return Trajectories(divergence=divergence.cumsum(axis=1), log_ratio=log_ratio.cumsum(axis=1))


def _predicted(model: InContext, rng: np.random.Generator, real: Array, history: Array, x: Array) -> Array:
    """Predictions from the prompts of real points and histories."""
    points = np.concatenate([np.broadcast_to(real, (len(history), *real.shape)), history], axis=1)
    return Prompt(model, points, rng).predict(x)


def _points(model: InContext, name: str, value: ArrayLike) -> Array:
    points = np.asarray(value, dtype=np.float64)
    width = model.f.d + 1
    if points.ndim != 2 or not len(points) or points.shape[1] != width:
        raise SimulationError(name, points.shape, f"points with labels, {width} numbers each, at least one point")
    norm = float(np.linalg.norm(points, axis=1).max())
    if not norm <= 1 + ROUNDING:
        raise SimulationError(name, norm, "points of norm at most 1")
    return points
