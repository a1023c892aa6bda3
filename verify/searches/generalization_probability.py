"""Searches for generalization with high probability: the gap given the reused points, exactly, on two kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import bounds

from ..case import Design, Exceedance
from ..cases.generalization import named
from ..cases.generalization_probability import _conditional_gap
from ..search import Axis, Search
from ..stacked import instance
from .generalization import ANY_SMOOTHING, ATOMS, KINDS, LEARNER, PENALTY, STABILITY, constants, learning_at, sizes
from .stability_recursive import SMOOTHING

Values: TypeAlias = Mapping[str, Any]

_MOMENTS = {"q": Axis(low=2, high=30, log=True)}
_FORMS = ("mcdiarmid", "moment", "variance", "rio")


def _search(key: str) -> Search:
    """A general result knows the exact constants of the loop, that on ridge regression their bounds."""
    result = bounds.get(f"generalization/{key}")
    ridge, several = key.startswith("categorical-ridge"), 2 if key.endswith("moment") else 1

    def design(values: Values) -> Design:
        learning, i = learning_at(values, several), values["i"]
        if ridge:
            known, upper = instance(learning, i), learning.learner.M
        else:
            known, upper = constants(learning, i, values["beta_n"]), learning.length
            known |= {"nu": learning.loop.influence(i)} if "nu" in result.names else {}
        more: dict[str, Any] = {name: values[name] for name in ("q", "delta") if name in result.names}
        gap = _conditional_gap(learning, i, absolute="mcdiarmid" not in key)
        return Design(
            label=f"{named(learning)}, i={i}",
            values={**known, **more},
            evidence=Exceedance(blocks=gap, upper=upper),
        )

    loop = sizes(400 if ridge else 300, 10)
    shape = {**ATOMS, "omega": SMOOTHING, **PENALTY} if ridge else {**ANY_SMOOTHING, **STABILITY, **LEARNER}
    axes = {**loop, "n": Axis(low=4, high=loop["n"].high, integer=True, log=True), **shape, **KINDS}
    axes |= _MOMENTS if "q" in result.names else {}
    axes["delta"] = Axis(low=0.01, high=1 / 3 if several == 2 else 0.9, log=True)
    return Search(result=result, axes=axes, design=design)


SEARCHES: tuple[Search, ...] = (
    _search("high-probability-mcdiarmid/any-model"),
    *(_search(f"high-probability-{form}") for form in _FORMS),
    *(_search(f"categorical-ridge/{form}") for form in _FORMS),
)

__all__ = ["SEARCHES"]
