"""The phase transition seen in simulation: the error of a generation against the amount of synthetic data.

The total variation of a generation of frequencies or of a kernel estimate is a function of the loop's draws whose
influences have the sum of squares tau^2, so a mean over R loops exceeds its expectation by tau sqrt(log(1/level)/(2R))
with probability at most level, whatever R, and the difference of two independent means by the same with the sum of
their tau^2. That gives limits that hold for all amounts at once, and where the largest error can be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

import bounds
import sim
from bounds.query import threshold

if TYPE_CHECKING:
    Array: TypeAlias = NDArray[np.float64]
    Model: TypeAlias = sim.Discrete | sim.KDE


@dataclass(frozen=True, kw_only=True, eq=False)
class PhaseTransition:
    """Simulated errors against the amount of synthetic data; arrays have the shape of `ratios`.

    Attributes
    ----------
    model : str
    i, n : int
        Generation, and real points per training set.
    reused : bool
        Whether the real points are the same in every generation.
    ratios : ndarray
        Synthetic points per real point, increasing.
    mean, lower, upper : ndarray
        Simulated E TV(P_i, P), with limits that hold at all ratios at once.
    spread : ndarray
        Standard deviation of the Gaussian mean in the same loop, relative to that at ratio 0: what the errors would
        do if fluctuations were all.
    bound : ndarray
        The phase transition's bound, with the constant and exponent `C` and `a` of the model.
    C, a : float
    location : tuple of float
        First and last ratio of the grid at which the largest expectation over the grid may be, given the simulation.
    confidence : float
        Probability that all limits are right, and probability that the location is.
    """

    model: str
    i: int
    n: int
    reused: bool
    ratios: Array
    mean: Array
    lower: Array
    upper: Array
    spread: Array
    bound: Array
    C: float
    a: float
    location: tuple[float, float]
    confidence: float

    @property
    def interior(self) -> bool:
        """Whether the largest expectation over the grid is at neither end of it, with the confidence stated."""
        return bool(self.ratios[0] < self.location[0] and self.location[1] < self.ratios[-1])

    @property
    def largest(self) -> float:
        """Ratio of the grid with the largest simulated mean."""
        return float(self.ratios[np.argmax(self.mean)])

    @property
    def predicted(self) -> float:
        """Ratio at which the bound is largest; see `peak_of_bound`."""
        return peak_of_bound(self.a, self.i, reused=self.reused)


def peak_of_bound(a: float, i: int, *, reused: bool = True) -> float:
    """Return the ratio r* of synthetic to real points at which the phase transition's bound is largest.

    Parameters
    ----------
    a : float
        Exponent of the one-step error, in (0, 1).
    i : int
        Generation, at least 2.
    reused : bool
        True: `tv/phase-transition`. False: `tv/phase-transition-idealised`.

    Raises
    ------
    ValueError
        If an argument is not as said.
    """
    if not 0 < a < 1:
        raise ValueError(f"a = {a!r}: allowed: a number strictly between 0 and 1")
    _check_whole("i", i, 2)

    key = "tv/phase-transition" if reused else "tv/phase-transition-idealised"
    return threshold(key, "r", a=a, i=i).value


def one_step_law(model: Model, n: int, i: int) -> tuple[float, float]:
    """Return C and a such that one step of the model costs at most C N^-a on N >= n points, up to generation i.

    Parameters
    ----------
    model : Discrete, or KDE with exponent 1/5 on the circle with a `CosineTorus` or on the line with a `NormalDensity`
    n : int
        Smallest training set; matters on the line only, where smoothing widens the tails.
    i : int
        Last generation; likewise.

    Raises
    ------
    ValueError
        For any other model.
    """
    if isinstance(model, sim.Discrete):
        return math.sqrt(model.p.size - 1) / 2, 0.5
    density, h = model.density, model.h
    if density.d == 1 and model.exponent == 0.2:
        if isinstance(density, sim.CosineTorus):
            return math.sqrt(1 / (2 * math.sqrt(math.pi) * h)) / 2 + 2 * math.pi * abs(density.c) * h**2, 0.4
        if isinstance(density, sim.NormalDensity):
            widest = density.sigma**2 + (i - 0.5) * (h * n**-0.2) ** 2
            variance = math.sqrt(2 * math.pi / h) / 2 * (widest / (4 * math.pi)) ** 0.25
            return variance + math.exp(-0.5) / math.sqrt(2 * math.pi) * (h / density.sigma) ** 2, 0.4
    raise ValueError(
        f"model = {model.label}: allowed: Discrete, or KDE with exponent 0.2 and a one-dimensional CosineTorus or "
        "NormalDensity"
    )


def phase_transition(
    model: Model,
    *,
    n: int,
    i: int,
    ratios: ArrayLike,
    replications: int,
    seed: int,
    reused: bool = True,
    confidence: float = 0.999,
) -> PhaseTransition:
    """Simulate the error of generation i against the number of synthetic points per real point.

    Parameters
    ----------
    model : Discrete or KDE
        One for which `one_step_law` knows the one-step error.
    n : int
        Real points in every training set.
    i : int
        Generation, at least 2.
    ratios : array_like
        Synthetic points per real point, increasing from 0 or more, at least 3; each times n is an integer.
    replications : int
        Loops per ratio, at least 1.
    seed : int
    reused : bool
        True: schedule `expand`, the same n real points in every generation. False: `stratified`, n fresh real points
        in every generation, and (1 + r) n in the first.
    confidence : float
        Of all limits at once, in (0, 1).

    Returns
    -------
    PhaseTransition

    Raises
    ------
    ValueError
        If an argument is not as said; `sim.SimulationError` if r n is not an integer.
    """
    grid = _checked(ratios, i, replications, confidence)
    C, a = one_step_law(model, n, i)
    loops = [_schedule(n, ratio, reused=reused) for ratio in grid.tolist()]
    found = [_simulated(model, schedule, size, i, replications, seed) for schedule, size in loops]
    means, errors, influences = np.array(found).T
    radii = errors + np.sqrt(influences * math.log(2 * grid.size / (1 - confidence)) / (2 * replications))
    possible = grid[_maybe_largest(means, errors, influences / (2 * replications), 1 - confidence)]
    key = "tv/phase-transition" if reused else "tv/phase-transition-idealised"
    return PhaseTransition(
        model=model.label,
        i=i,
        n=n,
        reused=reused,
        ratios=grid,
        mean=means,
        lower=np.maximum(means - radii, 0.0),
        upper=np.minimum(means + radii, 1.0),
        spread=np.sqrt(n * influences),
        bound=np.asarray(bounds.get(key)(C=C, n=n, a=a, r=grid, i=i)),
        C=C,
        a=a,
        location=(float(possible[0]), float(possible[-1])),
        confidence=confidence,
    )


def _checked(ratios: ArrayLike, i: int, replications: int, confidence: float) -> Array:
    grid = np.asarray(ratios, dtype=float)
    if grid.ndim != 1 or grid.size < 3 or not (np.isfinite(grid).all() and grid[0] >= 0 and (np.diff(grid) > 0).all()):
        raise ValueError(f"ratios = {ratios!r}: allowed: at least 3 finite numbers >= 0, increasing")
    _check_whole("i", i, 2)
    _check_whole("replications", replications, 1)
    if not (isinstance(confidence, float) and 0 < confidence < 1):
        raise ValueError(f"confidence = {confidence!r}: allowed: a number strictly between 0 and 1")
    return grid


def _check_whole(name: str, value: int, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} = {value!r}: allowed: an integer >= {least}")


def _maybe_largest(means: Array, errors: Array, scales: Array, level: float) -> NDArray[np.bool_]:
    """Tell which expectations no other one exceeds for sure; wrong about the largest with probability `level`."""
    pairs = means.size * (means.size - 1)
    radius = errors[:, None] + errors + np.sqrt((scales[:, None] + scales) * math.log(pairs / level))
    return np.asarray(~(means - means[:, None] > radius).any(axis=1))


def _simulated(
    model: Model, schedule: sim.Schedule, n: int, i: int, replications: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean of TV(P_i, P), a bound of its numerical error, and the sum of squared influences tau_i^2.

    The influence of every draw is that which it has on the Gaussian mean, hence the variance of the latter.
    """
    record = ("tv",) if isinstance(model, sim.Discrete) else ("tv", "tv_error")
    data = sim.simulate(
        model, schedule, n=n, generations=i, replications=replications, seed=seed, record=record, at=(i,), summary=True
    )
    error = float(data["tv_error_mean"].item()) if len(record) > 1 else 0.0
    influence = float(sim.exact_gaussian_mean(schedule, n, i).tau2[-1])
    return float(data["tv_mean"].item()), error, influence


def _schedule(n: int, ratio: float, *, reused: bool) -> tuple[sim.Schedule, int]:
    """Return a schedule with its number of points in generation 1."""
    expand = sim.Expand(ratio)
    if reused:
        return expand, n
    return sim.Stratified(1 - expand.synthetic), int(expand.sizes(n, 2)[1])
