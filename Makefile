# make demo        set up, train, serve, replay, explain, report, then open the dashboard until Ctrl-C
# make demo ONCE=1 the same without staying up; prints one JSON object last
# make test        everything that gates a change
# make check       only the linters and type checks
# make test-servers        real model servers, each in its own environment, driven while they are captured
# make bench BENCH=demo    one benchmark; prints one JSON line last

SHELL := /bin/bash
# The first interpreter that Watchglass runs on; set PYTHON to choose another.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH ?= demo
DEMO_FLAGS := $(if $(ONCE),--once)

.PHONY: test-servers demo test check bench setup clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Watchglass needs Python 3.11, 3.12 or 3.13, and none was found. Install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' 2>/dev/null || { echo "Watchglass needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)
	$(BIN)/watchglass demo $(DEMO_FLAGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n 2 --dist loadgroup

# SERVERS=kserve,triton takes only these; PAYLOADS=dir replays recordings instead.
test-servers: $(READY)
	SERVERS="$(SERVERS)" PAYLOADS="$(PAYLOADS)" $(BIN)/python -m tests.benchmarks.servers

bench: $(READY)
	$(BIN)/python -m tests.benchmarks.$(BENCH)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
