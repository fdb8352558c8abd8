# make only wraps go with the right environment: the SIMD experiment (free without training, several times
# faster with it) and, for the binary, no cgo.
export GOEXPERIMENT := simd
export PATH := $(CURDIR)/bin:$(PATH)

.PHONY: demo test bench build lint fmt tools help

demo: ## run the ring on the question bank, train a router on it, measure it, promote or refuse it
	@go run ./cmd/sluice demo --train

test: tools ## everything that CI checks
	@.ci/test

bench: build ## the benchmarks, machine-readable, into bin/bench/
	@.ci/bench

build: ## a static binary at bin/sluice
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/sluice ./cmd/sluice

lint: tools ## formatting and static checks alone
	@.ci/test format lint vet

fmt: tools ## format every file
	gofumpt -w .

tools: ## the pinned tools, into bin/
	@.ci/tools

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile
