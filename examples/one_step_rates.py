"""Fit the exponent of the one-step error of kernel estimates in the sample size, and compare it with -2/(d+4).

Usage: python examples/one_step_rates.py FILE.png [REPLICATIONS]

Prints a table and draws the simulated errors with their bounds. With the default 500 replications at the largest size
this takes two minutes on one core.
"""

import sys

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import sim
from verify.exponents import OneStepExponent, one_step_exponent

MODELS = {
    "normal distribution, d = 1": (sim.NormalDensity(), 1.06, (1000, 4000, 16_000, 64_000, 256_000)),
    "cosine density on the circle, d = 1": (sim.CosineTorus(0.5), 0.05, (1000, 4000, 16_000, 64_000, 256_000)),
    "cosine density on the torus, d = 2": (sim.CosineTorus(0.5, 2), 0.2, (2000, 8000, 32_000)),
}
SLOW = 5  # a TV in two dimensions takes so many times as long


def main(path: str, replications: int) -> None:
    """Print the table and write the figure."""
    print(f"{'':38}{'claimed':>8} {'simulated':>10} {'within':>18} {'V + b, same n':>14} {'V + b, far':>11}")
    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for colour, (name, (density, constant, sizes)) in zip(
        ("#1b6ca8", "#3f8f4f", "#1a1a1a"), MODELS.items(), strict=True
    ):
        count = replications if density.d == 1 else max(2, replications // SLOW)
        found = one_step_exponent(density, constant, sizes, replications=count, seed=1)
        print(_row(name, found))
        errors = [found.mean - found.lower, found.upper - found.mean]
        axis.errorbar(found.sizes, found.mean, errors, color=colour, marker="o", linestyle="", label=name)
        axis.plot(found.sizes, found.bound, color=colour, label=f"V + b, exponent {found.claimed:.3g}")
    axis.set(xscale="log", yscale="log", xlabel="sample size n", ylabel="TV after one generation")
    axis.legend(fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)


def _row(name: str, found: OneStepExponent) -> str:
    interval = f"[{found.low:.3f}, {found.high:.3f}]"
    return (
        f"{name:38}{found.claimed:8.4f} {found.fitted:10.4f} {interval:>18} {found.bound_fitted:14.4f} "
        f"{found.bound_far:11.4f}  {'confirmed' if found.confirmed else 'NOT CONFIRMED'}"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500)
