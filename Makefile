# On a fresh machine: `make quickstart`, `make test` and `make docs`. Each sets up what it needs in .venv.
# TensorFlow 2.20 by default; `make test TENSORFLOW=2.21` sets up .venv-2.21 and runs the tests there.

TENSORFLOW := 2.20

PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
VENV := .venv$(if $(filter-out 2.20,$(TENSORFLOW)),-$(TENSORFLOW))
BIN := $(VENV)/bin

# Keep compiled bytecode: otherwise each process of the tests would compile all packages again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test test-fast lint format zoo docs clean

quickstart: $(VENV)/.installed
	$(BIN)/tfrec quickstart

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# All tests that do not export, start a process or train: a quick check while you work.
test-fast: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

zoo: $(VENV)/.installed
	$(BIN)/tfrec list --markdown > models/README.md.new
	mv models/README.md.new models/README.md

# Builds into site/. A broken link, or a docstring that does not match its function, is an error.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 TF_CPP_MIN_LOG_LEVEL=3 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "Built site/. To read it with search: $(BIN)/python -m http.server -d site"

clean:
	rm -rf $(VENV) site build *.egg-info .pytest_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "tfrec needs Python 3.11, 3.12 or 3.13: install one, or name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[test]" \
		"tensorflow==$(TENSORFLOW).*" "tensorflow-serving-api==$(TENSORFLOW).*" "tf_keras==$(TENSORFLOW).*"
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[docs]"
	@touch $@
