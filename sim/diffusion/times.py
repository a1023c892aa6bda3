"""When a diffusion is looked at: the grid of times t_0 < t_1 < … < t_N = T.

Noise is added from t_0 to T by the Ornstein–Uhlenbeck process dX = −X dt + √2 dW; step k of the
sampler, k = N, …, 1, goes from t_k back to t_{k−1}.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import SimulationError, real, whole

Array: TypeAlias = NDArray[np.float64]
Spacing: TypeAlias = Literal["uniform", "quadratic", "geometric"]


def time_grid(t0: float, T: float, steps: int, spacing: Spacing = "geometric") -> Array:
    """Return t_0 < … < t_N, N = `steps`, the ends included.

    Parameters
    ----------
    t0, T : float
        0 < t0 < T.
    steps : int
        At least 1.
    spacing : {"uniform", "quadratic", "geometric"}
        Which of t, √t and log t is spaced evenly: the later in this list, the finer close to t0.

    Returns
    -------
    numpy.ndarray, shape (steps + 1,)

    Raises
    ------
    SimulationError
        If an argument is not as said.
    """
    t0 = real("t0", t0, 0, math.inf, open_low=True)
    T, steps = real("T", T, -math.inf, math.inf), whole("steps", steps, 1)
    if t0 >= T:
        raise SimulationError("T", T, f"above t0 ({t0!r})")
    if spacing == "uniform":
        times = np.linspace(t0, T, steps + 1)
    elif spacing == "quadratic":
        times = np.linspace(math.sqrt(t0), math.sqrt(T), steps + 1) ** 2
    elif spacing == "geometric":
        times = np.geomspace(t0, T, steps + 1)
    else:
        raise SimulationError("spacing", spacing, "'uniform', 'quadratic' or 'geometric'")
    times[0], times[-1] = t0, T
    return checked_times(times)


def checked_times(times: ArrayLike) -> Array:
    """Return a grid of times as a read-only array, shape (N + 1,).

    Raises
    ------
    SimulationError
        If it has fewer than two entries, or is not finite, positive and increasing.
    """
    try:
        grid = np.array(times, dtype=np.float64)
    except (TypeError, ValueError):
        grid = np.empty(0)
    if grid.ndim != 1 or grid.size < 2 or not (np.isfinite(grid).all() and grid[0] > 0 and (np.diff(grid) > 0).all()):
        raise SimulationError("times", times, "two or more finite times, positive and increasing")
    grid.setflags(write=False)
    return grid
