"""Results on stability and generalization: what they refuse, how they broadcast, and the limits they claim."""

import re
from dataclasses import replace
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp

import bounds
from bounds import render
from bounds.catalogue import generalization, stability

RESULTS = (*stability.RESULTS, *generalization.RESULTS)
BY_KEY = {r.key: r for r in RESULTS}
BOOK = Path(__file__).resolve().parents[1] / "book"
each = pytest.mark.parametrize("result", RESULTS, ids=list(BY_KEY))
BAD = {
    "n": (0, 2.5, np.nan),
    "alpha": (-0.1, 1.1, np.nan),
    "i": (0, 1.5),
    "K": (0,),
    "omega": (-0.1, 1.1),
    "mu": (0.0, -1.0, np.inf),
    "L": (-1.0, np.nan),
    "M": (-1.0, np.inf),
    "beta_n": (-1e-9, np.nan),
    "gamma_n": (-0.1, 1.01),
    "tv": (-0.1, 1.01),
    "nu": (-0.1, 1.01),
    "kappa": (-1.0,),
    "kappa_N": (-1.0,),
    "eta": (-1.0,),
    "Delta": (-1.0,),
    "sigma": (0.0,),
    "delta": (0.0, 1.0),
    "q": (1.9,),
    "u": (-0.1, 1.0),
    "s": (-1.0,),
    "V": (-1.0,),
    "eps": (-1.0,),
    "lam": (-1.0,),
}


def typical(result):
    return {p.name: p.typical[0] for p in result.params}


@each
def test_refuses_and_broadcasts(result):
    good = typical(result)
    for name in result.names:
        for value in BAD.get(name, ()) if np.ndim(good[name]) == 0 else ():
            for ask in (result, result.evalf):
                with pytest.raises(bounds.DomainError) as caught:
                    ask(**good | {name: value})
                assert caught.value.parameter == name
                assert result.key in str(caught.value)
    last = result.names[-1]
    table = result(**good | {last: np.full((2, 3), good[last])})
    np.testing.assert_allclose(table, np.full((2, 3), result(**good)), rtol=1e-14)


def test_counts_of_reused_points():
    for key in ("generalization/high-probability-variance", "recursive-stability/categorical"):
        good = typical(BY_KEY[key])
        with pytest.raises(bounds.DomainError, match="integer"):
            BY_KEY[key](**good | {"alpha": 0.123})
        with pytest.raises(bounds.DomainError, match="alpha"):
            BY_KEY[key](**good | {"alpha": 0.0})
    moment = BY_KEY["generalization/high-probability-moment"]
    good = typical(moment) | {"n": 49, "delta": 0.3}
    assert moment(**good | {"alpha": 2 / 49}) > 0
    with pytest.raises(bounds.DomainError, match="at least 2"):
        moment(**good | {"alpha": 1 / 49})
    for name, value in (("n", 2**40 + 2), ("delta", 0.34)):
        with pytest.raises(bounds.DomainError, match=name):
            moment(**good | {"alpha": 1.0, name: value})


@each
def test_claimed_limits(result):
    """At 1e-40 from the limit (n = 1e40) the ratio to the leading term is 1 to ten digits."""
    good = {k: sp.Rational(str(v)) if k in ("alpha", "lam") else v for k, v in typical(result).items()}
    for rate in result.rates:
        with mpmath.workdps(120):
            step = mpmath.mpf(10) ** -40
            near = {**good, rate.wrt: {sp.oo: 10**40, 0: step, 1: 1 - step}[rate.to]}
            leading = replace(result, expr=rate.leading, conditions=()).evalf(50, **near)
            assert abs(result.evalf(50, **near) / leading - 1) < 1e-10


@each
def test_book_and_text(result):
    labels = "\n".join(page.read_text() for page in (BOOK / "stability.md", BOOK / "generalization.md"))
    assert f"({result.proof})=" in labels
    assert f"`{result.key.split('/')[0]}/" in labels
    assert re.search(rf"^@\w+\{{{result.source.bib},", (BOOK / "references.bib").read_text(), re.M)
    assert result.title in render.text(result)
    assert "None" not in render.latex(result)
