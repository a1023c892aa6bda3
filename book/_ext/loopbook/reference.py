"""Pages that list: every public object of the packages, and every symbol of the catalogue."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import sympy as sp

import bounds
from bounds import render
from bounds.functions import CatalogueFunction

from .blocks import plain
from .chapters import anchor

PACKAGES = ("bounds", "bounds.query", "sim", "sim.diffusion", "verify")
_ABOUT = {
    "bounds": "Symbolic results, the catalogue and its evaluation.",
    "bounds.query": "Questions about results and about expressions of your own.",
    "sim": "Simulators of loops, their exact laws, schedules, models and distances.",
    "sim.diffusion": "Diffusion models: score networks, samplers, laws of their output, terms of their bounds.",
    "verify": "Verdicts: does a bound dominate what the loop does.",
}


def public(package: str) -> dict[str, Any]:
    """Return the public objects of a package by name, without modules."""
    module = importlib.import_module(package)
    objects = {name: getattr(module, name) for name in module.__all__}
    return {name: thing for name, thing in objects.items() if not isinstance(thing, ModuleType)}


def homes() -> dict[str, str]:
    """Return where each public class and function is documented, by its name with and without its package."""
    found = {}
    for package in PACKAGES:
        for name, thing in public(package).items():
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found[name] = found[f"{package}.{name}"] = f"{package}.{name}"
    return found


def _entry(package: str, name: str, thing: Any) -> str:
    if inspect.isclass(thing):
        return f".. autoclass:: {package}.{name}\n   :members:\n"
    if inspect.isfunction(thing):
        return f".. autofunction:: {package}.{name}\n"
    return f".. py:data:: {name}\n\n   {_data(thing)}.\n"


def _data(thing: Any) -> str:
    if isinstance(thing, dict):
        return f"By name: {', '.join(thing)}"
    if isinstance(thing, tuple):
        return f"A tuple of {len(thing)} objects of :py:obj:`{type(thing[0]).__name__}`"
    return "One of " + ", ".join(member.__name__ for member in typing.get_args(thing))


def api_pages() -> dict[str, str]:
    """Return the pages of the API reference by name."""
    return {package.replace(".", "-"): _api_page(package) for package in PACKAGES}


def _api_page(package: str) -> str:
    objects = public(package)
    ordered = sorted(objects, key=lambda name: (not inspect.isclass(objects[name]), name.lower()))
    links = ", ".join(f"{{py:obj}}`~{package}.{name}`" for name in ordered)
    entries = "\n".join(_entry(package, name, objects[name]) for name in ordered)
    label = package.replace(".", "-")
    return (
        f"(api-{label})=\n# `{package}`\n\n{_ABOUT[package]}\n\n{links}\n\n"
        f"```{{eval-rst}}\n.. py:module:: {package}\n\n{entries}```\n"
    )


def symbols() -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield every parameter of the catalogue: name, LaTeX, meaning, and the keys of the results that have it."""
    uses: dict[tuple[str, str, str], list[str]] = {}
    for result in bounds.CATALOGUE:
        for param in result.params:
            symbol = render.tex(sp.Symbol(param.name))
            uses.setdefault((param.name, symbol, param.meaning), []).append(result.key)
    for (name, symbol, meaning), keys in sorted(uses.items(), key=lambda item: (item[0][0].lower(), -len(item[1]))):
        yield name, symbol, meaning, keys


def glossary() -> str:
    """Return the page of symbols."""
    rows = [
        f"| ${symbol}$ | `{name}` | {plain(meaning)} | {len(keys)}: {{ref}}`{keys[0]} <{anchor(keys[0])}>`"
        + (", …" if len(keys) > 1 else "")
        + " |"
        for name, symbol, meaning, keys in symbols()
    ]
    functions = [
        (cls.__doc__ or "").strip().splitlines()[0] for cls in sorted(_used(), key=lambda cls: str(cls.__name__))
    ]
    return "\n".join(
        [
            "(glossary)=\n# Symbols\n",
            "Every parameter of the catalogue, with the name that Python, the command line and data files use. Where a"
            " letter has several meanings, each has its line. {ref}`setting` has the notation of the proofs.\n",
            "| symbol | name | meaning | results |",
            "|---|---|---|---|",
            *rows,
            "\n## Functions\n",
            "What the functions in the formulas stand for; each is evaluated without loss of digits.\n",
            *(f"- {plain(line)}" for line in functions),
            "",
        ]
    )


def _used() -> set[type[CatalogueFunction]]:
    return {type(f) for result in bounds.CATALOGUE for f in result.expr.atoms(CatalogueFunction)}


_SINGLE = re.compile(r"(?<![`:\\\w])`([^`\n]+)`(?![`_])")
_CODE = re.compile(r"(``.*?``|:[\w:]+:`.*?`)")


def linked(line: str, names: dict[str, str]) -> str:
    """Return a line of a docstring, plain text but for backticks, in reStructuredText.

    What single backticks mark becomes a link if it is public, else code.
    """
    if line.lstrip().startswith((">>>", "...")):
        return line

    def role(match: re.Match[str]) -> str:
        target = names.get(match[1].removesuffix("()"))
        return f":py:obj:`{match[1]} <{target}>`" if target else f"``{match[1]}``"

    pieces = _CODE.split(_SINGLE.sub(role, line))
    return "".join(piece if k % 2 else re.sub(r"([*|])", r"\\\1", piece) for k, piece in enumerate(pieces))
