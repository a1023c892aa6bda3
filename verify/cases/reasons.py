"""Why a simulated loop satisfies an assumption, by kind of evidence; a missing answer breaks the case."""

from __future__ import annotations

from collections.abc import Mapping

from bounds import Result

_SCHEDULES = ("replace", "fresh", "stratified", "fixed", "accumulate", "subsample", "expand", "weighted")
_SAMPLER = {f"schedule-{name}": f"sim.schedules draws exactly the training sets of `{name}`" for name in _SCHEDULES}
_CHAIN = {f"schedule-{name}": f"the transition kernel of the atom's counts is that of `{name}`" for name in _SCHEDULES}

DISCRETE_SAMPLER: Mapping[str, str] = {
    **_SAMPLER,
    "empirical-fit": "sim.Discrete fits relative frequencies",
    "real-start": "the loop draws the first training set from p",
    "iid-training-set": "generation 1 is the empirical distribution of n multinomial draws from p",
    "mixture-target": "the schedule's weights are the matrix B that the bound is given",
    "one-step-errors": "the errors given are the closed-form one-step errors of the discrete model",
    "one-step-probability": "McDiarmid's inequality for the frequencies of n iid draws, at level delta/i",
    "real-points-only": "the schedule draws from p in generation 1 only",
}
DISCRETE_CHAIN: Mapping[str, str] = {
    **_CHAIN,
    "empirical-fit": "the chain's state is the number of training points in the atom",
    "real-start": "the chain starts from Bin(n, p)",
    "iid-training-set": "under `replace` and `fresh` a training set is n iid draws from Q",
    "mixture-target": "the schedule's weights are the matrix B that the bound is given",
    "one-step-errors": "the errors given are the exact one-step errors of the same chain",
    "real-points-only": "the schedule draws from p in generation 1 only",
}
GAUSSIAN_SAMPLER: Mapping[str, str] = {
    **_SAMPLER,
    "gaussian-mean": "sim.GaussianMean fits the average and keeps sigma",
    "gaussian-fit": "sim.Gaussian fits the sample mean and the unbiased sample variance",
    "real-start": "the loop draws the first training set from N(mean, sigma^2)",
    "biased-replace": "sim.Gaussian draws synthetic points with theta times the fitted variance",
}
GAUSSIAN_LAW: Mapping[str, str] = {
    **{
        key: text.replace("sim.schedules draws", "the recursion of noise weights follows")
        for key, text in _SAMPLER.items()
    },
    "gaussian-mean": "the law of the average of Gaussian points with known variance",
    "gaussian-fit": "sample mean and variance of n normal points: independent normal and chi-square",
    "real-start": "the first training set is n draws from N(mean, sigma^2)",
    "biased-replace": "each generation multiplies the variance by theta and an independent chi-square/(n-1)",
    "weighted-fit": "the recursion v -> w^2 sigma^2/n + (1-w)^2 (v + sigma^2/m) iterated to its fixed point",
}


def answers(result: Result, reasons: Mapping[str, str]) -> dict[str, str]:
    """Pick the answers to the assumptions of a result; KeyError names an assumption nobody argued."""
    return {assumption.key: reasons[assumption.key] for assumption in result.assumptions}
