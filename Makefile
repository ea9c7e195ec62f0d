# make run       the whole of gapscan on the embedded server and the simulated market
# make test      all tests
# make check     format, lint, types, import contract
# make package   wheel and sdist in dist/, tried in an empty environment
# make fuzz      random expressions, messages and requests; ARGS="--requests 500" and the like for fewer
# make kill      ten minutes of random kills and freezes of every process; no list is wrong at any sequence
# make kill-events   200 kills and freezes of all that makes and delivers alerts; each is there once, none is missing
# make ways-out      ten minutes of a WebSocket, an event stream and plain requests while bridge, ranker and server are killed
# make bench     the figures, in a table
# make coverage  what the tests run of the code, branches included

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: run test check package kill kill-events ways-out bench fuzz coverage property-deep lock clean

run: $(READY)
	$(BIN)/gapscan up $(ARGS)

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/gapscan schema --out nats --docs . --check

package: $(READY)
	$(BIN)/python -m tests.package

kill: $(READY)
	FAULT_SECONDS=600 $(BIN)/pytest -s -n 0 tests/faults/test_random_faults.py $(ARGS)

kill-events: $(READY)
	EVENT_KILLS=200 $(BIN)/pytest -s -n 0 tests/faults/test_events_kill.py $(ARGS)

ways-out: $(READY)
	WAYS_SECONDS=600 $(BIN)/pytest -s -n 0 tests/faults/test_ways_out.py $(ARGS)

bench: $(READY)
	$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(ARGS)

# Unit, property and integration tests; the processes that they start count too.
coverage: $(READY)
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist loadgroup tests/unit tests/property tests/integration $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# The properties on 100,000 cases each.
property-deep: $(READY)
	HYPOTHESIS_PROFILE=deep $(BIN)/pytest tests/property --timeout 0 $(ARGS)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

# Pins everything anew, without index addresses; needs uv. What only runs gapscan is the same pins, fewer of them.
LOCK := uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

lock:
	$(LOCK) --extra dev --upgrade --output-file requirements.lock
	$(LOCK) --extra notify --constraint requirements.lock --upgrade --output-file requirements-run.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* dist build
