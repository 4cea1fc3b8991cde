# `make demo` and `make test` set up everything they need; a second run finds it in place.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

MEMBERS      := squidie_core squidie_storage_sql squidie_storage_dynamodb squidie_leases_redis contract_tests
DEMO_MEMBERS := squidie_core squidie_storage_sql
PROJECTS     := $(MEMBERS:%=%/pyproject.toml)

# The tests start hundreds of processes: compiled once, modules are imported in a third of the time. Some machines' images
# forbid it, because they do not keep what is written.
export PYTHONDONTWRITEBYTECODE :=

# Exact versions, for what is installed and for what builds it.
INSTALL = $(BIN)/uv pip install --system-certs --quiet --compile-bytecode --python $(BIN)/python --constraints constraints.txt --build-constraints constraints.txt
editable = $(foreach member,$(1),--editable ./$(member))

# Written by a stranger, as far as the others know: found by its entry points, tested by the public suite.
EXAMPLES := examples/adapter_author

.PHONY: demo test contract contract-page chaos smoke resilience soak explore simulate bench coverage lint format constraints clean

demo: $(VENV)/.demo
	$(BIN)/squidie demo

# Tests wait for servers and processes more than they compute, so they run in more processes than there are cores.
# `make test AT_ONCE=0` runs them in one. With `loadgroup` each process gets a test when it has finished another.
AT_ONCE ?= 3

test: $(VENV)/.emulators
	$(BIN)/python -m pytest -n $(AT_ONCE) --dist loadgroup $(ARGS)

# `make chaos MINUTES=10 RUNS=5000`, `make chaos SEED=7`, `make chaos ARGS="-k operators"`
chaos: $(VENV)/.dev
	SQUIDIE_CHAOS_MINUTES=$(MINUTES) SQUIDIE_CHAOS_RUNS=$(RUNS) SQUIDIE_CHAOS_SECONDS=$(or $(SECONDS),60) \
	  SQUIDIE_CHAOS_WORKERS=$(WORKERS) SQUIDIE_CHAOS_SEED=$(SEED) $(BIN)/python -m tests.chaos $(ARGS)

# The checks of examples/host_app: `make smoke STORE=postgresql://...`, `make soak RUNS=5000`
smoke resilience soak: $(VENV)/.dev
	cd examples/host_app && ../../$(BIN)/python -m host_app $@ $(if $(STORE),--store $(STORE)) $(if $(RUNS),--runs $(RUNS))

# A crash at every round trip of every reference workflow, on every storage; `make test` tries some of them.
explore: $(VENV)/.emulators
	SQUIDIE_EXPLORE=all $(BIN)/python -m pytest tests/exploring -s --show-capture=no $(ARGS)

# `make simulate WORLDS=10000`: random workflows, workers, operators, clocks and faults
simulate: $(VENV)/.dev
	SQUIDIE_SIMULATIONS=$(or $(WORLDS),10000) $(BIN)/python -m pytest tests/simulation -o timeout=0 --show-capture=no -s $(ARGS)

# `make contract PROFILE=thorough` holds our adapters to their contract for longer; `ARGS="-k Sqlite"` takes one of them.
PROFILE ?= quick
CONTRACT = $(BIN)/python -m pytest contract_tests/adapters -o timeout=0 --contract-profile=$(PROFILE)

contract: $(VENV)/.emulators
	$(CONTRACT) $(ARGS)

# Renews docs/contract.md from the clauses, and from what becomes of them now.
contract-page: $(VENV)/.emulators
	$(CONTRACT) --ignore contract_tests/adapters/test_the_page.py --contract-report=$(VENV)/contract.json
	$(BIN)/python -m squidie_contract.page $(VENV)/contract.json docs/contract.md

# `make bench JSON=report.json`, `make bench ONLY=postgresql_runs,wide_run`, `make bench ARGS="--scale 0.1 --no-peers"`
bench: $(VENV)/.emulators
	$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json $(JSON)) $(ARGS)

coverage: $(VENV)/.emulators
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage report

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Renews the pins: the newest versions that Python 3.11 and later can share. No pin names where it came from.
constraints: $(VENV)/.uv
	echo uv | $(BIN)/uv pip compile --system-certs --quiet --upgrade --universal --python-version 3.11 \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-package squidie-core \
	  --group pyproject.toml:dev $(PROJECTS) - --output-file constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage $(MEMBERS:%=%/dist)
	find $(MEMBERS) tests -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.uv: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	touch $@

$(VENV)/.demo: $(VENV)/.uv $(DEMO_MEMBERS:%=%/pyproject.toml)
	$(INSTALL) $(call editable,$(DEMO_MEMBERS))
	touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml $(PROJECTS) $(EXAMPLES:%=%/pyproject.toml)
	$(INSTALL) $(call editable,$(MEMBERS) $(EXAMPLES)) --group dev
	touch $@ $(VENV)/.demo

# Without the npm registry the tests that need an emulator are skipped, or fail where CI is set.
$(VENV)/.emulators: $(VENV)/.dev tests/emulators/package-lock.json
	-$(BIN)/python tests/emulators/install.py && touch $@
