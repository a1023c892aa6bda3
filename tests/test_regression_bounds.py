"""Linear regression: formulas against loops written row by row here, moments by other routes, and each other."""

import itertools
import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.stats

import bounds
from verify.cases.regression_exact import amplification

N, D, SIGMA, TAU = 12, 3, 1.3, 0.7
AT = np.array([1, 2, 5])
ROOT = np.linalg.cholesky(np.array([[2.0, 0.8, 0.0], [0.8, 1.0, -0.3], [0.0, -0.3, 0.5]]))
TRUTH = np.array([1.5, -2.0, 0.7])
REPLICATIONS = 5_000


def get(name):
    return bounds.get(f"regression/{name}")


# --- a loop of rows and labels, nothing else ------------------------------------------------------------------


def rows(rng, count):
    return rng.standard_normal((REPLICATIONS, count, D)) @ ROOT.T


def labels(rng, x, w, noise):
    """Noise that is not normal: only the chi-square results need it to be."""
    return (x @ w[..., None])[..., 0] + noise * (rng.standard_exponential(x.shape[:2]) - 1)


def fit(x, y):
    return (np.linalg.pinv(x) @ y[..., None])[..., 0]


def real(rng, x):
    return labels(rng, x, np.broadcast_to(TRUTH, (REPLICATIONS, D)), SIGMA)


def loop(name, fresh, seed, share=0.5):
    """Mean and standard error of the risk (w_i - w)' Sigma (w_i - w) in the generations AT."""
    rng = np.random.default_rng(seed)
    x = rows(rng, N)
    y, first, found = real(rng, x), round(share * N), []
    kept_x, kept_y = x, y
    for i in range(1, AT[-1] + 1):
        w = fit(kept_x, kept_y)
        found.append(np.sum(((w - TRUTH) @ ROOT) ** 2, axis=1))
        new_x = rows(rng, N) if fresh else x
        if name == "replace":
            kept_x, kept_y = new_x, labels(rng, new_x, w, TAU)
        elif name == "accumulate":
            kept_x = np.concatenate([kept_x, new_x], axis=1)
            kept_y = np.concatenate([kept_y, labels(rng, new_x, w, TAU)], axis=1)
        elif name == "reused":
            weights = np.sqrt(np.repeat([share, 1 - share], N))
            kept_x = np.concatenate([x, x], axis=1) * weights[:, None]
            kept_y = np.concatenate([y, labels(rng, x, w, TAU)], axis=1) * weights
        else:
            top = real(rng, new_x)[:, :first] if name == "stratified" else y[:, :first]
            kept_x, kept_y = new_x, np.concatenate([top, labels(rng, new_x[:, first:], w, TAU)], axis=1)
        assert i == len(found)
    risks = np.array(found)[AT - 1]
    return risks.mean(axis=1), risks.std(axis=1) / math.sqrt(REPLICATIONS)


EQUAL = [
    ("replace", False, "replace", {}),
    ("replace", True, "replace", {}),
    ("accumulate", False, "accumulate", {}),
    ("reused", False, "reused-labels", {"alpha": 0.5}),
    ("stratified", True, "stratified/fresh-design", {"alpha": 0.5}),
]


@pytest.mark.parametrize(("name", "fresh", "key", "more"), EQUAL, ids=lambda x: str(x))
def test_equalities_are_what_a_loop_of_rows_measures(name, fresh, key, more):
    mean, error = loop(name, fresh, seed=1)
    claimed = get(key)(n=N, d=D, i=AT, sigma=SIGMA, tau=TAU, **more)
    assert np.all(np.abs(mean - claimed) <= 5 * error)
    assert np.all(error < 0.025 * claimed)
    assert np.all(np.abs(mean - 1.3 * claimed) > 5 * error)  # it would be seen


def test_accumulated_rows():
    mean, error = loop("accumulate", True, seed=2)
    exact = [SIGMA**2 * D / (N - D - 1) + TAU**2 * sum(D / (k * (k * N - D - 1)) for k in range(2, i + 1)) for i in AT]
    assert np.all(np.abs(mean - exact) <= 5 * error)
    upper = get("accumulate/fresh-design")(n=N, d=D, i=AT, sigma=SIGMA, tau=TAU)
    np.testing.assert_allclose(upper[:2], exact[:2], rtol=1e-14)
    assert exact[2] < upper[2] < 1.01 * exact[2]


def test_shares_of_the_same_rows():
    ceiling = get("fixed/ceiling")(n=N, d=D, alpha=0.5, sigma=SIGMA, tau=TAU)
    mean, error = loop("fixed", False, seed=3)
    assert np.all(mean + 5 * error < ceiling)
    assert np.all(mean >= get("real-only")(n=N, d=D, sigma=SIGMA) - 5 * error)


# --- moments by other routes ----------------------------------------------------------------------------------


def test_amplification_by_sampled_rows():
    rng = np.random.default_rng(4)
    for n, d, m in ((8, 2, 5), (14, 9, 13)):
        z = rng.standard_normal((30_000, n, d))
        gram, other = z.transpose(0, 2, 1) @ z, z[:, :m].transpose(0, 2, 1) @ z[:, :m]
        squares = np.sum(np.linalg.solve(gram, other) ** 2, axis=(1, 2)) / d
        error = squares.std() / math.sqrt(len(squares))
        assert abs(squares.mean() - float(amplification(n, d, m))) < 5 * error
        assert error < 0.04 * squares.mean()


def test_the_closed_form_of_what_is_forgotten():
    """The result's 1 - kappa against kappa from two linear equations, in fractions."""
    for n, d, real_rows in itertools.product((4, 9, 40, 1001), (1, 2, 7, 30), (0, 1, 3)):
        if n < d + 2:
            continue
        m, alpha = n - real_rows, Fraction(real_rows, n)
        kappa = Fraction(m * (m + 2), n * (n + 2))
        kappa += Fraction(m * (n - m) * (n + 1) * (d - 1), n * (n - 1) * (n + 2) * (n - d - 1))
        assert kappa == amplification(n, d, m)
        lean = Fraction(n * (n * n - n - 2 * n * d + 2), (n - 1) * (n + 2) * (n - d - 1))
        assert 1 - kappa == alpha * (1 + (1 - alpha) * lean)
        found = Fraction(1, n - d - 1) * d
        for _ in range(3):
            found = kappa * found + Fraction(d, n - d - 1)
        value = get("stratified/fresh-design").evalf(40, n=n, d=d, alpha=alpha, i=4, sigma=1, tau=1)
        with mpmath.workdps(40):
            assert abs(value - mpmath.mpf(found.numerator) / found.denominator) < mpmath.mpf("1e-30") * value


def test_few_real_labels_can_be_worse_than_none():
    """Above 2/3 coefficients per row a small share makes the risk grow exponentially, below it never does."""
    result, i = get("stratified/fresh-design"), np.array([100, 200])

    def growth(n, d, alpha):
        early, late = result(n=n, d=d, alpha=alpha, i=i, sigma=1.0, tau=1.0)
        return late / early

    assert growth(1000, 900, 0.0) == pytest.approx(2)
    gamma = 0.9
    critical = (3 * gamma - 2) / (2 * gamma - 1)
    assert growth(1000, 900, critical - 0.03) > 10
    assert growth(1000, 900, critical + 0.03) < 1.2
    for alpha in (0.05, 0.3, 0.9):
        assert growth(1000, 640, alpha) < 2.01


def test_ratio_of_chi_squares():
    """The bound on a ratio is above its quantile at delta/4 + delta/4, and not far above for many rows."""
    for n, d, delta in itertools.product((100, 1000, 10_000), (1, 5, 40), (0.2, 0.01)):
        bound = get("replace/probability")(n=n, d=d, i=1, delta=delta, sigma=1.0, tau=1.0)
        m = n - d + 1
        exact = scipy.stats.f(d, m).isf(delta / 2) * d / m
        assert exact < bound < (6 if d == 1 else 3.5) * exact
        x = math.log(4 / delta)
        assert scipy.stats.chi2(d).sf(d + 2 * math.sqrt(d * x) + 2 * x) < delta / 4
        assert scipy.stats.chi2(m).cdf(m - 2 * math.sqrt(m * x)) < delta / 4


# --- what follows from the formulas ---------------------------------------------------------------------------


def test_replace_is_every_schedule_without_real_labels():
    common = {"n": 40, "d": 6, "i": np.array([1, 2, 9, 100]), "sigma": 1.3, "tau": 0.4}
    replaced = get("replace")(**common)
    for key in ("stratified/fresh-design", "reused-labels"):
        np.testing.assert_allclose(get(key)(**common, alpha=0.0), replaced, rtol=1e-13)
        np.testing.assert_allclose(get(key)(**common, alpha=1.0), replaced[0], rtol=1e-13)
    assert get("replace")(**{**common, "tau": 0.0})[-1] == pytest.approx(replaced[0], rel=1e-14)


def test_order():
    i, noises = np.arange(1, 60), {"sigma": 0.8, "tau": 1.7}
    for n, d in ((4, 1), (30, 10), (1000, 3)):
        same = get("accumulate")(n=n, d=d, i=i, **noises)
        new = get("accumulate/fresh-design")(n=n, d=d, i=i, **noises)
        assert np.all(new <= same * (1 + 1e-14))
        assert np.all(same < get("accumulate/ceiling")(n=n, d=d, **noises))
        assert np.all(get("replace/any-design")(n=n, d=d, i=i, **noises) < get("replace")(n=n, d=d, i=i, **noises))
        assert np.all(same >= get("real-only")(n=n, d=d, sigma=0.8) * (1 - 1e-14))
    floor = get("stratified/lower")(n=100, d=5, alpha=0.5, i=i, sigma=1.0)
    assert np.all(floor < get("stratified/ceiling")(n=100, d=5, alpha=0.5, sigma=1.0))
    at_five = {"n": 40, "alpha": 0.1, "i": 20, "sigma": 1.0}
    assert get("stratified/few-real")(**at_five, d=30) > get("stratified/lower")(**at_five, d=30)


def test_a_penalty_counts_more_in_the_loop():
    """The bias for ever is that of one fit with the penalty mu/alpha; without real labels nothing is left."""
    ridge, common = get("ridge"), {"n": 2**53, "gram": 0.7, "rho": 1.0, "sigma": 1.0, "tau": 1.0}
    for alpha in (1.0, 0.5, 0.01):
        for_ever = ridge(**common, mu=0.3, alpha=alpha, i=10**6)
        once = ridge(**common, mu=0.3 / alpha, alpha=0.5, i=1)
        assert for_ever == pytest.approx(once, rel=1e-9)
    i = np.array([1, 5, 50])
    shrunk = (0.7 / (0.7 + 0.3)) ** i
    np.testing.assert_allclose(ridge(**common, mu=0.3, alpha=0.0, i=i), (1 - shrunk) ** 2, rtol=1e-9)


def test_the_best_weight_of_new_labels_is_golden():
    alpha = np.linspace(0.01, 1, 20_001)
    values = get("ridge")(n=50, mu=0.0, gram=1.0, alpha=alpha, i=10**9, rho=1.0, sigma=1.0, tau=1.0)
    assert alpha[np.argmin(values)] == pytest.approx((math.sqrt(5) - 1) / 2, abs=1e-4)
    assert values.min() == pytest.approx((math.sqrt(5) - 1) / 100, rel=1e-7)


@pytest.mark.parametrize(
    ("key", "values", "named"),
    [
        ("replace", {"n": 10, "d": 9, "i": 1, "sigma": 1.0, "tau": 1.0}, "n"),
        ("in-sample", {"n": 10, "d": 11, "i": 1, "sigma": 1.0, "tau": 1.0}, "n"),
        ("replace/probability", {"n": 20, "d": 5, "i": 3, "delta": 0.05, "sigma": 1.0, "tau": 1.0}, "delta"),
        ("stratified/ceiling", {"n": 20, "d": 5, "alpha": 0.3, "sigma": 1.0}, "alpha"),
        ("stratified/few-real", {"n": 20, "d": 5, "alpha": 0.3, "i": 2, "sigma": 1.0}, "alpha"),
        ("stratified/lower", {"n": 20, "d": 5, "alpha": 0.33, "i": 2, "sigma": 1.0}, "alpha"),
        ("interpolation", {"n": 10, "d": 11, "i": 1, "rho": 1.0, "sigma": 1.0, "tau": 1.0}, "d"),
    ],
)
def test_what_the_results_do_not_cover_is_refused(key, values, named):
    with pytest.raises(bounds.DomainError) as caught:
        get(key)(**values)
    assert named in caught.value.parameter
    assert "n" in caught.value.parameter


def test_counts_at_the_edge_are_accepted_however_they_are_rounded():
    """14/387 times 387 is a little below 14 in double precision."""
    for n in range(30, 400):
        for count in (3, 14, 25):
            share = count / n
            assert get("stratified/ceiling")(n=n, d=count - 2, alpha=share, sigma=1.0) > 0
            assert get("stratified/few-real")(n=n, d=count, alpha=share, i=3, sigma=1.0) > 0
            with pytest.raises(bounds.DomainError, match="alpha"):
                get("fixed/ceiling")(n=n, d=count - 1, alpha=share, sigma=1.0, tau=1.0)
            with pytest.raises(bounds.DomainError, match="alpha"):
                get("stratified/few-real")(n=n, d=count - 1, alpha=share, i=3, sigma=1.0)
