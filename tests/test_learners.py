"""Learners against scikit-learn, 50-digit arithmetic and loops over single points."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as SklearnRidge

import sim.learners
from sim import SGD, LabelledAtoms, Logistic, Ridge, SimulationError
from sim.learners_sgd import listed

SEED = 20261121


def into_ball(raw):
    z = (raw - raw.mean(axis=0)) / raw.std(axis=0)
    return z / np.linalg.norm(z, axis=1).max()


def diabetes():
    data = load_diabetes()
    y = data.target
    return LabelledAtoms(into_ball(data.data), 2 * (y - y.min()) / (y.max() - y.min()) - 1, np.full(len(y), 1 / len(y)))


def cancer():
    data = load_breast_cancer()
    return LabelledAtoms(into_ball(data.data), 2.0 * data.target - 1, np.full(len(data.target), 1 / len(data.target)))


def random_atoms(K, d, binary=False):
    rng = np.random.default_rng(SEED)
    x = rng.standard_normal((K, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True) * rng.uniform(1, 2, (K, 1))
    y = rng.choice([-1.0, 1.0], K) if binary else rng.uniform(-1, 1, K)
    return LabelledAtoms(x, y, rng.dirichlet(np.ones(K)))


def sets(atoms, n, rows):
    return np.random.default_rng(SEED + 1).multinomial(n, atoms.p, rows)


@pytest.mark.parametrize("lam", [1e-3, 0.1, 2.0])
@pytest.mark.parametrize("n", [5, 50, 2000])
def test_ridge_is_that_of_scikit_learn(n, lam):
    atoms = diabetes()
    counts = sets(atoms, n, 4)
    for row, w in zip(counts, Ridge(lam).fit(atoms, counts), strict=True):
        k = np.repeat(np.arange(atoms.K), row)
        theirs = SklearnRidge(alpha=lam * n, fit_intercept=False, solver="svd").fit(atoms.x[k], atoms.y[k]).coef_
        np.testing.assert_allclose(w, theirs, atol=1e-8 * np.linalg.norm(theirs), rtol=0)


@pytest.mark.parametrize("lam", [1e-3, 0.1, 2.0])
@pytest.mark.parametrize("n", [20, 2000])
def test_logistic_regression_is_that_of_scikit_learn(n, lam):
    atoms = cancer()
    counts = sets(atoms, n, 3)
    for row, w in zip(counts, Logistic(lam).fit(atoms, counts), strict=True):
        k = np.repeat(np.arange(atoms.K), row)
        theirs = LogisticRegression(
            C=1 / (lam * n), fit_intercept=False, tol=1e-14, solver="newton-cholesky", max_iter=1000
        )
        theirs = theirs.fit(atoms.x[k], atoms.y[k]).coef_[0]
        np.testing.assert_allclose(w, theirs, atol=1e-8 * np.linalg.norm(theirs), rtol=0)


@pytest.mark.parametrize("lam", [1e-8, 1e-4, 0.3, 50.0])
@pytest.mark.parametrize("learner", [Ridge, Logistic])
def test_the_gradient_at_the_fit_vanishes_to_50_digits(learner, lam):
    atoms = random_atoms(7, 3, binary=True)
    counts = sets(atoms, 12, 3)
    with mp.workdps(50):
        for row, w in zip(counts, learner(lam).fit(atoms, counts), strict=True):
            w = [mp.mpf(value) for value in w.tolist()]
            gradient = [mp.mpf(lam) * value for value in w]
            for x, y, count in zip(atoms.x.tolist(), atoms.y.tolist(), row.tolist(), strict=True):
                z = mp.fsum(a * b for a, b in zip(x, w, strict=True))
                slope = z - y if learner is Ridge else -y / (1 + mp.exp(y * z))
                gradient = [g + mp.mpf(count) / 12 * slope * a for g, a in zip(gradient, x, strict=True)]
            scale = 1 + max(abs(value) for value in w)
            assert max(abs(g) for g in gradient) < 2e-13 * scale


def test_newton_arrives_where_full_steps_do_not():
    """Features on scales from 1e-3 to 1 with small penalties: full Newton steps fail in about one design of 40."""
    rng = np.random.default_rng(2)
    for _ in range(300):
        K, d = int(rng.integers(3, 9)), int(rng.integers(1, 4))
        x = rng.standard_normal((K, d)) * 10.0 ** rng.uniform(-3, 0, (K, 1))
        x /= max(1, np.linalg.norm(x, axis=1).max())
        atoms = LabelledAtoms(x, rng.choice([-1.0, 1.0], K), rng.dirichlet(np.full(K, 0.3)))
        lam, counts = 10.0 ** rng.uniform(-8, -1), rng.multinomial(1000, atoms.p, 20)
        w = Logistic(lam).fit(atoms, counts)
        slopes = -atoms.y / 2 * (1 - np.tanh(atoms.y * (w @ x.T) / 2))
        np.testing.assert_allclose((counts / 1000 * slopes) @ x + lam * w, 0, atol=5e-13)


def test_newton_that_does_not_arrive_is_an_error(monkeypatch):
    monkeypatch.setattr(sim.learners, "_STEPS", 3)
    atoms = random_atoms(7, 3, binary=True)
    with pytest.raises(SimulationError, match=r"lam must be such that 3 Newton steps reach a gradient"):
        Logistic(1e-4).fit(atoms, sets(atoms, 12, 2))


@pytest.mark.parametrize("learner", [Ridge(0.1), Logistic(0.1)])
def test_fits_do_not_depend_on_company_or_memory(learner, monkeypatch):
    atoms = random_atoms(40, 3, binary=True)
    counts = sets(atoms, 12, 9)
    together = learner.fit(atoms, counts)
    alone = np.concatenate([learner.fit(atoms, row) for row in counts])
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-12)
    monkeypatch.setattr(sim.learners, "_HELD", 80)  # two training sets, thirteen atoms at a time
    np.testing.assert_allclose(together, learner.fit(atoms, counts), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("learner", [Ridge(0.1), Logistic(0.1)])
def test_the_population_minimiser_is_the_fit_to_counts_in_proportion(learner):
    x = random_atoms(3, 2).x
    atoms = LabelledAtoms(x, np.array([1.0, -1.0, -1.0]), np.array([0.5, 0.2, 0.3]))
    np.testing.assert_allclose(learner.population(atoms), learner.fit(atoms, [5, 2, 3])[0], rtol=1e-10)


def test_the_bounds_on_ridge_are_attained():
    for lam in (0.01, 0.5, 1.0, 3.0):
        s = min(1.0, math.sqrt(lam))
        atoms = LabelledAtoms(np.array([[s], [-1.0]]), np.ones(2), np.array([1.0, 0.0]))
        learner = Ridge(lam)
        w = learner.fit(atoms, [3, 0])
        assert w[0, 0] == pytest.approx(learner.B, rel=1e-14)
        assert learner.losses(atoms, w)[0, 1] == pytest.approx(learner.M, rel=1e-14)
        assert learner.L == 1 + learner.B


@pytest.mark.parametrize("learner", [Ridge(0.01), Logistic(0.01), Logistic(5.0)])
def test_constants_hold_for_random_training_sets(learner):
    atoms = random_atoms(9, 2, binary=True)
    w = learner.fit(atoms, sets(atoms, 4, 300))
    norms = np.linalg.norm(w, axis=1)
    assert norms.max() <= learner.B
    losses = learner.losses(atoms, w)
    assert losses.max() - losses.min() <= learner.M
    moved = np.abs(losses[:, None] - losses[None]).max(axis=2)
    assert (moved <= learner.L * np.linalg.norm(w[:, None] - w[None], axis=2) + 1e-12).all()


def test_logistic_constants_in_closed_form():
    learner = Logistic(0.5)
    radius, span = learner.B, learner.M
    assert radius == pytest.approx(math.sqrt(4 * math.log(2)))
    assert span == pytest.approx(math.log1p(math.exp(radius)) - math.log1p(math.exp(-radius)))
    assert 0.5 < learner.L < 1


def by_points(learner, atoms, order, n):
    """SGD in plain Python, on points in this order."""
    w = [0.0] * atoms.d
    for t, k in enumerate(order, start=1):
        x, y = atoms.x[k].tolist(), float(atoms.y[k])
        z = sum(a * b for a, b in zip(w, x, strict=True))
        slope = z - y if learner.kind == "squared" else -y / (1 + math.exp(y * z))
        w = [a - learner.rate / t**learner.decay * slope * b for a, b in zip(w, x, strict=True)]
        norm = math.hypot(*w)
        if norm > learner.radius:
            w = [a * learner.radius / norm for a in w]
    assert len(order) == learner.passes * n
    return w


@pytest.mark.parametrize("kind", ["squared", "logistic"])
@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("replacement", [True, False])
def test_sgd_averages_to_the_mean_over_all_orders(kind, decay, replacement):
    """Every order of n = 3 points in 2 passes, with its probability, against 40,000 runs."""
    atoms = random_atoms(3, 2, binary=True)
    learner = SGD(kind=kind, rate=1.5, radius=0.6, decay=decay, passes=2, replacement=replacement)
    points = [0, 1, 1]
    one = list(itertools.product(points, repeat=3)) if replacement else list(itertools.permutations(points))
    orders = [first + second for first in one for second in one]
    exact = np.array([by_points(learner, atoms, order, 3) for order in orders])
    w = learner.fit(atoms, np.tile([1, 2, 0], (40_000, 1)), np.random.default_rng(SEED))
    error = exact.std(axis=0) / math.sqrt(len(w))
    np.testing.assert_array_less(np.abs(w.mean(axis=0) - exact.mean(axis=0)), 5 * error + 1e-12)
    reached = {tuple(row) for row in np.round(w, 9).tolist()}
    assert reached <= {tuple(row) for row in np.round(exact, 9).tolist()}


def test_sgd_on_many_points_step_by_step():
    atoms = random_atoms(6, 3)
    learner = SGD(kind="squared", rate=1.0, radius=0.3, decay=0.25, passes=3)
    points = listed(sets(atoms, 50, 4))
    rng = np.random.default_rng(SEED)
    orders = np.concatenate(
        [np.take_along_axis(points, rng.integers(50, size=(4, 50)), axis=1) for _ in range(3)], axis=1
    )
    w = learner.run(atoms, points, np.random.default_rng(SEED))
    exact = [by_points(learner, atoms, order, 50) for order in orders.tolist()]
    np.testing.assert_allclose(w, exact, rtol=1e-10, atol=1e-13)
    assert np.linalg.norm(exact, axis=1).max() <= 0.3 * (1 + 1e-12)
    np.testing.assert_allclose(learner.step_sizes(50), [t**-0.25 for t in range(1, 151)], rtol=1e-14)


def test_points_are_listed_with_their_counts():
    np.testing.assert_array_equal(listed(np.array([[1, 0, 2], [0, 3, 0]])), [[0, 2, 2], [1, 1, 1]])


GOOD = {"x": [[0.5], [1.0]], "y": [1.0, -1.0], "p": [0.5, 0.5]}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("x", [[0.5], [1.1]], r"norm at most 1 \(atom 1\); scale them first; got 1.1"),
        ("x", [[0.5], [math.nan]], "finite"),
        ("x", [[0.5], [1e200]], "norm at most 1"),
        ("x", [0.5, 1.0], "matrix"),
        ("x", [[], []], "matrix"),
        ("x", [["a"], ["b"]], "finite"),
        ("y", [1.0, -1.1], r"\[-1, 1\]; scale them first"),
        ("y", [1.0], "2 labels"),
        ("p", [0.5, 0.6], "2 probabilities"),
        ("p", [1.5, -0.5], "2 probabilities"),
        ("p", [1.0], "2 probabilities"),
    ],
)
def test_atoms_that_are_refused(name, value, words):
    LabelledAtoms(**GOOD)
    with pytest.raises(SimulationError, match=words) as caught:
        LabelledAtoms(**{**GOOD, name: value})
    assert caught.value.argument == name


def test_atoms_keep_their_own_copy():
    x = np.array([[0.5], [1.0]])
    atoms = LabelledAtoms(x, GOOD["y"], GOOD["p"])
    x[0] = 7
    assert atoms.x[0, 0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        atoms.x[0] = 0


@pytest.mark.parametrize("counts", [[1], [1, -1], [0, 0], [[1, 1], [1, 2]], [0.5, 0.5], [[[1, 1]]], []])
def test_counts_that_are_refused(counts):
    with pytest.raises(SimulationError, match="counts must be"):
        Ridge(1.0).fit(LabelledAtoms(**GOOD), counts)


@pytest.mark.parametrize("lam", [0, -1.0, math.nan, math.inf, 1e-9, "1", True])
@pytest.mark.parametrize("learner", [Ridge, Logistic])
def test_penalties_that_are_refused(learner, lam):
    with pytest.raises(SimulationError, match="lam must be"):
        learner(lam)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "hinge"),
        ("rate", 0),
        ("rate", 2.01),
        ("radius", 0),
        ("radius", math.inf),
        ("decay", -0.1),
        ("passes", 0),
        ("passes", 1.0),
    ],
)
def test_parameters_of_sgd_that_are_refused(name, value):
    with pytest.raises(SimulationError) as caught:
        SGD(**{"kind": "squared", "rate": 2.0, "radius": 1.0, name: value})
    assert caught.value.argument == name


def test_what_a_learner_cannot_do_it_says():
    atoms = LabelledAtoms(GOOD["x"], [1.0, -0.5], GOOD["p"])
    for call in (lambda: Logistic(1.0).fit(atoms, [1, 1]), lambda: Logistic(1.0).population(atoms)):
        with pytest.raises(SimulationError, match=r"y must be -1 or 1 for the logistic loss; got -0\.5"):
            call()
    with pytest.raises(SimulationError, match="rng must be"):
        SGD(kind="squared", rate=2.0, radius=1.0).fit(atoms, [1, 1])
    SGD(kind="logistic", rate=8.0, radius=1.0)
