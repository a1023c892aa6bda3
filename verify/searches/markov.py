"""Where the bounds on Markov language models may be attacked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bounds

from ..case import Design
from ..cases.markov_designs import (
    Row,
    bigram,
    chain_collapse,
    followed,
    joint,
    of_chain,
    of_row,
    reciprocal,
    row_collapse,
    with_fallback,
)
from ..search import Axis, Search

_CONTEXTS = ("given", "stationary", "path")
_SHARE = Axis(low=1e-3, high=1, log=True)
_PART = Axis(low=0, high=1)
_COUNT = {"n": Axis(low=1, high=20, integer=True, log=True), "mu_k": _SHARE}
_SHAPE = {"K": Axis(low=2, high=30, integer=True, log=True), "top": Axis(low=0.01, high=0.99)}
_MODEL = {
    "K": Axis(low=2, high=6, integer=True),
    "peak": Axis(low=1, high=20, log=True),
    "skew": Axis(low=0.3, high=1),
    "n": Axis(low=2, high=1000, integer=True, log=True),
}
_ALPHA = {"alpha": _PART}
_I = {"i": Axis(low=1, high=50, integer=True, log=True)}
_FEW = {"i": Axis(low=1, high=12, integer=True, log=True)}


def _row(K: int, top: float) -> Row:
    """Return one token of probability `top`, the others alike."""
    return (top, *((1 - top) / (K - 1),) * (K - 1))


def _search(key: str, axes: Mapping[str, Axis], design: Callable[[Mapping[str, Any]], Design]) -> Search:
    return Search(result=bounds.get(f"markov/{key}"), axes=axes, design=design)


def _entry(key: str, axes: Mapping[str, Axis]) -> Search:
    """One transition of probability p > 0, whatever the others of its row."""

    def design(x: Mapping[str, Any]) -> Design:
        return of_row(f"markov/{key}", x["n"], x["mu_k"], (x["p"],), (x.get("i", 1),), x.get("alpha", 0.0))

    return _search(key, {**_COUNT, "p": Axis(low=1e-3, high=0.999), **axes}, design)


def _whole(key: str) -> Search:
    def design(x: Mapping[str, Any]) -> Design:
        return of_row(f"markov/{key}", x["n"], x["mu_k"], _row(x["K"], x["top"]), (x["i"],), x["alpha"])

    # one bigram alone leaves no diversity at all, of which formulas find a rounding error
    return _search(key, {**_COUNT, "n": Axis(low=2, high=20, integer=True, log=True), **_SHAPE, **_ALPHA, **_I}, design)


def _fallback(key: str) -> Search:
    def design(x: Mapping[str, Any]) -> Design:
        other = _row(x["K"], x["fallback"])
        return with_fallback(f"markov/{key}", x["n"], x["mu_k"], _row(x["K"], x["top"]), other, (x["i"],))

    return _search(key, {**_COUNT, **_SHAPE, **_I, "fallback": _PART}, design)


def _joint(x: Mapping[str, Any]) -> Design:
    rows = (_row(x["K"], x["top"]),) * x["contexts"]
    return joint(x["n"], _row(x["contexts"], x["likeliest"]), rows, (x["i"],), x["alpha"])


def _chain(key: str, axes: Mapping[str, Axis]) -> Search:
    def design(x: Mapping[str, Any]) -> Design:
        model = bigram(x["K"], x["peak"], x["skew"])
        return of_chain(f"markov/{key}", model, x["n"], (x["i"],), alpha=x.get("alpha", 0.0))

    return _search(key, {**_MODEL, **_FEW, **axes}, design)


def _followed(x: Mapping[str, Any]) -> Design:
    model = bigram(x["K"], x["peak"], x["skew"])
    return followed(model, x["n"], (x["i"],), _CONTEXTS[x["contexts"]], x["seed"])


_TWO = {"n": Axis(low=2, high=7, integer=True), "mu": Axis(low=0.01, high=0.99), "p": _PART, "q": _PART}
_JOINT = {
    **_SHAPE,
    **_ALPHA,
    **_I,
    "n": Axis(low=1, high=12, integer=True),
    "contexts": Axis(low=2, high=30, integer=True, log=True),
    "likeliest": Axis(low=0.01, high=0.99),
}
_WALK = {
    **_MODEL,
    **_FEW,
    "n": Axis(low=2, high=200, integer=True, log=True),
    "contexts": Axis(low=0, high=2, integer=True),
    "seed": Axis(low=0, high=1000, integer=True),
}
_BINOMIAL = {"n": Axis(low=1, high=5000, integer=True, log=True), "mu_k": Axis(low=1e-5, high=1, log=True)}

SEARCHES: tuple[Search, ...] = (
    *(
        _search(f"reciprocal-count/{side}", _BINOMIAL, lambda x: reciprocal(x["n"], x["mu_k"]))
        for side in ("upper", "lower")
    ),
    _entry("variance", {**_ALPHA, **_I}),
    _whole("diversity"),
    _fallback("diversity/fallback"),
    _fallback("row-tv/fallback/lower"),
    _whole("row-tv"),
    _search("joint-tv", _JOINT, _joint),
    _entry("forgotten/first", {}),
    _entry("forgotten", _I),
    _search(
        "collapse-time/lower",
        {**_COUNT, "p": Axis(low=1e-3, high=0.999)},
        lambda x: row_collapse(x["n"], x["mu_k"], x["p"]),
    ),
    _search("collapse-time", _TWO, lambda x: chain_collapse(x["n"], x["mu"], x["p"], x["q"])),
    _search("stationary/sure", _WALK, _followed),
    _chain("stationary", _ALPHA),
    _chain("own-contexts/loss", {"n": Axis(low=2, high=600, integer=True, log=True)}),
    _chain("own-contexts/drift", {}),
)
