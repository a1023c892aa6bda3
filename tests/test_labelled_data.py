"""Tables with features and a target as labelled atoms."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from sim import DataError, Fixed, Labelled, Logistic, Ridge, load_labelled, simulate


def written(path, names, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
    return path


def exported(path, data):
    rows = ([*map(repr, map(float, x)), float(y)] for x, y in zip(data.data, data.target, strict=True))
    return written(path, [*map(str, data.feature_names), "target"], rows)


@pytest.mark.parametrize(("data", "learner"), [(load_diabetes(), Ridge(0.1)), (load_breast_cancer(), Logistic(0.1))])
def test_a_data_set_goes_round(tmp_path, data, learner):
    population = load_labelled(exported(tmp_path / "data.csv", data), "target", scale=True)
    atoms = population.atoms
    assert population.features == tuple(map(str, data.feature_names))
    assert (population.rows, atoms.K, atoms.d) == (len(data.data), *data.data.shape)
    raw = np.column_stack(
        [atoms.x * population.unit + population.centre, atoms.y * population.target_unit + population.target_centre]
    )
    both = np.column_stack([data.data, data.target])
    np.testing.assert_allclose(raw, both[np.lexsort(both.T[::-1])], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(atoms.p @ atoms.x, 0, atol=1e-14)
    np.testing.assert_allclose(np.ptp(np.sqrt(atoms.p @ atoms.x**2)), 0, atol=1e-14)
    assert np.linalg.norm(atoms.x, axis=1).max() == pytest.approx(1)
    assert (atoms.y.min(), atoms.y.max()) == (-1, 1)
    curves = simulate(Labelled(atoms, learner, 0.1), Fixed(0.5), n=100, generations=2, replications=20, seed=1)
    assert (curves["risk"] < learner.losses(atoms, np.zeros((1, atoms.d)))[0] @ atoms.p).all()


def test_equal_rows_are_one_atom_with_its_weight(tmp_path):
    path = written(tmp_path / "a.csv", "abt", [["0.5", "0", "1"], ["0.50", "-0.0", "1"], ["0", "0.1", "-1"]])
    population = load_labelled(path, "t")
    np.testing.assert_array_equal(population.atoms.x, [[0, 0.1], [0.5, 0]])
    np.testing.assert_array_equal(population.atoms.y, [-1, 1])
    np.testing.assert_allclose(population.atoms.p, [1 / 3, 2 / 3])
    assert population.rows == 3
    assert (population.centre == 0).all()
    assert (population.unit == 1).all()
    assert (population.target_centre, population.target_unit) == (0, 1)


def test_features_are_chosen_and_the_target_may_stand_anywhere(tmp_path):
    path = written(tmp_path / "a.csv", "tabc", [["1", "0.5", "word", "0.1"], ["-1", "0.2", "", "0.3"]])
    population = load_labelled(path, "t", ["c", "a"])
    assert population.features == ("c", "a")
    np.testing.assert_array_equal(population.atoms.x, [[0.1, 0.5], [0.3, 0.2]])
    np.testing.assert_array_equal(population.atoms.y, [1, -1])


def test_scaling_by_hand(tmp_path):
    path = written(tmp_path / "a.csv", "abt", [["1", "10", "7"], ["3", "30", "3"], ["1", "10", "7"], ["3", "30", "5"]])
    population = load_labelled(path, "t", scale=True)
    np.testing.assert_allclose(population.centre, [2, 20])
    np.testing.assert_allclose(population.unit, np.array([1, 10]) * 2**0.5)
    np.testing.assert_allclose(np.abs(population.atoms.x), 0.5**0.5)
    assert (population.target_centre, population.target_unit) == (5, 2)
    np.testing.assert_allclose(population.atoms.y, [1, -1, 0])


ROWS = [["0.5", "0.1", "1"], ["0.2", "0.3", "-1"]]


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        (ROWS, {"target": "z"}, r"column 'z': no such column; there are 'a', 'b', 't'"),
        (ROWS, {"features": ["a", "z"]}, "column 'z': no such column"),
        (ROWS, {"features": ["a", "a"]}, "column 'a': named twice"),
        (ROWS, {"features": ["a", "t"]}, "column 't': named twice"),
        (ROWS, {"features": []}, "at least one feature"),
        ([*ROWS, ["0.8", "0.7", "1"]], {}, r"line 4: features of norm 1.063, above 1: scale them"),
        ([*ROWS, ["1e300", "0.7", "1"]], {}, r"line 4: features of norm inf, above 1: scale them"),
        ([*ROWS, ["0.8", "0.1", "-1.5"]], {}, r"line 4, column 't': label -1.5 outside \[-1, 1\]"),
        ([*ROWS, ["0.8", "x", "1"]], {}, r"line 4, column 'b': 'x' is not a number"),
        ([*ROWS, ["0.8", "nan", "1"]], {}, r"line 4, column 'b': 'nan' is not a finite number"),
        ([*ROWS, ["0.8", "", "1"]], {}, r"line 4, column 'b': empty cell"),
        ([*ROWS, ["0.8", "1"]], {}, "line 4: expected 3 fields"),
        ([], {}, "only a header"),
        ([ROWS[0]] * 3, {}, "at least 2 distinct rows are needed; all 3 are equal"),
        ([ROWS[0]] * 3, {"scale": True}, "at least 2 distinct rows"),
        ([["1", "2", "3"], ["1", "4", "5"]], {"scale": True}, r"column 'a': all 2 numbers are 1.0"),
        ([["1", "2", "3"], ["2", "4", "3"]], {"scale": True}, r"column 't': all 2 numbers are 3.0"),
        ([["1e308", "2", "3"], ["-1e308", "4", "5"]], {"scale": True}, r"column 'a': the spread"),
        ([["0", "2", "3"], ["5e-324", "4", "5"]], {"scale": True}, r"column 'a': the spread"),
        ([["0", "2", "-1e308"], ["1", "4", "1.5e308"]], {"target": "b"}, "norm inf"),
    ],
)
def test_tables_that_are_refused(tmp_path, rows, more, words):
    path = written(tmp_path / "a.csv", "abt", rows)
    with pytest.raises(DataError, match=words):
        load_labelled(path, **{"target": "t", **more})


def test_a_blank_header_and_a_header_that_names_columns_twice(tmp_path):
    (tmp_path / "a.csv").write_text("\n1,2\n")
    with pytest.raises(DataError, match="must name the columns"):
        load_labelled(tmp_path / "a.csv", "t")
    (tmp_path / "b.csv").write_text("a,a,t\n1,2,3\n")
    with pytest.raises(DataError, match="names columns twice: 'a'"):
        load_labelled(tmp_path / "b.csv", "t")
    (tmp_path / "c.csv").write_text("t\n1\n0\n")
    with pytest.raises(DataError, match="at least one feature"):
        load_labelled(tmp_path / "c.csv", "t")
