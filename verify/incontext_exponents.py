"""How risks, total variation and stability of transformers in context fall with the size of the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np

import bounds
import sim
from bounds.query import rate

from .case import Array
from .cases.icl import exact_moments
from .confidence import Moments, confidence_bounds
from .prompts import along_prompts, averager, worst_movement
from .stability_exponents import StabilityExponent

_SIZES = (200, 800, 3200, 12_800)
_TOKENS = (10, 20, 40, 80)
_PROMPTS = (25, 50, 100, 200)
_MODEL = {"d": 5, "sigma": 0.5, "rho": 1.0}
_WRONG = 0.001  # probability that some limit of a row is wrong


def exact_exponents() -> tuple[StabilityExponent, ...]:
    """Return what is known or found without sampling: the risk of linear attention, and moved outputs."""
    moved = (
        _moved(_TOKENS, "one layer, Γ = 0.5", "stability/attention", {"Gamma": 0.5}),
        _moved(_TOKENS, "one layer, Γ = 0.5", "stability/transformer", {"Gamma": 0.5, "layers": 1}),
        _moved(_TOKENS[:3], "two layers, Γ = 0.5", "stability/transformer", {"Gamma": 0.5, "layers": 2}),
        _moved(
            _TOKENS[:3], "two residual layers, Γ = 0", "stability/transformer/residual", {"Gamma": 0.0, "layers": 2}
        ),
    )
    return (*(_risk(alpha, i) for alpha, i in ((0.2, 10), (0.5, 10), (0.0, 10))), *moved)


def sampled_exponents(*, replications: int = 16_384, seed: int = 0) -> tuple[StabilityExponent, ...]:
    """Return what sampling gives: total variation of linear attention, and γ along pairs of prompts.

    Parameters
    ----------
    replications : int
        Of each loop, at least 1; loops of prompts come in blocks of 64.
    seed : int
        Same seed, same numbers.

    Raises
    ------
    ValueError
        An argument that is not as said.
    """
    if not replications >= 1:
        raise ValueError(f"replications = {replications!r}: allowed: at least 1")
    uniform = sim.InContext(transformer=averager(), f=sim.Linear((0.0,)), sigma=0.5)
    steep = sim.random_transformer(layers=1, heads=1, width=2, Gamma=0.2, seed=1)
    softmax = sim.InContext(transformer=steep, f=sim.Linear((0.5,)), sigma=0.5)
    return (
        *(_distance(alpha, 10, replications, seed) for alpha in (0.2, 0.5)),
        *(_pair("uniform attention", uniform, i, replications, seed) for i in (1, 5)),
        _pair("random weights, Γ = 0.2", softmax, 2, replications, seed),
    )


def _row(
    names: tuple[str, str, str],
    path: tuple[int, ...],
    found: tuple[Array, Array, Array],
    R: int,
    known: Mapping[str, Any],
) -> StabilityExponent:
    quantity, what, key = names
    sizes, (mean, lower, upper) = np.array(path), found
    result = bounds.get(key)
    return StabilityExponent(
        quantity=quantity, what=what, along="n", key=key, path=sizes.astype(float), replications=R,
        mean=mean, lower=lower, upper=upper,
        bound=np.asarray(result(n=sizes, **known)), growth=rate(result, "n", **known),
    )  # fmt: skip


def _risk(alpha: float, i: int) -> StabilityExponent:
    noise = Fraction(str(_MODEL["sigma"])) ** 2
    moments = [exact_moments("stratified", n, Fraction(str(alpha)), 5, noise, i)[-1] for n in _SIZES]
    values = np.array([float(s - 2 * a + 1) for a, s in moments])
    names = ("risk", f"linear attention, α = {alpha:g}, i = {i}", "icl/linear-attention/stratified")
    return _row(names, _SIZES, (values, values, values), 0, {"alpha": alpha, "i": i, **_MODEL})


def _moved(sizes: tuple[int, ...], what: str, key: str, known: Mapping[str, Any]) -> StabilityExponent:
    layers, residual = known.get("layers", 1), key.endswith("/residual")
    values = np.array([worst_movement(n, known["Gamma"], layers, 1, residual) for n in sizes])
    names = ("movement", f"{what}, worst found; {'S3' if key == 'stability/attention' else 'S4'}", key)
    return _row(names, sizes, (values, values, values), 0, known)


def _distance(alpha: float, i: int, replications: int, seed: int) -> StabilityExponent:
    model = sim.LinearAttention(5, _MODEL["rho"], _MODEL["sigma"])
    values = [
        sim.simulate(
            model, sim.Stratified(alpha),
            n=n, generations=i, replications=replications, seed=seed, record=["tv"], at=(i,),
        ).tv.values[:, 0]
        for n in _SIZES
    ]  # fmt: skip
    names = ("E TV", f"linear attention, α = {alpha:g}, i = {i}", "icl/tv/stratified")
    return _row(names, _SIZES, _limits(np.stack(values, axis=1)), replications, {"alpha": alpha, "i": i, **_MODEL})


def _pair(what: str, model: sim.InContext, i: int, replications: int, seed: int) -> StabilityExponent:
    share = 0.4
    streams = [along_prompts(model, n, share, (i,), "distance")(seed) for n in _PROMPTS]
    drawn = [np.concatenate(list(islice(blocks, -(-replications // 64)))) for blocks in streams]
    values = np.concatenate(drawn, axis=1)
    t = model.transformer
    known = {"alpha": share, "i": i, "Gamma": t.Gamma, "layers": t.layers, "sigma": model.sigma}
    names = ("γ", f"{what}, i = {i}, TV of S₁ … Sᵢ for a pair", "recursive-stability/icl")
    return _row(names, _PROMPTS, _limits(values), len(values), known)


def _limits(values: Array) -> tuple[Array, Array, Array]:
    """Means of values in [0, 1] and their limits, all right together with probability at least 1 − _WRONG."""
    size = values.shape[1]
    low, high = confidence_bounds(Moments.of(values), _WRONG / (2 * size), np.ones(size))
    return values.mean(axis=0), low, high


__all__ = ["exact_exponents", "sampled_exponents"]
