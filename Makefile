# Each target sets up what it needs in .venv, given Python 3.11 or newer and make.

# The first of these that is there and new enough; `make PYTHON=...` names another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench sweep docs clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## classify digits on simulated NSPs, then compile and run ResNet-50
	$(RUN) -m tools.demo

test: lint ## check style and types, then run every test
	$(RUN) -m pytest -n 2

lint: $(VENV)/.test ## check style and types
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m pyright

bench: $(VENV)/.bench ## measure against the bars, as ratios in one run
	$(RUN) -m bench

sweep: $(VENV)/.models ## every network, and 200 random ones, in every precision on many numbers of cores
	$(RUN) -m pytest -m sweep

docs: $(VENV)/.core ## write the reference of options, passes and operations to docs/reference
	$(RUN) -m tools.docs

clean: ## remove the environment and what tests and builds left
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

# One stamp per set of extras, made only when the installation has succeeded: an interrupted one starts again.
$(VENV)/.core: EXTRAS :=
$(VENV)/.demo: EXTRAS := [demo]
$(VENV)/.test: EXTRAS := [test,mlir]
$(VENV)/.bench: EXTRAS := [bench]
$(VENV)/.models: EXTRAS := [test,models,sweep]

$(VENV)/.core $(VENV)/.demo $(VENV)/.test $(VENV)/.bench $(VENV)/.models: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.$(EXTRAS)'
	@touch $@
