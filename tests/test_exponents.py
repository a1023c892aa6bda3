"""Exponents of the one-step error: limits that hold, weights of least squares, and refusals."""

import numpy as np
import pytest

import sim
from verify.exponents import one_step_exponent
from verify.slopes import slope, slope_limits, slope_weights


def test_weights_are_those_of_least_squares():
    sizes = np.array([10, 30, 200, 1000])
    values = np.array([0.5, 0.2, 0.3, -1.0])
    assert slope_weights(sizes) @ values == pytest.approx(np.polyfit(np.log(sizes), values, 1)[0])


def test_limits_of_a_slope_are_attained_and_never_passed():
    rng, along = np.random.default_rng(1), np.array([10.0, 20.0, 50.0, 1000.0])
    lower = rng.uniform(0.1, 1, (5, 4))
    upper = lower * rng.uniform(1, 3, (5, 4))
    low, high = slope_limits(along, lower, upper)
    corners = [slope(along, np.where(rng.random((5, 4)) < 0.5, lower, upper)) for _ in range(400)]
    np.testing.assert_allclose([np.min(corners, axis=0), np.max(corners, axis=0)], [low, high], rtol=1e-12)
    for _ in range(200):
        inside = slope(along, rng.uniform(lower, upper))
        assert np.all((inside >= low) & (inside <= high))


def test_a_limit_of_zero_leaves_the_slope_open_on_one_side_only():
    low, high = slope_limits([1, 10, 100], [0.5, 0.0, 0.5], [1.0, 1.0, 1.0])  # the middle has no weight
    assert np.isfinite([low, high]).all()
    assert slope_limits([1, 10, 100], [0.5, 0.5, 0.0], [1.0, 1.0, 1.0])[0] == -np.inf
    assert slope_limits([1, 10, 100], [0.5, 0.5, 0.0], [1.0, 1.0, 1.0])[1] < np.inf


@pytest.fixture(scope="module")
def found():
    return one_step_exponent(sim.NormalDensity(sigma=2.0), 2.0, (100, 400, 1600, 6400), replications=300, seed=5)


def test_the_claimed_exponent_is_confirmed(found):
    assert found.claimed == pytest.approx(-0.4)
    assert found.low < found.fitted < found.high
    assert found.low <= found.claimed
    assert found.high < -0.3  # and not slower by much
    assert found.confirmed
    assert found.bound_far == pytest.approx(-0.4, abs=1e-4)


def test_limits_enclose_and_the_bound_dominates(found):
    assert np.all((found.lower < found.mean) & (found.mean < found.upper))
    assert np.all(found.mean < found.bound)


def test_limits_are_right_about_other_draws(found):
    """A longer simulation with other draws lies within the limits, up to its own error."""
    other = one_step_exponent(sim.NormalDensity(sigma=2.0), 2.0, (100, 400, 1600, 6400), replications=1200, seed=6)
    assert np.all((found.lower <= other.upper) & (other.lower <= found.upper))
    assert np.all(other.upper - other.lower < found.upper - found.lower)


def test_same_seed_same_numbers(found):
    again = one_step_exponent(sim.NormalDensity(sigma=2.0), 2.0, (100, 400, 1600, 6400), replications=300, seed=5)
    assert np.array_equal(again.mean, found.mean)


def test_an_error_that_does_not_fall_is_not_confirmed():
    """A bandwidth that is far too large leaves a bias of order one: the slope is near 0."""
    flat = one_step_exponent(sim.CosineTorus(0.9), 3.0, (2000, 8000, 32_000), replications=100, seed=5)
    assert flat.low > flat.claimed
    assert not flat.confirmed


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sizes": (100,)}, "sizes"),
        ({"sizes": (100, 50)}, "sizes"),
        ({"sizes": (100.0, 200.0)}, "sizes"),
        ({"sizes": (1, 200)}, "sizes"),
        ({"replications": 1}, "replications"),
        ({"confidence": 1.0}, "confidence"),
        ({"density": sim.CosineTorus(0.5, 3)}, "density"),
    ],
)
def test_bad_arguments_are_named(change, match):
    given = {"density": sim.NormalDensity(), "constant": 1.0, "sizes": (100, 400)} | change
    with pytest.raises(ValueError, match=f"{match} = .*allowed"):
        one_step_exponent(**given)


def test_a_bad_bandwidth_is_named():
    with pytest.raises(sim.SimulationError, match="h"):
        one_step_exponent(sim.NormalDensity(), -1.0, (100, 400))
