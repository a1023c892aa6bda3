"""Cases for recursive stability: exact laws of loops on two atoms, of all loops on three, and of the Gaussian mean.

On more atoms γ, a supremum over all real data, is out of reach: there the bounds are checked for pairs of real data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np

import bounds
import sim
from bounds import Result

from ..binary_loop import BinaryLoop, expand_sensitivity
from ..case import Array, Bounded, Case, Design, Exact
from ..pairs import along_pair
from .reasons import answers

_BINARY = {
    "close-fits": "kappa is the largest divergence of two such fits, over all training sets",
    "categorical-fit": "the chain draws from (1-omega) times the frequencies plus omega/2",
    "schedule-fixed": "the chain keeps the count of the reused points and draws that of the synthetic ones",
    "schedule-expand": "the chain keeps the count of the n real points and draws that of the lam n synthetic ones",
}
_NORMAL = {
    "gaussian-mean-fit": "the recursion of the mean and variance of averages of normal points",
    "bounded-move": "the largest TV is that of a move by Delta itself",
    "schedule-fixed": "the average weighs the reused points by 1/n and the mean of the synthetic ones by 1-alpha",
    "close-fits": "kappa is the divergence (Delta/n)^2/(2 sigma^2) of two such normal distributions",
}
_EIGHT = {
    "categorical-fit": "sim.trajectories draws from (1-omega) times the frequencies plus omega/K",
    "schedule-fixed": "sim.trajectories keeps the counts of the reused points and draws those of the synthetic ones",
}
_AT = (1, 2, 5, 10, 50)
_LOOPS = ((50, 0.5, 0.7), (50, 0.1, 0.3), (100, 0.5, 0.1), (20, 0.9, 0.3), (20, 0.05, 0.02))
_MEANS = ((50, 0.5, 1.0, 2.0), (20, 0.1, 2.5, 1.0), (100, 0.9, 0.3, 4.0), (10, 1.0, 1.0, 1.0))


def _loop(n: int, alpha: float, omega: float, p: float = 0.5) -> BinaryLoop:
    return BinaryLoop(n, round(alpha * n), p, omega)


@cache
def _exact_gamma(n: int, alpha: float, omega: float) -> Array:
    return np.asarray(sim.exact_binary_gamma(n, alpha, omega, max(_AT))[np.array(_AT) - 1])


def _case(key: str, name: str, reasons: Mapping[str, str], designs: Callable[[Result], list[Design]]) -> Case:
    result = bounds.get(key)
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(result)), because=answers(result, reasons)
    )


def _design(label: str, values: dict[str, Any], measured: Callable[[], Array], upper: float = 1.0) -> Design:
    return Design(label=label, values=values, evidence=Exact(values=measured, upper=upper))


def _each(measure: Callable[[int], float], at: tuple[int, ...]) -> Array:
    return np.array([measure(i) for i in at])


def _binary(result: Result) -> list[Design]:
    """γ of every generation, exactly, against a bound that knows the loop or only the divergence of its fits."""
    made = []
    for n, alpha, omega in _LOOPS:
        known = {"K": 2, "omega": omega} if "K" in result.names else {"kappa": _loop(n, alpha, omega).divergence()}
        made.append(
            _design(
                f"two atoms, n={n}, alpha={alpha:g}, omega={omega:g}",
                {"n": n, "alpha": alpha, "i": np.array(_AT), **known},
                partial(_exact_gamma, n, alpha, omega),
            )
        )
    return made


def _not_reused(result: Result) -> list[Design]:
    return [
        _design(
            f"two atoms, n={n}, alpha={alpha:g}, omega={omega:g}",
            {"n": n, "alpha": alpha, "i": np.array(_AT[:3]), "kappa": _loop(n, alpha, omega).divergence()},
            partial(_each, _loop(n, alpha, omega).other_sensitivity, _AT[:3]),
        )
        for n, alpha, omega in (*_LOOPS, (20, 0.0, 0.3))
    ]


def _expand(result: Result) -> list[Design]:
    made = []
    for n, lam, omega in ((20, 1.0, 0.5), (10, 4.0, 0.3), (30, 0.5, 0.7)):
        small, large = (BinaryLoop(size, 0, 0.5, omega).divergence() for size in (n, round((1 + lam) * n)))
        made.append(
            _design(
                f"two atoms, n={n}, lam={lam:g}, omega={omega:g}",
                {"n": n, "lam": lam, "i": np.array(_AT), "kappa": small, "kappa_N": large},
                partial(_each, partial(expand_sensitivity, n, round(lam * n), omega), _AT),
            )
        )
    return made


def _average(result: Result) -> list[Design]:
    """On average over real points of both kinds with probabilities p and 1 − p; the bound does not know p."""
    return [
        _design(
            f"two atoms, n={n}, alpha={alpha:g}, omega={omega:g}, p={p:g}",
            {"n": n, "alpha": alpha, "i": np.array(_AT), "K": 2, "omega": omega},
            partial(_each, _loop(n, alpha, omega, p).average_sensitivity, _AT),
        )
        for n, alpha, omega, p in (
            (100, 0.5, 0.3, 0.5),
            (100, 0.9, 0.0, 0.5),
            (200, 0.8, 0.0, 0.1),
            (100, 0.2, 0.7, 0.3),
        )
    ]


def _three_atoms(result: Result) -> list[Design]:
    """γ of every generation by enumeration of all samples of three atoms."""
    return [
        _design(
            f"three atoms, n={n}, {reused} reused, omega={omega:g}",
            {"n": n, "alpha": reused / n, "i": np.array(_AT), "K": 3, "omega": omega},
            partial(_enumerated, n, reused, omega),
        )
        for n, reused, omega in ((12, 6, 0.5), (8, 2, 0.3), (8, 6, 0.8))
    ]


def _counts(total: int) -> list[tuple[int, int, int]]:
    return [(a, b, total - a - b) for a in range(total + 1) for b in range(total - a + 1)]


def _enumerated(n: int, reused: int, omega: float) -> Array:
    """Return γ for K = 3, from the transition matrix of the synthetic counts given each reused sample."""
    m = n - reused
    synthetic = np.array(_counts(m))
    ways = np.array([math.factorial(m) / math.prod(math.factorial(c) for c in row) for row in synthetic.tolist()])

    def powers(real: tuple[int, int, int]) -> Array:
        fits = (1 - omega) * (np.array(real) + synthetic) / n + omega / 3
        kernel = ways * np.prod(fits[:, None, :] ** synthetic, axis=2)
        return np.stack([np.linalg.matrix_power(kernel, i) for i in _AT])

    laws = {real: powers(real) for real in _counts(reused)}
    worst = np.zeros(len(_AT))
    for (a, b, c), law in laws.items():
        for moved in ((a - 1, b + 1, c), (a - 1, b, c + 1), (a, b - 1, c + 1)):
            if moved in laws:
                worst = np.maximum(worst, np.abs(law - laws[moved]).sum(axis=2).max(axis=1) / 2)
    return worst


def _eight_atoms(result: Result) -> list[Design]:
    """The TV of all samples up to S_i, at least that of S_i, for pairs of real data: below a bound, so is the latter.

    The coupled bound is one on S_i alone, and only generations are taken at which it is large enough for all samples.
    """
    coupled = result.key.endswith("coupled")
    return [
        Design(
            label=f"8 atoms, {pair} pair, n={n}, alpha={alpha:g}, omega={omega:g}",
            values={"n": n, "alpha": alpha, "i": np.array(at if coupled else _AT), "K": 8, "omega": omega},
            evidence=Bounded(blocks=along_pair(pair, n, alpha, omega, at if coupled else _AT, "distance"), number=True),
        )
        for pair in ("alone", "spread")
        for n, alpha, omega, at in (
            (1000, 0.1, 0.1, (1, 2, 5, 10, 20)),
            (100, 0.5, 0.3, (1, 2)),
            (50, 0.2, 0.7, (1, 2)),
        )
    ]


def _divergence(result: Result) -> list[Design]:
    """The largest divergence over all training sets: a point moves from one atom to another with counts a, b."""

    def largest(K: int, omega: float, n: int) -> float:
        a, b = np.meshgrid(np.arange(1, n + 1), np.arange(n), indexing="ij")
        possible = a + b == n if K == 2 else a + b <= n
        x, y, z = ((1 - omega) * count / n + omega / K for count in (a, a - 1, b))
        change = x * np.log(x / y) + z * np.log(z / (z + (1 - omega) / n))
        return float(change[possible].max())

    sizes, smoothings = (1, 5, 50, 500), (0.05, 0.3, 0.9)
    return [
        _design(
            f"{K} atoms, omega={omega:g}",
            {"n": np.array(sizes), "K": K, "omega": omega},
            partial(_each, partial(largest, K, omega), sizes),
            math.inf,
        )
        for K in (2, 3, 50)
        for omega in smoothings
    ]


def _mean_gamma(n: int, alpha: float, sigma: float, width: float, *, at: tuple[int, ...]) -> Array:
    return np.asarray(sim.exact_gaussian_mean_gamma(n, alpha, sigma, width, max(at))[np.array(at) - 1])


def _gaussian(result: Result) -> list[Design]:
    made = []
    for n, alpha, sigma, width in _MEANS:
        model = {"sigma": sigma, "Delta": width}
        known = {"kappa": (width / n / sigma) ** 2 / 2} if "kappa" in result.names else model
        made.append(
            _design(
                f"normal, n={n}, alpha={alpha:g}, Delta/sigma={width / sigma:g}",
                {"n": n, "alpha": alpha, "i": np.array(_AT), **known},
                partial(_mean_gamma, n, alpha, sigma, width, at=_AT),
            )
        )
    return made


def _gaussian_limit(result: Result) -> list[Design]:
    return [
        _design(
            f"n={n}, alpha={alpha:g}, Delta/sigma={width / sigma:g}, generation 500",
            {"n": n, "alpha": alpha, "sigma": sigma, "Delta": width},
            partial(_mean_gamma, n, alpha, sigma, width, at=(500,)),
        )
        for n, alpha, sigma, width in _MEANS
    ]


def _forgotten(n: int, alpha: float, sigma: float, width: float) -> Array:
    """Return the TV of the synthetic laws when a point moves that only generation 1 sees."""
    m = n - round(alpha * n)
    shift, variance, found = width / n, 0.0, []
    for _ in range(max(_AT)):
        found.append(math.erf(shift * math.sqrt(m / (sigma**2 + m * variance) / 8)))
        shift, variance = m / n * shift, (m / n) ** 2 * (variance + sigma**2 / m)
    return np.array([found[i - 1] for i in _AT])


def _gaussian_not_reused(result: Result) -> list[Design]:
    return [
        _design(
            f"n={n}, alpha={alpha:g}, Delta/sigma={width / sigma:g}",
            {"n": n, "alpha": alpha, "i": np.array(_AT), "sigma": sigma, "Delta": width},
            partial(_forgotten, n, alpha, sigma, width),
        )
        for n, alpha, sigma, width in (*(known for known in _MEANS if known[1] < 1), (30, 0.0, 1.0, 2.0))
    ]


_KEY = "recursive-stability"
CASES: tuple[Case, ...] = (
    _case(f"{_KEY}/composition/fixed", "two-atoms", _BINARY, _binary),
    _case(f"{_KEY}/composition/fixed", "normal", _NORMAL, _gaussian),
    _case(f"{_KEY}/composition/not-reused", "two-atoms", _BINARY, _not_reused),
    _case(f"{_KEY}/composition/expand", "two-atoms", _BINARY, _expand),
    _case(f"{_KEY}/gaussian-mean", "recursion", _NORMAL, _gaussian),
    _case(f"{_KEY}/gaussian-mean/limit", "recursion", _NORMAL, _gaussian_limit),
    _case(f"{_KEY}/gaussian-mean/not-reused", "recursion", _NORMAL, _gaussian_not_reused),
    _case(f"{_KEY}/categorical/divergence", "enumerated", _BINARY, _divergence),
    _case(f"{_KEY}/categorical", "two-atoms", _BINARY, _binary),
    _case(f"{_KEY}/categorical", "three-atoms", _BINARY, _three_atoms),
    _case(f"{_KEY}/categorical", "sampled", _EIGHT, _eight_atoms),
    _case(f"{_KEY}/categorical-coupled", "two-atoms", _BINARY, _binary),
    _case(f"{_KEY}/categorical-coupled", "three-atoms", _BINARY, _three_atoms),
    _case(f"{_KEY}/categorical-coupled", "sampled", _EIGHT, _eight_atoms),
    _case(f"{_KEY}/categorical-average", "two-atoms", _BINARY, _average),
)
