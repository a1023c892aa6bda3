"""Random points of every result that the explorer evaluates in the browser, with the values that NumPy gives there."""

import json
import sys
from pathlib import Path

import numpy as np

import bounds
from bounds import CATALOGUE, Structure
from bounds.evaluate import check_arguments

BOOK = Path(__file__).resolve().parents[1] / "book"
sys.path.insert(0, str(BOOK / "_ext"))

from loopbook import explorer, javascript  # noqa: E402

TOLERANCE = 1e-9
ATTEMPTS = 400

COMPARE = """
JSON.stringify(Object.entries(points).map(([key, rows]) => rows.map(({ values }) => {
  const value = Loopbound.results.find((result) => result.key === key).value(values);
  return Number.isFinite(value) ? value : String(value);
})))
"""


def live():
    """Results that have a JavaScript form, in order."""
    found = []
    for result in CATALOGUE:
        try:
            javascript.function(result)
        except javascript.UnsupportedError:
            continue
        found.append(result)
    return found


def _draw(param, rng):
    if param.structure is Structure.SIMPLEX:
        weights = rng.dirichlet(np.full(rng.integers(2, 7), 0.7))
        return weights.tolist()
    if param.structure is not Structure.SCALAR:
        return [_draw_scalar(param, rng) for _ in range(4)]
    return _draw_scalar(param, rng)


def _draw_scalar(param, rng):
    """Draw from the range of the slider; at an end of it once in a while."""
    facts = explorer._param(param, param.typical[0])
    low, high = facts["from"], facts["to"]
    if rng.random() < 0.1:
        value = rng.choice([low, high])
    else:
        value = np.exp(rng.uniform(np.log(low), np.log(high))) if facts["log"] else rng.uniform(low, high)
    return round(value) if facts["integer"] else float(value)


def _point(result, rng):
    values = {param.name: _draw(param, rng) for param in result.params}
    for rule in result.conditions:
        names = {str(symbol) for symbol in rule.expr.free_symbols}
        if rule.integer:
            (fraction,) = names - {"n"}
            values[fraction] = round(values[fraction] * values["n"]) / values["n"]
        elif names == {"T", "i"}:
            values["T"] = values["T"] + values["i"]
    return values


def points(result, rng, count):
    """Return `count` points of a result that it accepts, each with NumPy's value."""
    found = []
    for _ in range(ATTEMPTS):
        values = _point(result, rng)
        try:
            check_arguments(result, values)
        except bounds.DomainError:
            continue
        found.append({"values": values, "value": float(result(**values))})
        if len(found) == count:
            return found
    raise AssertionError(f"{result.key}: no {count} points in {ATTEMPTS} attempts")


def all_points(seed, count, results):
    """Return points of results by their keys."""
    rng = np.random.default_rng(seed)
    return {result.key: points(result, rng, count) for result in results}


def disagreements(expected, found):
    """Return what differs by more than the tolerance; `found` is what COMPARE returns."""
    wrong = []
    for (key, rows), values in zip(expected.items(), json.loads(found), strict=True):
        for row, value in zip(rows, values, strict=True):
            reference = row["value"]
            if not np.isfinite(reference):
                same = value == {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[str(reference)]
            else:
                same = not isinstance(value, str) and abs(value - reference) <= TOLERANCE * abs(reference)
            if not same:
                wrong.append((key, row["values"], reference, value))
    return wrong
