"""The real distribution from a user's file."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

import numpy as np

import sim

from .case import Setting
from .run import DEFAULT_SETTING


def setting_from_file(path: str | PathLike[str], column: str | None = None) -> Setting:
    """Take the real distributions from a table's column or a text's tokens.

    The discrete cases use the empirical distribution of the distinct values. The Gaussian cases use mean
    and standard deviation if every value is a number, and the standard normal distribution otherwise. The smooth
    cases use the values smoothed by a normal kernel, or else the built-in mixture.

    Parameters
    ----------
    path : path-like
        A CSV or TSV file with a header, or a text file.
    column : str, optional
        Column of the table; None reads the tokens of a text.

    Returns
    -------
    Setting
        `source` says what was used.

    Raises
    ------
    sim.DataError
        The file cannot be read as such; the message is one line.
    """
    population = sim.load(path, column, kind="discrete")
    name = column if column is not None else "data"
    discrete = {name: tuple(float(x) for x in population.p)}
    source = f"{population.source}: {population.rows} values, {len(population.labels)} distinct"
    try:
        gaussian = sim.load(path, column, kind="gaussian")
    except sim.DataError as error:
        text = f"{source}; Gaussian cases: standard normal ({error.reason})"
        return replace(DEFAULT_SETTING, discrete=discrete, source=text)
    smooth, bandwidth = _smoothed(population, gaussian)
    moments = f"mean {gaussian.mean:.6g}, standard deviation {gaussian.sigma:.6g}"
    kernel = f"N(0, {bandwidth:.6g}^2) around the values less their mean, rounded to {bandwidth / 10:.6g}"
    return Setting(
        discrete=discrete,
        mean=gaussian.mean,
        sigma=gaussian.sigma,
        smooth=smooth,
        source=f"{source}; Gaussian cases: {moments}; smooth cases: {kernel}",
    )


def _smoothed(population: sim.DiscretePopulation, gaussian: sim.GaussianPopulation) -> tuple[sim.NormalMixture, float]:
    """Smooth the values by the rule of thumb for a normal density, 1.06 sigma rows^(-1/5).

    Total variation does not depend on where they lie: they are centred, which rounding likes, and put on a
    lattice ten times finer than the kernel, so that many values are few components.
    """
    bandwidth = 1.06 * gaussian.sigma * population.rows**-0.2
    values = np.array([float(label) for label in population.labels]) - gaussian.mean
    places, which = np.unique(np.rint(10 * values / bandwidth), return_inverse=True)
    weights = np.asarray(np.bincount(which.ravel(), population.p), dtype=float)
    return sim.NormalMixture(weights, places * (bandwidth / 10), np.full(places.size, bandwidth)), bandwidth
