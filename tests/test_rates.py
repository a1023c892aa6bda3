"""Rates: exponents of terms, verdicts on orders, and orders that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
import xarray

import bounds
import sim
from bounds import Kind, Result
from bounds.query import rate
from verify import report
from verify.binary_loop import BinaryLearning, BinaryLoop
from verify.case import Array, Bounded, Case, Design, Exact, Exponent, Nonnegative, Unbounded
from verify.cases.rates import CASES, gap_quantile, quantile
from verify.checking import Curve, check, decisions_in
from verify.evidence import Decision, Guarantee
from verify.rates import claimed_terms
from verify.run import DEFAULT_SETTING, Plan, verify

R1, R2 = (case.result for case in CASES)
n, i, beta_n, gamma_n, eps = (
    next(p.symbol for p in R1.params if p.name == name) for name in ("n", "i", "beta_n", "gamma_n", "eps")
)
DESIGNS = [(case, design) for case in CASES for design in case.designs(DEFAULT_SETTING)]
IDS = [f"{case.key}: {design.label}" for case, design in DESIGNS]


def verdict(case: Case, design: Design, replications: int = 20_000) -> Curve:
    return check(case, design, level=1e-6, replications=replications, seed=3)


def mutant(case: Case, change: Callable[[sp.Expr], sp.Expr]) -> Case:
    return replace(case, result=replace(case.result, expr=change(case.result.expr)))


# --- terms ----------------------------------------------------------------------------------------------------


def test_terms_add_up_to_the_expression() -> None:
    for point in ({"alpha": 0.3, "i": 4, "delta": 0.05}, {"alpha": 0.0, "i": 2, "delta": 0.9}):
        values = {"n": 500, "M": 1.3, "beta_n": 0.01, "gamma_n": 0.07, "eps": 0.02} | point
        whole = R1.evalf(50, **values)
        parts = [part.evalf(50, **values) for name in ("beta_n", "gamma_n", "eps") for part in claimed_terms(R1, name)]
        parts.append(R1.evalf(50, **{**values, "beta_n": 0, "gamma_n": 0, "eps": 0}))
        with mpmath.workdps(50):
            assert abs(sum(parts) - whole) < 1e-40
            assert abs(sum(part.evalf(50, **values) for part in claimed_terms(R1, "")) - whole) < 1e-40


def _values(**more: object) -> dict[str, object]:
    sizes = np.array([100, 1000, 10_000])
    fixed = {"n": sizes, "alpha": 0.5, "i": 3, "M": 2.0, "delta": 0.05}
    return fixed | {"beta_n": 3 / sizes, "gamma_n": sizes**-0.5, "eps": sizes**-0.25} | more


def _rate(
    measured: Exact | Bounded | Nonnegative | Unbounded, values: dict[str, object], result: Result = R1, **more: object
) -> tuple[Case, Design]:
    evidence = Exponent(along="n", measured=measured, **more)  # type: ignore[arg-type]
    design = Design(label="one", values=values, evidence=evidence)
    because = {assumption.key: "as given" for assumption in result.assumptions}
    return Case(result=result, name="test", designs=lambda _: (design,), because=because), design


def _falling(exponent: float) -> Exact:
    return Exact(values=lambda: np.array([100.0, 1000.0, 10_000.0]) ** exponent)


@pytest.mark.parametrize(
    ("term", "claimed"),
    [
        ("eps", lambda x: x**-0.25),
        ("beta_n", lambda x: np.log(x) / x),
        ("gamma_n", lambda x: np.log(x) * x**-0.5),
        ("", lambda x: x**-0.25),  # the slowest of the terms over these sizes, log(n)/sqrt(n) not being slower
    ],
)
def test_claimed_exponents_are_those_of_the_terms(term: str, claimed: Callable[[Array], Array]) -> None:
    case, design = _rate(_falling(-3.0), _values(), term=term)
    sizes = np.array([100.0, 1000.0, 10_000.0])
    curve = verdict(case, design)
    assert curve.bound == pytest.approx(np.polyfit(np.log(sizes), np.log(claimed(sizes)), 1)[:1])
    assert curve.claim == "rate"
    assert curve.parameters["n"].tolist() == [10_000]
    assert np.isnan(curve.tightness).all()


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [(-0.5, "HOLDS"), (-0.25, "HOLDS"), (-0.201, "HOLDS"), (-0.199, "REFUTED"), (0.1, "REFUTED")],
)
def test_verdicts_on_exact_values(exponent: float, expected: str) -> None:
    curve = verdict(*_rate(_falling(exponent), _values(), term="eps"))
    assert curve.decision.tolist() == [expected]
    assert curve.value[0] == curve.lower[0] == curve.upper[0] == pytest.approx(exponent)
    assert (curve.guarantee, curve.margin, curve.level) == (Guarantee.EXACT, 0.05, 0.0)


@pytest.mark.parametrize(
    ("measured", "values", "more", "message"),
    [
        (_falling(-1), _values(n=np.array([100, 100, 10_000])), {}, "n = .*increasing"),
        (
            _falling(-1),
            _values(n=np.array([100])) | {"beta_n": 0.1, "gamma_n": 0.1, "eps": 0.1},
            {},
            "n = .*two or more",
        ),
        (_falling(-1), _values(), {"term": "n"}, r"term = 'n': allowed for paper/stl-theorem-1: .*beta_n"),
        (_falling(-1), _values(), {"term": "kappa"}, "term = 'kappa'"),
        (_falling(-1), _values(eps=0.0), {"term": "eps"}, "all terms .* vanish"),
        (_falling(-1), _values(eps=np.array([0.0, 0.1, 0.1])), {"term": "eps"}, "positive on a path, or zero"),
        (Exact(values=lambda: np.zeros(3)), _values(), {}, "3 positive values along n"),
        (Exact(values=lambda: np.ones(2)), _values(), {}, "3 positive values along n"),
    ],
)
def test_what_is_no_path_is_refused(
    measured: Exact, values: dict[str, object], more: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        verdict(*_rate(measured, values, **more))


# --- sampled exponents ----------------------------------------------------------------------------------------

ROOT = replace(bounds.get("tv/discrete/one-step"), kind=Kind.RATE)  # falls like n^(-1/2)
SIZES = np.array([100, 400, 1600, 6400])


def _blocks(exponent: float, power: float = 1.0) -> Callable[[int], Iterator[Array]]:
    def blocks(seed: int) -> Iterator[Array]:
        rng = np.random.default_rng(seed)
        while True:
            noise = rng.random((256, SIZES.size)) ** power * (1 + power)
            yield noise * SIZES**exponent

    return blocks


@pytest.mark.parametrize("kind", [Bounded, Nonnegative, Unbounded])
@pytest.mark.parametrize(("exponent", "expected"), [(-0.7, "HOLDS"), (-0.5, "HOLDS"), (-0.3, "REFUTED")])
def test_verdicts_on_means(kind: type, exponent: float, expected: str) -> None:
    known = {Bounded: {"upper": 2 * SIZES**exponent}, Nonnegative: {"cap": 0.6}, Unbounded: {}}[kind]
    case, design = _rate(kind(blocks=_blocks(exponent), **known), {"n": SIZES, "K": 4}, ROOT)
    curve = verdict(case, design, 200_000)
    assert curve.decision.tolist() == [expected]
    assert curve.lower[0] < exponent < curve.upper[0]
    assert curve.guarantee is (Guarantee.ASYMPTOTIC if kind is Unbounded else Guarantee.FINITE_SAMPLE)
    assert 0 < curve.replications < 200_000
    assert decisions_in(case, design) == 1


def test_limits_of_sampled_exponents_hold_and_narrow() -> None:
    """At level 0.2 a limit may be wrong in one run of five: more than 17 times in 40 in one of 2,000 such tests."""
    case, design = _rate(Bounded(blocks=_blocks(-0.46, 3.0), upper=4 * SIZES**-0.46), {"n": SIZES, "K": 4}, ROOT)
    curves = [check(case, design, level=0.2, replications=1024, seed=seed) for seed in range(40)]
    for wrong in ([c.lower[0] > -0.46 for c in curves], [c.upper[0] < -0.46 for c in curves]):
        assert sum(wrong) <= 17
    few, many = (check(case, design, level=1e-3, replications=R, seed=1) for R in (512, 8192))
    assert few.decision.tolist() == ["UNDECIDED"]
    assert many.upper[0] - many.lower[0] < few.upper[0] - few.lower[0]


def test_exponents_need_rates_and_rates_exponents() -> None:
    upper = bounds.get("tv/discrete/one-step")
    for result, evidence in ((upper, Exponent(along="n", measured=_falling(-1))), (ROOT, _falling(-1))):
        case, design = _rate(_falling(-1), {"n": np.array([100, 1000, 10_000]), "K": 4}, result)
        with pytest.raises(ValueError, match="cannot decide"):
            verdict(case, replace(design, evidence=evidence))


# --- the published orders -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "design"), DESIGNS, ids=IDS)
def test_published_orders_hold_and_faster_ones_are_refuted(case: Case, design: Design) -> None:
    """Slower orders hold too; the faster ones fall by half a power of n, or grow by a power of i, too fast."""
    evidence = design.evidence
    assert isinstance(evidence, Exponent)
    curve = verdict(case, design)
    assert set(curve.decision) == {Decision.HOLDS}
    assert np.all(curve.upper <= curve.bound + evidence.margin)
    power = sp.sqrt(n) if evidence.along == "n" else i
    slower = verdict(mutant(case, lambda expr: sp.Add(*(part * power for part in expr.args))), design)
    faster = verdict(mutant(case, lambda expr: sp.Add(*(part / power for part in expr.args))), design)
    assert set(slower.decision) == {Decision.HOLDS}
    assert set(faster.decision) == {Decision.REFUTED}
    np.testing.assert_allclose(curve.bound - faster.bound, 0.5 if evidence.along == "n" else 1, atol=1e-12)


@pytest.mark.parametrize(("symbol", "term"), [(beta_n, "beta_n"), (gamma_n, "gamma_n"), (eps, "eps")])
def test_a_faster_term_alone_is_refuted(symbol: sp.Symbol, term: str) -> None:
    case = mutant(CASES[0], lambda expr: expr.subs(symbol, symbol / sp.sqrt(n)))
    hit = 0
    for design in case.designs(DEFAULT_SETTING):
        evidence = design.evidence
        assert isinstance(evidence, Exponent)
        if evidence.along == "n":
            expected = Decision.REFUTED if evidence.term == term else Decision.HOLDS
            assert set(verdict(case, design).decision) == {expected}
            hit += expected is Decision.REFUTED
    assert hit >= 2


def test_a_bound_without_its_slowest_terms_is_refuted() -> None:
    """The stability term alone falls too fast for the gap, and is no bound for a predictor that ignores its data."""
    case = mutant(CASES[0], lambda expr: expr.diff(beta_n) * beta_n)
    gap, ignorant = (
        next(d for d in case.designs(DEFAULT_SETTING) if word in d.label) for word in ("gap of ridge", "ignores")
    )
    assert set(verdict(case, gap).decision) == {Decision.REFUTED}
    with pytest.raises(ValueError, match=r"all terms .* vanish"):
        verdict(case, ignorant)


AT_INFINITY = {"": (-0.5, 1), "beta_n": (-1, 1), "gamma_n": (-0.5, 1), "eps": (-0.5, 0)}
PATHS = {
    beta_n: "stability/erm/ridge",
    gamma_n: "recursive-stability/categorical-coupled",
    eps: "categorical/one-step/fixed",
}


@pytest.mark.parametrize("term", AT_INFINITY)
def test_measured_exponents_are_those_of_the_terms_at_infinity(term: str) -> None:
    """With the bounds in place of beta_n, gamma_n and eps: by the query `rate`, whose power of log(n) is apart."""
    paths = {symbol: bounds.get(key) for symbol, key in PATHS.items()}
    params = {param.name: param for result in (R1, *paths.values()) for param in result.params}
    (claimed,) = claimed_terms(R1, term) if term else (R1,)
    expr = claimed.expr.subs({symbol: result.expr for symbol, result in paths.items()})
    kept = tuple(param for name, param in params.items() if name not in ("beta_n", "gamma_n", "eps"))
    fixed = {"alpha": 0.5, "i": 5, "K": 8, "omega": 0.3, "mu": 1, "u": 0, "M": 2, "delta": 0.05}
    found = rate(replace(R1, expr=expr, params=kept), "n", **fixed)
    assert found.proved
    assert (float(found.exponent), int(found.log_power)) == AT_INFINITY[term]
    measured = [
        verdict(case, design).value
        for case, design in DESIGNS
        if isinstance(evidence := design.evidence, Exponent)
        and (evidence.term, evidence.along) == (term, "n")
        and isinstance(evidence.measured, Exact)
    ]
    assert len(measured) >= 2
    assert np.concatenate(measured).max() <= AT_INFINITY[term][0] + 0.05


def test_quantiles_of_the_gap_are_those_of_simulated_loops() -> None:
    """The empirical quantile of many loops, drawn point by point, lies between two exact ones close by."""
    loop = BinaryLoop(20, 8, 0.3, 0.4, 4)
    learning, rng, runs = BinaryLearning(loop, sim.Ridge(0.5)), np.random.default_rng(11), 100_000
    real = rng.random((runs, 20)) < 0.3
    reused, drawn = real[:, :8].sum(axis=1), real[:, 8:].sum(axis=1)
    for _ in range(3):
        fit = 0.6 * (reused + drawn) / 20 + 0.4 / 4
        drawn = (rng.random((runs, 12)) < fit[:, None]).sum(axis=1)
    p, x = (reused + drawn) / 20, 0.3
    w = (2 * p - 1) / (1 + 0.5)  # ridge regression of labels +-1 on the point 1
    gap = np.abs((x - p) * ((w - 1) ** 2 / 2 - (w + 1) ** 2 / 2))
    for delta in (0.05, 0.3):
        low, high = (gap_quantile(learning, 3, delta + error) for error in (0.01, -0.01))
        assert low - 1e-12 <= np.quantile(gap, 1 - delta) <= high + 1e-12
    assert gap_quantile(learning, 3, 0.3) < gap_quantile(learning, 3, 0.05)


def test_a_quantile_is_not_exceeded_too_often() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.5, 0.4])
    assert [quantile(values, weights, d) for d in (0.05, 0.1, 0.3, 0.5, 0.7)] == [3, 2, 2, 1, 1]


# --- what a run leaves behind ---------------------------------------------------------------------------------


def test_the_report_speaks_of_exponents(tmp_path: Path) -> None:
    plan = Plan(patterns=("paper/stl-in-context",))
    (found,) = verify(plan)
    report.save(found, tmp_path)
    row = report.summary(found)
    assert row["outcome"] == "HOLDS"
    assert row["tightness"] == {}
    assert row["quantity"].startswith("exponent of |gap|")
    assert (tmp_path / "paper_stl-in-context.png").read_bytes().startswith(b"\x89PNG")
    with xarray.open_dataset(tmp_path / "paper_stl-in-context.nc") as data:
        assert data.attrs["kind"] == "rate"
        assert data["value"].attrs["long_name"].startswith("exponent of |gap|")
        assert set(data["param_n"].values) == {160.0, 800.0}  # the last of each path
        assert np.all(data["value"].values <= data["bound"].values + data["margin"].values)
        assert np.isnan(data["tightness"].values).all()
