"""What all results on stability and generalization share: parameters, assumptions, sources, constants of learners."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import geometric_sum
from ..result import Assumption, Param, Source
from ..symbols import ALPHA, ATOMS, NONNEGATIVE, POSITIVE, UNIT, K, alpha, i, n, root

L, M, mu, omega, Delta, u = sp.symbols("L M mu omega Delta u", real=True)
beta_n, gamma_n, tv, kappa, kappa_N, eta = sp.symbols("beta_n gamma_n tv kappa kappa_N eta", real=True)


def _param(symbol: sp.Symbol, domain: sp.Set, meaning: str, *typical: float) -> Param:
    return Param(name=symbol.name, symbol=symbol, domain=domain, meaning=meaning, typical=typical)


LIPSCHITZ = _param(L, NONNEGATIVE, "Lipschitz constant of the loss in the weights", 1.0, 2.0)
RANGE = _param(M, NONNEGATIVE, "length of an interval that contains the loss", 1.0, 4.5)
RIDGE = _param(mu, POSITIVE, "strength of the penalty (mu/2)||w||^2", 0.1, 1.0, 4.0)
STEPS = _param(eta, NONNEGATIVE, "sum of the step sizes of all steps", 0.5, 10.0)
BETA = _param(beta_n, NONNEGATIVE, "uniform stability of the learner on n points (unit of the loss)", 0.001, 0.02)
GAMMA = _param(gamma_n, UNIT, "recursive stability of the loop in generation i", 0.01, 0.3)
SHIFT = _param(tv, UNIT, "bound on e_i = E TV(P_i, P)", 0.05, 0.5)
DIVERGENCE = _param(
    kappa, NONNEGATIVE, "bound on KL between the fits of two sets of n points that differ in one point", 1e-8, 1e-4
)
DIVERGENCE_LATER = _param(kappa_N, NONNEGATIVE, "the same for sets of (1+lam) n points", 1e-8, 1e-4)
SMOOTHING = _param(omega, sp.Interval.Lopen(0, 1), "weight of the uniform distribution in every fit", 0.1, 0.3, 0.7)
ANY_SMOOTHING = replace(SMOOTHING, domain=UNIT, typical=(0.0, 0.3))
MOVE = _param(Delta, NONNEGATIVE, "how far a reused real point may move (unit of the data)", 0.5, 2.0)
FAR = _param(u, UNIT, "TV between the uniform distribution on the K atoms and P", 0.2, 0.6)
REUSED = replace(ALPHA, domain=sp.Interval.Lopen(0, 1), typical=(0.1, 0.5, 1.0))
MIXED = replace(ALPHA, typical=(0.1, 0.5))
SMALL_SPACE = replace(ATOMS, typical=(2, 8))

BOUNDED_LOSS = Assumption(key="bounded-loss", text="the loss takes its values in an interval of length M")
STABLE_LEARNER = Assumption(
    key="stable-learner",
    text="replacing one training point changes the loss at every point by at most beta_n, "
    "on average over the randomness of the learner",
)
CATEGORICAL_FIT = Assumption(
    key="categorical-fit",
    text="every generation is (1-omega) times the empirical distribution of its training set on K atoms plus "
    "omega times the uniform distribution",
)
RIDGE_DATA = Assumption(key="unit-data", text="||x|| <= 1 and |y| <= 1 for every point, in the space of features")
RIDGE_LEARNER = Assumption(
    key="ridge-learner", text="the learner minimises the average of (w.x - y)^2/2 plus (mu/2)||w||^2"
)
STL = Source(
    bib="fu2025stl",
    locator="general generalization bound for self-consuming loops",
    note="form of the source's bound; constants and proof ours",
)
RECURSIVE = Source(
    bib="fu2025stl", locator="recursive stability", note="notion of the source; constants and proof ours"
)


def synthetic_count() -> sp.Expr:
    """Return m = (1−α)n, written so that it is exact in double precision where αn is."""
    return n - alpha * n


def synthetic_decay() -> sp.Expr:
    """α' with 1 − α' = (1−α)(1−ω): what one generation of smoothed frequencies forgets."""
    return alpha + omega * (1 - alpha)


def smoothed_sum() -> sp.Expr:
    """S_i(α')."""
    return geometric_sum(synthetic_decay(), i)


def ridge_norm() -> sp.Expr:
    """B = sup of s/(s² + μ) over 0 ≤ s ≤ 1, the largest norm of the ridge weights."""
    return sp.Piecewise((1 / (2 * root(mu)), sp.Le(mu, 1)), (1 / (1 + mu), True))


def ridge_range() -> sp.Expr:
    """(1 + B)²/2."""
    return (1 + ridge_norm()) ** 2 / 2


def ridge_stability() -> sp.Expr:
    """2(1 + B)²/(μn)."""
    return 2 * (1 + ridge_norm()) ** 2 / (mu * n)


def categorical_divergence() -> sp.Expr:
    """κ_n = c log(1 + cK/ω), c = (1−ω)/n."""
    from sympy.codegen.cfunctions import log1p  # not needed to list the catalogue

    c = (1 - omega) / n
    return c * log1p(c * K / omega)


def coupled() -> sp.Expr:
    """√(mκ/2) min(√i, S_i(α')): recursive stability of smoothed frequencies."""
    once = root(synthetic_count() * categorical_divergence() / 2)
    return sp.Min(1, once * sp.Min(root(i), smoothed_sum(), evaluate=False), evaluate=False)


def average() -> sp.Expr:
    """√(2 log 2 · i m(1−ω)K/α)/n: recursive stability of frequencies on average over the real points."""
    return root(2 * sp.log(2) * i * synthetic_count() * (1 - omega) * K / alpha) / n


def categorical_step() -> sp.Expr:
    """d_n = (1−ω)½√((K−1)/n) + ω TV(U, P)."""
    return (1 - omega) * root((K - 1) / n) / 2 + omega * u


def categorical_shift() -> sp.Expr:
    """min(1, d_n S_i(α'))."""
    return sp.Min(1, categorical_step() * smoothed_sum(), evaluate=False)
