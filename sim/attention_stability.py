"""How far the output of softmax attention can move when one token of the prompt is replaced: worst cases found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, real, whole
from sim.models.model import Array
from sim.transformer import STEEPEST, Transformer, attention, to_ball


@dataclass(frozen=True, eq=False, kw_only=True)
class TokenReplacement:
    """A prompt, a query, and a token to put in the place of the prompt's first one.

    Attributes
    ----------
    transformer : Transformer
        What reads the prompt.
    prompt : numpy.ndarray, shape (n, D)
        Tokens, norms at most 1.
    query : numpy.ndarray, shape (D,)
        Where the output is read; not one of the prompt's tokens.
    token : numpy.ndarray, shape (D,)
        What replaces prompt[0].
    """

    transformer: Transformer
    prompt: Array
    query: Array
    token: Array

    @property
    def movement(self) -> float:
        """Euclidean distance of the outputs before and after."""
        after = self.prompt.copy()
        after[0] = self.token
        queries = np.stack([self.query, self.query])[:, None]
        before, moved = self.transformer.outputs(np.stack([self.prompt, after]), queries)[:, 0]
        return float(np.linalg.norm(moved - before))


def extremal_replacement(
    *, n: int, Gamma: float, width: int = 2, layers: int = 1, residual: bool = False
) -> TokenReplacement:
    """Return the replacement that moves one layer's output by 2e^{2·Gamma}/(n − 1 + e^{2·Gamma}), the most there is.

    All tokens and the query are e₁, every layer has one head with W = −Gamma·I and V = I, and −e₁ comes
    in. With more layers it is an example, not the worst case.

    Parameters
    ----------
    n : int
        Tokens of the prompt, at least 1.
    Gamma : float
        In [0, 300].
    width, layers : int
        Dimension and number of layers, at least 1.
    residual : bool
        Whether layers add to their input.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    one = np.eye(1, whole("width", width, 1))[0]
    V = np.broadcast_to(np.eye(len(one)), (whole("layers", layers, 1), 1, len(one), len(one)))
    W = -real("Gamma", Gamma, 0, STEEPEST) * V
    model = Transformer(W=W, V=V, Gamma=Gamma, residual=residual)
    return TokenReplacement(transformer=model, prompt=np.tile(one, (whole("n", n, 1), 1)), query=one, token=-one)


def grid_replacement(*, n: int, width: int, Gamma: float, angles: int = 12, radii: int = 3) -> TokenReplacement:
    """Return the replacement that moves one layer's output most, over a grid of all prompts and weights.

    Scores depend on W and the query through u = Wᵀq alone, any vector with ‖u‖ ≤ Gamma, and along the
    first axis without loss of generality; V = I moves the output as far as any V. So the grid is over
    ‖u‖, the n tokens and the new one: on the line tokens at 2·radii + 1 places in [−1, 1], in the plane
    at these radii and angles and at 0. About (tokens of the grid)^{n+1} cases are tried.

    Parameters
    ----------
    n : int
        Tokens of the prompt, at least 1.
    width : int
        1 or 2.
    Gamma : float
        In [0, 300].
    angles, radii : int
        Sizes of the grid, at least 1; angles are used in the plane only.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    if whole("width", width, 1) > 2:
        raise SimulationError("width", width, "1 or 2, for a grid")
    n, Gamma = whole("n", n, 1), real("Gamma", Gamma, 0, STEEPEST)
    places = np.arange(1, whole("radii", radii, 1) + 1) / radii
    turns = 2 * np.pi * np.arange(whole("angles", angles, 1)) / angles if width == 2 else np.array([0, np.pi])
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1)[:, :width]
    grid = np.concatenate([np.zeros((1, width)), *(r * circle for r in places)])
    others = np.array(list(combinations_with_replacement(range(len(grid)), n - 1)), dtype=np.int64)
    best = (-1.0, 0.0, 0, 0, 0)
    for steepness in Gamma * np.append(places, 0.0):
        e = np.exp(steepness * grid[:, 0])
        mass, mean = e[others].sum(axis=1), (e[:, None] * grid)[others].sum(axis=1)
        outputs = (mean[:, None] + e[:, None] * grid) / (mass[:, None] + e)[..., None]
        for token in range(len(grid)):
            moved = np.linalg.norm(outputs - outputs[:, token, None], axis=2)
            row, first = divmod(int(moved.argmax()), len(grid))
            best = max(best, (float(moved[row, first]), float(steepness), row, first, token))
    _, steepness, row, first, token = best
    V = np.eye(width)[None, None]
    model = Transformer(W=steepness * V, V=V, Gamma=Gamma)
    prompt = grid[[first, *others[row]]]
    return TokenReplacement(transformer=model, prompt=prompt, query=np.eye(1, width)[0], token=grid[token])


class _Cases(NamedTuple):
    """Many replacements with weights of their own; leading axis R, weights (R, layers, heads, D, D)."""

    prompt: Array
    query: Array
    token: Array
    W: Array
    V: Array


def search_replacement(
    *,
    n: int,
    width: int,
    Gamma: float,
    layers: int = 1,
    heads: int = 1,
    residual: bool = False,
    starts: int = 64,
    steps: int = 500,
    seed: int,
) -> TokenReplacement:
    """Return a replacement that moves the output far, by hill climbing over tokens, query and weights.

    Climbers start at random. Each step perturbs some numbers of each, projects tokens to the unit ball
    and weights to their norms, and keeps what moves the output further; a climber's step grows after
    a success and shrinks after a failure. What is found bounds the worst case from below.

    Parameters
    ----------
    n, width, layers, heads : int
        Sizes, at least 1.
    Gamma : float
        In [0, 300].
    residual : bool
        Whether layers add to their input.
    starts, steps : int
        Climbers, and steps of each; at least 1.
    seed : int
        Seed, at least 0.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    n, width, layers, heads = (
        whole(name, value, 1) for name, value in (("n", n), ("width", width), ("layers", layers), ("heads", heads))
    )
    rng, Gamma = np.random.default_rng(whole("seed", seed, 0)), real("Gamma", Gamma, 0, STEEPEST)
    shape = (whole("starts", starts, 1), layers, heads, width, width)
    at = _feasible(_start(rng, n, shape), Gamma)
    score, scale = _movements(at, residual), np.full(shape[0], 0.5)
    for _ in range(whole("steps", steps, 1)):
        tried = _feasible(_perturbed(rng, at, scale), Gamma)
        reached = _movements(tried, residual)
        better = reached > score
        at = _Cases(*(np.where(_wide(better, new), new, old) for new, old in zip(tried, at, strict=True)))
        score = np.maximum(score, reached)
        scale = np.clip(scale * np.where(better, 1.5, 0.93), 1e-6, 1.0)
    prompt, query, token, W, V = (part[int(score.argmax())] for part in at)
    model = Transformer(W=W, V=V, Gamma=Gamma, residual=residual)
    return TokenReplacement(transformer=model, prompt=prompt, query=query, token=token)


def _start(rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> _Cases:
    """Random cases; a climber's tokens lie about one of them, near it or far."""
    R, width = shape[0], shape[-1]
    spread = rng.random((R, 1, 1)) ** 2 * 2
    prompt = rng.standard_normal((R, 1, width)) + spread * rng.standard_normal((R, n, width))
    query, token = rng.standard_normal((2, R, width))
    return _Cases(4 * prompt, 4 * query, 4 * token, *(4 * rng.standard_normal((2, *shape))))


def _perturbed(rng: np.random.Generator, at: _Cases, scale: Array) -> _Cases:
    """The cases with noise on a random share of their numbers; a quarter of them move all tokens alike."""
    share = 10 ** -rng.uniform(0, 1.5, len(scale))
    parts = []
    for part in at:
        noise = _wide(scale, part) * rng.standard_normal(part.shape)
        parts.append(part + noise * (rng.random(part.shape) < _wide(share, part)))
    alike = rng.random(len(scale)) < 0.25
    common = scale[:, None, None] * rng.standard_normal((len(scale), 1, at.prompt.shape[2]))
    parts[0] = np.where(_wide(alike, parts[0]), at.prompt + common, parts[0])
    return _Cases(*parts)


def _feasible(cases: _Cases, Gamma: float) -> _Cases:
    """The cases with tokens in the ball and weights within their norms, singular values cut off."""
    U, s, Vt = np.linalg.svd(cases.W)
    W = (U * np.minimum(s, Gamma)[..., None, :]) @ Vt
    U, s, Vt = np.linalg.svd(cases.V)
    s = np.minimum(s, 1.0)
    s /= np.maximum(s.max(axis=-1).sum(axis=-1), 1.0)[..., None, None]
    V = (U * s[..., None, :]) @ Vt
    return _Cases(to_ball(cases.prompt), to_ball(cases.query), to_ball(cases.token), W, V)


def _movements(cases: _Cases, residual: bool) -> Array:
    """How far each case's output moves."""
    W, V = (np.moveaxis(weights, 0, 2) for weights in (cases.W, cases.V))
    outputs, last = [], len(W) - 1
    for first in (cases.prompt[:, 0], cases.token):
        tokens = np.concatenate([cases.prompt, cases.query[:, None]], axis=1)
        tokens[:, 0] = first
        for layer, (forms, values) in enumerate(zip(W, V, strict=True)):
            asking = tokens[:, -1:] if layer == last else tokens
            moved = attention(forms, values, asking, tokens[:, :-1])
            tokens = to_ball(asking + moved) if residual else moved
        outputs.append(tokens[:, -1])
    return np.asarray(np.linalg.norm(outputs[1] - outputs[0], axis=1))


def _wide(values: NDArray[Any], like: Array) -> NDArray[Any]:
    """One value per case, to be broadcast with arrays of cases."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
