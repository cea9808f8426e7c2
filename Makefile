# Every target prepares what it needs. `make setup PYTHON=python3.12` chooses the interpreter of .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
ARGS ?=

.PHONY: help setup web demo test test-all lint format proto proto-release bench bench-ui sabotage simulate clean

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: $(VENV)/ready ## Makes .venv with everything that the other targets use

$(VENV)/ready: pyproject.toml .ci/constraints.txt .ci/setup
	@PYTHON="$(PYTHON)" .ci/setup

web: setup ## Builds the pages into the dashboard's package, when their sources have changed
	@$(BIN)/python src/dashboard/web/build.py

demo: web ## Starts a server, trains real models on it and shows them; ARGS=--exit ends by itself
	@$(BIN)/python examples/demo.py $(ARGS)

test: web ## The suite without its slow part; ARGS go to pytest
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" $(ARGS)

test-all: web ## The whole suite
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

lint: setup ## Style, types, import borders, wire contract
	@.ci/lint

format: setup ## Lets ruff rewrite what it can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

proto: setup ## Generates src/client/runwell/v1 from proto/
	@.ci/protos write

proto-release: setup ## Takes the present wire contract as released: from then on it is only added to
	$(BIN)/buf build proto -o proto/released.binpb

bench: setup ## Ratios against baselines taken in the same run; ARGS=--quick for a look
	@$(BIN)/python -m benchmarks $(ARGS)

bench-ui: web ## The pages in a real Chromium, on generated stores, beside what they have to reach; ARGS=--quick for a look
	@$(BIN)/python -m benchmarks.ui $(ARGS)

sabotage: setup ## Breaks the code one line at a time; the suite must notice each
	@$(BIN)/python tests/sabotage/run.py $(ARGS)

simulate: setup ## A million schedules of the simulation, overnight; ARGS="--schedules N --seed S --jobs J"
	@$(BIN)/python -m tests.simulation $(ARGS)

clean: ## Removes the environments and caches
	rm -rf $(VENV) .venv-proto .venv-wandb* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist \
	  src/dashboard/web/node_modules src/dashboard/runwell_dashboard/static
