PORT ?= 8501
# Tests wait for their children a third of the time: one worker more than there are cores.
JOBS ?= $(shell expr $$(nproc) + 1)
SEED ?= 1
SECONDS ?= 120
PY := .venv/bin/python
MODELS ?=
ENGINES ?=
# Where it is set, each of thousands of processes would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-dev debian run test test-fast test-all test-engines coverage lint bench bench-search bench-peers bench-serve bench-gpu bench-families fuzz docs

setup: .venv/installed

.venv/installed: requirements.txt requirements-alone.txt
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
	$(PY) -m pytest -m "not alone and not deep" -n $(JOBS)
	$(PY) -m pytest -m "alone and not deep"

test-fast: setup-dev
	$(PY) -m pytest -m "not alone and not slow and not deep" -n $(JOBS)

test-all: setup-dev
	$(PY) -m pytest -m "not alone" -n auto
	$(PY) -m pytest -m alone

# What every engine promises, of those with packages of their own: installed as far as they are not.
test-engines: setup-dev
	$(PY) -m tests.engines $(ENGINES)

# Every test again, a quarter slower: which lines and branches they run.
coverage: setup-dev
	$(PY) -m pytest -m "not alone" -n auto --cov --cov-report=
	$(PY) -m pytest -m alone --cov --cov-append

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

# Spoiled files through every door; SEED tries others. A short run is among the tests.
fuzz: setup-dev
	$(PY) -m fuzz --seed $(SEED) --out docs/reliability.md

# Models are made and recipes measured only as far as they are not there yet: hours, the first time.
bench-search: setup-dev
	$(PY) -m bench grid $(MODELS)
	$(PY) -m bench search --document

# Servers: what they add, how settings are found, that nothing is lost, peers, the twin's error.
# Each part loads for SECONDS; a grid of settings to the end takes half an hour.
bench-serve: setup-dev
	$(PY) -m bench serving --seconds $(SECONDS) --document

# What an NVIDIA GPU of this machine brings, engine by engine.
bench-gpu: setup-dev
	$(PY) -m bench gpus $(MODELS)

# Which pass and which engine pays where: what is not measured yet, for 25 minutes.
bench-families: setup-dev
	$(PY) -m bench families $(MODELS) --document

bench-peers: setup-dev
	$(PY) -m bench peers $(MODELS) --document
