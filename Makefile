# The module directories whose tests start browsers and servers of their own; test-short leaves them out.
SERVER_MODULES := e2e internal/servers store/faults store/fromscs store/mongostore/ferrettest store/redisstore store/sqlstore
# Those that are built without the race detector: FerretDB, a whole database server, is linked into the tests.
NO_RACE_MODULES := store/mongostore/ferrettest

TIMEOUT  ?= 20m
FUZZTIME ?= 30s
SOAK     ?= 5m
COUNT    ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help test test-race test-plain test-short lint fuzz bench bench-full bench-check microbench capacity fault-table cover deps clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

test: deps test-plain test-race ## every test of every module, with the race detector, in random order (TIMEOUT=20m a package)

test-race:
	SKIP="$(NO_RACE_MODULES)" scripts/each-module go test -race -shuffle=on -timeout=$(TIMEOUT) ./...

test-plain: # the race detector allocates, so the tests of allocations skip themselves under it
	GOWORK=off go test -count=1 -run Alloc ./...
	cd store/sqlstore && GOWORK=off go test -count=1 -v -run SweepBacklog -timeout=$(TIMEOUT) . # the race detector sweeps fewer rows
	ONLY="$(NO_RACE_MODULES)" scripts/each-module go test -shuffle=on -timeout=$(TIMEOUT) ./...

test-short: ## what needs nothing but Go, quickly
	SKIP="$(SERVER_MODULES)" scripts/each-module go test -short -shuffle=on -timeout=$(TIMEOUT) ./...

lint: ## gofmt, go mod tidy, go build, go vet, staticcheck, govulncheck
	scripts/lint

fuzz: ## every fuzz target for FUZZTIME=30s; FUZZ=regexp selects some
	FUZZTIME="$(FUZZTIME)" FUZZ="$(FUZZ)" scripts/fuzz

bench: deps ## measure the figures that the documents quote, beside the peers, and write docs/benchmarks (13 minutes)
	cd bench && GOWORK=off go run ./report quick

bench-full: deps ## measure the whole matrix as well, into docs/benchmarks/full.md (20 minutes)
	cd bench && GOWORK=off go run ./report full

bench-check: deps ## measure as bench does, and fail if a ratio is worse than what is committed by more than its tolerance
	cd bench && GOWORK=off go build -o ../.bin/report ./report && ../.bin/report check

microbench: ## every benchmark of every module, COUNT=1 times; BENCH=regexp selects some
	BENCH="$(BENCH)" COUNT="$(COUNT)" scripts/microbench

.PHONY: soak
soak: deps ## the shop beside the same with scs, SOAK=5m each under load, judged and written into docs/soak.md
	cd bench/soak && GOWORK=off go run . -duration $(SOAK) -document ../../docs/soak.md

capacity: ## seal the same sessions in each format, and write their sizes into docs/capacity.md
	cd bench && GOWORK=off go run ./capacity ../docs/capacity.md

fault-table: deps ## break every store, and write what was counted into docs/stores.md
	rm -f .counts
	cd store/faults && GOWORK=off HARDTACK_COUNTS="$(CURDIR)/.counts" go test -count=1 -timeout=$(TIMEOUT) ./...
	cd store/mongostore/ferrettest && GOWORK=off HARDTACK_COUNTS="$(CURDIR)/.counts" go test -count=1 -timeout=$(TIMEOUT) ./...
	GOWORK=off go run ./internal/faulttest/cmd/fault-table .counts docs/stores.md

cover: ## how much of the root module its own tests reach, by line in .cover/index.html
	mkdir -p .cover
	GOWORK=off go test -coverpkg=./... -coverprofile=.cover/profile ./...
	GOWORK=off go tool cover -html=.cover/profile -o .cover/index.html
	GOWORK=off go tool cover -func=.cover/profile | tail -n 1

deps: ## install the Debian packages that the tests need and that are missing
	@scripts/install-test-deps

clean: ## remove what the other targets have built
	rm -rf .bench .bin .cover .counts
