"""Kernel density results: their order, limits in every parameter, claimed rates, best bandwidths."""

import itertools

import numpy as np
import pytest
import sympy as sp
from test_kde_bounds import BY_KEY, SCHEDULES, call, exact, points

import bounds
from bounds.catalogue.kde import RESULTS
from bounds.kde_bandwidth import line_optimum, optimal_bandwidth, small_bandwidth_optimum, torus_optimum

# --- order, limits, rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_lower_sharp_and_triangle_are_in_order(schedule):
    n, alpha, i = np.array([10, 1000, 10**8])[:, None, None], np.array([0, 0.1, 1])[:, None], np.array([1, 2, 30])
    for h in (0.05, 0.3, 2.0):
        values = {"n": n, "alpha": alpha, "i": i, "h": h}
        line = [
            call(schedule, f, **values, sigma=1.0) for f in ("tv/kde/lower/gaussian", "tv/kde-sharp", "tv/kde-line")
        ]
        space = {"c": 0.8, "d": 1}
        circle = [call(schedule, "tv/kde/lower/torus", **values, **space)]
        circle.append(call(schedule, "tv/kde-sharp-torus", **values, c=0.8))
        circle.append(call(schedule, "tv/kde-torus", **values, **space))
        mean_square = call(schedule, "tv/kde-sharp-torus-d", **values, **space)
        for small, large in (*itertools.pairwise(line), *itertools.pairwise(circle), (circle[1], mean_square)):
            assert (small <= large * (1 + 1e-12)).all()
        assert (mean_square <= 1.3 * circle[1]).all()
        assert (line[2] > line[1] * 1.0001).any()


def test_fresh_is_between_stratified_and_reused():
    values = {"n": 50, "alpha": 0.4, "i": np.array([2, 5, 40]), "h": 0.3}
    for family, more in (("tv/kde-sharp", {"sigma": 1.0}), ("tv/kde-sharp-torus", {"c": 0.5})):
        fresh, stratified, fixed = (call(s, family, **values, **more) for s in SCHEDULES[:3])
        assert (stratified < fresh).all()
        assert (fresh < fixed).all()


@pytest.mark.parametrize(
    "family", ["tv/kde-sharp", "tv/kde-sharp-torus", "tv/kde-sharp-torus-d", "tv/kde-line", "tv/kde-torus"]
)
def test_replace_is_alpha_zero_and_all_real_is_the_first_generation(family):
    more = {"sigma": 1.0} if family in ("tv/kde-sharp", "tv/kde-line") else {"c": 0.5}
    more |= {"d": 2} if family in ("tv/kde-sharp-torus-d", "tv/kde-torus") else {}
    values = {"n": 40, "i": np.array([1, 2, 9]), "h": 0.2, **more}
    replaced = call("replace", family, **values)
    for schedule in SCHEDULES[:3]:
        np.testing.assert_allclose(call(schedule, family, alpha=0.0, **values), replaced, rtol=1e-12)
        np.testing.assert_allclose(
            call(schedule, family, alpha=1e-13, **values | {"n": 10**13}),
            call("replace", family, **values | {"n": 10**13}),
            rtol=1e-9,
        )
        np.testing.assert_allclose(call(schedule, family, alpha=1.0, **values), replaced[0], rtol=1e-12)


def test_long_loops_settle():
    """With real data generation 500 and generation 100000 agree; without, the fluctuation grows slowly."""
    for schedule in SCHEDULES[:3]:
        late = call(schedule, "tv/kde-sharp", n=1000, alpha=0.2, i=np.array([500, 100_000]), h=0.27, sigma=1.0)
        assert late[0] == pytest.approx(late[1], rel=1e-12)
    example = {"n": 1000, "i": 50, "h": 1.06 * 1000**-0.2, "sigma": 1.0}
    values = [call("replace", f, **example) for f in ("tv/kde/lower/gaussian", "tv/kde-sharp", "tv/kde-line")]
    np.testing.assert_allclose(values, [0.350, 0.388, 3.42], rtol=2e-3)


@pytest.mark.parametrize("result", [r for r in RESULTS if r.rates], ids=[r.key for r in RESULTS if r.rates])
def test_the_claimed_rate_is_the_limit(result):
    from dataclasses import replace

    (rate,) = result.rates
    leading = replace(result, expr=rate.leading, conditions=())
    for values in points(result, 2):
        if "sharp" in result.key:
            near = values | {"n": 2**53} | ({"alpha": 0.5} if "alpha" in values else {})
            ratio = result(**near) / leading(**near)
        else:
            near = exact(values) | {rate.wrt: 10**30 if rate.to is sp.oo else sp.Rational(1, 10**25)}
            ratio = float(result.evalf(20, **near) / leading.evalf(20, **near))
        assert ratio == pytest.approx(1, rel=1e-6)


# --- bandwidths -----------------------------------------------------------------------------------------------


def test_the_best_small_bandwidth_is_a_minimum():
    A, B, n, d, h = sp.symbols("A B n d h", positive=True)
    best, value = small_bandwidth_optimum(A, B, n, d)
    cost = A / sp.sqrt(n) * h ** (-d / 2) + B * h**2
    for point in ({A: 2, B: 3, n: 50, d: 1}, {A: 0.5, B: 7, n: 1000, d: 3}):
        assert abs(sp.diff(cost, h).subs(h, best).subs(point).evalf()) < 1e-12
        assert float(cost.subs(h, best).subs(point)) == pytest.approx(float(value.subs(point)), rel=1e-12)
    at, _ = line_optimum(sp.Integer(1000), sp.Integer(1))
    exact_at, exact_value = optimal_bandwidth(BY_KEY["tv/kde-line/replace"], n=1000, i=1, sigma=1.0)
    assert exact_at == pytest.approx(float(at), rel=0.1)
    near = BY_KEY["tv/kde-line/replace"](n=1000, i=1, sigma=1.0, h=exact_at * np.array([0.99, 1.01]))
    assert (near > exact_value).all()
    at, _ = torus_optimum(sp.Integer(10**12), sp.Rational(1, 2), sp.Integer(2))
    exact_at, _ = optimal_bandwidth(BY_KEY["tv/kde-torus/fresh"], n=10**12, i=3, alpha=0.2, c=0.5, d=2)
    assert exact_at == pytest.approx(float(at), rel=0.01)


def test_bandwidth_search_refuses():
    with pytest.raises(bounds.DomainError, match="low < high"):
        optimal_bandwidth(BY_KEY["kde/bias/gaussian"], low=1.0, high=0.5, sigma=1.0)
    with pytest.raises(bounds.ParameterError):
        optimal_bandwidth(bounds.get("tv/discrete/replace"), n=10, i=1, K=2)
    with pytest.raises(bounds.DomainError):
        optimal_bandwidth(BY_KEY["kde/bias/gaussian"], sigma=-1.0)
