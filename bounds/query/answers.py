"""What a query returns: frozen data that says what was asked, what was found and how far it is proved."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from ..errors import BoundsError
from ..render import tex


class Unanswered(BoundsError):
    """A query that cannot be answered.

    Attributes
    ----------
    query : str
        The question.
    why : str
        The reason, with what would make it answerable where that is known.
    """

    def __init__(self, query: str, why: str) -> None:
        self.query, self.why = query, why
        super().__init__(f"{query}: unanswered: {why}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """Common to all answers.

    Attributes
    ----------
    query : str
        The question.
    expr : sympy.Expr
        The exact answer, or a `Float` where only a number is known, or `nan` where there is neither.
    value : float
        The answer as a number; nan when it depends on parameters that are not fixed.
    method : str
        ``"symbolic"``, ``"numeric (…)"`` or ``"grid"``, with details.
    proved : bool
        True only if every step is exact or decided from the parameter domains.
    text : str
        The answer as a sentence.
    """

    query: str
    expr: sp.Expr
    value: float
    method: str
    proved: bool
    text: str

    @property
    def latex(self) -> str:
        """The exact answer in LaTeX."""
        return tex(self.expr)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True, eq=False)
class Growth(Answer):
    """Leading term ``coefficient * base**exponent * L**log_power * exp(exponential)``, L = |log(base)|.

    Attributes
    ----------
    coefficient, exponent, log_power, exponential : sympy.Expr
        `exponential` is 0 unless the leading term grows or decays exponentially.
    base : sympy.Expr
        x at infinity, x − x₀ or x₀ − x at a point.
    checks : tuple of float
        |value / expansion − 1| in many digits at the test points; empty where no evaluation was possible.
    """

    coefficient: sp.Expr
    exponent: sp.Expr
    log_power: sp.Expr
    exponential: sp.Expr
    base: sp.Expr
    checks: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Trend(Answer):
    """How a quantity moves in one parameter.

    Attributes
    ----------
    direction : str
        ``"increasing"``, ``"decreasing"``, ``"constant"`` or ``"turns"`` (all in the wide sense).
    turns : tuple of float
        Where it turns, increasing; empty when it does not.
    """

    direction: str
    turns: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution(Answer):
    """Answer to `solve`.

    Attributes
    ----------
    exists : bool
        False: no admissible value suffices, and `value` is nan.
    infimum : float
        Infimum of the bound over the admissible values; nan where it was not needed.
    real : sympy.Expr
        Root in real numbers, before rounding to an admissible value; `nan` where there is none.
    """

    exists: bool
    infimum: float
    real: sp.Expr


@dataclass(frozen=True, kw_only=True, eq=False)
class Extremum(Answer):
    """Where a bound is smallest or largest; `value` is the place, `best` the bound there."""

    best: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Dominance(Answer):
    """Which additive term rules in a limit.

    Attributes
    ----------
    terms : tuple of sympy.Expr
        The additive terms, the ruling one first; `expr` is that one.
    crossovers : tuple of float
        Where the ruling term overtakes the sum of the others, for fixed parameters.
    """

    terms: tuple[sp.Expr, ...]
    crossovers: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison(Answer):
    """How two bounds compare.

    Attributes
    ----------
    relation : str
        ``"below"``, ``"above"``, ``"equal"`` or ``"crossing"``, the first bound against the second.
    crossings : tuple of float
        Where they cross along one parameter.
    below : tuple of (float, float)
        Intervals (grid cells, refined) on which the first is at most the second.
    """

    relation: str
    crossings: tuple[float, ...] = ()
    below: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Elasticity(Answer):
    """∂log(bound)/∂log(parameter) for every parameter asked for, as numbers in `values`."""

    values: dict[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One step of a derivation: a sentence and a formula in LaTeX."""

    text: str
    latex: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Derivation(Answer):
    """From a recursion to a closed form; `expr` is the closed form.

    Attributes
    ----------
    steps : tuple of Step
    """

    steps: tuple[Step, ...] = field(default=())

    @property
    def latex(self) -> str:
        """The steps as one LaTeX environment."""
        lines = [rf"&{step.latex} && \text{{{step.text}}}" for step in self.steps]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
