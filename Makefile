# `make help` lists the targets. Go is all that must be there before; on Debian
# as root, what else the tests need is installed by them (see .ci/install).

VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo unreleased)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
BUILD    = CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'

# What `make build-all` builds for.
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# How long `make fuzz` spends on each target.
FUZZTIME ?= 20s

# Passed on by `make run`: --once ends when the tour is through.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test e2e bench fuzz lint build build-all fmt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## start the daemon on examples/quickstart and ask it everything once; ARGS=--once ends by itself
	@examples/quickstart/run $(ARGS)

test: ## run all tests under the race detector, with nginx and Prometheus of Debian
	@.ci/test

e2e: ## run the end-to-end tests again, and those against servers that are built from source
	@.ci/e2e

bench: build ## run the benchmarks, then the load run
	go test -run '^$$' -bench . -benchmem ./...
	@bash .ci/bench

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@.ci/fuzz $(FUZZTIME)

lint: build-all ## check the format, vet, run staticcheck and build for every platform
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		printf 'not formatted, `make fmt` does it:\n%s\n' "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

build: ## build the static binary bin/m2md
	@mkdir -p bin
	$(BUILD) -o bin/m2md ./cmd/m2md

# One after the other: each build uses every processor by itself.
build-all: ## build for linux, darwin and windows on amd64 and arm64, into bin/
	@mkdir -p bin
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/}; \
		case $$os in windows) suffix=.exe ;; *) suffix= ;; esac; \
		echo "building for $$platform"; \
		GOOS=$$os GOARCH=$$arch $(BUILD) -o bin/m2md-$$os-$$arch$$suffix ./cmd/m2md; \
	done

fmt: ## format the Go code
	gofmt -w .
