"""Double precision against 50 digits, at the extremes of every domain."""

import itertools
import random
from functools import cache

import mpmath
import numpy as np
import pytest
from selection import first_quickly

import bounds
from bounds import CATALOGUE, DomainError, Structure
from bounds.binomial import binomial_rows, mean_deviation, stirling_error
from bounds.chain import chain_deviation
from bounds.numeric import NUMERIC
from bounds.precise import PRECISE

TOLERANCE = 1e-12
TINY = mpmath.mpf("1e-290")  # below, double precision loses digits: compared absolutely
BY_KEY = {r.key: r for r in CATALOGUE if "kde" not in r.key}  # those have tests of their own
CLOSE_TO_ONE = 1 - 2**-53
EXTREMES = {
    "n": [1, 2, 3, 10, 63, 64, 65, 1000, 10**6, 10**9, 10**12, 10**15],
    "alpha": [0.0, 1e-300, 1e-18, 1e-15, 1e-9, 0.1, 0.5, 1 - 1e-9, 1 - 1e-15, CLOSE_TO_ONE, 1.0],
    "i": [1, 2, 3, 12, 13, 15, 16, 17, 31, 32, 50, 1000, 4096, 4097, 10**6, 10**9],
    "K": [1, 2, 10, 10**6, 10**9],
    "T": [10**9, 10**15],
    "d": [1, 2, 3, 10, 1000, 10**6],
    "lam": [0.0, 1e-15, 1e-3, 0.5, 1.0, 4.0, 1e6, 1e15, 1e100, 1e300],
    "delta": [1e-300, 1e-9, 0.05, 0.5, 1 - 1e-9, CLOSE_TO_ONE],
    "eps": [0.0, 1e-300, 0.05, 1.0, 1e300],
    "sigma": [1e-300, 1e-100, 1.0, 2.5, 1e100, 1e150],
    "theta": [1e-300, 1e-9, 0.5, 0.9, CLOSE_TO_ONE, 1.0],
    "w": [1e-300, 1e-9, 0.1, 0.618, CLOSE_TO_ONE, 1.0],
    "m": [1, 10, 1000, 10**15],
    "c": [0.0, 1e-200, 0.5, 1e200],
    "a": [1e-300, 1e-9, 0.25, 0.5, 1.0, 1 + 1e-9, 2.0, 6.5, 10.0],
    "s": [0.0, 1e-9, 0.5, 1.0, 4.5, 50.0],
}
ATOM = [0.0, 1e-300, 1e-9, 0.05, 0.5, 0.9, CLOSE_TO_ONE, 1.0]
VECTORS = [
    [0.25] * 4,
    [0.7, 0.2, 0.06, 0.04],
    [1.0, 0.0],
    [1e-300, 1.0],
    [CLOSE_TO_ONE, 2**-53],
    [1.0],
    [0.5, 0.5, 0.0, 1e-300],
    [1e-9, 1 - 1e-9],
    [1 / 3, 1 / 3, 1 / 3],
]
rows = [[0.8 / j if k < j else 0.0 for k in range(5)] for j in range(5)]
MIXINGS = {
    "average": [[1 / (j + 1) if k < j else 0.0 for k in range(5)] for j in range(5)],
    "last alone": [[1.0 if k == j - 1 else 0.0 for k in range(5)] for j in range(5)],
    "almost last alone": [[CLOSE_TO_ONE if k == j - 1 else 0.0 for k in range(5)] for j in range(5)],
    "hardly": [[1e-300 if k < j else 0.0 for k in range(5)] for j in range(5)],
    "none": [[0.0] * 5 for _ in range(5)],
    "some": rows,
}
SIZES = [[1] * 5, [10**15] * 5, [1, 10**15, 2, 10**9, 3], [50, 60, 70, 80, 90]]
ERRORS = [[0.0] * 5, [1e-300] * 5, [0.05, 0.04, 0.03, 0.02, 0.01], [1.0, 1e-18, 1.0, 1e-9, 1e-300]]


def draw(rng, result):
    """One point of extremes; small chains, because their reference is slow."""
    values = {}
    for param in result.params:
        if param.structure is Structure.SIMPLEX:
            values["p"] = rng.choice(VECTORS)
        elif param.structure is Structure.MIXING:
            values["B"] = rng.choice(list(MIXINGS.values()))
        elif param.structure is Structure.VECTOR:
            values[param.name] = rng.choice(SIZES if param.name == "n" else ERRORS)
        elif param.name == "p":
            values["p"] = rng.choice(ATOM)
        else:
            values[param.name] = rng.choice(EXTREMES.get(param.name, param.typical))
    if "discrete-exact" in result.key and "i" in values:
        values.update(n=rng.choice([1, 2, 5, 12]), i=rng.choice([1, 2, 5, 10]))
    if "T" in values:
        values["T"] = max(values["T"], values["i"]) if "i" in values else values["T"]
    if result.conditions and "alpha" in values:
        values["alpha"] = rng.choice([values["alpha"], rng.randint(0, min(values["n"], 50)) / values["n"]])
    return values


def relative_error(value, exact, scale=1):
    if abs(exact) > mpmath.mpf(2) ** 1024:
        return 0.0 if value == float("inf") * mpmath.sign(exact) else float("inf")
    gap = abs(mpmath.mpf(float(value)) - exact)
    return 0.0 if gap <= TINY * scale else float(gap / abs(exact)) if exact else float("inf")


@pytest.mark.parametrize("key", first_quickly([(key,) for key in BY_KEY], list(BY_KEY), every=3))
def test_agrees_with_fifty_digits(key):
    result, rng, compared = BY_KEY[key], random.Random(key), 0
    points = [{p.name: value for p, value in zip(result.params, corner, strict=True)} for corner in corners(result)]
    for values in itertools.chain(points, (draw(rng, result) for _ in range(400))):
        try:
            value = result(**values)
        except DomainError:  # alpha n or lam n is not an integer
            continue
        exact = result.evalf(50, **values)
        # sigma^2 theta^(i-1): a power below 1e-308 counts as zero, whatever it is multiplied by
        scale = max(1, mpmath.mpf(values.get("sigma", 1)) ** 2, mpmath.mpf(values.get("c", 1)))
        error = relative_error(value, exact, scale)
        assert error <= TOLERANCE, (values, float(value), mpmath.nstr(exact, 20))
        compared += 1
        if compared >= 40:
            break
    assert compared >= 12


def corners(result):
    """Typical values, one after the other."""
    longest = max(len(p.typical) for p in result.params)
    for j in range(longest):
        point = [p.typical[j % len(p.typical)] for p in result.params]
        names = [p.name for p in result.params]
        if "T" in names:
            point[names.index("T")] = 1000
        yield point


def test_arrays_agree_with_fifty_digits():
    """The same points in one call: every branch of the numerical functions at once."""
    n, alpha, i = (np.array(EXTREMES[name], dtype=float) for name in ("n", "alpha", "i"))
    grid = dict(zip(("n", "alpha", "i"), np.meshgrid(n, alpha, i, indexing="ij"), strict=True))
    for key in ("tv/discrete/fresh", "tv/hp/fresh", "tv/gaussian-mean-d/fresh", "tv/discrete/accumulate"):
        result = BY_KEY[key]
        values = {name: grid[name] for name in result.names if name in grid}
        values |= {
            name: {"K": 10, "T": 10**9, "delta": 0.05, "d": 7}[name] for name in result.names if name not in grid
        }
        outcome = result(**values)
        rng = np.random.default_rng(1)
        for at in zip(*(rng.integers(0, length, 60) for length in outcome.shape), strict=True):
            point = {k: v[at] if np.ndim(v) else v for k, v in values.items()}
            assert relative_error(outcome[at], result.evalf(50, **point)) <= TOLERANCE, point


FUNCTIONS = {
    "geometric_sum": [
        (x, i) for x in (0.0, 1e-300, 1e-18, 0.3, CLOSE_TO_ONE, 1.0, 1.5, 2.0) for i in (0, 1, 2, 7, 10**9)
    ],
    "complement_power": [(x, i) for x in (0.0, 1e-18, 0.3, 1.0, 1.25, 2.0) for i in (0, 1, 2, 7, 999)],
    "accumulated_loss": [(n, i) for n in (1, 2, 63, 64, 10**15) for i in (0, 1, 2, 15, 16, 17, 18, 40, 10**6, 10**15)],
    "accumulated_survival": [(n, i) for n in (1, 2, 63, 64, 10**15) for i in (0, 1, 15, 16, 17, 40, 10**15)],
    "power_sum": [
        (s, i) for s in (0.0, 1e-9, 0.5, 1.0, 1 + 1e-12, 2.0, 30.0, 1e5) for i in (0, 1, 12, 13, 4096, 4097, 10**7)
    ],
    "shifted_power_sum": [(a, i) for a in (1e-300, 0.5, 1.0, 9.0, 2000.0) for i in (0, 1, 31, 32, 4096, 4097, 10**9)],
    "c4_power": [(n, i) for n in (2, 3, 63, 64, 65, 10**15) for i in (1, 2, 10**6)],
    "c4_power_complement": [(n, i) for n in (2, 3, 63, 64, 65, 10**15) for i in (1, 2, 10**6)],
    "log_chi_square_drift": [(n,) for n in (2, 3, 63, 64, 65, 1000, 10**15)],
    "student_tv": [(d, s) for d in (1, 2, 5, 10**6) for s in (1e-15, 1e-6, 0.5, 30.0, 1e9)],
    "mean_deviation": [(n, p) for n in (1, 2, 3, 10, 64, 10**15) for p in (0.0, 1e-300, 1e-15, 0.3, 0.5, 0.999, 1.0)],
}


@cache
def reference(name, point):
    with mpmath.workdps(150):
        return PRECISE[name](*map(mpmath.mpf, point))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("shape", ["points", "column by row", "one array"])
def test_functions(name, shape):
    """Each function, element by element and as arrays, which take other branches."""
    points = FUNCTIONS[name]
    columns = [np.array(sorted(set(column)), dtype=float) for column in zip(*points, strict=True)]
    with np.errstate(all="ignore"):
        if shape == "points":
            values = {point: NUMERIC[name](*(np.float64(x) for x in point)) for point in points}
        elif shape == "one array":
            values = dict(zip(points, NUMERIC[name](*np.array(points, dtype=float).T), strict=True))
        else:
            grid = NUMERIC[name](*np.ix_(*columns))
            values = {
                p: grid[tuple(int(np.searchsorted(c, x)) for c, x in zip(columns, p, strict=True))] for p in points
            }
    for point, value in values.items():
        exact = reference(name, point)
        assert relative_error(value, exact) <= TOLERANCE, (point, value, mpmath.nstr(exact, 20))


@pytest.mark.parametrize("name", ["power_sum", "shifted_power_sum"])
def test_sums_beyond_the_table_go_on_from_it(name):
    i = np.arange(4090, 4110)
    for s in (0.5, 1.0, 2.0):
        steps = np.diff(NUMERIC[name](s, i))
        terms = i[1:] ** -s / (i[1:] + 1 if name.startswith("shifted") else 1)
        np.testing.assert_allclose(steps, terms, rtol=1e-8, atol=1e-14)


# --- binomial probabilities and chains ----------------------------------------------------------------------


def test_stirling_error():
    for x in [0, 1, 2, 15, 16, 63, 64, 100, 10**6, 10**15]:
        with mpmath.workdps(60):
            exact = mpmath.loggamma(x + 1) - (x + mpmath.mpf(1) / 2) * mpmath.log(x or 1) + x
            exact -= mpmath.log(2 * mpmath.pi) / 2 if x else 0
        assert relative_error(stirling_error(np.array(float(x))), exact) < 1e-14


@pytest.mark.parametrize("n", [1, 2, 3, 10, 64, 65, 500, 2000])
def test_binomial_rows(n):
    q = np.array([0.0, 1e-300, 1e-9, 0.1, 0.25, 0.5, 0.75, 1 - 2**-30, 1.0])
    rows = binomial_rows(n, q, 1 - q)
    assert rows.shape == (len(q), n + 1)
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-15 * n)
    assert rows[0, 0] == rows[-1, n] == 1
    np.testing.assert_allclose(rows @ np.arange(n + 1), n * q, rtol=2e-13, atol=1e-300)
    for j, row in zip(range(1, len(q) - 1), rows[1:-1], strict=True):
        with mpmath.workdps(40):
            law = mpmath.mpf(q[j])
            for count in {0, 1, n // 3, n // 2, n - 1, n}:
                exact = mpmath.binomial(n, count) * law**count * (1 - law) ** (n - count)
                assert relative_error(row[count], exact) < 5e-13, (q[j], count)


@pytest.mark.parametrize("n", [1, 2, 7, 100, 2000])
@pytest.mark.parametrize("p", [0.0, 1e-300, 1e-6, 0.03, 0.25, 0.5, 0.7, 1 - 1e-9, 1.0])
def test_the_first_generation_of_a_chain_is_de_moivre(n, p):
    np.testing.assert_allclose(chain_deviation(n, 0.3, 1, p), mean_deviation(n, p), rtol=1e-12, atol=1e-290)


@pytest.mark.parametrize("alpha", [0.0, 1e-9, 0.2, 1.0])
def test_long_chains_keep_their_limits(alpha):
    """Large n: fixation under replace, and at alpha = 1 every generation is the first."""
    n, p = 400, 0.3
    values = chain_deviation(n, alpha, np.array([1, 2, 10, 10_000]), p)
    if alpha == 1.0:
        np.testing.assert_allclose(values, mean_deviation(n, p), rtol=1e-12)
    if alpha == 0.0:  # fixed at 0 or 1 by then: E|X/n - p| = 2p(1-p), but for 1.5 (1 - 1/n)^i
        np.testing.assert_allclose(values[-1], 2 * p * (1 - p), rtol=1e-9)
    assert (np.diff(values) >= -1e-14).all()


def test_large_chain_against_its_second_moment():
    """n = 2000: E|X - np| of a nearly normal law is sqrt(2/pi) of its standard deviation, to order 1/n."""
    n, p, alpha = 2000, 0.5, 0.1
    i = np.arange(1, 9)
    spread = np.sqrt(bounds.get("discrete/variance/fresh")(n=n, alpha=alpha, i=i, p=p))
    np.testing.assert_allclose(chain_deviation(n, alpha, i, p) / spread, np.sqrt(2 / np.pi), rtol=5e-4)


def test_chain_of_two_thousand_against_forty_digits():
    """Two generations of n = 200 with full precision, by the forward law."""
    with mpmath.workdps(40):
        exact = PRECISE["chain_deviation"](mpmath.mpf(200), mpmath.mpf(0.1), mpmath.mpf(3), mpmath.mpf(0.2))
    assert relative_error(chain_deviation(200, 0.1, 3, 0.2), exact) <= TOLERANCE


def test_chains_in_any_arrangement():
    n, alpha, i, p = [5, 30], [0.0, 0.4], [1, 2, 7], [0.2, 0.5, 0.3]
    grid = chain_deviation(*np.ix_(n, alpha, i, p))
    turned = chain_deviation(*(a.transpose(3, 2, 1, 0) for a in np.ix_(n, alpha, i, p))).transpose(3, 2, 1, 0)
    np.testing.assert_array_equal(grid, turned)
    for at in np.ndindex(grid.shape):
        point = (n[at[0]], alpha[at[1]], i[at[2]], p[at[3]])
        assert grid[at] == pytest.approx(float(chain_deviation(*point)), rel=1e-14)
    paired = chain_deviation(np.array([5, 30, 5]), 0.4, np.array([7, 1, 2]), np.array([0.2, 0.5, 0.2]))
    np.testing.assert_allclose(paired, [grid[0, 1, 2, 0], grid[1, 1, 0, 1], grid[0, 1, 1, 0]], rtol=1e-14)
