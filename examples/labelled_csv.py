"""Write a table of scikit-learn, features and the column `target`, as a CSV file.

Usage: python examples/labelled_csv.py {diabetes|breast-cancer} FILE
Real data for learners: 442 rows with 10 features and a number, or 569 rows with 30 features and one of two classes.
"""

import csv
import sys

from sklearn.datasets import load_breast_cancer, load_diabetes

TABLES = {"diabetes": load_diabetes, "breast-cancer": load_breast_cancer}


def main(name: str, path: str) -> None:
    """Write the file, numbers in full double precision."""
    table = TABLES[name]()
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*table.feature_names, "target"])
        writer.writerows([*x, y] for x, y in zip(table.data.tolist(), table.target.tolist(), strict=True))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in TABLES:
        sys.exit(__doc__)
    main(*sys.argv[1:])
