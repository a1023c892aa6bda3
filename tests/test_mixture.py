"""Mixtures fitted by EM: against scikit-learn, a plain loop, and what is known of every iteration."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from sim.models.mixture_em import Normals, fitted, improved, log_density, normals, sampled, seeded


def training_sets(R: int, n: int, d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 2, (R, 3, d))
    return centres[np.arange(R)[:, None], rng.integers(3, size=(R, n))] + rng.normal(0, 0.7, (R, n, d))


def start_of(x: np.ndarray, K: int, floor: float = 1e-12) -> Normals:
    """Means at the first points, unequal weights, correlated covariances."""
    R, _, d = x.shape
    weights = np.broadcast_to(np.arange(1, K + 1) / (K * (K + 1) / 2), (R, K))
    covariances = np.broadcast_to(np.eye(d) + 0.3, (R, K, d, d))
    return normals(weights, x[:, :K], covariances, floor)


def covariances_of(law: Normals) -> np.ndarray:
    return law.factors @ law.factors.swapaxes(2, 3)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_iterations_are_those_of_scikit_learn(d):
    """A fixed number of them, from the same start and without a floor that acts."""
    x = training_sets(4, 60, d)
    start = start_of(x, 3)
    found, used = fitted(x, start, 1e-12, 9, 0.0)
    assert (used == 9).all()
    for r, points in enumerate(x):
        theirs = SklearnMixture(
            3,
            tol=0.0,
            reg_covar=0.0,
            max_iter=9,
            weights_init=start.weights[r],
            means_init=start.means[r],
            precisions_init=np.linalg.inv(covariances_of(start)[r]),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.fit(points)
        np.testing.assert_allclose(found.weights[r], theirs.weights_, rtol=1e-7)
        np.testing.assert_allclose(found.means[r], theirs.means_, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(covariances_of(found)[r], theirs.covariances_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(log_density(found, x)[r], theirs.score_samples(points), rtol=1e-7, atol=1e-9)


def test_the_number_of_iterations_is_that_of_scikit_learn():
    x = training_sets(5, 80, 1, 1)
    start = start_of(x, 2)
    _, used = fitted(x, start, 1e-12, 500, 1e-4)
    for r, points in enumerate(x):
        theirs = SklearnMixture(
            2,
            tol=1e-4,
            reg_covar=0.0,
            max_iter=500,
            weights_init=start.weights[r],
            means_init=start.means[r],
            precisions_init=1 / covariances_of(start)[r],
        ).fit(points)
        assert used[r] == theirs.n_iter_
    assert np.unique(used).size > 1


def plain(points, weights, means, variances, floor, iterations):
    """EM on the line, a point at a time."""
    K = len(weights)
    for _ in range(iterations):
        shares = []
        for x in points:
            heights = [
                weights[k] * math.exp(-((x - means[k]) ** 2) / (2 * variances[k])) / math.sqrt(variances[k])
                for k in range(K)
            ]
            shares.append([height / sum(heights) for height in heights])
        counts = [sum(share[k] for share in shares) for k in range(K)]
        means = [sum(s[k] * x for s, x in zip(shares, points, strict=True)) / counts[k] for k in range(K)]
        variances = [
            max(floor, sum(s[k] * (x - means[k]) ** 2 for s, x in zip(shares, points, strict=True)) / counts[k])
            for k in range(K)
        ]
        weights = [count / len(points) for count in counts]
    return weights, means, variances


def test_a_floor_that_acts_against_a_plain_loop():
    x = np.concatenate([training_sets(3, 30, 1, 2), np.full((3, 3, 1), 5.0)], axis=1)
    start = normals(np.full((3, 2), 0.5), np.array([[[0.0], [5.0]]] * 3), np.ones((3, 2, 1, 1)), 0.1)
    found, _ = fitted(x, start, 0.1, 12, 0.0)
    for r in range(3):
        weights, means, variances = plain(x[r, :, 0].tolist(), [0.5, 0.5], [0.0, 5.0], [1.0, 1.0], 0.1, 12)
        np.testing.assert_allclose(found.weights[r], weights, rtol=1e-9)
        np.testing.assert_allclose(found.means[r, :, 0], means, rtol=1e-9)
        np.testing.assert_allclose(found.variances[r, :, 0], variances, rtol=1e-9)
    assert (found.variances == 0.1).any()


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("floor", [1e-9, 0.8])
def test_the_likelihood_never_falls(d, floor):
    x = training_sets(20, 25, d, 3)
    law, last, active = seeded(np.random.default_rng(0), x, 4, floor), np.full(20, -np.inf), 0
    for _ in range(40):
        law, value = improved(law, x, floor)
        assert (value >= last - 1e-12).all()
        last, active = value, active + int((law.variances == floor).sum())
    assert law.variances.min() >= floor
    assert active >= (20 if floor > 0.5 else 0)


@pytest.mark.parametrize("d", [1, 2])
def test_an_iteration_keeps_mean_and_covariance_of_the_points(d):
    x = training_sets(6, 40, d, 4)
    law, _ = improved(start_of(x, 3), x, 1e-12)
    mean = np.einsum("rk,rkd->rd", law.weights, law.means)
    second = covariances_of(law) + law.means[..., None] * law.means[..., None, :]
    covariance = np.einsum("rk,rkde->rde", law.weights, second) - mean[..., None] * mean[:, None]
    np.testing.assert_allclose(mean, x.mean(axis=1), atol=1e-12)
    for r in range(6):
        expected = np.cov(x[r], rowvar=False, ddof=0).reshape(d, d)
        np.testing.assert_allclose(covariance[r], expected, rtol=1e-10, atol=1e-12)


def test_training_sets_are_fitted_each_for_itself():
    """Whatever their number, in however many slabs, and whichever of them converge first."""
    x = training_sets(40, 700, 1, 5)
    start = start_of(x, 2)
    together, used = fitted(x, start, 1e-6, 60, 1e-5)
    for r in (0, 17, 39):
        alone, one = fitted(x[r : r + 1], start.rows(slice(r, r + 1)), 1e-6, 60, 1e-5)
        assert one[0] == used[r]
        for mine, theirs in zip(together, alone, strict=True):
            np.testing.assert_allclose(mine[r], theirs[0], rtol=1e-12, atol=1e-14)
    assert used.min() < used.max()


def test_narrow_components_far_away_keep_their_digits():
    rng = np.random.default_rng(6)
    x = 1e6 + np.concatenate([rng.normal(0, 1e-3, (1, 50, 1)), rng.normal(1, 1e-3, (1, 50, 1))], axis=1)
    start = normals(np.full((1, 2), 0.5), np.array([[[1e6], [1e6 + 1]]]), np.full((1, 2, 1, 1), 0.01), 1e-12)
    law, _ = fitted(x, start, 1e-12, 50, 0.0)
    for k, part in enumerate((x[0, :50, 0], x[0, 50:, 0])):
        assert law.variances[0, k, 0] == pytest.approx(np.var(part - 1e6 - k), rel=1e-6)


def test_points_that_are_all_the_same():
    x = np.full((2, 10, 1), 3.0)
    law, _ = fitted(x, seeded(np.random.default_rng(0), x, 3, 0.01), 0.01, 20, 0.0)
    assert np.isfinite(np.concatenate([part.ravel() for part in law])).all()
    assert (law.variances == 0.01).all()
    np.testing.assert_allclose(law.means, 3.0)


def test_a_component_without_points_stays_without():
    x = np.linspace(-1, 1, 20).reshape(1, 20, 1)
    start = normals(np.full((1, 2), 0.5), np.array([[[0.0], [1e4]]]), np.ones((1, 2, 1, 1)), 0.01)
    law, _ = fitted(x, start, 0.01, 10, 0.0)
    assert law.weights[0].tolist() == [1.0, 0.0]
    assert np.isfinite(log_density(law, x)).all()
    assert not (sampled(np.random.default_rng(0), law, 1000) > 100).any()


def test_seeds_have_the_law_of_k_means_plus_plus():
    """On four points, two seeds: frequencies of all pairs, within 5 standard errors."""
    places, R = np.array([0.0, 1.0, 3.0, 7.0]), 40_000
    x = np.broadcast_to(places[:, None], (R, 4, 1))
    law = seeded(np.random.default_rng(7), x, 2, 1e-3)
    first, second = np.searchsorted(places, law.means[..., 0].T)
    for a in range(4):
        squares = (places - places[a]) ** 2
        for b in range(4):
            p = 0.25 * squares[b] / squares.sum()
            share = float(np.mean((first == a) & (second == b)))
            assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / R)
    nearest = np.minimum((places - places[first, None]) ** 2, (places - places[second, None]) ** 2).mean(axis=1)
    np.testing.assert_allclose(law.variances[..., 0], np.repeat(nearest[:, None], 2, axis=1))
    assert (law.weights == 0.5).all()


def test_draws_have_mean_and_covariance_of_their_mixture():
    """Within 5 standard errors, by replication."""
    means = np.array([[[0.0, 0.0], [4.0, -2.0]], [[1.0, 1.0], [1.0, 5.0]]])
    covariances = np.array([[[[1.0, 0.6], [0.6, 1.0]], np.eye(2)], [0.2 * np.eye(2), [[2.0, -1.0], [-1.0, 1.0]]]])
    law = normals(np.array([[0.3, 0.7], [0.5, 0.5]]), means, covariances, 1e-9)
    x = sampled(np.random.default_rng(8), law, 200_000)
    for r in range(2):
        mean = law.weights[r] @ means[r]
        gap = means[r] - mean
        expected = np.einsum("k,kij->ij", law.weights[r], covariances[r] + gap[:, :, None] * gap[:, None])
        spread = np.sqrt(np.diag(expected) / 200_000)
        assert (np.abs(x[r].mean(axis=0) - mean) < 5 * spread).all()
        np.testing.assert_allclose(np.cov(x[r], rowvar=False), expected, atol=0.05)
    assert sampled(np.random.default_rng(8), law, 0).shape == (2, 0, 2)


def test_a_component_with_hardly_any_share_moves_as_it_should():
    x = np.linspace(-1, 1, 20).reshape(1, 20, 1)
    start = normals(np.full((1, 2), 0.5), np.array([[[0.0], [12.0]]]), np.ones((1, 2, 1, 1)), 1e-9)
    law, _ = improved(start, x, 1e-9)
    weights, means, variances = plain(x[0, :, 0].tolist(), [0.5, 0.5], [0.0, 12.0], [1.0, 1.0], 1e-9, 1)
    assert weights[1] < 1e-20
    np.testing.assert_allclose(law.weights[0], weights, rtol=1e-9)
    np.testing.assert_allclose(law.means[0, :, 0], means, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(law.variances[0, :, 0], variances, rtol=1e-9)
