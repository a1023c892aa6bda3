"""The sufficient-statistics route has the law of the loop run on full data.

Kolmogorov–Smirnov at 1e-7; seeds were fixed before looking.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp

from sim import (
    Accumulate,
    Discrete,
    Expand,
    Fixed,
    Fresh,
    Gaussian,
    GaussianMean,
    Replace,
    Stratified,
    Subsample,
    Weighted,
    discrete_data,
    gaussian_data,
    simulate,
)

B = [[0, 0, 0], [0.7, 0, 0], [0.5, 0.3, 0]]
SCHEDULES = [
    Replace(),
    Fresh(0.5),
    Stratified(0.25),
    Fixed(0.25),
    Accumulate(),
    Subsample(),
    Expand(0.5),
    Weighted(B),
]
MODELS = [
    Discrete(np.array([0.5, 0.2, 0.2, 0.1])),
    GaussianMean(1.3, 0.5),
    GaussianMean(1.0, 0.0, 2),
    Gaussian(0.5, 1.3, theta=0.9),
    Gaussian(d=2, unbiased=False, theta=0.8),
]


def curves(model, schedule, replications, names, seed):
    data = simulate(model, schedule, n=4, generations=3, replications=replications, seed=seed, record=names, at=[1, 3])
    return {name: data[name].to_numpy() for name in names}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.label)
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_statistics_have_the_law_of_the_data(model, schedule):
    data_model = discrete_data(model) if isinstance(model, Discrete) else gaussian_data(model)
    names = [name for name in data_model.metrics if name != "mean_error"]
    fast = curves(model, schedule, 20_000, names, 21)
    full = curves(data_model, schedule, 900, names, 22)
    for name in names:
        for at in (0, 1):
            if model.label.startswith("discrete"):  # rounding must not split equal values
                fast[name], full[name] = np.round(fast[name], 9), np.round(full[name], 9)
            assert ks_2samp(fast[name][:, at], full[name][:, at]).pvalue > 1e-7, (name, at)


@pytest.mark.parametrize("size", [30, 400, 4000])
def test_many_atoms_are_drawn_with_the_right_frequencies(size):
    """Both ways of drawing (by atom, by draw), with dead atoms at both ends."""
    K = 2000
    p = np.linspace(0, 1, K) ** 2
    p[:5] = p[-7:] = p[100:900] = 0
    model = Discrete(p / p.sum())
    rng = np.random.default_rng(23)
    draws = [model.draw(rng, model.p, size).counts for _ in range(15)]
    counts = np.concatenate(draws)
    assert (counts.sum(axis=1) == size).all()
    assert not counts[:, model.p == 0].any()
    total, live = counts.sum(), model.p > 0
    groups = np.array_split(np.flatnonzero(live), 60)
    expected = np.array([total * model.p[g].sum() for g in groups])
    seen = np.array([counts[:, g].sum() for g in groups])
    statistic = ((seen - expected) ** 2 / expected).sum()
    assert 1e-7 < chi2.sf(statistic, len(groups) - 1) < 1 - 1e-7


@pytest.mark.parametrize(("K", "n"), [(1500, 20), (1500, 2000), (1023, 20)])
def test_many_atoms_have_the_right_second_moment(K, n):
    p = np.random.default_rng(24).dirichlet(np.full(K, 0.02))
    for schedule, rho in ((Replace(), 1 - 1 / n), (Fresh(0.5), (1 - 1 / n) / 4)):
        data = simulate(Discrete(p), schedule, n=n, generations=4, replications=600, seed=25, record=["squared_error"])
        values = data["squared_error"].to_numpy()
        w = (1 - rho ** np.arange(1, 5)) / (n * (1 - rho))
        z = (values.mean(axis=0) - w * (1 - p @ p)) / (values.std(axis=0, ddof=1) / np.sqrt(len(values)))
        assert np.abs(z).max() < 6


def test_a_singular_wishart_matrix_has_the_right_rank_and_mean():
    """Fewer draws than dimensions, as binomial splits of a training set produce."""
    model, rng = Gaussian(d=4), np.random.default_rng(26)
    for size in (0, 1, 2, 4, 9):
        parts = [model.draw(rng, model.target(), size).factor for _ in range(40)]
        factor = np.concatenate(parts)
        scatter = factor @ np.swapaxes(factor, 1, 2)
        rank = np.linalg.matrix_rank(factor, tol=1e-9)
        assert (rank == min(max(size - 1, 0), 4)).all()
        error = scatter.std(axis=0) / np.sqrt(len(scatter)) + 1e-12
        assert (np.abs(scatter.mean(axis=0) - max(size - 1, 0) * np.eye(4)) / error).max() < 6
