"""Diffusion models: error of a score learned by ridge regression on features, and rates in the sample size."""

from __future__ import annotations

import sympy as sp

from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import NONNEGATIVE, N, n
from .diffusion_setting import FORWARD, SOURCE
from .stability_setting import RIDGE, mu

b, A, approx, noise = sp.symbols("b A approx noise", real=True)


def _param(symbol: sp.Symbol, meaning: str, *typical: float) -> Param:
    return Param(name=symbol.name, symbol=symbol, domain=NONNEGATIVE, meaning=meaning, typical=typical)


FEATURES = Assumption(
    key="bounded-features",
    text="at each time the score is A phi(x) with a fixed feature vector phi(x) (random, but drawn beforehand), "
    "||phi(x)|| <= b",
)
MATCHING = Assumption(
    key="denoising-ridge",
    text="at each time A minimises the mean over n iid points of half the denoising score matching loss, averaged over "
    "any number of noises per point or over all of them, plus (mu/2)||A||^2",
)


def _score_error() -> sp.Expr:
    q = b**2 / (mu * n)
    return (1 + q) ** 2 * (approx + mu * A**2) + q * (2 + q) * noise


SCORE = Result(
    key="diffusion/score-error/ridge",
    title="Error of a score learned by ridge regression on bounded features",
    statement="E||A_hat phi - score||^2 <= (1+q)^2 (approx + mu A^2) + q (2+q) noise, q = b^2/(mu n): leave-one-out.",
    quantity="E of the mean squared distance between learned and exact score under P_t",
    kind=Kind.UPPER,
    mode=Mode.EXPECTATION,
    expr=_score_error,
    params=(
        N,
        RIDGE,
        _param(b, "bound on the norm of the feature vector", 1.0, 2.0),
        _param(A, "Frobenius norm of some weights A (the comparison)", 1.0, 5.0),
        _param(approx, "mean squared distance between A phi and the score under P_t", 0.0, 0.05),
        _param(noise, "d/(1 - e^-2t) - I(t): variance of the denoising target that no score explains", 0.5, 10.0),
    ),
    assumptions=(FORWARD, FEATURES, MATCHING),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: approx + mu * A**2),),
    source=Source(
        bib="vincent2011", locator="denoising score matching", note="the source's loss; bound and proof ours"
    ),
    proof="proof-diffusion-score",
)


def _order(key: str, title: str, statement: str, *assumptions: Assumption, source: Source = SOURCE) -> Result:
    return Result(
        key=key,
        title=title,
        statement=statement,
        quantity="E TV(P_hat, P) minus its floor, up to a constant factor",
        kind=Kind.RATE,
        mode=Mode.EXPECTATION,
        expr=lambda: n ** (-sp.Rational(1, 4)),
        params=(N,),
        assumptions=(FORWARD, *assumptions),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: n ** (-sp.Rational(1, 4))),),
        source=source,
        proof="proof-diffusion-rates",
    )


RATES = (
    _order(
        "tv/diffusion/rate",
        "Rate of the one-step error of a diffusion model with bounded features",
        "With a penalty of order n^(-1/2) the one-step error is at most a floor, which does not depend on n, plus "
        "C n^(-1/4); the floor is set by t0, t1, the time steps and the features.",
        FEATURES,
        MATCHING,
        Assumption(key="penalty", text="the penalty is mu = c n^(-1/2) with c > 0 that does not depend on n"),
        Assumption(key="fixed-covariance", text="the covariances of the sampler's steps do not depend on the score"),
    ),
    _order(
        "paper/diffusion-rate",
        "The published order for a one-hidden-layer diffusion model",
        "The one-step error of a diffusion model with a one-hidden-layer score is of the order n^(-1/4).",
        Assumption(
            key="one-hidden-layer",
            text="the score network has one hidden layer, and its width and training time suit n as the source asks",
        ),
        source=Source(
            bib="fu2024tv",
            locator="abstract, diffusion models",
            note="in the form at hand, up to an unspecified constant; never checked as an inequality",
        ),
    ),
)

RESULTS = (SCORE, *RATES)
