"""Recursive stability on K atoms under `fixed`, against a loop that is enumerated: without random numbers."""

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from bounds.catalogue.stability import RESULTS

BY_KEY = {r.key: r for r in RESULTS}


def get(key, **values):
    return float(BY_KEY[key](**values))


# --- the loop -------------------------------------------------------------------------------------------------


def compositions(total, parts):
    """All ways to put `total` points on `parts` atoms, shape (ways, parts)."""
    cuts = itertools.combinations(range(total + parts - 1), parts - 1)
    return np.array([np.diff([-1, *cut, total + parts - 1]) - 1 for cut in cuts])


def multinomial(counts, p):
    """Probabilities of the rows of `counts`, all compositions of one total, for draws from `p`."""
    ways = [math.factorial(sum(row)) / math.prod(math.factorial(c) for c in row) for row in counts.tolist()]
    return np.array(ways) * np.prod(np.asarray(p, dtype=float) ** counts, axis=1)


class Loop:
    """The loop of n points, N of them real and reused, with smoothed frequencies."""

    def __init__(self, n, reused, atoms, omega):
        self.n, self.reused, self.atoms, self.omega = n, reused, atoms, omega
        self.real, self.drawn = compositions(reused, atoms), compositions(n - reused, atoms)

    def fit(self, counts):
        return (1 - self.omega) * counts / self.n + self.omega / self.atoms

    def laws(self, real, others, generations):
        """Laws of the synthetic points of each generation and of those before them, given the real points."""
        kernel = np.array([multinomial(self.drawn, self.fit(real + s)) for s in self.drawn])
        before = np.array([float((s == others).all()) for s in self.drawn])
        for _ in range(generations):
            after = before @ kernel
            yield after, before
            before = after

    def last(self, real, others, generation):
        return list(self.laws(real, others, generation))[-1]


def moved(counts):
    """All ways to move one point to another atom."""
    for a, b in itertools.permutations(range(len(counts)), 2):
        if counts[a]:
            changed = counts.copy()
            changed[a] -= 1
            changed[b] += 1
            yield a, b, changed


def tv(p, q):
    return np.abs(p - q).sum() / 2


def worst_recursive(loop, generation):
    """Sup over samples that differ in one reused point, and in one other point, of the TV of the synthetic laws."""
    reused = other = 0.0
    for real in loop.real:
        for others in loop.drawn:
            law = loop.last(real, others, generation)[0]
            for _, _, changed in moved(real):
                reused = max(reused, tv(law, loop.last(changed, others, generation)[0]))
            for _, _, changed in moved(others):
                other = max(other, tv(law, loop.last(real, changed, generation)[0]))
    return reused, other


def average_recursive(loop, generation, p):
    """The same for a reused point, on average over the sample and the new point."""
    total = 0.0
    for others, weight in zip(loop.drawn, multinomial(loop.drawn, p), strict=True):
        for real, chance in zip(loop.real, multinomial(loop.real, p), strict=True):
            law = loop.last(real, others, generation)[0]
            for a, b, changed in moved(real):
                pair = real[a] / loop.reused * p[b]  # the point that is replaced is one of the atom a
                total += weight * chance * pair * tv(law, loop.last(changed, others, generation)[0])
    return total


# --- its recursive stability ---------------------------------------------------------------------------------


def kullback(p, q):
    keep = p > 0
    return float(np.sum(p[keep] * np.log(p[keep] / q[keep])))


@pytest.mark.parametrize(("n", "atoms"), [(1, 2), (3, 2), (5, 2), (1, 3), (4, 3), (3, 4)])
@pytest.mark.parametrize("omega", [0.01, 0.3, 1.0])
def test_divergence_by_enumeration(n, atoms, omega):
    def fit(counts):
        return (1 - omega) * counts / n + omega / atoms

    worst = max(kullback(fit(c), fit(new)) for c in compositions(n, atoms) for _, _, new in moved(c))
    bound = get("recursive-stability/categorical/divergence", n=n, K=atoms, omega=omega)
    assert worst <= bound * (1 + 1e-9) + 1e-15
    if atoms > 2 or n == 1:  # the other points may all lie on a third atom
        assert worst == pytest.approx(bound, rel=1e-9, abs=1e-15)


CHAINS = [(n, reused, 2) for n, reused in ((2, 1), (4, 1), (4, 2), (8, 4), (10, 8))] + [(2, 1, 3), (3, 1, 3), (4, 2, 3)]


@pytest.mark.parametrize(("n", "reused", "atoms"), CHAINS)
@pytest.mark.parametrize("omega", [0.05, 0.3, 0.8])
def test_smoothed_frequencies_by_enumeration(n, reused, atoms, omega):
    loop, alpha = Loop(n, reused, atoms, omega), reused / n
    kappa = get("recursive-stability/categorical/divergence", n=n, K=atoms, omega=omega)
    point = {"n": n, "alpha": alpha, "K": atoms, "omega": omega}
    for i in (1, 2, 5) if n < 8 else (1, 4):
        exact, other = worst_recursive(loop, i)
        composed = get("recursive-stability/composition/fixed", n=n, alpha=alpha, i=i, kappa=kappa)
        assert composed == pytest.approx(get("recursive-stability/categorical", i=i, **point), rel=1e-12)
        coupled = get("recursive-stability/categorical-coupled", i=i, **point)
        assert exact <= coupled + 1e-12
        assert coupled <= composed + 1e-12
        assert other <= get("recursive-stability/composition/not-reused", n=n, alpha=alpha, kappa=kappa) + 1e-12
        assert composed <= (1 - omega) * math.sqrt(i * (1 - alpha) * atoms / (2 * omega * n)) + 1e-12


@pytest.mark.parametrize(("n", "reused", "p"), [(4, 2, (0.3, 0.7)), (8, 4, (0.1, 0.9)), (3, 1, (0.2, 0.5, 0.3))])
@pytest.mark.parametrize("omega", [0.0, 0.3])
def test_average_recursive_stability_by_enumeration(n, reused, p, omega):
    loop = Loop(n, reused, len(p), omega)
    for i in (1, 3):
        bound = get("recursive-stability/categorical-average", n=n, alpha=reused / n, i=i, K=len(p), omega=omega)
        uncapped = math.sqrt(2 * math.log(2) * i * (n / reused - 1) * (1 - omega) * len(p) / n)
        assert bound == pytest.approx(min(1, uncapped), rel=1e-12)
        assert average_recursive(loop, i, p) <= bound


def test_the_average_bound_rests_on_two_inequalities():
    """KL(p||r)/c, r the mean of two fits, by atom: below (log 2 - 1/2)/(1+t) and (1/2)/(1+t) beyond a half."""
    with mpmath.workdps(60):
        for t in [mpmath.mpf(0), *(mpmath.mpf(10) ** (k / mpmath.mpf(20)) for k in range(-160, 200))]:
            gained = (t + 1) * mpmath.log((t + 1) / (t + 0.5)) - 0.5
            lost = 0.5 - (t * mpmath.log(1 + 1 / (2 * t)) if t else 0)
            assert gained <= (mpmath.log(2) - 0.5) / (1 + t) * (1 + mpmath.mpf(10) ** -40)
            assert lost <= 0.5 / (1 + t)


def test_coupling_stays_bounded_where_composition_does_not():
    point = {"n": 10**6, "alpha": 0.5, "K": 2, "omega": 0.3}
    long = get("recursive-stability/categorical-coupled", i=10**9, **point)
    assert long == pytest.approx(get("recursive-stability/categorical-coupled", i=100, **point), rel=1e-9)
    assert get("recursive-stability/categorical", i=10**9, **point) == 1
    assert long < 0.01


def test_expand_composes_two_sizes():
    """Exact laws for K = 2: n reused points, lam n draws, n points in generation 1 and (1+lam) n later."""
    n, m, omega = 2, 4, 0.3
    fits = {size: get("recursive-stability/categorical/divergence", n=size, K=2, omega=omega) for size in (n, n + m)}

    def law(real, generation):
        q = (1 - omega) * real / n + omega / 2
        out = stats.binom.pmf(np.arange(m + 1), m, q)
        for _ in range(generation - 1):
            q = (1 - omega) * (real + np.arange(m + 1)) / (n + m) + omega / 2
            out = out @ stats.binom.pmf(np.arange(m + 1), m, q[:, None])
        return out

    for i in (1, 2, 6):
        worst = max(np.abs(law(real, i) - law(real + 1, i)).sum() / 2 for real in range(n))
        bound = get("recursive-stability/composition/expand", n=n, lam=m / n, i=i, kappa=fits[n], kappa_N=fits[n + m])
        assert worst <= bound
        assert bound == pytest.approx(min(1, math.sqrt(m / 2 * (fits[n] + (i - 1) * fits[n + m]))), rel=1e-12)
