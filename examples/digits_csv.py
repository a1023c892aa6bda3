"""Write the pixel values of scikit-learn's handwritten digits as a CSV file with one column, `pixel`.

Usage: python examples/digits_csv.py FILE
The file has 115,008 rows, whole numbers from 0 to 16: real data to verify the catalogue on.
"""

import csv
import sys

from sklearn.datasets import load_digits


def main(path: str) -> None:
    """Write the file."""
    pixels = load_digits().data.ravel().astype(int)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["pixel"])
        writer.writerows([value] for value in pixels.tolist())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
