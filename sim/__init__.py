"""Simulators of self-consuming training loops; see `simulate`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.data import (
        DataError,
        DiscretePopulation,
        GaussianPopulation,
        Population,
        discrete_population,
        gaussian_population,
        load,
        read_table,
        read_tokens,
    )
    from sim.data_labelled import LabelledPopulation, load_labelled
    from sim.densities import Density, NormalDensity, ScalarDensity, SmoothDensity
    from sim.densities_mixture import NormalMixture, smoothed_sample
    from sim.densities_torus import CosineTorus
    from sim.distances import (
        diversity,
        tv_discrete,
        tv_gaussian_shift,
        tv_gaussians,
        w2_squared,
        w2_squared_line,
    )
    from sim.errors import SimulationError
    from sim.exact import ExactLaw, exact_cost, exact_discrete
    from sim.gaussian_fresh_law import exact_gaussian_mean_fresh
    from sim.gaussian_law import (
        GaussianLaw,
        GaussianMeanLaw,
        exact_gaussian,
        exact_gaussian_mean,
        exact_gaussian_mean_square,
        exact_golden_ratio,
    )
    from sim.labelled_atoms import LabelledAtoms
    from sim.learners import Learner, Logistic, Ridge
    from sim.learners_sgd import SGD
    from sim.loop import blocks, simulate
    from sim.models.data_level import discrete_data, gaussian_data
    from sim.models.discrete import Discrete
    from sim.models.gaussian import Gaussian
    from sim.models.gaussian_mean import GaussianMean
    from sim.models.kde import KDE, tv_kde
    from sim.models.kde_torus import SmoothedTorus
    from sim.models.labelled import Labelled
    from sim.models.user import UserModel, from_estimator
    from sim.schedules import (
        SCHEDULES,
        Accumulate,
        Expand,
        Fixed,
        Fresh,
        Replace,
        Schedule,
        Stratified,
        Subsample,
        Weighted,
        schedule,
    )
    from sim.stability import coupled_stability, replace_one_stability
    from sim.stability_recursive import Trajectories, exact_binary_gamma, exact_gaussian_mean_gamma, trajectories
    from sim.tv_densities import tv_functions, tv_monte_carlo, tv_quadrature

_HOMES = {
    "sim.data": (
        "DataError",
        "DiscretePopulation",
        "GaussianPopulation",
        "Population",
        "discrete_population",
        "gaussian_population",
        "load",
        "read_table",
        "read_tokens",
    ),
    "sim.data_labelled": ("LabelledPopulation", "load_labelled"),
    "sim.distances": (
        "diversity",
        "tv_discrete",
        "tv_gaussian_shift",
        "tv_gaussians",
        "w2_squared",
        "w2_squared_line",
    ),
    "sim.errors": ("SimulationError",),
    "sim.exact": ("ExactLaw", "exact_cost", "exact_discrete"),
    "sim.gaussian_fresh_law": ("exact_gaussian_mean_fresh",),
    "sim.gaussian_law": (
        "GaussianLaw",
        "GaussianMeanLaw",
        "exact_gaussian",
        "exact_gaussian_mean",
        "exact_gaussian_mean_square",
        "exact_golden_ratio",
    ),
    "sim.labelled_atoms": ("LabelledAtoms",),
    "sim.learners": ("Learner", "Logistic", "Ridge"),
    "sim.learners_sgd": ("SGD",),
    "sim.loop": ("blocks", "simulate"),
    "sim.models.data_level": ("discrete_data", "gaussian_data"),
    "sim.models.discrete": ("Discrete",),
    "sim.models.gaussian": ("Gaussian",),
    "sim.models.gaussian_mean": ("GaussianMean",),
    "sim.models.labelled": ("Labelled",),
    "sim.models.user": ("UserModel", "from_estimator"),
    "sim.densities": (
        "Density",
        "NormalDensity",
        "ScalarDensity",
        "SmoothDensity",
    ),
    "sim.densities_mixture": (
        "NormalMixture",
        "smoothed_sample",
    ),
    "sim.densities_torus": ("CosineTorus",),
    "sim.tv_densities": (
        "tv_functions",
        "tv_monte_carlo",
        "tv_quadrature",
    ),
    "sim.models.kde": (
        "KDE",
        "tv_kde",
    ),
    "sim.models.kde_torus": ("SmoothedTorus",),
    "sim.stability": ("coupled_stability", "replace_one_stability"),
    "sim.stability_recursive": (
        "Trajectories",
        "exact_binary_gamma",
        "exact_gaussian_mean_gamma",
        "trajectories",
    ),
    "sim.schedules": (
        "SCHEDULES",
        "Accumulate",
        "Expand",
        "Fixed",
        "Fresh",
        "Replace",
        "Schedule",
        "Stratified",
        "Subsample",
        "Weighted",
        "schedule",
    ),
}

__all__ = [
    "KDE",
    "SCHEDULES",
    "SGD",
    "Accumulate",
    "CosineTorus",
    "DataError",
    "Density",
    "Discrete",
    "DiscretePopulation",
    "ExactLaw",
    "Expand",
    "Fixed",
    "Fresh",
    "Gaussian",
    "GaussianLaw",
    "GaussianMean",
    "GaussianMeanLaw",
    "GaussianPopulation",
    "Labelled",
    "LabelledAtoms",
    "LabelledPopulation",
    "Learner",
    "Logistic",
    "NormalDensity",
    "NormalMixture",
    "Population",
    "Replace",
    "Ridge",
    "ScalarDensity",
    "Schedule",
    "SimulationError",
    "SmoothDensity",
    "SmoothedTorus",
    "Stratified",
    "Subsample",
    "Trajectories",
    "UserModel",
    "Weighted",
    "blocks",
    "coupled_stability",
    "discrete_data",
    "discrete_population",
    "diversity",
    "exact_binary_gamma",
    "exact_cost",
    "exact_discrete",
    "exact_gaussian",
    "exact_gaussian_mean",
    "exact_gaussian_mean_fresh",
    "exact_gaussian_mean_gamma",
    "exact_gaussian_mean_square",
    "exact_golden_ratio",
    "from_estimator",
    "gaussian_data",
    "gaussian_population",
    "load",
    "load_labelled",
    "read_table",
    "read_tokens",
    "replace_one_stability",
    "schedule",
    "simulate",
    "smoothed_sample",
    "trajectories",
    "tv_discrete",
    "tv_functions",
    "tv_gaussian_shift",
    "tv_gaussians",
    "tv_kde",
    "tv_monte_carlo",
    "tv_quadrature",
    "w2_squared",
    "w2_squared_line",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined, when it is first asked for."""
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
