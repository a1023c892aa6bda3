"""Who is trained on what: the eight schedules of a self-consuming loop.

Generation 1 is trained on n draws from the real distribution P, generation i + 1 on a training set
drawn from Q_i = a_i·P + Σ_k b_{i,k}·P_k. A schedule writes its loop down as a generator: it yields
a training set (in the form the model keeps it) and receives the parameters fitted to it, so it
holds exactly what the next generation needs. `targets` does the same for the mixtures Q_i.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sim.errors import SimulationError, real, share_of, triangular, whole
from sim.models.model import Array, Batch, Mixture, Params, World

Sets: TypeAlias = Generator[Batch, Params, None]
Targets: TypeAlias = Generator[Mixture, Params, None]
Sizes: TypeAlias = NDArray[np.int64]


class Schedule(ABC):
    """What the loop asks of a schedule; unless it says otherwise, n independent draws from every Q_i."""

    name: ClassVar[str]

    @abstractmethod
    def weights(self, generations: int) -> Array:
        """Return B, shape (g, g), strictly lower triangular: row i holds the weights of P_1..P_i in Q_i.

        Row 0 is generation 1, trained on P alone. The weight of P is 1 minus the sum of the row.
        """

    @abstractmethod
    def targets(self, world: World) -> Targets:
        """Yield Q_0, Q_1, …; receive the parameters of P_1, P_2, …."""

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return the sizes of the training sets, shape (generations,); raise if `n` does not split."""
        return np.full(generations, n)

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield the training sets of generations 1, 2, …; receive the parameters fitted to them."""
        targets = self.targets(world)
        mixture = next(targets)
        while True:
            params = yield world.mixture(mixture, n)
            mixture = targets.send(params)


class _LastAndReal(Schedule):
    """Q_i = (1 − s)·P + s·P_i, s the synthetic share."""

    @property
    @abstractmethod
    def synthetic(self) -> float:
        """Share of the last generation in Q_i."""

    def weights(self, generations: int) -> Array:
        """Return B: the synthetic share below the diagonal."""
        return np.diag(np.full(generations - 1, self.synthetic), -1)

    def targets(self, world: World) -> Targets:
        """Yield P, then (1 − s)·P + s·P_i."""
        params = yield world.target()
        while True:
            params = yield world.blend(world.target(), params, self.synthetic)


class _Average(Schedule):
    """Q_i = (P + P_1 + … + P_i)/(i + 1)."""

    def weights(self, generations: int) -> Array:
        """Return B: 1/(i + 1) left of the diagonal in row i."""
        rows = np.arange(1, generations + 1, dtype=np.float64)[:, None]
        return np.tril(np.broadcast_to(1 / rows, (generations, generations)), -1)

    def targets(self, world: World) -> Targets:
        """Yield the running average."""
        mixture = world.target()
        for i in count(1):
            params = yield mixture
            mixture = world.blend(mixture, params, 1 / (i + 1))


@dataclass(frozen=True)
class Replace(_LastAndReal):
    """n draws from the last generation, nothing else."""

    name: ClassVar[str] = "replace"

    @property
    def synthetic(self) -> float:
        """Share of the last generation in Q_i, 1."""
        return 1.0


@dataclass(frozen=True)
class _RealShare(_LastAndReal):
    """Q_i = alpha·P + (1 − alpha)·P_i."""

    alpha: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", real("alpha", self.alpha, 0, 1))

    @property
    def synthetic(self) -> float:
        """Share of the last generation in Q_i, 1 − alpha."""
        return 1 - self.alpha


@dataclass(frozen=True)
class Fresh(_RealShare):
    """n independent draws from alpha·P + (1 − alpha)·P_i; the real count is Binomial(n, alpha)."""

    name: ClassVar[str] = "fresh"


@dataclass(frozen=True)
class Stratified(_RealShare):
    """alpha·n fresh draws from P and (1 − alpha)·n from the last generation; alpha·n must be whole."""

    name: ClassVar[str] = "stratified"

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return n, n, …; raise if alpha·n is not whole."""
        share_of(n, "alpha", self.alpha)
        return np.full(generations, n)

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield n real draws, then real and synthetic ones in fixed numbers."""
        m = share_of(n, "alpha", self.alpha)
        params = yield world.real(n)
        while True:
            params = yield world.merge(world.real(m), world.synthetic(params, n - m))


@dataclass(frozen=True)
class Fixed(_RealShare):
    """The first alpha·n of the n real points, the same ones ever after, and (1 − alpha)·n draws from P_i."""

    name: ClassVar[str] = "fixed"

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return n, n, …; raise if alpha·n is not whole."""
        share_of(n, "alpha", self.alpha)
        return np.full(generations, n)

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield the n real points, then the reused ones with synthetic draws."""
        m = share_of(n, "alpha", self.alpha)
        reused = world.real(m)
        params = yield world.merge(reused, world.real(n - m))
        while True:
            params = yield world.merge(reused, world.synthetic(params, n - m))


@dataclass(frozen=True)
class Accumulate(_Average):
    """Everything is kept: n real points and n points of each generation so far."""

    name: ClassVar[str] = "accumulate"

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return n, 2n, 3n, …."""
        return n * np.arange(1, generations + 1)

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield the growing pool."""
        pool = world.real(n)
        while True:
            params = yield pool
            pool = world.merge(pool, world.synthetic(params, n))


@dataclass(frozen=True)
class Subsample(_Average):
    """n independent draws from the equal mixture of P, P_1, …, P_i."""

    name: ClassVar[str] = "subsample"


@dataclass(frozen=True)
class Expand(_LastAndReal):
    """All n real points, the same ones ever after, plus lam·n draws from P_i; lam·n must be whole."""

    lam: float
    name: ClassVar[str] = "expand"

    def __post_init__(self) -> None:
        object.__setattr__(self, "lam", real("lam", self.lam, 0, math.inf))

    @property
    def synthetic(self) -> float:
        """Share of the last generation in Q_i, lam/(1 + lam)."""
        return self.lam / (1 + self.lam)

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return n, (1 + lam)·n, (1 + lam)·n, …; raise if lam·n is not whole."""
        return n + share_of(n, "lam", self.lam) * (np.arange(generations) > 0)

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield the n real points, then the same with synthetic draws."""
        m = share_of(n, "lam", self.lam)
        points = world.real(n)
        params = yield points
        while True:
            params = yield world.merge(points, world.synthetic(params, m))


@dataclass(frozen=True)
class Weighted(Schedule):
    """Independent draws from Q_i = a_i·P + Σ_k b_{i,k}·P_k for any weights.

    Attributes
    ----------
    B : tuple of tuples of float, or (g, g) array
        Strictly lower triangular, not negative, rows summing to at most 1. Row i, counted from 0,
        holds the weights of P_1..P_i in the training set of generation i + 1; a_i is the rest.
        A loop can have at most g generations.
    n : tuple of int, optional
        One sample size per generation. The loop's own n must then be the first of them.
    """

    B: Sequence[Sequence[float]] | Array
    n: Sequence[int] | Sizes | None = None
    name: ClassVar[str] = "weighted"

    def __post_init__(self) -> None:
        B = triangular("B", self.B)
        object.__setattr__(self, "B", tuple(map(tuple, B.tolist())))
        if self.n is not None:
            sizes = tuple(whole("n", size, 1) for size in self.n)
            if len(sizes) != len(B):
                raise SimulationError("n", sizes, f"one sample size per row of B ({len(B)})")
            object.__setattr__(self, "n", sizes)

    def weights(self, generations: int) -> Array:
        """Return the first `generations` rows and columns of B."""
        if generations > len(self.B):
            raise SimulationError("generations", generations, f"at most {len(self.B)}, the rows of B")
        return np.asarray(self.B, dtype=np.float64)[:generations, :generations]

    def sizes(self, n: int, generations: int) -> Sizes:
        """Return the sizes given, or n, n, …."""
        self.weights(generations)
        if self.n is None:
            return np.full(generations, n)
        if n != self.n[0]:
            raise SimulationError("n", n, f"the first of the schedule's own sample sizes ({self.n[0]})")
        return np.asarray(self.n[:generations], dtype=np.int64)

    def targets(self, world: World) -> Targets:
        """Yield Q_0, Q_1, …, keeping a generation's parameters only while a later row needs them."""
        B = np.asarray(self.B, dtype=np.float64)
        kept: dict[int, Params] = {}
        for row in range(len(B)):
            mixture, total = world.target(), 1 - float(B[row].sum())
            total = total if total > 1e-12 else 0.0  # what rounding leaves is no real data
            for k in [k for k in kept if B[row, k] > 0]:
                total += B[row, k]
                mixture = world.blend(mixture, kept[k], min(B[row, k] / total, 1.0))
            kept[row] = yield mixture
            kept = {k: params for k, params in kept.items() if B[row + 1 :, k].any()}

    def training_sets(self, world: World, n: int) -> Sets:
        """Yield n_i draws from each mixture."""
        targets = self.targets(world)
        mixture = next(targets)
        for size in self.sizes(n, len(self.B)).tolist():
            params = yield world.mixture(mixture, size)
            mixture = targets.send(params)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind for kind in (Replace, Fresh, Stratified, Fixed, Accumulate, Subsample, Expand, Weighted)
}


def schedule(name: str, **params: object) -> Schedule:
    """Return the schedule of this name (a key of `SCHEDULES`) with its parameters (alpha; lam; B and n).

    Raises `SimulationError` if there is no such schedule, or the parameters are not its own.
    """
    if name not in SCHEDULES:
        raise SimulationError("name", name, "one of " + ", ".join(SCHEDULES))
    try:
        return SCHEDULES[name](**params)
    except TypeError as error:
        raise SimulationError("params", params, f"the parameters of {name}: {error}") from error
