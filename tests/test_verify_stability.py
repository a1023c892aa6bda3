"""What the cases measure of recursive stability, against enumerated loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from test_stability_bounds_loop import Loop, average_recursive, kullback, moved, tv, worst_recursive

import sim
from verify.binary_loop import BinaryLoop, expand_sensitivity
from verify.case import Exact
from verify.cases import CASES
from verify.cases.stability import _extreme_atoms, _training_sets, opposed_atoms, random_atoms
from verify.cases.stability_recursive import _AT, _enumerated, _forgotten
from verify.checking import points_of
from verify.run import DEFAULT_SETTING

SIZES = [(4, 2, 0.3), (6, 1, 0.7), (6, 5, 0.1), (5, 0, 0.4)]


@pytest.mark.parametrize(("n", "reused", "omega"), SIZES)
def test_sensitivities_by_enumeration(n: int, reused: int, omega: float) -> None:
    binary, loop = BinaryLoop(n, reused, 0.3, omega), Loop(n, reused, 2, omega)
    for i in (1, 2, 4):
        same, other = worst_recursive(loop, i)
        assert binary.other_sensitivity(i) == pytest.approx(other, rel=1e-10)
        if reused:
            assert sim.exact_binary_gamma(n, reused / n, omega, i)[-1] == pytest.approx(same, rel=1e-10)
            assert binary.average_sensitivity(i) == pytest.approx(average_recursive(loop, i, (0.3, 0.7)), rel=1e-10)


@pytest.mark.parametrize(("n", "omega"), [(1, 0.3), (4, 0.05), (9, 0.9)])
def test_divergence_by_enumeration(n: int, omega: float) -> None:
    def fit(c: int) -> np.ndarray:
        share = (1 - omega) * c / n + omega / 2
        return np.array([share, 1 - share])

    pairs = [(fit(a), fit(b)) for a, b in itertools.product(range(n + 1), repeat=2) if abs(a - b) == 1]
    exact = BinaryLoop(n, 0, 0.5, omega).divergence()
    assert exact == pytest.approx(max(kullback(p, q) for p, q in pairs), rel=1e-10)


def test_influence_by_enumeration() -> None:
    binary, loop = BinaryLoop(6, 3, 0.3, 0.4), Loop(6, 3, 2, 0.4)
    p = np.array([0.3, 0.7])
    means = {}
    for r in range(4):
        real = np.array([r, 3 - r])
        before = [loop.last(real, others, 2)[1] for others in loop.drawn]
        weights = [c * 0.3 ** others[0] * 0.7 ** others[1] for c, others in zip((1, 3, 3, 1), loop.drawn, strict=True)]
        far = np.array([tv(loop.fit(real + s), p) for s in loop.drawn])
        means[r] = sum(w * law @ far for w, law in zip(weights, before, strict=True))
    largest = max(abs(means[r] - means[r + 1]) for r in range(3))
    assert binary.influence(2) == pytest.approx(largest, rel=1e-10)


def test_three_atoms_by_enumeration() -> None:
    loop = Loop(4, 2, 3, 0.3)
    expected = [worst_recursive(loop, i)[0] for i in _AT[:3]]
    np.testing.assert_allclose(_enumerated(4, 2, 0.3)[:3], expected, rtol=1e-10)


def test_expanding_loops_by_simulation() -> None:
    """Total variation of the synthetic counts from one pair of neighbours: a lower estimate of the largest one."""
    rng, n, drawn, omega, R = np.random.default_rng(2), 3, 3, 0.4, 400_000
    exact = expand_sensitivity(n, drawn, omega, 3)
    found = []
    for first in range(n):
        laws = []
        for r in (first, first + 1):
            counts = rng.binomial(drawn, (1 - omega) * r / n + omega / 2, R)
            for _ in range(2):
                counts = rng.binomial(drawn, (1 - omega) * (r + counts) / (n + drawn) + omega / 2)
            laws.append(np.bincount(counts, minlength=drawn + 1) / R)
        found.append(tv(*laws))
    assert max(found) == pytest.approx(exact, abs=0.005)


def test_normal_points_by_simulation() -> None:
    """A move that only generation 1 sees: mean and variance of the average, then the TV of the synthetic points."""
    n, alpha, width, rng, R = 10, 0.5, 3.0, np.random.default_rng(3), 400_000
    means = []
    for move in (0.0, width / n):
        mean = np.full(R, move)  # of generation 1, with real points at 0 but for one
        for _ in range(1):  # generation 2: reused points are the same
            mean = 0.5 * rng.normal(mean, 1 / np.sqrt(n * (1 - alpha)))
        means.append(mean)
    shift, variance = means[1].mean() - means[0].mean(), means[0].var()
    exact = _forgotten(n, alpha, 1.0, width)[1]
    m = n * (1 - alpha)
    from scipy.stats import norm

    assert 2 * norm.cdf(shift / 2 * np.sqrt(m / (1 + m * variance))) - 1 == pytest.approx(exact, abs=0.004)


def test_training_sets() -> None:
    two = _training_sets(opposed_atoms(), 7)
    assert len(two) == 8
    assert set(two.sum(axis=1)) == {7}
    eight = _training_sets(random_atoms(8, 3, 1), 7)
    assert {tuple(row) for row in (7 * np.eye(8, dtype=int)).tolist()} <= {tuple(row) for row in eight.tolist()}
    assert set(eight.sum(axis=1)) == {7}
    assert len(list(moved(eight[0]))) == 7


@pytest.mark.parametrize("mu", [0.01, 0.5, 1.0, 4.0])
def test_the_norm_of_ridge_weights_is_attained(mu: float) -> None:
    atoms, learner = _extreme_atoms(mu), sim.Ridge(mu)
    w = learner.fit(atoms, np.array([[5, 0, 0, 0]]))
    assert np.linalg.norm(w) == pytest.approx(learner.B, rel=1e-12)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.key.startswith(("stability/", "recursive-"))], ids=lambda c: c.key
)
def test_exact_values_are_attainable(case) -> None:  # type: ignore[no-untyped-def]
    """Measured values are not negative, have one entry per point, and total variations are at most 1."""
    for design in case.designs(DEFAULT_SETTING):
        if isinstance(design.evidence, Exact):
            values = np.asarray(design.evidence.values())
            assert values.size == points_of(design, case.result)[0].size
            assert values.min() >= 0
            assert "TV" not in case.result.quantity or values.max() <= 1 + 1e-12
