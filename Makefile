# make demo     fit real house prices and say where the report is
# make test     lint, types, import contract, doctests, tests: what every change must pass
# make verify   make test, then the slow tests and every benchmark
# make clean    remove what these made
#
# Each makes .venv and installs into it first, with the versions of constraints.txt; a second call skips that.
#
# PyTorch: on Linux, PyPI serves a build for NVIDIA GPUs that takes about 5 GB of disk. On a machine without such
# a GPU choose PyTorch's own index of CPU builds, which are much smaller:
#
#     make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
#
# Other settings: PYTHON=python3.12, VENV=/somewhere/else, JOBS=8 (test processes).

PYTHON ?= python3
VENV = .venv
JOBS ?= 2
TORCH_INDEX ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CODE := src tests benchmarks

# One thread per test process: JOBS processes share the machine, and sums come out in one order.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.PHONY: demo test verify install lint format types contract doctests tests slow benchmarks clean help

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

# --- installation: a stamp per step, so that only a change of the two files below installs again ---

$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "expected Python 3.11 or newer; got $$($(PYTHON) --version 2>&1); set PYTHON=..." >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The build backend is installed and pinned like everything else, so that building needs no second environment.
$(VENV)/.stamp-torch: $(VENV)/.stamp-venv constraints.txt
	@$(PIP) install -c constraints.txt hatchling editables
	@$(if $(TORCH_INDEX),echo "installing torch from $(TORCH_INDEX)" && \
	  $(PIP) install --no-deps --index-url $(TORCH_INDEX) "$$(grep '^torch==' constraints.txt)",:)
	@touch $@

$(VENV)/.stamp-run: $(VENV)/.stamp-torch pyproject.toml
	@echo "installing fivefold into $(VENV) (the first time takes minutes: PyTorch is large)"
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[all]'
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	@echo "installing the tools for development"
	@$(PIP) install -c constraints.txt --no-build-isolation -e '.[all,dev]'
	@touch $@

install: $(VENV)/.stamp-dev

# --- what a newcomer runs ---

demo: $(VENV)/.stamp-run
	$(BIN)/fivefold fit examples/house_prices.parquet --target price --overwrite
	@echo
	@echo "Open the report:      $(CURDIR)/house_prices.fivefold/report.html"
	@echo "Predict new rows:     $(BIN)/fivefold predict house_prices.fivefold NEW_ROWS.csv --interval 0.9"
	@echo "Fit a table of yours: $(BIN)/fivefold fit TABLE.csv --target COLUMN"

# --- what a change must pass ---

test: lint types contract doctests tests

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

format: $(VENV)/.stamp-dev
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(VENV)/.stamp-dev
	$(BIN)/mypy

contract: $(VENV)/.stamp-dev
	$(BIN)/lint-imports

doctests: $(VENV)/.stamp-dev
	$(ONE_THREAD) $(BIN)/python -m pytest --quiet --doctest-modules src

# Last, so that its summary is the last line. --dist loadfile keeps the fits that a file's tests share in one process.
tests: $(VENV)/.stamp-dev
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not slow' --durations 10

# --- the long run ---

verify: test slow benchmarks

slow: $(VENV)/.stamp-dev
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m slow --durations 10

# One after another: a benchmark that shares the machine measures its neighbour.
benchmarks: $(VENV)/.stamp-dev
	@set -e; for file in $(filter-out benchmarks/common.py benchmarks/__init__.py,$(wildcard benchmarks/*.py)); do \
	  echo "== $$file"; $(BIN)/python $$file; done

clean:
	rm -rf .venv .venv-ci house_prices.fivefold build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +
