"""Transformers in context in the loop, data of a figure: risks, amounts of synthetic data, moved outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import bounds
import sim

from .case import Array
from .cases.icl_softmax import quiet, quiet_gap, sizing_values
from .prompts import worst_movement
from .slopes import slope

_NOISE, _WEIGHT = 0.3, (0.6, 0.2)
_TRAINED_NOISE = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskLine:
    """Risk over the generations of one loop; arrays have one entry per generation that was simulated.

    Attributes
    ----------
    label : str
    generation : ndarray
    exact : ndarray
        Of linear attention, by the closed form.
    mean, error : ndarray
        Mean of replications and its standard error.
    """

    label: str
    generation: Array
    exact: Array
    mean: Array
    error: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Sizing:
    """A bound and risks over the amount of synthetic data, `lam` per real point; arrays have one entry per amount.

    Attributes
    ----------
    label : str
    lam : ndarray
    bound : ndarray
        On |E gap| of uniform attention.
    gap : ndarray
        Exactly, for the same loop.
    risk : ndarray
        Of linear attention, exactly.
    sampled_lam, sampled, error : ndarray
        The same risk, simulated.
    trained, trained_error : ndarray
        Risk of the trained transformer at `sampled_lam`.
    """

    label: str
    lam: Array
    bound: Array
    gap: Array
    risk: Array
    sampled_lam: Array
    sampled: Array
    error: Array
    trained: Array
    trained_error: Array

    @property
    def optima(self) -> dict[str, float]:
        """Where each curve is least, among its own amounts."""
        sampled = self.sampled_lam
        return {
            "bound": float(self.lam[self.bound.argmin()]),
            "gap": float(self.lam[self.gap.argmin()]),
            "risk": float(self.lam[self.risk.argmin()]),
            "simulated risk": float(sampled[self.sampled.argmin()]),
            "trained transformer": float(sampled[self.trained.argmin()]),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Movements:
    """How far an output moves when one token of the prompt is replaced; arrays have one entry per size.

    Attributes
    ----------
    label : str
    sizes : ndarray
    found : ndarray
        At the worst replacement that is known.
    bounds : dict of str to ndarray
        By name.
    """

    label: str
    sizes: Array
    found: Array
    bounds: dict[str, Array]

    @property
    def exponent(self) -> float:
        """Slope of what was found."""
        return float(slope(self.sizes, self.found))


def linear_lines(n: Sequence[int], alpha: float, generations: int, replications: int, seed: int) -> list[RiskLine]:
    """Return the risk of linear attention without real data, and with a share of it for each of several sizes.

    Parameters
    ----------
    n : sequence of int
        The first one is that of the loop without real data.
    alpha : float
    generations, replications, seed : int
    """
    loops = [(n[0], 0.0), *((size, alpha) for size in n)]
    return [_linear(size, share, generations, replications, seed) for size, share in loops]


def _linear(n: int, alpha: float, generations: int, replications: int, seed: int) -> RiskLine:
    model = sim.LinearAttention(2, math.hypot(*_WEIGHT), _NOISE)
    runs = sim.simulate(
        model, _schedule(alpha), n=n, generations=generations, replications=replications, seed=seed, record=["risk"]
    )
    return _line(n, alpha, _NOISE, runs.risk)


def _schedule(alpha: float) -> sim.Schedule:
    return sim.Stratified(alpha) if alpha else sim.Replace()


def _line(n: int, alpha: float, noise: float, risk: Any) -> RiskLine:
    at = np.arange(1, risk.sizes["generation"] + 1)
    known: dict[str, Any] = {"n": n, "i": at, "d": 2, "sigma": noise, "rho": math.hypot(*_WEIGHT)}
    if alpha:
        exact = bounds.get("icl/linear-attention/stratified")(alpha=alpha, **known)
        label = f"α = {alpha:g}, n = {n}"
    else:
        exact, label = bounds.get("icl/linear-attention/replace")(**known), f"no real data, n = {n}"
    return RiskLine(label=label, generation=at, exact=np.asarray(exact), **_mean(risk))


def trained_line(n: int, alpha: float, generations: int, replications: int, seed: int) -> RiskLine:
    """Return the squared error of the trained softmax transformer's predictions over the generations.

    On the scale of the risk of linear attention: relative to the mean of f(x)², times |w|².

    Parameters
    ----------
    n : int
        Points of the prompt; it was trained on 8 to 64.
    alpha : float
    generations, replications, seed : int
    """
    runs = sim.simulate(
        _trained(), _schedule(alpha),
        n=n, generations=generations, replications=replications, seed=seed, record=["risk"],
    )  # fmt: skip
    return _line(n, alpha, _TRAINED_NOISE, _excess(runs.risk))


def _trained() -> sim.InContext:
    return sim.InContext(
        transformer=sim.trained_transformer(), f=sim.Linear(_WEIGHT), sigma=_TRAINED_NOISE, M=2.0, tests=64
    )


def _excess(risk: Any) -> Any:
    """Mean squared error of f_j(x), by E|w.x|² = |w|² E|x|²/2 in units that make it |w|² for a prediction of 0."""
    radius = _trained().radius
    return (2 * risk - _TRAINED_NOISE**2) / (radius**2 / 4)


def _mean(values: Any) -> dict[str, Array]:
    size = values.sizes["replication"]
    error = values.std("replication", ddof=1) / math.sqrt(size)
    return {"mean": values.mean("replication").values, "error": error.values}


def sizing(n: int, i: int, lam: Array, sampled: Sequence[float], replications: int, seed: int) -> Sizing:
    """Return what `expand` does in generation i: a bound on the gap, the gap, and risks.

    Parameters
    ----------
    n, i : int
    lam : ndarray
        Amounts of the curves.
    sampled : sequence of float
        Amounts that are simulated; times n they are whole.
    replications, seed : int
        For linear attention; the trained transformer takes an eighth of the replications, on 32 points.
    """
    model, (d, noise, rho) = quiet(), (2, _NOISE, math.hypot(*_WEIGHT))
    edge = math.sqrt(2 * model.M) / model.sigma
    linear = sim.LinearAttention(d, rho, noise)

    def last(of: Any, size: int, amount: float, replications: int) -> Any:
        runs = sim.simulate(
            of,
            sim.Expand(amount),
            n=size,
            generations=i,
            replications=replications,
            seed=seed,
            record=["risk"],
            at=(i,),
        )
        return runs.risk

    risks = [_mean(last(linear, n, amount, replications)) for amount in sampled]
    trained = [_mean(_excess(last(_trained(), 32, amount, replications // 8))) for amount in sampled]
    risk = bounds.get("icl/linear-attention/expand")
    return Sizing(
        label=f"n = {n}, generation {i}",
        lam=lam,
        bound=np.asarray(bounds.get("icl/synthetic-sizing")(**sizing_values(model, n, lam, i))),
        gap=np.array([model.sigma**2 * quiet_gap(n, amount, i, edge) for amount in lam]),
        risk=np.asarray(risk(n=n, lam=lam, i=i, d=d, sigma=noise, rho=rho)),
        sampled_lam=np.array(sampled),
        sampled=np.array([found["mean"][0] for found in risks]),
        error=np.array([found["error"][0] for found in risks]),
        trained=np.array([found["mean"][0] for found in trained]),
        trained_error=np.array([found["error"][0] for found in trained]),
    )


def movements(sizes: Sequence[int], Gamma: float, layers: int, residual: bool) -> Movements:
    """Return the movement at the worst replacements known, and its bounds.

    Parameters
    ----------
    sizes : sequence of int
    Gamma : float
    layers : int
    residual : bool
    """
    n = np.array(sizes)
    tail = "/residual" if residual else ""
    known = {"general": bounds.get(f"stability/transformer{tail}")(n=n, Gamma=Gamma, layers=layers)}
    if layers == 1:
        known = {"sharp": bounds.get("stability/attention")(n=n, Gamma=Gamma)} | known
    found = np.array([worst_movement(size, Gamma, layers, 1, residual) for size in sizes])
    name = f"{layers} layer{'s' * (layers > 1)}{', residual' * residual}, Γ = {Gamma:g}"
    return Movements(label=name, sizes=n, found=found, bounds={k: np.asarray(v) for k, v in known.items()})
