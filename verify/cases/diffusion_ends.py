"""Cases for the two ends of a diffusion model, and for the divergence of one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy.special import erf

import bounds
import sim
from bounds import Result
from sim import NormalDensity, NormalMixture
from sim.diffusion.ends import end_terms
from sim.diffusion.laws import GaussianMixture

from ..case import Array, Bounded, Case, Design, Exact, Setting
from ..diffusion_steps import LAWS, reverse_kernel
from .reasons import answers

REASONS: Mapping[str, str] = {
    "noised-target": "the noised form of a mixture of normal laws is one, in closed form",
    "smooth-density": "a mixture of normal densities; the norm is summed over a lattice, from below",
    "normal-mixture": "P is a mixture of normal laws of one width, whose centres are known",
    "finite-mean": "the mean norm of a mixture of normal laws, in closed form",
    "finite-square": "the mean squared norm of a mixture of normal laws, in closed form",
    "normal-target": "P is normal",
    "matched-moments": "the reverse kernel of a mixture of normal laws is one; its moments are summed",
}
_STARTS = np.array([0.001, 0.01, 0.05, 0.2])
_ENDS = np.array([0.5, 1.0, 2.0, 4.0])
_TOLERANCE = 1e-13
_EQUAL_WIDTHS = {"two": (LAWS["two"], 0.5, 1.0), "wide": (LAWS["wide"], 0.7, 2.0)}
_NORMAL = NormalDensity()


def _case(
    key: str, designs: Callable[[Result], tuple[Design, ...]], name: str = "exact", reasons: Mapping[str, str] = REASONS
) -> Case:
    result = bounds.get(key)

    def of(setting: Setting) -> tuple[Design, ...]:
        return designs(result)

    return Case(result=result, name=name, designs=of, because=answers(result, reasons))


def _raised(p: Any, q: Any) -> float:
    """TV raised by its certified error."""
    return float(sum(sim.tv_quadrature(p, q, tolerance=1e-10)))


# --- ends -----------------------------------------------------------------------------------------------------


def force(p: NormalMixture) -> float:
    """Return ∫|(x p)' + p''|, the total variation of x p + p', on a fine lattice and so from below."""
    x = np.linspace(*p.support, 20_001)
    log, score, _ = p.jet(x)
    return float(np.abs(np.diff(np.exp(log) * (x + score))).sum())


def _starts(p: NormalMixture) -> Array:
    return np.array([_raised(p.noised(t), p) for t in _STARTS.tolist()])


def _smooth(result: Result) -> tuple[Design, ...]:
    return tuple(
        Design(
            label=f"P={name}",
            values={"t0": _STARTS, "L1": force(p)},
            evidence=Exact(values=partial(_starts, p), upper=1.0),
        )
        for name, p in LAWS.items()
    )


def _mixture(result: Result) -> tuple[Design, ...]:
    return tuple(
        Design(
            label=f"P={name}",
            values={"t0": _STARTS, "R": far, "sigma": width, "d": 1},
            evidence=Exact(values=partial(_starts, p), upper=1.0),
        )
        for name, (p, width, far) in _EQUAL_WIDTHS.items()
    )


def mean_norm(p: NormalMixture) -> float:
    """Return E|X|."""
    u = p.means / (p.sigmas * np.sqrt(2))
    return float(p.weights @ (p.sigmas * np.sqrt(2 / np.pi) * np.exp(-u * u) + p.means * erf(u)))


def _endings(p: NormalMixture) -> Array:
    return np.array([_raised(p.noised(t), _NORMAL) for t in _ENDS.tolist()])


def _divergences(p: NormalMixture) -> Array:
    found = [end_terms(p, (t / 2, t)) for t in _ENDS.tolist()]
    return np.array([ends.end_kl + ends.end_kl_error for ends in found])


def _end(result: Result) -> tuple[Design, ...]:
    made = []
    for name, p in LAWS.items():
        known = {"R": mean_norm(p), "M2": float(p.weights @ (p.means**2 + p.sigmas**2)), "t1": _ENDS, "d": 1}
        divergence = result.key == "diffusion/end-divergence"
        made.append(
            Design(
                label=f"P={name}",
                values={key: known[key] for key in result.names},
                evidence=Exact(values=partial(_divergences, p))
                if divergence
                else Exact(values=partial(_endings, p), upper=1.0),
            )
        )
    return tuple(made)


_SPACE = GaussianMixture(np.full(2, 0.5), np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), np.full(2, 0.25))
_BALL = GaussianMixture(np.ones(1), np.zeros((1, 3)), np.ones(1))
_PLACES, _BATCH = 256, 32


def _distances(pairs: tuple[tuple[Any, Any], ...], seed: int) -> Iterator[Array]:
    """Unbiased estimates of TV in [0, 1], in any dimension."""
    rng = np.random.Generator(np.random.SFC64(seed))
    while True:
        seeds = rng.integers(2**62, size=(_BATCH, len(pairs))).tolist()
        yield np.array(
            [[sim.tv_monte_carlo(*pair, _PLACES, s)[0] for pair, s in zip(pairs, row, strict=True)] for row in seeds]
        )


def _solid(result: Result) -> tuple[Design, ...]:
    """Two normal laws in three dimensions, with centres at distance 1 from the origin and σ = 1/2."""
    start = result.key.startswith("tv/diffusion/start")
    times = _STARTS[2:] if start else _ENDS[:2]
    pairs = tuple((_SPACE.noised(t), _SPACE if start else _BALL) for t in times.tolist())
    far = 1.0 if start else 1.5  # E|X| <= (E|X|²)^(1/2) = √(1 + 3/4)
    known = {"t0": times, "t1": times, "R": far, "sigma": 0.5, "M2": 1.75, "d": 3}
    return (
        Design(
            label="two normal laws, d=3",
            values={key: known[key] for key in result.names},
            evidence=Bounded(blocks=partial(_distances, pairs), number=True),
        ),
    )


def _width(t: float, sigma: float) -> float:
    return float(np.sqrt(1 + np.exp(-2 * t) * (sigma**2 - 1)))


def between(one: float, other: float) -> float:
    """Return TV of two centred normal laws with these standard deviations."""
    return sim.tv_quadrature(NormalDensity(0, one), NormalDensity(0, other), tolerance=_TOLERANCE)[0]


SIGMAS = np.array([0.3, 0.8, 0.95, 2.5])  # for 1 the distance is 0, and what quadrature gives of it is rounding


def _normal_end(result: Result) -> tuple[Design, ...]:
    start = "t0" in result.names
    times = _STARTS if start else _ENDS

    def values() -> Array:
        rows = [[(_width(t, s), s if start else 1.0) for t in times.tolist()] for s in SIGMAS.tolist()]
        return np.array([[between(*pair) for pair in row] for row in rows])

    arguments = {"t0" if start else "t1": times, "sigma": SIGMAS[:, None]}
    return (Design(label="normal", values=arguments, evidence=Exact(values=values, upper=1.0)),)


# --- one step -------------------------------------------------------------------------------------------------

_PLACE = np.array([0.4, -0.7])
_USED = np.array([[1.3, 0.4], [0.4, 0.7]])
"""The covariance used, over the first true variance; that of equal coordinates is a multiple of the identity."""
_AXIS = 601


@lru_cache(maxsize=64)
def step_divergence(law: str, t: float, h: float, shift: float, equal: bool) -> tuple[float, float, Array, float]:
    """Return KL of a reverse kernel in the plane to a normal law by a plain sum, and J, the ratios and the gap.

    The coordinates are independent and have the same law; with `equal` they are at the same place.
    """
    p, x = LAWS[law], np.full(2, _PLACE[0]) if equal else _PLACE
    shares, centres, sigmas = reverse_kernel(p, x, t, t - h)
    means = (shares * centres).sum(axis=1)
    variances = (shares * (sigmas**2 + centres**2)).sum(axis=1) - means**2
    used = variances[0] * (1.3 * np.eye(2) if equal else _USED)
    gap = np.array([shift, -0.5 * shift]) * np.sqrt(variances)
    axes, rows = [], []
    for share, centre in zip(shares, centres, strict=True):
        axis = np.linspace((centre - 9 * sigmas).min(), (centre + 9 * sigmas).max(), _AXIS)
        axes.append(axis)
        rows.append(NormalMixture(share, centre, sigmas).logpdf(axis))
    cells = np.prod([axis[1] - axis[0] for axis in axes])
    logs = rows[0][:, None] + rows[1]
    heights = np.exp(logs) * cells

    def divergence(mean: Array, covariance: Array) -> float:
        y = np.stack(np.meshgrid(axes[0] - mean[0], axes[1] - mean[1], indexing="ij"))
        away = np.einsum("iab,ij,jab->ab", y, np.linalg.inv(covariance), y)
        return float((heights * (logs + 0.5 * away + np.log(2 * np.pi * np.sqrt(np.linalg.det(covariance))))).sum())

    ratios = np.linalg.eigvals(np.linalg.solve(used, np.diag(variances))).real
    return (
        divergence(means + gap, used),
        max(divergence(means, np.diag(variances)), 0.0),
        np.sort(ratios),
        float(gap @ np.linalg.solve(used, gap)),
    )


_STEPS = (("two", 0.3, 0.2, 0.5), ("three", 0.1, 0.05, 0.0), ("unequal", 1.0, 0.4, 2.0), ("wide", 0.5, 0.01, 0.1))


def _step(result: Result) -> tuple[Design, ...]:
    equal = "d" in result.names
    found = [step_divergence(*step, equal) for step in _STEPS]
    values: dict[str, Any] = {"J": np.array([row[1] for row in found]), "gap": np.array([row[3] for row in found])}
    ratios = np.array([row[2] for row in found])
    values |= {"d": 2, "r": ratios[:, 0]} if equal else {"r": ratios}
    return (
        Design(
            label="reverse kernels in the plane",
            values=values,
            evidence=Exact(values=lambda: np.array([row[0] for row in found])),
        ),
    )


_SOLID: Mapping[str, str] = {**REASONS, "finite-mean": "E|X| <= (E|X|^2)^(1/2) = 1.33 < 1.5"}
CASES: tuple[Case, ...] = (
    _case("tv/diffusion/start/smooth", _smooth),
    _case("tv/diffusion/start/mixture", _mixture),
    _case("tv/diffusion/start/mixture", _solid, "sampled", _SOLID),
    _case("tv/diffusion/start/gaussian", _normal_end),
    _case("tv/diffusion/end/first-moment", _end),
    _case("tv/diffusion/end/first-moment", _solid, "sampled", _SOLID),
    _case("tv/diffusion/end/second-moment", _end),
    _case("tv/diffusion/end/second-moment", _solid, "sampled", _SOLID),
    _case("diffusion/end-divergence", _end),
    _case("tv/diffusion/end/gaussian", _normal_end),
    _case("diffusion/step-divergence/isotropic", _step),
    _case("diffusion/step-divergence/covariance", _step),
)
