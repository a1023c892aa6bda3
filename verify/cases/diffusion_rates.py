"""Cases for learning a diffusion model: the error of a score, and the exponent of the one-step error in n."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

import bounds
from bounds import Result
from sim import NormalMixture
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import tweedie
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Sampler, Score
from sim.diffusion.times import time_grid
from sim.diffusion.training import train

from ..case import Array, Bounded, Case, Design, Exponent, Setting
from ..diffusion_steps import LAWS, fisher
from ..slopes import slope_weights
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "ornstein-uhlenbeck": "sim.diffusion noises by this process, and the sampler's first law is N(0, 1)",
    "bounded-features": "tanh features over the root of their number, drawn once: norm at most 1",
    "denoising-ridge": "sim.diffusion.train averages over all noises by quadrature and adds the penalty",
    "penalty": "the penalty is c n^(-1/2)",
    "fixed-covariance": "each step has the covariance of the true reverse step, whatever the score",
    "one-hidden-layer": "32 softplus features, trained by gradient flow that is stopped at c n^(1/2)",
}
_INTERVAL, _NODES = (-12.0, 12.0), 321


@dataclass(frozen=True, eq=False)
class KnownCovariance(Sampler):
    """Steps with the mean of Tweedie's formula for the learned score, and its covariance for the true one.

    Attributes
    ----------
    law : NormalMixture
        The real distribution.
    """

    law: NormalMixture = LAWS["two"]

    def kernel(self, score: Score, x: Array, k: int) -> tuple[Array, Array]:
        """Return mean and variance of step k from `x`."""
        t, h = self.step(k)
        return tweedie(x, np.asarray(score(x, t), dtype=float), self.law.noised(t).jet(x)[2], h)


@dataclass(frozen=True, kw_only=True, eq=False)
class Learning:
    """Models trained on more and more points.

    Attributes
    ----------
    label : str
    law : NormalMixture
    features : RandomFeatures
    sampler : Sampler
    constant : float
        The penalty is `constant` n^(-1/2); or, with `flow`, gradient flow stops at `constant` n^(1/2).
    flow : bool
    """

    label: str
    law: NormalMixture
    features: RandomFeatures
    sampler: Sampler
    constant: float
    flow: bool = False

    def fitted(self, rng: np.random.Generator, n: int) -> ScoreNetwork:
        """Return the network trained on n points."""
        value = (self.constant * n ** (0.5 if self.flow else -0.5),)
        chosen: dict[str, Any] = {"stops": value} if self.flow else {"penalties": value}
        (network,) = train(self.law.sample(rng, n), self.features, self.sampler.times, **chosen)
        return network

    def distance(self, rng: np.random.Generator, n: int) -> tuple[float, float]:
        """Return TV(P_hat, P) after training on n points, and a bound of its error."""
        output = output_law(self.fitted(rng, n), self.sampler, _INTERVAL, _NODES)
        value, error = tv_mixtures(output.law, self.law)
        return value, error + output.error


def distances(learning: Learning, sizes: tuple[int, ...], seed: int, batch: int = 8) -> Iterator[Array]:
    """Yield TV(P_hat, P) at all sizes, moved by its error so that the exponent is larger."""
    rng, sign = np.random.Generator(np.random.SFC64(seed)), np.sign(slope_weights(sizes))
    while True:
        found = np.array([[learning.distance(rng, n) for n in sizes] for _ in range(batch)])
        yield np.clip(found[..., 0] + sign * found[..., 1], 0.0, 1.0)


_TIMES = time_grid(0.01, 3.0, 20, "quadratic")
_BOUNDED = RandomFeatures(1, 32, 4.0, activation="tanh", rate=2.0)
RIDGE = Learning(
    label="P=two, 32 tanh features, penalty 0.003 n^(-1/2)",
    law=LAWS["two"],
    features=_BOUNDED,
    sampler=KnownCovariance(_TIMES),
    constant=0.003,
)
FLOW = Learning(
    label="P=two, 32 softplus features, stopped at 100 n^(1/2)",
    law=LAWS["two"],
    features=RandomFeatures(1, 32, 6.0),
    sampler=Sampler(_TIMES),
    constant=100.0,
    flow=True,
)
_SIZES = (4, 16, 64, 256)


def _rate(learning: Learning, result: Result) -> tuple[Design, ...]:
    """The distance itself is measured, not less its floor: without this constant it falls faster."""
    return (
        Design(
            label=learning.label,
            values={"n": np.array(_SIZES)},
            evidence=Exponent(along="n", measured=Bounded(blocks=partial(distances, learning, _SIZES)), margin=0.0),
        ),
    )


# --- error of a score -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """Ridge regression at one time."""

    law: str
    t: float
    mu: float
    sizes: tuple[int, ...]

    @property
    def times(self) -> Array:
        return np.array([self.t / 2, self.t])

    def fitted(self, source: Any) -> ScoreNetwork:
        (network,) = train(source, _SMALL, self.times, penalties=(self.mu,))
        return network

    def error(self, network: ScoreNetwork) -> float:
        """Return E|network − score|² under P_t."""
        x, weights, score = _places(self.law, self.t)
        return float(weights @ (network(x, self.t) - score) ** 2)


_SMALL = RandomFeatures(1, 16, 4.0, activation="tanh", rate=2.0)
_SCORED = (
    _Scored(law="two", t=0.5, mu=0.1, sizes=(20, 100, 500)),
    _Scored(law="wide", t=0.3, mu=0.2, sizes=(50, 500)),
    _Scored(law="three", t=1.0, mu=0.2, sizes=(10, 100)),
)


@lru_cache(maxsize=16)
def _places(law: str, t: float) -> tuple[Array, Array, Array]:
    noised = LAWS[law].noised(t)
    x = np.linspace(*noised.support, 257)
    log, score, _ = noised.jet(x)
    return x, np.exp(log) * (x[1] - x[0]), score


def _errors(scored: _Scored, seed: int) -> Iterator[Array]:
    rng = np.random.Generator(np.random.SFC64(seed))
    while True:
        yield np.array(
            [[scored.error(scored.fitted(LAWS[scored.law].sample(rng, n))) for n in scored.sizes] for _ in range(16)]
        )


def _score_error(result: Result) -> tuple[Design, ...]:
    """The network of infinitely many points is the comparison.

    The loss of the minimiser is at most that of A = 0, so that mu |A|² <= 1/(1 − e^(−2t)): this is the range.
    """
    made = []
    for scored in _SCORED:
        best = scored.fitted(LAWS[scored.law])
        noise, information = -1 / np.expm1(-2 * scored.t), float(fisher(LAWS[scored.law], np.array([scored.t]))[0])
        known = {
            "mu": scored.mu,
            "b": 1.0,
            "A": float(np.linalg.norm(best.coefficients)),
            "approx": scored.error(best),
            "noise": noise - information,
        }
        made.append(
            Design(
                label=f"P={scored.law}, t={scored.t:g}, 16 tanh features, mu={scored.mu:g}",
                values={"n": np.array(scored.sizes), **known},
                evidence=Bounded(
                    blocks=partial(_errors, scored),
                    upper=(np.sqrt(noise / scored.mu) + np.sqrt(information)) ** 2,
                ),
            )
        )
    return tuple(made)


def _case(key: str, name: str, designs: Callable[[Result], tuple[Design, ...]]) -> Case:
    result = bounds.get(key)

    def of(setting: Setting) -> tuple[Design, ...]:
        return designs(result)

    return Case(result=result, name=name, designs=of, because=answers(result, _REASONS))


CASES: tuple[Case, ...] = (
    _case("diffusion/score-error/ridge", "sampled", _score_error),
    _case("tv/diffusion/rate", "exponents", partial(_rate, RIDGE)),
    _case("paper/diffusion-rate", "exponents", partial(_rate, FLOW)),
)
