# Two commands do everything on a machine that has Python 3.11: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint types contracts wire bench clean

demo: .venv/.demo ## the city's story, in under half a minute; KEEP=1 leaves it running
	@$(BIN)/python -m examples.city $(if $(KEEP),--keep)

test: .venv/.dev ## everything that needs no server which isn't here; ends with what was skipped
	@$(BIN)/pytest -q

test-all: .venv/.dev tools ## everything, skipping nothing
	@$(BIN)/pytest -q --require-all

tools: .venv/.dev
	@$(BIN)/python tests/support/outside_tools.py install

lint: .venv/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: .venv/.dev
	@$(BIN)/mypy

contracts: .venv/.dev
	@$(BIN)/lint-imports

wire: .venv/.dev tools ## lint the wire contract, check it against the last release, regenerate and compare
	@$(BIN)/python protos/check.py

bench: .venv/.dev
	@$(BIN)/python bench/governed_read.py

clean:
	rm -rf .venv .tools .demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "python 3.11 or newer is needed; run: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'

.venv/.demo: .venv/bin/python pyproject.toml
	@echo 'installing packages (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml
	@echo 'installing packages for development (once) ...'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,pandas,polars]' --group dev
	@touch .venv/.demo $@
