"""Symbols and parameters shared by all results: one name, one meaning, everywhere."""

from __future__ import annotations

from typing import Any

import sympy as sp

from .result import Condition, Param, Structure

n = sp.Symbol("n", integer=True)
i = sp.Symbol("i", integer=True)
T = sp.Symbol("T", integer=True)
K = sp.Symbol("K", integer=True)
d = sp.Symbol("d", integer=True)
m = sp.Symbol("m", integer=True)
alpha, lam, delta, eps = sp.symbols("alpha lam delta eps", real=True)
sigma, theta, w, c, a, s, P = sp.symbols("sigma theta w c a s P", real=True)
k = sp.Symbol("k", integer=True)
p = sp.IndexedBase("p", real=True)
p_atom = sp.Symbol("p", real=True)
B = sp.Symbol("B")
n_vector = sp.Symbol("n")
eps_vector = sp.Symbol("eps")

NATURAL = sp.Range(1, sp.oo)
UNIT = sp.Interval(0, 1)
POSITIVE = sp.Interval.open(0, sp.oo)
NONNEGATIVE = sp.Interval(0, sp.oo)
OPEN_UNIT = sp.Interval.open(0, 1)


def _param(symbol: sp.Symbol, domain: sp.Set, meaning: str, typical: tuple[Any, ...], **more: Any) -> Param:
    return Param(name=symbol.name, symbol=symbol, domain=domain, meaning=meaning, typical=typical, **more)


N = _param(n, NATURAL, "sample size per generation (points)", (50, 1000, 100_000))
N_VARIANCE = _param(n, sp.Range(2, sp.oo), "sample size per generation (points)", (10, 100, 10_000))
I = _param(i, NATURAL, "generation, the first trained on real data being 1", (1, 2, 10, 50))  # noqa: E741
HORIZON = _param(T, NATURAL, "number of generations over which the bound holds at once", (50, 100))
ALPHA = _param(alpha, UNIT, "real fraction of each training set", (0.0, 0.1, 0.5, 1.0))
LAM = _param(lam, NONNEGATIVE, "synthetic points per real point", (0.0, 1.0, 4.0))
ATOMS = _param(K, NATURAL, "number of atoms", (2, 10, 100))
DIMENSION = _param(d, NATURAL, "dimension", (1, 2, 10, 100))
DELTA = _param(delta, OPEN_UNIT, "probability of failure", (0.05, 0.01))
EPS = _param(eps, NONNEGATIVE, "bound on every one-step error E TV(P_{j+1}, Q_j)", (0.01, 0.05))
ATOM = _param(p_atom, UNIT, "probability of the atom under the real distribution", (0.05, 0.5, 0.9))
SIGMA = _param(sigma, POSITIVE, "standard deviation of the real distribution (its unit)", (1.0, 2.5))

_G = 4
_EXAMPLE_MIXING = tuple(tuple(0.8 / j if l < j else 0.0 for l in range(_G)) for j in range(_G))  # noqa: E741
ATOM_VECTOR = Param(
    name="p",
    symbol=p,
    domain=UNIT,
    meaning="probabilities of the K atoms under the real distribution",
    typical=((0.25,) * 4, (0.7, 0.2, 0.06, 0.04)),
    structure=Structure.SIMPLEX,
    core="K",
)
MIXING = Param(
    name="B",
    symbol=B,
    domain=UNIT,
    meaning="B[j, k]: weight of P_{k+1} in what generation j+1 is trained on; the rest of row j is real",
    typical=(_EXAMPLE_MIXING,),
    structure=Structure.MIXING,
    core="g",
)
SIZES = Param(
    name="n",
    symbol=n_vector,
    domain=NATURAL,
    meaning="sample sizes of generations 1..g (points)",
    typical=((100, 200, 100, 400),),
    structure=Structure.VECTOR,
    core="g",
)
ERRORS = Param(
    name="eps",
    symbol=eps_vector,
    domain=NONNEGATIVE,
    meaning="bounds on the one-step errors E TV(P_{j+1}, Q_j), j = 0..g-1",
    typical=((0.05, 0.04, 0.03, 0.02),),
    structure=Structure.VECTOR,
    core="g",
)

REAL_COUNT = Condition(text="alpha*n must be an integer (number of real points)", expr=lambda: alpha * n, integer=True)
SYNTHETIC_COUNT = Condition(
    text="lam*n must be an integer (number of synthetic points)", expr=lambda: lam * n, integer=True
)
WITHIN_HORIZON = Condition(text="i <= T", expr=lambda: T - i, integer=False)


def sum_over_atoms(body: sp.Expr) -> sp.Sum:
    """Return the sum of `body`, an expression in p[k], over the atoms."""
    return sp.Sum(body, (k, 0, K - 1))


def heterozygosity() -> sp.Sum:
    """Return 1 − Σ p_k², written so that it does not cancel when one atom dominates."""
    return sum_over_atoms(p[k] * (1 - p[k]))


def root(x: sp.Expr) -> sp.Expr:
    """Square root as written: sympy's own looks for factors to take out, which costs more than all else at import."""
    return sp.Pow(x, sp.S.Half, evaluate=False)


def product(*factors: sp.Expr) -> sp.Expr:
    """Product as written, for the same reason."""
    return sp.Mul(*factors, evaluate=False)
