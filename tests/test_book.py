"""The book: every result has its proof, its block, its verdict and its links; every page is in the contents."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bounds
from bounds import CATALOGUE, Kind
from verify.report import slug

BOOK = Path(__file__).resolve().parents[1] / "book"
sys.path.insert(0, str(BOOK / "_ext"))

from loopbook import blocks, chapters, figures, generate, reference  # noqa: E402

SECTIONS = chapters.read(BOOK)
VERDICTS = generate.stored_verdicts(BOOK)
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted(BOOK.glob("*.md"))}
BIBLIOGRAPHY = set(re.findall(r"^@\w+\{([^,]+),", (BOOK / "references.bib").read_text(encoding="utf-8"), re.M))
KEYS = [result.key for result in CATALOGUE]
RUN = {"date": "2000-01-01", "seed": 1, "confidence": 0.999, "effort": "quick"}


@pytest.fixture(scope="module")
def result_pages():
    return generate.result_pages(BOOK)


@pytest.fixture(scope="module")
def generated(result_pages):
    """Every generated page by its path below the book."""
    pages = {f"generated/results/{name}": text for name, text in result_pages.items()}
    pages |= {f"generated/api/{name}": text for name, text in reference.api_pages().items()}
    return pages | {"generated/glossary": reference.glossary()}


# --- proofs and blocks ------------------------------------------------------------------------------------------


def test_every_result_has_a_complete_proof():
    proved = [r.key for r in CATALOGUE if SECTIONS[r.proof].proved or (r.kind is Kind.RATE and _argued(r))]
    assert proved == KEYS


def _argued(result):
    """A published order without constants is not proved but traced to what is."""
    return len(SECTIONS[result.proof].text) > 300 and "{cite}" in SECTIONS[result.proof].text


@pytest.mark.parametrize("text", ["", "One line. ∎", "No end.\n" * 60])
def test_an_incomplete_proof_is_seen(text):
    assert not chapters.Section("page", "label", "title", text).proved


def test_a_section_ends_at_the_next_heading_of_its_level():
    text = "# Page\n\n(a)=\n## A\none\n### deeper\ntwo\n\n(b)=\n## B\nthree\n"
    a, b = chapters.sections_of("page", text)
    assert (a.label, a.title, "two" in a.text, "three" in a.text) == ("a", "A", True, False)
    assert (b.label, b.text.strip()) == ("b", "three")


def test_every_result_has_exactly_one_block(result_pages):
    found = re.findall(r"^\((result-[\w-]+)\)=\n### .*\(`(.+)`\)$", "\n".join(result_pages.values()), re.M)
    assert sorted(key for _, key in found) == sorted(KEYS)
    assert all(anchor == chapters.anchor(key) for anchor, key in found)
    assert len({anchor for anchor, _ in found}) == len(KEYS)


def test_blocks_say_everything(result_pages):
    text = "\n".join(result_pages.values())
    for result in CATALOGUE:
        block = text.split(f"({chapters.anchor(result.key)})=\n")[1].split("\n### ")[0].split("\n(result-")[0]
        assert "$$\n" in block
        assert f"{{ref}}`{result.proof}`" in block
        assert f"{{cite}}`{result.source.bib}`" in block
        assert f'bounds.get("{result.key}")' in block
        assert f"figures/{slug(result.key)}.svg" in block
        assert all(f"| `{name}` |" in block for name in result.names)
        assert all(f"(`{a.key}`)" in block for a in result.assumptions)
        row = VERDICTS["results"].get(result.key)
        assert (f"**{row['outcome']}**" if row else "not yet stored") in block


def test_a_result_without_a_verdict_has_a_block_and_a_figure():
    result = bounds.get("tv/discrete/fresh")
    text = blocks.block(result, SECTIONS[result.proof], None, RUN)
    assert "not yet stored" in text
    assert "**HOLDS**" not in text
    assert "upper bound" in figures.draw(result, None)


def test_verdict_and_figure_show_what_is_stored():
    result, numbers = bounds.get("tv/discrete/fresh"), {"min": 1.5, "median": 2.5, "max": 12345.6}
    curve = {"design": "mine", "along": "i", "x": [1.0, 2.0], "parameters": {}, "replications": 7}
    curve |= {"bound": [0.5, None], "value": [0.2, 0.3], "lower": [None, 0.1], "upper": [0.4, 0.5]}
    row = {"outcome": "REFUTED", "points": 9, "decided": 8, "vacuous": 2, "tightness": numbers, "replications": 7}
    row |= {"guarantees": ["finite-sample"], "curves": [curve]}
    text = blocks.block(result, SECTIONS[result.proof], row, RUN)
    assert "**REFUTED**: 8 of 9 points decided; finite-sample; 7 replications" in text
    assert "2000-01-01, seed 1" in text
    assert "min 1.5, median 2.5, max 1.23e+04" in text
    picture = figures.draw(result, row)
    assert "mine" in picture
    assert "simulated mean" in picture


@pytest.mark.parametrize("key", ["tv/discrete/fresh", "tv/discrete/weighted", "tv/hp/fixed", "gaussian/golden-ratio"])
def test_the_live_cell_runs(key):
    namespace = {"bounds": bounds, "np": np}
    lines = blocks.code(bounds.get(key)).replace("\nresult(", "\nvalue = result(")
    exec(compile(lines, key, "exec"), namespace)
    assert np.isfinite(namespace["value"]).all()


def test_a_wide_formula_is_the_same_in_parts():
    expr = bounds.get("generalization/categorical-ridge").expr
    main, parts = blocks._named_parts(expr)
    for name, part in parts.items():
        main = main.xreplace({name: part})
    values = blocks.typical(bounds.get("generalization/categorical-ridge"))
    numbers = {symbol: values[symbol.name] for symbol in expr.free_symbols}
    assert parts
    assert main.free_symbols == expr.free_symbols
    assert float(main.subs(numbers)) == pytest.approx(float(expr.subs(numbers)), rel=1e-12)


# --- verdicts ---------------------------------------------------------------------------------------------------


def test_stored_verdicts_are_small_and_of_a_whole_run():
    assert (BOOK / "verdicts.json").stat().st_size < 1_500_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", VERDICTS["date"])
    for key, row in VERDICTS["results"].items():
        assert row["outcome"] == "HOLDS", key
        assert row["curves"], key
        for curve in row["curves"]:
            assert len(curve["x"]) == len(curve["bound"]) == len(curve["value"]) >= 1


def test_every_result_has_a_stored_verdict():
    missing = [key for key in KEYS if key not in VERDICTS["results"]]
    assert not missing, f"`make verdicts` stores them: {missing}"


def test_no_verdict_is_of_a_result_that_is_no_more():
    assert set(VERDICTS["results"]) <= set(KEYS)


# --- links ------------------------------------------------------------------------------------------------------


def labels(text):
    return re.findall(r"^\(([\w-]+)\)=$", text, re.M)


def targets(text):
    """What {ref} points to."""
    return [t[1] or t[2] for t in re.findall(r"(\{ref\})`(?:[^`<]*<([\w-]+)>|([\w-]+))`", text)]


def test_labels_are_unique_and_links_lead_somewhere(generated):
    pages = {**PAGES, **generated}
    known = [label for text in pages.values() for label in labels(text)]
    assert len(known) == len(set(known))
    named = set(re.findall(r"^:name: ([\w-]+)$", "\n".join(PAGES.values()), re.M))
    for page, text in pages.items():
        assert set(targets(text)) <= set(known) | named, page


def test_citations_are_in_the_bibliography(generated):
    for page, text in {**PAGES, **generated}.items():
        cited = {key.strip() for keys in re.findall(r"\{cite[\w:]*\}`([^`]+)`", text) for key in keys.split(",")}
        assert cited <= BIBLIOGRAPHY, page


def test_proofs_link_to_the_blocks_of_their_results():
    for chapter, groups in chapters.by_chapter(CATALOGUE, SECTIONS).items():
        linked = chapters.with_links(PAGES[chapter])
        assert linked != PAGES[chapter]
        for label, results in groups.items():
            section = linked.split(f"({label})=\n")[1].split("\n(")[0]
            assert all(f"<{chapters.anchor(r.key)}>" in section for r in results)


def test_every_page_is_in_the_contents():
    contents = (BOOK / "_toc.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"(?:file|root): (\S+)", contents))
    assert {name for name in listed if "/" not in name} == set(PAGES)
    assert set(re.findall(r"glob: (\S+)", contents)) == {"generated/results/*", "generated/api/*"}


def test_figures_and_scripts_are_there():
    for page, text in PAGES.items():
        for path in re.findall(r"```\{figure\} (\S+)", text):
            assert (BOOK / path).is_file(), (page, path)
        for script in re.findall(r"python (examples/\w+\.py)", text):
            assert (BOOK.parent / script).is_file(), (page, script)


# --- reference --------------------------------------------------------------------------------------------------


def test_every_public_object_is_in_the_reference():
    pages = reference.api_pages()
    for package in reference.PACKAGES:
        text = pages[package.replace(".", "-")]
        for name, thing in reference.public(package).items():
            entry = rf"^\.\. (auto\w+:: {package}\.{name}|py:data:: {name})$"
            assert re.search(entry, text, re.M), (package, name)
            assert (thing.__doc__ or "").strip()


def test_every_symbol_is_in_the_glossary():
    text = reference.glossary()
    for result in CATALOGUE:
        for param in result.params:
            assert f"| `{param.name}` | {blocks.plain(param.meaning)} |" in text


def test_docstrings_become_links_and_code():
    names = {"simulate": "sim.simulate"}
    assert reference.linked("see `simulate`, `x*y` and |z|", names) == (
        "see :py:obj:`simulate <sim.simulate>`, ``x*y`` and \\|z\\|"
    )
    assert reference.linked(">>> f(*a)", names) == ">>> f(*a)"


def test_plain_text_stays_plain():
    assert blocks.plain("a_i <= [b]*c") == r"a\_i \<= \[b\]\*c"


def test_stored_curves_are_thinned_lines_of_one_design(monkeypatch):
    monkeypatch.syspath_prepend(str(BOOK.parent / "examples"))
    import verdicts
    from xarray import Dataset

    size = 30
    columns = {
        "bound": np.linspace(1, 2, size),
        "value": np.linspace(0.5, 1, size),
        "lower": np.full(size, -np.inf),
        "upper": np.full(size, 1.25),
        "case": np.array(["c"] * size),
        "design": np.array(["a"] * 20 + ["b"] * 10),
        "replications": np.array([0] * 20 + [5] * 10),
        "param_i": np.arange(size, dtype=float),
        "param_n": np.array([10.0] * 20 + [20.0] * 10),
    }
    data = Dataset({name: ("point", column) for name, column in columns.items()}, attrs={"kind": "upper"})
    first, second = verdicts.curves(data)
    assert (first["along"], first["parameters"], len(first["x"])) == ("i", {"n": 10.0}, verdicts.MOST_POINTS)
    assert (first["x"][0], first["x"][-1]) == (0, 19)
    assert "lower" not in first
    assert second["lower"] == [None] * 10
    text = verdicts.written({"date": "d", "results": {"k": {"curves": [first]}}})
    assert json.loads(text)["results"]["k"]["curves"][0] == first


def test_sorting_of_arguments_keeps_conditions():
    result = bounds.get("tv/hp/fixed")
    arguments = blocks.typical(result)
    values = blocks.sweep(result, arguments, blocks.telling(result))
    assert values == sorted(values)
    assert np.isfinite([float(result(**arguments | {"i": v})) for v in values]).all()
    strict = replace(
        result, params=tuple(replace(p, typical=(0.123456,)) if p.name == "alpha" else p for p in result.params)
    )
    with pytest.raises(ValueError, match="no typical values"):
        blocks.typical(strict)
