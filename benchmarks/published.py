"""Self-consuming loops as they are usually written: a Python loop over replications and generations.

Each keeps its data and refits with NumPy, SciPy or scikit-learn; none is made slower than the usual code. They return
the curve that `bench_published.py` compares with ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.neighbors import KernelDensity

Curves = NDArray[np.float64]


def gaussian_numpy(rng: np.random.RandomState, n: int, generations: int, replications: int) -> Curves:
    """Mean and standard deviation by NumPy, new normal draws; variances."""
    out = np.empty((replications, generations))
    for r in range(replications):
        data = rng.normal(0.0, 1.0, n)
        for i in range(generations):
            mean, std = np.mean(data), np.std(data, ddof=1)
            out[r, i] = std**2
            data = rng.normal(mean, std, n)
    return out


def gaussian_scipy(rng: np.random.RandomState, n: int, generations: int, replications: int) -> Curves:
    """A maximum likelihood fit by ``scipy.stats.norm``; variances."""
    out = np.empty((replications, generations))
    for r in range(replications):
        data = stats.norm.rvs(size=n, random_state=rng)
        for i in range(generations):
            mean, std = stats.norm.fit(data)
            out[r, i] = std**2
            data = stats.norm.rvs(mean, std, size=n, random_state=rng)
    return out


def gaussian_accumulate(rng: np.random.RandomState, n: int, generations: int, replications: int) -> Curves:
    """All data so far in one growing array; variances."""
    out = np.empty((replications, generations))
    for r in range(replications):
        data = rng.normal(0.0, 1.0, n)
        for i in range(generations):
            mean, std = np.mean(data), np.std(data, ddof=1)
            out[r, i] = std**2
            data = np.concatenate([data, rng.normal(mean, std, n)])
    return out


def gaussian_d(rng: np.random.RandomState, n: int, generations: int, replications: int, d: int = 10) -> Curves:
    """Mean and covariance matrix; traces over d."""
    out = np.empty((replications, generations))
    for r in range(replications):
        data = rng.normal(0.0, 1.0, (n, d))
        for i in range(generations):
            mean, cov = np.mean(data, axis=0), np.cov(data, rowvar=False)
            out[r, i] = np.trace(cov) / d
            data = rng.multivariate_normal(mean, cov, n)
    return out


def discrete_numpy(rng: np.random.RandomState, n: int, generations: int, replications: int, K: int = 10) -> Curves:
    """Draws by ``choice``, counts by ``bincount``; total variation."""
    p, out = np.full(K, 1 / K), np.empty((replications, generations))
    for r in range(replications):
        q = p
        for i in range(generations):
            q = np.bincount(rng.choice(K, n, p=q), minlength=K) / n
            out[r, i] = 0.5 * np.abs(q - p).sum()
    return out


def discrete_wide(rng: np.random.RandomState, n: int, generations: int, replications: int) -> Curves:
    """The same with 100 atoms."""
    return discrete_numpy(rng, n, generations, replications, K=100)


def discrete_scipy(rng: np.random.RandomState, n: int, generations: int, replications: int, K: int = 10) -> Curves:
    """A distribution of ``scipy.stats`` fitted to the values seen; total variation."""
    p, out = np.full(K, 1 / K), np.empty((replications, generations))
    for r in range(replications):
        values, q = np.arange(K), p
        for i in range(generations):
            data = stats.rv_discrete(values=(values, q)).rvs(size=n, random_state=rng)
            values, counts = np.unique(data, return_counts=True)
            q = counts / n
            full = np.zeros(K)
            full[values] = q
            out[r, i] = 0.5 * np.abs(full - p).sum()
    return out


def _kernel(rng: np.random.RandomState, n: int, generations: int, replications: int, grow: bool, h: float) -> Curves:
    grid = np.linspace(-6, 6, 512)[:, None]
    p, step = stats.norm.pdf(grid[:, 0]), grid[1, 0] - grid[0, 0]
    out = np.empty((replications, generations))
    for r in range(replications):
        data = rng.normal(0.0, 1.0, (n, 1))
        for i in range(generations):
            fit = KernelDensity(bandwidth=h).fit(data)
            out[r, i] = 0.5 * step * np.abs(np.exp(fit.score_samples(grid)) - p).sum()
            fresh = fit.sample(n, random_state=rng)
            data = np.concatenate([data, fresh]) if grow else fresh
    return out


def kernel(rng: np.random.RandomState, n: int, generations: int, replications: int, h: float = 0.2) -> Curves:
    """``KernelDensity`` of scikit-learn; total variation on 512 nodes."""
    return _kernel(rng, n, generations, replications, False, h)


def kernel_accumulate(
    rng: np.random.RandomState, n: int, generations: int, replications: int, h: float = 0.2
) -> Curves:
    """The same with all data so far."""
    return _kernel(rng, n, generations, replications, True, h)
