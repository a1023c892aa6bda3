"""Generalization in the loop against an enumerated loop with a ridge learner: every constant exact."""

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy as sp
from test_stability_bounds_loop import Loop, average_recursive, compositions, moved, multinomial, tv, worst_recursive

from bounds.catalogue import stability
from bounds.catalogue.generalization import RESULTS, TERMS

BY_KEY = {r.key: r for r in RESULTS}
LEARNERS = {r.key: r for r in stability.RESULTS}
FORMS = ("mcdiarmid", "moment", "variance", "rio")


def get(key, **values):
    return float(BY_KEY[key](**values))


# --- double precision, rates and terms ------------------------------------------------------------------------


def points(result, most):
    grid = list(itertools.product(*(p.typical for p in result.params)))
    for k in range(min(most, len(grid))):
        yield dict(zip(result.names, grid[k * 7919 % len(grid)], strict=True))


@pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
def test_agrees_with_mpmath(result):
    for values in points(result, 12):
        exact = {k: sp.Rational(str(v)) if k in ("alpha", "lam") else v for k, v in values.items()}
        assert result(**values) == pytest.approx(float(result.evalf(30, **exact)), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("key", TERMS)
def test_terms_add_up(key):
    result = BY_KEY[key]
    assert list(TERMS[key]) == ["stability", "recursive stability", "distribution shift"]
    terms = [replace(result, expr=term) for term in TERMS[key].values()]
    for values in points(result, 12):
        assert math.fsum(term(**values) for term in terms) == pytest.approx(result(**values), rel=1e-13)


# --- an enumerated loop with a learner -------------------------------------------------------------------------


class Study:
    """Ridge regression (or a learner that learns nothing) in the last training set of a loop on known atoms."""

    def __init__(self, n, reused, p, omega, generation, x, y, mu):
        self.loop, self.p, self.i = Loop(n, reused, len(p), omega), np.array(p), generation
        self.x, self.y, self.mu, self.n = np.array(x), np.array(y), mu, n
        self.chances, self.gap, self.shift = self._conditional()

    def losses(self, counts):
        f = counts / self.n
        w = np.zeros(self.x.shape[1])
        if self.mu is not None:
            w = np.linalg.solve((self.x.T * f) @ self.x + self.mu * np.eye(self.x.shape[1]), (self.x.T * f) @ self.y)
        return (self.x @ w - self.y) ** 2 / 2

    def _conditional(self):
        """Chances of the reused points, and the means of the gap and of TV(P_i, P) given them."""
        loop, weights = self.loop, multinomial(self.loop.drawn, self.p)
        gaps, shifts = [], []
        for real in loop.real:
            gap = np.array([(self.p - (real + s) / self.n) @ self.losses(real + s) for s in loop.drawn])
            far = np.array([tv(loop.fit(real + s), self.p) for s in loop.drawn])
            pairs = [loop.last(real, others, self.i) for others in loop.drawn]
            gaps.append(sum(w * law @ gap for w, (law, _) in zip(weights, pairs, strict=True)))
            shifts.append(sum(w * before @ far for w, (_, before) in zip(weights, pairs, strict=True)))
        return multinomial(loop.real, self.p), np.array(gaps), np.array(shifts)

    def constants(self):
        """alpha, M, beta_n, gamma_n, e_i and the influence, all exact."""
        counts = compositions(self.n, len(self.p))
        losses = {tuple(c): self.losses(c) for c in counts}
        table = np.array(list(losses.values()))
        beta = max(np.abs(losses[tuple(c)] - losses[tuple(new)]).max() for c in counts for _, _, new in moved(c))
        row = {tuple(r): k for k, r in enumerate(self.loop.real)}
        pairs = [(k, row[tuple(new)]) for r, k in row.items() for _, _, new in moved(np.array(r))]
        return {
            "alpha": self.loop.reused / self.n,
            "M": float(table.max() - table.min()),
            "beta_n": float(beta),
            "gamma_n": min(1.0, worst_recursive(self.loop, self.i)[0]),
            "tv": float(self.chances @ self.shift),
            "nu": max(abs(self.shift[j] - self.shift[k]) for j, k in pairs),
        }

    @property
    def mean(self):
        return float(self.chances @ self.gap)


DESIGNS = {
    "skewed": ((0.9, 0.1), [[1.0], [1.0]], [1.0, -1.0], 1.0),
    "even": ((0.5, 0.5), [[1.0], [0.6]], [1.0, -1.0], 0.2),
    "plane": ((0.6, 0.3, 0.1), [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]], [1.0, -1.0, 0.5], 0.5),
    "constant": ((0.8, 0.2), [[1.0], [1.0]], [1.0, 0.0], None),
}
SETTINGS = [
    (name, n, reused, omega, i)
    for name in DESIGNS
    for n, reused in ((4, 2), (6, 2), (10, 5))
    for omega in (0.1, 0.6)
    for i in (1, 3)
    if name != "plane" or n == 4
]


@cache
def study(name, n, reused, omega, i):
    p, x, y, mu = DESIGNS[name]
    return Study(n, reused, p, omega, i, x, y, mu)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_expected_gap(setting):
    case, (name, n, _, omega, i) = study(*setting), setting
    c = case.constants()
    exact = {k: c[k] for k in ("alpha", "M", "beta_n", "gamma_n", "tv")}
    assert abs(case.mean) <= get("generalization/expectation", **exact) + 1e-12
    average = average_recursive(case.loop, i, case.p)
    assert abs(case.mean) <= get("generalization/expectation", **exact | {"gamma_n": average}) + 1e-12
    far = tv(case.p, np.full(len(case.p), 1 / len(case.p)))
    point = {"n": n, "alpha": c["alpha"], "i": i, "K": len(case.p), "omega": omega, "u": far}
    assert c["tv"] <= get("tv/categorical/fixed", **point)
    lower = get("tv/categorical/lower/fixed", **{k: point[k] for k in ("alpha", "i", "omega", "u")})
    assert lower <= c["tv"] + 1e-12
    if name != "constant":
        bound = get("generalization/categorical-ridge", **point, mu=case.mu)
        assert abs(case.mean) <= bound
        assert abs(case.mean) <= get("generalization/categorical-ridge/average", **point, mu=case.mu)
        assert get("generalization/expectation", **exact) <= bound


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gap_with_high_probability(setting):
    case, (name, n, _, omega, i) = study(*setting), setting
    c = case.constants()
    far = tv(case.p, np.full(len(case.p), 1 / len(case.p)))
    ridge = {"n": n, "alpha": c["alpha"], "i": i, "K": len(case.p), "omega": omega, "u": far, "mu": case.mu}
    forgotten = sum(((1 - c["alpha"]) * (1 - omega)) ** k for k in range(i))
    assert c["nu"] <= (1 - omega) * forgotten / n + 1e-12
    free = {k: v for k, v in c.items() if k != "nu"}
    for delta in (0.3, 0.05, 1e-3):
        bound = get("generalization/high-probability-mcdiarmid/any-model", n=n, **free, delta=delta)
        assert case.chances[case.gap > bound + 1e-12].sum() <= delta
        for form, more in itertools.product(FORMS, ({"q": 2.0}, {"q": 6.0})):
            more = {**(more if form == "rio" else {}), "delta": delta}
            bound = get(f"generalization/high-probability-{form}", n=n, **c, **more)
            value = case.gap if form == "mcdiarmid" else np.abs(case.gap)
            assert case.chances[value > bound + 1e-12].sum() <= delta
            if name != "constant":
                assert get(f"generalization/categorical-ridge/{form}", **ridge, **more) >= bound


def test_the_shift_term_is_attained():
    """A learner that learns nothing: the gap is the shift of the mean."""
    case = study("constant", 10, 5, 0.6, 3)
    c = case.constants()
    assert c["beta_n"] == 0
    bound = get("generalization/expectation", alpha=0.5, M=c["M"], beta_n=0.0, gamma_n=0.0, tv=c["tv"])
    assert abs(case.mean) == pytest.approx(bound, rel=1e-9)


def test_the_stability_term_is_nearly_attained():
    """One real point, on one of eight orthogonal directions: the learner fits it and knows nothing of the others."""
    case = Study(1, 1, (1 / 8,) * 8, 0.3, 1, np.eye(8), [1.0] * 8, 0.2)
    beta = case.constants()["beta_n"]
    bound = get("generalization/expectation", alpha=1.0, M=1.0, beta_n=beta, gamma_n=0.0, tv=0.0)
    assert 0.85 * bound < case.mean <= bound


def test_every_constant_of_the_instance():
    """The terms of the ridge instance are those of the general bound at the constants of the results on stability."""
    for n, alpha, i, atoms, omega, mu, u in ((1000, 0.5, 3, 8, 0.3, 0.4, 0.6), (10**6, 0.1, 1, 2, 0.05, 2.0, 0.1)):
        loop = {"n": n, "alpha": alpha, "i": i, "K": atoms, "omega": omega}
        constants = {
            "M": float(LEARNERS["stability/erm/ridge/loss-range"](mu=mu)),
            "beta_n": float(LEARNERS["stability/erm/ridge"](n=n, mu=mu)),
            "tv": get("tv/categorical/fixed", **loop, u=u),
        }
        for name, gamma in (("", "coupled"), ("/average", "average")):
            gamma_n = float(LEARNERS[f"recursive-stability/categorical-{gamma}"](**loop))
            general = get("generalization/expectation", alpha=alpha, **constants, gamma_n=gamma_n)
            by_hand = constants["beta_n"] + constants["M"] * (alpha * gamma_n + (1 - alpha) * constants["tv"])
            assert general == pytest.approx(by_hand, rel=1e-12)
            instance = get(f"generalization/categorical-ridge{name}", **loop, mu=mu, u=u)
            assert instance == pytest.approx(general, rel=1e-12)
        forgotten = sum(((1 - alpha) * (1 - omega)) ** k for k in range(i))
        gamma_n = float(LEARNERS["recursive-stability/categorical-coupled"](**loop))
        whole = {"n": n, "alpha": alpha, **constants, "gamma_n": gamma_n, "nu": (1 - omega) * forgotten / n}
        for form in FORMS:
            more = {"delta": 0.05, **({"q": 3.0} if form == "rio" else {})}
            instance = get(f"generalization/categorical-ridge/{form}", **loop, mu=mu, u=u, **more)
            assert instance == pytest.approx(get(f"generalization/high-probability-{form}", **whole, **more), rel=1e-12)


@pytest.mark.parametrize(("n", "least", "most"), [(1000, 1, 12), (2000, 1, 12)])
def test_an_informative_design(n, least, most):
    """Equal features, labels +1 on one of eight atoms and -1 on the others: ridge sees the mean of y only."""
    rng, alpha, omega, mu, p = np.random.default_rng(11), 0.5, 0.3, 1.0, 0.97
    half = n // 2
    real, others = rng.binomial(half, p, (2, 40_000))
    drawn = rng.binomial(half, (1 - omega) * (real + others) / n + omega / 8)
    f = (real + drawn) / n
    w = (2 * f - 1) / (1 + mu)
    gap = (p - f) * ((w - 1) ** 2 - (w + 1) ** 2) / 2
    bound = get("generalization/categorical-ridge", n=n, alpha=alpha, i=1, K=8, omega=omega, mu=mu, u=p - 1 / 8)
    assert least < bound / abs(gap.mean()) < most


@pytest.mark.parametrize(("n", "reused", "p"), [(4, 2, (0.9, 0.1)), (3, 0, (0.6, 0.4)), (3, 1, (0.5, 0.3, 0.2))])
@pytest.mark.parametrize("omega", [0.2, 1.0])
def test_mean_of_smoothed_frequencies(n, reused, p, omega):
    loop = Loop(n, reused, len(p), omega)
    for i in (1, 2, 5):
        mean = 0.0
        for real, chance in zip(loop.real, multinomial(loop.real, p), strict=True):
            for others, weight in zip(loop.drawn, multinomial(loop.drawn, p), strict=True):
                before = loop.last(real, others, i)[1]
                mean += chance * weight * (before @ loop.fit(real + loop.drawn))
        for k, atom in enumerate(p):
            value = get("categorical/mean/fixed", alpha=reused / n, i=i, K=len(p), omega=omega, p=atom)
            assert value == pytest.approx(mean[k], rel=1e-12)
