"""One schedule of every kind, for three generations."""

from sim import Accumulate, Expand, Fixed, Fresh, Replace, Stratified, Subsample, Weighted

SCHEDULES = [
    Replace(),
    Fresh(0.5),
    Stratified(0.5),
    Fixed(0.5),
    Accumulate(),
    Subsample(),
    Expand(0.5),
    Weighted([[0, 0, 0], [0.5, 0, 0], [0.2, 0.8, 0]]),
]
