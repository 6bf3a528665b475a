# Turnout's commands. `make demo` and `make test` are all a newcomer needs; each makes the virtual environment it wants.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: help demo test check bench soak fmt lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.demo ## the router with simulated providers and live traffic; TURNOUT_DEMO_SECONDS=N ends it after N seconds
	@$(BIN)/turnout demo

# What tests start by the hundred is compiled once, whatever the shell says of it.
test soak: export PYTHONDONTWRITEBYTECODE :=

# All workers must see the tests in one order, whatever sets they are made from. Tests wait for processes and clocks a third of their
# time, so there is a worker more than a small machine has cores; folders in their order, so that the slow come first and the last file
# is a quick one. What puts load on the machine comes last.
test: $(VENV)/.dev ## the tests this machine can run; names what it skipped
	@PYTHONHASHSEED=0 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/e2e_load
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/e2e_load

check: $(VENV)/.dev ## format, lint, types and layers
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports > /dev/null || $(BIN)/lint-imports

bench: $(VENV)/.dev ## cost per request, per event and per decision beside a bare relay; BENCH_PEERS=1 adds other gateways
	@$(BIN)/python -m bench

soak: $(VENV)/.dev ## the slow tests, and the laws on ten times as many examples
	@$(BIN)/python -m pytest -m slow
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -n 2 tests/property

fmt: $(VENV)/.dev ## format and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

lock: ## pin dependencies anew (needs uv)
	uv pip compile --generate-hashes --no-header --no-emit-index-url --quiet --universal --python-version 3.11 pyproject.toml --extra demo --group build -o locks/demo.lock
	uv pip compile --generate-hashes --no-header --no-emit-index-url --quiet --universal --python-version 3.11 pyproject.toml --extra demo --group build --group dev -o locks/dev.lock

clean: ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Turnout needs Python 3.11 or later; try: make PYTHON=python3.12"; exit 1; }
	@echo "making $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python locks/demo.lock pyproject.toml
	@echo "installing what the demo needs (once) ..."
	@$(PIP) install --require-hashes -r locks/demo.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python locks/dev.lock pyproject.toml
	@echo "installing what the tests need (once) ..."
	@$(PIP) install --require-hashes -r locks/dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo
