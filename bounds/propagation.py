"""T1 as a function: the bounds of every generation from any schedule's weights and one-step errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from .catalogue.propagation import GENERAL
from .errors import DomainError
from .evaluate import check_arguments
from .numeric import resolvent
from .result import Structure


def propagate(B: ArrayLike | sp.MatrixBase, eps: ArrayLike | Sequence[sp.Expr]) -> NDArray[Any]:
    """Bound e_j = E TV(P_j, P) for every generation: e = (I − B)^{−1} ε, entrywise.

    Parameters
    ----------
    B : array_like or sympy matrix, shape (..., g, g)
        Strictly lower triangular, non-negative, row sums at most 1: ``B[j, k]`` is the weight of P_{k+1}
        in Q_j, what generation j+1 is trained on; the rest of row j is the weight of P.
    eps : array_like or sequence of sympy expressions, shape (..., g)
        One-step errors ε_0, …, ε_{g−1}, non-negative; ε_j bounds E TV(P_{j+1}, Q_j).

    Returns
    -------
    ndarray, shape (..., g)
        float64 for numbers; an object array of sympy expressions if any argument is symbolic.

    Raises
    ------
    DomainError
        B is not such a matrix, ε is negative or not finite, or the shapes disagree. Symbolic entries
        are taken to be non-negative.

    Notes
    -----
    Source: theorem `tv/propagation`; it holds for any model, in expectation and pathwise.
    """
    if _symbolic(B) or _symbolic(eps):
        return _propagate_symbolically(_entries("B", B, 2), _entries("eps", eps, 1))
    arrays = check_arguments(GENERAL, {"B": B, "eps": eps})
    return resolvent(arrays["B"], arrays["eps"])


def _symbolic(value: Any) -> bool:
    """Tell whether `value` is a sympy matrix, or lists that hold a sympy expression."""
    if isinstance(value, (list, tuple)):
        return any(map(_symbolic, value))
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(map(_symbolic, value.ravel()))
    return isinstance(value, (sp.MatrixBase, sp.Basic))


def _expression(name: str, value: Any) -> sp.Expr:
    """Convert a number or an expression, exactly; text is never read."""
    allowed = "non-negative numbers or sympy expressions"
    try:
        found = sp.sympify(value, strict=True)
    except (sp.SympifyError, ValueError):
        found = None
    if not isinstance(found, sp.Expr) or found.has(sp.nan, sp.oo, sp.zoo) or found.is_extended_nonnegative is False:
        raise DomainError(GENERAL.key, name, repr(value), allowed)
    return found


def _entries(name: str, value: Any, depth: int) -> list[Any]:
    """Convert a vector (depth 1) or a matrix (depth 2) of expressions to lists."""
    if isinstance(value, sp.MatrixBase):
        value = value.tolist() if depth == 2 else list(value)
    if not isinstance(value, (list, tuple, np.ndarray)):
        raise DomainError(GENERAL.key, name, repr(value), "a list of entries" if depth == 1 else "a list of rows")
    if depth == 2:
        return [_entries(name, row, 1) for row in value]
    return [_expression(name, entry) for entry in value]


def _propagate_symbolically(mixing: list[list[sp.Expr]], errors: list[sp.Expr]) -> NDArray[Any]:
    rows = len(mixing)
    square = rows > 0 and all(len(row) == rows for row in mixing)
    if not square or any(not mixing[j][k].is_zero for j in range(rows) for k in range(j, rows)):
        raise DomainError(GENERAL.key, "B", "a matrix", str(Structure.MIXING))
    if any((sum(row) - 1).is_positive for row in mixing):
        raise DomainError(GENERAL.key, "B", "a matrix", str(Structure.MIXING))
    if len(errors) != rows:
        raise DomainError(GENERAL.key, "eps", f"length {len(errors)}", f"length {rows}, that of B")
    total: list[sp.Expr] = []
    for weights, error in zip(mixing, errors, strict=True):
        inherited = (weight * bound for weight, bound in zip(weights, total, strict=False))
        total.append(sp.expand(error + sum(inherited, sp.S.Zero)))
    return np.array(total, dtype=object)
