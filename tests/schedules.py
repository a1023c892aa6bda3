"""One schedule of every kind."""

from numpy.typing import ArrayLike

from sim import Accumulate, Expand, Fixed, Fresh, Replace, Schedule, Stratified, Subsample, Weighted

THREE: ArrayLike = [[0, 0, 0], [0.5, 0, 0], [0.2, 0.8, 0]]


def one_of_each(reused: float = 0.5, weights: ArrayLike = THREE) -> list[Schedule]:
    """Schedules with this share of reused points, and these weights for as many generations."""
    return [
        Replace(),
        Fresh(0.5),
        Stratified(0.5),
        Fixed(reused),
        Accumulate(),
        Subsample(),
        Expand(0.5),
        Weighted(weights),
    ]


SCHEDULES = one_of_each()
