# Everything runs in .venv, which the targets make themselves. In this folder `python -m pyredis` and the tests use the
# sources, interpreted; `make build` installs the compiled package beside them, as .venv/bin/pyredis.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
TESTS ?=
LANGUAGES ?= go rust java
SOURCES := $(shell find pyredis -name '*.py')

.DEFAULT_GOAL := help
.PHONY: help run test test-compiled test-asyncio build style lint types clients differential fuzz crash coverage bench bench-quick bench-check bench-baseline bench-types bench-large docs check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/.tools: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -U pip setuptools wheel
	$(BIN)/python scripts/requirements.py test lint bench | $(BIN)/python -m pip install -q -r /dev/stdin
	@touch $@

.venv/.compiled: .venv/.tools setup.py $(SOURCES)
	$(BIN)/python -m pip install -q --no-build-isolation --no-deps --force-reinstall .
	@rm -rf build/lib* build/bdist* pyredis.egg-info
	@echo $${PYREDIS_OPT_LEVEL:-3} > $@

run: .venv/.tools ## start the server: make run ARGS="--port 7000"; compiled if `make build` was done
	@if [ -e .venv/.compiled ]; then exec $(BIN)/pyredis $(ARGS); else exec $(BIN)/python -m pyredis $(ARGS); fi

build: .venv/.compiled ## compile: leaves the server at .venv/bin/pyredis
	@$(BIN)/pyredis --version

test: .venv/.tools ## run the tests, interpreted: make test TESTS=tests/commands
	$(BIN)/python -m pytest -n auto $(TESTS)

test-compiled: .venv/.compiled ## run the tests against the compiled package
	@rm -rf build/compiled && mkdir -p build/compiled
	@cp -r tests benchmarks scripts docs pyproject.toml mkdocs.yml Makefile setup.py README.md CHANGELOG.md \
		CONTRIBUTING.md contrib build/compiled
	cd build/compiled && PYREDIS_TEST_COMMAND="$(CURDIR)/$(BIN)/pyredis" PYREDIS_TEST_FORM=compiled \
		../../$(BIN)/python -m pytest -n auto $(TESTS)

test-asyncio: .venv/.tools ## run the tests of the whole server on asyncio's own loop in debug mode
	PYREDIS_LOOP=debug $(BIN)/python -m pytest -n auto tests/server

style: .venv/.tools ## format the code
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lint: .venv/.tools ## check style
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/.tools ## check types
	$(BIN)/mypy

differential: .venv/.tools ## 50,000 random commands to pyredis and to redis-server
	$(BIN)/python -m tests.differential --commands 50000

fuzz: .venv/.tools ## 1,000,000 hostile byte streams
	$(BIN)/python -m tests.fuzz --inputs 1000000

build/clients/.installed: tests/clients/requirements.txt tests/clients/requirements-celery.txt tests/clients/package.json
	$(PYTHON) -m venv build/clients/python && build/clients/python/bin/pip install -q -r tests/clients/requirements.txt
	$(PYTHON) -m venv build/clients/celery && build/clients/celery/bin/pip install -q -r tests/clients/requirements-celery.txt
	mkdir -p build/clients/node && cp tests/clients/package.json build/clients/node
	if command -v npm >/dev/null; then cd build/clients/node && npm install --silent --no-audit --no-fund; fi
	@touch $@

clients: .venv/.tools build/clients/.installed ## run unmodified clients and frameworks; LANGUAGES= leaves out go rust java
	@if [ -n "$(LANGUAGES)" ]; then $(BIN)/python -m tests.clients.builds $(LANGUAGES); fi
	$(BIN)/python -m pytest -n auto tests/clients

crash: .venv/.tools ## kill the server 500 times while it writes
	$(BIN)/python -m tests.crash --rounds 500

coverage: .venv/.tools ## branch coverage
	$(BIN)/python -m coverage run -m pytest && $(BIN)/python -m coverage report

bench: .venv/.compiled ## compare with redis-server and other peers; writes benchmarks/results and docs/benchmarks.md
	$(BIN)/python -m benchmarks.compare --ours compiled --peer interpreted --peer fakeredis
	PYREDIS_TEST_COMMAND=$(BIN)/pyredis $(BIN)/python -m benchmarks.scenarios active
	PYREDIS_TEST_COMMAND=$(BIN)/pyredis $(BIN)/python -m benchmarks.scenarios latency

bench-quick: .venv/.compiled ## the comparison in two minutes, for a look
	$(BIN)/python -m benchmarks.compare --ours compiled --quick

bench-check: .venv/.compiled ## fail if commands take more instructions than they did; needs valgrind
	$(BIN)/python -m benchmarks.instructions

bench-baseline: ## make what commands take now what bench-check compares with; compiles as CI does
	PYREDIS_OPT_LEVEL=1 $(MAKE) $(if $(filter 1,$(shell cat .venv/.compiled 2>/dev/null)),,-W setup.py) build
	$(BIN)/python -m benchmarks.instructions --write

bench-types: .venv/.compiled ## the data types beside redis-server: CPU, memory, waiting, growth with size
	$(BIN)/python -m benchmarks.datatypes --command $(BIN)/pyredis

bench-large: .venv/.compiled ## bytes per key of every type, and up to ten million keys; needs 4 GB and ten minutes
	$(BIN)/python -m benchmarks.datatypes memory --command $(BIN)/pyredis
	PYREDIS_TEST_COMMAND=$(BIN)/pyredis $(BIN)/python -m benchmarks.scenarios ten-million

.venv/.docs: .venv/.tools
	$(BIN)/python scripts/requirements.py docs | $(BIN)/python -m pip install -q -r /dev/stdin
	@touch $@

docs: .venv/.docs ## build the documentation into build/site; a warning is a failure
	$(BIN)/python -m scripts.build_docs

check: lint types test test-compiled ## what has to pass before a change lands

clean: ## remove everything that the targets made
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis
