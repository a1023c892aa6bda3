"""What a model is to the loop, and the world a schedule draws its training sets from.

A *batch* is what a model keeps of a training set: sufficient statistics where there are any, the
data themselves otherwise. A *mixture* is a model's own form of a distribution a·P + Σ b_k·P_k.
Both are opaque to schedules and to the loop, and so are a fit's parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Batch: TypeAlias = Any
Params: TypeAlias = Any
Mixture: TypeAlias = Any


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number, or one small array, to be read off the parameters of a fit.

    Attributes
    ----------
    of : callable
        ``of(params, target) -> array`` of shape (block, *shape); `target` is the mixture that the
        generation was trained on if `needs_target`, else None.
    units, long_name : str
        Attributes of the recorded variable; units ``1`` for a pure number.
    dims : tuple of str
        Names of the further axes, with sizes `shape`.
    shape : tuple of int
        Sizes of the further axes.
    needs_target : bool
        Whether `of` needs the mixture Q that the training set was drawn from.
    default : bool
        Whether it is recorded when nobody asks for anything in particular.
    """

    of: Callable[[Params, Mixture], Any]
    units: str
    long_name: str
    dims: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    needs_target: bool = False
    default: bool = True


class Model(Protocol):
    """A family of distributions that a loop fits and draws from, many replications at a time."""

    @property
    def label(self) -> str:
        """Short text naming the model and its parameters."""
        ...

    @property
    def block(self) -> int:
        """Replications computed together; a function of the model only."""
        ...

    @property
    def least(self) -> int:
        """Smallest training set that can be fitted."""
        ...

    def target(self) -> Mixture:
        """Return the real distribution P as a mixture."""
        ...

    def blend(self, mixture: Mixture, params: Params, share: float) -> Mixture:
        """Return (1 − share)·mixture + share·(the distribution that fits `params` draw from)."""
        ...

    def draw(self, rng: np.random.Generator, mixture: Mixture, size: int) -> Batch:
        """Return a batch of `size` ≥ 0 iid draws from a mixture, in every replication of a block."""
        ...

    def merge(self, first: Batch, second: Batch) -> Batch:
        """Return the batch of the union of two training sets, leaving both as they are."""
        ...

    def estimate(self, rng: np.random.Generator, batch: Batch) -> Params:
        """Return the parameters fitted to a batch."""
        ...

    def measures(self) -> Mapping[str, Metric]:
        """Return what can be recorded, by name."""
        ...


@dataclass(frozen=True, eq=False)
class World:
    """Where training sets come from: a model and the random generator of one block.

    Attributes
    ----------
    model : Model
        Draws and merges batches.
    rng : numpy.random.Generator
        The only source of randomness.
    """

    model: Model
    rng: np.random.Generator

    def target(self) -> Mixture:
        """Return the real distribution P as a mixture."""
        return self.model.target()

    def blend(self, mixture: Mixture, params: Params, share: float) -> Mixture:
        """Return (1 − share)·mixture + share·P_k, P_k given by its parameters; `share` in [0, 1]."""
        return self.model.blend(mixture, params, share)

    def mixture(self, mixture: Mixture, size: int) -> Batch:
        """Return `size` iid draws from a mixture."""
        return self.model.draw(self.rng, mixture, size)

    def real(self, size: int) -> Batch:
        """Return `size` iid draws from P; `size` may be 0."""
        return self.mixture(self.target(), size)

    def synthetic(self, params: Params, size: int) -> Batch:
        """Return `size` iid draws from the model with these parameters; `size` may be 0."""
        return self.mixture(self.blend(self.target(), params, 1.0), size)

    def merge(self, first: Batch, second: Batch) -> Batch:
        """Return the union of two training sets."""
        return self.model.merge(first, second)
