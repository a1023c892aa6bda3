"""A transformer that labels points in context, trained by nothing but the prompt it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from scipy.special import erf

from sim.errors import SimulationError, real, whole
from sim.models.model import Array, Metric
from sim.transformer import ROUNDING, Transformer, to_ball


class Regression(Protocol):
    """A real regression function; a frozen dataclass, whose fields name it in the random key."""

    @property
    def d(self) -> int:
        """Dimension of x."""
        ...

    def __call__(self, x: Array) -> Array:
        """Return f(x), shape (...), for x of shape (..., d)."""
        ...


@dataclass(frozen=True)
class Linear:
    """f(x) = weight·x.

    Attributes
    ----------
    weight : tuple of d floats
        Finite, at least one.
    """

    weight: Sequence[float]

    def __post_init__(self) -> None:
        weight = np.asarray(self.weight, dtype=np.float64)
        if weight.ndim != 1 or not weight.size or not np.isfinite(weight).all():
            raise SimulationError("weight", self.weight, "at least one finite number")
        object.__setattr__(self, "weight", tuple(weight.tolist()))

    @property
    def d(self) -> int:
        """Dimension of x."""
        return len(self.weight)

    def __call__(self, x: Array) -> Array:
        """Return weight·x."""
        return np.asarray(x @ np.asarray(self.weight))


Components: TypeAlias = "tuple[tuple[float, Prompt | None], ...]"  # shares; None stands for P


@dataclass(frozen=True, eq=False, kw_only=True)
class InContext:
    """Labelled points z = (x, y), and P_j the law of those that a transformer labels from a prompt.

    x is uniform on the ball of R^d of this radius. Real points have y = f(x) + sigma·noise, those of
    P_j have y = f_j(x) + sigma·noise, where f_j(x) is coordinate d of the transformer's output at the
    query (x, 0) to the prompt of generation j. Then z is projected onto the unit ball of R^{d+1}.
    Generation j's prompt is its training set, all of it; nothing else is fitted. Tokens are points
    padded with zeros to the transformer's width.

    Judged as a predictor, with loss min(M, (f_j(x) − y)²/2), generation j is a learner j − 1
    generations into the loop: its prompt is a sample of Q_{j−1}.

    Attributes
    ----------
    transformer : Transformer
        Width at least d + 1.
    f : Regression
        The real regression function, such as `Linear`.
    sigma : float
        Standard deviation of the labels' noise, > 0.
    radius : float
        In (0, 1].
    M : float
        Largest loss, > 0; the loss is √(2M)-Lipschitz in the prediction.
    tests : int
        Fresh real points on which each generation's risk and tv are averaged, at least 1.
    block : int
        Replications computed together, at least 1; other blocks draw other numbers.

    Raises
    ------
    SimulationError
        If one of them is not as said.
    """

    transformer: Transformer
    f: Regression
    sigma: float
    radius: float = 0.75
    M: float = 0.5
    tests: int = 256
    block: int = 16

    def __post_init__(self) -> None:
        if not is_dataclass(self.f) or isinstance(self.f, type):
            raise SimulationError("f", self.f, "a frozen dataclass with d and __call__, such as Linear")
        if self.transformer.width < self.f.d + 1:
            allowed = f"of width at least d + 1 = {self.f.d + 1}, to hold a point and its label"
            raise SimulationError("transformer", self.transformer.width, allowed)
        for name, high in (("sigma", math.inf), ("radius", 1.0), ("M", math.inf)):
            object.__setattr__(self, name, real(name, getattr(self, name), 0, high, open_low=True))
        for name in ("tests", "block"):
            object.__setattr__(self, name, whole(name, getattr(self, name), 1))

    @property
    def label(self) -> str:
        """Sizes and noise."""
        t = self.transformer
        return (
            f"in-context(d={self.f.d}, sigma={self.sigma:g}, layers={t.layers}, heads={t.heads}, "
            f"width={t.width}, Gamma={t.Gamma:g}, residual={t.residual})"
        )

    @property
    def least(self) -> int:
        """Smallest prompt, 1."""
        return 1

    def target(self) -> Components:
        """Return the one component of P."""
        return ((1.0, None),)

    def blend(self, mixture: Components, params: Prompt, share: float) -> Components:
        """Return the components with their new shares."""
        if share == 0:
            return mixture
        rest = tuple((weight * (1 - share), part) for weight, part in mixture) if share < 1 else ()
        return (*rest, (share, params))

    def draw(self, rng: np.random.Generator, mixture: Components, size: int) -> Array:
        """Return `size` points, shape (block, size, d + 1), each from a component of its own."""
        x = self.features(rng, (self.block, size))
        means = [self.f(x) if part is None else part.predict(x) for _, part in mixture]
        mean = means[0]
        if len(means) > 1:
            which = rng.choice(len(means), (self.block, size), p=[share for share, _ in mixture])
            mean = np.take_along_axis(np.stack(means), which[None], axis=0)[0]
        return self.points(x, mean + self.sigma * rng.standard_normal(mean.shape))

    def merge(self, first: Array, second: Array) -> Array:
        """Return the points of both."""
        return np.concatenate([first, second], axis=1)

    def estimate(self, rng: np.random.Generator, batch: Array) -> Prompt:
        """Return the points as a prompt; nothing is computed before it is asked for."""
        return Prompt(self, batch, rng.spawn(1)[0])

    def measures(self) -> Mapping[str, Metric]:
        """Return gap, risk, empirical_risk and tv.

        tv is the mean over x of TV(N(f_j(x), sigma²), N(f(x), sigma²)): the TV distance of P_j and P
        before the projection, which can only lower it.
        """

        def one(of: Callable[[Prompt], Array], long_name: str) -> Metric:
            return Metric(of=lambda params, target: of(params), units="1", long_name=long_name)

        return {
            "gap": one(lambda p: p.risk - p.empirical_risk, "risk minus empirical risk"),
            "risk": one(lambda p: p.risk, "mean loss under P"),
            "empirical_risk": one(lambda p: p.empirical_risk, "mean loss on the prompt"),
            "tv": one(lambda p: p.tv, "mean over x of TV(P_i, P) given x"),
        }

    def features(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw x, shape (*shape, d)."""
        x = rng.standard_normal((*shape, self.f.d))
        x *= self.radius * rng.random((*shape, 1)) ** (1 / self.f.d) / np.linalg.norm(x, axis=-1, keepdims=True)
        return x

    def points(self, x: Array, y: Array) -> Array:
        """Return the points (x, y), projected onto the unit ball."""
        return to_ball(np.concatenate([x, y[..., None]], axis=-1))

    def tokens(self, points: Array) -> Array:
        """Return points, or x alone, as tokens: padded with zeros."""
        missing = self.transformer.width - points.shape[-1]
        return np.pad(points, ((0, 0),) * (points.ndim - 1) + ((0, missing),))


@dataclass(frozen=True, eq=False)
class Prompt:
    """A generation: its prompts and what the transformer makes of them, in every replication of a block.

    Attributes
    ----------
    model : InContext
        Gives the transformer and the law of x.
    points : numpy.ndarray, shape (block, n, d + 1)
        The prompts' points, norms at most 1.
    rng : numpy.random.Generator
        Draws the test points; its own, so that measuring leaves the loop's draws alone.
    """

    model: InContext
    points: Array
    rng: np.random.Generator

    def __post_init__(self) -> None:
        norms = np.linalg.norm(self.points, axis=-1)
        if not norms.max() <= 1 + ROUNDING:
            raise SimulationError("points", float(norms.max()), "points of norm at most 1")

    def predict(self, x: Array) -> Array:
        """Return f_j(x), shape (block, q), for x of shape (block, q, d)."""
        out = self.model.transformer.read(self.states, self.model.tokens(x))
        return np.asarray(out[..., self.model.f.d])

    @cached_property
    def states(self) -> tuple[Array, ...]:
        """The prompts' tokens as every layer finds them."""
        return self.model.transformer.states(self.model.tokens(self.points))

    @cached_property
    def empirical_risk(self) -> Array:
        """Mean loss on the prompts' own points, shape (block,)."""
        return self._loss(self.predict(self.points[..., :-1]), self.points[..., -1])

    @cached_property
    def risk(self) -> Array:
        """Mean loss on fresh real points, shape (block,)."""
        x, noise = self._test
        real = self.model.points(x, self.model.f(x) + noise)
        return self._loss(self.predict(real[..., :-1]), real[..., -1])

    @cached_property
    def tv(self) -> Array:
        """Mean TV distance of the labels' laws at fresh x, before the projection, shape (block,)."""
        x = self._test[0]
        gap = np.abs(self.predict(x) - self.model.f(x))
        return np.asarray(erf(gap / (math.sqrt(8) * self.model.sigma)).mean(axis=1))

    @cached_property
    def _test(self) -> tuple[Array, Array]:
        """Fresh x and noise of labels."""
        x = self.model.features(self.rng, (len(self.points), self.model.tests))
        return x, self.model.sigma * self.rng.standard_normal(x.shape[:-1])

    def _loss(self, predictions: Array, y: Array) -> Array:
        return np.asarray(np.minimum((predictions - y) ** 2 / 2, self.model.M).mean(axis=1))
