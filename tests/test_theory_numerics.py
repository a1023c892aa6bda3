"""The statements of the proofs chapter against brute force: exact enumeration, linear recursions, simulation.

One side of every comparison is a formula of the book, typed in here; the other knows only how the loop works.
"""

import itertools
import math
from collections import defaultdict
from fractions import Fraction as Fr

import mpmath as mp
import numpy as np
import pytest
from scipy import optimize, special, stats

Z = 6.0  # threshold of every Monte Carlo comparison, in standard errors


def S(i, x):
    return i if x == 0 else (1 - (1 - x) ** i) / x


# --- formulas of the book -----------------------------------------------------------------------------------


def w_closed(name, i, n, a=Fr(0), lam=Fr(0)):
    b = 1 - a
    if name == "replace":
        return 1 - (1 - Fr(1, n)) ** i
    if name in ("fresh", "stratified"):
        rho = (1 - Fr(1, n)) * b**2 if name == "fresh" else b * (b - Fr(1, n))
        return (1 - rho**i) / (n * (1 - rho))
    if name == "fixed":
        rho = b * (b - Fr(1, n))
        return ((1 + 2 * b) * S(i, 1 - rho) - 2 * b**i * S(i, a + Fr(1, n))) / n
    if name == "expand":
        a, size = 1 / (1 + lam), (1 + lam) * n
        b = 1 - a
        rho = b * (b - 1 / size)
        return rho ** (i - 1) / n + (1 - b**2 + a * b) * S(i - 1, 1 - rho) / n
    return 1 - math.prod(1 - Fr(1, n * k * k) for k in range(1, i + 1))


def tau2(name, i, n, a=Fr(0), lam=Fr(0)):
    b = 1 - a
    if name == "replace":
        return Fr(i, n)
    if name in ("fresh", "stratified"):
        return S(i, 1 - b**2) / n
    if name == "fixed":
        real = (1 - b**i) ** 2 / a if a else Fr(0)
        return (real + b ** (2 * i - 1) + b * S(i - 1, 1 - b**2)) / n
    if name == "expand":
        b = 1 - 1 / (1 + lam)
        return Fr(1, n) + b * S(i - 1, 1 - b**2) / ((1 + lam) * n)
    return sum(Fr(1, k * k) for k in range(1, i + 1)) / n


def triangle(name, i, K, n, a=0.0, lam=0.0):
    eps = 0.5 * math.sqrt((K - 1) / n)
    if name in ("replace", "fresh", "stratified", "fixed"):
        return eps * S(i, a)
    if name == "subsample":
        return eps * sum(1 / k for k in range(1, i + 1))
    if name == "accumulate":
        return eps * (i**-0.5 + sum((k + 1) ** -0.5 / (k + 2) for k in range(i - 1)))
    a = 1 / (1 + lam)
    return (1 - a) ** (i - 1) * eps + 0.5 * math.sqrt((K - 1) / ((1 + lam) * n)) * S(i - 1, a)


# --- the loop on two atoms, by exact enumeration ------------------------------------------------------------


def binom(m, q):
    """Law of the frequency among m draws (mass at 0 if m = 0)."""
    return {Fr(k, max(m, 1)): math.comb(m, k) * q**k * (1 - q) ** (m - k) for k in range(m + 1)}


def start(name, n, p, a):
    """States end with p_1; `fixed` and `expand` carry p_R and the frequency in S_0 in front."""
    if name == "fixed":
        m, out = int(a * n), defaultdict(Fr)
        for (r, f), (s, g) in itertools.product(binom(m, p).items(), binom(n - m, p).items()):
            x = a * r + (1 - a) * s
            out[x, r, x] += f * g
        return dict(out)
    if name == "expand":
        return {(x, x, x): f for x, f in binom(n, p).items()}
    if name == "subsample":
        return {(p + x, x): f for x, f in binom(n, p).items()}
    return {(x, x): f for x, f in binom(n, p).items()}


def step(name, state, i, n, p, a, lam):
    """Yield (state of generation i + 1, probability)."""
    x, b = state[-1], 1 - a
    if name in ("replace", "fresh"):
        for y, f in binom(n, a * p + b * x).items():
            yield (state[0], y), f
    elif name == "stratified":
        m = int(a * n)
        for (r, f), (s, g) in itertools.product(binom(m, p).items(), binom(n - m, x).items()):
            yield (state[0], a * r + b * s), f * g
    elif name in ("fixed", "expand"):
        if name == "expand":
            a, b, m = 1 / (1 + lam), lam / (1 + lam), int(lam * n)
        else:
            m = int(b * n)
        for s, f in binom(m, x).items():
            yield (state[0], state[1], a * state[1] + b * s), f
    elif name == "accumulate":
        for s, f in binom(n, x).items():
            yield (state[0], (i * x + s) / (i + 1)), f
    else:
        for y, f in binom(n, state[0] / (i + 1)).items():
            yield (state[0] + y, y), f


def laws(name, n, p, top, a=Fr(0), lam=Fr(0), first=None, begin=1):
    """Laws of the states of generations begin..top."""
    law = first or start(name, n, p, a)
    yield law
    for i in range(begin, top):
        new = defaultdict(Fr)
        for state, f in law.items():
            for nxt, g in step(name, state, i, n, p, a, lam):
                new[nxt] += f * g
        law = new
        yield law


def mean(law, fun):
    return sum(f * fun(state[-1]) for state, f in law.items())


EXACT = [
    ("replace", 5, Fr(0), Fr(0)),
    ("replace", 1, Fr(0), Fr(0)),
    ("fresh", 4, Fr(1, 3), Fr(0)),
    ("fresh", 3, Fr(1), Fr(0)),
    ("stratified", 6, Fr(1, 3), Fr(0)),
    ("stratified", 3, Fr(1), Fr(0)),
    ("stratified", 3, Fr(2, 3), Fr(0)),
    ("fixed", 4, Fr(1, 2), Fr(0)),
    ("fixed", 6, Fr(1, 6), Fr(0)),
    ("fixed", 3, Fr(0), Fr(0)),
    ("fixed", 3, Fr(1), Fr(0)),
    ("expand", 3, Fr(0), Fr(1)),
    ("expand", 4, Fr(0), Fr(1, 2)),
    ("expand", 2, Fr(0), Fr(3)),
    ("expand", 3, Fr(0), Fr(0)),
    ("accumulate", 3, Fr(0), Fr(0)),
    ("accumulate", 1, Fr(0), Fr(0)),
    ("subsample", 3, Fr(0), Fr(0)),
]
REAL_ONLY = ("replace", "fixed", "expand", "accumulate")


@pytest.mark.parametrize(("name", "n", "a", "lam"), EXACT)
@pytest.mark.parametrize("p", [Fr(1, 3), Fr(1, 10)])
def test_two_atoms_exactly(name, n, a, lam, p):
    errors = []
    for i, law in enumerate(laws(name, n, p, 4, a, lam), start=1):
        V, w = p * (1 - p), w_closed(name, i, n, a, lam)
        assert sum(law.values()) == 1
        assert mean(law, lambda x: x) == p
        assert mean(law, lambda x: (x - p) ** 2) == V * w
        assert mean(law, lambda x: 2 * x * (1 - x)) == (1 - w) * 2 * V
        e = mean(law, lambda x: abs(x - p))
        errors.append(e)
        sharp = min(math.sqrt(w * V), 2 * V)
        assert e <= sharp * (1 + 1e-12)
        assert sharp <= 0.5 * math.sqrt(w) * (1 + 1e-12)
        assert e <= triangle(name, i, 2, n, float(a), float(lam))
        assert tau2(name, i, n, a, lam) >= w
        if name in REAL_ONLY:
            assert e >= errors[0]
            assert w >= Fr(1, n) > 1 / (math.sqrt(n) + 1) ** 2
        for delta in (0.5, 0.1, 0.01):
            margin = math.sqrt(tau2(name, i, n, a, lam) * math.log(1 / delta) / 2)
            tail = sum(f for state, f in law.items() if abs(state[-1] - p) >= e + margin)
            one_sided = sum(f for state, f in law.items() if state[-1] - p >= margin)
            assert tail <= delta
            assert one_sided <= delta


@pytest.mark.parametrize(("name", "n", "a", "lam"), [c for c in EXACT if c[0] in REAL_ONLY])
def test_conditional_mean_given_counts_is_the_first_generation(name, n, a, lam):
    for law in laws(name, n, Fr(2, 7), 4, a, lam):
        mass, first = defaultdict(Fr), defaultdict(Fr)
        for state, f in law.items():
            mass[state[0]] += f
            first[state[0]] += f * state[-1]
        assert all(first[c] == c * mass[c] for c in mass)


@pytest.mark.parametrize(("name", "n", "a", "lam"), [c for c in EXACT if c[1] > 1])
def test_influence_of_one_first_generation_draw(name, n, a, lam):
    """Conditional expectations of TV(P_j, P) move by at most the c_t of T6."""
    p, top, m, b = Fr(1, 3), 4, int(a * n), 1 - a
    pairs = []  # (state, changed state, allowed change in generation j)
    if name == "fixed":
        for r, s in itertools.product(range(m + 1), range(n - m + 1)):
            if r < m:
                pairs.append((r, s, r + 1, s, [S(j, a) / n for j in range(1, top + 1)]))
            if s < n - m:
                pairs.append((r, s, r, s + 1, [b ** (j - 1) / n for j in range(1, top + 1)]))
    else:
        decay = {"replace": 1, "expand": 1, "accumulate": 1, "fresh": b, "stratified": b}
        c = [Fr(1, n) * (Fr(1, 2) if j else 1) for j in range(top)]
        c = c if name == "subsample" else [Fr(1, n) * decay[name] ** j for j in range(top)]
        pairs = [(0, s, 0, s + 1, c) for s in range(n)]

    def to_state(r, s):
        x = Fr(r + s, n)
        return {"fixed": (x, Fr(r, max(m, 1)), x), "expand": (x, x, x), "subsample": (p + x, x)}.get(name, (x, x))

    for r, s, r2, s2, allowed in pairs:
        one = laws(name, n, p, top, a, lam, {to_state(r, s): Fr(1)})
        two = laws(name, n, p, top, a, lam, {to_state(r2, s2): Fr(1)})
        for law, other, c in zip(one, two, allowed, strict=True):
            assert abs(mean(law, lambda x: x) - mean(other, lambda x: x)) == c  # attained by an event
            assert abs(mean(law, lambda x: abs(x - p)) - mean(other, lambda x: abs(x - p))) <= c


@pytest.mark.parametrize("g", [1, 2, 3])
def test_influence_of_one_later_draw(g):
    """The same for a draw of generation g when the weights depend on g or on the size of generation 1."""
    n, p, top, lam = 3, Fr(1, 3), 5, Fr(2, 3)
    b, size = lam / (1 + lam), n * (1 + lam)
    for x in (Fr(0), Fr(1, 3), Fr(1, 2), Fr(2, 3)):
        move, total = Fr(1, g * n), p + g * Fr(2, 5)
        cases = [
            ("accumulate", (x, x), (x, x + move), [move] * top),
            ("expand", (x, Fr(1, 3), x), (x, Fr(1, 3), x + 1 / size), [b**j / size for j in range(top)]),
            (
                "subsample",
                (total, x),
                (total + Fr(1, n), x + Fr(1, n)),
                [Fr(1, n)] + [Fr(1, (g + 1) * n)] * top,
            ),
        ]
        for name, one, two, allowed in cases:
            first = laws(name, n, p, top, Fr(0), lam, {one: Fr(1)}, g)
            second = laws(name, n, p, top, Fr(0), lam, {two: Fr(1)}, g)
            for law, other, c in zip(first, second, allowed, strict=False):
                assert abs(mean(law, lambda x: x) - mean(other, lambda x: x)) == c  # attained by an event
                assert abs(mean(law, lambda x: abs(x - p)) - mean(other, lambda x: abs(x - p))) <= c


def test_weighted_covariances_by_enumeration():
    p, sizes = Fr(2, 5), [2, 3, 1, 2]
    B = [[], [Fr(1, 2)], [Fr(1, 4), Fr(1, 3)], [Fr(0), Fr(1, 2), Fr(1, 2)]]
    law = {(): Fr(1)}
    for n, b in zip(sizes, B, strict=True):
        new = {}
        for h, f in law.items():
            q = (1 - sum(b)) * p + sum(u * x for u, x in zip(b, h, strict=True))
            new.update({(*h, x): f * g for x, g in binom(n, q).items()})
        law = new
    V, C = p * (1 - p), np.empty((4, 4), dtype=object)
    for i, (n, b) in enumerate(zip(sizes, B, strict=True)):
        for j in range(i):
            C[i, j] = C[j, i] = sum(b[k] * C[k, j] for k in range(i))
        quad = sum(b[k] * b[m] * C[k, m] for k in range(i) for m in range(i))
        C[i, i] = (1 - Fr(1, n)) * quad + V / n
    for i, j in itertools.product(range(4), repeat=2):
        assert sum(f * (h[i] - p) * (h[j] - p) for h, f in law.items()) == C[i, j]


@pytest.mark.parametrize("n", [1, 2, 5, 12, 30])
def test_closed_forms_of_fixed_and_expand_are_the_recursions(n):
    for m in range(n + 1):
        a, w = Fr(m, n), Fr(0)
        b = 1 - a
        for i in range(1, 12):
            w = (1 + 2 * b * (1 - b ** (i - 1))) / n + b * (b - Fr(1, n)) * w
            assert w == w_closed("fixed", i, n, a)
            if m:  # the form with the covariance of the reused points
                v = Fr(1, n)
                for k in range(1, i):
                    c = (1 - b**k) / (a * n)
                    v = a / n + 2 * a * b * c + b**2 * v + b * (1 - v) / n
                assert v == w
            else:
                assert w == w_closed("replace", i, n)
    for m in (0, 1, 2, n, 3 * n):
        lam = Fr(m, n)
        a, b, N, w = 1 / (1 + lam), lam / (1 + lam), (1 + lam) * n, Fr(1, n)
        for i in range(1, 12):
            assert w == w_closed("expand", i, n, lam=lam)
            assert w <= tau2("expand", i, n, lam=lam) <= Fr(3, 2) / n
            w = a * a / n + 2 * a * b / n + b * b * w + b * (1 - w) / N


@pytest.mark.parametrize("n", [2, 3, 10, 1000])
def test_accumulate_product_gamma_form_and_limit(n):
    mp.mp.dps = 40
    z = 1 / mp.sqrt(n)
    for i in (1, 2, 7, 300):
        product = mp.fprod(1 - mp.mpf(1) / (n * k * k) for k in range(1, i + 1))
        form = mp.sinpi(z) / (mp.pi * z) * mp.gamma(i + 1 - z) * mp.gamma(i + 1 + z) / mp.gamma(i + 1) ** 2
        assert abs(product / form - 1) < 1e-30
    tail = mp.nprod(lambda k: 1 - 1 / (n * k * k), [1, mp.inf])
    assert abs(tail - mp.sinpi(z) / (mp.pi * z)) < 1e-12


# --- one step and exact total variation ---------------------------------------------------------------------


def counts(n, K):
    return (c for c in itertools.product(range(n + 1), repeat=K) if sum(c) == n)


def multinomial(c, q):
    out = math.factorial(sum(c))
    for k, x in zip(c, q, strict=True):
        out = out * x**k / math.factorial(k)
    return out


@pytest.mark.parametrize("q", [(0.2, 0.3, 0.5), (1 / 3, 1 / 3, 1 / 3), (0.05, 0.05, 0.9)])
@pytest.mark.parametrize("n", [1, 4, 9])
def test_one_step_exactly(n, q):
    law = [(0.5 * sum(abs(k / n - x) for k, x in zip(c, q, strict=True)), multinomial(c, q)) for c in counts(n, 3)]
    bound = 0.5 * math.sqrt(2 / n)
    assert sum(t * f for t, f in law) <= bound
    for delta in (0.5, 0.1, 0.01):
        assert sum(f for t, f in law if t > bound + math.sqrt(math.log(1 / delta) / (2 * n))) <= delta


@pytest.mark.parametrize("n", [1, 2, 5, 10, 37])
def test_de_moivre(n):
    for p in [Fr(j, 20) for j in range(21)] + [Fr(1, n), Fr(2, 7)]:
        direct = sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) * abs(Fr(k, n) - p) for k in range(n + 1))
        m = math.floor(n * p) + 1
        assert direct == Fr(2 * m, n) * math.comb(n, m) * p**m * (1 - p) ** max(n - m + 1, 0)
        if n * p == m - 1 > 0:  # an integer n p: the neighbour gives the same
            m -= 1
            assert direct == Fr(2 * m, n) * math.comb(n, m) * p**m * (1 - p) ** (n - m + 1)


@pytest.mark.parametrize("a", [0.0, 0.4])
def test_exact_chain_of_one_atom_against_the_full_multinomial_chain(a):
    n, q = 4, np.array([0.15, 0.25, 0.6])
    states = list(counts(n, 3))
    grid = np.array(states) / n
    tv = 0.5 * np.abs(grid - q).sum(axis=1)
    law = np.array([multinomial(c, q) for c in states])
    full = np.array([[multinomial(c, a * q + (1 - a) * x) for c in states] for x in grid])
    ks = np.arange(n + 1)
    one = [stats.binom.pmf(ks, n, x) for x in q]
    kernels = [stats.binom.pmf(ks[None, :], n, a * x + (1 - a) * ks[:, None] / n) for x in q]
    for _ in range(5):
        chain = 0.5 * sum(pi @ np.abs(ks / n - x) for pi, x in zip(one, q, strict=True))
        assert law @ tv == pytest.approx(chain, rel=1e-12)
        law = law @ full
        one = [pi @ k for pi, k in zip(one, kernels, strict=True)]


# --- propagation --------------------------------------------------------------------------------------------


def solve(eps, weights):
    f = []
    for i, x in enumerate(eps):
        f.append(x + sum(weights(i, k) * f[k - 1] for k in range(1, i + 1)))
    return f


def test_propagation_closed_forms():
    eps = [Fr(k * k + 3, 2 * k + 7) for k in range(9)]
    one = [Fr(1)] * 9
    for i, f in enumerate(solve(eps, lambda i, k: i == k), start=1):
        assert f == sum(eps[:i])
    for a in (Fr(0), Fr(1, 3), Fr(1)):
        for i, f in enumerate(solve(one, lambda i, k, a=a: (1 - a) * (i == k)), start=1):
            assert f == S(i, a)
            assert a == 0 or f <= 1 / a
    harmonic = solve(eps, lambda i, k: Fr(1, i + 1))
    for i, f in enumerate(harmonic):
        assert f == eps[i] + sum(eps[k] / (k + 2) for k in range(i))
    assert solve(one, lambda i, k: Fr(1, i + 1)) == [sum(Fr(1, m) for m in range(1, i + 1)) for i in range(1, 10)]
    for a in (0.1, 0.5, 2.0):
        f = solve([(k + 1) ** -a for k in range(400)], lambda i, k: 1 / (i + 1))
        for i in (0, 5, 399):
            assert f[i] == pytest.approx((i + 1) ** -a + sum((k + 1) ** -a / (k + 2) for k in range(i)))
        assert max(f) <= 1 + special.zeta(1 + a)
    for s, a in ((6, 0.25), (3, 0.5)):
        growing = solve([(k + 1) ** (-s * a) for k in range(300)], lambda i, k: i == k)
        assert growing[-1] <= special.zeta(s * a) <= growing[-1] + 300 ** (1 - s * a) / (s * a - 1)


def test_expand_triangle_is_the_recursion():
    for lam in (0.0, 0.5, 3.0):
        b, f = lam / (1 + lam), 0.5 * math.sqrt(4 / 10)
        for i in range(1, 8):
            assert triangle("expand", i, 5, 10, lam=lam) == pytest.approx(f, rel=1e-12)
            f = 0.5 * math.sqrt(4 / (10 * (1 + lam))) + b * f


# --- seven schedules simulated on five atoms ----------------------------------------------------------------


def simulate(name, n, p, top, reps, rng, a=0.0, lam=0.0):
    """Paths P_1..P_top and the weights (a_i, b_i) of Q_i; shapes (top, reps, K) and lists."""

    def draw(m, q):
        return rng.multinomial(m, q / q.sum(-1, keepdims=True)) / max(m, 1)

    real = np.broadcast_to(p, (reps, len(p)))
    m = round(a * n)
    kept, rest = draw(m, real), draw(n - m, real)
    paths = [(m * kept + (n - m) * rest) / n]
    weights = [[1.0]]
    first = paths[0]
    for i in range(1, top):
        last = paths[-1]
        row = [a] + [0.0] * (i - 1) + [1 - a]
        if name in ("replace", "fresh"):
            new = draw(n, a * real + (1 - a) * last)
        elif name == "stratified":
            new = a * draw(m, real) + (1 - a) * draw(n - m, last)
        elif name == "fixed":
            new = a * kept + (1 - a) * draw(n - m, last)
        elif name == "expand":
            c = 1 / (1 + lam)
            new, row = c * first + (1 - c) * draw(round(lam * n), last), [c] + [0.0] * (i - 1) + [1 - c]
        else:
            row = [1 / (i + 1)] * (i + 1)
            mixture = (real + sum(paths)) / (i + 1)
            new = draw(n, mixture) if name == "subsample" else (i * last + draw(n, last)) / (i + 1)
        paths.append(new)
        weights.append(row)
    return np.array(paths), weights


LOOPS = [("replace", 0.0, 0.0), ("fresh", 0.25, 0.0), ("stratified", 0.25, 0.0), ("fixed", 0.25, 0.0)]
LOOPS += [("fixed", 0.75, 0.0), ("expand", 0.0, 0.5), ("expand", 0.0, 4.0)]
LOOPS += [("accumulate", 0.0, 0.0), ("subsample", 0.0, 0.0)]


@pytest.mark.parametrize(("name", "a", "lam"), LOOPS)
@pytest.mark.parametrize("p", [(0.2,) * 5, (0.6, 0.3, 0.05, 0.03, 0.02)])
def test_simulated_loops_obey_every_bound(name, a, lam, p):
    n, top, reps, delta, K, p = 20, 6, 4000, 0.2, 5, np.array(p)
    paths, weights = simulate(name, n, p, top, reps, np.random.default_rng(7), a, lam)
    tv = 0.5 * np.abs(paths - p).sum(-1)
    mixtures = [row[0] * p + sum(b * x for b, x in zip(row[1:], paths, strict=False)) for row in weights]
    steps = np.array([0.5 * np.abs(x - q).sum(-1) for x, q in zip(paths, mixtures, strict=True)])
    B = np.array([row[1:] + [0.0] * (top - len(row) + 1) for row in weights])
    assert np.all(tv <= np.linalg.solve(np.eye(top) - B, steps) + 1e-12)  # T1 pathwise
    frac = [w_closed(name, i, n, Fr(a), Fr(lam)) for i in range(1, top + 1)]
    w = np.array([float(x) for x in frac])
    tau = np.sqrt([float(tau2(name, i, n, Fr(a), Fr(lam))) for i in range(1, top + 1)])
    e, se = tv.mean(1), tv.std(1) / math.sqrt(reps)
    sharp = 0.5 * np.sqrt((K - 1) * w)
    instance = 0.5 * np.minimum(np.sqrt(w[:, None] * p * (1 - p)), 2 * p * (1 - p)).sum(1)
    assert np.all(instance <= np.minimum(sharp, 1 - (p**2).sum()) + 1e-12)
    assert np.all(e <= instance + Z * se)
    one_step, one_se = steps.mean(1), steps.std(1) / math.sqrt(reps)
    sizes = {"accumulate": n * np.arange(1, top + 1), "expand": n * np.r_[1, np.full(top - 1, 1 + lam)]}
    assert np.all(one_step <= 0.5 * np.sqrt((K - 1) / sizes.get(name, n)) + Z * one_se)
    assert np.all(e <= [triangle(name, i, K, n, a, lam) + Z * s for i, s in enumerate(se, start=1)])
    margin = tau * math.sqrt(math.log(top / delta) / 2)
    limits = [sharp + margin, instance + margin]
    limits += [tau * math.sqrt((K * math.log(2) + math.log(top / delta)) / 2)]
    if name in ("replace", "fresh"):
        eps = 0.5 * math.sqrt((K - 1) / n) + math.sqrt(math.log(top / delta) / (2 * n))
        limits += [eps * np.array([S(j, a) for j in range(1, top + 1)])]
    for limit in limits:
        assert np.mean(np.any(tv > limit[:, None], axis=0)) <= delta + Z * math.sqrt(delta / reps)
    mean_path = paths.mean(1) - p
    assert np.all(np.abs(mean_path) <= Z * paths.std(1) / math.sqrt(reps))
    risk = ((paths - p) ** 2).sum(-1)
    assert np.all(np.abs(risk.mean(1) - w * (1 - (p**2).sum())) <= Z * risk.std(1) / math.sqrt(reps))
    if name in REAL_ONLY:
        gain = tv - tv[0]
        assert np.all(gain.mean(1) >= -Z * gain.std(1) / math.sqrt(reps))


# --- influence sums from the weights of every draw ----------------------------------------------------------


def weights_of_draws(name, top, n, a, lam):
    """Coefficients of mu_i on all noises: a point is the mean of its generation plus its own noise."""
    size = n * (2 + int(lam)) * (top + 1)
    unit, fresh_units = np.eye(size), iter(range(size))
    zero = np.zeros(size)

    def batch(m, centre):
        return [centre + unit[next(fresh_units)] for _ in range(m)]

    S0 = batch(n, zero)
    kept, means, m = list(S0), [np.mean(S0, axis=0)], round(a * n)
    for i in range(1, top):
        mu = means[-1]
        if name == "accumulate":
            kept += batch(n, mu)
            points = kept
        elif name == "fixed":
            points = S0[:m] + batch(n - m, mu)
        elif name == "expand":
            points = S0 + batch(round(lam * n), mu)
        elif name == "stratified":
            points = batch(m, zero) + batch(n - m, mu)
        else:  # mixtures: the expected weight of the past
            centre = {"replace": mu, "fresh": (1 - a) * mu, "subsample": sum(means) / (i + 1)}[name]
            points = batch(n, centre)
        means.append(np.mean(points, axis=0))
    return means


@pytest.mark.parametrize(
    ("name", "a", "lam"), [*LOOPS, ("fixed", 0.0, 0.0), ("fixed", 1.0, 0.0), ("stratified", 1.0, 0.0)]
)
@pytest.mark.parametrize("n", [4, 8])
def test_influence_sums(name, a, lam, n):
    for i, coef in enumerate(weights_of_draws(name, 6, n, a, lam), start=1):
        assert coef @ coef == pytest.approx(float(tau2(name, i, n, Fr(a), Fr(lam))), rel=1e-12)
        if name in REAL_ONLY:
            assert coef @ coef >= 1 / n - 1e-15


# --- Gaussian model -----------------------------------------------------------------------------------------


def chi_density(r, d):
    return 2 * r ** (d - 1) * mp.exp(-r * r / 2) / (2 ** (d / 2) * mp.gamma(d / 2))


def student(tau, d):
    return 2 * stats.t.cdf(math.sqrt(d) * tau / 2, d) - 1


@pytest.mark.parametrize("d", [1, 2, 3, 10])
@pytest.mark.parametrize("tau", ["0.001", "0.3", "1.7", "25"])
def test_gaussian_total_variation_forms(d, tau):
    mp.mp.dps = 30
    tau = mp.mpf(tau)
    points = [0, *sorted([2 / tau, 8 / tau, mp.sqrt(d)]), mp.sqrt(d) + 15]
    points = [x for x in points if x <= points[-1]]
    value = mp.quad(lambda r: mp.erf(tau * r / (2 * mp.sqrt(2))) * chi_density(r, mp.mpf(d)), points)
    beta = mp.betainc(0.5, mp.mpf(d) / 2, 0, tau**2 / (4 + tau**2), regularized=True)
    assert abs(value / beta - 1) < 1e-12
    assert student(float(tau), d) == pytest.approx(float(beta), rel=1e-11)
    if d == 1:
        assert abs(beta / (2 / mp.pi * mp.atan(tau / 2)) - 1) < 1e-20


def test_gaussian_fresh_bound():
    n, a, d, top = 4, 0.3, 2, 4
    rho = (1 - a) ** 2 + a * (1 - a) / n
    pmf = stats.binom.pmf(np.arange(n + 1), n, 1 - a)
    rng, reps = np.random.default_rng(3), 40000
    mu, law = rng.normal(size=(reps, n, d)).mean(1), {1 / n: 1.0}
    for i in range(1, top + 1):
        s = (1 - rho**i) / (n * (1 - rho))
        assert sum(t * f for t, f in law.items()) == pytest.approx(s)
        exact = sum(f * student(math.sqrt(t), d) for t, f in law.items())
        assert exact <= student(math.sqrt(s), d) * (1 + 1e-12)
        tv = 2 * stats.norm.cdf(np.linalg.norm(mu, axis=1) / 2) - 1
        assert abs(tv.mean() - exact) <= Z * tv.std() / math.sqrt(reps)
        square = (mu**2).mean(1)
        assert abs(square.mean() - s) <= Z * square.std() / math.sqrt(reps)
        new = defaultdict(float)
        for t, f in law.items():
            for m in range(n + 1):
                new[(m / n) ** 2 * t + 1 / n] += f * pmf[m]
        law = new
        synthetic = rng.random((reps, n, 1)) < 1 - a
        mu = (rng.normal(size=(reps, n, d)) + synthetic * mu[:, None, :]).mean(1)


@pytest.mark.parametrize("theta", [1.0, 0.6])
def test_mean_and_variance_fitted(theta):
    n, top, reps, rng = 5, 5, 60000, np.random.default_rng(11)
    c4 = math.sqrt(2 / (n - 1)) * math.gamma(n / 2) / math.gamma((n - 1) / 2)
    drift = special.digamma((n - 1) / 2) - math.log((n - 1) / 2)
    mu, sd = np.zeros(reps), np.ones(reps)

    def agree(sample, value):
        assert abs(sample.mean() - value) <= Z * sample.std() / math.sqrt(reps)

    for i in range(1, top + 1):
        data = mu[:, None] + (sd * (math.sqrt(theta) if i > 1 else 1))[:, None] * rng.normal(size=(reps, n))
        mu, sd = data.mean(1), data.std(1, ddof=1)
        agree(sd**2, theta ** (i - 1))
        agree(sd * theta ** (-(i - 1) / 2), c4**i)
        if theta == 1:
            agree(2 * np.log(sd), i * drift)
            agree(mu**2 + (sd - 1) ** 2, i / n + 2 * (1 - c4**i))


def test_constant_c4_and_first_order():
    mp.mp.dps = 30
    for n in (2, 3, 7, 40):
        nu = mp.mpf(n - 1)
        c4 = mp.sqrt(2 / nu) * mp.gamma(mp.mpf(n) / 2) / mp.gamma(nu / 2)
        points = [0, mp.sqrt(nu), mp.sqrt(nu) + 14]
        root = mp.quad(lambda r, nu=nu: r / mp.sqrt(nu) * chi_density(r, nu), points)
        log = mp.quad(lambda r, nu=nu: mp.log(r * r / nu) * chi_density(r, nu), points)
        assert abs(root - c4) < 1e-15
        assert abs(log - mp.digamma(nu / 2) + mp.log(nu / 2)) < 1e-9
        assert c4 < 1
    n, i = mp.mpf(10) ** 8, 3
    c4 = mp.exp(mp.loggamma(n / 2) - mp.loggamma((n - 1) / 2)) * mp.sqrt(2 / (n - 1))
    assert abs((i / n + 2 * (1 - c4**i)) / (1.5 * i / n) - 1) < 1e-7
    c4 = mp.sqrt(mp.mpf(2) / 9) * mp.gamma(5) / mp.gamma(4.5)
    assert abs(2 + 2 * (1 - c4**20) - 2.85) < 0.01  # below the first-order value 3


@pytest.mark.parametrize("k", [1e-3, 0.2, 1.0, 7.0, 500.0])
def test_golden_ratio(k):
    n, m = 1.0, 1 / k

    def stationary(w):
        return optimize.brentq(lambda v: w * w / n + (1 - w) ** 2 * (v + 1 / m) - v, 0, 1e9, xtol=1e-13)

    best = optimize.minimize_scalar(stationary, bounds=(1e-4, 1), method="bounded", options={"xatol": 1e-10})
    w = (math.sqrt(k * k + 4 * k) - k) / 2
    assert w == pytest.approx(2 * k / (k + math.sqrt(k * k + 4 * k)), rel=1e-10)
    assert best.x == pytest.approx(w, abs=2e-5)
    assert best.fun == pytest.approx(w / n, rel=1e-8)
    assert stationary(w) == pytest.approx(w, rel=1e-9)
    assert all(stationary(x) > stationary(w) for x in np.linspace(0.01, 1, 23) if abs(x - w) > 1e-3)
    if k == 1:
        assert w == pytest.approx((math.sqrt(5) - 1) / 2)


# --- minimax ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "K"), [(4, 2), (9, 2), (4, 3), (5, 3)])
def test_minimax_risk_is_constant_and_bayes(n, K):
    root, value = math.sqrt(n), (1 - 1 / K) / (math.sqrt(n) + 1) ** 2
    rng = np.random.default_rng(5)
    rules = {c: (np.array(c) + root / K) / (n + root) for c in counts(n, K)}
    for q in [*rng.dirichlet(np.ones(K), 4), np.eye(K)[0]]:
        assert sum(multinomial(c, q) * ((x - q) ** 2).sum() for c, x in rules.items()) == pytest.approx(value)
    prior, half = rng.dirichlet(np.full(K, root / K), 100000), len(rules) // 2
    for c in list(rules)[half : half + 2]:  # posterior means by importance weights
        weight = np.prod(prior ** np.array(c), axis=1)
        estimate = weight @ prior / weight.sum()
        se = np.sqrt((weight**2) @ (prior - estimate) ** 2) / weight.sum()
        assert np.all(np.abs(estimate - rules[c]) <= Z * se)
    empirical = [sum(multinomial(c, q) * ((np.array(c) / n - q) ** 2).sum() for c in rules) for q in prior[:200]]
    assert max(empirical) > value
