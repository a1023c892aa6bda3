"""Smallest numbers that do: bisection over whole numbers, fractions and synthetic shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .planner_models import WHOLE_COUNTS, Array, Guarantee

MOST_POINTS = 10**12
"""Sample sizes beyond this are not looked at."""
LARGEST_LAM = 10**6
"""Synthetic points per real point beyond this are not looked at."""
_WINDOW = 256
_ROUNDING = 1e-9  # a product of floating-point numbers just below a whole number is that number
_GRID = 65  # candidates at a time in a search along a line


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A schedule with its sizes, and what it takes.

    Attributes
    ----------
    schedule : str
    n : int
        Points of generation 1, all real; for `expand` also the real points of every later one.
    dose : float
        Its alpha or lam; 0 for schedules without.
    real : float
        Real points in all generations together; an average where their number is random.
    guaranteed : float
        Bound on the TV of the last generation.
    result : str
        Key of the result that says so.
    bandwidth : float or None
        Bandwidth of every generation, for kernel estimates.
    """

    schedule: str
    n: int
    dose: float
    real: float
    guaranteed: float
    result: str
    bandwidth: float | None = None


def smallest(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the smallest whole number in [low, high] from which on `holds`, None if it fails at `high`.

    Parameters
    ----------
    holds : callable
        False, then true.
    low, high : int
    """
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def smallest_upwards(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """Do as `smallest`, from small numbers upwards: `holds` is never asked far above the answer."""
    top = low
    while not holds(top):
        if top == high:
            return None
        low, top = top + 1, min(4 * top, high)
    return smallest(holds, low, top)


def real_points(schedule: str, n: int, dose: float, generations: int) -> float:
    """Return how many real points the generations draw altogether.

    Parameters
    ----------
    schedule : str
    n : int
    dose : float
        alpha of `fresh` and `stratified`; else unused.
    generations : int

    Returns
    -------
    float
        For `fresh` and `subsample`, whose numbers of real points are random, the mean.
    """
    if schedule in ("fresh", "stratified"):
        return n + (generations - 1) * dose * n
    if schedule == "subsample":
        return (
            n * float(sum(Fraction(1, i) for i in range(1, generations + 1)))
            if generations <= 100
            else (n * float(np.sum(1 / np.arange(1, generations + 1))))
        )
    return float(n)


def smallest_fraction(bound: Guarantee, n: int, target: float, generations: int) -> float | None:
    """Return the smallest alpha that guarantees the target, None if alpha = 1 does not.

    Parameters
    ----------
    bound : Guarantee
        Of a schedule with a real fraction.
    n : int
    target : float
    generations : int

    Returns
    -------
    float or None
        A multiple of 1/n where alpha*n must be whole; else within 1e-9, on the side where the target is met.
    """

    def value(alpha: float) -> float:
        return float(bound(n, alpha, generations, generations))

    if bound.schedule in WHOLE_COUNTS:
        count = smallest(lambda k: value(k / n) <= target, 0, n)
        return None if count is None else count / n
    if value(0.0) <= target or value(1.0) > target:
        return 0.0 if value(0.0) <= target else None
    low, high = 0.0, 1.0
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if value(middle) <= target else (middle, high)
    return high


def smallest_size(bound: Guarantee, dose: float, target: float, generations: int) -> int | None:
    """Return the smallest n that guarantees the target with this alpha or lam, None beyond `MOST_POINTS`.

    Parameters
    ----------
    bound : Guarantee
    dose : float
        For `expand` any positive number: n is then a size for which lam*n is whole.
    target : float
    generations : int
    """
    step = Fraction(dose).limit_denominator(10**6).denominator if bound.dose == "lam" else 1

    def holds(k: int) -> bool:
        return float(bound(k * step, dose, generations, generations)) <= target

    found = smallest_upwards(holds, 1, MOST_POINTS // step)
    return None if found is None else found * step


def allowed_lam(bound: Guarantee, n: int, target: float, generations: int) -> tuple[tuple[float, float], ...]:
    """Return the intervals of lam, multiples of 1/n, that guarantee the target; an open end is `LARGEST_LAM`.

    Along lam the bound rises to one maximum and falls again, so that there are at most two.

    Parameters
    ----------
    bound : Guarantee
        Of `expand`.
    n : int
    target : float
    generations : int
    """
    largest = LARGEST_LAM * n

    def value(count: int) -> float:
        return float(bound(n, count / n, generations, generations))

    if value(0) > target:
        return ()
    peak = _peak(bound, n, generations, largest)
    if value(peak) <= target:
        return ((0.0, float(LARGEST_LAM)),)
    first = smallest(lambda k: value(k) > target, 0, peak)
    rising = (0.0, ((first or 1) - 1) / n)
    falling = smallest(lambda k: value(k) <= target, peak, largest)
    return (rising,) if falling is None else (rising, (falling / n, float(LARGEST_LAM)))


def _peak(bound: Guarantee, n: int, generations: int, largest: int) -> int:
    """Return the count lam*n of the largest bound, by ever finer grids."""
    low, high = 0, largest
    grid = np.unique(np.rint(np.geomspace(1, largest, 4 * _GRID)).astype(np.int64))
    while True:
        values: Array = bound(n, grid / n, generations, generations)
        top = int(np.argmax(values))
        low, high = int(grid[max(top - 1, 0)]), int(grid[min(top + 1, grid.size - 1)])
        if high - low <= _GRID:
            counts = np.arange(low, high + 1)
            return int(counts[np.argmax(bound(n, counts / n, generations, generations))])
        grid = np.unique(np.linspace(low, high, _GRID).round().astype(np.int64))


def cheapest(bound: Guarantee, target: float, generations: int, most_real: float, lam: float) -> Choice | None:
    """Return what guarantees the target with the fewest real points, None if nothing does.

    Parameters
    ----------
    bound : Guarantee
    target : float
    generations : int
    most_real : float
        Largest real fraction of a later training set, for schedules that choose one.
    lam : float
        Synthetic points per real point, for `expand`.
    """
    if bound.dose != "alpha":
        dose = lam if bound.dose == "lam" else 0.0
        n = smallest_size(bound, dose, target, generations)
        return None if n is None else _choice(bound, n, dose, generations)
    if bound.schedule == "fixed":
        return _cheapest_fixed(bound, target, generations, most_real)
    return _cheapest_fresh(bound, target, generations, most_real)


def _cheapest_fixed(bound: Guarantee, target: float, generations: int, most_real: float) -> Choice | None:
    """Return the smallest n; as the points are paid for once, as many are reused as may be."""

    def holds(n: int) -> bool:
        return float(bound(n, int(most_real * n + _ROUNDING) / n, generations, generations)) <= target

    found = smallest_upwards(holds, 1, MOST_POINTS)
    if found is None:
        return None
    # rounding makes one n better than the next, within a few points of the answer
    sizes = np.arange(max(1, found - _WINDOW), found + 1)
    shares = np.floor(most_real * sizes + _ROUNDING) / sizes
    at = int(np.argmax(bound(sizes, shares, generations, generations) <= target))
    return _choice(bound, int(sizes[at]), float(shares[at]), generations)


def _cheapest_fresh(bound: Guarantee, target: float, generations: int, most_real: float) -> Choice | None:
    """Return the best (n, k): k real points in every later generation, n + (generations - 1) k in all."""
    later = generations - 1

    def best(total: int) -> tuple[float, int]:
        low, high = 0, int(most_real * total / (1 + later * most_real) + _ROUNDING)
        while True:
            counts = np.unique(np.linspace(low, high, _GRID).round().astype(np.int64))
            sizes = total - later * counts
            values: Array = bound(sizes, counts / sizes, generations, generations)
            at = int(np.argmin(values))
            if counts.size == high - low + 1:
                return float(values[at]), int(counts[at])
            low, high = int(counts[max(at - 1, 0)]), int(counts[min(at + 1, counts.size - 1)])

    total = smallest_upwards(lambda t: best(t)[0] <= target, 1, MOST_POINTS)
    if total is None:
        return None
    count = best(total)[1]
    n = total - later * count
    return _choice(bound, n, count / n, generations)


def _choice(bound: Guarantee, n: int, dose: float, generations: int) -> Choice:
    return Choice(
        schedule=bound.schedule,
        n=n,
        dose=dose,
        real=real_points(bound.schedule, n, dose, generations),
        guaranteed=float(bound(n, dose, generations, generations)),
        result=bound.best(n, dose, generations).key,
        bandwidth=bound.bandwidth(n, dose, generations),
    )
