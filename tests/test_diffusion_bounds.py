"""Diffusion results: double precision against mpmath, domains, rates, book; closed forms against brute force."""

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import bounds
from bounds import Kind, Structure, render
from bounds.catalogue.diffusion import RESULTS
from bounds.diffusion_functions import divergence_tv, log_gap, ratio_gap, square, total, total_ratio_gap

BY_KEY = {r.key: r for r in RESULTS}
BOOK = Path(__file__).resolve().parents[1] / "book"
each = pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
BAD = {
    "start": (-0.1, 1.1, np.nan),
    "end": (-0.1, 1.1),
    "E": (-1e-9, np.inf),
    "lag": (-1.0,),
    "kl": (-1.0, np.nan),
    "gap": (-1.0,),
    "r": (0.0, -1.0),
    "d": (0, 1.5),
    "t0": (0.0, -1.0, np.inf),
    "t1": (0.0, np.nan),
    "span": (0.0, -1.0),
    "dt": (0.0, 1.01),
    "steps": (0, 2.5),
    "sigma": (0.0, np.inf),
    "R": (-1.0,),
    "M2": (-1.0,),
    "L1": (-1.0,),
    "m": (-1.0,),
    "n": (0,),
    "mu": (0.0,),
    "b": (-1.0,),
    "A": (-1.0,),
    "approx": (-1.0,),
    "noise": (-1.0,),
}
EXTREMES = {
    "E": (0.0, 1e-300, 1e-12, 1.6, 800.0, 1e300),
    "kl": (0.0, 1e-20, 1.0, 50.0),
    "r": (1e-300, 1e-9, 0.5, 1 - 1e-15, 1.0, 1 + 1e-12, 1.4999, 1.5, 1e6, 1e300),
    "d": (1, 3, 10**6),
    "gap": (0.0, 1e-30, 1e10),
    "t0": (1e-300, 1e-12, 1e-3, 0.7),
    "t1": (0.7, 3.0, 40.0, 700.0),
    "span": (1e-12, 0.7, 3.0, 40.0, 700.0),
    "sigma": (1e-6, 0.3, 1 - 1e-9, 1.0, 1.0 + 1e-12, 30.0, 1e-300, 1e150),
    "dt": (1e-100, 1e-9, 0.3, 1.0),
    "steps": (1, 1000, 10**12),
    "n": (1, 10**15),
    "mu": (1e-9, 1e9),
    "R": (0.0, 1e-9, 50.0),
    "M2": (1e-6, 1e4),
}
VECTORS = {"r": ((1e-200, 1.0, 1 + 1e-13), (3.0, 1e9, 0.6))}


def call(key, **values):
    return float(BY_KEY[key](**values))


def points(result):
    """Typical values, then extremes, one after the other."""
    for k, extreme in itertools.product(range(14), (False, True)):
        values = {}
        for at, p in enumerate(result.params):
            choices = p.typical
            if extreme:
                choices = (EXTREMES if p.structure is Structure.SCALAR else VECTORS).get(p.name, p.typical)
            values[p.name] = choices[(k * (2 * at + 1) + k // 3) % len(choices)]
        yield values


# --- what every result has -------------------------------------------------------------------------------------


@each
def test_agrees_with_fifty_digits(result):
    compared = 0
    for values in points(result):
        exact = result.evalf(50, **values)
        value = float(result(**values))
        assert value >= 0
        if abs(exact) > mpmath.mpf("1e-290"):
            assert abs(value / exact - 1) < 1e-12, (values, value, exact)
            compared += 1
        if "in [0, 1]" in result.quantity and result.kind is Kind.EQUALITY:
            assert value <= 1
    assert compared >= 5


@each
def test_refuses_and_broadcasts(result):
    good = {p.name: p.typical[0] for p in result.params}
    for param in result.params:
        bad = BAD.get(param.name, ()) if param.structure is Structure.SCALAR else (-0.1, np.nan)
        for value in bad:
            wrong = value if param.structure is Structure.SCALAR else [value, 1.0, 1.0]
            for ask in (result, result.evalf):
                with pytest.raises(bounds.DomainError) as caught:
                    ask(**good | {param.name: wrong})
                assert caught.value.parameter == param.name
    first, last = result.params[0], result.params[-1]
    if first is not last:
        column = np.asarray(good[first.name])[None, None]
        row = np.stack([np.asarray(good[last.name])] * 3)
        table = result(**good | {first.name: np.concatenate([column, column]), last.name: row})
        assert table.shape == (2, 3)
        np.testing.assert_allclose(table, result(**good), rtol=1e-14)


@each
def test_rates_are_limits(result):
    for rate, (k, values) in itertools.product(result.rates, enumerate(points(result))):
        if k % 2:
            continue
        gaps = []
        with mpmath.workdps(120):
            for far in (30, 40):
                near = values | {rate.wrt: int(10**far) if rate.to is sp.oo else mpmath.mpf(10) ** -far}
                leading = replace(result, expr=rate.leading, conditions=()).evalf(50, **near)
                value = result.evalf(50, **near)
                gaps.append(abs(value / leading - 1) if leading else value)
        assert gaps[1] <= gaps[0] + mpmath.mpf("1e-40")
        assert gaps[0] < 1e-6, values


@each
def test_is_documented(result):
    assert f"\n({result.proof})=\n" in (BOOK / "diffusion.md").read_text()
    assert re.search(rf"^@\w+\{{{result.source.bib},", (BOOK / "references.bib").read_text(), re.M)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)+", result.key)
    assert "- file: diffusion\n" in (BOOK / "_toc.yml").read_text()
    latex = render.latex(result)
    assert latex.count("{") == latex.count("}")
    assert "--" not in latex
    assert not re.search(r"log\\_gap|ratio\\_gap|heat\\_loss|divergence\\_tv|square|total", latex)
    assert result.key in render.text(result)
    assert result.proof in render.myst(result)
    for text in (result.key, result.title, result.statement, result.quantity, result.source.note):
        assert text.isascii()
        assert text.strip() == text
    assert "log" not in result.quantity
    assert len({a.key for a in result.assumptions}) == len(result.assumptions) > 0
    for p in result.params:
        assert str(p.symbol) == p.name
        assert all(bounds.domains._inside(np.atleast_1d(float(v)), p.domain) for t in p.typical for v in np.ravel(t))


def test_functions_are_their_definitions():
    x = sp.Rational(1, 3)
    for function in (log_gap, ratio_gap, divergence_tv, square):
        assert abs(function(x).evalf(40) - function(x).definition().evalf(40)) < sp.Float("1e-39", 40)
    y = sp.Symbol("y", positive=True)
    assert log_gap(y).diff(y).subs(y, 1) == sp.Rational(1, 2)
    assert total(y).doit() == total(y)
    assert total_ratio_gap(y).definition() == total_ratio_gap(y)


def test_the_ratio_of_variances_may_be_anything():
    for r in (1e-300, 1e-17, 1e-9, 0.5, 1 - 1e-15, 1 + 1e-12, 1.4999, 1.5, 1e300):
        with mpmath.workdps(60):
            exact = float(mpmath.mpf(r) - 1 - mpmath.log(mpmath.mpf(r)))
        assert call("diffusion/step-divergence/isotropic", J=0.0, gap=0.0, d=2, r=r) == pytest.approx(exact, rel=1e-13)
        both = call("diffusion/step-divergence/covariance", J=0.0, gap=0.0, r=[r, 1.0])
        assert both == pytest.approx(exact / 2, rel=1e-13)


# --- from KL to TV, and the divergence of a step ----------------------------------------------------------------


def test_no_pair_of_laws_is_further_apart_than_its_divergence_allows():
    p, q = np.meshgrid(np.linspace(1e-6, 1 - 1e-6, 400), np.linspace(1e-6, 1 - 1e-6, 401))
    kl = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    far = BY_KEY["tv/diffusion/one-step-girsanov/joint"](start=0.0, E=np.maximum(kl, 0), kl=0.0)
    assert (np.abs(p - q) <= far + 1e-12).all()
    apart = far > 1e-3
    assert (np.abs(p - q)[apart] / far[apart]).max() > 0.99  # Pinsker is sharp for close laws
    assert call("tv/diffusion/one-step-girsanov/joint", start=0.5, E=50.0, kl=0.0) == 1.0
    assert call("tv/diffusion/one-step-girsanov/joint", start=0.0, E=2.0, kl=0.5) == pytest.approx(
        math.sqrt(1 - math.exp(-2.5)), rel=1e-14
    )


def test_vectors_add_up():
    J, V, G = [0.01, 0.02], [0.0, 0.03], [0.005, 0.001]
    chain = call("tv/diffusion/one-step-chain", start=0.1, J=J, V=V, G=G, end=0.2)
    assert chain == pytest.approx(0.3 + math.sqrt(0.066 / 2), rel=1e-14)
    with pytest.raises(bounds.DomainError, match="length"):
        call("tv/diffusion/one-step-chain", start=0.1, J=J, V=V, G=[0.0], end=0.2)
    held = call("tv/diffusion/one-step-girsanov/exponential-integrator", start=0.1, E=0.02, lag=0.01, end=0.0)
    assert held == pytest.approx(0.1 + math.sqrt(0.015), rel=1e-14)


def test_the_divergence_of_a_step_by_quadrature():
    """A mixture against a normal law with other moments, on the line."""
    x = np.linspace(-14, 16, 60_001)
    dx = x[1] - x[0]
    true = 0.3 * stats.norm.pdf(x, -1, 0.6) + 0.7 * stats.norm.pdf(x, 2, 0.9)
    mean = (x * true).sum() * dx
    variance = ((x - mean) ** 2 * true).sum() * dx

    def divergence(m, v):
        return (true * (np.log(true) - stats.norm.logpdf(x, m, math.sqrt(v)))).sum() * dx

    J = divergence(mean, variance)
    assert J > 0.1
    for m, v in ((mean, 2.0), (0.0, variance), (-1.0, 5.0), (3.0, 0.8)):
        terms = {"J": J, "gap": (m - mean) ** 2 / v}
        isotropic = call("diffusion/step-divergence/isotropic", **terms, d=1, r=variance / v)
        assert isotropic == pytest.approx(divergence(m, v), rel=1e-9)
        assert call("diffusion/step-divergence/covariance", **terms, r=[variance / v]) == pytest.approx(
            isotropic, rel=1e-13
        )


def test_the_divergence_of_a_step_in_the_plane():
    """Correlated normal laws: quadrature over the plane against the eigenvalues of the ratio of the covariances."""
    true, used = np.array([[1.0, 0.4], [0.4, 0.5]]), np.array([[0.8, -0.2], [-0.2, 1.1]])
    m, mhat = np.array([0.3, -0.2]), np.array([0.0, 0.4])
    grid = np.linspace(-9, 9, 361)
    at = np.stack(np.meshgrid(grid, grid), axis=-1)
    p, q = stats.multivariate_normal(m, true), stats.multivariate_normal(mhat, used)
    brute = (p.pdf(at) * (p.logpdf(at) - q.logpdf(at))).sum() * (grid[1] - grid[0]) ** 2
    ratios = np.linalg.eigvals(np.linalg.solve(used, true))
    gap = (m - mhat) @ np.linalg.solve(used, m - mhat)
    assert call("diffusion/step-divergence/covariance", J=0.0, r=ratios, gap=gap) == pytest.approx(brute, rel=1e-10)
    alike = call("diffusion/step-divergence/covariance", J=0.1, r=[1.3] * 4, gap=0.2)
    assert call("diffusion/step-divergence/isotropic", J=0.1, d=4, r=1.3, gap=0.2) == pytest.approx(alike, rel=1e-14)


# --- both ends, by quadrature -----------------------------------------------------------------------------------

X = np.linspace(-25, 25, 50_001)


def distance(f, g):
    return integrate.trapezoid(np.abs(f - g), X) / 2


def mixture(t, weights=(0.4, 0.6), means=(-1.5, 1.0), sigma=0.7):
    spread = math.sqrt(1 + math.exp(-2 * t) * (sigma**2 - 1))
    return sum(w * stats.norm.pdf(X, m * math.exp(-t), spread) for w, m in zip(weights, means, strict=True))


def force(sigma, weights=(1.0,), means=(0.0,)):
    """L1 norm of (x f)' + f''."""
    f = sum(w * stats.norm.pdf(X, m, sigma) for w, m in zip(weights, means, strict=True))
    slope = np.gradient(f, X) + X * f
    return integrate.trapezoid(np.abs(np.gradient(slope, X)), X)


@pytest.mark.parametrize("t", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.0, 2.0])
def test_the_small_end(t, sigma):
    normal = distance(mixture(t, (1.0,), (0.0,), sigma), mixture(0, (1.0,), (0.0,), sigma))
    assert call("tv/diffusion/start/gaussian", t0=t, sigma=sigma) == pytest.approx(normal, rel=1e-6, abs=1e-12)
    assert normal <= call("tv/diffusion/start/smooth", t0=t, L1=force(sigma)) + 1e-9
    weights, means = (0.4, 0.6), (-1.5, 1.0)
    far = distance(mixture(t, weights, means, sigma), mixture(0, weights, means, sigma))
    bound = call("tv/diffusion/start/mixture", t0=t, R=1.2, sigma=sigma, d=1)
    assert far <= bound
    assert far <= call("tv/diffusion/start/smooth", t0=t, L1=force(sigma, weights, means)) + 1e-9
    if t == 0.001 and sigma < 1:
        assert bound <= 4 * far
        assert call("tv/diffusion/start/smooth", t0=t, L1=force(sigma, weights, means)) <= 1.05 * far


@pytest.mark.parametrize("t", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
def test_the_large_end(t, sigma):
    standard = stats.norm.pdf(X)
    normal = distance(mixture(t, (1.0,), (0.0,), sigma), standard)
    assert call("tv/diffusion/end/gaussian", t1=t, sigma=sigma) == pytest.approx(normal, rel=1e-6, abs=1e-12)
    f = mixture(0, (0.2, 0.8), (-1.0, 2.0), sigma)
    p = mixture(t, (0.2, 0.8), (-1.0, 2.0), sigma)
    far = distance(p, standard)
    seen = p > 1e-300
    kl = (p[seen] * (np.log(p[seen]) - stats.norm.logpdf(X[seen]))).sum() * (X[1] - X[0])
    square = {"t1": t, "M2": (X * X * f).sum() * (X[1] - X[0]), "d": 1}
    first = call("tv/diffusion/end/first-moment", t1=t, R=(np.abs(X) * f).sum() * (X[1] - X[0]), d=1)
    assert far <= first <= call("tv/diffusion/end/second-moment", **square) * 1.01
    assert far <= call("tv/diffusion/end/second-moment", **square)
    assert kl <= call("diffusion/end-divergence", **square) * (1 + 1e-9)
    point = (-math.expm1(-2 * t) - 1 - math.log(-math.expm1(-2 * t))) * 1.5 + 2 * math.exp(-2 * t)  # one atom, |x| = 2
    assert call("diffusion/end-divergence", t1=t, M2=4.0, d=3) == pytest.approx(point, rel=1e-9)
