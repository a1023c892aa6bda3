"""What all diffusion results share: parameters, assumptions, sources, variances of noised normal distributions."""

from __future__ import annotations

from typing import Any

import sympy as sp

from ..functions import geometric_sum
from ..kde_functions import gaussian_bias, heat_loss
from ..result import Assumption, Param, Source, Structure
from ..symbols import NATURAL, NONNEGATIVE, POSITIVE, UNIT, d, sigma

start, end, E, lag, kl, gap, r, t0, t1, span, dt = sp.symbols("start end E lag kl gap r t0 t1 span dt", real=True)
R, M2, L1, m = sp.symbols("R M2 L1 m", real=True)
steps = sp.Symbol("steps", integer=True)
J_steps, V_steps, G_steps, r_vector = sp.symbols("J V G r")
J = sp.Symbol("J", real=True)

ONE_STEP = "TV(P_hat, P), P_hat the law of the sampler's output for a given learned score, in [0, 1]"


def _param(symbol: sp.Symbol, domain: sp.Set, meaning: str, *typical: Any, **more: Any) -> Param:
    return Param(name=symbol.name, symbol=symbol, domain=domain, meaning=meaning, typical=typical, **more)


def _steps(symbol: sp.Symbol, meaning: str, *typical: tuple[float, ...]) -> Param:
    return _param(symbol, NONNEGATIVE, meaning, *typical, structure=Structure.VECTOR, core="steps")


START = _param(start, UNIT, "bound on TV(P_t0, P), the target at the smallest noising time", 0.001, 0.02)
END = _param(end, UNIT, "bound on TV(P_t1, N(0, I)), the target at the largest noising time", 0.0005, 0.01)
SCORE_ERROR = _param(
    E, NONNEGATIVE, "int over [t0, t1] of E||learned score - score||^2 dt, under the noised target P_t", 1e-4, 0.01, 4.0
)
HELD_ERROR = _param(
    E,
    NONNEGATIVE,
    "sum over the steps of int E||learned score(X_tk) - e^(-u) score(X_tk)||^2 du, u = tk - t: the learning part",
    1e-4,
    0.01,
)
LAG = _param(
    lag,
    NONNEGATIVE,
    "sum over the steps of int (I(tk - u) - e^(-2u) I(tk)) du, I the Fisher information of P_t: the time-lag part",
    0.01,
    0.2,
)
END_DIVERGENCE = _param(kl, NONNEGATIVE, "bound on KL(P_t1 || N(0, I))", 1e-6, 1e-3)
NON_GAUSSIANITY = _steps(
    J_steps,
    "for each step, the mean under P_tk of KL between the reverse kernel and the normal law with its mean and variance",
    (0.001, 0.0005, 0.0001),
    (0.5, 0.4, 0.3),
)
VARIANCE_MISMATCH = _steps(
    V_steps,
    "for each step, the mean under P_tk of (tr(S) - d - log det(S))/2, S = (used covariance)^-1 (true covariance)",
    (0.0002, 0.0001, 0.0),
    (0.1, 0.2, 0.3),
)
MEAN_GAP = _steps(
    G_steps,
    "for each step, the mean under P_tk of half the squared mean gap, in the metric of the inverse used covariance",
    (0.002, 0.001, 0.001),
    (0.3, 0.1, 0.1),
)
DIVERGENCE = _param(J, NONNEGATIVE, "KL between the law and the normal law with its mean and covariance", 0.0, 0.003)
RATIO = _param(r, POSITIVE, "variance ratio, true over used", 0.5, 0.999, 1.2)
RATIOS = _param(
    r_vector,
    POSITIVE,
    "eigenvalues of (used covariance)^-1 (true covariance); for diagonal covariances, the ratios of the variances",
    (0.9, 1.1),
    (0.5, 1.0, 2.0),
    structure=Structure.VECTOR,
    core="d",
)
SQUARED_GAP = _param(
    gap, NONNEGATIVE, "squared gap between the means, in the metric of the inverse used covariance", 0.0, 0.01, 1.0
)
FIRST_TIME = _param(t0, POSITIVE, "smallest noising time", 1e-4, 0.01, 0.1)
LAST_TIME = _param(t1, POSITIVE, "largest noising time", 2.0, 5.0)
SPAN = _param(span, POSITIVE, "largest minus smallest noising time, t1 - t0", 2.0, 5.0)
STEP = _param(dt, sp.Interval.Lopen(0, 1), "length of a step in noising time", 0.01, 0.05, 0.5)
STEPS = _param(steps, NATURAL, "number of steps", 1, 60, 1000)
MEAN_NORM = _param(R, NONNEGATIVE, "mean of the norm: E||X|| under P", 1.0, 4.0)
CENTRE_NORM = _param(R, NONNEGATIVE, "weighted mean of the norms of the centres of the components", 0.5, 3.0)
SQUARE_NORM = _param(M2, NONNEGATIVE, "mean of the squared norm: E||X||^2 under P", 1.0, 20.0)
FORCE = _param(L1, NONNEGATIVE, "L1 norm of div(x f(x)) + Laplacian f(x), f the density of P", 0.5, 3.0)
MEAN = _param(m, NONNEGATIVE, "modulus of the mean of P (unit of the data)", 0.5, 3.0)

FORWARD = Assumption(
    key="ornstein-uhlenbeck",
    text="noising is dX = -X dt + sqrt(2) dW from X_0 ~ P, P_t is the law of X_t, and the sampler starts from N(0, I)",
)
NOISED = Assumption(key="noised-target", text="P_t is the law of e^-t X + sqrt(1 - e^-2t) Z, X ~ P, Z ~ N(0, I) apart")
GIVEN_SCORE = Assumption(
    key="given-score",
    text="the learned score is a given function of (x, t) on [t0, t1], bounded on bounded sets and locally Lipschitz "
    "in x there, and its reverse equation does not explode",
)
HELD_SCORE = Assumption(
    key="held-score",
    text="the learned score is a given function, bounded on bounded sets, evaluated at the beginning of each step and "
    "held over it; the linear drift is integrated exactly",
)
ENDS = Assumption(key="both-ends", text="start bounds TV(P_t0, P), and end bounds TV(P_t1, N(0, I))")
ONE_END = Assumption(key="both-ends", text="start bounds TV(P_t0, P), and kl bounds KL(P_t1 || N(0, I))")
SCORE_BOUND = Assumption(key="score-error", text="E bounds int over [t0, t1] of E||learned score - score||^2 dt")
HELD_BOUND = Assumption(key="score-error", text="E and lag bound the learning part and the time-lag part")
GAUSSIAN_STEPS = Assumption(
    key="gaussian-steps",
    text="each step of the sampler from tk to t(k-1) draws from a normal law whose mean and covariance, not singular, "
    "are given functions of the point",
)
STEP_BOUNDS = Assumption(
    key="step-divergences", text="J, V and G bound the three parts of every step's mean divergence under P_tk"
)
LAW = Assumption(key="matched-moments", text="the true law has a density, a finite mean and a covariance not singular")
CENTRED_NORMAL = Assumption(key="normal-target", text="P = N(0, sigma^2) on the line")
NORMAL = Assumption(key="normal-target", text="P = N(m, sigma^2) on the line")
STANDARD_NORMAL = Assumption(key="normal-target", text="P = N(0, 1) on the line")
EXACT_SCORE = Assumption(key="exact-score", text="the sampler uses the exact score")
TWEEDIE = Assumption(
    key="tweedie-steps", text="each step is normal with Tweedie's mean and variance, from t1 to t0 on any grid"
)

SOURCE = Source(bib="fu2024tv", locator="diffusion models", note="form of the source's bound; constant and proof ours")
REVERSE = Source(bib="anderson1982", locator="reverse-time equation", note="bound and proof ours")
OURS = Source(bib="efron2011", locator="posterior mean and variance", note="formula and proof ours")


def decay_loss(x: sp.Expr) -> sp.Expr:
    """1 − e^{−x} without cancellation, x ≥ 0."""
    return heat_loss(sp.sqrt(x / 2) / sp.pi)


def product_bias(one: sp.Expr) -> sp.Expr:
    """1 − (1 − b)^d: bound on the TV of products of d pairs of laws with TV b."""
    return one * geometric_sum(one, d)


def noised_variance(t: sp.Expr) -> sp.Expr:
    """e^{−2t}σ² + 1 − e^{−2t}: variance of P_t for a normal P."""
    return sp.exp(-2 * t) * sigma**2 + decay_loss(2 * t)


def off_one() -> sp.Expr:
    """|σ² − 1| without cancellation."""
    return sp.Abs(sigma - 1) * (sigma + 1)


def moved_variance(share: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """TV of N(0, v) and N(0, σ²) for v − σ² = share (1 − σ²)."""
    ratio = share * off_one() / sp.Min(sigma**2, variance, evaluate=False)
    return sp.Piecewise((0, sp.Eq(sigma, 1)), (gaussian_bias(sp.sqrt(ratio)), True))
