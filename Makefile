# The two commands of the README are `make demo` and `make test`; each sets up .venv by itself.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt
STAMP := .venv/.installed
JOBS ?= 5

.PHONY: demo test check gen format bench soak clean
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE # every process of the tests would compile everything anew

demo: $(STAMP)-demo ## A real Triton with a small model, and the bridge in front of it
	$(BIN)/openai-bridge demo $(ARGS)

test: $(STAMP)-dev ## All tests, on a real Triton
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

check: $(STAMP)-dev ## Style, types, layers, schema
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format -d --exit-code
	.ci/breaking

gen: $(STAMP)-dev ## Regenerate gen/ from proto/
	$(BIN)/buf generate

bench: $(STAMP)-bench ## What a streamed token costs; PEERS=1 measures Dynamo and LiteLLM beside it
	$(BIN)/python -m benchmarks $(if $(PEERS),--peers) $(ARGS)

soak: $(STAMP)-dev ## Ten minutes of load on Tritons that keep failing; ARGS="--seconds 60" for CI
	$(BIN)/python -m tests.soak $(ARGS)

format: $(STAMP)-dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/buf format -w

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(STAMP)-%: pyproject.toml .ci/constraints.txt
	@echo "Installing openai-bridge with its extra '$*' into .venv (once, about half a minute)..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) -e '.[$(EXTRAS_$*)]'
	@touch $@

EXTRAS_demo := demo
EXTRAS_dev := demo,dev
EXTRAS_bench := bench
