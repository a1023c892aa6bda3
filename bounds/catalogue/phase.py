"""The phase transition in the amount of synthetic data (theory: section 1)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..kde_functions import heat_loss
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import ATOMS, NONNEGATIVE, OPEN_UNIT, POSITIVE, I, K, N, a, c, i, n, product, root
from .discrete_moments import EMPIRICAL, REAL_START
from .gaussian import GAUSSIAN_MEAN
from .kde_setting import CIRCLE, COSINE, COSINE_TARGET, TUNING

C, r = sp.symbols("C r", real=True)

CONSTANT = Param(
    name="C",
    symbol=C,
    domain=POSITIVE,
    meaning="constant of the one-step error (TV times points^a)",
    typical=(0.5, 1.5),
)
EXPONENT = Param(
    name="a",
    symbol=a,
    domain=OPEN_UNIT,
    meaning="exponent of the one-step error in the sample size",
    typical=(0.5, 0.4, 0.25),
)
RATIO = Param(
    name="r",
    symbol=r,
    domain=NONNEGATIVE,
    meaning="synthetic points per real point; the schedule exists where r n is an integer",
    typical=(0.0, 1.0, 20.0),
)
GENERATION = replace(I, domain=sp.Range(2, sp.oo), typical=(2, 10, 50))
REAL = replace(N, meaning="real points of a training set")

ONE_STEP = Assumption(
    key="one-step-power-law",
    text="on N points E TV(P_{j+1}, P) <= C N^-a + E TV(Q_j, P); a one-step error E TV(P_{j+1}, Q_j) <= C N^-a "
    "implies it",
)
EXPANDED = Assumption(
    key="schedule-expand",
    text="generation 1 is trained on n draws from P, generation j+1 on the same n real points and r n draws from P_j",
)
IDEALISED = Assumption(
    key="schedule-idealised",
    text="every generation, the first too, is trained on (1+r) n points, whose target is Q_j = (P + r P_j)/(1+r), "
    "Q_0 = P",
)
KERNEL_TUNED = Assumption(
    key="kernel-tuned",
    text="a generation is the empirical distribution of its training set of N points, smoothed by N(0, h^2) with "
    "h = C N^(-1/5), wrapped around",
)
SOURCE = Source(
    bib="fu2024tv",
    locator="phase transition in the amount of synthetic data",
    note="form of the source's trade-off; constants, location of the maximum and proof ours",
)
_ERROR = "e_i = E TV(P_i, P), in [0, 1]"


def _scale() -> sp.Expr:
    return C * n ** (-a)


def _transition() -> sp.Expr:
    """C n^{−a}[1 + ((1+r)^{1−a} − 1)(1 − (r/(1+r))^{i−1})], as a sum of positive terms."""
    real = 1 / (1 + r)
    return _scale() * (complement_power(real, i - 1) + (1 + r) ** (-a) * geometric_sum(real, i - 1))


def _idealised() -> sp.Expr:
    """C n^{−a}(1+r)^{1−a}(1 − (r/(1+r))^i), free of cancellation."""
    return _scale() * (1 + r) ** (-a) * geometric_sum(1 / (1 + r), i)


def _spread() -> sp.Expr:
    """τ_i² = (1/n)[1 + r/(1+2r) · (1 − (r/(1+r))^{2(i−1)})], free of cancellation."""
    return (1 + r / ((1 + r) * (1 + 2 * r)) * geometric_sum(1 / (1 + r), 2 * (i - 1))) / n


def _largest_spread() -> sp.Expr:
    return sp.Rational(3, 2) / n


def _gaussian(square: sp.Expr) -> sp.Expr:
    return product(2 / sp.pi, sp.atan(product(sp.S.Half, root(square)), evaluate=False))


def _discrete(square: sp.Expr) -> sp.Expr:
    return product(sp.S.Half, root((K - 1) * square))


def _bias() -> sp.Expr:
    """(|c|/π) L_i: what smoothing by C N^{−1/5} has taken from the cosine."""
    later = heat_loss(C * ((1 + r) * n) ** -sp.Rational(1, 5))
    gap = (1 + r * later) / (1 + r)
    first = heat_loss(C * n ** -sp.Rational(1, 5))
    return sp.Abs(c) / sp.pi * (first * complement_power(gap, i - 1) + later * geometric_sum(gap, i - 1))


def _small_bias() -> sp.Expr:
    return (2 * sp.pi * sp.Abs(c) * C * _transition()).subs(a, sp.Rational(2, 5))


def _upper(key: str, title: str, statement: str, **fields: object) -> Result:
    defaults = {"quantity": _ERROR, "kind": Kind.UPPER, "mode": Mode.EXPECTATION, "source": SOURCE}
    return Result(key=key, title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


TRANSITION = _upper(
    "tv/phase-transition",
    "The phase transition in the amount of synthetic data",
    "With r synthetic points per reused real point the bound rises from C n^-a to one maximum in r and falls back to "
    "C n^-a.",
    expr=_transition,
    params=(CONSTANT, REAL, EXPONENT, RATIO, GENERATION),
    assumptions=(ONE_STEP, EXPANDED),
    rates=(
        Rate(wrt="i", to=sp.oo, leading=lambda: _scale() * (1 + r) ** (1 - a)),
        Rate(wrt="r", to=sp.oo, leading=_scale),
    ),
    proof="proof-phase-transition",
)
TRANSITION_IDEALISED = _upper(
    "tv/phase-transition-idealised",
    "The phase transition if every generation has the same number of points",
    "If the first generation has (1+r) n points too, the bound has one maximum in r and falls to 0 beyond it.",
    expr=_idealised,
    params=(CONSTANT, REAL, EXPONENT, RATIO, GENERATION),
    assumptions=(ONE_STEP, IDEALISED),
    rates=(
        Rate(wrt="i", to=sp.oo, leading=lambda: _scale() * (1 + r) ** (1 - a)),
        Rate(wrt="r", to=sp.oo, leading=lambda: _scale() * i * r ** (-a)),
    ),
    proof="proof-phase-transition-idealised",
)
EXACT_GAUSSIAN = _upper(
    "tv/phase-transition-exact/gaussian-mean",
    "What synthetic data really do to the Gaussian mean",
    "E TV(P_i, P) = (2/pi) arctan(tau_i/2), n tau_i^2 = 1 + r/(1+2r) (1 - (r/(1+r))^(2(i-1))), which is never below 1 "
    "and has one maximum in r.",
    kind=Kind.EQUALITY,
    expr=lambda: _gaussian(_spread()),
    params=(REAL, RATIO, GENERATION),
    assumptions=(GAUSSIAN_MEAN, REAL_START, EXPANDED),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: product(1 / sp.pi, root(_spread()))),),
    proof="proof-phase-transition-exact",
)
EXACT_DISCRETE = _upper(
    "tv/phase-transition-exact/discrete",
    "What synthetic data can do to frequencies",
    "E TV(P_i, P) <= (1/2) sqrt((K-1) tau_i^2), n tau_i^2 = 1 + r/(1+2r) (1 - (r/(1+r))^(2(i-1))).",
    expr=lambda: _discrete(_spread()),
    params=(REAL, RATIO, GENERATION, ATOMS),
    assumptions=(EMPIRICAL, REAL_START, EXPANDED),
    rates=(Rate(wrt="r", to=sp.oo, leading=lambda: _discrete(1 / n)),),
    proof="proof-phase-transition-exact",
)
CEILINGS = (
    _upper(
        "tv/phase-transition-exact/gaussian-mean/ceiling",
        "Synthetic data raise the error of the Gaussian mean by less than sqrt(3/2)",
        "Because n tau_i^2 < 3/2, E TV(P_i, P) < (2/pi) arctan(sqrt(3/(2n))/2) for every amount of synthetic data and "
        "every generation.",
        expr=lambda: _gaussian(_largest_spread()),
        params=(REAL,),
        assumptions=(GAUSSIAN_MEAN, REAL_START, EXPANDED),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: product(1 / sp.pi, root(_largest_spread()))),),
        proof="proof-phase-transition-exact",
    ),
    _upper(
        "tv/phase-transition-exact/discrete/ceiling",
        "Synthetic data raise the bound for frequencies by less than sqrt(3/2)",
        "Because n tau_i^2 < 3/2, E TV(P_i, P) <= (1/2) sqrt(3 (K-1)/(2n)) for every amount of synthetic data and "
        "every generation.",
        expr=lambda: _discrete(_largest_spread()),
        params=(REAL, ATOMS),
        assumptions=(EMPIRICAL, REAL_START, EXPANDED),
        rates=(Rate(wrt="K", to=sp.oo, leading=lambda: product(sp.S.Half, root(K * _largest_spread()))),),
        proof="proof-phase-transition-exact",
    ),
)
KERNEL_LOWER = _upper(
    "tv/phase-transition-kernel/lower",
    "A phase transition that is real: the bias of kernel estimates",
    "With the bandwidth C N^(-1/5) E TV(P_i, P) is at least the bias of E P_i, which has the phase transition's own "
    "shape for large n.",
    kind=Kind.LOWER,
    expr=_bias,
    params=(
        replace(TUNING, meaning="constant of the bandwidth C N^(-1/5) on N points"),
        REAL,
        RATIO,
        GENERATION,
        COSINE,
    ),
    assumptions=(KERNEL_TUNED, REAL_START, CIRCLE, COSINE_TARGET, EXPANDED),
    rates=(Rate(wrt="n", to=sp.oo, leading=_small_bias),),
    proof="proof-phase-transition-kernel",
)
RESULTS = (TRANSITION, TRANSITION_IDEALISED, EXACT_GAUSSIAN, EXACT_DISCRETE, *CEILINGS, KERNEL_LOWER)
