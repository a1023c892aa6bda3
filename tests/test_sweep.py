"""Sweeps: the numbers of `simulate` at every point, whoever computes them; grids; failures."""

from __future__ import annotations

import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import xarray as xr
from sweeps import ARGUMENTS, BLOCK, BLOCKS, GRID, LOOPS, REPLICATIONS, die, expected, swept

import sim
from sim import grids, tasks


@pytest.fixture(scope="module", params=[False, True], ids=["curves", "summary"])
def alone(request: pytest.FixtureRequest) -> tuple[bool, xr.Dataset]:
    return request.param, expected(request.param)


def test_every_point_has_the_numbers_of_a_simulation(alone: tuple[bool, xr.Dataset]) -> None:
    summary, data = alone
    for K, n, name, alpha in [
        (K, n, s, a) for K in (2, 3) for n in (8, 16) for s in GRID["schedule"] for a in (0.25, 0.5)
    ]:
        schedule = sim.Replace() if name == "replace" else sim.Fresh(alpha)
        run = {"replications": REPLICATIONS, "seed": 7, "generations": 2, "record": ["tv"], "summary": summary}
        expected = sim.simulate(die(K), schedule, n=n, **run)
        point = data.sel(K=K, n=n, schedule=name, alpha=alpha)
        for variable in expected.data_vars:
            np.testing.assert_array_equal(point[variable], expected[variable])
            assert point[variable].attrs == expected[variable].attrs
            assert point[variable].dims == expected[variable].dims


def test_summaries_of_many_metrics_and_axes_merge_blocks_as_a_simulation_does() -> None:
    run = {
        "n": 20,
        "generations": 3,
        "replications": 600,
        "seed": 1,
        "summary": True,
        "record": ["tv", "atoms"],
        "at": [1, 3],
    }
    data = sim.sweep(die(5), {}, schedule=sim.Fresh(0.5), **run)
    expected = sim.simulate(die(5), sim.Fresh(0.5), **run)
    for variable in expected.data_vars:
        np.testing.assert_array_equal(data[variable], expected[variable])


class Backwards(Executor):
    """Computes in threads, and hands results out in a muddled order."""

    def __init__(self) -> None:
        self.pool, self.count = ThreadPoolExecutor(3), 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        delay = 0.01 * (self.count * 7 % 3)
        return self.pool.submit(lambda: (fn(*args, **kwargs), time.sleep(delay))[0])


def test_the_result_is_the_same_for_any_executor(alone: tuple[bool, xr.Dataset]) -> None:
    summary, data = alone
    muddled = Backwards()
    processes = sim.Workers(2) if summary else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with processes, muddled.pool:
        for executor in (processes, muddled):
            assert swept(summary=summary, executor=executor).identical(data)
            assert executor.submit(int, "3").result() == 3, "a user's executor is left alive"


@pytest.mark.parametrize("seconds", [0.0, 0.003, 10.0])
def test_the_result_is_the_same_for_any_chunks(
    seconds: float, alone: tuple[bool, xr.Dataset], monkeypatch: Any
) -> None:
    monkeypatch.setattr(tasks, "SLICE", seconds)
    with ThreadPoolExecutor(2) as pool:
        assert swept(summary=alone[0], executor=pool).identical(alone[1])


def test_tasks_are_as_many_as_keep_workers_busy_and_as_long_as_a_slice(monkeypatch: Any) -> None:
    queued, most = 0, 0

    class Counting(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            nonlocal queued, most
            queued += 1
            most = max(most, queued - len(finished))
            future = super().submit(fn, *args, **kwargs)
            future.add_done_callback(finished.append)
            return future

    finished: list[Any] = []
    monkeypatch.setattr(tasks, "SLICE", 0.0)  # a block a task
    model = sim.UserModel(
        fit=lambda data, rng: time.sleep(0.004), sample=lambda p, size, rng: np.zeros(size),
        real=lambda size, rng: np.zeros(size), metrics={"nothing": lambda p: 0.0},
    )  # fmt: skip
    with Counting(12) as pool:
        sim.sweep(model, {}, n=2, schedule="replace", replications=400, seed=0, generations=1, executor=pool)
    assert most >= 12
    assert queued == 400


def test_points_where_nothing_differs_are_computed_once() -> None:
    seen: list[tuple[int, int]] = []
    data = swept(progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, BLOCKS) for done in range(BLOCKS + 1)]
    replaced = data["tv"].sel(schedule="replace")
    np.testing.assert_array_equal(replaced.sel(alpha=0.25), replaced.sel(alpha=0.5))
    fresh = data["tv"].sel(schedule="fresh")
    assert (fresh.sel(alpha=0.25) != fresh.sel(alpha=0.5)).any()
    points = grids.expand(die, GRID, 2, 7, ["tv"], None)
    assert len(points.cells) == LOOPS


def test_a_dataset_says_what_it_is() -> None:
    data = swept(at=[2])
    assert data["tv"].dims == ("K", "n", "schedule", "alpha", "replication", "generation")
    assert data["schedule"].to_numpy().tolist() == ["replace", "fresh"]
    assert data["generation"].to_numpy().tolist() == [2]
    assert (data.attrs["seed"], data.attrs["replications"]) == (7, REPLICATIONS)
    assert f"numpy {np.__version__}" in data.attrs["versions"]


def test_one_value_is_no_axis_and_classes_make_models() -> None:
    run = {"replications": 3, "seed": 0, "generations": 2, "summary": True}
    data = sim.sweep(
        sim.Gaussian, {"d": np.array([1, 2]), "sigma": np.float64(2.0), "n": 10}, schedule="replace", **run
    )
    assert data["w2_squared_mean"].dims == ("d", "generation")
    assert (float(data["sigma"]), int(data["n"]), str(data["schedule"].item())) == (2.0, 10, "replace")
    assert "tv_mean" not in data, "by default, what all points record"
    expected = sim.simulate(sim.Gaussian(d=2, sigma=2.0), sim.Replace(), n=10, **run)
    np.testing.assert_array_equal(data["variance_mean"].sel(d=2), expected["variance_mean"])
    schedules = [sim.Fresh(0.5), sim.Expand(1)]
    both = sim.sweep(sim.GaussianMean(), {"schedule": schedules}, n=10, **run)
    assert both["schedule"].to_numpy().tolist() == ["Fresh(alpha=0.5)", "Expand(lam=1.0)"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"grid": {**GRID, "beta": [1, 2]}}, r"grid must be n, schedule, and parameters .* got 'beta'"),
        ({"grid": {**GRID, "generations": [1, 2]}}, "grid must be names of parameters, and none of i, .*'generations'"),
        ({"grid": {**GRID, "n": []}}, r"grid\['n'\] must be a value, or several without repetition.*got \[\]"),
        ({"grid": {**GRID, "n": [8, 8]}}, r"grid\['n'\] must be .*got \[8, 8\]"),
        ({"grid": {**GRID, "n": [8, None]}}, r"grid\['n'\] must be "),
        ({"grid": {**GRID, "n": [8, 7.5]}}, r"at K=2, n=7.5, schedule=replace, alpha=0.25: n must be a whole number"),
        ({"grid": {**GRID, "schedule": ["fixed"], "n": [8, 9]}}, r"at K=2, n=9, schedule=fixed, alpha=0.25: alpha"),
        ({"grid": {**GRID, "schedule": ["fresher"]}}, "schedule must be a schedule, or one of .* 'fresher'"),
        ({"grid": {**GRID, "K": [2, -1]}}, "at K=-1, n=8, schedule=replace, alpha=0.25: K must be positive"),
        ({"grid": {"K": [2], "schedule": ["fresh"], "n": 8}}, "at .*: params must be the parameters of fresh"),
        ({"grid": {"n": 8, "schedule": "replace"}}, "grid must be with K, which the model depends on"),
        ({"grid": {"K": 2, "schedule": "replace"}}, "n must be given, or in the grid"),
        ({"grid": {"K": 2, "n": 8}}, "schedule must be given, or in the grid"),
        ({"n": 8}, "grid must be not given as an argument too; got 'n'"),
        ({"model": 3}, "model must be a model, or a function of grid parameters that returns one; got 3"),
        ({"model": lambda K: K}, "at .*: model must be a function that returns a model; got 2"),
        ({"record": ["tv", "height"]}, "record must be names among"),
        ({"replications": 0}, "replications must be a whole number >= 1"),
        ({"seed": -1}, "seed must be a whole number >= 0"),
        ({"workers": 0}, "workers must be a whole number >= 1"),
        ({"model": die, "grid": {"K": [2, 3], "n": 8, "schedule": "replace"}, "record": ["atoms"]}, "same shape"),
        ({"model": sim.Gaussian, "grid": {"mean": [0, 1], "n": 8, "schedule": "replace"}, "record": None}, "'mean'"),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_said_before_anything_runs(changed: dict[str, Any], message: str) -> None:
    class Untouched(Executor):
        def submit(self, *args: Any, **kwargs: Any) -> Any:
            pytest.fail("something ran")

    with pytest.raises(sim.SimulationError, match=message):
        swept(executor=Untouched(), **changed)


def test_other_errors_of_a_model_name_the_point_too() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        sim.sweep(
            lambda K: die(1 // K), {"K": [1, 0], "n": 8}, schedule="replace", replications=1, seed=0, generations=1
        )
    assert raised.value.__notes__ == ["at K=0, n=8, schedule=replace"]


@dataclass
class Faulty:
    """A loop of one number that fails in some replications a number of times."""

    times: int
    left: dict[int, int] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    def model(self, c: int = 0) -> sim.UserModel:
        def fit(data: Any, rng: np.random.Generator) -> float:
            first = int(data[0] * 1e6)
            with self.lock:
                if first % 3 == c and self.left.setdefault(first, self.times) > 0:
                    self.left[first] -= 1
                    raise FloatingPointError("no luck")
            return float(data.mean())

        return sim.UserModel(
            fit,
            lambda p, size, rng: rng.random(size),
            lambda size, rng: rng.random(size),
            {"mean": float},
            f"faulty {c}",
        )


def faulty(times: int, executor: Executor | None = None, **more: Any) -> xr.Dataset:
    run = {"n": 4, "schedule": "replace", "replications": 30, "seed": 5, "generations": 1}
    return sim.sweep(Faulty(times).model, {"c": [0, 1]}, **run, **more, executor=executor)


def test_a_block_that_fails_twice_is_computed_in_the_end() -> None:
    good = faulty(0)
    assert faulty(2).identical(good)
    with ThreadPoolExecutor(2) as pool:
        assert faulty(2, pool).identical(good)


def test_a_block_that_fails_three_times_is_reported_and_the_rest_computed(tmp_path: Any) -> None:
    good = faulty(0)
    with pytest.raises(sim.SweepError) as raised:
        faulty(3, store=tmp_path)
    error, lost = raised.value, np.isnan(raised.value.dataset["mean"])
    assert 0 < int(lost.sum()) == len(error.failures) < 60
    assert ((error.dataset["mean"] == good["mean"]) | lost).all()
    assert f"{len(error.failures)} blocks failed" in str(error)
    assert "of faulty 0, Replace(), n=4: FloatingPointError: no luck" in str(error)
    assert f"and {len(error.failures) - 5} more" in str(error)
    seen: list[int] = []
    assert faulty(0, store=tmp_path, progress=lambda done, total: seen.append(done)).identical(good)
    with pytest.raises(sim.SweepError) as raised:
        faulty(3, summary=True)
    assert np.isnan(raised.value.dataset["mean_mean"]).all()


def test_what_cannot_be_sent_is_reported_too() -> None:
    with sim.Workers(1) as workers, pytest.raises(sim.SweepError, match=r"block 1 of faulty 0, .*pickle"):
        sim.sweep(
            Faulty(0).model(), {}, n=4, schedule="replace", replications=2, seed=5, generations=1, executor=workers
        )


class Breaking(ThreadPoolExecutor):
    """Breaks down after some tasks."""

    def __init__(self, tasks: int, at_once: bool) -> None:
        super().__init__(1)
        self.tasks, self.at_once = tasks, at_once

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks -= 1
        if self.tasks >= 0:
            return super().submit(fn, *args, **kwargs)
        if self.at_once:
            raise BrokenExecutor("all gone")
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("all gone"))
        return future


@pytest.mark.parametrize("at_once", [False, True])
def test_a_broken_executor_ends_the_sweep_and_costs_nothing_that_is_finished(at_once: bool, tmp_path: Any) -> None:
    with Breaking(3, at_once) as pool, pytest.raises(sim.ExecutorError, match="all gone"):
        swept(executor=pool, store=tmp_path)
    seen: list[int] = []
    done_before = len([path for path in (tmp_path / "blocks").rglob("*") if path.is_file()])
    assert done_before >= 2
    with ThreadPoolExecutor(1) as pool:
        assert swept(store=tmp_path, executor=pool, progress=lambda done, total: seen.append(done)).identical(
            expected()
        )


def test_other_code_in_a_worker_is_noticed(monkeypatch: Any) -> None:
    block = tasks.Block(next(iter(grids.expand(die, GRID, 2, 7, None, None).cells)), 0)
    (reason,) = tasks._compute([block], "loopbound 0.0").results
    assert str(reason).startswith("the worker has loopbound ")
    assert str(reason).endswith("not loopbound 0.0")


def test_blocks_are_as_large_as_the_model_says() -> None:
    assert die(2).block == BLOCK
    assert ARGUMENTS["replications"] % BLOCK
