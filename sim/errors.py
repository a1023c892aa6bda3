"""What a simulator says about an argument it cannot use, and the checks that say it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike, NDArray


class SimulationError(ValueError):
    """An argument of a simulator is outside what is allowed.

    Attributes
    ----------
    argument : str
        Name of the argument, as the caller wrote it.
    value : object
        What was got.
    allowed : str
        What is needed, in words.
    """

    def __init__(self, argument: str, value: object, allowed: str) -> None:
        self.argument = argument
        self.value = value
        self.allowed = allowed
        super().__init__(f"{argument} must be {allowed}; got {value!r}")

    def __reduce__(self) -> tuple[type[SimulationError], tuple[str, object, str]]:
        return type(self), (self.argument, self.value, self.allowed)


def whole(argument: str, value: object, least: int) -> int:
    """Return `value` as an int if it is a whole number of at least `least`.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error.
    value : object
        A Python or NumPy integer; floats and booleans are refused, even 3.0 and True.
    least : int
        Smallest value allowed.

    Returns
    -------
    int

    Raises
    ------
    SimulationError
        If `value` is anything else.
    """
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least:
        return int(value)
    raise SimulationError(argument, value, f"a whole number >= {least}")


def real(argument: str, value: object, low: float, high: float, *, open_low: bool = False) -> float:
    """Return `value` as a float if it is a finite number in [low, high].

    Parameters
    ----------
    argument : str
        Name of the argument, for the error.
    value : object
        A real number; booleans are refused.
    low, high : float
        Ends of the interval; infinite ends are open.
    open_low : bool
        Whether `low` itself is refused.

    Returns
    -------
    float

    Raises
    ------
    SimulationError
        If `value` is anything else.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        x = float(value) + 0.0  # -0.0 becomes 0.0
        if math.isfinite(x) and low <= x <= high and not (open_low and x == low):
            return x
    left = "(" if open_low or math.isinf(low) else "["
    right = ")" if math.isinf(high) else "]"
    raise SimulationError(argument, value, f"a finite number in {left}{low:g}, {high:g}{right}")


def share_of(n: int, argument: str, share: float) -> int:
    """Return share·n, which must be a whole number up to the rounding of the product.

    Parameters
    ----------
    n : int
        Sample size.
    argument : str
        Name of the share (``alpha`` or ``lam``), for the error.
    share : float
        Share of `n`, not negative.

    Returns
    -------
    int
        The count; 0.1·30 is 3.

    Raises
    ------
    SimulationError
        If share·n is not whole: it is never silently rounded.
    """
    product = share * n
    count = round(product)
    if abs(product - count) <= 1e-12 * max(1.0, product):
        return count
    raise SimulationError(
        argument, share, f"such that {argument}*n is a whole number (n = {n}, {argument}*n = {product!r})"
    )


def triangular(argument: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return `value` as a strictly lower triangular matrix of weights.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error.
    value : array_like, shape (g, g)
        Entries not negative, rows summing to at most 1 within 1e-9 (a larger sum is scaled to 1).

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    SimulationError
        If `value` is anything else.
    """
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] > 0
    if square and np.isfinite(matrix).all() and not np.triu(matrix).any() and (matrix >= 0).all():
        sums = matrix.sum(axis=1, keepdims=True)
        if (sums <= 1 + 1e-9).all():
            return np.asarray(matrix / np.maximum(sums, 1.0))
    allowed = "a square, strictly lower triangular matrix, entries >= 0, rows summing to at most 1"
    raise SimulationError(argument, value, allowed)


def coordinates(argument: str, value: float | Sequence[float], d: int) -> tuple[float, ...]:
    """Return `value` as d floats.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error.
    value : float or sequence of d floats
        One number stands for all coordinates.
    d : int
        Dimension.

    Returns
    -------
    tuple of float

    Raises
    ------
    SimulationError
        If `value` is not finite or has another length.
    """
    try:
        mean = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        mean = np.empty(0)
    if mean.shape not in ((), (d,)) or not np.isfinite(mean).all():
        raise SimulationError(argument, value, f"a finite number, or {d} of them")
    return tuple(np.broadcast_to(mean + 0.0, d).tolist())
