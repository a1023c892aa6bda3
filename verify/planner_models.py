"""What the planner knows: which results guarantee what, for every model and schedule. A table, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import bounds
from bounds import Result
from bounds.kde_bandwidth import loop_bandwidth

Array: TypeAlias = NDArray[np.float64]

DOSES: dict[str, str] = {
    "replace": "",
    "fresh": "alpha",
    "stratified": "alpha",
    "fixed": "alpha",
    "accumulate": "",
    "subsample": "",
    "expand": "lam",
}
"""Every schedule of the planner, with the parameter that says how much of its data is real."""

WHOLE_COUNTS = ("stratified", "fixed")
"""Schedules whose alpha*n must be whole."""

CHOICES = ("discrete", "gaussian", "kde")
"""Models, as named on the command line."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """The model in question, with the numbers its results need.

    Attributes
    ----------
    model : {"discrete", "gaussian", "kde"}
    values : mapping
        Parameters of results that do not vary in the search: K, d, p, sigma or h.
    delta : float or None
        None: guarantees in expectation; else with probability at least 1 - delta.
    source : str
        Where the real distribution comes from, in words.
    """

    model: str
    values: Mapping[str, Any]
    delta: float | None
    source: str


@dataclass(frozen=True, kw_only=True)
class Family:
    """Results of one model in one sense: ``prefix/schedule``.

    Attributes
    ----------
    model : str
    prefix : str
    needs : str
        A parameter that the setting must have for the family to be used; the first family that fits wins.
    probable : bool
        Whether it holds with probability 1 - delta rather than in expectation.
    """

    model: str
    prefix: str
    needs: str
    probable: bool = False


FAMILIES = (
    Family(model="discrete", prefix="tv/discrete-instance", needs="p"),
    Family(model="discrete", prefix="tv/discrete", needs="K"),
    Family(model="discrete", prefix="tv/hp", needs="K", probable=True),
    Family(model="discrete", prefix="tv/hp-union", needs="K", probable=True),
    Family(model="gaussian", prefix="tv/gaussian-mean", needs="d=1"),
    Family(model="gaussian", prefix="tv/gaussian-mean-d", needs="d"),
    Family(model="kde", prefix="tv/kde-sharp", needs="sigma"),
    Family(model="kde", prefix="tv/hp-kde", needs="sigma", probable=True),
)
"""In expectation the first that fits is the sharpest; with high probability the better of all is taken."""

_LOWER: Mapping[str, str] = {"discrete": "discrete/lower", "kde": "tv/kde/lower/gaussian"}
"""Lower bounds, for schedules without fresh real data: below them a target is impossible, not only unproved."""

Fill: TypeAlias = Callable[[Setting, Mapping[str, Any], int], Any]


def _bandwidth(setting: Setting, known: Mapping[str, Any], generations: int) -> Array:
    """Return the bandwidth of the loop, chosen for its last generation."""
    return loop_bandwidth(known["n"], known.get("alpha", 0.0), generations, setting.values["sigma"])


_FILLS: dict[str, Fill] = {
    "T": lambda setting, known, generations: generations,
    "delta": lambda setting, known, generations: setting.delta,
    "h": _bandwidth,
}
"""Parameters that follow from the setting, the sample size, the real fraction and the generations."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Guarantee:
    """The best guarantee for one schedule of one setting.

    Attributes
    ----------
    schedule, dose : str
        `dose` is the parameter of the schedule, alpha or lam, or "".
    results : tuple of Result
        The smallest of their values is the guarantee.
    setting : Setting
    """

    schedule: str
    dose: str
    results: tuple[Result, ...]
    setting: Setting

    def __call__(self, n: ArrayLike, dose: ArrayLike, i: ArrayLike, generations: int) -> Array:
        """Return the guaranteed TV in generation `i` of a loop of so many generations; arguments broadcast."""
        return np.min(np.stack(self._each(n, dose, i, generations)), axis=0)  # type: ignore[no-any-return]

    def best(self, n: int, dose: float, generations: int) -> Result:
        """Return the result that gives the guarantee in the last generation."""
        return self.results[int(np.argmin([float(v) for v in self._each(n, dose, generations, generations)]))]

    def _each(self, n: ArrayLike, dose: ArrayLike, i: ArrayLike, generations: int) -> list[Array]:
        known = {"n": n, "i": i, self.dose: dose, **self.setting.values}
        shape = np.broadcast_shapes(np.shape(n), np.shape(dose), np.shape(i))
        return [
            np.broadcast_to(
                result(**{name: self._value(name, known, generations) for name in result.names}), shape
            ).astype(float)
            for result in self.results
        ]

    def _value(self, name: str, known: Mapping[str, Any], generations: int) -> Any:
        return known[name] if name in known else _FILLS[name](self.setting, known, generations)

    def bandwidth(self, n: int, dose: float, generations: int) -> float | None:
        """Return the bandwidth that the guarantee is for, None for models without."""
        if not any("h" in result.names for result in self.results):
            return None
        return float(self._value("h", {"n": n, self.dose: dose, **self.setting.values}, generations))


def guarantees(setting: Setting) -> dict[str, Guarantee | None]:
    """Return the guarantee of every schedule, None where the catalogue has no result.

    Parameters
    ----------
    setting : Setting

    Returns
    -------
    dict of str to Guarantee or None
        In the order of `DOSES`.
    """
    catalogue = {result.key: result for result in bounds.CATALOGUE}
    families = [f for f in FAMILIES if f.model == setting.model and f.probable is (setting.delta is not None)]
    families = [f for f in families if _fits(f, setting)]
    found: dict[str, Guarantee | None] = {}
    for schedule, dose in DOSES.items():
        keys = [f"{family.prefix}/{schedule}" for family in families]
        results = tuple(catalogue[key] for key in keys if key in catalogue)
        results = results if setting.delta is not None else results[:1]
        found[schedule] = Guarantee(schedule=schedule, dose=dose, results=results, setting=setting) if results else None
    return found


def _fits(family: Family, setting: Setting) -> bool:
    name, equals, value = family.needs.partition("=")
    return name in setting.values and (not equals or setting.values[name] == int(value))


def lower_bound(setting: Setting, schedule: str, n: int, dose: float, generations: int) -> tuple[str, float]:
    """Return key and value of a lower bound on E TV in the last generation, ("", 0) where there is none.

    Parameters
    ----------
    setting : Setting
    schedule : str
    n : int
    dose : float
    generations : int
    """
    key = f"{_LOWER.get(setting.model, '')}/{schedule}"
    result = next((result for result in bounds.CATALOGUE if result.key == key), None)
    known = {"n": n, "i": generations, DOSES[schedule]: dose, **setting.values}
    if setting.model == "kde":
        known = {"h": _bandwidth(setting, known, generations), **known}
    if result is None or not all(name in known for name in result.names):
        return "", 0.0
    return key, float(result(**{name: known[name] for name in result.names}))
