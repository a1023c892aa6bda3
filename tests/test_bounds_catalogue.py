"""Properties that every result has for being in the catalogue, and the order in which results stand to each other."""

import itertools
import re
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import CATALOGUE, Kind, Mode, Structure, render

BOOK = Path(__file__).resolve().parents[1] / "book"
BY_KEY = {r.key: r for r in CATALOGUE}
each = pytest.mark.parametrize("result", CATALOGUE, ids=BY_KEY)
FAST = [r for r in CATALOGUE if not r.key.startswith("tv/kde")]  # kernel density results: tests of their own
SCHEDULES = ("replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand", "weighted")
POSSIBLY_ABOVE_ONE = (Kind.UPPER, Kind.RATE)


def typical_points(result, most=200):
    """The grid of typical values, where joint conditions hold."""
    names = [p.name for p in result.params]
    for values in itertools.islice(itertools.product(*(p.typical for p in result.params)), most):
        point = dict(zip(names, values, strict=True))
        try:
            yield point, result(**point)
        except bounds.DomainError as error:
            if "," not in error.parameter:  # not a joint condition: a typical value outside its domain
                raise


@each
def test_finite_and_of_the_right_sign_on_typical_values(result):
    values = [float(value) for _, value in typical_points(result)]
    assert values
    assert np.isfinite(values).all()
    if "log" in result.quantity:
        assert max(values) <= 0
    else:
        assert min(values) >= 0
    if "in [0, 1]" in result.quantity or "a probability" in result.quantity:
        assert max(values) > 0
        assert result.kind in POSSIBLY_ABOVE_ONE or max(values) <= 1


@each
def test_typical_values_lie_in_the_domain_and_vary(result):
    for param in result.params:
        assert param.typical
        for value in param.typical:
            for entry in np.ravel(np.array(value, dtype=float)):
                exact = sp.Integer(int(entry)) if float(entry).is_integer() else sp.Float(entry)
                assert exact in param.domain, (param.name, entry)


@each
def test_texts_and_names(result):
    for text in (
        result.key,
        result.title,
        result.statement,
        result.quantity,
        result.source.locator,
        result.source.note,
    ):
        assert text.strip() == text
        assert text
        assert text.isascii()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)+", result.key)
    assert result.statement.endswith((".", "!"))
    assert len(set(result.names)) == len(result.names)
    for param in result.params:
        assert param.name.isascii()
        assert param.name.isidentifier()
        assert param.meaning
        assert str(getattr(param.symbol, "label", param.symbol)) == param.name
    assert len({a.key for a in result.assumptions}) == len(result.assumptions) > 0
    assert all(a.text and re.fullmatch(r"[a-z0-9-]+", a.key) for a in result.assumptions)
    assert isinstance(result.kind, Kind)
    assert isinstance(result.mode, Mode)
    assert (result.mode is Mode.HIGH_PROBABILITY) == ("delta" in result.names)


@each
def test_the_expression_uses_its_parameters_only(result):
    known = {str(getattr(p.symbol, "label", p.symbol)) for p in result.params}
    extra = {"k", "K"} if any(p.structure is Structure.SIMPLEX for p in result.params) else set()
    for expr in (result.expr, *(c.expr for c in result.conditions), *(r.leading for r in result.rates)):
        used = {str(getattr(s, "label", s)) for s in expr.free_symbols if not isinstance(s, sp.Indexed)}
        assert used <= known | extra
    assert result.expr.is_Boolean is not True


def test_keys_are_unique():
    assert len(BY_KEY) == len(CATALOGUE) >= 105


def test_results_are_frozen():
    with pytest.raises(AttributeError):
        CATALOGUE[0].key = "other"
    with pytest.raises(AttributeError):
        CATALOGUE[0].params[0].name = "other"
    assert isinstance(CATALOGUE, tuple)


def test_finding_results():
    assert bounds.get("tv/discrete/fresh").key == "tv/discrete/fresh"
    assert {r.key for r in bounds.select(["discrete/variance"])} == {f"discrete/variance/{s}" for s in SCHEDULES}
    assert bounds.select([]) == CATALOGUE
    with pytest.raises(bounds.UnknownResultError, match="tv/discrete/fresh") as caught:
        bounds.get("tv/discrete/frsh")
    assert caught.value.key == "tv/discrete/frsh"
    with pytest.raises(bounds.UnknownResultError):
        bounds.select(["tv/discrete/fresh", "nothing/*"])


# --- book and bibliography ------------------------------------------------------------------------------------


def labels():
    return {label for page in BOOK.glob("*.md") for label in re.findall(r"^\(([\w-]+)\)=$", page.read_text(), re.M)}


@each
def test_the_proof_is_in_the_book(result):
    assert result.proof in labels()


@each
def test_the_source_is_in_the_bibliography(result):
    assert re.search(rf"^@\w+\{{{re.escape(result.source.bib)},", (BOOK / "references.bib").read_text(), re.M)


def balanced(text):
    depth = 0
    for character in re.sub(r"\\[{}]", "", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0 and len(re.findall(r"\\left\b", text)) == len(re.findall(r"\\right\b", text))


@each
def test_renders(result):
    latex = render.latex(result)
    assert latex
    assert balanced(latex), latex
    assert not re.search(r"None|nan|zoo|Dummy|_PerPoint|geometric\\_sum|complement\\_power", latex)
    assert all(part in render.text(result) for part in (result.key, result.title, result.source.bib))
    assert result.proof in render.myst(result)


# --- claimed leading behaviour --------------------------------------------------------------------------------

RATES = [(r, rate) for r in FAST for rate in r.rates]


def leading_value(result, rate, point):
    """The leading term as a result of its own: evaluated by the same 50 digits."""
    from dataclasses import replace

    return replace(result, expr=rate.leading, conditions=()).evalf(50, **point)


def approaching(rate, how_far):
    """An argument near the limit: 10^far, 10^-far, or 1 - 10^-far."""
    step = mpmath.mpf(10) ** (-how_far)
    return int(10**how_far) if rate.to is sp.oo else mpmath.mpf(str(rate.to)) + (step if rate.to == 0 else -step)


@pytest.mark.parametrize(("result", "rate"), RATES, ids=[f"{r.key}-{rate.wrt}" for r, rate in RATES])
def test_the_claimed_rate_is_the_limit(result, rate):
    compared = 0
    for point, _ in typical_points(result, 12):
        if rate.wrt == "i" and point.get("alpha") == 0:
            continue  # eps/alpha is no limit then
        if isinstance(point.get(rate.wrt), tuple):
            continue
        gaps = []
        with mpmath.workdps(120):
            for far in (30, 40):
                near = {**point, rate.wrt: approaching(rate, far)}
                if "alpha" in near and result.conditions:
                    near["alpha"] = sp.Rational(str(near["alpha"]))
                if rate.wrt in ("n", "i"):
                    near = {**near, **({"T": max(near["T"], near["i"])} if {"i", "T"} <= near.keys() else {})}
                leading = leading_value(result, rate, near)
                if leading == 0:
                    assert result.evalf(50, **near) == 0
                    continue
                gaps.append(abs(result.evalf(50, **near) / leading - 1))
        assert all(gap < 1e-6 for gap in gaps), (point, gaps)
        assert not gaps or gaps[-1] <= gaps[0] + mpmath.mpf("1e-40")
        compared += bool(gaps)
    assert compared


# --- the order of results -------------------------------------------------------------------------------------

P = (0.7, 0.2, 0.06, 0.04)
EXAMPLE = {"alpha": 0.2, "lam": 1.5, "B": bounds.get("tv/discrete/weighted").params[0].typical[0]}


def grid(schedule):
    """Common parameters of all results of a schedule."""
    if schedule == "weighted":
        for sizes in ((100, 200, 100, 400), (1, 1, 1, 1), (5, 10**6, 3, 50)):
            yield {"B": EXAMPLE["B"], "n": sizes}
        return
    for n, i in itertools.product((10, 50, 1000, 10**5), (1, 2, 5, 50, 1000)):
        for alpha in (0.0, 0.1, 0.5, 1.0) if schedule in ("fresh", "stratified", "fixed") else (None,):
            for lam in (0.0, 1.0, 4.0) if schedule == "expand" else (None,):
                extra = {"alpha": alpha, "lam": lam}
                yield {"n": n, "i": i} | {k: v for k, v in extra.items() if v is not None}


def below(small, large):
    assert small <= large * (1 + 1e-12), (small, large)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_order_of_the_discrete_bounds(schedule):
    atoms, simplex = {"K": len(P)}, {"p": P}
    one = 1 - sum(x * x for x in P)
    get = bounds.get
    for v in grid(schedule):
        sharp = get(f"tv/discrete/{schedule}")(**v, **atoms)
        below(sharp, get(f"tv/discrete/{schedule}/triangle")(**v, **atoms))
        instance = get(f"tv/discrete-instance/{schedule}")(**v, **simplex)
        below(instance, one)
        below(instance, sharp)
        if schedule in ("replace", "fixed", "expand", "accumulate"):
            n = v["n"]
            below(get(f"discrete/lower/{schedule}")(n=n, **simplex), instance)
            variance = get(f"discrete/variance/{schedule}")(**v, p=0.3)
            below(get(f"discrete/variance-lower/{schedule}")(n=n, p=0.3), variance)
            lower = get(f"tv/gaussian-mean/lower/{schedule}")(n=n)
            below(lower, get(f"tv/gaussian-mean/{schedule}")(**v))
        if schedule != "weighted":
            hp = get(f"tv/hp/{schedule}")(**v, **atoms, T=2000, delta=0.05)
            below(sharp, hp)
            if schedule == "fresh" and v["i"] > 1 and v["alpha"] < 0.5 and v["i"] >= 5:
                below(hp, get("tv/discrete/hp-triangle")(**v, **atoms, T=2000, delta=0.05))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_diversity_is_what_variance_leaves(schedule):
    for v in grid(schedule):
        variance = bounds.get(f"discrete/variance/{schedule}")(**v, p=0.3) / 0.21
        kept = bounds.get(f"discrete/diversity/{schedule}")(**v, p=[0.3, 0.7]) / 0.42
        assert variance + kept == pytest.approx(1, rel=1e-12)
        assert 0 <= kept <= 1


@pytest.mark.parametrize("name", ["replace", "fresh"])
def test_exact_values_lie_between_their_bounds(name):
    for n, i, alpha in itertools.product((1, 2, 5, 30), (1, 2, 3, 10), (0.0, 0.2, 1.0)):
        v = {"n": n, "i": i} | ({"alpha": alpha} if name == "fresh" else {})
        exact = bounds.get(f"tv/discrete-exact/{name}")(**v, p=P)
        below(exact, bounds.get(f"tv/discrete-instance/{name}")(**v, p=P))
        below(exact, bounds.get(f"tv/discrete/{name}")(**v, K=len(P)))
        first = bounds.get("tv/discrete-exact/first")(n=n, p=P)
        if i == 1 or (name == "fresh" and alpha == 1):
            assert exact == pytest.approx(first, rel=1e-12)
        if name == "replace":
            below(bounds.get("discrete/lower/replace")(n=n, p=P), exact)


def test_limits_of_schedules_agree():
    """Replace is fresh at alpha = 0 and expand at lam = 0 never moves; alpha = 1 is generation 1 for ever."""
    i, atoms = np.array([1, 2, 7, 100]), {"K": 5}
    get = bounds.get
    for name in ("tv/discrete/{}", "tv/discrete/{}/triangle", "discrete/variance/{}", "tv/gaussian-mean/{}"):
        more = atoms if "tv/discrete" in name else {"p": 0.3} if "variance" in name else {}
        replaced = get(name.format("replace"))(n=40, i=i, **more)
        first = get(name.format("replace"))(n=40, i=1, **more)
        for schedule in ("fresh", "stratified", "fixed"):
            np.testing.assert_allclose(get(name.format(schedule))(n=40, i=i, alpha=0.0, **more), replaced, rtol=1e-13)
            np.testing.assert_allclose(get(name.format(schedule))(n=40, i=i, alpha=1.0, **more), first, rtol=1e-13)
        np.testing.assert_allclose(get(name.format("expand"))(n=40, i=i, lam=0.0, **more), first, rtol=1e-13)


def test_the_gaussian_of_one_dimension_is_the_arctan():
    for schedule in ("replace", "fresh", "stratified", "fixed", "accumulate", "expand"):
        for v in grid(schedule):
            flat = bounds.get(f"tv/gaussian-mean/{schedule}")(**v)
            assert bounds.get(f"tv/gaussian-mean-d/{schedule}")(**v, d=1) == pytest.approx(flat, rel=1e-12)
            below(flat, bounds.get(f"tv/gaussian-mean-d/{schedule}")(**v, d=2))


def test_the_best_weight_is_golden():
    w = np.linspace(0.01, 1, 100_000)
    values = bounds.get("gaussian/golden-ratio")(n=50, w=w, sigma=2.0)
    assert w[np.argmin(values)] == pytest.approx((np.sqrt(5) - 1) / 2, abs=1e-4)
    best = bounds.get("gaussian/golden-ratio/optimum")(n=50, m=50, sigma=2.0)
    assert values.min() == pytest.approx(best, rel=1e-8)
    assert best == pytest.approx(4 / 50 * (np.sqrt(5) - 1) / 2, rel=1e-14)
