"""The grammar of values: exact numbers in, and nothing that is code."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.grammar import (
    LONGEST_WORD,
    MOST_VALUES,
    GrammarError,
    Infinity,
    Matrix,
    Values,
    parse_assignment,
    parse_name,
    parse_number,
    parse_value,
)

GOOD = {
    "0": 0,
    "1000": 1000,
    "007": 7,
    "+3": 3,
    "-3": -3,
    "0.1": Fraction(1, 10),
    ".5": Fraction(1, 2),
    "5.": 5,
    "1/4": Fraction(1, 4),
    "-1/4": Fraction(-1, 4),
    "8/4": 2,
    "0.1/0.3": Fraction(1, 3),
    "1e6": 1_000_000,
    "1E6": 1_000_000,
    "2.5e3": 2500,
    "1e-3": Fraction(1, 1000),
    "1e+3": 1000,
    "2**20": 2**20,
    "-2**2": -4,
    "2**-3": Fraction(1, 8),
    "1.5**2": Fraction(9, 4),
    "1/2**10": Fraction(1, 1024),
    "2**3/3**2": Fraction(8, 9),
    "1**1000": 1,
    "0**1": 0,
    "oo": Infinity(),
    "+oo": Infinity(),
    "-oo": Infinity(negative=True),
    "0,0.1,1/2": Values((0, Fraction(1, 10), Fraction(1, 2))),
    "1:5": Values((1, 2, 3, 4, 5)),
    "3:3": Values((3,)),
    "-2:2:2": Values((-2, 0, 2)),
    "0:1:1/4": Values((0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1)),
    "1:2:0.4": Values((1, Fraction(7, 5), Fraction(9, 5))),
    "1:3,10": Values((1, 2, 3, 10)),
    "1:100:log": Values((1, 2, 5, 10, 20, 50, 100)),
    "3:30:log": Values((3, 5, 10, 20, 30)),
    "1/1000:0.01:log": Values((Fraction(1, 1000), Fraction(1, 500), Fraction(1, 200), Fraction(1, 100))),
    "1:1e6:log": Values((*(k * 10**e for e in range(6) for k in (1, 2, 5)), 10**6)),
    "0,0;0.5,0": Matrix(((0, 0), (Fraction(1, 2), 0))),
}

HOSTILE = (
    "__import__('os').system('true')",
    "__class__",
    "().__class__.__bases__[0].__subclasses__()",
    "1 .__class__",
    "1.__class__",
    "1.real",
    "n.__init__",
    "lambda: 0",
    "(lambda f: f(f))(lambda f: f(f))",
    "exec('1')",
    "eval('1+1')",
    "open('/etc/passwd')",
    "print(1)",
    "exit()",
    "range(10)",
    "sqrt(2)",
    "sum(1)",
    "factorial(10**9)",
    "f'{1}'",
    "'1'",
    '"1"',
    "`id`",
    "$(id)",
    "${HOME}",
    "%s",
    "{0.__class__}",
    "1;import os",
    "1\nimport os",
    "1\x00",
    "1 ",
    " 1",
    "1 000",
    "1_000",
    "0x10",
    "0b1",
    "0o7",
    "1j",
    "1L",
    "9**9**9",
    "9**9**9**9",
    "9**999999999999",
    "9**99999",
    "10**1e9",
    "2**2000",
    "2**-2000",
    "2**(10**9)",
    "2**0.5",
    "0**0",
    "0**-1",
    "1e9999",
    "1e-9999",
    "1e999999999999999999999",
    "1e400",
    "1e-400",
    "1e300/1e-300",
    "1" * 201,
    "1" * 1_000_000,
    "0." + "0" * 5000 + "1",
    "(" * 10_000 + "1" + ")" * 10_000,
    "[" * 10_000,
    "-" * 3000 + "1",
    "--1",
    "+-1",
    "1+1",
    "1-1",
    "1*2",
    "1//2",
    "1%2",
    "1<<99",
    "1|1",
    "1/0",
    "1/2/3",
    "1/",
    "/2",
    "1**",
    "**2",
    "**",
    "1e",
    "e6",
    ".",
    "+",
    "-",
    "",
    "1,",
    ",1",
    "1,,2",
    "1;",
    ";",
    "1:2;3",
    "1:",
    ":",
    "1:2:",
    "5:1",
    "1:2:0",
    "1:2:-1",
    "0:1:log",
    "1:2:exp",
    "1:2:3:4",
    "1:1e300",
    "0:1:1e-300",
    "0:9999,0:9999,0:9999",
    "1:oo",
    "oo,1",
    "ooo",
    "nan",
    "inf",
    "NaN",
    "True",
    "None",
    "pi",
    "E",
    "x",
    "n=1",
    "1=1",
    "\u0661\u0662\u0663",  # Arabic digits
    "\uff11\uff12",  # full-width digits
    "\u00b2",  # superscript two
    "2\u00b2",
    "\u00bd",  # one half as one character
    "1\u20444",  # fraction slash
    "1\u22152",  # division slash
    "\u22121",  # minus sign
    "1\u066b5",  # Arabic decimal separator
    "\u221e",
    "\U0001d7cf",  # mathematical bold one
    "1\u200b0",  # zero-width space
    "1\u00a0000",
    "\u043e\u043e",  # Cyrillic oo
    "1e\u0665",
    "1\u202e2",
    "\ufeff1",
    "\ud800",
    "../../etc/passwd",
    "%0A1",
    "1#",
    "1\\",
    "1?",
    "@1",
    "~1",
    "!1",
    "a:=1",
)


@pytest.mark.parametrize("text", GOOD)
def test_values_are_exact(text: str) -> None:
    value = parse_value(text)
    assert value == GOOD[text]
    assert type(value) is type(GOOD[text])
    name, assigned = parse_assignment(f"alpha={text}")
    assert (name, assigned) == ("alpha", value)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_refused_at_once(text: str) -> None:
    for read, word in ((parse_value, text), (parse_assignment, f"n={text}"), (parse_number, text)):
        start = time.process_time()  # of this process: others may keep the machine busy
        with pytest.raises(GrammarError) as caught:
            read(word)
        assert time.process_time() - start < 0.05
        error = caught.value
        assert error.text == word
        assert 1 <= error.position <= len(word) + 1
        assert str(error).isascii()
        assert "\n" not in str(error)
        assert len(str(error)) < 300


def test_the_list_of_hostile_strings_is_long() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 50


@pytest.mark.parametrize(
    ("text", "position"),
    [("9**9**9", 5), ("1:2:0", 5), ("1/0", 3), ("0.1x", 4), ("1,2,x", 5), ("1/2/3", 4), ("1 0", 2), ("1e9999", 1)],
)
def test_an_error_says_where(text: str, position: int) -> None:
    with pytest.raises(GrammarError) as caught:
        parse_value(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "word",
    [
        "",
        "=1",
        "n",
        "n=",
        "1=1",
        "_n=1",
        "n_=1",
        "__class__=1",
        "a__b=1",
        "n.x=1",
        "n[0]=1",
        "ñ=1",
        "n =1",
        "a" * 31 + "=1",
    ],
)
def test_assignments_need_a_name_and_a_value(word: str) -> None:
    with pytest.raises(GrammarError):
        parse_assignment(word)


def test_names() -> None:
    assert [parse_name(name) for name in ("n", "alpha", "beta_n", "K", "T2")] == ["n", "alpha", "beta_n", "K", "T2"]


def test_single_numbers_are_neither_lists_nor_infinite() -> None:
    assert parse_number("1/3") == Fraction(1, 3)
    for text in ("oo", "1,2", "1:2", "1;2"):
        with pytest.raises(GrammarError):
            parse_number(text)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = parse_value(text)
    except GrammarError:
        return
    assert isinstance(value, int | Fraction | Infinity | Values | Matrix)


@given(st.text(alphabet="0123456789.eE*/+-:,;olg", max_size=40))
def test_text_in_the_alphabet_is_read_or_refused_quickly(text: str) -> None:
    start = time.process_time()
    try:
        value = parse_value(text)
    except GrammarError:
        value = None
    assert time.process_time() - start < 0.5
    if isinstance(value, Values):
        assert 1 <= len(value.numbers) <= MOST_VALUES


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**30))
def test_fractions_come_back(above: int, below: int) -> None:
    assert parse_number(f"{above}/{below}") == Fraction(above, below)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_floating_point_numbers_come_back(x: float) -> None:
    if abs(x) > 1e-300 or x == 0:
        assert float(parse_number(repr(x))) == x


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_logarithmic_ranges_have_their_ends(first: int, second: int) -> None:
    low, high = sorted((first, second))
    value = parse_value(f"{low}:{high}:log")
    assert isinstance(value, Values)
    assert value.numbers[0] == low
    assert value.numbers[-1] == high
    assert list(value.numbers) == sorted(set(value.numbers))


def test_words_have_a_largest_length() -> None:
    assert parse_value(",".join("1" * (LONGEST_WORD // 2))) == Values((1,) * (LONGEST_WORD // 2))
    with pytest.raises(GrammarError):
        parse_value(",".join("1" * LONGEST_WORD))
