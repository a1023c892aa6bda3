"""Exact laws of the discrete loop against full enumeration, Monte Carlo and the recursions D1-D5."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from numpy.typing import NDArray

from sim.errors import SimulationError
from sim.exact import ExactLaw, Schedule, exact_cost, exact_discrete
from sim.exact_chains import binomial_rows
from sim.schedules import Accumulate, Expand, Fixed, Fresh, Replace, Stratified, Subsample, Weighted

Array = NDArray[np.float64]
Sampler = Callable[[int, Array], Array]

# alpha n and lam n are integers for n = 2, 4, 10, 20.
SCHEDULES: list[Any] = [
    Replace(),
    Fresh(0.3),
    Stratified(0.5),
    Fixed(0.5),
    Accumulate(),
    Subsample(),
    Expand(1.5),
]
EDGES: list[Any] = [
    Fresh(0.0),
    Fresh(1.0),
    Stratified(0.0),
    Stratified(1.0),
    Fixed(0.0),
    Fixed(1.0),
    Expand(0.0),
]
each_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s.name)
all_schedules = pytest.mark.parametrize("schedule", SCHEDULES + EDGES, ids=repr)


def loop(schedule: Any, n: int, p: Array, generations: int, draw: Sampler) -> tuple[list[Array], list[Array]]:
    """P_1..P_G and Q_0..Q_{G-1}, straight from the table of schedules; draw(size, law) gives counts."""
    name = schedule.name
    alpha = getattr(schedule, "alpha", 0.0)
    m = round((1 - alpha) * n) if name != "expand" else round(schedule.lam * n)
    reused = draw(n - m, p) if name == "fixed" else draw(n, p)
    kept = reused + draw(m, p) if name == "fixed" else reused
    fits, targets = [kept / n], [p + 0 * kept]
    for i in range(1, generations):
        last = fits[-1]
        if name in ("accumulate", "subsample"):
            targets.append((p + sum(fits)) / (i + 1))
        else:
            share = n / (n + m) if name == "expand" else alpha
            targets.append(share * p + (1 - share) * last)
        if name == "accumulate":
            kept = kept + draw(n, last)
            fits.append(kept / ((i + 1) * n))
        elif name in ("replace", "fresh", "subsample"):
            fits.append(draw(n, targets[-1]) / n)
        elif name == "stratified":
            fits.append((draw(n - m, p) + draw(m, last)) / n)
        else:
            fits.append((reused + draw(m, last)) / (n if name == "fixed" else n + m))
    return fits, targets


def statistics(fits: list[Array], targets: list[Array], p: Array) -> dict[str, Array]:
    """Replications of everything an ExactLaw holds, generations on the first axis, atoms on the last."""
    x, q = np.array(fits), np.array(targets)
    return {
        "tv": np.abs(x - p).sum(axis=-1) / 2,
        "one_step": np.abs(x - q).sum(axis=-1) / 2,
        "diversity": 1 - (x**2).sum(axis=-1),
        "mean": x,
        "variance": (x - p) ** 2,
        "survival": (x > 0).astype(float),
    }


def names(schedule: Any) -> list[str]:
    every = ["tv", "one_step", "diversity", "mean", "variance", "survival"]
    return [name for name in every if not (schedule.name == "accumulate" and name == "one_step")]


def multinomial_outcomes(size: int, law: Array) -> Iterator[tuple[Array, float]]:
    def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
        if parts == 1:
            yield (total,)
            return
        for first in range(total + 1):
            for rest in compositions(total - first, parts - 1):
                yield (first, *rest)

    for counts in compositions(size, law.size):
        ways = math.factorial(size) / math.prod(map(math.factorial, counts))
        yield (
            np.array(counts, dtype=float),
            ways * math.prod(float(q) ** c for q, c in zip(law, counts, strict=True)),
        )


def enumerate_loop(schedule: Any, n: int, p: Array, generations: int) -> dict[str, Array]:
    """Sum over every path: the loop is replayed along a list of choices, extended depth first."""
    total: dict[str, Array] = {}
    stack: list[tuple[list[Array], float]] = [([], 1.0)]
    while stack:
        chosen, weight = stack.pop()
        position = iter(chosen)

        def draw(size: int, law: Array, position: Iterator[Array] = position) -> Array:
            try:
                return next(position)
            except StopIteration:
                raise Undecided(size, law) from None

        try:
            fits, targets = loop(schedule, n, p, generations, draw)
        except Undecided as choice:
            stack += [([*chosen, c], weight * w) for c, w in multinomial_outcomes(*choice.args) if w > 0]
            continue
        for name, value in statistics(fits, targets, p).items():
            total[name] = total.get(name, 0.0) + weight * value
    return total


class Undecided(Exception):
    pass


@pytest.mark.parametrize(("n", "p"), [(2, [0.5, 0.2, 0.3]), (4, [0.3, 0.7])])
@all_schedules
def test_equals_full_enumeration(schedule: Any, n: int, p: list[float]) -> None:
    law = exact_discrete(schedule, n, np.array(p), 3)
    truth = enumerate_loop(schedule, n, np.array(p), 3)
    for name in names(schedule):
        np.testing.assert_allclose(getattr(law, name), truth[name], rtol=1e-12, atol=1e-14, err_msg=name)


@each_schedule
def test_agrees_with_monte_carlo(schedule: Any) -> None:
    rng = np.random.default_rng(20240607)
    p, n, generations, replications = np.array([0.05, 0.3, 0.3, 0.35]), 20, 6, 20_000

    def draw(size: int, law: Array) -> Array:
        rows = np.broadcast_to(law, (replications, p.size))
        return rng.multinomial(size, rows / rows.sum(axis=-1, keepdims=True)).astype(float)

    law = exact_discrete(schedule, n, p, generations)
    for name, value in statistics(*loop(schedule, n, p, generations, draw), p).items():
        if name not in names(schedule):
            continue
        error = value.std(axis=1) / np.sqrt(replications)
        gap = np.abs(value.mean(axis=1) - getattr(law, name))
        assert np.all(gap <= 6 * error + 1e-12), name


@all_schedules
@pytest.mark.parametrize("p", [[0.2, 0.3, 0.5], [0.0, 1.0], [1.0], [1e-9, 1 - 1e-9], [0.1] * 10])
def test_mean_is_p(schedule: Any, p: list[float]) -> None:
    law = exact_discrete(schedule, 10, np.array(p), 12)
    np.testing.assert_allclose(law.mean, np.broadcast_to(p, law.mean.shape), rtol=1e-12, atol=1e-12)
    assert np.all(law.tv >= 0)
    assert np.all(law.survival <= 1 + 1e-12)


def second_moments(schedule: Any, n: int, generations: int) -> list[float]:
    """w_i = Var(p_i(k))/(p(1 - p)) by the recursions D1-D5."""
    alpha = getattr(schedule, "alpha", 0.0)
    b, w = 1 - alpha, 1 / n
    result = [w]
    reused = 1 / (alpha * n) if alpha else 0.0  # V of D4
    if schedule.name == "expand":
        alpha, reused = 1 / (1 + schedule.lam), 1 / n
        b, n = 1 - alpha, round((1 + schedule.lam) * n)
    c = 1 / n if schedule.name == "fixed" else reused
    for i in range(1, generations):
        if schedule.name in ("replace", "fresh"):
            w = 1 / n + (1 - 1 / n) * b**2 * w
        elif schedule.name == "stratified":
            w = alpha / n + b**2 * w + b * (1 - w) / n
        elif schedule.name in ("fixed", "expand"):
            w = alpha**2 * reused + 2 * alpha * b * c + b**2 * w + b * (1 - w) / n
            c = alpha * reused + b * c
        else:
            w = 1 - (1 - w) * (1 - 1 / (n * (i + 1) ** 2))
        result.append(w)
    return result


@all_schedules
@pytest.mark.parametrize("n", [2, 10, 40])
def test_second_moments(schedule: Any, n: int) -> None:
    p = np.array([0.02, 0.28, 0.7])
    law = exact_discrete(schedule, n, p, 15)
    w = np.array(second_moments(schedule, n, 15))
    np.testing.assert_allclose(law.variance, w[:, None] * (p * (1 - p)), rtol=1e-10)
    np.testing.assert_allclose(law.diversity, (1 - w) * (1 - p @ p), rtol=1e-10)


def test_first_generation_is_de_moivre() -> None:
    n, p = 17, np.array([0.11, 0.89])
    m = math.floor(n * p[0]) + 1
    mad = 2 * m / n * math.comb(n, m) * p[0] ** m * p[1] ** (n - m + 1)
    law = exact_discrete(Replace(), n, p, 1)
    assert law.tv[0] == pytest.approx(mad, rel=1e-13)
    assert law.one_step[0] == law.tv[0]


def test_blocks_do_not_change_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.random.default_rng(1).dirichlet(np.ones(7))
    whole = [exact_discrete(s, 10, p, 5) for s in SCHEDULES]
    monkeypatch.setattr("sim.exact.BLOCK", 30)
    monkeypatch.setattr("sim.exact_chains.BLOCK", 30)
    for schedule, law in zip(SCHEDULES, whole, strict=True):
        again = exact_discrete(schedule, 10, p, 5)
        for name in names(schedule):
            np.testing.assert_allclose(getattr(again, name), getattr(law, name), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 100, 1000])
@pytest.mark.parametrize("q", [0.0, 1e-300, 1e-12, 0.03, 0.5, 0.77, 1 - 1e-9, np.nextafter(1, 0), 1.0])
def test_binomial_rows(n: int, q: float) -> None:
    row = binomial_rows(n, np.array([q]))[0]
    with mp.workdps(40):
        for k in {*range(0, n + 1, max(1, n // 40)), round(n * q), n}:
            exact = mp.binomial(n, k) * mp.mpf(q) ** k * (1 - mp.mpf(q)) ** (n - k)
            if exact > 1e-290:
                assert abs(row[k] / exact - 1) < (1e-13 if exact > 1e-20 else 1e-12)
            else:
                assert row[k] < 1e-285


def test_binomial_rows_keep_shape_and_cut_rounding() -> None:
    rows = binomial_rows(3, np.array([[0.5, 1 + 1e-16], [-1e-17, 0.25]]))
    assert rows.shape == (2, 2, 4)
    np.testing.assert_array_equal(rows[0, 1], [0, 0, 0, 1])
    np.testing.assert_array_equal(rows[1, 0], [1, 0, 0, 0])
    np.testing.assert_array_equal(binomial_rows(0, np.array([0.0, 0.3, 1.0])), np.ones((3, 1)))


def test_dataset_and_one_step_under_accumulate() -> None:
    p = np.array([0.4, 0.6])
    data = exact_discrete(Fresh(0.1), 10, p, 3).to_dataset()
    assert dict(data.sizes) == {"generation": 3, "atom": 2}
    assert set(data) == {"tv", "diversity", "one_step", "mean", "variance", "survival"}
    assert list(data.generation) == [1, 2, 3]
    law = exact_discrete(Accumulate(), 10, p, 3)
    assert "one_step" not in law.to_dataset()
    with pytest.raises(SimulationError, match="one_step"):
        _ = law.one_step


def test_cost_grows_with_the_work() -> None:
    p = np.array([0.1, 0.2, 0.7])
    for schedule in SCHEDULES:
        small, large = (exact_cost(schedule, n, p, 10) for n in (10, 1000))
        assert 0 < small < large / 1000
    assert exact_cost(Fresh(0.5), 50, np.full(10, 0.1), 5) == exact_cost(Fresh(0.5), 50, np.ones(1), 5)


@pytest.mark.parametrize("call", [exact_discrete, exact_cost])
@pytest.mark.parametrize(
    ("schedule", "n", "p", "generations", "argument"),
    [
        (Replace(), 0, [0.5, 0.5], 2, "n"),
        (Replace(), 2.5, [0.5, 0.5], 2, "n"),
        (Replace(), 10, [0.5, 0.5], 0, "generations"),
        (Replace(), 10, [0.5, 0.6], 2, "p"),
        (Replace(), 10, [[0.5, 0.5]], 2, "p"),
        (Replace(), 10, [-0.5, 1.5], 2, "p"),
        (Replace(), 10, [np.nan, 1.0], 2, "p"),
        (Replace(), 10, [], 2, "p"),
        (Fixed(0.25), 10, [0.5, 0.5], 2, "alpha"),
        (Expand(0.25), 10, [0.5, 0.5], 2, "lam"),
        (Weighted(B=((0.0,),)), 10, [0.5, 0.5], 1, "schedule"),
    ],
)
def test_bad_arguments(
    call: Callable[[Schedule, Any, Array, int], ExactLaw | float],
    schedule: Any, n: Any, p: Any, generations: int, argument: str,
) -> None:  # fmt: skip
    with pytest.raises(SimulationError) as caught:
        call(schedule, n, np.array(p), generations)
    assert caught.value.argument == argument


def test_counts_may_be_integers_up_to_rounding() -> None:
    assert 0.29 * 100 != 29
    exact_discrete(Fixed(0.29), 100, np.array([0.5, 0.5]), 2)


def test_diversity_keeps_its_digits_where_next_to_nothing_is_left() -> None:
    p = np.array([0.999, 0.0005, 0.0005])
    found = exact_discrete(Replace(), 2, p, 100).diversity
    exact = [Fraction(1, 2**i) * (1 - sum(Fraction(x) ** 2 for x in (Fraction(999, 1000), *2 * [Fraction(1, 2000)])))
             for i in range(1, 101)]  # fmt: skip
    np.testing.assert_allclose(found, [float(x) for x in exact], rtol=1e-12)
    assert np.all(exact_discrete(Replace(), 1, p, 3).diversity == 0)
