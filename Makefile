PORT ?= 8501
JOBS ?= auto
PY := .venv/bin/python
MODELS ?=

.PHONY: setup setup-dev debian run test test-fast lint bench bench-search bench-peers docs

setup: .venv/installed

.venv/installed: requirements.txt
	test -x $(PY) || python3 -m venv .venv
	.ci/install $(PY) requirements.txt
	touch $@

setup-dev: debian .venv/installed-dev

.venv/installed-dev: requirements-dev.txt .venv/installed
	.ci/install $(PY) requirements-dev.txt
	touch $@

debian:
	@command -v chromium >/dev/null || ./.ci/debian chromium
	@command -v pg_ctlcluster >/dev/null || ./.ci/debian postgresql

run: setup
	$(PY) -m optim serve --port $(PORT)

# Side by side what can be, then one by one what needs the machine to itself.
test: setup-dev
	$(PY) -m pytest -m "not alone" -n $(JOBS) --cov --cov-report=
	$(PY) -m pytest -m alone --cov --cov-append

test-fast: setup-dev
	$(PY) -m pytest -m "not alone and not slow" -n $(JOBS)

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

# Models are made and recipes measured only as far as they are not there yet: hours, the first time.
bench-search: setup-dev
	$(PY) -m bench grid $(MODELS)
	$(PY) -m bench search --document

bench-peers: setup-dev
	$(PY) -m bench peers $(MODELS) --document
