"""The real distribution from a user's file."""

from __future__ import annotations

from os import PathLike

import sim

from .case import Setting
from .run import DEFAULT_SETTING


def setting_from_file(path: str | PathLike[str], column: str | None = None) -> Setting:
    """Take the real distributions from a table's column or a text's tokens.

    The discrete cases use the empirical distribution of the distinct values. The Gaussian cases use mean
    and standard deviation if every value is a number, and the standard normal distribution otherwise.

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
        return Setting(
            discrete=discrete,
            mean=DEFAULT_SETTING.mean,
            sigma=DEFAULT_SETTING.sigma,
            source=f"{source}; Gaussian cases: standard normal ({error.reason})",
        )
    return Setting(
        discrete=discrete,
        mean=gaussian.mean,
        sigma=gaussian.sigma,
        source=f"{source}; Gaussian cases: mean {gaussian.mean:.6g}, standard deviation {gaussian.sigma:.6g}",
    )
