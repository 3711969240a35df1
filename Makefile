# The two commands: `make demo` builds and proves an image on this machine, `make test` passes all tests.
# Both set up what they need, say what they do, and are safe to repeat.
.PHONY: help demo finetune test test-unit lint soak bench bench-lock bench-audit generate clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort

demo: ## build and prove `regression` on this machine, from nothing
	@./scripts/setup
	@.venv/bin/python -m scripts.engine_up
	@.venv/bin/python -m scripts.demo

test: lint ## all tests, with a real engine and real builds
	@.venv/bin/python -m scripts.engine_up
	@.venv/bin/python -m pytest

test-unit: lint ## the tests that need no engine
	@.venv/bin/python -m pytest -m "not engine" tests/unit tests/contract

lint: ## style, types, architecture
	@./scripts/setup
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m mypy
	@.venv/bin/lint-imports
	@.venv/bin/python -m scripts.lint_house

finetune: ## the real fine-tuning images from real CUDA wheels, measured (about 20 min, 40 GB of disk): docs/finetune-cuda.md
	@./scripts/setup
	@.venv/bin/python -m scripts.engine_up
	@.venv/bin/python -m scripts.finetune

soak: ## the long runs: SOAK_RUNS kill moments (50), SOAK_SERVERS bad servers (200), SOAK_PUSHES pushes (100), whole torch environments (17 GB)
	@./scripts/setup
	@.venv/bin/python -m scripts.engine_up
	@SOAK_RUNS=$${SOAK_RUNS:-50} SOAK_PUSHES=$${SOAK_PUSHES:-100} SOAK_SERVERS=$${SOAK_SERVERS:-200} SOAK_STACKS=1 .venv/bin/python -m pytest -v tests/soak

bench: ## speed and sizes, as medians of one run
	@./scripts/setup
	@.venv/bin/python -m scripts.engine_up
	@.venv/bin/python -m benchmarks.first_image
	@$(MAKE) --no-print-directory bench-lock

bench-lock: ## locking against 400,000 records, beside rattler alone
	@./scripts/setup
	@.venv/bin/python -m benchmarks.locking

bench-audit: ## reading a full torch environment (about 6 GB are installed for it)
	@./scripts/setup
	@.venv/bin/python -m benchmarks.audit

generate: ## what the program prints into the repository: the schema, conda's contract, the pages of the commands
	@./scripts/setup
	@.venv/bin/imgbuild schema > schema/image.schema.json
	@.venv/bin/python -m tests.contract.conda.page
	@.venv/bin/python -m scripts.cli_pages

clean: ## what these commands made here
	rm -rf .venv .cache .imgbuild .mypy_cache .ruff_cache .pytest_cache
