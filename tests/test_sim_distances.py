from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from sim import (
    SimulationError,
    diversity,
    tv_discrete,
    tv_gaussian_shift,
    tv_gaussians,
    w2_squared,
    w2_squared_line,
)


def test_tv_and_diversity_of_vectors():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(tv_discrete(p, q), [0.5, 0.0])
    np.testing.assert_allclose(diversity(q), [0.5, 0.5])
    assert diversity([1.0]) == 0
    assert diversity(np.full(4, 0.25)) == 0.75


def reference(m, s):
    """TV(N(m, s²), N(0, 1)) with 150 digits, from the crossing points."""
    with mpmath.workdps(150):
        m, s = mpmath.mpf(m), mpmath.mpf(s)
        a, b, c = 1 - s * s, -2 * m, m * m + 2 * s * s * mpmath.log(s)
        if a == 0:
            return float(mpmath.erf(abs(m) / (2 * mpmath.sqrt(2))))
        root = mpmath.sqrt(b * b - 4 * a * c)
        x, y = sorted([(-b - root) / (2 * a), (-b + root) / (2 * a)])
        q = mpmath.ncdf(y) - mpmath.ncdf(x)
        p = mpmath.ncdf((y - m) / s) - mpmath.ncdf((x - m) / s)
        return float(abs(q - p))


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.just(0.0), st.floats(-30, 30), st.floats(-1e-6, 1e-6)),
    st.one_of(st.just(1.0), st.floats(-60, 60).map(math.exp), st.floats(-1e-6, 1e-6).map(math.exp)),
)
def test_tv_of_gaussians_against_many_digits(m, s):
    value = tv_gaussians(m, s, 0.0, 1.0)
    assert abs(value - reference(m, s)) < 1e-15
    assert abs(tv_gaussians(3 + 2 * m, 2 * s, 3.0, 2.0) - value) < 1e-14 * max(1, abs(m))


def test_tv_of_gaussians_at_the_edges():
    assert tv_gaussians(0, 1, 0, 1) == 0
    assert tv_gaussians(0.0, 0.0, 0, 1) == 1
    assert tv_gaussians(5.0, 1e-300, 0, 1) == 1
    np.testing.assert_allclose(tv_gaussians([0.3, -0.3], 2.0, 0, 2.0), tv_gaussian_shift(0.3, 2.0), rtol=1e-12)
    np.testing.assert_allclose(tv_gaussians([[1.0], [2.0]], [1.0, 0.5, 3.0], 0, 1).shape, (2, 3))


def test_tv_of_a_shift_keeps_its_relative_precision():
    for shift in (1e-300, 1e-12, 0.1, 3.0, -3.0):
        expected = float(mpmath.erf(mpmath.mpf(abs(shift)) / (2 * mpmath.sqrt(2) * 0.5)))
        assert tv_gaussian_shift(shift, 0.5) == pytest.approx(expected, rel=1e-14)
    assert tv_gaussian_shift(1e9) == 1


def test_w2_of_gaussians():
    rng = np.random.default_rng(71)
    a, b = (x @ np.swapaxes(x, 1, 2) for x in rng.normal(size=(2, 6, 3, 3)))
    mean = rng.normal(size=(6, 3))
    value = w2_squared(mean, a, np.zeros(3), b)
    for k in range(6):
        root = np.real(sqrtm(a[k]))
        bures = np.trace(a[k] + b[k] - 2 * np.real(sqrtm(root @ b[k] @ root)))
        assert value[k] == pytest.approx(mean[k] @ mean[k] + bures, rel=1e-9)
    np.testing.assert_allclose(w2_squared(mean, a, mean, a), 0, atol=1e-12)
    line = w2_squared_line([1.0, 2.0], 0.5, 0.0, [2.0, 0.5])
    np.testing.assert_allclose(line, [1 + 2.25, 4])
    np.testing.assert_allclose(w2_squared([[1.0], [2.0]], 0.25 * np.eye(1), [0.0], [[[4.0]], [[0.25]]]), line)
    singular = np.diag([1.0, 0.0])
    assert w2_squared(np.zeros(2), singular, np.zeros(2), np.eye(2)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: tv_discrete([0.5, 0.6], [0.5, 0.5]), "p"),
        (lambda: tv_discrete([0.5, 0.5], [1.5, -0.5]), "q"),
        (lambda: tv_discrete([0.5, 0.5], [1.0]), "q"),
        (lambda: diversity([]), "p"),
        (lambda: diversity(1.0), "p"),
        (lambda: tv_gaussian_shift(1.0, 0.0), "sigma"),
        (lambda: tv_gaussians(0, -1, 0, 1), "std_p"),
        (lambda: tv_gaussians(0, math.nan, 0, 1), "std_p"),
        (lambda: tv_gaussians(0, 1, 0, 0), "std_q"),
        (lambda: w2_squared_line(0, 1, 0, -1), "std_q"),
        (lambda: w2_squared([0], [1.0], [0], [[1.0]]), "cov_p"),
        (lambda: w2_squared([0, 0], [[1, 0.5], [0.4, 1]], [0, 0], np.eye(2)), "cov_p"),
        (lambda: w2_squared([0, 0], np.eye(2), [0, 0], [[1, 2], [2, 1]]), "cov_q"),
    ],
)
def test_what_is_no_distribution_is_refused(call, argument):
    with pytest.raises(SimulationError) as caught:
        call()
    assert caught.value.argument == argument
