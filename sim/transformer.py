"""A softmax transformer that reads a prompt: several layers and heads, norms under control, outputs at queries.

Tokens are vectors of R^D of norm at most 1. The n tokens of a prompt attend to all n of them, a query
attends to the n tokens of the prompt only; nothing attends to a query, so many queries are answered at
once and independently. Layer l takes the token z and the prompt's tokens z_1, …, z_n to

    z ↦ Σ_h V_{l,h} Σ_k p_k z_k,   p = softmax_k(zᵀ W_{l,h} z_k),

or, with residual connections, to the projection of z + (the same) onto the unit ball. Prompt and
queries go through the same layers, and what a query has become after the last one is its output.

Let a replaced token of the prompt move the others by at most a before a layer. With ‖W_{l,h}‖ ≤ Gamma,
each head's mean Σ p_k z_k at another token moves by at most (1 + 2·Gamma)·a + 2e^{2·Gamma}/(n − 1 + e^{2·Gamma}),
and so does the layer's output because Σ_h ‖V_{l,h}‖ ≤ 1: the sum of the norms is what has to be bounded,
since every head may move by as much (V_{l,h} = projections onto H orthogonal blocks move by √H times that).
The same condition keeps outputs in the unit ball.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import SimulationError, real, whole
from sim.models.model import Array

ROUNDING = 1e-9  # by which a norm may exceed its bound
STEEPEST = 300.0  # largest Gamma: exp(Gamma) stays far from overflow
_HELD = 2**17  # attention weights held at a time, about: a megabyte


@dataclass(frozen=True, eq=False, kw_only=True)
class Transformer:
    """Weights of a softmax transformer; see the module for what it computes.

    Attributes
    ----------
    W : numpy.ndarray, shape (layers, heads, D, D)
        Attention forms: spectral norms at most Gamma (within 1e-9 relative). Read-only.
    V : numpy.ndarray, shape (layers, heads, D, D)
        Values: in every layer the heads' spectral norms sum to at most 1 (within 1e-9). Read-only.
    Gamma : float
        In [0, 300].
    residual : bool
        Whether a layer adds to its input; the sum is then projected onto the unit ball.

    Raises
    ------
    SimulationError
        If one of them is not as said; see `normalised_transformer` for weights of any norm.
    """

    W: Array
    V: Array
    Gamma: float
    residual: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "Gamma", real("Gamma", self.Gamma, 0, STEEPEST))
        object.__setattr__(self, "residual", bool(self.residual))
        for name in ("W", "V"):
            object.__setattr__(self, name, _matrices(name, getattr(self, name)))
        if self.W.shape != self.V.shape:
            raise SimulationError("V", self.V.shape, f"of the shape of W, {self.W.shape}")
        largest = float(_norms(self.W).max())
        if not largest <= self.Gamma * (1 + ROUNDING):
            raise SimulationError("W", largest, f"of spectral norms at most Gamma = {self.Gamma:g}")
        sums = _norms(self.V).sum(axis=1)
        if not sums.max() <= 1 + ROUNDING:
            allowed = f"such that the heads' spectral norms sum to at most 1 (layer {int(sums.argmax())})"
            raise SimulationError("V", float(sums.max()), allowed)

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.W)

    @property
    def heads(self) -> int:
        """Number of heads per layer."""
        return len(self.W[0])

    @property
    def width(self) -> int:
        """Dimension D of the tokens."""
        return len(self.W[0, 0])

    def states(self, prompts: ArrayLike) -> tuple[Array, ...]:
        """Return the prompts' tokens as every layer finds them.

        Parameters
        ----------
        prompts : array_like, shape (R, n, D)
            R prompts of n >= 1 tokens, norms at most 1.

        Returns
        -------
        tuple of `layers` numpy.ndarray, each of shape (R, n, D)

        Raises
        ------
        SimulationError
            If the tokens are anything else.
        """
        states = [self._tokens("prompts", prompts)]
        for layer in range(self.layers - 1):
            states.append(self._step(layer, states[-1], states[-1]))
        return tuple(states)

    def read(self, states: tuple[Array, ...], queries: ArrayLike) -> Array:
        """Return the outputs at queries to prompts whose states are known.

        Parameters
        ----------
        states : tuple of numpy.ndarray
            What `states` returned for R prompts.
        queries : array_like, shape (R, q, D)
            q >= 0 queries to each prompt, norms at most 1.

        Returns
        -------
        numpy.ndarray, shape (R, q, D)

        Raises
        ------
        SimulationError
            If the queries are anything else.
        """
        z = self._tokens("queries", queries)
        if len(z) != len(states[0]):
            raise SimulationError("queries", z.shape, f"queries to {len(states[0])} prompts")
        for layer, tokens in enumerate(states):
            z = self._step(layer, z, tokens)
        return z

    def outputs(self, prompts: ArrayLike, queries: ArrayLike) -> Array:
        """Return the outputs at queries, shape (R, q, D); `states` and `read` in one."""
        return self.read(self.states(prompts), queries)

    def _tokens(self, name: str, value: ArrayLike) -> Array:
        z = np.asarray(value, dtype=np.float64)
        if z.ndim != 3 or z.shape[2] != self.width or (name == "prompts" and not z.shape[1]):
            raise SimulationError(name, z.shape, f"tokens of width {self.width}, shape (R, n, {self.width})")
        norms = np.sqrt(np.einsum("rkd,rkd->rk", z, z))
        if not (norms <= 1 + ROUNDING).all():
            raise SimulationError(name, float(norms.max()), "tokens of norm at most 1; see to_ball")
        return z

    def _step(self, layer: int, z: Array, tokens: Array) -> Array:
        moved = attention(self.W[layer], self.V[layer], z, tokens)
        return to_ball(z + moved) if self.residual else moved


def attention(W: Array, V: Array, queries: Array, tokens: Array) -> Array:
    """Return Σ_h V_h Σ_k softmax_k(qᵀ W_h z_k) z_k for every query q, a block of rows at a time.

    Nothing is checked. Scores are at most 300 in absolute value, so the exponentials need no shift.

    Parameters
    ----------
    W, V : numpy.ndarray, shape (heads, D, D) or (heads, R, D, D)
        Weights, the same for all prompts or of each of them.
    queries : numpy.ndarray, shape (R, q, D)
        Queries.
    tokens : numpy.ndarray, shape (R, n, D)
        Tokens of the prompts.

    Returns
    -------
    numpy.ndarray, shape (R, q, D)
    """
    R, q, width = queries.shape
    n = tokens.shape[1]
    out = np.zeros_like(queries)
    keys = np.swapaxes(tokens, 1, 2)
    values = np.concatenate([tokens, np.ones((R, n, 1))], axis=2)  # the last column sums the weights
    rows = max(1, min(q, _HELD // n))
    group = max(1, _HELD // (n * rows))
    for start in range(0, R, group):
        some = slice(start, start + group)
        for row in range(0, q, rows):
            block = queries[some, row : row + rows]
            for form, value in zip(W, V, strict=True):
                form, value = (m[some] if m.ndim == 3 else m for m in (form, value))
                weights = (block @ form) @ keys[some]
                sums = np.exp(weights, out=weights) @ values[some]
                out[some, row : row + rows] += (sums[..., :width] / sums[..., width:]) @ np.swapaxes(value, -1, -2)
    return out


def to_ball(tokens: ArrayLike) -> Array:
    """Return vectors projected onto the unit ball, shape (..., D); the projection is 1-Lipschitz."""
    z = np.asarray(tokens, dtype=np.float64)
    return np.asarray(z / np.maximum(np.sqrt(np.einsum("...d,...d->...", z, z)), 1.0)[..., None])


def normalised_transformer(W: ArrayLike, V: ArrayLike, *, Gamma: float, residual: bool = False) -> Transformer:
    """Return the transformer with these weights, those that are too large scaled down.

    Parameters
    ----------
    W, V : array_like, shape (layers, heads, D, D)
        Weights of any norm. A form above Gamma is scaled to Gamma, all values of a layer whose norms sum
        to more than 1 are scaled to sum to 1.
    Gamma : float
        In [0, 300].
    residual : bool
        Whether a layer adds to its input.

    Raises
    ------
    SimulationError
        If the arrays are not as said.
    """
    forms, values, Gamma = _matrices("W", W), _matrices("V", V), real("Gamma", Gamma, 0, STEEPEST)
    excess = np.maximum(_norms(forms), max(Gamma, np.finfo(float).tiny))
    sums = np.maximum(_norms(values).sum(axis=1), 1.0)
    forms = forms * (Gamma / excess)[..., None, None]
    return Transformer(W=forms, V=values / sums[:, None, None, None], Gamma=Gamma, residual=residual)


def random_transformer(
    *, layers: int, heads: int, width: int, Gamma: float, residual: bool = False, seed: int
) -> Transformer:
    """Return a transformer with Gaussian weights at their largest norms: ‖W‖ = Gamma, ‖V‖ = 1/heads.

    Parameters
    ----------
    layers, heads, width : int
        Sizes, at least 1.
    Gamma : float
        In [0, 300].
    residual : bool
        Whether a layer adds to its input.
    seed : int
        Seed, at least 0; other sizes have other weights.

    Raises
    ------
    SimulationError
        If an argument is outside what is allowed.
    """
    shape = (whole("layers", layers, 1), whole("heads", heads, 1), whole("width", width, 1))
    rng = np.random.default_rng((whole("seed", seed, 0), *shape))
    W, V = rng.standard_normal((2, *shape, width))
    Gamma = real("Gamma", Gamma, 0, STEEPEST)
    W *= Gamma / _norms(W)[..., None, None]
    V /= heads * _norms(V)[..., None, None]
    return Transformer(W=W, V=V, Gamma=Gamma, residual=residual)


def trained_transformer() -> Transformer:
    """Return the transformer that `examples/train_transformer.py` trained on regression in context.

    Prompts hold points (x, w·x + noise), x in the plane, padded with zeros to the width; the label is
    coordinate 2 of the tokens and of the output at a query (x, 0).
    """
    with (
        files("sim").joinpath("weights", "regression.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        gamma, residual = float(stored["Gamma"]), bool(stored["residual"])
        return Transformer(W=stored["W"], V=stored["V"], Gamma=gamma, residual=residual)


def _matrices(name: str, value: ArrayLike) -> Array:
    """A read-only copy of square matrices by layer and head."""
    array = np.array(value, dtype=np.float64)
    if array.ndim != 4 or not array.size or array.shape[2] != array.shape[3]:
        raise SimulationError(name, array.shape, "of shape (layers, heads, D, D), each at least 1")
    if not np.isfinite(array).all():
        raise SimulationError(name, array, "finite")
    array.setflags(write=False)
    return array


def _norms(matrices: Array) -> Array:
    """Spectral norms of the last two axes."""
    return np.asarray(np.linalg.norm(matrices, ord=2, axis=(-2, -1)))
