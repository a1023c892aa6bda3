"""What may import what, and what is never called: read from the source, not from running it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("bounds", "sim", "verify")
MODULES = {p.relative_to(ROOT).as_posix(): p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))}
EVIDENCE = tuple(f"verify/{name}.py" for name in ("evidence", "confidence", "sequential", "wealth"))
HEAVY = ("numpy", "scipy")  # not needed to list the catalogue


def imported(tree: ast.AST, module: str) -> set[str]:
    """Absolute dotted names of everything a module imports, inside functions too."""
    package = module.removesuffix(".py").split("/")[:-1]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *(node.module.split(".") if node.module else [])])
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return found


def roots(source: str, module: str) -> set[str]:
    return {name.split(".")[0] for name in imported(ast.parse(source), module)}


def wrong_imports(source: str, module: str) -> set[str]:
    """First names of what this module imports and must not."""
    package = module.split("/")[0]
    forbidden = {"bounds": {"sim", "verify"}, "sim": {"bounds", "verify"}, "verify": set()}[package]
    forbidden = forbidden | {"tests", "benchmarks", "pickle", "dill", "joblib", "shelve", "marshal"}
    if module in EVIDENCE:
        forbidden |= {"bounds", "sim"}
    if not module.startswith(("verify/plots", "verify/planner_plot")):
        forbidden |= {"matplotlib"}
    return roots(source, module) & forbidden


def wrong_calls(source: str) -> list[str]:
    """Calls that run or unpickle somebody's text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(getattr(node.func, "value", None), "id", "")
        given = {k.arg: k.value for k in node.keywords}
        strict = isinstance(given.get("strict"), ast.Constant) and given["strict"].value is True
        pickles = "allow_pickle" in given and getattr(given["allow_pickle"], "value", True) is not False
        bad = (
            (name in {"eval", "exec", "compile", "__import__"} and not owner)
            or name in {"parse_expr", "parse_latex", "parse_mathematica"}
            or (name == "sympify" and not strict)
            or (name == "S" and owner in {"sp", "sympy"})
            or (name in {"load", "loads"} and owner in {"pickle", "dill", "marshal"})
            or pickles
        )
        if bad:
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    assert wrong_imports(MODULES[module].read_text(), module) == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_text_is_run_and_nothing_is_unpickled(module):
    assert wrong_calls(MODULES[module].read_text()) == []


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("bounds/catalogue/")])
def test_the_catalogue_needs_no_numpy(module):
    assert not roots(MODULES[module].read_text(), module) & set(HEAVY)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bounds/x.py", "import sim"),
        ("bounds/x.py", "def f():\n    from verify.case import Case"),
        ("bounds/catalogue/x.py", "from ...verify import case"),
        ("sim/models/x.py", "from bounds import get"),
        ("verify/wealth.py", "from sim.loop import blocks"),
        ("verify/report.py", "import matplotlib.pyplot as plt"),
        ("sim/x.py", "import pickle"),
    ],
)
def test_a_wrong_import_is_seen(module, source):
    assert wrong_imports(source, module)


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "exec(x)",
        "sp.sympify(x)",
        "sympify(x, strict=False)",
        "parse_expr(x)",
        "sp.parsing.parse_expr(x)",
        "sp.S(x)",
        "pickle.loads(x)",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=flag)",
    ],
)
def test_a_wrong_call_is_seen(source):
    assert wrong_calls(source)


def test_a_right_call_is_not_seen():
    assert not wrong_calls("sp.sympify(x, strict=True); f.evaluate(x); r.evalf(50); re.compile('x'); np.load(x)")
