"""What a run leaves behind: netCDF curves, figures, a JSON summary; whole files or none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray
from matplotlib import image

import bounds
from verify import plots, report
from verify.checking import Curve
from verify.evidence import Decision
from verify.run import Plan, Verdict, verdict_of, verify

KEYS = (
    "tv/gaussian-mean-d/expand",
    "tv/discrete/hp-triangle",
    "discrete/diversity/weighted",
    "tv/discrete-exact/first",
)
TABLES = ("tightness.csv", "tightness.json", "tightness.png")
PLAN = Plan(patterns=KEYS, seed=1)


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    return {verdict.key: verdict for verdict in verify(PLAN)}


def refuted(verdict: Verdict) -> Verdict:
    first = verdict.curves[0]
    decision = first.decision.copy()
    decision[-1] = Decision.REFUTED
    return verdict_of(verdict.key, [replace(first, decision=decision), *verdict.curves[1:]])


@pytest.mark.parametrize("key", KEYS)
def test_netcdf_round_trip(verdicts: dict[str, Verdict], key: str, tmp_path: Path) -> None:
    verdict = verdicts[key]
    report.save(verdict, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{report.slug(key)}.nc", f"{report.slug(key)}.png"]
    with xarray.open_dataset(tmp_path / f"{report.slug(key)}.nc") as data:
        assert data.sizes == {"point": verdict.points}
        assert data.attrs["key"] == key
        assert data.attrs["outcome"] == str(verdict.outcome)
        assert data.attrs["statement"] == bounds.get(key).statement
        assert data["bound"].attrs["long_name"] == bounds.get(key).quantity
        for name in ("bound", "value", "lower", "upper", "tightness", "vacuous"):
            stored = data[name].values
            np.testing.assert_array_equal(stored, np.concatenate([getattr(c, name) for c in verdict.curves]))
        assert set(data["decision"].values.tolist()) == {"HOLDS"}
        designs = [c.label for c in verdict.curves for _ in range(c.bound.size)]
        assert data["design"].values.tolist() == designs
        for parameter in bounds.get(key).params:
            assert (f"param_{parameter.name}" in data) == (not parameter.core)


def test_every_result_has_its_own_file_name() -> None:
    assert len({report.slug(result.key) for result in bounds.CATALOGUE}) == len(bounds.CATALOGUE)


def test_files_are_not_pickles(verdicts: dict[str, Verdict], tmp_path: Path) -> None:
    report.save(verdicts[KEYS[0]], tmp_path)
    starts = {path.suffix: path.read_bytes()[:8] for path in tmp_path.iterdir()}
    assert starts == {".nc": b"\x89HDF\r\n\x1a\n", ".png": b"\x89PNG\r\n\x1a\n"}


@pytest.mark.parametrize("key", KEYS)
def test_figures_show_something(verdicts: dict[str, Verdict], key: str, tmp_path: Path) -> None:
    path = tmp_path / "figure.png"
    path.write_bytes(plots.figure(verdicts[key]))
    pixels = image.imread(path)
    height, width, _ = pixels.shape
    assert height > 300
    assert width > 400
    ink = (pixels[..., :3] < 0.98).any(axis=2)
    assert 0.01 < ink.mean() < 0.6
    coloured = np.ptp(pixels[..., :3], axis=2) > 0.2
    assert coloured.sum() > 300, "no coloured line: nothing was drawn"
    if key == "tv/discrete/hp-triangle":  # one line a panel: the bound in its own colour
        red = (np.abs(pixels[..., :3] - np.array([0xC8, 0x55, 0x3D]) / 255) < 0.02).all(axis=2)
        assert red.sum() > 300, "no bound was drawn"
    assert plots.figure(verdicts[key]) == path.read_bytes()  # the same verdict, the same bytes


def test_a_figure_survives_infinite_limits(verdicts: dict[str, Verdict]) -> None:
    verdict = verdicts[KEYS[2]]
    endless = [
        replace(c, upper=np.full_like(c.upper, np.inf), lower=np.full_like(c.lower, -np.inf)) for c in verdict.curves
    ]
    assert plots.figure(verdict_of(verdict.key, endless)).startswith(b"\x89PNG")


def test_summary_of_a_run(verdicts: dict[str, Verdict], tmp_path: Path) -> None:
    backwards = list(verdicts.values())[::-1]
    report.save_summary([refuted(backwards[0]), *backwards[1:]], PLAN, tmp_path, complete=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["summary.json", *TABLES]
    document = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert document["complete"] is True
    assert document["confidence"] == 0.999
    assert document["effort"] == "standard"
    assert document["seed"] == 1
    assert document["patterns"] == list(KEYS)
    assert document["real_distribution"] == "built-in distributions"
    assert set(document["versions"]) >= {"loopbound", "numpy", "scipy", "sympy", "xarray"}
    order = [result.key for result in bounds.CATALOGUE]
    found = [row["key"] for row in document["results"]]
    assert found == sorted(KEYS, key=order.index)
    for row in document["results"]:
        verdict = verdicts[row["key"]]
        assert row["points"] == row["decided"] == verdict.points
        assert row["vacuous"] == verdict.vacuous
        assert row["replications"] == verdict.replications
        assert row["guarantees"] == [str(g) for g in verdict.guarantees]
        assert row["tightness"]["min"] == verdict.tightness.min()
        assert row["tightness"]["median"] == np.median(verdict.tightness)
        assert row["tightness"]["max"] == verdict.tightness.max()
        assert (row["outcome"], len(row["refuted"])) == (("REFUTED", 1) if verdict is backwards[0] else ("HOLDS", 0))


def test_refuted_points_are_listed_with_their_parameters(verdicts: dict[str, Verdict]) -> None:
    verdict = refuted(verdicts["tv/gaussian-mean-d/expand"])
    (row,) = report.summary(verdict)["refuted"]
    first = verdict.curves[0]
    assert row["case"] == first.case
    assert row["design"] == first.label
    assert row["bound"] == first.bound[-1]
    assert {name: row[name] for name in ("n", "lam", "i", "d")} == {
        name: first.parameters[name][-1] for name in ("n", "lam", "i", "d")
    }


def test_nothing_half_written_stays(
    verdicts: dict[str, Verdict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = verdicts[KEYS[3]]
    report.save(verdict, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken(self: xarray.Dataset, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", broken)
    with pytest.raises(OSError, match="No space left"):
        report.save(verdict, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_verdict_without_designs_is_saved_without_a_figure(tmp_path: Path) -> None:
    empty = verdict_of("tv/propagation", [])
    report.save(empty, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tv_propagation.nc"]
    assert report.summary(empty)["tightness"] == {}


def _one(decision: Decision, curve: Curve) -> Verdict:
    return verdict_of(
        "tv/propagation", [replace(curve, decision=np.array([decision] * curve.bound.size, dtype=object))]
    )


def test_exit_status(verdicts: dict[str, Verdict]) -> None:
    curve = verdicts["tv/discrete-exact/first"].curves[0]
    holds, false, open_ = (_one(d, curve) for d in (Decision.HOLDS, Decision.REFUTED, Decision.UNDECIDED))
    assert report.exit_status([]) == report.exit_status([holds, holds]) == 0
    assert report.exit_status([holds, open_]) == 2
    assert report.exit_status([open_, false, holds]) == 1
