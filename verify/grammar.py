"""Values as users type them: numbers, fractions, powers, lists and ranges; never evaluated as code.

::

    value    = list | matrix | range | "oo" | "-oo"
    matrix   = row ";" row { ";" row }
    row      = number { "," number }
    list     = part { "," part }
    part     = number | range
    range    = number ":" number [ ":" (number | "log") ]
    number   = [sign] power [ "/" power ]
    power    = decimal [ "**" [sign] digits ]
    decimal  = digits [ "." [digits] ] [ exponent ] | "." digits [ exponent ]
    exponent = ("e" | "E") [sign] digits

Numbers are exact: ``0.1`` is one tenth. ASCII only, no blanks, no parentheses, no names, and one power a number, so
that reading takes time proportional to the text, which has a largest length, and makes numbers of bounded size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = int | Fraction

LONGEST_WORD = 4000
"""Characters in a word."""
LONGEST_NUMBER = 200
"""Characters in a number."""
MOST_VALUES = 10_000
"""Values in a list or range."""
LARGEST_EXPONENT = 1100
"""Largest exponent after ``**`` or ``e``."""
_MOST_BITS = 1024  # as large as a floating-point number gets

_DECIMAL = re.compile(r"([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?|\.([0-9]+)(?:[eE]([+-]?[0-9]+))?")
_EXPONENT = re.compile(r"[+-]?[0-9]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_LONGEST_NAME = 30
_SIZE_ALLOWED = "numbers between 2**-1024 and 2**1024 in size"
_NUMBER_ALLOWED = "a number such as 1000, 0.1, 1/4, 1e6 or 2**20"
_VALUE_ALLOWED = f"{_NUMBER_ALLOWED}, a list 0,0.1,0.5, a range 1:50, 10:50:10 or 1:1e6:log, or oo"


class GrammarError(ValueError):
    """Text that is not a value of the grammar.

    Attributes
    ----------
    text : str
        What was typed.
    position : int
        Where it goes wrong, the first character being 1.
    allowed : str
        What is allowed there.
    """

    def __init__(self, text: str, position: int, allowed: str) -> None:
        self.text, self.position, self.allowed = text, position, allowed
        shown = text if len(text) <= 40 else text[:37] + "..."
        super().__init__(f"{shown!a}, character {position}: allowed: {allowed}")


@dataclass(frozen=True)
class Infinity:
    """``oo`` or ``-oo``."""

    negative: bool = False

    def __float__(self) -> float:
        return float("-inf") if self.negative else float("inf")

    def __str__(self) -> str:
        return "-oo" if self.negative else "oo"


@dataclass(frozen=True)
class Values:
    """A list or range: its numbers, in order."""

    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of numbers, typed between semicolons."""

    rows: tuple[tuple[Number, ...], ...]


Value: TypeAlias = Number | Infinity | Values | Matrix


@dataclass(frozen=True)
class _Piece:
    """Part of a word, and where it starts in it."""

    word: str
    start: int
    text: str

    def error(self, allowed: str, offset: int = 0) -> GrammarError:
        return GrammarError(self.word, self.start + offset + 1, allowed)

    def split(self, separator: str) -> list[_Piece]:
        pieces, start = [], self.start
        for text in self.text.split(separator):
            pieces.append(_Piece(self.word, start, text))
            start += len(text) + len(separator)
        return pieces

    def rest(self, offset: int) -> _Piece:
        return _Piece(self.word, self.start + offset, self.text[offset:])


def _checked(text: str) -> _Piece:
    """Refuse what is too long or not ASCII before anything is read."""
    if len(text) > LONGEST_WORD:
        raise GrammarError(text, LONGEST_WORD + 1, f"at most {LONGEST_WORD} characters")
    wrong = next((k for k, letter in enumerate(text) if not "!" <= letter <= "~"), None)
    if wrong is not None:
        raise GrammarError(text, wrong + 1, "ASCII characters, no blanks")
    return _Piece(text, 0, text)


def parse_assignment(word: str) -> tuple[str, Value]:
    """Read ``NAME=VALUE``.

    Parameters
    ----------
    word : str
        Such as ``alpha=1/4``.

    Returns
    -------
    name : str
    value : int, Fraction, Infinity, Values or Matrix

    Raises
    ------
    GrammarError
    """
    piece = _checked(word)
    name, equals, text = word.partition("=")
    parse_name(name, word)
    if not equals or not text:
        raise GrammarError(word, len(word) + 1, f"NAME=VALUE, VALUE {_VALUE_ALLOWED}")
    return name, _value(piece.rest(len(name) + 1))


def parse_name(name: str, word: str | None = None) -> str:
    """Return `name` if it can name a parameter: ASCII letters, digits, single underscores; raises `GrammarError`.

    `word` is the word that it begins, for the error.
    """
    if len(name) <= _LONGEST_NAME and _NAME.fullmatch(name):
        return name
    raise GrammarError(name if word is None else word, 1, "the name of a parameter, such as n or alpha")


def parse_value(text: str) -> Value:
    """Read a value, exactly: a whole number is an int; raises `GrammarError`: what, where, and what is allowed."""
    return _value(_checked(text))


def parse_number(text: str) -> Number:
    """Read one finite number, an int or Fraction; raises `GrammarError`."""
    return _number(_checked(text))


def _value(piece: _Piece) -> Value:
    if piece.text in ("oo", "+oo", "-oo"):
        return Infinity(negative=piece.text[0] == "-")
    if ";" in piece.text:
        return Matrix(tuple(tuple(map(_number, row.split(","))) for row in piece.split(";")))
    if "," in piece.text or ":" in piece.text:
        return Values(tuple(_list(piece)))
    if not piece.text or piece.text[0].isalpha():
        raise piece.error(_VALUE_ALLOWED)
    return _number(piece)


def _list(piece: _Piece) -> list[Number]:
    numbers: list[Number] = []
    for part in piece.split(","):
        numbers += _range(part) if ":" in part.text else [_number(part)]
        if len(numbers) > MOST_VALUES:
            raise part.error(f"at most {MOST_VALUES} values")
    return numbers


def _range(piece: _Piece) -> list[Number]:
    """Read START:STOP, START:STOP:STEP or START:STOP:log; both ends belong to it."""
    parts = piece.split(":")
    if len(parts) > 3:
        raise parts[3].error("START:STOP, START:STOP:STEP or START:STOP:log")
    start, stop = _number(parts[0]), _number(parts[1])
    if stop < start:
        raise parts[1].error("START <= STOP")
    if len(parts) == 3 and parts[2].text == "log":
        if start <= 0:
            raise parts[0].error("START > 0 in a logarithmic range")
        return _decades(start, stop)
    step = _number(parts[2]) if len(parts) == 3 else 1
    if step <= 0:
        raise parts[2].error("STEP > 0 or log")
    count = (stop - start) // step + 1
    if count > MOST_VALUES:
        raise piece.error(f"at most {MOST_VALUES} values")
    return [_simple(start + k * step) for k in range(int(count))]


def _decades(start: Number, stop: Number) -> list[Number]:
    """Return the ends and 1, 2 and 5 times every power of ten between them."""
    unit, numbers = _power_of_ten_below(start), {start, stop}
    while unit < stop:
        numbers |= {_simple(unit * k) for k in (1, 2, 5) if start < unit * k < stop}
        unit *= 10
    return sorted(numbers)


def _power_of_ten_below(number: Number) -> Fraction:
    value = Fraction(number)
    power = Fraction(10) ** (len(str(value.numerator)) - len(str(value.denominator)))
    while power > value:
        power /= 10
    return power


def _number(piece: _Piece) -> Number:
    if len(piece.text) > LONGEST_NUMBER:
        raise piece.error(f"numbers of at most {LONGEST_NUMBER} characters")
    signed = piece.rest(1) if piece.text[:1] in ("+", "-") else piece
    parts = signed.split("/")
    if len(parts) > 2:
        raise parts[2].error("one fraction bar, as in 1/4", -1)
    value = _power(parts[0])
    if len(parts) == 2:
        below = _power(parts[1])
        if below == 0:
            raise parts[1].error("a denominator other than 0")
        value = _bounded(piece, value / below)
    return _simple(-value if piece.text[0] == "-" else value)


def _bounded(piece: _Piece, value: Fraction) -> Fraction:
    if value and not Fraction(1, 2**_MOST_BITS) <= value < 2**_MOST_BITS:
        raise piece.error(_SIZE_ALLOWED)
    return value


def _power(piece: _Piece) -> Fraction:
    parts = piece.split("**")
    base = _decimal(parts[0])
    if len(parts) == 1:
        return base
    if len(parts) > 2:
        raise parts[2].error("one power, as in 2**20", -2)
    exponent = _exponent(parts[1], parts[1].text)
    if base == 0 and exponent <= 0:
        raise parts[1].error("an exponent >= 1 for the base 0")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if base not in (0, 1) and abs(exponent) * max(1, bits) > _MOST_BITS:
        raise piece.error(_SIZE_ALLOWED)
    return _bounded(piece, base**exponent)


def _decimal(piece: _Piece) -> Fraction:
    found = _DECIMAL.match(piece.text)
    if not found:
        raise piece.error(_NUMBER_ALLOWED)
    if found.end() < len(piece.text):
        raise piece.error(_NUMBER_ALLOWED, found.end())
    whole, part = (found[1], found[2] or "") if found[1] is not None else ("", found[4])
    exponent = _exponent(piece, found[3] or found[5] or "0")
    return _bounded(piece, Fraction(int(whole + part)) * Fraction(10) ** (exponent - len(part)))


def _exponent(piece: _Piece, text: str) -> int:
    """Read an exponent; one with more than four digits is too large whatever it is."""
    if not _EXPONENT.fullmatch(text):
        raise piece.error("a whole number as exponent")
    if len(text.lstrip("+-").lstrip("0")) > 4 or abs(int(text)) > LARGEST_EXPONENT:
        raise piece.error(f"exponents of at most {LARGEST_EXPONENT} in size")
    return int(text)


def _simple(value: Number) -> Number:
    return int(value) if value == int(value) else value
