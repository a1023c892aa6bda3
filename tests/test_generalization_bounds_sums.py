"""Sums of nearly independent terms by enumeration, the forms of high probability by hand, and the second order."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.stats import binom

from bounds.catalogue.generalization import RESULTS

BY_KEY = {r.key: r for r in RESULTS}


def get(key, **values):
    return float(BY_KEY[key](**values))


# --- moments of sums of terms g_k with E[g_k | all but z_k] = 0 -----------------------------------------------


def sums(count, beta, length):
    """Sums over k of such terms on {-1, 1}^count: differences 2 beta in another point, M in z_k."""
    z = np.array(list(itertools.product((-1, 1), repeat=count)))
    others = z.sum(axis=1, keepdims=True) - z
    shapes = (np.sign(others), np.sin(others * 1.3), others / max(count - 1, 1), np.roll(z, 1, axis=1))
    for shape in shapes:
        yield np.sum(z * (length / 2 - beta + beta * shape), axis=1)
        yield np.sum(z * beta * shape, axis=1)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 11])
def test_moments_of_sums_by_enumeration(count):
    beta, length = 0.3, 1.0
    for total in sums(count, beta, length):
        for q in (2, 3.5, 8):
            norm = np.mean(np.abs(total) ** q) ** (1 / q)
            ours = 2 * beta * (q - 1) * count * (math.log2(count) + 1 / 6) + length * math.sqrt((q - 1) * count)
            published = 24 * math.sqrt(2) * q * beta * count * math.ceil(math.log2(count))
            assert norm <= ours <= published + 4 * length * math.sqrt(q * count)
        assert np.mean(total**2) <= count * length**2 / 4 + count**2 * beta**2


def test_halving_costs_little_more_than_a_logarithm():
    cost = [0.0, 0.0]
    for count in range(2, 4000):
        half, rest = count // 2, count - count // 2
        cost.append(cost[half] + cost[rest] + 2 * math.sqrt(half * rest))
        assert cost[-1] <= count * math.log2(count) + (count - 1) / 6
        if half != rest:
            assert cost[-1] > count * math.log2(count)


def by_hand(form, v):
    """The right sides, written out once more with 40 digits."""
    a, n, M, beta, tv, nu, delta = (mpmath.mpf(v[k]) for k in ("alpha", "n", "M", "beta_n", "tv", "nu", "delta"))
    b, N = beta + M * mpmath.mpf(v["gamma_n"]), a * n
    synthetic = (1 - a) * (M * tv + beta)
    if form == "mcdiarmid":
        difference = a * (2 * b + M / N) + (1 - a) * M * nu
        return synthetic + a * b + difference * mpmath.sqrt(N * mpmath.log(1 / delta) / 2)
    if form == "moment":
        log = mpmath.log(mpmath.e / delta)
        bracket = 24 * mpmath.sqrt(2) * b * math.ceil(math.log2(N)) * log + 4 * M * mpmath.sqrt(log / N)
        return synthetic + a * (2 * b + mpmath.e * bracket) + mpmath.e * (1 - a) * M * nu * mpmath.sqrt(N * log)
    if form == "variance":
        spread = a * mpmath.sqrt(M**2 / (4 * N) + b**2) + (1 - a) * M * nu * mpmath.sqrt(N) / 2
        return synthetic + 2 * a * b + spread / mpmath.sqrt(delta)
    q = mpmath.mpf(v["q"])
    real = 2 * b * (q - 1) * (mpmath.log(N, 2) + mpmath.mpf(1) / 6) + M * mpmath.sqrt((q - 1) / N)
    rest = (1 - a) * M * nu * mpmath.sqrt((q - 1) * N)
    return synthetic + 2 * a * b + (a * real + rest) * delta ** (-1 / q)


@pytest.mark.parametrize("form", ["mcdiarmid", "moment", "variance", "rio"])
@pytest.mark.parametrize("N", [2, 3, 4, 8, 9, 1024, 1025, 2**30, 2**30 + 1, 2**39])
def test_forms_by_hand(form, N):
    values = {"n": 2 * N, "alpha": 0.5, "M": 2.0, "beta_n": 0.01, "gamma_n": 0.2, "tv": 0.3, "nu": 1e-4, "delta": 0.02}
    values |= {"q": 3.5} if form == "rio" else {}
    with mpmath.workdps(40):
        exact = by_hand(form, values)
    assert get(f"generalization/high-probability-{form}", **values) == pytest.approx(float(exact), rel=1e-12)


def test_the_published_constants_and_the_second_moment():
    """With stability N^(-1/2) the published form beats bounded differences beyond N = 1.3e7 only; variance is best."""

    def forms(N, delta):
        loss = {"alpha": 1.0, "M": 1.0, "beta_n": N**-0.5, "gamma_n": 0.0, "tv": 0.0, "nu": 0.0, "delta": delta}
        return [
            get(f"generalization/high-probability-{form}", n=N, **loss) for form in ("mcdiarmid", "moment", "variance")
        ]

    for N in (20, 100, 1000, 4000):
        deviation, moment, variance = forms(N, 0.05)
        assert variance < deviation < moment
        assert moment > 50
    for N, first in ((12_900_000, True), (13_300_000, False)):
        deviation, moment, _ = forms(N, 0.05)
        assert (deviation < moment) == first


# --- second order ---------------------------------------------------------------------------------------------


def chain(law, kernel):
    """One step: `kernel` maps a state to the probabilities of the next."""
    return sum(weight * kernel(state) for state, weight in enumerate(law))


def averaged(schedule, n, p, generation, first):
    """The same under `accumulate` (the state is the count of all points) and `subsample` (of all generations)."""
    total, new = first, first
    for g in range(1, generation):
        following, new = np.zeros((g + 1) * n + 1), np.zeros(n + 1)
        for t, weight in enumerate(total):
            mean = t / (g * n) if schedule == "accumulate" else (p + t / n) / (g + 1)
            step = weight * binom.pmf(np.arange(n + 1), n, mean)
            following[t : t + n + 1] += step
            new += step
        total = following
    return (np.arange(n + 1) / n, new) if schedule == "subsample" else (np.arange(len(total)) / (generation * n), total)


def expanded(n, generation, first, lam):
    """The same under `expand`, from generation 2 on."""
    size, law = n * (1 + lam), np.zeros(n * (1 + lam) + 1)
    steps = np.arange(lam * n + 1)
    for kept, chance in enumerate(first):
        drawn = binom.pmf(steps, lam * n, kept / n)
        for _ in range(generation - 2):
            drawn = chain(drawn, lambda c, kept=kept: binom.pmf(steps, lam * n, (kept + c) / size))
        law[kept : kept + lam * n + 1] += chance * drawn
    return np.arange(size + 1) / size, law


def frequencies(schedule, n, p, generation, alpha=0.5, lam=2):
    """Exact law of the frequency in the training set of a generation, two atoms: values and probabilities."""
    first, m = binom.pmf(np.arange(n + 1), n, p), round((1 - alpha) * n)
    real = n - m
    if schedule in ("replace", "fresh"):
        share = 0 if schedule == "replace" else alpha
        for _ in range(generation - 1):
            first = chain(first, lambda c: binom.pmf(np.arange(n + 1), n, share * p + (1 - share) * c / n))
        return np.arange(n + 1) / n, first
    if schedule == "stratified":
        fresh = binom.pmf(np.arange(real + 1), real, p)
        for _ in range(generation - 1):
            first = chain(first, lambda c: np.convolve(fresh, binom.pmf(np.arange(m + 1), m, c / n)))
        return np.arange(n + 1) / n, first
    if schedule == "fixed":
        law = np.zeros(n + 1)
        for kept, chance in enumerate(binom.pmf(np.arange(real + 1), real, p)):
            drawn = binom.pmf(np.arange(m + 1), m, p)
            for _ in range(generation - 1):
                drawn = chain(drawn, lambda c, kept=kept: binom.pmf(np.arange(m + 1), m, (kept + c) / n))
            law[kept : kept + m + 1] += chance * drawn
        return np.arange(n + 1) / n, law
    if schedule == "expand":
        return expanded(n, generation, first, lam)
    return averaged(schedule, n, p, generation, first)


def ridge_gap(f, p, x, y, mu):
    """Real risk minus training error at frequency f, on the line, and the gradients at the minimiser for P."""

    def weight(share):
        shares = np.array([share, 1 - share])
        return np.sum(shares * x * y) / (np.sum(shares * x * x) + mu)

    losses = (x * weight(f) - y) ** 2 / 2
    slopes = (x * weight(p) - y) * x
    return (p - f) * (losses[0] - losses[1]), p * (1 - p) * (slopes[0] - slopes[1]) ** 2


@pytest.mark.parametrize("schedule", ["replace", "fresh", "stratified", "fixed", "expand", "accumulate", "subsample"])
@pytest.mark.parametrize(("n", "p", "i"), [(2, 0.3, 1), (6, 0.5, 2), (6, 0.9, 4), (20, 0.2, 2)])
def test_second_order_sandwich(schedule, n, p, i):
    values, law = frequencies(schedule, n, p, i + 1)
    assert law.sum() == pytest.approx(1, rel=1e-10)
    more = (
        {"alpha": 0.5} if schedule in ("fresh", "stratified", "fixed") else {"lam": 2} if schedule == "expand" else {}
    )
    for x, y, mu in itertools.product(([1.0, 1.0], [1.0, 0.4], [0.3, -0.5]), ([1.0, -1.0], [1.0, 0.2]), (0.1, 1, 5)):
        x, y = np.array(x), np.array(y)
        gaps, variance = zip(*(ridge_gap(f, p, x, y, mu) for f in values), strict=True)
        point = {"n": n, "i": i, **more, "mu": mu, "s": max(x * x), "V": variance[0]}
        mean = float(law @ np.array(gaps))
        assert get(f"generalization/second-order/lower/{schedule}", **point) <= mean * (1 + 1e-9)
        assert mean <= get(f"generalization/second-order/upper/{schedule}", **point) * (1 + 1e-9)


def test_second_order_is_sharp_for_equal_features():
    """For x = 1 the curvature is s everywhere: strong penalties close the sandwich, and weights are those of D1."""
    n, p, mu = 6, 0.4, 1e4
    values, law = frequencies("replace", n, p, 3)
    gaps, variance = zip(*(ridge_gap(f, p, np.ones(2), np.array([1.0, -1.0]), mu) for f in values), strict=True)
    point = {"mu": mu, "s": 1.0, "V": variance[0]}
    w = float(1 - Fraction(5, 6) ** 3)
    for kind in ("lower", "upper"):
        bound = get(f"generalization/second-order/{kind}/replace", n=n, i=2, **point)
        assert bound == pytest.approx(w * variance[0] / mu, rel=1e-3)
        assert bound == pytest.approx(float(law @ np.array(gaps)), rel=1e-3)
        chained = {"B": [[0, 0, 0], [1, 0, 0], [0, 1, 0]], "n": [n] * 3}
        assert get(f"generalization/second-order/{kind}/weighted", **chained, **point) == pytest.approx(
            bound, rel=1e-12
        )
