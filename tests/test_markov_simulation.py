"""Simulated Markov language models against loops written out token by token, exact laws, and enumerated paths."""

import itertools
import math

import numpy as np
import pytest

import bounds
import sim
from sim.markov import dobrushin, stationary
from sim.markov_exact import exact_collapse_time, row_count

Z = 6.0
T = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.0, 0.5, 0.5]])
MU = np.array([0.7, 0.05, 0.25])
MODEL = sim.Bigram(T, MU)


def last(model, n, generations, **more):
    return list(sim.bigram_loop(model, n, generations, **{"replications": 4000, "seed": 1, **more}))[-1]


def token_by_token(n, generations, rng, *, alpha=0.0, contexts="given", fallback=None):
    """One loop: every pair drawn on its own, rows counted one pair after the other."""
    model = T.copy()
    for _ in range(generations):
        target = alpha * T + (1 - alpha) * model
        counts, state = np.zeros((3, 3)), rng.choice(3, p=MU)
        for _ in range(n):
            if contexts == "given":
                state = rng.choice(3, p=MU)
            following = rng.choice(3, p=target[state])
            counts[state, following] += 1
            state = following
        for k in range(3):
            if counts[k].sum():
                model[k] = counts[k] / counts[k].sum()
            elif fallback is not None:
                model[k] = fallback
    return model


def close(mine, theirs):
    """Means and second moments of two samples of models, every entry."""
    for power in (1, 2):
        a, b = mine**power, theirs**power
        error = np.sqrt(a.var(axis=0) / len(a) + b.var(axis=0) / len(b)) + 1e-9
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) < Z * error).all()


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"alpha": 0.3},
        {"fallback": np.array([0.2, 0.3, 0.5])},
        {"contexts": "path"},
        {"contexts": "path", "alpha": 0.5},
    ],
    ids=str,
)
def test_against_a_loop_written_out(how):
    rng = np.random.default_rng(5)
    mine = np.stack([token_by_token(6, 3, rng, **how) for _ in range(400)])
    close(mine, last(MODEL, 6, 3, **how))


def test_the_comparison_can_fail():
    rng = np.random.default_rng(5)
    mine = np.stack([token_by_token(6, 3, rng) for _ in range(400)])
    for how in ({"contexts": "path"}, {"fallback": np.full(3, 1 / 3)}):
        with pytest.raises(AssertionError):
            close(mine, last(MODEL, 6, 3, **how))


def test_every_path_has_its_probability():
    """Counts of all paths of three steps, enumerated, against the frequencies of simulated models."""
    model = sim.Bigram([[0.7, 0.3], [0.4, 0.6]], [0.5, 0.5])
    expected = {}
    for path in itertools.product((0, 1), repeat=4):
        counts, chance = np.zeros((2, 2)), 0.5
        for x, y in itertools.pairwise(path):
            counts[x, y] += 1
            chance *= model.T[x, y]
        total = counts.sum(axis=1, keepdims=True)
        key = tuple(np.where(total > 0, counts / np.maximum(total, 1), model.T).ravel())
        expected[key] = expected.get(key, 0) + chance
    found = last(model, 3, 1, contexts="path", replications=20_000).reshape(-1, 4)
    for key, chance in expected.items():
        seen = (found == key).all(axis=1).mean()
        assert abs(seen - chance) < Z * math.sqrt(chance / len(found))
    assert sum(expected.values()) == pytest.approx(1)


def test_rows_of_a_path_are_biased():
    """The frequency of 0 -> 0 among two steps of fair coins has the mean 5/12 where 0 occurs as a context."""
    coins = sim.Bigram(np.full((2, 2), 0.5), [0.5, 0.5])
    found = last(coins, 2, 1, contexts="path", replications=40_000)[:, 0, 0]
    kept = 5 / 12 * 3 / 4 + 1 / 2 * 1 / 4
    assert abs(found.mean() - kept) < Z * found.std() / 200
    assert kept < 0.5 - 3 * Z * found.std() / 200 / 3


def test_own_contexts_leave_rows_unbiased_and_lose_what_their_counts_say():
    n = 9
    models = list(sim.bigram_loop(MODEL, n, 4, replications=20_000, seed=2, contexts="stationary"))
    assert (np.abs(models[4].mean(axis=0) - T) < Z * models[4].std(axis=0) / math.sqrt(20_000) + 1e-9).all()
    one = 1 - (models[1] ** 2).sum(axis=-1)
    pi, real = stationary(T), 1 - (T**2).sum(axis=-1)
    for k in range(3):
        count = row_count(n, float(pi[k]))
        kept = real[k] * (1 - count.reciprocal * (1 - count.unseen))
        assert abs(one[:, k].mean() - kept) < Z * one[:, k].std() / math.sqrt(20_000)


def test_simulated_entries_have_the_exact_law():
    n, i = 8, 4
    found = last(MODEL, n, i, alpha=0.2, replications=20_000)
    for k, token in ((0, 2), (1, 2), (2, 1)):
        law = sim.exact_entry(n, float(MU[k]), float(T[k, token]), i, alpha=0.2)
        assert law.law.sum(axis=1) == pytest.approx(1)
        for value, chance in zip(law.values, law.law[i], strict=True):
            assert abs((found[:, k, token] == value).mean() - chance) < Z * math.sqrt(chance / 20_000) + 1e-9


def test_the_time_until_collapse():
    model = sim.Bigram([[0.5, 0.5], [0.3, 0.7]], [0.8, 0.2])
    times = np.zeros(4000)
    for models in sim.bigram_loop(model, 6, 10_000, replications=4000, seed=3):
        mixed = (models.max(axis=-1) < 1).any(axis=-1)
        if not mixed.any():
            break
        times += mixed
    exact = exact_collapse_time(6, 0.8, 0.5, 0.3)
    assert abs(times.mean() - exact) < Z * times.std() / math.sqrt(4000)
    assert exact_collapse_time(6, 0.8, 1.0, 0.0) == 0


def test_bounds_hold_in_large_loops():
    model = sim.Bigram(np.full((5, 5), 0.2), np.array([0.5, 0.2, 0.15, 0.1, 0.05]))
    found = last(model, 400, 10, alpha=0.1, replications=500)
    rows = np.abs(found - 0.2).sum(axis=-1) / 2
    bound = bounds.get("markov/row-tv")(n=400, mu_k=model.mu, alpha=0.1, i=10, K=5)
    assert (rows.mean(axis=0) < bound).all()
    assert (bound < 1.35 * rows.mean(axis=0)).all()
    effective = np.sqrt(model.mu).sum() ** 2
    joint = bounds.get("markov/joint-tv")(n=400, alpha=0.1, i=10, K=5, K_eff=effective)
    assert (rows @ model.mu).mean() < joint < 2.2 * (rows @ model.mu).mean()


def test_stationary_laws():
    laws = stationary(np.stack([T, np.eye(3), np.roll(np.eye(3), 1, axis=1)]))
    np.testing.assert_allclose(laws @ T, np.stack([laws[0], T.mean(axis=0), T.mean(axis=0)]), atol=1e-14)
    np.testing.assert_allclose(laws[1:], 1 / 3, atol=1e-14)
    closed = np.array([[0.5, 0.5, 0, 0], [0.9, 0.1, 0, 0], [0, 0, 1, 0], [0.3, 0.3, 0.3, 0.1]])
    law = stationary(closed)
    np.testing.assert_allclose(law @ closed, law, atol=1e-14)
    assert law[3] == 0
    assert law[0] / law[1] == pytest.approx(0.9 / 0.5)
    rare = np.array([[1 - 1e-7, 1e-7], [3e-7, 1 - 3e-7]])
    np.testing.assert_allclose(stationary(rare), [0.75, 0.25], rtol=1e-8)


def test_dobrushin_is_the_contraction():
    assert dobrushin(np.stack([T, np.eye(3), np.full((3, 3), 1 / 3)])) == pytest.approx([0.6, 1, 0])
    rng = np.random.default_rng(1)
    a, b = rng.dirichlet(np.ones(3), 200), rng.dirichlet(np.ones(3), 200)
    ratio = np.abs(a @ T - b @ T).sum(axis=-1) / np.abs(a - b).sum(axis=-1)
    assert ratio.max() <= dobrushin(T) + 1e-12


def test_equal_arguments_give_equal_models():
    one, same = last(MODEL, 5, 2), last(MODEL, 5, 2)
    np.testing.assert_array_equal(one, same)
    for more in ({"seed": 2}, {"block": 1}, {"alpha": 1e-9}):
        assert (last(MODEL, 5, 2, **more) != one).any()
    assert len(list(sim.bigram_loop(MODEL, 5, 3, replications=2, seed=0))) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 0),
        ("n", 2.5),
        ("generations", -1),
        ("replications", 0),
        ("seed", -1),
        ("block", 1.0),
        ("alpha", 1.1),
        ("contexts", "prompts"),
        ("fallback", np.array([0.5, 0.5])),
        ("fallback", np.array([0.5, 0.6, 0.0])),
    ],
)
def test_wrong_arguments(name, value):
    good = {"n": 3, "generations": 1, "replications": 2, "seed": 0}
    with pytest.raises(sim.SimulationError, match=name):
        sim.bigram_loop(MODEL, **{**good, name: value})


def test_wrong_models():
    for matrix in ([[0.5, 0.6], [0.5, 0.5]], [[1.0, 0.0]], [[1.5, -0.5], [0, 1]], [[math.nan, 1], [0, 1]]):
        with pytest.raises(sim.SimulationError, match=r"^T must"):
            sim.Bigram(matrix, [0.5, 0.5])
    for mu in ([1.0], [0.5, 0.4], [-0.5, 1.5]):
        with pytest.raises(sim.SimulationError, match=r"^mu must"):
            sim.Bigram(np.eye(2), mu)
    for arguments in ((0, 0.5, 0.5, 1), (3, 0.0, 0.5, 1), (3, 0.5, 1.5, 1), (3, 0.5, 0.5, -1)):
        with pytest.raises(sim.SimulationError):
            sim.exact_entry(*arguments)
    for arguments in ((11, 0.5, 0.5, 0.5), (3, 1.0, 0.5, 0.5), (3, 0.5, 2, 0.5)):
        with pytest.raises(sim.SimulationError):
            exact_collapse_time(*arguments)
