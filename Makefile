# Everything a fresh clone needs: `make demo` runs the main job, `make test` passes the tests.
# Needs Python 3.11 or newer with venv, and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# a change of place or dependencies makes a new stamp, so a good environment is reused at once
STAMP := $(VENV)/ready-$(shell (pwd; cat pyproject.toml) | cksum | cut -d ' ' -f 1)
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
export PIP_ROOT_USER_ACTION = ignore
# many small tensors: more threads than cores only wait for each other
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow budgets notebooks docs lint types format clean

help:  ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP)  ## make the environment in .venv

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "setting up $(VENV) (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install "torch==2.13.0"
	@$(PIP) install --editable ".[dev]"
	@rm -f $(VENV)/ready-* && touch $@

demo: $(STAMP)  ## run scenarios/quickstart.yaml into runs/quickstart
	$(BIN)/semcom run scenarios/quickstart.yaml --out runs/quickstart
	@echo "look at runs/quickstart/figures"

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope

test-slow: $(STAMP)  ## run the tests that take minutes
	$(BIN)/python -m pytest -q -m slow

# weights that change move what is known of quality, and with it every choice for a budget
budgets: $(STAMP)  ## measure quality, and the kept results of budgets, again
	$(BIN)/semcom curves semcom/budget/tables/street.yaml --out runs/curves_street \
		--table semcom/budget/tables/street.json
	@for kept in budget/miou_against_budget protection/quality_against_snr \
		fading/quality_against_snr fading_tdl/quality_against_snr; do \
		name=$${kept%/*}; mkdir -p results/$$name; \
		$(BIN)/semcom run scenarios/$$name.yaml --out runs/$$name && \
		cp runs/$$name/summary.csv runs/$$name/figures/$${kept#*/}.png results/$$name || exit 1; \
	done

notebooks: $(STAMP)  ## run the notebooks again; NAMES="01 03" picks some
	cd notebooks && ../$(BIN)/python execute.py $(NAMES)

docs: $(STAMP)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html"

lint: $(STAMP)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove everything that can be made again
	rm -rf $(VENV) site build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
