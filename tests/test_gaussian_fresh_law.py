"""The exact law of the Gaussian mean under `fresh`: enumeration, the limits of alpha, second moments."""

import itertools
import math

import numpy as np
import pytest

import sim


def enumerated(n, alpha, generations, d):
    """Average over all real counts of the generations but the last, one path at a time."""
    weights = [math.comb(n, m) * alpha**m * (1 - alpha) ** (n - m) for m in range(n + 1)]
    total = square = 0.0
    for counts in itertools.product(range(n + 1), repeat=generations - 1):
        probability, t = 1.0, 1 / n
        for m in counts:
            probability *= weights[m]
            t = 1 / n + (1 - m / n) ** 2 * t
        total += probability * gaussian_tv(t, d)
        square += probability * t
    return total, square


def gaussian_tv(t, d):
    """E TV for a mean of variance t in d dimensions: arctan for d = 1, t/(4+t) to a power for d = 2."""
    return 2 / math.pi * math.atan(math.sqrt(t) / 2) if d == 1 else math.sqrt(t / (4 + t))


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize(("n", "alpha"), [(1, 0.3), (3, 0.2), (4, 0.5)])
def test_enumeration(n, alpha, d):
    law = sim.exact_gaussian_mean_fresh(n, alpha, 4, d)
    for generation in range(1, 5):
        tv, square = enumerated(n, alpha, generation, d)
        assert law.tv[generation - 1] == pytest.approx(tv, rel=1e-10)
        assert law.tau2[generation - 1] == pytest.approx(square, rel=1e-10)


@pytest.mark.parametrize(("alpha", "schedule"), [(0.0, sim.Replace()), (1.0, sim.Stratified(1.0))])
def test_without_randomness_of_the_counts(alpha, schedule):
    law = sim.exact_gaussian_mean_fresh(10, alpha, 20, 3)
    same = sim.exact_gaussian_mean(schedule, 10, 20, 3)
    np.testing.assert_allclose(law.tv, same.tv, rtol=1e-10)
    np.testing.assert_allclose(law.tau2, same.tau2, rtol=1e-10)


def test_second_moment_of_many_generations():
    law = sim.exact_gaussian_mean_fresh(20, 0.05, 60)
    np.testing.assert_allclose(law.tau2, sim.exact_gaussian_mean_square(sim.Fresh(0.05), 20, 60), rtol=1e-10)


@pytest.mark.parametrize("arguments", [(0, 0.1, 5), (10, 1.5, 5), (10, 0.1, 0), (10, 0.1, 5, 0), (10, float("nan"), 5)])
def test_bad_arguments(arguments):
    with pytest.raises(sim.SimulationError):
        sim.exact_gaussian_mean_fresh(*arguments)
