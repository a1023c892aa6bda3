"""Searches for one step of a diffusion model on the line: scores of other mixtures, and what is learned from points."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import bounds
from sim import NormalMixture
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import ExactScore
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Kind, Sampler
from sim.diffusion.times import time_grid
from sim.diffusion.training import train

from ..case import Array, Bounded, Design, Exact, Exponent
from ..cases.diffusion import design as of_steps
from ..cases.diffusion import reversed_step
from ..cases.diffusion_ends import step_divergence
from ..cases.diffusion_rates import FLOW, RIDGE, KnownCovariance, Learning
from ..diffusion_steps import LAWS, Setup, Step, fisher, terms_of
from ..search import Axis, Search
from .diffusion_ends import SPACINGS, mixture

Values: TypeAlias = Mapping[str, Any]

_TARGET: Mapping[str, Axis] = {
    "share": Axis(low=0.1, high=0.9),
    "distance": Axis(low=0, high=3),
    "centre": Axis(low=-2, high=-0.5),
    "width": Axis(low=0.3, high=0.8, log=True),
    "ratio": Axis(low=0.5, high=1.5, log=True),
}
"""Within the interval on which laws of outputs are computed."""
_LEARNED: Mapping[str, Axis] = {
    "shifted": Axis(low=-0.5, high=0.5),
    "stretched": Axis(low=0.75, high=1.3, log=True),
    "moved": Axis(low=-0.09, high=0.09),
}
"""What is wrong with the mixture whose score is used; see `learned`."""
_TIMES: Mapping[str, Axis] = {
    "t0": Axis(low=0.01, high=0.1, log=True),
    "T": Axis(low=0.5, high=3, log=True),
}
_KINDS: tuple[Kind, ...] = ("tweedie", "euler", "exponential")
_NAMES = tuple(LAWS)


def learned(values: Values) -> NormalMixture:
    """Return the target with its first centre shifted, widths stretched and some of the mass moved."""
    return mixture(
        {
            **values,
            "share": values["share"] + values["moved"],
            "centre": values["centre"] + values["shifted"],
            "distance": values["distance"] - values["shifted"],
            "width": values["width"] * values["stretched"],
        }
    )


@dataclass(frozen=True, kw_only=True)
class _Targeted(Setup):
    """A sampler for a given mixture."""

    target: NormalMixture

    @property
    def p(self) -> NormalMixture:
        """The real distribution."""
        return self.target


def _chain(key: str, kinds: tuple[Kind, ...]) -> Search:
    """The exact score of a wrong mixture, in samplers of a kind and a spacing by number."""
    result = bounds.get(key)

    def step(values: Values) -> Step:
        setup = _Targeted(
            target=mixture(values),
            t0=values["t0"],
            T=values["T"],
            steps=values["steps"],
            spacing=SPACINGS[values["spacing"]],
            kind=kinds[values.get("kind", 0)],
        )
        return terms_of(setup, ExactScore(learned(values)))

    axes = {
        **_TARGET,
        **_LEARNED,
        **_TIMES,
        "steps": Axis(low=8, high=20, integer=True),
        "spacing": Axis(low=0, high=1, integer=True),
    }
    axes |= {"kind": Axis(low=0, high=len(kinds) - 1, integer=True)} if len(kinds) > 1 else {}
    return Search(result=result, axes=axes, design=lambda values: of_steps(result, "wrong mixture", [step(values)]))


def _continuous(key: str) -> Search:
    result = bounds.get(key)

    def design(values: Values) -> Design:
        return of_steps(
            result,
            "score of a wrong mixture",
            [reversed_step(mixture(values), learned(values), values["t0"], values["T"])],
        )

    return Search(result=result, axes={**_TARGET, **_LEARNED, **_TIMES}, design=design)


def _divergence(key: str) -> Search:
    """One step back from t by a share of t, for the law of a number."""
    result, equal = bounds.get(key), key.endswith("isotropic")

    def design(values: Values) -> Design:
        t = values["t"]
        found = step_divergence(_NAMES[values["law"]], t, values["part"] * t, values["shift"], equal)
        known = {"J": found[1], "gap": found[3], "d": 2, "r": found[2][0] if equal else found[2]}
        return Design(
            label="reverse kernel in the plane",
            values={name: known[name] for name in result.names},
            evidence=Exact(values=lambda: np.array(found[0])),
        )

    axes = {
        "law": Axis(low=0, high=len(_NAMES) - 1, integer=True),
        "t": Axis(low=0.02, high=3, log=True),
        "part": Axis(low=0.05, high=0.95),
        "shift": Axis(low=-3, high=3),
    }
    return Search(result=result, axes=axes, design=design)


# --- learning -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ridge:
    """A score at one time, linear in a few tanh features, learned with a penalty."""

    law: NormalMixture
    features: RandomFeatures
    t: float
    mu: float

    def fitted(self, source: Any) -> ScoreNetwork:
        """Return what is learned from points or, for a law, from infinitely many."""
        (network,) = train(source, self.features, np.array([self.t / 2, self.t]), penalties=(self.mu,))
        return network

    def errors(self, n: int, seed: int) -> Iterator[Array]:
        """Yield E|network - score|² under the noised law after learning from n points."""
        rng = np.random.Generator(np.random.SFC64(seed))
        while True:
            yield np.array([self.error(self.fitted(self.law.sample(rng, n))) for _ in range(16)])

    def error(self, network: ScoreNetwork) -> float:
        """Return E|network - score|² under the noised law."""
        noised = self.law.noised(self.t)
        x = np.linspace(*noised.support, 257)
        log, score, _ = noised.jet(x)
        return float(np.exp(log) @ (network(x, self.t) - score) ** 2 * (x[1] - x[0]))


def _score_error() -> Search:
    """Compared with what infinitely many points give; the range of the error is that of the zero network's loss."""
    result = bounds.get("diffusion/score-error/ridge")

    def design(values: Values) -> Design:
        t, mu, law = values["t"], values["mu"], mixture(values)
        ridge = _Ridge(
            law=law, features=RandomFeatures(1, values["features"], 4.0, activation="tanh", rate=2.0), t=t, mu=mu
        )
        best, target, information = ridge.fitted(law), -1 / math.expm1(-2 * t), float(fisher(law, np.array([t]))[0])
        known = {
            "n": values["n"],
            "mu": mu,
            "b": 1.0,
            "A": float(np.linalg.norm(best.coefficients)),
            "approx": ridge.error(best),
            "noise": max(target - information, 0.0),
        }
        most = (math.sqrt(target / mu) + math.sqrt(information)) ** 2
        return Design(
            label="tanh features",
            values=known,
            evidence=Bounded(blocks=partial(ridge.errors, values["n"]), upper=most),
        )

    axes = {
        "n": Axis(low=2, high=500, integer=True, log=True),
        "mu": Axis(low=0.02, high=2, log=True),
        "t": Axis(low=0.1, high=2, log=True),
        "features": Axis(low=1, high=16, integer=True, log=True),
        **_TARGET,
    }
    return Search(result=result, axes=axes, design=design)


_SIZES = (4, 64)
_FEW = time_grid(0.02, 3.0, 8, "quadratic")
_REACHED = ("unequal", "wide")  # with the others 64 points come near the floor that 16 features leave


def _distances(learning: Learning, seed: int) -> Iterator[Array]:
    """Yield TV(P_hat, P) at both sizes, moved by its error so that the exponent is larger."""
    rng = np.random.Generator(np.random.SFC64(seed))
    while True:
        found = []
        for n in [*_SIZES] * 16:
            output = output_law(learning.fitted(rng, n), learning.sampler, (-12.0, 12.0), 241)
            value, error = tv_mixtures(output.law, learning.law)
            found.append(value + (error + output.error) * (1 if n == _SIZES[-1] else -1))
        yield np.clip(np.reshape(found, (16, 2)), 0.0, 1.0)


def _order(learning: Learning, key: str) -> Search:
    """Small models of a law by number, with a smaller or larger constant; few, as every distance takes a training.

    The distance itself is measured, with its floor, and so a little less steep than what is claimed.
    """
    result = bounds.get(key)

    def design(values: Values) -> Design:
        name = _REACHED[values["law"]]
        small = replace(
            learning,
            label=f"P={name}",
            law=LAWS[name],
            features=replace(learning.features, width=16),
            sampler=Sampler(_FEW) if learning.flow else KnownCovariance(_FEW, law=LAWS[name]),
            constant=learning.constant * (0.5, 2.0)[values["constant"]],
        )
        measured = Bounded(blocks=partial(_distances, small))
        return Design(
            label=small.label,
            values={"n": np.array(_SIZES)},
            evidence=Exponent(along="n", measured=measured, margin=0.0),
        )

    axes = {
        "law": Axis(low=0, high=len(_REACHED) - 1, integer=True),
        "constant": Axis(low=0, high=1, integer=True),
    }
    return Search(result=result, axes=axes, design=design)


_GIRSANOV, _STEPS = "tv/diffusion/one-step-girsanov", "tv/diffusion/one-step-chain"
SEARCHES: tuple[Search, ...] = (
    _continuous(_GIRSANOV),
    _continuous(f"{_GIRSANOV}/joint"),
    _chain(f"{_GIRSANOV}/exponential-integrator", ("exponential",)),
    _chain(_STEPS, _KINDS),
    _chain(f"{_STEPS}/joint", _KINDS),
    _divergence("diffusion/step-divergence/isotropic"),
    _divergence("diffusion/step-divergence/covariance"),
    _score_error(),
    _order(RIDGE, "tv/diffusion/rate"),
    _order(FLOW, "paper/diffusion-rate"),
)

__all__ = ["SEARCHES"]
