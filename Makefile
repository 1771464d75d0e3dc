# Thin names over scripts/ and CMake presets. Everything installs what it needs by itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
JOBS ?= $(shell nproc)

.PHONY: help run test test-fast coverage bench soak bench-turns lint format fuzz clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 19
	@echo
	@echo "  make run CALL=T01     play another call (see evals/scenarios)"
	@echo "  make run ONCE=1       end after the call; the record is the last line of output"
	@echo "  make test ONLY=base   only the test programs whose name contains the word"

run: ## a phone call end to end on this machine, no accounts; then dashboard and browser phone
	@scripts/run $(if $(CALL),--call $(CALL)) $(if $(ONCE),--once)

test: ## everything that CI runs; last line: N passed, N failed
	@scripts/test $(ONLY)

test-fast: ## quick lint, unit programs and the bridge under the sanitizers: for every change
	@scripts/test --fast

coverage: ## lines of libs/ and services/ that the tests run; the report is build/coverage/index.html
	@scripts/coverage

bench: ## latency, CPU and size figures, as ratios where there is a reference
	@scripts/bench

bench-turns: ## who speaks when both do: 272 overlaps through the bridge in real time (ARGS="--only cough")
	@scripts/bench-turns $(ARGS)

soak: ## the bridge under 100 calls of a minute each, again and again: is it flat? (SOAK_MINUTES=20)
	@scripts/soak $(or $(SOAK_MINUTES),20)

lint: ## formatting, layers, forbidden calls, clang-tidy, cppcheck, gcc -fanalyzer
	@scripts/lint

format: ## clang-format over our sources
	@scripts/lint --format

fuzz: ## each fuzz target for a minute (FUZZ_SECONDS=n)
	@scripts/fuzz $(or $(FUZZ_SECONDS),60)

clean: ## build trees (the dependency cache stays)
	rm -rf build
