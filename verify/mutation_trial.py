"""One design of a case as the mutants of its result meet it: judged by the oracle, then put to the ordinary check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from bounds import Kind, Param, Result

from .case import Array, Blocks, Bounded, Case, Design, Exact, Exceedance, Exponent, Nonnegative, Signed
from .checking import check, points_of
from .evidence import Decision
from .mutation_numbers import shape_of
from .mutation_operators import Mutant
from .mutation_oracle import Flags, Judgement, judge_exact, judge_exceedance, judge_exponents, judge_sampled
from .rates import path_of
from .run import with_shared
from .slopes import slope

Places: TypeAlias = NDArray[np.int_]

_NUMBER = sp.Symbol("bound", real=True)
_BOUND = Param(name="bound", symbol=_NUMBER, domain=sp.Interval(-sp.oo, sp.oo), meaning="a number", typical=(1.0,))


class Remembered:
    """Blocks that are drawn once for each seed, as far as anybody reads, and given out again."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._drawn: dict[int, tuple[list[Array], Iterator[Array]]] = {}

    def __call__(self, seed: int) -> Iterator[Array]:
        """Return the blocks of a seed."""
        if seed not in self._drawn:
            self._drawn[seed] = ([], iter(self._blocks(seed)))
        kept, source = self._drawn[seed]
        for place in count():
            if place == len(kept):
                kept.append(next(source))
            yield kept[place]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One design of a case and what the mutants say there.

    Attributes
    ----------
    case : Case
    design : Design
    bounds : (mutants, points) ndarray
    original : (points,) ndarray
        What the formula says.
    level : float
        Level of each decision.
    seed : int
    """

    case: Case
    design: Design
    bounds: Array
    original: Array
    level: float
    seed: int

    @property
    def result(self) -> Result:
        """The result."""
        return self.case.result

    @property
    def exact(self) -> bool:
        """Whether what is true is known without sampling."""
        return isinstance(self._measured, Exact)

    @property
    def sharper(self) -> Flags:
        """Where a mutant says more than the formula, (mutants, points); of an equality, something else."""
        if self.result.kind is Kind.LOWER:
            return np.asarray(self.bounds > self.original)
        if self.result.kind is Kind.EQUALITY:
            return np.asarray(self.bounds != self.original)
        return np.asarray(self.bounds < self.original)

    @property
    def is_exponent(self) -> bool:
        """Whether the claim is an exponent along a path."""
        return isinstance(self.design.evidence, Exponent)

    @property
    def parameters(self) -> dict[str, Array]:
        """The scalar parameters at every point, for exponents at the end of its path."""
        return points_of(self.design, self.result)[1]

    def gains(self, mutant: int) -> Array:
        """Return how many times as sharp as the formula a mutant is, where either says more than the range does."""
        said, original = self.bounds[mutant], self.original
        above = self.result.kind is Kind.UPPER
        evidence = self.design.evidence
        top = evidence.reach if isinstance(evidence, Signed) else getattr(evidence, "upper", np.inf)
        vacuous = above & (np.minimum(said, original) >= np.broadcast_to(top, self._shape).ravel())
        told = (said > 0) & (original > 0) & np.isfinite(original) & ~vacuous
        return np.asarray(original[told] / said[told] if above else said[told] / original[told])

    @property
    def _measured(self) -> Any:
        """The evidence; of an exponent what it is taken of."""
        evidence = self.design.evidence
        return evidence.measured if isinstance(evidence, Exponent) else evidence

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return shape_of(self.design, self.result)

    @cached_property
    def _values(self) -> Array:
        return np.asarray(self._measured.values(), dtype=float).ravel()

    def _path(self) -> Array:
        assert isinstance(self.design.evidence, Exponent)
        return path_of(self.design.evidence, self.design.values, self._shape)

    @cached_property
    def _oracle(self) -> Remembered:
        return Remembered(self._measured.blocks)

    def _sample(self, size: int) -> Array:
        """Return so many replications (size, places) of the oracle's own seed."""
        name = hashlib.sha256(f"oracle|{self.case.key}|{self.design.label}".encode()).digest()
        key = np.random.SeedSequence([self.seed, int.from_bytes(name[:8], "big")]).generate_state(1, np.uint64)
        drawn, blocks = 0, []
        for block in self._oracle(int(key[0]) >> 1):
            blocks.append(block.reshape(len(block), -1))
            drawn += len(block)
            if drawn >= size:
                break
        return np.concatenate(blocks)[:size]

    def judged(self, chosen: Places, size: int) -> Judgement:
        """Have the oracle judge the chosen mutants, from so many replications if it must sample."""
        kind, bounds, evidence = self.result.kind, self.bounds[chosen], self.design.evidence
        if self.exact:
            values, margin = self._values, 0.0
            if isinstance(evidence, Exponent):
                values, margin = slope(self._path(), values.reshape(self._path().shape)), evidence.margin
            return judge_exact(kind, bounds, values, margin)
        sample = self._sample(size)
        if isinstance(evidence, Exponent):
            return judge_exponents(evidence, bounds, self._path(), sample)
        if isinstance(evidence, Exceedance):
            return judge_exceedance(bounds, self.original, sample, self.level, float(self.design.values["delta"]))
        return judge_sampled(kind, evidence, bounds, sample, self.level, self.design.margin)

    def refuted(self, chosen: Places, points: Places, mutants: Sequence[Mutant], replications: int) -> list[bool]:
        """Tell which of the chosen mutants the check refutes, each at its point, on the replications of a run."""
        design = with_shared(self.design, self.seed)
        if isinstance(design.evidence, Exponent):
            measured = self._recalled(design.evidence.measured)
            exponents = replace(design, evidence=replace(design.evidence, measured=measured))
            pairs = zip(chosen, points, strict=True)
            return [self._refuted_exponent(exponents, mutants[k], int(p), replications) for k, p in pairs]
        if isinstance(design.evidence, Exceedance | Exact):
            design = replace(design, evidence=self._recalled(design.evidence))
        if isinstance(design.evidence, Exceedance):
            delta = {"delta": design.values["delta"]}
            curves = (replace(design, values={"bound": self.bounds[k], **delta}) for k in chosen)
            return [bool(self._check(curve, _number_of(self.result), replications).any()) for curve in curves]
        chosen_evidence = _at(design.evidence, self._shape, points)
        several = replace(design, values={"bound": self.bounds[chosen, points]}, evidence=chosen_evidence)
        return [bool(flag) for flag in self._check(several, _number_of(self.result), replications)]

    def _recalled(self, evidence: Any) -> Any:
        """Return evidence that is computed, or drawn, once only."""
        if isinstance(evidence, Exact):
            return replace(evidence, values=lambda: self._values)
        return replace(evidence, blocks=Remembered(evidence.blocks))

    def _refuted_exponent(self, design: Design, mutant: Mutant, point: int, replications: int) -> bool:
        """Check the claimed exponent of a mutant over one path."""
        assert isinstance(design.evidence, Exponent)
        length = self._shape[-1]
        path = {k: np.broadcast_to(v, self._shape).reshape(-1, length)[[point]] for k, v in design.values.items()}
        measured = _at(design.evidence.measured, self._shape, point * length + np.arange(length))
        alone = replace(design, values=path, evidence=replace(design.evidence, measured=measured))
        return bool(self._check(alone, replace(self.result, expr=mutant.expr, rates=()), replications).all())

    def _check(self, design: Design, result: Result, replications: int) -> Flags:
        """Return where the check refutes, (points,)."""
        case = replace(self.case, result=result)
        curve = check(case, design, level=self.level, replications=replications, seed=self.seed)
        return np.asarray(curve.decision == Decision.REFUTED)


def _number_of(result: Result) -> Result:
    """Return the result that says of its quantity what it is told to: a bound that is a number."""
    return replace(result, expr=_NUMBER, params=(_BOUND,), conditions=(), rates=())


def _at(evidence: Any, shape: tuple[int, ...], places: Places) -> Any:
    """Return evidence at some places only, any number of times each."""

    def there(known: Any) -> Array:
        return np.asarray(np.broadcast_to(np.asarray(known, dtype=float), shape).ravel()[places])

    if isinstance(evidence, Exact):
        return replace(evidence, values=lambda: evidence.values().ravel()[places])

    def blocks(seed: int) -> Iterator[Array]:
        return (block.reshape(len(block), -1)[:, places] for block in evidence.blocks(seed))

    if isinstance(evidence, Bounded):
        return replace(evidence, blocks=blocks, upper=there(evidence.upper))
    if isinstance(evidence, Nonnegative):
        return replace(evidence, blocks=blocks, cap=there(evidence.cap))
    if isinstance(evidence, Signed):
        return replace(evidence, blocks=blocks, reach=there(evidence.reach))
    return replace(evidence, blocks=blocks)


__all__ = ["Remembered", "Trial"]
