"""Symbols, parameters and assumptions of loops whose data are curated (theory: section 10)."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..result import Assumption, Param, Source
from ..symbols import ALPHA, ATOM, NONNEGATIVE, UNIT, I, N, a, alpha, m

mu, V, rho, nu = sp.symbols("mu V rho nu", real=True)

GROUP = Param(
    name="m",
    symbol=m,
    domain=sp.Range(2, sp.oo),
    meaning="draws among which one is chosen",
    typical=(2, 4, 16),
)
MEAN = Param(
    name="mu",
    symbol=mu,
    domain=sp.Interval.Lopen(0, 1),
    meaning="mean of the weight u under p_0, in units of the largest weight",
    typical=(0.3, 0.6),
)
VARIANCE = Param(
    name="V",
    symbol=V,
    domain=NONNEGATIVE,
    meaning="variance of the weight u under p_0, in units of the square of the largest weight",
    typical=(0.04, 0.01),
)
BEST = replace(
    ATOM,
    domain=sp.Interval.Lopen(0, 1),
    meaning="mass of the best atoms, those of weight 1, under p_0",
    typical=(0.02, 0.1, 0.5),
)
LEVEL = Param(
    name="a",
    symbol=a,
    domain=sp.Interval.Lopen(0, 1),
    meaning="a level of the weight u, in units of the largest weight",
    typical=(1.0, 0.8),
)
ABOVE = replace(BEST, meaning="mass of the atoms of weight at least a under p_0", typical=(0.5, 0.1))
SECOND = Param(
    name="rho",
    symbol=rho,
    domain=sp.Interval.Ropen(0, 1),
    meaning="bound on the weight of every atom that is not best, in units of the largest weight",
    typical=(0.5, 0.9),
)
SMALLEST = Param(
    name="nu",
    symbol=nu,
    domain=UNIT,
    meaning="smallest weight of an atom in units of the largest: exp(-range of the reward)",
    typical=(0.6, 0.2, 0.95),
)
NARROW = replace(SMALLEST, typical=(0.99, 0.9, 1.0))
STEPS = replace(I, meaning="generation: how often the loop has curated, p_0 being real")
LONG = replace(STEPS, typical=(10, 50, 400))
FRACTION = replace(ALPHA, typical=(0.1, 0.5, 0.0, 1.0))
REAL = replace(ALPHA, domain=sp.Interval.Lopen(0, 1), typical=(0.5, 0.8, 1.0))
SIZE = replace(N, meaning="chosen draws per generation (points)")

CHOICE = Assumption(
    key="plackett-luce",
    text="of m independent draws from a distribution p on K atoms draw j is chosen with probability "
    "u_j/(u_1 + ... + u_m), u = exp(reward) > 0, the largest weight being 1; C(p) is the law of the chosen draw",
)
INFINITE = Assumption(key="infinite-samples", text="p_{t+1} = C(p_t): a generation is the law of the chosen draws")
MIXED = Assumption(
    key="infinite-samples-mixed",
    text="p_{t+1} = alpha p_0 + (1-alpha) C(p_t): chosen draws and real data, infinitely many of each",
)
FINITE = Assumption(
    key="finite-samples",
    text="generation t+1 is the frequencies of n independent draws from C(p_t); generation 0 is p_0 itself",
)
FINITE_MIXED = Assumption(
    key="finite-samples-mixed",
    text="generation t+1 is the frequencies of n independent draws from alpha p_0 + (1-alpha) C(p_t); generation 0 is "
    "p_0 itself",
)
ANY_SIZE = Assumption(
    key="any-sample-size",
    text="p_{t+1} is C(p_t), or the frequencies of independent draws from it, in any number",
)
PAIR = Assumption(key="pairs", text="one of m = 2 draws is chosen: the choice of Bradley and Terry")
GAP = Assumption(
    key="reward-gap",
    text="the atoms of weight 1 have the mass p under p_0, and every other atom a weight of at most rho",
)
FLOOR = Assumption(key="reward-range", text="every atom with p_0 > 0 has a weight of at least nu")

SOURCE = Source(
    bib="ferbach2024",
    locator="retraining on data chosen by a reward maximises it",
    note="setting of the source, of which the abstract's claims are known here; statement, constants and proof ours",
)
SHARPER = replace(
    SOURCE,
    locator="the expected reward grows with its variance in every generation",
    note="the well-known form of the gain is (m-1)/m times the variance over the largest weight; the sharp constant, "
    "which is larger, and its proof ours",
)
STABLE = replace(SOURCE, locator="stability of the loop with a positive fraction of real data")


def gain() -> sp.Expr:
    """Least growth of the mean weight in one generation, (m−1)V/(1 + (m−1)μ)."""
    return (m - 1) * V / (1 + (m - 1) * mu)


def least() -> sp.Expr:
    """Least factor l = mν/(m−1+ν) of an atom's mass in one generation."""
    return m * nu / (m - 1 + nu)


def kept_least() -> sp.Expr:
    """1 − (1−α)l, free of cancellation."""
    return alpha + (1 - alpha) * (m - 1) * (1 - nu) / (m - 1 + nu)


def excess() -> sp.Expr:
    """1 − (1−α)m/(1 + (m−1)ν), m/(1 + (m−1)ν) the largest factor; negative where there are too few real data."""
    return alpha - (1 - alpha) * (m - 1) * (1 - nu) / (1 + (m - 1) * nu)
