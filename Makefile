# Works with Python 3.11, make and git alone: uv is used if present, else venv and pip.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
STAMP := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)

.PHONY: setup run test ui lint audit bench bench-identity bench-faults bench-fuzz clean lock

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
ifdef UV
	@test -x $(BIN)/python || uv venv --quiet --seed --python 3.11 $(VENV)
	@echo "installing the locked packages …"
	@uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements.lock
else
	@test -x $(BIN)/python || { command -v $(PYTHON) >/dev/null && $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV); }
	@$(BIN)/python -c 'import sys; assert sys.version_info[:2] == (3, 11), f"Python 3.11 is needed, found {sys.version}"'
	@echo "installing the locked packages, about two minutes …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
endif
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: setup ## make the demo retailer and run everything
	$(BIN)/stammkunde demo --no-serve
	$(BIN)/stammkunde run

test: setup ## every check that a change must pass
	$(BIN)/pytest

ui: setup ## Dagster on 127.0.0.1 with the demo loaded
	@test -e $${STAMMKUNDE_HOME:-.stammkunde}/published/stammkunde.duckdb || $(MAKE) run
	$(BIN)/stammkunde ui

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint dbt/models dbt/tests
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive stammkunde ingestion ml exports privacy expectations dagster_project

audit: ## known vulnerabilities of the locked packages; needs a network
	@test -x .venv-audit/bin/pip-audit || { $(PYTHON) -m venv .venv-audit && .venv-audit/bin/pip install --quiet pip-audit; } \
	  || { rm -rf .venv-audit; echo "make audit needs a network: pip-audit could not be installed"; exit 1; }
	@.venv-audit/bin/pip-audit --requirement requirements.lock --disable-pip --require-hashes \
	  || { echo "either a package above has a known vulnerability, or the database of vulnerabilities cannot be reached"; exit 1; }

bench: setup ## figures for the README; needs ../shared/data for the UCI part
	$(BIN)/python benchmarks/uci_online_retail.py
	$(BIN)/python benchmarks/ingest.py
	$(MAKE) bench-identity

bench-identity: $(BENCH)/.installed ## identity resolution beside others; wider with ../shared/data
	PYTHONPATH=. $(BENCH)/bin/python benchmarks/identity.py

bench-faults: setup ## 200 kills over the whole pipeline, about two hours
	PYTHONPATH=. $(BIN)/python benchmarks/faults.py --kills 200

bench-fuzz: setup ## ten minutes of damaged files for the parsers
	PYTHONPATH=. $(BIN)/python benchmarks/fuzz.py --minutes 10

# The peers live in an environment of their own on top of ours.
$(BENCH)/.installed: requirements-bench.lock $(STAMP)
	@test -x $(BENCH)/bin/python || $(BIN)/python -m venv $(BENCH)
	@echo "import site; site.addsitedir('$(CURDIR)/$(VENV)/lib/python3.11/site-packages')" > $(BENCH)/lib/python3.11/site-packages/stammkunde.pth
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	@touch $(BENCH)/.installed

lock: ## after a change of pyproject.toml; needs uv
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --no-emit-find-links --python-version 3.11 -o requirements.lock --quiet
	uv pip compile --group bench --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --no-emit-find-links --python-version 3.11 -c requirements.lock -o requirements-bench.lock --quiet

clean:
	rm -rf $(VENV) $(BENCH) .stammkunde dbt/target
