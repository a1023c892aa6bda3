"""Loops of prompts: what is drawn, what is measured, and a transformer for which the loop's law is known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from schedules import SCHEDULES
from scipy.stats import kstest

from sim import (
    Fixed,
    GaussianMean,
    InContext,
    Linear,
    Prompt,
    Replace,
    SimulationError,
    Stratified,
    Transformer,
    simulate,
    to_ball,
    trained_transformer,
)
from sim.models.model import World

SEED = 20261121


def test_the_trained_transformer_regresses_in_context():
    errors, signals = [], []
    for weight in ((0.6, 0.2), (-0.3, 0.5), (0.1, -0.7)):
        model = InContext(transformer=trained_transformer(), f=Linear(weight), sigma=0.05)
        rng = np.random.default_rng(SEED)
        prompt = model.estimate(rng, model.draw(rng, model.target(), 64))
        x = model.features(rng, (16, 200))
        errors.append(((prompt.predict(x) - model.f(x)) ** 2).mean())
        signals.append((model.f(x) ** 2).mean())
    assert np.mean(errors) < 0.2 * np.mean(signals)


def averager(width=3):
    """One layer that answers with the mean of the prompt's tokens."""
    one = np.eye(width)[None, None]
    return Transformer(W=0 * one, V=one, Gamma=0.0)


def quiet(**more):
    """The averager on labels of pure noise, which are far inside the ball."""
    return InContext(**{"transformer": averager(), "f": Linear((0.0, 0.0)), "sigma": 0.05, "radius": 0.5, **more})


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_the_averager_is_the_gaussian_mean_in_the_loop(schedule):
    """Its prediction is the mean label, whatever x: E TV is (2/π) E arctan(τ/2), as simulated for that model."""
    design = {"n": 8, "generations": 3, "seed": SEED, "summary": True, "record": ["tv"]}
    ours = simulate(quiet(tests=1, block=250), schedule, replications=4000, **design)
    exact = simulate(GaussianMean(), schedule, replications=200_000, **design)
    error = np.sqrt(ours["tv_variance"] / 4000 + exact["tv_variance"] / 200_000)
    assert (np.abs(ours["tv_mean"] - exact["tv_mean"]) < 4.5 * error).all()


def loop(model, schedule, n, generations):
    """Prompts of a loop, one after the other."""
    world = World(model, np.random.default_rng(SEED))
    sets = schedule.training_sets(world, n)
    batch, prompts = next(sets), []
    for _ in range(generations):
        prompts.append(model.estimate(world.rng, batch))
        batch = sets.send(prompts[-1])
    return prompts


def test_fixed_keeps_real_points_and_labels_others_from_the_prompt_before():
    model = InContext(transformer=trained_transformer(), f=Linear((0.5, -0.3)), sigma=0.02, radius=0.5, block=20)
    first, *later = loop(model, Fixed(0.25), 40, 3)
    noise = [first.points[..., -1] - model.f(first.points[..., :-1])]
    for before, after in zip([first, *later], later, strict=False):
        np.testing.assert_array_equal(after.points[:, :10], first.points[:, :10])
        x, y = after.points[:, 10:, :-1], after.points[:, 10:, -1]
        noise.append(y - before.predict(x))
        assert np.linalg.norm(x, axis=-1).max() <= 0.5
        assert kstest(np.linalg.norm(x, axis=-1).ravel(), lambda r: (r / 0.5) ** 2).pvalue > 1e-4
        assert np.abs(y - model.f(x)).mean() > 1.1 * np.abs(noise[-1]).mean()  # the truth fits less well
    for each in noise:
        assert kstest(each.ravel() / 0.02, "norm").pvalue > 1e-4


def test_measures_are_those_of_loops_over_points():
    model = InContext(transformer=trained_transformer(), f=Linear((0.9, 0.4)), sigma=0.3, radius=1.0, M=0.05, block=3)
    prompt = loop(model, Replace(), 12, 2)[1]
    assert np.linalg.norm(prompt.points, axis=-1).max() == pytest.approx(1)  # some were projected
    losses = np.empty((3, 12))
    for r in range(3):
        for k, (*x, y) in enumerate(prompt.points[r]):
            query = to_ball([*x, 0.0, 0.0])
            told = model.transformer.outputs(model.tokens(prompt.points[r : r + 1]), query[None, None])[0, 0, 2]
            losses[r, k] = min(0.05, (told - y) ** 2 / 2)
    np.testing.assert_allclose(prompt.empirical_risk, losses.mean(axis=1), rtol=1e-10)
    tested = Prompt(replace(model, tests=300), prompt.points, np.random.default_rng(1))
    rng = np.random.default_rng(1)
    x, noise = model.features(rng, (3, 300)), 0.3 * rng.standard_normal((3, 300))
    clean = model.f(x)
    real = to_ball(np.concatenate([x, (clean + noise)[..., None]], axis=-1))
    losses = np.minimum(0.05, (prompt.predict(real[..., :-1]) - real[..., -1]) ** 2 / 2)
    np.testing.assert_allclose(tested.risk, losses.mean(axis=1), rtol=1e-12)
    tvs = [math.erf(gap / (2 * 0.3 * math.sqrt(2))) for gap in np.abs(prompt.predict(x) - clean)[0]]
    assert tested.tv[0] == pytest.approx(np.mean(tvs), rel=1e-12)
    assert model.measures()["gap"].of(tested, None) == pytest.approx(tested.risk - tested.empirical_risk)


def test_more_measures_do_not_change_the_loop():
    model = InContext(transformer=trained_transformer(), f=Linear((0.5, -0.3)), sigma=0.1, block=4)
    design = {"n": 10, "generations": 3, "replications": 6, "seed": SEED}
    every = simulate(model, Stratified(0.5), **design)
    assert set(every) == {"gap", "risk", "empirical_risk", "tv"}
    for name in every:
        assert simulate(model, Stratified(0.5), record=[name], **design)[name].equals(every[name])
    other = replace(model, f=Linear((0.5, -0.31)))
    assert not np.isclose(simulate(other, Stratified(0.5), **design)["tv"], every["tv"], rtol=1e-3).any()


@dataclass(frozen=True)
class Parabola:
    d: int = 2

    def __call__(self, x):
        return (x**2).sum(axis=-1)


def test_any_regression_function():
    model = quiet(f=Parabola(), sigma=0.01)
    points = model.draw(np.random.default_rng(1), model.target(), 100)
    assert np.abs(points[..., 2] - (points[..., :2] ** 2).sum(axis=-1)).max() < 0.06


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"f": lambda x: x}, "f"),
        ({"f": Parabola}, "f"),
        ({"f": Linear((0.1, 0.1, 0.1))}, "transformer"),
        ({"sigma": 0.0}, "sigma"),
        ({"radius": 1.1}, "radius"),
        ({"M": 0.0}, "M"),
        ({"tests": 0}, "tests"),
        ({"block": 1.5}, "block"),
    ],
)
def test_bad_models(change, argument):
    with pytest.raises(SimulationError) as caught:
        quiet(**change)
    assert caught.value.argument == argument


@pytest.mark.parametrize("weight", [(), 1.0, (math.nan,), ((1.0,),)])
def test_bad_regression_weights(weight):
    with pytest.raises(SimulationError, match="weight"):
        Linear(weight)
