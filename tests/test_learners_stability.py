"""Measured stability, and recursive stability, against loops over points and full enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import sim.stability
from sim import (
    SGD,
    LabelledAtoms,
    Logistic,
    Ridge,
    SimulationError,
    coupled_stability,
    exact_binary_gamma,
    exact_gaussian_mean_gamma,
    replace_one_stability,
    trajectories,
)

SEED = 20261121
X = np.array([[0.9, 0.1], [-0.3, 0.8], [0.2, -0.6]])
ATOMS = LabelledAtoms(X, [1.0, -1.0, -1.0], [0.5, 0.3, 0.2])
STEEP = SGD(kind="squared", rate=1.5, radius=0.7, decay=0.5, passes=2)


def ridge_losses(points, lam):
    rows, labels = X[points], ATOMS.y[points]
    w = np.linalg.solve(rows.T @ rows + len(points) * lam * np.eye(2), rows.T @ labels)
    return (X @ w - ATOMS.y) ** 2 / 2


@pytest.mark.parametrize("points", [[0, 0, 1, 2], [1, 1, 1, 1], [0, 2, 2, 2]])
def test_stability_of_ridge_by_replacing_points_one_by_one(points):
    worst = 0.0
    for place, atom in itertools.product(range(4), range(3)):
        moved = [*points[:place], atom, *points[place + 1 :]]
        worst = max(worst, np.abs(ridge_losses(points, 0.2) - ridge_losses(moved, 0.2)).max())
    counts = np.bincount(points, minlength=3)
    np.testing.assert_allclose(replace_one_stability(Ridge(0.2), ATOMS, counts), [worst], rtol=1e-12)


def all_sets(n):
    return np.array([c for c in itertools.product(range(n + 1), repeat=3) if sum(c) == n])


@pytest.mark.parametrize("learner", [Ridge(0.05), Ridge(1.0), Logistic(0.05), Logistic(1.0)])
@pytest.mark.parametrize("n", [1, 5, 12])
def test_uniform_stability_is_below_that_of_convex_minimisation(learner, n, monkeypatch):
    measured = replace_one_stability(learner, ATOMS, all_sets(n))
    bound = 2 * learner.L**2 / (learner.lam * n)
    assert 0 < measured.max() <= bound
    monkeypatch.setattr(sim.stability, "_HELD", 20)  # two training sets at a time
    np.testing.assert_allclose(measured, replace_one_stability(learner, ATOMS, all_sets(n)), rtol=1e-9)


def test_stability_of_sgd_is_that_of_coupled_loops():
    counts, runs = np.array([2, 3, 1]), 50
    rng = np.random.default_rng(SEED)
    orders = np.concatenate([rng.integers(6, size=(runs, 6)) for _ in range(2)], axis=1)

    def losses(points, order):
        w = np.zeros(2)
        for t, place in enumerate(order, start=1):
            x, y = X[points[place]], ATOMS.y[points[place]]
            w = w - 1.5 / math.sqrt(t) * (x @ w - y) * x
            w = w * min(1, 0.7 / max(np.linalg.norm(w), 1e-300))
        return (X @ w - ATOMS.y) ** 2 / 2

    first, second = [0, 0, 1, 1, 1, 2], [0, 0, 2, 1, 1, 2]
    exact = [np.abs(losses(first, order) - losses(second, order)).max() for order in orders]
    measured = coupled_stability(STEEP, ATOMS, counts, 1, 2, runs=runs, seed=SEED)
    np.testing.assert_allclose(measured, exact, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("replacement", [True, False])
@pytest.mark.parametrize(("kind", "rate"), [("squared", 2.0), ("logistic", 8.0)])
def test_stability_of_sgd_is_below_its_bound(kind, rate, replacement):
    learner = SGD(kind=kind, rate=rate, radius=1.0, decay=0.5, replacement=replacement)
    for removed, added in itertools.permutations(range(3), 2):
        measured = coupled_stability(learner, ATOMS, [10, 5, 5], removed, added, runs=2000, seed=SEED)
        bound = 2 * learner.L**2 * learner.step_sizes(20).sum() / 20
        assert measured.mean() > 5 * measured.std() / math.sqrt(2000)
        assert measured.mean() <= bound


def law_of_synthetic(points, reused, omega, K, generations):
    """Law of S_i as a dict from sequences to probabilities, summed over every history; one per generation."""
    n = len(points)
    m = n - reused
    laws, current = [], {tuple(points[reused:]): 1.0}
    for _ in range(generations):
        following = dict.fromkeys(itertools.product(range(K), repeat=m), 0.0)
        for last, weight in current.items():
            data = [*points[:reused], *last]
            chance = [(1 - omega) * data.count(k) / n + omega / K for k in range(K)]
            for sample in following:
                following[sample] += weight * math.prod(chance[k] for k in sample)
        laws.append(following)
        current = following
    return laws


@pytest.mark.parametrize(("n", "alpha"), [(4, 0.5), (4, 0.75), (3, 1 / 3), (5, 0.4)])
@pytest.mark.parametrize("omega", [0.0, 0.1, 0.6])
def test_binary_gamma_is_that_of_full_enumeration(n, alpha, omega):
    reused, generations = round(alpha * n), 3
    worst = np.zeros(generations)
    for points in itertools.product(range(2), repeat=n):
        laws = law_of_synthetic(points, reused, omega, 2, generations)
        for place in range(reused):
            moved = [*points[:place], 1 - points[place], *points[place + 1 :]]
            others = law_of_synthetic(moved, reused, omega, 2, generations)
            distances = [sum(abs(a[s] - b[s]) for s in a) / 2 for a, b in zip(laws, others, strict=True)]
            worst = np.maximum(worst, distances)
    np.testing.assert_allclose(exact_binary_gamma(n, alpha, omega, generations), worst, rtol=1e-12)


@pytest.mark.parametrize(("n", "alpha"), [(4, 0.5), (5, 0.2), (10, 0.9)])
def test_gaussian_gamma_is_that_of_the_joint_law(n, alpha):
    """All synthetic points as linear functions of standard normal noise and of the reused point."""
    sigma, width, generations = 0.7, 2.0, 5
    reused = round(alpha * n)
    m = n - reused
    mean_noise, mean_shift = np.zeros(generations * m), width / n
    for i, gamma in enumerate(exact_gaussian_mean_gamma(n, alpha, sigma, width, generations)):
        own = sigma * np.eye(generations * m)[i * m : (i + 1) * m]
        noise, shift = mean_noise + own, np.full(m, mean_shift)
        distance = math.sqrt(shift @ np.linalg.solve(noise @ noise.T, shift))
        assert gamma == pytest.approx(math.erf(distance / 2 / math.sqrt(2)), rel=1e-12)
        mean_noise, mean_shift = noise.sum(axis=0) / n, width / n + shift.sum() / n


def test_gamma_is_zero_when_nothing_is_synthetic():
    assert not exact_binary_gamma(5, 1.0, 0.2, 3).any()
    assert not exact_gaussian_mean_gamma(5, 1.0, 1.0, 2.0, 3).any()
    assert not exact_gaussian_mean_gamma(5, 0.2, 1.0, 0.0, 3).any()


def test_trajectories_have_the_divergence_and_distance_of_full_enumeration():
    reused, rest, omega, runs = [0, 1, 1], [0, 2], 0.3, 40_000
    moved = [0, 1, 2]
    found = trajectories([1, 2, 0], [1, 0, 1], 1, 2, omega=omega, generations=3, replications=runs, seed=SEED)

    def step(real, last):
        data = [*real, *last]
        return [0.7 * data.count(k) / 5 + 0.1 for k in range(3)]

    samples = list(itertools.product(range(3), repeat=2))
    histories = {((), tuple(rest)): (1.0, 1.0)}
    for i in range(3):
        following = {}
        for (past, last), (a, b) in histories.items():
            p, q = step(reused, last), step(moved, last)
            for s in samples:
                following[(*past, s), s] = (a * p[s[0]] * p[s[1]], b * q[s[0]] * q[s[1]])
        histories = following
        kl = sum(a * math.log(a / b) for a, b in histories.values())
        tv = sum(abs(a - b) for a, b in histories.values()) / 2
        for values, exact in ((found.divergence, kl), (found.log_ratio, kl), (found.distance, tv)):
            error = values[:, i].std() / math.sqrt(runs)
            assert abs(values[:, i].mean() - exact) <= 5 * error + 1e-12
        assert tv <= math.sqrt(kl / 2)
    assert found.divergence.min() > 0
    assert 0 <= found.distance.min() <= found.distance.max() <= 1


def test_trajectories_bound_gamma_on_two_atoms():
    n, omega = 10, 0.3
    gamma = exact_binary_gamma(n, 0.5, omega, 4)
    worst = np.zeros(4)
    for r, s in itertools.product(range(1, 6), range(6)):
        found = trajectories([r, 5 - r], [s, 5 - s], 0, 1, omega=omega, generations=4, replications=4000, seed=SEED)
        upper = found.distance.mean(axis=0) + 5 * found.distance.std(axis=0) / math.sqrt(4000)
        worst = np.maximum(worst, upper)
    assert (gamma <= worst).all()
    c = (1 - omega) / n
    kappa = c * math.log1p(2 * c / omega)
    assert (gamma <= np.sqrt(np.arange(1, 5) * 5 * kappa / 2)).all()


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: exact_binary_gamma(0, 0.5, 0.1, 1), "n"),
        (lambda: exact_binary_gamma(5, 0.5, 0.1, 1), "alpha"),
        (lambda: exact_binary_gamma(4, 0, 0.1, 1), "alpha"),
        (lambda: exact_binary_gamma(4, 1e-15, 0.1, 1), "alpha"),
        (lambda: exact_binary_gamma(4, 0.5, 1.0, 1), "omega"),
        (lambda: exact_binary_gamma(4, 0.5, -0.1, 1), "omega"),
        (lambda: exact_binary_gamma(4, 0.5, 0.1, 0), "generations"),
        (lambda: exact_gaussian_mean_gamma(4, 0.5, 0.0, 1.0, 1), "sigma"),
        (lambda: exact_gaussian_mean_gamma(4, 0.5, 1.0, -1.0, 1), "width"),
        (lambda: exact_gaussian_mean_gamma(4, 0.3, 1.0, 1.0, 1), "alpha"),
        (lambda: replace_one_stability(STEEP, ATOMS, [1, 1, 0]), "rng"),
        (lambda: replace_one_stability(Ridge(1.0), ATOMS, [1, 1]), "counts"),
        (lambda: coupled_stability(STEEP, ATOMS, [1, 1, 0], 2, 0, runs=1, seed=0), "removed"),
        (lambda: coupled_stability(STEEP, ATOMS, [1, 1, 0], 0, 3, runs=1, seed=0), "added"),
        (lambda: coupled_stability(STEEP, ATOMS, [1, 1, 0], 0, 1, runs=0, seed=0), "runs"),
        (lambda: coupled_stability(STEEP, ATOMS, [1, 1, 0], 0, 1, runs=1, seed=-1), "seed"),
        (lambda: coupled_stability(STEEP, ATOMS, [[1, 1, 0]] * 2, 0, 1, runs=1, seed=0), "counts"),
    ],
)
def test_arguments_that_are_refused(call, argument):
    with pytest.raises(SimulationError) as caught:
        call()
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reused", [0, 0]),
        ("reused", [1.0, 1.0]),
        ("reused", [-1, 2]),
        ("reused", [3]),
        ("rest", [0, 0]),
        ("rest", [1, 1, 1]),
        ("removed", 1),
        ("removed", 2),
        ("added", -1),
        ("omega", 0),
        ("omega", 1),
        ("generations", 0),
        ("replications", 0),
        ("seed", 0.5),
    ],
)
def test_trajectories_that_are_refused(name, value):
    good = {"reused": [2, 0], "rest": [1, 1], "removed": 0, "added": 1, "omega": 0.5}
    good |= {"generations": 2, "replications": 3, "seed": 0}
    trajectories(**good)
    with pytest.raises(SimulationError) as caught:
        trajectories(**{**good, name: value})
    assert caught.value.argument == name
