from __future__ import annotations

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from sim.densities import NormalDensity
from sim.densities_mixture import NormalMixture
from sim.densities_torus import CosineTorus
from sim.distances import tv_gaussians
from sim.errors import SimulationError
from sim.models.kde_torus import SmoothedTorus
from sim.tv_cells import absolute_integral, cubic_error
from sim.tv_densities import tv_functions, tv_monte_carlo, tv_quadrature

MIXTURE = NormalMixture([0.3, 0.2, 0.5], [-2.0, 0.5, 1.0], [0.5, 0.1, 1.5])


def mp_tv(p, q, roots):
    """½∫|p − q| of two normal mixtures, from their crossing points to 30 digits."""
    with mpmath.workdps(30):

        def parts(m):
            return zip(m.weights.tolist(), m.means.tolist(), m.sigmas.tolist(), strict=True)

        def height(x):
            return sum(w * mpmath.npdf(x, a, s) for w, a, s in parts(p)) - sum(
                w * mpmath.npdf(x, a, s) for w, a, s in parts(q)
            )

        def below(x):
            return sum(w * mpmath.ncdf(x, a, s) for w, a, s in parts(p)) - sum(
                w * mpmath.ncdf(x, a, s) for w, a, s in parts(q)
            )

        cuts = [mpmath.mpf(0)] + [below(mpmath.findroot(height, r)) for r in roots] + [mpmath.mpf(0)]
        return float(sum(abs(b - a) for a, b in pairwise(cuts)) / 2)


def test_quadrature_agrees_with_high_precision():
    q = NormalMixture([0.6, 0.4], [0.0, 3.0], [1.0, 0.4])
    x = np.linspace(-12, 12, 100_001)
    gap = MIXTURE.pdf(x) - q.pdf(x)
    roots = x[:-1][(gap[:-1] * gap[1:] < 0) & (np.abs(gap[:-1]) > 1e-30)]
    exact = mp_tv(MIXTURE, q, roots.tolist())
    for tolerance in (1e-4, 1e-6, 1e-9):
        value, error = tv_quadrature(MIXTURE, q, tolerance=tolerance)
        assert abs(value - exact) <= error <= tolerance


@pytest.mark.parametrize(
    "pair", [(0, 1, 0, 1), (0, 1, 1, 1), (0, 1, 1e-6, 1), (0, 1e-3, 0, 100), (5, 1, 0, 1e-2), (0, 1, 90, 1)]
)
def test_quadrature_of_normals_is_certified(pair):
    value, error = tv_quadrature(NormalDensity(*pair[:2]), NormalDensity(*pair[2:]))
    assert error <= 1e-9
    assert abs(value - float(tv_gaussians(*pair))) <= error
    assert 0 <= value <= 1


def test_quadrature_on_the_circle():
    value, error = tv_quadrature(CosineTorus(0.5), CosineTorus(0.2))
    assert abs(value - 0.3 / math.pi) <= error <= 1e-9


@pytest.mark.parametrize("bound", [{"lipschitz": 0.25}, {"curvature": 0.4}, {"lipschitz": 0.25, "curvature": 0.4}])
@pytest.mark.parametrize("cells", [200, 2000, 100_000])
def test_functions_with_bounded_derivatives(bound, cells):
    p, q = NormalDensity(), NormalDensity(1)
    value, error = tv_functions(p.pdf, q.pdf, (-9, 10), cells=cells, **bound)
    assert abs(value - float(tv_gaussians(0, 1, 1, 1))) <= error
    assert error <= 19 * max(0.25 / 4 * 19 / cells, 0) + 1e-9
    if "curvature" in bound:
        assert error <= 0.4 / 12 * (19 / cells) ** 2 * 19 + 1e-9


def test_functions_with_corners():
    def tent(centre):
        return lambda x: np.maximum(1 - np.abs(x - centre), 0.0)

    value, error = tv_functions(tent(0), tent(0.5), (-2, 2), lipschitz=1, cells=2**17)
    assert abs(value - 0.4375) <= error < 1e-4


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 1.00001 * NormalDensity().pdf(x),
        lambda x: NormalDensity().pdf(x) - 1e-3,
        lambda x: np.full_like(x, math.nan),
        lambda x: NormalDensity().pdf(x[1:]),
    ],
)
def test_functions_that_are_no_densities(function):
    for pair in ((function, NormalDensity().pdf), (NormalDensity().pdf, function)):
        with pytest.raises(SimulationError):
            tv_functions(*pair, (-9, 9), curvature=0.4)


@pytest.mark.parametrize(
    "arguments",
    [
        {"support": (1, 1), "curvature": 1.0},
        {"support": (0, math.inf), "curvature": 1.0},
        {"support": (-9, 9)},
        {"support": (-9, 9), "lipschitz": -1.0},
        {"support": (-9, 9), "curvature": math.nan},
        {"support": (-9, 9), "curvature": 1.0, "cells": 0},
    ],
)
def test_functions_with_bad_arguments(arguments):
    p = NormalDensity().pdf
    with pytest.raises(SimulationError):
        tv_functions(p, p, **arguments)


@pytest.mark.parametrize(
    ("p", "q"),
    [
        (NormalDensity(), NormalDensity(1)),
        (NormalDensity(), NormalDensity(0, 3)),
        (NormalDensity(), NormalDensity(100)),
        (NormalDensity(), NormalDensity()),
        (MIXTURE, NormalDensity()),
        (CosineTorus(0.5), CosineTorus(1.0)),
    ],
    ids=lambda p: p.label,
)
def test_monte_carlo_is_unbiased(p, q):
    """Mean of many small runs against quadrature, z < 5; every run lies in [0, 1]."""
    exact, _ = tv_quadrature(p, q)
    runs = np.array([tv_monte_carlo(p, q, 50, seed) for seed in range(800)])
    assert ((runs[:, 0] >= 0) & (runs[:, 0] <= 1)).all()
    spread = runs[:, 0].std() / math.sqrt(len(runs))
    assert abs(runs[:, 0].mean() - exact) <= 5 * spread + 1e-9
    assert math.sqrt((runs[:, 1] ** 2).mean()) == pytest.approx(runs[:, 0].std(), rel=0.15, abs=1e-12)


def test_monte_carlo_in_three_dimensions_and_in_pieces():
    p, q = CosineTorus(0.9, 3), CosineTorus(0.0, 3)
    value, error = tv_monte_carlo(p, q, 70_000, 1)
    x = (np.arange(120) + 0.5) / 120
    height = CosineTorus(0.9).pdf(x)
    exact = 0.5 * np.abs(height[:, None, None] * height[:, None] * height - 1).mean()
    assert abs(value - exact) < 5 * error + 1e-4
    assert tv_monte_carlo(p, q, 70_000, 1) == (value, error)


def test_distances_of_densities_that_do_not_match():
    with pytest.raises(SimulationError) as caught:
        tv_quadrature(NormalDensity(), CosineTorus())
    assert caught.value.argument == "q"
    with pytest.raises(SimulationError):
        tv_monte_carlo(CosineTorus(0.5, 2), CosineTorus(0.5, 3), 10, 0)
    with pytest.raises(SimulationError):
        tv_quadrature(CosineTorus(0.5, 2), CosineTorus(0.2, 2))
    with pytest.raises(SimulationError):
        tv_quadrature(SmoothedTorus([0.5], 0.1), CosineTorus(0.2))
    with pytest.raises(SimulationError):
        tv_quadrature(NormalDensity(), NormalDensity(), tolerance=0)
    with pytest.raises(SimulationError):
        tv_monte_carlo(NormalDensity(), NormalDensity(), 1, 0)


class Scaled(NormalDensity):
    def pdf(self, x):
        return 1.000003 * super().pdf(x)


class Short(NormalDensity):
    def cdf(self, x):
        return 0.99999 * super().cdf(x)


@pytest.mark.parametrize("wrong", [Scaled(), Scaled(7, 1e-3), Short()])
def test_a_density_without_mass_one_is_refused(wrong):
    with pytest.raises(SimulationError, match="integrates to 1"):
        tv_quadrature(NormalDensity(), wrong)


def test_a_narrow_component_is_not_mistaken_for_a_lack_of_mass():
    p = NormalMixture([0.7, 0.3], [0, 0.123], [1, 1e-5])
    value, error = tv_quadrature(p, NormalDensity())
    assert abs(value - 0.3) < 1e-4
    assert error < 1e-9


@pytest.mark.parametrize("fine", [8, 20])
def test_the_integral_of_cells_is_certified_on_the_line(fine):
    """|p − q| of two normals from nodes 1/fine apart: cells, cuts and interpolation together."""
    p, q = NormalDensity(0.3), NormalDensity(0, 1.4)
    x = np.arange(-12 * fine, 12 * fine + 1) / fine
    value, error = absolute_integral((p.pdf(x) - q.pdf(x))[None], 1 / fine, periodic=False)
    smooth = sum(cubic_error(1 / fine, f.variation(4), f.variation(5)) for f in (p, q))
    exact = 2 * float(tv_gaussians(0.3, 1, 0, 1.4))
    assert abs(value[0] - exact) <= error[0] + smooth
    assert error[0] + smooth < 30 * fine**-4.0


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_integral_of_cells_is_certified_on_the_torus(d):
    n = {1: 50, 2: 40, 3: 24}[d]
    axes = np.meshgrid(*[np.arange(n) / n] * d, indexing="ij")
    g = np.sum([np.cos(2 * math.pi * (x + 0.013)) for x in axes], axis=0)
    value, error = absolute_integral(g[None], 1 / n, periodic=True)
    exact = {1: 2 / math.pi, 2: 8 / math.pi**2}.get(d)
    if exact is None:
        x = (np.arange(200) + 0.5) / 200
        two = np.add.outer(np.cos(2 * math.pi * x), np.cos(2 * math.pi * x))
        # the mean of |u + cos| over one coordinate: 2/π·(√(1 − u²) + u·arcsin u) for |u| < 1, else |u|
        u = np.clip(two, -1, 1)
        exact = np.where(np.abs(two) < 1, 2 / math.pi * (np.sqrt(1 - u * u) + u * np.arcsin(u)), np.abs(two)).mean()
    smooth = d * cubic_error(1 / n, (2 * math.pi) ** 4, (2 * math.pi) ** 5) * 1.01
    assert abs(value[0] - exact) <= error[0] + smooth + (1e-6 if d == 3 else 1e-14)
    assert error[0] < {1: 1e-5, 2: 5e-5, 3: 6e-3}[d]


def test_the_integral_of_zero():
    value, error = absolute_integral(np.zeros((2, 30)), 0.1, periodic=False)
    assert (value == 0).all()
    assert (error == 0).all()
