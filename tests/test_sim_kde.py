from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
from schedules import one_of_each

from sim.densities import NormalDensity
from sim.densities_mixture import NormalMixture, smoothed_sample
from sim.densities_torus import CosineTorus
from sim.errors import SimulationError
from sim.loop import blocks, simulate
from sim.models.kde import KDE, tv_kde
from sim.models.kde_lattice import Lattice
from sim.models.kde_torus import SmoothedTorus
from sim.models.model import World
from sim.schedules import Accumulate, Fixed, Fresh, Replace, Stratified
from sim.tv_densities import tv_quadrature

SCHEDULES = one_of_each(reused=0.25)
SAMPLE = smoothed_sample(np.random.default_rng(8).standard_normal(300), 0.3)
DENSITIES = [
    NormalDensity(2, 0.5),
    NormalMixture([0.5, 0.5], [-1, 1], [0.5, 1.5]),
    SAMPLE,
    CosineTorus(0.7),
    CosineTorus(0.5, 2),
    CosineTorus(0.5, 3),
    SmoothedTorus(np.random.default_rng(9).random(100) / 2, 0.2),
    SmoothedTorus(np.random.default_rng(9).random((100, 2)), 0.3),
    SmoothedTorus(np.random.default_rng(9).random((10, 3)), 0.3),
]


def points_of(density, n, seed):
    return density.sample(np.random.default_rng(seed), n)


@pytest.mark.slow
@pytest.mark.parametrize("h", [1e-3, 0.02, 0.2, 1.0, 8.0])
@pytest.mark.parametrize("n", [1, 2, 30, 1000])
def test_the_fast_path_on_the_line_against_certified_quadrature(n, h):
    """The quadrature sums the kernel exactly; both errors are certified, and below 1e-6."""
    p = NormalDensity()
    x = points_of(p, n, n)
    value, error = tv_kde(x, h, p)
    exact, slack = tv_quadrature(smoothed_sample(x, h), p, tolerance=1e-8)
    assert abs(value - exact) <= error + slack
    assert abs(value - exact) < 2e-7
    assert error < 1e-6


@pytest.mark.parametrize("h", [0.05, 0.5])
@pytest.mark.parametrize("n", [3, 500])
def test_the_fast_path_against_the_exact_sum_at_the_nodes(n, h):
    """Density against density, TV between the two, not only the difference of two distances."""
    x = points_of(NormalDensity(), (2, n), 1)
    lattice = Lattice(h / 20, h)
    start, total = lattice.density([(1 / n, lattice.bins(x))])
    places = (start + np.arange(total.shape[1])) * lattice.step
    exact = np.stack([smoothed_sample(row, h).pdf(places) for row in x])
    assert (0.5 * lattice.step * np.abs(total - exact).sum(axis=1) <= lattice.error + 1e-14).all()
    assert lattice.error < 2.1e-7


@pytest.mark.parametrize("h", [0.01, 0.1, 0.6])
@pytest.mark.parametrize("n", [1, 40, 2000])
def test_the_fast_path_on_the_circle(n, h):
    """Against the trapezoidal rule on so many nodes that kinks do not matter."""
    p = CosineTorus(0.7)
    x = points_of(p, n, n)
    x[0] = 1 - 1e-17  # rounds to 1
    value, error = tv_kde(x, h, p)
    places = np.arange(40_000) / 40_000
    exact = 0.5 * np.abs(SmoothedTorus(x, h).pdf(places) - p.pdf(places)).mean()
    assert abs(value - exact) <= error + 1e-8 / h**2 / n**0.5
    assert error < 1e-6


@pytest.mark.parametrize(("n", "h"), [(1, 0.2), (20, 0.1), (200, 0.4)])
def test_the_fast_path_on_the_torus_in_two_dimensions(n, h):
    p = CosineTorus(0.7, 2)
    x = points_of(p, n, n)
    value, error = tv_kde(x, h, p)
    axis = np.arange(3000) / 3000
    kernels = [np.stack([SmoothedTorus([c], h).pdf(axis) for c in x[:, j]]) for j in (0, 1)]
    height = CosineTorus(0.7).pdf(axis)
    exact = 0.5 * np.abs(kernels[0].T @ kernels[1] / n - np.outer(height, height)).mean()
    assert abs(value - exact) <= error + 2e-7
    assert abs(value - exact) < 1e-6
    assert error < 2e-6


@pytest.mark.parametrize("h", [0.1, 0.5])
def test_a_large_sample_as_the_real_distribution(h):
    """P is then binned too; certified all the same."""
    x = points_of(NormalDensity(), 50, 3)
    value, error = tv_kde(x, h, SAMPLE)
    exact, slack = tv_quadrature(smoothed_sample(x, h), SAMPLE, tolerance=1e-8)
    assert abs(value - exact) <= error + slack
    assert error < 1e-6
    circle = DENSITIES[6]
    y = points_of(circle, 50, 3)
    places = np.arange(40_000) / 40_000
    exact = 0.5 * np.abs(SmoothedTorus(y, h).pdf(places) - circle.pdf(places)).mean()
    value, error = tv_kde(y, h, circle)
    assert abs(value - exact) <= error + 1e-7


def test_two_bandwidths_in_a_large_mixture():
    means = np.random.default_rng(2).standard_normal(200)
    p = NormalMixture(np.full(200, 1 / 200), means, np.where(np.arange(200) < 50, 0.3, 0.6))
    value, error = tv_kde([0.1, 0.2], 0.4, p)
    exact, slack = tv_quadrature(smoothed_sample([0.1, 0.2], 0.4), p, tolerance=1e-8)
    assert abs(value - exact) <= error + slack
    assert error < 1e-6


def test_distances_of_many_samples_have_their_shape():
    x = points_of(CosineTorus(0.5, 2), (3, 4, 10), 1)
    value, error = tv_kde(x, 0.3, CosineTorus(0.5, 2))
    assert value.shape == error.shape == (3, 4)
    assert value[1, 2] == pytest.approx(float(tv_kde(x[1, 2] - 5, 0.3, CosineTorus(0.5, 2))[0]), abs=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("density", DENSITIES, ids=lambda p: p.label)
def test_every_schedule_runs(density, schedule):
    record = ["tv", "tv_error", "one_step_tv", "one_step_tv_error"]
    model = KDE(density, 0.3, block=2, pairs=3)
    got = simulate(model, schedule, n=8, generations=3, replications=3, seed=1, record=record)
    for name in ("tv", "one_step_tv"):
        assert ((got[name] > 0) & (got[name] < 1)).all()
        assert (got[f"{name}_error"] < 2e-6).all()
    if density.d <= 2:
        np.testing.assert_allclose(got.one_step_tv[:, 0], got.tv[:, 0], atol=1e-12)


@pytest.mark.parametrize("model", [KDE(NormalDensity(), 0.3, block=3), KDE(CosineTorus(0.5, 3), 0.3, block=3)])
def test_more_replications_only_add_some(model):
    runs = [
        simulate(model, Fresh(0.3), n=20, generations=3, replications=r, seed=5, record=["tv"]).tv.values
        for r in (4, 11)
    ]
    np.testing.assert_array_equal(runs[0], runs[1][:4])
    assert np.unique(runs[1]).size == runs[1].size


def test_what_is_recorded_does_not_change_the_loop():
    few = simulate(KDE(NormalDensity(), 0.3), Replace(), n=9, generations=5, replications=4, seed=5, at=[5])
    more = simulate(KDE(NormalDensity(), 0.3), Replace(), n=9, generations=5, replications=4, seed=5)
    np.testing.assert_array_equal(few.tv[:, 0], more.tv[:, 4])


def waves(model, schedule, n, generations, t):
    """Mean of cos t(X − mean of P) under every fit, in every replication of a block."""
    world = World(model, np.random.default_rng(17))
    sets = schedule.training_sets(world, n)
    batch = next(sets)
    damping = math.exp(-0.5 * (t * model.h) ** 2)
    for _ in range(generations):
        fit = model.estimate(world.rng, batch)
        yield damping * np.cos(t * np.concatenate([c.points for c in fit.chunks], axis=1)).mean(axis=1)
        batch = sets.send(fit)


@pytest.mark.parametrize("schedule", [Replace(), Fresh(0.25), Stratified(0.25), Fixed(0.25)], ids=str)
@pytest.mark.parametrize(("density", "t"), [(NormalDensity(0, 0.7), 1.3), (CosineTorus(0.9), 2 * math.pi)])
def test_the_mean_of_a_fit_is_a_mixture_of_smoothed_copies(schedule, density, t):
    """E P_i = Σ α(1−α)^{k−1} T_{h√k}P + (1−α)^{i−1} T_{h√i}P, seen through a characteristic function; z < 6."""
    alpha = getattr(schedule, "alpha", 0.0)
    h, n, model = 0.15, 40, KDE(density, 0.15, block=2000)
    start = math.exp(-0.5 * (0.7 * t) ** 2) if density.space == "line" else 0.45
    copies = [start * math.exp(-0.5 * k * (h * t) ** 2) for k in range(6)]
    for i, got in enumerate(waves(model, schedule, n, 5, t), start=1):
        exact = (
            sum(alpha * (1 - alpha) ** (k - 1) * copies[k] for k in range(1, i)) + (1 - alpha) ** (i - 1) * copies[i]
        )
        assert abs(got.mean() - exact) < 6 * got.std() / math.sqrt(got.size)


def direct(density, h, n, generations, accumulate, alpha, rng):
    """A plain loop, one replication: exact kernel sums on 1,500 nodes, nothing shared with the simulator."""
    places = np.linspace(-9, 9, 1500)
    p, out, pool = density.pdf(places), [], density.sample(rng, n)
    for _ in range(generations):
        f = np.exp(-0.5 * ((places[:, None] - pool) / h) ** 2).mean(axis=1) / (h * math.sqrt(2 * math.pi))
        out.append(0.5 * np.abs(f - p).sum() * (places[1] - places[0]))
        drawn = rng.choice(pool, n) + h * rng.standard_normal(n)
        fresh = rng.random(n) < alpha
        drawn[fresh] = density.sample(rng, int(fresh.sum()))
        pool = np.concatenate([pool, drawn]) if accumulate else drawn
    return out


@pytest.mark.parametrize(("schedule", "alpha"), [(Replace(), 0.0), (Fresh(0.4), 0.4), (Accumulate(), 0.0)], ids=str)
def test_mean_distances_against_a_direct_loop(schedule, alpha):
    density, h, n, generations = NormalDensity(), 0.4, 25, 5
    rng = np.random.default_rng(4)
    accumulate = isinstance(schedule, Accumulate)
    plain = np.array([direct(density, h, n, generations, accumulate, alpha, rng) for _ in range(400)])
    ours = simulate(KDE(density, h), schedule, n=n, generations=generations, replications=800, seed=2).tv.values
    spread = np.sqrt(plain.var(axis=0) / len(plain) + ours.var(axis=0) / len(ours))
    assert (np.abs(plain.mean(axis=0) - ours.mean(axis=0)) < 6 * spread).all()


def test_the_estimate_in_three_dimensions_is_unbiased():
    """Many estimates for one fit with few points against the cells of a grid."""
    density, n, h = CosineTorus(0.8, 3), 4, 0.3
    model = KDE(density, h, block=1, pairs=40)
    rng = np.random.default_rng(3)
    batch = model.draw(rng, model.target(), n)
    values = np.array([model.estimate(rng, batch).distance[0][0] for _ in range(1500)])
    axis = (np.arange(60) + 0.5) / 60
    kernels = [np.stack([SmoothedTorus([c], h).pdf(axis) for c in batch[0].points[0, :, j]]) for j in range(3)]
    height = CosineTorus(0.8).pdf(axis)
    f = np.einsum("ma,mb,mc->abc", *kernels) / n
    exact = 0.5 * np.abs(f - height[:, None, None] * height[:, None] * height).mean()
    assert ((values >= 0) & (values <= 1)).all()
    assert abs(values.mean() - exact) < 6 * values.std() / math.sqrt(values.size) + 2e-4


def test_a_pool_that_accumulates_keeps_few_pieces():
    model = KDE(NormalDensity(), 0.3, block=2)
    world = World(model, np.random.default_rng(0))
    sets = Accumulate().training_sets(world, 5)
    batch = next(sets)
    for i in range(1, 65):
        assert sum(chunk.size for chunk in batch) == 5 * i
        assert len(batch) <= 1 + math.log2(i)
        batch = sets.send(model.estimate(world.rng, batch))


@pytest.mark.parametrize("h", [0, -0.1, math.nan, math.inf, "1", None])
def test_bandwidths_that_are_none(h):
    with pytest.raises(SimulationError) as caught:
        KDE(NormalDensity(), h)
    assert caught.value.argument == "h"


@pytest.mark.parametrize("h", [1e-7, 1e-30, 1e7])
def test_a_bandwidth_out_of_proportion(h):
    with pytest.raises(SimulationError, match="nodes") as caught:
        KDE(NormalDensity(), h)
    assert caught.value.argument == "h"
    with pytest.raises(SimulationError, match="nodes"):
        KDE(CosineTorus(0.5, 2), 1e-3)


def test_points_too_far_away_for_the_lattice():
    for far in ([0.0, 1e9], [1e9, 1e9 + 1]):
        with pytest.raises(SimulationError) as caught:
            tv_kde(far, 0.1, NormalDensity())
        assert caught.value.argument == "h"
    assert tv_kde([300.0], 0.1, NormalDensity())[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "density"),
    [
        ([], NormalDensity()),
        (1.0, NormalDensity()),
        ([0.1, math.nan], NormalDensity()),
        (["a"], NormalDensity()),
        ([0.1, 0.2, 0.3], CosineTorus(0.5, 2)),
        ([[0.1, 0.2, 0.3]], CosineTorus(0.5, 2)),
        (np.empty((0, 2)), CosineTorus(0.5, 2)),
        ([[0.1, 0.2, 0.3]], CosineTorus(0.5, 3)),
        ([0.1], NormalDensity().pdf),
    ],
)
def test_samples_that_are_none(points, density):
    with pytest.raises(SimulationError):
        tv_kde(points, 0.3, density)


@pytest.mark.parametrize("more", [{"block": 0}, {"pairs": 0}, {"block": 2.0}])
def test_models_that_are_none(more):
    with pytest.raises(SimulationError):
        KDE(NormalDensity(), 0.3, **more)


def test_every_seed_and_density_has_its_own_numbers():
    def first(model, seed):
        return next(islice(blocks(model, Replace(), n=5, generations=1, seed=seed), 1))["tv"]

    a, b = smoothed_sample([0.0, 1.0], 0.5), smoothed_sample([0.0, 1.5], 0.5)
    runs = [first(KDE(a, 0.5), 0), first(KDE(a, 0.5), 1), first(KDE(b, 0.5), 0), first(KDE(a, 0.4), 0)]
    assert np.unique(np.concatenate(runs)).size == 64
