"""Where a bound may be attacked: designs of a result as a function of a few numbers, for falsifiers and rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bounds import Result

from .case import Case, Design


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The range of one number that a search varies.

    Attributes
    ----------
    low, high : float
        Smallest and largest value, both allowed.
    integer : bool
        Whole numbers only.
    log : bool
        Spread evenly by its logarithm; low > 0.

    Raises
    ------
    ValueError
        low > high, a value that is not finite, a fraction where whole numbers are needed, log with low <= 0.
    """

    low: float
    high: float
    integer: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        whole = not self.integer or (float(self.low).is_integer() and float(self.high).is_integer())
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high and whole):
            raise ValueError(f"low, high = {self.low!r}, {self.high!r}: allowed: finite, low <= high, whole if integer")
        if self.log and self.low <= 0:
            raise ValueError(f"low = {self.low!r}: allowed with log: a number > 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Search:
    """The designs of a result at any point of a box.

    Attributes
    ----------
    result : Result
    axes : mapping of str to Axis
        What is varied. Where an axis is a parameter of the result it has its name; others are settings of the loop
        that the result does not depend on, as the shape of the real distribution.
    design : callable
        From a value of every axis by name (int for integer axes) to a design, whose points may spread over further
        parameters, as the generation. A joint condition is met by what the design makes of the values (a whole
        number of reused points, and alpha from it), never by leaving points out.
    """

    result: Result
    axes: Mapping[str, Axis]
    design: Callable[[Mapping[str, Any]], Design]

    @property
    def case(self) -> Case:
        """The case that the designs are checked in; why they satisfy the assumptions is their author's to say."""
        because = {assumption.key: "by the design of the search" for assumption in self.result.assumptions}
        return Case(result=self.result, name="search", designs=lambda setting: (), because=because)


__all__ = ["Axis", "Search"]
