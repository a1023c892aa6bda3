"""Cases for softmax transformers: worst replacements that are built or found, and loops from pairs of prompts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..case import Array, Blocks, Bounded, Case, Design, Exact
from ..prompts import along_prompts, averager, climbed_movement, largest_movement, worst_movement
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "bounded-tokens": "sim.Transformer refuses tokens of norm above 1",
    "attention-norms": "sim.Transformer refuses forms of norm above Gamma, and values whose norms sum to more than 1",
    "query-kept": "the output is read at a query, which is no point of the prompt",
    "attention-layers": "all tokens go through all layers; sums are projected onto the ball; the query is kept",
    "frozen-weights": "the same weights read both prompts, in every generation",
    "gaussian-output": "sim.InContext draws x whatever the prompt, adds normal noise, then projects onto the ball",
    "lipschitz-in-output": "the loss is min(M, (u.f - y)^2/2) with a unit vector u: L = sqrt(2 M)",
    "schedule-fixed": "the first points of both prompts stay in every generation, the others are drawn anew",
}
_ONE_POINT = {**_REASONS, "gaussian-output": "x is always the same point, and the output there has normal noise"}
_SIZES = (2, 3, 10, 50, 1000)
_STEEP = (0.0, 0.5, 1.0, 3.0)
_CLIMBED = (2, 5, 20, 100)
_DEEP = (5, 20, 50)
_FARTHEST = 2.0  # two outputs are never farther apart
_AT = (1, 2, 5, 10)


def _case(key: str, name: str, reasons: Mapping[str, str], designs: Callable[[Result], list[Design]]) -> Case:
    result = bounds.get(key)
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(result)), because=answers(result, reasons)
    )


def _over(measure: Callable[..., float], *grid: tuple[Any, ...]) -> Array:
    """Return the values of a function over the product of its arguments, in the shape of the product."""
    return np.array([measure(*place) for place in itertools.product(*grid)]).reshape([len(axis) for axis in grid])


def _built(n: int, Gamma: float) -> float:
    return sim.extremal_replacement(n=n, Gamma=Gamma).movement


def _gridded(n: int, Gamma: float) -> float:
    return sim.grid_replacement(n=n, width=2, Gamma=Gamma, angles=8, radii=2).movement


def _one_layer(result: Result) -> list[Design]:
    """The extremal replacement, which attains the bound up to rounding; all prompts of a grid; hill climbing."""
    heads: list[tuple[str, Callable[..., float], tuple[int, ...]]] = [
        ("all tokens alike, one reversed", _built, _SIZES),
        ("hill climbing, 2 heads", partial(climbed_movement, layers=1, heads=2), _CLIMBED),
        ("grid of all prompts", _gridded, (2, 3, 4)),
        ("hill climbing", climbed_movement, _CLIMBED),
    ]
    return [
        Design(
            label=label,
            values={"n": np.array(sizes)[:, None], "Gamma": np.array(_STEEP)},
            evidence=Exact(values=partial(_over, measure, sizes, _STEEP), upper=_FARTHEST),
        )
        for label, measure, sizes in heads
    ]


def _residual(result: Result) -> bool:
    return result.key.endswith("/residual")


def _worst(residual: bool, heads: int, n: int, Gamma: float, layers: int) -> float:
    return worst_movement(n, Gamma, layers, heads, residual)


def _searched(result: Result, known: Mapping[str, Any], of: Callable[[float], float], upper: float) -> list[Design]:
    """What the worst replacement found means for a quantity: over sizes, Gamma and layers, with one or two heads."""
    steep, layers = (0.0, 0.5, 1.0), (1, 2, 4)
    return [
        Design(
            label=f"worst replacement found, {heads} head{'s' * (heads > 1)}, Gamma={Gamma:g}",
            values={"n": np.array(_DEEP)[:, None], "Gamma": Gamma, "layers": np.array(layers), **known},
            evidence=Exact(
                values=partial(_over, partial(_changed, of, _residual(result), heads, Gamma), _DEEP, layers),
                upper=upper,
            ),
        )
        for heads, Gamma in ((1, steep[0]), (1, steep[1]), (2, steep[1]), (1, steep[2]))
    ]


def _changed(of: Callable[[float], float], residual: bool, heads: int, Gamma: float, n: int, layers: int) -> float:
    return of(_worst(residual, heads, n, Gamma, layers))


def _transformers(residual: bool) -> dict[str, sim.Transformer]:
    """Weights of the largest norms that are allowed, and the trained ones."""
    made = {
        f"random weights, layers={layers}, heads={heads}, Gamma={Gamma:g}": sim.random_transformer(
            layers=layers, heads=heads, width=4, Gamma=Gamma, residual=residual, seed=layers
        )
        for layers, heads, Gamma in ((1, 1, 0.5), (2, 2, 0.5), (3, 4, 0.2))
    }
    return made | ({"trained weights": sim.trained_transformer()} if residual else {})


def _weights(result: Result) -> list[Design]:
    sizes = (10, 100, 400)
    return [
        Design(
            label=label,
            values={"n": np.array(sizes), "Gamma": model.Gamma, "layers": model.layers},
            evidence=Exact(values=partial(_over, partial(largest_movement, model), sizes), upper=_FARTHEST),
        )
        for label, model in _transformers(_residual(result)).items()
    ]


def _movement(result: Result) -> list[Design]:
    return _searched(result, {}, float, _FARTHEST)


def clipped_change(M: float, movement: float) -> float:
    """Return the largest change of min(M, r²/2) when the residual r moves so far."""
    edge = math.sqrt(2 * M)
    return M - max(0.0, edge - movement) ** 2 / 2


def _loss(result: Result) -> list[Design]:
    return [
        design
        for M in (2.0, 0.5)
        for design in _relabelled(
            _searched(result, {"L": math.sqrt(2 * M)}, partial(clipped_change, M), M), f"loss at most {M:g}"
        )
    ]


def _relabelled(designs: list[Design], more: str) -> list[Design]:
    return [
        Design(label=f"{design.label}, {more}", values=design.values, evidence=design.evidence) for design in designs
    ]


def _gaussian_divergence(sigma: float, movement: float) -> float:
    return movement**2 / (2 * sigma**2)


def _divergence(result: Result) -> list[Design]:
    """Synthetic points whose x is always that of the worst query: normal laws as far apart as the outputs."""
    return _searched(result, {"sigma": 0.5}, partial(_gaussian_divergence, 0.5), math.inf)


def _models(residual: bool) -> list[tuple[str, sim.InContext]]:
    def model(transformer: sim.Transformer, d: int, sigma: float = 0.5) -> sim.InContext:
        return sim.InContext(transformer=transformer, f=sim.Linear((0.5,) * d), sigma=sigma)

    layers = 2 if residual else 1
    drawn = {
        (deep, Gamma): sim.random_transformer(layers=deep, heads=2, width=3, Gamma=Gamma, residual=residual, seed=deep)
        for deep, Gamma in ((1, 0.2), (2, 0.05))
    }
    made = [("averages", model(averager(2, layers, residual), 1))]
    made += [(f"random weights, layers={deep}, Gamma={G:g}", model(t, 2)) for (deep, G), t in drawn.items()]
    return made + ([("trained weights", model(sim.trained_transformer(), 2, 0.1))] if residual else [])


def _pairs(result: Result) -> list[Design]:
    """The TV of all samples up to S_i, at least that of S_i, for a pair of prompts: below a bound, so is the latter."""
    return [
        Design(
            label=f"{name}, n={n}, alpha={alpha:g}",
            values={"n": n, "alpha": alpha, "i": np.array(_AT), **_known(model)},
            evidence=Bounded(blocks=along_prompts(model, n, alpha, _AT, "distance"), number=True),
        )
        for (n, alpha), (name, model) in itertools.product(((100, 0.5), (200, 0.8)), _models(_residual(result)))
        if name != "trained weights" or n == 100
    ]


def _known(model: sim.InContext) -> dict[str, Any]:
    return {"Gamma": model.transformer.Gamma, "layers": model.transformer.layers, "sigma": model.sigma}


def _first_divergence(model: sim.InContext, n: int, alpha: float) -> Blocks:
    """Divergences of one synthetic point, averaged over the m points of generation 1."""
    m = n - round(alpha * n)

    def blocks(seed: int) -> Iterator[Array]:
        for found in along_prompts(model, n, alpha, (1,), "divergence")(seed):
            yield found / m

    return blocks


def _sampled_divergence(result: Result) -> list[Design]:
    """Random x: where the law of x has no atoms, and weights are not the worst."""
    n, alpha = 10, 0.5
    return [
        Design(
            label=f"{name}, n={n}",
            values={"n": n, **_known(model)},
            evidence=Bounded(
                blocks=_first_divergence(model, n, alpha), upper=_FARTHEST**2 / (2 * model.sigma**2), number=True
            ),
        )
        for name, model in _models(_residual(result))[1:]
    ]


_BOTH = ("", "/residual")
CASES: tuple[Case, ...] = (
    _case("stability/attention", "replacement", _REASONS, _one_layer),
    *(_case(f"stability/transformer{tail}", "replacement", _REASONS, _movement) for tail in _BOTH),
    *(_case(f"stability/transformer{tail}", "weights", _REASONS, _weights) for tail in _BOTH),
    *(_case(f"icl/softmax/stability{tail}", "replacement", _REASONS, _loss) for tail in _BOTH),
    *(
        _case(f"recursive-stability/icl/divergence{tail}", name, reasons, designs)
        for tail in _BOTH
        for name, reasons, designs in (
            ("replacement", _ONE_POINT, _divergence),
            ("sampled", _REASONS, _sampled_divergence),
        )
    ),
    *(_case(f"recursive-stability/icl{tail}", "sampled", _REASONS, _pairs) for tail in _BOTH),
)
