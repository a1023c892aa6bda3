"""Diffusion models with a one-hidden-layer score: training, samplers, laws of their output, terms of their bounds."""

from sim.diffusion.ends import EndTerms, end_terms
from sim.diffusion.features import RandomFeatures, ScoreNetwork
from sim.diffusion.laws import ExactScore, GaussianMixture, reverse_moments
from sim.diffusion.line_law import OutputLaw, output_law, tv_mixtures
from sim.diffusion.samplers import Diverged, Sampler, draw
from sim.diffusion.terms import ChainTerms, GirsanovTerms, chain_terms, girsanov_terms
from sim.diffusion.times import time_grid
from sim.diffusion.training import train

__all__ = [
    "ChainTerms",
    "Diverged",
    "EndTerms",
    "ExactScore",
    "GaussianMixture",
    "GirsanovTerms",
    "OutputLaw",
    "RandomFeatures",
    "Sampler",
    "ScoreNetwork",
    "chain_terms",
    "draw",
    "end_terms",
    "girsanov_terms",
    "output_law",
    "reverse_moments",
    "time_grid",
    "train",
    "tv_mixtures",
]
