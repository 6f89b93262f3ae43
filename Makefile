# Two commands: `make run` sets everything up and runs the village; `make test` sets up and passes the tests.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
CONFIG ?=

.PHONY: help run test setup setup-test web lint types contracts unit browser check-web clean bench-%

help: ## say what there is
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: setup web ## set everything up and run the village (CONFIG=my.yaml for real cameras)
	@$(BIN)/vbrain run $(if $(CONFIG),--config "$(CONFIG)") $(RUN)

test: setup-test web ## set up what tests need and run everything: lint, types, contracts, tests, browser
	@$(MAKE) --no-print-directory lint types contracts check-web unit

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	@scripts/setup-venv $(PYTHON) $(VENV) ''

$(VENV)/.installed-dev: pyproject.toml
	@scripts/setup-venv $(PYTHON) $(VENV) dev

setup-test: $(VENV)/.installed-dev
	@scripts/setup-test-tools

web: web/dist/index.html

web/dist/index.html: $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print 2>/dev/null)
	@scripts/build-web $(VENV)

lint:
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types:
	@$(BIN)/mypy

contracts:
	@$(BIN)/lint-imports --no-timings 2>/dev/null || $(BIN)/lint-imports

check-web:
	@scripts/build-web $(VENV) check

unit:
	@$(BIN)/pytest

bench-%: setup-test ## measure NAME and its baseline in one run: make bench-pipeline, bench-counting, …
	@$(BIN)/python benchmarks/$(subst -,_,$*).py

clean: ## remove what was built, but not what was recorded (var/)
	rm -rf $(VENV) web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache
