"""What the README says about sweeps and speed is what the code does."""

import re
import runpy
from pathlib import Path

from verify.sweep_file import read_sweep

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_sweep_shown_is_the_example():
    (shown,) = re.findall(r"```toml\n(.*?)```", README, re.S)
    assert shown == (ROOT / "examples" / "sweep.toml").read_text(encoding="utf-8")
    assert set(read_sweep(ROOT / "examples" / "sweep.toml")["grid"]) == {"K", "n", "schedule", "alpha"}


def test_benchmark_table_is_that_of_the_results():
    table = runpy.run_path(str(ROOT / "examples" / "benchmark_table.py"))
    assert table["updated"](README) == README
