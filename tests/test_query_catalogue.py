"""`rate` and `limit` over the whole catalogue: how many are answered, and each answer against many digits."""

from dataclasses import replace
from functools import cache

import mpmath
import pytest
import sympy as sp

from bounds import CATALOGUE, Structure
from bounds.catalogue.kde import RESULTS as KDE
from bounds.catalogue.phase import RESULTS as PHASE
from bounds.query import Unanswered, limit, rate
from bounds.query.number import evaluate

RESULTS = tuple({r.key: r for r in (*CATALOGUE, *KDE, *PHASE)}.values())
ENDS = {
    "alpha": (0, 1),
    "lam": (0, sp.oo),
    "r": (0, sp.oo),
    "h": (0, sp.oo),
    "w": (0, 1),
    "theta": (0, 1),
} | dict.fromkeys(("n", "i", "K", "d", "m", "T", "N"), (sp.oo,))
ASKED = tuple(
    (result, param, end)
    for result in RESULTS
    for param in result.params
    if param.structure is Structure.SCALAR
    for end in ENDS.get(param.name, ())
)
IDS = [f"{result.key}-{param.name}-{end}" for result, param, end in ASKED]
NO_RULE = ("sharp", "tv/hp-kde", "tv/kde/lower/gaussian", "tv/kde-torus-tuned", "tv/discrete-exact/fresh")
NO_RULE += ("generalization/high-probability-moment", "generalization/categorical-ridge/moment")  # a rounded logarithm
NO_RULE += ("recursive-stability/gaussian-mean/not-reused",)  # at alpha = 1 the order of the terms depends on i
NO_RULE += ("paper/stl-in-context",)  # which term leads changes at a = 1/2, near which numbers decide nothing
NO_RULE += ("diffusion/step-divergence/isotropic",)  # at r = 1 the divergence does not depend on d
NO_RULE += ("regression/replace/probability", "regression/accumulate/probability")  # rows must outnumber coefficients
NO_RULE += ("regression/stratified/few-real", "regression/interpolation")  # nor has what is left beyond that a sign
NO_RULE += ("symbols/missing-mass-lower",)  # every atom falls at a rate of its own
# evaluated in the bounds' own many digits, by sums or quadratures that only short loops and small samples allow
SLOW = (
    "tv/kde-sharp",
    "tv/hp-kde",
    "tv/discrete-exact/replace",
    "tv/discrete-exact/fresh",
    "tv/kde/lower/gaussian",
    "tv/kde-line",
)
POINT = {
    "n": 40,
    "i": 3,
    "K": 5,
    "d": 2,
    "m": 60,
    "T": 7,
    "lam": 2,
    "r": 2,
    "delta": "0.05",
    "sigma": "1.3",
    "eps": "0.02",
}
POINT |= {"alpha": "0.3", "h": "0.37", "w": "0.4", "theta": "0.7", "c": "0.6", "C": "0.8", "a": "0.3", "s": "0.7"}
POINT |= {"L1": "1.1", "p": "0.3", "omega": "0.4"}
POINT |= {"mu": "0.8", "L": "1.4", "M": "1.2", "V": "0.9", "eta": "2.3", "Delta": "1.7", "u": "0.4", "q": "3.5"}
POINT |= {"beta_n": "0.003", "gamma_n": "0.04", "tv": "0.06", "kappa": "0.0002", "kappa_N": "0.0001", "nu": "0.002"}
POINT |= {"rho": "0.9", "Gamma": "0.4", "layers": 3}
POINT |= {"J": "0.02", "gap": "0.3", "t0": "0.1", "t1": "1.5", "span": "1.4", "R": "1.2", "M2": "2.5"}
POINT |= {"dt": "0.2", "steps": 7, "b": "1.1", "A": "1.6", "approx": "0.1", "noise": "2.1"}
POINT |= {"mu_k": "0.2", "kappa_k": "0.1", "pi_0": "0.15", "delta_T": "0.5", "tv_0": "0.4", "H_0": "0.6", "H_G": "0.7"}
POINT |= {"K_eff": "3.5"}
POINT |= {"tau": "0.6", "gram": "1.7"}
POINT |= {"chi": "0.2"}
OF_ONE = {"regression/interpolation": {"n": 3, "d": 40}}


def generic(result):
    """Values of all parameters: inside every domain, typical where vector-valued."""
    point, given = {}, POINT | OF_ONE.get(result.key, {})
    for param in result.params:
        scalar = param.structure is Structure.SCALAR
        point[param] = sp.Rational(str(given[param.name])) if scalar else param.typical[-1]
    return point


@cache
def ask(query, result, param, end):
    try:
        return query(result, param.name, end)
    except Unanswered as unanswered:
        return unanswered


@pytest.mark.slow
def test_nine_in_ten_are_answered():
    answers = {name: ask(rate, *asked) for name, asked in zip(IDS, ASKED, strict=True)}
    missing = {name: a.why for name, a in answers.items() if isinstance(a, Unanswered)}
    listing = "\n".join(f"{name}: {why}" for name, why in missing.items())
    assert len(missing) <= 0.1 * len(ASKED), listing
    assert all(any(part in name for part in NO_RULE) for name in missing), listing
    assert all(len(why) > 20 for why in missing.values())
    entries = {result.key for result, _, _ in ASKED}
    some = {asked[0].key for name, asked in zip(IDS, ASKED, strict=True) if name not in missing}
    assert entries - some == {"generalization/high-probability-moment"}  # every end meets the rounded logarithm
    answered = [a for a in answers.values() if not isinstance(a, Unanswered)]
    assert sum(a.proved for a in answered) >= 0.94 * len(answered)
    assert all(a.method.startswith("symbolic") for a in answered)


def approach(param, end, far):
    with mpmath.workdps(150):
        step = mpmath.mpf(10) ** -far
        if end is sp.oo:
            return mpmath.mpf(10) ** far
        return mpmath.mpf(end) + (step if end == 0 else -step)


def ratio(result, answer, param, end, far):
    """Return the entry over its leading term, evaluated without domain checks and without any rule."""
    point = generic(result)
    values = {p.symbol: v for p, v in point.items()} | {param.symbol: approach(param, end, far)}
    sizes = {sp.Symbol("K", integer=True): len(v) for p, v in point.items() if p.core == "K"}
    digits = 108 if result.key.startswith(SLOW) else 150
    return evaluate(result.expr, values | sizes, digits) / evaluate(answer.expr, values | sizes, digits)


def converges(gaps):
    """Tell whether the ratio tends to 1: even where the gap falls like 1/√log, it falls by more than a quarter."""
    return gaps[1] < mpmath.mpf("1e-50") or gaps[1] < 0.75 * gaps[0]


@pytest.mark.slow
@pytest.mark.parametrize(("result", "param", "end"), ASKED[::3], ids=IDS[::3])
def test_the_leading_term_is_the_limit_of_the_ratio(result, param, end):
    answer = ask(rate, result, param, end)
    if isinstance(answer, Unanswered):
        assert any(part in result.key for part in NO_RULE)
        return
    slow = result.key.startswith(SLOW)
    if slow and param.name in ("n", "i"):
        fars = (2, 4) if param.name == "i" else (6, 14)
        if result.key.startswith("tv/discrete-exact") or param.name == "i":
            fars = (1, 2)
    else:
        fars = (5, 9) if slow else (12, 24)
    logs = answer.log_power != 0
    if logs and not slow:
        fars = (100, 1000)
    assert converges([abs(ratio(result, answer, param, end, far) - 1) for far in fars])


def test_the_limit_is_what_the_leading_term_tends_to():
    for result, param, end in ASKED[::8]:
        leading, tends = ask(rate, result, param, end), ask(limit, result, param, end)
        if isinstance(leading, Unanswered):
            assert isinstance(tends, Unanswered)
        elif not tends.expr.has(param.symbol):
            assert tends.expr.has(sp.oo, -sp.oo) or tends.expr == 0 or sp.simplify(tends.expr - leading.expr) == 0


def test_a_wrong_leading_term_is_seen():
    result = next(r for r in RESULTS if r.key == "tv/discrete/fresh")
    param = next(p for p in result.params if p.name == "n")
    answer = rate(result, "n")
    for wrong in (answer.expr * sp.Rational(1001, 1000), answer.expr * sp.sqrt(param.symbol)):
        gaps = [abs(ratio(result, replace(answer, expr=wrong), param, sp.oo, far) - 1) for far in (12, 24)]
        assert not converges(gaps)
