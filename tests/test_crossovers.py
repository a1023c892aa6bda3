"""Where bounds with high probability cross: the query against formulas of their own and bisection in 50 digits."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from verify.crossovers import DELTAS, LENGTH, RIDGE, Crossing, bound_of, crossings, over_length

ROOT = Path(__file__).resolve().parents[1]


def general(form: str, N: int, delta: float) -> mpf:
    """The three forms written out for real points only, b = N^(-1/2), M = 1."""
    n, log = mpf(N), -mp.log(mpf(delta))
    b = 1 / mp.sqrt(n)
    if form == "L2":
        return b + (2 * b + 1 / n) * mp.sqrt(n * log / 2)
    if form == "L3'":
        return 2 * b + mp.sqrt((1 / (4 * n) + b**2) / mpf(delta))
    halvings = (N - 1).bit_length()  # the rounded-up binary logarithm
    return 2 * b + mp.e * (24 * mp.sqrt(2) * b * halvings * (1 + log) + 4 * mp.sqrt((1 + log) / n))


def ridge(form: str, n: int, delta: float) -> mpf:
    """The three forms written out for ridge regression in the loop, i = 1, alpha = 1/2, K = 8, omega = 0.3, mu = 1."""
    length, kept, size, log = mpf(9) / 8, mpf(7) / 10, mpf(n), -mp.log(mpf(delta))
    stability, count = 2 * mpf(9) / 4 / size, size / 2
    c = kept / size
    gamma = mp.sqrt(count * c * mp.log(1 + 8 * c / (1 - kept)) / 2)
    b, influence, shift = stability + length * gamma, kept / size, kept / 2 * mp.sqrt(7 / size)
    if form == "L2":
        mean = (length * shift + stability) / 2 + b / 2
        return mean + (b + length / size + length * influence / 2) * mp.sqrt(count * log / 2)
    centre = (length * shift + stability) / 2 + b
    if form == "L3'":
        real = mp.sqrt(length**2 / (4 * count) + b**2)
        return centre + (real / 2 + length * influence * mp.sqrt(count) / 4) / mp.sqrt(mpf(delta))
    halvings = (n // 2 - 1).bit_length()
    real = 24 * mp.sqrt(2) * b * halvings * (1 + log) + 4 * length * mp.sqrt((1 + log) / count)
    return centre + mp.e / 2 * (real + length * influence * mp.sqrt(count * (1 + log)))


FORMULA: dict[str, Callable[[str, int, float], mpf]] = {"general": general, "ridge": ridge}
STEP = {"general": 1, "ridge": 2}  # half of the points are reused
LOWEST = {"general": 2, "ridge": 4}


def first_below(setting: str, form: str, other: str, delta: float) -> int:
    """The first sample size from which on one form is below another, by bisection from where it is for good."""
    step, level = STEP[setting], mpf(str(delta))

    def under(k: int) -> bool:
        right = mpf(LENGTH[setting].p) / LENGTH[setting].q if other == "M" else FORMULA[setting](other, step * k, level)
        return bool(FORMULA[setting](form, step * k, level) < right * (1 - mpf(10) ** -30))  # a tie is not below

    low, high = 1, 2**36
    assert under(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if under(middle) else (middle, high)
    return step * high


@pytest.fixture(scope="module")
def general_found() -> tuple[Crossing, ...]:
    return crossings("general")


@pytest.mark.parametrize("setting", ["general", "ridge"])
@pytest.mark.parametrize("form", ["L2", "L3", "L3'"])
def test_forms_are_those_of_the_catalogue(setting: str, form: str) -> None:
    for n in (4, 20, 50, 1000, 131_072, 10**8 + 2, 2**35):
        with mpmath.workdps(50):
            fixed = {name: mpf(str(value)) for name, value in RIDGE.items()} if setting == "ridge" else {}
            known = {"n": n, "delta": mpf("0.05"), **fixed, **({"i": 1, "K": 8} if fixed else {})}
            assert abs(bound_of(form, setting).evalf(50, **known) / FORMULA[setting](form, n, mpf("0.05")) - 1) < 1e-40


def agrees(crossing: Crossing) -> None:
    setting = crossing.setting
    with mpmath.workdps(50):
        if crossing.relation == "crossing":
            n = first_below(setting, crossing.first, crossing.second, crossing.delta)
            assert crossing.sizes == (n,)
            assert crossing.below == ((n, crossing.below[0][1]),)
            return
        for k in (*range(LOWEST[setting], 500, 2), *(2**j for j in range(9, 36))):
            values = [
                FORMULA[setting](form, k, crossing.delta) if form != "M" else mpf(float(LENGTH[setting]))
                for form in (crossing.first, crossing.second)
            ]
            assert (values[0] <= values[1]) == (crossing.relation == "below")


def test_crossings_agree_with_bisection_in_many_digits(general_found: tuple[Crossing, ...]) -> None:
    relations = [crossing.relation for crossing in general_found]
    assert [relations.count(name) for name in ("crossing", "below", "above")] == [8, 2, 2]
    for crossing in general_found:
        agrees(crossing)


@pytest.mark.slow
def test_crossings_of_ridge_regression_agree_with_bisection_in_many_digits() -> None:
    found = crossings("ridge")
    assert [c.relation for c in found].count("crossing") == 8
    for crossing in found:
        agrees(crossing)


@pytest.mark.parametrize("setting", ["general", "ridge"])
@pytest.mark.parametrize("delta", DELTAS)
@pytest.mark.parametrize("other", ["L2", "M"])
def test_no_crossing_is_missed_below_it(setting: str, delta: float, other: str) -> None:
    """The rounded logarithm jumps at powers of two: there the order might change back, and does not."""
    with mpmath.workdps(30):
        size = first_below(setting, "L3", other, delta)
        for k in [2**j + s for j in range(3, 37) for s in (0, 2)]:
            right = FORMULA[setting](other, k, delta) if other != "M" else float(LENGTH[setting])
            assert (FORMULA[setting]("L3", k, delta) <= right) == (k >= size)


@pytest.mark.parametrize(("delta", "low", "high"), [(0.05, 70, 474), (0.01, 99, 663)])
def test_the_published_constants_say_nothing_at_practical_sizes(delta: float, low: int, high: int) -> None:
    over = over_length("L3", "general", np.arange(10, 4001), delta)
    assert (round(over.min()), round(over.max())) == (low, high)
    assert (over.argmax(), over.argmin()) == (0, over.size - 1)


def test_the_table_of_the_book_has_these_numbers(general_found: tuple[Crossing, ...]) -> None:
    """Those of ridge regression are found by bisection here, without the query."""
    since = runpy.run_path(str(ROOT / "examples" / "book_tables.py"))["since"]
    page = (ROOT / "book" / "generalization.md").read_text(encoding="utf-8")
    for delta in DELTAS:
        cells = [since(crossing) for crossing in general_found if crossing.delta == delta]
        assert f"| general | {delta:g} | " + " | ".join(cells) + " | " in page
        with mpmath.workdps(50):
            sizes = [
                f"{first_below('ridge', form, other, delta):,}"
                for form, other in (("L3", "L2"), ("L3'", "L2"), ("L3", "M"), ("L3'", "M"))
            ]
        cells = [*sizes[:2], "always", "never", *sizes[2:]]
        assert f"| ridge regression | {delta:g} | " + " | ".join(cells) + " | " in page


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(ValueError, match="setting = 'loop': allowed: general, ridge"):
        crossings("loop")
