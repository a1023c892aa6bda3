"""The real distribution from a user's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike

import numpy as np

import sim

from .case import Setting
from .run import DEFAULT_SETTING


def setting_from_file(
    path: str | PathLike[str],
    column: str | None = None,
    target: str | None = None,
    features: Sequence[str] | None = None,
) -> Setting:
    """Take the real distributions from a table's columns or a text's tokens.

    The discrete cases use the empirical distribution of the distinct values. The Gaussian cases use mean
    and standard deviation if every value is a number, and the standard normal distribution otherwise. The smooth
    cases use the values smoothed by a normal kernel, or else the built-in mixture. With a target, the cases on
    learners use the table's distinct rows, scaled: features into the unit ball, the target to [-1, 1].

    Parameters
    ----------
    path : path-like
        A CSV or TSV file with a header, or a text file.
    column : str, optional
        Column of the table, by default the target; None without a target reads the tokens of a text.
    target : str, optional
        Column of the labels of a table.
    features : sequence of str, optional
        Columns of the features, by default all but the target.

    Returns
    -------
    Setting
        `source` says what was used, and how it was scaled.

    Raises
    ------
    sim.DataError
        The file cannot be read as such; the message is one line.
    """
    if target is None:
        return _unlabelled(path, column)
    rows = sim.load_labelled(path, target, features, scale=True)
    setting = _unlabelled(path, target if column is None else column)
    said = f"{setting.source}; all these of the target, as no column is named" if column is None else setting.source
    return replace(setting, labelled={"table": rows.atoms}, source=f"{said}; {_scaling(rows)}")


def _scaling(rows: sim.LabelledPopulation) -> str:
    """Say what the rows are and how they were scaled: with the table, all that is needed to do it again."""
    shared = 1 / float(np.sqrt(rows.atoms.p @ rows.atoms.x[:, 0] ** 2))
    return (
        f"learner cases: {rows.atoms.K} distinct of {rows.rows} rows, {rows.atoms.d} features, each less its mean over "
        f"{shared:.6g} standard deviations, target {rows.target!r} less {rows.target_centre:.6g} over "
        f"{rows.target_unit:.6g}"
    )


def _unlabelled(path: str | PathLike[str], column: str | None) -> Setting:
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
