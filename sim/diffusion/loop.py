"""The loop of diffusion models, which keeps what is finished when a sampler diverges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.diffusion.samplers import Diverged
from sim.errors import whole
from sim.loop import design_of, labelled
from sim.models.diffusion import Diffusion
from sim.schedules import Schedule

if TYPE_CHECKING:
    from xarray import Dataset


def diffusion_loop(
    model: Diffusion,
    schedule: Schedule,
    *,
    n: int,
    generations: int,
    replications: int,
    seed: int,
    record: Sequence[str] | None = None,
    at: Sequence[int] | None = None,
) -> Dataset:
    """Run a self-consuming loop of a diffusion model: `simulate`, with the same numbers.

    If a sampler diverges, the error carries what was recorded before it.

    Parameters
    ----------
    model, schedule, n, generations, replications, seed, record, at
        As for `simulate`; metrics are computed in every generation, also if only those in `at` are kept.

    Returns
    -------
    xarray.Dataset
        As `simulate` returns it.

    Raises
    ------
    Diverged
        If a sampler diverges. Its `finished` is the dataset up to there: all replications before, and this
        one with NaN from its `generation`, the first that was not finished.
    SimulationError
        If an argument is outside what is allowed.
    """
    design = design_of(model, schedule, n, generations, seed, record, at)
    every = replace(design, at=tuple(range(1, design.at[-1] + 1)))
    shape = (whole("replications", replications, 1), len(design.at))
    out = {name: np.full(shape + metric.shape, np.nan) for name, metric in design.metrics.items()}
    for block in range(replications):
        i = 0
        try:
            for i, values in enumerate(every.generations(block), start=1):
                if i in design.at:
                    for name, value in values.items():
                        out[name][block, design.at.index(i)] = value[0]
        except Diverged as error:
            finished = labelled(design, {name: rows[: block + 1] for name, rows in out.items()}, block + 1)
            raise Diverged(error.step, error.time, error.what, i + 1, finished) from error
    return labelled(design, out, replications)
