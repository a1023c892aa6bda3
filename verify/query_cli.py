"""The command `loopbound query`."""

from __future__ import annotations

import itertools
import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import click

from .grammar import GrammarError, Infinity, Matrix, Number, Value, Values, parse_assignment, parse_name

if TYPE_CHECKING:
    from bounds.query.answers import Answer

USAGE_ERROR = 64
UNANSWERED = 2
MOST_ANSWERS = 200
_LONG, _WIDEST = 60, 110
_KEY = re.compile(r"[a-z0-9-]{1,40}(?:/[a-z0-9-]{1,40}){1,4}")
_TOLD = ("direction", "turns", "exists", "infimum", "best", "terms", "crossovers", "relation", "crossings", "values")
_NAMES = {"lam": "lambda", "eps": "epsilon"}

PATH, VARIABLE, SOLVE, OTHER, FIXED = "path", "variable", "solve", "other", "fixed"
QUESTIONS: Mapping[str, str] = {
    "limit": PATH,
    "rate": PATH,
    "monotone": VARIABLE,
    "argmin": VARIABLE,
    "argmax": VARIABLE,
    "dominant": VARIABLE,
    "solve": SOLVE,
    "threshold": OTHER,
    "crossover": OTHER,
    "compare": OTHER,
    "sensitivity": FIXED,
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
        Parameters that move, and where they tend to.
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

    ``NAME`` and ``NAME=oo`` are parameters that move, ``NAME=VALUE`` fixes one, though in `limit` and `rate` the first
    word says what moves; ``target=VALUE`` belongs to `solve`, and a question about two results begins with ``OTHER``.
    """
    key, shape = _key(key), QUESTIONS.get(question)
    if shape is None:
        raise RequestError(f"{question[:40]!a}: allowed: {', '.join(QUESTIONS)}")
    other, words = _other(question, shape, words)
    path: list[tuple[str, Number | Infinity]] = []
    fixed: dict[str, Value] = {}
    for place, word in enumerate(words):
        name, value = parse_assignment(word) if "=" in word else (parse_name(word), Infinity())
        if name in fixed or name in dict(path):
            raise RequestError(f"{word[:40]!a}: allowed: {name} once")
        if isinstance(value, Infinity) or (shape == PATH and place == 0 and isinstance(value, Number)):
            path.append((name, value))
        else:
            fixed[name] = value
    target = fixed.pop("target", None) if shape == SOLVE else None
    _check_shape(question, shape, path, target)
    return Request(key=key, question=question, other=other, path=tuple(path), target=target, fixed=fixed)


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


def _check_shape(question: str, shape: str, path: list[tuple[str, Any]], target: Value | None) -> None:
    wanted = {
        PATH: "NAME or NAME=VALUE: which parameter moves and where to, as in n=oo",
        SOLVE: "one NAME without a value, and target=VALUE",
        FIXED: "NAME=VALUE only",
    }.get(shape, "one NAME without a value: the parameter that varies")
    count = {PATH: len(path) >= 1, FIXED: not path}.get(shape, len(path) == 1)
    if not count or (shape == SOLVE and target is None):
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
    1:1e6:log), one answer for each value. What has no value stays symbolic where the question allows it.

    \b
    loopbound query tv/discrete/fresh limit n=oo
    loopbound query tv/discrete/fresh rate n alpha=0.1
    loopbound query tv/discrete/fresh solve n target=0.05 alpha=0.1 i=20 K=50
    loopbound query tv/discrete/fresh crossover tv/discrete/fresh/triangle i n=1000 alpha=0.1 K=10

    Exit status: 0 answered, 2 cannot be answered, 64 wrong usage.
    """
    try:
        request = read_request(key, question, words)
    except (GrammarError, RequestError) as error:
        _fail(str(error))
    import bounds
    from bounds.query import Unanswered

    try:
        found = [(moved, ask(request, fixed)) for moved, fixed in combinations(request)]
    except Unanswered as error:
        _fail(str(error), UNANSWERED)
    except (bounds.BoundsError, RequestError) as error:
        _fail(str(error))
    click.echo({"json": _json, "latex": _latex}.get(form or "", _text)(found), nl=False)


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

    if request.question not in queries.__all__:
        offered = ", ".join(question for question in QUESTIONS if question in queries.__all__)
        raise RequestError(f"{request.question}: allowed: {offered}")
    function: Any = getattr(queries, request.question)
    path = [(name, _exact(end)) for name, end in request.path]
    shape = QUESTIONS[request.question]
    values = {name: value for name, value in fixed.items() if shape != SOLVE or name != "target"}
    moving: list[Any] = [name for name, _ in path] + ([fixed["target"]] if shape == SOLVE else [])
    if shape == PATH:
        moving = list(path[0]) if len(path) == 1 else [path]
    answer: Answer = function(request.key, *([request.other] if shape == OTHER else []), *moving, **values)
    return answer


Found: TypeAlias = "list[tuple[dict[str, str], Answer]]"


def _text(found: Found) -> str:
    """Return one answer in full, or a table of several."""
    if len(found) == 1:
        return "\n".join(_lines(found[0][1])) + "\n"
    header = (*found[0][0], "answer", "proved")
    rows = [header] + [(*moved.values(), _short(answer), "yes" if answer.proved else "no") for moved, answer in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _lines(answer: Answer) -> Iterator[str]:
    """The question, the exact answer, it in digits, what else is known, and how far it is proved."""
    yield answer.query
    if not math.isnan(answer.value) or answer.expr.free_symbols:
        yield pretty(answer.expr)
    if not math.isnan(answer.value) and not answer.expr.is_Integer and math.isfinite(answer.value):
        yield f"≈ {answer.value:.10g}"
    elif math.isnan(answer.value) and len(str(answer.expr)) > _LONG:
        yield f"≈ {answer.expr.evalf(6)}"
    for name in (f.name for f in fields(answer) if f.name in _TOLD):
        value = getattr(answer, name)
        if value not in ((), {}) and str(value) != "nan":
            yield f"{name}: {_told(value)}"
    yield f"method: {answer.method}; {'proved' if answer.proved else 'not proved'}"


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(entry)}" for name, entry in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(_told, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _short(answer: Answer) -> str:
    if not math.isnan(answer.value):
        return f"{answer.value:.10g}"
    return str(answer.expr if len(str(answer.expr)) <= _LONG else answer.expr.evalf(6))


def pretty(expr: Any) -> str:
    """Return an expression in Unicode, in two dimensions unless that is too wide."""
    import sympy as sp

    shown = expr.xreplace({s: sp.Symbol(_NAMES[s.name]) for s in expr.free_symbols if s.name in _NAMES})
    text = str(sp.pretty(shown, use_unicode=True, wrap_line=False))
    return text if max(map(len, text.splitlines())) <= _WIDEST else textwrap.fill(str(shown), _WIDEST)


def _latex(found: Found) -> str:
    return "".join(f"{answer.latex}\n" for _, answer in found)


def _json(found: Found) -> str:
    objects = [
        {**moved, **{f.name: _plain(getattr(a, f.name)) for f in fields(a)}, "latex": a.latex} for moved, a in found
    ]
    return json.dumps(objects[0] if len(objects) == 1 else objects, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON can say: text for expressions and infinities, null for what is not a number."""
    if isinstance(value, str | bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value).replace("inf", "oo")
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value)} if is_dataclass(value) else str(value)


def _fail(message: str, status: int = USAGE_ERROR) -> NoReturn:
    click.echo(f"loopbound: {message}", err=True)
    raise SystemExit(status)
