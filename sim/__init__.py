"""Simulators of self-consuming training loops; see `simulate`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim import diffusion
    from sim.attention_stability import TokenReplacement, extremal_replacement, grid_replacement, search_replacement
    from sim.chains import exact_collapse, exact_poisson, poisson_paths
    from sim.curation import Curation
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
    from sim.data_points import PointCloud, load_points
    from sim.densities import Density, NormalDensity, ScalarDensity, SmoothDensity
    from sim.densities_mixture import NormalMixture, smoothed_sample
    from sim.densities_torus import CosineTorus
    from sim.diffusion.loop import diffusion_loop
    from sim.distances import diversity, tv_discrete, tv_gaussian_shift, tv_gaussians, w2_squared, w2_squared_line
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
    from sim.markov import Bigram, bigram_loop
    from sim.markov_exact import exact_entry
    from sim.models.data_level import discrete_data, gaussian_data
    from sim.models.diffusion import Diffusion
    from sim.models.discrete import Discrete
    from sim.models.gaussian import Gaussian
    from sim.models.gaussian_mean import GaussianMean
    from sim.models.incontext import InContext, Linear, Prompt
    from sim.models.kde import KDE, tv_kde
    from sim.models.kde_torus import SmoothedTorus
    from sim.models.labelled import Labelled
    from sim.models.linear_attention import LinearAttention
    from sim.models.mixture import MixtureEM
    from sim.models.user import UserModel, from_estimator
    from sim.regression import RegressionLoop
    from sim.regression_data import RegressionData
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
    from sim.stability_incontext import incontext_trajectories
    from sim.stability_recursive import Trajectories, exact_binary_gamma, exact_gaussian_mean_gamma, trajectories
    from sim.store import StoreError, StoreWarning
    from sim.sweeps import SweepError, sweep
    from sim.tasks import ExecutorError
    from sim.transformer import Transformer, normalised_transformer, random_transformer, to_ball, trained_transformer
    from sim.tv_densities import tv_functions, tv_monte_carlo, tv_quadrature
    from sim.tv_samples import tv_lower
    from sim.workers import Workers

_HOMES = {
    "sim.data_points": ("PointCloud", "load_points"),
    "sim.diffusion.loop": ("diffusion_loop",),
    "sim.models.diffusion": ("Diffusion",),
    "sim.tv_samples": ("tv_lower",),
    "sim.attention_stability": ("TokenReplacement", "extremal_replacement", "grid_replacement", "search_replacement"),
    "sim.chains": ("exact_collapse", "exact_poisson", "poisson_paths"),
    "sim.curation": ("Curation",),
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
    "sim.distances": ("diversity", "tv_discrete", "tv_gaussian_shift", "tv_gaussians", "w2_squared", "w2_squared_line"),
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
    "sim.markov": ("Bigram", "bigram_loop"),
    "sim.markov_exact": ("exact_entry",),
    "sim.models.data_level": ("discrete_data", "gaussian_data"),
    "sim.models.discrete": ("Discrete",),
    "sim.models.gaussian": ("Gaussian",),
    "sim.models.gaussian_mean": ("GaussianMean",),
    "sim.models.incontext": ("InContext", "Linear", "Prompt"),
    "sim.models.labelled": ("Labelled",),
    "sim.models.linear_attention": ("LinearAttention",),
    "sim.models.mixture": ("MixtureEM",),
    "sim.models.user": ("UserModel", "from_estimator"),
    "sim.densities": ("Density", "NormalDensity", "ScalarDensity", "SmoothDensity"),
    "sim.densities_mixture": ("NormalMixture", "smoothed_sample"),
    "sim.densities_torus": ("CosineTorus",),
    "sim.transformer": (
        "Transformer",
        "normalised_transformer",
        "random_transformer",
        "to_ball",
        "trained_transformer",
    ),
    "sim.tv_densities": ("tv_functions", "tv_monte_carlo", "tv_quadrature"),
    "sim.models.kde": ("KDE", "tv_kde"),
    "sim.models.kde_torus": ("SmoothedTorus",),
    "sim.stability": ("coupled_stability", "replace_one_stability"),
    "sim.stability_incontext": ("incontext_trajectories",),
    "sim.stability_recursive": ("Trajectories", "exact_binary_gamma", "exact_gaussian_mean_gamma", "trajectories"),
    "sim.store": ("StoreError", "StoreWarning"),
    "sim.sweeps": ("SweepError", "sweep"),
    "sim.tasks": ("ExecutorError",),
    "sim.workers": ("Workers",),
    "sim.regression": ("RegressionLoop",),
    "sim.regression_data": ("RegressionData",),
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
    "Bigram",
    "CosineTorus",
    "Curation",
    "DataError",
    "Density",
    "Diffusion",
    "Discrete",
    "DiscretePopulation",
    "ExactLaw",
    "ExecutorError",
    "Expand",
    "Fixed",
    "Fresh",
    "Gaussian",
    "GaussianLaw",
    "GaussianMean",
    "GaussianMeanLaw",
    "GaussianPopulation",
    "InContext",
    "Labelled",
    "LabelledAtoms",
    "LabelledPopulation",
    "Learner",
    "Linear",
    "LinearAttention",
    "Logistic",
    "MixtureEM",
    "NormalDensity",
    "NormalMixture",
    "PointCloud",
    "Population",
    "Prompt",
    "RegressionData",
    "RegressionLoop",
    "Replace",
    "Ridge",
    "ScalarDensity",
    "Schedule",
    "SimulationError",
    "SmoothDensity",
    "SmoothedTorus",
    "StoreError",
    "StoreWarning",
    "Stratified",
    "Subsample",
    "SweepError",
    "TokenReplacement",
    "Trajectories",
    "Transformer",
    "UserModel",
    "Weighted",
    "Workers",
    "bigram_loop",
    "blocks",
    "coupled_stability",
    "diffusion",
    "diffusion_loop",
    "discrete_data",
    "discrete_population",
    "diversity",
    "exact_binary_gamma",
    "exact_collapse",
    "exact_cost",
    "exact_discrete",
    "exact_entry",
    "exact_gaussian",
    "exact_gaussian_mean",
    "exact_gaussian_mean_fresh",
    "exact_gaussian_mean_gamma",
    "exact_gaussian_mean_square",
    "exact_golden_ratio",
    "exact_poisson",
    "extremal_replacement",
    "from_estimator",
    "gaussian_data",
    "gaussian_population",
    "grid_replacement",
    "incontext_trajectories",
    "load",
    "load_labelled",
    "load_points",
    "normalised_transformer",
    "poisson_paths",
    "random_transformer",
    "read_table",
    "read_tokens",
    "replace_one_stability",
    "schedule",
    "search_replacement",
    "simulate",
    "smoothed_sample",
    "sweep",
    "to_ball",
    "trained_transformer",
    "trajectories",
    "tv_discrete",
    "tv_functions",
    "tv_gaussian_shift",
    "tv_gaussians",
    "tv_kde",
    "tv_lower",
    "tv_monte_carlo",
    "tv_quadrature",
    "w2_squared",
    "w2_squared_line",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined, when it is first asked for."""
    if name == "diffusion":
        return import_module("sim.diffusion")
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
