"""Sharper forms: extreme parameters, negative controls, corners of their searches, and the forms that they sharpen."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from catalogue_properties import check as properties

import bounds
from bounds import Kind
from bounds.catalogue import sharper_diffusion, sharper_learning
from verify.case import Case
from verify.cases import sharper
from verify.cases import sharper_learning as learning
from verify.checking import check
from verify.diffusion_steps import LAWS
from verify.evidence import Decision
from verify.falsify_points import value_on
from verify.run import DEFAULT_SETTING
from verify.searches.sharper import SEARCHES

RESULTS = (*sharper_diffusion.RESULTS, *sharper_learning.RESULTS)
CASES = (*sharper.CASES, *learning.CASES)
EXTREMES = {
    "t1": [1e-6, 0.3, 5.0, 40.0],
    "chi": [0.0, 1e-12, 30.0],
    "mu": [1e-12, 1 / 9, 1 / 8, 0.2, 1.0, 1e9],
    "omega": [0.0, 1e-12, 0.5, 1.0],
}
OLD = {
    "diffusion/end-divergence/matched": "diffusion/end-divergence",
    "stability/erm/ridge/plane": "stability/erm/ridge",
    "stability/erm/logistic/plane": "stability/erm/logistic",
    "stability/erm/logistic/norm/first-order": "stability/erm/logistic/norm",
    "recursive-stability/categorical-average/coupled": "recursive-stability/categorical-average",
}


def get(key, **values):
    return float(bounds.get(key)(**values))


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.key)
def test_properties_of_every_result(result, monkeypatch):
    properties(result, monkeypatch, **{name: EXTREMES[name] for name in result.names if name in EXTREMES})


# --- negative controls --------------------------------------------------------------------------------------------


def decisions(case, design, **known):
    return check(case, design, level=1e-7, **{"replications": 20_000, "seed": 7, **known}).decision


TIGHT = {  # factors at which some design of the case refutes a claim; 10 % is not seen where the bound is further away
    "tv/diffusion/end/matched": sp.Rational(9, 10),
    "diffusion/end-divergence/matched": sp.Rational(9, 10),
    "diffusion/end-divergence/lower": sp.Rational(10, 9),
    "stability/erm/logistic/norm/first-order": sp.Rational(9, 10),
    "stability/erm/logistic/plane": sp.Rational(9, 10),
    "stability/erm/ridge/plane": sp.Rational(9, 10),
    "recursive-stability/categorical-average/coupled": sp.Rational(1, 2),
    "icl/mean-label/gap/expand": sp.Rational(9, 10),
    "icl/mean-label/gap/fixed": sp.Rational(9, 10),
    "generalization/high-probability-second-order": sp.Rational(1, 8),
    "generalization/categorical-ridge/second-order": sp.Rational(1, 25),
}


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.key)
def test_a_false_claim_is_refuted_and_the_true_one_holds(result):
    mutant, refuted = replace(result, expr=TIGHT[result.key] * result.expr), False
    for case in (case for case in CASES if case.result is result):
        for design in case.designs(DEFAULT_SETTING)[:8]:
            assert (decisions(case, design) == Decision.HOLDS).all(), (case.key, design.label)
            refuted |= (decisions(replace(case, result=mutant), design) == Decision.REFUTED).any()
    assert refuted


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("diffusion/end-divergence/matched", lambda e: e.subs(sharper_diffusion.chi, 0)),  # what is left left out
        ("tv/diffusion/end/matched", lambda e: e.subs(sharper_diffusion.chi, 0)),
        ("diffusion/end-divergence/lower", lambda e: e + sharper_diffusion._cube() * sp.Rational(1, 10)),
        ("stability/erm/ridge/plane", lambda e: 2 * (1 + 0 * e) / (sharper_learning.mu * sharper_learning.n)),
        ("icl/mean-label/gap/fixed", lambda e: e.subs(sharper_learning.i, sharper_learning.i + 1)),
    ],
)
def test_a_natural_further_step_is_refuted(key, wrong):
    """The second moments alone, curvature 0 at the weights, a generation too many."""
    result = bounds.get(key)
    mutant, refuted = replace(result, expr=wrong(result.expr)), False
    for case in (case for case in CASES if case.result is result):
        for design in case.designs(DEFAULT_SETTING):
            refuted |= (decisions(replace(case, result=mutant), design) == Decision.REFUTED).any()
    assert refuted


@pytest.mark.parametrize("search", SEARCHES, ids=lambda search: search.result.key)
def test_no_corner_of_a_search_is_refuted(search):
    case = Case(
        result=search.result,
        name="search",
        designs=lambda _: (),
        because=dict.fromkeys((a.key for a in search.result.assumptions), "as designed"),
    )
    rng = np.random.default_rng(11)
    for _ in range(12):
        shares = [rng.choice([0.0, 1.0, rng.random(), rng.random()]) for _ in search.axes]
        values = {name: value_on(axis, s) for (name, axis), s in zip(search.axes.items(), shares, strict=True)}
        found = decisions(case, search.design(values), replications=256)
        assert not (found == Decision.REFUTED).any(), values


def test_nine_tenths_of_the_average_bound_are_refuted():
    """Three points, two of them reused, and nearly all weight on smoothing."""
    (search,) = (search for search in SEARCHES if search.result.key.endswith("average/coupled"))
    design = search.design({"n": 3, "alpha": 0.65, "i": 7, "p": 0.42, "omega": 0.95})
    mutant = replace(search.result, expr=sp.Rational(9, 10) * search.result.expr)
    case = Case(
        result=mutant,
        name="search",
        designs=lambda _: (),
        because=dict.fromkeys((a.key for a in mutant.assumptions), "as designed"),
    )
    assert (decisions(case, design) == Decision.REFUTED).all()


def test_which_entry_of_the_ridge_bound_is_the_largest():
    for mu, across in ((1 / 9, True), (0.2, True), (5.0, True), (0.09, False), (0.01, False)):
        B = get("stability/erm/ridge/norm", mu=mu)
        widest = max(2 * math.sqrt(1 - q * q) * (1 + B * q) for q in np.linspace(0, 1, 10_001))
        largest = get("stability/erm/ridge/plane", mu=mu, n=1) * mu / (1 + B)
        assert largest == pytest.approx(widest if across else max(B + 1.5, 2 * B), rel=1e-6)


@pytest.mark.parametrize(("new", "old"), OLD.items())
def test_the_sharper_form_is_never_above_the_old_one(new, old):
    grid = {"n": (40, 1000), "mu": (1e-4, 0.05, 1.0, 30.0), "K": (2, 9), "omega": (0.0, 0.4), "alpha": (0.1, 0.5, 1.0)}
    grid |= {"i": (1, 3, 40)}
    if new.startswith("diffusion"):
        for t1, p in itertools.product((1.0, 2.0, 4.0), LAWS.values()):
            mean, sigma, chi = sharper.moments(p)
            known = {"t1": t1, "d": 1}
            ours = get(new, m=abs(mean), sigma=sigma, chi=chi, **known)
            assert ours < get(old, M2=mean**2 + sigma**2, **known)
        return
    names = bounds.get(new).names
    for values in itertools.product(*(grid[name] for name in names)):
        known = dict(zip(names, values, strict=True))
        theirs = bounds.get(old)
        assert get(new, **known) <= get(old, **{k: v for k, v in known.items() if k in theirs.names}) * (1 + 1e-12)


def test_bad_input_names_the_argument():
    with pytest.raises(bounds.DomainError, match="chi"):
        bounds.get("tv/diffusion/end/matched")(t1=1.0, m=0.0, sigma=1.0, chi=-0.1)
    with pytest.raises(bounds.DomainError, match="at least 2"):
        bounds.get("recursive-stability/categorical-average/coupled")(n=10, alpha=0.1, i=1, K=2, omega=0.0)
    assert {r.kind for r in RESULTS} == {Kind.UPPER, Kind.LOWER, Kind.EQUALITY}
