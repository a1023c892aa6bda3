"""Softmax transformers in context: stability, recursive stability, generalization (theory: sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from ..deferred import Formula, Formulas
from ..functions import geometric_sum
from ..result import Assumption, Kind, Mode, Param, Rate, Result, Source
from ..symbols import NATURAL, NONNEGATIVE, REAL_COUNT, SIGMA, I, N, alpha, i, n, product, root, sigma
from .schedules import FIXED
from .stability_setting import (
    BOUNDED_LOSS,
    LIPSCHITZ,
    MIXED,
    RANGE,
    RECURSIVE,
    REUSED,
    SHIFT,
    L,
    M,
    synthetic_count,
    tv,
)

Gamma = sp.Symbol("Gamma", real=True)
layers = sp.Symbol("layers", integer=True)

STEEPNESS = Param(
    name="Gamma",
    symbol=Gamma,
    domain=NONNEGATIVE,
    meaning="bound on the spectral norm of every attention form W",
    typical=(0.0, 0.5, 1.0),
)
LAYERS = Param(name="layers", symbol=layers, domain=NATURAL, meaning="number of layers", typical=(1, 2, 6))
OUTPUT_NOISE = replace(SIGMA, meaning="standard deviation of the noise of synthetic outputs", typical=(0.5, 1.0))
OUTPUT_LIPSCHITZ = replace(LIPSCHITZ, meaning="Lipschitz constant of the loss in the output of the transformer")
PROMPT = replace(N, meaning="points of the context (tokens that are attended to)")
_TOKENS = replace(PROMPT, domain=sp.Range(2, sp.oo), meaning="tokens that are attended to", typical=(2, 50, 1000))
_REUSED = replace(MIXED, domain=REUSED.domain)

TOKENS = Assumption(key="bounded-tokens", text="every token has a norm of at most 1")
ATTENTION = Assumption(
    key="attention-norms",
    text="token k has the weight softmax_k(z.W_h z_k) in head h, with the token z that attends and a spectral norm of "
    "W_h of at most Gamma; the output is sum_h V_h (weighted mean of the tokens in head h), where "
    "||sum_h V_h y_h|| <= 1 for all y_h of norm at most 1: ||V|| <= 1 for one head, sum_h ||V_h|| <= 1 is enough",
)
KEPT = Assumption(key="query-kept", text="the token that attends is not the one that is replaced")
STACK = Assumption(
    key="attention-layers",
    text="every token is updated in every layer, and the output is read at a token that is not replaced; what else "
    "acts between layers acts on each token alone, is 1-Lipschitz and stays in the unit ball (a projection is, "
    "LayerNorm is not)",
)
STACK_RESIDUAL = replace(
    STACK, text=STACK.text + "; a layer adds its output to its input and projects the sum to the unit ball"
)
FROZEN = Assumption(
    key="frozen-weights", text="the transformer's own weights are the same in every generation and for every context"
)
GAUSSIAN_OUTPUT = Assumption(
    key="gaussian-output",
    text="a synthetic point is (x, output of the transformer at x + N(0, sigma^2 I)), x drawn from a law that does "
    "not depend on the context; it may be processed further, such as projected to the unit ball",
)
LIPSCHITZ_LOSS = Assumption(
    key="lipschitz-in-output", text="the loss at every point is L-Lipschitz in the output of the transformer"
)
MEASURED_SHIFT = Assumption(
    key="measured-shift", text="tv bounds E TV(P_i, P); it is measured, for there is no bound known in advance"
)
STL_TRANSFORMER = Source(
    bib="fu2025stl",
    locator="transformers in in-context learning",
    note="form of the source; constants and proof ours",
)
_MOVE = "norm of the change of the output when one token that is attended to is replaced; 2 or more says nothing"


def sensitivity(residual: bool) -> sp.Expr:
    """K_Γ: n times the bound on the change of the output; geometric_sum(−x, ℒ) = ((1+x)^ℒ − 1)/x."""
    growth = 1 + 2 * Gamma if residual else 2 * Gamma
    return 2 * sp.exp(2 * Gamma) * geometric_sum(-growth, layers)


def divergence(residual: bool) -> sp.Expr:
    """κ_n = K_Γ²/(2σ²n²)."""
    return sensitivity(residual) ** 2 / (2 * sigma**2 * n**2)


def _learner(residual: bool) -> sp.Expr:
    return L * sensitivity(residual) / n


def _recursive(residual: bool) -> sp.Expr:
    """√(i m κ_n/2), not capped."""
    return product(sensitivity(residual) / (2 * sigma * n), root(i * synthetic_count()))


def _capped(residual: bool) -> sp.Expr:
    return sp.Min(1, _recursive(residual), evaluate=False)


def _terms(residual: bool) -> Formulas:
    return Formulas(
        **{
            "stability": lambda: _learner(residual),
            "recursive stability": lambda: alpha * M * _capped(residual),
            "distribution shift": lambda: synthetic_count() / n * M * tv,
        }
    )


def _name(key: str, residual: bool) -> str:
    return key + "/residual" if residual else key


TERMS: Mapping[str, Mapping[str, sp.Expr]] = {
    _name("icl/softmax/generalization", residual): _terms(residual) for residual in (False, True)
}
"""By key and name: the terms whose sum a result is; each is a formula in the parameters of the result."""

_NETWORK = (STEEPNESS, LAYERS)


def _bound(
    key: str,
    residual: bool,
    title: str,
    statement: str,
    expr: Formula,
    params: tuple[Param, ...],
    *more: Assumption,
    **fields: object,
) -> Result:
    """Return one result on a stack of layers, without or with residual connections."""
    growth = "2 exp(2 Gamma) ((1+x)^layers - 1)/x, x = " + ("1 + 2 Gamma" if residual else "2 Gamma")
    defaults = {
        "kind": Kind.UPPER,
        "mode": Mode.SURE,
        "source": STL_TRANSFORMER,
        "assumptions": (TOKENS, ATTENTION, STACK_RESIDUAL if residual else STACK, *more),
    }
    return Result(
        key=_name(key, residual),
        title=title + (", with residual connections" if residual else ""),
        statement=f"{statement}, K = {growth}.",
        expr=expr,
        params=params,
        **{**defaults, **fields},  # type: ignore[arg-type]
    )


ONE_LAYER = Result(
    key="stability/attention",
    title="Stability of one layer of softmax attention",
    statement="The output moves by at most 2 exp(2 Gamma)/(n - 1 + exp(2 Gamma)); attained.",
    quantity=_MOVE,
    kind=Kind.UPPER,
    mode=Mode.SURE,
    expr=lambda: 2 / (1 + (n - 1) * sp.exp(-2 * Gamma)),
    params=(_TOKENS, STEEPNESS),
    assumptions=(TOKENS, ATTENTION, KEPT),
    rates=(Rate(wrt="n", to=sp.oo, leading=lambda: 2 * sp.exp(2 * Gamma) / n),),
    source=STL_TRANSFORMER,
    proof="proof-stability-attention",
)


def _stability(residual: bool) -> Result:
    flat = (lambda: 2 * (2**layers - 1) / n) if residual else (lambda: 2 * layers / n)
    return _bound(
        "stability/transformer",
        residual,
        "Stability of a softmax transformer",
        "The output moves by at most K/n",
        lambda: sensitivity(residual) / n,
        (PROMPT, *_NETWORK),
        quantity=_MOVE,
        rates=(Rate(wrt="Gamma", to=0, leading=flat),),
        proof="proof-stability-transformer",
    )


def _divergence(residual: bool) -> Result:
    return _bound(
        "recursive-stability/icl/divergence",
        residual,
        "Divergence of the synthetic points of two contexts",
        "At most K^2/(2 sigma^2 n^2)",
        lambda: divergence(residual),
        (PROMPT, *_NETWORK, OUTPUT_NOISE),
        FROZEN,
        GAUSSIAN_OUTPUT,
        quantity="kappa_n: KL divergence of the synthetic points of two contexts of n points that differ in one point, "
        "in nats",
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: divergence(residual)),),
        source=RECURSIVE,
        proof="proof-recursive-icl",
    )


def _recursive_stability(residual: bool) -> Result:
    return _bound(
        "recursive-stability/icl",
        residual,
        "Recursive stability of a transformer in context",
        "gamma_n^i <= min(1, (K/(2 sigma)) sqrt(i (1-alpha)/n))",
        lambda: _capped(residual),
        (PROMPT, REUSED, I, *_NETWORK, OUTPUT_NOISE),
        FROZEN,
        GAUSSIAN_OUTPUT,
        FIXED.assumption,
        quantity="gamma_n^i = TV of the laws of the synthetic points of generation i given two real samples that "
        "differ in one reused point, at most, in [0, 1]",
        conditions=(REAL_COUNT,),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _recursive(residual)),),
        source=RECURSIVE,
        proof="proof-recursive-icl",
    )


def _loss_stability(residual: bool) -> Result:
    return _bound(
        "icl/softmax/stability",
        residual,
        "Uniform stability of a softmax transformer in context",
        "beta_n <= L K/n",
        lambda: _learner(residual),
        (PROMPT, *_NETWORK, OUTPUT_LIPSCHITZ),
        FROZEN,
        LIPSCHITZ_LOSS,
        quantity="beta_n: largest change of the loss at a point when one of n points of the context is replaced",
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: _learner(residual)),),
        proof="proof-icl-softmax",
    )


def _generalization(residual: bool) -> Result:
    key = _name("icl/softmax/generalization", residual)
    return _bound(
        "icl/softmax/generalization",
        residual,
        "Generalization in the loop of a softmax transformer in context",
        "|E gap| <= L K/n + alpha M min(1, (K/(2 sigma)) sqrt(i (1-alpha)/n)) + (1-alpha) M tv; the shift tv of the "
        "generated points is measured",
        lambda: sp.Add(*TERMS[key].values()),
        (PROMPT, _REUSED, I, *_NETWORK, OUTPUT_NOISE, OUTPUT_LIPSCHITZ, RANGE, SHIFT),
        FROZEN,
        GAUSSIAN_OUTPUT,
        LIPSCHITZ_LOSS,
        BOUNDED_LOSS,
        MEASURED_SHIFT,
        FIXED.assumption,
        quantity="|E gap|, gap = real risk minus error on the context of generation i+1, in the unit of the loss",
        mode=Mode.EXPECTATION,
        conditions=(REAL_COUNT,),
        rates=(Rate(wrt="n", to=sp.oo, leading=lambda: (1 - alpha) * M * tv),),
        proof="proof-icl-softmax",
    )


RESULTS = (
    ONE_LAYER,
    *(
        make(residual)
        for make in (_stability, _divergence, _recursive_stability, _loss_stability, _generalization)
        for residual in (False, True)
    ),
)
