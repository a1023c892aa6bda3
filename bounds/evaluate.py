"""From a result and keyword arguments to float64: names, domains, conditions, broadcasting, evaluation."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .compile import Stages, compiled, splits, staged
from .domains import (
    BLOCK,
    as_numbers,
    broadcast_shape,
    check_condition,
    check_entries,
    check_names,
    check_structure,
    condition_params,
)
from .result import CORE_AXES, Structure

if TYPE_CHECKING:
    from .result import Condition, Param, Result

Array: TypeAlias = NDArray[Any]

_UNUSED = np.empty(0)  # stands for an argument that a step of an evaluation does not use


def check_arguments(result: Result, values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Return the arguments as float64 arrays, or raise for the first that is not allowed."""
    arrays, _ = _check_shapes(result, values)
    return {name: _floats(array) for name, array in _checked(result, arrays, (), ()).items()}


def _floats(array: Array) -> NDArray[np.float64]:
    return array.astype(np.float64, copy=False)


def _check_shapes(result: Result, values: Mapping[str, Any]) -> tuple[dict[str, Array], tuple[int, ...]]:
    """Check names, types and shapes; return the arguments as arrays and the broadcast shape."""
    check_names(result, values)
    arrays = {param.name: as_numbers(result, param, values[param.name]) for param in result.params}
    return arrays, broadcast_shape(result, arrays)


def _checked(
    result: Result, arrays: Mapping[str, Array], later: Collection[str], pending: Collection[Condition]
) -> dict[str, Array]:
    """Check all but the entries of `later` and the conditions `pending`; return the arguments to use."""
    used = dict(arrays)
    for param in result.params:
        if param.name not in later:
            check_entries(result, param, arrays[param.name])
            if param.structure is not Structure.SCALAR:
                check_structure(result, param, arrays[param.name])
    for condition in result.conditions:
        if condition not in pending:
            used |= check_condition(result, condition, arrays)
    return used


def evaluate(result: Result, values: Mapping[str, Any]) -> Any:
    """Check the arguments and evaluate; see `Result.__call__`."""
    arrays, shape = _check_shapes(result, values)
    if math.prod(shape) > 2 * BLOCK and splits(result):
        return _evaluate_large(result, arrays, shape)
    arrays = _checked(result, arrays, (), ())
    with np.errstate(all="ignore"):
        outcome = compiled(result)(*map(_floats, arrays.values()))
    return np.float64(outcome) if shape == () else _filled(outcome, shape)


def _filled(outcome: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a new float64 array of this shape."""
    outcome = np.asarray(outcome, dtype=np.float64)
    return outcome if outcome.shape == shape and outcome.flags.owndata else np.array(np.broadcast_to(outcome, shape))


def _axes(param: Param, array: Array, ndim: int) -> int:
    """Return the broadcast axes along which an argument varies, as bits."""
    own = array.shape[: array.ndim - CORE_AXES[param.structure]]
    return sum(1 << axis for axis, length in enumerate(own, start=ndim - len(own)) if length != 1)


def _points(bits: int, shape: tuple[int, ...]) -> int:
    return math.prod(length for axis, length in enumerate(shape) if bits >> axis & 1)


def _joint(params: Iterable[Param], axes: Mapping[str, int]) -> int:
    bits = 0
    for param in params:
        bits |= axes[param.name]
    return bits


def _evaluate_large(result: Result, arrays: Mapping[str, Array], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Check and evaluate; what varies along few axes comes first, the rest in pieces that fit the cache."""
    axes = {p.name: _axes(p, arrays[p.name], len(shape)) for p in result.params}
    small = frozenset(bits for bits in range(1 << len(shape)) if _points(bits, shape) <= BLOCK)
    later = {p.name for p in result.params if p.structure is Structure.SCALAR and axes[p.name] not in small}
    pending = [c for c in result.conditions if _joint(condition_params(result, c), axes) not in small]
    arrays = _checked(result, arrays, later, pending)
    stages = staged(result, tuple(_axes(p, arrays[p.name], len(shape)) for p in result.params), small)
    ready = {name: _floats(array) for name, array in arrays.items() if name not in later}
    with np.errstate(all="ignore"):
        early = stages.first(*(ready.get(name, _UNUSED) for name in result.names))
        if stages.simple and not pending:
            for param in result.params:
                if param.name in later:
                    check_entries(result, param, arrays[param.name])
            whole = (_floats(arrays[name]) if name in stages.names else _UNUSED for name in result.names)
            return _filled(stages.second(*whole, *early), shape)
        return _in_pieces(result, stages, arrays | ready, early, shape, later, pending)


def _in_pieces(
    result: Result,
    stages: Stages,
    arrays: Mapping[str, Array],
    early: list[Array],
    shape: tuple[int, ...],
    later: Collection[str],
    pending: Collection[Condition],
) -> NDArray[np.float64]:
    """Do the second step along the longest axis, checking each piece of what is not checked yet."""
    axis, outcome = int(np.argmax(shape)), np.empty(shape)
    cores = {param.name: CORE_AXES[param.structure] for param in result.params}
    width = max([math.prod(arrays[name].shape[arrays[name].ndim - cores[name] :]) for name in stages.names], default=1)
    many = width if width == 1 else 4 * width  # sums over atoms hold many temporaries at a time
    rows = max(1, BLOCK * shape[axis] // (math.prod(shape) * many))
    needed = stages.names.union(*(tuple(p.name for p in condition_params(result, c)) for c in pending))
    checked = [param for param in result.params if param.name in later]
    for start in range(0, shape[axis], rows):
        at = (len(shape), axis, slice(start, start + rows))
        block = {name: _piece(array, cores[name], *at) for name, array in arrays.items()}
        for param in checked:
            check_entries(result, param, block[param.name])
            if param.name in needed:
                block[param.name] = _floats(block[param.name])
        snapped = {name: array for c in pending for name, array in check_condition(result, c, block).items()}
        if snapped:
            value = compiled(result)(*map(_floats, (block | snapped).values()))
        else:
            value = stages.second(*block.values(), *(_piece(array, 0, *at) for array in early))
        outcome[(slice(None),) * axis + (at[2],)] = value
    return outcome


def _piece(array: Array, core: int, ndim: int, axis: int, piece: slice) -> Array:
    """Slice `array` where its own axis behind the broadcast `axis` is not of length one."""
    own = axis - (ndim - (np.ndim(array) - core))
    if own < 0 or array.shape[own] == 1:
        return array
    return array[(slice(None),) * own + (piece,)]
