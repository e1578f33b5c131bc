# Two commands rebuild and prove the lab: `make lab` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV := .venv
JOBS ?= 2
INSTALLED := $(VENV)/.installed

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# A caller's own environment must not leak into the one made here.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup lab test test-slow bench contests

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(INSTALLED) ## Make .venv with everything in it (nothing is done if it is there)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'svhn-lab needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	@touch $@

lab: setup ## Rebuild every result that is out of date, JOBS stages at once
	python -m svhn_lab repro --jobs $(JOBS)
	@python -m svhn_lab sync || true # says why, if it cannot; the results are there all the same
	@echo
	@echo 'The page:  results/page/index.html'
	@echo 'Every run: $(VENV)/bin/svhn-lab ui   then open http://127.0.0.1:5000'

contests: setup ## Find the best small network, which takes hours to days; SEEDS=5 sets how many seeds
	@$(if $(SEEDS),python -m contests.seeds $(SEEDS))
	python -m svhn_lab repro --jobs $(JOBS) contests/dvc.yaml:search contests/dvc.yaml:contests
	@if [ -e results/evaluation.json ]; then dvc repro --force --single-item register && \
		dvc repro --force --single-item report; \
	else echo 'Nothing is registered, and no page is made, before `make lab`'; fi

test: setup ## Lint, types and the fast tests, JOBS at once
	ruff check .
	ruff format --check .
	mypy
	pytest -m 'not slow' -n $(JOBS)

test-slow: setup ## The tests that run whole graphs and servers
	pytest -m slow -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=20

bench: setup ## Measure training against its peers, bfloat16, rendering of digits, sync, and latency
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev,bench]'
	python -m benchmarks.speed
	python -m benchmarks.precision
	python -m benchmarks.rendered
	python -m benchmarks.sync
	dvc repro prepare
	python -m benchmarks.latency
