"""Moments and bounds of every schedule by brute force: one generation at a time, exactly, without closed forms."""

from fractions import Fraction as Fr
from math import comb

import mpmath as mp

MIXING = [[0, 0, 0, 0], [Fr(1, 2), 0, 0, 0], [Fr(1, 3), Fr(1, 4), 0, 0], [0, Fr(1, 5), Fr(4, 5), 0]]
SIZES = [3, 10, 4, 7]


# --- one generation at a time: (w_i, tau_i^2, bound per one-step errors) by schedule --------------------------


def averages(i):
    return [[Fr(1, j + 1) if k < j else Fr(0) for k in range(i)] for j in range(i)]


def weighted_w(B, sizes):
    """Covariances of p_1, p_2, ... with p(1-p) = 1."""
    g = len(sizes)
    C = [[Fr(0)] * g for _ in range(g)]
    for j in range(g):
        for k in range(j):
            C[j][k] = C[k][j] = sum(B[j][m] * C[m][k] for m in range(j))
        q = sum(B[j][k] * B[j][m] * C[k][m] for k in range(j) for m in range(j))
        C[j][j] = q + (1 - q) / Fr(sizes[j])
    return C[-1][-1]


def w(schedule, v):
    n, i, a = v.get("n"), v.get("i"), v.get("alpha", Fr(0))
    if schedule == "weighted":
        return weighted_w(MIXING, SIZES)
    if schedule == "subsample":
        return weighted_w(averages(i), [n] * i)
    value = 1 / n
    if schedule == "expand":
        a, n, real = 1 / (1 + v["lam"]), n * (1 + v["lam"]), n
        covariance, spread = 1 / real, 1 / real
    elif schedule == "fixed" and a:
        covariance, spread = 1 / n, 1 / (a * n)
    for j in range(2, i + 1):
        if schedule == "replace" or (schedule == "fixed" and not a):
            value = value + (1 - value) / n
        elif schedule == "fresh":
            q = (1 - a) ** 2 * value
            value = q + (1 - q) / n
        elif schedule == "stratified":
            value = a / n + (1 - a) ** 2 * value + (1 - a) * (1 - value) / n
        elif schedule == "accumulate":
            value = value + (1 - value) / (n * j**2)
        else:  # fixed, expand
            old, noise = value, (1 - a) * (1 - value) / n
            value = a**2 * spread + 2 * a * (1 - a) * covariance + (1 - a) ** 2 * old + noise
            covariance = a * spread + (1 - a) * covariance
    return value


def tau_squared(schedule, v):
    """Variance of the Gaussian mean with sigma = 1: weights of the reused points, of the others, and noise."""
    n, i, a = v["n"], v["i"], v.get("alpha", Fr(0))
    if schedule in ("fresh", "stratified"):
        value = 1 / n
        for _ in range(i - 1):
            value = a / n + (1 - a) ** 2 * value + (1 - a) / n
        return value
    if schedule == "subsample":
        schedule = "accumulate"
    reused, other, noise, total = a, 1 - a, Fr(0), n
    if schedule == "expand":
        a, total, reused, other = 1 / (1 + v["lam"]), n * (1 + v["lam"]), Fr(1), Fr(0)
    for j in range(2, i + 1):
        if schedule == "accumulate":
            noise += 1 / (n * j**2)
        else:
            reused, other = a + (1 - a) * reused, (1 - a) * other
            noise = (1 - a) ** 2 * noise + (1 - a) / total
    if schedule == "accumulate":
        return noise + 1 / n
    if schedule == "expand":
        return reused**2 / n + noise
    value = noise + (other**2 / ((1 - a) * n) if a < 1 else 0)
    return value + (reused**2 / (a * n) if a else 0)


def propagated(B, errors):
    """Forward substitution, one generation at a time."""
    found = []
    for row, error in zip(B, errors, strict=True):
        found.append(error + sum(exact(b) * e for b, e in zip(row, found, strict=False)))
    return found[-1]


def units(schedule, v, error=lambda points: mp.sqrt(1 / exact(points))):
    """Bound on e_i from the one-step error as a function of the number of points."""
    n, i, a = v.get("n", Fr(1)), v["i"], v.get("alpha", Fr(0))
    sizes = [n] * i
    if schedule in ("subsample", "accumulate"):
        B = averages(i)
        sizes = [n * (j + 1) for j in range(i)] if schedule == "accumulate" else sizes
    else:
        if schedule == "expand":
            a, sizes = 1 / (1 + v["lam"]), [n, *[n * (1 + v["lam"])] * (i - 1)]
        B = [[1 - a if k == j - 1 else 0 for k in range(i)] for j in range(i)]
    return propagated(B, [error(size) for size in sizes])


# --- pieces ---------------------------------------------------------------------------------------------------


def exact(x):
    return mp.mpf(x.numerator) / x.denominator if isinstance(x, Fr) else mp.mpf(x)


def root(x):
    return mp.sqrt(exact(x))


def binomial_law(n, q):
    n = int(n)
    return [comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]


def chain(n, a, i, p):
    """E|X_i/n - p|, backwards in exact fractions."""
    value = [abs(Fr(k, int(n)) - p) for k in range(int(n) + 1)]
    for _ in range(i - 1):
        value = [
            sum(x * y for x, y in zip(binomial_law(n, a * p + (1 - a) * Fr(k, int(n))), value, strict=True))
            for k in range(int(n) + 1)
        ]
    return sum(x * y for x, y in zip(binomial_law(n, p), value, strict=True))


def chi_mean(n, of):
    """E of a function of s, the standard deviation of n standard normal draws, by quadrature."""
    f = exact(n) - 1
    density = lambda x: x ** (f - 1) * mp.exp(-x * x / 2)  # noqa: E731
    ends = [0, mp.sqrt(f), 2 * mp.sqrt(f) + 4, mp.sqrt(f) + 30]
    return mp.quad(lambda x: of(x / mp.sqrt(f)) * density(x), ends) / mp.quad(density, ends)


def mean_tv(d, square):
    """E of TV between N(mu, I), N(0, I), mu ~ N(0, square I): 2 Phi(|mu|/2) - 1 over the law of |mu|."""
    s = exact(square)
    density = lambda x: x ** (d - 1) * mp.exp(-x * x / 2)  # noqa: E731
    ends = [0, 1, 3, 6, 10, 20, 30]
    tv = lambda x: mp.erf(mp.sqrt(s) * x / (2 * mp.sqrt(2)))  # noqa: E731
    return mp.quad(lambda x: tv(x) * density(x), ends) / mp.quad(density, ends)


def fresh_square(v):
    """s_i = 1/n + E[(synthetic share)^2] s_{i-1}, the share being binomial."""
    n, a = v["n"], v["alpha"]
    share = sum(weight * Fr(int(n) - k, int(n)) ** 2 for k, weight in enumerate(binomial_law(n, a)))
    value = 1 / n
    for _ in range(v["i"] - 1):
        value = 1 / n + share * value
    return value


def stationary(v, m):
    """Var(mean) of weighted retraining, iterated to its limit."""
    value, n, weight = mp.mpf(0), exact(v["n"]), exact(v["w"])
    for _ in range(600):
        value = weight**2 / n + (1 - weight) ** 2 * (value + 1 / exact(m))
    return value * exact(v["sigma"]) ** 2


def best_stationary(v):
    """Least stationary variance over the weight, by ternary search."""
    n, m = exact(v["n"]), exact(v["m"])
    value = lambda x: (x**2 / n + (1 - x) ** 2 / m) / (1 - (1 - x) ** 2)  # noqa: E731
    low, high = mp.mpf("1e-9"), mp.mpf(1)
    for _ in range(400):
        third = (high - low) / 3
        low, high = (low, high - third) if value(low + third) < value(high - third) else (low + third, high)
    return value(low) * exact(v["sigma"]) ** 2


def confidence(v):
    return mp.log(exact(v["T"]) / exact(v["delta"])) / 2


def spread(p):
    return sum(x * (1 - x) for x in p)


def test_every_schedule_has_the_same_first_generation():
    v = {"n": Fr(4), "i": 1, "alpha": Fr(1, 4), "lam": Fr(1, 2)}
    for schedule in ("replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand"):
        assert w(schedule, v) == tau_squared(schedule, v) == Fr(1, 4)
