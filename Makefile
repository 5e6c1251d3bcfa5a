# Needs python3 (3.11 to 3.13) and make; the targets set up everything else in .venv, once.
PYTHON ?= python3
PIP_FLAGS ?= --quiet
VENV := .venv
BIN := $(VENV)/bin
# the packages that run vggsweep, and on top of them the tools of its developers
RUNTIME := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

# where `make bench` leaves its JSON files
BENCH ?= bench

# as many test processes as there are cores; TESTS=1 runs one
TESTS ?= auto
PARALLEL = -n $(TESTS) --dist worksteal

QUICKSTART = -m experiment=quickstart

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# where the environment asks for no bytecode, each process that tests start would compile everything anew
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "The first one that needs it sets up .venv with $(PYTHON); make PYTHON=python3.12 … takes another."

.PHONY: install
install: $(DEV)  ## set up .venv with vggsweep and the developers' tools

.PHONY: quickstart
quickstart: $(RUNTIME)  ## a small sweep on the images that ship with vggsweep: table, picture, report
	$(BIN)/vggsweep $(QUICKSTART)
	$(BIN)/vggsweep table quickstart
	@$(BIN)/vggsweep report quickstart
	@echo "picture   $(CURDIR)/outputs/quickstart/front.png"
	@echo "table     $(CURDIR)/outputs/quickstart/table.csv"

.PHONY: test
test: $(DEV)  ## the tests, without the slow ones
	$(BIN)/pytest -q -m "not slow" $(PARALLEL)

.PHONY: coverage
coverage: $(DEV)  ## the same tests, and which lines of vggsweep/ none of them reaches
	$(BIN)/pytest -q -m "not slow" $(PARALLEL) --cov

.PHONY: test-long
test-long: $(DEV)  ## all tests, with more examples and a hundred rounds of kills
	VGGSWEEP_EXAMPLES=200 $(BIN)/pytest -q -m "not slow" $(PARALLEL)
	VGGSWEEP_KILLS=100 $(BIN)/pytest -q -m slow

.PHONY: faults
faults: $(DEV)  ## cause every fault, in all rounds, and write docs/faults.md
	VGGSWEEP_KILLS=100 VGGSWEEP_FAULT_EXAMPLES=100 $(BIN)/python -m pytest -q -m fault -p tests.faults.page --faults-page docs/faults.md

.PHONY: lint
lint: $(DEV)  ## style, types, and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32  # what only Linux and macOS have is guarded
	$(BIN)/lint-imports --no-cache

.PHONY: docs
docs: $(DEV)  ## the documents as a site, in docs/_build/html; a dead link is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

.PHONY: format
format: $(DEV)  ## put the code into the house's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(RUNTIME)  ## every benchmark, a table each; JSON into BENCH=bench
	$(BIN)/python benchmarks/all.py --out $(BENCH)

.PHONY: wheel
wheel: $(DEV)  ## build the wheel and the source archive into dist/
	$(BIN)/python -m build

.PHONY: clean
clean:  ## remove builds and caches; keeps .venv and outputs/
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -path ./.git -prune -o -type d -name __pycache__ -exec rm -rf {} +

$(RUNTIME): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		echo "vggsweep needs Python 3.11 to 3.13, and $(PYTHON) is $$($(PYTHON) -V 2>&1): name another with make PYTHON=python3.12 …" >&2; \
		exit 1; }
	@if [ ! -x $(BIN)/pip ]; then \
		$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
			echo "$(PYTHON) has no working venv module; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	fi
	@echo "One-time set-up of vggsweep in $(VENV), takes a few minutes (PyTorch is large) …"
	@$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e .
	@touch $@

$(DEV): $(RUNTIME)
	@echo "One-time set-up of the developers' tools …"
	@$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@
