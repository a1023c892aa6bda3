"""`loopbound verify --target`: the rows of a user's table as what learners in the loop are trained on."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import Run, fails
from named_cases import case_named

import sim
from bounds.catalogue.generalization import TERMS
from verify.binary_loop import BinaryLearning, BinaryLoop
from verify.case import Array, Case, Exceedance, Setting
from verify.cases import CASES
from verify.cases.generalization_probability import average_gap
from verify.cases.generalization_second_order import Study, _studied
from verify.cases.stability import _change_among, random_atoms
from verify.checking import check, points_of
from verify.evidence import Decision
from verify.run import DEFAULT_SETTING
from verify.settings import setting_from_file

OTHER = "built-in: labels not -1, 1"
FAMILIES = ("stability/", "generalization/", "categorical/", "tv/categorical/")
ATTENTION = ("stability/attention", "stability/transformer")  # its weights are not learnt from the table


def table(path: Path, labels: str, rows: int = 16) -> Path:
    """Rows with features a, b, an empty-handed text column, and y: numbers, or one of two classes."""
    rng = np.random.default_rng(5)
    x = rng.normal(3, 2, (rows, 2))
    y = x @ [1.0, -2.0] + rng.normal(0, 1, rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b, scaled", "y", "word"])
        for row, label in zip(x.tolist(), y.tolist(), strict=True):
            writer.writerow([*row, label if labels == "numbers" else int(label > np.median(y)), "w"])
        writer.writerow([*x[0].tolist(), y[0] if labels == "numbers" else int(y[0] > np.median(y)), "w"])
    return path


@pytest.fixture(params=["numbers", "classes"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Setting:
    return setting_from_file(table(tmp_path / "t.csv", request.param), None, "y", ["a", "b, scaled"])


def learner_cases() -> list[Case]:
    learns = (case for case in CASES if case.result.key.startswith(FAMILIES))
    return [case for case in learns if not case.result.key.startswith(ATTENTION)]


def own(case: Case, setting: Setting) -> list[str]:
    return [d.label for d in case.designs(setting) if d.label.startswith("table") or ", table" in d.label]


# --- the command line -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["numbers", "classes"])
def test_a_table_is_verified(run: Run, tmp_path: Path, labels: str) -> None:
    data, out = table(tmp_path / "t.csv", labels), tmp_path / "out"
    words = ["--data", str(data), "--target", "y", "--features", 'a,"b, scaled"', "--quick", "--workers", "1"]
    status, printed, err = run("verify", "stability/erm/*", "tv/categorical/fixed", *words)
    assert (status, err) == (0, "")
    assert "11 of 11 results: 11 HOLDS, 0 REFUTED, 0 UNDECIDED" in printed
    assert "; all these of the target, as no column is named; learner cases: " in printed
    assert f"column 'y': 17 values, {16 if labels == 'numbers' else 2} distinct" in printed
    assert "learner cases: 16 distinct of 17 rows, 2 features, each less its mean over " in printed
    assert ("standard deviations, target 'y' less 0.5 over 0.5\n" in printed) == (labels == "classes")
    status, _, err = run("verify", "stability/erm/ridge", *words, "--out", str(out))
    assert (status, err) == (0, "")
    source = json.loads((out / "summary.json").read_text())["real_distribution"]
    assert printed.startswith(f"real distribution: {source}\n")


def test_the_source_says_how_to_scale(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", "numbers")
    setting = setting_from_file(path, "a", "y", ["a", "b, scaled"])
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    raw = np.array([[float(row[k]) for k in ("a", "b, scaled", "y")] for row in rows])
    said = re.search(r"its mean over (\S+) standard deviations, target 'y' less (\S+) over (\S+)$", setting.source)
    assert said is not None
    unit, centre, spread = map(float, said.groups())
    x = (raw[:, :2] - raw[:, :2].mean(axis=0)) / raw[:, :2].std(axis=0) / unit
    atoms = setting.labelled["table"]
    np.testing.assert_allclose(np.unique(x, axis=0), atoms.x, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.unique((raw[:, 2] - centre) / spread), np.sort(atoms.y), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(sorted(atoms.p), [*[1 / 17] * 15, 2 / 17])
    assert list(setting.discrete) == ["a"]
    assert "no column is named" not in setting.source
    assert list(setting_from_file(path, None, "y", ["a"]).discrete) == ["y"]
    assert DEFAULT_SETTING.labelled == setting_from_file(path, "a").labelled == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--target", "z"], "column 'z': no such column; there are 'a', 'b, scaled', 'y', 'word'"),
        (["--target", "y"], "column 'word': 'w' is not a number"),
        (["--target", "word", "--features", "a"], "column 'word': 'w' is not a number"),
        (["--target", "y", "--features", "a,y"], "column 'y': named twice"),
        (["--target", "y", "--features", "a,one"], "column 'one': no such column"),
        (["--target", "y", "--features", ""], "at least one feature is needed"),
        (["--target", "y", "--features", '"a'], '--features "a: unexpected end of data'),
        (["--target", "y", "--features", "a", "--column", "z"], "column 'z': no such column"),
        (["--features", "a"], "--features needs --target"),
    ],
)
def test_wrong_columns_are_one_line(run: Run, tmp_path: Path, words: list[str], message: str) -> None:
    assert message in fails(run, "verify", "stability", "--data", str(table(tmp_path / "t.csv", "numbers")), *words)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,y\n1,2\n1,3\n", "column 'a': all 2 numbers are 1.0: no scale"),
        ("a,y\n1,2\n2,2\n", "column 'y': all 2 numbers are 2.0: no scale"),
        ("a,y\n1,2\n,3\n", "line 3, column 'a': empty cell"),
        ("a,y\n1,2\nnan,3\n", "line 3, column 'a': 'nan' is not a finite number"),
        ("y\n1\n2\n", "at least one feature is needed"),
        ("a,y\n", "only a header"),
    ],
)
def test_tables_without_information_are_one_line(run: Run, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    assert message in fails(run, "verify", "stability", "--data", str(path), "--target", "y")


def test_a_target_needs_data(run: Run) -> None:
    assert "--target needs --data" in fails(run, "verify", "stability", "--target", "y")


# --- the designs ------------------------------------------------------------------------------------------------


def test_every_learner_case_uses_the_table(setting: Setting) -> None:
    two_labels = set(setting.labelled["table"].y) == {-1.0, 1.0}
    for case in learner_cases():
        designs = case.designs(setting)
        labels = [design.label for design in designs]
        assert len(set(labels)) == len(labels)
        for design in designs:
            assert np.isfinite(points_of(design, case.result)[0]).all()
        exact_only = case.name == "two-kinds" and case.result.key != "categorical/mean/fixed"
        logistic = "logistic" in case.result.key
        assert bool(own(case, setting)) == (not exact_only and (two_labels or not logistic)), case.key
        built_in = case.name != "two-kinds" and "logistic" in str(labels) and not two_labels
        assert any(OTHER in label for label in labels) == built_in, case.key


def test_a_logistic_loop_where_the_labels_allow_it(setting: Setting) -> None:
    (design, *_) = case_named("generalization/expectation#sampled").designs(setting)
    two_labels = set(setting.labelled["table"].y) == {-1.0, 1.0}
    assert ("logistic(lam=1)" in design.label) == two_labels
    L, M = (1.0, np.sqrt(2 * np.log(2))) if two_labels else (1.5, 9 / 8)
    assert design.values["beta_n"] == pytest.approx(2 * L**2 / 1000)
    assert design.values["M"] == pytest.approx(M)


def test_distances_from_uniform_are_those_of_the_rows(setting: Setting) -> None:
    for key in ("tv/categorical/lower/fixed#sampled", "generalization/categorical-ridge#sampled"):
        for design in case_named(key).designs(setting):
            assert design.values["u"] == pytest.approx(2 / 17 - 1 / 16)
    mean = case_named("categorical/mean/fixed#two-kinds").designs(setting)
    assert {round(float(d.values["p"]), 9) for d in mean} == {round(1 / 17, 9), round(2 / 17, 9)}
    assert all(d.values["K"] == 16 for d in mean)


# --- what is measured -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("learner", [sim.Ridge(0.3), sim.Logistic(0.3)])
def test_changes_among_all_atoms_are_the_stability(learner: sim.Ridge | sim.Logistic) -> None:
    atoms, n = random_atoms(5, 2, 1, np.array([0.4, 0.3, 0.1, 0.1, 0.1])), 9
    sets = np.concatenate([n * np.eye(5, dtype=int), np.random.default_rng(n).multinomial(n, atoms.p, 10)])
    expected = sim.replace_one_stability(learner, atoms, sets).max()
    assert _change_among(learner, atoms, n) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("synthetic", [0, 1])
def test_averages_over_one_synthetic_point(synthetic: int) -> None:
    n, i = 7, 4
    learning = BinaryLearning(BinaryLoop(n, n - synthetic, 0.8, 0.3), sim.Ridge(0.5))
    model = sim.Labelled(learning.atoms, learning.learner, 0.3)
    found = [average_gap(model, np.array([r, n - synthetic - r]), synthetic, i) for r in range(n - synthetic + 1)]
    np.testing.assert_allclose(found, learning.gap_given_reused(i), rtol=1e-9)


def test_averages_over_one_synthetic_point_by_simulation() -> None:
    """Three generations of four atoms, point by point."""
    model, rng, R = sim.Labelled(random_atoms(4, 2, 3), sim.Ridge(0.2), 0.3), np.random.default_rng(2), 60_000
    real, point = np.array([2, 1, 0, 1]), np.random.default_rng(1).integers(4, size=R)
    for _ in range(3):
        law = 0.7 * (real + np.eye(4)[point]) / 5 + 0.3 / 4
        point = (rng.random((R, 1)) > law.cumsum(axis=1)).sum(axis=1)
    sets = real + np.eye(4, dtype=int)[point]
    losses = model.learner.losses(model.atoms, model.learner.fit(model.atoms, sets))
    gaps = ((model.atoms.p - sets / 5) * losses).sum(axis=1)
    assert abs(gaps.mean() - average_gap(model, real, 1, 3)) < 4.5 * gaps.std() / np.sqrt(R)


def test_what_is_left_of_the_gap_is_within_reach(setting: Setting) -> None:
    for _, study in _studied(setting):
        left = next(study.gaps(sim.Replace(), 2, (1, 3))(3))
        assert 0 <= left.min() <= left.max() <= study.reach
        assert study.arguments["V"] == pytest.approx(variance(study), rel=1e-9)


def variance(study: Study) -> float:
    """Trace of the covariance of the gradients at the minimiser, from differences of losses."""
    w, d, step = study.learner.population(study.atoms), study.atoms.d, 1e-5
    moved = np.concatenate([w + step * np.eye(d), w - step * np.eye(d)])
    losses = study.learner.losses(study.atoms, moved)
    slopes: Array = (losses[:d] - losses[d:]) / (2 * step)
    return float(sum(np.cov(slope, aweights=study.atoms.p, ddof=0) for slope in slopes))


@pytest.mark.parametrize(
    ("key", "factor"),
    [
        ("stability/erm/ridge#replacement", 0.05),
        ("stability/sgd#sampled", 0.02),
        ("stability/erm/ridge/norm#extremes", 0.2),
        ("generalization/second-order/upper/fresh#sampled", 0.3),
        ("generalization/second-order/lower/fresh#sampled", 5.0),
        ("generalization/high-probability-mcdiarmid#rows", 0.001),
        ("categorical/mean/fixed#two-kinds", 1.01),
        ("tv/categorical/fixed#sampled", 0.5),
    ],
)
def test_wrong_bounds_are_refuted_on_a_table(setting: Setting, key: str, factor: float) -> None:
    case = case_named(key)
    (design, *_) = case.designs(setting)
    assert design.label in own(case, setting)
    wrong = replace(case, result=replace(case.result, expr=case.result.expr * factor))
    for each, expected in ((case, Decision.HOLDS), (wrong, Decision.REFUTED)):
        curve = check(each, design, level=1e-4, replications=400_000, seed=0)
        assert expected in set(curve.decision), key
        assert (
            isinstance(design.evidence, Exceedance) or expected is Decision.REFUTED or set(curve.decision) == {expected}
        )


@pytest.mark.parametrize("key", ["generalization/expectation", "generalization/categorical-ridge"])
def test_without_the_stability_term_the_bound_is_refuted(setting: Setting, key: str) -> None:
    case = case_named(f"{key}#sampled")
    (design,) = (d for d in case.designs(setting) if d.values["n"] == 50 and d.values["alpha"] == 1)
    dropped = sum(expr for name, expr in TERMS[key].items() if name != "stability")
    for each, expected in (
        (case, Decision.HOLDS),
        (replace(case, result=replace(case.result, expr=dropped)), Decision.REFUTED),
    ):
        curve = check(each, design, level=1e-4, replications=400_000, seed=0)
        assert set(curve.decision) == {expected}
