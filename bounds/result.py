"""What a result is: frozen data, from which numbers, tables, pages and tests are derived."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import sympy as sp

from .deferred import Deferred

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Values: TypeAlias = NDArray[np.float64] | np.float64


class Kind(StrEnum):
    """What the expression is to the quantity."""

    UPPER = "upper"
    LOWER = "lower"
    EQUALITY = "equality"
    RATE = "rate"


class Mode(StrEnum):
    """In which sense the statement holds."""

    EXPECTATION = "expectation"
    HIGH_PROBABILITY = "high-probability"
    SURE = "sure"


class Structure(StrEnum):
    """Shape of one parameter value; all but `SCALAR` carry core axes that do not broadcast."""

    SCALAR = "scalar"
    VECTOR = "vector"
    SIMPLEX = "probability vector"
    MIXING = "strictly lower triangular matrix of weights with row sums at most 1"


CORE_AXES = {Structure.SCALAR: 0, Structure.VECTOR: 1, Structure.SIMPLEX: 1, Structure.MIXING: 2}


@dataclass(frozen=True, kw_only=True, eq=False)
class Param:
    """One parameter of a result.

    Attributes
    ----------
    name : str
        ASCII name: Python keyword, command line word and dataset dimension.
    symbol : sympy object
        The symbol that stands for it in the expression.
    domain : sympy.Set
        Allowed values of each entry: an `Interval` or a `Range` with an infinite end.
    meaning : str
        What it is, with its unit where it has one.
    typical : tuple
        Values used to draw, to test and to plot.
    structure : Structure
        Shape of one value; core axes are trailing axes of the array that is passed.
    core : str
        Name of the length of the core axes ("" for scalars).
    """

    name: str
    symbol: Any
    domain: sp.Set
    meaning: str
    typical: tuple[Any, ...]
    structure: Structure = Structure.SCALAR
    core: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Condition:
    """A joint condition on several parameters.

    Attributes
    ----------
    text : str
        The condition in words.
    integer : bool
        True: `expr` must be an integer up to rounding of the floating product.
        False: `expr` must be non-negative.
    expr : sympy.Expr
        A quantity built from the parameters; given as it is or as a function that makes it.
    """

    text: str
    integer: bool
    expr: Deferred = Deferred()  # noqa: RUF009 (a descriptor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Assumption:
    """An assumption in prose, with the key that a case must answer."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """Where a result comes from.

    Attributes
    ----------
    bib : str
        Key in `book/references.bib`.
    locator : str
        Where in the source, or which claim of it.
    note : str
        What is the source's and what is proved here.
    """

    bib: str
    locator: str
    note: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Rate:
    """A claimed leading behaviour: expression / leading → 1 as `wrt` → `to`; `leading` may be given as a function."""

    wrt: str
    to: Any
    leading: Deferred = Deferred()  # noqa: RUF009 (a descriptor)


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """One entry of the catalogue.

    A result is called with its parameters as keywords, scalars or arrays:
    ``result(n=1000, alpha=0.1, i=np.arange(1, 51), K=10)``.

    Attributes
    ----------
    key : str
        Permanent, `/`-separated name.
    title, statement, quantity : str
        A heading, the statement as a sentence, and what is bounded, with its unit.
    kind : Kind
    mode : Mode
    expr : sympy.Expr
        The only copy of the formula; given as it is or as a function that makes it when it is first read.
    params : tuple of Param
    conditions : tuple of Condition
    assumptions : tuple of Assumption
    rates : tuple of Rate
        Leading behaviours claimed; each is tested as a limit.
    source : Source
    proof : str
        Label of the proof in the book.
    """

    key: str
    title: str
    statement: str
    quantity: str
    kind: Kind
    mode: Mode
    params: tuple[Param, ...]
    assumptions: tuple[Assumption, ...]
    source: Source
    proof: str
    expr: Deferred = Deferred()  # noqa: RUF009 (a descriptor)
    conditions: tuple[Condition, ...] = ()
    rates: tuple[Rate, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(param.name for param in self.params)

    def __call__(self, **values: ArrayLike) -> Values:
        """Evaluate in double precision; arguments broadcast like NumPy arrays.

        Parameters
        ----------
        **values : array_like
            Every parameter of the result by name. A vector-valued parameter has its core axes last.

        Returns
        -------
        float64 or ndarray of float64
            Shape of the broadcast of all arguments, without core axes.

        Raises
        ------
        DomainError
            A value outside its domain, of a wrong type, or arrays that do not broadcast.
        ParameterError
            A parameter that is missing or unknown.
        """
        from .evaluate import evaluate

        outcome: Values = evaluate(self, values)
        return outcome

    def evalf(self, digits: int = 50, **values: Any) -> Any:
        """Evaluate one point with mpmath to `digits` significant digits.

        Parameters
        ----------
        digits : int
            Significant digits asked for, at least 1.
        **values
            Every parameter by name: numbers, mpmath numbers or exact fractions; sequences for vector values.
            Floats are taken at their exact binary value.

        Returns
        -------
        mpmath.mpf

        Raises
        ------
        DomainError, ParameterError
            As for a call.
        """
        from .precise import evaluate_precisely

        return evaluate_precisely(self, digits, values)

    def __repr__(self) -> str:
        return f"<Result {self.key}: {self.kind}, {self.mode}, parameters {', '.join(self.names)}>"
