"""The picture of a data plan: every schedule's guarantee over the generations, and the target."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .planner_answers import DataPlan, Row
from .planner_models import Array, guarantees
from .plots_style import png

_COLOURS = {
    "replace": "#c8553d",
    "fresh": "#1b6ca8",
    "stratified": "#6fa8d6",
    "fixed": "#333333",
    "accumulate": "#3f8f4f",
    "subsample": "#9aa83f",
    "expand": "#b8860b",
}
_MOST_POINTS = 200
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 1}


def picture(plan: DataPlan) -> bytes:
    """Draw a plan.

    Parameters
    ----------
    plan : DataPlan

    Returns
    -------
    bytes
        A PNG image with two panels: the guaranteed TV over the generations with the points there are, the target as
        a line; and the real points of the cheapest plan of every schedule.
    """
    canvas = Figure(figsize=(10.5, 4.4), layout="constrained")
    FigureCanvasAgg(canvas)
    left, right = canvas.subplots(1, 2, width_ratios=(3, 2))
    _draw_bounds(left, plan)
    _draw_costs(right, plan)
    return png(canvas, dpi=120)


def curves(plan: DataPlan) -> tuple[Array, dict[str, Array]]:
    """Return generations, and the guaranteed TV of every schedule there at the dose recommended for n points.

    Parameters
    ----------
    plan : DataPlan
    """
    question = plan.question
    last = question.generations
    at = np.unique(np.linspace(1, last, min(last, _MOST_POINTS)).round().astype(np.int64))
    found = guarantees(question.setting)
    values = {}
    for row in plan.rows:
        bound = found[row.schedule]
        assert bound is not None
        values[row.schedule] = bound(question.n, _dose(row, plan), at, last)
    return at.astype(float), values


def _dose(row: Row, plan: DataPlan) -> float:
    if row.dose == "lam":
        return max(1, round(plan.question.lam * plan.question.n)) / plan.question.n
    return row.fraction


def _label(row: Row, plan: DataPlan) -> str:
    if row.dose == "lam":
        return f"{row.schedule}, lam = {_dose(row, plan):.3g}"
    if row.dose == "alpha":
        return f"{row.schedule}, alpha = {row.fraction:.3g}"
    return row.schedule


def _draw_bounds(axis: Axes, plan: DataPlan) -> None:
    """Schedules with the same curve share one line and one label."""
    at, values = curves(plan)
    groups: list[list[Row]] = []
    for row in plan.rows:
        same = next((g for g in groups if np.allclose(values[g[0].schedule], values[row.schedule], rtol=5e-3)), None)
        groups.append([row]) if same is None else same.append(row)
    for rows in groups:
        label = " / ".join(_label(row, plan) for row in rows)
        name = rows[0].schedule
        marker = "o-" if at.size <= 30 else "-"
        axis.plot(at, values[name], marker, ms=3, lw=1.5, color=_COLOURS[name], label=label)
    question = plan.question
    axis.axhline(question.target, color="0.2", lw=1.2, ls="--", label=f"target {question.target:g}")
    top = max(float(v.max()) for v in values.values())
    axis.set_ylim(0, 1.35 * max(question.target, min(top, 1)))  # the legend is above the curves
    axis.set_xlabel("generation")
    axis.set_ylabel("guaranteed total variation")
    axis.set_title(f"Guarantees with n = {question.n:,} points per generation", fontsize=10)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=7, frameon=False, ncols=2, loc="upper left")


def _draw_costs(axis: Axes, plan: DataPlan) -> None:
    """Bars on a logarithmic scale, the cheapest on top."""
    choices = sorted((row.cheapest for row in plan.rows if row.cheapest is not None), key=lambda c: -c.real)
    real = plan.question.real
    axis.barh(
        [c.schedule for c in choices],
        [c.real for c in choices],
        color=[_COLOURS[c.schedule] for c in choices],
        height=0.6,
    )
    axis.axvline(real, color="0.2", lw=1.2, ls="--", label=f"there are {real:,}", zorder=0)
    largest = max([c.real for c in choices] + [real])
    axis.set_xscale("log")
    axis.set_xlim(min([c.real for c in choices] + [real]) / 3, largest * 6)
    for place, choice in enumerate(choices):
        axis.text(choice.real * 1.1, place, f"{choice.real:,.0f}", va="center", fontsize=7, bbox=_PAPER)
    axis.set_title("Cheapest plan of every schedule", fontsize=10)
    axis.set_ylim(-0.6, len(choices) + 0.4)
    axis.legend(fontsize=7, frameon=False, loc="upper right")
    axis.set_xlabel("real points in all generations")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x < 1e5 else f"{x:.0e}"))
    axis.tick_params(labelsize=8)
