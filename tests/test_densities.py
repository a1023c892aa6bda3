from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from sim.densities import NormalDensity, normal_variation
from sim.densities_mixture import NormalMixture, smoothed_sample
from sim.densities_torus import CosineTorus
from sim.errors import SimulationError
from sim.models.kde_torus import SmoothedTorus

MIXTURE = NormalMixture([0.3, 0.2, 0.5], [-2.0, 0.5, 1.0], [0.5, 0.1, 1.5])
SCALARS = [NormalDensity(1.5, 0.7), MIXTURE, CosineTorus(0.8), CosineTorus(-0.3)]
SMOOTH = [*SCALARS, SmoothedTorus([0.1, 0.4, 0.95], 0.07)]


def nodes(density, count=200_001):
    return np.linspace(*density.support, count)


@pytest.mark.parametrize("p", SMOOTH, ids=lambda p: p.label)
def test_densities_integrate_to_one_and_logarithms_agree(p):
    x = nodes(p)
    assert np.trapezoid(p.pdf(x), x) == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(p.logpdf(x), np.log(p.pdf(x)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("p", SCALARS, ids=lambda p: p.label)
def test_distribution_functions_are_the_integrals(p):
    x = nodes(p)
    middle = 0.5 * (x[1:] + x[:-1])
    np.testing.assert_allclose(np.diff(p.cdf(x)), p.pdf(middle) * np.diff(x), atol=1e-12)


@pytest.mark.parametrize("p", SCALARS, ids=lambda p: p.label)
def test_curvature_bounds_the_second_derivative(p):
    x = nodes(p, 20_001)
    second = np.abs(np.diff(p.pdf(x), 2)) / (x[1] - x[0]) ** 2
    assert (p.curvature(x[:-2], x[2:]) >= second - 1e-5).all()


@pytest.mark.parametrize("p", SMOOTH, ids=lambda p: p.label)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_variation_bounds_the_integral_of_a_derivative(p, order):
    x = nodes(p, 4001)
    step = x[1] - x[0]
    integral = np.abs(np.diff(p.pdf(x), order)).sum() / step ** (order - 1)
    assert p.variation(order) >= integral - 1e-3 * p.variation(order)


def test_variation_of_the_normal_density_is_exact():
    for order, derivative in ((2, lambda x: x * x - 1), (4, lambda x: x**4 - 6 * x**2 + 3)):
        exact = quad(lambda x, d=derivative: abs(d(x)) * math.exp(-x * x / 2), -12, 12, limit=500)[0]
        assert normal_variation(order) == pytest.approx(exact / math.sqrt(2 * math.pi), rel=1e-7)


@pytest.mark.parametrize("p", SMOOTH, ids=lambda p: p.label)
def test_draws_follow_the_density(p):
    """Means of cosines, against quadrature; z < 6."""
    n, x = 200_000, nodes(p)
    draws = p.sample(np.random.default_rng(3), (2, n // 2)).ravel()
    for t in (1.0, 2 * math.pi, 5.0):
        exact = np.trapezoid(np.cos(t * x) * p.pdf(x), x)
        values = np.cos(t * draws)
        assert abs(values.mean() - exact) < 6 * values.std() / math.sqrt(n)


@pytest.mark.parametrize("p", SMOOTH, ids=lambda p: p.label)
def test_smoothing_is_the_convolution_with_the_normal_kernel(p):
    h, z = 0.3, np.linspace(-9, 9, 4001)
    kernel = np.exp(-z * z / 2)
    x = np.linspace(*p.support, 7)
    places = x[:, None] - h * z
    inside = places % 1 if p.space == "torus" else places
    np.testing.assert_allclose(p.smoothed(h).pdf(x), p.pdf(inside) @ kernel / kernel.sum(), atol=1e-8)


def test_a_cosine_density_in_three_dimensions_is_a_product():
    one, three = CosineTorus(0.6), CosineTorus(0.6, 3)
    x = np.random.default_rng(0).random((5, 4, 3))
    np.testing.assert_allclose(three.pdf(x), one.pdf(x).prod(axis=-1))
    np.testing.assert_allclose(three.logpdf(x), np.log(three.pdf(x)))
    assert three.sample(np.random.default_rng(0), (5, 4)).shape == (5, 4, 3)
    with pytest.raises(SimulationError, match="3 coordinates"):
        three.pdf(np.zeros((4, 2)))
    with pytest.raises(SimulationError):
        three.cdf(np.zeros(3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: NormalDensity(math.nan),
        lambda: NormalDensity(0, 0),
        lambda: NormalDensity(0, -1),
        lambda: NormalDensity(0, math.inf),
        lambda: NormalMixture([], [], []),
        lambda: NormalMixture([0.5, 0.49], [0, 1], 1),
        lambda: NormalMixture([1.5, -0.5], [0, 1], 1),
        lambda: NormalMixture([0.5, 0.5], [0, 1, 2], 1),
        lambda: NormalMixture([0.5, 0.5], [0, math.nan], 1),
        lambda: NormalMixture([0.5, 0.5], [0, 1], [1, 0]),
        lambda: smoothed_sample([], 1),
        lambda: smoothed_sample([1, math.nan], 1),
        lambda: smoothed_sample([[1, 2]], 1),
        lambda: smoothed_sample([1, 2], 0),
        lambda: smoothed_sample(["a"], 1),
        lambda: CosineTorus(1.1),
        lambda: CosineTorus(0.5, 0),
        lambda: SmoothedTorus([], 0.1),
        lambda: SmoothedTorus([[[0.1]]], 0.1),
        lambda: SmoothedTorus([0.1], -1),
        lambda: SmoothedTorus([[0.1, 0.2]], 0.1).pdf([0.1, 0.2, 0.3]),
        lambda: NormalDensity().smoothed(-1),
        lambda: normal_variation(0),
    ],
)
def test_densities_that_are_none(make):
    with pytest.raises(SimulationError):
        make()


def test_weights_are_scaled_and_copied():
    weights = np.array([0.5, 0.5 + 5e-7])
    p = NormalMixture(weights, [0, 1], 1)
    assert p.weights.sum() == pytest.approx(1, abs=1e-15)
    weights[0] = 7
    assert p.weights[0] < 1
    with pytest.raises(ValueError, match="read-only"):
        p.means[0] = 1


@pytest.mark.parametrize("h", [0.05, 0.4, 0.9, 1.5])
def test_the_wrapped_kernel(h):
    x = np.linspace(0, 1, 9)
    exact = sum(NormalDensity(0.3 + k, h).pdf(x) for k in range(-20, 21))
    np.testing.assert_allclose(SmoothedTorus([0.3], h).pdf(x), exact, rtol=1e-10, atol=1e-12)
