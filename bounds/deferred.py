"""Formulas that are built when they are first read: listing the catalogue needs none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, TypeAlias

import sympy as sp

Formula: TypeAlias = Callable[[], sp.Expr]


class Deferred:
    """A field of a dataclass that takes a value, or a function of nothing that makes it on first reading."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            raise AttributeError(self.name)  # which tells `dataclass` that there is no default
        value = instance.__dict__[self.name]
        if isinstance(value, FunctionType):
            value = instance.__dict__[self.name] = value()
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value


class Formulas(Mapping[str, Any]):
    """Formulas by name, each made when it is asked for."""

    def __init__(self, **makers: Formula) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Any:
        return self._makers[name]()

    def __contains__(self, name: object) -> bool:  # without making it, as a Mapping would
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
