"""Markov (bigram) language models in the loop: rows of random counts, the joint law, what is forgotten, collapse."""

from __future__ import annotations

import sympy as sp

from ..functions import complement_power, geometric_sum
from ..result import Kind, Rate
from ..symbols import ALPHA, I, K, heterozygosity, i, n, p_atom, product, root
from .markov_chain import CHAINS
from .markov_setting import (
    BIGRAM,
    BIGRAMS,
    CONTEXT,
    COUNTED_FALLBACK,
    COUNTED_REPLACE,
    COUNTED_ROWS,
    EFFECTIVE_CONTEXTS,
    FALLBACK_DISTANCE,
    FALLBACK_DIVERSITY,
    H_0,
    H_G,
    KEEP,
    LARGEST_COUNT,
    MIXED_ENTRY,
    POSITIVE_ENTRY,
    PROMPTED_ROWS,
    PROMPTS,
    RECIPROCAL,
    ROW,
    ROW_DIVERSITY,
    ROW_ENTRY,
    SEVERAL_STATES,
    SOMETIMES_SEEN,
    STATES,
    TIMES,
    UNSEEN,
    K_eff,
    entry,
    given_variance,
    kappa_k,
    mu_k,
    pi_0,
    reciprocal,
    reciprocal_lower,
    reciprocal_upper,
    renewed,
    replace_variance,
    row_kept,
    row_variance,
    tv_0,
)

_ROW_TV = "E TV(T_i(k, .), T(k, .)) of a context k, in [0, 1]"
_TIME = "expected number of generations until deterministic"


def _forgotten_first() -> sp.Expr:
    """(1−μp)^n − (1−μ)^n, as a product of positive factors."""
    rest = mu_k * (1 - p_atom) / (1 - mu_k * p_atom)
    return complement_power(mu_k * p_atom, n) * rest * geometric_sum(rest, n)


def _forgotten() -> sp.Expr:
    lost = (1 - p_atom) * replace_variance()
    return lost / (p_atom + lost)


def _fallback_diversity(kept: sp.Expr, gap: sp.Expr) -> sp.Expr:
    return complement_power(pi_0, i) * kept * H_0 + pi_0 * H_G * geometric_sum(gap, i)


def _joint(points: sp.Expr) -> sp.Expr:
    return product(sp.S.Half, root(2 * K_eff * (K - 1) * geometric_sum(renewed(), i) / points))


def _longest() -> sp.Expr:
    return (1 + sp.log((K - 1) * n**2 / (2 * (n - 1)))) / reciprocal()


RECIPROCALS = (
    entry(
        "reciprocal-count/upper",
        "Mean reciprocal of a row's count, from above",
        "For N ~ Bin(n, mu): E[1/N; N > 0] <= min(1 - (1-mu)^n, 1/((n+1) mu) + 3/((n+1)(n+2) mu^2)).",
        quantity="E[1/N; N > 0], the share of a row's diversity that a generation loses, in [0, 1]",
        expr=reciprocal_upper,
        params=(TIMES, CONTEXT),
        assumptions=(PROMPTS,),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 1 / (n * mu_k)),),
        proof="proof-markov-reciprocal",
    ),
    entry(
        "reciprocal-count/lower",
        "Mean reciprocal of a row's count, from below",
        "For N ~ Bin(n, mu): E[1/N; N > 0] >= (1 - (1-mu)^n)^2/(n mu).",
        quantity="E[1/N; N > 0], the share of a row's diversity that a generation loses, in [0, 1]",
        kind=Kind.LOWER,
        expr=reciprocal_lower,
        params=(TIMES, CONTEXT),
        assumptions=(PROMPTS,),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 1 / (n * mu_k)),),
        proof="proof-markov-reciprocal",
    ),
)
MOMENTS = (
    entry(
        "variance",
        "Variance of a transition probability",
        "T_i(k, l) has mean p and exactly this variance, with kappa = E[1/N; N > 0] = (1-pi_0) kappa_k: under replace "
        "p(1-p) (1 - (1-kappa)^i).",
        quantity="Var(T_i(k, l)), squared probability",
        kind=Kind.EQUALITY,
        expr=lambda: p_atom * (1 - p_atom) * row_variance(),
        params=(RECIPROCAL, UNSEEN, ALPHA, I, ROW_ENTRY),
        assumptions=COUNTED_ROWS,
        rates=(Rate(wrt="p", to=0, leading=lambda: p_atom * row_variance()),),
        proof="proof-markov-moments",
    ),
    entry(
        "diversity",
        "Diversity of next tokens",
        "The probability that two next tokens of one context differ is, on average, exactly this: under replace it "
        "decays by the factor 1 - kappa per generation.",
        quantity="E[1 - sum_l T_i(k, l)^2], a probability",
        kind=Kind.EQUALITY,
        expr=lambda: row_kept() * heterozygosity(),
        params=(RECIPROCAL, UNSEEN, ALPHA, I, ROW),
        assumptions=COUNTED_ROWS,
        rates=(Rate(wrt="kappa_k", to=0, leading=heterozygosity),),
        proof="proof-markov-moments",
    ),
    entry(
        "diversity/fallback",
        "Diversity if unseen rows fall back",
        "With a fallback of diversity H_G for unseen rows diversity tends to pi_0 H_G/(pi_0 + kappa) instead of 0.",
        quantity="E[1 - sum_l T_i(k, l)^2], a probability",
        kind=Kind.EQUALITY,
        expr=lambda: _fallback_diversity(complement_power(kappa_k, i), pi_0 + reciprocal()),
        params=(RECIPROCAL, UNSEEN, I, ROW_DIVERSITY, FALLBACK_DIVERSITY),
        assumptions=COUNTED_FALLBACK,
        rates=(Rate(wrt="kappa_k", to=0, leading=lambda: _fallback_diversity(sp.S.One, pi_0)),),
        proof="proof-markov-fallback",
    ),
)
ROWS = (
    entry(
        "row-tv/fallback/lower",
        "A fallback for unseen rows is a bias that adds up",
        "E T_i(k, .) is a mixture that holds the fallback with weight 1 - (1-pi_0)^i, so that E TV(T_i(k, .), T(k, .)) "
        "is at least this weight times the distance of the fallback.",
        quantity=_ROW_TV,
        kind=Kind.LOWER,
        expr=lambda: tv_0 * pi_0 * geometric_sum(pi_0, i),
        params=(UNSEEN, I, FALLBACK_DISTANCE),
        assumptions=COUNTED_FALLBACK,
        rates=(Rate(wrt="pi_0", to=0, leading=lambda: i * pi_0 * tv_0),),
        proof="proof-markov-fallback",
    ),
    entry(
        "row-tv",
        "Total variation of a row",
        "E TV(T_i(k, .), T(k, .)) <= (1/2) sqrt((K-1) w_i), w_i the relative variance with the upper bound on "
        "E[1/N; N > 0].",
        quantity=_ROW_TV,
        expr=lambda: product(sp.S.Half, root((K - 1) * given_variance())),
        params=(BIGRAMS, CONTEXT, ALPHA, I, STATES),
        assumptions=PROMPTED_ROWS,
        rates=(
            Rate(
                wrt="n",
                to=sp.oo,
                leading=lambda: product(sp.S.Half, root((K - 1) * geometric_sum(renewed(), i) / (n * mu_k))),
            ),
        ),
        proof="proof-markov-row",
    ),
    entry(
        "joint-tv",
        "Total variation of a bigram",
        "TV of the laws of (context, next token) is on average at most (1/2) sqrt(2 K_eff (K-1) S_i(alpha(2-alpha))/"
        "(n+1)), K_eff = (sum_k sqrt(mu(k)))^2 <= K the effective number of contexts.",
        quantity="E sum_k mu(k) TV(T_i(k, .), T(k, .)), in [0, 1]",
        expr=lambda: _joint(n + 1),
        params=(BIGRAMS, ALPHA, I, STATES, EFFECTIVE_CONTEXTS),
        assumptions=PROMPTED_ROWS,
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _joint(n)),),
        proof="proof-markov-joint",
    ),
)
LOSSES = (
    entry(
        "forgotten/first",
        "Transitions forgotten in the first generation",
        "P(T_1(k, l) = 0) = (1 - mu p)^n - (1 - mu)^n: the context occurs and the transition does not.",
        quantity="P(T_1(k, l) = 0) for T(k, l) = p, 0 < p < 1, a probability",
        kind=Kind.EQUALITY,
        expr=_forgotten_first,
        params=(BIGRAMS, CONTEXT, MIXED_ENTRY),
        assumptions=(BIGRAM, PROMPTS, KEEP),
        rates=(Rate(wrt="p", to=0, leading=lambda: mu_k * geometric_sum(mu_k, n)),),
        proof="proof-markov-forgotten",
    ),
    entry(
        "forgotten",
        "Transitions forgotten for ever",
        "Once T_i(k, l) = 0 it stays 0, and P(T_i(k, l) = 0) <= (1-p) w_i/(p + (1-p) w_i), which tends to the exact "
        "limit 1 - p.",
        quantity="P(T_i(k, l) = 0) for T(k, l) = p > 0, a probability",
        expr=_forgotten,
        params=(RECIPROCAL, UNSEEN, I, POSITIVE_ENTRY),
        assumptions=COUNTED_REPLACE,
        rates=(Rate(wrt="kappa_k", to=0, leading=lambda: (1 - p_atom) * (1 - pi_0) * kappa_k * i / p_atom),),
        proof="proof-markov-forgotten",
    ),
    entry(
        "collapse-time/lower",
        "A row is not deterministic sooner",
        "The first generation in which a row is deterministic is on average at least K/(K-1) H_0/E[1/N; N > 0].",
        quantity=f"{_TIME}, of one row",
        kind=Kind.LOWER,
        expr=lambda: H_0 * K / ((K - 1) * reciprocal()),
        params=(RECIPROCAL, SOMETIMES_SEEN, SEVERAL_STATES, ROW_DIVERSITY),
        assumptions=COUNTED_REPLACE,
        rates=(Rate(wrt="K", to=sp.oo, leading=lambda: H_0 / reciprocal()),),
        proof="proof-markov-collapse",
    ),
    entry(
        "collapse-time",
        "The whole chain is deterministic in the end",
        "All rows are deterministic after on average at most (1 + log((K-1) n^2/(2(n-1))))/kappa generations, kappa "
        "the least E[1/N; N > 0] of a row.",
        quantity=f"{_TIME}, of all K rows",
        expr=_longest,
        params=(LARGEST_COUNT, RECIPROCAL, SOMETIMES_SEEN, SEVERAL_STATES),
        assumptions=COUNTED_REPLACE,
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: (1 + sp.log((K - 1) * n / 2)) / reciprocal()),),
        proof="proof-markov-collapse",
    ),
)
RESULTS = (*RECIPROCALS, *MOMENTS, *ROWS, *LOSSES, *CHAINS)
