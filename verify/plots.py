"""Figures: one per result, the bound and what was measured beneath (or above) it; bounds from both sides, by term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

import bounds
from bounds import Kind, Mode, Result

from .case import Array
from .checking import Curve
from .plots_style import BOUND, COLOURS, png
from .report import quantity_label
from .run import Verdict

if TYPE_CHECKING:
    from .sandwich import Sandwich
    from .stacked import Deviations, StackedTerms, TwoSides

_MOST_PANELS = 6
_MOST_LINES = 4
_KINDS = {
    Kind.UPPER: "upper bound",
    Kind.LOWER: "lower bound",
    Kind.EQUALITY: "claimed value",
}


def figure(verdict: Verdict) -> bytes:
    """Draw a verdict.

    Parameters
    ----------
    verdict : Verdict
        With at least one curve.

    Returns
    -------
    bytes
        A PNG image: a panel per design (at most six) over the generation, or one panel over the designs where
        nothing varies within a design; for a rate, one row per exponent.
    """
    result = bounds.get(verdict.key)
    if result.kind is Kind.RATE:
        return _exponents(verdict, result)
    varying = _spread([curve for curve in verdict.curves if _axis_of(curve) is not None])
    panels = max(1, len(varying))
    columns = min(3, panels)
    rows = -(-panels // columns)
    canvas = Figure(figsize=(4.2 * columns + 0.4, 3.1 * rows + 1.0), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(rows, columns, squeeze=False).ravel()
    for axis, curve in zip(axes, varying, strict=False):
        _draw_curve(axis, curve, result)
    if not varying:
        _draw_designs(axes[0], verdict, result)
    for axis in axes[panels:]:
        axis.set_visible(False)
    axes[0].legend(fontsize=7, frameon=False)
    canvas.suptitle(f"{result.key}: {verdict.outcome}", fontsize=11)
    canvas.supylabel(result.quantity, fontsize=8)
    return png(canvas)


def _exponents(verdict: Verdict, result: Result) -> bytes:
    rows = [(curve, point) for curve in verdict.curves for point in range(curve.bound.size)]
    names = [
        curve.label + (f", {along}={curve.parameters[along][point]:g}" if (along := _axis_of(curve)) else "")
        for curve, point in rows
    ]
    bound, value, low, high = (
        np.array([getattr(curve, name)[point] for curve, point in rows])
        for name in ("bound", "value", "lower", "upper")
    )
    canvas = Figure(figsize=(8.5, 0.2 * len(rows) + 1.4), layout="constrained")
    FigureCanvasAgg(canvas)
    axis, position = canvas.subplots(), np.arange(len(rows))
    reach = np.stack([np.maximum(value - low, 0), np.maximum(high - value, 0)])
    axis.plot(bound, position, "|", color=BOUND, ms=11, mew=2, label="claimed exponent, same sizes")
    known = np.where(np.isfinite(reach), reach, 0)
    axis.errorbar(value, position, xerr=known, fmt="o", ms=4, color=COLOURS[0], label="measured exponent")
    axis.set_yticks(position, names, fontsize=6)
    axis.invert_yaxis()
    axis.tick_params(axis="x", labelsize=7)
    axis.set_xlabel(quantity_label(result), fontsize=8)
    axis.legend(fontsize=7, frameon=False)
    canvas.suptitle(f"{result.key}: {verdict.outcome}", fontsize=11)
    return png(canvas)


def sandwich_figure(sandwich: Sandwich) -> bytes:
    """Draw kernel estimates between their bounds.

    Parameters
    ----------
    sandwich : Sandwich

    Returns
    -------
    bytes
        A PNG image: a panel per real fraction, three in a row, over the generation, on a logarithmic scale.
    """
    columns = min(3, sandwich.alpha.size)
    rows = -(-sandwich.alpha.size // columns)
    canvas = Figure(figsize=(3.4 * columns + 0.4, 2.9 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for row, (axis, alpha) in enumerate(zip(axes, sandwich.alpha, strict=False)):
        _draw_sandwich(axis, sandwich, row)
        axis.set_title(f"real fraction {alpha:g}", fontsize=9)
    for axis in axes[sandwich.alpha.size :]:
        axis.set_visible(False)
    axes[sandwich.alpha.size - 1].legend(fontsize=7, frameon=False, loc="upper right")
    canvas.suptitle(f"Kernel estimates of a normal distribution: n = {sandwich.n}, h = {sandwich.h:.3g} σ", fontsize=11)
    canvas.supxlabel("generation i", fontsize=9)
    canvas.supylabel("total variation from the real distribution", fontsize=9)
    return png(canvas)


def _draw_sandwich(axis: Axes, sandwich: Sandwich, row: int) -> None:
    i = sandwich.generation
    axis.plot(i, sandwich.triangle[row], ":", color="0.45", lw=1.6, label="triangle bound")
    axis.plot(i, sandwich.sharp[row], "--", color=BOUND, lw=1.6, label="sharp bound")
    axis.fill_between(i, sandwich.low[row], sandwich.high[row], color=COLOURS[0], alpha=0.35, lw=0)
    axis.plot(
        i, sandwich.mean[row], "o-", color=COLOURS[0], ms=2, lw=0.7, label="simulated mean, asymptotic 99.9 % band"
    )
    axis.plot(i, sandwich.lower[row], "-.", color=COLOURS[2], lw=1.6, label="lower bound")
    axis.axhline(1, color="0.6", lw=0.8)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.tick_params(labelsize=7, which="both")


def gap_figure(stacked: StackedTerms, sides: TwoSides, deviations: Deviations) -> bytes:
    """Draw bounds on the gap of a learner in the loop, and the gap.

    Parameters
    ----------
    stacked : StackedTerms
    sides : TwoSides
    deviations : Deviations

    Returns
    -------
    bytes
        A PNG image of three panels: terms as stacked bands over the generation; both sides of the expected gap, and
        bounds with high probability, over the sample size.
    """
    canvas = Figure(figsize=(13.2, 4.2), layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.subplots(1, 3)
    _draw_stacked(axes[0], stacked)
    _draw_sides(axes[1], sides)
    _draw_deviations(axes[2], deviations)
    for axis in axes:
        axis.tick_params(labelsize=7, which="both")
        axis.legend(fontsize=7, frameon=False)
    canvas.suptitle("Gap of ridge regression in the loop: real risk minus training error", fontsize=11)
    canvas.supylabel("in the unit of the loss", fontsize=8)
    return png(canvas)


def _draw_stacked(axis: Axes, stacked: StackedTerms) -> None:
    names = list(stacked.terms)
    axis.stackplot(
        stacked.generation, *stacked.terms.values(), labels=names, colors=(COLOURS[1], COLOURS[3], "#e3a08f"), lw=0
    )
    axis.plot(stacked.generation, stacked.bound, "--", color=BOUND, lw=1.6, label="bound: their sum")
    axis.plot(stacked.generation, stacked.gap, "o-", color=COLOURS[0], ms=3, lw=1.2, label="exact |E gap|")
    axis.set_ylim(0, 1.35 * stacked.bound.max())
    axis.set_xlabel("generation i", fontsize=8)
    axis.set_title(f"Three terms: {stacked.label}", fontsize=8)


def _draw_sides(axis: Axes, sides: TwoSides) -> None:
    axis.plot(sides.sizes, sides.three_terms, "--", color=BOUND, lw=1.6, label="three terms")
    axis.fill_between(sides.sizes, sides.lower, sides.upper, color=COLOURS[2], alpha=0.3, lw=0, label="second order")
    axis.plot(sides.sizes, sides.gap, "o-", color=COLOURS[0], ms=3, lw=1.2, label="exact E gap")
    axis.set(xscale="log", yscale="log")
    axis.set_xlabel("sample size n", fontsize=8)
    axis.set_title(f"Two sides: {sides.label}", fontsize=8)


def _draw_deviations(axis: Axes, deviations: Deviations) -> None:
    colours = (BOUND, COLOURS[1], COLOURS[2])
    for (name, values), style, colour in zip(deviations.forms.items(), ("--", ":", "-."), colours, strict=True):
        axis.plot(deviations.sizes, values, style, color=colour, lw=1.6, label=name)
    axis.plot(
        deviations.measured_sizes, deviations.quantile, "o-", color=COLOURS[0], ms=3, lw=1.2, label="exact quantile"
    )
    axis.axhline(deviations.length, color="0.6", lw=0.8)
    axis.text(deviations.sizes[-1], deviations.length, "range of the loss ", fontsize=7, ha="right", va="bottom")
    axis.set(xscale="log", yscale="log")
    axis.set_xlabel("sample size n", fontsize=8)
    axis.set_title(f"With probability {1 - deviations.delta:g}: {deviations.label}", fontsize=8)


def _spread(curves: list[Curve]) -> list[Curve]:
    """Take at most six curves, from the first to the last."""
    if len(curves) <= _MOST_PANELS:
        return curves
    return [curves[i] for i in np.linspace(0, len(curves) - 1, _MOST_PANELS).round().astype(int)]


def _axis_of(curve: Curve) -> str | None:
    """Name the parameter to draw along: the generation if it varies, else any other that does."""
    names = sorted(curve.parameters, key=lambda name: name != "i")
    return next((name for name in names if np.unique(curve.parameters[name]).size > 1), None)


def _lines(curve: Curve, along: str) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Split the points of a curve into lines along one parameter, at most four of them."""
    others = [name for name, v in curve.parameters.items() if name != along and np.unique(v).size > 1]
    if not others:
        yield "", np.arange(curve.bound.size)
        return
    keys = np.stack([curve.parameters[name] for name in others], axis=1)
    distinct = np.unique(keys, axis=0)
    for index in np.unique(np.linspace(0, len(distinct) - 1, _MOST_LINES).round().astype(int)):
        text = ", ".join(f"{name}={value:.4g}" for name, value in zip(others, distinct[index], strict=True))
        yield text, np.flatnonzero((keys == distinct[index]).all(axis=1))


def _measured(curve: Curve, result: Result) -> str:
    if result.mode is Mode.HIGH_PROBABILITY:
        return "simulated 1 − δ quantile"
    return "exact value" if curve.replications == 0 else "simulated mean"


def _draw_curve(axis: Axes, curve: Curve, result: Result) -> None:
    along = _axis_of(curve)
    assert along is not None
    lines = list(_lines(curve, along))
    for colour, (text, points) in zip(COLOURS, lines, strict=False):
        x = curve.parameters[along][points]
        order = np.argsort(x)
        x, points = x[order], points[order]
        suffix = f", {text}" if text else ""
        claimed = BOUND if len(lines) == 1 else colour
        axis.plot(x, curve.bound[points], "--", color=claimed, lw=1.6, label=_KINDS[result.kind] + suffix)
        axis.plot(x, curve.value[points], "o-", color=colour, ms=3, lw=1, label=_measured(curve, result))
        low, high = _band(curve, points)
        axis.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
    axis.set_title(curve.label, fontsize=7)
    if curve.vacuous.any():
        axis.axhline(1, color="0.6", lw=0.8, ls=":", label="trivial bound")
    axis.set_xlabel("generation i" if along == "i" else along, fontsize=8)
    axis.tick_params(labelsize=7, which="both")
    if np.all(curve.parameters[along] % 1 == 0):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if np.all(curve.value > 0) and curve.value.max() > 30 * curve.value.min():
        axis.set_yscale("log")


def _band(curve: Curve, points: NDArray[np.intp]) -> tuple[Array, Array]:
    """Confidence limits, drawn no wider than the data's own scale where a limit is infinite."""
    low, high = curve.lower[points], curve.upper[points]
    return np.where(np.isfinite(low), low, curve.value[points]), np.where(np.isfinite(high), high, curve.value[points])


def _draw_designs(axis: Axes, verdict: Verdict, result: Result) -> None:
    """One column per design: for results whose parameters are vectors, or that were checked at single points."""
    position = np.arange(len(verdict.curves))
    bound, value, low, high = (
        np.array([float(getattr(curve, name)[0]) for curve in verdict.curves])
        for name in ("bound", "value", "lower", "upper")
    )
    axis.plot(position, bound, "_", color=BOUND, ms=16, mew=2, label=_KINDS[result.kind])
    height = np.stack([np.maximum(value - low, 0), np.maximum(high - value, 0)])
    axis.errorbar(
        position,
        value,
        np.where(np.isfinite(height), height, 0),
        fmt="o",
        ms=4,
        color=COLOURS[0],
        label=_measured(verdict.curves[0], result),
    )
    axis.set_xticks(position, [curve.label for curve in verdict.curves], rotation=75, fontsize=5)
    axis.tick_params(axis="y", labelsize=7)
    axis.set_ylim(bottom=0 if min(value.min(), bound.min()) >= 0 else None)
