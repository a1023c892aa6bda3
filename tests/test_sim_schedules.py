from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import (
    SCHEDULES,
    Accumulate,
    Discrete,
    Expand,
    Fixed,
    Fresh,
    GaussianMean,
    Replace,
    SimulationError,
    Stratified,
    Subsample,
    Weighted,
    schedule,
    simulate,
)
from sim.models.model import World

ALL = [
    Replace(),
    Fresh(0.3),
    Stratified(0.3),
    Fixed(0.3),
    Accumulate(),
    Subsample(),
    Expand(0.5),
    Weighted(np.tril(np.full((7, 7), 0.1), -1)),
]


def test_the_table_of_schedules():
    assert list(SCHEDULES) == [s.name for s in ALL]
    for kind in ALL:
        assert SCHEDULES[kind.name] is type(kind)
        params = {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}
        assert schedule(kind.name, **params) == kind
        assert hash(schedule(kind.name, **params)) == hash(kind)
        assert pickle.loads(pickle.dumps(kind)) == kind


@pytest.mark.parametrize("kind", ALL, ids=str)
def test_weights_are_strictly_lower_triangular_and_leave_the_rest_to_real_data(kind):
    for g in (1, 2, 7):
        B = kind.weights(g)
        assert B.shape == (g, g)
        assert not np.triu(B).any()
        assert (B >= 0).all()
        assert (B.sum(axis=1) <= 1 + 1e-12).all()


def test_the_weights_of_each_schedule():
    lower = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    average = [[0, 0, 0], [1 / 2, 0, 0], [1 / 3, 1 / 3, 0]]
    expected = [lower, 0.7 * lower, 0.7 * lower, 0.7 * lower, average, average, lower / 3]
    for kind, B in zip(ALL, expected, strict=False):
        np.testing.assert_allclose(kind.weights(3), B, rtol=1e-15)


def test_the_sizes_of_each_schedule():
    sizes = {kind.name: kind.sizes(10, 3).tolist() for kind in ALL}
    same = [10, 10, 10]
    assert sizes == {
        "replace": same,
        "fresh": same,
        "stratified": same,
        "fixed": same,
        "accumulate": [10, 20, 30],
        "subsample": same,
        "expand": [10, 15, 15],
        "weighted": same,
    }
    assert Weighted([[0, 0], [1, 0]], n=[10, 4]).sizes(10, 2).tolist() == [10, 4]


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 10_000), st.integers(0, 10_000), st.sampled_from([Stratified, Fixed, Expand]))
def test_shares_of_n_are_counted_up_to_rounding_of_the_product(n, count, kind):
    count = count if kind is Expand else min(count, n)
    kind(count / n).sizes(n, 2)  # the quotient is rounded, the product again


@pytest.mark.parametrize(("kind", "name"), [(Stratified, "alpha"), (Fixed, "alpha"), (Expand, "lam")])
def test_shares_that_do_not_split_n_are_refused(kind, name):
    kind(0.1).sizes(30, 2)  # 3.0000000000000004 is 3
    with pytest.raises(SimulationError) as caught:
        kind(0.1).sizes(25, 2)
    assert caught.value.argument == name
    assert caught.value.value == 0.1
    assert "n = 25" in str(caught.value)
    assert f"{name}*n = 2.5" in str(caught.value)
    with pytest.raises(SimulationError, match="n = 10000000"):
        kind(0.3000000001).sizes(10_000_000, 2)
    with pytest.raises(SimulationError, match="n = 25"):
        simulate(GaussianMean(), kind(0.1), n=25, generations=2, replications=1, seed=0)
    Fresh(0.1).sizes(25, 2)


@pytest.mark.parametrize("kind", [Fresh, Stratified, Fixed])
@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan, math.inf, "0.5", None, True])
def test_alpha_outside_its_range(kind, alpha):
    with pytest.raises(SimulationError, match="alpha must be a finite number in"):
        kind(alpha)


@pytest.mark.parametrize("lam", [-0.1, math.nan, math.inf, "0.5", None])
def test_lam_outside_its_range(lam):
    with pytest.raises(SimulationError, match="lam must be a finite number in"):
        Expand(lam)


@pytest.mark.parametrize(
    "B",
    [
        [],
        [[0.5]],
        [[0, 0], [0, 0.5]],
        [[0, 0.5], [0, 0]],
        [[0, 0], [-0.1, 0]],
        [[0, 0], [1.1, 0]],
        [[0, 0], [math.nan, 0]],
        [[0, 0, 0], [0.5, 0, 0]],
        [[0], [0, 0]],
        "ab",
        [0.0],
    ],
)
def test_matrices_that_are_no_weights(B):
    with pytest.raises(SimulationError) as caught:
        Weighted(B)
    assert caught.value.argument == "B"


def test_sizes_and_lengths_of_a_weighted_schedule():
    B = [[0, 0], [0.5, 0]]
    with pytest.raises(SimulationError, match="one sample size per row"):
        Weighted(B, n=(4,))
    with pytest.raises(SimulationError, match="whole number"):
        Weighted(B, n=(4, 0))
    with pytest.raises(SimulationError, match="own sample sizes"):
        Weighted(B, n=(4, 5)).sizes(5, 2)
    with pytest.raises(SimulationError, match="generations must be at most 2"):
        simulate(GaussianMean(), Weighted(B), n=4, generations=3, replications=1, seed=0)


def test_unknown_names_and_parameters():
    with pytest.raises(SimulationError, match="one of replace, fresh"):
        schedule("refresh")
    with pytest.raises(SimulationError, match="the parameters of fresh"):
        schedule("fresh", lam=1)
    with pytest.raises(SimulationError, match="the parameters of replace"):
        schedule("replace", alpha=0.5)


def test_weights_that_leave_nothing_leave_no_real_data():
    """Weights that sum to 1 up to rounding must not bring dead atoms back."""
    B = np.zeros((11, 11))
    B[1:, 0] = 1
    B[10, :10] = 0.1 * (1 - 1e-14)
    assert 1 - 1e-12 < B[10].sum() < 1
    model, dead = Discrete(np.array([0.5, 0.5])), np.array([[1.0, 0.0]])
    targets = Weighted(B).targets(World(model, np.random.default_rng(41)))
    assert (next(targets) == model.p).all()
    mixtures = [targets.send(dead) for _ in range(10)]
    assert all((mixture == dead).all() for mixture in mixtures[:-1])
    np.testing.assert_allclose(mixtures[-1], dead, atol=1e-15)
    assert mixtures[-1][0, 1] == 0


def test_extreme_shares():
    p = np.array([0.5, 0.3, 0.2])
    run = {"n": 5, "generations": 6, "replications": 40, "seed": 42, "record": ["atoms"]}
    for kind in (Expand(0), Fixed(1)):  # nothing new ever enters: the first fit stays
        atoms = simulate(Discrete(p), kind, **run)["atoms"]
        assert (atoms == atoms.isel(generation=0)).all()
    for kind in (Fresh(0), Stratified(0), Fixed(0), Replace()):  # nothing real ever enters: no revival
        alive = simulate(Discrete(p), kind, **run)["atoms"].to_numpy() > 0
        assert (alive[:, 1:] <= alive[:, :-1]).all()
    for kind in (Fresh(1), Stratified(1)):  # generations are independent: atoms revive
        alive = simulate(Discrete(p), kind, **run)["atoms"].to_numpy() > 0
        assert (alive[:, 1:] > alive[:, :-1]).any()


def test_fixed_and_expand_reuse_the_same_real_points():
    """What is reused can be read off: the atoms never fall below their share of the reused points."""
    p, n = np.full(3, 1 / 3), 10
    run = {"n": n, "generations": 8, "replications": 200, "seed": 43, "record": ["atoms"]}
    atoms = simulate(Discrete(p), Expand(1.0), **run)["atoms"].to_numpy()
    assert (2 * atoms[:, 1:] >= atoms[:, :1] - 1e-12).all()
    atoms = simulate(Discrete(p), Fixed(0.9), **run)["atoms"].to_numpy()
    floor = atoms.min(axis=1).sum(axis=1)  # nine reused points are in every generation
    assert (floor >= 0.9 - 1e-12).all()
    atoms = simulate(Discrete(p), Stratified(0.9), **run)["atoms"].to_numpy()
    assert (atoms.min(axis=1).sum(axis=1) < 0.9).any()
