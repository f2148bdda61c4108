# make demo · make test · make check · make bench-receive
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LOWEST := .venv-lowest
# A test waits for processes more than it computes.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
ADAPTERS := $(patsubst %/setup.cfg,%,$(wildcard adapters/*/setup.cfg))
CHECKS := lint types layers names

.DEFAULT_GOAL := help
.PHONY: help install demo unit test test-kit test-lowest test-adapters browser pictures check $(CHECKS) format bench bench-receive bench-outbox bench-catalog clean

help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

$(STAMP): setup.cfg pyproject.toml $(ADAPTERS:=/setup.cfg)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "webhook_kit needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' $(ADAPTERS:%=--editable './%[test]')
	@touch $@

install: $(STAMP) ## a virtual environment with everything the project needs

demo: $(STAMP)   ## an order's whole life between a local Gett and a POS; at a terminal it stays open
	$(BIN)/webhook-kit dev bogus --demo --option outcomes=hidden

test: $(STAMP)   ## everything CI runs: check, all tests, and the unit tests on the oldest dependencies allowed; a table says what failed
	@MAKE='$(MAKE)' $(BIN)/python scripts/run_steps.py $(CHECKS) test-lowest test-kit $(ADAPTERS:adapters/%=test-adapter-%)

unit: $(STAMP)   ## the tests that need no process, browser or Odoo; under a minute
	$(BIN)/python -m pytest -q -n auto -m "not process and not slow"

test-kit: $(STAMP) browser ## the tests of the kit
	$(BIN)/python -m pytest -n $(WORKERS)

test-adapters: $(ADAPTERS:adapters/%=test-adapter-%) ## the tests of every adapter under adapters/, each by itself, as its vendor would run them

test-adapter-%: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) adapters/$*/tests

check: $(CHECKS) ## ruff, mypy --strict, import-linter, public names

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy
	@set -e; for each in $(ADAPTERS) examples/third_party_adapter; do echo "mypy $$each"; (cd $$each && MYPYPATH=$(CURDIR) $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml .); done

layers: $(STAMP)
	$(BIN)/lint-imports

names: $(STAMP)
	$(BIN)/python -m pytest -q tests/test_public_names.py

$(LOWEST)/.installed: setup.cfg pyproject.toml | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[test]'
	@touch $@

test-lowest: $(LOWEST)/.installed ## the unit tests with every dependency at its lower bound
	$(LOWEST)/bin/python -m pytest -n $(WORKERS) -q tests/gett tests/catalog tests/webhooks tests/placement tests/outbox

browser:         ## in CI alone: a Chromium for the tests of the storefront, which elsewhere do without when there is none
	@if [ -n "$$CI" ] && [ -z "$$(command -v chromium-headless-shell || command -v chromium)" ]; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends \
			chromium-headless-shell fonts-liberation >/dev/null; \
	fi

pictures: $(STAMP) ## renew docs/images, which takes a Chromium and a good look at what has changed
	PICTURES=docs/images $(BIN)/python -m pytest -q tests/sandbox/test_storefront_pictures.py

format: $(STAMP) ## what `check` would ask for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: bench-receive bench-outbox bench-catalog ## all benchmarks

bench-receive: $(STAMP) ## the receiver against bare Flask, FastAPI and the limit
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.receive

bench-outbox: $(STAMP) ## the outbox against plain RQ, Celery, Dramatiq and the limit
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.outbox

bench-catalog: $(STAMP) ## catalogs of 10,000 items: check, price, growth, memory, downloads
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.catalog

clean:           ## remove the virtual environment and all caches
	rm -rf $(VENV) $(LOWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .demo *.egg-info build dist
