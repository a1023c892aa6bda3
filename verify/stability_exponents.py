"""How stability and recursive stability fall with the sample size and grow with the generation, beside their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

import bounds
import sim
from bounds.query import Growth, rate

from .binary_loop import BinaryLearning, BinaryLoop
from .case import Array
from .cases.stability import opposed_atoms
from .confidence import Moments, confidence_bounds
from .pairs import ATOMS, real_pair
from .slopes import slope, slope_limits

_SIZES = (50, 100, 200, 400, 800)
_FEWER = (20, 40, 80, 160)
_GENERATIONS = (1, 2, 3, 5, 10, 20, 50)
_LATER = 10
_N, _LONG = 80, 200
_ALPHA, _OMEGA = 0.5, 0.3
_NORMAL = {"sigma": 1.0, "Delta": 2.0}
_ROUTES = {"distance": "TV of S₁ … Sᵢ", "divergence": "√(KL/2) of S₁ … Sᵢ"}
_DECAYS = {0.5: sp.Rational(1, 2), 1.0: sp.S.One}


@dataclass(frozen=True, kw_only=True, eq=False)
class StabilityExponent:
    """A measure of stability along a path, with its bound; arrays have one entry per place of the path.

    Attributes
    ----------
    quantity, what : str
        β_n or γ, and of which learner or loop.
    along : str
        ``"n"`` or ``"i"``.
    path : ndarray
    mean, lower, upper : ndarray
        The exact values, or means of replications and limits that hold at all places at once.
    replications : int
        0 for exact values.
    key : str
        Result that bounds the quantity.
    bound : ndarray
    growth : bounds.query.Growth
        Leading behaviour of the bound as the parameter tends to infinity.
    """

    quantity: str
    what: str
    along: str
    path: Array
    mean: Array
    lower: Array
    upper: Array
    replications: int
    key: str
    bound: Array
    growth: Growth

    @property
    def exponent(self) -> float:
        """Slope of the logarithm of the values or means against that of the parameter."""
        return float(slope(self.path, self.mean))

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the slope; both are the exponent where values are exact."""
        low, high = slope_limits(self.path, self.lower, self.upper)
        return float(low), float(high)

    @property
    def bound_exponent(self) -> float:
        """Slope of the bound over the same path."""
        return float(slope(self.path, self.bound))


def exact_exponents() -> tuple[StabilityExponent, ...]:
    """Return what exact laws give: penalised learners, two atoms, and the Gaussian mean."""
    rows = [_penalised("ridge", sim.Ridge(1.0)), _penalised("logistic", sim.Logistic(1.0))]
    generations, fewer = np.array(_GENERATIONS), np.array(_FEWER)
    rows += [_binary("n", fewer, np.array([_gamma(n, i)[-1] for n in _FEWER]), {"i": i}) for i in (1, _LATER)]
    rows.append(_binary("i", generations, _gamma(_N, _GENERATIONS[-1])[generations - 1], {"n": _N}))
    return (*rows, _normal("n", np.array(_SIZES), {"i": _LATER}), _normal("i", generations, {"n": _N}))


def sampled_exponents(
    *, replications: int = 16_384, seed: int = 0, confidence: float = 0.999
) -> tuple[StabilityExponent, ...]:
    """Return what sampling gives: gradient descent, and pairs of real data on eight atoms.

    Parameters
    ----------
    replications : int
        Of each coupled run, and of each loop; at least 1.
    seed : int
        Same seed, same numbers.
    confidence : float in (0, 1)
        Probability, for each row, that all its limits are right.

    Raises
    ------
    ValueError
        An argument that is not as said.
    """
    if not replications >= 1:
        raise ValueError(f"replications = {replications!r}: allowed: at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence = {confidence!r}: allowed: a number strictly between 0 and 1")
    how = (replications, seed, 1 - confidence)
    learners = (
        sim.SGD(kind="squared", rate=0.5, radius=1.0, decay=1.0),
        sim.SGD(kind="logistic", rate=0.5, radius=2.0, decay=0.5),
    )
    return (
        *(_descent(learner, how) for learner in learners),
        *_pairs(how),
    )


def _row(
    names: tuple[str, str, str, str], path: Array, found: tuple[Array, Array, Array], R: int, known: Mapping[str, Any],
    growing: Mapping[str, Any] | None = None,
) -> StabilityExponent:  # fmt: skip
    quantity, what, key, along = names
    result, fixed = bounds.get(key), dict(known)
    values = np.broadcast_to(np.asarray(result(**fixed, **{along: path})), path.shape)
    target, symbols = result, {p.name: p.symbol for p in result.params}
    for name, expr in (growing or {}).items():  # an argument that follows the path, as an expression in it
        del fixed[name]
        target = replace(target, expr=target.expr.subs(symbols[name], expr(symbols[along])))
    mean, lower, upper = found
    return StabilityExponent(
        quantity=quantity, what=what, key=key, along=along, path=path.astype(float), bound=values,
        mean=mean, lower=lower, upper=upper, replications=R, growth=rate(target, along, **fixed),
    )  # fmt: skip


def _exact(names: tuple[str, str, str, str], path: Array, values: Array, known: Mapping[str, Any]) -> StabilityExponent:
    return _row(names, path, (values, values, values), 0, known)


def _penalised(name: str, learner: sim.Penalised) -> StabilityExponent:
    loops = (BinaryLoop(n, n, 0.5, 0.0) for n in _SIZES)  # all points real: two atoms, every training set
    values = np.array([BinaryLearning(loop, learner).stability for loop in loops])
    names = ("β", f"{name} regression, μ = {learner.lam:g}", f"stability/erm/{name}", "n")
    return _exact(names, np.array(_SIZES), values, {"mu": learner.lam})


def _gamma(n: int, generations: int) -> Array:
    return np.asarray(sim.exact_binary_gamma(n, _ALPHA, _OMEGA, generations))


def _binary(along: str, path: Array, values: Array, at: dict[str, int]) -> StabilityExponent:
    names = ("γ", f"frequencies, K = 2, {_said(at)}", "recursive-stability/categorical-coupled", along)
    return _exact(names, path, values, {"alpha": _ALPHA, "K": 2, "omega": _OMEGA, **at})


def _normal(along: str, path: Array, at: dict[str, int]) -> StabilityExponent:
    places = [{along: int(x), **at} for x in path]
    sigma, width = _NORMAL["sigma"], _NORMAL["Delta"]
    values = [sim.exact_gaussian_mean_gamma(x["n"], _ALPHA, sigma, width, x["i"])[-1] for x in places]
    names = ("γ", f"Gaussian mean, {_said(at)}", "recursive-stability/gaussian-mean", along)
    return _exact(names, path, np.array(values), {"alpha": _ALPHA, **_NORMAL, **at})


def _said(at: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in at.items())


def _descent(learner: sim.SGD, how: tuple[int, int, float]) -> StabilityExponent:
    replications, seed, wrong = how
    sizes, atoms = np.array(_SIZES), opposed_atoms()
    runs = [
        sim.coupled_stability(learner, atoms, [n // 2, n - n // 2], 0, 1, runs=replications, seed=seed) for n in _SIZES
    ]
    found = _means(np.stack(runs, axis=1), wrong, np.full(sizes.size, learner.M))
    steps = np.array([learner.step_sizes(n).sum() for n in _SIZES])

    def growing(n: sp.Expr) -> sp.Expr:
        return sp.nsimplify(learner.rate) * sp.harmonic(n, _DECAYS[learner.decay])

    names = ("β", f"SGD, {learner.kind} loss, steps {learner.rate:g}/t^{learner.decay:g}", "stability/sgd", "n")
    return _row(names, sizes, found, replications, {"L": learner.L, "eta": steps}, {"eta": growing})


def _pairs(how: tuple[int, int, float]) -> Iterator[StabilityExponent]:
    """Compare all samples of a pair of real data: by their TV, and by the root of half their KL divergence."""
    sizes, generations = np.array(_SIZES), np.array(_GENERATIONS)
    loops, long = [_loops(n, _LATER, how) for n in _SIZES], _loops(_LONG, _GENERATIONS[-1], how)
    for route in _ROUTES:
        for i in (1, _LATER):
            values = np.stack([getattr(found, route)[:, i - 1] for found in loops], axis=1)
            yield _pair(route, "n", sizes, values, {"i": i}, how)
        yield _pair(route, "i", generations, getattr(long, route)[:, generations - 1], {"n": _LONG}, how)


def _loops(n: int, generations: int, how: tuple[int, int, float]) -> sim.Trajectories:
    reused, rest = real_pair("alone", n, round(_ALPHA * n))
    replications, seed, _ = how
    return sim.trajectories(
        reused, rest, 1, 2, omega=_OMEGA, generations=generations, replications=replications, seed=seed
    )


def _pair(
    route: str, along: str, path: Array, values: Array, at: dict[str, int], how: tuple[int, int, float]
) -> StabilityExponent:
    most, known = np.ones(path.size), {"alpha": _ALPHA, "K": ATOMS, "omega": _OMEGA, **at}
    if route == "divergence":  # at most i (1−α) n κ_n, and more than the rounding
        place: dict[str, Any] = {along: path, **at}
        kappa = bounds.get("recursive-stability/categorical/divergence")(n=place["n"], K=ATOMS, omega=_OMEGA)
        most = np.asarray(place["i"] * (1 - _ALPHA) * place["n"] * kappa * (1 + 1e-9))
    mean, low, high = _means(values, how[2], most)
    if route == "divergence":
        mean, low, high = (np.sqrt(x / 2) for x in (mean, low, high))
    names = ("γ", f"frequencies, K = {ATOMS}, {_said(at)}, {_ROUTES[route]}", "recursive-stability/categorical", along)
    return _row(names, path, (mean, low, high), how[0], known)


def _means(values: Array, wrong: float, upper: Array) -> tuple[Array, Array, Array]:
    """Return means and their limits, all right together with probability at least 1 − wrong."""
    lower, above = confidence_bounds(Moments.of(values), wrong / (2 * values.shape[1]), upper)
    return values.mean(axis=0), lower, above


__all__ = ["StabilityExponent", "exact_exponents", "sampled_exponents"]
