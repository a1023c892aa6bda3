"""Cases for one step of a kernel estimate: its bias by certified quadrature, its variance without any bias."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

import bounds
import sim
from sim.densities import NormalDensity, SmoothDensity
from sim.models.kde import Chunks, Components, Fit
from sim.models.kde_lattice import Chunk
from sim.models.kde_torus import SmoothedTorus
from sim.models.model import Metric
from sim.tv_cells import LEBESGUE, absolute_integral, cubic_error

from ..case import Array, Blocks, Bounded, Case, Design, Exact, Setting
from .discrete_exact import Loop
from .kde import BLOCK, KERNEL
from .reasons import answers

_SHARES = np.array([0.2, 0.5, -1.0])
_WIDTHS = np.array([0.03, 0.1, 0.3])
_NODES = {2: 256, 3: 48}
_PLACES = 16
_REASONS: Mapping[str, str] = {
    **KERNEL,
    "kernel-fit": "P is smoothed by N(0, h^2), in closed form",
    "smooth-density": "a mixture of normal densities, whose second derivative is integrated numerically",
}
_LOOP_REASONS: Mapping[str, str] = {
    **KERNEL,
    "line": "P is a mixture of normal distributions, whose variance is known",
    "mixed-training": "the simulated schedule is fresh, stratified, fixed or replace",
    "iid-training-set": "under `replace` and `fresh` a training set is n iid draws from Q",
}


def _exact(key: str, designs: Callable[[Setting], tuple[Design, ...]]) -> Case:
    result = bounds.get(key)
    return Case(result=result, name="exact", designs=designs, because=answers(result, _REASONS))


# --- bias -----------------------------------------------------------------------------------------------------


def _bias(density: Any, widths: Array) -> Array:
    """TV(T_h P, P) by certified quadrature, one value per bandwidth."""
    return np.array([sim.tv_quadrature(density.smoothed(h), density, tolerance=1e-13)[0] for h in widths.tolist()])


def _bias_at_most(density: sim.NormalMixture, widths: Array) -> Array:
    """TV(T_h P, P) raised by the quadrature's error; a mixture of many components has to be less exact."""
    return np.array([sum(sim.tv_quadrature(density.smoothed(h), density, tolerance=1e-6)) for h in widths.tolist()])


def _gaussian(setting: Setting) -> tuple[Design, ...]:
    widths = setting.sigma * np.array([0.1, 0.3, 1.0, 3.0])
    unit = NormalDensity(0.0, setting.sigma)
    evidence = Exact(values=lambda: _bias(unit, widths))
    return (Design(label="normal", values={"h": widths, "sigma": setting.sigma}, evidence=evidence),)


@cache
def _roughness(density: sim.NormalMixture) -> float:
    """∫|p''|, the total variation of p' on a fine lattice, where p' is a sum over the components."""
    low, high = density.support
    places, total = np.linspace(low, high, 20_001), np.zeros(20_001)
    for w, m, s in zip(density.weights, density.means, density.sigmas, strict=True):
        u = (places - m) / s
        total -= w * u * np.exp(-0.5 * u * u) / (np.sqrt(2 * np.pi) * s**2)
    return float(np.abs(np.diff(total)).sum())


def _smooth(setting: Setting) -> tuple[Design, ...]:
    density = setting.smooth
    widths = density.scale * np.array([0.5, 1.0, 2.0])
    return (
        Design(
            label=density.label,
            values={"h": widths, "L1": np.full(3, _roughness(density))},
            evidence=Exact(values=lambda: _bias_at_most(density, widths), upper=1.0),
        ),
    )


def _cosine(setting: Setting) -> tuple[Design, ...]:
    def values() -> Array:
        return np.array([_bias(sim.CosineTorus(c), _WIDTHS) for c in _SHARES.tolist()])

    arguments = {"h": _WIDTHS, "c": _SHARES[:, None]}
    return (Design(label="cosine", values=arguments, evidence=Exact(values=values, upper=1.0)),)


def _product_bias(c: float, h: float, d: int) -> float:
    """TV of two products of cosine densities, from above: ∫|p − q| on a lattice, and its certified error."""
    one = sim.CosineTorus(c)
    pair, nodes = (one, one.smoothed(h)), _NODES[d]
    p, q = (density.pdf(np.arange(nodes) / nodes) for density in pair)
    gap = _outer(p, d) - _outer(q, d)
    value, error = absolute_integral(gap[None], 1 / nodes, periodic=True)
    missed = sum(cubic_error(1 / nodes, density.variation(4), density.variation(5)) for density in pair)
    return float(value[0] + error[0]) / 2 + missed * d * LEBESGUE ** (d - 1) / 2


def _outer(heights: Array, d: int) -> Array:
    product = heights
    for _ in range(d - 1):
        product = np.multiply.outer(product, heights)
    return product


def _product_biases(d: int) -> Array:
    return np.array([[_product_bias(c, h, d) for h in _WIDTHS.tolist()] for c in _SHARES.tolist()])


def _torus(setting: Setting) -> tuple[Design, ...]:
    (flat,) = _cosine(setting)
    return (
        Design(label="cosine, d=1", values={**flat.values, "d": 1}, evidence=flat.evidence),
        *(
            Design(
                label=f"cosine, d={d}",
                values={**flat.values, "d": d},
                evidence=Exact(values=partial(_product_biases, d), upper=1.0),
            )
            for d in _NODES
        ),
    )


# --- variance -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blend:
    """A mixture of densities in one place, with what a Monte Carlo estimate of total variation needs."""

    parts: tuple[tuple[float, Any], ...]

    @property
    def space(self) -> str:
        """Where all parts live."""
        return str(self.parts[0][1].space)

    @property
    def d(self) -> int:
        """Dimension of all parts."""
        return int(self.parts[0][1].d)

    def logpdf(self, x: Array) -> Array:
        """Return the logarithm of the density."""
        return np.asarray(np.logaddexp.reduce([np.log(w) + part.logpdf(x) for w, part in self.parts], axis=0))

    def sample(self, rng: np.random.Generator, size: int) -> Array:
        """Return independent draws, the number from each part multinomial."""
        counts = rng.multinomial(size, [w for w, _ in self.parts])
        return np.concatenate([part.sample(rng, int(k)) for k, (_, part) in zip(counts, self.parts, strict=True)])


@dataclass(frozen=True)
class SpreadKDE(sim.KDE):
    """Kernel estimates of which TV(P_{i+1}, T_h Q_i) is recorded: unbiased estimates in [0, 1], in any dimension."""

    def estimate(self, rng: np.random.Generator, batch: Chunks) -> Fit:
        """Return the fit, with a key for the random numbers of its estimate."""
        return Fit(self, batch, int(rng.integers(2**63)))

    def measures(self) -> Mapping[str, Metric]:
        """Return the one metric, spread_tv."""
        name = "TV(P_{i+1}, T_h Q_i)"
        return {"spread_tv": Metric(of=self._spread, units="1", long_name=name, needs_target=True)}

    def _spread(self, fit: Fit, target: Components) -> Array:
        seeds = np.random.SeedSequence(fit.key).generate_state(self.block, np.uint64) >> np.uint64(1)
        fitted = self.blend(self.target(), fit, 1.0)
        return np.array(
            [
                sim.tv_monte_carlo(self._of(fitted, row, 0.0), self._of(target, row, self.h), _PLACES, int(seed))[0]
                for row, seed in enumerate(seeds)
            ]
        )

    def _of(self, mixture: Components, row: int, more: float) -> Any:
        """One replication's mixture, smoothed by N(0, more²) more."""
        return _Blend(tuple((w, self._part(part, row, more)) for w, part in mixture if w > 0))

    def _part(self, part: Chunk | None, row: int, more: float) -> Any:
        if part is None:
            return self.density.smoothed(more)  # type: ignore[attr-defined]
        smoothed = SmoothedTorus if self.density.space == "torus" else sim.smoothed_sample
        return smoothed(part.points[row], float(np.hypot(self.h, more)))


def _spreads(model: SpreadKDE, loop: Loop, at: tuple[int, ...]) -> Blocks:
    """Return replications of TV(P_{i+1}, T_h Q_i) at the generations i of `at`."""
    later = tuple(i + 1 for i in at)

    def blocks(seed: int) -> Iterator[Array]:
        for record in sim.blocks(
            model, loop.schedule, n=loop.n, generations=later[-1], seed=seed, record=("spread_tv",), at=later
        ):
            yield record["spread_tv"]

    return blocks


def _sampled(key: str, designs: Callable[[Setting], tuple[Design, ...]]) -> Case:
    result = bounds.get(key)
    return Case(result=result, name="sampled", designs=designs, because=answers(result, _LOOP_REASONS))


def _spread(density: SmoothDensity, h: float, loop: Loop, at: tuple[int, ...], **known: float) -> Design:
    model = SpreadKDE(density, h, BLOCK)
    alpha = dict(loop.params).get("alpha", 0.0)
    return Design(
        label=f"{loop}, {model.label}",
        values={"n": loop.n, "alpha": alpha, "i": np.array(at), "h": h, **known},
        evidence=Bounded(blocks=_spreads(model, loop, at)),
    )


def _line(setting: Setting) -> tuple[Design, ...]:
    p, sigma = setting.smooth, setting.sigma
    spread = float(np.sqrt(p.weights @ (p.sigmas**2 + p.means**2) - (p.weights @ p.means) ** 2))
    unit = NormalDensity(0.0, sigma)
    return (
        _spread(p, 0.3 * spread, Loop("replace", 30, 4), (1, 3), sigma=spread),
        _spread(unit, 0.3 * sigma, Loop("fresh", 30, 4, (("alpha", 0.5),)), (1, 3), sigma=sigma),
        _spread(unit, 0.5 * sigma, Loop("fixed", 20, 4, (("alpha", 0.2),)), (1, 3), sigma=sigma),
        _spread(p, 0.5 * spread, Loop("stratified", 20, 4, (("alpha", 0.2),)), (1, 3), sigma=spread),
    )


def _line_gaussian(setting: Setting) -> tuple[Design, ...]:
    unit, at = NormalDensity(0.0, setting.sigma), (1, 3)
    designs = [
        _spread(unit, h * setting.sigma, Loop("replace", n, 4), at, sigma=setting.sigma)
        for n, h in ((30, 0.3), (15, 1.0))
    ]
    return tuple(designs)


def _torus_spread(setting: Setting) -> tuple[Design, ...]:
    return tuple(
        _spread(sim.CosineTorus(c, d), h, loop, (1, 3), d=d)
        for c, d, h, loop in (
            (0.8, 1, 0.1, Loop("replace", 30, 4)),
            (-1.0, 1, 0.2, Loop("fresh", 10, 4, (("alpha", 0.5),))),
            (0.5, 2, 0.2, Loop("replace", 30, 4)),
            (0.5, 3, 0.2, Loop("fresh", 50, 4, (("alpha", 0.2),))),
        )
    )


CASES: tuple[Case, ...] = (
    _exact("kde/bias/gaussian", _gaussian),
    _exact("kde/bias/smooth", _smooth),
    _exact("kde/bias/torus", _cosine),
    _exact("kde/bias/torus-d", _torus),
    _sampled("kde/variance/line", _line),
    _sampled("kde/variance/line-gaussian", _line_gaussian),
    _sampled("kde/variance/torus", _torus_spread),
)
