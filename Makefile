# make verify and make test need Python 3.11+ and make, nothing else: each sets up .venv once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= $(shell $(PYTHON) -c "import os; print(os.cpu_count() or 1)")
# processes are the parallelism; threads of the linear algebra would only compete with them
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: verify test test-slow lint bench docs clean

verify: $(STAMP)
	$(BIN)/loopbound verify --out loopbound-out

test: $(STAMP) lint
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow"

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -m slow

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

docs: $(STAMP)
	$(BIN)/python examples/picture.py docs/picture.png
	$(BIN)/python examples/catalogue_table.py README.md
	$(BIN)/python examples/derivations.py book/derivations.md
	$(BIN)/python examples/sandwich.py book/figures/sandwich.png
	$(BIN)/python examples/one_step_rates.py book/figures/one_step_rates.png
	$(BIN)/python examples/phase_transition.py book/figures/phase_transition.png
	$(BIN)/python examples/stacked_terms.py book/figures/stacked_terms.png

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; sys.exit('Python 3.11 or newer is needed, this is ' + sys.version.split()[0]) if sys.version_info < (3, 11) else None"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

clean:
	rm -rf $(VENV) loopbound-out build *.egg-info
