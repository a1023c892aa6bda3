"""Cases for generalization in context: softmax transformers in the loop, and the published order of their gap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import erfinv
from scipy.stats import norm

import bounds
import sim
from bounds import Result

from ..case import Array, Bounded, Case, Design, Exact, Exponent, Signed
from ..laboratory import stream
from ..prompts import averager
from .reasons import answers
from .transformer import _REASONS as _TRANSFORMER

ONE_STEP = 0.42
"""C of `quiet` under every `expand`: its one-step errors are at most C N^(-1/2)."""

_REASONS: Mapping[str, str] = {
    **_TRANSFORMER,
    "lipschitz-in-output": "the loss is min(M, (f - y)^2/2) in a coordinate f of the output: L = sqrt(2 M)",
    "bounded-loss": "the loss is clipped at M",
    "measured-shift": "tv is a limit of E TV(P_i, P) that 512 simulated loops give with an error of at most 1e-6",
    "schedule-fixed": "sim.schedules draws exactly the training sets of `fixed`",
    "schedule-expand": "sim.schedules draws exactly the training sets of `expand`",
    "one-step-power-law": "uniform attention predicts the mean label, so that generations are normal laws of known "
    "variance; TV(P_{j+1}, Q_j) <= alpha TV(P_{j+1}, P) + (1-alpha) TV(P_{j+1}, P_j), and the expectation of this is "
    "at most 0.42 N^(-1/2) for every lam (labels leave the ball, and are projected, with probability below 1e-10)",
    "stable-learner": "beta_n <= L K/n for a softmax transformer; K = 2 for uniform attention in one layer",
    "orders": "uniform attention predicts the mean label: beta_n <= 2L/n, gamma_n <= sqrt(i(1-alpha)/n)/sigma, and "
    "where labels are noise one-step errors are at most of order n^(-1/2): a = 1/2",
}
_AT = (1, 2, 5)


@dataclass(frozen=True)
class Level:
    """f(x) = height: labels whose mean does not depend on x."""

    height: float
    d: int = 1

    def __call__(self, x: Array) -> Array:
        """Return the height, whatever x."""
        return np.full(x.shape[:-1], self.height)


@dataclass(frozen=True, eq=False)
class Loop:
    """A prompted transformer under `fixed`, with what was measured of its shift.

    Attributes
    ----------
    name : str
    model : sim.InContext
    n : int
    alpha : float
    tv : float
        At least E TV(P_i, P) for every i that is looked at.
    """

    name: str
    model: sim.InContext
    n: int
    alpha: float
    tv: float

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of the bound."""
        t, M = self.model.transformer, self.model.M
        return {
            "n": self.n, "alpha": self.alpha, "i": np.array(_AT), "Gamma": t.Gamma, "layers": t.layers,
            "sigma": self.model.sigma, "L": math.sqrt(2 * M), "M": M, "tv": self.tv,
        }  # fmt: skip


def _random(layers: int, heads: int, Gamma: float, residual: bool = False) -> sim.InContext:
    transformer = sim.random_transformer(
        layers=layers, heads=heads, width=3, Gamma=Gamma, residual=residual, seed=layers
    )
    return sim.InContext(transformer=transformer, f=sim.Linear((0.6, 0.2)), sigma=0.2, M=0.1, tests=16)


def _reversed() -> sim.InContext:
    """Return uniform attention that answers with minus the mean label."""
    model = averager()
    return sim.InContext(
        transformer=sim.Transformer(W=model.W, V=-model.V, Gamma=0.0), f=Level(0.5), sigma=0.2, radius=0.3, tests=16
    )


def loops(residual: bool) -> tuple[Loop, ...]:
    """Return loops of transformers, the most informative first; that of the trained one is beyond every bound."""
    if not residual:
        return (
            Loop("minus the mean label", _reversed(), 400, 0.2, 0.99),
            Loop("random weights, one layer", _random(1, 1, 0.1), 400, 0.5, 0.4),
            Loop("random weights, two layers", _random(2, 2, 0.05), 200, 0.5, 0.4),
            Loop("random weights, one layer", _random(1, 1, 0.1), 1000, 0.8, 0.4),
        )
    trained = sim.InContext(transformer=sim.trained_transformer(), f=sim.Linear((0.6, 0.2)), sigma=0.1, M=0.1, tests=16)
    return (
        Loop("random weights, one layer", _random(1, 1, 0.1, residual=True), 400, 0.5, 0.4),
        Loop("random weights, two layers", _random(2, 1, 0.0, residual=True), 200, 0.5, 0.4),
        Loop("trained weights", trained, 64, 0.5, 0.2),
    )


def _later(at: tuple[int, ...]) -> tuple[int, ...]:
    """Return the simulator's generations: the prompt of generation i + 1 is what P_i adds to."""
    return tuple(i + 1 for i in at)


def _generalization(result: Result) -> list[Design]:
    return [
        Design(
            label=f"{loop.name}, n={loop.n}, alpha={loop.alpha:g}, Gamma={loop.model.transformer.Gamma:g}",
            values=loop.values,
            evidence=Signed(
                blocks=stream(loop.model, sim.Fixed(loop.alpha), loop.n, "gap", _later(_AT)), reach=loop.model.M
            ),
        )
        for loop in loops(result.key.endswith("/residual"))
    ]


def quiet(sigma: float = 0.15, block: int = 64) -> sim.InContext:
    """Return uniform attention that is asked for labels of pure noise."""
    return sim.InContext(
        transformer=averager(), f=sim.Linear((0.0,)), sigma=sigma, radius=0.1, M=2 * sigma**2, tests=16, block=block
    )


def sizing_values(model: sim.InContext, n: int, lam: Any, i: Any) -> dict[str, Any]:
    """Return the arguments of the sizing bound for `quiet`."""
    t = model.transformer
    return {
        "n": n, "lam": lam, "i": i, "Gamma": t.Gamma, "layers": t.layers, "sigma": model.sigma,
        "L": math.sqrt(2 * model.M), "M": model.M, "C": ONE_STEP, "a": 0.5,
    }  # fmt: skip


def _sizing(result: Result) -> list[Design]:
    model = quiet()
    return [
        Design(
            label=f"uniform attention, n={n}, lam={lam:g}",
            values=sizing_values(model, n, lam, np.array(_AT)),
            evidence=Signed(blocks=stream(model, sim.Expand(lam), n, "gap", _later(_AT)), reach=model.M),
        )
        for n, lam in ((100, 1.0), (100, 4.0), (200, 0.5), (20, 1.0))
    ]


def quiet_gap(n: int, lam: float, i: int, edge: float) -> float:
    """Return E gap of `quiet` under `expand`, in units of sigma², for losses clipped at M = edge² sigma²/2.

    All labels are normal, and so are their distances from the mean label of the prompt: their variances follow.
    """
    alpha, drawn = 1 / (1 + lam), 1 / (lam * n) if lam else 0.0
    spread = 0.0  # variance of the mean label of generation i given the real ones
    for _ in range(i - 1):
        spread = (1 - alpha) ** 2 * (spread + drawn)
    ours = 1 / n + (1 - alpha) ** 2 * (spread + drawn)
    variances = (1 + ours, 1 + ours - 2 / n, 1 + alpha**2 * spread - (1 - alpha**2) * drawn)
    fresh, real, synthetic = (float(noise_risk(np.zeros(()), math.sqrt(v), edge**2 / 2)) for v in variances)
    return fresh - alpha * real - (1 - alpha) * synthetic


def _sizing_exact(result: Result) -> list[Design]:
    model, at = quiet(), (1, 2, 5, 20)
    edge = math.sqrt(2 * model.M) / model.sigma

    def gaps(n: int, shares: tuple[float, ...]) -> Array:
        return np.array([[abs(model.sigma**2 * quiet_gap(n, lam, i, edge)) for i in at] for lam in shares])

    return [
        Design(
            label=f"uniform attention, n={n}",
            values=sizing_values(model, n, np.array(shares)[:, None], np.array(at)),
            evidence=Exact(values=partial(gaps, n, shares), upper=model.M),
        )
        for n in (100, 20, 1000, 10_000)
        for shares in ((0.1, 0.5, 1.0, 2.0, 4.0, 20.0),)
    ]


def noise_risk(mean: Array, sigma: float, M: float) -> Array:
    """Return E min(M, (y - mean)²/2) for y ~ N(0, sigma²)."""
    edge = math.sqrt(2 * M)
    low, high = (mean - edge) / sigma, (mean + edge) / sigma
    inside = norm.cdf(high) - norm.cdf(low)
    square = (sigma**2 + mean**2) * inside - sigma**2 * (high * norm.pdf(high) - low * norm.pdf(low))
    return np.asarray((square + 2 * mean * sigma * (norm.pdf(high) - norm.pdf(low))) / 2 + M * (1 - inside))


def _gaps(model: sim.InContext, alpha: float, n: int, at: tuple[int, ...], seed: int) -> Iterator[Array]:
    """|gap| of `quiet`, whose risk is known: its mean label has this distance from 0, for this total variation."""
    record = ("tv", "empirical_risk")
    for found in sim.blocks(
        model, sim.Fixed(alpha), n=n, generations=max(at) + 1, seed=seed, record=record, at=_later(at)
    ):
        mean = math.sqrt(8) * model.sigma * erfinv(found["tv"])
        yield np.abs(noise_risk(mean, model.sigma, model.M) - found["empirical_risk"])


def _orders(result: Result) -> list[Design]:
    """The mean of |gap|; by Markov's inequality no quantile is of a larger order."""
    sizes, at, model = np.array((20, 40, 80, 160)), (1, 2, 5), quiet()

    def along(alpha: float) -> Design:
        def blocks(seed: int) -> Iterator[Array]:
            for found in zip(*(_gaps(model, alpha, int(n), at, seed) for n in sizes), strict=True):
                yield np.stack(found, axis=-1)

        return Design(
            label=f"mean |gap| of uniform attention, alpha={alpha:g}",
            values={"n": sizes, "alpha": alpha, "i": np.array(at)[:, None], "a": 0.5, "delta": 0.05},
            evidence=Exponent(along="n", measured=Bounded(blocks=blocks, upper=model.M)),
        )

    return [along(0.5), along(0.2)]


def _case(key: str, name: str, designs: Callable[[Result], list[Design]]) -> Case:
    result = bounds.get(key)
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(result)), because=answers(result, _REASONS)
    )


CASES: tuple[Case, ...] = (
    _case("icl/softmax/generalization", "sampled", _generalization),
    _case("icl/softmax/generalization/residual", "sampled", _generalization),
    _case("icl/synthetic-sizing", "normal-labels", _sizing_exact),
    _case("icl/synthetic-sizing", "sampled", _sizing),
    _case("paper/stl-in-context", "transformer", _orders),
)
