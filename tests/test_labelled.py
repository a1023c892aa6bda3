"""The labelled generator and its learner in the loop, against enumeration and a loop over single points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from schedules import SCHEDULES
from scipy.stats import binom

from sim import (
    SGD,
    Accumulate,
    Expand,
    Fixed,
    Fresh,
    Labelled,
    LabelledAtoms,
    Logistic,
    Ridge,
    SimulationError,
    simulate,
)

SEED = 20261121
X = np.array([[0.9, 0.1], [-0.3, 0.8], [0.2, -0.6], [0.5, 0.5]])
Y = np.array([1.0, -1.0, -1.0, 1.0])
P = np.array([0.5, 0.3, 0.15, 0.05])
ATOMS = LabelledAtoms(X, Y, P)
LEARNERS = [Ridge(0.2), Logistic(0.1), SGD(kind="logistic", rate=2.0, radius=3.0, decay=0.5, passes=2)]


def run(model, schedule, **more):
    return simulate(model, schedule, **{"n": 8, "generations": 3, "replications": 30, "seed": SEED, **more})


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.label)
def test_metrics_follow_from_the_training_set(learner, schedule):
    model = Labelled(ATOMS, learner, 0.3)
    data = run(model, schedule, record=list(model.measures()))
    f, w, law = (data[name].to_numpy() for name in ("frequencies", "predictor", "atoms"))
    counts = f * schedule.sizes(8, 3)[:, None]
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    np.testing.assert_allclose(law, 0.7 * f + 0.3 / 4, rtol=1e-14)
    np.testing.assert_allclose(data["tv"], np.abs(law - P).sum(axis=-1) / 2, atol=1e-15)
    z = w @ X.T
    losses = (z - Y) ** 2 / 2 if isinstance(learner, Ridge) else np.log1p(np.exp(-Y * z))
    np.testing.assert_allclose(data["risk"], losses @ P, rtol=1e-12)
    np.testing.assert_allclose(data["empirical_risk"], (losses * f).sum(axis=-1), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(data["gap"], data["risk"] - data["empirical_risk"], atol=1e-13)
    np.testing.assert_allclose(data["one_step_tv"][:, 0], data["tv"][:, 0])
    if not isinstance(learner, SGD):
        exact = learner.fit(ATOMS, np.round(counts[:, 1]).astype(int))
        np.testing.assert_allclose(w[:, 1], exact, rtol=1e-9, atol=1e-12)


def chain(n, alpha, omega, p, generations):
    """Law of the first atom's count in generation i's training set, K = 2, `fixed(alpha)`; every history is summed."""
    reused = round(alpha * n)
    m = n - reused
    laws = np.zeros((generations, n + 1))
    for r in range(reused + 1):
        last = binom.pmf(np.arange(m + 1), m, p) * binom.pmf(r, reused, p)
        for i in range(generations):
            laws[i, r : r + m + 1] += last
            chances = [(1 - omega) * (r + s) / n + omega / 2 for s in range(m + 1)]
            last = sum(last[s] * binom.pmf(np.arange(m + 1), m, chance) for s, chance in enumerate(chances))
    return laws


@pytest.mark.parametrize("omega", [0.0, 0.4])
@pytest.mark.parametrize("learner", LEARNERS[:2], ids=lambda learner: learner.label)
def test_mean_gap_on_two_atoms_is_exact(learner, omega):
    n, alpha, p = 6, 0.5, 0.8
    atoms = LabelledAtoms(X[:2], Y[:2], np.array([p, 1 - p]))
    sets = np.stack([np.arange(n + 1), n - np.arange(n + 1)], axis=1)
    losses = learner.losses(atoms, learner.fit(atoms, sets))
    gaps = (losses * (atoms.p - sets / n)).sum(axis=1)
    laws = chain(n, alpha, omega, p, 4)
    model = Labelled(atoms, learner, omega)
    data = run(model, Fixed(alpha), n=n, generations=4, replications=20_000, record=["gap", "frequencies"])
    mean, spread = laws @ gaps, np.sqrt(laws @ gaps**2 - (laws @ gaps) ** 2)
    error = np.abs(data["gap"].mean("replication").to_numpy() - mean)
    np.testing.assert_array_less(error, 5 * spread / math.sqrt(20_000))
    drawn = np.round(data["frequencies"].to_numpy()[:, :, 0] * n)
    for i in range(4):
        seen = np.bincount(drawn[:, i].astype(int), minlength=n + 1) / 20_000
        np.testing.assert_array_less(np.abs(seen - laws[i]), 5 * np.sqrt(laws[i] * (1 - laws[i]) / 20_000) + 5e-4)


def points_loop(rng, schedule, omega, lam, n, generations):
    """One replication in plain Python: a list of points, one draw at a time; the gaps of ridge regression."""

    def draw(law, size):
        return [int(rng.choice(4, p=law)) for _ in range(size)]

    data, gaps = draw(P, n), []
    first, pool = list(data), list(data)
    for _ in range(generations):
        rows, labels = X[data], Y[data]
        w = np.linalg.solve(rows.T @ rows / len(data) + lam * np.eye(2), rows.T @ labels / len(data))
        gaps.append(P @ ((X @ w - Y) ** 2) / 2 - ((rows @ w - labels) ** 2).mean() / 2)
        law = [(1 - omega) * data.count(k) / len(data) + omega / 4 for k in range(4)]
        if schedule.name == "fixed":
            data = first[: n // 2] + draw(law, n - n // 2)
        elif schedule.name == "expand":
            data = first + draw(law, n // 2)
        elif schedule.name == "accumulate":
            pool = pool + draw(law, n)
            data = pool
        else:
            data = draw(0.5 * P + 0.5 * np.array(law), n)
    return gaps


@pytest.mark.parametrize("schedule", [Fixed(0.5), Expand(0.5), Accumulate(), Fresh(0.5)], ids=str)
def test_the_loop_has_the_law_of_a_loop_over_points(schedule):
    rng = np.random.default_rng(SEED)
    slow = np.array([points_loop(rng, schedule, 0.3, 0.2, 6, 3) for _ in range(600)])
    fast = run(Labelled(ATOMS, Ridge(0.2), 0.3), schedule, n=6, replications=20_000)["gap"].to_numpy()
    for power in (1, 2):
        difference = np.abs((slow**power).mean(axis=0) - (fast**power).mean(axis=0))
        error = np.sqrt((slow**power).var(axis=0) / len(slow) + (fast**power).var(axis=0) / len(fast))
        np.testing.assert_array_less(difference, 4.5 * error)


def test_the_mean_law_drifts_to_uniform():
    omega, alpha = 0.2, 0.25
    data = run(Labelled(ATOMS, Ridge(1.0), omega), Fixed(alpha), generations=6, replications=20_000, record=["atoms"])
    law = data["atoms"].to_numpy()
    exact = (1 - omega) * P + omega / 4
    for i in range(6):
        error = law[:, i].std(axis=0) / math.sqrt(20_000)
        np.testing.assert_array_less(np.abs(law[:, i].mean(axis=0) - exact), 5 * error)
        exact = (1 - omega) * (alpha * P + (1 - alpha) * exact) + omega / 4


@pytest.mark.parametrize("lam", [0.3, 1.0])
def test_without_smoothing_the_gap_is_of_second_order(lam):
    """Between quadratic bounds in the variance w of the training set's frequencies, s = 1 for the squared loss."""
    n, alpha = 40, 0.5
    model = Labelled(ATOMS, Ridge(lam))
    data = run(model, Fixed(alpha), n=n, generations=5, replications=20_000, record=["gap", "frequencies"])
    gap, f = data["gap"].to_numpy(), data["frequencies"].to_numpy()
    w = ((f - P) ** 2).sum(axis=-1).mean(axis=0) / (1 - P @ P)
    h = model.learner.population(ATOMS)
    gradients = (X @ h - Y)[:, None] * X
    v = P @ (gradients**2).sum(axis=1) - np.sum((P @ gradients) ** 2)
    mean, error = gap.mean(axis=0), gap.std(axis=0) / math.sqrt(20_000)
    assert (mean + 5 * error > w * v * (1 / (2 * (1 + lam)) + lam / (2 * (1 + lam) ** 2))).all()
    assert (mean - 5 * error < w * v * (2 * lam + 1) / (2 * lam**2)).all()
    assert (mean > 5 * error).all()


@pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.label)
def test_more_replications_only_add_and_generations_can_be_skipped(learner):
    model = Labelled(ATOMS, learner, 0.3)
    few, many = run(model, Fixed(0.5)), run(model, Fixed(0.5), replications=300)
    np.testing.assert_array_equal(few["gap"], many["gap"][:30])
    last = run(model, Fixed(0.5), at=[3], record=["risk"])
    np.testing.assert_array_equal(few["risk"][:, 2], last["risk"][:, 0])
    summary = run(model, Fixed(0.5), replications=300, summary=True)
    np.testing.assert_allclose(summary["gap_mean"], many["gap"].mean("replication"), rtol=1e-10)


@pytest.mark.parametrize("omega", [-0.1, 1, 1.5, math.nan, "0.1"])
def test_smoothing_that_is_refused(omega):
    with pytest.raises(SimulationError, match="omega must be"):
        Labelled(ATOMS, Ridge(1.0), omega)


def test_labels_that_the_learner_cannot_use_are_refused_at_once():
    with pytest.raises(SimulationError, match="-1 or 1"):
        Labelled(LabelledAtoms(X, Y / 2, P), Logistic(1.0))


def test_shares_that_do_not_split_the_sample_are_refused():
    with pytest.raises(SimulationError, match="alpha"):
        run(Labelled(ATOMS, Ridge(1.0)), Fixed(0.3))
