"""What the mutants of a result say at the points of its designs, and which of them say something of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from bounds import BoundsError, Kind, Result
from bounds.compile import compiled
from bounds.evaluate import check_arguments
from bounds.result import CORE_AXES

from .case import Array, Design, Exponent
from .checking import points_of
from .mutation_operators import Mutant

_BATCH = 64  # formulas compiled together: they share most of their parts
_SAME = 1e-11  # relative difference of equal values


@dataclass(frozen=True, kw_only=True, eq=False)
class Screened:
    """The mutants that are worth a test.

    Attributes
    ----------
    mutants : tuple of Mutant
    bounds : tuple of ndarray
        For each design what they say at its points, (mutants, points); for an exponent the claimed one.
    originals : tuple of ndarray
        For each design what the formula itself says, (points,).
    invalid, duplicate : int
        Mutants left out: not finite where the formula is; equal to an earlier mutant at all points.
    unmoved : tuple of Mutant
        Those equal to the formula at all points.
    """

    mutants: tuple[Mutant, ...]
    bounds: tuple[Array, ...]
    originals: tuple[Array, ...]
    invalid: int
    duplicate: int
    unmoved: tuple[Mutant, ...]


def screened(result: Result, mutants: tuple[Mutant, ...], designs: Sequence[Design]) -> Screened:
    """Evaluate the mutants of a result at all designs and drop those that say nothing of their own."""
    originals = tuple(points_of(design, result)[0] for design in designs)
    values = _at_all(result, [mutant.expr for mutant in mutants], designs, originals)
    whole = np.concatenate([np.empty((len(mutants), 0)), *values], axis=1)
    original = np.concatenate([np.empty(0), *originals])
    finite = np.isfinite(original)
    valid = np.isfinite(whole[:, finite]).all(axis=1) & (whole[:, ~finite] == original[~finite]).all(axis=1)
    same = np.isclose(whole[:, finite], original[finite], rtol=_SAME, atol=0.0).all(axis=1)
    kept: dict[bytes, int] = {}
    for index in np.flatnonzero(valid & ~same):
        kept.setdefault(_rounded(whole[index, finite]).tobytes(), int(index))
    chosen = np.array(sorted(kept.values()), dtype=int)
    return Screened(
        mutants=tuple(mutants[k] for k in chosen),
        bounds=tuple(value[chosen] for value in values),
        originals=originals,
        invalid=int((~valid).sum()),
        duplicate=int((valid & ~same).sum()) - chosen.size,
        unmoved=tuple(mutants[k] for k in np.flatnonzero(valid & same)),
    )


def _rounded(values: Array) -> NDArray[np.int64]:
    """Return numbers that agree where the values do in their first 36 bits; 0 has one form only."""
    return np.asarray(((values + 0.0).view(np.int64) + (1 << 15)) >> 16)


def _at_all(
    result: Result, exprs: list[Any], designs: Sequence[Design], originals: tuple[Array, ...]
) -> tuple[Array, ...]:
    """Return for each design the values (mutants, points), nan where there is none."""
    values = tuple(np.full((len(exprs), original.size), np.nan) for original in originals)
    usable = [k for k, expr in enumerate(exprs) if _is_formula(expr)]
    if result.kind is Kind.RATE:
        for k in usable:
            for value, design in zip(values, designs, strict=True):
                value[k] = _claimed(replace(result, expr=exprs[k], rates=()), design)
        return values
    for start in range(0, len(usable), _BATCH):
        _fill(result, exprs, np.array(usable[start : start + _BATCH], dtype=int), designs, values)
    return values


def _is_formula(expr: Any) -> bool:
    """Tell whether an expression can be a real number; a sum over atoms must depend on them."""
    if expr.has(sp.zoo, sp.oo, -sp.oo, sp.nan, sp.I):
        return False
    return all(total.function.has(sp.Indexed) for total in expr.atoms(sp.Sum))


def _claimed(mutant: Result, design: Design) -> Array | float:
    """Return the claimed exponents, or nan where the mutant has none."""
    assert isinstance(design.evidence, Exponent)
    try:
        with np.errstate(all="ignore"):
            return points_of(design, mutant)[0]
    except (ValueError, BoundsError):
        return np.nan


def shape_of(design: Design, result: Result) -> tuple[int, ...]:
    """Return the broadcast shape of a design's values, without the axes of vectors."""
    axes = {param.name: CORE_AXES[param.structure] for param in result.params}
    shapes = (np.shape(value)[: np.ndim(value) - axes.get(name, 0)] for name, value in design.values.items())
    return np.broadcast_shapes(*shapes)


def _arguments(result: Result, design: Design) -> tuple[Array, ...]:
    """Return the arguments at a design in the order of the parameters, checked."""
    given = {name: value for name, value in design.values.items() if name in result.names}
    checked = check_arguments(result, given)
    return tuple(checked[name] for name in result.names)


def _fill(
    result: Result, exprs: list[Any], batch: NDArray[np.int_], designs: Sequence[Design], values: tuple[Array, ...]
) -> None:
    """Evaluate a batch of formulas; what raises is looked for by halves and left at nan."""
    try:
        function = compiled(replace(result, expr=tuple(exprs[k] for k in batch), rates=()))
        for design, value in zip(designs, values, strict=True):
            shape = shape_of(design, result)
            with np.errstate(all="ignore"):
                found = function(*_arguments(result, design))
            value[batch] = [np.broadcast_to(_real(number), shape).ravel() for number in found]
    except Exception:  # whatever a wrong formula raises, it has no value
        for value in values:
            value[batch] = np.nan
        if batch.size > 1:
            for half in np.array_split(batch, 2):
                _fill(result, exprs, half, designs, values)


def _real(number: Any) -> Array:
    """Return real numbers, nan for others."""
    array = np.asarray(number)
    return np.where(array.imag == 0, array.real, np.nan) if np.iscomplexobj(array) else array.astype(float)


__all__ = ["Screened", "screened", "shape_of"]
