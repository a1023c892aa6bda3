"""The explorer's generated JavaScript: what is printed, what is refused, and that it computes what NumPy does."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import pytest
import sympy as sp
from javascript_points import BOOK, COMPARE, all_points, disagreements, live
from loopbook import explorer, javascript

import bounds
from bounds import CATALOGUE, symbols
from bounds.functions import chain_deviation, geometric_sum
from bounds.kde_functions import sharp_line_fixed

FUNCTIONS = [BOOK / "explorer" / name for name in explorer.SCRIPTS if name.startswith("functions")]
IN_PYTHON_ONLY = {
    "the function chain_deviation",  # of the order of n² numbers for a point
    "the function sharp_line_fixed",  # a sum over pairs of generations at every node of a quadrature
    "a matrix of weights",  # a slider sets a number
}


@pytest.fixture(scope="module")
def script():
    return explorer.catalogue(BOOK)


def of(expr, key="tv/discrete/fresh"):
    """JavaScript of an expression with the parameters of a result."""
    return javascript.function(replace(bounds.get(key), expr=expr))


def test_numbers_powers_and_functions():
    n, alpha, i, delta = symbols.n, symbols.alpha, symbols.i, symbols.delta
    code = of(geometric_sum(alpha, i) / sp.sqrt(n) + sp.log(1 / delta) ** 2)
    assert code.startswith("({ n, alpha, i, K }) => {")
    assert "$.geometric_sum(alpha, i)/Math.sqrt(n)" in code
    assert "Math.pow(Math.log(1/delta), 2)" in code
    assert "?" in of(sp.Piecewise((n, alpha <= 1), (i, True)))
    assert "Math.min(alpha, 1/n)" in of(sp.Min(alpha, 1 / n))


def test_sums_run_over_vectors():
    code = javascript.function(bounds.get("tv/discrete-exact/first"))
    assert "const sum0 = $.sum_atoms((p) => $.mean_deviation(n, p), p);" in code


@pytest.mark.parametrize(
    ("expr", "what"),
    [
        (sp.Sum(symbols.k, (symbols.k, 1, symbols.n)), "not over a vector"),
        (sp.Integral(sp.exp(symbols.alpha), (symbols.alpha, 0, 1)), "Integral"),
        (sp.Product(symbols.k, (symbols.k, 1, symbols.n)), "Product"),
        (sp.gamma(symbols.n), "gamma"),
        (sp.Function("unknown")(symbols.n), "unknown"),
        (chain_deviation(symbols.n, symbols.alpha, symbols.i, symbols.alpha), "chain_deviation"),
        (sharp_line_fixed(symbols.n, symbols.alpha, symbols.i, symbols.alpha), "sharp_line_fixed"),
        (sp.I * symbols.n, "ImaginaryUnit"),
    ],
)
def test_what_has_no_form_is_refused(expr, what):
    with pytest.raises(javascript.UnsupportedError, match=what):
        of(expr)


def test_a_vector_outside_a_sum_is_refused():
    with pytest.raises(javascript.UnsupportedError, match="outside a sum"):
        of(symbols.p[0] + symbols.n, key="tv/discrete-exact/first")


def test_only_what_is_named_is_left_to_python(script):
    left = json.loads(re.search(r"^Loopbound\.left = (.*);$", script, re.M)[1])
    assert {row["reason"] for row in left} <= IN_PYTHON_ONLY
    assert len(left) + len(live()) == len(CATALOGUE)


def test_every_function_is_defined_under_its_name(script):
    text = "\n".join(path.read_text(encoding="utf-8") for path in FUNCTIONS)
    defined = set(re.findall(r"^  \$\.(\w+) =", text, re.M))
    for family in re.findall(r"\$\[`(\w+_)\$\{schedule\}`\]", text):
        defined |= {family + schedule for schedule in ("fresh", "stratified", "fixed")}
    assert defined >= javascript.FUNCTIONS
    assert set(re.findall(r"\$\.(\w+)", script)) <= defined


def test_sliders_stay_in_the_domain():
    for result in live():
        for param in result.params:
            facts = explorer._param(param, param.typical[0])
            assert facts["low"] <= facts["from"] < facts["to"], (result.key, param.name)
            assert facts["high"] is None or facts["to"] <= facts["high"]
            assert not facts["log"] or facts["from"] > 0
            assert json.loads(json.dumps(facts)) == facts


def test_text_cannot_end_the_script():
    assert "</" not in explorer.literal("</script>")
    assert json.loads(explorer.literal("</script> ≤")) == "</script> ≤"


def test_scripts_are_staged(tmp_path):
    explorer.stage(BOOK, tmp_path / "static")
    assert {path.name for path in (tmp_path / "static").iterdir()} == {*explorer.SCRIPTS, "catalogue.js"}
    page = (BOOK / "explorer.md").read_text(encoding="utf-8")
    named = set(re.findall(r"explorer/([\w.]+)", page))
    assert named == {*explorer.SCRIPTS, "catalogue.js"}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js; the browser tests compare as well")
def test_node_agrees_with_numpy(script):
    points = all_points(20261, 2, live()[::4])  # the browser tests take all of them
    parts = [path.read_text(encoding="utf-8") for path in FUNCTIONS]
    source = "\n".join([*parts, script, f"var points = {json.dumps(points)};", COMPARE])
    run = "console.log(require('vm').runInThisContext(require('fs').readFileSync(0, 'utf8')))"
    found = subprocess.run(["node", "-e", run], input=source, capture_output=True, text=True, check=True).stdout
    assert disagreements(points, found) == []
    wrong = json.loads(found)
    wrong[0][0] *= 1 + 2e-9
    assert len(disagreements(points, json.dumps(wrong))) == 1
