"""Measure a loop in plain NumPy, as a stranger's program would, and write the means as CSV.

Each generation is trained on n points, of which each is real with probability alpha.

Usage: python examples/measured_csv.py FILE.csv
"""

import csv
import sys

import numpy as np

N, ALPHA, K, GENERATIONS, REPLICATIONS = 100, 0.2, 10, 20, 500


def distances(rng: np.random.Generator) -> np.ndarray:
    """Return TV(P_i, P) of every generation of one run."""
    real = model = np.full(K, 1 / K)
    found = []
    for generation in range(GENERATIONS):
        source = real if generation == 0 else ALPHA * real + (1 - ALPHA) * model
        model = np.bincount(rng.choice(K, size=N, p=source), minlength=K) / N
        found.append(abs(model - real).sum() / 2)
    return np.array(found)


def main(path: str) -> None:
    """Write one row per generation."""
    rng = np.random.default_rng(0)
    runs = np.array([distances(rng) for _ in range(REPLICATIONS)])
    means, errors = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(REPLICATIONS)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["n", "alpha", "K", "i", "value", "standard_error", "replications"])
        for i, (mean, error) in enumerate(zip(means, errors, strict=True), start=1):
            table.writerow([N, ALPHA, K, i, mean, error, REPLICATIONS])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
