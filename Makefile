# What a contributor and CI run. PYTHON names the interpreter: make test PYTHON=python3.13
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint matrix docs screenshots clean

## Two sites and an identity provider to try it with. Ctrl-C ends all.
demo: $(VENV)/demo
	$(BIN)/python manage.py demo $(ARGS)

## The tests; what this machine lacks is skipped, with a reason. REQUIRE_ALL=1 makes it a failure.
test: $(VENV)/dev
	$(BIN)/python -m pytest $(ARGS)

## Style, types and forgotten migrations.
lint: $(VENV)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
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

clean:
	rm -rf $(VENV) .tox .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache build dist

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
