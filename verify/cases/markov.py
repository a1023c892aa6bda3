"""Cases for Markov language models in the loop: exact laws of rows, and loops simulated from their counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import bounds

from ..case import Case, Design, Setting
from .markov_designs import (
    Row,
    bigram,
    chain_collapse,
    coarse,
    collapse_sampled,
    followed,
    joint,
    of_chain,
    of_row,
    reciprocal,
    row_collapse,
    with_fallback,
    worst_rows,
)
from .reasons import answers

_REASONS: Mapping[str, str] = {
    "bigram-rows": "rows are counts over their sum, and the loop starts at the real model",
    "contexts-given": "contexts are multinomial with one law; the count of one of them is binomial",
    "counts-given": "the count of the context is Bin(n, mu) in every generation",
    "unseen-rows-kept": "where the count is 0 the row is copied",
    "unseen-rows-fallback": "where the count is 0 the row becomes the fallback",
    "next-tokens-fresh": "next tokens are multinomial with alpha T + (1-alpha) T_i, for every context on its own",
    "next-tokens-replace": "next tokens are multinomial with the row of T_i, for every context on its own",
    "contexts-own": "contexts are multinomial with a stationary law of T_i, found by linear algebra",
}
_AT = (1, 2, 5, 20)
_COUNTS = ((10, 0.3), (12, 0.05), (8, 1.0))
_SHARES = (0.0, 0.2, 1.0)


def _case(key: str, designs: Callable[[Setting], list[Design]], name: str = "exact") -> Case:
    result = bounds.get(f"markov/{key}")
    return Case(
        result=result, name=name, designs=lambda setting: tuple(designs(setting)), because=answers(result, _REASONS)
    )


def _rows(setting: Setting) -> dict[str, Row]:
    """Return the populations as laws of the next token, without tokens of probability 0.

    One token alone would be a row without randomness: a fair coin stands in for it.
    """
    rows = {name: coarse(tuple(x for x in row if x > 0)) for name, row in setting.discrete.items()}
    return {name: row if len(row) > 1 else (0.5, 0.5) for name, row in rows.items()}


def _of_rows(key: str, shares: tuple[float, ...] = (0.0,)) -> Case:
    def designs(setting: Setting) -> list[Design]:
        at = (1,) if key == "forgotten/first" else _AT
        return [
            of_row(f"markov/{key}", n, mu, row, at, alpha, name)
            for alpha in shares
            for n, mu in _COUNTS
            for name, row in _rows(setting).items()
        ]

    return _case(key, designs)


def _fallbacks(key: str) -> Case:
    def designs(setting: Setting) -> list[Design]:
        made = []
        for n, mu in _COUNTS[:2]:
            for name, row in _rows(setting).items():
                for fallback in ((1 / len(row),) * len(row), (1.0, *(0.0,) * (len(row) - 1))):
                    made.append(with_fallback(f"markov/{key}", n, mu, row, fallback, _AT, name))
        return made

    return _case(key, designs)


def _joint(setting: Setting) -> list[Design]:
    made = []
    for n, alpha in ((12, 0.0), (12, 0.3), (3, 0.0)):
        for name, row in _rows(setting).items():
            contexts = coarse(row, 3)
            made.append(joint(n, contexts, (row,) * len(contexts), _AT, alpha, name))
    return made


def _reciprocals(key: str) -> Case:
    return _case(key, lambda setting: [reciprocal(n, mu) for n in (1, 10, 200) for mu in (0.001, 0.1, 0.5, 1.0)])


_MODELS = (bigram(4, 2.0, 0.8), bigram(2, 4.0, 0.5), bigram(8, 3.0, 1.0))


def _chains(key: str, sizes: tuple[int, ...], shares: tuple[float, ...] = (0.0,)) -> Case:
    def designs(setting: Setting) -> list[Design]:
        return [
            of_chain(f"markov/{key}", model, n, (1, 2, 5), alpha=alpha)
            for n in sizes
            for alpha in shares
            for model in _MODELS
        ]

    return _case(key, designs, "sampled")


def _followed(setting: Setting) -> list[Design]:
    """The extreme change of two states, then loops."""
    extreme = [worst_rows(a, b, _AT) for a, b in ((0.3, 0.1), (0.5, 0.5), (0.01, 0.02))]
    loops = [
        followed(model, 200, (1, 2, 5), contexts) for contexts in ("path", "stationary", "given") for model in _MODELS
    ]
    return [extreme[0], *loops[:3], *extreme[1:], *loops[3:]]


_PAIRS = ((8, 0.5, 0.5, 0.3), (6, 0.9, 0.2, 0.5), (2, 0.3, 0.5, 0.5), (5, 0.01, 0.5, 0.9))

CASES: tuple[Case, ...] = (
    _reciprocals("reciprocal-count/upper"),
    _reciprocals("reciprocal-count/lower"),
    _of_rows("variance", _SHARES),
    _of_rows("diversity", _SHARES),
    _fallbacks("diversity/fallback"),
    _fallbacks("row-tv/fallback/lower"),
    _of_rows("row-tv", _SHARES),
    _chains("row-tv", (100, 30), (0.0, 0.1)),
    _case("joint-tv", _joint),
    _chains("joint-tv", (1000, 200), (0.0, 0.1)),
    _of_rows("forgotten/first"),
    _of_rows("forgotten"),
    _case("collapse-time/lower", lambda setting: [row_collapse(n, mu, p) for n, mu, p, _ in _PAIRS]),
    _case("collapse-time", lambda setting: [chain_collapse(*pair) for pair in _PAIRS]),
    _case("collapse-time", lambda setting: [collapse_sampled(model, 20) for model in _MODELS], "sampled"),
    _case("stationary/sure", _followed),
    _chains("stationary", (3000, 300), (0.0, 0.1)),
    _chains("own-contexts/loss", (30, 8)),
    _chains("own-contexts/drift", (30, 100)),
)
