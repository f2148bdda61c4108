# make demo · make test · make check · make bench-receive
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LOWEST := .venv-lowest
ADAPTERS := $(patsubst %/setup.cfg,%,$(wildcard adapters/*/setup.cfg))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-lowest test-adapters browser pictures check format bench bench-receive bench-outbox bench-catalog clean

help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

$(STAMP): setup.cfg pyproject.toml $(ADAPTERS:=/setup.cfg)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "webhook_kit needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' $(ADAPTERS:%=--editable './%[test]')
	@touch $@

install: $(STAMP) ## a virtual environment with everything the project needs

demo: $(STAMP)   ## an order's whole life between a local Gett and a POS; at a terminal it stays open
	$(BIN)/webhook-kit dev bogus --tour --option outcomes=hidden

test: check test-lowest browser ## everything CI runs: check, all tests, and the unit tests on the oldest dependencies allowed
	$(BIN)/python -m pytest -n auto
	@$(MAKE) --no-print-directory test-adapters

test-adapters: $(STAMP) ## the tests of every adapter under adapters/, each by itself, as its vendor would run them
	@set -e; for each in $(ADAPTERS); do echo "$$each"; $(BIN)/python -m pytest -n auto $$each/tests; done

check: $(STAMP)  ## ruff, mypy --strict, import-linter, public names
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@set -e; for each in $(ADAPTERS) examples/third_party_adapter; do echo "mypy $$each"; (cd $$each && MYPYPATH=$(CURDIR) $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml .); done
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_public_names.py

$(LOWEST)/.installed: setup.cfg pyproject.toml | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[test]'
	@touch $@

test-lowest: $(LOWEST)/.installed ## the unit tests with every dependency at its lower bound
	$(LOWEST)/bin/python -m pytest -n auto -q tests/gett tests/catalog tests/receiver tests/outbox

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

bench-catalog: $(STAMP) ## menus of 10,000 items: check, price, growth, memory, downloads
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.catalog

clean:           ## remove the virtual environment and all caches
	rm -rf $(VENV) $(LOWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .demo *.egg-info build dist
