"""The command `loopbound query`."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

import click

from .commands import fail
from .grammar import GrammarError, Infinity, Matrix, Number, Value, Values, parse_assignment, parse_name

if TYPE_CHECKING:
    from bounds.query.answers import Answer

UNANSWERED = 2
MOST_ANSWERS = 200
_KEY = re.compile(r"[a-z0-9-]{1,40}(?:/[a-z0-9-]{1,40}){1,4}")

PATH, END, VARIABLE, SOLVE, OTHER, FIXED, NONE = "path", "end", "variable", "solve", "other", "fixed", "none"
QUESTIONS: Mapping[str, str] = {
    "limit": PATH,
    "rate": PATH,
    "dominant": END,
    "monotone": VARIABLE,
    "argmin": VARIABLE,
    "argmax": VARIABLE,
    "threshold": VARIABLE,
    "solve": SOLVE,
    "crossover": OTHER,
    "compare": OTHER,
    "sensitivity": FIXED,
    "derive": NONE,
}
"""Every question with what its words are: parameters and where they tend to, one parameter, and so on."""


class RequestError(ValueError):
    """Words that make no question."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A question as it was typed.

    Attributes
    ----------
    key, question, other : str
        `other` is the key of a second result, "" where the question has none.
    path : tuple of (str, int, Fraction or Infinity)
        Parameters that move, and where they tend to, in order.
    target : int, Fraction or None
        Value that `solve` should reach.
    fixed : mapping
        Values of the other parameters.
    """

    key: str
    question: str
    other: str = ""
    path: tuple[tuple[str, Number | Infinity], ...] = ()
    target: Value | None = None
    fixed: Mapping[str, Value] = field(default_factory=dict)


def read_request(key: str, question: str, words: tuple[str, ...]) -> Request:
    """Return what is asked, from the words after ``loopbound query``; raises `RequestError` or `GrammarError`.

    ``NAME`` is a parameter that moves and ``NAME=VALUE`` fixes one, but in `limit`, `rate` and `dominant` the first
    word says what moves and where to; in `limit` and `rate` a later ``NAME=oo`` moves before. ``target=VALUE`` belongs
    to `solve`, and a question about two results begins with ``OTHER``.
    """
    key, shape = _key(key), QUESTIONS.get(question)
    if shape is None:
        raise RequestError(f"{question[:40]!a}: allowed: {', '.join(QUESTIONS)}")
    other, words = _other(question, shape, words)
    path: list[tuple[str, Number | Infinity]] = []
    far: list[tuple[str, Number | Infinity]] = []
    fixed: dict[str, Value] = {}
    value: Value | None
    for place, word in enumerate(words):
        name, value = parse_assignment(word) if "=" in word else (parse_name(word), None)
        if name in fixed or name in dict(path + far):
            raise RequestError(f"{word[:40]!a}: allowed: {name} once")
        if value is None:
            path.append((name, Infinity()))
        elif _moves(value, shape, place):
            (far if place else path).append((name, value))
        else:
            fixed[name] = value
    target = fixed.pop("target", None) if shape == SOLVE else None
    path = far + path
    _check_shape(question, shape, path, target, words)
    return Request(key=key, question=question, other=other, path=tuple(path), target=target, fixed=fixed)


def _moves(value: Value, shape: str, place: int) -> TypeGuard[Number | Infinity]:
    """Tell whether NAME=VALUE says where a parameter tends to."""
    if shape == PATH:
        return isinstance(value, Infinity) or (place == 0 and isinstance(value, Number))
    return shape == END and place == 0 and isinstance(value, Infinity | Number)


def _other(question: str, shape: str, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if shape != OTHER:
        return "", words
    if not words or "=" in words[0]:
        raise RequestError(f"{question} needs the key of a second result: KEY {question} OTHER NAME NAME=VALUE...")
    return _key(words[0]), words[1:]


def _key(text: str) -> str:
    if _KEY.fullmatch(text):
        return text
    raise RequestError(f"{text[:40]!a}: allowed: the key of a result, as loopbound list shows them")


def _check_shape(
    question: str, shape: str, path: list[tuple[str, Any]], target: Value | None, words: tuple[str, ...]
) -> None:
    moves = "NAME or NAME=VALUE first: which parameter moves and where to, as in n=oo"
    wanted, count = {
        PATH: (moves, len(path) >= 1),
        END: (moves, len(path) == 1),
        SOLVE: ("one NAME without a value, and target=VALUE", len(path) == 1 and target is not None),
        FIXED: ("NAME=VALUE only", not path),
        NONE: ("no further words", not words),
    }.get(shape, ("one NAME without a value: the parameter that varies", len(path) == 1))
    if not count:
        raise RequestError(f"{question} needs {wanted}")


@click.command(epilog=f"QUESTION is one of {', '.join(QUESTIONS)}.")
@click.argument("key")
@click.argument("question")
@click.argument("words", nargs=-1, metavar="[NAME | NAME=VALUE]...")
@click.option("--latex", "form", flag_value="latex", help="The exact answer in LaTeX.")
@click.option("--json", "form", flag_value="json", help="The answer with every field.")
def query(key: str, question: str, words: tuple[str, ...], form: str | None) -> None:
    r"""Ask how the result KEY behaves: a limit, a rate, how much data it needs, where it is largest.

    VALUE is a number (1000, 0.1), a fraction (1/4), a power (1e6, 2**20), oo, a list (0,0.1) or a range (1:50,
    1:1e6:log), one answer for each value. What has no value stays symbolic where the question allows it. In limit and
    rate, NAME=oo after the first word is taken to infinity before.

    \b
    loopbound query tv/discrete/fresh limit n=oo
    loopbound query tv/discrete/fresh rate n alpha=0.1
    loopbound query tv/discrete/fresh solve n target=0.05 alpha=0.1 i=20 K=50
    loopbound query tv/discrete/fresh crossover tv/discrete/fresh/triangle i n=1000 alpha=0.1 K=10
    loopbound query tv/phase-transition argmax r a=1/4 i=10
    loopbound query tv/propagation/subsample derive

    Exit status: 0 answered, 2 cannot be answered, 64 wrong usage.
    """
    try:
        request = read_request(key, question, words)
    except (GrammarError, RequestError) as error:
        fail(str(error))
    import bounds
    from bounds.query import Unanswered

    try:
        found = [(moved, ask(request, fixed)) for moved, fixed in combinations(request)]
    except Unanswered as error:
        fail(str(error), UNANSWERED)
    except (bounds.BoundsError, RequestError) as error:
        fail(str(error))
    from . import query_text

    click.echo(
        {"json": query_text.as_json, "latex": query_text.as_latex}.get(form or "", query_text.as_text)(found), nl=False
    )


def combinations(request: Request) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Return for every combination of the values given: those that vary, as text, and all, as sympy numbers.

    Raises `bounds.BoundsError` for an unknown result or parameter, `RequestError` for too many combinations.
    """
    import bounds

    results = [bounds.get(key) for key in (request.key, request.other) if key]
    vectors = {param.name for result in results for param in result.params if param.structure != "scalar"}
    names = tuple(dict.fromkeys(name for result in results for name in result.names))
    unknown = tuple(name for name in (*dict(request.path), *request.fixed) if name not in names)
    if unknown:
        raise bounds.ParameterError(request.key, (), unknown, names)
    given = {**request.fixed, **({} if request.target is None else {"target": request.target})}
    choices: dict[str, tuple[Any, ...]] = {
        name: value.numbers if isinstance(value, Values) and name not in vectors else (value,)
        for name, value in given.items()
    }
    if math.prod(len(values) for values in choices.values()) > MOST_ANSWERS:
        raise RequestError(f"at most {MOST_ANSWERS} combinations of values are answered at a time")
    varying = [name for name, values in choices.items() if len(values) > 1]
    found = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    return [
        ({name: str(fixed[name]) for name in varying}, {name: _exact(value) for name, value in fixed.items()})
        for fixed in found
    ]


def _exact(value: Any) -> Any:
    """Return an exact sympy number, or nested tuples of them."""
    import sympy as sp

    if isinstance(value, Values):
        return tuple(map(_exact, value.numbers))
    if isinstance(value, Matrix):
        return tuple(tuple(map(_exact, row)) for row in value.rows)
    if isinstance(value, Infinity):
        return -sp.oo if value.negative else sp.oo
    return sp.Rational(value.numerator, value.denominator)


def ask(request: Request, fixed: Mapping[str, Any]) -> Answer:
    """Put one question to `bounds.query`, with the other values (and ``target`` in `solve`) as sympy numbers."""
    from bounds import query as queries

    function: Any = getattr(queries, request.question)
    path = [(name, _exact(end)) for name, end in request.path]
    shape = QUESTIONS[request.question]
    values = {name: value for name, value in fixed.items() if shape != SOLVE or name != "target"}
    moving: list[Any] = [name for name, _ in path]
    if shape == SOLVE:
        moving.append(fixed["target"])
    elif shape in (PATH, END):
        moving = list(path[0]) if len(path) == 1 else [path]
    answer: Answer = function(request.key, *([request.other] if shape == OTHER else []), *moving, **values)
    return answer
