"""Kernel density estimates of several replications at once are those of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from sim.densities import NormalDensity
from sim.densities_torus import CosineTorus
from sim.models.kde import KDE, Fit
from sim.models.kde_lattice import Chunk, Lattice


@pytest.mark.parametrize("density", [NormalDensity(), CosineTorus(0.5), CosineTorus(0.5, 2)], ids=lambda p: p.label)
def test_replications_that_are_drawn_together_keep_to_their_own_points(density):
    """Forty of them, 23 at a time; every one has its points in one place of its own."""
    model = KDE(density, 1e-3 if density.d == 1 else 0.02, block=40)
    place = (0.15 + 0.015 * np.arange(40))[:, None, None]
    points = np.broadcast_to(place, (40, 3, density.d)).copy()
    chunk = Chunk(points[..., 0] if density.d == 1 else points, model.grid.lattice)
    mixture = model.blend(model.target(), Fit(model, (chunk,), 0), 1.0)
    drawn = model.draw(np.random.default_rng(31), mixture, 700)[0].points.reshape(40, 700, density.d)
    gaps = (drawn - place) / model.h
    assert np.abs(gaps).max() < 6
    assert np.unique(gaps).size == gaps.size
    assert abs(gaps.std() - 1) < 0.03


@pytest.mark.parametrize("lattice", [Lattice(0.01, 0.2), Lattice(0.01, 0.2, 1, 100)], ids=["line", "circle"])
@pytest.mark.parametrize("m", [3, 700, 20_000])
def test_rows_binned_together_are_those_binned_one_by_one(lattice, m):
    x = np.random.default_rng(32).random((30, m))
    x[:, 0], x[:, 1] = 0.0, 1 - 1e-17  # so that all rows have the same nodes
    together = lattice.bins(x)
    for row, total in zip(x, together.total, strict=True):
        alone = lattice.bins(row[None])
        assert alone.start == together.start
        np.testing.assert_allclose(total, alone.total[0], atol=1e-11 * m)
    np.testing.assert_allclose(together.total.sum(axis=1), m, rtol=1e-12)
