"""T1 as a function: the bounds of every generation from any schedule's weights and one-step errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import ArrayLike, NDArray

from .catalogue.propagation import GENERAL
from .evaluate import check_arguments
from .numeric import resolvent


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
        return _propagate_symbolically(sp.Matrix(B), list(eps))  # type: ignore[arg-type]
    arrays = check_arguments(GENERAL, {"B": B, "eps": eps})
    return resolvent(arrays["B"], arrays["eps"])


def _symbolic(value: Any) -> bool:
    if isinstance(value, sp.MatrixBase):
        return True
    return np.asarray(value).dtype == object and any(
        isinstance(v, sp.Basic) for v in np.asarray(value).ravel()
    )


def _propagate_symbolically(mixing: sp.Matrix, errors: Sequence[Any]) -> NDArray[Any]:
    from .errors import DomainError

    rows = mixing.rows
    if mixing.cols != rows or any(mixing[j, k] != 0 for j in range(rows) for k in range(j, rows)):
        raise DomainError(GENERAL.key, "B", "a matrix", "a square, strictly lower triangular matrix")
    if len(errors) != rows:
        raise DomainError(GENERAL.key, "eps", f"length {len(errors)}", f"length {rows}, that of B")
    total: list[sp.Expr] = []
    for row in range(rows):
        inherited = sum((mixing[row, k] * total[k] for k in range(row)), sp.S.Zero)
        total.append(sp.expand(sp.sympify(errors[row], strict=True) + inherited))
    return np.array(total, dtype=object)
