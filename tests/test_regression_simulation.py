"""The regression simulators: against rows solved one by one, against exact moments, and what they refuse."""

import math

import numpy as np
import pytest

import sim
from sim.regression import shares, wishart
from sim.regression_data import NOISES, ROWS


def risks(loop, at, blocks, seed=0):
    return np.concatenate([block for block, _ in zip(loop.risks(at, seed), range(blocks), strict=False)])


def near(sample, value, errors=5.0):
    """Means along the first axis, within so many standard errors."""
    error = np.std(sample, axis=0) / math.sqrt(len(sample))
    return np.all(np.abs(np.mean(sample, axis=0) - value) <= errors * error)


@pytest.mark.parametrize("degrees", [0, 1, 3, 4, 9])
def test_wishart_matrices_have_their_rank_and_moments(degrees):
    rng, d = np.random.default_rng(1), 4
    gram, factor = wishart(rng, 20_000, d, degrees)
    np.testing.assert_allclose(gram, factor @ factor.transpose(0, 2, 1))
    assert np.all(np.linalg.matrix_rank(gram[:50]) == min(d, degrees))
    assert near(gram, degrees * np.eye(d))
    assert near(np.trace(gram @ gram, axis1=1, axis2=2), degrees * d * (degrees + d + 1))
    if degrees >= d + 4:
        assert near(np.linalg.inv(gram), np.eye(d) / (degrees - d - 1))


def test_shares_are_those_of_rows():
    rng, n, m, d = np.random.default_rng(2), 9, 6, 4
    drawn = shares(rng, 20_000, d, n, m)
    z = rng.standard_normal((20_000, n, d))
    gram, part = z.transpose(0, 2, 1) @ z, z[:, :m].transpose(0, 2, 1) @ z[:, :m]
    direct = np.sort(np.linalg.eigvals(np.linalg.solve(gram, part)).real, axis=1)
    for power in (1, 2, 5):
        error = math.hypot((drawn**power).std(axis=0).max(), (direct**power).std(axis=0).max()) / math.sqrt(20_000)
        assert np.abs((drawn**power).mean(axis=0) - (direct**power).mean(axis=0)).max() < 5 * error
    assert near(drawn.sum(axis=1), d * m / n)
    assert np.all((drawn >= 0) & (drawn <= 1))
    few = shares(rng, 100, d, n, 7)  # two rows are left out: two shares are 1
    np.testing.assert_allclose(few[:, 2:], 1.0, rtol=1e-6)


def by_rows(schedule, n, d, fresh, generations, size, seed):
    """The same loops with rows that are stacked and solved: nothing but least squares."""
    rng = np.random.default_rng(seed)
    draw = lambda count: rng.standard_normal((size, count, d))  # noqa: E731
    noisy = lambda x, w, noise: (x @ w[..., None])[..., 0] + noise * rng.standard_normal(x.shape[:2])  # noqa: E731
    truth, x = np.zeros((size, d)), draw(n)
    y = noisy(x, truth, 1.3)
    part = round(getattr(schedule, "alpha", 1.0) * n)
    kept, found = (x[:, :part], y[:, :part]), []
    union = (x, y)
    for _ in range(generations):
        w = (np.linalg.pinv(union[0]) @ union[1][..., None])[..., 0]
        found.append(np.sum(w**2, axis=1))
        count = int(schedule.lam * n) if schedule.name == "expand" else n - part if part < n else n
        copies = count // n if schedule.name == "expand" else 1
        old = np.tile(x, (1, copies, 1)) if part == n else x[:, part:]
        new = draw(count) if fresh else old
        if schedule.name == "stratified":
            top = draw(part) if fresh else x[:, :part]
            kept = (top, noisy(top, truth, 1.3))
        synthetic = (new, noisy(new, w, 0.7))
        joined = tuple(np.concatenate(pair, axis=1) for pair in zip(kept, synthetic, strict=True))
        union = synthetic if schedule.name == "replace" else joined
        kept = union if schedule.name == "accumulate" else kept
    return np.array(found).T


LOOPS = [
    (sim.Replace(), False),
    (sim.Stratified(0.25), False),
    (sim.Stratified(0.5), True),
    (sim.Fixed(0.75), False),
    (sim.Fixed(0.5), True),
    (sim.Accumulate(), False),
    (sim.Accumulate(), True),
    (sim.Expand(2.0), False),
    (sim.Expand(0.5), True),
]


@pytest.mark.parametrize(("schedule", "fresh"), LOOPS, ids=str)
def test_the_law_of_the_coefficients_is_that_of_rows(schedule, fresh):
    """Means and mean squares in generations 1, 2 and 4 of both simulators agree."""
    loop = sim.RegressionLoop(schedule=schedule, n=16, d=3, sigma=1.3, tau=0.7, fresh_rows=fresh)
    drawn, direct = risks(loop, (1, 2, 4), 1)[:6000], by_rows(schedule, 16, 3, fresh, 4, 6000, 5)[:, [0, 1, 3]]
    for power in (0.5, 1.0):
        a, b = drawn**power, direct**power
        error = np.hypot(a.std(axis=0), b.std(axis=0)) / math.sqrt(6000)
        assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < 5 * error)
        assert np.all(error < 0.04 * b.mean(axis=0))


def test_replications_are_keyed_by_the_loop_and_the_seed():
    loop = sim.RegressionLoop(schedule=sim.Replace(), n=9, d=8)
    other = sim.RegressionLoop(schedule=sim.Replace(), n=9, d=8, tau=0.9)
    first = risks(loop, (1, 3), 1)
    assert np.array_equal(first, risks(loop, (1, 3), 1))
    assert np.array_equal(first[:, 0], risks(loop, (1,), 1)[:, 0])  # what is kept changes nothing
    assert not np.array_equal(first, risks(loop, (1, 3), 1, seed=1))
    assert not np.array_equal(first[:, 0], risks(other, (1, 3), 1)[:, 0])
    assert len(np.unique(risks(loop, (1,), 2))) == 2 * len(first)
    data = sim.RegressionData(n=5, w=(1.0, 2.0))
    blocks = [next(iter(data.errors((1, 2), seed, 32))) for seed in (0, 0, 1)]
    assert np.array_equal(blocks[0], blocks[1])
    assert not np.array_equal(blocks[0], blocks[2])


@pytest.mark.parametrize("law", NOISES.values(), ids=NOISES)
def test_noise_has_mean_0_and_variance_1(law):
    x = law(np.random.default_rng(3), (400, 500)).ravel()
    assert near(x, 0)
    assert near(x**2, 1)


@pytest.mark.parametrize("law", ROWS.values(), ids=ROWS)
def test_rows_have_unit_second_moments(law):
    x = law(np.random.default_rng(4), (400, 50, 3)).reshape(-1, 3)
    assert near(np.einsum("ra,rb->rab", x, x), np.eye(3))


@pytest.mark.parametrize(("mu", "alpha"), [(0.0, 0.3), (0.4, 0.0), (0.4, 1.0)])
def test_a_fit_is_the_weighted_ridge_solution(mu, alpha):
    """Noiseless: stacked rows, each with its weight, against the simulator's averaged labels."""
    w = np.array([1.0, -2.0])
    loop = sim.RegressionData(n=6, w=tuple(w), sigma=0.0, tau=0.0, alpha=alpha, mu=mu, design=7)
    errors = next(iter(loop.errors((1, 2, 3), 0, 2)))
    x, last = loop.fixed_rows(), w
    for i in range(3):
        share = 1.0 if i == 0 else alpha
        y = np.concatenate([x @ w, x @ last])
        weights = np.sqrt(np.repeat([share, 1 - share], 6) / 6)
        stacked = np.concatenate([np.concatenate([x, x]) * weights[:, None], math.sqrt(mu) * np.eye(2)])
        last = np.linalg.lstsq(stacked, np.concatenate([y * weights, np.zeros(2)]), rcond=None)[0]
        np.testing.assert_allclose(errors[:, i], np.tile(last - w, (2, 1)), atol=1e-12)


def test_with_few_rows_the_fit_is_the_shortest():
    w = (1.0, 2.0, 3.0, 4.0)
    loop = sim.RegressionData(n=2, w=w, sigma=0.0, tau=0.0, design=1)
    found = next(iter(loop.errors((1, 5), 0, 3))) + np.array(w)
    x = loop.fixed_rows()
    np.testing.assert_allclose(found, np.broadcast_to(np.linalg.pinv(x) @ x @ np.array(w), (3, 2, 4)), rtol=1e-10)


LOOP = {"schedule": sim.Replace(), "n": 10, "d": 3}
DATA = {"n": 10, "w": (1.0, 2.0)}


@pytest.mark.parametrize(
    ("make", "bad", "argument"),
    [
        (sim.RegressionLoop, {**LOOP, "d": 0}, "d"),
        (sim.RegressionLoop, {**LOOP, "n": 2}, "n"),
        (sim.RegressionLoop, {**LOOP, "n": 10.0}, "n"),
        (sim.RegressionLoop, {**LOOP, "sigma": -1.0}, "sigma"),
        (sim.RegressionLoop, {**LOOP, "tau": float("nan")}, "tau"),
        (sim.RegressionLoop, {**LOOP, "schedule": sim.Subsample()}, "schedule"),
        (sim.RegressionLoop, {**LOOP, "schedule": sim.Stratified(0.33)}, "alpha"),
        (sim.RegressionLoop, {**LOOP, "schedule": sim.Expand(0.5)}, "lam"),
        (sim.RegressionData, {**DATA, "n": 0}, "n"),
        (sim.RegressionData, {**DATA, "w": ()}, "len(w)"),
        (sim.RegressionData, {**DATA, "w": (1.0, float("inf"))}, "w"),
        (sim.RegressionData, {**DATA, "alpha": 1.1}, "alpha"),
        (sim.RegressionData, {**DATA, "mu": -0.1}, "mu"),
        (sim.RegressionData, {**DATA, "rows": "lattice"}, "rows"),
        (sim.RegressionData, {**DATA, "noise": "none"}, "noise"),
        (sim.RegressionData, {**DATA, "design": 3, "fresh_rows": True}, "fresh_rows"),
    ],
)
def test_bad_arguments_are_named(make, bad, argument):
    with pytest.raises(sim.SimulationError) as caught:
        make(**bad)
    assert caught.value.argument == argument


@pytest.mark.parametrize("at", [(), (0,), (2, 2), (3, 1)])
def test_generations_must_increase(at):
    for blocks in (sim.RegressionLoop(**LOOP).risks(at, 0), sim.RegressionData(**DATA).errors(at, 0)):
        with pytest.raises(sim.SimulationError, match="at must be increasing"):
            next(iter(blocks))
