"""From the blocks of a design to the replications that a test is fed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from .case import Array, Case, Design, Exact, Exponent

MOST_NUMBERS = 4_000_000  # held at once of a stream of replications


def chunks_of(case: Case, design: Design, seed: int, replications: int) -> Iterator[Array]:
    """Chunks (R, points) of so many replications of a design, keyed by the seed and by what is computed."""
    assert not isinstance(design.evidence, Exact | Exponent)
    name = hashlib.sha256(f"{case.key}|{design.label}".encode()).digest()[:8]
    key = np.random.SeedSequence([seed, int.from_bytes(name, "big")]).generate_state(2, np.uint64)
    for chunk in _grouped(design.evidence.blocks(int(key[0]) >> 1)):
        curves = chunk.reshape(len(chunk), -1)[:replications]
        replications -= len(curves)
        yield curves
        if replications <= 0:
            return


def _grouped(blocks: Iterator[Array]) -> Iterator[Array]:
    """Join blocks into chunks that grow with what was drawn, so that tests are not fed drop by drop."""
    drawn = 0
    for first in blocks:
        group, size, most = [first], len(first), max(64, MOST_NUMBERS // first[0].size)
        for block in blocks:
            if size >= max(64, min(drawn // 8, most)):
                yield np.concatenate(group)
                drawn, group, size = drawn + size, [], 0
            group.append(block)
            size += len(block)
        yield np.concatenate(group)
