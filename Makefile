# Two commands do everything on a fresh machine with Python 3.11 or newer: `make repro` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# What the tools need beyond the line itself; `EXTRAS=dev,docs make setup` installs more.
EXTRAS ?= dev
PYTEST_ARGS ?=
BENCH_ARGS ?=
PEERS := .venv-bench
DOLMA_PEERS := .venv-bench-dolma
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup repro test test-all check serve report bench bench-dedup bench-signals bench-extract bench-language \
        bench-loader bench-strategies bench-train clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 26

setup: $(STAMP) ## create .venv and install what is pinned in constraints.txt

# The stamp is as old as the last installation: a changed pyproject.toml or constraints.txt installs again.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || { \
	  echo "bessemer: Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." \
	       "Install one and name it: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "bessemer: installing into $(VENV) (some minutes, once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $(STAMP)

repro: $(STAMP) ## run the line from the raw sources to the evaluated model; only what has changed
	@bessemer run

test: $(STAMP) ## run the tests that a change needs (minutes)
	@python -m pytest -m "not long" --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-all: $(STAMP) ## run all tests: kills, browsers, several processes
	@python -m pytest $(PYTEST_ARGS)

check: $(STAMP) ## lint, format, types, dependency rules
	@ruff check .
	@ruff format --check .
	@mypy
	@lint-imports
	@bessemer sync-deps --check

serve: $(STAMP) ## start a Prefect server and the line as a deployment, on this machine
	@python -m flows.serve

report: $(STAMP) ## write the overall report of the newest run again
	@bessemer report

bench: bench-dedup bench-signals bench-extract bench-language bench-loader bench-strategies bench-train ## measure beside peers; strategies beside each other

# The peers have needs of their own, so they have an environment of their own.
$(PEERS)/.installed: benchmarks/peers.txt | $(STAMP)
	@test -x $(PEERS)/bin/python || $(BIN)/python -m venv $(PEERS)
	@echo "bessemer: installing what is measured beside it into $(PEERS)"
	@$(PEERS)/bin/python -m pip install --quiet --requirement benchmarks/peers.txt
	@touch $@

# Dolma wants versions that the others cannot have, and has no wheel for Python 3.13: there the rest is measured.
$(DOLMA_PEERS)/.installed: benchmarks/peers-dolma.txt | $(STAMP)
	@mkdir -p $(DOLMA_PEERS)
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))'; then \
	  test -x $(DOLMA_PEERS)/bin/python || $(BIN)/python -m venv $(DOLMA_PEERS); \
	  echo "bessemer: installing Dolma's taggers into $(DOLMA_PEERS)"; \
	  $(DOLMA_PEERS)/bin/python -m pip install --quiet --only-binary :all: --requirement benchmarks/peers-dolma.txt; \
	else echo "bessemer: Dolma needs Python 3.12 or older, so it is not measured"; fi
	@touch $@

bench-dedup: $(STAMP) $(PEERS)/.installed ## measure deduplication beside datasketch, datatrove and rensa (BENCH_ARGS)
	@test -f data/documents/_manifest.json || bessemer run ingest
	@python -m benchmarks.dedup $(BENCH_ARGS)

bench-signals: $(STAMP) $(PEERS)/.installed $(DOLMA_PEERS)/.installed ## measure quality signals beside datatrove and Dolma (BENCH_ARGS)
	@test -f data/language/_manifest.json || bessemer run language
	@python -m benchmarks.signals $(BENCH_ARGS)

bench-extract: $(STAMP) ## measure extraction beside bare FastWARC with resiliparse and trafilatura (BENCH_ARGS)
	@python -m benchmarks.extract $(BENCH_ARGS)

bench-language: $(STAMP) ## measure language identification beside bare fastText (BENCH_ARGS)
	@test -f data/documents/_manifest.json || bessemer run ingest
	@python -m benchmarks.language $(BENCH_ARGS)

bench-loader: $(STAMP) ## measure the loader beside a plain loop over a mapped array (BENCH_ARGS)
	@python -m benchmarks.loader $(BENCH_ARGS)

bench-strategies: $(STAMP) ## train with every strategy and compare the losses (needs the shards of a run)
	@if [ -d data/tokens/train ]; then python -m benchmarks.strategies; \
	  else echo "bessemer: data/tokens is missing: 'make repro' makes what the strategies are compared on"; fi

bench-train: $(STAMP) ## measure training beside nanoGPT- and Hugging Face-style loops of the same shape (BENCH_ARGS)
	@python -m benchmarks.train $(BENCH_ARGS)

clean: ## remove caches; artifacts, the DVC cache, live checkpoints, facts of runs and environments stay
	@rm -rf .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@find . -name __pycache__ -type d -not -path './.venv*/*' -prune -exec rm -rf {} +
