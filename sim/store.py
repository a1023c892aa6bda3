"""Finished blocks of sweeps in a directory: content-addressed, checksummed, each there whole or not.

::

    DIRECTORY/manifest.json         what was swept: parameters, seed, versions
    DIRECTORY/lock                  held by the process that uses the store
    DIRECTORY/unfinished            the file being written
    DIRECTORY/blocks/ab/abcd....    one block, named by the hash of all that determines it

A block is two lines, what it is and the SHA-256 of the rest, then its name and its arrays in NumPy's npy format. A
file that was truncated, altered or put there by others is recognised, named in a warning and never used. Nothing is
synced to the disk: what a power cut spoils, the checksum finds.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
from filelock import FileLock, Timeout

from sim.tasks import Arrays

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

_MAGIC = b"loopbound block 1\n"
_HEAD = len(_MAGIC) + 65  # a digest of 64 letters and the end of its line


class StoreError(RuntimeError):
    """A store cannot be used: another process has it, the disk is full, or it is no store.

    Blocks that are finished stay in it.
    """


class StoreWarning(UserWarning):
    """A file of a store is not what it should be, and what it should hold is computed again."""


class Store:
    """A directory of finished blocks, open for this process alone.

    Parameters
    ----------
    directory : path-like
        Created if missing; otherwise empty or a store.

    Raises
    ------
    StoreError
        If it is something else, is in use, or cannot be written.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = Path(directory)
        try:
            self._check()
            (self.directory / "blocks").mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.directory / "lock")
            self._lock.acquire(timeout=0)
        except (Timeout, RuntimeError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(f"{self.directory} is in use by another process or sweep") from None
        except OSError as error:
            raise self._failure(error) from error

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others use the store."""
        self._lock.release()

    def get(self, key: str, shapes: Shapes) -> Arrays | None:
        """Return the arrays kept under a key.

        Parameters
        ----------
        key : str
            64 hexadecimal digits.
        shapes : mapping of str to tuple of int
            Names and shapes of the arrays.

        Returns
        -------
        mapping of str to numpy.ndarray, or None
            None if they are not there, or (with a `StoreWarning`) if the file is damaged or foreign.
        """
        path = self._path(key)
        try:
            return _decoded(path.read_bytes(), key, shapes)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            warnings.warn(f"{path} is not used and computed again: {error}", StoreWarning, stacklevel=2)
            return None

    def put(self, key: str, arrays: Arrays) -> None:
        """Keep arrays under a key; raises `StoreError` if they cannot be written."""
        self._write(self._path(key), _encoded(key, arrays))

    def note(self, sweep: Mapping[str, Any]) -> None:
        """Add to the manifest what is swept, as plain data."""
        path = self.directory / "manifest.json"
        sweeps = self._noted(path)
        for other in sweeps:
            if {**other, "versions": ""} == {**sweep, "versions": ""} and other["versions"] != sweep["versions"]:
                text = f"{path}: what {other['versions']} computed is not used, this is {sweep['versions']}"
                warnings.warn(text, StoreWarning, stacklevel=2)
        if sweep not in sweeps:
            sweeps.append(dict(sweep))
            text = json.dumps({"sha256": _digest_of(sweeps), "sweeps": sweeps}, indent=1)
            self._write(path, text.encode() + b"\n")

    def _noted(self, path: Path) -> list[Any]:
        try:
            document = json.loads(path.read_bytes())
            sweeps = document["sweeps"]
            if not isinstance(sweeps, list) or document["sha256"] != _digest_of(sweeps):
                raise ValueError("damaged: its checksum is not that of its content")
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"{path} is not used and written again: {error}", StoreWarning, stacklevel=4)
            return []
        return sweeps

    def _path(self, key: str) -> Path:
        return self.directory / "blocks" / key[:2] / key

    def _write(self, path: Path, content: bytes) -> None:
        """Have a file appear whole, or not at all."""
        unfinished = self.directory / "unfinished"
        try:
            unfinished.write_bytes(content)
            try:
                unfinished.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(exist_ok=True)
                unfinished.replace(path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise self._failure(error) from error

    def _check(self) -> None:
        """Refuse a directory that holds something else."""
        if self.directory.is_dir() and not (self.directory / "blocks").is_dir() and any(self.directory.iterdir()):
            raise StoreError(f"{self.directory} is not a store: allowed: a new or empty directory, or a store")

    def _failure(self, error: OSError) -> StoreError:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else f"{error.strerror or error}"
        return StoreError(f"cannot write to {self.directory}: {reason}; finished blocks are kept, start again to go on")


def _digest_of(sweeps: list[Any]) -> str:
    return hashlib.sha256(json.dumps(sweeps, sort_keys=True).encode()).hexdigest()


def _encoded(key: str, arrays: Arrays) -> bytes:
    body = io.BytesIO()
    body.write(key.encode() + b"\n")
    for array in arrays.values():
        np.lib.format.write_array(body, array, allow_pickle=False)
    content = body.getbuffer()
    return b"".join((_MAGIC, hashlib.sha256(content).hexdigest().encode(), b"\n", content))


def _decoded(content: bytes, key: str, shapes: Shapes) -> Arrays:
    """Return the arrays; raise ValueError, saying what is wrong, unless they are exactly what was written."""
    if not content.startswith(_MAGIC):
        raise ValueError("foreign or damaged: it does not begin as a block does")
    body = memoryview(content)[_HEAD:]
    if content[len(_MAGIC) : _HEAD] != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise ValueError("damaged: its checksum is not that of its content")
    stream = io.BytesIO(body)
    if stream.readline() != key.encode() + b"\n":
        raise ValueError("foreign: it holds another block")
    arrays = {name: np.lib.format.read_array(stream, allow_pickle=False) for name in shapes}
    if any(arrays[name].shape != shape or arrays[name].dtype != np.float64 for name, shape in shapes.items()):
        raise ValueError("foreign: its arrays have other shapes")
    return arrays
