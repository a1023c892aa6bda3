"""A data plan in words and numbers."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

import bounds

from .planner_answers import DataPlan, Question, Row
from .planner_models import WHOLE_COUNTS
from .planner_search import LARGEST_LAM, MOST_POINTS, Choice

_WIDTH = 110
_MODELS = {
    "discrete": "Discrete model",
    "gaussian": "Gaussian model",
    "kde": "Kernel density estimation of a normal distribution",
}


def words(plan: DataPlan) -> str:
    """Return the plan as text: the question, a table, and an answer to each part of the question.

    Parameters
    ----------
    plan : DataPlan

    Returns
    -------
    str
        Ends with a newline.
    """
    sections = (
        ("", _question(plan.question)),
        ("ANSWER", _wrapped(_answer(plan))),
        ("EVERY SCHEDULE", [*_table(plan), *_wrapped(_legend(plan.question))]),
        ("WHAT ACCUMULATING BUYS", _wrapped(_accumulating(plan))),
        ("CHEAPEST IN REAL DATA", _wrapped(_cheapest(plan))),
        ("WHAT CANNOT BE GUARANTEED", _wrapped(_limits(plan))),
        ("GUARANTEED BY", _wrapped(_sources(plan))),
    )
    blocks = ["\n".join(([title] if title else []) + list(lines)) for title, lines in sections]
    return "\n\n".join(blocks) + "\n"


def _wrapped(lines: Iterable[str]) -> list[str]:
    return [textwrap.fill(line, _WIDTH, subsequent_indent="  ", break_on_hyphens=False) for line in lines]


def count(number: float) -> str:
    """Return a number of points with separators, to the nearest whole one."""
    return f"{round(number):,}"


def share(value: float) -> str:
    """Return a fraction with six digits, rounded upwards: a smallest one that is still enough."""
    digits = 6 - math.ceil(math.log10(value)) if value > 0 else 0
    return f"{min(math.ceil(value * 10**digits - 1e-9) / 10**digits, 1):.6g}"


def _tv(value: float) -> str:
    if value >= 1:
        return "above 1"
    return f"{value:.4f}" if value >= 0.001 else f"{value:.3g}"


def _question(question: Question) -> list[str]:
    setting = question.setting
    size = ", ".join(
        f"{name} = {value:,.6g}" if isinstance(value, float) else f"{name} = {value:,}"
        for name, value in setting.values.items()
        if name != "p"
    )
    sense = "on average"
    if setting.delta is not None:
        sense = f"with probability at least {1 - setting.delta:g}"
    source = [f"Real distribution: {setting.source}"] if setting.source else []
    return [
        f"How much real data does a loop need? {_MODELS[setting.model]}, {size}.",
        *source,
        f"Wanted: TV(P_i, P) <= {question.target:g} {sense}, after i = {question.generations} generations.",
        f"Given: {count(question.real)} real points; generations of n = {count(question.n)} points.",
    ]


def _answer(plan: DataPlan) -> list[str]:
    best, question = plan.best, plan.question
    if best is None:
        return [f"No schedule guarantees the target with up to {MOST_POINTS:,} points per generation."]
    enough = (
        f"You have {count(question.real)}: enough."
        if plan.affordable
        else f"You have {count(question.real)}: {count(best.real - question.real)} too few, and every other plan below "
        "needs more."
    )
    alone = (
        ""
        if plan.alone is None
        else (f"Without a loop, trained on real data once, {count(plan.alone)} real points guarantee it.")
    )
    bandwidth = "" if best.bandwidth is None else f" with bandwidth h = {best.bandwidth:.4g}"
    return [
        f"{_plan_words(best)}{bandwidth} guarantees TV <= {_tv(best.guaranteed)} with {_real(best)} real points.",
        enough,
        alone,
    ]


def _plan_words(choice: Choice) -> str:
    n = count(choice.n)
    return {
        "replace": f"replace (each generation trained on {n} points of the last one)",
        "accumulate": f"accumulate ({n} real points, all kept, and {n} points of every generation)",
        "subsample": f"subsample (n = {n} points drawn from the real data and all generations alike)",
        "expand": f"expand ({n} real points, all kept, and lam = {choice.dose:g} synthetic points for each)",
    }.get(
        choice.schedule,
        f"{choice.schedule} (n = {n} points per generation, {count(choice.dose * choice.n)} of them real"
        f"{' on average' if choice.schedule == 'fresh' else ''}: alpha = {share(choice.dose)})",
    )


def _real(choice: Choice) -> str:
    return count(choice.real) + (" (on average)" if choice.schedule in ("fresh", "subsample") else "")


def _table(plan: DataPlan) -> list[str]:
    header = ("schedule", "TV without", "smallest alpha", "TV then", "real points", "or n at least", "cheapest plan")
    rows = [header] + [
        (
            row.schedule,
            _tv(row.without),
            _fraction(row, plan.question.n),
            _tv(row.guaranteed),
            count(row.real),
            "none" if row.smallest_n is None else count(row.smallest_n),
            "none" if row.cheapest is None else _short(row.cheapest),
        )
        for row in plan.rows
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return lines


def _legend(question: Question) -> list[str]:
    return [
        f"TV without: guaranteed with n = {count(question.n)} and no real data after generation 1 but what the "
        f"schedule keeps (expand: lam = {question.lam:g}).",
        "Smallest alpha: the smallest real fraction of generations 2 and later that meets the target; TV then and "
        "real points (in all generations) go with it.",
        "Or n at least: points per generation that meet the target without such a fraction. "
        f"Cheapest plan: fewest real points, alpha <= {question.most_real:g}.",
    ]


def _fraction(row: Row, n: int) -> str:
    if row.dose == "lam":
        return _lam_words(row) if row.lam else "no lam does"
    if row.dose == "":
        return "not needed" if row.meets else "does not meet it"
    if not row.meets:
        return "even 1 is too little"
    if row.fraction == 0:
        return "0: already without"
    return f"{row.fraction * n:,.0f}/{n:,}" if row.schedule in WHOLE_COUNTS else share(row.fraction)


def _lam_words(row: Row) -> str:
    if row.lam[0][1] >= LARGEST_LAM:
        return "any lam"
    return " or ".join(f"lam <= {b:.6g}" if a == 0 else f"lam >= {a:.6g}" for a, b in row.lam)


def _short(choice: Choice) -> str:
    dose = {"alpha": f", alpha = {share(choice.dose)}", "lam": f", lam = {choice.dose:g}"}
    return f"{_real(choice)} real: n = {count(choice.n)}" + dose.get(_dose(choice), "")


def _dose(choice: Choice) -> str:
    if choice.schedule == "expand":
        return "lam"
    return "alpha" if choice.schedule in ("fresh", "stratified", "fixed") else ""


def _accumulating(plan: DataPlan) -> list[str]:
    rows = {row.schedule: row for row in plan.rows}
    if "replace" not in rows or "accumulate" not in rows:
        return ["No result for accumulating in this model."]
    kept, replaced = rows["accumulate"], rows["replace"]
    n = count(plan.question.n)
    lines = [f"With n = {n}: TV <= {_tv(kept.without)}; replacing guarantees nothing."]
    if replaced.without < 1:
        gain = f"{replaced.without / kept.without:.3g} times less"
        lines = [f"With n = {n}: TV <= {_tv(kept.without)} instead of {_tv(replaced.without)}, {gain}."]
    if kept.smallest_n is not None and replaced.smallest_n is not None:
        lines.append(
            f"For the target: n = {count(kept.smallest_n)} instead of {count(replaced.smallest_n)}, "
            f"{replaced.smallest_n / kept.smallest_n:.3g} times fewer points per generation."
        )
    g = plan.question.generations
    return [*lines, f"It costs computing: generation {g} is trained on {g} n points instead of n."]


def _cheapest(plan: DataPlan) -> list[str]:
    choices = sorted((row.cheapest for row in plan.rows if row.cheapest is not None), key=lambda c: c.real)
    if not choices:
        return ["No schedule meets the target."]
    real = plan.question.real
    return [
        f"{k}. {_plan_words(choice)}: {_real(choice)} real points"
        + ("" if choice.real <= real else f", {count(choice.real - real)} more than there are")
        for k, choice in enumerate(choices, 1)
    ]


def _limits(plan: DataPlan) -> list[str]:
    question = plan.question
    lines = []
    for row in plan.rows:
        if row.meets:
            continue
        what = _failure(row)
        if row.impossible:
            what += f"; and the target cannot be met: {row.impossible} is above it"
        elif row.exact:
            what += "; and this is its exact value: the target is missed"
        else:
            what += "; the loop itself may do better than this bound"
        lines.append(f"{row.schedule}, n = {count(question.n)}: {what}.")
    for row in plan.rows:
        if row.meets and row.real > question.real:
            taking = f"alpha = {share(row.fraction)} takes" if row.dose == "alpha" else "takes"
            lines.append(
                f"{row.schedule}, n = {count(question.n)}: {taking} {count(row.real)} real "
                f"points, {count(row.real - question.real)} more than there are; see its cheapest plan."
            )
    lines += [f"{schedule}: no result for the {question.setting.model} model." for schedule in plan.missing]
    return lines or ["Everything asked for is guaranteed by every schedule, at the real fractions above."]


def _failure(row: Row) -> str:
    if row.dose == "alpha":
        return f"no real fraction suffices, even alpha = 1 gives {_tv(row.guaranteed)}"
    if row.dose == "lam":
        return "no number of synthetic points suffices, not even none"
    return f"gives {_tv(row.without)}"


def result_keys(plan: DataPlan) -> Sequence[str]:
    """Return the keys of all results that the plan uses, or that forbid the target."""
    used = [row.result for row in plan.rows] + [row.cheapest.result for row in plan.rows if row.cheapest]
    return list(dict.fromkeys(used + [row.impossible for row in plan.rows if row.impossible]))


def _sources(plan: DataPlan) -> Iterable[str]:
    keys = result_keys(plan)
    texts = {key: {a.key: a.text for a in bounds.get(key).assumptions} for key in keys}
    shared = {k: text for k, text in texts[keys[0]].items() if all(k in of for of in texts.values())}
    yield from (f"All: {text}." for text in shared.values())
    for key in keys:
        own = "; ".join(text for name, text in texts[key].items() if name not in shared)
        yield f"{key} ({bounds.get(key).kind}): {own or 'nothing else'}."
