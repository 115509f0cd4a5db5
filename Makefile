# Every target sets itself up: a Python >= 3.11 with venv is all that must be there.
#
#   make run ARGS="--port 9000"       arguments for the server
#   make test-fast ARGS="-k codes"    arguments for pytest
#   make PYTHON=/path/to/python run   use this Python

VENV ?= .venv
PYTHON ?=
ARGS ?=
TEST_PROCESSES ?= 2

PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
BIN := $(VENV)/bin
# Tools are started as modules: scripts in a virtual environment break when the folder is moved.
PY := $(BIN)/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check

RUN_PINS := requirements/build.txt requirements/runtime.txt requirements/runtime-intel-mac.txt
DEV_PINS := requirements/test.txt requirements/dev.txt

MADE := $(VENV)/.made-for
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-slow check check-format check-lint check-types check-imports \
	check-migrations format coverage bench lock force

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## ---- use

run: $(RUN_READY) ## start the server; ARGS="--port 9000"
	@exec $(PY) -m openvoucher serve $(ARGS)

## ---- develop

setup: $(DEV_READY) ## make the virtual environment, without running anything
	@echo "$(VENV) is ready"

test: $(DEV_READY) ## all tests: the fast ones, then the slow ones
	@fast=0; slow=0; alone=0; \
	$(PY) -m pytest -m "not slow" -n $(TEST_PROCESSES) $(ARGS) || fast=$$?; \
	if [ $$fast -le 1 ]; then \
	$(PY) -m pytest -m "slow and not alone" -n $(TEST_PROCESSES) $(ARGS) || slow=$$?; \
	$(PY) -m pytest -m "slow and alone" $(ARGS) || alone=$$?; else slow="not run"; fi; \
	if [ "$$fast $$slow $$alone" = "0 0 0" ]; then echo "make test: fast and slow tests passed"; \
	else echo "make test: FAILED (exit of pytest: fast $$fast, slow $$slow, alone $$alone)"; exit 1; fi

test-fast: $(DEV_READY) ## tests but the slow ones; ARGS="-k codes"
	@$(PY) -m pytest -m "not slow" -n $(TEST_PROCESSES) $(ARGS)

test-slow: $(DEV_READY) ## races, chaos, the contract, fuzzing, packaging
	@$(PY) -m pytest -m slow $(ARGS)

check: check-format check-lint check-types check-imports check-migrations ## all that is checked without running tests

check-format: $(DEV_READY)
	$(PY) -m ruff format --check .

check-lint: $(DEV_READY)
	$(PY) -m ruff check .

check-types: $(DEV_READY)
	$(PY) -m mypy

check-imports: $(DEV_READY)
	$(BIN)/lint-imports

check-migrations: $(DEV_READY)
	$(PY) -m openvoucher migrate --check

format: $(DEV_READY) ## format the code and repair what can be repaired
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

coverage: $(DEV_READY) ## lines and branches that the fast tests do not reach
	@$(PY) -m coverage erase
	@$(PY) -m coverage run -m pytest -m "not slow" $(ARGS)
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

bench: $(DEV_READY) ## how fast bulk work is; FULL=1 for the full sizes, ARGS="--help"
	@$(PY) -m benchmarks $(if $(FULL),--full) $(ARGS)

# Always with the oldest Python that is supported: what only it needs does no harm on newer ones, while what
# it does not need would be missing there.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" ../.venv-lock/bin/python -m piptools compile --quiet \
	--generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate \
	--strip-extras --allow-unsafe $(ARGS)

lock: ## compile requirements/*.in to pins with hashes (needs python3.11); ARGS=--upgrade
	@[ -x .venv-lock/bin/python ] || python3.11 -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools==7.6.2
	@cd requirements && for part in build runtime test dev; do \
		echo "requirements/$$part.txt"; $(COMPILE) --output-file $$part.txt $$part.in || exit 1; done

## ---- the virtual environment

# It is made anew when its Python is gone or when the folder was copied or moved: the package is installed
# editable, so a copied environment would silently run the code of the old folder.
ifneq ($(shell $(PY) -c '' 2>/dev/null && cat $(MADE) 2>/dev/null),$(CURDIR))
$(MADE): force
endif

$(MADE):
	@python=; for candidate in $(or $(PYTHON),$(PYTHONS)); do \
		if "$$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python="$$candidate"; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "OpenVoucher needs Python 3.11 or newer with venv and pip." >&2; \
		echo "Looked for: $(or $(PYTHON),$(PYTHONS))" >&2; \
		echo "Install one (Debian, Ubuntu: the packages python3 and python3-venv) or name one:" >&2; \
		echo "    make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@printf '%s\n' "$(CURDIR)" >$@

$(RUN_READY): $(MADE) $(RUN_PINS) requirements/runtime.in pyproject.toml
	@echo "Installing what the server needs"
	@$(PIP_INSTALL) --require-hashes $(addprefix -r ,$(RUN_PINS))
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(RUN_READY) $(DEV_PINS)
	@echo "Installing what tests and checks need"
	@$(PIP_INSTALL) --require-hashes $(addprefix -r ,$(DEV_PINS))
	@touch $@
