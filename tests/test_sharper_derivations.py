"""Sharper forms: derivations that do not use their formulas, by enumeration, quadrature, fractions and simulation."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import bounds
import sim
from verify.cases import sharper
from verify.cases import sharper_learning as learning
from verify.diffusion_steps import LAWS

_NORM = "stability/erm/logistic/norm"


def get(key, **values):
    return float(bounds.get(key)(**values))


# --- the end of a diffusion -----------------------------------------------------------------------------------------


def density(x, weights, means, sigmas):
    return sum(w * mpmath.npdf(x, m, s) for w, m, s in zip(weights, means, sigmas, strict=True))


@pytest.mark.parametrize("name", ["two", "unequal"])
def test_chi_square_and_its_decay_by_quadrature(name):
    """χ² of P, and of P_t: the part beyond the second moments decays by q³ at least, by q⁴ for symmetric P."""
    p = LAWS[name]
    mean, sigma, chi = sharper.moments(p)
    edges = [mean + sigma * x for x in (-9, -4, -2, 0, 2, 4, 9)]

    def square(law, variance, centre):
        scale = mpmath.sqrt(variance)
        return mpmath.quad(
            lambda x: density(x, law.weights, law.means, law.sigmas) ** 2 / mpmath.npdf(x, centre, scale), edges
        )

    assert float(square(p, sigma**2, mean)) - 1 == pytest.approx(chi, rel=1e-8)
    for t in (0.2, 0.7):
        share = math.exp(-2 * t)
        variance = 1 + share * (sigma**2 - 1)
        left = float(square(p.noised(t), variance, mean * math.exp(-t))) - 1
        q = share * sigma**2 / variance
        assert left <= q ** (4 if name == "two" else 3) * chi * (1 + 1e-7)


def test_the_old_bound_is_the_supremum_for_its_second_moment():
    """Rare atoms far away: centred, of variance 1, and the divergence tends to the bound by the second moment."""
    ratios = []
    for far in (30.0, 300.0, 3000.0):
        t, rare = 0.7, 1 / far**2
        s, v = math.exp(-t), 1 - math.exp(-2 * t)
        # the three components do not overlap: KL is the mean of theirs less the entropy of the weights
        entropy = -(1 - rare) * math.log1p(-rare) - rare * math.log(rare / 2)
        kl = (v - 1 - math.log(v) + s * s) / 2 - entropy
        ratios.append(kl / get("diffusion/end-divergence", t1=t, M2=1.0, d=1))
    assert ratios == sorted(ratios)
    assert 0.999 < ratios[-1] < 1


# --- two gradients ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ridge", "logistic"])
@pytest.mark.parametrize("mu", [0.02, 0.0625, 0.15, 0.5, 1.0, 5.0])
def test_no_two_gradients_are_further_apart(kind, mu):
    """Random and optimised pairs of points in the ball, at the longest weights that are allowed."""
    norm = get("stability/erm/ridge/norm", mu=mu) if kind == "ridge" else get(f"{_NORM}/first-order", mu=mu)
    largest = 1 + norm if kind == "ridge" else 1 / (1 + math.exp(-norm))
    claimed = get(f"stability/erm/{kind}/plane", mu=mu, n=1) * mu / largest
    rng = np.random.default_rng(3)
    v = rng.standard_normal((2, 100_000, 2))
    v /= np.linalg.norm(v, axis=2, keepdims=True)
    v *= np.where(rng.random((2, 100_000, 1)) < 0.5, 1, rng.random((2, 100_000, 1)))
    v[1, :50_000] = v[0, :50_000] * [1, -1]  # across the weights
    t = norm * v[:, :, :1]
    pair = ((1 - t) if kind == "ridge" else 1 / (1 + np.exp(t))) * v
    found = np.linalg.norm(pair[0] - pair[1], axis=1).max()
    assert found <= claimed * (1 + 1e-12)
    assert found >= 0.6 * claimed
    if mu >= 0.5 and kind == "ridge":
        assert found >= 0.999 * claimed  # attained


def test_constants_of_the_logistic_loss():
    with mpmath.workdps(30):
        peak = 1 + mpmath.lambertw(1 / mpmath.e)
        assert mpmath.diff(lambda x: x / (1 + mpmath.exp(x)), peak) == pytest.approx(0, abs=1e-12)
        assert mpmath.mpf("0.27846") < peak / (1 + mpmath.exp(peak)) < mpmath.mpf("0.2785")
        assert mpmath.mpf("0.2784") / peak < mpmath.mpf("0.2179")

    def widest(r):
        return max(math.sqrt(1 - q * q) * (1 + r * q / 2) for q in np.linspace(0, 1, 10_001))

    assert widest(1.2784) > 1.15 > 1 / (1 + math.exp(-1.66)) + 0.2179
    assert widest(1.66) > 1.22 > 1.2179


def test_the_longest_logistic_weights_are_attained():
    for mu in (1e-3, 0.01, 0.1):
        bound = get(f"{_NORM}/first-order", mu=mu)
        x = np.array([[min(1.0, 1.27846 / math.sqrt(0.27846 / mu))]])
        w = sim.Logistic(mu).population(sim.LabelledAtoms(x=x, y=np.ones(1), p=np.ones(1)))
        assert 0.999 * bound < float(w[0]) < bound


# --- recursive stability on average -----------------------------------------------------------------------------------


def test_mean_of_the_inverse_counts():
    """Np E 1/(1 + 4 Bin(N−1, p)) is at most 5/8 for N >= 2, and nearly so at N = 2."""
    largest = 0.0
    for N in (2, 3, 5, 20, 200):
        for p in np.linspace(0.001, 1, 400):
            pmf = [math.comb(N - 1, k) * p**k * (1 - p) ** (N - 1 - k) for k in range(N)]
            largest = max(largest, N * p * sum(w / (1 + 4 * k) for k, w in enumerate(pmf)))
    assert 0.624 < largest <= 0.625


def counts(total):
    return [(a, b, total - a - b) for a in range(total + 1) for b in range(total - a + 1)]


def ways(row):
    return math.factorial(sum(row)) / math.prod(math.factorial(c) for c in row)


@pytest.mark.parametrize(("n", "reused", "omega"), [(8, 2, 0.0), (8, 6, 0.0), (10, 5, 0.3), (6, 3, 0.9)])
@pytest.mark.parametrize("p", [(1 / 3, 1 / 3, 1 / 3), (0.8, 0.15, 0.05)])
def test_average_sensitivity_of_three_atoms_by_enumeration(n, reused, omega, p):
    synthetic = np.array(counts(n - reused))
    number = np.array([ways(row) for row in synthetic.tolist()])
    first = number * np.prod(np.array(p) ** synthetic, axis=1)

    def kernel(real):
        fits = (1 - omega) * (np.array(real) + synthetic) / n + omega / 3
        return number * np.prod(fits[:, None, :] ** synthetic, axis=2)

    for i in (1, 3, 12):
        laws = {real: first @ np.linalg.matrix_power(kernel(real), i) for real in counts(reused)}
        total = 0.0
        for other in counts(reused - 1):
            chance = ways(other) * math.prod(x**c for x, c in zip(p, other, strict=True))
            for a, b in itertools.permutations(range(3), 2):
                one, two = (tuple(c + (k == at) for k, c in enumerate(other)) for at in (a, b))
                total += chance * p[a] * p[b] * float(np.abs(laws[one] - laws[two]).sum()) / 2
        bound = get("recursive-stability/categorical-average/coupled", n=n, alpha=reused / n, i=i, K=3, omega=omega)
        assert total <= bound


# --- gaps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["fixed", "expand"])
def test_the_gap_of_a_mean_label_in_exact_fractions(schedule):
    """Second moments of means: the mean of the reused points R, of all real points S, and of every generation."""
    n, share, i = 12, 4, 3
    kept, drawn = (share, n - share) if schedule == "fixed" else (n, share)
    size = kept + drawn
    f = Fraction(drawn, size)
    real, square, cross = Fraction(1, kept), Fraction(1, n), Fraction(1, n)  # Var R, Var mu_1, Cov(mu_1, R)
    squares = [square]
    for _ in range(i):
        square = (1 - f) ** 2 * real + 2 * f * (1 - f) * cross + f**2 * (square + Fraction(1, drawn))
        cross = (1 - f) * real + f * cross
        squares.append(square)
    gap = squares[i] - f / 2 * squares[i - 1]
    known = {"alpha": share / n} if schedule == "fixed" else {"lam": share / n}
    assert get(f"icl/mean-label/gap/{schedule}", n=n, i=i, sigma=2.0, **known) == pytest.approx(4 * float(gap))


def test_the_gap_of_a_mean_label_by_simulation():
    n, reused, i, runs = 10, 4, 2, 200_000
    rng = np.random.default_rng(5)
    real = rng.standard_normal((runs, n))
    rows = real
    for _ in range(i):
        fresh = rows.mean(axis=1, keepdims=True) + rng.standard_normal((runs, n - reused))
        rows = np.concatenate([real[:, :reused], fresh], axis=1)
    answer = rows.mean(axis=1)
    gaps = (1 + answer**2 - ((rows - answer[:, None]) ** 2).mean(axis=1)) / 2
    error = 4 * gaps.std() / math.sqrt(runs)
    assert abs(gaps.mean() - get("icl/mean-label/gap/fixed", n=n, alpha=0.4, i=i, sigma=1.0)) < error


def test_the_three_events_of_the_second_order():
    """The gap lies between its first order and that plus the square of the gradient, in every run."""
    atoms, learner = learning.random_atoms(8, 3, 5, learning._SKEWED), sim.Ridge(2.0)
    w = learner.population(atoms)
    losses, slopes = learner.losses(atoms, w[None])[0], learning.gradients(learner, atoms, w)
    model = sim.Labelled(atoms, learner, 0.1)
    found = next(sim.blocks(model, sim.Fixed(0.4), n=50, generations=4, seed=3, record=("gap", "frequencies"), at=(4,)))
    away = found["frequencies"][:, 0] - atoms.p
    first, gradient = -away @ losses, np.linalg.norm(away @ slopes, axis=1)
    gap = found["gap"][:, 0]
    assert (gap >= first - 1e-12).all()
    assert (gap <= first + (2 * 2.0 + 1) / (2 * 2.0**2) * gradient**2 + 1e-12).all()
