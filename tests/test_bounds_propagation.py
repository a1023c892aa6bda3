"""The closed forms follow from the recursions: with symbols, exactly, and for every generation by induction."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import DomainError, ParameterError, propagate
from bounds.functions import (
    accumulated_loss,
    accumulated_survival,
    complement_power,
    geometric_sum,
    power_sum,
    shifted_power_sum,
)
from bounds.numeric import NUMERIC

i = sp.Symbol("i", integer=True, positive=True)
n, lam, eps, a, s, c, K = sp.symbols("n lam eps a s c K", positive=True)
alpha = sp.Symbol("alpha", positive=True)
GENERATIONS = range(1, 13)


def expression(key, at=None):
    """The catalogue's expression in the symbols above, at one generation if wanted, functions unfolded."""
    result = bounds.get(key)
    ours = {symbol.name: symbol for symbol in (n, lam, eps, a, s, c, K, alpha, i)}
    expr = result.expr.subs({p.symbol: ours[p.name] for p in result.params if p.name in ours}, simultaneous=True)
    return unfold(expr if at is None else expr.subs(i, at))


def unfold(expr):
    expr = expr.replace(geometric_sum, lambda x, j: (1 - (1 - x) ** j) / x if x != 0 else j)
    expr = expr.replace(complement_power, lambda x, j: (1 - x) ** j)
    for function in (power_sum, shifted_power_sum, accumulated_loss, accumulated_survival):
        expr = expr.replace(function, lambda *args, f=function: f(*args).definition().doit())
    return expr


def same(left, right):
    difference = sp.expand(sp.powsimp(sp.expand(left - right)))
    return difference == 0 or sp.simplify(difference) == 0


def chain_of(weight, g):
    """B of a schedule that mixes real data with the last generation alone."""
    return sp.Matrix(g, g, lambda j, k: weight if k == j - 1 else 0)


def averages(g):
    return sp.Matrix(g, g, lambda j, k: sp.Rational(1, j + 1) if k < j else 0)


# --- T1a-T1e: first, finitely many generations, exactly -------------------------------------------------------


@pytest.mark.parametrize("g", GENERATIONS)
def test_closed_forms_are_the_propagation(g):
    constant = [eps] * g
    assert same(propagate(chain_of(1, g), constant)[-1], expression("tv/propagation/replace", g))
    for schedule in ("fresh", "stratified", "fixed"):
        closed = expression(f"tv/propagation/{schedule}", g)
        assert sp.cancel(propagate(chain_of(1 - alpha, g), constant)[-1] - closed) == 0
    assert same(propagate(averages(g), constant)[-1], expression("tv/propagation/subsample", g))
    decaying = [c * ((k + 1) * n) ** (-a) for k in range(g)]
    closed = expression("tv/propagation/accumulate", g)
    assert same(sp.expand_power_base(propagate(averages(g), decaying)[-1]), sp.expand_power_base(closed))
    growing = [c * (n * (k + 1) ** s) ** (-a) for k in range(g)]
    closed = expression("tv/propagation/replace-growing", g)
    closed = closed.replace(sp.harmonic, lambda j, order: sp.Add(*(sp.Integer(k) ** -order for k in range(1, j + 1))))
    difference = sp.expand(propagate(chain_of(1, g), growing)[-1] - closed)
    assert sp.simplify(sp.powdenest(difference, force=True)) == 0


@pytest.mark.parametrize("g", [1, 2, 3, 5, 8])
def test_triangle_companions_are_the_propagation(g):
    unit = sp.sqrt((K - 1) / n) / 2
    for schedule in ("replace", "fresh", "stratified", "fixed", "subsample", "accumulate", "expand"):
        errors = [unit] * g
        if schedule in ("subsample", "accumulate"):
            B = averages(g)
            errors = [unit / sp.sqrt(k + 1) for k in range(g)] if schedule == "accumulate" else errors
        elif schedule == "expand":
            B = chain_of(lam / (1 + lam), g)
            errors = [unit, *[unit / sp.sqrt(1 + lam)] * (g - 1)]
        else:
            B = chain_of(1 if schedule == "replace" else 1 - alpha, g)
        closed = expression(f"tv/discrete/{schedule}/triangle", g)
        assert sp.simplify((propagate(B, errors)[-1] - closed) / unit) == 0, schedule


@pytest.mark.parametrize("g", GENERATIONS)
def test_general_errors_under_subsample(g):
    """T1c: e_g = eps_{g-1} + sum over k < g-1 of eps_k/(k+2), whatever the eps."""
    errors = sp.symbols(f"eps0:{g}", nonnegative=True)
    expected = errors[-1] + sum(error / (k + 2) for k, error in enumerate(errors[:-1]))
    assert same(propagate(averages(g), errors)[-1], expected)


# --- then every generation ------------------------------------------------------------------------------------


def test_constant_real_fraction_by_solving_the_recurrence():
    f = sp.Function("f")
    solved = sp.rsolve(f(i + 1) - (1 - alpha) * f(i) - eps, f(i), {f(1): eps})
    assert sp.simplify(solved - expression("tv/propagation/fresh")) == 0
    solved = sp.rsolve(f(i + 1) - f(i) - eps, f(i), {f(1): eps})
    assert sp.simplify(solved - expression("tv/propagation/replace")) == 0
    weight = lam / (1 + lam)
    solved = sp.rsolve(f(i + 1) - weight * f(i) - 1 / sp.sqrt(1 + lam), f(i), {f(1): 1})
    closed = expression("tv/discrete/expand/triangle") / (sp.sqrt((K - 1) / n) / 2)
    assert sp.simplify(sp.powsimp(sp.expand(solved - closed), force=True)) == 0


def test_subsample_by_induction():
    """With e_k = eps H_k for k <= i: e_{i+1} = eps + eps/(i+1) sum H_k = eps H_{i+1}; and the sum is (i+1) H_i - i."""
    h = sp.Symbol("H_i")  # H_i; the next one is H_i + 1/(i+1)
    following = h + 1 / (i + 1)
    total = (i + 1) * h - i
    assert sp.simplify(total.subs(i, 1).subs(h, 1) - 1) == 0
    after = (i + 2) * following - (i + 1)
    assert sp.simplify(total + following - after) == 0
    assert sp.simplify(eps + eps / (i + 1) * total - eps * following) == 0
    assert bounds.get("tv/propagation/subsample").expr.has(power_sum)


def test_general_errors_under_averages_by_induction():
    """The coefficient of eps_k in e_{j}, k < j-1, is 1/(k+2) if it is so for all earlier j."""
    k, j = sp.symbols("k j", integer=True, positive=True)
    earlier = 1 + (j - 1 - (k + 1)) / (k + 2)  # generations k+1 (weight 1) and k+2 .. j-1, each with weight 1/j
    assert sp.simplify(earlier / j - 1 / (k + 2)) == 0


# --- D1-D5: second moments ------------------------------------------------------------------------------------


def moments(schedule, g):
    """w_1..w_g by the recursions, with p(1-p) = 1."""
    values = [1 / n]
    share, size, spread, covariance = alpha, n, 1 / (alpha * n), 1 / n
    if schedule == "expand":
        share, size, spread, covariance = 1 / (1 + lam), (1 + lam) * n, 1 / n, 1 / n
    for j in range(2, g + 1):
        old = values[-1]
        if schedule == "replace":
            new = old + (1 - old) / n
        elif schedule == "fresh":
            new = (1 - alpha) ** 2 * old * (1 - 1 / n) + 1 / n
        elif schedule == "stratified":
            new = alpha / n + (1 - alpha) ** 2 * old + (1 - alpha) * (1 - old) / n
        elif schedule in ("accumulate", "subsample"):
            new = old + (1 - old) / (n * j**2)
        else:
            new = share**2 * spread + 2 * share * (1 - share) * covariance
            new += (1 - share) ** 2 * old + (1 - share) * (1 - old) / size
            covariance = share * spread + (1 - share) * covariance
        values.append(sp.cancel(new))
    return values


@pytest.mark.parametrize("schedule", ["replace", "fresh", "stratified", "fixed", "expand", "accumulate", "subsample"])
def test_second_moments_are_the_recursion(schedule):
    p = bounds.get("discrete/variance/replace").params[-1].symbol
    for g, expected in enumerate(moments(schedule, 8), start=1):
        found = expression(f"discrete/variance/{schedule}", g) / (p * (1 - p))
        assert sp.cancel(sp.together(found - expected)) == 0, g


@pytest.mark.parametrize("schedule", ["replace", "fresh", "stratified", "fixed", "expand", "accumulate", "subsample"])
def test_diversity_is_one_minus_the_second_moment(schedule):
    for g, lost in enumerate(moments(schedule, 6), start=1):
        kept = expression(f"discrete/diversity/{schedule}", g)
        kept = kept.replace(sp.Sum, lambda *_: sp.S.One)
        if kept.has(sp.Piecewise):
            kept = kept.replace(sp.Piecewise, lambda *pairs: pairs[-1][0])  # alpha > 0 here
        assert sp.cancel(sp.together(kept - (1 - lost))) == 0, g


def test_weighted_moments_by_exact_covariances():
    g, sizes = 6, [3, 5, 2, 7, 4, 6]
    rng = np.random.default_rng(0)
    B = [[Fraction(int(rng.integers(0, 10)), 60) if k < j else Fraction(0) for k in range(g)] for j in range(g)]
    C = [[Fraction(0)] * g for _ in range(g)]
    for j in range(g):
        for k in range(j):
            C[j][k] = C[k][j] = sum(B[j][m] * C[m][k] for m in range(j))
        inherited = sum(B[j][k] * B[j][m] * C[k][m] for k in range(j) for m in range(j))
        C[j][j] = inherited * (1 - Fraction(1, sizes[j])) + Fraction(1, sizes[j])
        part = {"B": [row[: j + 1] for row in B[: j + 1]], "n": sizes[: j + 1]}
        found = bounds.get("discrete/variance/weighted").evalf(40, **part, p=Fraction(1, 2))
        with mpmath.workdps(45):
            assert abs(4 * found * C[j][j].denominator - C[j][j].numerator) < mpmath.mpf("1e-37") * C[j][j].numerator


# --- the function itself --------------------------------------------------------------------------------------


def test_numbers_along_leading_axes():
    rng = np.random.default_rng(1)
    B = np.tril(rng.random((4, 1, 6, 6)) / 6, -1)
    errors = rng.random((3, 6))
    found = propagate(B, errors)
    assert found.shape == (4, 3, 6)
    assert found.dtype == np.float64
    for j, k in np.ndindex(4, 3):
        np.testing.assert_allclose(found[j, k], np.linalg.solve(np.eye(6) - B[j, 0], errors[k]), rtol=1e-13)
    np.testing.assert_array_equal(found[..., -1], bounds.get("tv/propagation")(B=B, eps=errors))


def test_symbols_and_numbers_agree():
    B = np.tril(np.full((5, 5), 0.15), -1)
    errors = np.linspace(0.01, 0.05, 5)
    symbols = sp.symbols("e0:5", nonnegative=True)
    found = propagate(sp.Matrix(B), list(symbols))
    assert found.dtype == object
    numbers = [float(value.subs(dict(zip(symbols, errors, strict=True)))) for value in found]
    np.testing.assert_allclose(numbers, propagate(B, errors), rtol=1e-13)
    assert propagate([[0, 0], [alpha, 0]], [eps, 1])[1] == alpha * eps + 1


@pytest.mark.parametrize("entry", ["x", "__import__('os').system('true')", b"1", None, True, float("nan"), 1j, [1]])
def test_text_and_the_like_are_never_read(entry):
    for B, errors in (
        ([[0, 0], [alpha, 0]], [entry, eps]),
        ([[0, 0], [entry, 0]], [eps, eps]),
        ([[0, 0], [0.5, 0]], [0.1, entry]),
        ([[0, 0], [entry, 0]], [0.1, 0.1]),
    ):
        if entry is True and not any(isinstance(x, sp.Basic) for x in (*errors, *B[1])):
            continue  # NumPy reads [0.1, True] as numbers
        with pytest.raises(DomainError):
            propagate(B, errors)


@pytest.mark.parametrize(
    ("B", "errors"),
    [
        ([[0, 0], [eps, 0]], [eps]),
        ([[0, alpha], [0, 0]], [eps, eps]),
        ([[alpha, 0], [0, 0]], [eps, eps]),
        ([[0, 0]], [eps, eps]),
        ([], []),
        ([[0, 0], [2, 0]], [eps, eps]),
        ([[0, 0], [sp.Rational(-1, 2), 0]], [eps, eps]),
        ([[0, 0], [alpha, 0]], [-1, eps]),
        ([[0, 0], [alpha, 0]], [sp.oo, eps]),
        (alpha, [eps]),
        ([[0, 0], [alpha]], [eps, eps]),
        ("x", [eps]),
    ],
)
def test_wrong_symbolic_arguments(B, errors):
    with pytest.raises(DomainError):
        propagate(B, errors)


def test_unfolded_definitions_are_the_numbers():
    """`doit` of every scalar function against its numerical form, at a few integers."""
    values = {"x": sp.Rational(1, 5), "j": 4}
    for function in (
        geometric_sum,
        complement_power,
        power_sum,
        shifted_power_sum,
        accumulated_loss,
        accumulated_survival,
    ):
        first = sp.Integer(5) if function in (accumulated_loss, accumulated_survival) else values["x"]
        exact = function(first, sp.Integer(values["j"])).definition().doit()
        assert float(exact) == pytest.approx(float(NUMERIC[function.__name__](float(first), 4.0)), rel=1e-14)
    derivative = geometric_sum(sp.Symbol("x"), i).diff(sp.Symbol("x")).subs({sp.Symbol("x"): sp.Rational(1, 5), i: 3})
    assert float(derivative.doit()) == pytest.approx(-(1 + 2 * 0.8))
    with pytest.raises(ParameterError):
        bounds.get("tv/propagation")(B=[[0]], eps=[1], n=1)
