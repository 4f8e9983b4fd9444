# The targets are what people and CI run: run, build, test, check, bench.
GO      ?= go
NPM     ?= npm
PYTHON  ?= python3
VERSION ?= $(shell git describe --tags --always 2>/dev/null || echo dev)
BIN     := bin/tokligence

.PHONY: run build plugins test check bench fuzz clean

# Builds everything and serves gateway.toml on 127.0.0.1:8080.
run: build
	$(BIN) serve -c gateway.toml

# grpcnotrace leaves out gRPC's debugging pages, for which the linker would keep
# every method of every type: a tenth of the file.
build: plugins
	$(GO) build -trimpath -tags grpcnotrace -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./core/cmd/tokligence

# First-party plugins: Go to Wasm, compressed, embedded by package plugins.
plugins:
	$(GO) run ./plugins/internal/build

# Everything: Go with the race detector, a Postgres server of its own, the real clients
# against the real binary.
E2E := testdata/e2e
test: build $(E2E)/node_modules $(E2E)/agents/node_modules $(E2E)/.venv/installed
	testdata/postgres.sh $(GO) test -race -p 1 -timeout 20m ./...
	cd $(E2E) && $(NPM) test

%/node_modules: %/package-lock.json
	cd $* && $(NPM) ci --no-audit --no-fund
	touch $@

$(E2E)/.venv/installed: $(E2E)/requirements.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

# What must hold of the source before a change lands; writes nothing. The tests
# are those of who imports whom and of generated code.
GUESTS := ./pdk/abi/... ./pdk/go/... ./plugins/... ./core/plugin/carriertest/guest ./core/cmd/tokligence/testdata/guest
check:
	files=$$(gofmt -l core pdk plugins sdk-examples) && echo "$$files" && test -z "$$files"
	$(GO) vet ./...
	GOOS=wasip1 GOARCH=wasm $(GO) vet $(GUESTS)
	$(GO) mod tidy -diff
	$(GO) test ./core ./pdk/process/proto/internal/generate

# The gateway beside a bare net/http proxy, in one run.
bench: build
	$(GO) build -o bin/bench ./core/cmd/bench
	bin/bench -gateway $(BIN)

# Each fuzz target for a while (FUZZTIME each).
FUZZTIME ?= 30s
fuzz:
	@$(GO) list ./... | while read -r p; do \
	  $(GO) test -list '^Fuzz' $$p | grep '^Fuzz' | while read -r f; do \
	    echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done || exit 1; done

clean:
	rm -rf bin plugins/builtin/*.gz $(E2E)/node_modules $(E2E)/agents/node_modules $(E2E)/.venv/installed
