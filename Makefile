# make verify and make test need Python 3.11+ and make, nothing else: each sets up .venv once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BOOK_STAMP := $(VENV)/.installed-book
WORKERS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
# processes are the parallelism; threads of the linear algebra would only compete with them
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: verify test test-slow test-book lint bench docs verdicts book clean

verify: $(STAMP)
	$(BIN)/loopbound verify --out loopbound-out

test: $(STAMP) lint
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not browser"

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done
	$(BIN)/python examples/benchmark_table.py README.md

docs: $(STAMP)
	$(BIN)/python examples/picture.py docs/picture.png
	$(BIN)/python examples/catalogue_table.py README.md
	$(BIN)/python examples/derivations.py book/derivations.md
	$(BIN)/python examples/book_tables.py book/stability.md book/generalization.md book/transformers.md
	$(BIN)/python examples/sandwich.py book/figures/sandwich.png
	$(BIN)/python examples/one_step_rates.py book/figures/one_step_rates.png
	$(BIN)/python examples/phase_transition.py book/figures/phase_transition.png
	$(BIN)/python examples/stacked_terms.py book/figures/stacked_terms.png
	$(BIN)/python examples/in_context.py book/figures/in_context.png
	$(BIN)/python examples/gap_sides.py book/figures/gap_sides.png
	$(BIN)/python examples/tightness_map.py book/figures/tightness_map.png
	$(BIN)/python examples/collapse.py gaussian book/figures/collapse_gaussian.png
	$(BIN)/python examples/collapse.py discrete book/figures/collapse_discrete.png
	$(BIN)/python examples/diffusion.py book/figures/diffusion.png
	$(BIN)/python examples/mixture.py book/figures/mixture.png

# after a change of results or cases; the book shows these verdicts with their date
verdicts: verify
	$(BIN)/python examples/verdicts.py loopbound-out book/verdicts.json
	cp loopbound-out/tightness.csv loopbound-out/tightness.json book/
	cp loopbound-out/tightness.png book/figures/
	$(BIN)/loopbound mutate --full --out book/mutation.json
	$(BIN)/loopbound rates --out book/rates.json || test $$? -eq 2
	$(BIN)/loopbound falsify --out book/falsifier.json || test $$? -eq 2

# --all, as a build after a failed one would skip the pages that failed
book: $(BOOK_STAMP)
	$(BIN)/jupyter-book build book -W -n --keep-going --all

# needs Chromium: apt-get install --no-install-recommends chromium fonts-dejavu-core
test-book: book
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[browser]"
	$(BIN)/python -m pytest -n $(WORKERS) -m browser tests/test_book_browser.py

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0]) if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

$(BOOK_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[book]"
	touch $(BOOK_STAMP)

clean:
	rm -rf $(VENV) loopbound-out build book/_build book/generated *.egg-info
