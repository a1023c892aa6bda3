"""The discrete and the Gaussian model with full data sets: slow, and the same in law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sim.errors import SimulationError
from sim.models.discrete import Discrete
from sim.models.gaussian import Gaussian, Normal
from sim.models.gaussian_mean import GaussianMean
from sim.models.model import Array, Metric
from sim.models.user import UserModel


def discrete_data(model: Discrete) -> UserModel:
    """Return the discrete model that keeps its data: points are atoms 0..K−1, drawn one by one.

    Parameters
    ----------
    model : Discrete
        Gives the real distribution and the metrics.

    Returns
    -------
    UserModel
        With the metrics of `model` that are one number of the parameters alone.
    """
    K = model.p.size

    def fit(data: Array, rng: np.random.Generator) -> Array:
        return np.bincount(data, minlength=K) / len(data)

    def sample(params: Array, size: int, rng: np.random.Generator) -> Any:
        return rng.choice(K, size, p=params)

    def real(size: int, rng: np.random.Generator) -> Any:
        return rng.choice(K, size, p=model.p)

    metrics = _on_one(model.measures(), lambda params: params[None])
    return UserModel(fit, sample, real, metrics, f"{model.label} from data")


def gaussian_data(model: Gaussian | GaussianMean) -> UserModel:
    """Return the Gaussian model that keeps its data: points are vectors of length d.

    Parameters
    ----------
    model : Gaussian or GaussianMean
        Gives the real distribution, what is known, how it is sampled, and the metrics.

    Returns
    -------
    UserModel
        With the metrics of `model` that are one number of the parameters alone.
    """
    if not isinstance(model, Gaussian | GaussianMean):
        raise SimulationError("model", model, "a Gaussian or a GaussianMean")
    mean, known = np.asarray(model.mean), model.sigma * np.eye(model.d)
    theta, ddof = (model.theta, int(model.unbiased)) if isinstance(model, Gaussian) else (1.0, 0)

    def fit(data: Array, rng: np.random.Generator) -> Normal:
        if isinstance(model, GaussianMean):
            return Normal(data.mean(axis=0), known)
        covariance = np.cov(data, rowvar=False, ddof=ddof).reshape(model.d, model.d)
        return Normal(data.mean(axis=0), np.asarray(np.linalg.cholesky(covariance), dtype=np.float64))

    def sample(params: Normal, size: int, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal((size, model.d)) * np.sqrt(theta)
        return np.asarray(params.mean + noise @ params.factor.T)

    def real(size: int, rng: np.random.Generator) -> Array:
        return np.asarray(mean + rng.standard_normal((size, model.d)) * model.sigma)

    def one(params: Normal) -> Any:
        if isinstance(model, GaussianMean):
            return params.mean[None]
        return Normal(params.mean[None], params.factor[None])

    metrics = _on_one(model.measures(), one)
    return UserModel(fit, sample, real, metrics, f"{model.label} from data", model.least)


def _on_one(measures: Any, one: Callable[[Any], Any]) -> dict[str, Callable[[Any], float]]:
    """The metrics of a batched model, applied to one replication."""

    def bind(metric: Metric) -> Callable[[Any], float]:
        return lambda params: float(metric.of(one(params), None)[0])

    return {k: bind(m) for k, m in measures.items() if not m.shape and not m.needs_target}
