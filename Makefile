# Each verb makes the environment it needs; `make demo` and `make test` are all a newcomer has to know.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
LOCK := requirements/dev.lock

.PHONY: demo test check prove lint types contracts fast jupyter bench lock clean

demo: $(VENV)/.ready
	$(BIN)/readiness demo

test: $(VENV)/.ready
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not alone"
	$(BIN)/python -m pytest -q -m alone

check: lint types contracts fast

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready
	$(BIN)/mypy

contracts: $(VENV)/.ready
	$(BIN)/lint-imports

fast: $(VENV)/.ready
	$(BIN)/python -m pytest -q -n 2 -m "not live"

prove: $(VENV)/.ready
	$(BIN)/readiness prove

jupyter: $(VENV)/.ready
	$(BIN)/jupyter lab notebooks

bench: $(VENV)/.ready
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# The lock holds names, versions and hashes for every supported Python and platform.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--extra aws --extra sandbox --extra jupyter --extra dev pyproject.toml -o $(LOCK)

# An old interpreter is told at once; what would be told otherwise is a conflict of some package.
NEW_ENOUGH = import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, \
	this is %d.%d; next: make PYTHON=/path/to/python3.11 ..." % sys.version_info[:2])

$(VENV)/.ready: $(LOCK) pyproject.toml
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(BIN)/python -c '$(NEW_ENOUGH)'
	uv pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK)
	uv pip install --quiet --python $(BIN)/python --no-deps -e .
else
	$(PYTHON) -c '$(NEW_ENOUGH)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
