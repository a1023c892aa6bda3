"""`rate` and `limit`: known answers in closed form, users' expressions, cases, errors, limits of time."""

import os
import time

import pytest
import sympy as sp

import bounds
from bounds.functions import geometric_sum, power_sum
from bounds.query import Growth, Unanswered, limit, rate, worker
from bounds.query.special import shifted_zeta

OO = sp.oo
N, I = sp.symbols("n i", integer=True, positive=True)  # noqa: E741
HALF = sp.Rational(1, 2)


def symbols(answer, **names):
    """The answer with the catalogue's symbols replaced by positive ones of the same name."""
    return answer.expr.xreplace({s: sp.Symbol(s.name, positive=True) for s in answer.expr.free_symbols})


n, i, K, d, T, alpha, lam, eps, c, a, s, sigma, h, w, m, p, theta, delta, C, L1 = sp.symbols(
    "n i K d T alpha lam eps c a s sigma h w m p theta delta C L1", positive=True
)
S = geometric_sum
narrow = sp.sqrt(2 * sp.pi * sp.E)
root_n = sp.pi / sp.sqrt(n)
RATES = [
    ("tv/discrete/replace", "n", OO, sp.sqrt((K - 1) * i / n) / 2),
    ("tv/discrete/replace", "i", OO, sp.sqrt(K - 1) / 2),
    ("tv/discrete/fresh", [("i", OO), ("n", OO)], None, sp.sqrt((K - 1) / (n * alpha * (2 - alpha))) / 2),
    ("tv/discrete/fresh", "n", OO, sp.sqrt((K - 1) * S(alpha * (2 - alpha), i) / n) / 2),
    ("tv/discrete/fresh", "alpha", 0, sp.sqrt((K - 1) * S(1 / n, i) / n) / 2),
    ("tv/discrete/fresh", "alpha", 1, sp.sqrt((K - 1) / n) / 2),
    ("tv/discrete/fresh", "K", OO, sp.sqrt(K * S(alpha * (1 - 1 / n) * (2 - alpha) + 1 / n, i) / n) / 2),
    ("tv/discrete/accumulate", "n", OO, sp.sqrt((K - 1) * power_sum(2, i) / n) / 2),
    ("tv/discrete/accumulate", "i", OO, sp.sqrt((K - 1) * (1 - sp.sin(root_n) / root_n)) / 2),
    ("discrete/variance/accumulate", "i", OO, p * (1 - p) * (1 - sp.sin(root_n) / root_n)),
    ("discrete/diversity/replace", "n", OO, None),
    ("tv/propagation/replace", "i", OO, eps * i),
    ("tv/propagation/fresh", "i", OO, eps / alpha),
    ("tv/propagation/fresh", "alpha", 0, eps * i),
    ("tv/propagation/subsample", "i", OO, eps * sp.log(i)),
    ("tv/discrete/subsample/triangle", "i", OO, sp.sqrt((K - 1) / n) * sp.log(i) / 2),
    ("tv/propagation/accumulate", "i", OO, c * n**-a * shifted_zeta(a)),
    ("tv/gaussian-mean/replace", "n", OO, sp.sqrt(i / n) / sp.pi),
    ("tv/gaussian-mean/accumulate", "i", OO, 2 / sp.pi * sp.atan(sp.sqrt(sp.zeta(2) / n) / 2)),
    ("tv/gaussian-mean/stratified", "i", OO, 2 / sp.pi * sp.atan(sp.sqrt(1 / (n * alpha * (2 - alpha))) / 2)),
    ("tv/gaussian-mean/lower/fixed", "n", OO, 1 / (sp.pi * sp.sqrt(n))),
    ("gaussian/std-collapse", "n", OO, sigma),
    ("gaussian/std-collapse/log-variance", "n", OO, -i / n),
    ("gaussian/w2/replace", "n", OO, sp.Rational(3, 2) * sigma**2 * i / n),
    ("gaussian/w2/replace", "i", OO, sigma**2 * i / n),
    ("gaussian/golden-ratio", "w", 0, sigma**2 / (2 * n * w)),
    ("gaussian/golden-ratio", "w", 1, sigma**2 / n),
    ("gaussian/golden-ratio/optimum", "n", OO, sigma**2 / n),
    ("gaussian/golden-ratio/optimum", "m", OO, sigma**2 / sp.sqrt(n * m)),
    ("discrete/minimax-real-only", "n", OO, (1 - 1 / K) / n),
    ("tv/discrete-exact/first", "n", OO, None),
    ("tv/hp-union/replace", "K", OO, sp.sqrt(i * K * sp.log(2) / (2 * n))),
    ("tv/hp-union/replace", "T", OO, sp.sqrt(i * sp.log(T) / (2 * n))),
    ("tv/discrete/one-step-hp", "delta", 0, sp.sqrt(-sp.log(delta) / (2 * n))),
    ("kde/bias/gaussian", "h", 0, h**2 / (sigma**2 * narrow)),
    ("kde/bias/smooth", "h", 0, h**2 * L1 / 4),
    ("kde/variance/torus", "h", 0, (4 * sp.pi) ** (-d / 4) * h ** (-d / 2) / (2 * sp.sqrt(n))),
]
KDE = {r.key: r for r in __import__("bounds.catalogue.kde", fromlist=["RESULTS"]).RESULTS}


def entry(key):
    return KDE.get(key) or bounds.get(key)


def same(first, second):
    """Equal at four generic points to thirty digits."""
    from bounds.query.number import evaluate

    free = sorted(first.free_symbols | second.free_symbols, key=str)
    for k in range(4):
        values = {x: sp.Rational(17 + 5 * k + 3 * j, 71 + 11 * j + k) for j, x in enumerate(free)}
        values |= {x: 3 + k + j for j, x in enumerate(free) if x.name in ("n", "i", "K", "d", "m", "T")}
        one, other = evaluate(first, values, 50), evaluate(second, values, 50)
        if abs(one - other) > abs(other) * 1e-30:
            return False
    return True


KNOWN = [row for row in RATES if row[3] is not None]


@pytest.mark.parametrize(("key", "path", "to", "known"), KNOWN, ids=[f"{r[0]}-{r[1]}-{r[2]}" for r in KNOWN])
def test_known_rates(key, path, to, known):
    answer = rate(entry(key), path) if to is None else rate(entry(key), path, to)
    assert answer.proved
    assert same(symbols(answer), known), answer.expr


def test_there_are_enough_known_rates():
    assert len(KNOWN) >= 25


def test_the_check_of_known_rates_sees_a_wrong_one():
    assert not same(sp.sqrt(n), sp.sqrt(n) * (1 + sp.Rational(1, 10**20)))


def test_the_loss_of_the_standard_deviation():
    answer = rate(bounds.functions.c4_power_complement(N, I), "n")
    assert sp.simplify(answer.expr - I / (4 * N)) == 0
    assert answer.exponent == -1


@pytest.mark.parametrize(
    ("order", "expected"),
    [(0, I), (sp.Rational(1, 2), 2 * sp.sqrt(I)), (1, sp.log(I)), (2, sp.pi**2 / 6), (3, sp.zeta(3))],
)
def test_growing_samples_bounded_or_not(order, expected):
    """Σ k^{−sa}: a power below 1, the logarithm at s = 1/a, a constant above."""
    answer = rate("tv/propagation/replace-growing", "i", c=1, n=1, a=1, s=order)
    assert sp.simplify(symbols(answer) - expected.xreplace({I: i})) == 0
    assert answer.proved


def test_growing_samples_with_symbols_are_answered_by_cases():
    answer = rate("tv/propagation/replace-growing", "i", a=sp.Rational(1, 4))
    assert isinstance(answer.expr, sp.Piecewise)
    assert answer.method == "symbolic, by cases"
    for order, exponent in ((2, HALF), (4, 0), (8, 0)):
        growth = answer.exponent.xreplace({x: sp.Integer(order) for x in answer.exponent.free_symbols})
        assert growth == exponent


def test_the_parts_of_a_growth():
    answer = rate("tv/discrete/fresh", "n")
    assert isinstance(answer, Growth)
    assert (answer.exponent, answer.log_power, answer.exponential) == (-HALF, 0, 0)
    assert str(answer.base) == "n"
    assert max(answer.checks) < 1e-3
    assert answer.checks[1] < answer.checks[0]
    assert "proved" not in answer.text
    assert answer.latex


def test_limits():
    assert limit("tv/discrete/fresh", "n").expr == 0
    assert limit("tv/discrete/replace", "K").expr == OO
    assert limit("tv/propagation/fresh", "i", eps=0.05, alpha=0.1).expr == HALF
    assert limit("tv/propagation/fresh", "i", eps=0.05, alpha=0.1).value == 0.5
    assert limit("tv/discrete/fresh", [("i", OO), ("n", OO)]).expr == 0
    assert limit("discrete/diversity/replace", "i").expr == 0


# --- users' expressions ---------------------------------------------------------------------------------------

x, y = sp.symbols("x y", positive=True)
plain = sp.Symbol("t")


@pytest.mark.parametrize(
    ("expr", "to", "expected"),
    [
        (sp.sqrt(plain**2 + plain) - plain, OO, HALF),  # a symbol without assumptions; cancellation
        (sp.exp(-plain) * (plain + 1), OO, plain * sp.exp(-plain)),
        (sp.exp(plain) + plain**5, OO, sp.exp(plain)),
        (sp.Rational(1, 2) ** plain, OO, 2**-plain),
        (sp.log(plain) ** 2 * plain + plain, OO, plain * sp.log(plain) ** 2),
        (1 - sp.cos(plain), 0, plain**2 / 2),
        (sp.exp(plain) - 1 - plain - plain**2 / 2, 0, plain**3 / 6),
        (sp.tanh(plain), OO, sp.S.One),
        (1 - sp.erf(plain), OO, sp.exp(-(plain**2)) / (sp.sqrt(sp.pi) * plain)),
        ((1 + 1 / plain) ** plain, OO, sp.E),
        (sp.Piecewise((plain**2, plain > 5), (1 / plain, True)), OO, plain**2),
        (sp.Min(plain, plain**2), OO, plain),
        (sp.Max(1 / plain, plain), 0, 1 / plain),
        (sp.atan(plain), OO, sp.pi / 2),
        (x * y**2, OO, None),
    ],
)
def test_expressions_of_the_user(expr, to, expected):
    if expected is None:
        assert rate(expr, "y", to).expr == expr
        return
    answer = rate(expr, "t", to)
    assert sp.simplify(answer.expr - expected) == 0
    assert answer.proved


def test_a_case_that_hangs_on_a_parameter():
    answer = rate(plain**x + plain**y, "t")
    assert isinstance(answer.expr, sp.Piecewise)
    assert sp.simplify(answer.expr.subs({x: 3, y: 2}) - plain**3) == 0
    assert sp.simplify(answer.expr.subs({x: 2, y: 2}) - 2 * plain**2) == 0
    assert sp.simplify(answer.expr.subs({x: 1, y: 2}) - plain**2) == 0


def test_numbers_where_no_rule_applies():
    answer = rate(sp.zeta(1 + 1 / plain), "t")
    assert answer.exponent == 1
    assert answer.expr.subs(plain, 10) == pytest.approx(10, rel=1e-6)


# --- what cannot be answered ----------------------------------------------------------------------------------


def test_a_hard_expression_is_given_up_in_time():
    hard = sp.gamma(sp.sin(plain) + sp.zeta(sp.cos(plain) + 3)) ** sp.sin(plain**2) + sp.Sum(
        1 / x**plain, (x, 1, plain)
    )
    child = worker.run(worker.process_id)
    start = time.monotonic()
    with pytest.raises(Unanswered) as caught:
        rate(hard, "t", time_limit=0.5)
    assert time.monotonic() - start < 10
    assert caught.value.why
    assert "rate of" in caught.value.query
    assert worker.run(worker.process_id)
    assert child


def test_work_that_does_not_end_is_ended(monkeypatch):
    """A user's function whose derivative hangs: the process that hangs is gone, and the query has an answer."""
    from bounds.query import leading

    before = worker.run(worker.process_id)
    monkeypatch.setattr(leading, "expand_subject", time.sleep)
    monkeypatch.setattr(leading, "sympy_leading", time.sleep)
    monkeypatch.setattr(leading, "by_rules", lambda *_: worker.run(time.sleep, 60, limit=0.3))
    with pytest.raises(Unanswered, match=r"0\.3 s"):
        rate(plain**2, "t", time_limit=0.3)
    with pytest.raises(ProcessLookupError):
        os.kill(before, 0)


def test_reasons():
    with pytest.raises(Unanswered, match="stationary law"):
        rate("tv/discrete-exact/fresh", "i")
    with pytest.raises(Unanswered, match="vector-valued"):
        rate("tv/propagation", "eps")


def test_errors_name_the_argument():
    with pytest.raises(bounds.ParameterError, match="m"):
        rate("tv/discrete/fresh", "m")
    with pytest.raises(bounds.DomainError, match="alpha"):
        rate("tv/discrete/fresh", "alpha", 2)
    with pytest.raises(bounds.DomainError, match="alpha"):
        rate("tv/discrete/fresh", "n", alpha=1.5)
    with pytest.raises(bounds.UnknownResultError):
        rate("tv/discrete/frsh", "n")
    with pytest.raises(TypeError):
        rate(3, "n")
