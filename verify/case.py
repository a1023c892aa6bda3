"""A case argues that a simulated loop satisfies the assumptions of a result; all of it is data."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bounds import Result

if TYPE_CHECKING:
    from sim import LabelledAtoms, NormalMixture

Array: TypeAlias = NDArray[np.float64]
Blocks: TypeAlias = Callable[[int], Iterator[Array]]
"""From a seed to chunks (R, *points) of independent replications, endless, in replication order."""


class Effort(StrEnum):
    """How much is checked."""

    QUICK = "quick"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of one run: designs per case, and replications per design."""

    designs: int
    replications: int


BUDGETS = {
    Effort.QUICK: Budget(designs=1, replications=2_000_000),
    Effort.STANDARD: Budget(designs=4, replications=4_000_000),
    Effort.FULL: Budget(designs=1_000, replications=10_000_000),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact:
    """Values computed from the exact law of the loop: no sampling error.

    `values` returns an array of the shape of the design's points; `upper` is a provable largest value of the
    quantity, at which a bound is vacuous (infinite if there is none).
    """

    values: Callable[[], Array]
    upper: float = math.inf


@dataclass(frozen=True, kw_only=True, eq=False)
class Bounded:
    """Replications of a quantity with a provable range [0, `upper`]; `upper` broadcasts to the points.

    `number` says that the quantity itself is a number, at most the mean of these replications: then an upper bound
    on it that holds surely can be checked by them.
    """

    blocks: Blocks
    upper: ArrayLike = 1.0
    number: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Nonnegative:
    """Replications of a quantity >= 0 whose coefficient of variation is at most `cap`, by a theorem."""

    blocks: Blocks
    cap: ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False)
class Unbounded:
    """Replications of a quantity for which only a limit theorem is at hand: verdicts are `asymptotic`."""

    blocks: Blocks


@dataclass(frozen=True, kw_only=True, eq=False)
class Signed:
    """Replications of a quantity with a provable range [-`reach`, `reach`], for a bound on |its expectation|."""

    blocks: Blocks
    reach: ArrayLike


@dataclass(frozen=True, kw_only=True, eq=False)
class Exceedance:
    """Replications of whole curves (R, generations) of a high-probability result.

    The event is that a curve exceeds its bound anywhere; its probability is claimed to be at most delta. `upper` is
    a provable largest value, at which a bound is vacuous.
    """

    blocks: Blocks
    upper: float = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Exponent:
    """Positive values along paths, for a result of kind `RATE`: what falls or grows, and how fast.

    The last axis of the design's values, at least two long, is the path of each point; on it `along` increases and
    other arguments may change with it. At every point the slope of the logarithm of what is measured against the
    logarithm of `along` is compared with the slope of the claimed expression over the same path. That its constants
    are left open does not change slopes of single terms; of a sum the slowest term counts.

    Attributes
    ----------
    along : str
        A parameter of the result.
    measured : Exact, Bounded, Nonnegative or Unbounded
        Its values, or blocks (R, *points, path) of replications, of positive mean.
    term : str
        A parameter in which the expression is linear: the claim is its part proportional to this parameter.
        By default the whole expression.
    margin : float
        How far the exponent may exceed the claimed one, as lower orders still weigh at the sizes of a path.
    """

    along: str
    measured: Exact | Bounded | Nonnegative | Unbounded
    term: str = ""
    margin: float = 0.05


Evidence: TypeAlias = Exact | Bounded | Nonnegative | Unbounded | Signed | Exceedance | Exponent
SAMPLED = (Bounded, Nonnegative, Unbounded, Signed, Exceedance)


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """One experiment: where it is made, the broadcast shape being that of the points, and evidence.

    Attributes
    ----------
    label : str
        What distinguishes it from the other designs of its case.
    values : mapping of str to array_like
        Arguments of the result, and settings of the loop that the result does not depend on.
    evidence : Evidence
    margin : float
        Relative margin of a sampled equality.
    simulation : str
        In a run, designs that name the same simulation see the same replications; by default each has its own, and
        exponents always do.
    """

    label: str
    values: Mapping[str, Any]
    evidence: Evidence
    margin: float = 0.02
    simulation: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Setting:
    """The real distributions that cases are run on.

    Attributes
    ----------
    discrete : mapping of str to vector
        Probability vectors by name.
    mean, sigma : float
        The Gaussian real distribution.
    smooth : sim.NormalMixture
        The smooth real distribution, on the line.
    source : str
        Where they come from.
    labelled : mapping of str to sim.LabelledAtoms
        Labelled points by name; without any, each case on learners takes built-in ones that are telling for it.
    """

    discrete: Mapping[str, tuple[float, ...]]
    mean: float
    sigma: float
    smooth: NormalMixture
    source: str
    labelled: Mapping[str, LabelledAtoms] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A result paired with evidence.

    Attributes
    ----------
    result : Result
    name : str
        Names the case among those of its result.
    designs : callable
        From a setting to designs, the most telling first: a quick run takes only the first ones.
    because : mapping of str to str
        Answers exactly the result's assumption keys: why the simulated loop satisfies each.
    """

    result: Result
    name: str
    designs: Callable[[Setting], tuple[Design, ...]]
    because: Mapping[str, str]

    def __post_init__(self) -> None:
        needed = {assumption.key for assumption in self.result.assumptions}
        if needed != set(self.because):
            missing, extra = needed - set(self.because), set(self.because) - needed
            raise ValueError(
                f"case {self.name!r} of {self.result.key}: `because` must answer exactly the assumptions: "
                f"unanswered {sorted(missing)}, unknown {sorted(extra)}"
            )

    @property
    def key(self) -> str:
        """Key of the result and name of the case."""
        return f"{self.result.key}#{self.name}"
