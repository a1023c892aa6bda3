"""The searches for transformers and diffusion models: that they fit, and that what they call exact is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf
from scipy.stats import chi2

import bounds
import sim
from verify.case import Case, Exact, Exponent
from verify.checking import check, points_of
from verify.falsify_points import value_on
from verify.falsify_run import Outcome, falsify, search_of
from verify.search import Search
from verify.searches import SEARCHES, diffusion, diffusion_ends, icl, transformer

MINE = (transformer, icl, diffusion, diffusion_ends)
FAMILIES = (
    "stability/attention",
    "stability/transformer",
    "recursive-stability/icl",
    "icl/",
    "tv/diffusion/",
    "diffusion/",
)
PAPERS = ("paper/stl-in-context", "paper/diffusion-rate")


def points(search: Search, more: int) -> list[dict[str, Any]]:
    """Two opposite corners, the centre and random points."""
    rng = np.random.default_rng(len(search.axes))
    shares = [[share] * len(search.axes) for share in (0.0, 0.5, 1.0)] + rng.random((more, len(search.axes))).tolist()
    return [
        {name: value_on(axis, share) for (name, axis), share in zip(search.axes.items(), row, strict=True)}
        for row in shares
    ]


def test_every_result_of_these_families_has_a_search() -> None:
    wanted = {result.key for result in bounds.CATALOGUE if result.key.startswith(FAMILIES) or result.key in PAPERS}
    assert wanted <= {search.result.key for search in SEARCHES}
    assert {search.result.key for module in MINE for search in module.SEARCHES} <= wanted


@pytest.mark.parametrize("module", MINE, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_designs_fit_everywhere(module: Any) -> None:
    """A bound at every point: of the type, in the domain, under all conditions; axes mean what they are named."""
    for search in module.SEARCHES:
        for values in points(search, 3):
            design = search.design(values)
            bound, _ = points_of(design, search.result)
            assert np.isfinite(bound).all(), (search.result.key, values)
            for name in set(values) & set(search.result.names) - {"alpha", "lam"}:
                if not (name == "R" and values["d"] > 1):  # there the centre is 0
                    assert np.all(np.asarray(design.values[name]) == values[name]), (search.result.key, name)
            for name in set(values) & {"alpha", "lam"}:
                assert abs(design.values[name] - values[name]) <= 1.001 / values["n"]


@pytest.mark.parametrize("module", MINE, ids=lambda module: module.__name__.rsplit(".", 1)[-1])
def test_nothing_is_refuted_at_a_random_point(module: Any) -> None:
    for search in module.SEARCHES:
        (values,) = points(search, 1)[-1:]
        design = search.design(values)
        because = {assumption.key: "" for assumption in search.result.assumptions}
        case = Case(result=search.result, name="x", designs=lambda setting: (), because=because)
        curve = check(case, design, level=1e-6, replications=16, seed=0)
        assert "REFUTED" not in curve.decision, (search.result.key, values)
        assert curve.replications == 0 if isinstance(design.evidence, Exact) else 0 < curve.replications <= 16
        assert isinstance(design.evidence, Exponent) == (search.result.kind is bounds.Kind.RATE)


FACTORS = {
    "stability/attention": 0.999,
    "stability/transformer/residual": 0.98,
    "recursive-stability/icl/divergence": 0.98,
    "recursive-stability/icl": 0.75,
    "recursive-stability/icl/residual": 0.6,
    "icl/softmax/stability": 0.98,
    "icl/softmax/generalization": 0.9,
    "icl/synthetic-sizing": 0.04,
    "icl/linear-attention/fixed": 1 + 1e-8,
    "icl/tv/replace": 0.9,
    "tv/diffusion/one-step-chain": 0.6,
    "diffusion/step-divergence/covariance": 1 + 1e-8,
    "tv/diffusion/start/smooth": 0.99,
    "diffusion/end-divergence": 0.99,
    "tv/diffusion/gaussian-exact": 1 + 1e-8,
}


@pytest.mark.parametrize("key", FACTORS)
def test_a_wrong_constant_is_found(key: str) -> None:
    search = search_of(bounds.get(key))
    wrong = replace(search, result=replace(search.result, expr=search.result.expr * FACTORS[key]))
    budget = 12 if key.startswith(("tv/diffusion", "diffusion/step", "icl/tv")) else 120
    assert falsify(wrong, budget=budget).outcome is Outcome.FALSIFIED


# --- transformers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "residual"), [(1, False), (3, False), (2, True)])
def test_the_extremal_replacement_is_one_of_the_plane(layers: int, residual: bool) -> None:
    values = {"n": 7, "Gamma": 0.8, "layers": layers, "token": math.pi, "fan": 0.0, "radius": 1.0}
    values |= {"query": 0.0, "form": 0.0, "heads": 0.0, "twist": 0.0}
    known = sim.extremal_replacement(n=7, Gamma=0.8, layers=layers, residual=residual).movement
    assert transformer.replacement(values, residual).movement == pytest.approx(known, rel=1e-12)


def loop_values(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "n": 12,
        "i": int(rng.integers(1, 6)),
        "Gamma": rng.random(),
        "layers": int(rng.integers(1, 5)),
        "height": rng.random(),
        "place": rng.random() / 2,
        "steer": rng.uniform(-1, 1),
        "sigma": 0.01,
    }


@pytest.mark.parametrize("residual", [False, True])
def test_predictions_are_linear_in_labels(residual: bool) -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        values = loop_values(rng)
        labels, (first, other) = 0.1 * rng.standard_normal(12), transformer.first_token(values, residual)
        prompt = np.stack([np.where(np.arange(12) == 0, first, other), labels], axis=1)
        model = transformer.line_transformer(values, residual)
        u, v = transformer.label_weights(values, residual)
        found = model.outputs(prompt[None], np.array([[[other, 0.0]]]))[0, 0, 1]
        assert found == pytest.approx(u * labels[0] + v * labels[1:].mean(), rel=1e-11)


@pytest.mark.parametrize("residual", [False, True])
def test_divergence_of_a_loop_by_covariances(residual: bool) -> None:
    """All labels as a matrix times all noises, one generation after the other."""
    rng = np.random.default_rng(4)
    for reused in (2, 5, 11):
        values = {**loop_values(rng), "height": 0.05}  # so low that the label is not made smaller
        u, v = transformer.label_weights(values, residual)
        m, label = 12 - reused, 0.05 * (0.5 if residual else 1.0)
        shift, noises = np.full(m, 2 * u * label), np.eye(m)
        for _ in range(values["i"] - 1):
            share = np.full((m, m), v / 11)
            shift = 2 * u * label + share @ shift
            noises = np.concatenate([share @ noises, np.eye(m)], axis=1)
        expected = math.sqrt(shift @ np.linalg.solve(noises @ noises.T, shift)) / values["sigma"]
        assert transformer.loop_divergence(values, reused, residual) == pytest.approx(expected, rel=1e-10)


def test_labels_stay_in_the_ball() -> None:
    """Ten standard deviations of the labels fit beside the largest mean, at every corner of the box."""
    for tail in ("", "/residual"):
        search, scale = search_of(bounds.get(f"recursive-stability/icl{tail}")), 0.5 if tail else 1.0
        for values in points(search, 30):
            reused = round(values["alpha"] * values["n"])
            u, v = transformer.label_weights(values, bool(tail))
            assert 0 <= u <= 1 + 1e-12
            assert v <= 1 + 1e-12
            room = scale * math.sqrt(1 - values["place"] ** 2) - 0.3 * scale
            assert room >= 10 * values["sigma"] * math.sqrt(1 + 1 / (0.05 * (values["n"] - reused)))


# --- uniform attention ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mean", "variance", "sigma"), [(0.3, 0.2, 0.5), (0.0, 0.1, 0.2), (-0.4, 1.0, 0.3)])
def test_distance_of_means(mean: float, variance: float, sigma: float) -> None:
    def body(z: float) -> float:
        x = mean + math.sqrt(variance) * z
        return float(erf(abs(x) / (math.sqrt(8) * sigma)) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi))

    expected = quad(body, -12, 12, points=[-mean / math.sqrt(variance)], epsabs=1e-13, limit=200)[0]
    assert icl.distance_of_means(mean, variance, sigma) == pytest.approx(expected, rel=1e-9)


def test_distance_of_a_known_mean() -> None:
    assert icl.distance_of_means(0.2, 0.0, 0.1) == pytest.approx(erf(2 / math.sqrt(8)))


@pytest.mark.parametrize(("gain", "reused", "i"), [(-0.8, 4, 3), (1.0, 2, 2), (0.6, 9, 1)])
def test_gap_of_a_multiple_of_the_mean_label(gain: float, reused: int, i: int) -> None:
    """The loop, point by point."""
    n, sigma, height, L, R = 12, 0.04, 0.1, 0.08, 200_000
    rng = np.random.default_rng(5)
    real = height + sigma * rng.standard_normal((R, n))
    answer = last = gain * real.mean(axis=1)
    prompt = real
    for _ in range(i):
        drawn = answer[:, None] + sigma * rng.standard_normal((R, n - reused))
        prompt = np.concatenate([real[:, :reused], drawn], axis=1)
        last, answer = answer, gain * prompt.mean(axis=1)
    fresh = height + sigma * rng.standard_normal((R, n))
    risks = [np.minimum((points - answer[:, None]) ** 2, L * L).mean(axis=1) / 2 for points in (fresh, prompt)]
    gaps, distances = risks[0] - risks[1], erf(np.abs(last - height) / (math.sqrt(8) * sigma))
    values = {"n": n, "gain": gain, "sigma": sigma, "height": height, "L": L, "i": i}
    gap, distance = icl.level_gap(values, reused)
    assert abs(gap - abs(gaps.mean())) < 5 * gaps.std() / math.sqrt(R)
    assert abs(distance - distances.mean()) < 5 * distances.std() / math.sqrt(R)


# --- diffusion ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("variance", "excess"), [(1.0, 0.5), (0.04, 0.9), (4.0, -3.0), (1.0, 1e-9), (1.0, -1e-7)])
def test_distance_of_centred_normal_laws(variance: float, excess: float) -> None:
    with mpmath.workdps(50):
        v, w = mpmath.mpf(variance), mpmath.mpf(variance) + mpmath.mpf(excess)
        edge = mpmath.sqrt(v * w * mpmath.log(w / v) / (w - v))
        expected = float(abs(mpmath.erf(edge / mpmath.sqrt(2 * v)) - mpmath.erf(edge / mpmath.sqrt(2 * w))))
    assert diffusion_ends.normal_distance(variance, excess) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(("variance", "excess", "d"), [(1.0, 0.5, 3), (0.3, -0.1, 2), (2.0, 5.0, 10)])
def test_distance_of_centred_normal_laws_in_space(variance: float, excess: float, d: int) -> None:
    def gap(square: float) -> float:
        one, other = (chi2.pdf(square / v, d) / v for v in (variance, variance + excess))
        return float(abs(one - other)) / 2

    expected = quad(gap, 0, 400, points=[0.1, 1, 3, 10, 30, 100], limit=500)[0]
    assert diffusion_ends.normal_distance(variance, excess, d) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("centre", "width", "d"), [(0.0, 1.0, 1), (2.0, 0.7, 1), (1.5, 0.5, 3)])
def test_moments_of_a_target(centre: float, width: float, d: int) -> None:
    search = search_of(bounds.get("tv/diffusion/end/first-moment"))
    values: Mapping[str, Any] = {"centre": centre, "width": width, "d": d, "t1": 1.0}
    points = np.random.default_rng(6).standard_normal((200_000, d)) * width + centre * np.eye(1, d)
    norms = np.linalg.norm(points, axis=1)
    assert abs(search.design(values).values["R"] - norms.mean()) < 5 * norms.std() / math.sqrt(norms.size)
    square = search_of(bounds.get("diffusion/end-divergence")).design(values).values["M2"]
    assert abs(square - (norms**2).mean()) < 5 * (norms**2).std() / math.sqrt(norms.size)


def test_centres_are_so_far_away_on_average() -> None:
    """R is the weighted mean of the distances of the centres from 0, whatever the share and the lean."""
    values = {"share": 0.2, "distance": 3.0, "centre": -1.0, "width": 0.5, "ratio": 2.0}
    values |= {"shifted": 0.4, "stretched": 1.2, "moved": 0.05}
    p, q = diffusion_ends.mixture(values), diffusion.learned(values)
    assert np.allclose([p.weights, p.means, p.sigmas], [[0.8, 0.2], [-1, 2], [0.5, 1]])
    assert np.allclose([q.weights, q.means, q.sigmas], [[0.75, 0.25], [-0.6, 2], [0.6, 1.2]])
