"""`monotone`: directions by rule are checked against values, and turns against known ones."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import CATALOGUE
from bounds.query.answers import Unanswered
from bounds.query.curve import curve_of
from bounds.query.order import Order
from bounds.query.subject import subject_of
from bounds.query.trend import directions, monotone, proved_direction

x = sp.Symbol("x", positive=True)
y = sp.Symbol("y", positive=True)
SCALARS = [(r.key, p.name) for r in CATALOGUE for p in r.params if p.structure == "scalar"]
ASKED = SCALARS[::6]
SLOW = ("kde-sharp", "hp-kde", "discrete-exact/", "kde/lower/gaussian")


def proofs() -> list[tuple[str, str, int]]:
    found = []
    for key, name in ASKED:
        subject = subject_of(key)
        direction = proved_direction(subject, subject.variable(name, "test"))
        if direction is not None:
            found.append((key, name, direction))
    return found


@pytest.mark.slow
def test_what_is_proved_is_seen_in_the_values() -> None:
    """At random values of the other parameters every step along a grid has the proved sign, up to rounding."""
    proved, checked = proofs(), 0
    assert len(proved) > 0.5 * len(ASKED)
    for key, name, direction in proved:
        if any(part in key for part in SLOW):
            continue
        result, rng = bounds.get(key), random.Random(f"{key} {name}")
        fixed = {p.name: rng.choice(p.typical) for p in result.params if p.name != name}
        try:
            curve = curve_of(result, name, fixed, "test")
        except (Unanswered, bounds.BoundsError):
            continue
        points = [v for v in curve.grid()[::9] if abs(v) <= 10**9]
        values = curve.values(points)
        seen = set(directions(values[np.isfinite(values)])) - {0}
        assert seen <= {direction}, (key, name, fixed)
        checked += 1
    assert checked > 30


def test_rules_on_expressions() -> None:
    subject = subject_of(sp.sqrt(x) / (1 + y) + x * sp.exp(-y))
    assert monotone(subject, "x").direction == "increasing"
    assert monotone(subject, "y").direction == "decreasing"
    assert monotone(subject, "x").proved
    assert monotone(x + 1 - x + y, "y").proved
    constant = monotone("tv/discrete/one-step/fixed", "alpha")
    assert (constant.direction, constant.proved) == ("constant", True)


@pytest.mark.parametrize("seed", range(40))
def test_signs_of_random_polynomials_are_right(seed: int) -> None:
    rng = random.Random(seed)
    u, v = sp.symbols("u v", positive=True)
    terms = [rng.randint(-3, 4) * u**a * v**b for a, b in itertools.product(range(3), range(3))]
    poly = sp.Add(*terms) / (1 + u * v)
    sign = Order(subject_of(poly + 0 * u)).sign(
        poly.xreplace({w.original: w.symbol for w in subject_of(poly).variables})
    )
    values = [poly.subs({u: a, v: b}) for a, b in itertools.product((0.001, 0.1, 0.7, 1, 2, 30), repeat=2)]
    assert sign is None or all(sign * value >= 0 for value in values)


def test_turns_are_found() -> None:
    golden = monotone("gaussian/golden-ratio", "w", n=10, sigma=1)
    assert golden.direction == "turns"
    assert golden.turns == pytest.approx([(5**0.5 - 1) / 2], rel=1e-12)
    assert not golden.proved
    cubic = monotone((x - 1) * (x - 2) * (x - 3), "x")
    assert cubic.turns == pytest.approx([2 - 3**-0.5, 2 + 3**-0.5], rel=1e-12)
    assert monotone("discrete/variance/fresh", "p", n=10, alpha=0.1, i=5).turns == pytest.approx([0.5], rel=1e-12)


def test_integer_turns_are_the_best_integer() -> None:
    k = sp.Symbol("k", integer=True, positive=True)
    found = monotone((k - sp.Rational(57, 10)) ** 2, "k")
    assert found.turns == (6.0,)
    lam = monotone("tv/discrete/expand", "lam", n=10, i=5, K=5).turns
    heights = [bounds.get("tv/discrete/expand").evalf(30, n=10, i=5, K=5, lam=sp.Rational(j, 10)) for j in range(200)]
    assert lam == (max(range(200), key=heights.__getitem__) / 10,)


def test_what_depends_on_free_parameters_is_not_answered() -> None:
    with pytest.raises(Unanswered, match="fix n, sigma"):
        monotone("gaussian/golden-ratio", "w")
    with pytest.raises(Unanswered, match="depends on other parameters"):
        monotone(x**2 - 3 * y * x, "x")


def test_wrong_names_and_values() -> None:
    with pytest.raises(bounds.ParameterError, match="unexpected m"):
        monotone("tv/discrete/fresh", "m")
    with pytest.raises(bounds.DomainError, match="alpha = 2"):
        monotone("tv/discrete/fresh", "n", alpha=2)
    with pytest.raises(bounds.UnknownResultError):
        monotone("tv/discrete/frsh", "n")
    with pytest.raises(Unanswered, match="vector-valued"):
        monotone("tv/discrete-instance/fresh", "p")
