"""Time of evaluating each result on a million points, against the same formula written by hand in NumPy.

Both are timed in turn, several times, in one run; the tables show medians and their ratio.
(a) points formed by broadcasting: 1000 sample sizes times 1000 values of another parameter, scalars for the rest,
    or one axis of a million;
(b) every argument an array of a million entries, all of them checked against their domains;
(v) 100 000 generations times 10 atoms, and 100 000 vectors of sample sizes for a mixing matrix.
The formulas by hand are those of `by_hand.py`.

Run as ``OPENBLAS_NUM_THREADS=1 python benchmarks/bench_bounds.py``; a pattern as argument selects results.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from by_hand import by_hand

import bounds

ROUNDS = 9
_SIDE = 1000
_MANY = _SIDE * _SIDE
_VECTORS = 100_000
_ATOMS = np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.02])
_NODES = ("kde", "kde-line", "kde-line-gaussian", "kde-line-tuned", "kde-torus", "kde-torus-tuned", "kde-sharp")
_NODES += ("kde-sharp-torus", "kde-sharp-torus-d", "hp-kde", "hp-kde-torus", "phase-transition-kernel")
_SCALARS = {
    **{"n": 10_000, "alpha": 0.1, "i": 50, "K": 10, "lam": 1.0, "delta": 0.05, "T": 2000, "d": 10, "m": 500},
    **{"eps": 0.01, "p": 0.3, "sigma": 1.5, "theta": 0.9, "w": 0.6, "c": 0.5, "a": 0.25, "s": 3.0, "C": 0.5, "r": 2.0},
}


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def side_by_side(*runs: Callable[[], object]) -> list[float]:
    """Return the median time of each, after one run of each to warm up, interleaved."""
    for run in runs:
        run()
    rounds = [[seconds(run) for run in runs] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def full_arrays(rng: np.random.Generator) -> dict[str, Any]:
    """A million entries for every scalar parameter; alpha n and lam n are integers."""
    n = rng.integers(10, 1000, _MANY) * 100
    return {
        "n": n,
        "alpha": rng.integers(1, 10, _MANY) / 10,
        "lam": rng.integers(1, 10, _MANY) / 2,
        "i": rng.integers(1, 1000, _MANY),
        "T": rng.integers(1000, 2000, _MANY),
        "K": rng.integers(2, 100, _MANY),
        "m": rng.integers(10, 1000, _MANY),
        "d": rng.integers(2, 20, _MANY),
        **{name: rng.random(_MANY) * 0.98 + 0.01 for name in ("delta", "eps", "p", "theta", "w", "c")},
        **{name: rng.random(_MANY) + 1.5 for name in ("sigma", "a", "s", "C", "r")},
    }


def _within(result: bounds.Result, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs in the phase transition: an exponent below 1, and generations from 2."""
    own = {"a": arrays["theta"], "i": arrays["i"] + 1} if "phase" in result.key else {}
    return {name: value for name, value in own.items() if name in result.names}


def broadcasting(result: bounds.Result) -> dict[str, Any]:
    """Sample sizes (or errors) down, another parameter across: a million points from two thousand numbers."""
    names = set(result.names)
    values: dict[str, Any] = {name: _SCALARS[name] for name in result.names}
    down = np.arange(_SIDE)[:, None]
    across = np.arange(_SIDE)[None, :]
    if "n" in names:
        values["n"] = (down + 1) * 100
    if "i" in names:
        values["i"] = across + (2 if "phase" in result.key else 1)
        if "n" not in names:
            other = next(name for name in ("eps", "theta") if name in names)
            values[other] = (down + 1) / 1001
    else:
        other = next(name for name in ("p", "w", "K", "alpha", "sigma", "m") if name in names)
        values[other] = {"K": across + 2, "m": across + 1}.get(other, (across + 1) / 1001)
    if "alpha" in names and "i" not in names:
        values["alpha"] = 0.1
    return values


def vectors(result: bounds.Result, rng: np.random.Generator) -> dict[str, Any]:
    """Arguments with vector entries: many generations, or many vectors of sample sizes."""
    values: dict[str, Any] = {name: _SCALARS.get(name) for name in result.names}
    if "B" in values:
        values["B"] = np.tril(np.full((6, 6), 0.15), -1)
        for name in ("n", "eps"):
            if name in values:
                values[name] = rng.integers(100, 1000, (_VECTORS, 6)) * (1 if name == "n" else 1e-4)
        if "p" in values and result.params[-1].structure is bounds.Structure.SIMPLEX:
            values["p"] = _ATOMS
        return values
    values["p"] = _ATOMS
    if "exact" in result.key and "i" in values:
        values.update(n=50, i=np.arange(_VECTORS) % 100 + 1)
    elif "i" in values and "lower" not in result.key:
        values["i"] = np.arange(_VECTORS) % 1000 + 1
    else:
        values["n"] = (np.arange(_VECTORS) + 1) * 10
    return values


def measure(result: bounds.Result, values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return milliseconds of the call and by hand, and the largest relative difference of the two."""
    ours = result(**values)
    formula = by_hand(result.key, ours.shape)
    other = formula(**values)
    gap = np.abs(ours - other) / np.maximum(np.abs(ours), 1e-300)
    call, hand = side_by_side(lambda: result(**values), lambda: formula(**values))
    return 1e3 * call, 1e3 * hand, float(np.median(gap))


def scalar_tables(pattern: str, rng: np.random.Generator) -> list[tuple[str, str, float]]:
    # kernel estimates are sums over nodes of a quadrature: nobody writes them by hand
    chosen = [r for r in bounds.CATALOGUE if fnmatchcase(r.key, pattern) and not set(_NODES) & set(r.key.split("/"))]
    plain = [r for r in chosen if all(p.structure is bounds.Structure.SCALAR for p in r.params)]
    rest = [r for r in chosen if r not in plain]
    arrays = full_arrays(rng)
    designs = [("a", r, broadcasting(r)) for r in plain if len(r.names) > 1]
    designs += [("b", r, {name: arrays[name] for name in r.names} | _within(r, arrays)) for r in plain]
    designs += [("v", r, vectors(r, rng)) for r in rest]
    found = []
    print(f"{'':3}{'result':<44}{'call/ms':>9}{'hand/ms':>9}{'ratio':>7}{'differ':>10}")
    for kind, result, values in designs:
        call, hand, gap = measure(result, values)
        found.append((kind, result.key, call / hand))
        print(f"{kind:3}{result.key:<44}{call:>9.2f}{hand:>9.2f}{call / hand:>7.2f}{gap:>10.0e}", flush=True)
    return found


def start_up() -> None:
    """Time of starting the program against importing sympy."""
    script = Path(sys.executable).with_name("loopbound")
    python = [sys.executable, "-c"]
    commands = [[*python, "import sympy"], [*python, "import bounds"], [str(script), "list"]]
    runs = [lambda c=c: subprocess.run(c, check=True, capture_output=True) for c in commands]
    sympy_time, bounds_time, list_time = side_by_side(*runs)
    print(f"import sympy {1e3 * sympy_time:.0f} ms; import bounds {bounds_time / sympy_time:.2f} x; ", end="")
    print(f"loopbound list {list_time / sympy_time:.2f} x")


def main() -> None:
    pattern = sys.argv[1] if len(sys.argv) > 1 else "*"
    found = scalar_tables(pattern, np.random.default_rng(0))
    for kind in dict.fromkeys(kind for kind, _, _ in found):
        ratios = sorted((ratio, key) for k, key, ratio in found if k == kind)
        print(f"({kind}) {len(ratios)} results: median {ratios[len(ratios) // 2][0]:.2f}; largest ", end="")
        print(", ".join(f"{ratio:.2f} {key}" for ratio, key in ratios[:-4:-1]))
    start_up()


if __name__ == "__main__":
    main()
