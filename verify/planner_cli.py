"""The command `loopbound plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .commands import fail
from .grammar import GrammarError, Number, parse_number

if TYPE_CHECKING:
    from .planner_answers import DataPlan


class _Number(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A number of the grammar: 1000, 0.1, 1/4, 1e6 or 2**20; whole ones only where they count something."""

    def __init__(self, whole: bool) -> None:
        self.whole, self.name = whole, "count" if whole else "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Number:
        """Read the text; anything else is a usage error."""
        try:
            number = parse_number(str(value))
        except GrammarError as error:
            self.fail(str(error), param, ctx)
        if self.whole and number != int(number):
            self.fail(f"{value}: allowed: a whole number", param, ctx)
        return int(number) if self.whole else number


_COUNT, _NUMBER = _Number(whole=True), _Number(whole=False)


@click.command()
@click.option("--model", type=click.Choice(("discrete", "gaussian", "kde")), default="discrete", show_default=True)
@click.option("--K", "K", type=_COUNT, default=None, help="Atoms of the discrete model.")
@click.option("--d", "d", type=_COUNT, default=None, help="Dimension of the Gaussian model.  [default: 1]")
@click.option("--h", "h", type=_NUMBER, default=None, help="Bandwidth of kernel estimates.  [default: nearly the best]")
@click.option("--real", type=_COUNT, default=None, help="Real points there are, 1e6 for a million.")
@click.option("--n", "n", type=_COUNT, default=None, help="Points per generation.  [default: the real points]")
@click.option("--generations", type=_COUNT, required=True, help="Generations of the loop.")
@click.option("--target-tv", "target", type=_NUMBER, required=True, help="Largest total variation of the last one.")
@click.option("--delta", type=_NUMBER, default=None, help="Guarantee with probability 1 - delta, not on average.")
@click.option("--lam", type=_NUMBER, default=1, show_default=True, help="Synthetic per real point, for expand.")
@click.option(
    "--most-real", type=_NUMBER, default=0.5, show_default=True, help="Largest real fraction in the cheapest plans."
)
@click.option("--data", type=click.Path(), default=None, help="Take K, p and the real points from this file.")
@click.option("--column", default=None, help="Column of a CSV or TSV file; a text file gives its tokens.")
@click.option("--check", is_flag=True, help="Simulate the recommended plan.")
@click.option("--seed", type=_COUNT, default=0, show_default=True, help="Of the simulation.")
@click.option("--json", "as_json", is_flag=True, help="Every number as JSON.")
@click.option("--out", type=click.Path(), default=None, help="Draw the guarantees into this PNG file.")
def plan(check: bool, seed: int, as_json: bool, out: str | None, **asked: Any) -> None:
    """Answer how much real data a self-consuming loop needs.

    For every schedule: the guaranteed total variation, the smallest real fraction or the smallest generation that
    meets the target, and the cheapest plan in real data; each with the result that guarantees it.

    Example: loopbound plan --K 50000 --real 1e6 --generations 10 --target-tv 0.1 --out plan.png
    """
    if out is not None and Path(out).suffix.lower() != ".png":
        fail(f"--out {out}: allowed: a file that ends in .png")
    answer = _answer(asked)
    checked = _checked(answer, seed) if check else None
    if out is not None:
        _draw(answer, out)
    if as_json:
        from .planner_json import as_json as write

        measured = {} if checked is None else {"check": {**vars(checked), "choice": vars(checked.choice)}}
        click.echo(write(answer, **measured), nl=False)
    else:
        click.echo(answer.text, nl=False)
        if checked is not None:
            click.echo(f"\nCHECKED\n{checked.text}")
        if out is not None:
            click.echo(f"\nwrote {out}")


def _answer(asked: dict[str, Any]) -> DataPlan:
    import sim

    from .planner import PlanError, plan, plan_from_file

    model, data, column = asked.pop("model"), asked.pop("data"), asked.pop("column")
    _consistent(model, data, column, asked)
    given = {name: value for name, value in asked.items() if value is not None}
    for name in ("target", "delta", "lam", "most_real", "h"):
        if name in given:
            given[name] = float(given[name])
    try:
        return plan(model, **given) if data is None else plan_from_file(model, data, column, **given)
    except PlanError as error:
        fail(f"--{error}")
    except (sim.DataError, OverflowError) as error:
        fail(str(error))


def _consistent(model: str, data: str | None, column: str | None, asked: dict[str, Any]) -> None:
    """Refuse options that contradict each other."""
    if data is None and column is not None:
        fail("--column needs --data")
    if data is None and asked["real"] is None:
        fail("--real missing: allowed: the number of real points, such as 1e6, or --data FILE")
    if data is not None and asked["K"] is not None:
        fail("--K and --data: allowed: one of them (K is the number of distinct values of the file)")
    if model != "discrete" and asked["K"] is not None:
        fail("--K: allowed: only with --model discrete")
    if model != "gaussian" and asked["d"] is not None:
        fail("--d: allowed: only with --model gaussian")
    if model != "kde" and asked["h"] is not None:
        fail("--h: allowed: only with --model kde")
    if data is not None and asked["d"] not in (None, 1):
        fail("--d and --data: allowed: one of them (a column has d = 1)")


def _checked(answer: DataPlan, seed: int) -> Any:
    from sim import SimulationError

    from .planner import PlanError
    from .planner_check import check_plan

    try:
        return check_plan(answer, seed)
    except PlanError as error:
        fail(f"--{error}")
    except SimulationError as error:
        fail(str(error))


def _draw(answer: DataPlan, out: str) -> None:
    from .planner_plot import picture

    try:
        Path(out).write_bytes(picture(answer))
    except OSError as error:
        fail(f"--out {out}: {error.strerror}")
