"""Searches for sharper forms: the end of a diffusion, the stability of learners, gaps in the loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import bounds
import sim
from sim import NormalMixture

from ..binary_loop import BinaryLoop
from ..case import Array, Design, Exact
from ..cases.generalization_second_order import Study
from ..cases.sharper import end_design, label_design, moments
from ..cases.sharper_learning import gap_design
from ..cases.stability import opposed_atoms
from ..search import Axis, Search

Values: TypeAlias = Mapping[str, Any]

_END = {
    "t1": Axis(low=0.1, high=3.5),
    "m": Axis(low=0, high=2),
    "sigma": Axis(low=0.3, high=3, log=True),
    "weight": Axis(low=0.02, high=0.98),
    "apart": Axis(low=0, high=6),
    "ratio": Axis(low=0.75, high=1.33),
}
_RIDGE = {"mu": Axis(low=0.01, high=50, log=True)}
_PLANE = {
    "n": Axis(low=2, high=1000, integer=True, log=True),
    **_RIDGE,
    "length": Axis(low=0, high=1),
    "first": Axis(low=0, high=np.pi),
    "second": Axis(low=0, high=np.pi),
    "longer": Axis(low=0, high=1),
}
_LOOP = {
    "n": Axis(low=4, high=400, integer=True, log=True),
    "alpha": Axis(low=0.05, high=1),
    "i": Axis(low=1, high=8, integer=True, log=True),
    "p": Axis(low=0.02, high=0.98),
}
_OMEGA = {"omega": Axis(low=0, high=0.95)}
_DELTA = {"delta": Axis(low=0.05, high=0.5)}
_LABELS = {
    "n": Axis(low=1, high=40, integer=True, log=True),
    "i": Axis(low=1, high=8, integer=True, log=True),
    "sigma": Axis(low=0.1, high=10, log=True),
}


def _search(key: str, axes: Mapping[str, Axis], design: Callable[[bounds.Result, Values], Design]) -> Search:
    result = bounds.get(key)
    return Search(result=result, axes=axes, design=partial(design, result))


def _mixture(values: Values) -> NormalMixture:
    """Return two normal laws, their widths a ratio apart, as a mixture with the mean m and the width sigma."""
    weights = np.array([values["weight"], 1 - values["weight"]])
    shape = NormalMixture(weights, np.array([0.0, values["apart"]]), np.array([1.0, values["ratio"]]))
    mean, sigma, _ = moments(shape)
    scale = values["sigma"] / sigma
    return NormalMixture(weights, (shape.means - mean) * scale + values["m"], shape.sigmas * scale)


def _end(result: bounds.Result, values: Values) -> Design:
    return end_design(result, "two normal laws", _mixture(values), np.array([values["t1"]]), strict=False)


def _change(learner: sim.Penalised, atoms: sim.LabelledAtoms, n: int) -> Array:
    sets = np.array([[n - 1, 1, 0, 0], [n - 1, 0, 1, 0]])
    losses = learner.losses(atoms, learner.fit(atoms, sets))
    return np.asarray([np.abs(losses[0] - losses[1]).max()])


def _replaced(result: bounds.Result, values: Values) -> Design:
    """All points but one at one place; the other is replaced by one at another angle, perhaps shorter."""
    learner = sim.Ridge(values["mu"]) if "ridge" in result.key else sim.Logistic(values["mu"])
    angles, lengths = np.array([0, values["first"], -values["second"], np.pi]), np.array([1, 1, values["longer"], 1])
    lengths[0] *= values["length"]
    x = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    atoms = sim.LabelledAtoms(x=x, y=np.ones(4), p=np.full(4, 0.25))
    return Design(
        label=learner.label,
        values={"n": values["n"], "mu": values["mu"]},
        evidence=Exact(values=partial(_change, learner, atoms, values["n"]), upper=learner.M),
    )


def _norm(result: bounds.Result, values: Values) -> Design:
    """Points at two places on a line, all of one label."""
    learner, share = sim.Logistic(values["mu"]), values["p"]
    x = np.array([[values["length"]], [-values["length"]]])
    atoms = sim.LabelledAtoms(x=x, y=np.ones(2), p=np.array([share, 1 - share]))
    return Design(
        label=learner.label,
        values={"mu": values["mu"]},
        evidence=Exact(values=lambda: np.array([np.linalg.norm(learner.population(atoms))])),
    )


def _average(result: bounds.Result, values: Values) -> Design:
    n, i = values["n"], values["i"]
    reused = min(max(2, round(values["alpha"] * n)), n)
    loop = BinaryLoop(n, reused, values["p"], values["omega"])
    return Design(
        label="two atoms",
        values={"n": n, "alpha": reused / n, "i": np.array([i]), "K": 2, "omega": values["omega"]},
        evidence=Exact(values=lambda: np.array([loop.average_sensitivity(i)]), upper=1.0),
    )


def _gap(result: bounds.Result, values: Values) -> Design:
    """One point with both labels: ridge regression, or for the general result logistic regression."""
    learner = sim.Ridge(values["mu"]) if "ridge" in result.key else sim.Logistic(values["mu"])
    reused = max(1, round(values["alpha"] * values["n"]))
    loop = (values["n"], reused / values["n"], values["i"], values["delta"])
    return gap_design(result, "one place", Study(opposed_atoms(values["p"]), learner), values["omega"], *loop)


def _labels(result: bounds.Result, values: Values) -> Design:
    n = values["n"]
    share = round((values["lam"] if "lam" in result.names else values["alpha"]) * n)
    return label_design(result, n, share, values["sigma"], (values["i"],))


_STABLE = "stability/erm"
SEARCHES: tuple[Search, ...] = (
    _search("diffusion/end-divergence/matched", _END, _end),
    _search("diffusion/end-divergence/lower", _END, _end),
    _search("tv/diffusion/end/matched", _END, _end),
    _search(f"{_STABLE}/ridge/plane", _PLANE, _replaced),
    _search(f"{_STABLE}/logistic/plane", _PLANE, _replaced),
    _search(
        f"{_STABLE}/logistic/norm/first-order", {**_RIDGE, "length": _PLANE["length"], "p": Axis(low=0, high=1)}, _norm
    ),
    _search(
        "recursive-stability/categorical-average/coupled",
        {**_LOOP, **_OMEGA, "n": Axis(low=2, high=60, integer=True, log=True)},
        _average,
    ),
    _search("generalization/high-probability-second-order", {**_LOOP, **_OMEGA, **_RIDGE, **_DELTA}, _gap),
    _search("generalization/categorical-ridge/second-order", {**_LOOP, **_OMEGA, **_RIDGE, **_DELTA}, _gap),
    _search("icl/mean-label/gap/expand", {**_LABELS, "lam": Axis(low=0, high=4)}, _labels),
    _search("icl/mean-label/gap/fixed", {**_LABELS, "alpha": Axis(low=0, high=1)}, _labels),
)
