"""A model given by two functions of the user, simulated with full data sets."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError
from sim.models.model import Metric

Data: TypeAlias = NDArray[Any]
Chunks: TypeAlias = tuple[Data, ...]  # a training set, in pieces


@dataclass(frozen=True)
class Fitted:
    """Parameters of one fit, of whatever type the user's function returns."""

    value: Any


Components: TypeAlias = tuple[tuple[float, Fitted | None], ...]  # weights; None stands for P


@dataclass(frozen=True)
class UserModel:
    """A generative model given by `fit` and `sample`; every schedule works.

    Replications are simulated one at a time, with the data themselves in memory.

    Attributes
    ----------
    fit : callable
        ``fit(data, rng) -> parameters``; data of shape (size, ...), parameters of any type.
    sample : callable
        ``sample(parameters, size, rng) -> array`` of shape (size, ...), size >= 1.
    real : callable
        ``real(size, rng) -> array`` of shape (size, ...), size >= 1: draws from P.
    metrics : mapping
        Name to ``metric(parameters) -> float``.
    name : str
        Names the model in datasets and, with the schedule and n, keys its random numbers.
    least : int
        Smallest training set that can be fitted.

    Notes
    -----
    All randomness must come from the generator that is passed in.
    """

    fit: Callable[[Data, np.random.Generator], Any] = field(compare=False)
    sample: Callable[[Any, int, np.random.Generator], Data] = field(compare=False)
    real: Callable[[int, np.random.Generator], Data] = field(compare=False)
    metrics: Mapping[str, Callable[[Any], float]] = field(compare=False)
    name: str = "user"
    least: int = 1

    @property
    def label(self) -> str:
        """The name given."""
        return self.name

    @property
    def block(self) -> int:
        """Replications computed together, 1."""
        return 1

    def target(self) -> Components:
        """Return the one component of P."""
        return ((1.0, None),)

    def blend(self, mixture: Components, params: Fitted, share: float) -> Components:
        """Return the components with their new weights."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), part) for weight, part in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Components, size: int) -> Chunks:
        """Return `size` points, the number from each component multinomial."""
        counts = rng.multinomial(size, [w for w, _ in mixture]) if len(mixture) > 1 else [size]
        pairs = zip(counts, mixture, strict=True)
        return tuple(self._points(rng, part, int(count)) for count, (_, part) in pairs if count > 0)

    def merge(self, first: Chunks, second: Chunks) -> Chunks:
        """Return the pieces of both."""
        return first + second

    def estimate(self, rng: np.random.Generator, batch: Chunks) -> Fitted:
        """Return what the user's `fit` makes of the data."""
        try:
            data = np.concatenate(batch)
        except ValueError:
            shapes = sorted({chunk.shape[1:] for chunk in batch})
            allowed = "of one shape per point, the same from `real` and `sample`"
            raise SimulationError("data", shapes, allowed) from None
        return Fitted(self.fit(data, rng))

    def measures(self) -> Mapping[str, Metric]:
        """Return the user's metrics."""
        return {
            name: Metric(of=_numeric(name, metric), units="1", long_name=name) for name, metric in self.metrics.items()
        }

    def _points(self, rng: np.random.Generator, part: Fitted | None, size: int) -> Data:
        origin = "real" if part is None else "sample"
        got = self.real(size, rng) if part is None else self.sample(part.value, size, rng)
        try:
            points = np.asarray(got)
        except ValueError:  # rows of different lengths
            points = np.asarray(None)
        if points.ndim == 0 or len(points) != size or points.dtype == object:
            raise SimulationError(origin, got, f"a function that returns an array of {size} points")
        return points


def _numeric(name: str, metric: Callable[[Any], float]) -> Callable[[Fitted, Components | None], Data]:
    def of(params: Fitted, target: Components | None) -> Data:
        value = np.asarray(metric(params.value))
        if value.size != 1 or value.dtype.kind not in "fiub":
            raise SimulationError(f"metrics[{name!r}]", value, "a function that returns one real number")
        return value.astype(np.float64).reshape(1)

    return of


def from_estimator(
    estimator: Any,
    real: Callable[[int, np.random.Generator], Data],
    metrics: Mapping[str, Callable[[Any], float]],
    *,
    name: str | None = None,
    least: int = 1,
) -> UserModel:
    """Return the model of an estimator with ``fit(X)`` and ``sample(size)``, as in scikit-learn.

    Parameters
    ----------
    estimator : object
        Copied for every fit, never changed. If it has a `random_state`, or its `sample` takes one,
        that is set anew before every fit and every sample, so that no two share their randomness;
        otherwise its randomness is its own and runs cannot be repeated.
    real : callable
        ``real(size, rng) -> array`` of shape (size, features).
    metrics : mapping
        Name to ``metric(fitted estimator) -> float``.
    name : str, optional
        Name of the model; by default the estimator's class.
    least : int
        Smallest training set that can be fitted.

    Returns
    -------
    UserModel

    Raises
    ------
    SimulationError
        If the estimator lacks `fit` or `sample`.
    """
    for method in ("fit", "sample"):
        if not callable(getattr(estimator, method, None)):
            raise SimulationError("estimator", estimator, "an object with methods fit and sample")
    keyed = "random_state" in inspect.signature(estimator.sample).parameters

    def fit(data: Data, rng: np.random.Generator) -> Any:
        fitted = copy.deepcopy(estimator)
        _reseed(fitted, rng)
        fitted.fit(data)
        return fitted

    def sample(fitted: Any, size: int, rng: np.random.Generator) -> Data:
        if keyed:
            points = fitted.sample(size, random_state=int(rng.integers(2**31)))
        else:
            _reseed(fitted, rng)
            points = fitted.sample(size)
        return np.asarray(points[0] if isinstance(points, tuple) else points)

    return UserModel(fit, sample, real, metrics, name or type(estimator).__name__, least)


def _reseed(estimator: Any, rng: np.random.Generator) -> None:
    if hasattr(estimator, "random_state"):
        estimator.random_state = int(rng.integers(2**31))
