"""Kernel density results: double precision against mpmath, brute-force sums, limits, extremes, domains."""

import itertools
import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import bounds
from bounds import render
from bounds.catalogue.kde import RESULTS
from bounds.kde_nodes import counting_rule
from bounds.kde_numeric import NUMERIC_KDE
from bounds.kde_precise import PRECISE_KDE

BY_KEY = {r.key: r for r in RESULTS}
SCHEDULES = ("fresh", "stratified", "fixed", "replace")
QUADRATURE = ("tv/kde-sharp/", "tv/hp-kde/")
QUICK = [r for r in RESULTS if not r.key.startswith(QUADRATURE)]


def call(schedule, family, **values):
    """Evaluate one member of a family; `replace` has no alpha."""
    if schedule == "replace":
        values.pop("alpha", None)
    return BY_KEY[f"{family}/{schedule}"](**values)


def points(result, most):
    """Typical values spread over the grid, where joint conditions hold."""
    grid = list(itertools.product(*(p.typical for p in result.params)))
    found = 0
    for k in range(len(grid)):
        values = dict(zip(result.names, grid[(k * 7919) % len(grid)], strict=True))
        try:
            result(**values)
        except bounds.DomainError as error:
            if "," not in error.parameter:  # not a joint condition
                raise
            continue
        yield values
        found += 1
        if found == most:
            return


def exact(values):
    """Alpha as a fraction, so that alpha n is an integer."""
    return values | ({"alpha": sp.Rational(str(values["alpha"]))} if "alpha" in values else {})


# --- double precision against mpmath --------------------------------------------------------------------------


@pytest.mark.parametrize("result", QUICK, ids=[r.key for r in QUICK])
def test_closed_forms_and_sums_agree_with_mpmath(result):
    for values in points(result, 3):
        assert result(**values) == pytest.approx(float(result.evalf(20, **exact(values))), rel=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("point", [(50, 0.5, 3, 0.3, 1.0), (10**15, 0.1, 2, 0.1, 2.0)])
def test_the_quadrature_on_the_line_agrees_with_mpmath(schedule, point):
    n, alpha, i, h, sigma = point
    values = {"n": n, "i": i, "h": h, "sigma": sigma} | ({} if schedule == "replace" else {"alpha": alpha})
    precise = BY_KEY[f"tv/kde-sharp/{schedule}"].evalf(10, **exact(values))
    assert BY_KEY[f"tv/kde-sharp/{schedule}"](**values) == pytest.approx(float(precise), rel=1e-9)


def test_high_probability_adds_the_influence():
    values = {"n": 100, "i": 3, "h": 0.3, "sigma": 1.0}
    extra = math.sqrt(3 / 100) * math.sqrt(math.log(50 / 0.05) / 2)
    high = BY_KEY["tv/hp-kde/replace"]
    assert high(**values, T=50, delta=0.05) == pytest.approx(
        BY_KEY["tv/kde-sharp/replace"](**values) + extra, rel=1e-12
    )
    assert float(high.evalf(10, **values, T=50, delta=0.05)) == pytest.approx(
        high(**values, T=50, delta=0.05), rel=1e-9
    )


EXTREME = [
    ("gaussian_bias", [(1e-50,), (1e-8,), (0.7,), (1e5,), (1e9,), (1e20,), (1e100,)]),
    ("heat_loss", [(1e-150,), (1e-8,), (3.0,)]),
    ("torus_roughness", [(1e-6, 50), (1e-3, 1), (0.2999, 7), (0.3001, 7), (1.99, 3), (2.01, 3), (5.0, 10**6)]),
    (
        "spread_sum",
        [(0, 10**12, 1e-3), (1e-12, 50, 0.2), (1, 7, 0.2), (0.5, 3, 1e-50), (0.5, 3, 1e50), (0.2, 10**9, 1)],
    ),
    (
        "mixture_bias",
        [(0, 10**6, 0.3), (1e-12, 50, 0.2), (1, 7, 0.2), (0.5, 3, 1e-20), (0.5, 3, 1e20), (0.9, 10**9, 0.3)],
    ),
    ("sharp_torus_fresh", [(100, 1e-9, 4, 2, 0.1), (1e15, 0.3, 5, 0.005, 1), (1, 1, 4, 0.2, 0)]),
    ("sharp_torus_stratified", [(100, 1e-9, 4, 2, 0.1), (1e15, 0.3, 5, 0.005, 1)]),
    ("sharp_torus_fixed", [(100, 1e-9, 4, 2, 0.1), (1e15, 0.3, 5, 0.005, 1), (1e3, 0.01, 40, 0.05, -1)]),
    ("square_torus_fixed", [(1e3, 0.01, 40, 0.05, -1, 2), (1, 1, 4, 0.2, 0, 100)]),
]


@pytest.mark.parametrize(("name", "cases"), EXTREME, ids=[name for name, _ in EXTREME])
def test_extremes_agree_with_mpmath(name, cases):
    for case in cases:
        with mpmath.mp.workdps(112):
            precise = float(PRECISE_KDE[name](*(mpmath.mpf(v) for v in case)))
        value = NUMERIC_KDE[name](*(np.asarray(v, dtype=float) for v in case))
        assert float(value) == pytest.approx(precise, rel=1e-12, abs=0), case


# --- sums and mixtures by brute force -------------------------------------------------------------------------


@pytest.mark.parametrize(("alpha", "i"), [(0.0, 10**6), (1e-5, 10**6), (1e-3, 10**5), (0.3, 50), (0.97, 400)])
@pytest.mark.parametrize("t", [0.01, 30.0])
def test_long_sums_are_accurate(alpha, i, t):
    k = np.arange(i, dtype=float)
    geometric = k if alpha == 0 else -np.expm1(k * np.log1p(-alpha)) / alpha
    terms = np.exp((i - 1 - k) * np.log1p(-alpha)) * (1 / t**2 + 0.5 + (1 - alpha) * geometric) ** 0.25
    value = NUMERIC_KDE["spread_sum"](np.array(alpha), np.array(float(i)), np.array(t))
    assert float(value) == pytest.approx(math.fsum(terms), rel=1e-13)


def test_the_counting_rule_needs_few_nodes():
    for last in (5, 40, 1000, 10**9):
        nodes, weights = counting_rule(0, last, 0.0)
        assert len(nodes) < 1000
        assert weights.sum() == pytest.approx(last + 1, rel=1e-14)
        assert weights @ (1 / (1 + nodes)) == pytest.approx(float(mpmath.harmonic(last + 1)), rel=1e-13)
    for rate in (1e-2, 1e-3, 1e-6):
        nodes, weights = counting_rule(0, round(45 / rate), rate)
        assert weights @ np.exp(-rate * nodes) == pytest.approx(-1 / np.expm1(-rate), rel=1e-13)
        assert len(nodes) < 1000


def weights_of(alpha, i):
    w = alpha * (1 - alpha) ** np.arange(i, dtype=float)
    w[-1] = (1 - alpha) ** (i - 1)
    return w


@pytest.mark.parametrize(("alpha", "i", "t"), [(0.0, 7, 0.3), (0.1, 30, 0.25), (0.6, 5, 2.0), (1.0, 4, 0.5)])
def test_the_lower_bound_on_the_line_is_the_tv_of_two_mixtures(alpha, i, t):
    x = np.linspace(-40, 40, 400_001)
    mean = sum(w * stats.norm.pdf(x, scale=np.sqrt(1 + k * t * t)) for k, w in enumerate(weights_of(alpha, i), 1))
    tv = integrate.trapezoid(np.abs(mean - stats.norm.pdf(x)), x) / 2
    for schedule in SCHEDULES if alpha == 0 else SCHEDULES[:1]:
        value = call(schedule, "tv/kde/lower/gaussian", n=10, alpha=alpha, i=i, h=3 * t, sigma=3.0)
        assert value == pytest.approx(tv, rel=1e-7)


@pytest.mark.parametrize(("alpha", "i", "h"), [(0.0, 7, 0.1), (0.1, 30, 0.05), (1.0, 4, 0.3)])
def test_the_lower_bound_on_the_torus_is_the_tv_of_two_densities(alpha, i, h):
    kept = sum(w * np.exp(-2 * np.pi**2 * h * h * k) for k, w in enumerate(weights_of(alpha, i), 1))
    x = (np.arange(4000) + 0.5) / 4000
    tv = np.mean(np.abs(0.7 * (1 - kept) * np.cos(2 * np.pi * x))) / 2
    value = BY_KEY["tv/kde/lower/torus/fresh"](n=10, alpha=alpha, i=i, h=h, c=-0.7, d=2)
    assert value == pytest.approx(tv, rel=1e-6)


def test_biases_are_distances():
    x = np.linspace(-60, 60, 600_001)
    for h, sigma in ((0.3, 1.0), (2.0, 0.7), (0.01, 3.0)):
        gap = stats.norm.pdf(x, scale=sigma) - stats.norm.pdf(x, scale=np.hypot(h, sigma))
        bias = BY_KEY["kde/bias/gaussian"](h=h, sigma=sigma)
        assert bias == pytest.approx(np.abs(gap).sum() * (x[1] - x[0]) / 2, rel=1e-6)
        curvature = 4 * stats.norm.pdf(1) / sigma**2  # the L1 norm of the second derivative of the density
        assert bias < BY_KEY["kde/bias/smooth"](h=h, L1=curvature)
    u = 2 * np.pi * (np.arange(400) + 0.5) / 400
    first, second = np.cos(u)[:, None], np.cos(u)[None]
    for h, c in ((0.1, 1.0), (0.4, -0.5)):
        rho = np.exp(-2 * np.pi**2 * h * h)
        tv = np.mean(np.abs((1 + c * first) * (1 + c * second) - (1 + c * rho * first) * (1 + c * rho * second))) / 2
        assert tv <= BY_KEY["kde/bias/torus-d"](h=h, c=c, d=2) <= 1.5 * tv


def test_one_step_variance_from_its_definition():
    """The integral of the root on the line, and Theta from a wrapped kernel in space."""
    x = np.linspace(-120, 120, 120_001)
    for n, i, h, sigma in ((50, 1, 0.3, 1.0), (10, 20, 1.0, 2.0)):
        spread = np.sqrt(sigma**2 + (i + 0.5) * h * h)
        root = integrate.trapezoid(np.sqrt(stats.norm.pdf(x, scale=spread)), x) / (4 * np.pi * h * h) ** 0.25
        sharp = BY_KEY["kde/variance/line-gaussian"](n=n, i=i, h=h, sigma=sigma)
        assert sharp == pytest.approx(root / (2 * np.sqrt(n)), rel=1e-9)
        general = BY_KEY["kde/variance/line"](n=n, alpha=0.0, i=i, h=h, sigma=sigma)
        assert general / sharp == pytest.approx(np.sqrt(2 * np.pi) / (8 * np.pi) ** 0.25, rel=1e-12)
    grid = np.arange(2000) / 2000
    for h in (0.05, 0.3, 0.5):
        kernel = sum(stats.norm.pdf(grid + m, scale=h) for m in range(-12, 13))
        theta = np.mean(kernel**2)
        value = BY_KEY["kde/variance/torus"](n=25, h=h, d=3)
        assert value == pytest.approx(np.sqrt(theta**3 - 1) / 10, rel=1e-9)


# --- domains and shapes ---------------------------------------------------------------------------------------

GOOD = {
    "n": 20,
    "alpha": 0.5,
    "i": 3,
    "h": 0.3,
    "sigma": 1.0,
    "c": 0.5,
    "d": 2,
    "L1": 1.0,
    "C": 1.0,
    "T": 5,
    "delta": 0.1,
}
BAD = {
    "h": (0.0, -1.0, np.nan, np.inf),
    "c": (1.1, -1.1, np.nan),
    "sigma": (0.0, np.inf),
    "L1": (-1.0,),
    "C": (0.0,),
    "alpha": (-0.1, 1.1, np.nan),
    "i": (0, 1.5),
    "n": (0, 2.5),
    "d": (0,),
    "delta": (0.0, 1.0),
}


@pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
def test_domains_and_broadcasting(result):
    good = {name: GOOD[name] for name in result.names}
    for name in result.names:
        for value in BAD.get(name, ()):
            with pytest.raises(bounds.DomainError) as caught:
                result(**good | {name: value})
            assert caught.value.parameter.startswith(name)
    first, *_ = result.names
    column = np.array([[GOOD[first]], [GOOD[first]]])
    last = result.names[-1]
    table = result(**good | {first: column, last: np.array([GOOD[last]] * 3)})
    assert table.shape == (2, 3)
    np.testing.assert_allclose(table, result(**good), rtol=1e-14)
    assert result.proof in render.text(result)


def test_the_longest_loop_and_counts():
    good = {"n": 20, "alpha": 0.5, "h": 0.3, "sigma": 1.0}
    with pytest.raises(bounds.DomainError, match="100000"):
        BY_KEY["tv/kde-sharp/fresh"](i=100_001, **good)
    for schedule in ("stratified", "fixed"):
        with pytest.raises(bounds.DomainError, match="integer"):
            BY_KEY[f"tv/kde-sharp/{schedule}"](i=2, **good | {"alpha": 0.33})
