"""Markov language models: formulas against enumeration in fractions, recursions, and the edges of their domains."""

import itertools
import math
from collections import defaultdict
from fractions import Fraction as Fr

import catalogue_properties
import mpmath
import numpy as np
import pytest

import bounds
from bounds.catalogue.markov import RESULTS
from bounds.query import solve
from sim.markov import dobrushin, stationary
from sim.markov_exact import exact_collapse_time, exact_entry, row_count

CLOSE_TO_ONE = 1 - 2**-53
EDGES = {
    "mu_k": [1e-100, 1e-9, 0.03, 0.5, CLOSE_TO_ONE, 1.0],
    "kappa_k": [1e-300, 1e-9, 0.3, 0.875],  # near 1 a diversity below 1e-16 is left, and only its size is right
    "pi_0": [0.0, 0.125, 0.4, 0.875],
    "delta_T": [0.0, 1e-9, 0.5, 1 - 1e-9],
    "tv_0": [0.0, 1e-300, 1.0],
    "H_0": [0.0, 1e-300, 0.5],
    "H_G": [0.0, 0.75],
    "K_eff": [1.0, 5.5, 1e9],
    "i": [1, 2, 3, 50, 4097],
}


def get(key):
    return bounds.get(f"markov/{key}")


def binomial(n, q):
    return [math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]


def counted(n, mu):
    """E[1/N | N > 0] and P(N = 0) as fractions."""
    law = binomial(n, mu)
    return {"kappa_k": sum(x / N for N, x in enumerate(law) if N) / (1 - law[0]), "pi_0": law[0]}


def compositions(total, parts):
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def multinomial(counts, law):
    ways, left = Fr(1), sum(counts)
    for count, q in zip(counts, law, strict=True):
        ways *= math.comb(left, count) * q**count
        left -= count
    return ways


def rows(n, mu, real, generations, alpha=Fr(0), fallback=None):
    """Laws of a whole row in generations 0, 1, ...: every count and every composition of it."""
    law = {tuple(real): Fr(1)}
    yield law
    for _ in range(generations):
        new = defaultdict(Fr)
        for row, weight in law.items():
            target = [alpha * p + (1 - alpha) * x for p, x in zip(real, row, strict=True)]
            for N, chance in enumerate(binomial(n, mu)):
                if N == 0:
                    new[row if fallback is None else tuple(fallback)] += weight * chance
                    continue
                for counts in compositions(N, len(real)):
                    new[tuple(Fr(c, N) for c in counts)] += weight * chance * multinomial(counts, target)
        law = dict(new)
        yield law


def mean(law, of):
    return sum(weight * of(row) for row, weight in law.items())


def diversity(row):
    return 1 - sum(x * x for x in row)


def tv(row, other):
    return sum(abs(x - y) for x, y in zip(row, other, strict=True)) / 2


def same(value, exact):
    assert float(value) == pytest.approx(float(exact), rel=1e-12, abs=1e-300)


REAL = (Fr(1, 2), Fr(3, 10), Fr(1, 5))
SETTINGS = [(3, Fr(1, 3), Fr(0)), (2, Fr(3, 5), Fr(1, 4)), (3, Fr(1), Fr(1, 10)), (2, Fr(1, 50), Fr(1))]


@pytest.mark.parametrize(("n", "mu", "alpha"), SETTINGS)
def test_moments_of_a_row_by_enumeration(n, mu, alpha):
    for i, law in enumerate(rows(n, mu, REAL, 3, alpha)):
        assert sum(law.values()) == 1
        for k, p in enumerate(REAL):
            assert mean(law, lambda row, k=k: row[k]) == p
        if i == 0:
            continue
        at = {**{name: float(x) for name, x in counted(n, mu).items()}, "alpha": float(alpha), "i": i}
        for k, p in enumerate(REAL):
            same(get("variance")(**at, p=float(p)), mean(law, lambda row, k=k, p=p: (row[k] - p) ** 2))
        same(get("diversity")(**at, p=[float(p) for p in REAL]), mean(law, diversity))
        bound = get("row-tv")(n=n, mu_k=float(mu), alpha=float(alpha), i=i, K=3)
        assert mean(law, lambda row: tv(row, REAL)) <= bound


def test_a_fallback_by_enumeration():
    n, mu, other = 3, Fr(1, 4), (Fr(1, 10), Fr(1, 10), Fr(4, 5))
    known, far = counted(n, mu), tv(other, REAL)
    for i, law in enumerate(rows(n, mu, REAL, 4, fallback=other)):
        if i == 0:
            continue
        at = {name: float(x) for name, x in known.items()} | {"i": i}
        diversities = {"H_0": float(diversity(REAL)), "H_G": float(diversity(other))}
        same(get("diversity/fallback")(**at, **diversities), mean(law, diversity))
        least = get("row-tv/fallback/lower")(pi_0=at["pi_0"], i=i, tv_0=float(far))
        same(least, tv([mean(law, lambda row, k=k: row[k]) for k in range(3)], REAL))
        assert least <= mean(law, lambda row: tv(row, REAL))
    limit = known["pi_0"] * diversity(other) / (known["pi_0"] + (1 - known["pi_0"]) * known["kappa_k"])
    same(get("diversity/fallback")(**at | {"i": 10**6}, **diversities), limit)


def test_what_is_forgotten_by_enumeration():
    n, mu = 3, Fr(1, 3)
    at = {name: float(x) for name, x in counted(n, mu).items()}
    for i, law in enumerate(rows(n, mu, REAL, 4)):
        for k, p in enumerate(REAL):
            lost = mean(law, lambda row, k=k: row[k] == 0)
            if i == 1:
                same(get("forgotten/first")(n=n, mu_k=float(mu), p=float(p)), lost)
            if i:
                assert lost < get("forgotten")(**at, i=i, p=float(p)) < 1
    late = get("forgotten")(**at, i=10**6, p=0.2)
    exact = exact_entry(n, float(mu), 0.2, 2000)
    assert late == pytest.approx(0.8)
    assert exact.law[-1, 0] == pytest.approx(0.8)


@pytest.mark.parametrize("mu", [Fr(1, 1000), Fr(1, 7), Fr(1, 2), Fr(9, 10), Fr(1)])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_the_mean_reciprocal_of_a_count(n, mu):
    exact = sum(x / N for N, x in enumerate(binomial(n, mu)) if N)
    q = 1 - mu
    assert exact == sum((q ** (n - j) - q**n) / j for j in range(1, n + 1))
    upper = min(1 - q**n, 1 / ((n + 1) * mu) + 3 / ((n + 1) * (n + 2) * mu**2))
    lower = (1 - q**n) ** 2 / (n * mu)
    assert lower <= exact <= upper
    given = min(2 / ((n + 1) * mu), 1 / ((n + 1) * mu) + 3 / ((n + 1) * (n + 2) * mu**2))
    assert exact <= exact / (1 - q**n) <= given
    same(get("stationary")(n=n, mu_k=float(mu), delta_T=0.75, alpha=0.0, i=1, K=2), 2 * math.sqrt(2 * given))
    same(get("reciprocal-count/upper")(n=n, mu_k=float(mu)), upper)
    same(get("reciprocal-count/lower")(n=n, mu_k=float(mu)), lower)
    count = row_count(n, float(mu))
    same(count.reciprocal * (1 - count.unseen), exact)
    same(count.reciprocal, exact / (1 - q**n))


def collapse_by_enumeration(n, mu, p, q, generations):
    """Sum of P(tau > i) over generations, from all four counts of a training set at once."""
    law, total = {(p, q): 1.0}, 0.0
    counts = list(compositions(n, 4))
    for _ in range(generations):
        total += sum(weight for state, weight in law.items() if any(0 < x < 1 for x in state))
        new = defaultdict(float)
        for (x, y), weight in law.items():
            for a, b, c, d in counts:
                chance = multinomial((a, b, c, d), (mu * x, mu * (1 - x), (1 - mu) * y, (1 - mu) * (1 - y)))
                new[a / (a + b) if a + b else x, c / (c + d) if c + d else y] += weight * float(chance)
        law = {state: weight for state, weight in new.items() if weight}
    return total


def test_the_time_until_collapse_by_enumeration():
    n, mu, p, q = 3, 0.4, 0.5, 0.3
    exact = exact_collapse_time(n, mu, p, q)
    assert collapse_by_enumeration(n, mu, p, q, 60) == pytest.approx(exact, rel=1e-9)
    least = min((counted(n, Fr(m)) for m in (mu, 1 - mu)), key=lambda x: (1 - x["pi_0"]) * x["kappa_k"])
    values = {name: float(x) for name, x in least.items()}
    assert exact < get("collapse-time")(n=n, **values, K=2) < 3 * exact
    for m, x in ((mu, p), (1 - mu, q)):
        known = {name: float(value) for name, value in counted(n, Fr(m)).items()}
        assert get("collapse-time/lower")(**known, K=2, H_0=2 * x * (1 - x)) < exact


def test_the_sums_behind_the_time_until_collapse():
    """The closed form against the sum of min(1, A (1-kappa)^i) that it bounds."""
    for n, kappa, K in itertools.product((2, 10, 1000), (0.01, 0.3, 1.0), (2, 7)):
        largest = (K - 1) * n**2 / (2 * (n - 1))
        total = sum(min(1.0, largest * (1 - kappa) ** i) for i in range(20_000))
        assert total <= get("collapse-time")(n=n, kappa_k=kappa, pi_0=0.0, K=K) * (1 + 1e-12)


def test_a_certain_context_is_the_discrete_model():
    for n, alpha, i, K in itertools.product((10**4, 10**6), (0.0, 0.2), (1, 7), (2, 50)):
        ratio = get("row-tv")(n=n, mu_k=1.0, alpha=alpha, i=i, K=K) / bounds.get("tv/discrete/fresh")(
            n=n, alpha=alpha, i=i, K=K
        )
        assert 1 <= ratio < 1 + 3 / n


@pytest.mark.parametrize("alpha", [0.0, 0.15])
def test_joint_and_row_bounds_stand_in_order(alpha):
    """The joint bound is the mean of the rows' with 2/((n+1) mu) in place of their counts: never below the exact."""
    mu = np.array([0.6, 0.3, 0.09, 0.01])
    for n, i in itertools.product((5, 100, 10**5), (1, 4, 300)):
        joint = get("joint-tv")(n=n, alpha=alpha, i=i, K=9, K_eff=np.sqrt(mu).sum() ** 2)
        w = [(1 - c.unseen) * c.reciprocal for c in (row_count(n, float(m)) for m in mu)]
        gaps = [
            (1 - c.unseen) * alpha * (2 - alpha) + x * (1 - alpha) ** 2
            for c, x in zip((row_count(n, float(m)) for m in mu), w, strict=True)
        ]
        exact = [x * (1 - (1 - g) ** i) / g for x, g in zip(w, gaps, strict=True)]
        rows_exact = float(mu @ np.sqrt(8 * np.array(exact))) / 2
        assert rows_exact <= joint * (1 + 1e-12)
        assert rows_exact <= mu @ get("row-tv")(n=n, mu_k=mu, alpha=alpha, i=i, K=9) * (1 + 1e-12)
        if n == 10**5:
            assert joint < 1.5 * rows_exact


def test_perturbed_stationary_laws_by_brute_force():
    rng = np.random.default_rng(11)
    K = 4
    T = rng.dirichlet(np.full(K, 0.7), size=(4000, K))
    changed = T + rng.random((4000, 1, 1)) * (rng.dirichlet(np.full(K, 0.3), size=(4000, K)) - T)
    eps = np.abs(changed - T).sum(axis=-1).max(axis=-1) / 2
    moved = np.abs(stationary(changed) - stationary(T)).sum(axis=-1) / 2
    bound = get("stationary/sure")(eps=eps, i=1, delta_T=dobrushin(T))
    assert (moved <= bound * (1 + 1e-9)).all()
    assert (moved / bound).max() > 0.4
    a, b, step = 0.3, 0.2, 0.1
    extreme = np.array([[1 - a - step, a + step], [b - step, 1 - b + step]])
    same(abs(stationary(extreme)[1] - a / (a + b)), get("stationary/sure")(eps=step, i=1, delta_T=1 - a - b))


def test_smallest_samples_by_query():
    """How many bigrams a row needs: the query's answer suffices and one less does not."""
    for key, values in (
        ("row-tv", {"mu_k": 0.01, "alpha": 0, "i": 5, "K": 100}),
        ("joint-tv", {"alpha": 0, "i": 3, "K": 20, "K_eff": 8}),
    ):
        n = int(solve(f"markov/{key}", "n", 0.1, **values).expr)
        assert get(key).evalf(40, n=n, **values) <= mpmath.mpf(1) / 10 < get(key).evalf(40, n=n - 1, **values)


@pytest.mark.parametrize("result", RESULTS, ids=lambda r: r.key)
def test_the_edges_of_the_domains(result, monkeypatch):
    catalogue_properties.check(result, monkeypatch, **EDGES)


@pytest.mark.parametrize(
    ("key", "name", "value"),
    [
        ("row-tv", "mu_k", 0.0),
        ("variance", "kappa_k", 0.0),
        ("variance", "pi_0", 1.5),
        ("stationary", "delta_T", 1.0),
        ("collapse-time", "n", 1),
        ("collapse-time", "K", 1),
        ("collapse-time/lower", "pi_0", 1.0),
        ("forgotten/first", "p", 0.0),
        ("joint-tv", "K_eff", 0.5),
    ],
)
def test_outside_the_domain(key, name, value):
    result = get(key)
    with pytest.raises(bounds.DomainError, match=name):
        result(**{p.name: p.typical[0] for p in result.params} | {name: value})
