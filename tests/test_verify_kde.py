"""Kernel estimates in verdicts: shared simulations, false claims, users' samples, and the bounds from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from matplotlib import image
from named_cases import case_named
from scipy.integrate import quad
from scipy.stats import norm
from selection import first_quickly

import sim
from verify import laboratory
from verify.case import Array, Case, Design, Effort, Exact, Exceedance
from verify.cases import CASES
from verify.cases.kde_steps import SpreadKDE, _product_bias, _roughness
from verify.checking import check, points_of
from verify.evidence import Decision, clopper_pearson
from verify.plots import sandwich_figure
from verify.run import DEFAULT_SETTING, Plan, cases_of, verify, with_shared
from verify.sandwich import kernel_sandwich
from verify.settings import setting_from_file

LEVEL = 1e-7
LOOPS = 600
KERNEL = [case for case in CASES if "kde" in case.key]


def verdict(case: Case, design: Design) -> Any:
    return check(case, design, level=LEVEL, replications=200_000, seed=7)


# --- negative controls ----------------------------------------------------------------------------------------


def bell(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)


class BruteForce:
    """A loop of kernel estimates in one dimension, point by point; nothing of `sim` is used."""

    def __init__(self, schedule: str, values: dict[str, Any]) -> None:
        self.schedule, self.n, self.alpha = schedule, int(values["n"]), float(values.get("alpha", 0.0))
        width = values["h"] if "h" in values else values["C"] * self.n**-0.2
        self.circle, self.h = "c" in values, float(width)
        self.c, self.sigma = float(values.get("c", 0.0)), float(values.get("sigma", 1.0))
        self.x = np.arange(400) / 400 if self.circle else np.linspace(-9, 9, 721) * (self.sigma + self.h)
        self.rng = np.random.default_rng(99)

    def real(self, shape: tuple[int, ...]) -> Array:
        if not self.circle:
            return self.sigma * self.rng.standard_normal(shape)
        x, height = self.rng.random(shape), self.rng.random(shape) * 2
        while (bad := height > 1 + self.c * np.cos(2 * np.pi * x)).any():
            x[bad], height[bad] = self.rng.random(bad.sum()), self.rng.random(bad.sum()) * 2
        return x

    def target(self, more: float = 0.0) -> Array:
        if self.circle:
            return 1 + self.c * np.exp(-2 * (np.pi * more) ** 2) * np.cos(2 * np.pi * self.x)
        width = np.hypot(self.sigma, more)
        return bell(self.x / width) / width

    def density(self, points: Array, h: float) -> Array:
        images = (-1, 0, 1) if self.circle else (0,)
        rows = [sum(bell((self.x - p[:, None] + k) / h).mean(axis=0) for k in images) / h for p in points]
        return np.array(rows)

    def training_sets(self) -> Iterator[Array]:
        points = first = self.real((LOOPS, self.n))
        while True:
            yield points
            drawn = np.take_along_axis(points, self.rng.integers(0, self.n, points.shape), axis=1)
            drawn = drawn + self.h * self.rng.standard_normal(points.shape)
            drawn = drawn % 1 if self.circle else drawn
            kept = np.arange(self.n) < round(self.alpha * self.n)
            if self.schedule == "fresh":
                points = np.where(self.rng.random(points.shape) < self.alpha, self.real(points.shape), drawn)
            else:
                points = np.where(kept, first if self.schedule == "fixed" else self.real(points.shape), drawn)

    def distances(self, at: Array) -> Array:
        """TV(P_i, P), shape (LOOPS, generations)."""
        sets, step = islice(self.training_sets(), int(max(at))), self.x[1] - self.x[0]
        gaps = [np.abs(self.density(p, self.h) - self.target()).sum(axis=1) * step / 2 for p in sets]
        return np.stack(gaps, axis=1)[:, np.asarray(at) - 1]

    def spreads(self, at: Array) -> Array:
        """TV(P_{i+1}, T_h Q_i)."""
        sets, step = list(islice(self.training_sets(), int(max(at)) + 1)), self.x[1] - self.x[0]
        mixed = [self.alpha * self.target(self.h) + (1 - self.alpha) * self.density(p, self.h * 2**0.5) for p in sets]
        gaps = [
            np.abs(self.density(sets[i], self.h) - mixed[i - 1]).sum(axis=1) * step / 2 for i in np.asarray(at).tolist()
        ]
        return np.stack(gaps, axis=1)


def oracle(case: Case, design: Design) -> Array:
    """Replications (LOOPS, points) of what a design measures."""
    label = design.label
    # the amplitude of the cosine is no parameter of the variance
    amplitude = {"c": float(label.split("cosine(c=")[1].split(",")[0])} if "cosine(" in label else {}
    brute = BruteForce(label.split("(")[0].split()[0], {**amplitude, **design.values})
    at = np.atleast_1d(design.values["i"])
    return brute.spreads(at) if "variance" in case.key else brute.distances(at)


MUTANTS: tuple[tuple[str, float], ...] = (
    ("tv/kde-sharp/fresh#sampled", 0.6),
    ("tv/kde-sharp/stratified#sampled", 0.6),
    ("tv/kde-sharp/replace#sampled", 0.6),
    ("tv/kde-sharp/fixed#sampled", 0.6),
    ("tv/kde-sharp-torus/fresh#sampled", 0.6),
    ("tv/kde-sharp-torus/fixed#sampled", 0.6),
    ("tv/kde-sharp-torus-d/stratified#sampled", 0.6),
    ("tv/kde-line/fresh#sampled", 0.4),
    ("tv/kde-line-gaussian/replace#sampled", 0.4),
    ("tv/kde-line-tuned/replace#sampled", 0.4),
    ("tv/kde-torus/fixed#sampled", 0.4),
    ("tv/kde-torus-tuned/fresh#sampled", 0.4),
    ("tv/kde/lower/gaussian/fresh#sampled", 2.5),
    ("tv/kde/lower/gaussian/stratified#sampled", 2.5),
    ("tv/kde/lower/torus/replace#sampled", 2.0),
    ("kde/variance/line-gaussian#sampled", 0.5),
    ("kde/variance/torus#sampled", 0.5),
)


@pytest.mark.parametrize(("key", "factor"), first_quickly(MUTANTS, [key for key, _ in MUTANTS]))
def test_a_false_claim_is_refuted_and_the_true_one_holds(key: str, factor: float) -> None:
    sound = case_named(key)
    mutant = replace(sound, result=replace(sound.result, expr=sound.result.expr * factor))
    design = sound.designs(DEFAULT_SETTING)[0]
    sample = oracle(sound, design)
    mean, slack = sample.mean(axis=0), 7 * sample.std(axis=0, ddof=1) / np.sqrt(LOOPS) + 1e-4
    bound, _ = points_of(design, mutant.result)
    sign = 1 if factor < 1 else -1
    wrong, right = sign * (mean - bound) > slack, sign * (bound - mean) > slack
    assert wrong.any(), "the mutant is not false: the control controls nothing"
    decision = verdict(mutant, design).decision
    assert (decision[wrong] == Decision.REFUTED).all()
    assert (decision[right] != Decision.REFUTED).all()
    true_bound, _ = points_of(design, sound.result)
    assert (sign * (mean - true_bound) < slack).all()
    assert (verdict(sound, design).decision == Decision.HOLDS).all()


@pytest.mark.parametrize("key", ["tv/hp-kde/fresh#sampled", "tv/hp-kde-torus/fixed#sampled"])
def test_a_high_probability_bound_that_fails_too_often_is_refuted(key: str) -> None:
    sound = case_named(key)
    design = sound.designs(DEFAULT_SETTING)[0]
    assert isinstance(design.evidence, Exceedance)
    mutant = replace(sound, result=replace(sound.result, expr=sound.result.expr / 3))
    bound, _ = points_of(design, mutant.result)
    events = int((oracle(sound, design) > bound).any(axis=1).sum())
    assert clopper_pearson(events, LOOPS, 1e-9)[0] > float(design.values["delta"])
    assert (verdict(mutant, design).decision == Decision.REFUTED).all()
    assert (verdict(sound, design).decision == Decision.HOLDS).all()


def test_false_biases_are_refuted() -> None:
    factors = {"gaussian": (1.001, 0.999), "torus": (1.001, 0.999), "torus-d": (0.999, 0.5), "smooth": (0.3,)}
    for name, changes in factors.items():
        case = case_named(f"kde/bias/{name}#exact")
        for design in case.designs(DEFAULT_SETTING):
            assert (verdict(case, design).decision == Decision.HOLDS).all()
        first = case.designs(DEFAULT_SETTING)[0]
        for factor in changes:
            mutant = replace(case, result=replace(case.result, expr=case.result.expr * factor))
            assert (verdict(mutant, first).decision == Decision.REFUTED).any()


# --- evidence -------------------------------------------------------------------------------------------------


def test_exact_biases_agree_with_adaptive_quadrature() -> None:
    case = case_named("kde/bias/gaussian#exact")
    (design,) = case.designs(DEFAULT_SETTING)
    assert isinstance(design.evidence, Exact)
    for h, value in zip(design.values["h"], design.evidence.values(), strict=True):
        wide = np.hypot(1, h)
        cross = np.sqrt(2 * wide**2 * np.log(wide) / (wide**2 - 1))
        expected = quad(lambda x, s=wide: norm.pdf(x) - norm.pdf(x, scale=s), -cross, cross, epsabs=1e-13)[0]
        assert value == pytest.approx(expected, abs=1e-12)


def test_the_roughness_of_a_mixture() -> None:
    bell_shaped = sim.NormalMixture(np.array([1.0]), np.array([3.0]), np.array([0.5]))
    assert _roughness(bell_shaped) == pytest.approx(bell_shaped.variation(2), rel=1e-6)
    p = DEFAULT_SETTING.smooth
    places = np.linspace(*p.support, 200_001)
    second = np.diff(p.pdf(places), 2) / (places[1] - places[0]) ** 2
    assert _roughness(p) == pytest.approx(np.abs(second).sum() * (places[1] - places[0]), rel=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_biases_of_products_lie_just_above_a_plain_sum(d: int) -> None:
    c, h, nodes = 0.5, 0.1, 120
    x = np.cos(2 * np.pi * np.arange(nodes) / nodes)
    grids = np.meshgrid(*[x] * d)
    gap = np.prod([1 + c * g for g in grids], axis=0)
    gap = gap - np.prod([1 + c * np.exp(-2 * (np.pi * h) ** 2) * g for g in grids], axis=0)
    plain = np.abs(gap).mean() / 2
    assert plain <= _product_bias(c, h, d) + 1e-5
    assert _product_bias(c, h, d) == pytest.approx(plain, abs=2e-3)


def test_recorded_spreads_are_unbiased() -> None:
    # so smooth that TV(P_{i+1}, Q_i), with the bias of Q_i, would be much larger
    values = {"n": 60, "alpha": 0.5, "h": 1.0, "sigma": 1.0}
    brute = BruteForce("fresh", values).spreads(np.array([1, 3]))
    model = SpreadKDE(sim.NormalDensity(), 1.0, 16)
    runs = sim.simulate(model, sim.Fresh(0.5), n=60, generations=4, replications=3000, seed=1, at=(2, 4))
    found = runs.spread_tv.values
    assert ((found >= 0) & (found <= 1)).all()
    error = np.hypot(found.std(axis=0) / np.sqrt(3000), brute.std(axis=0) / np.sqrt(LOOPS))
    assert (np.abs(found.mean(axis=0) - brute.mean(axis=0)) < 5 * error).all()


def test_numerical_errors_go_to_the_safe_side() -> None:
    model = sim.KDE(sim.NormalDensity(), 0.3, 16)
    above = laboratory.distances(model, sim.Replace(), 20, (1, 2), wanted=(2,))
    beneath = laboratory.distances(model, sim.Replace(), 20, (1, 2), wanted=(2,), below=True)
    first = next(sim.blocks(model, sim.Replace(), n=20, generations=2, seed=3, record=("tv", "tv_error"), at=(1, 2)))
    value, error = first["tv"][:, 1:], first["tv_error"][:, 1:]
    assert (error > 0).all()
    np.testing.assert_array_equal(next(iter(above(3))), value + error)
    np.testing.assert_array_equal(next(iter(beneath(3))), value - error)


def test_designs_that_name_one_simulation_share_it() -> None:
    sharp, high = (case_named(f"{key}/fresh#sampled") for key in ("tv/kde-sharp", "tv/hp-kde"))
    one, two = sharp.designs(DEFAULT_SETTING)[0], high.designs(DEFAULT_SETTING)[0]
    assert one.simulation == two.simulation != ""
    drawn = [next(iter(with_shared(design, 5).evidence.blocks(k))) for k, design in ((1, one), (2, two))]  # type: ignore[union-attr]
    np.testing.assert_array_equal(drawn[0], drawn[1][:, np.asarray(one.values["i"]) - 1])
    other = next(iter(with_shared(one, 6).evidence.blocks(1)))  # type: ignore[union-attr]
    assert not np.array_equal(drawn[0], other)


def test_shared_simulations_do_not_depend_on_the_order_of_results() -> None:
    plan = Plan(patterns=("tv/kde-sharp/replace", "tv/kde-line/replace"), effort=Effort.QUICK, seed=2)
    together = {v.key: v for v in verify(plan)}
    laboratory._block.cache_clear()
    for key in reversed(plan.patterns):
        again = {v.key: v for v in verify(plan) if v.key == key}[key]
        for left, right in zip(together[key].curves, again.curves, strict=True):
            np.testing.assert_array_equal(left.value, right.value)


# --- users' samples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "rows"), [(1.0, 300), (1e9, 50), (1e-9, 5000)])
def test_a_sample_is_smoothed_by_the_stated_bandwidth(tmp_path: Any, unit: float, rows: int) -> None:
    values = unit * (10 + np.random.default_rng(4).standard_exponential(rows))
    path = tmp_path / "x.csv"
    path.write_text("x\n" + "\n".join(map(repr, values.tolist())) + "\n")
    setting = setting_from_file(path, "x")
    width = 1.06 * values.std(ddof=1) * rows**-0.2
    assert f"smooth cases: N(0, {width:.6g}^2) around the values less their mean" in setting.source
    smooth = setting.smooth
    assert smooth.scale == pytest.approx(width)
    exact = sim.smoothed_sample(values - values.mean(), width)
    assert sim.tv_quadrature(smooth, exact, tolerance=1e-5)[0] < 0.01
    case = case_named("kde/variance/line#sampled")
    assert smooth.label in case.designs(setting)[0].label
    for key in ("kde/bias/smooth", "kde/variance/line"):
        found = next(verify(Plan(patterns=(key,), setting=setting, effort=Effort.QUICK)))
        assert found.outcome is Decision.HOLDS


def test_words_leave_the_built_in_mixture(tmp_path: Any) -> None:
    path = tmp_path / "w.txt"
    path.write_text("a b a c")
    assert setting_from_file(path).smooth is DEFAULT_SETTING.smooth


# --- bounds from both sides -----------------------------------------------------------------------------------


def test_the_sandwich_is_in_order_and_drawn(tmp_path: Any) -> None:
    found = kernel_sandwich(60, 0.4, (0.0, 0.5, 1.0, 0.1), (1, 4, 10), replications=200, seed=3)
    assert found.mean.shape == found.sharp.shape == found.lower.shape == (4, 3)
    assert (found.lower <= found.high).all()
    assert (found.low <= found.sharp).all()
    assert (found.sharp <= found.triangle).all()
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    assert (found.high - found.low < 0.25 * found.mean).all()
    assert found.high + found.low == pytest.approx(2 * found.mean)
    assert 1 < np.median(found.sharp_over_mean) < 1.6
    assert (found.sharp_over_lower >= 1).all()
    brute = BruteForce("fresh", {"n": 60, "alpha": 0.5, "h": 0.4}).distances(np.array([1, 4]))
    assert np.abs(brute.mean(axis=0) - found.mean[1, :2]).max() < 6 * brute.std() / np.sqrt(150)
    (tmp_path / "s.png").write_bytes(sandwich_figure(found))
    assert image.imread(tmp_path / "s.png").shape[2] == 4
    assert sandwich_figure(found) == (tmp_path / "s.png").read_bytes()


def test_the_sandwich_needs_two_loops() -> None:
    with pytest.raises(ValueError, match="replications = 1: allowed: an integer >= 2"):
        kernel_sandwich(60, 0.4, (0.0,), (1,), replications=1)


def test_every_kernel_result_has_one_case() -> None:
    assert len(KERNEL) == 48
    assert all(cases_of(case.result) == (case,) for case in KERNEL)
