"""Regression on labels of the last fit, row by row: any rows, any noise, with a penalty or by the shortest fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from sim.errors import SimulationError, real, whole
from sim.exact_chains import Array
from sim.regression import check_generations, generator

Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]

NOISES: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "sign": lambda rng, shape: rng.choice((-1.0, 1.0), shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "student": lambda rng, shape: rng.standard_t(5, shape) * math.sqrt(0.6),
}
"""Laws of noise with mean 0 and variance 1."""


def _on_sphere(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    rows = rng.standard_normal(shape)
    return np.asarray(rows * (math.sqrt(shape[-1]) / np.linalg.norm(rows, axis=-1, keepdims=True)))


ROWS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "sphere": _on_sphere,
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "heavy": lambda rng, shape: rng.standard_normal(shape) * _scales(rng, shape),
}
"""Laws of rows with second moments I_d: (block, n, d) from the last two entries of a shape."""


def _scales(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """One factor per row, of mean square 1, that is three times as large in one row of nine."""
    large = rng.random((*shape[:-1], 1)) < 1 / 9
    return np.asarray(np.where(large, 3.0, 1.0) * math.sqrt(9 / 17))


@dataclass(frozen=True, kw_only=True)
class RegressionData:
    """Linear regression in a loop, row by row.

    Generation 1 is fitted to n rows with real labels, generation j + 1 to real labels with weight alpha and labels of
    generation j with weight 1 - alpha, at the same rows or at new ones.

    Attributes
    ----------
    n : int
        Rows, at least 1.
    w : tuple of float
        True coefficients; their number is d. With n < d and mu = 0 a fit is the shortest exact one.
    sigma, tau : float
        Standard deviation of the noise in real and in synthetic labels, >= 0.
    alpha : float
        Weight of the real labels, which are drawn anew in each generation, in [0, 1].
    mu : float
        Strength of the penalty (mu/2)|w|^2 beside the average of (w.x - y)^2/2, >= 0.
    rows, noise : str
        Keys of `ROWS` and `NOISES`.
    design : int, optional
        Fixed rows: the same n rows, drawn with this number for a seed, in every generation and replication.
        By default each replication draws its own.
    fresh_rows : bool
        New rows in every generation.

    Raises
    ------
    SimulationError
        If one of them is not as said, or fixed rows should be new ones.
    """

    n: int
    w: tuple[float, ...]
    sigma: float = 1.0
    tau: float = 1.0
    alpha: float = 0.0
    mu: float = 0.0
    rows: str = "normal"
    noise: str = "normal"
    design: int | None = None
    fresh_rows: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole("n", self.n, 1))
        whole("len(w)", len(self.w), 1)
        object.__setattr__(self, "w", tuple(real("w", x, -math.inf, math.inf) for x in self.w))
        for name in ("sigma", "tau", "mu"):
            object.__setattr__(self, name, real(name, getattr(self, name), 0, math.inf))
        object.__setattr__(self, "alpha", real("alpha", self.alpha, 0, 1))
        for name, known in (("rows", ROWS), ("noise", NOISES)):
            if getattr(self, name) not in known:
                raise SimulationError(name, getattr(self, name), "one of " + ", ".join(known))
        if self.design is not None and self.fresh_rows:
            raise SimulationError("fresh_rows", self.fresh_rows, "False where the rows are fixed by `design`")

    def fixed_rows(self) -> Array:
        """Return the rows that `design` fixes, (n, d)."""
        rng = np.random.default_rng(whole("design", self.design, 0))
        return np.asarray(ROWS[self.rows](rng, (1, self.n, len(self.w)))[0])

    def errors(self, at: tuple[int, ...], seed: int, block: int = 256) -> Iterator[Array]:
        """Yield blocks (block, len(at), d) of independent replications of w_i - w, endlessly.

        Parameters
        ----------
        at : tuple of int
            Increasing generations >= 1.
        seed : int
            Same seed, same numbers; loops that differ have independent ones.
        block : int
            Replications computed together.

        Raises
        ------
        SimulationError
            `at` does not increase from 1 or more.
        """
        check_generations(at)
        for index in count():
            fits = _fits(generator(repr(self), seed, index), self, block)
            yield np.stack([fit for i, fit in zip(range(1, at[-1] + 1), fits, strict=False) if i in at], axis=1)


def _fits(rng: np.random.Generator, loop: RegressionData, block: int) -> Iterator[Array]:
    """Yield w_1 - w, w_2 - w, ..., each (block, d)."""
    truth = np.array(loop.w)
    shape = (block, loop.n, truth.size)
    fixed = loop.fixed_rows()[None] if loop.design is not None else None
    x = ROWS[loop.rows](rng, shape) if fixed is None else fixed
    solver = _solver(x, loop.mu)

    def labels(coefficients: Array, noise: float) -> Array:
        predictions = np.einsum("rnk,rk->rn", np.broadcast_to(x, shape), coefficients)
        return np.asarray(predictions + noise * NOISES[loop.noise](rng, shape[:2]))

    real_coefficients = np.broadcast_to(truth, (block, truth.size))
    y = labels(real_coefficients, loop.sigma)
    while True:
        fit = np.einsum("rkn,rn->rk", np.broadcast_to(solver, (block, truth.size, loop.n)), y)
        yield fit - truth
        if loop.fresh_rows:
            x = ROWS[loop.rows](rng, shape)
            solver = _solver(x, loop.mu)
        y = labels(fit, loop.tau)
        if loop.alpha > 0:
            y = loop.alpha * labels(real_coefficients, loop.sigma) + (1 - loop.alpha) * y


def _solver(x: Array, mu: float) -> Array:
    """Return the matrices that make coefficients of labels, (..., d, n)."""
    n, d = x.shape[-2:]
    transposed = np.swapaxes(x, -1, -2)
    if mu == 0 and n < d:
        return np.asarray(transposed @ np.linalg.inv(x @ transposed))
    return np.asarray(np.linalg.solve(transposed @ x + n * mu * np.eye(d), transposed))


__all__ = ["NOISES", "ROWS", "RegressionData"]
