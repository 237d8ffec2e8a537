# `make help` lists what there is. Everything is installed into .venv, from constraints.txt; nothing outside this folder is touched.
PY := .venv/bin/python
# what tests speak to real peers of; make test installs these
EXTRAS := [test,postgres,clickhouse,mcp]

# A moved or copied checkout: its .venv points at the old place, so its stamps count for nothing.
ifneq ($(shell cat .venv/.at 2>/dev/null),$(realpath .)/.venv)
$(shell rm -f .venv/.core .venv/.test)
endif

.PHONY: help up demo test lint bench pictures lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 16

up: .venv/.core  ## start everything and print the address to open; Ctrl-C stops it
	@$(PY) -m flows.cli up

demo: .venv/.core  ## the main job on sample data, in the terminal
	@$(PY) -m flows.cli demo

test: .venv/.test  ## all tests; the first time also what they speak to
	@.ci/peers && .ci/test

lint: .venv/.test  ## ruff and mypy
	@$(PY) -m ruff check .
	@$(PY) -m mypy

bench: .venv/.test  ## measure, and print ratios; bench_kill.py and bench_million.py take long and are run by hand
	@rc=0; for bench in $(filter-out %/bench_kill.py %/bench_million.py,$(sort $(wildcard benchmarks/bench_*.py))); do $(PY) "$$bench" || rc=1; done; exit $$rc

pictures: .venv/.test  ## take the pictures of docs/pictures from the real app
	@$(PY) docs/pictures/make.py

lock: .venv/.core  ## resolve all packages again: constraints.txt, constraints-bq.txt
	@.ci/lock

clean:  ## remove what was built and installed here; your data in .penstock stays
	rm -rf .venv .venv-bq .venv-focus build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.core: pyproject.toml constraints.txt .ci/install .ci/indexes
	@.ci/install && touch $@

.venv/.test: Makefile pyproject.toml constraints.txt .ci/install .ci/indexes
	@.ci/install '$(EXTRAS)' && touch $@ .venv/.core
