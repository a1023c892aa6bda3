"""Exact laws of the discrete loop: no sampling error.

Under every schedule but a general `weighted` one the counts of one atom are, marginally, a Markov chain
whose kernel is made of binomial laws (`sim.exact_chains`). The law of generation i is the law of generation
i - 1 times that kernel; what is summed over atoms (TV, diversity) needs one-atom laws only. Atoms of equal
probability share their chain. Only floating point separates the numbers from the true ones: relative errors
of about 1e-13.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import SimulationError, whole
from sim.exact_chains import BLOCK, CHAINS, Array, Schedule, split

if TYPE_CHECKING:
    from xarray import Dataset

_PMF = 20  # cost of one binomial probability, in multiply-adds
_BLAS = 10  # multiply-adds of a product of large matrices in the time of one elsewhere


@dataclass(frozen=True, eq=False, kw_only=True)
class ExactLaw:
    """Exact expectations of a discrete loop; index g of the G generations is generation g + 1.

    Attributes
    ----------
    schedule, n : name of the schedule and sample size
    p : (K,) real distribution P
    tv : (G,) E TV(P_i, P) in [0, 1]
    diversity : (G,) E[1 - sum_k p_i(k)^2] in [0, 1]
    mean, variance : (G, K) of p_i(k)
    survival : (G, K) P(p_i(k) > 0)
    one_step : (G,) E TV(P_i, Q_{i-1}) with Q_0 = P; not for `accumulate`, see there
    """

    schedule: str
    n: int
    p: Array
    tv: Array
    diversity: Array
    mean: Array
    variance: Array
    survival: Array
    _gap: Array = field(repr=False)

    @property
    def one_step(self) -> Array:
        """E TV(P_i, Q_{i-1}), shape (G,).

        Raises
        ------
        SimulationError
            Under `accumulate`: there P_i - Q_{i-1} is the mean of all past sampling errors, which is not a
            function of an atom's last two counts, so that the chain does not determine its law.
        """
        if self.schedule == "accumulate":
            allowed = "a schedule whose Q_i is a function of the chain's state"
            raise SimulationError("one_step", self.schedule, allowed)
        return self._gap

    def to_dataset(self) -> Dataset:
        """Label the arrays: dimensions `generation` (from 1) and `atom`; every variable has unit 1."""
        from xarray import Dataset

        names = ["tv", "diversity"] + ["one_step"] * (self.schedule != "accumulate")
        curves = {name: (("generation",), getattr(self, name), {"units": "1"}) for name in names}
        tables = {
            name: (("generation", "atom"), getattr(self, name), {"units": "1"})
            for name in ("mean", "variance", "survival")
        }
        coords = {
            "generation": np.arange(1, self.tv.size + 1),
            "atom": np.arange(self.p.size),
            "p": ("atom", self.p),
        }
        return Dataset(curves | tables, coords=coords, attrs={"schedule": self.schedule, "n": self.n})


def exact_discrete(schedule: Schedule, n: int, p: Array, generations: int) -> ExactLaw:
    """Exact law of the discrete loop in generations 1..G.

    Parameters
    ----------
    schedule
        Any named schedule but `weighted`. Split counts (`alpha * n`, `lam * n`) must be integers up to
        rounding.
    n
        Sample size, >= 1.
    p
        Real distribution, shape (K,): entries in [0, 1], sum 1 to 1e-9.
    generations
        G >= 1.

    Raises
    ------
    SimulationError
        For an argument outside its range or a schedule without a one-atom chain.
    """
    n, p, generations = _check(schedule, n, p, generations)
    values, inverse = np.unique(p, return_inverse=True)
    block = max(1, BLOCK // _work(schedule, n, generations)[2])
    parts = [
        _summary(schedule, n, values[start : start + block], generations) for start in range(0, values.size, block)
    ]
    mean, variance, absolute, survival, mixed, gap = np.concatenate(parts, axis=-1)[..., inverse]
    return ExactLaw(
        schedule=schedule.name, n=n, p=p, tv=absolute.sum(axis=-1) / 2, mean=mean, variance=variance,
        diversity=mixed.sum(axis=-1), survival=survival, _gap=gap.sum(axis=-1) / 2,
    )  # fmt: skip


def exact_cost(schedule: Schedule, n: int, p: Array, generations: int) -> float:
    """Estimate the work of `exact_discrete` in multiply-adds (1e9 take about a second).

    Arguments and errors are those of `exact_discrete`; the estimate itself takes microseconds.
    """
    n, p, generations = _check(schedule, n, p, generations)
    shared, each, _ = _work(schedule, n, generations)
    return float(shared + each * np.unique(p).size)


def _summary(schedule: Schedule, n: int, p: Array, generations: int) -> Array:
    """Mean, variance, E|x - p|, P(x > 0), E x(1 - x) and one-step gap, shape (6, G, D)."""
    table = np.empty((6, generations, p.size))
    for i, (x, law, gap) in enumerate(islice(CHAINS[schedule.name](schedule, n, p), generations)):
        mean = law @ x
        # A sum of positive terms, not E x^2 - mean^2: no cancellation.
        variance = np.einsum("ds,ds->d", law, (x - mean[:, None]) ** 2)
        absolute = np.einsum("ds,ds->d", law, np.abs(x - p[:, None]))
        survival, mixed = law @ (x > 0).astype(np.float64), law @ (x * (1 - x))  # not 1 - E x^2: no cancellation
        table[:, i] = mean, variance, absolute, survival, mixed, gap if i else absolute
    return table


def _work(schedule: Schedule, n: int, generations: int) -> tuple[float, float, int]:
    """Multiply-adds shared by all atoms and of each distinct one, and numbers held for each distinct one."""
    square = (n + 1) ** 2
    if schedule.name in ("replace", "fresh"):
        kernel = _PMF * square
        if schedule.name == "replace":
            return kernel, generations * square, n + 1
        return 0, generations * square + kernel, square
    if schedule.name in ("accumulate", "subsample"):
        cells = generations * (generations + 1) / 2 * n * (n + 1)
        if schedule.name == "accumulate":
            return _PMF * cells, 4 * cells, (generations + 1) * n
        return 0, (_PMF + 4) * cells, (generations + 1) * n
    real, synthetic = split(schedule, n)
    rows = _PMF * (real + synthetic + 1) * (synthetic + 1)
    if schedule.name == "stratified":
        return rows, square * (synthetic + 1) / _BLAS + generations * square, square
    state = (real + 1) * (synthetic + 1)
    # Every product reads all windows of the kernel once; the arithmetic on them is blocked.
    products = generations * state * (synthetic + 1)
    return rows + products, state * _PMF + products / _BLAS, state


def _check(schedule: Schedule, n: int, p: Array, generations: int) -> tuple[int, Array, int]:
    if schedule.name not in CHAINS:
        raise SimulationError("schedule", schedule.name, "one of " + ", ".join(CHAINS))
    n, generations = whole("n", n, 1), whole("generations", generations, 1)
    p = np.array(p, dtype=np.float64)
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)) or abs(p.sum() - 1) > 1e-9:
        raise SimulationError("p", p, "a vector of probabilities with sum 1")
    if schedule.name in ("stratified", "fixed", "expand"):
        split(schedule, n)
    return n, p, generations
