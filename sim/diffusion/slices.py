"""Expectations under the noised laws of a forward process: by quadrature on the line, else over its paths."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.densities import Array
from sim.densities_mixture import NormalMixture
from sim.diffusion.laws import Law, tweedie
from sim.errors import SimulationError, whole


@dataclass(frozen=True, eq=False)
class Slice:
    """The forward process at t = t_k, at M places x.

    Attributes
    ----------
    k, t, h
        Step, t_k and t_k − t_{k−1}.
    x, score, hessian : numpy.ndarray
        Places, and first and second derivative of log p_t there, d = 1 without axes for the coordinates.
    log_det : numpy.ndarray, shape (M,)
        ½ log det(I + a·hessian), a = 1 − e^(−2h).
    growth : numpy.ndarray, shape (M,)
        Its expectation is H(P_t) − H(P_{t−h}) + dh; a constant for d = 1.
    growth_error : float
        Error of this constant.
    weights : numpy.ndarray, shape (2, M), or (0, M)
        Two quadrature rules, all nodes and every other one; none if the places are draws.
    """

    k: int
    t: float
    h: float
    x: Array
    score: Array
    hessian: Array
    log_det: Array
    growth: Array
    growth_error: float
    weights: Array

    def expectation(self, values: Array) -> tuple[Array, Array]:
        """Return expectations of functions, (..., M), and their errors: from half the nodes, or standard ones."""
        if len(self.weights):
            every, other = np.moveaxis(values @ self.weights.T, -1, 0)
            return every, np.abs(every - other)
        return values.mean(axis=-1), values.std(axis=-1, ddof=1) / math.sqrt(values.shape[-1])


def slices_of(law: Law, times: Array, nodes: int, paths: int, seed: int) -> Iterator[Slice]:
    """Return an iterator over steps 1, …, N; see `chain_terms` for the arguments."""
    if whole("nodes", nodes, 3) % 2 == 0:
        raise SimulationError("nodes", nodes, "odd")
    if not hasattr(law, "noised"):
        raise SimulationError("law", law, "a NormalMixture or a GaussianMixture")
    paths, seed = whole("paths", paths, 2), whole("seed", seed, 0)
    return _on_the_line(law, times, nodes) if isinstance(law, NormalMixture) else _on_paths(law, times, paths, seed)


def _on_the_line(law: NormalMixture, times: Array, nodes: int) -> Iterator[Slice]:
    before = None
    for k, t in enumerate(times.tolist()):
        noised = law.noised(t)
        x = np.linspace(*noised.support, nodes)
        log, score, hessian = noised.jet(x)
        every = np.exp(log) * (x[1] - x[0])
        other = np.zeros(nodes)
        other[::2] = 2 * every[::2]
        weights = np.stack([every, other])
        entropy = -weights @ log
        if before is not None:
            h = float(t - times[k - 1])
            every, other = entropy - before + h
            half = 0.5 * np.log1p(-math.expm1(-2 * h) * hessian)
            growth = np.full(nodes, every)
            yield Slice(k, t, h, x, score, hessian, half, growth, abs(every - other), weights)
        before = entropy


def _on_paths(law: Law, times: Array, paths: int, seed: int) -> Iterator[Slice]:
    """The growth of a path is log(true reverse density/N(m, V)) − ½log det(I + aJ): its variance is small."""
    rng = np.random.Generator(np.random.SFC64(seed))
    noised = law.noised(times[0])
    x = noised.sample(rng, paths)
    log = noised.logpdf(x)
    for k, t in enumerate(times.tolist()[1:], start=1):
        h, old, old_log = t - float(times[k - 1]), x, log
        a = -math.expm1(-2 * h)
        noise = rng.standard_normal(x.shape)
        x = math.exp(-h) * old + math.sqrt(a) * noise
        log, score, hessian = law.noised(t).jet(x)
        mean, cov = tweedie(x, score, hessian, h)
        half = 0.5 * np.linalg.slogdet(np.eye(law.d) + a * hessian)[1]
        gap = old - mean
        away = np.einsum("mi,mi->m", gap, np.linalg.solve(cov, gap[..., None])[..., 0])
        growth = old_log - log + 0.5 * (away - np.einsum("mi,mi->m", noise, noise)) + law.d * h
        yield Slice(k, t, h, x, score, hessian, half, growth, 0.0, np.empty((0, paths)))
