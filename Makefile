# The day's table of contents. `make run` serves the playground, `make test` tests it.

PYTHON ?= python3
HOST ?= $(or $(PLAYGROUND_HOST),127.0.0.1)
PORT ?= $(or $(PLAYGROUND_PORT),8000)
VENV ?= .venv
ARGS ?=

BIN := $(VENV)/bin
# Several processes; a file's tests stay together, and browser tests come last (tests/conftest.py).
SIDE_BY_SIDE := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# The textbook's package pins a numpy and a pandas of years ago, and works with today's: it comes without what it asks for.
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.DEFAULT_GOAL := help
.PHONY: help setup run test check types format browser bench gpu-check conformance docker-rehearsal clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'
	@echo "  variables: HOST=$(HOST) PORT=$(PORT) PYTHON=$(PYTHON) VENV=$(VENV) ARGS=\"arguments for pytest, or for conformance\""

setup: $(VENV)/.set-up ## create the virtual environment with the pinned packages

run: setup ## serve the playground on http://HOST:PORT
	@exec $(BIN)/tensor-playground serve --host $(HOST) --port $(PORT)

test: $(VENV)/.set-up-test browser ## run all tests; needs Chromium and a Chinese font, installed through apt-get
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

check: $(VENV)/.set-up-test ## formatting, lint, types, then all tests: what CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --jobs 2 types browser
	$(MAKE) test

types: $(VENV)/.set-up-test ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/.set-up-test ## let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

browser: ## install what the browser tests need from the system, where it is missing
	@bash scripts/install_browser.sh

bench: $(VENV)/.set-up-bench browser ## run every benchmark in turn and print its table
	@set -e; for file in benchmarks/*.py; do module=$$(basename $$file .py); echo "== $$module"; $(BIN)/python -m benchmarks.$$module; done

conformance: $(VENV)/.set-up-test ## compare seeds, torch's docstring examples and folders in ARGS with plain Python
	@$(BIN)/python -W ignore -m scripts.conformance $(ARGS)

gpu-check: $(VENV)/.set-up-test ## the tests that need a CUDA device
	@$(BIN)/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available() and "torch sees no CUDA device here")'
	$(BIN)/python -m pytest -m gpu $(ARGS)

docker-rehearsal: $(VENV)/.set-up ## run the Dockerfile's steps without Docker and serve from the result
	@$(BIN)/python scripts/rehearse_docker.py

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis test-results

# A stamp per set of packages: nothing is installed twice until the pins or pyproject.toml change.
$(VENV)/.made: scripts/make_venv.sh
	@bash scripts/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.set-up: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing the pinned packages into $(VENV) (torch is large: this takes a few minutes the first time)"
	@$(INSTALL) .
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps d2l
	@touch $@

$(VENV)/.set-up-test: $(VENV)/.set-up
	@$(INSTALL) '.[test]'
	@touch $@

$(VENV)/.set-up-bench: $(VENV)/.set-up
	@$(INSTALL) '.[bench]'
	@touch $@
