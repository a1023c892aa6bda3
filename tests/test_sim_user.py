from __future__ import annotations

import numpy as np
import pytest
from schedules import SCHEDULES
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from sim import (
    Accumulate,
    Fresh,
    Replace,
    SimulationError,
    UserModel,
    from_estimator,
    gaussian_data,
    simulate,
)


def run(model, schedule, **more):
    return simulate(model, schedule, **{"n": 10, "generations": 3, "replications": 4, "seed": 61, **more})


def exponential(**change):
    """A rate, fitted by maximum likelihood."""
    parts = {
        "fit": lambda data, rng: 1 / data.mean(),
        "sample": lambda rate, size, rng: rng.exponential(1 / rate, size),
        "real": lambda size, rng: rng.exponential(1.0, size),
        "metrics": {"rate": lambda rate: rate},
    }
    return UserModel(**{**parts, **change})


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_schedule_gives_the_user_training_sets_of_its_sizes(schedule):
    seen = []

    def fit(data, rng):
        seen.append(len(data))
        return 1 / data.mean()

    data = run(exponential(fit=fit), schedule)
    assert seen == schedule.sizes(10, 3).tolist() * 4
    assert (data["rate"] > 0).all()
    assert run(exponential(), schedule).equals(data)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_schedule_draws_from_where_it_says(schedule):
    """Points carry the number of their generation, so the mixture can be counted."""

    def fit(data, rng):
        counts = np.bincount(data, minlength=4) / len(data)
        return {"next": int(data.max(initial=-1)) + 1, "counts": counts}

    model = UserModel(
        fit,
        lambda parameters, size, rng: np.full(size, max(parameters["next"], 1)),
        lambda size, rng: np.zeros(size, dtype=int),
        {f"from {k}": (lambda parameters, k=k: parameters["counts"][k]) for k in range(3)},
    )
    data = run(model, schedule, n=200, replications=150)
    B = schedule.weights(3)
    expected = np.column_stack([1 - B.sum(axis=1), B[:, 0], B[:, 1]])
    if schedule.name in ("replace",):
        expected[2] = [0, 0, 1]
    seen = np.array([data[f"from {k}"].mean("replication").to_numpy() for k in range(3)]).T
    # six standard errors of a share of 150 · 200 draws
    np.testing.assert_allclose(seen, expected, atol=6 * 0.5 / np.sqrt(30_000))


def test_gaussian_mixture_of_scikit_learn():
    model = from_estimator(
        GaussianMixture(2),
        lambda size, rng: rng.normal(rng.choice([-2.0, 2.0], size), 0.5)[:, None],
        {"spread": lambda fitted: np.ptp(fitted.means_), "weight": lambda fitted: fitted.weights_.max()},
        least=2,
    )
    data = run(model, Fresh(0.5), n=60)
    assert data.equals(run(model, Fresh(0.5), n=60))
    assert data.attrs["model"] == "GaussianMixture"
    assert (np.abs(data["spread"] - 4) < 1.5).all()
    assert len(np.unique(data["weight"])) > 6


def test_an_estimator_is_reseeded_for_every_sample():
    """With one seed for all, an estimator's samples would be copies of each other."""
    model = from_estimator(
        GaussianMixture(1, random_state=0), lambda size, rng: rng.normal(size=(size, 1)), {"m": lambda e: 0.0}
    )
    rng = np.random.default_rng(62)
    fitted = model.fit(rng.normal(size=(20, 1)), rng)
    first, second = (model.sample(fitted, 5, rng) for _ in range(2))
    assert not np.intersect1d(first, second).size


def test_kernel_density_of_scikit_learn_takes_its_seed_by_argument():
    estimator = KernelDensity(bandwidth=0.3)
    model = from_estimator(
        estimator,
        lambda size, rng: rng.normal(size=(size, 1)),
        {"height": lambda fitted: np.exp(fitted.score_samples([[0.0]]))},
        name="kde",
    )
    data = run(model, Replace())
    assert data.equals(run(model, Replace()))
    assert data.attrs["model"] == "kde"
    assert not hasattr(estimator, "tree_")  # never changed
    assert not np.allclose(*model_samples(model))


def model_samples(model):
    rng = np.random.default_rng(63)
    fitted = model.fit(rng.normal(size=(20, 1)), rng)
    return [model.sample(fitted, 5, rng) for _ in range(2)]


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"sample": lambda rate, size, rng: rng.exponential(1 / rate, size + 1)}, "sample"),
        ({"sample": lambda rate, size, rng: None}, "sample"),
        ({"real": lambda size, rng: 1.0}, "real"),
        ({"real": lambda size, rng: [[1.0], [1.0, 2.0]] * 5}, "real"),
        ({"real": lambda size, rng: np.array([None] * size)}, "real"),
        ({"metrics": {"rate": lambda rate: [1, 2]}}, "metrics['rate']"),
        ({"metrics": {"rate": lambda rate: "high"}}, "metrics['rate']"),
        ({"metrics": {"rate": lambda rate: None}}, "metrics['rate']"),
        ({"metrics": {}}, "record"),
    ],
)
def test_what_a_user_function_returns_is_checked(change, argument):
    with pytest.raises(SimulationError) as caught:
        run(exponential(**change), Replace())
    assert caught.value.argument == argument


def test_points_of_different_shapes_cannot_be_pooled():
    model = exponential(sample=lambda rate, size, rng: rng.exponential(1.0, (size, 2)))
    with pytest.raises(SimulationError, match="of one shape per point"):
        run(model, Accumulate())


def test_errors_of_the_user_pass_through():
    def fit(data, rng):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(exponential(fit=fit), Replace())


def test_estimators_without_the_two_methods():
    with pytest.raises(SimulationError, match="methods fit and sample"):
        from_estimator(object(), lambda size, rng: rng.normal(size=size), {})
    with pytest.raises(SimulationError, match="a Gaussian or a GaussianMean"):
        gaussian_data("gaussian")
    with pytest.raises(SimulationError, match="at least 12 points"):
        run(exponential(least=12), Replace())
