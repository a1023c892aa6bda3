from __future__ import annotations

import subprocess
import sys
import tracemalloc
from itertools import islice

import numpy as np
import pytest
from schedules import one_of_each

from sim import (
    Discrete,
    Fixed,
    Fresh,
    Gaussian,
    GaussianMean,
    Replace,
    SimulationError,
    Subsample,
    Weighted,
    blocks,
    discrete_data,
    simulate,
)

DIE = Discrete(np.array([0.3, 0.3, 0.2, 0.1, 0.1]))
MODELS = [
    DIE,
    Discrete(np.full(1500, 1 / 1500)),
    GaussianMean(d=2),
    Gaussian(),
    Gaussian(d=2),
    discrete_data(DIE),
]
B = np.tril(np.full((5, 5), 0.2), -1)
SCHEDULES = one_of_each(weights=B)
RUN = {"n": 8, "generations": 5, "seed": 31}


def run(model, schedule, replications=20, **more):
    return simulate(model, schedule, replications=replications, **{**RUN, **more})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.label[:30])
def test_a_short_run_is_the_beginning_of_a_long_one(model):
    longer = 2 * model.block + 3
    for schedule in (Fresh(0.5), Fixed(0.5), Subsample()):
        data = run(model, schedule, longer)
        for fewer in (1, model.block, model.block + 1):
            short = run(model, schedule, fewer)
            assert short.identical(data.isel(replication=slice(fewer)).assign_attrs(replications=fewer))


def test_fewer_generations_and_metrics_leave_the_numbers_alone():
    for schedule in SCHEDULES:
        data = run(DIE, schedule)
        some = run(DIE, schedule, record=["tv"], at=[2, 4])
        assert list(some.data_vars) == ["tv"]
        assert some["tv"].identical(data["tv"].sel(generation=[2, 4]))
        assert run(DIE, schedule, generations=3)["tv"].identical(data["tv"].sel(generation=[1, 2, 3]))


def test_blocks_are_the_run_in_order():
    data = run(DIE, Fresh(0.5), 600)["tv"].to_numpy()
    stream = list(islice(blocks(DIE, Fresh(0.5), **RUN, record=["tv", "atoms"]), 3))
    np.testing.assert_array_equal(np.concatenate([block["tv"] for block in stream])[:600], data)
    assert stream[0]["tv"].shape == (DIE.block, 5)
    assert stream[0]["atoms"].shape == (DIE.block, 5, 5)
    later = next(blocks(DIE, Fresh(0.5), **RUN, record=["tv"], first=2))
    np.testing.assert_array_equal(later["tv"], stream[2]["tv"])


def test_different_designs_share_no_randomness():
    """Common random numbers would make first generations equal, or proportional."""
    first = [
        run(model, schedule, 50, seed=seed, n=n, record=["squared_error"], at=[1])["squared_error"].to_numpy()
        for model, schedule, n, seed in [
            (GaussianMean(), Replace(), 8, 1),
            (GaussianMean(), Replace(), 8, 2),
            (GaussianMean(), Fresh(0.5), 8, 1),
            (GaussianMean(), Fresh(0.25), 8, 1),
            (GaussianMean(), Replace(), 16, 1),
            (GaussianMean(2.0), Replace(), 8, 1),
        ]
    ]
    for i, x in enumerate(first):
        for y in first[:i]:
            assert np.corrcoef(x[:, 0], y[:, 0])[0, 1] < 0.9
    same = run(GaussianMean(mean=-0.0), Fresh(0.0), 5)
    assert same.equals(run(GaussianMean(mean=0), Fresh(-0.0), 5))


def test_the_numbers_are_the_same_in_another_process():
    code = (
        "from sim import *; import numpy as np;"
        "d = simulate(Discrete(np.full(4, .25)), Fresh(.5), n=8, generations=3, replications=5, seed=3);"
        "print(d['tv'].to_numpy().tolist())"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": k}, check=True, capture_output=True).stdout
        for k in ("1", "2")
    }
    assert len(outputs) == 1


def test_blocks_are_independent_of_each_other():
    stream = blocks(GaussianMean(), Replace(), **RUN, record=["mean_error"], at=[1])
    columns = np.array([block["mean_error"][:, 0] for block in islice(stream, 4)])
    correlations = np.corrcoef(columns)[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < 6 / np.sqrt(GaussianMean().block)


@pytest.mark.parametrize("model", [DIE, Gaussian(), GaussianMean(d=2)], ids=lambda model: model.label)
@pytest.mark.parametrize("replications", [1, 7, 2500])
def test_a_summary_is_the_mean_and_variance_of_the_curves(model, replications):
    record = [*model.measures()]
    record = [name for name in record if name != "one_step_tv"]
    data = run(model, Fresh(0.5), replications, record=record, at=[1, 5])
    summary = run(model, Fresh(0.5), replications, record=record, at=[1, 5], summary=True)
    assert summary["count"] == replications
    for name in record:
        values, dims = data[name].to_numpy(), data[name].dims
        assert summary[f"{name}_mean"].dims == dims[1:]
        np.testing.assert_allclose(summary[f"{name}_mean"], values.mean(axis=0), rtol=1e-10, atol=1e-13)
        spread = values.var(axis=0, ddof=1) if replications > 1 else np.full(values.shape[1:], np.nan)
        np.testing.assert_allclose(summary[f"{name}_variance"], spread, rtol=1e-9, atol=1e-13)


def test_a_dataset_says_what_it_is():
    data = run(Discrete(np.full(4, 0.25)), Fresh(0.5), record=["tv", "entropy", "atoms"])
    assert data["tv"].dims == ("replication", "generation")
    assert data["atoms"].dims == ("replication", "generation", "atom")
    assert data["generation"].to_numpy().tolist() == [1, 2, 3, 4, 5]
    assert data["entropy"].attrs == {"units": "nat", "long_name": "entropy of P_i"}
    assert data.attrs["schedule"] == "Fresh(alpha=0.5)"
    assert (data.attrs["n"], data.attrs["seed"], data.attrs["model"]) == (8, 31, "discrete(K=4)")
    assert np.__version__ in data.attrs["versions"]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_one_step_error_is_measured_from_the_mixture_of_the_schedule(schedule):
    """The mixtures a schedule follows are those of its matrix B."""
    data = run(DIE, schedule, record=["atoms", "one_step_tv", "tv"])
    atoms, weights = data["atoms"].to_numpy(), schedule.weights(5)
    real = 1 - weights.sum(axis=1)
    mixtures = real[:, None] * DIE.p + np.einsum("ik,rka->ria", weights, atoms)
    expected = 0.5 * np.abs(atoms - mixtures).sum(axis=-1)
    np.testing.assert_allclose(data["one_step_tv"], expected, atol=1e-12)
    np.testing.assert_allclose(data["one_step_tv"][:, 0], data["tv"][:, 0], atol=1e-12)


@pytest.mark.parametrize("schedule", [s for s in SCHEDULES if s.name != "weighted"], ids=lambda s: s.name)
def test_summaries_take_no_more_memory_for_more_generations_or_replications(schedule):
    def peak(generations, replications):
        tracemalloc.start()
        run(DIE, schedule, replications, generations=generations, at=[generations], summary=True)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(2, 2)  # imports
    few = peak(10, 256)
    assert peak(300, 256) < few + 20_000  # one block of frequencies per generation would be 10 kB · 290
    assert peak(10, 2560) < few + 20_000


def test_public_names_come_when_called_and_heavy_imports_only_with_them():
    code = (
        "import sys, sim; loaded = set(sys.modules);"
        "assert not {'scipy', 'xarray', 'numpy'} & loaded, 'import sim';"
        "import sim.loop; assert 'xarray' not in sys.modules and 'pandas' not in sys.modules, 'sim.loop';"
        "assert all(getattr(sim, name) is not None for name in sim.__all__);"
        "assert set(dir(sim)) == set(sim.__all__);"
        "assert 'xarray' not in sys.modules and 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    import sim

    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        sim.simulat  # noqa: B018


@pytest.mark.parametrize(
    ("change", "argument"),
    [
        ({"n": 8.0}, "n"),
        ({"n": True}, "n"),
        ({"n": 0}, "n"),
        ({"generations": 0}, "generations"),
        ({"generations": 2.5}, "generations"),
        ({"replications": 0}, "replications"),
        ({"replications": "9"}, "replications"),
        ({"seed": None}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"record": ["tw"]}, "record"),
        ({"record": "tv"}, "record"),
        ({"record": []}, "record"),
        ({"at": [0]}, "at"),
        ({"at": [6]}, "at"),
        ({"at": [2, 2]}, "at"),
        ({"at": [3, 1]}, "at"),
        ({"at": []}, "at"),
    ],
)
def test_errors_name_the_argument(change, argument):
    with pytest.raises(SimulationError) as caught:
        run(DIE, Replace(), **change)
    assert caught.value.argument == argument
    got = change[argument]
    assert caught.value.value == got
    assert caught.value.allowed
    assert f"{argument} must be {caught.value.allowed}; got {got!r}" == str(caught.value)
    if argument != "replications":
        with pytest.raises(SimulationError):
            blocks(DIE, Replace(), **{**RUN, **change})  # at once, not when iterated


def test_training_sets_too_small_for_the_model():
    assert run(DIE, Replace(), n=1)["tv"].shape == (20, 5)
    assert run(GaussianMean(), Replace(), n=1)["tv"].shape == (20, 5)
    for model, n in ((Gaussian(), 1), (Gaussian(d=3), 3)):
        with pytest.raises(SimulationError, match="n must be such that each training set"):
            run(model, Replace(), n=n)
        assert np.isfinite(run(model, Replace(), n=n + 1)["w2_squared"]).all()
    with pytest.raises(SimulationError, match="each training set"):
        run(Gaussian(), Weighted(B, n=(8, 8, 1, 8, 8)))
