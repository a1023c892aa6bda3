"""Linear self-attention in context: exact recursions, loops simulated with all their points, integrals, queries."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction as Fr

import catalogue_properties
import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import bounds
from bounds import query
from bounds.catalogue.icl import RESULTS
from bounds.catalogue.icl_sizing import SIZING, TERMS
from bounds.catalogue.transformer import RESULTS as TRANSFORMER

BY_KEY = {r.key: r for r in (*TRANSFORMER, *RESULTS)}
RISKS = {name: BY_KEY[f"icl/linear-attention/{name}"] for name in ("replace", "stratified", "fixed", "expand")}


def get(key, **values):
    return float(BY_KEY[key](**values))


@pytest.mark.parametrize("result", RESULTS, ids=[r.key for r in RESULTS])
def test_has_the_properties_of_the_catalogue(result, monkeypatch):
    catalogue_properties.check(result, monkeypatch, rho=[0.2, 0.5, 3.0, 1e20], Gamma=[0.0, 1e-18, 0.7])


# --- exact recursions -----------------------------------------------------------------------------------------


def moments(schedule, n, mixed, i, d, sigma, rho):
    """E<w_i, w> and E||w_i||², one generation after the other, in fractions; `mixed` is alpha, or lam of `expand`.

    The recursion runs over a = E<w_j, w>, s = E||w_j||² and r = E<g, w_j>, g the mean of y x over the reused points.
    """

    def square(count, norm):  # of the mean of y x over points with weights of this squared norm
        return norm + (norm * (d + 1) + d * sigma**2) / count

    def factor(count):
        return 1 / (1 + (d + 1 + d * sigma**2 / rho**2) / count)

    true, c = rho**2, factor(n)
    real, drawn = (n, mixed * n) if schedule == "expand" else (mixed * n, (1 - mixed) * n)
    alpha, later = real / (real + drawn), factor(n if schedule != "expand" else real + drawn)
    reused = square(real, true) if real else 0
    share = real / n  # of the reused points in generation 1
    a, s, r = c * true, c**2 * square(n, true), c * (share * reused + (1 - share) * true)
    for _ in range(i - 1):
        cross = r if schedule in ("fixed", "expand") else a
        drawn_square = square(drawn, s) if drawn else 0
        s = later**2 * (alpha**2 * reused + 2 * alpha * (1 - alpha) * cross + (1 - alpha) ** 2 * drawn_square)
        r = later * (alpha * reused + (1 - alpha) * r)
        a = later * (alpha * true + (1 - alpha) * a)
    return a, s


SETTINGS = [
    (n, count, i, d, sigma, rho)
    for n, count in ((1, 0), (4, 1), (6, 6), (10, 5), (1000, 20))
    for i, d in ((1, 2), (2, 1), (5, 30), (40, 3))
    for sigma, rho in ((Fr(5, 2), Fr(1, 2)), (Fr(0), Fr(3)), (Fr(1, 3), Fr(1)))
]


@pytest.mark.parametrize("schedule", RISKS)
def test_closed_forms_solve_the_recursions(schedule):
    for n, count, i, d, sigma, rho in SETTINGS:
        mixed = {"replace": Fr(0), "expand": Fr(count * 3, n)}.get(schedule, Fr(count, n))
        a, s = moments(schedule, Fr(n), mixed, i, d, sigma, rho)
        values = {"n": n, "i": i, "d": d, "sigma": sigma, "rho": rho}
        if schedule != "replace":
            values["lam" if schedule == "expand" else "alpha"] = mixed
        true = {f"mean/{schedule}": a / rho**2, schedule: s - 2 * a + rho**2}
        if schedule == "replace":
            true["second-moment/replace"] = s
        for key, exact in true.items():
            result = BY_KEY[f"icl/linear-attention/{key}"]
            with mpmath.workdps(60):
                reference = mpmath.mpf(exact.numerator) / exact.denominator
                assert abs(result.evalf(50, **values) / reference - 1) < mpmath.mpf("1e-45"), (key, values)
            floats = {name: float(value) for name, value in values.items()}
            assert float(result(**floats)) == pytest.approx(float(reference), rel=1e-12)


def test_schedules_without_synthetic_or_real_points_agree():
    i, point = np.array([1, 2, 7, 300]), {"n": 40, "d": 3, "sigma": 1.5, "rho": 0.7}
    replaced = RISKS["replace"](i=i, **point)
    for schedule in ("stratified", "fixed"):
        np.testing.assert_allclose(RISKS[schedule](i=i, alpha=0.0, **point), replaced, rtol=1e-13)
        np.testing.assert_allclose(RISKS[schedule](i=i, alpha=1.0, **point), replaced[0], rtol=1e-13)
    np.testing.assert_allclose(RISKS["expand"](i=i, lam=0.0, **point), replaced[0], rtol=1e-13)
    assert (np.diff(replaced) > 0).all()
    more = RISKS["expand"](i=i[:, None], lam=np.array([0.5, 1, 10, 1e3, 1e9]), **point)
    assert (more >= replaced[0]).all()


# --- simulated loops ------------------------------------------------------------------------------------------


class Loop:
    """Loops side by side with all their points (x, y): `trials` of them, written without any formula but c."""

    def __init__(self, schedule, n, mixed, d, sigma, rho, trials, seed):
        self.schedule, self.n, self.mixed, self.sigma, self.trials = schedule, n, mixed, sigma, trials
        self.rng = np.random.default_rng(seed)
        self.w = np.full(d, rho / math.sqrt(d))
        self.noise_to_signal = d + 1 + d * sigma**2 / rho**2
        self.truth = np.broadcast_to(self.w, (trials, d))

    def draw(self, weights, count):
        x = self.rng.normal(size=(self.trials, count, len(self.w)))
        return x, np.einsum("tkd,td->tk", x, weights) + self.sigma * self.rng.normal(size=(self.trials, count))

    def fit(self, x, y):
        return np.einsum("tk,tkd->td", y, x) / (y.shape[1] + self.noise_to_signal)

    def run(self, generations):
        x, y = self.draw(self.truth, self.n)
        reused = self.n if self.schedule == "expand" else round(self.mixed * self.n)
        size = round((1 + self.mixed) * self.n) if self.schedule == "expand" else self.n
        weights = self.fit(x, y)
        for _ in range(generations - 1):
            real = self.draw(self.truth, reused) if self.schedule == "stratified" else (x[:, :reused], y[:, :reused])
            both = zip(real, self.draw(weights, size - reused), strict=True)
            weights = self.fit(*(np.concatenate(pair, axis=1) for pair in both))
        return weights


@pytest.mark.parametrize(
    ("schedule", "mixed"), [("replace", 0.0), ("stratified", 0.25), ("fixed", 0.25), ("fixed", 0.75), ("expand", 1.5)]
)
@pytest.mark.parametrize(("sigma", "rho"), [(1.0, 1.0), (0.3, 2.0)])
def test_simulated_loops(schedule, mixed, sigma, rho):
    n, d, i, trials = 12, 3, 4, 10_000
    loop = Loop(schedule, n, mixed, d, sigma, rho, trials, seed=23)
    weights = loop.run(i)
    point = {"n": n, "i": i, "d": d, "sigma": sigma, "rho": rho}
    if schedule != "replace":
        point["lam" if schedule == "expand" else "alpha"] = mixed
    risk = ((weights - loop.w) ** 2).sum(axis=1)
    seen = {schedule: risk, f"mean/{schedule}": weights @ loop.w / rho**2}
    if schedule == "replace":
        seen["second-moment/replace"] = (weights**2).sum(axis=1)
    for key, values in seen.items():
        deviation = values.mean() - get(f"icl/linear-attention/{key}", **point)
        assert abs(deviation) < 4.5 * values.std() / math.sqrt(trials), key
    tv = 2 / math.pi * np.arctan(np.sqrt(risk) / (2 * sigma))
    bound = get(f"icl/tv/{schedule}", **point)
    assert tv.mean() < bound - 4.5 * tv.std() / math.sqrt(trials)
    assert bound < 1.2 * tv.mean()


def test_the_trained_optimum_by_regression():
    """The best linear map from the average of y x to w, over many tasks of one norm, is c times the identity."""
    n, d, sigma, rho, tasks = 5, 3, 0.7, 1.3, 100_000
    rng = np.random.default_rng(8)
    w = rng.normal(size=(tasks, d))
    w *= rho / np.linalg.norm(w, axis=1, keepdims=True)
    x = rng.normal(size=(tasks, n, d))
    y = np.einsum("tkd,td->tk", x, w) + sigma * rng.normal(size=(tasks, n))
    fitted = np.linalg.lstsq(np.einsum("tk,tkd->td", y, x) / n, w, rcond=None)[0]
    factor = get("icl/linear-attention/mean/replace", n=n, i=1, d=d, sigma=sigma, rho=rho)
    np.testing.assert_allclose(fitted, factor * np.eye(d), atol=0.01)
    first = get("icl/linear-attention/replace", n=n, i=1, d=d, sigma=sigma, rho=rho)
    assert first == pytest.approx(rho**2 * (1 - factor), rel=1e-13)


@pytest.mark.parametrize("far", [0.01, 0.7, 5.0])
def test_total_variation_by_integration(far):
    """TV of two laws of (x, y): the mean over x.(v - w) ~ N(0, far²) of the TV of two normal laws of one variance."""
    sigma = 0.8

    def at(s):
        return stats.norm.pdf(s, scale=far) * (2 * stats.norm.cdf(abs(s) / (2 * sigma)) - 1)

    area = 2 * integrate.quad(at, 0, 12 * far, epsabs=1e-13)[0]
    assert area == pytest.approx(2 / math.pi * math.atan(far / (2 * sigma)), rel=1e-9)


# --- sizing ---------------------------------------------------------------------------------------------------

NETWORK = {"Gamma": 0.5, "layers": 2}
SIZES = {"n": 2000, "i": 3, **NETWORK, "sigma": 2.0, "L": 1.5, "M": 2.0, "C": 0.8, "a": 0.4}


def test_sizing_is_composed_of_other_results():
    for lam, i in itertools.product((0.0, 0.5, 3.0), (1, 2, 5)):
        sigma, n, size = SIZES["sigma"], SIZES["n"], (1 + lam) * SIZES["n"]
        beta = get("icl/softmax/stability", n=size, **NETWORK, L=SIZES["L"])
        kappas = {
            name: get("recursive-stability/icl/divergence", n=count, **NETWORK, sigma=sigma)
            for name, count in (("kappa", n), ("kappa_N", size))
        }
        gamma = 0.0
        if lam:
            gamma = float(bounds.get("recursive-stability/composition/expand")(n=n, lam=lam, i=i, **kappas))
        shift = SIZES["C"] * n ** -SIZES["a"]  # propagated, generation after generation
        first, real = shift, 1 / (1 + lam)
        for _ in range(i - 1):
            shift = (1 - real) * shift + first * (1 + lam) ** -SIZES["a"]
        general = bounds.get("generalization/expectation")
        expected = general(alpha=real, M=SIZES["M"], beta_n=beta, gamma_n=gamma, tv=min(1, shift))
        value = float(SIZING(**{**SIZES, "i": i}, lam=lam))
        assert value == pytest.approx(float(expected), rel=1e-12)
        terms = [float(replace(SIZING, expr=e)(**{**SIZES, "i": i}, lam=lam)) for e in TERMS[SIZING.key].values()]
        assert math.fsum(terms) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize(("C", "best"), [(0.8, 0), (0.01, sp.oo)])
def test_the_best_amount_of_synthetic_data_is_none_or_all(C, best):
    fixed = {name: sp.Rational(str(value)) for name, value in {**SIZES, "C": C}.items()}
    answer = query.argmin(SIZING, "lam", **fixed)
    assert answer.value == best
    learner = get("icl/softmax/stability", n=SIZES["n"], **NETWORK, L=SIZES["L"])
    data = SIZES["M"] * min(1, C * SIZES["n"] ** -SIZES["a"])
    assert answer.best == pytest.approx(min(learner, data), rel=1e-9)
    for lam, i in itertools.product((0.0, 0.25, 2.0, 50.0, 1e6), (1, 2, 20)):
        assert SIZING(**{**SIZES, "C": C, "i": i}, lam=lam) >= min(learner, data) * (1 - 1e-12)


# --- queries --------------------------------------------------------------------------------------------------

POINT = {"d": 5, "sigma": 1, "rho": 1}


def test_synthetic_points_do_worst_at_an_interior_amount():
    fixed = {"n": 100, "i": 20, **POINT}
    lam = np.arange(0, 4000) / 100
    values = RISKS["expand"](lam=lam, **fixed)
    worst = query.threshold(RISKS["expand"], "lam", **fixed)
    assert worst.value == lam[np.argmax(values)] > 0
    least = query.argmin(RISKS["expand"], "lam", **fixed)
    assert least.value == 0
    assert least.best == pytest.approx(get("icl/linear-attention/replace", **{**fixed, "i": 1}), rel=1e-12)


def test_how_many_examples_are_enough():
    generalization = BY_KEY["icl/softmax/generalization"]
    network = {"Gamma": 0.5, "layers": 1, "sigma": 1, "L": 1, "M": 1, "tv": 0.1}
    for result, step, fixed in (
        (RISKS["replace"], 1, {"i": 20, **POINT}),
        (BY_KEY["icl/tv/replace"], 1, {"i": 20, **POINT}),
        (generalization, 5, {"alpha": 0.2, "i": 5, **network}),
    ):
        exact = {name: sp.Rational(str(value)) for name, value in fixed.items()}
        points = np.arange(step, 20_000, step)
        enough = result(n=points, **fixed) <= 0.2
        assert query.solve(result, "n", 0.2, **exact).value == points[np.argmax(enough)] > step


def test_rates_and_limits():
    for schedule, result in RISKS.items():
        leading = query.rate(result, "n")
        assert leading.exponent == -1, schedule
        assert leading.proved
    decay = query.limit(BY_KEY["icl/linear-attention/mean/replace"], "i")
    assert decay.expr == 0
    collapsed = query.limit(RISKS["replace"], "i", n=100, **POINT)
    noise = query.limit(BY_KEY["icl/linear-attention/second-moment/replace"], "i", n=100, **POINT)
    assert collapsed.expr == sp.simplify(1 + noise.expr)
    assert collapsed.value == pytest.approx(get("icl/linear-attention/replace", n=100, i=10**6, **POINT), rel=1e-12)
