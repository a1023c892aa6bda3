"""Setting of the results on Markov (bigram) language models: parameters, assumptions, and what a row's count does."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Assumption, Kind, Mode, Param, Result, Source
from ..symbols import ATOM, ATOM_VECTOR, ATOMS, EPS, NATURAL, OPEN_UNIT, UNIT, N, alpha, i, n

mu_k, kappa_k, pi_0, delta_T = sp.symbols("mu_k kappa_k pi_0 delta_T", real=True)
tv_0, H_0, H_G, K_eff = sp.symbols("tv_0 H_0 H_G K_eff", real=True)

BIGRAMS = replace(N, meaning="bigrams (context, next token) per generation")
STATES = replace(ATOMS, meaning="number of states: tokens, each of which is also a context")
SEVERAL_STATES = replace(STATES, domain=sp.Range(2, sp.oo))
ROW_ENTRY = replace(ATOM, meaning="probability of the transition under the real model")
MIXED_ENTRY = replace(ROW_ENTRY, domain=OPEN_UNIT)
POSITIVE_ENTRY = replace(ROW_ENTRY, domain=sp.Interval.Lopen(0, 1))
ROW = replace(ATOM_VECTOR, meaning="the context's row of the real model: probabilities of the K next tokens")
CONTEXT = Param(
    name="mu_k",
    symbol=mu_k,
    domain=sp.Interval.Lopen(0, 1),
    meaning="probability of the context",
    typical=(0.5, 0.1, 0.01, 1.0),
)
LEAST_CONTEXT = replace(CONTEXT, meaning="probability of the rarest context")
RECIPROCAL = Param(
    name="kappa_k",
    symbol=kappa_k,
    domain=sp.Interval.Lopen(0, 1),
    meaning="E[1/N | N > 0], N the number of times that the context occurs in a training set",
    typical=(0.02, 0.1, 0.5),
)
UNSEEN = Param(
    name="pi_0",
    symbol=pi_0,
    domain=UNIT,
    meaning="probability that the context does not occur in a training set",
    typical=(0.0, 0.1, 0.6),
)
SOMETIMES_SEEN = replace(UNSEEN, domain=sp.Interval.Ropen(0, 1))
ERGODICITY = Param(
    name="delta_T",
    symbol=delta_T,
    domain=sp.Interval.Ropen(0, 1),
    meaning="Dobrushin's coefficient of the real model: largest total variation between two of its rows",
    typical=(0.0, 0.5, 0.9),
)
FALLBACK_DISTANCE = Param(
    name="tv_0",
    symbol=tv_0,
    domain=UNIT,
    meaning="total variation between the fallback and the real row",
    typical=(0.1, 0.5, 1.0),
)
ROW_DIVERSITY = Param(
    name="H_0",
    symbol=H_0,
    domain=UNIT,
    meaning="diversity 1 - sum_l T(k, l)^2 of the context's row of the real model",
    typical=(0.2, 0.5),
)
FALLBACK_DIVERSITY = Param(
    name="H_G",
    symbol=H_G,
    domain=UNIT,
    meaning="diversity 1 - sum_l G(l)^2 of the fallback; 1 - 1/K if it is uniform on K tokens",
    typical=(0.0, 0.75),
)
EFFECTIVE_CONTEXTS = Param(
    name="K_eff",
    symbol=K_eff,
    domain=sp.Interval(1, sp.oo),
    meaning="effective number of contexts (sum_k sqrt(mu(k)))^2, at most their number",
    typical=(1.0, 5.5, 80.0),
)
ROW_STEP = replace(EPS, meaning="largest total variation by which one generation changes a row")
LARGEST_COUNT = replace(N, domain=sp.Range(2, sp.oo), meaning="largest number of bigrams per generation")
TIMES = replace(N, domain=NATURAL, meaning="trials of the binomial count")

BIGRAM = Assumption(
    key="bigram-rows",
    text="T_{i+1}(k, .) is the empirical law of the next tokens of context k in the training set of generation i+1; "
    "T_0 = T, the real model",
)
PROMPTS = Assumption(
    key="contexts-given",
    text="the contexts of a training set are n iid draws from one law, the same in every generation and independent "
    "of the models",
)
COUNTS = Assumption(
    key="counts-given",
    text="the number N of times that the context occurs has the same law in every generation and is independent of the "
    "models, as for given contexts, where N is binomial",
)
KEEP = Assumption(key="unseen-rows-kept", text="a row without any observation keeps its last estimate")
FALLBACK = Assumption(key="unseen-rows-fallback", text="a row without any observation becomes one fixed fallback law")
NEXT_FRESH = Assumption(
    key="next-tokens-fresh",
    text="given its context k a next token of generation i+1 is drawn from alpha T(k, .) + (1-alpha) T_i(k, .); alpha "
    "= 0 is the schedule replace",
)
NEXT_REPLACE = Assumption(
    key="next-tokens-replace", text="given its context k a next token of generation i+1 is drawn from T_i(k, .)"
)
OWN_CONTEXTS = Assumption(
    key="contexts-own",
    text="the contexts of generation i+1 are n iid draws from a stationary law pi_i of T_i",
)

PROMPTED_ROWS = (BIGRAM, PROMPTS, KEEP, NEXT_FRESH)
COUNTED_ROWS = (BIGRAM, COUNTS, KEEP, NEXT_FRESH)
COUNTED_REPLACE = (BIGRAM, COUNTS, KEEP, NEXT_REPLACE)
COUNTED_FALLBACK = (BIGRAM, COUNTS, FALLBACK, NEXT_REPLACE)
OWN_ROWS = (BIGRAM, OWN_CONTEXTS, KEEP, NEXT_REPLACE)

SOURCE = Source(
    bib="seddik2024",
    locator="next-token frequencies, recursive training",
    note="the source's setting of next-token frequencies with a fixed count; random counts, form and proof ours",
)


def entry(key: str, title: str, statement: str, **fields: object) -> Result:
    """Return a result of the family; an upper bound in expectation unless said otherwise."""
    defaults = {"kind": Kind.UPPER, "mode": Mode.EXPECTATION, "source": SOURCE}
    return Result(key=f"markov/{key}", title=title, statement=statement, **{**defaults, **fields})  # type: ignore[arg-type]


def seen() -> sp.Expr:
    """1 − (1−μ)^n: the context occurs."""
    return mu_k * geometric_sum(mu_k, n)


def reciprocal_upper() -> sp.Expr:
    """Bound on E[1/N; N > 0], N binomial, from above."""
    return sp.Min(seen(), _shifted(), evaluate=False)


def seen_reciprocal() -> sp.Expr:
    """Bound on E[1/N | N > 0] that falls with the context's probability."""
    return sp.Min(2 / ((n + 1) * mu_k), _shifted(), evaluate=False)


def _shifted() -> sp.Expr:
    return 1 / ((n + 1) * mu_k) + 3 / ((n + 1) * (n + 2) * mu_k**2)


def reciprocal_lower() -> sp.Expr:
    """(1 − (1−μ)^n)²/(nμ) ≤ E[1/N; N > 0]."""
    return mu_k * geometric_sum(mu_k, n) ** 2 / n


def reciprocal() -> sp.Expr:
    """κ = E[1/N; N > 0] of any count."""
    return (1 - pi_0) * kappa_k


def renewed() -> sp.Expr:
    """1 − (1−α)²: what real data take from a second moment."""
    return alpha * (2 - alpha)


def loss_gap() -> sp.Expr:
    """1 − ρ of the recursion w_{i+1} = κ + ρ w_i."""
    return (1 - pi_0) * (renewed() + kappa_k * (1 - alpha) ** 2)


def row_variance() -> sp.Expr:
    """w_i = Var(T_i(k, l))/(p(1−p)) = κ S_i(1−ρ)."""
    return reciprocal() * geometric_sum(loss_gap(), i)


def row_kept() -> sp.Expr:
    """1 − w_i, free of cancellation."""
    left = (1 - pi_0) * renewed() * (1 - kappa_k)
    return complement_power(loss_gap(), i) + left * geometric_sum(loss_gap(), i)


def given_variance() -> sp.Expr:
    """Bound on w_i for a binomial count."""
    gap = seen() * renewed() + reciprocal_upper() * (1 - alpha) ** 2
    return reciprocal_upper() * geometric_sum(gap, i)


def replace_variance() -> sp.Expr:
    """w_i under `replace`: 1 − (1−κ)^i."""
    return reciprocal() * geometric_sum(reciprocal(), i)
