"""Searches for linear regression: exact laws, shares of the rows, and loops simulated in law and row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

import sim
import sim.regression_data
from bounds.catalogue.regression import RESULTS

from ..case import Design
from ..cases import regression_designs as designs
from ..cases import regression_exact as exact
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

_BY_KEY = {result.key.removeprefix("regression/"): result for result in RESULTS}
_N = {"n": Axis(low=3, high=10_000, integer=True, log=True)}
_LOAD = {"load": Axis(low=0, high=1)}
_I = {"i": Axis(low=1, high=60, integer=True, log=True)}
_SHORT = {"i": Axis(low=1, high=12, integer=True, log=True)}
_SIGMA = {"sigma": Axis(low=0.1, high=10, log=True)}
_NOISES = {**_SIGMA, "tau": Axis(low=0, high=5)}
_ALPHA = {"alpha": Axis(low=0, high=1)}
_DESIGN = {"design": Axis(low=0, high=10_000, integer=True)}
_ROWS = {"rows": Axis(low=0, high=len(sim.regression_data.ROWS) - 1, integer=True)}
_SMALL = {"n": Axis(low=8, high=40, integer=True, log=True)}
_MEDIUM = {"n": Axis(low=6, high=400, integer=True, log=True)}
_MOST = 12


def _columns(values: Values, room: int, most: float = np.inf) -> int:
    """Coefficients: a share `load` of the n - room that there can be, at least 1."""
    return int(max(1, min(round(values["load"] * (values["n"] - room)), most)))


def _point(values: Values, *names: str, **known: Any) -> dict[str, Any]:
    return {"n": values["n"], **known, **{name: values[name] for name in names if name in values}}


def _search(key: str, axes: Mapping[str, Axis], design: Callable[[Values], Design]) -> Search:
    return Search(result=_BY_KEY[key], axes=axes, design=design)


def _exact(key: str, *, which: int = 0, more: Mapping[str, Axis] | None = None) -> Search:
    def design(values: Values) -> Design:
        point = _point(values, "alpha", "sigma", "tau", d=_columns(values, 2))
        if "stratified" in key:
            point["alpha"] = round(point["alpha"] * point["n"]) / point["n"]
        return designs.exactly(_BY_KEY[key], point, (values["i"],), which)

    return _search(key, {**_N, **_LOAD, **_I, **(more or {})}, design)


def _any_rows(values: Values) -> Design:
    """One coefficient and rows on the sphere, which are signs, attain the bound: there without sampling."""
    d, rows = _columns(values, 4, 6), _named(values, "rows", sim.regression_data.ROWS)
    point = _point(values, "sigma", "tau", d=d)
    if d == 1 and rows == "sphere":
        signs = sim.RegressionData(n=point["n"], w=(1.0,), sigma=point["sigma"], tau=point["tau"], rows=rows, design=0)
        return designs.at_rows(point, signs, np.eye(1), (values["i"],))
    return designs.by_gram(point, rows, (values["i"],))


def _named(values: Values, axis: str, laws: Mapping[str, Any]) -> str:
    return tuple(laws)[values[axis]]


def _in_sample(values: Values) -> Design:
    rows = _named(values, "rows", sim.regression_data.ROWS)
    found = designs.in_sample(values["n"], _columns(values, 1, 15), rows, "normal", values["design"])
    return designs.at_rows(*found, at=(values["i"],))


def _ridge(values: Values) -> Design:
    d = _columns(values, 0, 15)
    rows, which = _named(values, "rows", sim.regression_data.ROWS), min(int(values["direction"] * d), d - 1)
    found = designs.along(values["n"], d, which, values["mu"], values["alpha"], rows, "normal", values["design"])
    return designs.at_rows(*found, at=(values["i"],))


def _interpolation(values: Values) -> Design:
    n = max(1, round(values["load"] * (values["d"] - 2)))
    point = {**_point({**values, "n": n}, "rho", "sigma", "tau"), "d": values["d"]}
    return designs.exactly(_BY_KEY["interpolation"], point, (values["i"],))


def _always(schedule: sim.Schedule) -> Callable[[Values], Design]:
    def design(values: Values) -> Design:
        point = _point(values, "d", "delta", "sigma", "tau")
        return designs.always(point, schedule, values["i"])

    return design


def _shared(key: str, powers: Callable[[Any, int], Any], real: Callable[[int, int, float], int]) -> Search:
    """Shares of the rows: `real` makes the real rows of n, d and the share of them that the result allows.

    Exactly where all shares are known, or one coefficient has a beta law: bounds are attained there.
    """

    def design(values: Values) -> Design:
        n, i, d = values["n"], values["i"], _columns(values, 2, _MOST)
        labelled = real(n, d, values["filled"])
        point = _point(values, "sigma", "tau", d=d, alpha=labelled / n)
        law = designs.exact_shares if d == 1 or i == 1 or labelled in (0, n) else designs.by_shares
        return law(point, powers, (i,))

    noises = _NOISES if "tau" in _BY_KEY[key].names else _SIGMA
    return _search(key, {**_MEDIUM, **_LOAD, "filled": Axis(low=0, high=1), **_SHORT, **noises}, design)


def _any_real(n: int, d: int, share: float) -> int:
    return round(share * n)


def _few(n: int, d: int, share: float) -> int:
    return round(share * d)


def _many(n: int, d: int, share: float) -> int:
    return d + 2 + round(share * (n - d - 2))


_PROBABILITY = {
    "n": Axis(low=40, high=2000, integer=True, log=True),
    "d": Axis(low=1, high=15, integer=True, log=True),
    "delta": Axis(low=0.02, high=0.9, log=True),
    "i": Axis(low=1, high=20, integer=True, log=True),
    **_NOISES,
}
SEARCHES: tuple[Search, ...] = (
    _exact("replace", more=_NOISES),
    _search("replace/any-design", {**_SMALL, **_LOAD, **_SHORT, **_NOISES, **_ROWS}, _any_rows),
    _search("in-sample", {**_SMALL, **_LOAD, **_I, **_DESIGN, **_ROWS}, _in_sample),
    _search("replace/probability", _PROBABILITY, _always(sim.Replace())),
    _exact("accumulate", more=_NOISES),
    _exact("accumulate/fresh-design", more=_NOISES),
    _exact("accumulate/ceiling", which=1, more=_NOISES),
    _search("accumulate/probability", _PROBABILITY, _always(sim.Accumulate())),
    _exact("reused-labels", more={**_ALPHA, **_NOISES}),
    _exact("real-only", which=2, more=_SIGMA),
    _exact("stratified/fresh-design", more={**_ALPHA, **_NOISES}),
    _shared("stratified/lower", exact.powers_stratified, _any_real),
    _shared("stratified/few-real", exact.powers_stratified, _few),
    _shared("stratified/ceiling", exact.powers_stratified, _many),
    _shared("fixed/ceiling", exact.powers_fixed, _many),
    _search(
        "ridge",
        {
            "n": Axis(low=1, high=40, integer=True, log=True),
            **_LOAD,
            **_I,
            **_ALPHA,
            "mu": Axis(low=1e-3, high=10, log=True),
            "direction": Axis(low=0, high=1),
            **_ROWS,
            **_DESIGN,
        },
        _ridge,
    ),
    _search(
        "interpolation",
        {
            "d": Axis(low=3, high=10_000, integer=True, log=True),
            **_LOAD,
            **_I,
            "rho": Axis(low=0, high=10),
            **_NOISES,
        },
        _interpolation,
    ),
)

__all__ = ["SEARCHES"]
