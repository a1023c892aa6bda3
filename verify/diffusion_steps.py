"""One step of a diffusion model on the line: trained, its output's law computed, and every term of its bounds.

Numerical errors go to the side that makes a check stricter: distances that are bounded are raised by them, and
terms of a bound lowered, not below zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sim import NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.features import RandomFeatures
from sim.diffusion.laws import ExactScore
from sim.diffusion.line_law import output_law, tv_mixtures
from sim.diffusion.samplers import Kind, Sampler, Score
from sim.diffusion.terms import chain_terms, girsanov_terms
from sim.diffusion.times import Spacing, time_grid
from sim.diffusion.training import train

from .case import Array

LAWS = {
    "two": NormalMixture(np.full(2, 0.5), np.array([-1.0, 1.0]), np.full(2, 0.5)),
    "unequal": NormalMixture(np.array([0.3, 0.7]), np.array([-1.5, 0.5]), np.array([0.4, 0.8])),
    "three": NormalMixture(np.array([0.3, 0.4, 0.3]), np.array([-1.8, 0.0, 1.5]), np.array([0.3, 0.5, 0.4])),
    "wide": NormalMixture(np.full(2, 0.5), np.array([-2.0, 2.0]), np.full(2, 0.7)),
}
EXACT, POPULATION = 0, -1
"""In place of a sample size: the exact score, and the network trained on infinitely many points."""
_INTERVAL = (-9.0, 9.0)
_NODES = 1025  # of quadratures that no network takes part in


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A diffusion model without its training set.

    Attributes
    ----------
    law : str
        Name of the real distribution among `LAWS`.
    t0, T, steps, spacing
        Grid of times.
    kind : {"tweedie", "exponential", "euler"}
        Of the sampler.
    width, layer : int
        Number of softplus features, and the seed that they are drawn by.
    penalty, stop : float
        Ridge penalty, or where positive the time until which gradient flow runs.
    nodes : int
        Of all quadratures, odd.
    """

    law: str = "two"
    t0: float = 0.01
    T: float = 4.0
    steps: int = 60
    spacing: Spacing = "quadratic"
    kind: Kind = "tweedie"
    width: int = 64
    layer: int = 0
    penalty: float = 1e-4
    stop: float = 0.0
    nodes: int = 257

    @property
    def p(self) -> NormalMixture:
        """The real distribution."""
        return LAWS[self.law]

    @property
    def sampler(self) -> Sampler:
        """Times and steps."""
        return Sampler(time_grid(self.t0, self.T, self.steps, self.spacing), self.kind)

    @property
    def features(self) -> RandomFeatures:
        """The hidden layer."""
        return RandomFeatures(1, self.width, 6.0, self.layer)

    def __str__(self) -> str:
        training = f"stop={self.stop:g}" if self.stop else f"penalty={self.penalty:g}"
        times = f"{self.steps} {self.kind} steps from t={self.T:g} to {self.t0:g}"
        return f"P={self.law}, width={self.width}, {training}, {times}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """What one step of a model is, numerical errors on the strict side.

    Attributes
    ----------
    tv : float
        TV(P_hat, P), raised.
    start, end, kl : float
        TV(P_t0, P), TV(P_T, N(0, 1)) and KL(P_T, N(0, 1)), lowered.
    J, V, G : ndarray, shape (steps,)
        Non-normality, variance mismatch and mean gap of each step, lowered.
    E, lag : float
        Learning and time-lag part of the score held over each step, lowered.
    """

    tv: float
    start: float
    end: float
    kl: float
    J: Array
    V: Array
    G: Array
    E: float
    lag: float

    @property
    def chain(self) -> float:
        """The bound from the chain of steps."""
        return self.start + self.end + math.sqrt((self.J.sum() + self.V.sum() + self.G.sum()) / 2)

    @property
    def girsanov(self) -> float:
        """The bound in continuous time, for the exponential integrator."""
        return self.start + self.end + math.sqrt((self.E + self.lag) / 2)


@lru_cache(maxsize=2000)
def score_of(setup: Setup, n: int, seed: int = 0) -> Score:
    """Return the score learned from `n` points; `EXACT` and `POPULATION` stand for what their names say."""
    if n == EXACT:
        return ExactScore(setup.p)
    rng = np.random.Generator(np.random.SFC64([seed, n])) if n > 0 else None
    points: Any = setup.p.sample(rng, n) if rng else setup.p
    chosen: dict[str, Any] = {"stops": (setup.stop,)} if setup.stop else {"penalties": (setup.penalty,)}
    (network,) = train(points, setup.features, setup.sampler.times, **chosen)
    return network


def distance(score: Score, setup: Setup, sampler: Sampler | None = None) -> tuple[float, float]:
    """Return TV(P_hat, P) and a bound of its numerical error."""
    output = output_law(score, sampler or setup.sampler, _INTERVAL, setup.nodes)
    value, error = tv_mixtures(output.law, setup.p)
    return value, error + output.error


@lru_cache(maxsize=2000)
def one_step(setup: Setup, n: int, seed: int = 0) -> Step:
    """Train, and compute everything."""
    return terms_of(setup, score_of(setup, n, seed))


def terms_of(setup: Setup, score: Score) -> Step:
    """Compute what a given score does."""
    sampler, p = setup.sampler, setup.p
    tv, error = distance(score, setup)
    chain, ends = chain_terms(p, score, sampler, nodes=setup.nodes), end_terms(p, sampler.times)
    held = girsanov_terms(p, score, sampler.times, nodes=setup.nodes)
    J, V, G = np.maximum(np.array([chain.non_gaussian, chain.variance, chain.mean]) - chain.errors, 0.0)
    own = _own_growth(p, np.asarray(sampler.times))
    return Step(
        tv=tv + error,
        start=max(ends.start - ends.start_error, 0.0),
        end=max(ends.end - ends.end_error, 0.0),
        kl=max(ends.end_kl - ends.end_kl_error, 0.0),
        J=J,
        V=V,
        G=G,
        E=max(float((held.learning + held.cross).sum()) + own - float(held.errors[:2].sum()), 0.0),
        lag=max(float(held.lag.sum()) - own - float(held.errors[2].sum()), 0.0),
    )


def _own_growth(p: NormalMixture, times: Array) -> float:
    """Return the learning part of the exact score: Σ I(t_k) ∫ (1 − e^(−u))² du over the steps."""
    h = np.diff(times)
    return float(np.sum(fisher(p, times[1:]) * (h + 2 * np.expm1(-h) - 0.5 * np.expm1(-2 * h))))


def fisher(p: NormalMixture, times: Array) -> Array:
    """Return the Fisher information of the noised laws."""
    found = []
    for t in times.tolist():
        noised = p.noised(t)
        x = np.linspace(*noised.support, _NODES)
        log, score, _ = noised.jet(x)
        found.append(float(np.exp(log) @ score**2) * (x[1] - x[0]))
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Tilted:
    """The exact score, but for a constant added at one time: the sampler errs in one step only."""

    exact: ExactScore
    time: float
    shift: float

    def __call__(self, x: Array, t: float) -> Array:
        """Return the score."""
        return self.exact(x, t) + (self.shift if t == self.time else 0.0)

    def jacobian(self, x: Array, t: float) -> Array:
        """Return its derivative."""
        return self.exact.jacobian(x, t)


def tilted(setup: Setup, shift: float) -> Tilted:
    """Return the exact score with a constant added in the last step that the sampler takes."""
    return Tilted(ExactScore(setup.p), float(np.asarray(setup.sampler.times)[1]), shift)


def estimated(p: NormalMixture, n: int, seed: int = 0) -> NormalMixture:
    """Return the mixture with weights, means and standard deviations estimated from n points with known components."""
    rng = np.random.Generator(np.random.SFC64([seed, n]))
    counts = rng.multinomial(n, p.weights)
    means = p.means + p.sigmas * rng.standard_normal(p.means.size) / np.sqrt(counts)
    sigmas = p.sigmas * np.sqrt(rng.chisquare(counts - 1) / (counts - 1))
    return NormalMixture(counts / n, means, sigmas)


def reverse_kernel(q: NormalMixture, x: Array, t: float, s: float) -> tuple[Array, Array, Array]:
    """Return the mixture of X_s given X_t = x for X_0 ~ q: weights and means (M, K), standard deviations (K,)."""
    at, before, fade = q.noised(t), q.noised(s), math.exp(s - t)
    a = -math.expm1(2 * (s - t))
    logs = np.log(at.weights / at.sigmas) - 0.5 * ((x[:, None] - at.means) / at.sigmas) ** 2
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    variances = 1 / (before.sigmas**-2.0 + fade**2 / a)
    return shares, variances * (before.means / before.sigmas**2 + fade / a * x[:, None]), np.sqrt(variances)


def reverse_law(q: NormalMixture, t0: float, T: float, nodes: int = 513) -> tuple[NormalMixture, float]:
    """Return the law at t0 of the reverse equation from N(0, 1) at T with the exact score of q, and its error.

    The start is a sum over even nodes; leaving out every other one gives the error.
    """
    x = np.linspace(*_INTERVAL, nodes)
    shares, centres, sigmas = reverse_kernel(q, x, T, t0)
    heights = np.exp(-0.5 * x * x)

    def law(rows: slice) -> NormalMixture:
        weights = heights[rows, None] / heights[rows].sum() * shares[rows]
        kept = weights > 1e-18
        return NormalMixture(weights[kept], centres[rows][kept], np.broadcast_to(sigmas, weights.shape)[kept])

    every = law(slice(None))
    return every, sum(tv_mixtures(every, law(slice(None, None, 2))))


def score_gap(p: NormalMixture, q: NormalMixture, t0: float, T: float, nodes: int = 48) -> tuple[float, float]:
    """Return ∫ E|∇log q_t − ∇log p_t|² dt over [t0, T] under p_t, by Gauss's rule in log t, and its error."""
    found = []
    for count in (nodes, nodes // 2):
        places, weights = np.polynomial.legendre.leggauss(count)
        width = 0.5 * math.log(T / t0)
        times = t0 * np.exp(width * (places + 1))
        found.append(float(sum(w * width * t * _gap_at(p, q, t) for w, t in zip(weights, times.tolist(), strict=True))))
    return found[0], abs(found[0] - found[1])


def _gap_at(p: NormalMixture, q: NormalMixture, t: float) -> float:
    noised = p.noised(t)
    x = np.linspace(*noised.support, _NODES)
    log, score, _ = noised.jet(x)
    return float(np.exp(log) @ (q.noised(t).jet(x)[1] - score) ** 2 * (x[1] - x[0]))


__all__ = [
    "EXACT",
    "LAWS",
    "POPULATION",
    "Setup",
    "Step",
    "Tilted",
    "distance",
    "estimated",
    "fisher",
    "one_step",
    "reverse_kernel",
    "reverse_law",
    "score_gap",
    "score_of",
    "terms_of",
    "tilted",
]
