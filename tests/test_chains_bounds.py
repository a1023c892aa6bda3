"""Bounds on chains that forget: against recursions in many digits, exact fractions, and loops over single points."""

from fractions import Fraction as Fr
from math import comb

import mpmath as mp
import numpy as np
import pytest

import bounds

ABSENCE = bounds.get("poisson/absence/stratified")
ABSENCE_LOWER = bounds.get("poisson/absence-lower/stratified")
EXTINCTION = bounds.get("poisson/extinction/replace")
LOSS_LOWER = bounds.get("symbols/loss-lower/replace")
P = (0.7, 0.2, 0.06, 0.04)
Z = 6.0  # threshold of every Monte Carlo comparison, in standard errors


# --- Poisson chains ---------------------------------------------------------------------------------------------


def exponent(alpha, generations):
    """-log P(mu_i = 0)/(n mu), generation by generation: of real counts that start lines, and of lines that survive."""
    b, survival, total, found = 1 - mp.mpf(alpha), mp.mpf(1), mp.mpf(0), []
    for _ in range(generations):
        found.append(mp.mpf(alpha) * total + survival)
        total += survival
        survival = 1 - mp.exp(-b * survival)
    return found


def exponent_of(result, i, **more):
    return -mp.log(result.evalf(50, n=20, mu=mp.mpf("0.5"), i=i, **more)) / 10


@pytest.mark.parametrize("alpha", ["0", "0.05", "0.1", "0.5", "0.95", "0.9999"])
@mp.workdps(60)
def test_absence_lies_between_its_bounds(alpha):
    exact, slack = exponent(alpha, 300), mp.mpf("1e-45")
    for i in (1, 2, 3, 4, 7, 20, 99, 300):
        low, high = (exponent_of(r, i, alpha=mp.mpf(alpha)) for r in (ABSENCE, ABSENCE_LOWER))
        assert low <= exact[i - 1] + slack
        assert exact[i - 1] <= high + slack
        assert high <= mp.mpf("1.25") * low  # nowhere far from each other
        if i == 1:
            assert max(abs(low - 1), abs(high - 1), abs(exact[0] - 1)) < slack
        if alpha == "0":
            sharp = exponent_of(EXTINCTION, i)
            assert sharp <= exact[i - 1] + slack
            assert i in (2, 3) or low <= sharp + slack
            assert abs(high - mp.mpf(2) / (i + 1)) < slack
            assert high / sharp <= 1 + mp.log(i) / (3 * (i + 1)) + slack


def test_the_constants_of_extinction_cannot_be_smaller():
    """1/s_j <= 1 + c j with c < 1/(e - 1) fails at j = 1; 1/s_j <= 1 + j/2 + c log(j + 1) with c < 1/6 for large j."""
    survival = exponent("0", 2_000)
    j = 1
    assert 1 / survival[j] > 1 + mp.mpf("0.9999") / (mp.e - 1) * j
    j = 1_999
    assert 1 / survival[j] > 1 + mp.mpf(j) / 2 + mp.mpf("0.9") / 6 * mp.log(j + 1)


def test_real_data_protect_for_ever():
    i = np.array([1, 10, 100, 10_000, 10**9])
    values = ABSENCE(n=20, mu=0.5, alpha=0.1, i=i)
    assert (np.diff(values) >= 0).all()
    slope = 0.9 * 7 / 12
    assert values[-1] == pytest.approx(np.exp(-10 * 0.1 * np.log1p(slope / 0.1) / slope), rel=1e-9)


# --- balls in boxes: ancestors ----------------------------------------------------------------------------------


def occupancy(n):
    """P(N boxes are occupied by a balls), as exact fractions, rows a = 0..n."""
    rows = [[Fr(1)] + [Fr(0)] * n]
    for _ in range(n):
        last = rows[-1]
        rows.append([last[k] * Fr(k, n) + (last[k - 1] * Fr(n - k + 1, n) if k else 0) for k in range(n + 1)])
    return rows


def expect(row, function):
    return sum(mass * function(k) for k, mass in enumerate(row) if mass)


def ancestors(n, generations):
    """Exact laws of the number of first draws that have descendants in generation 1, 2, ..."""
    rows, law = occupancy(n), [Fr(0)] * n + [Fr(1)]
    for _ in range(generations):
        yield law
        law = [sum(law[a] * rows[a][k] for a in range(n + 1)) for k in range(n + 1)]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
def test_steps_of_the_ancestors(n):
    rows = occupancy(n)
    for a in range(1, n + 1):
        assert sum(rows[a]) == 1
        mean = expect(rows[a], Fr)
        assert mean == n * (1 - (1 - Fr(1, n)) ** a)
        assert mean <= Fr(2 * n * a, 2 * n + a - 1)
        kept = expect(rows[a], lambda k: Fr(k - 1, k + 1))
        assert kept <= (1 - Fr(1, n)) * Fr(a - 1, a + 1)
        assert a < 2 or expect(rows[a], lambda k: Fr(1, k)) >= Fr(1, a) + Fr(1, 2 * n)


def test_stirling_numbers():
    """S(a-1, N)/S(a, N) <= 2(a-N)/((a-1)(N+1)), with equality at N = a - 1; false with anything smaller."""
    row = [0, 1]
    for a in range(2, 60):
        after = [0] + [k * (row[k] if k < a else 0) + row[k - 1] for k in range(1, a + 1)]
        for k in range(1, a):
            assert Fr(row[k], after[k]) <= Fr(2 * (a - k), (a - 1) * (k + 1))
        assert Fr(row[a - 1], after[a - 1]) == Fr(2, (a - 1) * a)
        assert after[2] == 2 ** (a - 1) - 1
        row = after


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_loss_of_a_symbol_is_that_of_all_its_ancestors(n):
    """E (1-p)^A by looking back equals the forward chain, and lies above the bound."""
    p = Fr(1, 3)
    forward = [Fr(comb(n, k)) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for i, law in enumerate(ancestors(n, 12), 1):
        exact = expect(law, lambda a: (1 - p) ** a)
        assert exact == forward[0]
        assert LOSS_LOWER(n=n, i=i, p=1 / 3) <= float(exact) * (1 + 1e-12)
        assert float(expect(law, Fr)) <= bounds.get("symbols/richness/replace")(n=n, i=i, K=10**9) * (1 + 1e-8)
        forward = [
            sum(forward[x] * comb(n, k) * Fr(x, n) ** k * (1 - Fr(x, n)) ** (n - k) for x in range(n + 1))
            for k in range(n + 1)
        ]


# --- whole loops, point by point --------------------------------------------------------------------------------


def training_sets(schedule, n, alpha, generations, loops, rng):
    """Labels (loops, n) of every generation, each point copied or drawn by itself."""

    def real(size):
        return rng.choice(len(P), (loops, size), p=P)

    kept = round(alpha * n)
    points = first = real(n)
    pool = first[:, :0]
    for _ in range(generations):
        yield points
        copies = np.take_along_axis(points, rng.integers(0, n, (loops, n)), axis=1)
        if schedule == "fresh":
            points = np.where(rng.random((loops, n)) < alpha, real(n), copies)
        elif schedule == "stratified":
            points = np.hstack([real(kept), copies[:, kept:]])
        elif schedule == "subsample":
            pool = np.hstack([pool, points])
            real_or_old = rng.integers(0, pool.shape[1] // n + 1, (loops, n))
            old = np.maximum(real_or_old - 1, 0) * n + rng.integers(0, n, (loops, n))
            points = np.where(real_or_old == 0, real(n), np.take_along_axis(pool, old, axis=1))
        elif schedule == "fixed":
            points = np.hstack([first[:, :kept], copies[:, kept:]])
        else:
            points = copies


@pytest.mark.parametrize(
    ("schedule", "alpha"), [("replace", 0), ("fresh", 0.1), ("stratified", 0.2), ("fixed", 0.2), ("subsample", 0)]
)
def test_loss_in_a_loop_over_points(schedule, alpha):
    n, loops, rng = 10, 10_000, np.random.default_rng(11)
    more = {"alpha": alpha} if alpha else {}
    of_lines = bounds.get(f"symbols/loss/{schedule}" if schedule != "stratified" else "symbols/loss/fresh")
    for i, points in enumerate(training_sets(schedule, n, alpha, 8, loops, rng), 1):
        lost = np.stack([(points != k).all(axis=1) for k in range(len(P))]).mean(axis=1)
        error = np.sqrt(np.maximum(lost * (1 - lost), 1 / loops) / loops)
        for result in (of_lines, bounds.get(f"symbols/loss-by-variance/{schedule}")):
            bound = result(n=n, i=i, p=np.array(P), **more)
            assert (lost <= bound + Z * error).all()
            assert (bound <= 1).all()
        if i == 1 and schedule in ("replace", "fixed"):
            exact = of_lines(n=n, i=1, p=np.array(P), **more)
            assert (np.abs(lost - exact) <= Z * error).all()


def test_what_is_left_in_a_loop_over_points():
    n, loops, rng = 12, 4_000, np.random.default_rng(5)
    ended = np.zeros(loops)
    for i, points in enumerate(training_sets("replace", n, 0, 150, loops, rng), 1):
        left = np.stack([(points == k).any(axis=1) for k in range(len(P))])
        mixed = left.sum(axis=0) > 1
        ended[~mixed & (ended == 0)] = i
        for quantity, sample in (
            ("richness", left.sum(axis=0)),
            ("missing-mass", np.array(P) @ ~left),
            ("collapse", mixed),
        ):
            slack = Z * max(sample.std(), 1 / np.sqrt(loops)) / np.sqrt(loops)
            for side, sign in (("", 1), ("-lower", -1)):
                result = bounds.get(f"symbols/{quantity}{side}/replace")
                known = {"n": n, "i": i, "p": P, "K": len(P)}
                bound = result(**{name: known[name] for name in result.names})
                assert sign * sample.mean() <= sign * bound + slack, (result.key, i)
    assert (ended > 0).sum() > 0.999 * loops
    ended[ended == 0] = 151
    slack = Z * ended.std() / np.sqrt(loops)
    assert ended.mean() <= bounds.get("symbols/collapse-time/replace")(n=n) + slack
    assert ended.mean() >= bounds.get("symbols/collapse-time-lower/replace")(n=n, p=P) - slack


def test_two_points_of_many_symbols():
    """With n = 2 and no two equal symbols the points become equal with probability 1/2 a step: both bounds are 3."""
    many = np.full(10**6, 1e-6)
    assert bounds.get("symbols/collapse-time/replace")(n=2) == 3
    assert bounds.get("symbols/collapse-time-lower/replace")(n=2, p=many) == pytest.approx(3, abs=1e-5)
    for i in (1, 2, 9):
        for side in ("", "-lower"):
            bound = bounds.get(f"symbols/collapse{side}/replace")(n=2, i=i, p=many)
            assert bound == pytest.approx(0.5 ** (i - 1), rel=1e-5)
