# What a contributor and CI run. PYTHON names the interpreter: make test PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint matrix docs screenshots bench load mutants clean

## Two sites and an identity provider to try it with. Ctrl-C ends all.
demo: $(VENV)/demo
	$(BIN)/python manage.py demo $(ARGS)

## The tests that run anywhere; ARGS=e2e runs those against other software. What this machine lacks is
## skipped, with a reason; REQUIRE_ALL=1 makes it a failure.
test: $(VENV)/dev
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(ARGS)

## Style, types, workflows and forgotten migrations.
lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet .github/workflows
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemigrations --check

## The tests on every Python and Django that is supported and there, and their coverage.
matrix: $(VENV)/matrix
	$(BIN)/tox run-parallel --parallel 2 --parallel-no-spinner $(ARGS)
	$(BIN)/coverage combine
	$(BIN)/coverage report

## The documentation, into build/docs.
docs: $(VENV)/dev
	$(BIN)/sphinx-build -W --keep-going -n -b html docs build/docs

## The pictures in docs/, taken of the demo; needs chromium.
screenshots: $(VENV)/dev
	$(BIN)/python docs/screenshots.py

## What it costs, beside its peers; the table and the charts go into docs/. ARGS=--short only sees that it runs.
bench: $(VENV)/dev
	$(PIP) --group bench
	$(BIN)/python -m tools.benchmarks --install --docs $(ARGS)

## Many people at once while parts of it fail; says who survived it. ARGS="--seconds 600 --people 200".
load: $(VENV)/dev
	$(PIP) --group load --group servers
	$(BIN)/python -m tools.faults $(ARGS)

## Small mistakes made in the code and statements deleted, and whether a test notices. Long.
mutants: $(VENV)/dev
	$(PIP) --group mutation
	$(BIN)/mutmut run --max-children 1
	$(BIN)/mutmut results
	$(BIN)/python -m tools.deletions --skip-logging

clean:
	rm -rf $(VENV) .tox .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache build dist mutants

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade "pip>=25.1"
	touch $@

$(VENV)/demo: $(VENV)/pip pyproject.toml
	$(PIP) --editable ".[demo]"
	touch $@

$(VENV)/dev: $(VENV)/pip pyproject.toml
	$(PIP) --editable . --group dev
	touch $@

$(VENV)/matrix: $(VENV)/pip pyproject.toml
	$(PIP) --group matrix
	touch $@
