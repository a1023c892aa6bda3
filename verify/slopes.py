"""Exponents over finitely many sizes: least-squares slopes of logarithms, with limits from those of the values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .case import Array


def slope_weights(along: ArrayLike) -> Array:
    """Return w with Σ w_k y_k the least-squares slope of y against log(along), along the last axis."""
    x = np.log(np.asarray(along, dtype=float))
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sum(centred**2, axis=-1, keepdims=True))


def slope(along: ArrayLike, values: ArrayLike) -> Array:
    """Return the slope of log(values) against log(along) on the last axis; values are positive."""
    return np.asarray(np.sum(slope_weights(along) * np.log(np.asarray(values, dtype=float)), axis=-1))


def slope_limits(along: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> tuple[Array, Array]:
    """Return limits of the slope of values between `lower` >= 0 and `upper`, infinite where these leave it open.

    The slope is monotone in each value, so that its extremes are at the limits: no approximation is made.
    """
    return limits_of(slope_weights(along), lower, upper)


def limits_of(weights: Array, lower: ArrayLike, upper: ArrayLike) -> tuple[Array, Array]:
    """Return limits of Σ w_k log(v_k), summed along the last axis, for v_k between `lower` >= 0 and `upper`."""
    low, high = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):  # a limit of 0 gives an infinite one, without weight none
        least = np.where(weights == 0, 0.0, weights * np.log(np.where(weights > 0, low, high)))
        most = np.where(weights == 0, 0.0, weights * np.log(np.where(weights > 0, high, low)))
    return least.sum(axis=-1), most.sum(axis=-1)
