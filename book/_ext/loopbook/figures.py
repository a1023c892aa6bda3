"""The small figure of a result: the formula over its most telling parameter, and what was measured."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bounds import Kind, Mode, Param, Result, Structure

from .blocks import sweep, telling, typical

CLAIMED, MEASURED = "#c8553d", "#1b6ca8"  # told apart with every common colour blindness, and by their marks
_NAMES = {
    Kind.UPPER: "upper bound",
    Kind.LOWER: "lower bound",
    Kind.EQUALITY: "claimed value",
    Kind.RATE: "claimed exponent",
}
_PLACE = (0.13, 0.15, 0.85, 0.76)  # left, bottom, width, height: a layout that is computed takes twice the time
_PLACE_OF_DESIGNS = (0.44, 0.15, 0.54, 0.7)
_LONGEST = 46  # characters beside an axis, half as many as above it


def draw(result: Result, row: dict[str, Any] | None) -> str | None:
    """Draw a result as SVG.

    Parameters
    ----------
    result : Result
    row : dict or None
        Its stored verdict, with curves.

    Returns
    -------
    str or None
        None for a result without a verdict and without a scalar parameter.
    """
    figure = Figure(figsize=(5.4, 3.0))
    axis = figure.add_axes(_PLACE)
    axis.tick_params(labelsize=8, which="both")
    if row is not None:
        _measured(axis, result, best(row["curves"]))
    elif (param := telling(result)) is not None:
        _formula_only(axis, result, param)
    else:
        return None
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": result.key}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def best(curves: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the curve with most points below one: there a bound says something."""
    return max(curves, key=lambda c: sum(b is not None and b < 1 for b in c["bound"]) + len(c["x"]) / 100)


def _floats(values: list[float | None]) -> Any:
    return np.array([np.nan if v is None else v for v in values])


def _measured(axis: Axes, result: Result, curve: dict[str, Any]) -> None:
    bound, value = _floats(curve["bound"]), _floats(curve["value"])
    low, high = (_floats(curve.get(side, curve["value"])) for side in ("lower", "upper"))
    low, high = np.where(np.isfinite(low), low, value), np.where(np.isfinite(high), high, value)
    name = _name(result, curve["replications"])
    if not curve["along"]:
        _designs(axis, curve["x"], bound, value, np.stack([value - low, high - value]), (_NAMES[result.kind], name))
        axis.set_xlabel(
            f"exponent of {_quantity(result)}" if result.kind is Kind.RATE else _quantity(result), fontsize=8
        )
        return
    x = np.array(curve["x"])
    axis.plot(x, bound, "s--", color=CLAIMED, lw=1.5, ms=5.5, mfc="none", label=_NAMES[result.kind])
    axis.plot(x, value, "o-", color=MEASURED, lw=1.2, ms=3.5, label=name)
    axis.fill_between(x, low, high, color=MEASURED, alpha=0.2, lw=0)
    axis.set_title(_cut(curve["design"], 2 * _LONGEST), fontsize=8)
    _finish(axis, result, curve["along"], x, np.concatenate([bound, value, high]))


def _name(result: Result, replications: int) -> str:
    if result.kind is Kind.RATE:
        return "measured exponent"
    if not replications:
        return "exact value"
    return "simulated quantile" if result.mode is Mode.HIGH_PROBABILITY else "simulated mean"


def _designs(axis: Axes, names: list[str], bound: Any, value: Any, reach: Any, labels: tuple[str, str]) -> None:
    """Draw one row per design."""
    axis.set_position(_PLACE_OF_DESIGNS)
    rows = np.arange(len(names))
    axis.plot(bound, rows, "|", color=CLAIMED, ms=9, mew=2.2, label=labels[0])
    axis.errorbar(value, rows, xerr=np.maximum(reach, 0), fmt="o", ms=4, color=MEASURED, label=labels[1])
    parts = [name.split(", ") for name in names]
    shared = [part for part in parts[0] if all(part in other for other in parts)] if len(parts) > 1 else []
    own = [", ".join(part for part in other if part not in shared) for other in parts]
    axis.set_yticks(rows, [_cut(name, _LONGEST) for name in own], fontsize=6)
    axis.set_title(_cut(", ".join(shared), 2 * _LONGEST), fontsize=7, pad=18, x=0)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.legend(fontsize=7, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def _formula_only(axis: Axes, result: Result, param: Param) -> None:
    arguments = typical(result)
    x = np.array(sweep(result, arguments, param), dtype=float)
    values = np.array([float(result(**arguments | {param.name: v})) for v in x])
    name = "rate, without its constant" if result.kind is Kind.RATE else _NAMES[result.kind]
    axis.plot(x, values, "s--", color=CLAIMED, lw=1.5, ms=5.5, mfc="none", label=name)
    others = [f"{name}={v:g}" for name, v in arguments.items() if name != param.name and _scalar(result, name)]
    axis.set_title(", ".join(others), fontsize=8)
    _finish(axis, result, param.name, x, values)


def _scalar(result: Result, name: str) -> bool:
    return any(p.name == name and p.structure is Structure.SCALAR for p in result.params)


def _finish(axis: Axes, result: Result, along: str, x: Any, values: Any) -> None:
    values = values[np.isfinite(values)]
    if values.min() > 0 and values.max() > 30 * values.min():
        axis.set_yscale("log")
    elif values.min() >= 0:
        axis.set_ylim(0, 1.12 * values.max() or 1)
    if x.min() > 0 and x.max() > 20 * x.min():
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter("")
    elif np.all(x % 1 == 0):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    meaning = next((p.meaning for p in result.params if p.name == along), "")
    meaning = "generation" if along == "i" else meaning
    axis.set_xlabel(_short(f"{along}: {meaning}" if meaning else along, 70), fontsize=8)
    axis.set_ylabel(_quantity(result), fontsize=8)
    axis.legend(fontsize=8, frameon=False)


def _quantity(result: Result) -> str:
    return _short(result.quantity.split(", in ")[0], 44)


def _short(text: str, most: int) -> str:
    """Return text without its end after a comma, colon or bracket, where it is long."""
    for mark in ("; ", " (", ", ", ": "):
        if len(text) > most and mark in text[8:]:
            text = text[: text.index(mark, 8)]
    return _cut(text, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
