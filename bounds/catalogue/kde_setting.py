"""What all kernel density results share: parameters, assumptions, sources, schedules."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..functions import geometric_sum
from ..kde_functions import heat_loss
from ..result import Assumption, Param, Source
from ..symbols import ALPHA, DIMENSION, POSITIVE, REAL_COUNT, I, N, alpha, c, i, sigma
from .schedules import FIXED, FRESH, REPLACE, STRATIFIED, ScheduleFormulas

h = sp.Symbol("h", real=True)
C = sp.Symbol("C", real=True)
L1 = sp.Symbol("L1", real=True)

LONGEST = 100_000
SCHEDULES = (FRESH, STRATIFIED, REPLACE, FIXED)

BANDWIDTH = Param(
    name="h",
    symbol=h,
    domain=POSITIVE,
    meaning="bandwidth: standard deviation of the Gaussian kernel (the unit of the data)",
    typical=(0.1, 0.25, 0.5),
)
COSINE = Param(
    name="c",
    symbol=c,
    domain=sp.Interval(-1, 1),
    meaning="amplitude of the cosine in every factor of the real density",
    typical=(0.2, 0.5, -1.0),
)
CURVATURE = Param(
    name="L1",
    symbol=L1,
    domain=sp.Interval(0, sp.oo),
    meaning="L1 norm of the Laplacian of the real density (1 / squared unit of the data)",
    typical=(0.5, 2.0),
)
TUNING = Param(
    name="C",
    symbol=C,
    domain=POSITIVE,
    meaning="constant of the bandwidth C n^(-1/(d+4)) (the unit of the data)",
    typical=(0.5, 1.06),
)
SPACE = replace(DIMENSION, meaning="dimension of the torus", typical=(1, 2, 3))
SMALL_SPACE = replace(SPACE, domain=sp.Range(1, 101))
TIME = replace(I, domain=sp.Range(1, LONGEST + 1), typical=(1, 2, 10))

KERNEL_FIT = Assumption(
    key="kernel-fit",
    text="a generation is the convolution of the empirical distribution of its training set with N(0, h^2 I_d), "
    "h fixed beforehand (wrapped around on the torus)",
)
REAL_START = Assumption(key="real-start", text="generation 1 is trained on n iid draws from P")
GAUSSIAN_TARGET = Assumption(key="gaussian-target", text="P = N(mean, sigma^2) on the line")
COSINE_TARGET = Assumption(
    key="cosine-target", text="P has the density prod_j (1 + c cos(2 pi (x_j - a_j))) for some shifts a_j"
)
TORUS = Assumption(key="torus", text="points live on [0, 1]^d, opposite faces identified")
CIRCLE = Assumption(key="torus", text="points live on [0, 1], both ends identified")

SOURCE = Source(
    bib="fu2024tv",
    locator="kernel density estimation",
    note="form of the source's bound; constant and proof ours",
)
OURS = Source(
    bib="fu2024tv",
    locator="kernel density estimation",
    note="the source has an upper bound up to a constant; this bound and its proof are ours",
)
ERROR = "e_i = E TV(P_i, P), in [0, 1]"

REAL_FRACTION = {"fresh": alpha, "stratified": alpha, "fixed": alpha, "replace": sp.S.Zero}
CONDITIONS = {"fresh": (), "stratified": (REAL_COUNT,), "fixed": (REAL_COUNT,), "replace": ()}


def t() -> sp.Expr:
    """h/σ: on the line everything depends on the bandwidth through it only."""
    return h / sigma


def loop_params(schedule: ScheduleFormulas, time: Param = I) -> tuple[Param, ...]:
    """Return n, alpha (where there is one) and i."""
    return (N, time) if schedule is REPLACE else (N, ALPHA, time)


def ages(real: sp.Expr) -> sp.Expr:
    """S_i(α): the sum of the weights (1−α)^{i−1−k}, and the mean number of smoothings in E P_i."""
    return i if real == 0 else geometric_sum(real, i)


# small-bandwidth forms of the one-step terms: variance = line_variance n^(-1/2) h^(-d/2), bias = small_bias h^2
def small_bias() -> sp.Expr:
    """exp(−½)/(√(2π)σ²)."""
    return sp.exp(-sp.Rational(1, 2)) / sp.sqrt(2 * sp.pi) / sigma**2


def line_variance() -> sp.Expr:
    """½√(2πσ)/(4π)^{1/4}."""
    return sp.sqrt(2 * sp.pi * sigma) / (2 * (4 * sp.pi) ** sp.Rational(1, 4))


def first_bias() -> sp.Expr:
    """b(h) of a cosine density on the circle."""
    return sp.Abs(c) * heat_loss(h) / sp.pi


def lost_cosine(real: sp.Expr) -> sp.Expr:
    """TV(E P_i, P) of a cosine density on the circle: every smoothing takes the same share of the cosine."""
    return first_bias() * geometric_sum(real + (1 - real) * heat_loss(h), i)
