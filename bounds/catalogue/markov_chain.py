"""Stationary laws of Markov language models in the loop, and models that are trained on contexts of their own."""

from __future__ import annotations

import sympy as sp

from ..functions import geometric_sum
from ..result import Mode, Rate
from ..symbols import ALPHA, I, K, eps, i, n, product, root
from .markov_setting import (
    BIGRAM,
    BIGRAMS,
    ERGODICITY,
    LEAST_CONTEXT,
    OWN_ROWS,
    PROMPTED_ROWS,
    ROW_STEP,
    STATES,
    delta_T,
    entry,
    mu_k,
    renewed,
    seen_reciprocal,
)


def _stationary(reciprocal: sp.Expr) -> sp.Expr:
    square = K * (K - 1) * reciprocal * geometric_sum(renewed(), i)
    return product(sp.S.Half, root(square)) / (1 - delta_T)


def _drift(points: sp.Expr) -> sp.Expr:
    return product(sp.S.Half, root(2 * K * (K - 1) / points))


CHAINS = (
    entry(
        "stationary/sure",
        "Stationary laws follow their rows",
        "If no generation changes a row by more than eps, every stationary law of T_i is within i eps/(1 - delta_T) of "
        "the real one, wherever the contexts come from.",
        quantity="TV(pi_i, pi) of stationary laws, in [0, 1]",
        mode=Mode.SURE,
        expr=lambda: i * eps / (1 - delta_T),
        params=(ROW_STEP, I, ERGODICITY),
        assumptions=(BIGRAM,),
        rates=(Rate(wrt="eps", to=0, leading=lambda: i * eps / (1 - delta_T)),),
        proof="proof-markov-stationary",
    ),
    entry(
        "stationary",
        "Stationary law of a model trained on given contexts",
        "E TV(pi_i, pi) <= (1/2) sqrt(K (K-1) S_i(alpha(2-alpha)) r)/(1 - delta_T), r the upper bound on "
        "E[1/N | N > 0] in the rarest context, about 1/(n mu).",
        quantity="E TV(pi_i, pi) of stationary laws, in [0, 1]",
        expr=lambda: _stationary(seen_reciprocal()),
        params=(BIGRAMS, LEAST_CONTEXT, ERGODICITY, ALPHA, I, STATES),
        assumptions=PROMPTED_ROWS,
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _stationary(1 / (n * mu_k))),),
        proof="proof-markov-stationary",
    ),
    entry(
        "own-contexts/loss",
        "Diversity lost by one generation on contexts of its own",
        "A generation loses on average at most 2 (K-1)/(n+1) of the diversity of next tokens, weighted by the "
        "contexts.",
        quantity="|E sum_k pi_i(k) (H_i(k) - H_{i+1}(k))|, H_i(k) = 1 - sum_l T_i(k, l)^2, in [0, 1]",
        expr=lambda: 2 * (K - 1) / (n + 1),
        params=(BIGRAMS, STATES),
        assumptions=OWN_ROWS,
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 2 * (K - 1) / n),),
        proof="proof-markov-own",
    ),
    entry(
        "own-contexts/drift",
        "Drift of the stationary law in one generation on contexts of its own",
        "E[(1 - delta(T_{i+1})) TV(pi_{i+1}, pi_i)] <= (1/2) sqrt(2 K (K-1)/(n+1)) in every generation.",
        quantity="E[(1 - delta(T_{i+1})) TV(pi_{i+1}, pi_i)], delta Dobrushin's coefficient, in [0, 1]",
        expr=lambda: _drift(n + 1),
        params=(BIGRAMS, STATES),
        assumptions=OWN_ROWS,
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _drift(n)),),
        proof="proof-markov-own",
    ),
)
