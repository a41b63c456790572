# Needs Python 3.11 or newer, make, and a package index that pip can reach. `make` alone lists the targets.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV ?= $(BIN)/uv
INSTALLED := $(VENV)/.installed
NODE_MODULES := tests/node/node_modules/.package-lock.json
NPM_CI := npm ci --prefix tests/node --no-progress --loglevel=error --fetch-retries=1

RUN_LOCK := jobs/requirements.lock.txt
DEV_LOCK := tests/requirements.lock.txt
WITNESS_LOCK := tests/witness.requirements.txt
WITNESS := .venv-witness
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links $(LOCK_ARGS)
COMPILE = $(LOCK) pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv node demo test lint fmt types check docs chaos model simulate-faults mutants bench score witness pictures lock lock-check clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

venv: $(INSTALLED) ## Install everything, at the locked versions, into .venv

# One environment for all targets: the locked versions are the same ones that a runner installs.
$(INSTALLED): $(DEV_LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "migrate-mfa needs Python 3.11 or newer, and $(PYTHON) is %d.%d. Name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(DEV_LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node: ## Install the AWS SDK for JavaScript for one test; needs npm (make test does it where it can)
	$(NPM_CI)

# Without npm, or without a registry that it can reach, the test says so and is skipped.
$(NODE_MODULES): tests/node/package.json tests/node/package-lock.json
	@if command -v npm >/dev/null; then $(NPM_CI) || echo "npm could not install it: one test will be skipped"; fi

demo: $(INSTALLED) ## The whole job against an embedded Cognito; results in migrate-mfa-runs (ARGS=...)
	$(BIN)/migrate-mfa demo $(ARGS)

# More processes than cores: many tests wait for a clock or a child. Every worker and every child compiles the
# whole program where Python may not keep what it compiled.
test: export PYTHONDONTWRITEBYTECODE =
test: $(INSTALLED) $(NODE_MODULES) ## Run the tests (ARGS=... for pytest)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

lint: $(INSTALLED) ## Style, format, and the order of the layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

fmt: $(INSTALLED) ## Put right what can be put right by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(INSTALLED) ## Check the types
	$(BIN)/mypy

check: lint types test lock-check ## All that must pass before a change goes in

docs: $(INSTALLED) ## Write the topic that follows from the code: guide/reference.md
	$(BIN)/python -m tests.docs.reference

chaos: $(INSTALLED) ## Kill runs again and again; nothing may be lost or done twice (ARGS=...)
	$(BIN)/python -m tests.tools.chaos.chaos $(ARGS)

model: $(INSTALLED) ## Commands in all orders and endings on two run directories; all can be taken back (ARGS=...)
	$(BIN)/python -m tests.model.model $(ARGS)

simulate-faults: $(INSTALLED) ## Play the engine on virtual time against late reads, lost answers and kills (ARGS=...)
	$(BIN)/python -m tests.simulation.simulate $(ARGS)

mutants: $(INSTALLED) ## Break every promise on purpose; the tests must notice (ARGS=...)
	$(BIN)/python -m tests.tools.mutants.mutants $(ARGS)

bench: $(INSTALLED) ## Measure speed and memory beside what people do today (ARGS=all, or a part)
	$(BIN)/python -m tests.tools.bench.bench $(ARGS)

witness: $(INSTALLED) $(WITNESS)/.installed ## Have another emulator enforce the printed policies (ARGS=...)
	$(BIN)/python -m pytest tests/commands/test_policy_witness.py $(ARGS)

$(WITNESS)/.installed: $(WITNESS_LOCK)
	$(PYTHON) -m venv $(WITNESS)
	$(WITNESS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(WITNESS_LOCK)
	@touch $@

pictures: $(INSTALLED) ## Draw the pictures of the documentation anew (needs Chromium)
	$(BIN)/python -m tests.tools.pictures.pictures

score: $(INSTALLED) ## Run moto's and ministack's Cognito tests against the simulator; minutes (ARGS=...)
	$(BIN)/python -m tests.tools.score.score $(ARGS)

lock: $(INSTALLED) ## Write the lock files anew; LOCK_ARGS=--upgrade takes the newest versions
	$(COMPILE) --all-extras --group dev --output-file $(DEV_LOCK)
	$(COMPILE) --constraint $(DEV_LOCK) --output-file $(RUN_LOCK)
	$(LOCK) --group witness --output-file $(WITNESS_LOCK)

lock-check: $(INSTALLED) ## The lock files fit pyproject.toml and each other, and name no place
	@! grep -nE '://|--index|--extra-index|--find-links|file:' $(RUN_LOCK) $(DEV_LOCK) $(WITNESS_LOCK)
	@awk '!/==/ { next } FILENAME == ARGV[1] { dev[$$1]; next } !($$1 in dev) { print FILENAME ": " $$1 " is not in " ARGV[1]; bad = 1 } END { exit bad }' $(DEV_LOCK) $(RUN_LOCK)
	$(BIN)/python -m pip check

clean: ## Remove .venv and caches; run directories stay, they are the only truth about a run
	rm -rf $(VENV) $(WITNESS) tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage* dist build
	find migrate_mfa tests -name __pycache__ -type d -prune -exec rm -rf {} +
