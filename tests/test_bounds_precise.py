"""`evalf` against brute force: recursions generation by generation, sums, quadrature, inverses; exact or 60 digits."""

from fractions import Fraction as Fr

import mpmath as mp
import pytest
import sympy as sp
from test_bounds_recursions import (
    MIXING,
    SIZES,
    best_stationary,
    chain,
    chi_mean,
    confidence,
    exact,
    fresh_square,
    mean_tv,
    propagated,
    root,
    spread,
    stationary,
    tau_squared,
    units,
    w,
)

import bounds
from bounds import CATALOGUE
from bounds.functions import complement_power, geometric_sum

FAMILIES = ("tv/propagation", "tv/discrete", "tv/hp", "tv/gaussian-mean", "discrete/", "gaussian/")
BY_KEY = {r.key: r for r in CATALOGUE if r.key.startswith(FAMILIES) and "kde" not in r.key}
PARAMETERS = {
    "n": (Fr(1), Fr(4), Fr(20)),
    "i": (1, 2, 3, 7),
    "alpha": (Fr(0), Fr(1, 4), Fr(1, 2), Fr(1)),
    "lam": (Fr(0), Fr(1, 2), Fr(3)),
    "K": (2, 7),
    "T": (9,),
    "d": (1, 2, 5),
    "delta": (Fr(1, 20), Fr(9, 10)),
    "eps": (Fr(1, 30), Fr(0)),
    "p": (Fr(1, 20), Fr(1, 2)),
    "sigma": (Fr(5, 2),),
    "theta": (Fr(9, 10), Fr(1)),
    "w": (Fr(1, 3), Fr(1)),
    "m": (Fr(1), Fr(10)),
    "c": (Fr(1, 2),),
    "a": (Fr(1, 4), Fr(1)),
    "s": (Fr(0), Fr(3)),
}
VECTORS = [[Fr(1, 2), Fr(1, 3), Fr(1, 6)], [Fr(1, 10)] * 10]
ERRORS = [Fr(1, 20), Fr(1, 30), Fr(1, 7), Fr(1, 100)]


def half_root(v):
    return root(v["K"] - 1) / 2


def inverse_of(B):
    return mp.eye(len(B)) - mp.matrix([[exact(x) for x in row] for row in B])


SINGLE = {
    "tv/propagation": lambda v: mp.matrix(mp.inverse(inverse_of(MIXING)) * mp.matrix(list(map(exact, ERRORS))))[3],
    "tv/propagation/accumulate": lambda v: units("accumulate", v, lambda N: exact(v["c"]) * exact(N) ** -exact(v["a"])),
    "tv/propagation/replace-growing": lambda v: mp.fsum(
        exact(v["c"]) * (exact(v["n"]) * (k + 1) ** exact(v["s"])) ** -exact(v["a"]) for k in range(v["i"])
    ),
    "tv/discrete/one-step/expand": lambda v: half_root(v) * root(1 / (v["n"] * (1 + v["lam"]))),
    "tv/discrete/one-step/accumulate": lambda v: half_root(v) * root(1 / (v["n"] * v["i"])),
    "tv/discrete/one-step-hp": lambda v: (
        half_root(v) * root(1 / v["n"]) + mp.sqrt(mp.log(1 / exact(v["delta"])) / (2 * exact(v["n"])))
    ),
    "tv/discrete/hp-triangle": lambda v: units(
        "fresh", v, lambda N: half_root(v) * root(1 / N) + mp.sqrt(confidence(v) / exact(N))
    ),
    "tv/discrete/weighted/triangle": lambda v: half_root(v) * propagated(MIXING, [1 / root(size) for size in SIZES]),
    "tv/discrete-exact/first": lambda v: sum(chain(v["n"], 0, 1, x) for x in v["p"]) / 2,
    "tv/discrete-exact/replace": lambda v: sum(chain(v["n"], 0, v["i"], x) for x in v["p"]) / 2,
    "tv/discrete-exact/fresh": lambda v: sum(chain(v["n"], v["alpha"], v["i"], x) for x in v["p"]) / 2,
    "discrete/minimax-real-only": lambda v: (1 - 1 / exact(v["K"])) / (root(v["n"]) + 1) ** 2,
    "gaussian/std-collapse": lambda v: exact(v["sigma"]) * chi_mean(v["n"], lambda s: s) ** v["i"],
    "gaussian/std-collapse/variance": lambda v: exact(v["sigma"]) ** 2 * chi_mean(7, lambda s: s**2) ** 5,
    "gaussian/std-collapse/log-variance": lambda v: v["i"] * chi_mean(v["n"], lambda s: 2 * mp.log(s)),
    "gaussian/w2/replace": lambda v: (
        exact(v["sigma"]) ** 2 * (v["i"] / exact(v["n"]) + 2 - 2 * chi_mean(v["n"], lambda s: s) ** v["i"])
    ),
    "gaussian/biased-sampling": lambda v: exact(v["sigma"]) ** 2 * mp.fprod([exact(v["theta"])] * (v["i"] - 1)),
    "gaussian/golden-ratio": lambda v: stationary(v, v["n"]),
    "gaussian/golden-ratio/general": lambda v: stationary(v, v["m"]),
    "gaussian/golden-ratio/optimum": lambda v: best_stationary(v),
}
SINGLE["tv/propagation-hp"] = SINGLE["tv/propagation"]


def brute(key, v):
    """The value of a result by brute force."""
    if key in SINGLE:
        return SINGLE[key](v)
    name = key.rsplit("/", 1)[-1]
    if key.startswith("tv/gaussian-mean/lower/"):
        return mean_tv(1, 1 / v["n"])
    if key.startswith("tv/gaussian-mean"):
        return mean_tv(v.get("d", 1), fresh_square(v) if name == "fresh" else tau_squared(name, v))
    return brute_moment(key, name, v) if key.startswith("discrete/") else brute_distance(key, name, v)


def brute_moment(key, name, v):
    if key.startswith("discrete/variance-lower/"):
        return v["p"] * (1 - v["p"]) / v["n"]
    if key.startswith("discrete/variance/"):
        return v["p"] * (1 - v["p"]) * w(name, v)
    if key.startswith("discrete/diversity/"):
        return (1 - w(name, v)) * spread(v["p"])
    return sum(chain(v["n"], 0, 1, x) for x in v["p"]) / 2


def brute_distance(key, name, v):
    if key.startswith("tv/propagation/"):
        return units(name, v, lambda _: exact(v["eps"]))
    if key.startswith("tv/discrete/one-step"):
        return half_root(v) * root(1 / v["n"])
    if key.endswith("/triangle"):
        return half_root(v) * units(key.split("/")[2], v)
    if key.startswith("tv/discrete-instance/"):
        return mp.fsum(min(root(w(name, v) * x * (1 - x)), exact(2 * x * (1 - x))) for x in v["p"]) / 2
    if key.startswith("tv/discrete/"):
        return half_root(v) * root(w(name, v))
    if key.startswith("tv/hp/"):
        return half_root(v) * root(w(name, v)) + mp.sqrt(exact(tau_squared(name, v)) * confidence(v))
    return mp.sqrt(exact(tau_squared(name, v)) * (v["K"] * mp.log(2) / 2 + confidence(v)))


def points(result):
    """A few points: every value of every parameter occurs."""
    names = [p.name for p in result.params]
    choices = []
    for param in result.params:
        if param.name == "B":
            choices.append((MIXING,))
        elif param.structure != "scalar":
            choices.append({"n": (SIZES,), "eps": (ERRORS,), "p": VECTORS}[param.name])
        else:
            allowed = [x for x in PARAMETERS[param.name] if x in param.domain] if param.name == "n" else None
            choices.append(allowed or PARAMETERS[param.name])
    quick = result.key.startswith(("gaussian/", "tv/gaussian"))
    for j in range(4 if quick else 12):
        yield {
            n: c[(j * (place + 1) + j // 3) % len(c)] for place, (n, c) in enumerate(zip(names, choices, strict=True))
        }


def fits(result, v):
    integers = [c for c in result.conditions if c.integer]
    fraction = "alpha" if "alpha" in v else "lam"
    whole = not integers or (v["n"] * v[fraction]).denominator == 1
    return whole and not ("discrete-exact" in result.key and v["n"] > 5)


@pytest.mark.parametrize("key", BY_KEY)
def test_evalf_is_brute_force(key):
    result, compared = BY_KEY[key], 0
    for v in points(result):
        if not fits(result, v):
            continue
        with mp.workdps(60):
            expected = exact(brute(key, v))
            found = result.evalf(50, **v)
            digits = mp.mpf("1e-20") if key.startswith(("gaussian/", "tv/gaussian")) else mp.mpf("1e-48")
            assert abs(found - expected) <= digits * max(abs(expected), mp.mpf("1e-3")), (v, found, expected)
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize(("x", "i"), [(sp.Rational(1, 3), 5), (sp.Integer(0), 7), (sp.Float("0.1", 40), 2)])
def test_functions_of_numbers_are_numbers(x, i):
    """They can be compared, as `Min` does when numbers are put in."""
    for function in (geometric_sum, complement_power):
        node = function(x, i)
        assert node.is_comparable
        assert abs(node.evalf(40) - node.definition().evalf(40)) <= sp.Float("1e-38", 40)
        assert sp.Min(sp.Integer(10**9), node) == node
    capped = bounds.get("tv/categorical/fixed").expr
    names = {str(s): s for s in capped.free_symbols}
    point = {"n": 100, "alpha": x, "i": i, "K": 5, "omega": sp.Rational(1, 4), "u": sp.Rational(1, 7)}
    value = capped.subs({names[name]: number for name, number in point.items() if name in names})
    assert 0 < value.evalf(20) <= 1
