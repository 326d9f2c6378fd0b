# What people type. Everything runs in .venv, which the first target to need it makes.

VENV := .venv
BIN := $(VENV)/bin
# Two installations, so that a look at the demo does not wait for the tools of tests and benchmarks.
RUN_STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# These score annotated records, which are nobody's to ship: make bench WFDB=folder ECGID=folder
WFDB_BENCHMARKS := r_peaks r_peak_stress ecg_quality ecg_delineation
ECGID_BENCHMARKS := identification ecg_artefacts
BENCHMARKS := $(filter-out $(WFDB_BENCHMARKS) $(ECGID_BENCHMARKS) r_peak_parameters,$(basename $(notdir $(shell grep -l __main__ benchmarks/*.py))))
# A free port of one's own: make dev PORT=3001
PORT ?= 3000
# A pipe has no width; cut the demo's tables as a terminal would.
COLUMNS ?= 120
export COLUMNS

.PHONY: help demo test dev lint bench torture screenshot clean

help:
	@echo "make demo        set up, write sample deliveries, run the whole pipeline, print the marts"
	@echo "make test        everything that is tested"
	@echo "make dev         Dagster's UI on http://127.0.0.1:$(PORT)"
	@echo "make lint        ruff, sqlfluff, mypy, import-linter"
	@echo "make bench       every benchmark: $(BENCHMARKS); with WFDB=folder, $(WFDB_BENCHMARKS) too; with ECGID=folder, $(ECGID_BENCHMARKS)"
	@echo "make torture     kill whole builds at random moments"
	@echo "make screenshot  docs/images/*.png, of a home of its own"
	@echo "make clean       remove .venv and what tools left behind, never data/"

demo: $(RUN_STAMP)
	@$(BIN)/vitalhouse generate all
	@$(BIN)/vitalhouse build
	@for mart in $$($(BIN)/vitalhouse sql --format csv \
	    "select relation from catalog.publication where relation not like 'catalog.%' and relation != 'balance.funnel' order by all" | tail -n +2); do \
	    echo; echo "$$mart"; $(BIN)/vitalhouse sql "from $$mart order by all limit 3"; \
	done
	@echo; echo "balance.funnel: who passed the gate of consent, and what was dropped for which reason"
	@$(BIN)/vitalhouse sql "select entity, from_zone, to_zone, outcome, row_count from balance.funnel \
	    order by entity, list_position(['lake', 'landing', 'trusted'], from_zone), is_kept, outcome"
	@echo; echo "wearable.adherence: who stopped wearing, syncing or sharing"
	@$(BIN)/vitalhouse sql "select participant_id, last_sync_at, nights_without_sleep, \
	    round(100 * recent_worn_share) as worn_pct, concat_ws(', ', if(is_withdrawn, 'withdrawn', null), \
	    if(is_without_token, 'no token', null), if(is_not_synced, 'not synced', null), \
	    if(is_without_sleep, 'no sleep', null), if(is_worn_too_little, 'worn too little', null)) as flags \
	    from wearable.adherence order by all"
	@echo "Now try:"
	@echo "  . $(BIN)/activate"
	@echo "  vitalhouse serve, and open http://127.0.0.1:8000"
	@echo "  vitalhouse status"
	@echo "  vitalhouse sql \"select sex, count(*), avg(mean_heart_rate_bpm) from ecg.subject group by sex\""
	@echo "  vitalhouse sql --file dbt_project/analyses/ecg/subject_age.sql"
	@echo "  vitalhouse series p001 --start 2024-10-24 --end 2024-10-25 --plot day.png"
	@echo "  make dev"

test: $(DEV_STAMP)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

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
	rm -rf $(VENV) *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache dbt_project/target dbt_project/logs
	find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

# The first Python that is new enough; pyenv's stand-ins are there even for a version that is not, hence the try.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "making $(VENV) with $$($$python --version)"; exec $$python -m venv $(VENV); \
	    fi; \
	done; echo "Vitalhouse needs Python 3.11 or newer: make PYTHON=/path/to/python3" >&2; exit 1

$(RUN_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing what Vitalhouse runs on"
	@$(PIP_INSTALL) --editable .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "installing what tests, linters and benchmarks need"
	@$(PIP_INSTALL) --editable '.[dev]'
	@touch $@
