# What people type. Everything runs in .venv, which the first target to need it makes.

VENV := .venv
CONSTRAINTS := constraints.txt
BIN := $(VENV)/bin
# Two installations, so that a look at the demo does not wait for the tools of tests and benchmarks.
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# uv installs in seconds what takes pip a minute: the one of the machine, else one that pip puts into .venv first. Where it
# cannot be had, pip itself installs.
INSTALL = uv=$$(command -v uv || echo $(BIN)/uv); \
    [ -x "$$uv" ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) uv || true; \
    if [ -x "$$uv" ]; then "$$uv" pip install --quiet --python $(BIN)/python --constraint $(CONSTRAINTS) $(1); \
    else $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) $(1); fi
# These score annotated records, which are nobody's to ship: make bench WFDB=folder ECGID=folder
WFDB_BENCHMARKS := r_peaks r_peak_stress ecg_quality ecg_delineation
ECGID_BENCHMARKS := identification ecg_artefacts
BENCHMARKS := $(filter-out $(WFDB_BENCHMARKS) $(ECGID_BENCHMARKS) r_peak_parameters,$(basename $(notdir $(shell grep -l __main__ benchmarks/*.py))))
# A free port of one's own: make dev PORT=3001
PORT ?= 3000
# A pipe has no width: the demo's tables are cut as on a terminal.
COLUMNS ?= 120
export COLUMNS

.PHONY: help demo test test-slow test-all setup-duckdb2 test-duckdb2 dev lint bench torture screenshot clean

help:
	@echo "make demo        set up, write sample deliveries, run the whole pipeline, print the marts"
	@echo "make test        the tests, but for the slow ones"
	@echo "make test-slow   the slow tests alone: kills, mutations, browsers, real data"
	@echo "make test-all    all tests"
	@echo "make test-duckdb2  the quick pipeline tests on DuckDB 2.0, in an environment of its own"
	@echo "make dev         Dagster's UI on http://127.0.0.1:$(PORT)"
	@echo "make lint        ruff, sqlfluff, mypy, import-linter"
	@echo "make bench       every benchmark: $(BENCHMARKS); with WFDB=folder, $(WFDB_BENCHMARKS) too; with ECGID=folder, $(ECGID_BENCHMARKS)"
	@echo "make torture     kill whole builds at random moments"
	@echo "make screenshot  docs/images/*.png, of a home of its own"
	@echo "make clean       remove .venv and what tools left behind, never data/"

demo: $(RUN_STAMP)
	@$(BIN)/vitalhouse generate all
	@$(BIN)/vitalhouse build
	@$(BIN)/vitalhouse sql --file synthetic/demo.sql
	@echo
	@echo "Now try:"
	@echo "  . $(BIN)/activate"
	@echo "  vitalhouse serve, and open http://127.0.0.1:8000"
	@echo "  vitalhouse status"
	@echo "  vitalhouse sql \"select sex, count(*), avg(mean_heart_rate_bpm) from ecg.subject group by sex\""
	@echo "  vitalhouse sql --file dbt_project/analyses/ecg/subject_age.sql"
	@echo "  vitalhouse series p001 --start 2024-10-24 --end 2024-10-25 --plot day.png"
	@echo "  make dev"

# Tests marked slow kill processes at every instant, try thousands of mutations, drive browsers or read real data.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal

test: $(DEV_STAMP)
	$(PYTEST) -m "not slow" $(PYTEST_ARGS)

test-slow: $(DEV_STAMP)
	$(PYTEST) -m slow $(PYTEST_ARGS)

test-all: $(DEV_STAMP)
	$(PYTEST) $(PYTEST_ARGS)

# The same versions, but for duckdb. make compares the file's time: it is written only when constraints.txt has changed.
DUCKDB2 := .venv-duckdb2
DUCKDB2_MAKE = $(MAKE) --no-print-directory VENV=$(DUCKDB2) CONSTRAINTS=$(DUCKDB2)/constraints.txt

$(DUCKDB2)/constraints.txt: constraints.txt
	@mkdir -p $(DUCKDB2)
	@sed 's/^duckdb==.*/duckdb>=2.0,<2.1/' constraints.txt > $@

setup-duckdb2: $(DUCKDB2)/constraints.txt
	@$(DUCKDB2_MAKE) $(DUCKDB2)/.installed-dev

test-duckdb2: setup-duckdb2
	$(DUCKDB2_MAKE) test PYTEST_ARGS="tests/pipeline $(PYTEST_ARGS)"

dev: $(RUN_STAMP)
	DAGSTER_HOME="$$($(BIN)/python -m orchestration.lib.core.home)" \
	    $(BIN)/dagster dev --host 127.0.0.1 --port $(PORT)

lint: $(DEV_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --disable-progress-bar dbt_project
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV_STAMP)
	@for benchmark in $(BENCHMARKS); do \
	    echo; echo "== $$benchmark"; $(BIN)/python -m benchmarks.$$benchmark || exit 1; \
	done
	@echo; echo "== $(WFDB_BENCHMARKS)"
ifdef WFDB
	@for benchmark in $(WFDB_BENCHMARKS); do \
	    echo; echo "== $$benchmark"; $(BIN)/python -m benchmarks.$$benchmark --wfdb $(WFDB); \
	done
else
	@echo "skipped: name a folder of annotated WFDB records, make bench WFDB=…"
endif
	@echo; echo "== $(ECGID_BENCHMARKS)"
ifdef ECGID
	@for benchmark in $(ECGID_BENCHMARKS); do \
	    echo; echo "== $$benchmark"; $(BIN)/python -m benchmarks.$$benchmark --wfdb $(ECGID); \
	done
else
	@echo "skipped: name a folder of ECG-ID (Person_NN/rec_M), make bench ECGID=…"
endif

torture: $(DEV_STAMP)
	$(BIN)/python -m tests.support.crash_test $(TORTURE_ARGS)

screenshot: $(DEV_STAMP)
	$(BIN)/python docs/screenshot.py

clean:
	rm -rf $(VENV) $(DUCKDB2) *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# The first Python that is new enough; pyenv's stand-ins are there even for a version that is not, hence the try.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "making $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	    fi; \
	done; echo "Vitalhouse needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1

$(RUN_STAMP): pyproject.toml $(CONSTRAINTS) | $(BIN)/python
	@echo "installing what Vitalhouse runs on"
	@$(call INSTALL,--editable .)
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "installing what tests, linters and benchmarks need"
	@$(call INSTALL,--editable '.[dev]')
	@touch $@
