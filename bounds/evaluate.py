"""From a result and keyword arguments to float64: names, domains, conditions, broadcasting, evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy.printing.numpy import SciPyPrinter

from .errors import DomainError, ParameterError
from .numeric import NUMERIC
from .result import CORE_AXES, Param, Structure

if TYPE_CHECKING:
    from .result import Condition, Result

Array: TypeAlias = NDArray[np.float64]

_BLOCK = 1 << 14  # points evaluated at a time, so that temporaries stay in the processor's cache
_LARGEST_INTEGER = 2**53
_TOLERANCE_SUM = 1e-9


class _CataloguePrinter(SciPyPrinter):  # type: ignore[misc]
    """NumPy code in which a sum over the atoms k of a vector is a sum over the last axis."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        super().__init__(settings)
        self._inside_sum = False

    def _print_Sum(self, expr: sp.Sum) -> str:
        self._inside_sum = True
        body = self._print(expr.function)
        self._inside_sum = False
        return f"(({body}).sum(axis=-1))"

    def _print_Indexed(self, expr: Any) -> str:
        return str(expr.base.label)

    def _print_Min(self, expr: sp.Min) -> str:
        first, *others = (self._print(argument) for argument in expr.args)
        for other in others:
            first = f"{self._module_format('numpy.minimum')}({first}, {other})"
        return str(first)

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        name = str(super()._print_Symbol(expr))
        return f"{name}[..., None]" if self._inside_sum else name


def _print_function(self: _CataloguePrinter, expr: sp.Function) -> str:
    """Print a catalogue function; one that is the same for all atoms is evaluated before the sum over atoms."""
    constant = self._inside_sum and not expr.has(sp.Indexed)
    if constant:
        self._inside_sum = False
    code = f"{type(expr).__name__}({', '.join(self._print(a) for a in expr.args)})"
    if constant:
        self._inside_sum = True
        code += "[..., None]"
    return code


for _name in NUMERIC:
    setattr(_CataloguePrinter, f"_print_{_name}", _print_function)


@cache
def compiled(result: Result) -> Callable[..., Any]:
    """Return the NumPy function of a result, compiled once; arguments in the order of `result.params`."""
    settings = {"fully_qualified_modules": False, "inline": True, "allow_unknown_functions": True}
    return sp.lambdify(  # type: ignore[no-any-return]
        [param.symbol for param in result.params],
        result.expr,
        modules=[NUMERIC, "scipy", "numpy"],
        printer=_CataloguePrinter(settings),
        cse=not result.expr.has(sp.Sum),
    )


@cache
def _compiled_condition(condition: Condition, params: tuple[Param, ...]) -> Callable[..., Any]:
    return sp.lambdify([p.symbol for p in params], condition.expr, modules="numpy")  # type: ignore[no-any-return]


def describe(domain: sp.Set) -> str:
    """Return a domain in words, such as ``real numbers in [0, 1)``."""
    if isinstance(domain, sp.Range):
        return f"integers >= {domain.start}" + ("" if domain.stop is sp.oo else f" and <= {domain.stop - 1}")
    low, high = domain.start, domain.end
    if high is sp.oo:
        return f"finite real numbers {'>' if domain.left_open else '>='} {low}"
    return (
        f"real numbers in {'(' if domain.left_open else '['}{low}, {high}{')' if domain.right_open else ']'}"
    )


def check_names(result: Result, values: Mapping[str, Any]) -> None:
    """Raise `ParameterError` unless exactly the parameters of `result` are given."""
    missing = tuple(name for name in result.names if name not in values)
    unexpected = tuple(name for name in values if name not in result.names)
    if missing or unexpected:
        raise ParameterError(result.key, missing, unexpected, result.names)


def _as_array(result: Result, param: Param, value: Any) -> Array:
    """Convert to float64; refuse anything that is not an array of real numbers."""
    allowed = describe(param.domain)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        raise DomainError(result.key, param.name, repr(value), f"rectangular arrays of {allowed}") from None
    if array.dtype.kind not in "iuf":
        raise DomainError(result.key, param.name, repr(value), allowed)
    if array.ndim < CORE_AXES[param.structure]:
        shape = f"arrays with {CORE_AXES[param.structure]} trailing axes: a {param.structure}"
        raise DomainError(result.key, param.name, repr(value), shape)
    return array.astype(np.float64, copy=False)


def _blocks_of(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1) if array.flags.c_contiguous else array.ravel()
    for start in range(0, flat.size, _BLOCK):
        yield flat[start : start + _BLOCK]


def _inside(block: Array, domain: sp.Set) -> bool:
    """Tell whether a whole block lies in the domain; nan fails every comparison."""
    low, high = float(block.min()), float(block.max())
    if isinstance(domain, sp.Range):
        largest = _LARGEST_INTEGER if domain.stop is sp.oo else int(domain.stop) - 1
        bounds_hold = low >= int(domain.start) and high <= largest
        return bounds_hold and bool((np.rint(block) == block).all())
    bottom, top = _ends(domain)
    return (low > bottom if domain.left_open else low >= bottom) and (
        high < top if domain.right_open else high <= top
    )


@cache
def _ends(domain: sp.Interval) -> tuple[float, float]:
    return float(domain.start), float(domain.end)


def _check_domain(result: Result, param: Param, array: Array) -> None:
    for block in _blocks_of(array):
        if _inside(block, param.domain):
            continue
        for value in block:
            if not _inside(np.atleast_1d(value), param.domain):
                allowed = describe(param.domain)
                if value > _LARGEST_INTEGER and isinstance(param.domain, sp.Range):
                    allowed += " (at most 2**53, exact in double precision)"
                raise DomainError(result.key, param.name, value, allowed)
    if param.structure is Structure.SIMPLEX:
        total = array.sum(axis=-1)
        if array.shape[-1] == 0 or not (np.abs(total - 1) <= _TOLERANCE_SUM).all():
            worst = total.ravel()[np.argmax(np.abs(total - 1))] if array.size else 0.0
            raise DomainError(result.key, param.name, f"a vector with sum {worst}", "entries that sum to 1")
    elif param.structure is Structure.MIXING:
        _check_mixing(result, param, array)


def _check_mixing(result: Result, param: Param, array: Array) -> None:
    square = array.shape[-1] == array.shape[-2] and array.shape[-1] > 0
    if not square or (np.triu(array) != 0).any() or (array.sum(axis=-1) > 1 + _TOLERANCE_SUM).any():
        what = f"a matrix of shape {array.shape[-2:]}" if not square else "a matrix"
        raise DomainError(result.key, param.name, what, str(Structure.MIXING))


def _broadcast_shape(result: Result, arrays: Mapping[str, Array]) -> tuple[int, ...]:
    """Return the broadcast shape; core axes must agree with each other."""
    shapes = {
        p.name: arrays[p.name].shape[: arrays[p.name].ndim - CORE_AXES[p.structure]] for p in result.params
    }
    cores: dict[str, tuple[str, int]] = {}
    for param in result.params:
        for length in arrays[param.name].shape[len(shapes[param.name]) :]:
            name, known = cores.setdefault(param.core, (param.name, length))
            if known != length:
                raise DomainError(
                    result.key, param.name, f"length {length}", f"length {known}, that of {name}"
                )
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        names = ", ".join(shapes)
        listed = ", ".join(f"{name}{shape}" for name, shape in shapes.items() if shape)
        raise DomainError(result.key, names, f"shapes {listed}", "shapes that broadcast together") from None


def evaluate_conditions(result: Result, values: Mapping[str, Any]) -> None:
    """Raise `DomainError` at the first point that breaks a joint condition.

    Parameters
    ----------
    result : Result
    values : mapping of str to array_like
        Values that passed the domain checks.
    """
    for condition in result.conditions:
        used = tuple(p for p in result.params if p.symbol in condition.expr.free_symbols)
        arrays = [np.asarray(values[p.name], dtype=float) for p in used]
        quantity = np.asarray(_compiled_condition(condition, used)(*arrays))
        if condition.integer:
            holds = np.abs(quantity - np.rint(quantity)) <= 8 * np.finfo(float).eps * np.abs(quantity)
        else:
            holds = quantity >= 0
        if not holds.all():
            at = np.unravel_index(int(np.argmin(holds)), holds.shape)
            point = [float(a[at]) for a in np.broadcast_arrays(*arrays)]
            names = ", ".join(p.name for p in used)
            raise DomainError(result.key, names, ", ".join(f"{v:.17g}" for v in point), condition.text)


def check_arguments(result: Result, values: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arguments as float64 arrays, or raise for the first that is not allowed."""
    check_names(result, values)
    arrays = {param.name: _as_array(result, param, values[param.name]) for param in result.params}
    _broadcast_shape(result, arrays)
    for param in result.params:
        _check_domain(result, param, arrays[param.name])
    evaluate_conditions(result, arrays)
    return arrays


def evaluate(result: Result, values: Mapping[str, Any]) -> Any:
    """Check the arguments and evaluate; see `Result.__call__`."""
    arrays = check_arguments(result, values)
    shape = _broadcast_shape(result, arrays)
    function = compiled(result)
    size = int(np.prod(shape))
    if size <= 2 * _BLOCK:
        outcome = np.broadcast_to(function(*arrays.values()), shape)
        return np.float64(outcome) if shape == () else np.array(outcome, dtype=np.float64)
    return _evaluate_in_blocks(function, result, arrays, shape)


def _evaluate_in_blocks(
    function: Callable[..., Any], result: Result, arrays: Mapping[str, Array], shape: tuple[int, ...]
) -> Array:
    """Evaluate along the longest axis in pieces that fit the cache."""
    axis = int(np.argmax(shape))
    rows = max(1, _BLOCK * shape[axis] // int(np.prod(shape)))
    outcome = np.empty(shape)
    for start in range(0, shape[axis], rows):
        piece = slice(start, start + rows)
        block = [
            _slice(arrays[p.name], CORE_AXES[p.structure], len(shape), axis, piece) for p in result.params
        ]
        outcome[(slice(None),) * axis + (piece,)] = function(*block)
    return outcome


def _slice(array: Array, core: int, ndim: int, axis: int, piece: slice) -> Array:
    """Slice `array` where its own axis behind the broadcast `axis` is not of length one."""
    own = axis - (ndim - (array.ndim - core))
    if own < 0 or array.shape[own] == 1:
        return array
    return array[(slice(None),) * own + (piece,)]
