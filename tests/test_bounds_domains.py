"""What a result refuses, with which words; and what broadcasting does to what it accepts."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import CATALOGUE, DomainError, ParameterError, Structure

BY_KEY = {r.key: r for r in CATALOGUE}
KEYS = tuple(BY_KEY)
FRESH = bounds.get("tv/discrete/fresh")
POINT = {"n": 1000, "alpha": 0.1, "i": 5, "K": 10}
PROPAGATION = bounds.get("tv/propagation")
INSTANCE = bounds.get("tv/discrete-instance/replace")
WEIGHTED = bounds.get("tv/discrete/weighted")
BOTH = pytest.mark.parametrize("how", ["call", "evalf"])


def ask(result, how, **values):
    return result(**values) if how == "call" else result.evalf(30, **values)


def typical(result):
    """The first typical value of each parameter, made to satisfy the joint conditions."""
    values = {p.name: p.typical[0] for p in result.params}
    if "T" in values:
        values["T"] = max(values["T"], values["i"])
    return values


def whole_numbers(param):
    return isinstance(param.domain, sp.Range)


# --- every parameter of every result ------------------------------------------------------------------------

EVERY = [(r.key, p.name) for r in CATALOGUE for p in r.params]
NOT_NUMBERS = [float("nan"), float("inf"), float("-inf"), "3", b"3", None, True, 1j, object(), [[1], [1, 2]], {}]


def nested(param, value):
    """`value` where the parameter expects a number: itself, or in place of an entry of the typical value."""
    if param.structure is Structure.SCALAR:
        return value
    whole = np.array(param.typical[0]).tolist()
    if param.structure is Structure.MIXING:
        whole[1][0] = value
    else:
        whole[1] = value
    return whole


@pytest.mark.parametrize(("key", "name"), EVERY)
def test_refuses_what_is_not_a_number(key, name):
    result = BY_KEY[key]
    param = next(p for p in result.params if p.name == name)
    for value in (v for v in NOT_NUMBERS if param.structure is Structure.SCALAR or v is not True):
        for how in ("call", "evalf"):
            with pytest.raises(DomainError) as caught:
                ask(result, how, **{**typical(result), name: nested(param, value)})
            assert (caught.value.key, caught.value.parameter) == (key, name), (value, how)
            assert key in str(caught.value)
            assert name in str(caught.value)
            assert caught.value.allowed in str(caught.value)


@pytest.mark.parametrize(("key", "name"), EVERY)
def test_refuses_what_is_outside(key, name):
    result = BY_KEY[key]
    param = next(p for p in result.params if p.name == name)
    if whole_numbers(param):
        below = int(param.domain.start) - 1
    else:
        start = float(param.domain.start)
        below = start - abs(start) * 2**-52 if start else -1e-300
    outside = [below, -5]
    if whole_numbers(param):
        outside += [1.5, 2 + 1e-9]
    elif param.domain.end is not sp.oo:
        outside += [float(param.domain.end) * (1 + 2**-52), 1e300]
    for ends, value in (("left_open", "start"), ("right_open", "end")):
        if getattr(param.domain, ends, False) and getattr(param.domain, value) is not sp.oo:
            outside.append(float(getattr(param.domain, value)))
    for value in outside:
        for how in ("call", "evalf"):
            with pytest.raises(DomainError) as caught:
                ask(result, how, **{**typical(result), name: nested(param, value)})
            assert (caught.value.key, caught.value.parameter) == (key, name), (value, how)
            assert str(value) in str(caught.value) or "np.float64" in str(caught.value) or how == "evalf"


@pytest.mark.parametrize("key", KEYS)
def test_names(key):
    result = BY_KEY[key]
    values = typical(result)
    for how in ("call", "evalf"):
        with pytest.raises(ParameterError) as caught:
            ask(result, how, **values, surplus=1)
        assert caught.value.unexpected == ("surplus",)
        assert "surplus" in str(caught.value)
        for name in values:
            with pytest.raises(ParameterError) as caught:
                ask(result, how, **{k: v for k, v in values.items() if k != name})
            assert caught.value.missing == (name,)
            assert key in str(caught.value)


# --- single rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [2**53 + 2, 2.0**54, 2**60, 1e300, 10**400])
def test_integers_that_double_precision_cannot_hold(value):
    with pytest.raises(DomainError) as caught:
        FRESH(**{**POINT, "n": value})
    assert caught.value.parameter == "n"
    assert np.isfinite(FRESH(**{**POINT, "n": 2**53}))
    assert FRESH.evalf(20, **{**POINT, "n": 10**30}) > 0  # exact integers have no such limit there


@BOTH
def test_a_long_chain_is_refused(how):
    with pytest.raises(DomainError, match="2000"):
        ask(bounds.get("tv/discrete-exact/replace"), how, n=2001, i=1, p=[0.5, 0.5])


COUNTED = [r.key for r in CATALOGUE if any(c.integer for c in r.conditions)]


@BOTH
@pytest.mark.parametrize("key", COUNTED)
def test_counts_must_be_whole(key, how):
    result = BY_KEY[key]
    fraction = "alpha" if "alpha" in result.names else "lam"
    values = {**typical(result), "n": 30}
    for good in (0.1, 0.7, 0.3, 1 / 3):
        assert np.isfinite(float(ask(result, how, **{**values, fraction: good})))
    for bad in (0.15, 0.1 + 1e-9, 1e-18):
        with pytest.raises(DomainError) as caught:
            ask(result, how, **{**values, fraction: bad})
        assert {"n", fraction} == set(caught.value.parameter.split(", "))
        assert "n" in str(caught.value)
        assert fraction in str(caught.value)
    if how == "call":
        with pytest.raises(DomainError, match=fraction):
            result(**{**values, "n": [20, 30], fraction: 0.15})


def test_stratified_and_fixed_and_expand_count():
    for schedule in ("stratified", "fixed", "expand"):
        assert f"tv/discrete/{schedule}" in COUNTED
    assert "tv/discrete/fresh" not in COUNTED


@BOTH
@pytest.mark.parametrize("key", [r.key for r in CATALOGUE if {"i", "T"} <= set(r.names)])
def test_generation_within_horizon(key, how):
    values = {**typical(BY_KEY[key]), "T": 5}
    assert float(ask(BY_KEY[key], how, **{**values, "i": 5})) > 0
    with pytest.raises(DomainError, match=r"i, T|T, i"):
        ask(BY_KEY[key], how, **{**values, "i": 6})


@BOTH
@pytest.mark.parametrize(
    "p", [[0.5, 0.4], [0.5, 0.5 + 1e-8], [0.2, 0.2], [], [1.0, 1.0], 0.5, [[0.5, 0.5], [1.0]], "ab", [0.5, "0.5"]]
)
def test_probability_vectors(how, p):
    with pytest.raises(DomainError) as caught:
        ask(INSTANCE, how, n=10, i=2, p=p)
    assert caught.value.parameter == "p"


MIXINGS = {
    "diagonal": [[0.1, 0], [0.5, 0]],
    "upper": [[0, 0.5], [0, 0]],
    "row above one": [[0, 0, 0], [0.5, 0, 0], [0.6, 0.5, 0]],
    "negative": [[0, 0], [-0.1, 0]],
    "not square": [[0, 0]],
    "empty": [],
    "vector": [0.0, 0.0],
    "number": 0.0,
    "ragged": [[0, 0], [0.5]],
    "text": [["0", "0"], ["0", "0"]],
    "nan": [[0, 0], [float("nan"), 0]],
}


@BOTH
@pytest.mark.parametrize("mixing", MIXINGS.values(), ids=MIXINGS)
@pytest.mark.parametrize("result", [PROPAGATION, WEIGHTED], ids=lambda r: r.key)
def test_mixing_matrices(result, mixing, how):
    rest = {"eps": [0.1, 0.1]} if "eps" in result.names else {"n": [10, 10], "K": 3}
    if mixing == MIXINGS["row above one"]:
        rest = {k: [*v, v[0]] if isinstance(v, list) else v for k, v in rest.items()}
    with pytest.raises(DomainError) as caught:
        ask(result, how, B=mixing, **rest)
    assert caught.value.parameter == "B"


@BOTH
def test_core_lengths_must_agree(how):
    with pytest.raises(DomainError, match="length") as caught:
        ask(PROPAGATION, how, B=[[0, 0], [0.5, 0]], eps=[0.1, 0.1, 0.1])
    assert caught.value.parameter == "eps"


@pytest.mark.parametrize("shapes", [((3,), (4,)), ((2, 3), (3, 2)), ((1000, 1), (999, 5))])
def test_shapes_that_do_not_broadcast(shapes):
    with pytest.raises(DomainError) as caught:
        FRESH(n=np.full(shapes[0], 100), alpha=0.1, i=np.ones(shapes[1], dtype=int), K=3)
    assert "n" in caught.value.parameter
    assert "i" in caught.value.parameter


@pytest.mark.parametrize("where", [0, 1, 70_000, 199_999])
@pytest.mark.parametrize(("name", "value"), [("n", 0), ("alpha", 1.5), ("alpha", float("nan")), ("i", 2.5)])
def test_one_bad_entry_of_many_is_found(where, name, value):
    size = 200_000
    arrays = {"n": np.full(size, 1000.0), "alpha": np.full(size, 0.1), "i": np.full(size, 5.0), "K": 10}
    arrays[name][where] = value
    with pytest.raises(DomainError) as caught:
        FRESH(**arrays)
    assert caught.value.parameter == name
    arrays = {"n": np.full((size, 1), 1000.0), "alpha": np.full((size, 1), 0.1), "i": np.full((size, 1), 5.0)}
    arrays[name][where] = value
    with pytest.raises(DomainError):
        FRESH(**arrays, K=np.array([2, 3]))


def test_one_bad_count_of_many_is_found():
    n, alpha = np.full(200_000, 1000), np.full(200_000, 0.1)
    alpha[123_456] = 0.10005
    with pytest.raises(DomainError, match="alpha"):
        bounds.get("tv/discrete/stratified")(n=n, alpha=alpha, i=3, K=4)


def test_object_arrays_are_refused():
    for value in (np.array([1, 2], dtype=object), [Fraction(1, 2)], np.array(["1"]), np.array([1], dtype="M8[s]")):
        with pytest.raises(DomainError):
            FRESH(**{**POINT, "n": value})


def test_evalf_takes_exact_numbers():
    half = FRESH.evalf(40, n=10, alpha=Fraction(1, 3), i=3, K=5)
    assert half == FRESH.evalf(40, n=mpmath.mpf(10), alpha=sp.Rational(1, 3), i=np.int64(3), K=sp.Integer(5))
    assert half != FRESH.evalf(40, n=10, alpha=1 / 3, i=3, K=5)
    for digits in (0, -1, 1.5, True):
        with pytest.raises(DomainError, match="digits"):
            FRESH.evalf(digits, **POINT)
