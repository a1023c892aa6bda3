"""Errors of the symbolic layer: each says who, what is needed and what was got."""

from typing import Any


class BoundsError(Exception):
    """Base class of every error raised by `bounds`."""


class DomainError(BoundsError, ValueError):
    """A value outside the domain of a result.

    Attributes
    ----------
    key : str
        Key of the result (or name of the function) that refused the value.
    parameter : str
        Name of the offending parameter; several names, comma separated, for a joint condition.
    value : object
        The offending value (the first one, for an array).
    allowed : str
        What is allowed.
    """

    def __init__(self, key: str, parameter: str, value: Any, allowed: str) -> None:
        self.key, self.parameter, self.value, self.allowed = key, parameter, value, allowed
        super().__init__(f"{key}: {parameter} = {value}: allowed: {allowed}")


class ParameterError(BoundsError, TypeError):
    """A parameter that is missing or that the result does not have.

    Attributes
    ----------
    key : str
        Key of the result.
    missing, unexpected : tuple of str
        Names that are missing, and names that were given but do not exist.
    """

    def __init__(self, key: str, missing: tuple[str, ...], unexpected: tuple[str, ...], known: tuple[str, ...]) -> None:
        self.key, self.missing, self.unexpected = key, missing, unexpected
        parts = [f"missing {', '.join(missing)}"] if missing else []
        parts += [f"unexpected {', '.join(unexpected)}"] if unexpected else []
        super().__init__(f"{key}: {'; '.join(parts)} (parameters: {', '.join(known)})")


class UnknownResultError(BoundsError, KeyError):
    """No result has this key.

    Attributes
    ----------
    key : str
        The key asked for.
    suggestions : tuple of str
        Keys that look like it.
    """

    def __init__(self, key: str, suggestions: tuple[str, ...]) -> None:
        self.key, self.suggestions = key, suggestions
        hint = f"; did you mean {', '.join(suggestions)}?" if suggestions else ""
        self.message = f"no result has the key {key!r}{hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message
