PORT ?= 8501
PY := .venv/bin/python

.PHONY: setup setup-dev run test lint bench docs

setup: .venv/installed

.venv/installed: requirements.txt
	test -x $(PY) || python3 -m venv .venv
	$(PY) -m pip install -q -r requirements.txt
	touch $@

setup-dev: setup .venv/installed-dev
	@command -v chromium >/dev/null || ./.ci/debian chromium
	@command -v pg_ctlcluster >/dev/null || ./.ci/debian postgresql

.venv/installed-dev: requirements-dev.txt .venv/installed
	$(PY) -m pip install -q -r requirements-dev.txt
	touch $@

run: setup
	$(PY) -m optim serve --port $(PORT)

test: setup-dev
	$(PY) -m pytest

lint: setup-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m optim docs --check

docs: setup
	$(PY) -m optim docs

bench: setup-dev
	$(PY) -m bench
