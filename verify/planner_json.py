"""A data plan as JSON."""

from __future__ import annotations

import json
from typing import Any

import bounds

from .planner_answers import DataPlan, Row
from .planner_report import result_keys


def as_json(plan: DataPlan, **more: Any) -> str:
    """Return every number of the plan as JSON, with the assumptions of each result used.

    Parameters
    ----------
    plan : DataPlan
    **more
        Further members of the object.
    """
    question, setting = plan.question, plan.question.setting
    asked = {
        "model": setting.model,
        **{name: value for name, value in setting.values.items() if name != "p"},
        "delta": setting.delta,
        "data": setting.source or None,
        "target_tv": question.target,
        "generations": question.generations,
        "n": question.n,
        "real": question.real,
        "lam": question.lam,
        "most_real": question.most_real,
    }
    results = {key: {a.key: a.text for a in bounds.get(key).assumptions} for key in result_keys(plan)}
    whole = {
        "question": asked,
        "schedules": [_row_object(row) for row in plan.rows],
        "no_result": list(plan.missing),
        "cheapest": None if plan.best is None else vars(plan.best),
        "without_a_loop": plan.alone,
        "affordable": plan.affordable,
        "assumptions": results,
        **more,
    }
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def _row_object(row: Row) -> dict[str, Any]:
    cheapest = None if row.cheapest is None else vars(row.cheapest)
    return {**vars(row), "lam": [list(interval) for interval in row.lam], "cheapest": cheapest}
