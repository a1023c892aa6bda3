"""`loopbound verify --data`: real distributions from users' files, from pixels to skewed and to very many values."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from verify import cli, laboratory
from verify.run import DEFAULT_SETTING, cases_of
from verify.settings import setting_from_file

Verify = Callable[..., tuple[int, list[str], list[dict[str, object]]]]


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Verify:
    """Run `loopbound verify --data` in this process: exit status, lines printed, rows of the summary."""

    def call(data: Path, *words: str) -> tuple[int, list[str], list[dict[str, object]]]:
        out = tmp_path / "out"
        line = ["verify", "--data", str(data), "--out", str(out), "--workers", "1", *words]
        monkeypatch.setattr("sys.argv", ["loopbound", *line])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert printed.err == ""
        rows = json.loads((out / "summary.json").read_text())["results"]
        return int(ended.value.code or 0), printed.out.splitlines(), rows

    return call


def table(path: Path, values: Iterable[object], column: str = "c") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[column], *([value] for value in values)])
    return path


def zipf(distinct: int, rows: int) -> list[int]:
    weights = 1 / np.arange(1.0, distinct + 1)
    drawn = np.random.default_rng(1).choice(distinct, rows - distinct, p=weights / weights.sum())
    return [*range(distinct), *drawn.tolist()]


def test_pixels_of_digits(verify: Verify, tmp_path: Path) -> None:
    pixels = load_digits().data.astype(int).ravel()[:20_000]
    data = table(tmp_path / "pixels.csv", pixels, "pixel")
    patterns = ("tv/discrete/fixed", "tv/discrete-instance/*", "discrete/diversity/fresh", "gaussian/w2", "tv/hp/fresh")
    status, lines, rows = verify(data, "--column", "pixel", "--quick", *patterns)
    assert lines[0].startswith("real distribution: ")
    assert "pixels.csv" in lines[0]
    assert "20000 values, 17 distinct; Gaussian cases: mean " in lines[0]
    assert f"mean {pixels.mean():.6g}, standard deviation {pixels.std(ddof=1):.6g}" in lines[0]
    assert [row["outcome"] for row in rows] == ["HOLDS"] * len(rows)
    assert len(rows) == 13
    assert status == 0


def test_tokens_of_a_text(verify: Verify, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("the cat and the dog and the bird\nsaw the other cat\n" * 30, encoding="utf-8")
    status, lines, rows = verify(words, "--quick", "tv/discrete-instance/fresh", "gaussian/std-collapse")
    assert lines[0].endswith("360 values, 7 distinct; Gaussian cases: standard normal ('the' is not a number)")
    assert [row["outcome"] for row in rows] == ["HOLDS"] * len(rows)
    assert status == 0


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("even", ["yes", "no"] * 500),
        ("thousandth", ["yes"] * 9990 + ["no"] * 10),
        ("many", zipf(5000, 100_000)),
    ],
)
def test_extreme_frequencies_are_decided(verify: Verify, tmp_path: Path, name: str, values: list[object]) -> None:
    patterns = ("tv/discrete-exact/first", "tv/discrete/weighted", "tv/discrete/fixed", "discrete/variance/fresh")
    status, _, rows = verify(table(tmp_path / f"{name}.csv", values), "--quick", *patterns)
    assert [(row["key"], row["outcome"]) for row in rows if row["outcome"] != "HOLDS"] == []
    assert all(float(str(row["seconds"])) < 20 for row in rows)
    assert status == 0


@pytest.mark.parametrize(("mean", "sigma"), [(0.0, 1e12), (3.0, 1e-9), (-1e12, 1.0)])
def test_extreme_units_do_not_matter(verify: Verify, tmp_path: Path, mean: float, sigma: float) -> None:
    numbers = np.random.default_rng(2).normal(mean, sigma, 500)
    patterns = ("gaussian/w2", "gaussian/golden-ratio", "kde/bias", "kde/variance/line", "tv/kde-sharp/replace")
    data = table(tmp_path / "numbers.csv", map(repr, numbers.tolist()))
    status, lines, rows = verify(data, "--quick", *patterns, "tv/kde-line-tuned/fresh")
    assert f"Gaussian cases: mean {numbers.mean():.6g}" in lines[0]
    assert [row["outcome"] for row in rows] == ["HOLDS"] * len(rows)
    assert status == 0


def test_a_setting_reaches_the_simulated_model(tmp_path: Path) -> None:
    setting = setting_from_file(table(tmp_path / "four.csv", ["1", "2", "2", "7"]), "c")
    assert setting.discrete == {"c": (0.25, 0.5, 0.25)}
    assert (setting.mean, setting.sigma) == (3.0, np.std([1, 2, 2, 7], ddof=1))
    import bounds

    (case,) = [c for c in cases_of(bounds.get("tv/discrete-instance/fresh")) if c.name == "exact"]
    assert all(design.values["p"] == (0.25, 0.5, 0.25) for design in case.designs(setting))
    unnamed = setting_from_file(tmp_path / "four.csv")
    assert list(unnamed.discrete.values()) == [(0.25, 0.5, 0.25)]


def test_where_the_exact_law_costs_too_much_the_loop_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    import bounds
    from verify.case import Bounded, Exact

    (case,) = [c for c in cases_of(bounds.get("tv/discrete/fresh")) if c.name == "exact"]
    assert all(isinstance(d.evidence, Exact) for d in case.designs(DEFAULT_SETTING))
    monkeypatch.setattr(laboratory, "LARGEST_EXACT", 0.0)
    assert all(isinstance(d.evidence, Bounded) for d in case.designs(DEFAULT_SETTING))


def test_rare_events_get_more_draws_and_wider_margins() -> None:
    import bounds

    first = bounds.get("tv/discrete-exact/first")
    assert laboratory.enlarged(100, (0.5, 0.5)) == 100
    assert laboratory.enlarged(100, (0.999, 0.001)) == 8000
    assert laboratory.enlarged(100, (1 - 1e-9, 1e-9)) == 10_000
    found = [
        laboratory.margin_for(first, {"n": 300, "p": (1 - q, q)}, 1 / 300, (1 - q, q)) for q in (0.5, 1e-2, 1e-3, 1e-4)
    ]
    assert found[0] == 0.02
    assert found == sorted(found)
    assert found[-1] > found[0]
