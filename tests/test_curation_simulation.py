"""Curated loops: the law of a choice, the infinite loop, and finite loops at three grades of evidence."""

from fractions import Fraction

import curation_groups as groups
import numpy as np
import pytest

import sim
from sim.curation import two_atom_law

ALLOWED = 6.0  # standard errors: a false alarm has probability 2e-9 per comparison
P, U = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.2, 0.5, 0.35, 1.0])


@pytest.mark.parametrize("m", [2, 3, 5, 8])
@pytest.mark.parametrize("seed", range(4))
def test_the_chosen_law_is_that_of_all_groups(m, seed):
    p, u = groups.fractions(np.random.default_rng([m, seed]), 4)
    exact = groups.chosen(p, u, m)
    loop = sim.Curation(np.array(p, dtype=float), np.array(u, dtype=float), m)
    np.testing.assert_allclose(loop.chosen(loop.p), np.array(exact, dtype=float), rtol=1e-13)


@pytest.mark.parametrize("smallest", [1e-12, 1e-3, 1.0])
def test_pairs_at_any_range_of_the_reward(smallest):
    u = smallest ** np.linspace(0, 1, 30)
    p = np.random.default_rng(1).dirichlet(np.ones(30))
    loop = sim.Curation(p, u)
    pairs = p * (2 * u[:, None] / (u[:, None] + u) @ p)
    np.testing.assert_allclose(loop.chosen(p), pairs, rtol=1e-13)


def test_large_groups_choose_by_weight():
    loop = sim.Curation(P, U, 10**6)
    np.testing.assert_allclose(loop.chosen(P), P * U / (P @ U), rtol=1e-5)


def test_generations_of_the_infinite_loop():
    p, u = groups.fractions(np.random.default_rng(2), 3)
    alpha = Fraction(1, 5)
    exact = groups.loop(p, u, 3, 4, alpha)
    loop = sim.Curation(np.array(p, dtype=float), np.array(u, dtype=float), 3, 0.2)
    np.testing.assert_allclose(loop.laws(4), np.array(exact, dtype=float), rtol=1e-12)
    assert loop.laws(0).shape == (1, 3)


@pytest.mark.parametrize("loop", [sim.Curation(P, U, 4, 1.0), sim.Curation(P, np.full(4, 0.3), 4, 0.25)])
def test_nothing_moves_without_choice(loop):
    np.testing.assert_allclose(loop.laws(5), np.tile(P, (6, 1)), rtol=1e-13)


def test_only_ratios_of_weights_count():
    np.testing.assert_array_equal(sim.Curation(P, 4 * U, 3).u, U)


def _groups_of_draws(rng, p, u, m, n, alpha, generations, replications):
    """The loop as it is told: draw n groups, choose from each by a race, count; real draws with probability alpha."""
    frequencies = np.tile(p, (replications, 1))
    for _ in range(generations):
        edges = frequencies.cumsum(axis=1)
        edges[:, -1] = 1.0
        draws = (rng.random((replications, n, m))[..., None] > edges[:, None, None, :]).sum(axis=-1)
        winner = (rng.exponential(size=draws.shape) / u[draws]).argmin(axis=-1)
        kept = np.take_along_axis(draws, winner[..., None], axis=-1)[..., 0]
        real = rng.choice(p.size, size=kept.shape, p=p)
        kept = np.where(rng.random(kept.shape) < alpha, real, kept)
        frequencies = (kept[..., None] == np.arange(p.size)).mean(axis=1)
    return frequencies


def _agree(first, second):
    error = np.sqrt(first.var(axis=0) / len(first) + second.var(axis=0) / len(second))
    assert (np.abs(first.mean(axis=0) - second.mean(axis=0)) <= ALLOWED * error).all()


@pytest.mark.parametrize(("m", "alpha"), [(2, 0.0), (3, 0.3)])
def test_the_finite_loop_is_that_of_groups_of_draws(m, alpha):
    told = _groups_of_draws(np.random.default_rng(3), P, U, m, 12, alpha, 3, 6000)
    blocks = sim.Curation(P, U, m, alpha).blocks(12, 3, 4)
    laws = np.concatenate([next(blocks)[:, -1] for _ in range(12)])
    _agree(told, laws)
    _agree(told**2, laws**2)
    _agree((told == 0).astype(float), (laws == 0).astype(float))


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_two_atoms_exactly_and_by_replications(alpha):
    loop, n = sim.Curation(np.array([0.2, 0.8]), np.array([1.0, 0.5]), 3, alpha), 10
    law = two_atom_law(loop, n, 6)
    blocks = loop.blocks(n, 6, 5)
    counts = np.concatenate([next(blocks)[:, 1:, 0] for _ in range(30)]) * n
    np.testing.assert_allclose(law.sum(axis=1), 1, rtol=1e-12)
    found = (np.rint(counts)[..., None] == np.arange(n + 1)).mean(axis=0)
    assert (np.abs(found - law) <= ALLOWED * np.sqrt(law / len(counts)) + 1 / len(counts)).all()


def test_replications_are_keyed_by_what_is_computed():
    loop = sim.Curation(P, U, 2, 0.1)
    first = next(loop.blocks(20, 4, 7))
    assert first.shape[1:] == (5, 4)
    np.testing.assert_array_equal(first[:, 0], np.tile(P, (len(first), 1)))
    np.testing.assert_array_equal(first, next(sim.Curation(P, 2 * U, 2, 0.1).blocks(20, 4, 7)))
    blocks = loop.blocks(20, 4, 7)
    next(blocks)
    for other in (next(blocks), next(loop.blocks(20, 4, 8)), next(sim.Curation(P, U, 3, 0.1).blocks(20, 4, 7))):
        assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": [0.5, 0.6]}, "p must be a vector of probabilities"),
        ({"p": [1.0, 0.0]}, "p must be a vector of probabilities > 0: leave out atoms"),
        ({"u": [1.0]}, "u must be a vector of 2 finite weights > 0"),
        ({"u": [1.0, 0.0]}, "u must be a vector of 2 finite weights > 0"),
        ({"u": [1.0, np.inf]}, "u must be a vector of 2 finite weights > 0"),
        ({"u": [1e-300, 1e300]}, "u must be weights whose ratios are above"),
        ({"m": 1}, "m must be a whole number >= 2; got 1"),
        ({"m": 2.0}, "m must be a whole number >= 2; got 2.0"),
        ({"alpha": 1.5}, r"alpha must be a finite number in \[0, 1\]; got 1.5"),
    ],
)
def test_bad_loops_are_refused(arguments, message):
    with pytest.raises(sim.SimulationError, match=message):
        sim.Curation(**{"p": [0.5, 0.5], "u": [1.0, 0.5], **arguments})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda loop: loop.laws(-1), "generations must be a whole number >= 0; got -1"),
        (lambda loop: next(loop.blocks(0, 1, 1)), "n must be a whole number >= 1; got 0"),
        (lambda loop: next(loop.blocks(1, 0, 1)), "generations must be a whole number >= 1; got 0"),
        (lambda loop: next(loop.blocks(1, 1, -1)), "seed must be a whole number >= 0; got -1"),
        (lambda loop: two_atom_law(loop, 10, 1), "curation must be a loop on two atoms"),
        (lambda loop: two_atom_law(sim.Curation(np.ones(2) / 2, np.ones(2)), 0, 1), "n must be a whole number >= 1"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(sim.SimulationError, match=message):
        call(sim.Curation(P, U))


def test_loops_are_read_only():
    loop = sim.Curation(P, U)
    for array in (loop.p, loop.u):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
