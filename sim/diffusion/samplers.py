"""Samplers: a chain of normal steps back from N(0, I) at time T to t_0."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from sim.diffusion.laws import tweedie
from sim.diffusion.times import Array, checked_times
from sim.errors import SimulationError, real, whole

Kind: TypeAlias = Literal["tweedie", "exponential", "euler"]
Covariance: TypeAlias = Literal["full", "diagonal", "isotropic"]
Score: TypeAlias = Callable[[Array, float], Array]

_CHUNK = 2**15  # points moved together: they stay in cache
_SLOPE = 1e-5  # half the distance of the difference quotients of a score without a derivative


@runtime_checkable
class DifferentiableScore(Protocol):
    """A score with its derivative; for d = 1 arrays of shape (M,), else (M, d) and (M, d, d)."""

    def __call__(self, x: Array, t: float, /) -> Array:
        """Return the score at `x` and time t."""
        ...

    def jacobian(self, x: Array, t: float) -> Array:
        """Return its derivative with respect to `x`."""
        ...


class Diverged(SimulationError):
    """A sampler left the finite numbers, or the grid on which its law is computed.

    Attributes
    ----------
    step : int
        The step k of the sampler, counted down from N.
    time : float
        t_k.
    generation : int
        First generation of the loop that was not finished for it, from 1; 0 outside a loop.
    finished : xarray.Dataset or None
        What the loop had recorded before, of all generations that were finished.
    """

    def __init__(self, step: int, time: float, what: str, generation: int = 0, finished: Any = None) -> None:
        self.step, self.time, self.what, self.generation, self.finished = step, time, what, generation, finished
        where = f" in generation {generation}" if generation else ""
        allowed = f"such that the sampler stays in range; at step {step} (t = {time:.6g}){where} it did not"
        super().__init__("score", what, allowed)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.step, self.time, self.what, self.generation, self.finished)


@dataclass(frozen=True, eq=False)
class Sampler:
    """From N(0, I) at t_N = T, steps N(mean, covariance) from t_k to t_{k−1}, k = N, …, 1; h = t_k − t_{k−1}.

    - ``tweedie``: mean e^h(x + aŝ), covariance (e^(2h) − 1)(I + a∇ŝ), a = 1 − e^(−2h); those of the true reverse step
      if the score is true.
    - ``exponential``: mean e^h x + 2(e^h − 1)ŝ, covariance (e^(2h) − 1)I; the reverse process with the score held.
    - ``euler``: mean x + h(x + 2ŝ), covariance 2hI; Euler–Maruyama.

    Attributes
    ----------
    times : array_like, shape (N + 1,)
        t_0 < … < t_N.
    kind : {"tweedie", "exponential", "euler"}
        As above.
    covariance : {"full", "diagonal", "isotropic"}
        What is kept of Tweedie's covariance for d > 1: its symmetric part, its diagonal, or their mean.
    floor : float
        In (0, 1]: eigenvalues of I + a∇ŝ below it are raised to it, since a learnt score may make
        them negative. With the true score they are positive, but may be below the floor where a step is long.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    times: ArrayLike
    kind: Kind = "tweedie"
    covariance: Covariance = "diagonal"
    floor: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", checked_times(self.times))
        object.__setattr__(self, "floor", real("floor", self.floor, 0, 1, open_low=True))
        if self.kind not in ("tweedie", "exponential", "euler"):
            raise SimulationError("kind", self.kind, "'tweedie', 'exponential' or 'euler'")
        if self.covariance not in ("full", "diagonal", "isotropic"):
            raise SimulationError("covariance", self.covariance, "'full', 'diagonal' or 'isotropic'")

    @property
    def steps(self) -> int:
        """Number of steps N."""
        return np.size(self.times) - 1

    def step(self, k: int) -> tuple[float, float]:
        """Return t_k and h = t_k − t_{k−1}, k = 1, …, N."""
        grid = np.asarray(self.times)
        return float(grid[k]), float(grid[k] - grid[k - 1])

    def least(self, k: int) -> float:
        """Return the variance that the floor grants in step k; 0 for kinds that need none."""
        return self.floor * math.expm1(2 * self.step(k)[1]) if self.kind == "tweedie" else 0.0

    def kernel(self, score: Score, x: Array, k: int) -> tuple[Array, Array]:
        """Return mean and covariance of step k from `x`.

        Parameters
        ----------
        score : callable
            ``score(x, t)`` of the shape of x; the tweedie kind takes its method ``jacobian(x, t)``, or
            difference quotients if it has none.
        x : numpy.ndarray, shape (M,) for d = 1 and (M, d) else
            Places at t_k.
        k : int
            1, …, N.

        Returns
        -------
        mean, covariance : numpy.ndarray
            The mean has the shape of x. For d = 1 the variances have, too. For d > 1 the covariance
            has shape (M, d, d) if it is full and (M, d), its diagonal, else.

        Raises
        ------
        Diverged
            If one of them is not finite.
        """
        t, _ = self.step(k)
        with np.errstate(all="ignore"):
            s = np.asarray(score(x, t), dtype=np.float64)
            if s.shape != x.shape:
                raise SimulationError(
                    "score", s.shape, f"a function that returns an array of the shape of x, {x.shape}"
                )
            mean, cov = self._moments(score, x, s, k)
        if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
            raise Diverged(k, t, "means or variances that are not finite")
        return mean, cov

    def _moments(self, score: Score, x: Array, s: Array, k: int) -> tuple[Array, Array]:
        t, h = self.step(k)
        if self.kind == "euler":
            return x + h * (x + 2 * s), np.full(x.shape, 2 * h)
        if self.kind == "exponential":
            return math.exp(h) * x + 2 * math.expm1(h) * s, np.full(x.shape, math.expm1(2 * h))
        mean, cov = tweedie(x, s, _jacobian(score, x, t), h)
        least = self.least(k)
        if x.ndim == 1:
            return mean, np.maximum(cov, least)
        if self.covariance == "full":
            if not np.isfinite(cov).all():
                return mean, cov
            values, axes = np.linalg.eigh((cov + cov.swapaxes(1, 2)) / 2)
            return mean, (axes * np.maximum(values, least)[:, None]) @ axes.swapaxes(1, 2)
        diagonal = np.diagonal(cov, axis1=1, axis2=2)
        if self.covariance == "isotropic":
            diagonal = np.broadcast_to(diagonal.mean(axis=1, keepdims=True), x.shape)
        return mean, np.maximum(diagonal, least)


def _jacobian(score: Score, x: Array, t: float) -> Array:
    if isinstance(score, DifferentiableScore):
        return score.jacobian(x, t)
    if x.ndim == 1:
        return (score(x + _SLOPE, t) - score(x - _SLOPE, t)) / (2 * _SLOPE)
    moves = _SLOPE * np.eye(x.shape[1])
    return np.stack([(score(x + move, t) - score(x - move, t)) / (2 * _SLOPE) for move in moves], axis=2)


def move(rng: np.random.Generator, mean: Array, cov: Array) -> Array:
    """Return a draw from N(mean, cov) each, cov as `Sampler.kernel` returns it."""
    noise = rng.standard_normal(mean.shape)
    if cov.ndim > mean.ndim:
        return np.asarray(mean + np.einsum("mij,mj->mi", np.linalg.cholesky(cov), noise))
    noise *= np.sqrt(cov)
    noise += mean
    return noise


def draw(score: Score, sampler: Sampler, n: int, rng: np.random.Generator, d: int = 1) -> Array:
    """Return n draws from the sampler's law, shape (n,) for d = 1 and (n, d) else.

    Raises
    ------
    Diverged
        If a step has a mean or a variance that is not finite.
    SimulationError
        If an argument is not as said.
    """
    n, d = whole("n", n, 0), whole("d", d, 1)
    out = np.empty(n if d == 1 else (n, d))
    for start in range(0, n, _CHUNK):
        x = rng.standard_normal(out[start : start + _CHUNK].shape)
        for k in range(sampler.steps, 0, -1):
            x = move(rng, *sampler.kernel(score, x, k))
        out[start : start + _CHUNK] = x
    return out
