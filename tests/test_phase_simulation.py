"""The phase transition in simulation: tuned kernel estimates, what is known of one step, limits, the location."""

import importlib.util
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import bounds
import sim
from sim.models.model import World
from verify.phase import _maybe_largest, one_step_law, peak_of_bound, phase_transition

COINS = sim.Discrete(np.array([0.5, 0.5]))
CIRCLE = sim.KDE(sim.CosineTorus(0.5), 0.3, exponent=0.2)
LINE = sim.KDE(sim.NormalDensity(1.0, 2.0), 0.9, exponent=0.2)
RATIOS = (0, 1, 4, 20)
ALLOWED = 6.0  # standard errors: a false alarm has probability 2e-9 per comparison

# --- kernel estimates whose bandwidth depends on the number of points -------------------------------------------


@pytest.mark.parametrize("model", [CIRCLE, LINE, sim.KDE(sim.CosineTorus(0.5, 2), 0.5, exponent=1 / 6)])
def test_a_fit_has_the_bandwidth_of_its_number_of_points(model):
    world = World(model, np.random.default_rng(3))
    real = world.real(50)
    for batch in (real, world.merge(real, world.synthetic(model.estimate(world.rng, real), 30))):
        points = np.concatenate([chunk.points for chunk in batch], axis=1)
        fit = model.estimate(world.rng, batch)
        value, error = sim.tv_kde(points, model.h * points.shape[1] ** -model.exponent, model.density)
        np.testing.assert_allclose(fit.distance[0], value, atol=2 * error.max())


def test_draws_from_a_fit_have_its_bandwidth():
    model = sim.KDE(sim.NormalDensity(0.0, 1e-3), 2.0, block=4, exponent=0.5)
    world = World(model, np.random.default_rng(4))
    fit = model.estimate(world.rng, world.real(16))  # sixteen points at 0: draws are N(0, (2/4)^2)
    draws = world.synthetic(fit, 50_000)[0].points
    assert abs(draws.std() / 0.5 - 1) < ALLOWED / math.sqrt(2 * draws.size)


def test_an_exponent_is_part_of_the_model():
    assert set(CIRCLE.measures()) == {"tv", "tv_error"}
    assert "one_step_tv" in sim.KDE(sim.CosineTorus(0.5), 0.3).measures()
    assert "N^-0.2" in CIRCLE.label
    for wrong in (-0.1, 1.5, float("nan"), "a"):
        with pytest.raises(sim.SimulationError, match="exponent"):
            sim.KDE(sim.CosineTorus(0.5), 0.3, exponent=wrong)


def by_hand(n, m, i, h, c, replications, rng):
    """TV(P_i, P) of a loop written out: reused points, then draws; densities by Fourier coefficients of the points."""
    k, x = np.arange(1, 40), np.arange(400) / 400
    real = rng.random((replications, n))
    real += np.where(rng.random(real.shape) < (1 - c * np.cos(2 * np.pi * real)) / 2, 0.5, 0.0)
    points = real
    for _ in range(i - 1):
        width = h * points.shape[1] ** -0.2
        chosen = np.take_along_axis(points, rng.integers(0, points.shape[1], (replications, m)), axis=1)
        points = np.concatenate([real, chosen + width * rng.standard_normal(chosen.shape)], axis=1)
    damping = 2 * np.exp(-2 * (np.pi * h * points.shape[1] ** -0.2 * k) ** 2)
    out = []
    for sample in points:
        waves = damping * np.exp(-2j * np.pi * k * sample[:, None]).mean(axis=0)
        density = 1 + (waves[:, None] * np.exp(2j * np.pi * k[:, None] * x)).real.sum(axis=0)
        out.append(np.abs(density - 1 - c * np.cos(2 * np.pi * x)).mean() / 2)
    return np.array(out)


def test_the_tuned_loop_against_one_written_out():
    h = 0.5
    mine = by_hand(20, 60, 5, h, 0.5, 1500, np.random.default_rng(5))
    model = sim.KDE(sim.CosineTorus(0.5), h, exponent=0.2)
    theirs = sim.simulate(model, sim.Expand(3.0), n=20, generations=5, replications=1500, seed=6, at=(5,)).tv.values
    error = math.hypot(mine.std(), theirs.std()) / math.sqrt(1500)
    assert abs(mine.mean() - theirs.mean()) < ALLOWED * error
    fixed = sim.simulate(
        sim.KDE(sim.CosineTorus(0.5), h * 20**-0.2),
        sim.Expand(3.0),
        n=20,
        generations=5,
        replications=1500,
        seed=6,
        at=(5,),
    ).tv.values
    assert abs(mine.mean() - fixed.mean()) > ALLOWED * error, "the comparison could not have failed"


# --- one step ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("h", [0.01, 0.3, 1.0, 5.0])
def test_the_constant_of_the_circle_dominates_variance_and_bias(h):
    C, a = one_step_law(sim.KDE(sim.CosineTorus(-0.8), h, exponent=0.2), 1, 2)
    for N in (1, 10, 1000, 10**6):
        width = h * N**-0.2
        step = bounds.get("kde/variance/torus")(n=N, h=width, d=1) + bounds.get("kde/bias/torus")(h=width, c=-0.8)
        assert step <= C * N**-a * (1 + 1e-12)
        if N == 10**6 and h < 1:
            assert step > 0.95 * C * N**-a


@pytest.mark.parametrize("h", [0.01, 0.9, 5.0])
def test_the_constant_of_the_line_dominates_variance_and_bias(h):
    sigma, n, i = 2.0, 30, 12
    C, a = one_step_law(sim.KDE(sim.NormalDensity(1.0, sigma), h, exponent=0.2), n, i)
    for N in (30, 1000, 10**6):
        width, widest = h * N**-0.2, h * n**-0.2
        moment = sigma**2 + (i - 1) * widest**2
        roughness = math.sqrt(2 * math.pi) * (moment + width**2 / 2) ** 0.25 / (4 * math.pi * width**2) ** 0.25
        step = roughness / (2 * math.sqrt(N)) + bounds.get("kde/bias/gaussian")(h=width, sigma=sigma)
        assert step <= C * N**-a * (1 + 1e-12)
    assert roughness / (2 * math.sqrt(N)) + bounds.get("kde/bias/gaussian")(h=width, sigma=sigma) > 0.8 * C * N**-a


def test_what_is_known_of_one_step():
    assert one_step_law(sim.Discrete(np.full(10, 0.1)), 5, 2) == (1.5, 0.5)
    for model in (
        sim.KDE(sim.CosineTorus(0.5), 0.3),
        sim.KDE(sim.CosineTorus(0.5, 2), 0.3, exponent=0.2),
        sim.KDE(sim.NormalMixture([0.5, 0.5], [-1, 1], [1, 1]), 0.3, exponent=0.2),
    ):
        with pytest.raises(ValueError, match="model = kde"):
            one_step_law(model, 5, 2)


# --- the experiment ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reused", [True, False])
def test_limits_contain_the_exact_errors_and_the_location_their_maximum(reused):
    found = phase_transition(COINS, n=12, i=6, ratios=RATIOS, replications=20_000, seed=1, reused=reused)
    loops = [(sim.Expand(r), 12) if reused else (sim.Stratified(1 / (1 + r)), 12 * (1 + r)) for r in RATIOS]
    exact = np.array([sim.exact_discrete(schedule, n, COINS.p, 6).tv[-1] for schedule, n in loops])
    assert (found.lower <= exact).all()
    assert (exact <= found.upper).all()
    assert (found.upper - found.lower < 0.02).all()
    assert (exact <= found.bound).all()
    best = RATIOS[int(exact.argmax())]
    assert found.location[0] <= best <= found.location[1]
    assert found.largest == best
    assert found.interior == reused
    assert (found.predicted, found.a, found.C) == (peak_of_bound(0.5, 6, reused=reused), 0.5, 0.5)
    assert found.spread[0] == pytest.approx(1)
    assert all(one > other for one, other in pairwise(found.spread)) or reused


@pytest.mark.parametrize(("model", "n"), [(CIRCLE, 20), (LINE, 20), (sim.Discrete(np.full(20, 0.05)), 50)])
def test_the_limits_suppose_no_less_variance_than_there_is(model, n):
    """A function with the sum of squared influences tau^2 has at most the variance tau^2/4."""
    schedule = sim.Expand(4.0)
    data = sim.simulate(model, schedule, n=n, generations=5, replications=800, seed=2, record=("tv",), at=(5,))
    assert data.tv.values.var() < sim.exact_gaussian_mean(schedule, n, 5).tau2[-1] / 4


def test_a_bias_makes_the_transition_real():
    """Kernel estimates that smooth much: a maximum inside, where fluctuations alone would only fall."""
    model = sim.KDE(sim.CosineTorus(0.5), 0.4, block=50, exponent=0.2)
    found = phase_transition(model, n=100, i=10, ratios=(0, 1, 12, 60, 200), replications=300, seed=3, reused=False)
    assert found.interior
    assert found.location[0] <= found.largest <= found.location[1]
    assert found.lower[2] > found.upper[0]
    assert (np.diff(found.spread) < 0).all()
    assert (found.upper <= found.bound).all()


def test_the_bias_is_below_the_simulation():
    model = sim.KDE(sim.CosineTorus(1.0), 0.6, block=50, exponent=0.2)
    found = phase_transition(model, n=50, i=6, ratios=(0, 1, 8), replications=300, seed=3)
    kernel = bounds.get("tv/phase-transition-kernel/lower")(C=0.6, n=50, r=found.ratios, i=6, c=1.0)
    assert (kernel <= found.upper).all()
    assert (1.2 * kernel > found.lower).all(), "the comparison could not have failed"


def test_equal_arguments_give_equal_numbers():
    arguments = {"n": 10, "i": 3, "ratios": (0, 1, 2), "replications": 300}
    one, same, other = (phase_transition(COINS, seed=seed, **arguments) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.mean, same.mean)
    assert (one.mean != other.mean).any()


def test_which_expectation_may_be_largest():
    means, none = np.array([0.1, 0.3, 0.2]), np.zeros(3)
    assert _maybe_largest(means, none, np.full(3, 1e-9), 1e-3).tolist() == [False, True, False]
    assert _maybe_largest(means, none, np.full(3, 1.0), 1e-3).tolist() == [True, True, True]
    assert _maybe_largest(means, np.full(3, 0.051), np.full(3, 1e-9), 1e-3).tolist() == [False, True, True]
    radius = math.sqrt(2 * 1e-4 * math.log(6 / 1e-3))
    assert _maybe_largest(np.array([0, 0.99 * radius, 0]), none, np.full(3, 1e-4), 1e-3).all()
    assert not _maybe_largest(np.array([0, 1.01 * radius, 0]), none, np.full(3, 1e-4), 1e-3)[[0, 2]].any()


def test_wrong_arguments():
    good = {"n": 10, "i": 3, "ratios": (0, 1, 2), "replications": 5, "seed": 1}
    for name, value in (
        ("ratios", (0, 1)),
        ("ratios", (0, 2, 1)),
        ("ratios", (-1, 0, 1)),
        ("ratios", (0, 1, float("inf"))),
        ("i", 1),
        ("i", 2.0),
        ("replications", 0),
        ("confidence", 1.0),
    ):
        with pytest.raises(ValueError, match=name):
            phase_transition(COINS, **{**good, name: value})
    with pytest.raises(sim.SimulationError, match="lam"):
        phase_transition(COINS, **{**good, "ratios": (0, 0.55, 1)})
    for a, i in ((0.0, 2), (1.0, 2), (float("nan"), 2), (0.5, 1)):
        with pytest.raises(ValueError, match="allowed"):
            peak_of_bound(a, i)


def test_the_example_prints_a_table_and_draws(tmp_path, monkeypatch, capsys):
    path = Path(__file__).resolve().parents[1] / "examples" / "phase_transition.py"
    spec = importlib.util.spec_from_file_location("phase_transition_example", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.setattr(example, "RATIOS", (0, 1, 5))
    monkeypatch.setattr(example, "GENERATIONS", (2, 3, 4))
    monkeypatch.setattr(example, "MODELS", {"coins": (COINS, 10), "circle": (CIRCLE, 10)})
    example.main(str(tmp_path / "picture.png"), 16)
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 1 + 2 * 2 * 3
    assert table[1].split()[:4] == ["coins", "reused", "2", f"{peak_of_bound(0.5, 2):.1f}"]
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
