"""Searches for softmax transformers: replaced tokens in the plane, and loops of normal labels whose law is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from scipy.special import erf

import bounds
import sim

from ..case import Array, Design, Exact
from ..cases.transformer import clipped_change
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

_FARTHEST = 2.0  # two outputs are never farther apart
_TURN = Axis(low=-math.pi, high=math.pi)
_PLANE: Mapping[str, Axis] = {
    "token": Axis(low=0, high=2 * math.pi),  # in the middle the token is reversed
    "fan": _TURN,
    "radius": Axis(low=0, high=1),
    "query": Axis(low=0, high=math.pi),
    "form": _TURN,
    "heads": Axis(low=0, high=math.pi),
}
"""The hidden shape of a replacement; see `replacement`."""
_LAYERS = Axis(low=1, high=5, integer=True)
_STACK: Mapping[str, Axis] = {
    "n": Axis(low=2, high=400, integer=True, log=True),
    "Gamma": Axis(low=1e-4, high=2, log=True),
    "layers": _LAYERS,
    **_PLANE,
    "twist": _TURN,
}


def _direction(angle: Array | float) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _turned(angle: float) -> Array:
    """Return the rotation of the plane."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def replacement(values: Values, residual: bool = False) -> sim.TokenReplacement:
    """Return the replacement of a unit vector at the angle 0 by one at the angle `token`, in the plane.

    The other tokens have the norm `radius` and angles between -fan and fan, the query is at the angle `query`. Layer l
    has two heads with V = I/2 and W = -Gamma times the rotation by form + l twist, less `heads` in one of them and
    more in the other.
    """
    others = _direction(values["fan"] * np.linspace(-1, 1, values["n"] + 1)[1:-1])
    turns = [values["form"] + layer * values.get("twist", 0.0) for layer in range(values.get("layers", 1))]
    W = np.array([[_turned(turn + head * values["heads"]) for head in (-1, 1)] for turn in turns])
    V = np.broadcast_to(np.eye(2) / 2, W.shape)
    return sim.TokenReplacement(
        transformer=sim.Transformer(W=-values["Gamma"] * W, V=V, Gamma=values["Gamma"], residual=residual),
        prompt=np.concatenate([_direction(0.0)[None], values["radius"] * others]),
        query=_direction(values["query"]),
        token=_direction(values["token"]),
    )


def _moved(
    key: str,
    axes: Mapping[str, Axis],
    of: Callable[[Values, float], float] = lambda values, movement: movement,
    upper: Callable[[Values], float] = lambda values: _FARTHEST,
) -> Search:
    """What a movement means for a quantity, and the largest value of this quantity."""
    result = bounds.get(key)

    def design(values: Values) -> Design:
        def value() -> Array:
            return np.array(of(values, replacement(values, key.endswith("/residual")).movement))

        return Design(
            label="replacement in the plane",
            values={name: values[name] for name in result.names},
            evidence=Exact(values=value, upper=upper(values)),
        )

    return Search(result=result, axes=axes, design=design)


def _divergence(values: Values, movement: float) -> float:
    """KL of synthetic points whose x is always the query."""
    return float(movement**2 / (2 * values["sigma"] ** 2))


def _largest_loss(values: Values) -> float:
    """Return M of the loss min(M, r²/2), which is L-Lipschitz for L = √(2M)."""
    return float(values["L"] ** 2 / 2)


def _loss(values: Values, movement: float) -> float:
    return clipped_change(_largest_loss(values), movement)


# --- loops ----------------------------------------------------------------------------------------------------

_ROOM = 0.3  # labels are on average nearer to 0, for points of norm 1
_LOOP: Mapping[str, Axis] = {
    "n": Axis(low=10**5, high=10**9, integer=True, log=True),  # with fewer points the bound says nothing
    "alpha": Axis(low=0.05, high=0.95),
    "i": Axis(low=1, high=100, integer=True, log=True),
    "Gamma": Axis(low=0, high=1),
    "layers": _LAYERS,
    "height": Axis(low=0, high=0.98),
    "place": Axis(low=0, high=0.5),
    "steer": Axis(low=-1, high=1),
}


def line_transformer(values: Values, residual: bool) -> sim.Transformer:
    """Return the transformer of `loop_divergences`: scores depend on the first coordinate alone, values are scaled.

    With residual connections the values are so small that labels do not grow over the generations.
    """
    layers = values["layers"]
    form, value = np.diag([values["steer"] * values["Gamma"], 0.0]), _gain(layers, residual) * np.eye(2)
    W, V = (np.broadcast_to(matrix, (layers, 1, 2, 2)) for matrix in (form, value))
    return sim.Transformer(W=W, V=V, Gamma=values["Gamma"], residual=residual)


def _gain(layers: int, residual: bool) -> float:
    return 2 ** (1 / layers) - 1 if residual else 1.0


def first_token(values: Values, residual: bool) -> tuple[float, float]:
    """Return the x of the replaced point, and that of all other points and queries; labels go beside them."""
    scale = 0.5 if residual else 1.0
    return scale * math.sqrt(1 - values["height"] ** 2), -scale * values["place"]


def label_weights(values: Values, residual: bool) -> tuple[float, float]:
    """Return u and v of the prediction u y + v m: y the label of the replaced point, m the mean of the n - 1 others.

    In every layer the states of the replaced point, of the others on average and of the query are linear in labels.
    """
    x, y, m = first_token(values, residual), np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    place = np.array([*x, x[1]])
    gain, keep = _gain(values["layers"], residual), float(residual)
    for _ in range(values["layers"]):
        score = values["steer"] * values["Gamma"] * place * (place[0] - place[1])
        share = 1 / (1 + (values["n"] - 1) * np.exp(-score))  # of the replaced point in what each reads
        place, y, m = (keep * of + gain * (share * of[0] + (1 - share) * of[1]) for of in (place, y, m))
    return float(y[2]), float(m[2])


def loop_divergence(values: Values, reused: int, residual: bool) -> float:
    """Return the distance of the laws of S_i, normal with one covariance, in its own metric.

    The other real labels are 0. The m labels of S_i are f_i plus noise, f_(j+1) = u y + c (mean of S_j), f_1 = u y.
    The label of the replaced point is as large as keeps the others in the unit ball, but for ten standard deviations.
    """
    u, v = label_weights(values, residual)
    m, scale = values["n"] - reused, 0.5 if residual else 1.0
    c = v * m / (values["n"] - 1)
    shift, largest, spread = u, u, 0.0  # of f_i over y, and the variance of f_i over sigma²
    for _ in range(values["i"] - 1):
        shift, spread = u + c * shift, c * c * (spread + 1 / m)
        largest = max(largest, shift)
    label = scale * values["height"] * min(1.0, _ROOM / largest)
    return float(2 * label * shift / values["sigma"] * math.sqrt(m / (1 + m * spread)))


def _loop(tail: str) -> Search:
    """Two real samples that differ in the sign of one label, at the same x."""
    result, residual = bounds.get(f"recursive-stability/icl{tail}"), bool(tail)

    def design(values: Values) -> Design:
        reused = round(values["alpha"] * values["n"])

        def value() -> Array:
            return np.array(erf(loop_divergence(values, reused, residual) / math.sqrt(8)))

        return Design(
            label="normal labels",
            values={**{name: values[name] for name in result.names}, "alpha": reused / values["n"]},
            evidence=Exact(values=value, upper=1.0),
        )

    sigma = Axis(low=0.01, high=0.025 if residual else 0.05, log=True)
    return Search(result=result, axes={**_LOOP, "sigma": sigma}, design=design)


_BOTH = ("", "/residual")
_SIGMA = {"sigma": Axis(low=0.01, high=10, log=True)}
_LIPSCHITZ = {"L": Axis(low=0.3, high=6, log=True)}
SEARCHES: tuple[Search, ...] = (
    _moved(
        "stability/attention",
        {"n": Axis(low=2, high=10_000, integer=True, log=True), "Gamma": Axis(low=0, high=4), **_PLANE},
    ),
    *(_moved(f"stability/transformer{tail}", _STACK) for tail in _BOTH),
    *(
        _moved(f"recursive-stability/icl/divergence{tail}", {**_STACK, **_SIGMA}, _divergence, lambda _: math.inf)
        for tail in _BOTH
    ),
    *(_moved(f"icl/softmax/stability{tail}", {**_STACK, **_LIPSCHITZ}, _loss, _largest_loss) for tail in _BOTH),
    *(_loop(tail) for tail in _BOTH),
)

__all__ = ["SEARCHES"]
