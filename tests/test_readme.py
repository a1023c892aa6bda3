"""The README tells the truth: its code runs, its commands work, its table and picture are the code's."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
COMMANDS = [
    line.split("  #")[0].strip() for language, block in BLOCKS if language == "sh" for line in block.splitlines()
]

SCRIPTS = [command for command in COMMANDS if command.startswith("python examples/")]


def test_first_commands_are_the_two_that_set_up():
    assert COMMANDS[0].startswith("make verify")
    assert COMMANDS[1].startswith("make test")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


@pytest.fixture(scope="module")
def data(workplace):
    """Files that commands read, each made by the script that the README names."""
    for script in SCRIPTS:
        subprocess.run([sys.executable, *script.split()[1:]], cwd=workplace, check=True)
    return workplace


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("loopbound ")])
def test_command(command, workplace, data):
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": scripts + os.pathsep + os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        ["sh", "-c", command], cwd=workplace, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_all_commands_are_run_somewhere():
    known = ("make verify", "make test", "make book", "loopbound ", *SCRIPTS)
    assert all(command.startswith(known) for command in COMMANDS)


def test_python_tour(capsys):
    (tour,) = [block for language, block in BLOCKS if language == "python"]
    namespace: dict[str, object] = {}
    exec(compile(tour, "README.md", "exec"), namespace)
    simulated, bound, _ = (float(x) for x in capsys.readouterr().out.splitlines()[1].split())
    assert 0.5 < simulated / bound < 1
    lines = [line for line in tour.splitlines() if line and not line.startswith("#")]
    assert len(lines) <= 20


def test_catalogue_table_is_up_to_date():
    table = runpy.run_path(str(ROOT / "examples" / "catalogue_table.py"))
    assert table["updated"](README) == README


def test_picture_is_what_the_code_draws(tmp_path):
    drawn = tmp_path / "picture.png"
    subprocess.run([sys.executable, str(ROOT / "examples" / "picture.py"), str(drawn)], check=True)
    new, old = (matplotlib.image.imread(path) for path in (drawn, ROOT / "docs" / "picture.png"))
    assert new.shape == old.shape
    assert np.abs(new - old).mean() < 0.005
