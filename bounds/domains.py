"""Domain checks: types, entries, structure, shapes and joint conditions of the arguments of a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from .compile import compiled_condition
from .errors import DomainError, ParameterError
from .result import CORE_AXES, Param, Structure

if TYPE_CHECKING:
    from .result import Condition, Result

Array: TypeAlias = NDArray[Any]

BLOCK = 1 << 16  # numbers handled at a time, so that temporaries stay in the processor's cache
LARGEST_INTEGER = 2**53
TOLERANCE_SUM = 1e-9
_TOLERANCE_INTEGER = 8 * np.finfo(float).eps


def describe(domain: sp.Set) -> str:
    """Return a domain in words, such as ``real numbers in [0, 1)``."""
    if isinstance(domain, sp.Range):
        return f"integers >= {domain.start}" + ("" if domain.stop is sp.oo else f" and <= {domain.stop - 1}")
    low, high = domain.start, domain.end
    if high is sp.oo:
        return f"finite real numbers {'>' if domain.left_open else '>='} {low}"
    return f"real numbers in {'(' if domain.left_open else '['}{low}, {high}{')' if domain.right_open else ']'}"


def check_names(result: Result, values: Mapping[str, Any]) -> None:
    """Raise `ParameterError` unless exactly the parameters of `result` are given."""
    missing = tuple(name for name in result.names if name not in values)
    unexpected = tuple(name for name in values if name not in result.names)
    if missing or unexpected:
        raise ParameterError(result.key, missing, unexpected, result.names)


def as_numbers(result: Result, param: Param, value: Any) -> Array:
    """Convert to an array of integers or floats; refuse anything that is not an array of real numbers."""
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        allowed = f"rectangular arrays of {describe(param.domain)}"
        raise DomainError(result.key, param.name, repr(value), allowed) from None
    if array.dtype.kind not in "iuf":
        raise DomainError(result.key, param.name, repr(value), describe(param.domain))
    if array.ndim < CORE_AXES[param.structure]:
        shape = f"arrays with {CORE_AXES[param.structure]} trailing axes: a {param.structure}"
        raise DomainError(result.key, param.name, repr(value), shape)
    return array


def _blocks_of(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        yield flat[start : start + BLOCK]


@cache
def _ends(domain: sp.Set) -> tuple[float, float, bool, bool, bool]:
    """Return lower end, upper end, whether each is excluded, and whether only integers are allowed."""
    if isinstance(domain, sp.Range):
        largest = LARGEST_INTEGER if domain.stop is sp.oo else int(domain.stop) - 1
        return int(domain.start), largest, False, False, True
    return float(domain.start), float(domain.end), bool(domain.left_open), bool(domain.right_open), False


def _inside(block: Array, domain: sp.Set) -> bool:
    """Tell whether a whole block lies in the domain; nan fails every comparison."""
    bottom, top, above, below, integer = _ends(domain)
    if bottom == 0 and not (above or integer) and block.dtype == np.float64:
        # non-negative doubles are ordered as their bits are; signs and nan are larger than all of them
        largest = np.maximum.reduce(block.view(np.uint64))
        if largest < _bits(top) or (largest == _bits(top) and not below):
            return True
    low, high = np.minimum.reduce(block).item(), np.maximum.reduce(block).item()
    if not ((low > bottom if above else low >= bottom) and (high < top if below else high <= top)):
        return False
    return not integer or block.dtype.kind != "f" or bool((np.rint(block) == block).all())


@cache
def _bits(value: float) -> np.uint64:
    return np.float64(value).view(np.uint64)


def check_entries(result: Result, param: Param, array: Array) -> None:
    """Raise `DomainError` for the first entry outside the domain of `param`."""
    for block in _blocks_of(array):
        if _inside(block, param.domain):
            continue
        for value in block:
            if not _inside(np.atleast_1d(value), param.domain):
                allowed = describe(param.domain)
                if value > LARGEST_INTEGER and isinstance(param.domain, sp.Range):
                    allowed += " (at most 2**53, exact in double precision)"
                raise DomainError(result.key, param.name, value, allowed)


def check_structure(result: Result, param: Param, array: Array) -> None:
    """Raise `DomainError` unless vectors and matrices are what they should be as a whole."""
    if param.structure is Structure.MIXING:
        square = array.shape[-1] == array.shape[-2] and array.shape[-1] > 0
        if not square or (np.triu(array) != 0).any() or (array.sum(axis=-1) > 1 + TOLERANCE_SUM).any():
            what = f"a matrix of shape {array.shape[-2:]}" if not square else "a matrix"
            raise DomainError(result.key, param.name, what, str(Structure.MIXING))
    elif param.structure is not Structure.SCALAR and array.shape[-1] == 0:
        raise DomainError(result.key, param.name, "a vector without entries", "at least one entry")
    elif param.structure is Structure.SIMPLEX:
        total = array.sum(axis=-1)
        if not (np.abs(total - 1) <= TOLERANCE_SUM).all():
            worst = total.ravel()[np.argmax(np.abs(total - 1))]
            raise DomainError(result.key, param.name, f"a vector with sum {worst}", "entries that sum to 1")


def broadcast_shape(result: Result, arrays: Mapping[str, Array]) -> tuple[int, ...]:
    """Return the broadcast shape; core axes must agree with each other."""
    shapes = {p.name: arrays[p.name].shape[: arrays[p.name].ndim - CORE_AXES[p.structure]] for p in result.params}
    cores: dict[str, tuple[str, int]] = {}
    for param in result.params:
        for length in arrays[param.name].shape[len(shapes[param.name]) :]:
            name, known = cores.setdefault(param.core, (param.name, length))
            if known != length:
                raise DomainError(result.key, param.name, f"length {length}", f"length {known}, that of {name}")
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names = ", ".join(shapes)
        listed = ", ".join(f"{name}{shape}" for name, shape in shapes.items() if shape)
        raise DomainError(result.key, names, f"shapes {listed}", "shapes that broadcast together") from None


@cache
def condition_params(result: Result, condition: Condition) -> tuple[Param, ...]:
    """Return the parameters that occur in a joint condition."""
    return tuple(p for p in result.params if p.symbol in condition.expr.free_symbols)


def check_condition(result: Result, condition: Condition, values: Mapping[str, Any]) -> dict[str, Array]:
    """Raise `DomainError` at the first point that breaks a joint condition; `values` passed the domain checks.

    Returns the fraction that makes a count exactly whole, by name, where the given one does so up to rounding and
    the difference matters: of a fraction near 1 the complement may be all that is left.
    """
    used = condition_params(result, condition)
    arrays = [np.asarray(values[p.name], dtype=float) for p in used]
    with np.errstate(over="ignore", invalid="ignore"):  # a product that overflows is an integer
        quantity = np.asarray(compiled_condition(condition, used)(*arrays))
        if not condition.integer:
            holds = quantity >= 0
            snap = False
        else:
            whole = np.rint(quantity)
            gap = np.asarray(quantity - whole)
            holds = ~(np.abs(gap, out=gap) > np.multiply(quantity, _TOLERANCE_INTEGER, out=quantity))
            near_one = any(p.name == "alpha" and a.size and a.max() > 0.9 for p, a in zip(used, arrays, strict=True))
            snap = quantity.size > 0 and (near_one or values["n"].min() == 1)
    if not holds.all():
        at = np.unravel_index(int(np.argmin(holds)), holds.shape)
        point = [float(a[at]) for a in np.broadcast_arrays(*arrays)]
        names = ", ".join(p.name for p in used)
        raise DomainError(result.key, names, ", ".join(f"{v:.17g}" for v in point), condition.text)
    if not snap:
        return {}
    (fraction,) = (p.name for p in used if p.name != "n")
    return {fraction: np.where(gap > 0, whole / np.asarray(values["n"], dtype=float), values[fraction])}
